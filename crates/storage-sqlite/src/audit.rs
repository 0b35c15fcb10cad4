//! The audit: everything stored, checked against itself.
//!
//! While a read transaction is open, the log can't begin anew, and beside a busy server it grows.
//! So the audit cuts its work into pieces that are consistent in themselves, each of which reads
//! one moment: accounts with their postings, a seller with his listings and orders, some orders
//! with their entries. It has a thread and a connection of its own, so that it keeps no question
//! waiting, and its memory is bounded by the listings of one seller.

mod ledger;
mod orders;
mod sellers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use storage::{AuditCheck, AuditReport, ErrorKind, Finding, Reading, StorageError};
use tokio::sync::oneshot;

use crate::error::{Doing, Stored};
use crate::log::Log;
use crate::open::Files;
use crate::readers::{at_one_moment, when_durable};

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    ledger::LIST_POSTINGS,
    ledger::LIST_LATER_POSTINGS,
    ledger::FIND_BALANCE,
    ledger::LIST_ENTRIES,
    ledger::HAS_ENTRY,
    sellers::LIST_ACCOUNTS,
    sellers::NEXT_SELLER,
    sellers::LIST_ORDERS,
    sellers::LIST_LISTINGS,
    orders::LIST_ORDERS,
    orders::LIST_ENTRIES,
    orders::FIND_POSTING,
];

const DOING: &str = "auditing";

/// Begins an audit, unless one is running: `Overloaded` then, and `Unavailable` where the engine
/// closes before it is done.
pub(crate) fn start(
    files: &Files,
    log: Option<Arc<Log>>,
    is_closing: &Arc<AtomicBool>,
    is_auditing: &Arc<AtomicBool>,
) -> Reading<'static, AuditReport> {
    if is_auditing.swap(true, Ordering::AcqRel) {
        return Box::pin(async { Err(StorageError::new(ErrorKind::Overloaded, DOING)) });
    }
    let running = Running(is_auditing.clone());
    let (files, is_closing) = (files.clone(), is_closing.clone());
    let (reply, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let report = run(&files, &is_closing);
        drop(running);
        when_durable(log.as_deref(), DOING, report, reply);
    });
    Box::pin(async move {
        answer
            .await
            .map_err(|_| StorageError::new(ErrorKind::Internal, DOING))?
    })
}

/// Lets the next audit begin, however this one ends.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn run(files: &Files, is_closing: &AtomicBool) -> Stored<AuditReport> {
    let connection = files.reader().doing(DOING)?;
    let mut audit = Audit {
        connection: &connection,
        is_closing,
        findings: Findings::new(),
    };
    ledger::check(&mut audit)?;
    sellers::check(&mut audit)?;
    orders::check(&mut audit)?;
    let Findings {
        postings,
        balances,
        stock,
        orders,
        held,
    } = audit.findings;
    Ok(AuditReport {
        findings: vec![postings, balances, stock, orders, held],
    })
}

struct Audit<'a> {
    connection: &'a Connection,
    is_closing: &'a AtomicBool,
    findings: Findings,
}

/// One for each check, in their order.
struct Findings {
    postings: Finding,
    balances: Finding,
    stock: Finding,
    orders: Finding,
    held: Finding,
}

impl Findings {
    fn new() -> Self {
        Self {
            postings: Finding::new(AuditCheck::PostingsSumToZero),
            balances: Finding::new(AuditCheck::BalancesEqualPostings),
            stock: Finding::new(AuditCheck::StockEquation),
            orders: Finding::new(AuditCheck::OrdersAgree),
            held: Finding::new(AuditCheck::HeldEqualsOpenOrders),
        }
    }
}

impl Audit<'_> {
    /// Looks at one piece, in one read transaction.
    fn piece<T>(
        &mut self,
        look: impl FnOnce(&Connection, &mut Findings) -> Stored<T>,
    ) -> Stored<T> {
        if self.is_closing.load(Ordering::Relaxed) {
            return Err(StorageError::new(ErrorKind::Unavailable, DOING));
        }
        at_one_moment(self.connection, |connection| {
            look(connection, &mut self.findings)
        })
    }
}

/// Counts a row, and says what is wrong with it unless it is right.
fn look(finding: &mut Finding, is_right: bool, words: impl FnOnce() -> String) {
    finding.look((!is_right).then_some(words));
}

/// How to name an account to the operator.
fn account_name(connection: &Connection, account: i64) -> String {
    let sql = "SELECT user_id FROM accounts WHERE id = ?1";
    let found = connection.query_row(sql, [account], |row| row.get::<_, String>(0));
    found.map_or_else(
        |_| format!("account number {account}"),
        |user| format!("account `{user}`"),
    )
}
