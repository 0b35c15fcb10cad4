//! The auditor: whether everything that was acknowledged is there, and nothing twice. It asks over
//! HTTP only, before the run and after it, and compares the difference with the journal.
//!
//! Nobody else may use the shop meanwhile. Read [`orders`] first, then [`money`] and [`stock`].

mod finding;
mod money;
mod orders;
mod probe;
mod stock;

use std::time::Duration;

pub use finding::{Finding, Findings, Kind};

use crate::error::Error;
use crate::journal::Journal;
use crate::people::{Crew, People};
use crate::shop::{Preference, Shop};

/// How long to wait before looking, where answers got lost: what was on its way may still arrive.
const SETTLE: Duration = Duration::from_secs(2);

/// Who asks whom about what.
#[derive(Clone, Copy)]
pub struct Auditor<'a> {
    pub crew: &'a Crew,
    pub shop: &'a Shop,
    pub people: &'a People,
    /// What the run's baskets prefer.
    pub preference: Preference,
    /// How long an order may stay unpaid before it counts as cancelled.
    pub payment_timeout: Duration,
}

/// How things were before the run.
#[derive(Debug)]
pub struct Baseline {
    orders: orders::Known,
    money: money::Balances,
    stock: stock::Stocks,
}

/// What the audit came to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Audit {
    /// Acknowledged orders that were looked for.
    pub orders: u64,
    /// Orders whose answer got lost and that were placed nevertheless.
    pub found_again: u64,
    /// Orders that were not paid in time and are cancelled for that.
    pub expired: u64,
    /// Accounts whose money was compared, and how it was read.
    pub accounts: u64,
    pub money_by: &'static str,
    /// Listings whose stock was compared.
    pub listings: u64,
    /// What could not be checked on this server, and why.
    pub unchecked: Vec<String>,
    pub findings: Findings,
}

impl Auditor<'_> {
    /// Takes down how things are.
    ///
    /// # Errors
    /// Where the server doesn't answer, or answers what it should not.
    pub async fn baseline(&self) -> Result<Baseline, Error> {
        Ok(Baseline {
            orders: self.known_orders().await?,
            money: self.balances().await?,
            stock: self.stocks().await?,
        })
    }

    /// Compares how things are now with the baseline and the journal.
    ///
    /// # Errors
    /// Where the server doesn't answer, or answers what it should not.
    pub async fn audit(&self, before: &Baseline, journal: &Journal) -> Result<Audit, Error> {
        let is_uncertain =
            !journal.lost.is_empty() || journal.orders.iter().any(|order| order.perhaps.is_some());
        if is_uncertain {
            tokio::time::sleep(SETTLE).await;
        }
        let mut audit = Audit::default();
        let settled = self
            .compare_orders(&before.orders, journal, &mut audit)
            .await?;
        self.compare_money(&before.money, &settled, &mut audit)
            .await?;
        self.compare_stock(&before.stock, &settled, &mut audit)
            .await?;
        Ok(audit)
    }
}
