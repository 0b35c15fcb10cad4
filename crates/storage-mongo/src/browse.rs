//! Looking around: pages of stores, of listings, and of a user's statement.
//!
//! A place among listings is when the last one was listed, its store and its book; among offers,
//! whether it is sold out, its price and its store; in a statement it is when the last entry was,
//! its kind and what it is of.

use std::collections::HashSet;
use std::fmt::Write;

use domain::{BookId, Fen, LedgerAccount, Listing, Store, StoreId, Transfer, UserId};
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::Hint;
use serde::de::DeserializeOwned;
use storage::{ListingQuery, Movement, MovementQuery, PAGE_MAX_ROWS, Page, Place, Shelf};

use crate::deployment::{Deployment, OPERATION_DEADLINE, in_time};
use crate::error::Stored;
use crate::ledger::{EntryDocument, EntryId};
use crate::listings::ListingDocument;
use crate::schema::{
    ENTRIES, ENTRIES_OF_USER, LISTINGS, LISTINGS_AS_OFFERS, LISTINGS_BY_AGE, LISTINGS_OF_BOOK,
    LISTINGS_OF_STORE, LISTINGS_OFF_SHELF, STORES, STORES_OF_OWNER,
};
use crate::stores::StoreDocument;
use crate::values::binary;

/// How often a page that came out empty, because all its stores are closed, is read on.
const EMPTY_PAGES_MAX: usize = 8;

fn limit(asked: u32) -> u32 {
    asked.clamp(1, PAGE_MAX_ROWS)
}

/// What is asked of a collection: by which index, in which order.
struct Find {
    collection: &'static str,
    filter: Document,
    index: Option<&'static str>,
    sort: Document,
    limit: u32,
}

