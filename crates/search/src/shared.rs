//! What searches and the follower share: the state, and signals.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{ErrorKind, SearchError};
use crate::follower::Progress;
use crate::state::State;

#[derive(Debug, Default)]
struct Signals {
    is_stopped: bool,
    wants_reindex: bool,
}

pub(crate) struct Shared {
    state: RwLock<Option<State>>,
    signals: Mutex<Signals>,
    changed: Condvar,
    progress: Mutex<Progress>,
    pub ready: watch::Sender<bool>,
    /// Where the follower is to fall over, as if the power had gone.
    #[cfg(test)]
    pub crash_at: Mutex<Option<(&'static str, u32)>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            state: RwLock::new(None),
            signals: Mutex::default(),
            changed: Condvar::new(),
            progress: Mutex::default(),
            ready: watch::Sender::new(false),
            #[cfg(test)]
            crash_at: Mutex::new(None),
        }
    }
}

impl Shared {
    /// Reads the state, once there is one.
    pub fn read<T>(
        &self,
        read: impl FnOnce(&State) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        // A search that panicked has changed nothing.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            Some(state) => read(state),
            None => Err(SearchError::new(
                ErrorKind::Unavailable,
                "waiting for the index to be filled",
            )),
        }
    }

    /// Reads the state in the follower, which has shown one.
    pub fn with<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        read(state.as_ref().expect("it was shown before it is followed"))
    }

    /// Changes the state in the follower, which has shown one.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        change(state.as_mut().expect("it was shown before it is followed"));
    }

    /// Makes a state what is searched.
    pub fn show(&self, state: State) {
        let mut shown = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = shown.replace(state);
        drop(shown);
        // Outside of the lock, since it takes a while.
        drop(before);
        self.ready.send_replace(true);
    }

    fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_stopped(&self) -> bool {
        self.signals().is_stopped
    }

    pub fn stop(&self) {
        self.signals().is_stopped = true;
        self.changed.notify_all();
    }

    pub fn ask_for_reindex(&self) {
        self.signals().wants_reindex = true;
        self.changed.notify_all();
    }

    /// Whether the index is to be built anew; asked once for each time it was said.
    pub fn take_reindex(&self) -> bool {
        std::mem::take(&mut self.signals().wants_reindex)
    }

    /// Waits, until something is to be done at the latest. Returns whether it is to stop.
    pub fn wait(&self, at_most: Duration) -> bool {
        let signals = self.signals();
        let is_quiet = |signals: &mut Signals| !signals.is_stopped && !signals.wants_reindex;
        let waited = self.changed.wait_timeout_while(signals, at_most, is_quiet);
        let (signals, _) = waited.unwrap_or_else(PoisonError::into_inner);
        signals.is_stopped
    }

    pub fn count(&self, count: impl FnOnce(&mut Progress)) {
        count(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In tests: falls over here, if that was asked for.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests use it"))]
    #[cfg_attr(
        not(test),
        expect(clippy::unnecessary_wraps, reason = "in tests it can fail")
    )]
    pub fn crash_point(&self, _place: &'static str) -> Result<(), SearchError> {
        #[cfg(test)]
        if let Some((place, left)) = &mut *self.crash_at.lock().unwrap()
            && *place == _place
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.stop();
                return Err(SearchError::new(ErrorKind::Internal, _place));
            }
        }
        Ok(())
    }
}
