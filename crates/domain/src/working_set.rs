//! The rows that operations decide on, between load and save.
//!
//! A rule only reads here: a row that isn't loaded yet makes it stop with [`Lacks`], the engine
//! loads it, and the rule is asked again from its beginning. What a rule wants written it returns
//! as [`Change`]s, which are applied together, so a refusal leaves the set as it was by
//! construction. Rows that the set knows to be absent are entries too.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::Hash;
use std::sync::Arc;

use crate::account::{Account, Obligations};
use crate::book::{BookText, Picture, PictureHash, TextHash};
use crate::idempotency::{KeepKey, KeptAnswer};
use crate::ids::{OrderId, StoreId, UserId};
use crate::ledger::Transfer;
use crate::listing::{Listing, ListingKey};
use crate::migration::Migration;
use crate::order::Order;
use crate::store::Store;
use crate::terminal::{Terminal, TerminalKey};

/// Names one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// An [`Account`].
    Account(UserId),
    /// A [`Terminal`]; absent unless somebody logged out there of late.
    Terminal(TerminalKey),
    /// A [`Store`].
    Store(StoreId),
    /// A [`Listing`].
    Listing(ListingKey),
    /// An [`Order`].
    Order(OrderId),
    /// A [`BookText`].
    Text(TextHash),
    /// A [`KeptAnswer`].
    Kept(KeepKey),
    /// What keeps an account from being closed: computed by the engine, for exclusive operations
    /// only (see [`crate::Operation::is_exclusive`]).
    Obligations(UserId),
    /// The [`Migration`]; absent unless a shop is moving in.
    Migration,
}

/// The rows that a rule needs and the working set has not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacks(pub Vec<Key>);

/// One thing that a rule wants written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Write this account.
    Account(Account),
    /// Remove the account: its id becomes free.
    FreeAccount(UserId),
    /// Write this terminal.
    Terminal(TerminalKey, Terminal),
    /// Write this store.
    Store(Store),
    /// Write this listing.
    Listing(Listing),
    /// Write this order.
    Order(Arc<Order>),
    /// Keep this text, unless it is kept already.
    Text(Arc<BookText>),
    /// Keep this picture, unless it is kept already.
    Picture(Arc<Picture>),
    /// Append this movement of money to the ledger.
    Transfer(Transfer),
    /// Keep this answer.
    Kept(KeepKey, KeptAnswer),
    /// Note how far a shop has moved in; `None`: it is all here.
    Migration(Option<Migration>),
}

/// One row of a [`Table`]: as the engine has it, and as the operations left it.
#[derive(Debug, Clone)]
pub struct Entry<V> {
    saved: Option<V>,
    current: Option<V>,
    is_changed: bool,
    /// The engine's own number of the row, kept here for it and read by no rule. 0: none yet.
    pub handle: i64,
}

impl<V> Entry<V> {
    /// The row as the engine has it; `None` where it has none.
    #[must_use]
    pub fn saved(&self) -> Option<&V> {
        self.saved.as_ref()
    }

    /// The row as it is to be; `None` where it is to be absent.
    #[must_use]
    pub fn current(&self) -> Option<&V> {
        self.current.as_ref()
    }
}

/// The loaded rows of one kind, and which of them were changed since they were last saved.
#[derive(Debug)]
pub struct Table<K, V> {
    entries: HashMap<K, Entry<V>>,
    changed: Vec<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            changed: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Table<K, V> {
    /// Whether the row, or its absence, is known.
    #[must_use]
    pub fn is_loaded(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// The entry, where the row or its absence is known.
    #[must_use]
    pub fn entry(&self, key: &K) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// The current row. Outer `None`: not loaded; inner `None`: there is no such row.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Option<&V>> {
        self.entries.get(key).map(|entry| entry.current.as_ref())
    }

    /// Takes a row, or its absence, as the engine has it. A row already loaded stays as it is.
    pub fn load(&mut self, key: K, row: Option<V>, handle: i64) {
        if let hash_map::Entry::Vacant(vacant) = self.entries.entry(key) {
            vacant.insert(Entry {
                saved: row.clone(),
                current: row,
                is_changed: false,
                handle,
            });
        }
    }

    /// Sets how the row is to be.
    ///
    /// # Panics
    /// If the row was never loaded: a rule writes only what it has read.
    fn put(&mut self, key: K, row: Option<V>) {
        let entry = self
            .entries
            .get_mut(&key)
            .expect("a rule writes only rows it has read");
        entry.current = row;
        if !entry.is_changed {
            entry.is_changed = true;
            self.changed.push(key);
        }
    }

    /// Sets how a row is to be that no rule reads, or that is known to be new.
    fn put_unread(&mut self, key: K, row: V) {
        self.load(key.clone(), None, 0);
        self.put(key, Some(row));
    }

    /// Whether anything is to be saved.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The keys of changed rows, in the order in which they were first changed.
    #[must_use]
    pub fn changed_keys(&self) -> &[K] {
        &self.changed
    }

    /// The changed rows, in the order in which they were first changed.
    pub fn changed(&self) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.changed.iter().map(|key| (key, &self.entries[key]))
    }

