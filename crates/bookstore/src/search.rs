//! The index of search: where it is, whose it is, and `bookstore reindex`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::search::{Search, Settings};
use anyhow::{Context, anyhow};
use storage::Storage;
use tokio::time::{Duration, interval};

use crate::Verdict;
use crate::cli::DataArguments;
use crate::clock::SystemClock;
use crate::data;
use crate::output::{grouped, note, say};
use crate::signals::StopSignals;

/// How often `bookstore reindex` says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The index's folder, held for this process alone for as long as this lives.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder in the data folder where it is missing, and takes hold of it.
    pub fn hold(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("search");
        let hint = "hint: each process keeps its own index; name a folder that it may write with \
                    `--data`";
        let failed = |error: std::io::Error| {
            let words = format!(
                "can't keep the index of search in `{}`\n{hint}",
                path.display()
            );
            anyhow!(error).context(words)
        };
        std::fs::create_dir_all(&path).map_err(failed)?;
        let lock = File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(anyhow!(
                "the index of search in `{}` is in use by another process\n{hint}",
                path.display()
            )),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Begins to follow storage; returns at once.
    pub fn start(&self, storage: Arc<dyn Storage>) -> anyhow::Result<Arc<Search>> {
        let settings = Settings::new(self.path.clone());
        Ok(Arc::new(Search::start(storage, settings)?))
    }

    /// Removes the index. A search that starts then builds it anew, however often it is cut short.
    fn clear(&self) -> anyhow::Result<()> {
        let doing = || format!("can't clear `{}`", self.path.display());
        for entry in std::fs::read_dir(&self.path).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).with_context(doing)?;
            }
        }
        Ok(())
    }
}

/// Builds the index anew.
pub async fn reindex(arguments: &DataArguments) -> anyhow::Result<Verdict> {
    let mut signals = StopSignals::listen()?;
    let storage = data::open_existing(arguments, Arc::new(SystemClock)).await?;
    let folder = Folder::hold(&arguments.data)?;
    folder.clear()?;
    let search = folder.start(storage.clone())?;
    let mut tell = interval(TELL_EVERY);
    tell.tick().await;
    let verdict = loop {
        tokio::select! {
            () = search.ready() => break Verdict::Done,
            () = signals.next() => break Verdict::FoundProblem,
            _ = tell.tick() => {
                note(&format!("read {} listings", grouped(search.progress().listings)));
            }
        }
    };
    let listings = grouped(search.progress().listings);
    search.stop().await;
    storage.close().await?;
    say(&match verdict {
        Verdict::Done => format!("indexed {listings} listings"),
        Verdict::FoundProblem => {
            "interrupted: the server goes on with it when it starts".to_owned()
        }
    });
    Ok(verdict)
}
