//! Accounts, with their money in the same document: a batch reads and writes both together.

use std::collections::BTreeSet;

use domain::{Account, Epoch, Fen, Key, Obligations, PasswordHash, UserId, WorkingSet};
use mongodb::bson::{Bson, DateTime, RawDocumentBuf, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::error::Stored;
use crate::schema::{ACCOUNTS, ORDERS, STORES};
use crate::stores::StoreDocument;
use crate::transaction::Transaction;
use crate::values::{date, read_user, time};

const LOADING: &str = "finding accounts";
const SAVING: &str = "writing accounts";

/// The states in which an order keeps its parties' accounts from being closed.
const OPEN_STATES: [&str; 3] = ["placed", "paid", "sent"];
/// How many stores of one owner are looked at when he closes his account; the port names no limit, and one
/// answer of the server holds these many.
const STORES_MAX: usize = 100_000;

/// An account as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountDocument {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    password_hash: String,
    epoch: i64,
    registered_at: DateTime,
    is_closed: bool,
    is_used: bool,
    pub(crate) balance: i64,
    pub(crate) held: i64,
}

impl AccountDocument {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.as_str().to_owned(),
            password_hash: account.password_hash.as_str().to_owned(),
            epoch: account.epoch.get(),
            registered_at: date(account.registered_at),
            is_closed: account.is_closed,
            is_used: account.is_used,
            balance: account.balance.get(),
            held: account.held.get(),
        }
    }

    pub(crate) fn read(self) -> Stored<Account> {
        Ok(Account {
            id: read_user(self.id, LOADING)?,
            password_hash: PasswordHash::new(self.password_hash),
            epoch: Epoch::new(self.epoch),
            registered_at: time(self.registered_at),
            is_closed: self.is_closed,
            is_used: self.is_used,
            balance: Fen::new(self.balance),
            held: Fen::new(self.held),
        })
    }
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Account(user) => Some(user.clone()),
        _ => None,
    };
    let asked: Vec<UserId> = keys.iter().filter_map(named).collect();
    let is_missing = |transaction: &Transaction, user: &UserId| {
        !transaction.at_hand.contains_key(user) && !rows.accounts.is_loaded(user)
    };
    if asked.iter().any(|user| is_missing(transaction, user)) {
        let others = parties(keys, rows);
        let wanted: BTreeSet<&UserId> = asked
            .iter()
            .chain(&others)
            .filter(|user| is_missing(transaction, user))
            .collect();
        let ids: Vec<Bson> = wanted.iter().map(|user| user.as_str().into()).collect();
        let found: Vec<AccountDocument> = transaction.find_by_id(ACCOUNTS, &ids, LOADING).await?;
        for document in found {
            let account = document.read()?;
            transaction.at_hand.insert(account.id.clone(), account);
        }
    }
    for user in asked {
        let account = transaction.at_hand.remove(&user);
        rows.accounts.load(user.clone(), account, 0);
        transaction.accounts_read.insert(user);
    }
    Ok(())
}

/// Whose money the verbs of these orders may move: who pays an order turns out to pay its seller,
/// and to ask for his account only then would be one round trip more.
fn parties(keys: &[Key], rows: &WorkingSet) -> Vec<UserId> {
    let order = |key: &Key| match key {
        Key::Order(order) => rows.orders.get(order).flatten(),
        _ => None,
    };
    keys.iter()
        .filter_map(order)
        .flat_map(|order| [order.buyer.clone(), order.seller.clone()])
        .collect()
}

/// What keeps accounts from being closed, computed in this transaction's snapshot. Who could
/// change it meanwhile is in the way of whoever closes the account: see [`crate::guards`].
pub(crate) async fn load_obligations(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    for key in keys {
        let Key::Obligations(user) = key else {
            continue;
        };
        let mut obligations = Obligations::default();
        let mut stores = Vec::new();
        let filter = doc! { "owner": user.as_str() };
        let owned: Vec<StoreDocument> = transaction
            .find(STORES, filter, STORES_MAX, LOADING)
            .await?;
        for store in owned {
            let store = store.read()?;
            stores.push(Bson::from(store.id.as_str()));
            if store.is_open {
                obligations.stores.push(store.id);
            }
        }
        let parties = [
            ("buyer", vec![Bson::from(user.as_str())]),
            ("store", stores),
        ];
        for (party, names) in parties {
            let open = doc! { "$in": OPEN_STATES.to_vec() };
            let filter = doc! { party: { "$in": names }, "state": open };
            let open: Vec<RawDocumentBuf> = transaction.find(ORDERS, filter, 1, LOADING).await?;
            obligations.has_open_orders |= !open.is_empty();
        }
        rows.obligations.load(user.clone(), Some(obligations), 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    let mut freed = Vec::new();
    for (user, entry) in rows.accounts.changed() {
        match (entry.saved(), entry.current()) {
            (None, Some(account)) => added.push(AccountDocument::of(account)),
            (Some(saved), Some(account)) => updates.push((user, changes(saved, account))),
            (Some(_), None) => freed.push(Bson::from(user.as_str())),
            (None, None) => {}
        }
    }
    updates.sort_unstable_by_key(|(user, _)| *user);
    let statement =
        |(user, set): (&UserId, _)| rawdoc! { "q": { "_id": user.as_str() }, "u": { "$set": set } };
    let updates = updates.into_iter().map(statement).collect();
    transaction.update(ACCOUNTS, updates, SAVING).await?;
    transaction.delete(ACCOUNTS, freed, SAVING).await?;
    transaction.insert(ACCOUNTS, added, SAVING).await
}

/// The fields to set: money always, since nearly every change is of money, the rest where it
/// differs.
fn changes(saved: &Account, account: &Account) -> RawDocumentBuf {
    let mut set = rawdoc! { "balance": account.balance.get(), "held": account.held.get() };
    let is_same_person = saved.epoch == account.epoch
        && saved.is_closed == account.is_closed
        && saved.is_used == account.is_used
        && saved.password_hash == account.password_hash;
    if !is_same_person {
        let AccountDocument {
            password_hash,
            epoch,
            registered_at,
            is_closed,
            is_used,
            ..
        } = AccountDocument::of(account);
        set.append(mongodb::bson::raw::cstr!("password_hash"), password_hash);
        set.append(mongodb::bson::raw::cstr!("epoch"), epoch);
        set.append(mongodb::bson::raw::cstr!("registered_at"), registered_at);
        set.append(mongodb::bson::raw::cstr!("is_closed"), is_closed);
        set.append(mongodb::bson::raw::cstr!("is_used"), is_used);
    }
    set
}
