//! Listings as this process last saw them, so that orders need not read them again.
//!
//! What is remembered is a guess: other processes write too. [`crate::guards`] says what makes sure
//! of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Listing, ListingKey};

/// How many listings are remembered, of some 500 bytes each. Past that all are forgotten.
const LISTINGS_MAX: usize = 50_000;

/// A listing, and how often it was edited by then.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) listing: Listing,
    pub(crate) edits: i64,
}

/// What all lanes of a process remember.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    listings: Mutex<HashMap<ListingKey, Seen>>,
}

impl Remembered {
    fn listings(&self) -> MutexGuard<'_, HashMap<ListingKey, Seen>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out of `keys` those that are remembered, and hands each to `take`.
    pub(crate) fn recall(&self, keys: &mut Vec<ListingKey>, mut take: impl FnMut(&Seen)) {
        let listings = self.listings();
        keys.retain(|key| match listings.get(key) {
            Some(seen) => {
                take(seen);
                false
            }
            None => true,
        });
    }

    pub(crate) fn remember(&self, seen: impl Iterator<Item = Seen>) {
        let mut listings = self.listings();
        for seen in seen {
            if listings.len() >= LISTINGS_MAX {
                listings.clear();
            }
            listings.insert(seen.listing.key.clone(), seen);
        }
    }

    pub(crate) fn forget<'a>(&self, keys: impl Iterator<Item = &'a ListingKey>) {
        let mut listings = self.listings();
        for key in keys {
            listings.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{BookId, ListingDetails, Price, Stock, StoreId, TextHash, Timestamp};

    use super::*;

    fn seen(number: usize) -> Seen {
        let details = ListingDetails {
            text: TextHash::from_bytes([0; 16]),
            title: "title".into(),
            pictures: Vec::new(),
            is_listed: true,
            listed_at: Timestamp::from_millis(0),
        };
        Seen {
            listing: Listing {
                key: ListingKey {
                    store: StoreId::new("store").expect("an id"),
                    book: BookId::new(number.to_string()).expect("an id"),
                },
                price: Price::new(1).expect("a price"),
                stock: Stock::new(1).expect("a stock"),
                added: 1,
                details: Arc::new(details),
            },
            edits: 3,
        }
    }

    fn recalled(remembered: &Remembered, number: usize) -> Option<i64> {
        let mut keys = vec![seen(number).listing.key];
        let mut edits = None;
        remembered.recall(&mut keys, |seen| edits = Some(seen.edits));
        assert_eq!(keys.is_empty(), edits.is_some());
        edits
    }

    #[test]
    fn what_was_seen_is_remembered_until_it_is_forgotten() {
        let remembered = Remembered::default();
        assert_eq!(recalled(&remembered, 1), None);
        remembered.remember([seen(1), seen(2)].into_iter());
        remembered.forget([seen(2).listing.key].iter());
        assert_eq!(recalled(&remembered, 1), Some(3));
        assert_eq!(recalled(&remembered, 2), None);
    }

    #[test]
    fn no_more_is_remembered_than_the_limit() {
        let remembered = Remembered::default();
        remembered.remember((0..=LISTINGS_MAX).map(seen));
        assert_eq!(remembered.listings().len(), 1);
        assert_eq!(recalled(&remembered, LISTINGS_MAX), Some(3));
    }
}