async fn find<D: DeserializeOwned + Send + Sync>(
    deployment: &Deployment,
    find: Find,
    doing: &'static str,
) -> Stored<Vec<D>> {
    in_time(doing, async {
        let mut session = deployment.question().await?;
        let collection = deployment.asked::<D>(find.collection);
        let finding = collection
            .find(find.filter)
            .sort(find.sort)
            .limit(i64::from(find.limit))
            .max_time(OPERATION_DEADLINE);
        let finding = match find.index {
            Some(index) => finding.hint(Hint::Name(index.to_owned())),
            None => finding,
        };
        let mut cursor = finding.session(&mut session).await?;
        let mut found = Vec::new();
        while cursor.advance(&mut session).await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
    .await
}

/// Open stores by id, a seller's or all.
pub(crate) async fn list_stores(
    deployment: &Deployment,
    owner: Option<&UserId>,
    after: Option<StoreId>,
    asked: u32,
) -> Stored<Vec<Store>> {
    if asked == 0 {
        return Ok(Vec::new());
    }
    let mut filter = doc! { "is_open": true };
    if let Some(owner) = owner {
        filter.insert("owner", owner.as_str());
    }
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": after.as_str() });
    }
    let stores = Find {
        collection: STORES,
        filter,
        index: owner.map(|_| STORES_OF_OWNER),
        sort: doc! { "_id": 1 },
        limit: limit(asked),
    };
    let found: Vec<StoreDocument> = find(deployment, stores, "listing stores").await?;
    found.into_iter().map(StoreDocument::read).collect()
}

/// Where among listings somebody is.
struct Age {
    listed_at: i64,
    store: StoreId,
    book: BookId,
}

impl Age {
    fn of(listing: &Listing) -> Self {
        Self {
            listed_at: listing.details.listed_at.millis(),
            store: listing.key.store.clone(),
            book: listing.key.book.clone(),
        }
    }

    /// Neither id holds a tab.
    fn place(&self) -> Place {
        let Self {
            listed_at,
            store,
            book,
        } = self;
        Place::new(format!("{listed_at}\t{store}\t{book}"))
    }

    fn read(place: &Place) -> Option<Self> {
        let (listed_at, key) = place.as_str().split_once('\t')?;
        let (store, book) = key.split_once('\t')?;
        Some(Self {
            listed_at: listed_at.parse().ok()?,
            store: StoreId::new(store).ok()?,
            book: BookId::new(book).ok()?,
        })
    }
}

/// Where among offers somebody is.
struct Rank {
    is_in_stock: bool,
    price: i64,
    store: StoreId,
}

impl Rank {
    fn of(listing: &Listing) -> Self {
        Self {
            is_in_stock: listing.stock.get() > 0,
            price: listing.price.get(),
            store: listing.key.store.clone(),
        }
    }

    fn place(&self) -> Place {
        let Self {
            is_in_stock,
            price,
            store,
        } = self;
        Place::new(format!("{is_in_stock}\t{price}\t{store}"))
    }

    fn read(place: &Place) -> Option<Self> {
        let mut parts = place.as_str().splitn(3, '\t');
        Some(Self {
            is_in_stock: parts.next()?.parse().ok()?,
            price: parts.next()?.parse().ok()?,
            store: StoreId::new(parts.next()?).ok()?,
        })
    }

    fn behind(&self) -> [Document; 3] {
        let (is_in_stock, price) = (self.is_in_stock, self.price);
        let store = doc! { "$gt": self.store.as_str() };
        [
            doc! { "in_stock": { "$lt": is_in_stock } },
            doc! { "in_stock": is_in_stock, "price": { "$gt": price } },
            doc! { "in_stock": is_in_stock, "price": price, "_id.store": store },
        ]
    }
}

/// Where on a shelf somebody is.
enum Spot {
    Age(Age),
    Rank(Rank),
}

impl Spot {
    fn of(listing: &Listing, shelf: &Shelf) -> Self {
        match shelf {
            Shelf::Offers(..) => Self::Rank(Rank::of(listing)),
            _ => Self::Age(Age::of(listing)),
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Age(age) => age.place(),
            Self::Rank(rank) => rank.place(),
        }
    }

    fn read(place: &Place, shelf: &Shelf) -> Option<Self> {
        match shelf {
            Shelf::Offers(..) => Rank::read(place).map(Self::Rank),
            _ => Age::read(place).map(Self::Age),
        }
    }
}

/// The filter of a shelf behind a spot. The bound on the time is what the index goes by, the rest
/// tells listings of one moment apart.
fn filter(shelf: &Shelf, after: Option<&Spot>) -> Document {
    let mut filter = doc! { "is_listed": !matches!(shelf, Shelf::Hidden(_)) };
    match shelf {
        Shelf::All => {}
        Shelf::Store(store) | Shelf::Hidden(store) => {
            filter.insert("_id.store", store.as_str());
        }
        Shelf::Book(book) => drop(filter.insert("_id.book", book.as_str())),
        Shelf::Offers(book, text) => {
            filter.insert("_id.book", book.as_str());
            filter.insert("text", binary(text.to_bytes()));
        }
    }
    let after = match after {
        None => return filter,
        Some(Spot::Rank(rank)) => {
            filter.insert("$or", rank.behind().to_vec());
            return filter;
        }
        Some(Spot::Age(age)) => age,
    };
    let (bound, strictly) = match shelf {
        Shelf::Book(_) | Shelf::Offers(..) => ("$gte", "$gt"),
        Shelf::All | Shelf::Store(_) | Shelf::Hidden(_) => ("$lte", "$lt"),
    };
    let at = DateTime::from_millis(after.listed_at);
    let (store, book) = (after.store.as_str(), after.book.as_str());
    filter.insert("listed_at", doc! { bound: at });
    filter.insert(
        "$or",
        [
            doc! { "listed_at": { strictly: at } },
            doc! { "_id.store": { strictly: store } },
            doc! { "_id.store": store, "_id.book": { strictly: book } },
        ]
        .to_vec(),
    );
    filter
}

fn find_listings(query: &ListingQuery, after: Option<&Spot>, limit: u32) -> Find {
    let newest_first = doc! { "listed_at": -1, "_id.book": -1 };
    // What the filter holds still is not sorted by: the index has it in another place.
    let (index, sort) = match query.shelf {
        Shelf::All => (
            LISTINGS_BY_AGE,
            doc! { "listed_at": -1, "_id.store": -1, "_id.book": -1 },
        ),
        Shelf::Store(_) => (LISTINGS_OF_STORE, newest_first),
        Shelf::Hidden(_) => (LISTINGS_OFF_SHELF, newest_first),
        Shelf::Book(_) => (LISTINGS_OF_BOOK, doc! { "listed_at": 1, "_id.store": 1 }),
        Shelf::Offers(..) => (
            LISTINGS_AS_OFFERS,
            doc! { "in_stock": -1, "price": 1, "_id.store": 1 },
        ),
    };
    Find {
        collection: LISTINGS,
        filter: filter(&query.shelf, after),
        index: Some(index),
        sort,
        limit,
    }
}

/// A page of listings. Those of closed stores are read and left out, so a page may come out short.
pub(crate) async fn list_listings(
    deployment: &Deployment,
    query: ListingQuery,
) -> Stored<Page<Listing>> {
    let doing = "listing listings";
    let mut after = match &query.after {
        None => None,
        Some(place) => match Spot::read(place, &query.shelf) {
            Some(spot) => Some(spot),
            None => return Ok(Page::empty()),
        },
    };
    let limit = limit(query.limit);
    let mut page = Page::empty();
    for _ in 0..EMPTY_PAGES_MAX {
        let listings = find_listings(&query, after.as_ref(), limit + 1);
        let found: Vec<ListingDocument> = find(deployment, listings, doing).await?;
        let found = found.into_iter().map(ListingDocument::read);
        let found = found.collect::<Stored<Vec<Listing>>>()?;
        page = Page::cut(found, limit, |last| Spot::of(last, &query.shelf).place());
        let last = page.rows.last();
        after = last.map(|last| Spot::of(last, &query.shelf));
        page.rows = without_closed(deployment, page.rows).await?;
        if !page.rows.is_empty() || page.next.is_none() {
            break;
        }
    }
    Ok(page)
}

/// The listings whose stores are open.
async fn without_closed(
    deployment: &Deployment,
    mut listings: Vec<Listing>,
) -> Stored<Vec<Listing>> {
    let named: HashSet<&str> = listings
        .iter()
        .map(|listing| listing.key.store.as_str())
        .collect();
    let named: Vec<Bson> = named.into_iter().map(Bson::from).collect();
    if named.is_empty() {
        return Ok(listings);
    }
    let stores = Find {
        collection: STORES,
        limit: u32::try_from(named.len()).unwrap_or(PAGE_MAX_ROWS),
        filter: doc! { "_id": { "$in": named }, "is_open": true },
        index: None,
        sort: doc! { "_id": 1 },
    };
    let open: Vec<StoreDocument> = find(deployment, stores, "listing stores").await?;
    let open = open.into_iter().map(StoreDocument::read);
    let open = open
        .map(|store| store.map(|store| store.id))
        .collect::<Stored<HashSet<StoreId>>>()?;
    listings.retain(|listing| open.contains(&listing.key.store));
    Ok(listings)
}

/// What was bought most. A few more are read than are wanted, since closed stores may have some.
pub(crate) async fn list_most_bought(deployment: &Deployment, asked: u32) -> Stored<Vec<Listing>> {
    let doing = "listing what was bought most";
    if asked == 0 {
        return Ok(Vec::new());
    }
    let limit = limit(asked);
    let bought = doc! { "$subtract": ["$added", "$stock"] };
    let pipeline = [
        doc! { "$match": { "is_listed": true } },
        doc! { "$set": { "bought": bought } },
        doc! { "$match": { "bought": { "$gt": 0_i64 } } },
        doc! { "$sort": { "bought": -1, "_id": 1 } },
        doc! { "$limit": i64::from(limit) * 4 },
        doc! { "$unset": "bought" },
    ];
    let found = in_time(doing, async {
        let mut session = deployment.question().await?;
        let listings = deployment.asked::<Document>(LISTINGS);
        let aggregating = listings
            .aggregate(pipeline)
            .max_time(OPERATION_DEADLINE)
            .with_type::<ListingDocument>();
        let mut cursor = aggregating.session(&mut session).await?;
        let mut found = Vec::new();
        while cursor.advance(&mut session).await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
    .await?;
    let found = found.into_iter().map(ListingDocument::read);
    let mut open = without_closed(deployment, found.collect::<Stored<_>>()?).await?;
    open.truncate(limit as usize);
    Ok(open)
}

/// A place in a statement: when, which kind, and what it is of, in hexadecimal digits.
fn entry_place(at: i64, id: &EntryId) -> Place {
    let mut place = format!("{at}:{}:", id.kind);
    for byte in &id.of.bytes {
        write!(place, "{byte:02x}").expect("text takes everything");
    }
    Place::new(place)
}

fn read_entry_place(place: &Place) -> Option<(DateTime, Bson)> {
    let mut parts = place.as_str().split(':');
    let (at, kind, of) = (parts.next()?, parts.next()?, parts.next()?);
    let at: i64 = at.parse().ok()?;
    let kind: i64 = kind.parse().ok()?;
    let pairs = of.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| {
        let pair = str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let of = binary(bytes.collect::<Option<Vec<u8>>>()?);
    let id = doc! { "of": of, "kind": kind };
    Some((DateTime::from_millis(at), id.into()))
}

/// A page of a user's statement.
pub(crate) async fn list_movements(
    deployment: &Deployment,
    query: MovementQuery,
) -> Stored<Page<Movement>> {
    let mut filter = doc! { "postings.user": query.user.as_str() };
    if let Some(place) = &query.after {
        let Some((at, id)) = read_entry_place(place) else {
            return Ok(Page::empty());
        };
        filter.insert("at", doc! { "$lte": at });
        let behind = [doc! { "at": { "$lt": at } }, doc! { "_id": { "$lt": id } }];
        filter.insert("$or", behind.to_vec());
    }
    let limit = limit(query.limit);
    let entries = Find {
        collection: ENTRIES,
        filter,
        index: Some(ENTRIES_OF_USER),
        sort: doc! { "at": -1, "_id": -1 },
        limit: limit + 1,
    };
    let found: Vec<EntryDocument> = find(deployment, entries, "listing movements").await?;
    let read = |entry: EntryDocument| {
        let id = entry.id.clone();
        entry.read().map(|transfer| (id, transfer))
    };
    let found = found.into_iter().map(read).collect::<Stored<Vec<_>>>()?;
    let place = |(id, transfer): &(EntryId, Transfer)| entry_place(transfer.at.millis(), id);
    let page = Page::cut(found, limit, place);
    Ok(page.map(|(_, transfer)| movement(&transfer, &query.user)))
}

/// An entry as it concerns a user.
fn movement(transfer: &Transfer, user: &UserId) -> Movement {
    let sum = |purse: LedgerAccount| {
        let part = |account: &LedgerAccount, amount: i64| {
            if *account == purse { amount } else { 0 }
        };
        let amount = transfer.amount.get();
        Fen::new(part(&transfer.from, -amount) + part(&transfer.to, amount))
    };
    Movement {
        kind: transfer.kind,
        order: transfer.order,
        at: transfer.at,
        spendable: sum(LedgerAccount::Spendable(user.clone())),
        held: sum(LedgerAccount::Held(user.clone())),
    }
}
