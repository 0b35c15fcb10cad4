//! What can be asked when somebody looks around: pages of rows, and the places between them.

use std::sync::Arc;

use domain::{BookId, EntryKind, Fen, OrderId, StoreId, TextHash, Timestamp, UserId};

/// How many rows a page has at most; more are not given, whatever is asked for.
pub const PAGE_MAX_ROWS: u32 = 1_000;

/// A place between two rows of a list, in the engine's own words.
///
/// One that was never given, in a link that somebody has changed say, is some place or none; a
/// list behind no place is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place(Arc<str>);

impl Place {
    /// The place that the engine, or whoever kept it, names so.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Some rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order. There may be fewer than asked for where more follow.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<Place>,
}

impl<T> Page<T> {
    /// A page without rows, at the end of its list.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
        }
    }

    /// The page that is left of `rows`, of which one more than `limit` was read to see whether
    /// more follow. `place` names the place behind a row.
    pub fn cut(mut rows: Vec<T>, limit: u32, place: impl FnOnce(&T) -> Place) -> Self {
        let limit = limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(place);
        Self { rows, next }
    }

    /// The same page of other rows.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(row).collect(),
            next: self.next,
        }
    }
}

/// Which listings are looked at. Those of closed stores are never shown, those off the shelves
/// in a list of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelf {
    /// Those of all stores, newest first.
    All,
    /// Those of one store, newest first.
    Store(StoreId),
    /// Those of one store that are off its shelves, newest first: its seller's business alone.
    Hidden(StoreId),
    /// Those of one book, by whatever store, oldest first.
    Book(BookId),
    /// Those of one book that say the same of it: in stock first, then cheap first, then in an
    /// order that stays the same. An offer that changes its price or runs out under a walk may be
    /// met twice, or not at all.
    Offers(BookId, TextHash),
}

/// Which page of which listings is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingQuery {
    /// Which listings.
    pub shelf: Shelf,
    /// Only those behind this place.
    pub after: Option<Place>,
    /// How many at most: 1 to [`PAGE_MAX_ROWS`].
    pub limit: u32,
}

/// An entry of the ledger as it concerns one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Why money moved.
    pub kind: EntryKind,
    /// For which order, where for one.
    pub order: Option<OrderId>,
    /// When.
    pub at: Timestamp,
    /// What it made of what the user may spend: more, less, or as before.
    pub spendable: Fen,
    /// What it made of what is held for him.
    pub held: Fen,
}

/// Which page of a user's movements of money is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementQuery {
    /// Whose.
    pub user: UserId,
    /// Only those behind this place.
    pub after: Option<Place>,
    /// How many at most: 1 to [`PAGE_MAX_ROWS`].
    pub limit: u32,
}
