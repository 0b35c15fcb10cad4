//! Listings: `listings`, `listing_pictures`, and `shelves` for what every order changes.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{
    BookId, Listing, ListingDetails, ListingKey, PictureHash, Price, Stock, TextHash, WorkingSet,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage::{ErrorKind, StorageError};

use crate::error::{Damaged, Doing, Stored};
use crate::{books, columns, stores};

pub(crate) const FIND: &str = "
    SELECT l.id, h.price, h.stock, h.added, t.hash, l.title, l.is_listed, l.listed_at
      FROM listings l CROSS JOIN shelves h ON h.listing = l.id
           CROSS JOIN texts t ON t.id = l.text
     WHERE l.store = ?1 AND l.book_id = ?2";

pub(crate) const LIST_ALL: &str = "
    SELECT l.id, h.price, h.stock, h.added, t.hash, l.title, l.is_listed, l.listed_at,
           s.store_id, l.book_id
      FROM listings l CROSS JOIN shelves h ON h.listing = l.id
           CROSS JOIN texts t ON t.id = l.text CROSS JOIN stores s ON s.id = l.store
     WHERE l.id > ?1 ORDER BY l.id";

pub(crate) const FIND_NUMBER: &str = "SELECT id FROM listings WHERE store = ?1 AND book_id = ?2";

pub(crate) const LIST_PICTURES: &str = "
    SELECT p.hash FROM listing_pictures l CROSS JOIN pictures p ON p.id = l.picture
     WHERE l.listing = ?1 ORDER BY l.position";

/// The listing with its number, in the store of that number.
pub(crate) fn find(
    connection: &Connection,
    store: i64,
    key: &ListingKey,
) -> Stored<Option<(i64, Listing)>> {
    let doing = "finding a listing";
    let mut statement = connection.prepare_cached(FIND).doing(doing)?;
    let mut rows = statement
        .query(params![store, key.book.as_str()])
        .doing(doing)?;
    let Some(row) = rows.next().doing(doing)? else {
        return Ok(None);
    };
    let (number, listing) = read(connection, row, key).doing(doing)?;
    Ok(Some((number, listing)))
}

/// Those of these listings that there are.
pub(crate) fn find_all(connection: &Connection, mut keys: Vec<ListingKey>) -> Stored<Vec<Listing>> {
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::with_capacity(keys.len());
    for of_one_store in keys.chunk_by(|one, other| one.store == other.store) {
        let Some(store) = stores::find_number(connection, &of_one_store[0].store)? else {
            continue;
        };
        for key in of_one_store {
            found.extend(find(connection, store, key)?.map(|(_, listing)| listing));
        }
    }
    Ok(found)
}

fn read(
    connection: &Connection,
    row: &Row<'_>,
    key: &ListingKey,
) -> rusqlite::Result<(i64, Listing)> {
    let number = row.get(0)?;
    let details = ListingDetails {
        text: TextHash::from_bytes(row.get(4)?),
        title: row.get(5)?,
        pictures: list_pictures(connection, number)?,
        is_listed: row.get(6)?,
        listed_at: columns::time(row, 7)?,
    };
    let stock = Stock::from_stored(row.get(2)?);
    let listing = Listing {
        key: key.clone(),
        price: columns::checked(row, 1, Price::new)?,
        stock: stock.ok_or_else(|| Damaged("a stock below 0").at(2))?,
        added: row.get(3)?,
        details: Arc::new(details),
    };
    Ok((number, listing))
}

pub(crate) fn read_with_key(
    connection: &Connection,
    row: &Row<'_>,
) -> rusqlite::Result<(i64, Listing)> {
    let key = ListingKey {
        store: columns::store(row, 8)?,
        book: columns::checked(row, 9, |text: Arc<str>| BookId::new(text))?,
    };
    read(connection, row, &key)
}