    /// Gives a row the engine's number for it.
    pub fn set_handle(&mut self, key: &K, handle: i64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.handle = handle;
        }
    }

    /// The engine's number of a row; `None` where it has none yet.
    #[must_use]
    pub fn handle(&self, key: &K) -> Option<i64> {
        self.entries
            .get(key)
            .map(|entry| entry.handle)
            .filter(|handle| *handle != 0)
    }

    /// Notes that all changes are saved.
    fn mark_saved(&mut self) {
        for key in self.changed.drain(..) {
            let entry = self
                .entries
                .get_mut(&key)
                .expect("a changed row is an entry");
            entry.saved.clone_from(&entry.current);
            entry.is_changed = false;
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.changed.clear();
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The rows at hand, by kind.
#[derive(Debug, Default)]
pub struct WorkingSet {
    /// Accounts by user.
    pub accounts: Table<UserId, Account>,
    /// Terminals with a logout, by user and name.
    pub terminals: Table<TerminalKey, Terminal>,
    /// Stores.
    pub stores: Table<StoreId, Store>,
    /// Listings by store and book.
    pub listings: Table<ListingKey, Listing>,
    /// Orders.
    pub orders: Table<OrderId, Arc<Order>>,
    /// Book texts by their hash.
    pub texts: Table<TextHash, Arc<BookText>>,
    /// Pictures to keep; never loaded, since no rule reads one.
    pub pictures: Table<PictureHash, Arc<Picture>>,
    /// Kept answers.
    pub kept: Table<KeepKey, KeptAnswer>,
    /// What keeps accounts from being closed; never changed.
    pub obligations: Table<UserId, Obligations>,
    /// How far a shop has moved in. Where this changes, texts and pictures are to be kept that no
    /// listing names yet.
    pub migration: Table<(), Migration>,
    /// Movements of money to append, in order.
    pub transfers: Vec<Transfer>,
}

impl WorkingSet {
    /// Whether the row that `key` names, or its absence, is known.
    #[must_use]
    pub fn is_loaded(&self, key: &Key) -> bool {
        match key {
            Key::Account(key) => self.accounts.is_loaded(key),
            Key::Terminal(key) => self.terminals.is_loaded(key),
            Key::Store(key) => self.stores.is_loaded(key),
            Key::Listing(key) => self.listings.is_loaded(key),
            Key::Order(key) => self.orders.is_loaded(key),
            Key::Text(key) => self.texts.is_loaded(key),
            Key::Kept(key) => self.kept.is_loaded(key),
            Key::Obligations(key) => self.obligations.is_loaded(key),
            Key::Migration => self.migration.is_loaded(&()),
        }
    }

    /// Asks for many rows at once, so that a rule is not stopped once for each.
    ///
    /// # Errors
    /// [`Lacks`] with all that are not loaded.
    pub fn require(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), Lacks> {
        let lacking: Vec<Key> = keys
            .into_iter()
            .filter(|key| !self.is_loaded(key))
            .collect();
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(Lacks(lacking))
        }
    }

    /// The account, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded; so for all the others here.
    pub fn account(&self, key: &UserId) -> Result<Option<&Account>, Lacks> {
        self.accounts
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Account(key.clone())]))
    }

    /// The terminal, or `None` where nobody logged out of late.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn terminal(&self, key: &TerminalKey) -> Result<Option<&Terminal>, Lacks> {
        self.terminals
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Terminal(key.clone())]))
    }

    /// The store, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn store(&self, key: &StoreId) -> Result<Option<&Store>, Lacks> {
        self.stores
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Store(key.clone())]))
    }

    /// The listing, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn listing(&self, key: &ListingKey) -> Result<Option<&Listing>, Lacks> {
        self.listings
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Listing(key.clone())]))
    }

    /// The order, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn order(&self, key: OrderId) -> Result<Option<&Arc<Order>>, Lacks> {
        self.orders
            .get(&key)
            .ok_or_else(|| Lacks(vec![Key::Order(key)]))
    }

    /// The text, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn text(&self, key: &TextHash) -> Result<Option<&Arc<BookText>>, Lacks> {
        self.texts
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Text(*key)]))
    }

    /// The kept answer, or `None` where there is none.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn kept(&self, key: &KeepKey) -> Result<Option<&KeptAnswer>, Lacks> {
        self.kept
            .get(key)
            .ok_or_else(|| Lacks(vec![Key::Kept(key.clone())]))
    }

    /// What keeps the account from being closed.
    ///
    /// # Errors
    /// [`Lacks`] where it is not loaded.
    pub fn obligations(&self, key: &UserId) -> Result<&Obligations, Lacks> {
        let found = self.obligations.get(key).flatten();
        found.ok_or_else(|| Lacks(vec![Key::Obligations(key.clone())]))
    }

    /// The shop that is moving in, or `None` where none is.
    ///
    /// # Errors
    /// [`Lacks`] where that is not loaded.
    pub fn migration(&self) -> Result<Option<&Migration>, Lacks> {
        self.migration
            .get(&())
            .ok_or_else(|| Lacks(vec![Key::Migration]))
    }

    /// Applies what a rule decided.
    pub fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Account(row) => self.accounts.put(row.id.clone(), Some(row)),
                Change::FreeAccount(user) => self.accounts.put(user, None),
                Change::Terminal(key, row) => self.terminals.put(key, Some(row)),
                Change::Store(row) => self.stores.put(row.id.clone(), Some(row)),
                Change::Listing(row) => self.listings.put(row.key.clone(), Some(row)),
                Change::Order(row) => self.orders.put_unread(row.id, row),
                Change::Text(row) => self.texts.put_unread(row.hash(), row),
                Change::Picture(row) => self.pictures.put_unread(row.hash(), row),
                Change::Transfer(transfer) => self.transfers.push(transfer),
                Change::Kept(key, row) => self.kept.put(key, Some(row)),
                Change::Migration(row) => self.migration.put((), row),
            }
        }
    }

    /// Whether anything is to be saved.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.accounts.has_changes()
            || self.terminals.has_changes()
            || self.stores.has_changes()
            || self.listings.has_changes()
            || self.orders.has_changes()
            || self.texts.has_changes()
            || self.pictures.has_changes()
            || self.kept.has_changes()
            || self.migration.has_changes()
            || !self.transfers.is_empty()
    }

    /// After a commit, for an engine that is the only writer: keeps the rows that the next batch
    /// is likely to want (accounts, terminals, stores, listings) where they are no more than
    /// `rows_max`, and forgets the rest.
    pub fn retain_hot(&mut self, rows_max: usize) {
        self.orders.clear();
        self.texts.clear();
        self.pictures.clear();
        self.kept.clear();
        self.obligations.clear();
        self.migration.clear();
        self.transfers.clear();
        let rows =
            self.accounts.len() + self.terminals.len() + self.stores.len() + self.listings.len();
        if rows > rows_max {
            self.clear();
            return;
        }
        self.accounts.mark_saved();
        self.terminals.mark_saved();
        self.stores.mark_saved();
        self.listings.mark_saved();
    }

    /// Forgets everything: after a failure, or where other processes write too.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Fen;
    use crate::testing::{BOOK, BUYER, Market, SELLER, START, listing_key, user};

    #[test]
    fn a_loaded_row_is_not_loaded_over() {
        let mut market = Market::with_book();
        market.rows.accounts.load(user(BUYER), None, 7);
        assert_eq!(market.money(BUYER), (1_000, 0));
        assert_eq!(
            market.rows.accounts.handle(&user(BUYER)),
            None,
            "it has none yet"
        );
    }

    #[test]
    fn absence_is_known_apart_from_not_being_loaded() {
        let mut rows = WorkingSet::default();
        let key = Key::Account(user("nobody"));
        assert_eq!(rows.account(&user("nobody")), Err(Lacks(vec![key.clone()])));
        assert_eq!(
            rows.require([key.clone(), key.clone()]),
            Err(Lacks(vec![key.clone(); 2]))
        );
        rows.accounts.load(user("nobody"), None, 0);
        assert_eq!(rows.account(&user("nobody")), Ok(None));
        assert_eq!(rows.require([key]), Ok(()));
    }

    #[test]
    fn a_changed_row_is_listed_once_with_both_its_states() {
        let mut market = Market::with_book();
        market.rows.retain_hot(100);
        assert!(!market.rows.has_changes());
        let before = market.account(BUYER).clone();
        for fen in [5, 6] {
            let amount = Fen::new(fen);
            let deposit = crate::account::AddFunds {
                user: user(BUYER),
                amount,
            };
            market.run(&deposit, START).unwrap();
        }
        assert!(market.rows.has_changes());
        assert_eq!(market.rows.accounts.changed_keys(), [user(BUYER)]);
        let (_, entry) = market.rows.accounts.changed().next().unwrap();
        assert_eq!(entry.saved(), Some(&before));
        assert_eq!(entry.current().unwrap().balance, Fen::new(1_011));
        assert_eq!(market.rows.transfers.len(), 2);
    }

    #[test]
    fn hot_rows_stay_and_the_rest_is_forgotten() {
        let mut market = Market::with_book();
        let order = market.place(1, BUYER, 1, START);
        market.rows.retain_hot(100);
        assert!(market.rows.is_loaded(&Key::Account(user(SELLER))));
        assert!(market.rows.is_loaded(&Key::Listing(listing_key(BOOK))));
        assert!(!market.rows.is_loaded(&Key::Order(order)));
        assert!(market.rows.transfers.is_empty());
        market.rows.retain_hot(1);
        assert!(!market.rows.is_loaded(&Key::Account(user(SELLER))));
    }

    #[test]
    #[should_panic(expected = "a rule writes only rows it has read")]
    fn a_row_that_was_not_read_is_not_written() {
        let account = Market::with_book().account(BUYER).clone();
        WorkingSet::default().apply(vec![Change::Account(account)]);
    }
}
