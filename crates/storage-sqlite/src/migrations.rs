//! How far a shop that is moving in has come: one row, or none.

use std::sync::Arc;

use domain::{Migration, SourceMark, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Doing, Stored};

pub(crate) const FIND: &str = "SELECT source, reached, row_count FROM migrations WHERE id = 1";

fn read(row: &Row<'_>) -> rusqlite::Result<Migration> {
    Ok(Migration {
        source: SourceMark::from_bytes(row.get(0)?),
        reached: row.get::<_, Arc<str>>(1)?,
        rows: row.get(2)?,
    })
}

pub(crate) fn find(connection: &Connection) -> Stored<Option<Migration>> {
    let doing = "looking for a migration";
    let mut statement = connection.prepare_cached(FIND).doing(doing)?;
    statement.query_row([], read).optional().doing(doing)
}

pub(crate) fn load(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    rows.migration.load((), find(connection)?, 0);
    Ok(())
}

pub(crate) fn save(connection: &Connection, rows: &WorkingSet) -> Stored<()> {
    let doing = "noting a migration";
    for (_, entry) in rows.migration.changed() {
        let Some(migration) = entry.current() else {
            let deleted = connection.execute("DELETE FROM migrations", []);
            deleted.doing(doing)?;
            continue;
        };
        let mut statement = connection
            .prepare_cached(
                "INSERT OR REPLACE INTO migrations (id, source, reached, row_count)
                 VALUES (1, ?1, ?2, ?3)",
            )
            .doing(doing)?;
        let source = migration.source.to_bytes();
        statement
            .execute(params![source, migration.reached, migration.rows])
            .doing(doing)?;
    }
    Ok(())
}
