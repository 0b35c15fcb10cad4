//! The writer: a bounded queue, and lanes in which what waits is written in batches.

use std::collections::{HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Clock, Key, UserId, WorkingSet};
use futures_util::FutureExt;
use storage::{
    BATCH_MAX_OPERATIONS, ErrorKind, Job, QUEUE_MAX_OPERATIONS, StorageError, run_batch,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::deployment::{Deployment, OPERATION_DEADLINE};
use crate::lanes::{LANES, Lanes};
use crate::remembered::Remembered;
use crate::transaction::Transaction;

/// How many rows the operations of one batch name, give or take its last operation. A thousand
/// books in each of 256 orders would take longer together than any of them may.
const BATCH_MAX_ROWS: usize = 4_096;
/// How many operations wait in a lane, beside those that wait in the queue before the lanes.
const LANE_MAX_OPERATIONS: usize = BATCH_MAX_OPERATIONS;
/// How often an operation lets others go first because another lane is busy with its user. Then it
/// takes its chance: a conflict makes a whole batch begin again, so that is to be rare.
const PASSED_OVER_MAX: u32 = 16;

/// An operation in the queue, and until when it must be answered.
struct Waiting {
    job: Box<dyn Job>,
    deadline: Instant,
    passed_over: u32,
}

/// The way in to the writer.
pub(crate) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    /// Closed when the writer has ended.
    ended: watch::Receiver<()>,
}

