//! The batch loop: load, decide, save, commit, answer.
//!
//! An engine takes what waits in its queue, [`run_batch`] loads the rows that the operations name
//! in bulk, lets each decide in order, loads what they turn out to lack and goes on, has each
//! changed row written once, commits once, and only then answers each. Where that fails with the
//! certainty that nothing happened, the operations run again, each on its own, so that one that
//! can't be stored doesn't take the others with it.

use std::collections::HashSet;

use domain::{Key, Operation, Request, Timestamp, WorkingSet, operation::Halt};
use tokio::sync::oneshot;

use crate::error::{ErrorKind, StorageError};
use crate::port::Outcome;

/// How many operations share a transaction at most.
pub const BATCH_MAX_OPERATIONS: usize = 256;
/// How many operations may wait for the writer. Past that, [`ErrorKind::Overloaded`].
pub const QUEUE_MAX_OPERATIONS: usize = 2_048;
/// How often an operation may come back for more rows. Rules need two or three rounds.
const LOAD_ROUNDS_MAX: usize = 16;

/// An operation in an engine's queue, whatever its type.
pub trait Job: Send {
    /// Names the rows to load first.
    fn name_rows(&self, keys: &mut Vec<Key>);

    /// Decides, applies the changes to `rows`, and remembers the answer until
    /// [`Job::answer`].
    ///
    /// # Errors
    /// The rows that are not loaded; nothing was changed then.
    fn decide(&mut self, rows: &mut WorkingSet, now: Timestamp) -> Result<(), Vec<Key>>;

    /// Whether it must have a batch of its own.
    fn is_exclusive(&self) -> bool;

    /// See [`Operation::only_takes_copies`].
    fn only_takes_copies(&self) -> bool {
        false
    }

    /// Whether it was decided, last, without changing anything: it was refused, or done before.
    fn changes_nothing(&self) -> bool {
        true
    }

    /// Sends the answer: what was decided, or why it could not be stored.
    fn answer(self: Box<Self>, stored: Result<(), StorageError>);
}

/// A request with the way back to whoever waits for its answer.
pub struct Pending<O: Operation, H = ()> {
    request: Request<O>,
    outcome: Option<Outcome<O>>,
    changes_nothing: bool,
    reply: oneshot::Sender<Result<Outcome<O>, StorageError>>,
    /// Dropped once there is an answer.
    _held: H,
}

impl<O: Operation> Pending<O> {
    /// A request whose answer goes to `reply`.
    #[must_use]
    pub fn new(
        request: Request<O>,
        reply: oneshot::Sender<Result<Outcome<O>, StorageError>>,
    ) -> Self {
        Self::holding(request, reply, ())
    }
}

impl<O: Operation, H> Pending<O, H> {
    /// The same with something to hold until there is an answer, whoever still waits for it.
    #[must_use]
    pub fn holding(
        request: Request<O>,
        reply: oneshot::Sender<Result<Outcome<O>, StorageError>>,
        held: H,
    ) -> Self {
        Self {
            request,
            outcome: None,
            changes_nothing: true,
            reply,
            _held: held,
        }
    }
}

