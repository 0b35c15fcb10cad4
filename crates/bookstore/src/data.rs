//! Data, opened with the engine that keeps it: the only place that names one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use domain::Clock;
use storage::Storage;
use storage_mongo::MongoStorage;
use storage_sqlite::{OpenError, Options, SqliteStorage};

use crate::cli::DataArguments;
use crate::clock::SystemClock;
use crate::settings::Engine;

/// Where data is, and which engine keeps it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder with a SQLite file in it.
    Sqlite(PathBuf),
    /// The MongoDB deployment that this URL names.
    Mongo(String),
}

impl Location {
    /// What the arguments of a command name.
    pub fn of(arguments: &DataArguments) -> Self {
        match &arguments.storage {
            Engine::Sqlite => Self::Sqlite(arguments.data.clone()),
            Engine::Mongo(url) => Self::Mongo(url.clone()),
        }
    }

    /// The location as it may be shown: the same text for the same place, wherever one stands and
    /// in whatever order its hosts are named; without a password.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", whole(folder).display()),
            Self::Mongo(url) => plain(url),
        }
    }

    async fn open_writing(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Storage>> {
        match self {
            Self::Sqlite(folder) => Ok(Arc::new(SqliteStorage::open(Options::new(folder), clock)?)),
            Self::Mongo(url) => Ok(Arc::new(MongoStorage::open(url, clock).await?)),
        }
    }

    async fn open_reading(&self) -> anyhow::Result<Arc<dyn Storage>> {
        match self {
            Self::Sqlite(folder) => {
                let options = Options::new(folder);
                Ok(Arc::new(SqliteStorage::open_read_only(options)?))
            }
            Self::Mongo(url) => Ok(Arc::new(
                MongoStorage::open_existing(url, Arc::new(SystemClock)).await?,
            )),
        }
    }

    /// Opens a place to write where there is a shop already.
    async fn open_existing(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Storage>> {
        match self {
            Self::Sqlite(folder) => {
                check_exists(folder)?;
                self.open_writing(clock).await
            }
            Self::Mongo(url) => Ok(Arc::new(MongoStorage::open_existing(url, clock).await?)),
        }
    }
}

fn check_exists(folder: &Path) -> anyhow::Result<()> {
    match SqliteStorage::open_read_only(Options::new(folder)) {
        Err(error @ OpenError::NoData { .. }) => Err(error.into()),
        // Whatever else is wrong, or out of date, opening it in earnest says or mends.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A MongoDB address without user, password and options, its hosts in order.
fn plain(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("mongodb", url));
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    let mut hosts: Vec<String> = hosts.split(',').map(str::to_ascii_lowercase).collect();
    hosts.sort_unstable();
    format!("{scheme}://{}/{database}", hosts.join(","))
}

/// A folder's path from the root on, without links where it exists.
fn whole(folder: &Path) -> PathBuf {
    let found = folder
        .canonicalize()
        .or_else(|_| std::path::absolute(folder));
    found.unwrap_or_else(|_| folder.to_owned())
}

/// Opens the data to write; makes it where there is none. Nobody else may write meanwhile.
pub async fn open(
    arguments: &DataArguments,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Storage>> {
    let location = Location::of(arguments);
    checked(location.open_writing(clock).await?, &location).await
}

/// Opens the data to write, where there is any.
pub async fn open_existing(
    arguments: &DataArguments,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Storage>> {
    let location = Location::of(arguments);
    checked(location.open_existing(clock).await?, &location).await
}

/// Opens the data to read, beside a working server.
pub async fn open_read_only(arguments: &DataArguments) -> anyhow::Result<Arc<dyn Storage>> {
    let location = Location::of(arguments);
    checked(location.open_reading().await?, &location).await
}

/// Opens the shop that is to move away. Nobody else may write there meanwhile.
pub async fn open_source(
    location: &Location,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Storage>> {
    location.open_existing(clock).await
}

/// Opens the place that a shop is to move to, where some of it may be already.
pub async fn open_destination(
    location: &Location,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Storage>> {
    location.open_writing(clock).await
}

/// Refuses a shop that is not all there: nothing in it adds up before it is.
async fn checked(
    storage: Arc<dyn Storage>,
    location: &Location,
) -> anyhow::Result<Arc<dyn Storage>> {
    if storage.find_migration().await?.is_none() {
        return Ok(storage);
    }
    storage.close().await?;
    bail!(
        "a shop is being moved to `{}` and is not all there yet\n\
         hint: run the same `bookstore migrate` again, it goes on where it stopped",
        location.url()
    )
}

/// Whether data could not be opened because another process writes to it.
pub fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::InUse { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password_and_in_one_order() {
        for url in [
            "mongodb://b:2,a:1/shop",
            "mongodb://a:1,B:2/shop?replicaSet=rs0",
            "mongodb://user:p%40ss@a:1,b:2/shop?authSource=admin",
        ] {
            let location = Location::Mongo(url.into());
            assert_eq!(location.url(), "mongodb://a:1,b:2/shop");
        }
        let srv = Location::Mongo("mongodb+srv://user:secret@cluster.example/shop".into());
        assert_eq!(srv.url(), "mongodb+srv://cluster.example/shop");
    }
}
