//! Counts of the books found, by tag, publisher, store and price.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::{Price, StoreId};

use super::{Columns, Document, Offer, price};
use crate::slots::Slots;

/// How many of each kind are told, the commonest.
const FACETS_MAX: usize = 20;

/// Where fewer than one in so many documents are found, or missing, each of them is looked at, all
/// over the memory; otherwise lists are counted, one after the other, which is quicker for each.
const FEW_ONE_IN: u64 = 64;

/// Where one range of prices ends and the next begins, in fen.
const PRICE_BOUNDS_FEN: [u32; 5] = [2_000, 5_000, 10_000, 20_000, 50_000];

/// How many of the books found have what; at most twenty of a kind, the commonest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// By tag.
    pub tags: Vec<(String, u64)>,
    /// By publisher.
    pub publishers: Vec<(String, u64)>,
    /// By store that offers them.
    pub stores: Vec<(StoreId, u64)>,
    /// By their lowest price, cheap first; none left out.
    pub prices: Vec<PriceRange>,
}

/// The books of a range of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    /// This much or more.
    pub from: Price,
    /// Less than this; `None`: however much.
    pub below: Option<Price>,
    /// How many books.
    pub count: u64,
}

/// The highest counts of numbered things, then the lowest numbers.
fn commonest<T>(counts: &[u32], name: impl Fn(u32) -> T) -> Vec<(T, u64)> {
    let counted = (0..).zip(counts).filter(|(_, count)| **count > 0);
    let mut counted: Vec<(u32, u32)> = counted.map(|(number, count)| (number, *count)).collect();
    let key = |(number, count): &(u32, u32)| (std::cmp::Reverse(*count), *number);
    if counted.len() > FACETS_MAX {
        counted.select_nth_unstable_by_key(FACETS_MAX, key);
        counted.truncate(FACETS_MAX);
    }
    counted.sort_unstable_by_key(key);
    counted
        .into_iter()
        .map(|(number, count)| (name(number), u64::from(count)))
        .collect()
}

impl Columns {
    /// Counts documents; of one store's search, by that store's offers alone.
    pub fn facets(&self, found: &Slots, store: Option<u32>) -> Facets {
        let missing = self.there.without(found);
        let (tags, stores) = self.count_tags_and_stores(found, &missing, store.is_none());
        Facets {
            tags: commonest(&tags, |tag| self.tags.text(tag).to_string()),
            publishers: commonest(&self.count_publishers(found, &missing), |name| {
                self.publishers.text(name).to_string()
            }),
            stores: match store {
                None => commonest(&stores, |store| self.store(store).id.clone()),
                Some(_) if found.is_empty() => Vec::new(),
                Some(store) => vec![(self.store(store).id.clone(), found.count())],
            },
            prices: self.count_prices(found, store),
        }
    }

    /// How many of the documents found have each tag, and how many each store offers where stores are
    /// wanted; if that may be one of the highest counts, otherwise 0.
    fn count_tags_and_stores(
        &self,
        found: &Slots,
        missing: &Slots,
        with_stores: bool,
    ) -> (Vec<u32>, Vec<u32>) {
        let is_few = |slots: &Slots| slots.count() * FEW_ONE_IN < self.count() as u64;
        let tagged: Vec<&[u32]> = self.tagged.iter().map(Vec::as_slice).collect();
        let offered = self.stores.iter().map(|store| store.slots.as_slice());
        let offered: Vec<&[u32]> = offered.collect();
        if is_few(found) {
            let (mut tags, mut stores) = (vec![0; tagged.len()], vec![0; offered.len()]);
            for document in self.documents_of(found) {
                document.count(&mut tags, &mut stores, |count| *count += 1);
            }
            (tags, stores)
        } else if is_few(missing) {
            let (mut tags, mut stores) = (lengths(&tagged), lengths(&offered));
            for document in self.documents_of(missing) {
                document.count(&mut tags, &mut stores, |count| *count -= 1);
            }
            (tags, stores)
        } else if with_stores {
            (count_lists(&tagged, found), count_lists(&offered, found))
        } else {
            (count_lists(&tagged, found), Vec::new())
        }
    }

