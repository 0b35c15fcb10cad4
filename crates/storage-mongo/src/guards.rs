//! Guards: what makes two transactions conflict of which one decides on what the other writes.
//!
//! MongoDB notices when two transactions write the same document, not when one has read what the
//! other writes. Three things are decided on without being written, and a fourth without being
//! read, and each has its guard. Two more concern what a process goes by without reading it now:
//!
//! * *The proof*: the epoch of the actor's account, and his terminal's generation. One guard
//!   document for each account, apart from it so that sellers who are paid are in nobody's way.
//!   A batch raises the guard of (1) each account that it read and does not write, (2) each user
//!   of whom it read a terminal, (3) each account that it makes, closes, frees or gives another
//!   epoch. Take two transactions that overlap, one by an actor's proof, one that voids it. The
//!   voiding one raises the guard in any case: a logout by (2), all else by (3). The other raises it
//!   too, by (1) or, with a token, by (2), unless its proof is a password's and it writes the
//!   account; but a password's proof is voided only by writes to the account, so they conflict there.
//!   Raising too many guards costs a write, raising too few costs correctness, so an account read
//!   for other reasons is raised as well.
//! * *An open store*: orders are placed in a store that its owner may be closing. An order writes
//!   the listings whose stock it takes, so whoever closes a store writes all listings of it: he
//!   raises their `edits`. (All else that a store's openness decides is by its owner's proof.)
//! * *Absence*: an id that is free. Unique ids turn the second taker away, and a duplicate counts
//!   as a conflict: in its next attempt it finds the first.
//! * *A remembered listing* ([`crate::remembered`]): a batch of nothing but new orders takes listings
//!   as this process last saw them, and writes each of them that it sells from. The filter of that
//!   write asks, in the transaction's own snapshot, whether `edits` is what it was, which everybody
//!   raises who changes anything but the stock, and whether there are more copies than are taken. So
//!   price, title and shelf are those that the orders went by, and so is the store, which is
//!   remembered with each listing as it was then; there are copies enough for all of
//!   them; and some are left, as `in_stock` goes on saying. Only where a batch takes the last copy by
//!   what is remembered, the filter asks for just that stock, for then `in_stock` changes. Where a
//!   listing doesn't pass, the batch is undone, forgets its listings and runs again on rows that it
//!   reads. A batch of which any operation changes nothing reads too, before it is saved: what such
//!   an operation went by is written by nobody, so nothing would make sure of it
//!   ([`storage::Transact::must_read_anew`]). Operations that want to know more of a listing always
//!   read it ([`domain::Operation::only_takes_copies`]).
//! * *A remembered order*: nothing about an order changes without its state. A batch takes orders
//!   that this process has just placed as they were then, and the filter of the write that pays or
//!   cancels one asks whether its state is what it was. For the rest the same holds as for listings;
//!   where something went by an order that the batch doesn't write, it reads.

use std::collections::BTreeSet;

use domain::{Store, UserId, WorkingSet};
use mongodb::bson::{Bson, RawArrayBuf, rawdoc};
use serde::Serialize;

use crate::error::Stored;
use crate::schema::{GUARDS, LISTINGS};
use crate::transaction::Transaction;

const SAVING: &str = "raising guards";

/// A guard as it is kept: as long as its account.
#[derive(Debug, Serialize)]
struct GuardDocument {
    #[serde(rename = "_id")]
    id: String,
    raised: i64,
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut raised = users_to_raise(transaction, rows);
    let mut added = Vec::new();
    let mut freed = Vec::new();
    for (user, entry) in rows.accounts.changed() {
        match (entry.saved(), entry.current()) {
            (None, Some(_)) => {
                added.push(GuardDocument {
                    id: user.as_str().to_owned(),
                    raised: 0,
                });
                raised.remove(user);
            }
            (Some(_), None) => {
                freed.push(Bson::from(user.as_str()));
                raised.remove(user);
            }
            _ => {}
        }
    }
    if !raised.is_empty() {
        let users: RawArrayBuf = raised.iter().map(|user| user.as_str()).collect();
        let (filter, update) = (
            rawdoc! { "_id": { "$in": users } },
            rawdoc! { "$inc": { "raised": 1_i64 } },
        );
        transaction
            .update_many(GUARDS, filter, update, SAVING)
            .await?;
    }
    transaction.delete(GUARDS, freed, SAVING).await?;
    transaction.insert(GUARDS, added, SAVING).await?;
    for (_, entry) in rows.stores.changed() {
        match (entry.saved(), entry.current()) {
            (Some(saved), Some(store)) if saved.is_open && !store.is_open => {
                close_doors(transaction, store).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The rule above, in sorted order. An account that is not there has no guard: proofs of it fail.
fn users_to_raise(transaction: &Transaction, rows: &WorkingSet) -> BTreeSet<UserId> {
    let mut raised = BTreeSet::new();
    for user in transaction
        .accounts_read
        .iter()
        .chain(&transaction.terminals_read)
    {
        raised.insert(user.clone());
    }
    for (user, entry) in rows.accounts.changed() {
        let is_same_person = match (entry.saved(), entry.current()) {
            (Some(saved), Some(account)) => {
                saved.epoch == account.epoch && saved.is_closed == account.is_closed
            }
            _ => false,
        };
        if is_same_person && !transaction.terminals_read.contains(user) {
            raised.remove(user);
        }
    }
    raised
}

/// Writes every listing of a store, so that whoever sells from it meets that, or else finds that what
/// he has in mind is out of date.
async fn close_doors(transaction: &mut Transaction, store: &Store) -> Stored<()> {
    let filter = rawdoc! {
        "_id": {
            "$gte": { "store": store.id.as_str(), "book": mongodb::bson::RawBson::MinKey },
            "$lte": { "store": store.id.as_str(), "book": mongodb::bson::RawBson::MaxKey },
        },
    };
    let update = rawdoc! { "$inc": { "edits": 1_i64 } };
    transaction
        .update_many(LISTINGS, filter, update, SAVING)
        .await
        .map(drop)
}
