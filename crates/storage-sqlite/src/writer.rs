//! The one thread that writes: it takes what waits, runs it in batches, and commits each once. What
//! was committed is answered once [`Log`] has it on the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{Builder, JoinHandle};

use domain::{Clock, Key, Timestamp, WorkingSet};
use rusqlite::Connection;
use rusqlite::ffi::SQLITE_IOERR_FSYNC;
use storage::batch::part_batches;
use storage::{
    BATCH_MAX_OPERATIONS, ErrorKind, Job, QUEUE_MAX_OPERATIONS, StorageError, Transact, run_batch,
};

use crate::error::{Doing, OpenError, Stored, file_failed, is_certain_at_commit};
use crate::log::{Answer, Disk, Log};
use crate::open::Files;
use crate::queue::Queue;
use crate::{
    accounts, books, feed, idempotency, ledger, listings, migrations, orders, stores, terminals,
};

/// How many rows stay in memory from one batch to the next: some 130 MB of them, so that 100,000
/// buyers at work are not read again for each order.
const ROWS_MAX: usize = 400_000;
/// How many lines of orders stay, with one more for each order: some 20 MB, the newest 20,000
/// orders of five books. Most are paid right after they were placed.
const ORDER_LINES_MAX: usize = 120_000;

/// What the writer is to do.
pub(crate) enum Work {
    /// An operation, in a batch with others.
    Job(Box<dyn Job>),
    /// Something else that writes, on its own.
    Task(Task),
}

pub(crate) type Task = Box<dyn FnOnce(&mut Writer) + Send>;

pub(crate) type WorkQueue = Queue<Work>;

/// The way in to the writer.
pub(crate) struct Started {
    pub(crate) queue: Arc<WorkQueue>,
    pub(crate) log: Arc<Log>,
    /// They end once the queue is closed and empty.
    pub(crate) threads: Vec<JoinHandle<()>>,
}

/// Starts the thread, and the one that brings what it has written to this disk.
pub(crate) fn start(files: Files, clock: Arc<dyn Clock>, disk: Disk) -> Result<Started, OpenError> {
    let log = Arc::new(Log::new(disk));
    let mut engine = Engine::new(files, log.clone());
    let opened = engine.open();
    opened.map_err(|error| OpenError::database(engine.files.database(), error))?;
    let writer = Writer {
        engine,
        rows: WorkingSet::default(),
        clock,
        now: Timestamp::from_millis(i64::MIN),
    };
    let queue = Arc::new(WorkQueue::new(QUEUE_MAX_OPERATIONS));
    let to_recover = queue.clone();
    let syncer = log.start(move || {
        // Where the queue has no room the writer comes by anyway, and where it is closed the log
        // is taken in at the next start.
        let _: Result<(), ErrorKind> = to_recover.push(Work::Task(Box::new(Writer::recover)));
    });
    let waiting = queue.clone();
    let writer = Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.run(&waiting))
        .expect("a thread can be started");
    Ok(Started {
        queue,
        log,
        threads: vec![writer, syncer],
    })
}

pub(crate) struct Writer {
    engine: Engine,
    /// Outlives the batch, since nobody else writes.
    rows: WorkingSet,
    clock: Arc<dyn Clock>,
    /// The last moment that a batch was decided at.
    now: Timestamp,
}

impl Writer {
    fn run(mut self, queue: &WorkQueue) {
        loop {
            self.engine.log.wait_for_room();
            let works = queue.take(BATCH_MAX_OPERATIONS);
            if works.is_empty() {
                break;
            }
            self.run_all(works);
        }
        self.engine.checkpoint();
    }

    /// Runs what was taken, in order: neighbouring operations together, tasks on their own.
    fn run_all(&mut self, works: Vec<Work>) {
        let mut jobs = Vec::with_capacity(works.len());
        for work in works {
            match work {
                Work::Job(job) => jobs.push(job),
                Work::Task(task) => {
                    self.run_jobs(std::mem::take(&mut jobs));
                    self.guard(|writer| task(writer));
                }
            }
        }
        self.run_jobs(jobs);
    }

    fn run_jobs(&mut self, jobs: Vec<Box<dyn Job>>) {
        for batch in part_batches(jobs) {
            // A clock that is set back must not make deadlines that have passed come again.
            self.now = self.now.max(self.clock.now());
            self.guard(
                |Self {
                     engine, rows, now, ..
                 }| {
                    at_once(run_batch(engine, rows, batch, *now));
                },
            );
        }
    }

