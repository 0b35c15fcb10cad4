//! The end of SQLite's log: what is written there, and what of it is on the disk.
//!
//! A commit writes to the log and doesn't wait for the disk. The thread here syncs the log while
//! the writer is busy with the next batch, and only then are the answers given: those of the
//! operations, of refusals that rest on what they found, and of questions, which may have seen what
//! is not on the disk yet. So nobody is told anything that a power failure could take back.
//!
//! Commits are counted. A question that ends while a commit is under way can't tell whether it saw
//! it, so it waits for that one too.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};

/// How many commits may wait for the disk when the writer begins with another. More would make its
/// batches smaller, and so dearer, without having anyone answered sooner.
const UNSYNCED_MAX: u64 = 1;
/// How many answers may wait for the disk before questions are turned away. Those of two batches
/// and of as many questions as may wait to be asked fit; only a disk that stands still has more.
const ANSWERS_MAX: usize = 4_096;

/// Is told whether all that it may rest on is on the disk. `false`: nobody knows.
pub(crate) type Answer = Box<dyn FnOnce(bool) + Send>;

/// Brings what is written to a file to the disk: [`File::sync_data`], but for tests.
pub(crate) type Disk = Arc<dyn Fn(&File) -> io::Result<()> + Send + Sync>;

pub(crate) struct Log {
    disk: Disk,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// `None` until the database is open.
    file: Option<Arc<File>>,
    /// How many commits were begun, are in the log whole, and are on the disk.
    begun: u64,
    written: u64,
    synced: u64,
    /// Who waits for which commit.
    waiting: Vec<(u64, Answer)>,
    /// Whether the log's end may be in memory alone, for good.
    has_failed: bool,
    is_closed: bool,
}

impl State {
    /// Those whose waiting is over.
    fn take_answered(&mut self) -> Vec<(bool, Answer)> {
        let (synced, has_failed) = (self.synced, self.has_failed);
        self.waiting
            .extract_if(.., |(commit, _)| *commit <= synced || has_failed)
            .map(|(commit, answer)| (commit <= synced, answer))
            .collect()
    }
}

impl Log {
    pub(crate) fn new(disk: Disk) -> Self {
        Self {
            disk,
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

    /// From now on commits go to this file, whose own commits are brought to the disk first: a
    /// process that was killed may have left some that it had told nobody of. No commit is under
    /// way meanwhile.
    pub(crate) fn follow(&self, file: File) -> io::Result<()> {
        (self.disk)(&file)?;
        self.state().file = Some(Arc::new(file));
        Ok(())
    }

    /// Waits until the writer may begin with another batch.
    pub(crate) fn wait_for_room(&self) {
        let is_full =
            |state: &mut State| state.written - state.synced > UNSYNCED_MAX && !state.has_failed;
        let waited = self.changed.wait_while(self.state(), is_full);
        drop(waited.expect("nobody panics while holding the log's state"));
    }

    /// Counts a commit, which is this closure's. There is one at a time. One that failed or
    /// panicked counts as well: nobody knows what it has written, and nobody must wait forever.
    pub(crate) fn commit<T>(&self, commit: impl FnOnce() -> T) -> T {
        struct Written<'a>(&'a Log);

        impl Drop for Written<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.written = state.begun;
                drop(state);
                self.0.changed.notify_all();
            }
        }

