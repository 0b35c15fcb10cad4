//! The end of SQLite's log: what is written there, and what of it is on the disk.
//!
//! A commit writes to the log and doesn't wait for the disk. The thread here syncs the log while
//! the writer is busy with the next batch, and only then are the answers given: those of the
//! operations, of refusals that rest on what they found, and of questions, which may have seen what
//! is not on the disk yet. So nobody is told anything that a power failure could take back.
//!
//! Commits are counted. A question that ends while a commit is under way can't tell whether it saw
//! it, so it waits for that one too.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};

/// How many commits may wait for the disk when the writer begins with another. More would make its
/// batches smaller, and so dearer, without having anyone answered sooner.
const UNSYNCED_MAX: u64 = 1;

/// Is told whether all that it may rest on is on the disk. `false`: nobody knows.
pub(crate) type Answer = Box<dyn FnOnce(bool) + Send>;

/// What makes the log's end durable.
pub(crate) type Sync = Arc<dyn Fn() -> io::Result<()> + Send + std::marker::Sync>;

pub(crate) struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// `None` until the database is open.
    sync: Option<Sync>,
    /// How many commits were begun, are in the log whole, and are on the disk.
    begun: u64,
    written: u64,
    synced: u64,
    /// Who waits for which commit, in rising order but for questions that were slow to say so.
    waiting: VecDeque<(u64, Answer)>,
    /// Whether the log's end may be in memory alone, for good.
    has_failed: bool,
    is_closed: bool,
}

impl State {
    /// Those whose waiting is over.
    fn take_answered(&mut self) -> Vec<(bool, Answer)> {
        let (synced, has_failed) = (self.synced, self.has_failed);
        let mut answered = Vec::new();
        let mut still_waiting = VecDeque::new();
        for (commit, answer) in self.waiting.drain(..) {
            if commit <= synced || has_failed {
                answered.push((commit <= synced, answer));
            } else {
                still_waiting.push_back((commit, answer));
            }
        }
        self.waiting = still_waiting;
        answered
    }
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nobody panics while holding the log's state")
    }

    /// Starts the thread that syncs, which ends once the log is closed. `on_failure` is called when
    /// a sync has failed, for the writer to recover the log.
    pub(crate) fn start(
        self: &Arc<Self>,
        on_failure: impl Fn() + Send + 'static,
    ) -> JoinHandle<()> {
        let log = self.clone();
        Builder::new()
            .name("syncer".to_owned())
            .spawn(move || while log.sync_next(&on_failure) {})
            .expect("a thread can be started")
    }

    /// From now on commits go to this file. They don't while it is exchanged.
    pub(crate) fn follow(&self, file: File) {
        self.follow_with(Arc::new(move || file.sync_data()));
    }

    pub(crate) fn follow_with(&self, sync: Sync) {
        self.state().sync = Some(sync);
    }

    /// Waits until the writer may begin with another batch.
    pub(crate) fn wait_for_room(&self) {
        let is_full =
            |state: &mut State| state.written - state.synced > UNSYNCED_MAX && !state.has_failed;
        let waited = self.changed.wait_while(self.state(), is_full);
        drop(waited.expect("nobody panics while holding the log's state"));
    }

    /// Counts a commit, which is this closure's. There is one at a time.
    pub(crate) fn commit<T>(&self, commit: impl FnOnce() -> T) -> T {
        self.state().begun += 1;
        let committed = commit();
        let mut state = self.state();
        state.written = state.begun;
        drop(state);
        self.changed.notify_all();
        committed
    }

    /// Gives an answer as soon as all is on the disk that was committed before, or is being
    /// committed now.
    pub(crate) fn when_durable(&self, answer: Answer) {
        let mut state = self.state();
        let (begun, is_durable) = (state.begun, state.begun <= state.synced);
        if is_durable || state.has_failed {
            drop(state);
            answer(is_durable);
        } else {
            state.waiting.push_back((begun, answer));
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    /// The log's end may be in memory alone, and a later sync may not say so. What waits is told so.
    pub(crate) fn fail(&self) {
        let mut state = self.state();
        state.has_failed = true;
        let answered = state.take_answered();
        drop(state);
        self.changed.notify_all();
        give(answered);
    }

    /// All that was ever written is on the disk after all.
    pub(crate) fn recovered(&self) {
        let mut state = self.state();
        state.has_failed = false;
        state.synced = state.written;
        let answered = state.take_answered();
        drop(state);
        give(answered);
    }

    /// Nothing will be committed any more.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Syncs what is written and not synced, and gives the answers that waited for it. `false`: it
    /// is closed, and nothing is left.
    fn sync_next(&self, on_failure: &impl Fn()) -> bool {
        let has_nothing_to_do = |state: &mut State| {
            let is_synced = state.written == state.synced || state.has_failed;
            is_synced && !state.is_closed
        };
        let waited = self.changed.wait_while(self.state(), has_nothing_to_do);
        let state = waited.expect("nobody panics while holding the log's state");
        let written = state.written;
        if written == state.synced || state.has_failed {
            return false;
        }
        let sync = state.sync.clone().expect("commits come after opening");
        drop(state);
        let result = sync();
        let mut state = self.state();
        match &result {
            // After a failure, of a later commit, a sync that succeeds may be a lie.
            Ok(()) if !state.has_failed => state.synced = state.synced.max(written),
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%error, "the log could not be synced");
                state.has_failed = true;
            }
        }
        let answered = state.take_answered();
        drop(state);
        self.changed.notify_all();
        give(answered);
        if result.is_err() {
            on_failure();
        }
        true
    }
}

fn give(answered: Vec<(bool, Answer)>) {
    for (is_durable, answer) in answered {
        answer(is_durable);
    }
}
