//! Counts of the books found, by tag, publisher, store and price.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::{Price, StoreId};

use super::{Columns, Document, Offer, price};
use crate::slots::Slots;

/// How many of each kind are told, the commonest.
const FACETS_MAX: usize = 20;

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
        let is_few = |slots: &Slots| slots.count() * 8 < self.count() as u64;
        // Of a few found or missing each is looked at; otherwise whole lists are counted.
        let way = if is_few(found) {
            Counting::Found(found)
        } else if is_few(&missing) {
            Counting::Missing(&missing)
        } else {
            Counting::Lists(found)
        };
        let tagged: Vec<&[u32]> = self.tagged.iter().map(Vec::as_slice).collect();
        let tags = self.count_by(way, &tagged, |document, count| {
            document.tags.iter().for_each(|tag| count(*tag));
        });
        let stores = match store {
            Some(store) => {
                let mut counts = vec![0; self.stores()];
                counts[store as usize] = u32::try_from(found.count()).unwrap_or(u32::MAX);
                counts
            }
            None => {
                let offered = self.stores.iter().map(|store| store.slots.as_slice());
                let offered: Vec<&[u32]> = offered.collect();
                self.count_by(way, &offered, |document, count| {
                    document.offers.iter().for_each(|offer| count(offer.store));
                })
            }
        };
        Facets {
            tags: commonest(&tags, |tag| self.tags.text(tag).to_string()),
            publishers: commonest(&self.count_publishers(found, &missing), |name| {
                self.publishers.text(name).to_string()
            }),
            stores: commonest(&stores, |store| self.store(store).id.clone()),
            prices: self.count_prices(found, store),
        }
    }

    /// How many of the documents found are in each of these lists, if that may be one of the highest
    /// counts; otherwise 0. `lists_of` names the lists that a document is in.
    fn count_by(
        &self,
        way: Counting<'_>,
        lists: &[&[u32]],
        lists_of: impl Fn(&Document, &mut dyn FnMut(u32)),
    ) -> Vec<u32> {
        let mut counts = vec![0; lists.len()];
        match way {
            Counting::Found(found) => {
                for document in self.found(found) {
                    lists_of(document, &mut |list| counts[list as usize] += 1);
                }
            }
            Counting::Missing(missing) => {
                let length = |list: &&[u32]| u32::try_from(list.len()).unwrap_or(u32::MAX);
                counts = lists.iter().map(length).collect();
                for document in self.found(missing) {
                    lists_of(document, &mut |list| counts[list as usize] -= 1);
                }
            }
            Counting::Lists(found) => count_lists(lists, found, &mut counts),
        }
        counts
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

    fn found<'a>(&'a self, found: &'a Slots) -> impl Iterator<Item = &'a Document> {
        found.iter().filter_map(|slot| self.document(slot))
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

/// How documents are counted.
#[derive(Clone, Copy)]
enum Counting<'a> {
    /// Each that was found.
    Found(&'a Slots),
    /// Each that was not, and all the others are what was.
    Missing(&'a Slots),
    /// By lists of those that have something.
    Lists(&'a Slots),
}

/// How many of each list's documents were found, the longest lists first, until what is left is too
/// short to be among the highest counts.
fn count_lists(lists: &[&[u32]], found: &Slots, counts: &mut [u32]) {
    let mut order: Vec<usize> = (0..lists.len()).collect();
    order.sort_unstable_by_key(|index| std::cmp::Reverse(lists[*index].len()));
    // The highest so far, the lowest of them on top.
    let mut highest = BinaryHeap::with_capacity(FACETS_MAX + 1);
    for index in order {
        let list = lists[index];
        let is_full = highest.len() >= FACETS_MAX;
        let lowest = highest.peek().map_or(0, |Reverse(lowest)| *lowest as usize);
        if is_full && list.len() < lowest {
            break;
        }
        let count = list.iter().map(|slot| u32::from(found.has(*slot))).sum();
        counts[index] = count;
        highest.push(Reverse(count));
        if is_full {
            highest.pop();
        }
    }
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
            let mut counts = vec![0; lists.len()];
            count_lists(&lists, &slots, &mut counts);
            prop_assert_eq!(commonest(&counts, |list| list), commonest(&all, |list| list));
        }
    }
}