        self.state().begun += 1;
        let _written = Written(self);
        commit()
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
            state.waiting.push((begun, answer));
        }
    }

    /// Whether so many wait for the disk that no more questions should be asked.
    pub(crate) fn is_crowded(&self) -> bool {
        self.state().waiting.len() >= ANSWERS_MAX
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

    /// All that was ever written is on the disk after all. Nobody waits for it: since the failure
    /// whoever came was told at once that nobody knows.
    pub(crate) fn recovered(&self) {
        let mut state = self.state();
        state.has_failed = false;
        state.synced = state.written;
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
        let file = state.file.clone().expect("commits come after opening");
        drop(state);
        let result = (self.disk)(&file);
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

/// An answer that panics must not keep others from theirs, nor end the thread that all wait for.
fn give(answered: Vec<(bool, Answer)>) {
    for (is_durable, answer) in answered {
        if catch_unwind(AssertUnwindSafe(|| answer(is_durable))).is_err() {
            tracing::error!("an answer panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, TryRecvError, channel};

    use super::*;

    /// A log whose syncs are made one by one by the test, and fail when it says so.
    struct Fixture {
        log: Log,
        breaks: Arc<AtomicBool>,
        syncs: Arc<AtomicUsize>,
    }

    impl Fixture {
        fn new() -> Self {
            let (breaks, syncs) = (Arc::new(AtomicBool::new(false)), Arc::default());
            let (is_broken, counter) = (breaks.clone(), Arc::clone(&syncs));
            let log = Log::new(Arc::new(move |_: &File| {
                AtomicUsize::fetch_add(&counter, 1, Ordering::SeqCst);
                match is_broken.load(Ordering::SeqCst) {
                    true => Err(io::Error::other("the disk is broken, as the test wants it")),
                    false => Ok(()),
                }
            }));
            let file = tempfile::tempfile().expect("a file");
            log.follow(file).expect("the disk works");
            Self { log, breaks, syncs }
        }

        fn breaks(&self, is_broken: bool) {
            self.breaks.store(is_broken, Ordering::SeqCst);
        }

        /// Has somebody wait, who says here what he was told.
        fn wait(&self) -> Receiver<bool> {
            let (told, hears) = channel();
            self.log
                .when_durable(Box::new(move |is_durable| told.send(is_durable).unwrap()));
            hears
        }

        fn sync(&self) {
            assert!(self.log.sync_next(&|| {}));
        }
    }

    const WAITS: Result<bool, TryRecvError> = Err(TryRecvError::Empty);

    #[test]
    fn what_rests_on_nothing_new_is_answered_at_once() {
        let fixture = Fixture::new();
        assert_eq!(fixture.wait().try_recv(), Ok(true));
        fixture.log.commit(|| {});
        fixture.sync();
        assert_eq!(fixture.wait().try_recv(), Ok(true));
    }

    #[test]
    fn an_answer_waits_for_all_that_was_begun_before() {
        let fixture = Fixture::new();
        fixture.log.commit(|| {});
        let first = fixture.wait();
        assert_eq!(first.try_recv(), WAITS);
        // A commit that is under way may have been seen already.
        let second = fixture.log.commit(|| fixture.wait());
        let late = fixture.log.commit(|| {
            fixture.sync();
            fixture.wait()
        });
        assert_eq!(first.try_recv(), Ok(true));
        assert_eq!(second.try_recv(), Ok(true));
        assert_eq!(
            late.try_recv(),
            WAITS,
            "the sync came before that commit was whole"
        );
        fixture.sync();
        assert_eq!(late.try_recv(), Ok(true));
    }

    #[test]
    fn what_a_process_before_left_is_on_the_disk_before_anybody_sees_it() {
        let fixture = Fixture::new();
        assert_eq!(fixture.syncs.load(Ordering::SeqCst), 1);
        fixture.breaks(true);
        let file = tempfile::tempfile().expect("a file");
        fixture.log.follow(file).expect_err("the disk is broken");
    }

    #[test]
    fn a_failed_sync_is_told_to_all_until_the_log_is_recovered() {
        let fixture = Fixture::new();
        fixture.log.commit(|| {});
        let waiting = fixture.wait();
        fixture.breaks(true);
        let failures = AtomicUsize::new(0);
        let on_failure = || {
            failures.fetch_add(1, Ordering::SeqCst);
        };
        assert!(fixture.log.sync_next(&on_failure));
        assert_eq!(failures.load(Ordering::SeqCst), 1);
        assert_eq!(waiting.try_recv(), Ok(false));
        assert!(fixture.log.has_failed());
        // The disk works again, but may have forgotten what it could not write.
        fixture.breaks(false);
        fixture.log.commit(|| {});
        assert_eq!(fixture.wait().try_recv(), Ok(false));
        fixture.log.wait_for_room();
        fixture.log.recovered();
        assert!(!fixture.log.has_failed());
        assert_eq!(fixture.wait().try_recv(), Ok(true));
        fixture.log.commit(|| {});
        let waiting = fixture.wait();
        assert_eq!(waiting.try_recv(), WAITS);
        fixture.sync();
        assert_eq!(waiting.try_recv(), Ok(true));
    }

    #[test]
    fn a_sync_that_succeeds_after_a_commit_failed_says_nothing() {
        // While the disk is busy with one commit, the next one fails.
        let log = Arc::new_cyclic(|log: &Weak<Log>| {
            let log = log.clone();
            Log::new(Arc::new(move |_: &File| {
                log.upgrade().expect("it is in use").fail();
                Ok(())
            }))
        });
        log.follow(tempfile::tempfile().expect("a file"))
            .expect("the disk works");
        log.recovered();
        log.commit(|| {});
        let (told, hears) = channel();
        log.when_durable(Box::new(move |is_durable| told.send(is_durable).unwrap()));
        assert!(log.sync_next(&|| {}));
        assert_eq!(hears.try_recv(), Ok(false));
        assert_eq!(log.state().synced, 0);
    }

    #[test]
    fn a_commit_that_panics_keeps_nobody_waiting() {
        let fixture = Fixture::new();
        let panicking = || fixture.log.commit(|| panic!("as the test wants it"));
        catch_unwind(AssertUnwindSafe(panicking)).expect_err("it panics");
        let waiting = fixture.wait();
        fixture.sync();
        assert_eq!(waiting.try_recv(), Ok(true));
    }

    #[test]
    fn an_answer_that_panics_keeps_no_other_from_his() {
        let fixture = Fixture::new();
        fixture.log.commit(|| {});
        let panicking = |_| panic!("as the test wants it");
        fixture.log.when_durable(Box::new(panicking));
        let other = fixture.wait();
        fixture.sync();
        assert_eq!(other.try_recv(), Ok(true));
    }

    #[test]
    fn closing_answers_what_waits_and_ends_the_thread() {
        let fixture = Fixture::new();
        let log = Arc::new(fixture.log);
        log.commit(|| {});
        let (told, hears) = channel();
        log.when_durable(Box::new(move |is_durable| told.send(is_durable).unwrap()));
        log.close();
        log.start(|| {}).join().expect("it ends");
        assert_eq!(hears.try_recv(), Ok(true));
    }

    #[test]
    fn closing_after_a_failure_ends_the_thread() {
        let fixture = Fixture::new();
        let log = Arc::new(fixture.log);
        log.commit(|| {});
        log.fail();
        log.close();
        log.start(|| {}).join().expect("it ends");
    }

    #[test]
    fn a_disk_that_stands_still_turns_questions_away() {
        let fixture = Fixture::new();
        fixture.log.commit(|| {});
        let waiting: Vec<_> = (1..ANSWERS_MAX).map(|_| fixture.wait()).collect();
        assert!(!fixture.log.is_crowded());
        let last = fixture.wait();
        assert!(fixture.log.is_crowded());
        fixture.sync();
        assert!(!fixture.log.is_crowded());
        assert!(
            waiting
                .iter()
                .chain([&last])
                .all(|hears| hears.try_recv() == Ok(true))
        );
    }
}
