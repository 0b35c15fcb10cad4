//! Rows as this process last saw them, so that they need not be read again: listings and their
//! stores for orders, and orders just placed for their payments.
//!
//! What is remembered is a guess: other processes write too. [`crate::guards`] says what makes sure
//! of it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Listing, ListingKey, Order, OrderId, OrderStatus, Store, WorkingSet};
use moka::policy::EvictionPolicy;
use moka::sync::{Cache, CacheBuilder};

use crate::listings::is_edit;

/// How many listings are remembered, of some 600 bytes each. Past that all are forgotten.
const LISTINGS_MAX: usize = 50_000;
/// How many lines the remembered orders have, each counted as so many more: some 100 bytes a line,
/// so 20 MB in all.
const ORDER_LINES_MAX: u64 = 200_000;
const LINES_FOR_AN_ORDER: u32 = 5;

/// A listing, how often it was edited by then, and its store as it was at that moment.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) listing: Listing,
    pub(crate) edits: i64,
    pub(crate) store: Store,
}

/// Which rows a batch has taken from memory.
#[derive(Debug, Default)]
pub(crate) struct Guessed {
    pub(crate) listings: HashSet<ListingKey>,
    pub(crate) orders: HashSet<OrderId>,
}

impl Guessed {
    pub(crate) fn is_empty(&self) -> bool {
        self.listings.is_empty() && self.orders.is_empty()
    }

    /// Whether the batch writes all of them, which is what makes sure of them.
    pub(crate) fn are_written(&self, rows: &WorkingSet) -> bool {
        fn count<K: Eq + Hash>(guessed: &HashSet<K>, written: &[K]) -> usize {
            written.iter().filter(|key| guessed.contains(key)).count()
        }
        count(&self.listings, rows.listings.changed_keys()) == self.listings.len()
            && count(&self.orders, rows.orders.changed_keys()) == self.orders.len()
    }

    pub(crate) fn clear(&mut self) {
        self.listings.clear();
        self.orders.clear();
    }
}

/// What all lanes of a process remember.
#[derive(Debug)]
pub(crate) struct Remembered {
    listings: Mutex<HashMap<ListingKey, Seen>>,
    /// Such as are placed.
    orders: Cache<OrderId, Arc<Order>>,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        let weigh = |_: &OrderId, order: &Arc<Order>| {
            let lines = u32::try_from(order.lines.len()).unwrap_or(u32::MAX);
            lines.saturating_add(LINES_FOR_AN_ORDER)
        };
        Self {
            listings: Mutex::default(),
            orders: keep_newest(Cache::builder().weigher(weigh), ORDER_LINES_MAX),
        }
    }

    fn listings(&self) -> MutexGuard<'_, HashMap<ListingKey, Seen>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out of `keys` those that are remembered, and hands each to `take`.
    pub(crate) fn recall_listings(&self, keys: &mut Vec<ListingKey>, mut take: impl FnMut(&Seen)) {
        let listings = self.listings();
        keys.retain(|key| match listings.get(key) {
            Some(seen) => {
                take(seen);
                false
            }
            None => true,
        });
    }

    /// The same for orders.
    pub(crate) fn recall_orders(&self, keys: &mut Vec<OrderId>, mut take: impl FnMut(Arc<Order>)) {
        keys.retain(|key| match self.orders.get(key) {
            Some(order) => {
                take(order);
                false
            }
            None => true,
        });
    }

    /// Remembers what a batch has written.
    pub(crate) fn remember(&self, rows: &WorkingSet) {
        self.remember_listings(seen(rows));
        for (id, entry) in rows.orders.changed() {
            match entry.current() {
                Some(order) if order.status() == OrderStatus::Placed => {
                    self.orders.insert(*id, order.clone());
                }
                _ => self.orders.invalidate(id),
            }
        }
    }

    fn remember_listings(&self, seen: impl Iterator<Item = Seen>) {
        let mut listings = self.listings();
        for seen in seen {
            if listings.len() >= LISTINGS_MAX {
                listings.clear();
            }
            listings.insert(seen.listing.key.clone(), seen);
        }
    }

    pub(crate) fn forget(&self, guessed: &Guessed) {
        let mut listings = self.listings();
        for key in &guessed.listings {
            listings.remove(key);
        }
        for id in &guessed.orders {
            self.orders.invalidate(id);
        }
    }
}

