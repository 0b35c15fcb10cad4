//! The change feed: what search goes by and has changed, in order, for whoever follows.
//!
//! It says *that* something changed, not how: who follows reads what it is now. So changes may
//! come more than once, and what changed twice in a row may come once.

use std::fmt;
use std::sync::Arc;

use domain::{Listing, ListingKey, StoreId, WorkingSet};

/// A place in the feed, in the engine's own words. It outlives the process as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPosition(Arc<str>);

impl FeedPosition {
    /// The place that an engine has written so. A text that none has written is a place too, from
    /// which all is [`Feed::Lost`].
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The engine's words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that search goes by has changed. What it is now is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FeedChange {
    /// A listing is new, or its text, its price, its pictures or whether it is on the shelves
    /// changed, or its stock reached or left zero.
    Listing(ListingKey),
    /// A store was closed, and with it all its listings went from sale.
    Store(StoreId),
}

/// What a follower gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// What came behind a place.
    Changes {
        /// Oldest first; the same one possibly more than once. Empty where nothing has come yet.
        changes: Vec<FeedChange>,
        /// The place behind them, from which to follow on.
        end: FeedPosition,
    },
    /// What came behind the place can't be told any more: the place is too old, or another
    /// storage's, or this storage was put back to an earlier state. Whoever follows must read
    /// everything anew, from a new [`crate::Storage::feed_end`].
    Lost,
}

/// Whether search goes by what differs between two states of a listing. What it does not go by: how
/// many copies there are, as long as there are any.
#[must_use]
pub fn is_news(saved: Option<&Listing>, listing: &Listing) -> bool {
    saved.is_none_or(|saved| {
        saved.price != listing.price
            || saved.details != listing.details
            || (saved.stock.get() == 0) != (listing.stock.get() == 0)
    })
}

/// The listings of a batch that belong in the feed.
pub fn changed_listings(rows: &WorkingSet) -> impl Iterator<Item = &ListingKey> {
    let changed = rows.listings.changed();
    changed.filter_map(|(key, entry)| {
        let listing = entry.current()?;
        is_news(entry.saved(), listing).then_some(key)
    })
}

/// The stores of a batch that belong in the feed. (One that comes in closed has sold nothing here.)
pub fn closed_stores(rows: &WorkingSet) -> impl Iterator<Item = &StoreId> {
    let changed = rows.stores.changed();
    changed.filter_map(|(id, entry)| {
        let was_open = entry.saved()?.is_open;
        (was_open && !entry.current()?.is_open).then_some(id)
    })
}
