//! Failures: machinery that did not work. Refusals are `domain`'s.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The queue is full: nothing was begun. A retry after a moment can help.
    Overloaded,
    /// The engine can't be reached, or is closing. Nothing happened. A retry can help.
    Unavailable,
    /// Other writers were in the way for too long. Nothing happened. A retry can help.
    Conflict,
    /// The disk is full, or a file or server refuses to be written. Nothing happened.
    Refused,
    /// What is stored is not what the engine wrote. Nothing happened; a retry can't help.
    Corrupt,
    /// Anything else. Nothing happened.
    Internal,
    /// The commit's answer was lost: whether it happened can't be told.
    OutcomeUnknown,
}

/// A failure of an engine: its kind, what was being done, and the driver's error.
///
/// It can be cloned, since one failed commit fails many operations.
#[derive(Debug, Clone)]
pub struct StorageError {
    kind: ErrorKind,
    doing: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// A failure without a driver's error behind it.
    #[must_use]
    pub fn new(kind: ErrorKind, doing: &'static str) -> Self {
        Self {
            kind,
            doing,
            source: None,
        }
    }

    /// A failure that a driver's error caused.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        doing: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            doing,
            source: Some(Arc::new(source)),
        }
    }

    /// What the failure means.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same failure, with another meaning.
    #[must_use]
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ErrorKind::Overloaded => "too much is waiting",
            ErrorKind::Unavailable => "storage can't be reached",
            ErrorKind::Conflict => "other writers were in the way",
            ErrorKind::Refused => "storage can't be written",
            ErrorKind::Corrupt => "what is stored is damaged",
            ErrorKind::Internal => "storage failed",
            ErrorKind::OutcomeUnknown => "whether it was stored is unknown",
        };
        write!(f, "{kind} while {}", self.doing)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
