//! The writer: a bounded queue, and a thread that takes what waits in batches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Clock, Key, WorkingSet};
use storage::{
    BATCH_MAX_OPERATIONS, ErrorKind, Job, QUEUE_MAX_OPERATIONS, StorageError, run_batch,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::deployment::{Deployment, OPERATION_DEADLINE};
use crate::transaction::Transaction;

/// How many rows the operations of one batch name, give or take its last operation. A thousand
/// books in each of 256 orders would take longer together than any of them may.
const BATCH_MAX_ROWS: usize = 4_096;

/// An operation in the queue, and until when it must be answered.
struct Waiting {
    job: Box<dyn Job>,
    deadline: Instant,
}

/// The way in to the writer.
pub(crate) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    /// Closed when the writer has ended.
    ended: watch::Receiver<()>,
}

impl Writer {
    /// Starts the writer. It has a thread of its own, since rules are plain functions that may
    /// keep it busy; its input and output are the runtime's.
    pub(crate) fn start(deployment: Arc<Deployment>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX_OPERATIONS);
        let (ending, ended) = watch::channel(());
        let runtime = Handle::current();
        std::thread::spawn(move || {
            runtime.block_on(write(deployment, waiting));
            drop(ending);
        });
        Self {
            queue: Mutex::new(Some(queue)),
            ended,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Option<mpsc::Sender<Waiting>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an operation, or says why not.
    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        let waiting = Waiting {
            job,
            deadline: Instant::now() + OPERATION_DEADLINE,
        };
        let kind = match self.queue().as_ref().map(|queue| queue.try_send(waiting)) {
            Some(Ok(())) => return Ok(()),
            Some(Err(TrySendError::Full(_))) => ErrorKind::Overloaded,
            Some(Err(TrySendError::Closed(_))) | None => ErrorKind::Unavailable,
        };
        Err(StorageError::new(kind, "taking an operation"))
    }

    /// Refuses what comes from now on, and waits until all that came before is answered.
    pub(crate) async fn close(&self) {
        drop(self.queue().take());
        let mut ended = self.ended.clone();
        // Nothing is ever sent: this waits for the writer to let go of its end.
        while ended.changed().await.is_ok() {}
    }
}

async fn write(deployment: Arc<Deployment>, mut queue: mpsc::Receiver<Waiting>) {
    let clock = deployment.clock.clone();
    let mut engine = Transaction::new(deployment);
    let mut rows = WorkingSet::default();
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
        }
        while waiting.len() < BATCH_MAX_OPERATIONS
            && let Ok(next) = queue.try_recv()
        {
            waiting.push_back(next);
        }
        let batch = take_batch(&mut waiting);
        run(&mut engine, &mut rows, batch, &*clock).await;
    }
}

/// The next operations that can share a transaction: an exclusive one has one of its own.
fn take_batch(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut batch = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    while let Some(next) = waiting.front() {
        let is_exclusive = next.job.is_exclusive();
        if is_exclusive && !batch.is_empty() {
            break;
        }
        next.job.name_rows(&mut keys);
        batch.extend(waiting.pop_front());
        if is_exclusive || batch.len() >= BATCH_MAX_OPERATIONS || keys.len() >= BATCH_MAX_ROWS {
            break;
        }
    }
    batch
}

/// Runs a batch until the first of its operations must be answered. What waited for so long that
/// its time is up already is not begun.
async fn run(
    engine: &mut Transaction,
    rows: &mut WorkingSet,
    batch: Vec<Waiting>,
    clock: &dyn Clock,
) {
    let now = Instant::now();
    let (in_time, late): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .partition(|waiting| waiting.deadline > now);
    for Waiting { job, .. } in late {
        let error = StorageError::new(ErrorKind::Unavailable, "waiting for the writer");
        job.answer(Err(error));
    }
    let Some(deadline) = in_time.iter().map(|waiting| waiting.deadline).min() else {
        return;
    };
    engine.set_deadline(deadline);
    let jobs = in_time.into_iter().map(|waiting| waiting.job).collect();
    run_batch(engine, rows, jobs, clock.now()).await;
}
