//! Sorted documents of one moment, a few at a time, and two such streams side by side.

use std::cmp::Ordering;
use std::time::Duration;

use mongodb::bson::{Document, Timestamp, doc};
use mongodb::options::SessionOptions;
use mongodb::{ClientSession, SessionCursor};
use serde::de::DeserializeOwned;
use storage::{ErrorKind, StorageError};
use tokio::time::Instant;

use super::DOING;
use crate::deployment::{Deployment, in_time, until};
use crate::error::Stored;
use crate::schema::ACCOUNTS;

/// How long the server may take for the next documents: to sum up all orders, the first time.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);
/// How many documents come at a time.
const BATCH_DOCUMENTS: u32 = 1_000;

/// The present moment of the deployment, from which any number of streams can read.
pub(super) async fn moment(deployment: &Deployment) -> Stored<Timestamp> {
    let moment = in_time(DOING, async {
        let mut session = deployment.snapshot().await?;
        let accounts = deployment.collection::<Document>(ACCOUNTS);
        accounts
            .find_one(doc! {})
            .projection(doc! { "_id": 1 })
            .session(&mut session)
            .await?;
        Ok(session.snapshot_time())
    });
    moment
        .await?
        .ok_or_else(|| StorageError::new(ErrorKind::Internal, DOING))
}

/// Documents of one moment, in rising order of their ids.
pub(super) struct Stream<D> {
    session: ClientSession,
    cursor: SessionCursor<D>,
    peeked: Option<D>,
}

impl<D: DeserializeOwned + Send + Sync> Stream<D> {
    /// What a filter names.
    pub(super) async fn find(
        deployment: &Deployment,
        moment: Timestamp,
        collection: &str,
        filter: Document,
    ) -> Stored<Self> {
        let mut session = session(deployment, moment).await?;
        let collection = deployment.collection::<D>(collection);
        let finding = collection
            .find(filter)
            .sort(doc! { "_id": 1 })
            .batch_size(BATCH_DOCUMENTS);
        let cursor = step(finding.session(&mut session).into_future()).await?;
        Ok(Self {
            session,
            cursor,
            peeked: None,
        })
    }

    /// What a pipeline gives, which is to sort it.
    pub(super) async fn aggregate(
        deployment: &Deployment,
        moment: Timestamp,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Stored<Self> {
        let mut session = session(deployment, moment).await?;
        let collection = deployment.collection::<Document>(collection);
        let summing = collection.aggregate(pipeline).allow_disk_use(true);
        let summing = summing.batch_size(BATCH_DOCUMENTS).session(&mut session);
        let cursor = step(summing.into_future()).await?.with_type();
        Ok(Self {
            session,
            cursor,
            peeked: None,
        })
    }

    /// The next document; `None` at the end.
    pub(super) async fn next(&mut self) -> Stored<Option<D>> {
        if let Some(document) = self.peeked.take() {
            return Ok(Some(document));
        }
        let next = async { self.cursor.next(&mut self.session).await.transpose() };
        step(next).await
    }

    /// The next document, which stays.
    pub(super) async fn peek(&mut self) -> Stored<Option<&D>> {
        if self.peeked.is_none() {
            self.peeked = self.next().await?;
        }
        Ok(self.peeked.as_ref())
    }
}

async fn session(deployment: &Deployment, moment: Timestamp) -> Stored<ClientSession> {
    let options = SessionOptions::builder()
        .snapshot(true)
        .snapshot_time(moment)
        .build();
    step(
        deployment
            .client
            .start_session()
            .with_options(options)
            .into_future(),
    )
    .await
}

async fn step<T>(step: impl Future<Output = mongodb::error::Result<T>>) -> Stored<T> {
    until(Instant::now() + STEP_TIMEOUT, DOING, step).await
}

/// What a stream is sorted by.
pub(super) trait Keyed {
    type Key: Ord;
    fn key(&self) -> &Self::Key;
}

/// What two streams have under one key.
pub(super) enum Pair<L, R> {
    Left(L),
    Both(L, R),
    Right(R),
}

/// Takes the smaller of the next keys from two streams; `None` at the end of both.
pub(super) async fn next_pair<L, R>(
    left: &mut Stream<L>,
    right: &mut Stream<R>,
) -> Stored<Option<Pair<L, R>>>
where
    L: Keyed + DeserializeOwned + Send + Sync,
    R: Keyed<Key = L::Key> + DeserializeOwned + Send + Sync,
{
    let order = match (left.peek().await?, right.peek().await?) {
        (None, None) => return Ok(None),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(left), Some(right)) => left.key().cmp(right.key()),
    };
    let left = if order.is_le() {
        left.next().await?
    } else {
        None
    };
    let right = if order.is_ge() {
        right.next().await?
    } else {
        None
    };
    Ok(match (left, right) {
        (Some(left), Some(right)) => Some(Pair::Both(left, right)),
        (Some(left), None) => Some(Pair::Left(left)),
        (None, right) => right.map(Pair::Right),
    })
}
