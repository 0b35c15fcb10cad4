//! What the unit tests here work with: all rows in one working set, and short names.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{Account, AddFunds, PasswordHash, Register};
use crate::book::{BookFields, BookText};
use crate::listing::{AddListing, Listing};
use crate::operation::{Halt, Operation};
use crate::order::{Basket, Order, PlaceOrder};
use crate::store::CreateStore;
use crate::{
    BookId, Count, Fen, Key, ListingKey, OrderId, Price, Stock, StoreId, Timestamp, UserId,
    WorkingSet,
};

pub(crate) const BUYER: &str = "buyer";
pub(crate) const SELLER: &str = "seller";
pub(crate) const STORE: &str = "store";
pub(crate) const BOOK: &str = "book";
pub(crate) const PAYMENT_TIMEOUT: Duration = Duration::from_secs(1_800);
pub(crate) const RECEIPT_TIMEOUT: Duration = Duration::from_secs(1_209_600);
/// When everything here begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_704_067_200_000);

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn listing_key(book: &str) -> ListingKey {
    ListingKey {
        store: StoreId::new(STORE).unwrap(),
        book: BookId::new(book).unwrap(),
    }
}

pub(crate) fn text(title: &str) -> BookText {
    BookText::new(BookFields {
        title: title.to_owned(),
        ..BookFields::default()
    })
    .unwrap()
}

/// A whole marketplace in one working set: what is not in it does not exist.
#[derive(Default)]
pub(crate) struct Market {
    pub(crate) rows: WorkingSet,
}

impl Market {
    /// A seller with a store and ten books at 100 fen in it, and a buyer with 1,000 fen.
    pub(crate) fn with_book() -> Self {
        let mut market = Self::default();
        for name in [SELLER, BUYER] {
            let password_hash = PasswordHash::new("hash");
            market
                .run(
                    &Register {
                        user: user(name),
                        password_hash,
                    },
                    START,
                )
                .unwrap();
        }
        let store = StoreId::new(STORE).unwrap();
        market
            .run(
                &CreateStore {
                    owner: user(SELLER),
                    store,
                },
                START,
            )
            .unwrap();
        let listing = AddListing {
            user: user(SELLER),
            key: listing_key(BOOK),
            text: Arc::new(text(BOOK)),
            pictures: Vec::new(),
            price: Price::new(100).unwrap(),
            stock: Stock::new(10).unwrap(),
        };
        market.run(&listing, START).unwrap();
        let amount = Fen::new(1_000);
        market
            .run(
                &AddFunds {
                    user: user(BUYER),
                    amount,
                },
                START,
            )
            .unwrap();
        market
    }

    /// Runs an operation to its end: whatever row it lacks is absent.
    pub(crate) fn run<O: Operation>(
        &mut self,
        operation: &O,
        now: Timestamp,
    ) -> Result<O::Done, O::Refusal> {
        loop {
            match operation.decide(&self.rows, now) {
                Ok(decided) => {
                    self.rows.apply(decided.changes);
                    return Ok(decided.done);
                }
                Err(Halt::Refused(refusal)) => return Err(refusal),
                Err(Halt::Lacks(keys)) => {
                    assert!(!keys.is_empty(), "a rule that lacks rows names them");
                    keys.into_iter().for_each(|key| self.load_absence(key));
                }
            }
        }
    }

    fn load_absence(&mut self, key: Key) {
        assert!(
            !self.rows.is_loaded(&key),
            "a rule lacks only what is not loaded"
        );
        match key {
            Key::Account(key) => self.rows.accounts.load(key, None, 0),
            Key::Terminal(key) => self.rows.terminals.load(key, None, 0),
            Key::Store(key) => self.rows.stores.load(key, None, 0),
            Key::Listing(key) => self.rows.listings.load(key, None, 0),
            Key::Order(key) => self.rows.orders.load(key, None, 0),
            Key::Text(key) => self.rows.texts.load(key, None, 0),
            Key::Kept(key) => self.rows.kept.load(key, None, 0),
            Key::Migration => self.rows.migration.load((), None, 0),
            Key::Obligations(_) => panic!("an engine computes these"),
        }
    }

    /// The buyer's order of that many copies of the book, placed at `now`.
    pub(crate) fn place(
        &mut self,
        number: u8,
        buyer: &str,
        copies: i64,
        now: Timestamp,
    ) -> OrderId {
        let order = place(number, buyer, copies, now);
        let id = order.id;
        self.run(&order, now).unwrap();
        id
    }

    pub(crate) fn account(&self, name: &str) -> &Account {
        self.rows.account(&user(name)).unwrap().unwrap()
    }

    /// Balance and held, in fen.
    pub(crate) fn money(&self, name: &str) -> (i64, i64) {
        let account = self.account(name);
        (account.balance.get(), account.held.get())
    }

    pub(crate) fn listing(&self, book: &str) -> &Listing {
        self.rows.listing(&listing_key(book)).unwrap().unwrap()
    }

    pub(crate) fn order(&self, order: OrderId) -> &Order {
        self.rows.order(order).unwrap().unwrap()
    }
}

pub(crate) fn place(number: u8, buyer: &str, copies: i64, now: Timestamp) -> PlaceOrder {
    let key = listing_key(BOOK);
    PlaceOrder {
        id: OrderId::new(now, [number; 10]),
        buyer: user(buyer),
        store: key.store,
        basket: Basket::new(vec![(key.book, Count::new(copies).unwrap())]).unwrap(),
        address: None,
        payment_timeout: PAYMENT_TIMEOUT,
    }
}
