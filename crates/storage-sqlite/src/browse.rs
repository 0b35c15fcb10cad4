//! Looking around: pages of stores, of listings, and of an account's statement.
//!
//! A place among listings is when the last one was listed, and its number; among offers, whether it
//! is sold out, its price and its number; in a statement it is the number of the last entry.

use std::fmt::Write;

use domain::{BookId, EntryKind, Fen, Listing, OrderId, Store, StoreId, TextHash, UserId};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use storage::{ListingQuery, Movement, MovementQuery, PAGE_MAX_ROWS, Page, Place, Shelf};

use crate::error::{Damaged, Doing, Stored};
use crate::ledger::{Side, kind_of};
use crate::{accounts, books, columns, listings, stores};

/// What looking around goes by: no order writes any of these, only listing a book does.
pub(crate) const INDEXES: &str = "
-- The newest listings of all stores.
CREATE INDEX listings_by_age ON listings (listed_at) WHERE is_listed = 1;
-- A store's listings, newest first.
CREATE INDEX listings_of_store ON listings (store, listed_at) WHERE is_listed = 1;
-- The stores that list a book, oldest first.
CREATE INDEX listings_of_book ON listings (book_id, listed_at) WHERE is_listed = 1;
";

/// More of the same: no order writes these either.
pub(crate) const MORE_INDEXES: &str = "
-- What is off the shelves of a store, newest first.
CREATE INDEX listings_off_shelf ON listings (store, listed_at) WHERE is_listed = 0;
-- The stores that list one text under one id, without reading a listing.
CREATE INDEX listings_as_offers ON listings (book_id, text, store) WHERE is_listed = 1;
";

pub(crate) const LIST_STORES: &str = "
    SELECT s.id, s.store_id, a.user_id, s.is_open, s.created_at
      FROM stores s CROSS JOIN accounts a ON a.id = s.owner
     WHERE s.store_id > ?1 AND s.is_open = 1 ORDER BY s.store_id LIMIT ?2";

/// Sorts the stores of one seller, who has few.
pub(crate) const LIST_STORES_OF: &str = "
    SELECT s.id, s.store_id, a.user_id, s.is_open, s.created_at
      FROM stores s INDEXED BY stores_of_owner CROSS JOIN accounts a ON a.id = s.owner
     WHERE s.owner = ?3 AND s.store_id > ?1 AND s.is_open = 1 ORDER BY s.store_id LIMIT ?2";

/// What offers are sorted by. Orders change prices and stock in rows of their own; here it stands
/// once more, and is written where the price changes or the stock leaves or reaches zero.
pub(crate) const SORTED_OFFERS: &str = "
ALTER TABLE listings ADD COLUMN is_sold_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE listings ADD COLUMN price INTEGER NOT NULL DEFAULT 0;
UPDATE listings SET is_sold_out = h.stock = 0, price = h.price
  FROM shelves h WHERE h.listing = listings.id;
DROP INDEX listings_as_offers;
-- The stores that list one text under one id, in stock first, then cheap first.
CREATE INDEX listings_as_offers ON listings (book_id, text, is_sold_out, price)
 WHERE is_listed = 1;
";

/// Listings in the order of one of the indexes; what `listings::read_with_key` reads.
macro_rules! list_listings {
    ($index:literal, $is_listed:literal, $where:literal, $order:literal) => {
        concat!(
            "SELECT l.id, h.price, h.stock, h.added, t.hash, l.title, l.is_listed, l.listed_at,
                    s.store_id, l.book_id
               FROM listings l INDEXED BY ",
            $index,
            " CROSS JOIN stores s ON s.id = l.store CROSS JOIN shelves h ON h.listing = l.id
               CROSS JOIN texts t ON t.id = l.text
              WHERE s.is_open = 1 AND l.is_listed = ",
            $is_listed,
            " AND ",
            $where,
            " ORDER BY ",
            $order,
            " LIMIT ?1"
        )
    };
}

pub(crate) const LIST_NEWEST: &str = list_listings!(
    "listings_by_age",
    "1",
    "(l.listed_at, l.id) < (?2, ?3)",
    "l.listed_at DESC, l.id DESC"
);

pub(crate) const LIST_OF_STORE: &str = list_listings!(
    "listings_of_store",
    "1",
    "l.store = ?4 AND (l.listed_at, l.id) < (?2, ?3)",
    "l.listed_at DESC, l.id DESC"
);

pub(crate) const LIST_OF_BOOK: &str = list_listings!(
    "listings_of_book",
    "1",
    "l.book_id = ?4 AND (l.listed_at, l.id) > (?2, ?3)",
    "l.listed_at, l.id"
);

