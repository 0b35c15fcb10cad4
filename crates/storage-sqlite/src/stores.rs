//! Stores.

use domain::{Store, StoreId, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage::{ErrorKind, StorageError};

use crate::accounts;
use crate::columns;
use crate::error::{Doing, Stored};

pub(crate) const FIND: &str = "
    SELECT s.id, s.store_id, a.user_id, s.is_open, s.created_at
      FROM stores s CROSS JOIN accounts a ON a.id = s.owner
     WHERE s.store_id = ?1";

pub(crate) const LIST_ALL: &str = "
    SELECT s.id, s.store_id, a.user_id, s.is_open, s.created_at
      FROM stores s CROSS JOIN accounts a ON a.id = s.owner
     WHERE s.id > ?1 ORDER BY s.id";

pub(crate) const FIND_NUMBER: &str = "SELECT id FROM stores WHERE store_id = ?1";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Store)> {
    let store = Store {
        id: columns::store(row, 1)?,
        owner: columns::user(row, 2)?,
        is_open: row.get(3)?,
        created_at: columns::time(row, 4)?,
    };
    Ok((row.get(0)?, store))
}

/// The store with its number.
pub(crate) fn find(connection: &Connection, store: &StoreId) -> Stored<Option<(i64, Store)>> {
    let mut statement = connection.prepare_cached(FIND).doing("finding a store")?;
    statement
        .query_row([store.as_str()], read)
        .optional()
        .doing("finding a store")
}

/// The store's number.
pub(crate) fn find_number(connection: &Connection, store: &StoreId) -> Stored<Option<i64>> {
    let mut statement = connection
        .prepare_cached(FIND_NUMBER)
        .doing("resolving a store")?;
    statement
        .query_row([store.as_str()], |row| row.get(0))
        .optional()
        .doing("resolving a store")
}

pub(crate) fn load(connection: &Connection, store: &StoreId, rows: &mut WorkingSet) -> Stored<()> {
    let (number, found) = find(connection, store)?.unzip();
    rows.stores.load(store.clone(), found, number.unwrap_or(0));
    Ok(())
}

/// The number of a store that another row is to name.
pub(crate) fn number(connection: &Connection, rows: &WorkingSet, store: &StoreId) -> Stored<i64> {
    if let Some(number) = rows.stores.handle(store) {
        return Ok(number);
    }
    let missing = || StorageError::new(ErrorKind::Internal, "resolving a store that isn't there");
    find_number(connection, store)?.ok_or_else(missing)
}

pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    let doing = "writing a store";
    for key in rows.stores.changed_keys().to_vec() {
        let entry = rows.stores.entry(&key).expect("a changed row is an entry");
        let (handle, Some(store)) = (entry.handle, entry.current().cloned()) else {
            continue;
        };
        if handle != 0 {
            // All that ever changes about a store is that it closes.
            let mut statement = connection
                .prepare_cached("UPDATE stores SET is_open = ?2 WHERE id = ?1")
                .doing(doing)?;
            statement
                .execute(params![handle, store.is_open])
                .doing(doing)?;
            continue;
        }
        let owner = accounts::number(connection, rows, &store.owner)?;
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO stores (store_id, owner, is_open, created_at) VALUES (?1, ?2, ?3, ?4)",
            )
            .doing(doing)?;
        let created_at = store.created_at.millis();
        let number = statement
            .insert(params![store.id.as_str(), owner, store.is_open, created_at])
            .doing(doing)?;
        rows.stores.set_handle(&key, number);
    }
    Ok(())
}