impl<O, H> Job for Pending<O, H>
where
    O: Operation + Send,
    H: Send,
    O::Done: Send,
    O::Refusal: Send,
{
    fn name_rows(&self, keys: &mut Vec<Key>) {
        self.request.name_rows(keys);
    }

    fn decide(&mut self, rows: &mut WorkingSet, now: Timestamp) -> Result<(), Vec<Key>> {
        self.changes_nothing = true;
        let outcome = match self.request.decide(rows, now) {
            Ok(decided) => {
                self.changes_nothing = decided.changes.is_empty();
                rows.apply(decided.changes);
                Ok(decided.done)
            }
            Err(Halt::Refused(refusal)) => Err(refusal),
            Err(Halt::Lacks(keys)) => return Err(keys),
        };
        self.outcome = Some(outcome);
        Ok(())
    }

    fn is_exclusive(&self) -> bool {
        self.request.operation.is_exclusive()
    }

    fn only_takes_copies(&self) -> bool {
        self.request.operation.only_takes_copies()
    }

    fn changes_nothing(&self) -> bool {
        self.changes_nothing
    }

    fn answer(self: Box<Self>, stored: Result<(), StorageError>) {
        let answer = match (stored, self.outcome) {
            (Ok(()), Some(outcome)) => Ok(outcome),
            (Ok(()), None) => unreachable!("a batch is stored after all of it was decided"),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone; what was decided stands all the same.
        drop(self.reply.send(answer));
    }
}

/// One transaction of an engine, as the batch loop drives it.
///
/// The futures of a synchronous engine are ready at once.
pub trait Transact: Send {
    /// Begins a transaction.
    fn begin(&mut self) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Loads the rows that `keys` name into `rows`, or their absence; each key once.
    fn load(
        &mut self,
        keys: &[Key],
        rows: &mut WorkingSet,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Whether what all operations of the batch were decided on is not good enough to answer them
    /// by: for an engine that loads rows as it last saw them and makes sure while it saves, which
    /// says nothing about an operation that changes nothing. Everything is loaded and decided once
    /// more then, and the engine takes no row for granted.
    fn must_read_anew(&mut self, _jobs: &[Box<dyn Job>]) -> bool {
        false
    }

    /// Writes the changed rows.
    fn save(
        &mut self,
        rows: &mut WorkingSet,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Commits the transaction; it is durable when [`Transact::answer`] answers.
    /// [`ErrorKind::OutcomeUnknown`] where it can't be told whether that succeeded; any other kind
    /// promises that nothing happened.
    fn commit(&mut self) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Undoes the transaction, if one is open; what can't be undone now is gone at the next start.
    fn rollback(&mut self) -> impl Future<Output = ()> + Send;

    /// What to do after a transaction that failed with the certainty that nothing happened.
    /// `attempts` counts those of this batch so far. Where others write too, an engine waits here
    /// a moment and tries again; the engine sees to it that this ends.
    fn recover(
        &mut self,
        _error: &StorageError,
        _attempts: u32,
    ) -> impl Future<Output = Recovery> + Send {
        std::future::ready(Recovery::Singly)
    }

    /// Answers operations that were committed, or that changed nothing. An engine whose commit is
    /// not durable by itself holds the answers back until it is.
    fn answer(&mut self, jobs: Vec<Box<dyn Job>>) {
        jobs.into_iter().for_each(|job| job.answer(Ok(())));
    }

    /// Prepares the working set for the next batch: keeps what will be wanted again if nobody
    /// else writes ([`WorkingSet::retain_hot`]), and forgets the rest.
    fn retain(&mut self, rows: &mut WorkingSet);
}

/// What becomes of a batch of which nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// All of it runs again, as of this moment.
    Again(Timestamp),
    /// Its operations run again, each on its own.
    Singly,
    /// Its operations fail.
    GiveUp,
}

/// Parts what waits into batches, in order: an exclusive operation has one of its own.
#[must_use]
pub fn part_batches(jobs: Vec<Box<dyn Job>>) -> Vec<Vec<Box<dyn Job>>> {
    let mut batches: Vec<Vec<Box<dyn Job>>> = Vec::new();
    let mut is_open = false;
    for job in jobs {
        let is_exclusive = job.is_exclusive();
        let has_room = batches
            .last()
            .is_some_and(|batch| batch.len() < BATCH_MAX_OPERATIONS);
        match batches.last_mut() {
            Some(batch) if is_open && has_room && !is_exclusive => batch.push(job),
            _ => batches.push(vec![job]),
        }
        is_open = !is_exclusive;
    }
    batches
}

/// Runs one batch to its end and answers all of it.
pub async fn run_batch<T: Transact>(
    engine: &mut T,
    rows: &mut WorkingSet,
    mut jobs: Vec<Box<dyn Job>>,
    now: Timestamp,
) {
    let Err((error, recovery)) = persist(engine, rows, &mut jobs, now).await else {
        engine.answer(jobs);
        return;
    };
    if recovery == Recovery::GiveUp || jobs.len() == 1 {
        jobs.into_iter()
            .for_each(|job| job.answer(Err(error.clone())));
        return;
    }
    for job in jobs {
        let mut alone = vec![job];
        match persist(engine, rows, &mut alone, now).await {
            Ok(()) => engine.answer(alone),
            Err((error, _)) => alone
                .into_iter()
                .for_each(|job| job.answer(Err(error.clone()))),
        }
    }
}

/// One transaction, as often as the engine wants to try it. An error comes with what the engine
/// wants instead: never [`Recovery::Again`].
async fn persist<T: Transact>(
    engine: &mut T,
    rows: &mut WorkingSet,
    jobs: &mut [Box<dyn Job>],
    mut now: Timestamp,
) -> Result<(), (StorageError, Recovery)> {
    let mut attempts = 0;
    loop {
        let Err(error) = attempt(engine, rows, jobs, now).await else {
            return Ok(());
        };
        if error.kind() == ErrorKind::OutcomeUnknown {
            return Err((error, Recovery::GiveUp));
        }
        attempts += 1;
        match engine.recover(&error, attempts).await {
            Recovery::Again(later) => now = later,
            recovery => return Err((error, recovery)),
        }
    }
}

/// One transaction. On an error nothing of it is left, in storage or in `rows`.
async fn attempt<T: Transact>(
    engine: &mut T,
    rows: &mut WorkingSet,
    jobs: &mut [Box<dyn Job>],
    now: Timestamp,
) -> Result<(), StorageError> {
    let stored = transact(engine, rows, jobs, now).await;
    if stored.is_ok() {
        engine.retain(rows);
    } else {
        engine.rollback().await;
        rows.clear();
    }
    stored
}

async fn transact<T: Transact>(
    engine: &mut T,
    rows: &mut WorkingSet,
    jobs: &mut [Box<dyn Job>],
    now: Timestamp,
) -> Result<(), StorageError> {
    engine.begin().await?;
    let mut keys = Vec::new();
    jobs.iter().for_each(|job| job.name_rows(&mut keys));
    let mut waiting: Vec<usize> = (0..jobs.len()).collect();
    for _ in 0..LOAD_ROUNDS_MAX {
        let mut seen = HashSet::new();
        keys.retain(|key| !rows.recall(key) && seen.insert(key.clone()));
        if !keys.is_empty() {
            engine.load(&keys, rows).await?;
            keys.clear();
        }
        waiting.retain(|&place| match jobs[place].decide(rows, now) {
            Ok(()) => false,
            Err(lacking) => {
                keys.extend(lacking);
                true
            }
        });
        if waiting.is_empty() {
            if !engine.must_read_anew(jobs) {
                return finish(engine, rows).await;
            }
            rows.clear();
            jobs.iter().for_each(|job| job.name_rows(&mut keys));
            waiting.extend(0..jobs.len());
        }
    }
    Err(StorageError::new(
        ErrorKind::Internal,
        "loading rows that a rule never stops asking for",
    ))
}

async fn finish<T: Transact>(engine: &mut T, rows: &mut WorkingSet) -> Result<(), StorageError> {
    if !rows.has_changes() {
        engine.rollback().await;
        return Ok(());
    }
    engine.save(rows).await?;
    engine.commit().await
}
