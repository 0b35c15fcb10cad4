//! Storage taken away, and bugs.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use app::Settings;
use app::room::{BEGINNING_MAX_OPERATIONS, CARRYING_ON_MAX_OPERATIONS};
use axum::body::{Body, Bytes, HttpBody};
use domain::{
    Account, BookText, BucketKey, Listing, ListingKey, Migration, Order, OrderId, Picture,
    PictureHash, Pour, Store, StoreId, TerminalKey, TextHash, Timestamp, UserId,
};
use hyper::body::Frame;
use insta::assert_snapshot;
use serde_json::json;
use storage::model::{ManualClock, ModelStorage};
use storage::{
    AuditReport, DueOrder, ErrorKind, ExportCursor, ExportLimit, ExportPage, Feed, FeedPosition,
    Job, ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Session, Storage,
    StorageError,
};

use crate::browser::Browser;
use crate::test_app::{TestApp, password};

/// The endpoints that change something: those that begin something new, and all others.
const BEGINNING: [&str; 6] = [
    "/auth/register",
    "/buyer/new_order",
    "/seller/add_book",
    "/seller/add_stock_level",
    "/seller/create_store",
    "/seller/update_book",
];
const CARRYING_ON: [&str; 8] = [
    "/auth/logout",
    "/auth/password",
    "/auth/unregister",
    "/buyer/add_funds",
    "/buyer/cancel_order",
    "/buyer/payment",
    "/buyer/receive_books",
    "/seller/send_books",
];

/// What is wrong with the storage.
#[derive(Clone, Copy)]
enum Trouble {
    /// Operations fail that way after they were taken, and questions too.
    Fails(ErrorKind),
    /// Nothing is taken.
    Refuses(ErrorKind),
    /// Operations are taken and wait, as in a queue that doesn't move; questions are answered.
    Holds,
    /// There is a bug.
    Panics,
}

/// The reference engine with a switch that breaks it.
struct Breakable {
    inner: ModelStorage,
    trouble: Mutex<Option<Trouble>>,
    held: Mutex<Vec<Box<dyn Job>>>,
}

fn failure(kind: ErrorKind) -> StorageError {
    let secret = std::io::Error::other("/secret/path is gone");
    StorageError::caused(kind, "doing something inside", secret)
}

impl Breakable {
    fn break_it(&self, trouble: impl Into<Option<Trouble>>) {
        *self.trouble.lock().unwrap() = trouble.into();
    }

    /// Waits until so many operations are held.
    async fn holds(&self, count: usize) {
        while self.held.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Lets go of what is held.
    fn release(&self) {
        self.break_it(None);
        for job in self.held.lock().unwrap().drain(..) {
            self.inner.submit(job).unwrap();
        }
    }

    fn ask<'a, T: Send + 'a>(&self, question: Reading<'a, T>) -> Reading<'a, T> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            None | Some(Trouble::Holds) => question,
            Some(Trouble::Fails(kind) | Trouble::Refuses(kind)) => {
                Box::pin(std::future::ready(Err(failure(kind))))
            }
            Some(Trouble::Panics) => panic!("a bug with /secret/path"),
        }
    }
}

impl Storage for Breakable {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            None => self.inner.submit(job),
            Some(Trouble::Fails(kind)) => {
                job.answer(Err(failure(kind)));
                Ok(())
            }
            Some(Trouble::Refuses(kind)) => Err(failure(kind)),
            Some(Trouble::Holds) => {
                self.held.lock().unwrap().push(job);
                Ok(())
            }
            Some(Trouble::Panics) => panic!("a bug with /secret/path"),
        }
    }

    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<Account>> {
        self.ask(self.inner.find_account(user))
    }

    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        self.ask(self.inner.find_session(terminal))
    }

    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>> {
        self.ask(self.inner.find_store(store))
    }

    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        self.ask(self.inner.find_listing(listing))
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        self.ask(self.inner.find_listings(keys))
    }

    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        self.ask(self.inner.find_texts(hashes))
    }

    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        self.ask(self.inner.find_picture(hash))
    }

    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>> {
        self.ask(self.inner.find_order(order))
    }

    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>> {
        self.ask(self.inner.list_orders(query))
    }

    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        self.ask(self.inner.pour(pours, now))
    }

    fn find_bucket(&self, key: BucketKey) -> Reading<'_, Option<Timestamp>> {
        self.ask(self.inner.find_bucket(key))
    }

    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>> {
        self.ask(self.inner.list_stores_of(owner, after, limit))
    }

    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>> {
        self.ask(self.inner.list_stores(after, limit))
    }

    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>> {
        self.ask(self.inner.list_listings(query))
    }

    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>> {
        self.ask(self.inner.list_most_bought(limit))
    }

    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>> {
        self.ask(self.inner.list_movements(query))
    }

    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>> {
        self.ask(self.inner.list_due(now, limit))
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        self.ask(self.inner.next_due())
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        self.inner.secret(candidate)
    }

    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64> {
        self.inner.forget_expired(now, limit)
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        self.inner.find_migration()
    }

    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        self.inner.export(after, limit)
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        self.ask(self.inner.feed_end())
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        self.ask(self.inner.follow(after, limit))
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        self.inner.audit()
    }

    fn close(&self) -> Reading<'_, ()> {
        self.inner.close()
    }
}

