//! Why a command could not run.

use std::path::PathBuf;

use crate::http::Failure;

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered something that this can't go on with.
    #[error("`{path}` of {target} answered {status}: {message}")]
    Answer {
        target: String,
        path: &'static str,
        status: u16,
        message: String,
    },
    /// The server did not answer.
    #[error(
        "`{path}` of {target} was not answered: {source}\n  hint: is the server running there?"
    )]
    NoAnswer {
        target: String,
        path: &'static str,
        source: Failure,
    },
    /// The shop on the server is not the one that was named.
    #[error("{0}")]
    Shop(String),
    /// A file or folder.
    #[error("`{path}` can't be {what}: {source}")]
    File {
        path: PathBuf,
        what: &'static str,
        source: std::io::Error,
    },
    /// Something that the machine has to give.
    #[error("{what}: {source}")]
    Machine {
        what: &'static str,
        source: std::io::Error,
    },
}
