//! Counts of the books found, by tag, publisher, store and price.

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
        // Of many, whole lists are counted; of a few, each is looked at.
        let are_many = found.count() * 8 > self.count() as u64;
        let tags = if are_many {
            count_lists(self.tagged.iter(), found)
        } else {
            let mut counts = vec![0; self.tags.len()];
            let tags = self.found(found).flat_map(|document| &document.tags);
            tags.for_each(|tag| counts[*tag as usize] += 1);
            counts
        };
        let stores = match store {
            Some(store) => {
                let mut counts = vec![0; self.stores()];
                counts[store as usize] = u32::try_from(found.count()).unwrap_or(u32::MAX);
                counts
            }
            None if are_many => count_lists(self.stores.iter().map(|store| &store.slots), found),
            None => {
                let mut counts = vec![0; self.stores()];
                let offers = self.found(found).flat_map(|document| &document.offers);
                offers.for_each(|offer| counts[offer.store as usize] += 1);
                counts
            }
        };
        let mut publishers = vec![0; self.publishers.len()];
        for slot in found.iter() {
            if let Some(count) = publishers.get_mut(self.publisher_of[slot as usize] as usize) {
                *count += 1;
            }
        }
        Facets {
            tags: commonest(&tags, |tag| self.tags.text(tag).to_string()),
            publishers: commonest(&publishers, |name| self.publishers.text(name).to_string()),
            stores: commonest(&stores, |store| self.store(store).id.clone()),
            prices: self.count_prices(found, store),
        }
    }

    fn found<'a>(&'a self, found: &'a Slots) -> impl Iterator<Item = &'a Document> {
        found.iter().filter_map(|slot| self.document(slot))
    }

    fn count_prices(&self, found: &Slots, store: Option<u32>) -> Vec<PriceRange> {
        let mut counts = [0; PRICE_BOUNDS_FEN.len() + 1];
        for slot in found.iter() {
            let lowest = match store {
                None => self.summary(slot).lowest(),
                Some(store) => {
                    let document = self.document(slot);
                    let offer = document.and_then(|document| document.offer_of(store));
                    offer.map_or(0, Offer::price)
                }
            };
            counts[PRICE_BOUNDS_FEN.partition_point(|bound| *bound <= lowest)] += 1;
        }
        let bounds = || PRICE_BOUNDS_FEN.into_iter().map(price);
        let from = std::iter::once(price(0)).chain(bounds());
        let below = bounds().map(Some).chain([None]);
        let ranges = from.zip(below).zip(counts);
        ranges
            .map(|((from, below), count)| PriceRange { from, below, count })
            .collect()
    }
}

/// How many of each list's documents were found.
fn count_lists<'a>(lists: impl Iterator<Item = &'a Vec<u32>>, found: &Slots) -> Vec<u32> {
    let count = |list: &Vec<u32>| {
        let found = list.iter().map(|slot| u32::from(found.has(*slot)));
        found.sum()
    };
    lists.map(count).collect()
}