    /// Lets the thread survive a panic: what was begun is undone, what was in memory forgotten, and
    /// whoever waits learns by the lost reply that the outcome is unknown.
    fn guard(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            tracing::error!("a batch panicked and was undone");
            self.engine.undo();
            self.rows.clear();
        }
    }

    /// Recovers the log after a failure, so that questions are answered again. Where that fails the
    /// next transaction tries it once more.
    fn recover(&mut self) {
        if self.engine.begin_now().is_ok() {
            self.engine.undo();
        }
    }

    /// Runs something in a transaction of its own. It is durable when [`Writer::when_durable`] says
    /// so.
    pub(crate) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut WorkingSet) -> Stored<T>,
    ) -> Stored<T> {
        self.engine.begin_now()?;
        let worked = work(self.engine.connection()?, &mut self.rows);
        let done = worked.and_then(|answer| self.engine.commit_now().map(|()| answer));
        if done.is_err() {
            self.engine.undo();
            self.rows.clear();
        }
        done
    }

    /// Gives an answer once all that was committed is on the disk.
    pub(crate) fn when_durable(&self, answer: Answer) {
        self.engine.log.when_durable(answer);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.engine.log.close();
    }
}

/// Drives a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing in this engine waits"),
    }
}

/// The connection that writes, as the batch loop drives it.
struct Engine {
    files: Files,
    /// `None` after a failure that left it in doubt, until the next transaction opens another.
    connection: Option<Connection>,
    log: Arc<Log>,
    /// Whether the disk was full.
    must_make_room: bool,
}

impl Engine {
    fn new(files: Files, log: Arc<Log>) -> Self {
        Self {
            files,
            connection: None,
            log,
            must_make_room: false,
        }
    }

