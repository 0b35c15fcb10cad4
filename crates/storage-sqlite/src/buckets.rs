//! Leaky buckets, which count failed attempts.

use domain::bucket;
use domain::{BucketKey, Pour, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::error::{Doing, Stored};

pub(crate) const FIND: &str = "SELECT empty_at FROM buckets WHERE key = ?1";

pub(crate) const KEEP: &str = "
    INSERT INTO buckets (key, empty_at) VALUES (?1, ?2)
    ON CONFLICT (key) DO UPDATE SET empty_at = excluded.empty_at";

pub(crate) const FORGET: &str = "
    DELETE FROM buckets
     WHERE key IN (SELECT key FROM buckets INDEXED BY buckets_to_forget
                    WHERE empty_at <= ?1 LIMIT ?2)";

/// When a bucket will be empty, or was.
pub(crate) fn find(connection: &Connection, bucket: BucketKey) -> Stored<Option<Timestamp>> {
    let doing = "finding a bucket";
    let mut statement = connection.prepare_cached(FIND).doing(doing)?;
    statement
        .query_row([bucket.to_bytes()], |row| columns::time(row, 0))
        .optional()
        .doing(doing)
}

/// Pours, one after the other, and says when each bucket will be empty.
pub(crate) fn pour(
    connection: &Connection,
    pours: &[Pour],
    now: Timestamp,
) -> Stored<Vec<Timestamp>> {
    let doing = "pouring into a bucket";
    let mut keep = connection.prepare_cached(KEEP).doing(doing)?;
    let pour = |pour: &Pour| {
        let empty_at = bucket::pour(find(connection, pour.bucket)?, pour.amount_ms, now);
        let written = keep.execute(params![pour.bucket.to_bytes(), empty_at.millis()]);
        written.doing(doing).map(|_| empty_at)
    };
    pours.iter().map(pour).collect()
}

/// Drops buckets that are empty. Returns how many.
pub(crate) fn forget(connection: &Connection, now: Timestamp, limit: u32) -> Stored<usize> {
    let doing = "forgetting empty buckets";
    let mut statement = connection.prepare_cached(FORGET).doing(doing)?;
    statement.execute(params![now.millis(), limit]).doing(doing)
}
