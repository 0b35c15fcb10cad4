//! What search knows of every listing, in memory: who sells which document, for how much, since when.
//!
//! A *document* is one text under one book id that somebody sells; its *offers* are the listings
//! that have it. All of this is derived: filled from storage at start, then changed by whoever
//! follows the feed. So a sale or a new price writes no index.

mod changes;
mod facets;
mod memory;
mod names;
mod prices;

use std::collections::HashMap;

use domain::{BookId, ListingKey, PictureHash, Price, StoreId, TextHash};

use crate::index::Facts;
use crate::slots::Slots;

pub(crate) use changes::{Changes, Offered};
pub use facets::{Facets, PriceRange};
pub(crate) use names::{Completion, NO_NAME, Names, authors_in};
pub(crate) use prices::{Priced, Prices};

/// A listing, in 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The store's number.
    pub store: u32,
    /// The price in fen, at most 10^9, and two bits above it.
    price: u32,
    listed_at: i64,
    picture: [u8; 16],
}

const IN_STOCK: u32 = 1 << 30;
const HAS_PICTURE: u32 = 1 << 31;

impl Offer {
    pub fn new(store: u32, offered: &Offered) -> Self {
        // A price has 30 bits; one that hadn't would be the dearest there is.
        let price = u32::try_from(offered.price.get())
            .map_or(IN_STOCK - 1, |price| price.min(IN_STOCK - 1));
        let stock = if offered.in_stock { IN_STOCK } else { 0 };
        let picture = offered.picture.map_or(0, |_| HAS_PICTURE);
        Self {
            store,
            price: price | stock | picture,
            listed_at: offered.listed_at.millis(),
            picture: offered.picture.map_or([0; 16], PictureHash::to_bytes),
        }
    }

    pub fn price(&self) -> u32 {
        self.price & (IN_STOCK - 1)
    }

    pub fn is_in_stock(&self) -> bool {
        self.price & IN_STOCK != 0
    }

    pub fn listed_at(&self) -> i64 {
        self.listed_at
    }

    pub fn picture(&self) -> Option<PictureHash> {
        (self.price & HAS_PICTURE != 0).then(|| PictureHash::from_bytes(self.picture))
    }
}

/// A text under a book id, and who offers it.
#[derive(Debug)]
pub(crate) struct Document {
    pub book: BookId,
    pub text: TextHash,
    /// By the stores' numbers; each store once.
    pub offers: Vec<Offer>,
    /// The tags' numbers.
    pub tags: Box<[u32]>,
    authors: Box<[u32]>,
    is_described: bool,
}

/// A store, and which documents it offers.
#[derive(Debug)]
pub(crate) struct StoreColumn {
    pub id: StoreId,
    pub is_open: bool,
    /// Sorted.
    pub slots: Vec<u32>,
}

/// All documents and all their offers. A document's number is its *slot*, kept in the index too.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    documents: Vec<Option<Document>>,
    /// The slots that have a document.
    there: Slots,
    // What sorting and filtering want of all documents, side by side. Of a slot without one it is
    // anything.
    /// When the newest offer was listed.
    newest: Vec<i64>,
    /// The prices, roughly; of all offers, and of those in stock.
    priced: Vec<Priced>,
    priced_in_stock: Vec<Priced>,
    /// The beginnings of the texts' hashes.
    ties: Vec<u64>,
    publisher_of: Vec<u32>,
    title_of: Vec<u32>,
    /// For each tag: the documents that have it, in no order.
    tagged: Vec<Vec<u32>>,
    /// Slots without a document; the last is given next.
    free: Vec<u32>,
    count: usize,
    books: HashMap<BookId, Vec<u32>>,
    stores: Vec<StoreColumn>,
    store_numbers: HashMap<StoreId, u32>,
    pub titles: Names,
    pub authors: Names,
    pub tags: Names,
    pub publishers: Names,
}

impl Columns {
    /// How many documents there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// One more than the highest slot.
    pub fn slots(&self) -> usize {
        self.documents.len()
    }

    pub fn document(&self, slot: u32) -> Option<&Document> {
        self.documents.get(slot as usize)?.as_ref()
    }

    /// The slots that have a document.
    pub fn there(&self) -> &Slots {
        &self.there
    }

    /// When a document's newest offer was listed.
    pub fn newest(&self, slot: u32) -> i64 {
        self.newest[slot as usize]
    }

    /// The prices of a document's offers, or of those in stock.
    pub fn priced(&self, slot: u32, in_stock: bool) -> Priced {
        let priced = if in_stock {
            &self.priced_in_stock
        } else {
            &self.priced
        };
        priced[slot as usize]
    }

    /// What decides between documents that are level: the same for the same text wherever it is.
    pub fn tie(&self, slot: u32) -> u64 {
        self.ties[slot as usize]
    }

