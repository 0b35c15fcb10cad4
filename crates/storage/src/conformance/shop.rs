//! What every case works with: an open engine, a clock, and short ways to ask and to look.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use domain::{
    Account, Answer, CancelUntil, Clock, Key, Listing, Operation, Order, OrderId, OrderStatus,
    Proof, Refused, Request, Timestamp, WorkingSet,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::ManualClock;
use super::fixture::Fixture;
use super::requests::{self, Books};
use crate::batch::{Job, Pending};
use crate::error::StorageError;
use crate::port::{DueOrder, OrderParty, OrderQuery, Outcome, Session, Storage, run};

/// The seller of [`Shop::with_book`].
pub const SELLER: &str = "selma";
/// The buyer of [`Shop::with_book`].
pub const BUYER: &str = "bruno";
/// Somebody else, whom [`Shop::with_book`] makes too.
pub const STRANGER: &str = "otto";
/// The store of [`Shop::with_book`].
pub const STORE: &str = "corner";
/// The book of [`Shop::with_book`].
pub const BOOK: &str = "atlas";
/// What a copy of that book costs, in fen.
pub const PRICE_FEN: i64 = 100;
/// How many copies of it there are.
pub const STOCK: i64 = 10;
/// What the buyer of [`Shop::with_book`] has, in fen.
pub const FUNDS_FEN: i64 = 1_000;

/// How long an order of these cases may stay unpaid.
pub const PAYMENT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// After how long an order of these cases counts as received.
pub const RECEIPT_TIMEOUT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// An operation whose outcome a case can wait for, compare and print.
pub trait Runs:
    Operation<Done: Send + Debug + PartialEq + 'static, Refusal: Send + Debug + PartialEq + 'static>
    + Send
    + 'static
{
}

impl<O> Runs for O where
    O: Operation<
            Done: Send + Debug + PartialEq + 'static,
            Refusal: Send + Debug + PartialEq + 'static,
        > + Send
        + 'static
{
}

/// What an operation came to that was done now.
pub fn done<R>() -> Result<Answer<()>, Refused<R>> {
    Ok(Answer::Done(()))
}

/// What an operation came to whose own rule said no.
pub fn rule<R>(refusal: R) -> Result<Answer<()>, Refused<R>> {
    Err(Refused::Rule(refusal))
}

/// What an operation came to whose proof no longer held.
pub fn stale<R>() -> Result<Answer<()>, Refused<R>> {
    Err(Refused::StaleProof)
}

/// How many of these outcomes were done now.
#[must_use]
pub fn count_done<R>(outcomes: &[Result<Answer<()>, Refused<R>>]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Answer::Done(()))))
        .count()
}

/// An open engine with its clock.
pub struct Shop {
    fixture: Box<dyn Fixture>,
    storage: Mutex<Arc<dyn Storage>>,
    /// The engine's clock.
    pub clock: Arc<ManualClock>,
    orders_made: AtomicU64,
}

impl Shop {
    /// Opens a fixture's engine.
    pub async fn open(fixture: impl Fixture + 'static) -> Self {
        let clock = Arc::new(ManualClock::default());
        let storage = Mutex::new(fixture.open(clock.clone()).await);
        Self {
            fixture: Box::new(fixture),
            storage,
            clock,
            orders_made: AtomicU64::new(0),
        }
    }

    /// Ends a case: whatever it did, the books must balance.
    pub async fn close(self) {
        self.audit().await;
        self.storage().close().await.expect("the engine closes");
    }

    /// Closes the engine and opens it again on the same data.
    pub async fn reopen(&self) {
        self.storage().close().await.expect("the engine closes");
        let storage = self.fixture.open(self.clock.clone()).await;
        *self.slot() = storage;
    }

