//! What can be chosen about the engine.

use std::path::PathBuf;

/// How many questions are answered at the same time.
const READERS_DEFAULT: usize = 3;

/// Where the data is, and how it is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made where it is missing, for its owner alone.
    pub path: PathBuf,
    /// How many threads answer questions: 1 or more.
    pub readers: usize,
    /// Past how many bytes the database file must not grow, give or take a page: operations that
    /// need more are refused as on a full disk. `None`: the disk is the limit.
    pub file_max_bytes: Option<u64>,
}

impl Options {
    /// The defaults, with the data in that directory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: READERS_DEFAULT,
            file_max_bytes: None,
        }
    }
}