async fn breakable() -> (TestApp, Arc<Breakable>, String) {
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(Breakable {
        inner: ModelStorage::new(clock.clone()),
        trouble: Mutex::default(),
        held: Mutex::default(),
    });
    let app = TestApp::over(storage.clone(), clock, Settings::default()).await;
    let token = app.user("u").await;
    app.store("u", &token, "s").await;
    (app, storage, token)
}

#[tokio::test]
async fn a_failure_says_whether_something_happened_and_no_more() {
    let (app, storage, token) = breakable().await;
    let fund = || {
        let body = json!({"user_id": "u", "password": password("u"), "add_value": 1});
        app.post("/buyer/add_funds", body)
    };
    let ask = || {
        app.post("/buyer/account", json!({"user_id": "u"}))
            .token(&token)
    };
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Conflict,
        ErrorKind::Refused,
        ErrorKind::Corrupt,
        ErrorKind::Internal,
    ] {
        storage.break_it(Trouble::Fails(kind));
        for reply in [fund().await, ask().await] {
            let words = "storage failed, and nothing was done; request `[request]`";
            assert_eq!(reply.to_string(), format!(r#"528 {{"message":"{words}"}}"#));
            let request_id = reply.headers["x-request-id"].to_str().unwrap();
            assert!(reply.message().contains(request_id));
        }
    }
    storage.break_it(Trouble::Fails(ErrorKind::OutcomeUnknown));
    assert_snapshot!(fund().await, @r#"530 {"message":"something broke, and whether this was done is unknown; request `[request]`; hint: ask again with the same `Idempotency-Key`, or look at what there is now"}"#);
    storage.break_it(None);
    fund().await.expect_ok();
}

#[tokio::test]
async fn overload_is_503_and_nothing_is_done() {
    let (app, storage, token) = breakable().await;
    storage.break_it(Trouble::Refuses(ErrorKind::Overloaded));
    let books = json!([{"id": "b1", "count": 1}]);
    let body = json!({"user_id": "u", "store_id": "s", "books": books});
    let reply = app.post("/buyer/new_order", body).token(&token).await;
    assert_snapshot!(reply, @r#"503 {"message":"too much is waiting; nothing was done, try again soon"}"#);
    assert_eq!(reply.headers["retry-after"], "1");
    storage.break_it(None);
    assert_eq!(app.stock("u", &token, "s", "b1").await, 10);
}

/// A body that must not be read.
struct Unread;

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body is read");
    }
}

/// Who comes while so many operations are in hand is turned away at the door: with neither a token
/// nor a body looked at.
async fn expect_turned_away(app: &TestApp, path: &str) {
    let reply = app.raw(path, Body::new(Unread)).await;
    assert_eq!(reply.status, 503, "{path}: {reply}");
    assert_eq!(reply.headers["retry-after"], "1", "{path}");
}

#[tokio::test]
async fn while_much_is_in_hand_nothing_new_is_begun_and_what_was_begun_goes_on() {
    let (app, storage, token) = breakable().await;
    let begun = app.order("u", &token, "s").await;
    let order_one = |book: &str| {
        let books = json!([{"id": book, "count": 1}]);
        let body = json!({"user_id": "u", "store_id": "s", "books": books});
        app.post("/buyer/new_order", body).token(&token)
    };
    storage.break_it(Trouble::Holds);
    let waiting: Vec<_> = (0..BEGINNING_MAX_OPERATIONS)
        .map(|_| tokio::spawn(order_one("b1").into_future()))
        .collect();
    storage.holds(BEGINNING_MAX_OPERATIONS).await;
    for path in BEGINNING {
        expect_turned_away(&app, path).await;
    }
    assert_snapshot!(order_one("b2").await, @r#"503 {"message":"too much is waiting; nothing was done, try again soon"}"#);

    let payment = json!({"user_id": "u", "password": password("u"), "order_id": begun});
    let paid = tokio::spawn(app.post("/buyer/payment", payment).into_future());
    storage.holds(BEGINNING_MAX_OPERATIONS + 1).await;
    storage.release();
    assert_eq!(paid.await.unwrap().status, 519, "taken, and decided");
    let mut statuses = Vec::new();
    for reply in waiting {
        statuses.push(reply.await.unwrap().status);
    }
    // Two of the ten copies were ordered before.
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 8);
    assert!(statuses.iter().all(|status| matches!(status, 200 | 517)));
    assert_eq!(
        app.stock("u", &token, "s", "b2").await,
        10,
        "nothing was done"
    );
    order_one("b2").await.expect_ok();
}

#[tokio::test]
async fn however_much_is_in_hand_questions_are_answered() {
    let (app, storage, token) = breakable().await;
    let order = app.order("u", &token, "s").await;
    storage.break_it(Trouble::Holds);
    let cancel = || app.verb("/buyer/cancel_order", "u", &token, &order);
    let waiting: Vec<_> = (0..CARRYING_ON_MAX_OPERATIONS)
        .map(|_| tokio::spawn(cancel().into_future()))
        .collect();
    storage.holds(CARRYING_ON_MAX_OPERATIONS).await;
    for path in BEGINNING.iter().chain(&CARRYING_ON) {
        expect_turned_away(&app, path).await;
    }
    app.login("u", "another").await;
    assert_eq!(app.money("u", &token).await, (0, 0));
    for path in ["/buyer/check_hist_order", "/seller/list_orders"] {
        let ask = app.post(path, json!({"user_id": "u"})).token(&token);
        ask.await.expect_ok();
    }
    let is_cancelled = app.verb("/buyer/is_order_cancelled", "u", &token, &order);
    assert_eq!(is_cancelled.await.status, 524);
    Browser::new(&app.router).get("/stores/s").await.expect(200);

    storage.release();
    let mut cancelled = 0;
    for reply in waiting {
        cancelled += usize::from(reply.await.unwrap().status == 200);
    }
    assert_eq!(cancelled, 1);
    assert_eq!(app.stock("u", &token, "s", "b1").await, 10);
}

#[tokio::test]
async fn a_bug_is_530_and_the_next_request_is_served() {
    let (app, storage, token) = breakable().await;
    storage.break_it(Trouble::Panics);
    let ask = || {
        app.post("/buyer/account", json!({"user_id": "u"}))
            .token(&token)
    };
    assert_snapshot!(ask().await, @r#"530 {"message":"something broke, and whether this was done is unknown; request `[request]`; hint: ask again with the same `Idempotency-Key`, or look at what there is now"}"#);
    storage.break_it(None);
    ask().await.expect_ok();
}

#[tokio::test]
async fn readiness_follows_storage() {
    let (app, storage, _) = breakable().await;
    let ask = |path| app.raw(path, "").method("GET");
    assert_snapshot!(ask("/readyz").await, @r#"200 {"message":"ok"}"#);
    storage.break_it(Trouble::Fails(ErrorKind::Unavailable));
    assert_snapshot!(ask("/readyz").await, @r#"503 {"message":"storage does not answer"}"#);
    assert_snapshot!(ask("/healthz").await, @r#"200 {"message":"ok"}"#);
}

#[tokio::test]
async fn a_failure_is_a_page_to_whoever_looks_at_pages() {
    let (app, storage, _) = breakable().await;
    let mut browser = Browser::new(&app.router);
    for (trouble, status, words) in [
        (
            Trouble::Fails(ErrorKind::Unavailable),
            503,
            "Nothing was done.",
        ),
        (
            Trouble::Fails(ErrorKind::Overloaded),
            503,
            "Too much is going on",
        ),
        (Trouble::Panics, 500, "Whether it was done is not known."),
    ] {
        storage.break_it(trouble);
        for path in ["/", "/books/b1", "/stores"] {
            let shown = browser.get(path).await.expect(status);
            shown.says(words);
            shown.says_not("secret");
            assert!(shown.headers.contains_key("content-security-policy"));
        }
    }
}
