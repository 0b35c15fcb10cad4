//! The server's secret.

use rusqlite::Connection;

use crate::error::{Doing, Stored};

const NAME: &str = "server";

/// Keeps `candidate` unless a secret is kept already, and returns what is kept.
pub(crate) fn find_or_keep(connection: &Connection, candidate: [u8; 32]) -> Stored<[u8; 32]> {
    let doing = "finding the server's secret";
    let inserted = connection.execute(
        "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        (NAME, candidate),
    );
    inserted.doing(doing)?;
    let find = "SELECT value FROM secrets WHERE name = ?1";
    connection
        .query_row(find, [NAME], |row| row.get(0))
        .doing(doing)
}
