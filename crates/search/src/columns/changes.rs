//! Changes of listings: first what they mean for the index, then, once that is committed, done here.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{BookId, BookText, ListingKey, PictureHash, Price, StoreId, TextHash, Timestamp};

use super::{Columns, Offer, forget};
use crate::index::Facts;

/// What a listing offers, while it is for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub text: TextHash,
    pub price: Price,
    pub in_stock: bool,
    pub listed_at: Timestamp,
    pub picture: Option<PictureHash>,
}

/// Where an offer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// To the document in that slot.
    Slot(u32),
    /// To that one of the new documents.
    New(usize),
}

/// A document that the index is to have.
#[derive(Debug, Clone)]
pub(crate) struct NewDocument {
    pub slot: u32,
    pub book: BookId,
    pub hash: TextHash,
    /// To be filled in before it is done; without it, its offers are dropped.
    pub text: Option<Arc<BookText>>,
}

#[derive(Debug)]
struct Step {
    store: StoreId,
    leaves: Vec<u32>,
    joins: Option<(Target, Offered)>,
}

/// Changes, and what they mean for the index.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    steps: Vec<Step>,
    /// Documents that the index lacks.
    pub new: Vec<NewDocument>,
    /// Documents that nobody will offer.
    pub gone: Vec<u32>,
    closed: Vec<StoreId>,
}

impl Changes {
    /// Whether the index is to be written for them.
    pub fn touch_index(&self) -> bool {
        !self.new.is_empty() || !self.gone.is_empty()
    }

    /// Works out what it means that these listings, each named once, are now as given (`None`: not
    /// for sale), and that these stores are closed.
    pub fn plan(
        columns: &Columns,
        listings: Vec<(ListingKey, Option<Offered>)>,
        closed: Vec<StoreId>,
    ) -> Self {
        let mut changes = Self::default();
        let mut new: HashMap<(BookId, TextHash), usize> = HashMap::new();
        let mut balance: HashMap<u32, isize> = HashMap::new();
        let named: HashMap<&ListingKey, ()> = listings.iter().map(|(key, _)| (key, ())).collect();
        let mut steps = Vec::new();
        for store in &closed {
            let Some(number) = columns.store_number(store) else {
                continue;
            };
            for slot in &columns.store(number).slots {
                let Some(document) = columns.document(*slot) else {
                    continue;
                };
                let key = ListingKey {
                    store: store.clone(),
                    book: document.book.clone(),
                };
                if !named.contains_key(&key) {
                    steps.push((key, None));
                }
            }
        }
        drop(named);
        steps.extend(listings);
        for (key, offered) in steps {
            let offered = offered.filter(|_| !closed.contains(&key.store));
            let joins = offered.map(|offered| {
                let target = match columns.find(&key.book, offered.text) {
                    Some(slot) => Target::Slot(slot),
                    None => {
                        let next = new.len();
                        let pair = (key.book.clone(), offered.text);
                        Target::New(*new.entry(pair).or_insert(next))
                    }
                };
                (target, offered)
            });
            let stays = match joins {
                Some((Target::Slot(slot), _)) => Some(slot),
                _ => None,
            };
            let mut is_there = false;
            let mut leaves = Vec::new();
            for slot in columns.slots_of(&key) {
                if Some(slot) == stays {
                    is_there = true;
                } else {
                    *balance.entry(slot).or_default() -= 1;
                    leaves.push(slot);
                }
            }
            if let Some(slot) = stays.filter(|_| !is_there) {
                *balance.entry(slot).or_default() += 1;
            }
            if !leaves.is_empty() || joins.is_some() {
                changes.steps.push(Step {
                    store: key.store,
                    leaves,
                    joins,
                });
            }
        }
        let offers = |slot| {
            columns
                .document(slot)
                .map_or(0, |document| document.offers.len())
        };
        changes.gone = balance
            .into_iter()
            .filter(|(slot, balance)| offers(*slot).checked_add_signed(*balance) == Some(0))
            .map(|(slot, _)| slot)
            .collect();
        changes.gone.sort_unstable();
        let mut new: Vec<((BookId, TextHash), usize)> = new.into_iter().collect();
        new.sort_unstable_by_key(|(_, at)| *at);
        let slots = columns.next_slots(new.len());
        changes.new = new
            .into_iter()
            .zip(slots)
            .map(|(((book, hash), _), slot)| NewDocument {
                slot,
                book,
                hash,
                text: None,
            })
            .collect();
        changes.closed = closed;
        changes
    }
}

impl Columns {
    /// Does the changes that were planned on these very columns.
    pub fn apply(&mut self, changes: Changes) {
        for store in &changes.closed {
            self.note_store(store, false);
        }
        for document in &changes.new {
            if let Some(text) = &document.text {
                let facts = Facts::of(text.fields());
                let is_free =
                    self.insert(document.slot, document.book.clone(), document.hash, &facts);
                debug_assert!(is_free, "the slot was planned on these columns");
            }
        }
        let mut touched = Vec::new();
        for step in changes.steps {
            let is_open = !changes.closed.contains(&step.store);
            let store = self.note_store(&step.store, is_open);
            for slot in step.leaves {
                self.take_offer(slot, store);
                touched.push(slot);
            }
            if let Some((target, offered)) = step.joins {
                let slot = match target {
                    Target::Slot(slot) => slot,
                    Target::New(at) => changes.new[at].slot,
                };
                self.put_offer(slot, Offer::new(store, &offered));
                touched.push(slot);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for slot in touched {
            self.sum_up(slot);
        }
        for slot in changes.gone {
            self.remove(slot);
        }
    }

    fn put_offer(&mut self, slot: u32, offer: Offer) {
        // A new document whose text storage didn't have is none.
        let Some(document) = self
            .documents
            .get_mut(slot as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        let offers = &mut document.offers;
        match offers.binary_search_by_key(&offer.store, |offer| offer.store) {
            Ok(at) => offers[at] = offer,
            Err(at) => {
                offers.insert(at, offer);
                let slots = &mut self.stores[offer.store as usize].slots;
                if let Err(at) = slots.binary_search(&slot) {
                    slots.insert(at, slot);
                }
            }
        }
    }

    fn take_offer(&mut self, slot: u32, store: u32) {
        let Some(document) = self
            .documents
            .get_mut(slot as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        let offers = &mut document.offers;
        if let Ok(at) = offers.binary_search_by_key(&store, |offer| offer.store) {
            offers.remove(at);
            forget(&mut self.stores[store as usize].slots, slot);
        }
    }
}
