//! The tables, the indexes with the queries they serve, and how older files become newer ones.
//!
//! Long ids stand once each, in a `UNIQUE` column; everywhere else rows are named by integers.
//! What every order changes stands in narrow rows of their own (`balances`, `shelves`), since
//! the log writes whole pages and the width of the hot row decides the speed. Times are in
//! milliseconds since 1970, money is in fen.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::browse;
use crate::error::OpenError;

/// Marks the file as this program's: "book" in ASCII.
const APPLICATION_ID: i64 = 0x626F_6F6B;

/// What brings a file from each schema version to the next; the first makes the tables.
const MIGRATIONS: &[&str] = &[
    SCHEMA_1,
    SCHEMA_2,
    SCHEMA_3,
    browse::INDEXES,
    browse::MORE_INDEXES,
    browse::SORTED_OFFERS,
];

const SCHEMA_1: &str = "
-- Who has an account. By user_id: log-in, and resolving a name once.
CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    user_id       TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    epoch         INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    is_closed     INTEGER NOT NULL,
    is_used       INTEGER NOT NULL
) STRICT;

-- The hot part of an account: every payment writes two of these.
CREATE TABLE balances (
    account INTEGER PRIMARY KEY REFERENCES accounts,
    balance INTEGER NOT NULL,
    held    INTEGER NOT NULL,
    CHECK (0 <= held AND held <= balance)
) STRICT;

