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
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Key, OrderId, StoreId, UserId, WorkingSet};
use moka::sync::Cache;
use storage::Job;

/// How many transactions of a process are under way at most.
pub(crate) const LANES: usize = 2;
/// How many sellers, stores and orders are remembered with their lanes, of each: some 100 bytes
/// each.
const REMEMBERED_MAX: u64 = 100_000;

/// Tells operations their lanes.
pub(crate) struct Lanes {
    hasher: RandomState,
    sellers: Cache<UserId, usize>,
    /// How many sellers have been given a lane.
    sellers_met: AtomicUsize,
    orders: Cache<OrderId, usize>,
    stores: Cache<StoreId, usize>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            sellers: Cache::new(REMEMBERED_MAX),
            sellers_met: AtomicUsize::new(0),
            orders: Cache::new(REMEMBERED_MAX),
            stores: Cache::new(REMEMBERED_MAX),
        }
    }

    /// The lane of somebody who sells. Sellers are dealt out in turn, so that a few of them don't
    /// share one lane by chance.
    fn of_seller(&self, seller: &UserId) -> usize {
        let next = || self.sellers_met.fetch_add(1, Ordering::Relaxed) % LANES;
        self.sellers.get_with_by_ref(seller, next)
    }

    /// The lane of anybody.
    fn of_user(&self, user: &UserId) -> usize {
        self.sellers.get(user).unwrap_or_else(|| {
            let hash = self.hasher.hash_one(user) % LANES as u64;
            usize::try_from(hash).expect("below `LANES`")
        })
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
                let lane = self.of_seller(&order.seller);
                self.orders.insert(*id, lane);
                if self.stores.get(&order.store) != Some(lane) {
                    self.stores.insert(order.store.clone(), lane);
                }
            }
        }
        for (_, entry) in rows.stores.changed() {
            if let Some(store) = entry.current() {
                let lane = self.of_seller(&store.owner);
                self.stores.insert(store.id.clone(), lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).expect("an id")
    }

    #[test]
    fn sellers_are_dealt_out_in_turn_and_keep_their_lanes() {
        let lanes = Lanes::new();
        let names: Vec<UserId> = (0..4 * LANES)
            .map(|number| user(&number.to_string()))
            .collect();
        let dealt: Vec<usize> = names.iter().map(|name| lanes.of_seller(name)).collect();
        for lane in 0..LANES {
            assert_eq!(dealt.iter().filter(|dealt| **dealt == lane).count(), 4);
        }
        for (name, lane) in names.iter().zip(dealt) {
            assert_eq!((lanes.of_seller(name), lanes.of_user(name)), (lane, lane));
        }
    }

    #[test]
    fn anybody_else_has_a_lane_of_his_own() {
        let lanes = Lanes::new();
        let lane = lanes.of_user(&user("anna"));
        assert!(lane < LANES);
        assert_eq!(lanes.of_user(&user("anna")), lane);
    }
}
