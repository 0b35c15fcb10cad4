//! Listings: one narrow document a book in a store. Its text and its pictures are elsewhere, since
//! every order writes it.

use std::sync::Arc;

use domain::{
    Key, Listing, ListingDetails, ListingKey, PictureHash, Price, Stock, TextHash, WorkingSet,
};
use mongodb::bson::raw::cstr;
use mongodb::bson::{Binary, Bson, DateTime, RawArrayBuf, RawBson, RawDocumentBuf, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::{Stored, damaged};
use crate::remembered::Seen;
use crate::schema::LISTINGS;
use crate::statements::{Guard, Update};
use crate::transaction::Transaction;
use crate::values::{binary, date, read_book, read_bytes, read_store, time};

const LOADING: &str = "finding listings";
const SAVING: &str = "writing listings";

/// What names a listing. The fields' order is part of it: ids sort by store, then by book.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ListingId {
    pub(crate) store: String,
    pub(crate) book: String,
}

/// A listing as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListingDocument {
    #[serde(rename = "_id")]
    pub(crate) id: ListingId,
    price: i64,
    pub(crate) stock: i64,
    /// Whether there is a copy: written where that changes, for the feed (which can't tell by the
    /// new stock whether it left zero) and for sorting a book's offers. The stock says the same.
    #[serde(skip_deserializing)]
    in_stock: bool,
    pub(crate) added: i64,
    /// How often anything but the stock was changed; absent: never. Added to, and never set.
    #[serde(default, skip_serializing)]
    edits: i64,
    text: Binary,
    title: String,
    pictures: Vec<Binary>,
    is_listed: bool,
    listed_at: DateTime,
}

impl ListingDocument {
    fn of(listing: &Listing) -> Self {
        let ListingKey { store, book } = &listing.key;
        let details = &listing.details;
        Self {
            id: ListingId {
                store: store.as_str().to_owned(),
                book: book.as_str().to_owned(),
            },
            price: listing.price.get(),
            stock: listing.stock.get(),
            in_stock: is_in_stock(listing),
            added: listing.added,
            edits: 0,
            text: binary(details.text.to_bytes()),
            title: details.title.as_ref().to_owned(),
            pictures: details
                .pictures
                .iter()
                .map(|hash| binary(hash.to_bytes()))
                .collect(),
            is_listed: details.is_listed,
            listed_at: date(details.listed_at),
        }
    }

    pub(crate) fn read(self) -> Stored<Listing> {
        let picture = |hash: &Binary| {
            read_bytes(hash, "picture's hash", LOADING).map(PictureHash::from_bytes)
        };
        let details = ListingDetails {
            text: TextHash::from_bytes(read_bytes(&self.text, "text's hash", LOADING)?),
            title: self.title.into(),
            pictures: self.pictures.iter().map(picture).collect::<Stored<_>>()?,
            is_listed: self.is_listed,
            listed_at: time(self.listed_at),
        };
        let store = read_store(self.id.store, LOADING)?;
        Ok(Listing {
            key: ListingKey {
                store,
                book: read_book(self.id.book, LOADING)?,
            },
            price: Price::new(self.price).map_err(|_| damaged("price", LOADING))?,
            stock: Stock::from_stored(self.stock).ok_or_else(|| damaged("stock", LOADING))?,
            added: self.added,
            details: Arc::new(details),
        })
    }
}

fn is_in_stock(listing: &Listing) -> bool {
    listing.stock.get() > 0
}

/// Those of these listings that there are.
pub(crate) async fn find_all(
    deployment: &Deployment,
    keys: Vec<ListingKey>,
) -> Stored<Vec<Listing>> {
    let ids = keys.iter().map(id).collect();
    let found: Vec<ListingDocument> = deployment.find_by_id(LISTINGS, ids, LOADING).await?;
    found.into_iter().map(ListingDocument::read).collect()
}

