//! The feed of the reference engine: a list that is kept whole.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::WorkingSet;

use crate::feed::{Feed, FeedChange, FeedPosition, changed_listings, closed_stores};

/// All changes since the beginning.
pub(super) struct FeedRows {
    /// No other disk of this process has it.
    mark: u64,
    changes: Vec<FeedChange>,
}

impl Default for FeedRows {
    fn default() -> Self {
        static DISKS: AtomicU64 = AtomicU64::new(0);
        Self {
            mark: DISKS.fetch_add(1, Ordering::Relaxed),
            changes: Vec::new(),
        }
    }
}

/// What of a batch belongs in the feed.
pub(super) fn changes(rows: &WorkingSet) -> Vec<FeedChange> {
    let listings = changed_listings(rows).cloned().map(FeedChange::Listing);
    let stores = closed_stores(rows).cloned().map(FeedChange::Store);
    listings.chain(stores).collect()
}

impl FeedRows {
    pub(super) fn extend(&mut self, changes: Vec<FeedChange>) {
        self.changes.extend(changes);
    }

    fn position(&self, place: usize) -> FeedPosition {
        FeedPosition::new(format!("{}:{place}", self.mark))
    }

    pub(super) fn end(&self) -> FeedPosition {
        self.position(self.changes.len())
    }

    pub(super) fn behind(&self, after: &FeedPosition, limit: u32) -> Feed {
        let (mark, place) = after.as_str().split_once(':').unwrap_or_default();
        let (Ok(mark), Ok(place)) = (mark.parse::<u64>(), place.parse::<usize>()) else {
            return Feed::Lost;
        };
        if mark != self.mark || place > self.changes.len() {
            return Feed::Lost;
        }
        let behind = self.changes[place..].iter().take(limit as usize);
        let changes: Vec<FeedChange> = behind.cloned().collect();
        let end = self.position(place + changes.len());
        Feed::Changes { changes, end }
    }
}
