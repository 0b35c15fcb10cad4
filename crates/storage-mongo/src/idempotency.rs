//! Kept answers.

use std::collections::HashMap;

use domain::idempotency::KEPT_FOR;
use domain::{IdempotencyKey, KeepKey, KeptAnswer, Key, Timestamp, WorkingSet};
use mongodb::bson::{Binary, Bson, DateTime, RawBson, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::{Stored, damaged};
use crate::expiry;
use crate::schema::KEPT_ANSWERS;
use crate::transaction::Transaction;
use crate::values::{binary, date, read_bytes, read_user, time};

const LOADING: &str = "finding kept answers";
const SAVING: &str = "keeping answers";

/// What names a kept answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct KeptId {
    user: String,
    endpoint: String,
    key: String,
}

impl KeptId {
    fn of(key: &KeepKey) -> Self {
        Self {
            user: key.user.as_str().to_owned(),
            endpoint: key.endpoint.clone().into_owned(),
            key: key.key.as_str().to_owned(),
        }
    }
}

/// A kept answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptDocument {
    #[serde(rename = "_id")]
    id: KeptId,
    fingerprint: Binary,
    answer: Binary,
    kept_at: DateTime,
}

impl KeptDocument {
    pub(crate) fn read(self) -> Stored<(KeepKey, KeptAnswer)> {
        let KeptId {
            user,
            endpoint,
            key,
        } = self.id;
        let key = KeepKey {
            user: read_user(user, LOADING)?,
            endpoint: endpoint.into(),
            key: IdempotencyKey::new(&key).ok_or_else(|| damaged("idempotency key", LOADING))?,
        };
        let fingerprint = read_bytes(&self.fingerprint, "fingerprint", LOADING)?;
        let (answer, kept_at) = (self.answer.bytes.into(), time(self.kept_at));
        Ok((
            key,
            KeptAnswer {
                fingerprint,
                answer,
                kept_at,
            },
        ))
    }
}

fn id(key: &KeepKey) -> Bson {
    doc! { "user": key.user.as_str(), "endpoint": key.endpoint.as_ref(), "key": key.key.as_str() }
        .into()
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Kept(key) => Some(key.clone()),
        _ => None,
    };
    let keys: Vec<KeepKey> = keys.iter().filter_map(named).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = keys.iter().map(id).collect();
    let found: Vec<KeptDocument> = transaction.find_by_id(KEPT_ANSWERS, &ids, LOADING).await?;
    let mut found: HashMap<KeptId, KeptDocument> = found
        .into_iter()
        .map(|document| (document.id.clone(), document))
        .collect();
    for key in keys {
        let document = found.remove(&KeptId::of(&key));
        let kept = document.map(KeptDocument::read).transpose()?;
        rows.kept.load(key, kept.map(|(_, kept)| kept), 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    for (key, entry) in rows.kept.changed() {
        let Some(kept) = entry.current() else {
            continue;
        };
        let document = KeptDocument {
            id: KeptId::of(key),
            fingerprint: binary(kept.fingerprint),
            answer: binary(kept.answer.as_ref()),
            kept_at: date(kept.kept_at),
        };
        if entry.saved().is_none() {
            added.push(document);
            continue;
        }
        let KeptId {
            user,
            endpoint,
            key,
        } = document.id;
        updates.push(rawdoc! {
            "q": { "_id": { "user": user, "endpoint": endpoint, "key": key } },
            "u": { "$set": {
                "fingerprint": document.fingerprint,
                "answer": document.answer,
                "kept_at": RawBson::DateTime(document.kept_at),
            } },
        });
    }
    transaction.update(KEPT_ANSWERS, updates, SAVING).await?;
    transaction.insert(KEPT_ANSWERS, added, SAVING).await
}

/// Drops answers that were kept long enough. Returns how many.
pub(crate) async fn forget(deployment: &Deployment, now: Timestamp, limit: u32) -> Stored<u64> {
    let filter = doc! { "kept_at": { "$lte": date(now.minus(KEPT_FOR)) } };
    expiry::forget(
        deployment,
        KEPT_ANSWERS,
        filter,
        limit,
        "forgetting kept answers",
    )
    .await
}
