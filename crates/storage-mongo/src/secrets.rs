//! The server's secret.

use mongodb::bson::{Binary, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};
use storage::{ErrorKind, StorageError};

use crate::deployment::{Deployment, in_time};
use crate::error::Stored;
use crate::schema::SECRETS;
use crate::values::{binary, read_bytes};

const DOING: &str = "finding the server's secret";
const NAME: &str = "server";

#[derive(Debug, Serialize, Deserialize)]
struct SecretDocument {
    #[serde(rename = "_id")]
    id: String,
    value: Binary,
}

/// Keeps `candidate` unless a secret is kept already, and returns what is kept: one step of the
/// server, so that processes that start together agree. It has to be a majority's before anybody
/// signs with it, which is the client's write concern.
pub(crate) async fn find_or_keep(deployment: &Deployment, candidate: [u8; 32]) -> Stored<[u8; 32]> {
    let found = in_time(DOING, async {
        deployment
            .collection::<SecretDocument>(SECRETS)
            .find_one_and_update(
                doc! { "_id": NAME },
                doc! { "$setOnInsert": { "value": binary(candidate) } },
            )
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await
    })
    .await;
    let found = match found {
        // Two upserts at once: one of them came second, and finds the other's now.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            deployment
                .find_one::<SecretDocument>(SECRETS, doc! { "_id": NAME }, DOING)
                .await?
        }
        found => found?,
    };
    let secret = found.ok_or_else(|| StorageError::new(ErrorKind::Internal, DOING))?;
    read_bytes(&secret.value, "secret", DOING)
}
