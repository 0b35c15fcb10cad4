//! The ledger: `entries`, and `postings`, two for each.

use domain::{EntryKind, LedgerAccount, OrderId, Transfer, WorkingSet};
use rusqlite::{Connection, Row, params};

use crate::error::{Damaged, Doing, Stored};
use crate::{accounts, columns, orders};

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

pub(crate) fn kind_of(code: i64) -> Option<EntryKind> {
    let kinds = [
        EntryKind::Deposit,
        EntryKind::Withdrawal,
        EntryKind::Payment,
        EntryKind::Release,
        EntryKind::Refund,
    ];
    kinds.into_iter().find(|kind| kind_code(*kind) == code)
}

/// All entries with what they moved: of an order's, the seller's held side tells the amount, of
/// others the side that is outside. Who was on the other side follows from the kind.
pub(crate) const LIST_ALL: &str = "
    SELECT e.id, e.kind, e.at, o.order_id, b.user_id, s.user_id, u.user_id, abs(p.amount)
      FROM entries e
           LEFT JOIN orders o ON o.id = e.order_id
           LEFT JOIN accounts b ON b.id = o.buyer
           LEFT JOIN accounts s ON s.id = o.seller
           LEFT JOIN accounts u ON u.id = e.account
           LEFT JOIN postings p
                  ON p.account = coalesce(o.seller, 0) AND p.entry = e.id
                 AND p.side = CASE WHEN e.order_id IS NULL THEN 2 ELSE 1 END
     WHERE e.id > ?1 ORDER BY e.id";

/// An entry with its number.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Transfer)> {
    let wrong = |column| Damaged("an entry that moves nothing that is known").at(column);
    let kind = kind_of(row.get(1)?).ok_or_else(|| wrong(1))?;
    let spendable = |column| columns::user(row, column).map(LedgerAccount::Spendable);
    let (from, to) = match kind {
        EntryKind::Deposit => (LedgerAccount::Outside, spendable(6)?),
        EntryKind::Withdrawal => (spendable(6)?, LedgerAccount::Outside),
        EntryKind::Payment => (spendable(4)?, LedgerAccount::Held(columns::user(row, 5)?)),
        EntryKind::Release => (LedgerAccount::Held(columns::user(row, 5)?), spendable(5)?),
        EntryKind::Refund => (LedgerAccount::Held(columns::user(row, 5)?), spendable(4)?),
    };
    let order = row.get::<_, Option<[u8; 16]>>(3)?;
    let transfer = Transfer {
        from,
        to,
        amount: columns::fen(row, 7)?,
        kind,
        order: order.map(OrderId::from_bytes),
        at: columns::time(row, 2)?,
    };
    Ok((row.get(0)?, transfer))
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
    // Whose it is, the order says where there is one.
    let account = match (&transfer.order, &transfer.from, &transfer.to) {
        (None, LedgerAccount::Spendable(user), _) | (None, _, LedgerAccount::Spendable(user)) => {
            Some(accounts::number(connection, rows, user)?)
        }
        _ => None,
    };
    let mut statement = connection
        .prepare_cached("INSERT INTO entries (kind, order_id, account, at) VALUES (?1, ?2, ?3, ?4)")
        .doing(doing)?;
    let kind = kind_code(transfer.kind);
    let entry = statement
        .insert(params![kind, order, account, transfer.at.millis()])
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
