//! Background jobs: deadlines that pass, and rows whose time is over.

use std::time::Duration;

use domain::{ConcludeOrder, ExpireOrder, Request, Timestamp};
use storage::{Due, DueOrder, StorageError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::App;

/// How many orders one round of the sweep takes up; they share transactions.
pub const SWEEP_ORDERS_MAX: u32 = 256;
/// The sweep looks again after this at the latest, though no deadline is due: other processes may
/// place orders with deadlines of their own, and a machine's clock may be set.
pub const SWEEP_SLEEP_MAX: Duration = Duration::from_millis(500);
/// How long the sweep waits after a failure, or after a round that could do nothing.
pub const SWEEP_RETRY_AFTER: Duration = Duration::from_millis(200);
/// How often rows whose time is over are dropped.
pub const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How many rows of a kind are dropped at once, so that no customer waits long behind it.
pub const FORGET_ROWS_MAX: u32 = 1_000;

/// What one round of the sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Unpaid orders that were cancelled.
    pub expired: u32,
    /// Sent orders that count as received.
    pub concluded: u32,
    /// Orders that were due: more than were done where somebody else was quicker.
    pub due: u32,
}

impl App {
    /// Takes up to [`SWEEP_ORDERS_MAX`] orders whose deadlines have passed, each atomically.
    ///
    /// # Errors
    /// [`StorageError`] where the orders can't be read or one can't be stored; others may be.
    pub async fn sweep_once(&self) -> Result<Swept, StorageError> {
        let due = self
            .storage
            .list_due(self.clock.now(), SWEEP_ORDERS_MAX)
            .await?;
        let mut swept = Swept {
            due: u32::try_from(due.len()).unwrap_or(u32::MAX),
            ..Swept::default()
        };
        let mut tasks = JoinSet::new();
        for DueOrder { order, due, .. } in due {
            let storage = self.storage.clone();
            tasks.spawn(async move {
                let is_done = match due {
                    Due::Payment => {
                        let request = Request::unproved(ExpireOrder { order });
                        storage::run(&*storage, request).await?.is_ok()
                    }
                    Due::Receipt => {
                        let request = Request::unproved(ConcludeOrder { order });
                        storage::run(&*storage, request).await?.is_ok()
                    }
                };
                Ok::<_, StorageError>((due, is_done))
            });
        }
        let mut failure = None;
        while let Some(task) = tasks.join_next().await {
            match task.expect("a task of the sweep does not panic") {
                Ok((Due::Payment, is_done)) => swept.expired += u32::from(is_done),
                Ok((Due::Receipt, is_done)) => swept.concluded += u32::from(is_done),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(swept), Err)
    }

    /// Sweeps until nothing is due that can be done.
    pub(crate) async fn sweep_all(&self) -> Result<(), StorageError> {
        loop {
            let Swept {
                expired, concluded, ..
            } = self.sweep_once().await?;
            if expired + concluded == 0 {
                return Ok(());
            }
        }
    }

    /// Sweeps until `stop` says so, asleep until the next deadline in between.
    pub async fn sweep_until(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.sweep_once().await {
                Ok(swept) => self.after(swept).await,
                Err(failure) => {
                    error!(
                        error = &failure as &dyn std::error::Error,
                        "the sweep failed"
                    );
                    SWEEP_RETRY_AFTER
                }
            };
            // An error means that nobody is left to say stop: the process is ending.
            if tokio::time::timeout(pause, stop.changed())
                .await
                .is_ok_and(|said| said.is_err())
            {
                return;
            }
        }
    }

    /// Says what was swept, and how long to sleep.
    async fn after(&self, swept: Swept) -> Duration {
        let Swept {
            expired,
            concluded,
            due,
        } = swept;
        if expired > 0 {
            info!(
                orders = expired,
                "cancelled orders that were not paid in time"
            );
        }
        if concluded > 0 {
            info!(
                orders = concluded,
                "orders count as received after their deadline"
            );
        }
        match (expired + concluded, due) {
            (0, 1..) => SWEEP_RETRY_AFTER,
            (1.., SWEEP_ORDERS_MAX..) => Duration::ZERO,
            _ => {
                let next = self.storage.next_due().await.ok().flatten();
                next.map_or(SWEEP_SLEEP_MAX, |next| self.until(next))
                    .min(SWEEP_SLEEP_MAX)
            }
        }
    }

    fn until(&self, moment: Timestamp) -> Duration {
        moment.since(self.clock.now())
    }

    /// Drops rows whose time is over until `stop` says so.
    pub async fn forget_until(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self
                .storage
                .forget_expired(self.clock.now(), FORGET_ROWS_MAX)
                .await
            {
                Ok(rows) if rows >= u64::from(FORGET_ROWS_MAX) => SWEEP_RETRY_AFTER,
                Ok(_) => FORGET_EVERY,
                Err(failure) => {
                    error!(
                        error = &failure as &dyn std::error::Error,
                        "dropping old rows failed"
                    );
                    FORGET_EVERY
                }
            };
            if tokio::time::timeout(pause, stop.changed())
                .await
                .is_ok_and(|said| said.is_err())
            {
                return;
            }
        }
    }
}
