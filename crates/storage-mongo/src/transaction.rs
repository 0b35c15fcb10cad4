//! One batch as one multi-document transaction.
//!
//! Reads are of one snapshot, and the commit waits until a majority has journaled it. Two
//! transactions that write the same document conflict at once, and the later one starts again:
//! other processes write too. Nothing here waits for a lock, so nothing can deadlock.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use domain::{Account, Key, UserId, WorkingSet};
use mongodb::ClientSession;
use mongodb::options::{
    Acknowledgment, ReadConcern, SessionOptions, TransactionOptions, WriteConcern,
};
use storage::batch::Recovery;
use storage::{ErrorKind, Job, StorageError, Transact};
use tokio::time::{Instant, sleep};

use crate::commit::{COMMITTING, commit, end};
use crate::deployment::{Deployment, OPERATION_DEADLINE, until};
use crate::error::Stored;
use crate::lanes::Lanes;
use crate::remembered::{Guessed, Remembered};
use crate::{
    abandoned, accounts, books, guards, idempotency, ledger, listings, migrations, orders, stores,
    terminals,
};

/// How much of an operation's time is kept for its commit. Past the rest nothing is sent any more,
/// so that what runs out of time before certainly did not happen.
const COMMIT_RESERVE: Duration = Duration::from_secs(1);
/// The longest pause before the first retry; it doubles with each further one.
const PAUSE_FIRST_MS: u64 = 4;
/// The longest pause before any retry.
const PAUSE_MAX_MS: u64 = 64;
/// After how many conflicts in a row to look whether the other is alive.
const CONFLICTS_BEFORE_LOOKING: u32 = 8;

/// The engine's side of the batch loop.
pub(crate) struct Transaction {
    pub(crate) deployment: Arc<Deployment>,
    lanes: Arc<Lanes>,
    /// The open transaction.
    pub(crate) session: Option<ClientSession>,
    deadline: Instant,
    random: RandomState,
    /// Accounts that came along with others, in case they are asked for.
    pub(crate) at_hand: HashMap<UserId, Account>,
    /// Whose accounts this batch has read.
    pub(crate) accounts_read: HashSet<UserId>,
    /// Of whom it has read a terminal.
    pub(crate) terminals_read: HashSet<UserId>,
    /// What this process has seen of listings and orders.
    pub(crate) remembered: Arc<Remembered>,
    /// Whether this batch may take orders from there.
    pub(crate) may_guess: bool,
    /// Whether all that it does to listings is to take copies of them.
    only_takes_copies: bool,
    /// What it has taken from there.
    pub(crate) guessed: Guessed,
}

impl Transaction {
    pub(crate) fn new(
        deployment: Arc<Deployment>,
        lanes: Arc<Lanes>,
        remembered: Arc<Remembered>,
    ) -> Self {
        Self {
            deployment,
            lanes,
            session: None,
            deadline: Instant::now(),
            random: RandomState::new(),
            at_hand: HashMap::new(),
            accounts_read: HashSet::new(),
            terminals_read: HashSet::new(),
            remembered,
            may_guess: false,
            only_takes_copies: false,
            guessed: Guessed::default(),
        }
    }

    /// Prepares for a batch, and until when it must be answered.
    pub(crate) fn prepare(&mut self, jobs: &[Box<dyn Job>], deadline: Instant) {
        self.deadline = deadline;
        self.may_guess = true;
        self.only_takes_copies = jobs.iter().all(|job| job.only_takes_copies());
    }

    /// Whether this batch may take listings, and their stores, as this process remembers them.
    pub(crate) fn may_guess_listings(&self) -> bool {
        self.may_guess && self.only_takes_copies
    }

    /// Forgets what this batch went by, since it may be otherwise by now.
    fn forget_guesses(&mut self) {
        self.remembered.forget(&self.guessed);
        self.guessed.clear();
    }

    /// Until when the batch may send anything but its commit.
    pub(crate) fn work_until(&self) -> Instant {
        self.deadline
            .checked_sub(COMMIT_RESERVE)
            .unwrap_or(self.deadline)
    }