    /// The documents with a tag, in no order.
    pub fn tagged(&self, tag: u32) -> &[u32] {
        &self.tagged[tag as usize]
    }

    pub fn store(&self, number: u32) -> &StoreColumn {
        &self.stores[number as usize]
    }

    pub fn store_number(&self, store: &StoreId) -> Option<u32> {
        self.store_numbers.get(store).copied()
    }

    /// The document of that text under that id.
    pub fn find(&self, book: &BookId, text: TextHash) -> Option<u32> {
        let mut slots = self.books.get(book)?.iter().copied();
        slots.find(|slot| {
            self.document(*slot)
                .is_some_and(|document| document.text == text)
        })
    }

    /// The documents that the listing is an offer of: one, or none where it isn't for sale.
    pub fn slots_of(&self, listing: &ListingKey) -> impl Iterator<Item = u32> {
        let store = self.store_number(&listing.store);
        let slots = self.books.get(&listing.book).into_iter().flatten().copied();
        slots.filter(move |slot| {
            let document = self.document(*slot);
            store.is_some_and(|store| {
                document.is_some_and(|document| document.offer_of(store).is_some())
            })
        })
    }

    /// A document's title as it is written; `None` where that is no name.
    pub fn title(&self, slot: u32) -> Option<&str> {
        let title = *self.title_of.get(slot as usize)?;
        (title != NO_NAME).then(|| &**self.titles.text(title))
    }

    /// The documents of just that title, up to folding; sorted.
    pub fn titled(&self, title: &str) -> Vec<u32> {
        let Some(number) = self.titles.find(title) else {
            return Vec::new();
        };
        let slots = (0..).zip(&self.title_of);
        let slots = slots.filter(|(_, title)| **title == number);
        slots.map(|(slot, _)| slot).collect()
    }

    /// Takes note of a store; returns its number.
    pub fn note_store(&mut self, id: &StoreId, is_open: bool) -> u32 {
        if let Some(number) = self.store_number(id) {
            self.stores[number as usize].is_open = is_open;
            return number;
        }
        let number = u32::try_from(self.stores.len()).expect("memory ends before the numbers");
        self.stores.push(StoreColumn {
            id: id.clone(),
            is_open,
            slots: Vec::new(),
        });
        self.store_numbers.insert(id.clone(), number);
        number
    }

    /// The slots that the next `count` new documents are to have.
    pub fn next_slots(&self, count: usize) -> Vec<u32> {
        let behind = u32::try_from(self.documents.len()).expect("memory ends before the slots");
        self.free
            .iter()
            .rev()
            .copied()
            .chain(behind..)
            .take(count)
            .collect()
    }

    /// Puts a document without offers, of which nothing is said yet, into a slot while
    /// [`Columns::finish`] is still to come; false where the slot has one already.
    pub fn load(&mut self, slot: u32, book: BookId, text: TextHash) -> bool {
        let index = slot as usize;
        if self.documents.get(index).is_some_and(Option::is_some) {
            return false;
        }
        if self.documents.len() <= index {
            self.documents.resize_with(index + 1, || None);
            self.there.grow(index + 1);
            self.newest.resize(index + 1, i64::MIN);
            self.priced.resize(index + 1, Priced::NONE);
            self.priced_in_stock.resize(index + 1, Priced::NONE);
            self.ties.resize(index + 1, 0);
            self.publisher_of.resize(index + 1, NO_NAME);
            self.title_of.resize(index + 1, NO_NAME);
        }
        let hash = u128::from_be_bytes(text.to_bytes());
        self.ties[index] = (hash >> 64) as u64;
        self.there.insert(slot);
        let document = Document {
            book: book.clone(),
            text,
            offers: Vec::new(),
            tags: [].into(),
            authors: [].into(),
            is_described: false,
        };
        self.documents[index] = Some(document);
        self.count += 1;
        self.books.entry(book).or_default().push(slot);
        true
    }

    /// Says what a document that was loaded without is about; returns its book's id.
    pub fn describe(&mut self, slot: u32, facts: &Facts) -> Option<BookId> {
        let authors = facts.author.iter().flat_map(|field| authors_in(field));
        let document = self.documents.get_mut(slot as usize)?.as_mut()?;
        document.tags = add_each(&mut self.tags, facts.tags.iter().map(String::as_str));
        self.tagged.resize_with(self.tags.len(), Vec::new);
        for tag in &document.tags {
            self.tagged[*tag as usize].push(slot);
        }
        if let Some(name) = &facts.publisher {
            self.publisher_of[slot as usize] = self.publishers.add(name);
        }
        self.title_of[slot as usize] = self.titles.add(&facts.title);
        document.authors = add_each(&mut self.authors, authors);
        document.is_described = true;
        Some(document.book.clone())
    }