pub(crate) fn id(key: &ListingKey) -> Bson {
    doc! { "store": key.store.as_str(), "book": key.book.as_str() }.into()
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Listing(listing) => Some(listing.clone()),
        _ => None,
    };
    let mut listings: Vec<ListingKey> = keys.iter().filter_map(named).collect();
    listings.sort_unstable();
    if transaction.may_guess_listings() {
        let guessed = &mut transaction.guessed.listings;
        transaction
            .remembered
            .recall_listings(&mut listings, |seen| {
                let Seen {
                    listing,
                    edits,
                    store,
                } = seen.clone();
                guessed.insert(listing.key.clone());
                rows.stores.load(store.id.clone(), Some(store), 0);
                rows.listings
                    .load(listing.key.clone(), Some(listing), edits);
            });
    }
    if listings.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = listings.iter().map(id).collect();
    let found: Vec<ListingDocument> = transaction.find_by_id(LISTINGS, &ids, LOADING).await?;
    for document in found {
        let edits = document.edits;
        let listing = document.read()?;
        rows.listings
            .load(listing.key.clone(), Some(listing), edits);
    }
    for key in listings {
        rows.listings.load(key, None, 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    for (key, entry) in rows.listings.changed() {
        match (entry.saved(), entry.current()) {
            (_, None) => {}
            (None, Some(listing)) => added.push(ListingDocument::of(listing)),
            (Some(saved), Some(listing)) => {
                let guard = if transaction.guessed.listings.is_empty() {
                    Guard::new()
                } else {
                    guard(saved, listing, entry.handle)
                };
                updates.push((key, guard, changes(saved, listing)));
            }
        }
    }
    // In sorted order, so that two processes that want the same books meet early.
    updates.sort_unstable_by_key(|(key, ..)| *key);
    let named = |(key, guard, update): (&ListingKey, _, _)| {
        let id = rawdoc! { "store": key.store.as_str(), "book": key.book.as_str() };
        Update {
            id: RawBson::Document(id),
            guard,
            update,
        }
    };
    let updates = updates.into_iter().map(named).collect();
    transaction.update_alike(LISTINGS, updates, SAVING).await?;
    transaction.insert(LISTINGS, added, SAVING).await
}

/// What makes sure that a listing is as it was when copies of it were taken: that nobody has edited
/// it, and that there are copies enough. Not that there are as many: what is said alike is sent
/// once. But where the last one is taken that must be the last, for `in_stock` changes with it.
fn guard(saved: &Listing, listing: &Listing, edits: i64) -> Guard {
    let edits = match edits {
        0 => RawBson::Null, // which is what an absent field is equal to
        edits => RawBson::Int64(edits),
    };
    let stock = if is_in_stock(listing) {
        let taken = saved.stock.get() - listing.stock.get();
        RawBson::Document(rawdoc! { "$gt": taken })
    } else {
        RawBson::Int64(saved.stock.get())
    };
    vec![(cstr!("edits"), edits), (cstr!("stock"), stock)]
}

/// Whether anything but the stock differs.
pub(crate) fn is_edit(saved: &Listing, listing: &Listing) -> bool {
    saved.price != listing.price
        || saved.added != listing.added
        || !Arc::ptr_eq(&saved.details, &listing.details)
}

/// What to change: an order changes the stock and, with the last copy, `in_stock`. By how much and
/// not to what, since it is as many copies in most orders: what is said alike is sent once.
fn changes(saved: &Listing, listing: &Listing) -> RawDocumentBuf {
    let mut set = RawDocumentBuf::new();
    if is_in_stock(saved) != is_in_stock(listing) {
        set.append(cstr!("in_stock"), is_in_stock(listing));
    }
    if saved.price != listing.price {
        set.append(cstr!("price"), listing.price.get());
    }
    if saved.added != listing.added {
        set.append(cstr!("added"), listing.added);
    }
    if !Arc::ptr_eq(&saved.details, &listing.details) {
        let ListingDocument {
            text,
            title,
            pictures,
            is_listed,
            listed_at,
            ..
        } = ListingDocument::of(listing);
        let pictures: RawArrayBuf = pictures.into_iter().collect();
        set.append(cstr!("text"), text);
        set.append(cstr!("title"), title);
        set.append(cstr!("pictures"), pictures);
        set.append(cstr!("is_listed"), is_listed);
        set.append(cstr!("listed_at"), listed_at);
    }
    let copies = listing.stock.get() - saved.stock.get();
    let mut update = if is_edit(saved, listing) {
        rawdoc! { "$inc": { "stock": copies, "edits": 1_i64 } }
    } else {
        rawdoc! { "$inc": { "stock": copies } }
    };
    if !set.is_empty() {
        update.append(cstr!("$set"), set);
    }
    update
}