    fn slot(&self) -> MutexGuard<'_, Arc<dyn Storage>> {
        self.storage
            .lock()
            .expect("nobody panics while holding the engine")
    }

    /// The engine.
    pub fn storage(&self) -> Arc<dyn Storage> {
        self.slot().clone()
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs one request to its outcome.
    pub async fn run<O: Runs>(&self, request: Request<O>) -> Outcome<O> {
        run(&*self.storage(), request).await.expect("no failure")
    }

    /// Submits a request at once; its outcome can be waited for later.
    pub fn submit<O: Runs>(&self, request: Request<O>) -> JoinHandle<Outcome<O>> {
        let (reply, answer) = oneshot::channel();
        self.storage()
            .submit(Box::new(Pending::new(request, reply)))
            .expect("there is room");
        tokio::spawn(async {
            answer
                .await
                .expect("every job is answered")
                .expect("no failure")
        })
    }

    /// Holds the engine up, has all requests wait in its queue, and lets them go at once; the
    /// outcomes come in the order of the requests.
    pub async fn race<O: Runs>(
        &self,
        requests: impl IntoIterator<Item = Request<O>>,
    ) -> Vec<Outcome<O>> {
        let gate = self.hold_up().await;
        let racing: Vec<_> = requests
            .into_iter()
            .map(|request| self.submit(request))
            .collect();
        gate.open();
        let mut outcomes = Vec::with_capacity(racing.len());
        for outcome in racing {
            outcomes.push(outcome.await.expect("waiting does not panic"));
        }
        outcomes
    }

    /// Keeps the engine busy until the gate opens, so that what is submitted meanwhile waits.
    pub async fn hold_up(&self) -> Gate {
        let (entered, has_entered) = oneshot::channel();
        let (open, opened) = mpsc::channel();
        let job = Holding {
            entered: Some(entered),
            opened,
        };
        self.storage().submit(Box::new(job)).expect("there is room");
        has_entered.await.expect("every job is decided");
        Gate { _open: open }
    }

    /// The next id for an order placed now. Later ids are larger.
    pub fn next_order_id(&self) -> OrderId {
        let mut random = [0; 10];
        let number = self.orders_made.fetch_add(1, Ordering::SeqCst) + 1;
        random[4..].copy_from_slice(&number.to_be_bytes()[2..]);
        OrderId::new(self.now(), random)
    }

    /// Checks that all books balance.
    pub async fn audit(&self) {
        let report = self.storage().audit().await.expect("an audit can be had");
        let checks: Vec<_> = report
            .findings
            .iter()
            .map(|finding| finding.check)
            .collect();
        assert_eq!(
            checks,
            crate::AuditCheck::ALL,
            "an audit makes every check, each once"
        );
        assert!(report.is_clean(), "the audit found: {:#?}", report.findings);
    }
}

/// Looking: what is stored, by name.
impl Shop {
    /// The account, if there is one.
    pub async fn find_account(&self, user: &str) -> Option<Account> {
        self.storage()
            .find_account(&requests::user(user))
            .await
            .expect("no failure")
    }

    /// The account, which must exist.
    pub async fn account(&self, user: &str) -> Account {
        self.find_account(user)
            .await
            .unwrap_or_else(|| panic!("there is no account `{user}`"))
    }

    /// An account's balance and what of it is held, in fen.
    pub async fn money(&self, user: &str) -> (i64, i64) {
        let account = self.account(user).await;
        (account.balance.get(), account.held.get())
    }

    /// What a token is checked against, if there is such an account.
    pub async fn find_session(&self, user: &str, terminal: &str) -> Option<Session> {
        let key = requests::terminal(user, terminal);
        self.storage().find_session(&key).await.expect("no failure")
    }

    /// Proves a user by password, as things stand.
    pub async fn proof(&self, user: &str) -> Proof {
        let account = self.account(user).await;
        Proof {
            user: account.id,
            epoch: account.epoch,
            token: None,
        }
    }

    /// Gives a user a token, as things stand.
    pub async fn log_in(&self, user: &str, terminal: &str) -> Proof {
        let session = self
            .find_session(user, terminal)
            .await
            .expect("there is such an account");
        let token = Some((requests::terminal(user, terminal), session.generation));
        Proof {
            user: session.account.id,
            epoch: session.account.epoch,
            token,
        }
    }

    /// The listing, which must exist.
    pub async fn listing(&self, store: &str, book: &str) -> Listing {
        let key = requests::listing(store, book);
        let found = self.storage().find_listing(&key).await.expect("no failure");
        found.unwrap_or_else(|| panic!("store `{store}` has no book `{book}`"))
    }

    /// How many copies a store has.
    pub async fn stock(&self, store: &str, book: &str) -> i64 {
        self.listing(store, book).await.stock.get()
    }

    /// The order as it was last written, which must exist.
    pub async fn order(&self, order: OrderId) -> Order {
        let found = self.storage().find_order(order).await.expect("no failure");
        found.unwrap_or_else(|| panic!("there is no order `{order}`"))
    }

    /// The state that an order has now.
    pub async fn status(&self, order: OrderId) -> OrderStatus {
        self.order(order).await.as_of(self.now()).status()
    }

