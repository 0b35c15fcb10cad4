//! Looking around in the reference engine: every list is made whole, and a page cut out of it.

use std::cmp::Reverse;

use domain::{Fen, LedgerAccount, Listing, Store, StoreId, Transfer, UserId};

use super::Rows;
use crate::browse::{ListingQuery, Movement, MovementQuery, PAGE_MAX_ROWS, Page, Place, Shelf};

impl Rows {
    pub(super) fn list_stores(&self, after: Option<&StoreId>, limit: u32) -> Vec<Store> {
        let is_behind = |store: &&Store| after.is_none_or(|after| store.id > *after);
        let open = self.stores.values().filter(|store| store.is_open);
        let mut found: Vec<Store> = open.filter(is_behind).cloned().collect();
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        found.truncate(limit.min(PAGE_MAX_ROWS) as usize);
        found
    }

    fn on_shelves(&self) -> impl Iterator<Item = &Listing> {
        let is_open = |listing: &Listing| {
            let store = self.stores.get(&listing.key.store);
            store.is_some_and(|store| store.is_open)
        };
        self.listings
            .values()
            .filter(move |listing| listing.details.is_listed && is_open(listing))
    }

    pub(super) fn list_listings(&self, query: &ListingQuery) -> Page<Listing> {
        let is_oldest_first = matches!(query.shelf, Shelf::Book(_));
        let is_on_it = |listing: &Listing| match &query.shelf {
            Shelf::All => true,
            Shelf::Store(store) => listing.key.store == *store,
            Shelf::Book(book) => listing.key.book == *book,
        };
        let after = query.after.as_ref().map(|place| read_age(place.as_str()));
        let is_behind = |listing: &Listing| match after {
            None => true,
            Some(None) => false,
            Some(Some(after)) if is_oldest_first => age(listing) > after,
            Some(Some(after)) => age(listing) < after,
        };
        let mut found: Vec<Listing> = self
            .on_shelves()
            .filter(|listing| is_on_it(listing) && is_behind(listing))
            .cloned()
            .collect();
        found.sort_by(|one, other| age(one).cmp(&age(other)));
        if !is_oldest_first {
            found.reverse();
        }
        Page::cut(found, limit(query.limit), |listing| {
            let (millis, store, book) = age(listing);
            Place::new(format!("{millis}\t{store}\t{book}"))
        })
    }

    pub(super) fn list_most_bought(&self, limit: u32) -> Vec<Listing> {
        let sold = |listing: &Listing| listing.added - listing.stock.get();
        let mut found: Vec<Listing> = self
            .on_shelves()
            .filter(|listing| sold(listing) > 0)
            .cloned()
            .collect();
        found.sort_by_key(|listing| (Reverse(sold(listing)), listing.key.clone()));
        found.truncate(limit.min(PAGE_MAX_ROWS) as usize);
        found
    }

    pub(super) fn list_movements(&self, query: &MovementQuery) -> Page<Movement> {
        let numbered = self.transfers.iter().enumerate();
        let own = numbered.filter_map(|(number, transfer)| {
            movement(transfer, &query.user).map(|movement| (number, movement))
        });
        let after = query.after.as_ref().map(|place| place.as_str().parse());
        let is_behind = |number: usize| match &after {
            None => true,
            Some(after) => after.as_ref().is_ok_and(|after| number < *after),
        };
        let mut found: Vec<(usize, Movement)> =
            own.filter(|(number, _)| is_behind(*number)).collect();
        found.reverse();
        let place = |(number, _): &(usize, Movement)| Place::new(number.to_string());
        Page::cut(found, limit(query.limit), place).map(|(_, movement)| movement)
    }
}

fn limit(limit: u32) -> u32 {
    limit.clamp(1, PAGE_MAX_ROWS)
}

/// A listing's age, and what tells it from others of the same: neither id holds a tab.
fn age(listing: &Listing) -> (i64, &str, &str) {
    let key = &listing.key;
    let listed_at = listing.details.listed_at.millis();
    (listed_at, key.store.as_str(), key.book.as_str())
}

fn read_age(place: &str) -> Option<(i64, &str, &str)> {
    let (millis, key) = place.split_once('\t')?;
    let (store, book) = key.split_once('\t')?;
    Some((millis.parse().ok()?, store, book))
}

/// The entry as it concerns a user; `None` where it does not.
fn movement(transfer: &Transfer, user: &UserId) -> Option<Movement> {
    let sum = |purse: &LedgerAccount| {
        let part = |account: &LedgerAccount, amount: i64| if account == purse { amount } else { 0 };
        let amount = transfer.amount.get();
        Fen::new(part(&transfer.from, -amount) + part(&transfer.to, amount))
    };
    let spendable = LedgerAccount::Spendable(user.clone());
    let held = LedgerAccount::Held(user.clone());
    let is_own = [&transfer.from, &transfer.to]
        .into_iter()
        .any(|account| *account == spendable || *account == held);
    is_own.then(|| Movement {
        kind: transfer.kind,
        order: transfer.order,
        at: transfer.at,
        spendable: sum(&spendable),
        held: sum(&held),
    })
}
