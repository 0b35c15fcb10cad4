//! Columns to domain types.

use std::error::Error;
use std::sync::Arc;

use domain::{Fen, StoreId, Timestamp, UserId};
use rusqlite::Row;
use rusqlite::types::FromSql;

use crate::error::damaged;

/// A column whose value has limits.
pub(crate) fn checked<V, T, E>(
    row: &Row<'_>,
    column: usize,
    make: impl FnOnce(V) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    V: FromSql,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    make(row.get(column)?).map_err(|why| damaged(column, why))
}

pub(crate) fn user(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    checked(row, column, |text: Arc<str>| UserId::new(text))
}

pub(crate) fn store(row: &Row<'_>, column: usize) -> rusqlite::Result<StoreId> {
    checked(row, column, |text: Arc<str>| StoreId::new(text))
}

pub(crate) fn fen(row: &Row<'_>, column: usize) -> rusqlite::Result<Fen> {
    row.get(column).map(Fen::new)
}

pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}
