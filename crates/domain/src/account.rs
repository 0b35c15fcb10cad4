//! Accounts: who somebody is, what he has, and how an account begins and ends.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::ids::{StoreId, UserId};
use crate::ledger::{EntryKind, LedgerAccount, Transfer};
use crate::money::{BALANCE_MAX, Fen};
use crate::operation::{Decided, Halt, Operation};
use crate::store::Store;
use crate::terminal::{Generation, TerminalKey};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

/// A password's hash, opaque here: `app` makes and checks it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Takes the hash as its maker wrote it.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The hash as its maker wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Rises whenever everything proved about an account so far becomes void. It begins with the
/// time of registration, so that an id that was freed and taken again has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(i64);

impl Epoch {
    /// The epoch as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The epoch with that number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    fn next(self, now: Timestamp) -> Self {
        Self(now.millis().max(self.0 + 1))
    }
}

/// An account of a buyer, a seller, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its name.
    pub id: UserId,
    /// What the password is checked against; empty once closed, so that nothing matches.
    pub password_hash: PasswordHash,
    /// What proofs about the account are bound to.
    pub epoch: Epoch,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Whether it is closed for good.
    pub is_closed: bool,
    /// Whether it ever held money, a store or an order; then its id is never free again.
    pub is_used: bool,
    /// All its money, what is held included.
    pub balance: Fen,
    /// What it was paid for orders that are not received yet: neither spent nor withdrawn.
    pub held: Fen,
}

impl Account {
    /// What may be spent or withdrawn.
    #[must_use]
    pub fn spendable(&self) -> Fen {
        self.balance
            .minus(self.held)
            .expect("both are within their limits")
    }

    /// The account marked as used, where it was not yet.
    pub(crate) fn first_use(&self) -> Option<Change> {
        (!self.is_used).then(|| {
            Change::Account(Self {
                is_used: true,
                ..self.clone()
            })
        })
    }
}

/// What keeps an account from being closed, and what closes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obligations {
    /// Whether an order placed, paid or sent has the account as its buyer or seller.
    pub has_open_orders: bool,
    /// The account's open stores.
    pub stores: Vec<StoreId>,
}

/// What was proved about a caller outside the transaction, and under what it was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Who he is.
    pub user: UserId,
    /// The account's epoch when it was proved.
    pub epoch: Epoch,
    /// With a token: its terminal and generation. `None`: by password.
    pub token: Option<(TerminalKey, Generation)>,
}

impl Proof {
    /// Names the rows that [`Self::still_holds`] reads.
    pub fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Account(self.user.clone()));
        if let Some((terminal, _)) = &self.token {
            keys.push(Key::Terminal(terminal.clone()));
        }
    }

    /// Whether the account is open, in the same epoch, and the token not logged out.
    ///
    /// # Errors
    /// [`Lacks`] where a row is not loaded.
    pub fn still_holds(&self, rows: &WorkingSet) -> Result<bool, Lacks> {
        let account = rows.account(&self.user)?;
        let terminal = match &self.token {
            Some((key, _)) => rows.terminal(key)?,
            None => None,
        };
        let current = terminal.map_or(Generation::default(), |row| row.generation);
        Ok(account.is_some_and(|account| self.holds_for(account, current)))
    }

    /// The same check on rows that were read outside a batch.
    #[must_use]
    pub fn holds_for(&self, account: &Account, current: Generation) -> bool {
        let is_live = self
            .token
            .as_ref()
            .is_none_or(|(_, generation)| *generation >= current);
        !account.is_closed && account.epoch == self.epoch && is_live
    }
}

/// Opens an account.
#[derive(Debug, Clone)]
pub struct Register {
    /// Its name.
    pub user: UserId,
    /// The hash of its password.
    pub password_hash: PasswordHash,
}

/// Why an account was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisterRefusal {
    /// The id is taken, or was used and closed.
    UserExists(UserId),
}

impl Operation for Register {
    type Done = ();
    type Refusal = RegisterRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Account(self.user.clone()));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<RegisterRefusal>> {
        if rows.account(&self.user)?.is_some() {
            return Err(Halt::Refused(RegisterRefusal::UserExists(
                self.user.clone(),
            )));
        }
        Ok(Decided::with(vec![Change::Account(Account {
            id: self.user.clone(),
            password_hash: self.password_hash.clone(),
            epoch: Epoch::new(now.millis()),
            registered_at: now,
            is_closed: false,
            is_used: false,
            balance: Fen::ZERO,
            held: Fen::ZERO,
        })]))
    }
}

/// Closes an account.
#[derive(Debug, Clone)]
pub struct Unregister {
    /// Whose; proved.
    pub user: UserId,
}

