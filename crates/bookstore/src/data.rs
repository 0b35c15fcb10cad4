//! The data folder, opened with the engine that was chosen: the only place that names one.

use std::sync::Arc;

use domain::Clock;
use storage::Storage;
use storage_sqlite::{OpenError, Options, SqliteStorage};

use crate::cli::DataArguments;
use crate::settings::Engine;

/// Opens the data to write; makes it where there is none. Nobody else may write meanwhile.
pub fn open(arguments: &DataArguments, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Storage>> {
    match arguments.storage {
        Engine::Sqlite => Ok(Arc::new(SqliteStorage::open(
            Options::new(&arguments.data),
            clock,
        )?)),
    }
}

/// Opens the data to write, where there is any.
pub fn open_existing(
    arguments: &DataArguments,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Storage>> {
    match arguments.storage {
        Engine::Sqlite => {
            let looked = SqliteStorage::open_read_only(Options::new(&arguments.data));
            if let Err(error @ OpenError::NoData { .. }) = looked {
                return Err(error.into());
            }
        }
    }
    open(arguments, clock)
}

/// Opens the data to read, beside a working server.
pub fn open_read_only(arguments: &DataArguments) -> anyhow::Result<Arc<dyn Storage>> {
    match arguments.storage {
        Engine::Sqlite => Ok(Arc::new(SqliteStorage::open_read_only(Options::new(
            &arguments.data,
        ))?)),
    }
}

/// Whether data could not be opened because another process writes to it.
pub fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::InUse { .. }))
}
