//! Terminals at which somebody logged out of late.

use std::sync::Arc;

use domain::{Generation, Terminal, TerminalKey, TerminalName, Timestamp, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns;
use crate::error::{Doing, Stored};

pub(crate) const FIND: &str =
    "SELECT generation, forget_at FROM terminals WHERE user_id = ?1 AND name = ?2";

pub(crate) const LIST_ALL: &str = "
    SELECT generation, forget_at, user_id, name FROM terminals
     WHERE (user_id, name) > (?1, ?2) ORDER BY user_id, name";

pub(crate) const FORGET: &str = "
    DELETE FROM terminals
     WHERE (user_id, name) IN (SELECT user_id, name FROM terminals INDEXED BY terminals_to_forget
                                WHERE forget_at <= ?1 LIMIT ?2)";

fn read(row: &Row<'_>) -> rusqlite::Result<Terminal> {
    let generation = Generation::new(row.get(0)?);
    Ok(Terminal {
        generation,
        forget_at: columns::time(row, 1)?,
    })
}

pub(crate) fn read_with_key(row: &Row<'_>) -> rusqlite::Result<(TerminalKey, Terminal)> {
    let key = TerminalKey {
        user: columns::user(row, 2)?,
        name: columns::checked(row, 3, |text: Arc<str>| TerminalName::new(text))?,
    };
    Ok((key, read(row)?))
}

pub(crate) fn load(
    connection: &Connection,
    key: &TerminalKey,
    rows: &mut WorkingSet,
) -> Stored<()> {
    let doing = "finding a terminal";
    let mut statement = connection.prepare_cached(FIND).doing(doing)?;
    let names = [key.user.as_str(), key.name.as_str()];
    let terminal = statement.query_row(names, read).optional().doing(doing)?;
    rows.terminals.load(key.clone(), terminal, 0);
    Ok(())
}

pub(crate) fn save(connection: &Connection, rows: &WorkingSet) -> Stored<()> {
    let doing = "writing a terminal";
    for (key, entry) in rows.terminals.changed() {
        let Some(terminal) = entry.current() else {
            continue;
        };
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO terminals (user_id, name, generation, forget_at)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (user_id, name) DO UPDATE
                    SET generation = excluded.generation, forget_at = excluded.forget_at",
            )
            .doing(doing)?;
        let written = statement.execute(params![
            key.user.as_str(),
            key.name.as_str(),
            terminal.generation.get(),
            terminal.forget_at.millis(),
        ]);
        written.doing(doing)?;
    }
    Ok(())
}

/// Drops rows whose tokens have all expired. Returns how many.
pub(crate) fn forget(connection: &Connection, now: Timestamp, limit: u32) -> Stored<usize> {
    let doing = "forgetting terminals";
    let mut statement = connection.prepare_cached(FORGET).doing(doing)?;
    statement.execute(params![now.millis(), limit]).doing(doing)
}
