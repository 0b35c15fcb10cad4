//! What filling shops takes: a clock that goes on with the work, an engine, and much at once.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{anyhow, bail};
use domain::{Clock, Operation, Request, Timestamp};
use storage::Storage;
use storage_mongo::MongoStorage;
use storage_sqlite::{Options, SqliteStorage};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many operations are under way at once.
const UNDER_WAY_MAX: usize = 1_024;
const TELL_EVERY: u64 = 100_000;

/// A clock that stands still between steps.
pub struct SteppedClock(AtomicI64);

impl SteppedClock {
    pub fn new(begin_millis: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(begin_millis)))
    }

    pub fn step(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Opens what is at a folder or a `mongodb://` URL.
pub async fn open(place: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Storage>> {
    if place.starts_with('-') {
        bail!("`{place}` is neither a folder nor a URL; there are no options");
    }
    if place.starts_with("mongodb") {
        Ok(Arc::new(MongoStorage::open(place, clock).await?))
    } else {
        Ok(Arc::new(SqliteStorage::open(Options::new(place), clock)?))
    }
}

/// Does something for each of these, many at once, and tells how far it is.
pub async fn each<T, F>(
    items: impl IntoIterator<Item = T>,
    what: &str,
    mut work: impl FnMut(T) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for (number, item) in (1_u64..).zip(items) {
        while under_way.len() >= UNDER_WAY_MAX {
            if let Some(ended) = under_way.join_next().await {
                ended??;
            }
        }
        under_way.spawn(work(item));
        if number.is_multiple_of(TELL_EVERY) {
            println!("{number} {what}");
        }
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    Ok(())
}

/// Runs an operation that nothing is in the way of.
pub async fn run<O>(storage: &dyn Storage, operation: O) -> anyhow::Result<()>
where
    O: Operation + Send + 'static,
    O::Done: Send,
    O::Refusal: Send + Debug,
{
    let done = storage::run(storage, Request::unproved(operation)).await?;
    done.map(drop)
        .map_err(|refused| anyhow!("refused: {refused:?}"))
}