    async fn start(&mut self) -> Stored<()> {
        // Each transaction has a session of its own: one that was given up halfway may still be in
        // use by whatever ends it.
        let options = SessionOptions::builder().causal_consistency(false).build();
        let starting = self.deployment.client.start_session().with_options(options);
        let work_until = self.work_until();
        let session = until(
            work_until,
            "beginning a transaction",
            starting.into_future(),
        )
        .await?;
        let session = self.session.insert(session);
        let majority = WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .w_timeout(OPERATION_DEADLINE)
            .build();
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::snapshot())
            .write_concern(majority)
            .max_commit_time(OPERATION_DEADLINE)
            .build();
        let starting = session.start_transaction().with_options(options);
        until(
            work_until,
            "beginning a transaction",
            starting.into_future(),
        )
        .await
    }

    /// A random pause, so that processes that met on a row don't meet there again.
    fn pause(&self, attempts: u32) -> Duration {
        let longest = (PAUSE_FIRST_MS << attempts.min(16)).min(PAUSE_MAX_MS);
        let random = self.random.hash_one((attempts, Instant::now()));
        Duration::from_micros(random % (longest * 1_000) + 100)
    }
}

impl Transact for Transaction {
    async fn begin(&mut self) -> Stored<()> {
        self.at_hand.clear();
        self.accounts_read.clear();
        self.terminals_read.clear();
        self.start().await
    }

    async fn load(&mut self, keys: &[Key], rows: &mut WorkingSet) -> Stored<()> {
        orders::load(self, keys, rows).await?;
        accounts::load(self, keys, rows).await?;
        terminals::load(self, keys, rows).await?;
        listings::load(self, keys, rows).await?;
        stores::load(self, keys, rows).await?;
        books::load(self, keys, rows).await?;
        idempotency::load(self, keys, rows).await?;
        migrations::load(self, keys, rows).await?;
        accounts::load_obligations(self, keys, rows).await
    }

    fn must_read_anew(&mut self, jobs: &[Box<dyn Job>]) -> bool {
        let must = !self.guessed.is_empty() && jobs.iter().any(|job| job.changes_nothing());
        if must {
            self.may_guess = false;
            self.forget_guesses();
        }
        must
    }

    /// The rows on which others are likeliest to be in the way come first.
    async fn save(&mut self, rows: &mut WorkingSet) -> Stored<()> {
        if !self.guessed.are_written(rows) {
            return Err(StorageError::new(
                ErrorKind::Conflict,
                "going by rows in mind of which nothing would make sure",
            ));
        }
        accounts::save(self, rows).await?;
        listings::save(self, rows).await?;
        guards::save(self, rows).await?;
        stores::save(self, rows).await?;
        terminals::save(self, rows).await?;
        orders::save(self, rows).await?;
        ledger::save(self, rows).await?;
        idempotency::save(self, rows).await?;
        migrations::save(self, rows).await?;
        books::save(self, rows).await
    }

    async fn commit(&mut self) -> Stored<()> {
        if Instant::now() >= self.work_until() {
            return Err(StorageError::new(ErrorKind::Unavailable, COMMITTING));
        }
        let mut session = self.session.take().expect("the batch loop begins first");
        let committed = commit(&mut session, self.deadline).await;
        match &committed {
            Ok(()) => self.deployment.note_commit(&session),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                tokio::spawn(end(self.deployment.clone(), session));
            }
            Err(_) => {}
        }
        committed
    }

    /// Dropping a session aborts what it left open, in the background and as often as it takes;
    /// nobody waits for a server that may be gone.
    async fn rollback(&mut self) {
        drop(self.session.take());
        self.forget_guesses();
    }

    fn retain(&mut self, rows: &mut WorkingSet) {
        self.session = None;
        self.lanes.learn(rows);
        self.guessed.clear();
        self.remembered.remember(rows);
        rows.clear();
    }

    async fn recover(&mut self, error: &StorageError, attempts: u32) -> Recovery {
        self.may_guess = false;
        match error.kind() {
            ErrorKind::Conflict | ErrorKind::Unavailable => {
                let is_conflict = error.kind() == ErrorKind::Conflict;
                if is_conflict && attempts.is_multiple_of(CONFLICTS_BEFORE_LOOKING) {
                    abandoned::end_all(&self.deployment).await;
                }
                let pause = self.pause(attempts);
                if Instant::now() + pause >= self.work_until() {
                    return Recovery::GiveUp;
                }
                sleep(pause).await;
                Recovery::Again(self.deployment.clock.now())
            }
            ErrorKind::Refused | ErrorKind::Corrupt | ErrorKind::Internal => Recovery::Singly,
            ErrorKind::Overloaded | ErrorKind::OutcomeUnknown => Recovery::GiveUp,
        }
    }
}
