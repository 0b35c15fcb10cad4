//! The rows that operations decide on, between load and save.
//!
//! A rule only reads here: a row that isn't loaded yet makes it stop with [`Lacks`], the engine
//! loads it, and the rule is asked again from its beginning. What a rule wants written it returns
//! as [`Change`]s, which are applied together, so a refusal leaves the set as it was by
//! construction. Rows that the set knows to be absent are entries too.

mod table;

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

pub use table::{Entry, Table, Weigh};

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

    /// As [`WorkingSet::is_loaded`], for whoever would load the row otherwise: one that
    /// [`WorkingSet::retain_hot`] has set aside is at hand again.
    pub fn recall(&mut self, key: &Key) -> bool {
        match key {
            Key::Account(key) => self.accounts.recall(key),
            Key::Terminal(key) => self.terminals.recall(key),
            Key::Store(key) => self.stores.recall(key),
            Key::Listing(key) => self.listings.recall(key),
            Key::Order(key) => self.orders.recall(key),
            // These are never set aside.
            Key::Text(_) | Key::Kept(_) | Key::Obligations(_) | Key::Migration => {
                self.is_loaded(key)
            }
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

    /// After a commit, for an engine that is the only writer: keeps the rows that later batches
    /// are likely to want, and forgets the rest. Of accounts, terminals, stores and listings those
    /// wanted last stay, up to `rows_max` together; of orders as well, up to `order_lines_max`, for
    /// which an order counts with its lines and one more.
    ///
    /// What is kept may have to be recalled first: [`WorkingSet::recall`].
    pub fn retain_hot(&mut self, rows_max: usize, order_lines_max: usize) {
        self.texts.clear();
        self.pictures.clear();
        self.kept.clear();
        self.obligations.clear();
        self.migration.clear();
        self.transfers.clear();
        self.accounts.mark_saved();
        self.terminals.mark_saved();
        self.stores.mark_saved();
        self.listings.mark_saved();
        self.orders.mark_saved();
        let tables = [
            self.accounts.weight(),
            self.terminals.weight(),
            self.stores.weight(),
            self.listings.weight(),
        ];
        // Half of the room is for what was set aside.
        if tables.iter().sum::<usize>() > rows_max / 2 {
            self.accounts.set_aside();
            self.terminals.set_aside();
            self.stores.set_aside();
            self.listings.set_aside();
        }
        if self.orders.weight() > order_lines_max / 2 {
            self.orders.set_aside();
        }
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
        market.rows.retain_hot(100, 100);
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
        market.rows.retain_hot(100, 100);
        assert!(market.rows.is_loaded(&Key::Account(user(SELLER))));
        assert!(market.rows.is_loaded(&Key::Listing(listing_key(BOOK))));
        assert!(market.rows.is_loaded(&Key::Order(order)));
        assert!(market.rows.transfers.is_empty());
    }

    #[test]
    fn what_is_wanted_again_outlives_what_is_not() {
        let mut market = Market::with_book();
        let (seller, listing) = (Key::Account(user(SELLER)), Key::Listing(listing_key(BOOK)));
        let before = market.account(SELLER).clone();
        market.rows.accounts.set_handle(&user(SELLER), 7);
        // Room for one row: all are set aside, and no rule sees them.
        market.rows.retain_hot(2, 100);
        assert!(!market.rows.is_loaded(&seller) && !market.rows.is_loaded(&listing));
        assert!(market.rows.recall(&seller), "it was kept");
        assert_eq!(market.account(SELLER), &before);
        assert_eq!(market.rows.accounts.handle(&user(SELLER)), Some(7));
        // One row is no more than there is room for; another one is.
        market.rows.retain_hot(2, 100);
        assert!(market.rows.is_loaded(&seller));
        market.rows.accounts.load(user("another"), None, 0);
        market.rows.retain_hot(2, 100);
        assert!(market.rows.recall(&seller));
        assert!(!market.rows.recall(&listing), "nobody wanted it");
    }

    #[test]
    fn a_row_that_was_loaded_anew_hides_the_one_set_aside() {
        let mut market = Market::with_book();
        market.rows.retain_hot(2, 100);
        market.rows.accounts.load(user(SELLER), None, 0);
        assert!(market.rows.recall(&Key::Account(user(SELLER))));
        assert_eq!(market.rows.account(&user(SELLER)), Ok(None));
    }

    #[test]
    fn orders_are_kept_by_their_lines_and_apart_from_other_rows() {
        let mut market = Market::with_book();
        let first = market.place(1, BUYER, 1, START);
        // An order of one line counts two.
        market.rows.retain_hot(100, 4);
        assert!(market.rows.is_loaded(&Key::Order(first)));
        let second = market.place(2, BUYER, 1, START);
        market.rows.retain_hot(100, 4);
        assert!(!market.rows.is_loaded(&Key::Order(second)));
        assert!(market.rows.is_loaded(&Key::Account(user(SELLER))));
        assert!(market.rows.recall(&Key::Order(first)));
        market.rows.retain_hot(100, 0);
        assert!(market.rows.recall(&Key::Order(first)));
        assert!(!market.rows.recall(&Key::Order(second)));
    }

    #[test]
    fn nothing_is_kept_after_a_failure() {
        let mut market = Market::with_book();
        market.rows.retain_hot(2, 100);
        market.rows.clear();
        assert!(!market.rows.recall(&Key::Account(user(SELLER))));
    }

    #[test]
    #[should_panic(expected = "a rule writes only rows it has read")]
    fn a_row_that_was_not_read_is_not_written() {
        let account = Market::with_book().account(BUYER).clone();
        WorkingSet::default().apply(vec![Change::Account(account)]);
    }
}
