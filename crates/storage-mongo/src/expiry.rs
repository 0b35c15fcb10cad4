//! Dropping what has expired, in bounded steps.

use mongodb::bson::{Bson, Document, doc};

use crate::deployment::{Deployment, in_time};
use crate::error::Stored;

/// How many documents go in one step.
const STEP_MAX: u32 = 1_000;

/// Removes at most `limit` documents that `filter` names.
pub(crate) async fn forget(
    deployment: &Deployment,
    collection: &str,
    filter: Document,
    limit: u32,
    doing: &'static str,
) -> Stored<u64> {
    let mut gone = 0;
    while gone < u64::from(limit) {
        let left = u64::from(limit) - gone;
        let step = u32::try_from(left).unwrap_or(STEP_MAX).min(STEP_MAX);
        let count = forget_some(deployment, collection, filter.clone(), step, doing).await?;
        gone += count;
        if count < u64::from(step) {
            break;
        }
    }
    Ok(gone)
}

/// Removes at most `step` documents. The second look at the filter keeps whatever was renewed in
/// between.
async fn forget_some(
    deployment: &Deployment,
    collection: &str,
    filter: Document,
    step: u32,
    doing: &'static str,
) -> Stored<u64> {
    in_time(doing, async {
        let documents = deployment.collection::<Document>(collection);
        let finding = documents.find(filter.clone()).projection(doc! { "_id": 1 });
        let mut cursor = finding.limit(i64::from(step)).batch_size(step).await?;
        let mut ids: Vec<Bson> = Vec::new();
        while cursor.advance().await? {
            ids.extend(cursor.deserialize_current()?.remove("_id"));
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let mut expired = filter;
        expired.insert("_id", doc! { "$in": ids });
        documents
            .delete_many(expired)
            .await
            .map(|deleted| deleted.deleted_count)
    })
    .await
}
