//! The ledger: `entries`, and `postings`, two for each.

use domain::{EntryKind, LedgerAccount, Transfer, WorkingSet};
use rusqlite::{Connection, params};

use crate::error::{Doing, Stored};
use crate::{accounts, orders};

/// The account that stands for everything outside of the marketplace.
pub(crate) const OUTSIDE_ACCOUNT: i64 = 0;

/// Which of an account's two purses a posting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Spendable,
    Held,
    Outside,
}

impl Side {
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Spendable => 0,
            Self::Held => 1,
            Self::Outside => 2,
        }
    }
}

/// An entry's kind as a number that stays the same between versions.
pub(crate) fn kind_code(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::Deposit => 0,
        EntryKind::Withdrawal => 1,
        EntryKind::Payment => 2,
        EntryKind::Release => 3,
        EntryKind::Refund => 4,
    }
}

/// Appends the batch's movements of money. Entries are numbered by SQLite, one above the last:
/// none is ever removed.
pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    for transfer in std::mem::take(&mut rows.transfers) {
        append(connection, rows, &transfer)?;
        rows.transfers.push(transfer);
    }
    Ok(())
}

fn append(connection: &Connection, rows: &mut WorkingSet, transfer: &Transfer) -> Stored<()> {
    let doing = "writing the ledger";
    let order = match &transfer.order {
        Some(order) => Some(orders::number(connection, rows, *order)?),
        None => None,
    };
    let mut statement = connection
        .prepare_cached("INSERT INTO entries (kind, order_id, at) VALUES (?1, ?2, ?3)")
        .doing(doing)?;
    let kind = kind_code(transfer.kind);
    let entry = statement
        .insert(params![kind, order, transfer.at.millis()])
        .doing(doing)?;
    let amount = transfer.amount.get();
    for (place, amount) in [(&transfer.from, -amount), (&transfer.to, amount)] {
        let (account, side) = match place {
            LedgerAccount::Outside => (OUTSIDE_ACCOUNT, Side::Outside),
            LedgerAccount::Spendable(user) => {
                (accounts::number(connection, rows, user)?, Side::Spendable)
            }
            LedgerAccount::Held(user) => (accounts::number(connection, rows, user)?, Side::Held),
        };
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO postings (account, entry, side, amount) VALUES (?1, ?2, ?3, ?4)",
            )
            .doing(doing)?;
        statement
            .execute([account, entry, side.code(), amount])
            .doing(doing)?;
    }
    Ok(())
}