-- Terminals with a logout of late; few, and gone an hour later. By name and not by number, so
-- that the row means the same whoever has the name.
CREATE TABLE terminals (
    user_id    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    forget_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;
-- Which may be dropped by now.
CREATE INDEX terminals_to_forget ON terminals (forget_at);

CREATE TABLE stores (
    id         INTEGER PRIMARY KEY,
    store_id   TEXT    NOT NULL UNIQUE,
    owner      INTEGER NOT NULL REFERENCES accounts,
    is_open    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
-- The stores that close with their owner; all owners, for the audit.
CREATE INDEX stores_of_owner ON stores (owner);

-- What books say, each text once. By hash: whether a text is here already.
CREATE TABLE texts (
    id             INTEGER PRIMARY KEY,
    hash           BLOB    NOT NULL UNIQUE,
    title          TEXT    NOT NULL,
    author         TEXT,
    publisher      TEXT,
    original_title TEXT,
    translator     TEXT,
    pub_year       TEXT,
    pages          INTEGER,
    currency_unit  TEXT,
    binding        TEXT,
    isbn           TEXT,
    author_intro   TEXT,
    book_intro     TEXT,
    content        TEXT,
    tags           TEXT    NOT NULL
) STRICT;

-- Pictures as they were sent, each once. The bytes come last: what stands before them is read
-- without them. By hash: whether a picture is here already, and serving it.
CREATE TABLE pictures (
    id    INTEGER PRIMARY KEY,
    hash  BLOB    NOT NULL UNIQUE,
    kind  INTEGER NOT NULL,
    bytes BLOB    NOT NULL
) STRICT;

-- What seldom changes about a book in a store. By store and book: every order and every change.
CREATE TABLE listings (
    id        INTEGER PRIMARY KEY,
    store     INTEGER NOT NULL REFERENCES stores,
    book_id   TEXT    NOT NULL,
    text      INTEGER NOT NULL REFERENCES texts,
    title     TEXT    NOT NULL,
    is_listed INTEGER NOT NULL,
    listed_at INTEGER NOT NULL,
    UNIQUE (store, book_id)
) STRICT;
-- Whether a text that a listing gave up is still some other's.
CREATE INDEX listings_of_text ON listings (text);

-- The hot part of a listing: every order writes one a book.
CREATE TABLE shelves (
    listing INTEGER PRIMARY KEY REFERENCES listings,
    price   INTEGER NOT NULL,
    stock   INTEGER NOT NULL CHECK (stock >= 0),
    added   INTEGER NOT NULL
) STRICT;

CREATE TABLE listing_pictures (
    listing  INTEGER NOT NULL REFERENCES listings,
    position INTEGER NOT NULL,
    picture  INTEGER NOT NULL REFERENCES pictures,
    PRIMARY KEY (listing, position)
) STRICT, WITHOUT ROWID;
-- Whether a picture that a listing gave up is still some other's.
CREATE INDEX listings_of_picture ON listing_pictures (picture);

-- Orders with their lines in the row: [[listing, book_id, title, count, price], ...]. When an
-- order was placed stands in order_id, a UUIDv7, whose order is that of time. By order_id: every
-- verb. States: 0 placed, 1 paid, 2 sent, 3 received, 4 cancelled.
CREATE TABLE orders (
    id           INTEGER PRIMARY KEY,
    order_id     BLOB    NOT NULL UNIQUE,
    buyer        INTEGER NOT NULL REFERENCES accounts,
    seller       INTEGER NOT NULL REFERENCES accounts,
    store        INTEGER NOT NULL REFERENCES stores,
    state        INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    pay_before   INTEGER,
    paid_at      INTEGER,
    sent_at      INTEGER,
    receive_by   INTEGER,
    received_at  INTEGER,
    cancelled_at INTEGER,
    lines        TEXT    NOT NULL,
    address      TEXT,
    tracking     TEXT
) STRICT;
-- A buyer's history, newest first, from any order on; by state without leaving the index, and so
-- whether he has an open order.
CREATE INDEX orders_of_buyer ON orders (buyer, order_id, state);
-- A seller's orders in one state, newest first, from any order on, in one store without leaving
-- the index; whether he has an open order; all his orders, for the audit. A seller has far more
-- of them than a buyer, so here the state comes first.
CREATE INDEX orders_of_seller ON orders (seller, state, order_id, store);
-- The sweep's next order, and the overdue ones that it has not reached; only orders that have
-- such a deadline are in it.
CREATE INDEX orders_to_be_paid ON orders (pay_before) WHERE state = 0;
CREATE INDEX orders_to_be_received ON orders (receive_by) WHERE state = 2;

-- Movements of money, append-only. Kinds: 0 deposit, 1 withdrawal, 2 payment, 3 release, 4 refund.
-- Whose a deposit or a withdrawal is stands in account; of the others the order knows it.
CREATE TABLE entries (
    id       INTEGER PRIMARY KEY,
    kind     INTEGER NOT NULL,
    order_id INTEGER REFERENCES orders (id),
    account  INTEGER REFERENCES accounts (id),
    at       INTEGER NOT NULL
) STRICT;
-- The entries of an order, for the audit.
CREATE INDEX entries_of_order ON entries (order_id) WHERE order_id IS NOT NULL;

-- The two sides of each movement, clustered so that an account's lie together, newest last: its
-- statement, and its sum. Sides: 0 spendable, 1 held, 2 outside (then the account is 0).
CREATE TABLE postings (
    account INTEGER NOT NULL,
    entry   INTEGER NOT NULL REFERENCES entries,
    side    INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (account, entry, side)
) STRICT, WITHOUT ROWID;

-- Answers kept under idempotency keys, for a day. By user, endpoint and key: the same request
-- again. By the user's name, since the answer may be that his account is gone.
CREATE TABLE kept_answers (
    id          INTEGER PRIMARY KEY,
    user_id     TEXT    NOT NULL,
    endpoint    TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    answer      BLOB    NOT NULL,
    kept_at     INTEGER NOT NULL,
    UNIQUE (user_id, endpoint, key)
) STRICT;
-- Which may be dropped by now.
CREATE INDEX kept_answers_to_forget ON kept_answers (kept_at);

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- How far a shop that is moving in has come, one row until it is here: where it comes from, up to
-- which place there its rows are here, and how many these are.
CREATE TABLE migrations (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    source    BLOB    NOT NULL,
    reached   TEXT    NOT NULL,
    row_count INTEGER NOT NULL
) STRICT;
";

const SCHEMA_2: &str = "
-- What search goes by and has changed, in order: a listing, or a store that was closed. The newest
-- million rows stay, and one at least, so that numbers rise without gaps; the first is no change
-- but the place before all of them.
CREATE TABLE feed (
    id      INTEGER PRIMARY KEY,
    mark    INTEGER NOT NULL,
    listing INTEGER REFERENCES listings,
    store   INTEGER REFERENCES stores
) STRICT;
INSERT INTO feed (mark) VALUES (random());
";

const SCHEMA_3: &str = "
-- Leaky buckets that count failed passwords, by a hash of whose and from where: when each will be
-- empty.
CREATE TABLE buckets (
    key      BLOB    PRIMARY KEY,
    empty_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Which may be dropped by now.
CREATE INDEX buckets_to_forget ON buckets (empty_at);
";

/// The version of the tables that this program reads and writes.
fn known_version() -> i64 {
    version_after(MIGRATIONS)
}

fn version_after(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).expect("a list this short")
}

/// Brings the file at `path` to the version that this program knows: makes the tables in an empty
/// file, and migrates an older one after copying it.
pub(crate) fn bring_up_to_date(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    migrate(connection, path, MIGRATIONS)
}

fn migrate(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let known = version_after(migrations);
    let found = read_version(connection, path, known)?;
    if found == known {
        return Ok(());
    }
    if found > 0 {
        back_up(connection, path, found)?;
    }
    let done = usize::try_from(found).expect("a version this low was checked");
    let mut script = String::from("BEGIN IMMEDIATE;\n");
    migrations[done..]
        .iter()
        .for_each(|migration| script.push_str(migration));
    script.push_str(&format!("PRAGMA application_id = {APPLICATION_ID};\n"));
    script.push_str(&format!("PRAGMA user_version = {known};\nCOMMIT;"));
    let migrated = connection.execute_batch(&script);
    if migrated.is_err() && !connection.is_autocommit() {
        // The migration's own failure is what matters; closing the file undoes it as well.
        drop(connection.execute_batch("ROLLBACK"));
    }
    migrated.map_err(|error| OpenError::database(path, error))
}

/// Checks that a file is empty, or this program's and not a later version's.
pub(crate) fn check_is_ours(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    read_version(connection, path, known_version()).map(drop)
}

/// Checks that a file that is only to be read has the version that this program knows.
pub(crate) fn check_version(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let known = known_version();
    match read_version(connection, path, known)? {
        found if found == known => Ok(()),
        found => Err(OpenError::SchemaOlder {
            path: path.to_owned(),
            found,
            known,
        }),
    }
}

/// The file's version, at most `known`; 0 for an empty file.
fn read_version(connection: &Connection, path: &Path, known: i64) -> Result<i64, OpenError> {
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        number.map_err(|error| OpenError::database(path, error))
    };
    let (application_id, found) = (
        number("PRAGMA application_id")?,
        number("PRAGMA user_version")?,
    );
    let is_empty = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if is_empty && application_id == 0 && found == 0 {
        return Ok(0);
    }
    if application_id != APPLICATION_ID || found < 1 {
        return Err(OpenError::NotABookstore {
            path: path.to_owned(),
        });
    }
    if found > known {
        return Err(OpenError::SchemaNewer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

/// Where the copy of a file is put before it is migrated from `version`.
fn backup_path(path: &Path, version: i64) -> PathBuf {
    path.with_extension(format!("schema-{version}.db"))
}

/// Copies the file. A copy that an earlier attempt left is replaced: that attempt changed nothing.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<(), OpenError> {
    let copy = backup_path(path, version);
    let made = crate::open::create_private_file(&copy);
    let emptied = made.and_then(|file| file.set_len(0));
    emptied.map_err(|error| OpenError::file(&copy, error))?;
    let name = copy.to_string_lossy();
    let copied = connection.execute("VACUUM INTO ?1", [&name]);
    copied.map_err(|error| OpenError::database(&copy, error))?;
    tracing::info!(copy = %name, "copied the data before changing its schema");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Connection {
        Connection::open(path).expect("a database opens")
    }

    fn version(connection: &Connection) -> i64 {
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .expect("a version")
    }

    #[test]
    fn a_migration_leaves_a_copy_of_the_old_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bookstore.db");
        let connection = open(&path);
        migrate(&connection, &path, &[SCHEMA_1]).expect("made");
        connection
            .execute("INSERT INTO secrets VALUES ('x', x'01')", [])
            .expect("inserted");
        let migrations = [SCHEMA_1, "ALTER TABLE secrets ADD COLUMN extra INTEGER;"];
        migrate(&connection, &path, &migrations).expect("migrated");
        assert_eq!(version(&connection), 2);
        assert!(connection.prepare("SELECT extra FROM secrets").is_ok());
        let copy = open(&backup_path(&path, 1));
        assert_eq!(version(&copy), 1);
        let kept: i64 = copy
            .query_row("SELECT count(*) FROM secrets", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn a_file_of_any_version_becomes_like_a_new_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let tables = |name: &str, from: usize| {
            let path = directory.path().join(name);
            let connection = open(&path);
            migrate(&connection, &path, &MIGRATIONS[..from]).expect("made");
            bring_up_to_date(&connection, &path).expect("migrated");
            assert_eq!(version(&connection), known_version());
            let mut statement = connection
                .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .expect("a statement");
            let rows = statement.query_map([], |row| row.get(0)).expect("rows");
            rows.collect::<Result<Vec<String>, _>>().expect("texts")
        };
        let new = tables("new.db", MIGRATIONS.len());
        for from in 1..MIGRATIONS.len() {
            assert_eq!(
                tables(&format!("{from}.db"), from),
                new,
                "from version {from}"
            );
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bookstore.db");
        let connection = open(&path);
        migrate(&connection, &path, &[SCHEMA_1]).expect("made");
        let broken = [
            SCHEMA_1,
            "ALTER TABLE secrets ADD COLUMN extra INTEGER; SELECT broken;",
        ];
        for _ in 0..2 {
            assert!(migrate(&connection, &path, &broken).is_err());
            assert_eq!(version(&connection), 1);
            assert!(connection.prepare("SELECT extra FROM secrets").is_err());
        }
    }

    /// Offers of an older file are sorted as those of a new one.
    #[test]
    fn a_file_of_version_5_learns_what_its_offers_are_sorted_by() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bookstore.db");
        let connection = open(&path);
        migrate(&connection, &path, &MIGRATIONS[..5]).expect("made");
        connection
            .execute_batch(
                "INSERT INTO accounts VALUES (1, 'selma', 'h', 0, 0, 0, 1);
                 INSERT INTO stores VALUES (1, 'corner', 1, 1, 0);
                 INSERT INTO texts (id, hash, title, tags) VALUES (1, x'00', 'atlas', '[]');
                 INSERT INTO listings VALUES (1, 1, 'atlas', 1, 'atlas', 1, 0);
                 INSERT INTO listings VALUES (2, 1, 'globe', 1, 'atlas', 0, 0);
                 INSERT INTO shelves VALUES (1, 100, 0, 10), (2, 250, 3, 3);",
            )
            .expect("a shop");
        bring_up_to_date(&connection, &path).expect("migrated");
        let mut statement = connection
            .prepare("SELECT is_sold_out, price FROM listings ORDER BY id")
            .expect("a statement");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(bool, i64)> = rows.expect("rows").collect::<Result<_, _>>().expect("all");
        assert_eq!(rows, [(true, 100), (false, 250)]);
        assert_eq!(version(&open(&backup_path(&path, 5))), 5);
    }

    #[test]
    fn a_file_of_version_1_begins_a_feed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bookstore.db");
        let connection = open(&path);
        migrate(&connection, &path, &[SCHEMA_1]).expect("made");
        connection
            .execute_batch(
                "INSERT INTO accounts VALUES (1, 'selma', 'h', 0, 0, 0, 1);
                 INSERT INTO stores VALUES (1, 'corner', 1, 1, 0);
                 INSERT INTO texts (id, hash, title, tags) VALUES (1, x'00', 'atlas', '[]');
                 INSERT INTO listings VALUES (1, 1, 'atlas', 1, 'atlas', 1, 0);
                 INSERT INTO shelves VALUES (1, 100, 10, 10);",
            )
            .expect("a shop");
        bring_up_to_date(&connection, &path).expect("migrated");
        assert_eq!(version(&connection), known_version());
        let end = crate::feed::end(&connection).expect("an end");
        let followed = crate::feed::follow(&connection, &end, 10).expect("no failure");
        let changes = Vec::new();
        assert_eq!(followed, storage::Feed::Changes { changes, end });
        let sql = "SELECT count(*) FROM listings";
        let listings: i64 = connection
            .query_row(sql, [], |row| row.get(0))
            .expect("a count");
        assert_eq!(listings, 1, "what was there stays");
        bring_up_to_date(&connection, &path).expect("it is up to date");
        assert_eq!(version(&open(&backup_path(&path, 1))), 1);
    }
}
