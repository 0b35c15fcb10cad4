//! The deployment as every part of the engine uses it: one client, one database, one clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Clock;
use mongodb::bson::{Bson, Document, Timestamp, doc};
use mongodb::options::{CollectionOptions, ReadConcern, SessionOptions};
use mongodb::{Client, ClientSession, Collection, Database};
use storage::{ErrorKind, StorageError};
use tokio::time::{Instant, timeout_at};

use crate::error::{Doing, Stored};

/// How long an operation or a question may take in all. Past it: [`ErrorKind::Unavailable`], or
/// [`ErrorKind::OutcomeUnknown`] once a commit was sent.
pub(crate) const OPERATION_DEADLINE: Duration = Duration::from_secs(5);

/// The client, its database, and what this process has seen of the deployment's time.
pub(crate) struct Deployment {
    pub(crate) client: Client,
    pub(crate) database: Database,
    /// Under which name the server knows this program's connections.
    pub(crate) application: String,
    pub(crate) clock: Arc<dyn Clock>,
    /// When this process last committed, in the deployment's time. A question waits for the
    /// majority's snapshot to be that new: right after a failover it may not be yet.
    committed_at: Mutex<Option<Timestamp>>,
}

impl Deployment {
    pub(crate) fn new(
        client: Client,
        database: Database,
        application: String,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            client,
            database,
            application,
            clock,
            committed_at: Mutex::new(None),
        }
    }

    /// A collection, for transactions and for what [`Self::snapshot`] reads.
    pub(crate) fn collection<D: Send + Sync>(&self, name: &str) -> Collection<D> {
        self.database.collection(name)
    }

    /// A collection for [`Self::question`]s.
    pub(crate) fn asked<D: Send + Sync>(&self, name: &str) -> Collection<D> {
        let options = CollectionOptions::builder()
            .read_concern(ReadConcern::majority())
            .build();
        self.database.collection_with_options(name, options)
    }

    /// Remembers when a transaction of this process was committed.
    pub(crate) fn note_commit(&self, session: &ClientSession) {
        if let Some(time) = session.operation_time() {
            let mut last = self
                .committed_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if last.is_none_or(|last| last < time) {
                *last = Some(time);
            }
        }
    }

    /// A session for questions: it sees all that was answered before it was asked. The primary
    /// reads what a majority has, and every answered commit waited for a majority; `afterClusterTime`
    /// holds a new primary to it as well.
    pub(crate) async fn question(&self) -> mongodb::error::Result<ClientSession> {
        let mut session = self.client.start_session().await?;
        let last = *self
            .committed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(time) = last {
            session.advance_operation_time(time);
        }
        Ok(session)
    }

    /// A session all of whose reads are of one moment.
    pub(crate) async fn snapshot(&self) -> mongodb::error::Result<ClientSession> {
        let options = SessionOptions::builder().snapshot(true).build();
        self.client.start_session().with_options(options).await
    }

    /// The one document that a question asks for.
    pub(crate) async fn find_one<D>(
        &self,
        collection: &str,
        filter: Document,
        doing: &'static str,
    ) -> Stored<Option<D>>
    where
        D: serde::de::DeserializeOwned + Send + Sync,
    {
        in_time(doing, async {
            let mut session = self.question().await?;
            let collection = self.asked::<D>(collection);
            collection
                .find_one(filter)
                .max_time(OPERATION_DEADLINE)
                .session(&mut session)
                .await
        })
        .await
    }

    /// Those documents with these ids that there are.
    pub(crate) async fn find_by_id<D>(
        &self,
        collection: &str,
        ids: Vec<Bson>,
        doing: &'static str,
    ) -> Stored<Vec<D>>
    where
        D: serde::de::DeserializeOwned + Send + Sync,
    {
        in_time(doing, async {
            let mut session = self.question().await?;
            let collection = self.asked::<D>(collection);
            let finding = collection.find(doc! { "_id": { "$in": ids } });
            let mut cursor = finding
                .max_time(OPERATION_DEADLINE)
                .session(&mut session)
                .await?;
            let mut found = Vec::new();
            while cursor.advance(&mut session).await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })
        .await
    }
}

/// Waits for a question's answer, but no longer than [`OPERATION_DEADLINE`].
pub(crate) async fn in_time<T>(
    doing: &'static str,
    step: impl Future<Output = mongodb::error::Result<T>>,
) -> Stored<T> {
    until(Instant::now() + OPERATION_DEADLINE, doing, step).await
}

/// Waits for a step, but no longer than until `deadline`: a stopped server answers nothing at all,
/// and the driver would wait for it.
pub(crate) async fn until<T>(
    deadline: Instant,
    doing: &'static str,
    step: impl Future<Output = mongodb::error::Result<T>>,
) -> Stored<T> {
    match timeout_at(deadline, step).await {
        Ok(result) => result.doing(doing),
        Err(_) => Err(StorageError::new(ErrorKind::Unavailable, doing)),
    }
}
