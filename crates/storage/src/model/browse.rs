//! Looking around in the reference engine: every list is made whole, and a page cut out of it.

use std::cmp::Reverse;

use domain::{Fen, LedgerAccount, Listing, Store, StoreId, Transfer, UserId};

use super::Rows;
use crate::browse::{ListingQuery, Movement, MovementQuery, PAGE_MAX_ROWS, Page, Place, Shelf};

impl Rows {
    pub(super) fn list_stores(
        &self,
        owner: Option<&UserId>,
        after: Option<&StoreId>,
        limit: u32,
    ) -> Vec<Store> {
        let is_wanted = |store: &&Store| {
            store.is_open
                && owner.is_none_or(|owner| store.owner == *owner)
                && after.is_none_or(|after| store.id > *after)
        };
        let mut found: Vec<Store> = self.stores.values().filter(is_wanted).cloned().collect();
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        found.truncate(limit.min(PAGE_MAX_ROWS) as usize);
        found
    }

    fn on_shelves(&self) -> impl Iterator<Item = &Listing> {
        self.of_open_stores()
            .filter(|listing| listing.details.is_listed)
    }

    fn of_open_stores(&self) -> impl Iterator<Item = &Listing> {
        let is_open = |listing: &Listing| {
            let store = self.stores.get(&listing.key.store);
            store.is_some_and(|store| store.is_open)
        };
        self.listings
            .values()
            .filter(move |listing| is_open(listing))
    }

    pub(super) fn list_listings(&self, query: &ListingQuery) -> Page<Listing> {
        let is_hidden = matches!(query.shelf, Shelf::Hidden(_));
        let is_on_it = |listing: &Listing| match &query.shelf {
            Shelf::All => true,
            Shelf::Store(store) | Shelf::Hidden(store) => listing.key.store == *store,
            Shelf::Book(book) => listing.key.book == *book,
            Shelf::Offers(book, text) => listing.key.book == *book && listing.details.text == *text,
        };
        let after = query.after.as_ref().map(|place| Rank::read(place.as_str()));
        let is_behind = |rank: &Rank<'_>| match &after {
            None => true,
            Some(None) => false,
            Some(Some(after)) => rank > after,
        };
        let mut found: Vec<(Rank<'_>, &Listing)> = self
            .of_open_stores()
            .filter(|listing| listing.details.is_listed != is_hidden && is_on_it(listing))
            .map(|listing| (Rank::of(listing, &query.shelf), listing))
            .filter(|(rank, _)| is_behind(rank))
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let page = Page::cut(found, limit(query.limit), |(rank, _)| rank.place());
        page.map(|(_, listing)| listing.clone())
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

/// Where a listing stands on a shelf: two numbers of the shelf's order, and what tells it from
/// others of the same. Neither id holds a tab.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    first: i64,
    second: i64,
    /// Falling where the shelf has the newest first.
    rising: Option<(&'a str, &'a str)>,
    falling: Reverse<Option<(&'a str, &'a str)>>,
}

impl<'a> Rank<'a> {
    fn of(listing: &'a Listing, shelf: &Shelf) -> Self {
        let key = (listing.key.store.as_str(), listing.key.book.as_str());
        let listed_at = listing.details.listed_at.millis();
        match shelf {
            Shelf::All | Shelf::Store(_) | Shelf::Hidden(_) => Self::new(-listed_at, 0, key, true),
            Shelf::Book(_) => Self::new(listed_at, 0, key, false),
            Shelf::Offers(..) => {
                let is_sold_out = i64::from(listing.stock.get() == 0);
                Self::new(is_sold_out, listing.price.get(), key, false)
            }
        }
    }

    fn new(first: i64, second: i64, key: (&'a str, &'a str), is_falling: bool) -> Self {
        Self {
            first,
            second,
            rising: (!is_falling).then_some(key),
            falling: Reverse(is_falling.then_some(key)),
        }
    }

    fn place(&self) -> Place {
        let (store, book) = self.rising.or(self.falling.0).expect("one of them is told");
        let is_falling = self.rising.is_none();
        Place::new(format!(
            "{}\t{}\t{is_falling}\t{store}\t{book}",
            self.first, self.second
        ))
    }

    fn read(place: &'a str) -> Option<Self> {
        let mut parts = place.splitn(5, '\t');
        let mut part = || parts.next();
        let (first, second) = (part()?.parse().ok()?, part()?.parse().ok()?);
        let is_falling = part()?.parse().ok()?;
        Some(Self::new(first, second, (part()?, part()?), is_falling))
    }
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