/// The listings that a batch has written, as they are now. Those whose stores it never looked at
/// are left out.
fn seen(rows: &WorkingSet) -> impl Iterator<Item = Seen> + '_ {
    rows.listings.changed().filter_map(|(_, entry)| {
        let listing = entry.current()?;
        let store = rows.stores.get(&listing.key.store).flatten()?;
        let is_edited = entry.saved().is_some_and(|saved| is_edit(saved, listing));
        Some(Seen {
            listing: listing.clone(),
            edits: entry.handle + i64::from(is_edited),
            store: store.clone(),
        })
    })
}

/// A cache that keeps what was used last. (Moka's own choice is to keep what is used often, and not
/// to take in what is new where all else was used as often: but who is about to pay is he who has
/// just placed his order.)
pub(crate) fn keep_newest<K, V>(builder: CacheBuilder<K, V, Cache<K, V>>, max: u64) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    builder
        .max_capacity(max)
        .eviction_policy(EvictionPolicy::lru())
        .build()
}

#[cfg(test)]
mod tests {
    use domain::{BookId, ListingDetails, Price, Stock, StoreId, TextHash, Timestamp, UserId};

    use super::*;

    fn seen(number: usize) -> Seen {
        let details = ListingDetails {
            text: TextHash::from_bytes([0; 16]),
            title: "title".into(),
            pictures: Vec::new(),
            is_listed: true,
            listed_at: Timestamp::from_millis(0),
        };
        let store = Store {
            id: StoreId::new("store").expect("an id"),
            owner: UserId::new("seller").expect("an id"),
            is_open: true,
            created_at: Timestamp::from_millis(0),
        };
        Seen {
            listing: Listing {
                key: ListingKey {
                    store: store.id.clone(),
                    book: BookId::new(number.to_string()).expect("an id"),
                },
                price: Price::new(1).expect("a price"),
                stock: Stock::new(1).expect("a stock"),
                added: 1,
                details: Arc::new(details),
            },
            edits: 3,
            store,
        }
    }

    fn recalled(remembered: &Remembered, number: usize) -> Option<i64> {
        let mut keys = vec![seen(number).listing.key];
        let mut edits = None;
        remembered.recall_listings(&mut keys, |seen| edits = Some(seen.edits));
        assert_eq!(keys.is_empty(), edits.is_some());
        edits
    }

    #[test]
    fn what_was_seen_is_remembered_until_it_is_forgotten() {
        let remembered = Remembered::new();
        assert_eq!(recalled(&remembered, 1), None);
        remembered.remember_listings([seen(1), seen(2)].into_iter());
        let mut guessed = Guessed::default();
        guessed.listings.insert(seen(2).listing.key);
        remembered.forget(&guessed);
        assert_eq!(recalled(&remembered, 1), Some(3));
        assert_eq!(recalled(&remembered, 2), None);
    }

    #[test]
    fn no_more_is_remembered_than_the_limit() {
        let remembered = Remembered::new();
        remembered.remember_listings((0..=LISTINGS_MAX).map(seen));
        assert_eq!(remembered.listings().len(), 1);
        assert_eq!(recalled(&remembered, LISTINGS_MAX), Some(3));
    }

    #[test]
    fn the_newest_are_kept_however_many_came_before() {
        const MAX: u64 = 100;
        const ALL: u64 = 10 * MAX;
        let cache = keep_newest(Cache::builder(), MAX);
        for number in 0..ALL {
            cache.insert(number, ());
            cache.run_pending_tasks();
        }
        assert_eq!(cache.entry_count(), MAX);
        for number in ALL - MAX..ALL {
            assert_eq!(cache.get(&number), Some(()), "{number}");
        }
    }
}