fn list_pictures(connection: &Connection, listing: i64) -> rusqlite::Result<Vec<PictureHash>> {
    let mut statement = connection.prepare_cached(LIST_PICTURES)?;
    let hashes = statement.query_map([listing], |row| row.get(0).map(PictureHash::from_bytes))?;
    hashes.collect()
}

pub(crate) fn load(connection: &Connection, key: &ListingKey, rows: &mut WorkingSet) -> Stored<()> {
    let store = match rows.stores.handle(&key.store) {
        Some(number) => Some(number),
        None => stores::find_number(connection, &key.store)?,
    };
    let found = match store {
        Some(store) => find(connection, store, key)?,
        None => None,
    };
    let (number, listing) = found.unzip();
    rows.listings
        .load(key.clone(), listing, number.unwrap_or(0));
    Ok(())
}

/// The number of a listing that an order is to name.
pub(crate) fn number(connection: &Connection, rows: &WorkingSet, key: &ListingKey) -> Stored<i64> {
    if let Some(number) = rows.listings.handle(key) {
        return Ok(number);
    }
    let store = stores::number(connection, rows, &key.store)?;
    let doing = "resolving a book that isn't listed";
    let mut statement = connection.prepare_cached(FIND_NUMBER).doing(doing)?;
    let found = statement
        .query_row(params![store, key.book.as_str()], |row| row.get(0))
        .optional()
        .doing(doing)?;
    found.ok_or_else(|| StorageError::new(ErrorKind::Internal, doing))
}

pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    let mut numbers = Vec::new();
    let mut loose = Loose::kept_in(rows);
    for (key, entry) in rows.listings.changed() {
        let Some(listing) = entry.current() else {
            continue;
        };
        match entry.saved() {
            None => numbers.push((key.clone(), insert(connection, rows, listing)?)),
            Some(saved) => {
                update_shelf(connection, entry.handle, saved, listing)?;
                if saved.details != listing.details {
                    update_details(connection, rows, entry.handle, listing)?;
                    loose.add(&saved.details);
                }
            }
        }
        loose.remove(&listing.details);
    }
    for (key, number) in numbers {
        rows.listings.set_handle(&key, number);
    }
    // The listings of a shop that is moving in come behind its texts and pictures.
    if rows.migration.has_changes() {
        return Ok(());
    }
    loose.drop_unnamed(connection)
}

/// Texts and pictures that may be nobody's once all listings are written: those that a listing
/// gave up, and those that were new in this batch and given up in it again.
#[derive(Default)]
struct Loose {
    texts: HashSet<TextHash>,
    pictures: HashSet<PictureHash>,
}

impl Loose {
    /// What the batch kept.
    fn kept_in(rows: &WorkingSet) -> Self {
        let texts = rows.texts.changed_keys().iter().copied().collect();
        let pictures = rows.pictures.changed_keys().iter().copied().collect();
        Self { texts, pictures }
    }

    fn add(&mut self, details: &ListingDetails) {
        self.texts.insert(details.text);
        self.pictures.extend(&details.pictures);
    }

    fn remove(&mut self, details: &ListingDetails) {
        self.texts.remove(&details.text);
        self.pictures
            .retain(|hash| !details.pictures.contains(hash));
    }

    /// Drops what no listing names. One that was added back after another removed it is looked
    /// at for nothing; that is all.
    fn drop_unnamed(self, connection: &Connection) -> Stored<()> {
        self.texts
            .iter()
            .try_for_each(|hash| books::drop_text(connection, hash))?;
        self.pictures
            .iter()
            .try_for_each(|hash| books::drop_picture(connection, hash))
    }
}

