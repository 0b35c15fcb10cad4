//! Two processes that meet at a known place: one has read and decided, and waits with its commit
//! until the other has done something.

use std::sync::mpsc;

use domain::{Key, Operation, Request, Timestamp, WorkingSet};
use storage::conformance::shop::{Runs, Shop};
use storage::{Job, Outcome, Pending, StorageError};
use tokio::sync::oneshot;

/// A job that, decided for the first time, waits until its gate opens.
struct Waiting<O: Operation> {
    job: Pending<O>,
    decided: Option<oneshot::Sender<()>>,
    opened: mpsc::Receiver<()>,
}

impl<O: Runs> Job for Waiting<O> {
    fn name_rows(&self, keys: &mut Vec<Key>) {
        self.job.name_rows(keys);
    }

    fn decide(&mut self, rows: &mut WorkingSet, now: Timestamp) -> Result<(), Vec<Key>> {
        self.job.decide(rows, now)?;
        if let Some(decided) = self.decided.take() {
            decided.send(()).expect("the case waits for this");
            self.opened
                .recv()
                .expect_err("the gate only ever closes its channel");
        }
        Ok(())
    }

    fn is_exclusive(&self) -> bool {
        self.job.is_exclusive()
    }

    fn only_takes_copies(&self) -> bool {
        self.job.only_takes_copies()
    }

    fn changes_nothing(&self) -> bool {
        self.job.changes_nothing()
    }

    fn answer(self: Box<Self>, stored: Result<(), StorageError>) {
        Box::new(self.job).answer(stored);
    }
}

/// Has `slow` decided in one process, then `quick` done, then lets the first go on. Returns what
/// the first comes to.
pub async fn meet<O: Runs, T>(
    shop: &Shop,
    slow: Request<O>,
    quick: impl Future<Output = T>,
) -> (Outcome<O>, T) {
    let (reply, answer) = oneshot::channel();
    let (decided, has_decided) = oneshot::channel();
    let (gate, opened) = mpsc::channel();
    let job = Waiting {
        job: Pending::new(slow, reply),
        decided: Some(decided),
        opened,
    };
    shop.storage().submit(Box::new(job)).expect("there is room");
    has_decided.await.expect("every job is decided");
    let between = quick.await;
    drop::<mpsc::Sender<()>>(gate);
    let outcome = answer
        .await
        .expect("every job is answered")
        .expect("no failure");
    (outcome, between)
}