    /// All orders of a party now, newest first.
    pub async fn orders(&self, party: OrderParty) -> Vec<Order> {
        self.list(self.query(party)).await
    }

    /// A question for all orders of a party now.
    pub fn query(&self, party: OrderParty) -> OrderQuery {
        OrderQuery {
            party,
            status: None,
            before: None,
            offset: 0,
            limit: 1_000,
            now: self.now(),
        }
    }

    /// The orders that are asked for.
    pub async fn list(&self, query: OrderQuery) -> Vec<Order> {
        self.storage().list_orders(query).await.expect("no failure")
    }

    /// The orders whose deadlines have passed by now.
    pub async fn due(&self) -> Vec<DueOrder> {
        self.storage()
            .list_due(self.now(), 1_000)
            .await
            .expect("no failure")
    }

    /// The earliest deadline.
    pub async fn next_due(&self) -> Option<Timestamp> {
        self.storage().next_due().await.expect("no failure")
    }
}

/// Setting up: each of these must be done.
impl Shop {
    /// Opens an account.
    pub async fn given_user(&self, user: &str) {
        assert_eq!(self.run(requests::register(user)).await, done());
    }

    /// Opens an account and puts money into it.
    pub async fn given_funds(&self, user: &str, fen: i64) {
        self.given_user(user).await;
        assert_eq!(self.add_funds(user, fen).await, done());
    }

    /// Opens a store for an account that exists.
    pub async fn given_store(&self, owner: &str, store: &str) {
        assert_eq!(self.create_store(owner, store).await, done());
    }

    /// Lists a book in a store.
    pub async fn given_listing(&self, store: &str, book: &str, price_fen: i64, stock: i64) {
        let id = requests::store(store);
        let found = self.storage().find_store(&id).await.expect("no failure");
        let owner = found
            .unwrap_or_else(|| panic!("there is no store `{store}`"))
            .owner;
        let operation = requests::add_listing(owner.as_str(), store, book, price_fen, stock);
        let proof = self.proof(owner.as_str()).await;
        assert_eq!(self.run(Request::proved(proof, operation)).await, done());
    }

    /// A seller with a store and a book in it, a buyer with money, and a stranger.
    pub async fn with_book(&self) {
        self.given_user(SELLER).await;
        self.given_store(SELLER, STORE).await;
        self.given_listing(STORE, BOOK, PRICE_FEN, STOCK).await;
        self.given_funds(BUYER, FUNDS_FEN).await;
        self.given_user(STRANGER).await;
    }

    /// Places an order.
    pub async fn given_order(&self, buyer: &str, store: &str, books: &Books<'_>) -> OrderId {
        let id = self.next_order_id();
        assert_eq!(self.place(id, buyer, store, books).await, done());
        id
    }

    /// Places an order for one book of [`Self::with_book`], and brings it into a state.
    pub async fn given_order_in(&self, status: OrderStatus) -> OrderId {
        let order = self.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        if status == OrderStatus::Cancelled {
            assert_eq!(
                self.cancel(BUYER, order, CancelUntil::Received).await,
                done()
            );
            return order;
        }
        if status >= OrderStatus::Paid {
            assert_eq!(self.pay(BUYER, order).await, done());
        }
        if status >= OrderStatus::Sent {
            assert_eq!(self.send(SELLER, order).await, done());
        }
        if status >= OrderStatus::Received {
            assert_eq!(self.receive(BUYER, order).await, done());
        }
        order
    }
}

/// Where an engine is held up until this is dropped.
pub struct Gate {
    _open: mpsc::Sender<()>,
}

impl Gate {
    /// Lets the engine go on.
    pub fn open(self) {
        drop(self);
    }
}

/// A job that is not decided before its gate opens.
struct Holding {
    entered: Option<oneshot::Sender<()>>,
    opened: mpsc::Receiver<()>,
}

impl Job for Holding {
    fn name_rows(&self, _keys: &mut Vec<Key>) {}

    fn decide(&mut self, _rows: &mut WorkingSet, _now: Timestamp) -> Result<(), Vec<Key>> {
        // An engine that runs its batch once more comes by here again, and may pass.
        if let Some(entered) = self.entered.take() {
            entered
                .send(())
                .expect("whoever holds the engine up waits for this");
            self.opened
                .recv()
                .expect_err("the gate only ever closes its channel");
        }
        Ok(())
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn answer(self: Box<Self>, stored: Result<(), StorageError>) {
        assert!(
            stored.is_ok(),
            "a job without changes can't fail: {stored:?}"
        );
    }
}