    /// Opens the database, and its log for the thread that syncs it.
    fn open(&mut self) -> rusqlite::Result<()> {
        let (connection, log) = self.files.writer()?;
        let followed = self.log.follow(log);
        followed.map_err(|error| file_failed(SQLITE_IOERR_FSYNC, &error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn connection(&self) -> Stored<&Connection> {
        let missing = || StorageError::new(ErrorKind::Unavailable, "using the database");
        self.connection.as_ref().ok_or_else(missing)
    }

    fn begin_now(&mut self) -> Stored<()> {
        if self.connection.is_none() {
            self.open().doing("opening the database again")?;
        }
        if self.log.has_failed() {
            self.recover()?;
        }
        if std::mem::take(&mut self.must_make_room) {
            // The log may hold megabytes that the file needs only in part. Best effort: what is
            // short of room fails for itself.
            self.checkpoint();
        }
        let mut begin = self
            .connection()?
            .prepare_cached("BEGIN IMMEDIATE")
            .doing("beginning")?;
        begin.execute([]).doing("beginning a batch").map(drop)
    }

    /// Brings file and log to the disk after a sync that failed. The system may have forgotten
    /// what it could not write and say of the next sync that all is well; so what the log holds is
    /// copied into the file, which is written and synced anew, and the log begins from nothing.
    fn recover(&mut self) -> Stored<()> {
        let doing = "recovering the log";
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy: bool = self
            .connection()?
            .query_row(sql, [], |row| row.get(0))
            .doing(doing)?;
        if is_busy {
            return Err(StorageError::new(ErrorKind::Unavailable, doing));
        }
        self.log.recovered();
        tracing::warn!("recovered the log after a failed commit");
        Ok(())
    }

    fn commit_now(&mut self) -> Stored<()> {
        let doing = "committing a batch";
        let connection = self.connection()?;
        let commit = || connection.prepare_cached("COMMIT")?.execute([]);
        let committed = self.log.commit(commit);
        let Err(error) = committed else { return Ok(()) };
        tracing::error!(%error, "a commit failed");
        if is_certain_at_commit(&error) {
            self.must_make_room = true;
            return Err(error).doing(doing);
        }
        self.log.fail();
        self.connection = None;
        Err(StorageError::caused(
            ErrorKind::OutcomeUnknown,
            doing,
            error,
        ))
    }

    /// Undoes what is open. A full disk or an I/O error may have undone it already.
    fn undo(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        if connection.is_autocommit() {
            return;
        }
        let undone = connection
            .prepare_cached("ROLLBACK")
            .and_then(|mut rollback| rollback.execute([]));
        if let Err(error) = undone
            && !connection.is_autocommit()
        {
            tracing::error!(%error, "a batch could not be undone, the database is opened again");
            self.connection = None;
        }
    }

    /// Moves the whole log into the file, so that the file stands alone. Where that fails, the log
    /// goes on, and is taken in later.
    fn checkpoint(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        if let Err(error) = connection.query_row(sql, [], |_| Ok(())) {
            tracing::warn!(%error, "the log could not be moved into the file");
        }
    }
}

impl Transact for Engine {
    async fn begin(&mut self) -> Stored<()> {
        self.begin_now()
    }

    async fn load(&mut self, keys: &[Key], rows: &mut WorkingSet) -> Stored<()> {
        let connection = self.connection()?;
        // Stores and accounts first, since others are found by their numbers.
        let is_named_by_others = |key: &&Key| matches!(key, Key::Account(_) | Key::Store(_));
        let others = keys.iter().filter(|key| !is_named_by_others(key));
        for key in keys.iter().filter(is_named_by_others).chain(others) {
            match key {
                Key::Account(user) => accounts::load(connection, user, rows)?,
                Key::Terminal(terminal) => terminals::load(connection, terminal, rows)?,
                Key::Store(store) => stores::load(connection, store, rows)?,
                Key::Listing(listing) => listings::load(connection, listing, rows)?,
                Key::Order(order) => orders::load(connection, *order, rows)?,
                Key::Text(text) => books::load_text(connection, text, rows)?,
                Key::Kept(kept) => idempotency::load(connection, kept, rows)?,
                Key::Migration => migrations::load(connection, rows)?,
                Key::Obligations(user) => accounts::load_obligations(connection, user, rows)?,
            }
        }
        Ok(())
    }

    async fn save(&mut self, rows: &mut WorkingSet) -> Stored<()> {
        let connection = self.connection()?;
        // What others name comes before them: accounts before stores, orders before the ledger.
        accounts::save(connection, rows)?;
        terminals::save(connection, rows)?;
        stores::save(connection, rows)?;
        books::save(connection, rows)?;
        listings::save(connection, rows)?;
        feed::save(connection, rows)?;
        orders::save(connection, rows)?;
        ledger::save(connection, rows)?;
        idempotency::save(connection, rows)?;
        migrations::save(connection, rows)
    }

    async fn commit(&mut self) -> Stored<()> {
        self.commit_now()
    }

    async fn rollback(&mut self) {
        self.undo();
    }

    fn retain(&mut self, rows: &mut WorkingSet) {
        rows.retain_hot(ROWS_MAX, ORDER_LINES_MAX);
    }

    /// A refusal waits too: what it rests on may be a commit that is not on the disk yet.
    fn answer(&mut self, jobs: Vec<Box<dyn Job>>) {
        self.log.when_durable(Box::new(move |is_durable| {
            let unknown = || StorageError::new(ErrorKind::OutcomeUnknown, "syncing the log");
            let stored = is_durable.then_some(()).ok_or_else(unknown);
            jobs.into_iter().for_each(|job| job.answer(stored.clone()));
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::{Options, open};

    fn engine(directory: &tempfile::TempDir) -> Engine {
        let (files, _lock) = open::take(&Options::new(directory.path())).expect("it opens");
        let mut engine = Engine::new(files, Arc::new(Log::new(Arc::new(File::sync_data))));
        engine.begin_now().expect("it begins");
        engine.undo();
        engine
    }

    fn count(engine: &Engine) -> i64 {
        let connection = engine.connection().expect("it is open");
        let sql = "SELECT count(*) FROM secrets";
        connection
            .query_row(sql, [], |row| row.get(0))
            .expect("a count")
    }

    fn insert(engine: &Engine, name: &str) {
        let connection = engine.connection().expect("it is open");
        let sql = "INSERT INTO secrets (name, value) VALUES (?1, x'01')";
        connection.execute(sql, [name]).expect("inserted");
    }

    /// The only way to have a sound `COMMIT` fail: a promise to others that is checked last.
    fn make_commit_fail(engine: &Engine) {
        let connection = engine.connection().expect("it is open");
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                 BEGIN IMMEDIATE;
                 PRAGMA defer_foreign_keys = ON;
                 INSERT INTO stores (store_id, owner, is_open, created_at) VALUES ('s', 7, 1, 0)",
            )
            .expect("a broken promise");
    }

    #[test]
    fn a_commit_that_fails_in_an_unknown_way_is_followed_by_a_recovery() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&directory);
        engine.begin_now().expect("it begins");
        insert(&engine, "one");
        engine.commit_now().expect("it commits");
        let reader = engine.files.reader().expect("a reader");
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM secrets")
            .expect("it reads");
        make_commit_fail(&engine);
        let error = engine.commit_now().expect_err("the promise is broken");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(engine.connection.is_none() && engine.log.has_failed());
        engine.undo();
        // Whoever reads at this moment is in the way of the recovery: nothing is written then.
        engine.open().expect("a connection");
        engine
            .connection()
            .unwrap()
            .busy_timeout(std::time::Duration::ZERO)
            .expect("no waiting");
        let error = engine.begin_now().expect_err("a reader is in the way");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        reader.execute_batch("COMMIT").expect("it is done");
        engine.begin_now().expect("it begins");
        assert!(!engine.log.has_failed());
        insert(&engine, "two");
        engine.commit_now().expect("it commits");
        assert_eq!(count(&engine), 2);
    }

    #[test]
    fn undoing_tells_an_open_transaction_from_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&directory);
        engine.undo();
        engine.begin_now().expect("it begins");
        insert(&engine, "one");
        engine.undo();
        assert_eq!(count(&engine), 0);
        engine.begin_now().expect("it begins");
        // As a full disk or an I/O error does by itself.
        engine
            .connection()
            .unwrap()
            .execute_batch("ROLLBACK")
            .expect("undone");
        engine.undo();
        assert!(engine.connection.is_some());
    }
}
