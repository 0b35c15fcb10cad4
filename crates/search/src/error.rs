//! Failures of search. What somebody asks for wrongly is refused before it comes here.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use storage::StorageError;
use tantivy::TantivyError;

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The index isn't filled yet, or storage can't be read. A retry can help.
    Unavailable,
    /// The index's folder can't be read or written: a full disk, a missing right.
    Refused,
    /// What the index holds is not what was written. It is built anew.
    Corrupt,
    /// Anything else.
    Internal,
}

/// A failure of search: its kind, what was being done, and what caused it.
#[derive(Debug, Clone)]
pub struct SearchError {
    kind: ErrorKind,
    doing: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SearchError {
    pub(crate) fn new(kind: ErrorKind, doing: &'static str) -> Self {
        Self {
            kind,
            doing,
            source: None,
        }
    }

    pub(crate) fn caused(
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

    /// Whether it was storage that failed, and the index is as good as before.
    pub(crate) fn is_of_storage(&self) -> bool {
        let source = self.source.as_deref();
        source.is_some_and(|source| source.is::<StorageError>())
    }
}

/// For `map_err`: what tantivy failed in.
pub(crate) fn while_doing(doing: &'static str) -> impl Fn(TantivyError) -> SearchError {
    move |error| {
        let kind = match &error {
            TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) => {
                ErrorKind::Corrupt
            }
            TantivyError::OpenReadError(_) | TantivyError::SchemaError(_) => ErrorKind::Corrupt,
            TantivyError::IoError(_)
            | TantivyError::OpenDirectoryError(_)
            | TantivyError::OpenWriteError(_)
            | TantivyError::LockFailure(..) => ErrorKind::Refused,
            _ => ErrorKind::Internal,
        };
        SearchError::caused(kind, doing, error)
    }
}

/// For `map_err`: what the operating system failed in.
pub(crate) fn while_on_disk(doing: &'static str) -> impl Fn(std::io::Error) -> SearchError {
    move |error| SearchError::caused(ErrorKind::Refused, doing, error)
}

/// For `map_err`: what storage failed in.
pub(crate) fn while_reading(doing: &'static str) -> impl Fn(StorageError) -> SearchError {
    move |error| SearchError::caused(ErrorKind::Unavailable, doing, error)
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ErrorKind::Unavailable => "search is not available",
            ErrorKind::Refused => "the index can't be read or written",
            ErrorKind::Corrupt => "the index is damaged",
            ErrorKind::Internal => "search failed",
        };
        write!(f, "{kind} while {}", self.doing)
    }
}

impl Error for SearchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
