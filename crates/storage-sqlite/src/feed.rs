//! The feed: `feed`, one narrow row for each change that search goes by, written with it.
//!
//! Rows are numbered without gaps, go from the front, and the last one always stays. Each has a
//! random mark, and a place is a row's number with its mark: so a place in another file is told
//! from one in this, and so is one in a history that a backup put in this file's place has not
//! had, whatever has been written since.

use domain::{BookId, ListingKey, StoreId, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage::feed::{changed_listings, closed_stores};
use storage::{ErrorKind, Feed, FeedChange, FeedPosition, StorageError};

use crate::error::{Doing, Stored};
use crate::{columns, listings, stores};

/// How many rows are kept: some 25 MB of them. Who is further behind has more to gain from reading
/// everything anew.
const ROWS_MAX: u32 = 1_000_000;

/// SQLite's own random numbers will do: they have to differ, not to be secret.
pub(crate) const INSERT: &str = "INSERT INTO feed (mark, listing, store) VALUES (random(), ?1, ?2)";

pub(crate) const FIND_END: &str = "SELECT id, mark FROM feed ORDER BY id DESC LIMIT 1";

pub(crate) const HAS_PLACE: &str = "SELECT 1 FROM feed WHERE id = ?1 AND mark = ?2";

pub(crate) const LIST_BEHIND: &str = "
    SELECT f.id, f.mark, s.store_id, l.book_id
      FROM feed f LEFT JOIN listings l ON l.id = f.listing
           LEFT JOIN stores s ON s.id = coalesce(l.store, f.store)
     WHERE f.id > ?1 ORDER BY f.id LIMIT ?2";

pub(crate) const FORGET: &str = "
    DELETE FROM feed
     WHERE id <= min((SELECT max(id) FROM feed) - ?1, (SELECT min(id) FROM feed) + ?2 - 1)";

struct Place {
    number: i64,
    mark: i64,
}

impl Place {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            mark: row.get(1)?,
        })
    }

    fn position(&self) -> FeedPosition {
        FeedPosition::new(format!("{}:{}", self.number, self.mark))
    }

    fn parse(position: &FeedPosition) -> Option<Self> {
        let (number, mark) = position.as_str().split_once(':')?;
        Some(Self {
            number: number.parse().ok()?,
            mark: mark.parse().ok()?,
        })
    }
}

/// Writes down what of a batch belongs here; after stores and listings, which have numbers then.
pub(crate) fn save(connection: &Connection, rows: &WorkingSet) -> Stored<()> {
    let doing = "writing the feed";
    for key in changed_listings(rows) {
        let listing = listings::number(connection, rows, key)?;
        let mut insert = connection.prepare_cached(INSERT).doing(doing)?;
        insert.execute(params![listing, None::<i64>]).doing(doing)?;
    }
    for id in closed_stores(rows) {
        let store = stores::number(connection, rows, id)?;
        let mut insert = connection.prepare_cached(INSERT).doing(doing)?;
        insert.execute(params![None::<i64>, store]).doing(doing)?;
    }
    Ok(())
}

/// The last row's place.
pub(crate) fn end(connection: &Connection) -> Stored<FeedPosition> {
    let doing = "finding the feed's end";
    let mut statement = connection.prepare_cached(FIND_END).doing(doing)?;
    let place = statement
        .query_row([], Place::read)
        .optional()
        .doing(doing)?;
    let missing = || StorageError::new(ErrorKind::Corrupt, doing);
    Ok(place.ok_or_else(missing)?.position())
}

pub(crate) fn follow(connection: &Connection, after: &FeedPosition, limit: u32) -> Stored<Feed> {
    let doing = "following the feed";
    let Some(mut place) = Place::parse(after) else {
        return Ok(Feed::Lost);
    };
    let mut statement = connection.prepare_cached(HAS_PLACE).doing(doing)?;
    let is_here = statement.exists([place.number, place.mark]).doing(doing)?;
    if !is_here {
        return Ok(Feed::Lost);
    }
    let mut changes = Vec::new();
    let mut statement = connection.prepare_cached(LIST_BEHIND).doing(doing)?;
    let mut rows = statement.query(params![place.number, limit]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        place = Place::read(row).doing(doing)?;
        changes.push(read(row).doing(doing)?);
    }
    let end = place.position();
    Ok(Feed::Changes { changes, end })
}

fn read(row: &Row<'_>) -> rusqlite::Result<FeedChange> {
    let store: StoreId = columns::store(row, 2)?;
    let book = match row.get::<_, Option<String>>(3)? {
        Some(_) => columns::checked(row, 3, |text: String| BookId::new(text))?,
        None => return Ok(FeedChange::Store(store)),
    };
    Ok(FeedChange::Listing(ListingKey { store, book }))
}

/// Drops rows that are more than are kept, at most `limit`. Returns how many.
pub(crate) fn forget(connection: &Connection, limit: u32) -> Stored<usize> {
    forget_all_but(connection, ROWS_MAX, limit)
}

fn forget_all_but(connection: &Connection, rows_max: u32, limit: u32) -> Stored<usize> {
    let doing = "forgetting the feed";
    let mut statement = connection.prepare_cached(FORGET).doing(doing)?;
    statement.execute([rows_max, limit]).doing(doing)
}
