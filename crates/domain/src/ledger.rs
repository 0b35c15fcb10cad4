//! The ledger: every movement of money, append-only, in double entry.

use crate::ids::{OrderId, UserId};
use crate::money::Fen;
use crate::time::Timestamp;

/// Where money can be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LedgerAccount {
    /// Outside of the marketplace; its balance is minus all that is inside.
    Outside,
    /// What a user may spend or withdraw.
    Spendable(UserId),
    /// What a seller was paid for orders that are not received yet.
    Held(UserId),
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A user, or the operator for him, put money in.
    Deposit,
    /// A user took money out.
    Withdrawal,
    /// A buyer paid an order; the seller holds the amount.
    Payment,
    /// An order was received; the seller may spend the amount.
    Release,
    /// A paid order was cancelled; the buyer has the amount back.
    Refund,
}

/// One entry of the ledger: two postings, `-amount` to `from` and `amount` to `to`, so that the
/// sum of all postings is zero by construction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Where the money comes from.
    pub from: LedgerAccount,
    /// Where it goes.
    pub to: LedgerAccount,
    /// How much: more than zero.
    pub amount: Fen,
    /// Why.
    pub kind: EntryKind,
    /// For which order, where for one.
    pub order: Option<OrderId>,
    /// When.
    pub at: Timestamp,
}
