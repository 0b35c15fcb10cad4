//! The search of a process: started once, asked by many, stopped at the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use storage::Storage;
use tokio::runtime::Handle;

use crate::error::{ErrorKind, SearchError};
use crate::follower::{Follower, Progress, Settings};
use crate::query::Query;
use crate::shared::Shared;
use crate::state::{Hits, Suggestion};

/// Finds books. One for each process and index folder.
///
/// Questions are plain functions that compute, some 0.1 to 12 ms, and a phrase that very many books
/// have some 40 ms when it is asked for the first time: to be called where that is
/// allowed, which in an async program is `tokio::task::spawn_blocking`, with a bound on how many
/// run at once. They don't wait for the disk or for storage, and not for each other.
pub struct Search {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Search {
    /// Opens the index and begins to follow storage, on a thread of its own. Returns at once;
    /// searches are answered from when it is ready.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] where no thread can be had.
    ///
    /// # Panics
    /// If called outside of a tokio runtime, which drives storage's answers. It must have more than
    /// one thread, or storage must answer without it.
    pub fn start(storage: Arc<dyn Storage>, settings: Settings) -> Result<Self, SearchError> {
        let shared = Arc::new(Shared::default());
        let follower = Follower {
            storage,
            settings,
            shared: shared.clone(),
            runtime: Handle::current(),
        };
        let thread = std::thread::Builder::new()
            .name("search".to_owned())
            .spawn(move || follower.run())
            .map_err(|error| {
                SearchError::caused(ErrorKind::Internal, "starting a thread", error)
            })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Whether searches are answered. Once they are, they always will be.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.shared.ready.borrow()
    }

    /// Waits until searches are answered.
    pub async fn ready(&self) {
        let mut ready = self.shared.ready.subscribe();
        // The sender lives as long as `self`.
        drop(ready.wait_for(|ready| *ready).await);
    }

    /// How far the filling has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// Looks for books. Takes CPU time: see [`Search`].
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] while it isn't ready; otherwise the index can't be read.
    pub fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        self.shared.read(|state| state.search(query))
    }

    /// Completes what somebody has begun to type: tags, authors and titles that begin with it, the
    /// commonest first, then titles that have it inside. At most [`crate::SUGGESTIONS_MAX`].
    /// Takes CPU time: see [`Search`].
    ///
    /// # Errors
    /// As [`Search::search`].
    pub fn suggest(&self, prefix: &str, limit: usize) -> Result<Vec<Suggestion>, SearchError> {
        self.shared.read(|state| state.suggest(prefix, limit))
    }

    /// What is in memory, by parts: their names and bytes, more or less. The dictionary of Chinese
    /// words, which doesn't change, is not among them.
    ///
    /// # Errors
    /// As [`Search::search`].
    pub fn memory(&self) -> Result<Vec<(&'static str, usize)>, SearchError> {
        self.shared.read(|state| Ok(state.memory()))
    }

    /// Has the index built anew from storage, beside the present one, which answers meanwhile.
    /// Returns at once.
    pub fn reindex(&self) {
        self.shared.ask_for_reindex();
    }

    /// Stops following, and waits until the index's folder is let go of. Searches are still
    /// answered, from what was seen last.
    pub async fn stop(&self) {
        self.shared.stop();
        let thread = {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            thread.take()
        };
        if let Some(thread) = thread {
            // If it panicked, that was told when it did.
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
