//! The promises of the port, kept by this engine.

use std::sync::Arc;

use domain::Clock;
use storage::Storage;
use storage::conformance::{Fixture, Opening};
use storage_sqlite::{Options, SqliteStorage};
use tempfile::TempDir;

/// A directory of this machine.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }
}

impl Fixture for Directory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_> {
        let storage = SqliteStorage::open(Options::new(self.0.path()), clock).expect("it opens");
        Box::pin(async { Arc::new(storage) as Arc<dyn Storage> })
    }
}

storage::conformance_suite!(Directory::new());
