//! What SQLite's failures mean to those who asked, and why data can't be opened.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};
use storage::{ErrorKind, StorageError};

pub(crate) type Stored<T> = Result<T, StorageError>;

/// Why data could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to it.
    #[error(
        "the data in `{}` is in use by another process; hint: stop that one, or give this one \
         another directory", path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A later version of this program has changed the tables.
    #[error(
        "`{}` has schema {found} and this program knows {known}; hint: use the newer program that \
         wrote it", path.display()
    )]
    SchemaNewer {
        /// The database file.
        path: PathBuf,
        /// The schema's version in the file.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// The file is to be read only and has yet to be migrated.
    #[error(
        "`{}` has schema {found} and this program needs {known}; hint: start the server once, it \
         migrates the file and keeps a copy", path.display()
    )]
    SchemaOlder {
        /// The database file.
        path: PathBuf,
        /// The schema's version in the file.
        found: i64,
        /// The version that this program needs.
        known: i64,
    },
    /// Something else has the directory's name.
    #[error("`{}` is not a directory; hint: give the path of a directory for the data", path.display())]
    NotADirectory {
        /// That path.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("there is no data in `{}`; hint: starting the server makes it", path.display())]
    NoData {
        /// The data directory.
        path: PathBuf,
    },
    /// The operating system says no.
    #[error(
        "no permission for `{}`; hint: run as the user that the data belongs to, or give another \
         directory", path.display()
    )]
    NoPermission {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is damaged, or another program's.
    #[error(
        "`{}` is damaged or not a file of this program; hint: put a backup in its place, or give \
         another directory", path.display()
    )]
    NotABookstore {
        /// The database file.
        path: PathBuf,
    },
    /// Something else about a file.
    #[error("can't use `{}`: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else about the database.
    #[error("can't open `{}`: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NoPermission { path, source },
            std::io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::File { path, source },
        }
    }

    pub(crate) fn database(path: &std::path::Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::NotABookstore { path }
            }
            _ => Self::Database { path, source },
        }
    }
}

/// Says what was being done when SQLite failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Stored<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: &'static str) -> Stored<T> {
        self.map_err(|error| StorageError::caused(kind_of(&error), what, error))
    }
}

/// What a failure means wherever it is certain that nothing was committed.
fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            ErrorKind::Refused
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => ErrorKind::Unavailable,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Conflict,
        Some(_) => ErrorKind::Internal,
        None => match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => ErrorKind::Corrupt,
            _ => ErrorKind::Internal,
        },
    }
}

/// A failure of a file of the database that SQLite had no part in, by one of SQLite's codes.
pub(crate) fn file_failed(code: i32, error: &io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(error.to_string()))
}

/// Whether a `COMMIT` that failed so has certainly committed nothing: there was no room for the
/// log's last page, or somebody else held it. After any other failure, such as a sync that did not
/// work, the log's end may or may not be on the disk.
pub(crate) fn is_certain_at_commit(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What is stored can't be what this program wrote.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damaged(pub &'static str);

impl Damaged {
    pub(crate) fn at(self, column: usize) -> rusqlite::Error {
        damaged(column, self)
    }
}

/// A column that can't be what this program wrote there.
pub(crate) fn damaged(
    column: usize,
    why: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Null, why.into())
}
