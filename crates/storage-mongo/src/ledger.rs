//! The ledger: one document an entry, with its two postings in it. There is no document for the
//! money outside, which every deposit would have to write: its balance is the sum of its postings.

use domain::{EntryKind, Fen, LedgerAccount, Transfer, UserId, WorkingSet};
use mongodb::bson::{Binary, DateTime, oid::ObjectId};
use serde::{Deserialize, Serialize};

use crate::error::{Stored, damaged};
use crate::schema::ENTRIES;
use crate::transaction::Transaction;
use crate::values::{binary, date, order_binary, read_order, read_user, time};

const LOADING: &str = "reading the ledger";
const SAVING: &str = "writing the ledger";

/// How many bytes the number has that stands in an order's place; an order's id has 16.
const NUMBER_BYTES: usize = 12;

const KINDS: [EntryKind; 5] = [
    EntryKind::Deposit,
    EntryKind::Withdrawal,
    EntryKind::Payment,
    EntryKind::Release,
    EntryKind::Refund,
];

/// What names an entry. An order has at most one of each kind, and the id sees to that; an entry
/// without an order has a number of its own in its place. Ids sort by order, then by kind, in
/// which a payment stands before what follows on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryId {
    pub(crate) of: Binary,
    pub(crate) kind: i64,
}

/// One side of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PostingDocument {
    /// `outside`, `spendable` or `held`.
    pub(crate) purse: String,
    /// Whose; empty for what is outside.
    pub(crate) user: String,
    pub(crate) amount: i64,
}

/// An entry as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryDocument {
    #[serde(rename = "_id")]
    pub(crate) id: EntryId,
    at: DateTime,
    pub(crate) postings: [PostingDocument; 2],
}

/// An entry's kind as a number that stays the same between versions and sorts by what can follow
/// on what.
pub(crate) fn kind_code(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::Deposit => 0,
        EntryKind::Withdrawal => 1,
        EntryKind::Payment => 2,
        EntryKind::Release => 3,
        EntryKind::Refund => 4,
    }
}

pub(crate) fn posting(account: &LedgerAccount, amount: i64) -> PostingDocument {
    let user = |user: &UserId| user.as_str().to_owned();
    let (purse, user) = match account {
        LedgerAccount::Outside => ("outside", String::new()),
        LedgerAccount::Spendable(owner) => ("spendable", user(owner)),
        LedgerAccount::Held(owner) => ("held", user(owner)),
    };
    PostingDocument {
        purse: purse.to_owned(),
        user,
        amount,
    }
}

impl EntryDocument {
    fn of(transfer: &Transfer) -> Self {
        let of = match transfer.order {
            Some(order) => order_binary(order),
            None => binary(ObjectId::new().bytes()),
        };
        let amount = transfer.amount.get();
        Self {
            id: EntryId {
                of,
                kind: kind_code(transfer.kind),
            },
            at: date(transfer.at),
            postings: [
                posting(&transfer.from, -amount),
                posting(&transfer.to, amount),
            ],
        }
    }
}

impl EntryDocument {
    pub(crate) fn read(self) -> Stored<Transfer> {
        let kind = KINDS
            .into_iter()
            .find(|kind| kind_code(*kind) == self.id.kind);
        let [from, to] = self.postings;
        let order = match self.id.of.bytes.len() {
            NUMBER_BYTES => None,
            _ => Some(read_order(&self.id.of, LOADING)?),
        };
        Ok(Transfer {
            amount: Fen::new(to.amount),
            from: from.read()?,
            to: to.read()?,
            kind: kind.ok_or_else(|| damaged("entry's kind", LOADING))?,
            order,
            at: time(self.at),
        })
    }
}

impl PostingDocument {
    fn read(self) -> Stored<LedgerAccount> {
        Ok(match self.purse.as_str() {
            "outside" => LedgerAccount::Outside,
            "spendable" => LedgerAccount::Spendable(read_user(self.user, LOADING)?),
            "held" => LedgerAccount::Held(read_user(self.user, LOADING)?),
            _ => return Err(damaged("purse", LOADING)),
        })
    }
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let entries = rows.transfers.iter().map(EntryDocument::of).collect();
    transaction.insert(ENTRIES, entries, SAVING).await
}
