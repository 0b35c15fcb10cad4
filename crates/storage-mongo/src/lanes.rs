//! Lanes: which operations may run at the same time, in transactions of their own.
//!
//! A transaction is one conversation with the server, which answers one command of it at a time; so
//! one transaction after the other would leave it idle half of the time. Several at once conflict
//! where they write the same document, and what everybody writes is a seller's: his account and
//! his listings. Orders write listings, and payments, receipts and the like write accounts and
//! orders that are there. So lanes are cut twice: what names listings and all else have lanes apart,
//! and among the lanes of either kind what concerns one seller goes by one of them, in the order in
//! which it came. A batch of one kind sends fewer commands, too: each goes to the collections of
//! its kind alone.
//!
//! This is about speed alone. An operation in a lane where it doesn't belong conflicts and runs
//! again, as with another process, so what is known here of orders and stores may be little or
//! old. One kind of operation never quite belongs: cancelling names an order and turns out to give
//! its books back, which orders may be taking.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Key, OrderId, StoreId, UserId, WorkingSet};
use moka::sync::Cache;
use storage::Job;

use crate::remembered::keep_newest;

/// How many kinds of lanes there are: for what names listings, and for all else.
const KINDS: usize = 2;
/// Among how many lanes of each kind sellers are dealt out.
const SIDES: usize = 2;
/// How many transactions of a process are under way at most.
pub(crate) const LANES: usize = KINDS * SIDES;
/// How many sellers, stores and orders are remembered with their sides, of each: some 100 bytes
/// each.
const REMEMBERED_MAX: u64 = 100_000;

/// Tells operations their lanes.
pub(crate) struct Lanes {
    hasher: RandomState,
    sellers: Cache<UserId, usize>,
    /// How many sellers have been given a side.
    sellers_met: AtomicUsize,
    orders: Cache<OrderId, usize>,
    stores: Cache<StoreId, usize>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            sellers: keep_newest(Cache::builder(), REMEMBERED_MAX),
            sellers_met: AtomicUsize::new(0),
            orders: keep_newest(Cache::builder(), REMEMBERED_MAX),
            stores: keep_newest(Cache::builder(), REMEMBERED_MAX),
        }
    }

    /// The side of somebody who sells. Sellers are dealt out in turn, so that a few of them don't
    /// share one lane by chance.
    fn of_seller(&self, seller: &UserId) -> usize {
        let next = || self.sellers_met.fetch_add(1, Ordering::Relaxed) % SIDES;
        self.sellers.get_with_by_ref(seller, next)
    }

    /// The side of anybody.
    fn of_user(&self, user: &UserId) -> usize {
        self.sellers.get(user).unwrap_or_else(|| {
            let hash = self.hasher.hash_one(user) % SIDES as u64;
            usize::try_from(hash).expect("below `SIDES`")
        })
    }

    fn of_store(&self, store: &StoreId) -> Option<usize> {
        self.stores.get(store)
    }

    /// The lane of an operation: of its kind, on the side of the seller whom its rows belong to,
    /// as far as that is known, or else of the user who asks.
    pub(crate) fn of(&self, job: &dyn Job) -> usize {
        let mut keys = Vec::new();
        job.name_rows(&mut keys);
        self.of_rows(&keys)
    }

    fn of_rows(&self, keys: &[Key]) -> usize {
        let names_listings = keys.iter().any(|key| matches!(key, Key::Listing(_)));
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
        let side = of_seller.or_else(of_user).unwrap_or(0);
        usize::from(!names_listings) * SIDES + side
    }

    /// Remembers whose the orders and stores of a batch are.
    pub(crate) fn learn(&self, rows: &WorkingSet) {
        for (id, entry) in rows.orders.changed() {
            if let (None, Some(order)) = (entry.saved(), entry.current()) {
                let side = self.of_seller(&order.seller);
                self.orders.insert(*id, side);
                if self.stores.get(&order.store) != Some(side) {
                    self.stores.insert(order.store.clone(), side);
                }
            }
        }
        for (_, entry) in rows.stores.changed() {
            if let Some(store) = entry.current() {
                let side = self.of_seller(&store.owner);
                self.stores.insert(store.id.clone(), side);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{BookId, ListingKey};

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).expect("an id")
    }

    fn store(name: &str) -> StoreId {
        StoreId::new(name).expect("an id")
    }

    #[test]
    fn sellers_are_dealt_out_in_turn_and_keep_their_sides() {
        let lanes = Lanes::new();
        let names: Vec<UserId> = (0..4 * SIDES)
            .map(|number| user(&number.to_string()))
            .collect();
        let dealt: Vec<usize> = names.iter().map(|name| lanes.of_seller(name)).collect();
        for side in 0..SIDES {
            assert_eq!(dealt.iter().filter(|dealt| **dealt == side).count(), 4);
        }
        for (name, side) in names.iter().zip(dealt) {
            assert_eq!((lanes.of_seller(name), lanes.of_user(name)), (side, side));
        }
    }

    #[test]
    fn anybody_else_has_a_side_of_his_own() {
        let lanes = Lanes::new();
        let side = lanes.of_user(&user("anna"));
        assert!(side < SIDES);
        assert_eq!(lanes.of_user(&user("anna")), side);
    }

    #[test]
    fn what_names_listings_never_shares_a_lane_with_what_does_not() {
        let lanes = Lanes::new();
        let book = BookId::new("book").expect("an id");
        let order = OrderId::from_bytes([1; 16]);
        for side in 0..SIDES {
            let shop = store(&side.to_string());
            lanes.stores.insert(shop.clone(), side);
            lanes.orders.insert(order, side);
            let buyer = Key::Account(user("anna"));
            let placing = [
                buyer.clone(),
                Key::Store(shop.clone()),
                Key::Listing(ListingKey {
                    store: shop,
                    book: book.clone(),
                }),
            ];
            let paying = [buyer, Key::Order(order)];
            assert_eq!(lanes.of_rows(&placing), side);
            assert_eq!(lanes.of_rows(&paying), SIDES + side);
        }
    }
}
