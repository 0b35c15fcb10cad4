//! What these tests share: a directory with an engine in it, and a look into its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{Clock, Operation, Request};
use rusqlite::Connection;
use storage::conformance::{Fixture, Opening};
use storage::{Outcome, Pending, Storage, StorageError};
use storage_sqlite::{Options, SqliteStorage};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A directory of this machine, whose engines all have the same options.
#[derive(Clone)]
pub struct Directory {
    directory: Arc<TempDir>,
    pub options: Options,
}

impl Directory {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = Options::new(directory.path().join("data"));
        Self {
            directory: Arc::new(directory),
            options,
        }
    }

    /// The data directory.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// The directory around it.
    pub fn around(&self) -> &Path {
        self.directory.path()
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("bookstore.db")
    }

    /// A connection of another program to the file.
    pub fn connect(&self) -> Connection {
        Connection::open(self.database()).expect("a database")
    }

    /// One number out of the file.
    pub fn number(&self, sql: &str) -> i64 {
        self.connect()
            .query_row(sql, [], |row| row.get(0))
            .expect(sql)
    }
}

impl Fixture for Directory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_> {
        let storage = SqliteStorage::open(self.options.clone(), clock).expect("it opens");
        Box::pin(async { Arc::new(storage) as Arc<dyn Storage> })
    }
}

/// Has a request wait in the queue at once.
pub fn submit<O>(
    storage: &dyn Storage,
    request: Request<O>,
) -> oneshot::Receiver<Result<Outcome<O>, StorageError>>
where
    O: Operation<Done: Send, Refusal: Send> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    storage
        .submit(Box::new(Pending::new(request, reply)))
        .expect("there is room");
    answer
}
