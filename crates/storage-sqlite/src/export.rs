//! The export: page by page through all tables, in the order in which their rows were made.
//!
//! A place is the number of the last row before it; for terminals, which have none, their names.

use domain::Change;
use rusqlite::{Connection, Row};
use storage::{ErrorKind, ExportCursor, ExportLimit, ExportPage, PageRows, Section, StorageError};

use crate::error::{Doing, Stored};
use crate::{accounts, books, idempotency, ledger, listings, orders, stores, terminals};

const DOING: &str = "exporting";

/// Rows are numbered in order and seldom removed, so the last number tells how many there are;
/// kept answers go from the front.
pub(crate) const COUNT_ROUGHLY: &str = "
    SELECT (SELECT coalesce(max(id), 0) FROM accounts) + (SELECT coalesce(max(id), 0) FROM stores)
         + (SELECT coalesce(max(id), 0) FROM texts) + (SELECT coalesce(max(id), 0) FROM pictures)
         + (SELECT coalesce(max(id), 0) FROM listings) + (SELECT coalesce(max(id), 0) FROM orders)
         + (SELECT coalesce(max(id), 0) FROM entries)
         + coalesce((SELECT max(id) FROM kept_answers) - (SELECT min(id) FROM kept_answers), 0)";

pub(crate) fn export(
    connection: &Connection,
    after: Option<ExportCursor>,
    limit: ExportLimit,
) -> Stored<ExportPage> {
    let mut page = PageRows::new(limit);
    let mut end = after.unwrap_or_else(|| ExportCursor::begin(Section::Accounts));
    let is_last = loop {
        read_section(connection, &mut end, &mut page)?;
        match end.section.next() {
            _ if page.is_full() => break false,
            Some(next) => end = ExportCursor::begin(next),
            None => break true,
        }
    };
    let rows_expected = connection.query_row(COUNT_ROUGHLY, [], |row| row.get::<_, i64>(0));
    let rows_expected = rows_expected.doing(DOING)?;
    // Whoever walks through everything comes by each page of the file once: kept at hand they would
    // fill every reader's cache.
    connection.release_memory().doing(DOING)?;
    Ok(ExportPage {
        changes: page.into_changes(),
        end,
        is_last,
        rows_expected: u64::try_from(rows_expected).unwrap_or(0),
    })
}

/// Reads on in a section until it ends or the page is full, and moves the place there.
fn read_section(connection: &Connection, at: &mut ExportCursor, page: &mut PageRows) -> Stored<()> {
    let sql = match at.section {
        Section::Accounts => accounts::LIST_ALL,
        Section::Stores => stores::LIST_ALL,
        Section::Texts => books::LIST_ALL_TEXTS,
        Section::Pictures => books::LIST_ALL_PICTURES,
        Section::Listings => listings::LIST_ALL,
        Section::Orders => orders::LIST_ALL,
        Section::Transfers => ledger::LIST_ALL,
        Section::KeptAnswers => idempotency::LIST_ALL,
        Section::Terminals => return read_terminals(connection, at, page),
    };
    let mut last = match &*at.position {
        "" => 0,
        number => number.parse::<i64>().map_err(|_| unknown_place())?,
    };
    let mut statement = connection.prepare_cached(sql).doing(DOING)?;
    let mut rows = statement.query([last]).doing(DOING)?;
    while !page.is_full()
        && let Some(row) = rows.next().doing(DOING)?
    {
        let (number, change) = read(connection, at.section, row).doing(DOING)?;
        page.push(change);
        last = number;
    }
    at.position = last.to_string().into();
    Ok(())
}

/// A row with its number.
fn read(
    connection: &Connection,
    section: Section,
    row: &Row<'_>,
) -> rusqlite::Result<(i64, Change)> {
    match section {
        Section::Accounts => with(accounts::read(row), Change::Account),
        Section::Stores => with(stores::read(row), Change::Store),
        Section::Texts => with(books::read_text(row), Change::Text),
        Section::Pictures => with(books::read_picture(row), Change::Picture),
        Section::Listings => with(listings::read_with_key(connection, row), Change::Listing),
        Section::Orders => with(orders::read(row), |order| Change::Order(order.into())),
        Section::Transfers => with(ledger::read(row), Change::Transfer),
        Section::KeptAnswers => with(idempotency::read_with_key(row), |(key, answer)| {
            Change::Kept(key, answer)
        }),
        Section::Terminals => unreachable!("terminals have no numbers"),
    }
}

fn with<T>(
    read: rusqlite::Result<(i64, T)>,
    change: impl FnOnce(T) -> Change,
) -> rusqlite::Result<(i64, Change)> {
    read.map(|(number, row)| (number, change(row)))
}

/// Neither a user's id nor a terminal's name holds a tab.
fn read_terminals(
    connection: &Connection,
    at: &mut ExportCursor,
    page: &mut PageRows,
) -> Stored<()> {
    let (user, name) = match &*at.position {
        "" => ("", ""),
        names => names.split_once('\t').ok_or_else(unknown_place)?,
    };
    let mut position = at.position.clone();
    let mut statement = connection
        .prepare_cached(terminals::LIST_ALL)
        .doing(DOING)?;
    let mut rows = statement.query([user, name]).doing(DOING)?;
    while !page.is_full()
        && let Some(row) = rows.next().doing(DOING)?
    {
        let (key, terminal) = terminals::read_with_key(row).doing(DOING)?;
        position = format!("{}\t{}", key.user, key.name).into();
        page.push(Change::Terminal(key, terminal));
    }
    at.position = position;
    Ok(())
}

fn unknown_place() -> StorageError {
    StorageError::new(ErrorKind::Internal, "looking for a place in an export")
}
