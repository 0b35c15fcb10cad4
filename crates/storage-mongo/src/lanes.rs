//! Lanes: which operations may run at the same time, in transactions of their own.
//!
//! A transaction is one conversation with the server, which answers one command of it at a time; so
//! one transaction after the other would leave it idle half of the time. Several at once conflict
//! where they write the same document, and what everybody writes is a seller's: his account and
//! his listings. So what concerns one seller goes by one lane, in the order in which it came.
//!
//! This is about speed alone. An operation in a lane where it doesn't belong conflicts and runs
//! again, as with another process, so what is known here of orders and stores may be little or old.

use std::hash::{BuildHasher, RandomState};

use domain::{Key, OrderId, Store, StoreId, UserId, WorkingSet};
use moka::sync::Cache;
use storage::Job;

/// How many transactions of a process are under way at most.
pub(crate) const LANES: usize = 2;
/// How many orders, and how many stores, are remembered with their lanes: some 100 bytes each.
const REMEMBERED_MAX: u64 = 100_000;

/// Tells operations their lanes.
pub(crate) struct Lanes {
    hasher: RandomState,
    orders: Cache<OrderId, usize>,
    stores: Cache<StoreId, usize>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            orders: Cache::new(REMEMBERED_MAX),
            stores: Cache::new(REMEMBERED_MAX),
        }
    }

    /// The lane of whatever a user owns.
    fn of_user(&self, user: &UserId) -> usize {
        let hash = self.hasher.hash_one(user) % LANES as u64;
        usize::try_from(hash).expect("below `LANES`")
    }

    fn of_store(&self, store: &StoreId) -> Option<usize> {
        self.stores.get(store)
    }

    /// The lane of an operation: that of the seller whom its rows belong to, as far as that is
    /// known, or else that of the user who asks.
    pub(crate) fn of(&self, job: &dyn Job) -> usize {
        let mut keys = Vec::new();
        job.name_rows(&mut keys);
        let of_seller = keys.iter().find_map(|key| match key {
            Key::Store(store) => self.of_store(store),
            Key::Listing(listing) => self.of_store(&listing.store),
            Key::Order(order) => self.orders.get(order),
            _ => None,
        });
        let of_user = || {
            keys.iter().find_map(|key| match key {
                Key::Account(user) => Some(self.of_user(user)),
                _ => None,
            })
        };
        of_seller.or_else(of_user).unwrap_or(0)
    }

    /// Remembers whose the orders and stores of a batch are.
    pub(crate) fn learn(&self, rows: &WorkingSet) {
        for (id, entry) in rows.orders.changed() {
            if let (None, Some(order)) = (entry.saved(), entry.current()) {
                let lane = self.of_user(&order.seller);
                self.orders.insert(*id, lane);
                if self.stores.get(&order.store) != Some(lane) {
                    self.stores.insert(order.store.clone(), lane);
                }
            }
        }
        for (_, entry) in rows.stores.changed() {
            if let Some(Store { id, owner, .. }) = entry.current() {
                self.stores.insert(id.clone(), self.of_user(owner));
            }
        }
    }
}