pub(crate) const LIST_HIDDEN: &str = list_listings!(
    "listings_off_shelf",
    "0",
    "l.store = ?4 AND (l.listed_at, l.id) < (?2, ?3)",
    "l.listed_at DESC, l.id DESC"
);

/// Goes along the index: as many offers are read as the page has.
pub(crate) const LIST_OFFERS: &str = list_listings!(
    "listings_as_offers",
    "1",
    "l.book_id = ?4 AND l.text = ?5 AND (l.is_sold_out, l.price, l.id) > (?6, ?2, ?3)",
    "l.is_sold_out, l.price, l.id"
);

/// Reads all shelves, which are narrow rows, and sorts those of which something was bought.
pub(crate) const LIST_MOST_BOUGHT: &str = "
    SELECT l.id, h.price, h.stock, h.added, t.hash, l.title, l.is_listed, l.listed_at,
           s.store_id, l.book_id
      FROM shelves h CROSS JOIN listings l ON l.id = h.listing
           CROSS JOIN stores s ON s.id = l.store CROSS JOIN texts t ON t.id = l.text
     WHERE h.added > h.stock AND l.is_listed = 1 AND s.is_open = 1
     ORDER BY h.added - h.stock DESC, l.id LIMIT ?1";

/// An account's postings, newest first. An entry may have two that are the account's.
pub(crate) const LIST_POSTINGS: &str = "
    SELECT p.entry, p.side, p.amount, e.kind, e.at, o.order_id
      FROM postings p CROSS JOIN entries e ON e.id = p.entry
           LEFT JOIN orders o ON o.id = e.order_id
     WHERE p.account = ?1 AND p.entry < ?2 ORDER BY p.entry DESC LIMIT ?3";

fn limit(asked: u32) -> u32 {
    asked.clamp(1, PAGE_MAX_ROWS)
}

pub(crate) fn list_stores(
    connection: &Connection,
    after: Option<&StoreId>,
    asked: u32,
) -> Stored<Vec<Store>> {
    let doing = "listing stores";
    let mut statement = connection.prepare_cached(LIST_STORES).doing(doing)?;
    let after = after.map_or("", StoreId::as_str);
    let rows = statement
        .query_map(params![after, asked.min(PAGE_MAX_ROWS)], stores::read)
        .doing(doing)?;
    rows.map(|row| row.map(|(_, store)| store).doing(doing))
        .collect()
}

pub(crate) fn list_stores_of(
    connection: &Connection,
    owner: &UserId,
    after: Option<&StoreId>,
    asked: u32,
) -> Stored<Vec<Store>> {
    let doing = "listing a seller's stores";
    let Some(owner) = accounts::find_number(connection, owner)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(LIST_STORES_OF).doing(doing)?;
    let after = after.map_or("", StoreId::as_str);
    let rows = statement
        .query_map(
            params![after, asked.min(PAGE_MAX_ROWS), owner],
            stores::read,
        )
        .doing(doing)?;
    rows.map(|row| row.map(|(_, store)| store).doing(doing))
        .collect()
}

/// The place's two numbers; the list's beginning where there is none.
fn read_place(place: Option<&Place>, begin: i64) -> Option<(i64, i64)> {
    match place {
        None => Some((begin, begin)),
        Some(place) => {
            let (at, number) = place.as_str().split_once(':')?;
            Some((at.parse().ok()?, number.parse().ok()?))
        }
    }
}

pub(crate) fn list_listings(
    connection: &Connection,
    query: &ListingQuery,
) -> Stored<Page<Listing>> {
    let doing = "listing listings";
    let (sql, begin, of) = match &query.shelf {
        Shelf::All => (LIST_NEWEST, i64::MAX, None),
        Shelf::Store(store) | Shelf::Hidden(store) => {
            let sql = match query.shelf {
                Shelf::Hidden(_) => LIST_HIDDEN,
                _ => LIST_OF_STORE,
            };
            match stores::find_number(connection, store)? {
                Some(number) => (sql, i64::MAX, Some(Value::Integer(number))),
                None => return Ok(Page::empty()),
            }
        }
        Shelf::Offers(book, text) => return list_offers(connection, query, book, *text),
        Shelf::Book(book) => {
            let book = Value::Text(book.as_str().to_owned());
            (LIST_OF_BOOK, i64::MIN, Some(book))
        }
    };
    let Some((at, number)) = read_place(query.after.as_ref(), begin) else {
        return Ok(Page::empty());
    };
    let limit = limit(query.limit);
    let mut parameters = [i64::from(limit) + 1, at, number]
        .map(Value::Integer)
        .to_vec();
    parameters.extend(of);
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement
        .query_map(params_from_iter(parameters), |row| {
            listings::read_with_key(connection, row)
        })
        .doing(doing)?;
    let found = rows.collect::<Result<Vec<_>, _>>().doing(doing)?;
    let page = Page::cut(found, limit, |(number, listing)| {
        let mut place = listing.details.listed_at.millis().to_string();
        write!(place, ":{number}").expect("text takes everything");
        Place::new(place)
    });
    Ok(page.map(|(_, listing)| listing))
}

