//! The threads that answer questions, each with a connection that only reads.
//!
//! In SQLite's log mode readers and the writer don't wait for each other, and a reader that begins
//! after a commit sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use storage::{ErrorKind, Reading, StorageError};
use tokio::sync::oneshot;

use crate::error::{Doing, OpenError, Stored};
use crate::log::Log;
use crate::open::Files;
use crate::queue::Queue;

/// How many questions may wait. Past that, `Overloaded`.
const QUESTIONS_MAX: usize = 1_024;

type Question = Box<dyn FnOnce(&Connection) + Send>;

pub(crate) struct Readers {
    queue: Arc<Queue<Question>>,
    /// `None` where nothing is written.
    pub(crate) log: Option<Arc<Log>>,
}

impl Readers {
    /// Starts `count` threads, which end once the queue is closed and empty.
    pub(crate) fn start(
        files: &Files,
        count: usize,
        log: Option<Arc<Log>>,
    ) -> Result<(Self, Vec<JoinHandle<()>>), OpenError> {
        let queue = Arc::new(Queue::new(QUESTIONS_MAX));
        let readers = Self {
            queue: queue.clone(),
            log,
        };
        let mut threads = Vec::with_capacity(count);
        for _ in 0..count.max(1) {
            let connection = files.reader();
            let connection =
                connection.map_err(|error| OpenError::database(files.database(), error))?;
            let queue = queue.clone();
            let thread = Builder::new()
                .name("reader".to_owned())
                .spawn(move || answer(&connection, &queue))
                .expect("a thread can be started");
            threads.push(thread);
        }
        Ok((readers, threads))
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Has a thread answer a question, which sees the data of one moment, all of it durable.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        question: impl FnOnce(&Connection) -> Stored<T> + Send + 'static,
    ) -> Reading<'static, T> {
        let (reply, answer) = oneshot::channel();
        let log = self.log.clone();
        let question = move |connection: &Connection| {
            let answer = at_one_moment(connection, question);
            when_durable(log.as_deref(), doing, answer, reply);
        };
        let is_crowded = self.log.as_ref().is_some_and(|log| log.is_crowded());
        let queued = match is_crowded {
            true => Err(ErrorKind::Overloaded),
            false => self.queue.push(Box::new(question)),
        };
        Box::pin(async move {
            queued.map_err(|kind| StorageError::new(kind, doing))?;
            answer
                .await
                .map_err(|_| StorageError::new(ErrorKind::Internal, doing))?
        })
    }
}

fn answer(connection: &Connection, queue: &Queue<Question>) {
    while let Some(question) = queue.take(1).pop() {
        // The hook has shown the panic; whoever asked learns of it by the lost reply.
        drop(catch_unwind(AssertUnwindSafe(|| question(connection))));
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a question's transaction could not be ended");
        }
    }
}

/// Sends what a question found once that is on the disk, if somebody here writes. Where it can't be
/// told whether it is, the question can be asked again later.
pub(crate) fn when_durable<T: Send + 'static>(
    log: Option<&Log>,
    doing: &'static str,
    found: Stored<T>,
    reply: oneshot::Sender<Stored<T>>,
) {
    let give = move |is_durable: bool| {
        let unsynced = || StorageError::new(ErrorKind::Unavailable, doing);
        // Whoever asked may have gone.
        drop(reply.send(is_durable.then_some(found).ok_or_else(unsynced).flatten()));
    };
    match log {
        Some(log) => log.when_durable(Box::new(give)),
        None => give(true),
    }
}

/// Answers a question in one read transaction.
pub(crate) fn at_one_moment<T>(
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Stored<T>,
) -> Stored<T> {
    let doing = "beginning to read";
    let transaction = connection.unchecked_transaction().doing(doing)?;
    let answered = question(&transaction)?;
    transaction.commit().doing("ending to read")?;
    Ok(answered)
}