/// Why an account was not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnregisterRefusal {
    /// There is no such account; its proof should have said so.
    NoUser(UserId),
    /// It is buyer or seller of an order placed, paid or sent.
    OpenOrders(UserId),
    /// It has money.
    Balance(UserId, Fen),
}

impl Operation for Unregister {
    type Done = ();
    type Refusal = UnregisterRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Account(self.user.clone()),
            Key::Obligations(self.user.clone()),
        ]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<UnregisterRefusal>> {
        let account = rows
            .account(&self.user)?
            .filter(|account| !account.is_closed)
            .ok_or_else(|| Halt::Refused(UnregisterRefusal::NoUser(self.user.clone())))?;
        if !account.is_used {
            return Ok(Decided::with(vec![Change::FreeAccount(self.user.clone())]));
        }
        let obligations = rows.obligations(&self.user)?;
        if obligations.has_open_orders {
            return Err(Halt::Refused(UnregisterRefusal::OpenOrders(
                self.user.clone(),
            )));
        }
        if account.balance != Fen::ZERO {
            let refusal = UnregisterRefusal::Balance(self.user.clone(), account.balance);
            return Err(Halt::Refused(refusal));
        }
        rows.require(obligations.stores.iter().cloned().map(Key::Store))?;
        let mut changes = vec![Change::Account(Account {
            password_hash: PasswordHash::new(""),
            epoch: account.epoch.next(now),
            is_closed: true,
            ..account.clone()
        })];
        for id in &obligations.stores {
            let store = rows.store(id)?.expect("the engine named this store");
            changes.push(Change::Store(Store {
                is_open: false,
                ..store.clone()
            }));
        }
        Ok(Decided::with(changes))
    }

    fn is_exclusive(&self) -> bool {
        true
    }
}

/// Gives an account another password, and voids everything proved so far.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// Whose; proved by the old password.
    pub user: UserId,
    /// The hash of the new one.
    pub password_hash: PasswordHash,
}

impl Operation for ChangePassword {
    type Done = ();
    type Refusal = Infallible;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Account(self.user.clone()));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<Infallible>> {
        let account = rows
            .account(&self.user)?
            .expect("a proof holds only for an account");
        Ok(Decided::with(vec![Change::Account(Account {
            password_hash: self.password_hash.clone(),
            epoch: account.epoch.next(now),
            ..account.clone()
        })]))
    }
}

/// Puts money into an account, or takes it out.
#[derive(Debug, Clone)]
pub struct AddFunds {
    /// Whose; proved, unless it is the operator who asks.
    pub user: UserId,
    /// How much; negative to take out, zero to do nothing.
    pub amount: Fen,
}

/// Why money was not added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddFundsRefusal {
    /// There is no such open account.
    NoUser(UserId),
    /// There is less to withdraw than was asked for.
    InsufficientFunds {
        /// Whose account.
        user: UserId,
        /// What it may spend.
        spendable: Fen,
    },
    /// The balance would pass its limit.
    BalanceLimit,
}

impl Operation for AddFunds {
    type Done = ();
    type Refusal = AddFundsRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Account(self.user.clone()));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<AddFundsRefusal>> {
        let account = rows
            .account(&self.user)?
            .filter(|account| !account.is_closed)
            .ok_or_else(|| Halt::Refused(AddFundsRefusal::NoUser(self.user.clone())))?;
        if self.amount == Fen::ZERO {
            return Ok(Decided::with(Vec::new()));
        }
        let balance = account.balance.plus(self.amount);
        let balance = balance.ok_or(Halt::Refused(AddFundsRefusal::BalanceLimit))?;
        let own = LedgerAccount::Spendable(self.user.clone());
        let (from, to, amount, kind) = if self.amount > Fen::ZERO {
            if balance > BALANCE_MAX {
                return Err(Halt::Refused(AddFundsRefusal::BalanceLimit));
            }
            (LedgerAccount::Outside, own, self.amount, EntryKind::Deposit)
        } else {
            if balance < account.held {
                return Err(Halt::Refused(AddFundsRefusal::InsufficientFunds {
                    user: self.user.clone(),
                    spendable: account.spendable(),
                }));
            }
            let amount = self.amount.negated().expect("within its limits");
            (own, LedgerAccount::Outside, amount, EntryKind::Withdrawal)
        };
        let account = Account {
            balance,
            is_used: true,
            ..account.clone()
        };
        let transfer = Transfer {
            from,
            to,
            amount,
            kind,
            order: None,
            at: now,
        };
        Ok(Decided::with(vec![
            Change::Account(account),
            Change::Transfer(transfer),
        ]))
    }
}

#[cfg(test)]
mod tests;