    fn count_publishers(&self, found: &Slots, missing: &Slots) -> Vec<u32> {
        let of = |slot: u32| self.publisher_of[slot as usize] as usize;
        if found.count() <= missing.count() {
            let mut counts = vec![0; self.publishers.len()];
            found.iter().for_each(|slot| {
                if let Some(count) = counts.get_mut(of(slot)) {
                    *count += 1;
                }
            });
            return counts;
        }
        let numbers = 0..u32::try_from(self.publishers.len()).unwrap_or(u32::MAX);
        let mut counts: Vec<u32> = numbers
            .map(|number| self.publishers.documents(number))
            .collect();
        for slot in missing.iter() {
            if let Some(count) = counts.get_mut(of(slot)) {
                *count -= 1;
            }
        }
        counts
    }

    fn documents_of<'a>(&'a self, slots: &'a Slots) -> impl Iterator<Item = &'a Document> {
        slots.iter().filter_map(|slot| self.document(slot))
    }

    fn count_prices(&self, found: &Slots, store: Option<u32>) -> Vec<PriceRange> {
        let mut counts = [0; PRICE_BOUNDS_FEN.len() + 1];
        found.iter().for_each(|slot| {
            let lowest = match store {
                None => self.priced(slot, false).lowest(),
                Some(store) => {
                    let document = self.document(slot);
                    let offer = document.and_then(|document| document.offer_of(store));
                    offer.map_or(0, Offer::price)
                }
            };
            // All bounds are compared, which is quicker than a guess at each.
            let below = PRICE_BOUNDS_FEN.map(|bound| usize::from(bound <= lowest));
            counts[below.iter().sum::<usize>()] += 1;
        });
        let bounds = || PRICE_BOUNDS_FEN.into_iter().map(price);
        let from = std::iter::once(price(0)).chain(bounds());
        let below = bounds().map(Some).chain([None]);
        let ranges = from.zip(below).zip(counts);
        ranges
            .map(|((from, below), count)| PriceRange { from, below, count })
            .collect()
    }
}

impl Document {
    /// Changes the counts of its tags and of the stores that offer it.
    fn count(&self, tags: &mut [u32], stores: &mut [u32], change: impl Fn(&mut u32)) {
        let offers = self.offers.iter();
        self.tags
            .iter()
            .for_each(|tag| change(&mut tags[*tag as usize]));
        offers.for_each(|offer| change(&mut stores[offer.store as usize]));
    }
}

fn lengths(lists: &[&[u32]]) -> Vec<u32> {
    let length = |list: &&[u32]| u32::try_from(list.len()).unwrap_or(u32::MAX);
    lists.iter().map(length).collect()
}

/// How many of each list's documents were found, the longest lists first, until what is left is too
/// short to be among the highest counts: of that, 0.
fn count_lists(lists: &[&[u32]], found: &Slots) -> Vec<u32> {
    let mut counts = vec![0; lists.len()];
    let lengths = lists.iter().zip(0..);
    // A heap, since mostly few of them are taken.
    let mut longest: BinaryHeap<(usize, usize)> =
        lengths.map(|(list, index)| (list.len(), index)).collect();
    // The highest so far, the lowest of them on top.
    let mut highest = BinaryHeap::with_capacity(FACETS_MAX + 1);
    while let Some((length, index)) = longest.pop() {
        let is_full = highest.len() >= FACETS_MAX;
        let lowest = highest.peek().map_or(0, |Reverse(lowest)| *lowest as usize);
        if is_full && length < lowest {
            break;
        }
        let count = lists[index].iter().map(|slot| u32::from(found.has(*slot)));
        let count = count.sum();
        counts[index] = count;
        highest.push(Reverse(count));
        if is_full {
            highest.pop();
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_left_out_are_none_of_the_commonest(
            lists in prop::collection::vec(prop::collection::btree_set(0_u32..200, 0..60), 0..60),
            found in prop::collection::btree_set(0_u32..200, 0..200),
        ) {
            let mut slots = Slots::none(200);
            found.iter().for_each(|slot| slots.insert(*slot));
            let all: Vec<u32> = lists.iter()
                .map(|list| list.intersection(&found).count() as u32)
                .collect();
            let lists: Vec<Vec<u32>> = lists.into_iter().map(|list| list.into_iter().collect()).collect();
            let lists: Vec<&[u32]> = lists.iter().map(Vec::as_slice).collect();
            let counts = count_lists(&lists, &slots);
            prop_assert_eq!(commonest(&counts, |list| list), commonest(&all, |list| list));
        }
    }
}