    /// Says the title of a document that was described without; every listing of it knows.
    pub fn entitle(&mut self, slot: u32, title: &str) {
        if self.is_described(slot) && self.title_of[slot as usize] == NO_NAME {
            self.title_of[slot as usize] = self.titles.add(title);
        }
    }

    /// Whether it was said what the document is about.
    pub fn is_described(&self, slot: u32) -> bool {
        self.document(slot)
            .is_some_and(|document| document.is_described)
    }

    /// The same, for a slot that [`Columns::next_slots`] gave.
    fn insert(&mut self, slot: u32, book: BookId, text: TextHash, facts: &Facts) -> bool {
        // It is among the last.
        if let Some(at) = self.free.iter().rposition(|free| *free == slot) {
            self.free.remove(at);
        }
        self.load(slot, book, text) && self.describe(slot, facts).is_some()
    }

    /// Takes a document out.
    pub fn remove(&mut self, slot: u32) {
        let Some(document) = self.documents.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.count -= 1;
        self.there.remove(slot);
        self.free.push(slot);
        for offer in &document.offers {
            forget(&mut self.stores[offer.store as usize].slots, slot);
        }
        if let Some(slots) = self.books.get_mut(&document.book) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.books.remove(&document.book);
            }
        }
        for tag in &document.tags {
            self.tags.remove(*tag);
            let tagged = &mut self.tagged[*tag as usize];
            if let Some(at) = tagged.iter().position(|other| *other == slot) {
                tagged.swap_remove(at);
            }
        }
        document
            .authors
            .iter()
            .for_each(|name| self.authors.remove(*name));
        let publisher = &mut self.publisher_of[slot as usize];
        self.publishers
            .remove(std::mem::replace(publisher, NO_NAME));
        let title = &mut self.title_of[slot as usize];
        self.titles.remove(std::mem::replace(title, NO_NAME));
    }

    /// Adds offers in any order; [`Columns::finish`] makes them searchable.
    pub fn load_offer(&mut self, slot: u32, offer: Offer) {
        if let Some(document) = self.documents[slot as usize].as_mut() {
            document.offers.push(offer);
        }
    }

    /// Says anew what sorting and filtering want of a document.
    fn sum_up(&mut self, slot: u32) {
        let index = slot as usize;
        let Some(Some(document)) = self.documents.get(index) else {
            return;
        };
        let offers = &document.offers;
        let newest = offers.iter().map(Offer::listed_at).max();
        self.newest[index] = newest.unwrap_or(i64::MIN);
        self.priced[index] = Priced::of(offers.iter());
        self.priced_in_stock[index] = Priced::of(offers.iter().filter(|offer| offer.is_in_stock()));
    }

    /// Sorts what was loaded, and returns the documents that nobody offers.
    pub fn finish(&mut self) -> Vec<u32> {
        let mut empty = Vec::new();
        for (slot, document) in (0..).zip(&mut self.documents) {
            let Some(document) = document else { continue };
            let offers = &mut document.offers;
            // Stable, so that of one listing read twice the last reading stays.
            offers.sort_by_key(|offer| offer.store);
            offers.reverse();
            offers.dedup_by_key(|offer| offer.store);
            offers.reverse();
            offers.shrink_to_fit();
            if offers.is_empty() {
                empty.push(slot);
            }
            for offer in offers {
                self.stores[offer.store as usize].slots.push(slot);
            }
        }
        for slot in 0..u32::try_from(self.documents.len()).unwrap_or(u32::MAX) {
            self.sum_up(slot);
        }
        let slots = (0..).zip(&self.documents);
        let free = slots.filter(|(_, document)| document.is_none());
        self.free = free.map(|(slot, _)| slot).collect();
        self.stores
            .iter_mut()
            .for_each(|store| store.slots.shrink_to_fit());
        empty
    }
}

impl Document {
    /// The offer of a store.
    pub fn offer_of(&self, store: u32) -> Option<&Offer> {
        let index = self
            .offers
            .binary_search_by_key(&store, |offer| offer.store)
            .ok()?;
        Some(&self.offers[index])
    }
}

/// Adds a document's names, each once.
fn add_each<'a>(names: &mut Names, texts: impl Iterator<Item = &'a str>) -> Box<[u32]> {
    let mut numbers: Vec<u32> = Vec::new();
    for text in texts {
        let number = names.add(text);
        if numbers.contains(&number) {
            names.remove(number);
        } else if number != NO_NAME {
            numbers.push(number);
        }
    }
    numbers.into()
}

fn forget(slots: &mut Vec<u32>, slot: u32) {
    if let Ok(at) = slots.binary_search(&slot) {
        slots.remove(at);
    }
}

/// A price as it comes out of the columns.
pub(crate) fn price(fen: u32) -> Price {
    Price::new(i64::from(fen)).expect("it went in as a price")
}