impl Writer {
    /// Starts the writer, and its lanes, as tasks of the runtime: with a thread for each, what a
    /// lane waits for would come to it by way of another thread each time. Rules are plain
    /// functions, and a batch of them keeps a thread of the runtime for a millisecond or two.
    pub(crate) fn start(deployment: Arc<Deployment>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX_OPERATIONS);
        let (ending, ended) = watch::channel(());
        let dispatcher = Dispatcher::start(deployment);
        tokio::spawn(async move {
            dispatcher.run(waiting).await;
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
            passed_over: 0,
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

/// A lane as the dispatcher sees it.
struct Lane {
    waiting: VecDeque<Waiting>,
    is_busy: bool,
    /// Who takes part in the batch that it is busy with, as far as its operations name them.
    users: HashSet<UserId>,
    batches: mpsc::UnboundedSender<Vec<Waiting>>,
}

/// The exclusive operation, of which there is one at a time.
enum Exclusive {
    None,
    /// It waits for those that came before it.
    Waits(Waiting),
    Runs,
}

/// Deals what comes out to the lanes, a batch to each that is free. An exclusive operation waits
/// until all lanes are, and keeps them so while it runs.
struct Dispatcher {
    hints: Arc<Lanes>,
    lanes: Vec<Lane>,
    exclusive: Exclusive,
    /// Each lane says its number here when it is free again.
    freed: mpsc::UnboundedReceiver<usize>,
}

impl Dispatcher {
    fn start(deployment: Arc<Deployment>) -> Self {
        let hints = Arc::new(Lanes::new());
        let remembered = Arc::new(Remembered::new());
        let (free, freed) = mpsc::unbounded_channel();
        let lanes = (0..LANES)
            .map(|number| {
                let (batches, to_run) = mpsc::unbounded_channel();
                let (deployment, hints, free) = (deployment.clone(), hints.clone(), free.clone());
                let remembered = remembered.clone();
                tokio::spawn(write(deployment, hints, remembered, to_run, move || {
                    // Nobody is left to hear it once the dispatcher has ended.
                    let _: Result<(), _> = free.send(number);
                }));
                Lane {
                    waiting: VecDeque::new(),
                    is_busy: false,
                    users: HashSet::new(),
                    batches,
                }
            })
            .collect();
        Self {
            hints,
            lanes,
            exclusive: Exclusive::None,
            freed,
        }
    }

    /// Goes on until the queue is closed and everything in it is answered.
    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut is_open = true;
        while is_open || !self.is_idle() {
            tokio::select! {
                next = queue.recv(), if is_open && self.has_room() => match next {
                    Some(next) => {
                        self.take(next);
                        while self.has_room() && let Ok(next) = queue.try_recv() {
                            self.take(next);
                        }
                    }
                    None => is_open = false,
                },
                Some(lane) = self.freed.recv() => self.free(lane),
            }
            self.deal();
        }
    }

    fn free(&mut self, lane: usize) {
        self.lanes[lane].is_busy = false;
        self.lanes[lane].users.clear();
        if matches!(self.exclusive, Exclusive::Runs) {
            self.exclusive = Exclusive::None;
        }
    }

    fn has_exclusive(&self) -> bool {
        !matches!(self.exclusive, Exclusive::None)
    }

    /// Whether no lane has anything to do.
    fn is_quiet(&self) -> bool {
        let is_quiet = |lane: &Lane| !lane.is_busy && lane.waiting.is_empty();
        self.lanes.iter().all(is_quiet)
    }

    fn is_idle(&self) -> bool {
        !self.has_exclusive() && self.is_quiet()
    }

    /// Whether another operation may be taken: none passes an exclusive one.
    fn has_room(&self) -> bool {
        let has_room = |lane: &Lane| lane.waiting.len() < LANE_MAX_OPERATIONS;
        !self.has_exclusive() && self.lanes.iter().all(has_room)
    }

    fn take(&mut self, next: Waiting) {
        if next.job.is_exclusive() {
            self.exclusive = Exclusive::Waits(next);
        } else {
            let lane = self.hints.of(&*next.job);
            self.lanes[lane].waiting.push_back(next);
        }
    }

    /// Gives each lane that is free a batch.
    fn deal(&mut self) {
        if self.is_quiet() && matches!(self.exclusive, Exclusive::Waits(_)) {
            let exclusive = std::mem::replace(&mut self.exclusive, Exclusive::Runs);
            if let Exclusive::Waits(operation) = exclusive {
                self.lanes[0].begin(vec![operation]);
            }
        }
        for lane in 0..self.lanes.len() {
            if !self.lanes[lane].is_busy && !self.lanes[lane].waiting.is_empty() {
                self.begin_next(lane);
            }
        }
    }

    /// Has a lane begin with the next of its operations that can share a transaction. Those of
    /// users with whom another lane is busy wait a little longer, since they would conflict.
    fn begin_next(&mut self, lane: usize) {
        let mut waiting = std::mem::take(&mut self.lanes[lane].waiting);
        let mut passed_over = VecDeque::new();
        let mut batch = Vec::new();
        let mut users = HashSet::new();
        let mut keys: Vec<Key> = Vec::new();
        while batch.len() < BATCH_MAX_OPERATIONS
            && keys.len() < BATCH_MAX_ROWS
            && let Some(mut next) = waiting.pop_front()
        {
            let known = keys.len();
            next.job.name_rows(&mut keys);
            let is_elsewhere = |key: &Key| {
                let is_busy_with =
                    |other: &Lane| user_of(key).is_some_and(|user| other.users.contains(user));
                self.lanes.iter().any(is_busy_with)
            };
            if next.passed_over < PASSED_OVER_MAX && keys[known..].iter().any(is_elsewhere) {
                keys.truncate(known);
                next.passed_over += 1;
                passed_over.push_back(next);
                continue;
            }
            users.extend(keys[known..].iter().filter_map(user_of).cloned());
            batch.push(next);
        }
        passed_over.append(&mut waiting);
        self.lanes[lane].waiting = passed_over;
        if !batch.is_empty() {
            self.lanes[lane].users = users;
            self.lanes[lane].begin(batch);
        }
    }
}

/// Whose document a row's writer writes.
fn user_of(key: &Key) -> Option<&UserId> {
    match key {
        Key::Account(user) => Some(user),
        Key::Terminal(terminal) => Some(&terminal.user),
        _ => None,
    }
}

impl Lane {
    fn begin(&mut self, batch: Vec<Waiting>) {
        self.is_busy = true;
        let sent = self.batches.send(batch);
        assert!(sent.is_ok(), "a lane ends after the dispatcher");
    }
}

/// A lane: runs the batches that it is given, and says of each that it is done.
async fn write(
    deployment: Arc<Deployment>,
    hints: Arc<Lanes>,
    remembered: Arc<Remembered>,
    mut batches: mpsc::UnboundedReceiver<Vec<Waiting>>,
    done: impl Fn(),
) {
    let clock = deployment.clock.clone();
    let mut engine = Transaction::new(deployment.clone(), hints.clone(), remembered.clone());
    let mut rows = WorkingSet::default();
    while let Some(batch) = batches.recv().await {
        let running = AssertUnwindSafe(run(&mut engine, &mut rows, batch, &*clock));
        if running.catch_unwind().await.is_err() {
            // Whoever waits learns by the lost reply that the outcome is unknown; the transaction
            // is aborted as it is dropped.
            tracing::error!("a batch panicked and was given up");
            engine = Transaction::new(deployment.clone(), hints.clone(), remembered.clone());
            rows.clear();
        }
        done();
    }
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
    let jobs: Vec<_> = in_time.into_iter().map(|waiting| waiting.job).collect();
    engine.prepare(&jobs, deadline);
    run_batch(engine, rows, jobs, clock.now()).await;
}
