//! Stores.

use domain::{Key, Store, StoreId, UserId, WorkingSet};
use mongodb::bson::{Bson, DateTime, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, OPERATION_DEADLINE, in_time};
use crate::error::Stored;
use crate::schema::STORES;
use crate::transaction::Transaction;
use crate::values::{date, read_store, read_user, time};

const LOADING: &str = "finding stores";
const SAVING: &str = "writing stores";

/// A store as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoreDocument {
    #[serde(rename = "_id")]
    id: String,
    owner: String,
    is_open: bool,
    created_at: DateTime,
}

/// An id alone.
#[derive(Debug, Deserialize)]
struct IdOnly {
    #[serde(rename = "_id")]
    id: String,
}

impl StoreDocument {
    fn of(store: &Store) -> Self {
        Self {
            id: store.id.as_str().to_owned(),
            owner: store.owner.as_str().to_owned(),
            is_open: store.is_open,
            created_at: date(store.created_at),
        }
    }

    pub(crate) fn read(self) -> Stored<Store> {
        Ok(Store {
            id: read_store(self.id, LOADING)?,
            owner: read_user(self.owner, LOADING)?,
            is_open: self.is_open,
            created_at: time(self.created_at),
        })
    }
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Store(store) if !rows.stores.is_loaded(store) => Some(store.clone()),
        _ => None,
    };
    let mut stores: Vec<StoreId> = keys.iter().filter_map(named).collect();
    stores.sort_unstable();
    if stores.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = stores.iter().map(|store| store.as_str().into()).collect();
    let found: Vec<StoreDocument> = transaction.find_by_id(STORES, &ids, LOADING).await?;
    for document in found {
        let store = document.read()?;
        rows.stores.load(store.id.clone(), Some(store), 0);
    }
    for store in stores {
        rows.stores.load(store, None, 0);
    }
    Ok(())
}

/// The ids of a seller's stores, closed ones too.
pub(crate) async fn list_of_owner(deployment: &Deployment, owner: &UserId) -> Stored<Vec<String>> {
    in_time(LOADING, async {
        let mut session = deployment.question().await?;
        let stores = deployment.asked::<IdOnly>(STORES);
        let finding = stores
            .find(doc! { "owner": owner.as_str() })
            .projection(doc! { "_id": 1 });
        let mut cursor = finding
            .max_time(OPERATION_DEADLINE)
            .session(&mut session)
            .await?;
        let mut found = Vec::new();
        while cursor.advance(&mut session).await? {
            found.push(cursor.deserialize_current()?.id);
        }
        Ok(found)
    })
    .await
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    for (id, entry) in rows.stores.changed() {
        let Some(store) = entry.current() else {
            continue;
        };
        if entry.saved().is_none() {
            added.push(StoreDocument::of(store));
            continue;
        }
        // All that ever changes about a store is that it closes.
        updates.push(rawdoc! {
            "q": { "_id": id.as_str() },
            "u": { "$set": { "is_open": store.is_open } },
        });
    }
    transaction.update(STORES, updates, SAVING).await?;
    transaction.insert(STORES, added, SAVING).await
}
