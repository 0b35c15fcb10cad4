//! Leaky buckets, which count failed attempts: each one document that is changed by itself.
//!
//! Not in the batches' transactions, where an account under attack would be in the way of what
//! customers do; and without waiting for a majority, since a failure that a lost primary forgets
//! is one more guess and no more.

use domain::{BucketKey, Pour, Timestamp};
use futures_util::future::try_join_all;
use mongodb::Collection;
use mongodb::bson::{Binary, DateTime, Document, doc};
use mongodb::options::{
    Acknowledgment, CollectionOptions, ReadConcern, ReturnDocument, WriteConcern,
};
use serde::{Deserialize, Serialize};
use storage::{ErrorKind, StorageError};

use crate::deployment::{Deployment, in_time};
use crate::error::Stored;
use crate::expiry;
use crate::schema::BUCKETS;
use crate::values::{binary, date, time};

const POURING: &str = "pouring into a bucket";

/// A bucket as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct BucketDocument {
    #[serde(rename = "_id")]
    id: Binary,
    empty_at: DateTime,
}

fn collection(deployment: &Deployment) -> Collection<BucketDocument> {
    let options = CollectionOptions::builder()
        .read_concern(ReadConcern::local())
        .write_concern(WriteConcern::builder().w(Acknowledgment::Nodes(1)).build())
        .build();
    let database = &deployment.database;
    database.collection_with_options(BUCKETS, options)
}

fn filter(bucket: BucketKey) -> Document {
    doc! { "_id": binary(bucket.to_bytes()) }
}

/// [`domain::bucket::pour`] in the server's words, since other processes pour too.
fn poured(amount_ms: i64, now: Timestamp) -> Vec<Document> {
    let now = date(now);
    let left = doc! { "$max": ["$empty_at", now] };
    let poured = doc! { "$max": [now, { "$add": [left, amount_ms] }] };
    vec![doc! { "$set": { "empty_at": poured } }]
}

/// Pours into all buckets at the same time; into the same one twice, one after the other.
pub(crate) async fn pour(
    deployment: &Deployment,
    pours: Vec<Pour>,
    now: Timestamp,
) -> Stored<Vec<Timestamp>> {
    let is_apart = |(place, pour): (usize, &Pour)| {
        let before = &pours[..place];
        before.iter().all(|earlier| earlier.bucket != pour.bucket)
    };
    if pours.iter().enumerate().all(is_apart) {
        return try_join_all(pours.iter().map(|pour| pour_one(deployment, *pour, now))).await;
    }
    let mut empty = Vec::with_capacity(pours.len());
    for pour in pours {
        empty.push(pour_one(deployment, pour, now).await?);
    }
    Ok(empty)
}

async fn pour_one(deployment: &Deployment, pour: Pour, now: Timestamp) -> Stored<Timestamp> {
    match try_pour(deployment, pour, now).await {
        // Two made the bucket at once: one of them came second, and finds it there now.
        Err(error) if error.kind() == ErrorKind::Conflict => try_pour(deployment, pour, now).await,
        poured => poured,
    }
}

async fn try_pour(deployment: &Deployment, pour: Pour, now: Timestamp) -> Stored<Timestamp> {
    let found = in_time(POURING, async {
        collection(deployment)
            .find_one_and_update(filter(pour.bucket), poured(pour.amount_ms, now))
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await
    })
    .await?;
    let bucket = found.ok_or_else(|| StorageError::new(ErrorKind::Internal, POURING))?;
    Ok(time(bucket.empty_at))
}

/// When a bucket will be empty, or was.
pub(crate) async fn find(deployment: &Deployment, bucket: BucketKey) -> Stored<Option<Timestamp>> {
    let buckets = collection(deployment);
    let finding = buckets.find_one(filter(bucket)).into_future();
    let found = in_time("finding a bucket", finding).await?;
    Ok(found.map(|bucket| time(bucket.empty_at)))
}

/// Drops buckets that are empty. Returns how many.
pub(crate) async fn forget(deployment: &Deployment, now: Timestamp, limit: u32) -> Stored<u64> {
    let filter = doc! { "empty_at": { "$lte": date(now) } };
    expiry::forget(deployment, BUCKETS, filter, limit, "forgetting buckets").await
}
