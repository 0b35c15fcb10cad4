//! Counts of the books found, by tag, publisher, store and price.

use domain::{Price, StoreId};

use super::{Columns, NO_NAME, price};

/// How many of each kind are told, the commonest.
pub(crate) const FACETS_MAX: usize = 20;

/// Where one range of prices ends and the next begins, in fen.
pub(crate) const PRICE_BOUNDS_FEN: [u32; 5] = [2_000, 5_000, 10_000, 20_000, 50_000];

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
    /// Counts the documents in these slots; of one store's search, by that store's offers alone.
    pub fn facets(&self, slots: impl Iterator<Item = u32>, store: Option<u32>) -> Facets {
        let mut tags = vec![0_u32; self.tags.len()];
        let mut publishers = vec![0_u32; self.publishers.len()];
        let mut stores = vec![0_u32; self.stores()];
        let mut prices = [0_u32; PRICE_BOUNDS_FEN.len() + 1];
        for slot in slots {
            let Some(document) = self.document(slot) else {
                continue;
            };
            for tag in &document.tags {
                tags[*tag as usize] += 1;
            }
            if document.publisher != NO_NAME {
                publishers[document.publisher as usize] += 1;
            }
            let lowest = match store {
                Some(store) => document.offer_of(store).map_or(u32::MAX, |offer| {
                    stores[store as usize] += 1;
                    offer.price()
                }),
                None => {
                    for offer in &document.offers {
                        stores[offer.store as usize] += 1;
                    }
                    self.summary(slot).lowest
                }
            };
            prices[PRICE_BOUNDS_FEN.partition_point(|bound| *bound <= lowest)] += 1;
        }
        let bounds = || PRICE_BOUNDS_FEN.into_iter().map(price);
        let from = std::iter::once(price(0)).chain(bounds());
        let below = bounds().map(Some).chain([None]);
        Facets {
            tags: commonest(&tags, |tag| self.tags.text(tag).to_string()),
            publishers: commonest(&publishers, |name| self.publishers.text(name).to_string()),
            stores: commonest(&stores, |store| self.store(store).id.clone()),
            prices: from
                .zip(below)
                .zip(prices)
                .map(|((from, below), count)| PriceRange {
                    from,
                    below,
                    count: u64::from(count),
                })
                .collect(),
        }
    }
}
