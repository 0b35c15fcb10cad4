//! Answers kept under idempotency keys.

use domain::idempotency::KEPT_FOR;
use domain::{IdempotencyKey, KeepKey, KeptAnswer, Timestamp, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns;
use crate::error::{Damaged, Doing, Stored};

pub(crate) const FIND: &str = "
    SELECT fingerprint, answer, kept_at FROM kept_answers
     WHERE user_id = ?1 AND endpoint = ?2 AND key = ?3";

pub(crate) const FORGET: &str = "
    DELETE FROM kept_answers
     WHERE id IN (SELECT id FROM kept_answers INDEXED BY kept_answers_to_forget
                   WHERE kept_at <= ?1 LIMIT ?2)";

pub(crate) const LIST_ALL: &str = "
    SELECT fingerprint, answer, kept_at, id, user_id, endpoint, key FROM kept_answers
     WHERE id > ?1 ORDER BY id";

pub(crate) fn read_with_key(row: &Row<'_>) -> rusqlite::Result<(i64, (KeepKey, KeptAnswer))> {
    let no_key = Damaged("an idempotency key that no client could have sent");
    let key = KeepKey {
        user: columns::user(row, 4)?,
        endpoint: row.get::<_, String>(5)?.into(),
        key: IdempotencyKey::new(row.get_ref(6)?.as_str()?).ok_or_else(|| no_key.at(6))?,
    };
    Ok((row.get(3)?, (key, read(row)?)))
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeptAnswer> {
    Ok(KeptAnswer {
        fingerprint: row.get(0)?,
        answer: row.get(1)?,
        kept_at: columns::time(row, 2)?,
    })
}

pub(crate) fn load(connection: &Connection, key: &KeepKey, rows: &mut WorkingSet) -> Stored<()> {
    let doing = "looking for a kept answer";
    let mut statement = connection.prepare_cached(FIND).doing(doing)?;
    let names = [key.user.as_str(), &key.endpoint, key.key.as_str()];
    let kept = statement.query_row(names, read).optional().doing(doing)?;
    rows.kept.load(key.clone(), kept, 0);
    Ok(())
}

pub(crate) fn save(connection: &Connection, rows: &WorkingSet) -> Stored<()> {
    let doing = "keeping an answer";
    for (key, entry) in rows.kept.changed() {
        let Some(kept) = entry.current() else {
            continue;
        };
        // An answer that is too old to be given again may still be in the way.
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO kept_answers (user_id, endpoint, key, fingerprint, answer, kept_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (user_id, endpoint, key) DO UPDATE
                    SET fingerprint = excluded.fingerprint, answer = excluded.answer,
                        kept_at = excluded.kept_at",
            )
            .doing(doing)?;
        let written = statement.execute(params![
            key.user.as_str(),
            &*key.endpoint,
            key.key.as_str(),
            kept.fingerprint,
            kept.answer,
            kept.kept_at.millis(),
        ]);
        written.doing(doing)?;
    }
    Ok(())
}

/// Drops answers that are too old to be given again. Returns how many.
pub(crate) fn forget(connection: &Connection, now: Timestamp, limit: u32) -> Stored<usize> {
    let doing = "forgetting kept answers";
    let mut statement = connection.prepare_cached(FORGET).doing(doing)?;
    statement
        .execute(params![now.minus(KEPT_FOR).millis(), limit])
        .doing(doing)
}