/// Writes the row that every order changes, where it changed, and the listing's place among the
/// offers of its book, where that changed.
fn update_shelf(
    connection: &Connection,
    number: i64,
    saved: &Listing,
    listing: &Listing,
) -> Stored<()> {
    let doing = "writing a shelf";
    if (saved.price, saved.stock, saved.added) == (listing.price, listing.stock, listing.added) {
        return Ok(());
    }
    let mut statement = connection
        .prepare_cached("UPDATE shelves SET price = ?2, stock = ?3, added = ?4 WHERE listing = ?1")
        .doing(doing)?;
    let values = params![
        number,
        listing.price.get(),
        listing.stock.get(),
        listing.added
    ];
    statement.execute(values).doing(doing)?;
    if offer_place(saved) == offer_place(listing) {
        return Ok(());
    }
    let mut statement = connection
        .prepare_cached("UPDATE listings SET is_sold_out = ?2, price = ?3 WHERE id = ?1")
        .doing(doing)?;
    let (is_sold_out, price) = offer_place(listing);
    let values = params![number, is_sold_out, price];
    statement.execute(values).doing(doing).map(drop)
}

/// What a listing is sorted by among the offers of its book: whether it is sold out, and its
/// price. Few orders change it.
fn offer_place(listing: &Listing) -> (bool, i64) {
    (listing.stock.get() == 0, listing.price.get())
}

fn insert(connection: &Connection, rows: &WorkingSet, listing: &Listing) -> Stored<i64> {
    let doing = "listing a book";
    let store = stores::number(connection, rows, &listing.key.store)?;
    let details = &listing.details;
    let text = text_number(connection, rows, &details.text)?;
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO listings
                (store, book_id, text, title, is_listed, listed_at, is_sold_out, price)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .doing(doing)?;
    let (is_sold_out, price) = offer_place(listing);
    let number = statement
        .insert(params![
            store,
            listing.key.book.as_str(),
            text,
            details.title,
            details.is_listed,
            details.listed_at.millis(),
            is_sold_out,
            price,
        ])
        .doing(doing)?;
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO shelves (listing, price, stock, added) VALUES (?1, ?2, ?3, ?4)",
        )
        .doing(doing)?;
    let values = params![
        number,
        listing.price.get(),
        listing.stock.get(),
        listing.added
    ];
    statement.execute(values).doing(doing)?;
    insert_pictures(connection, rows, number, &details.pictures)?;
    Ok(number)
}

fn update_details(
    connection: &Connection,
    rows: &WorkingSet,
    number: i64,
    listing: &Listing,
) -> Stored<()> {
    let doing = "writing a listing";
    let details = &listing.details;
    let text = text_number(connection, rows, &details.text)?;
    let mut statement = connection
        .prepare_cached(
            "UPDATE listings SET text = ?2, title = ?3, is_listed = ?4, listed_at = ?5
              WHERE id = ?1",
        )
        .doing(doing)?;
    let listed_at = details.listed_at.millis();
    let values = params![number, text, details.title, details.is_listed, listed_at];
    statement.execute(values).doing(doing)?;
    let mut statement = connection
        .prepare_cached("DELETE FROM listing_pictures WHERE listing = ?1")
        .doing(doing)?;
    statement.execute([number]).doing(doing)?;
    insert_pictures(connection, rows, number, &details.pictures)
}

fn text_number(connection: &Connection, rows: &WorkingSet, hash: &TextHash) -> Stored<i64> {
    let missing = || StorageError::new(ErrorKind::Internal, "resolving a text that isn't kept");
    books::text_number(connection, rows, hash)?.ok_or_else(missing)
}

fn insert_pictures(
    connection: &Connection,
    rows: &WorkingSet,
    listing: i64,
    pictures: &[PictureHash],
) -> Stored<()> {
    let doing = "listing a picture";
    let missing = || StorageError::new(ErrorKind::Internal, "resolving a picture that isn't kept");
    for (position, hash) in (0_i64..).zip(pictures) {
        let picture = books::picture_number(connection, rows, hash)?.ok_or_else(missing)?;
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO listing_pictures (listing, position, picture) VALUES (?1, ?2, ?3)",
            )
            .doing(doing)?;
        statement
            .execute([listing, position, picture])
            .doing(doing)?;
    }
    Ok(())
}