fn list_offers(
    connection: &Connection,
    query: &ListingQuery,
    book: &BookId,
    text: TextHash,
) -> Stored<Page<Listing>> {
    let doing = "listing offers";
    let place = match &query.after {
        None => Some([-1, -1, -1]),
        Some(place) => read_offer_place(place),
    };
    let text = books::find_text_number(connection, &text)?;
    let (Some([is_sold_out, price, number]), Some(text)) = (place, text) else {
        return Ok(Page::empty());
    };
    let limit = limit(query.limit);
    let mut statement = connection.prepare_cached(LIST_OFFERS).doing(doing)?;
    let asked = i64::from(limit) + 1;
    let parameters = params![asked, price, number, book.as_str(), text, is_sold_out];
    let rows = statement
        .query_map(parameters, |row| listings::read_with_key(connection, row))
        .doing(doing)?;
    let found = rows.collect::<Result<Vec<_>, _>>().doing(doing)?;
    let page = Page::cut(found, limit, |(number, listing)| {
        let is_sold_out = i64::from(listing.stock.get() == 0);
        let price = listing.price.get();
        Place::new(format!("{is_sold_out}:{price}:{number}"))
    });
    Ok(page.map(|(_, listing)| listing))
}

fn read_offer_place(place: &Place) -> Option<[i64; 3]> {
    let mut parts = place.as_str().splitn(3, ':').map(str::parse);
    let mut part = || parts.next()?.ok();
    Some([part()?, part()?, part()?])
}

pub(crate) fn list_most_bought(connection: &Connection, asked: u32) -> Stored<Vec<Listing>> {
    let doing = "listing what was bought most";
    let mut statement = connection.prepare_cached(LIST_MOST_BOUGHT).doing(doing)?;
    let rows = statement
        .query_map([asked.min(PAGE_MAX_ROWS)], |row| {
            listings::read_with_key(connection, row)
        })
        .doing(doing)?;
    rows.map(|row| row.map(|(_, listing)| listing).doing(doing))
        .collect()
}

/// One posting of a statement.
struct Posting {
    entry: i64,
    side: i64,
    amount: Fen,
    movement: Movement,
}

fn read_posting(row: &rusqlite::Row<'_>) -> rusqlite::Result<Posting> {
    let kind: Option<EntryKind> = kind_of(row.get(3)?);
    let order = row.get::<_, Option<[u8; 16]>>(5)?;
    let movement = Movement {
        kind: kind.ok_or_else(|| Damaged("an entry of no known kind").at(3))?,
        order: order.map(OrderId::from_bytes),
        at: columns::time(row, 4)?,
        spendable: Fen::ZERO,
        held: Fen::ZERO,
    };
    Ok(Posting {
        entry: row.get(0)?,
        side: row.get(1)?,
        amount: columns::fen(row, 2)?,
        movement,
    })
}

pub(crate) fn list_movements(
    connection: &Connection,
    query: &MovementQuery,
) -> Stored<Page<Movement>> {
    let doing = "listing movements";
    let before = match &query.after {
        None => Some(i64::MAX),
        Some(place) => place.as_str().parse().ok(),
    };
    let number = accounts::find_number(connection, &query.user)?;
    let (Some(before), Some(account)) = (before, number) else {
        return Ok(Page::empty());
    };
    let limit = limit(query.limit);
    let mut statement = connection.prepare_cached(LIST_POSTINGS).doing(doing)?;
    // Two postings an entry at most, and one entry more than the page has.
    let postings = 2 * (i64::from(limit) + 1);
    let rows = statement
        .query_map([account, before, postings], read_posting)
        .doing(doing)?;
    let mut found: Vec<(i64, Movement)> = Vec::new();
    for posting in rows {
        let posting = posting.doing(doing)?;
        if found
            .last()
            .is_none_or(|(entry, _)| *entry != posting.entry)
        {
            found.push((posting.entry, posting.movement));
        }
        let (_, movement) = found.last_mut().expect("one was pushed");
        if posting.side == Side::Held.code() {
            movement.held = posting.amount;
        } else {
            movement.spendable = posting.amount;
        }
    }
    // The last entry may lack its other posting, unless it is not wanted.
    let place = |(entry, _): &(i64, Movement)| Place::new(entry.to_string());
    Ok(Page::cut(found, limit, place).map(|(_, movement)| movement))
}
