//! How far a shop that is moving in has come: one document, or none.

use domain::{Key, Migration, SourceMark, WorkingSet};
use mongodb::bson::{Binary, Bson, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::Stored;
use crate::schema::META;
use crate::transaction::Transaction;
use crate::values::{binary, read_bytes};

const LOADING: &str = "looking for a migration";
const SAVING: &str = "noting a migration";
const ID: &str = "migration";

/// A migration as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct MigrationDocument {
    #[serde(rename = "_id")]
    id: String,
    source: Binary,
    reached: String,
    rows: i64,
}

impl MigrationDocument {
    fn of(migration: &Migration) -> Self {
        Self {
            id: ID.to_owned(),
            source: binary(migration.source.to_bytes()),
            reached: migration.reached.as_ref().to_owned(),
            rows: migration.rows,
        }
    }

    fn read(self) -> Stored<Migration> {
        let source = read_bytes(&self.source, "source's mark", LOADING)?;
        Ok(Migration {
            source: SourceMark::from_bytes(source),
            reached: self.reached.into(),
            rows: self.rows,
        })
    }
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    if keys.contains(&Key::Migration) {
        let found: Vec<MigrationDocument> = transaction
            .find_by_id(META, &[Bson::from(ID)], LOADING)
            .await?;
        let migration = found.into_iter().next().map(MigrationDocument::read);
        rows.migration.load((), migration.transpose()?, 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    for ((), entry) in rows.migration.changed() {
        match (entry.saved(), entry.current().map(MigrationDocument::of)) {
            (None, None) => {}
            (None, Some(begun)) => transaction.insert(META, vec![begun], SAVING).await?,
            (Some(_), None) => {
                transaction
                    .delete(META, vec![Bson::from(ID)], SAVING)
                    .await?
            }
            (
                Some(_),
                Some(MigrationDocument {
                    source,
                    reached,
                    rows,
                    ..
                }),
            ) => {
                let statement = rawdoc! {
                    "q": { "_id": ID },
                    "u": { "$set": { "source": source, "reached": reached, "rows": rows } },
                };
                transaction.update(META, vec![statement], SAVING).await?;
            }
        }
    }
    Ok(())
}

/// The shop that is moving in.
pub(crate) async fn find(deployment: &Deployment) -> Stored<Option<Migration>> {
    let filter = doc! { "_id": ID };
    let found: Option<MigrationDocument> = deployment.find_one(META, filter, LOADING).await?;
    found.map(MigrationDocument::read).transpose()
}
