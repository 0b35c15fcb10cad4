//! Servers that fail: what was answered stands, what failed did not happen, and nobody waits past
//! an operation's deadline.

use std::time::{Duration, Instant};

use domain::{OrderId, Request};
use mongodb::bson::{Document, doc};
use storage::conformance::requests::{self, place, user};
use storage::conformance::shop::{BOOK, BUYER, Runs, STOCK, STORE, Shop, done};
use storage::{ErrorKind, OrderParty, Outcome, StorageError, run};
use tokio::sync::{Mutex, MutexGuard};

use crate::conformance::Place;
use crate::server::{Kind, Server, find_mongod, fresh_name, shared};

/// An operation has 5 s; this is what it takes to notice.
const DEADLINE: Duration = Duration::from_millis(5_500);

/// The server has one failure to play at a time.
static PLAYING: Mutex<()> = Mutex::const_new(());

/// A shop whose server can be made to fail its commands, and nobody else's.
pub struct Stage {
    pub shop: Shop,
    server: &'static Server,
    name: String,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// A shop of its own, on the server that all share.
    pub async fn open() -> Option<Self> {
        let server = shared()?;
        let turn = PLAYING.lock().await;
        let name = fresh_name();
        let place = Place(format!("{}&appName={name}", server.url(&name)));
        let shop = Shop::open(place).await;
        shop.with_book().await;
        Some(Self {
            shop,
            server,
            name,
            _turn: turn,
        })
    }

    /// Makes the server fail this shop's commands from now on.
    pub async fn fail(&self, mode: impl Into<mongodb::bson::Bson>, mut how: Document) {
        how.insert("appName", self.name.as_str());
        let failing = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": how };
        let admin = self.server.direct().await.database("admin");
        admin
            .run_command(failing)
            .await
            .expect("the server plays along");
    }

    /// Makes the server work again.
    pub async fn recover(&self) {
        let command = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        let admin = self.server.direct().await.database("admin");
        admin
            .run_command(command)
            .await
            .expect("the server plays along");
    }

    /// Orders a copy while the server fails in some way, and makes sure that it happened once.
    async fn order_while(self, mode: Document, how: Document) {
        let (_, request) = order_of(&self.shop).await;
        self.fail(mode, how).await;
        let outcome = timed(&self.shop, request).await;
        self.recover().await;
        assert_eq!(outcome.expect("it is done in the end"), done());
        assert_eq!(self.shop.stock(STORE, BOOK).await, STOCK - 1);
        assert_eq!(
            self.shop.orders(OrderParty::Buyer(user(BUYER))).await.len(),
            1
        );
        self.shop.close().await;
    }

    /// After an operation that failed: it happened once or not at all, and work goes on.
    async fn go_on(self) {
        let before = self.shop.orders(OrderParty::Buyer(user(BUYER))).await.len();
        assert!(before <= 1);
        let order = self.shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        assert_eq!(self.shop.pay(BUYER, order).await, done());
        self.shop.close().await;
    }
}

/// Runs a request that may fail, and makes sure that it doesn't take longer than it may.
async fn timed<O: Runs>(shop: &Shop, request: Request<O>) -> Result<Outcome<O>, StorageError> {
    let start = Instant::now();
    let outcome = run(&*shop.storage(), request).await;
    assert!(start.elapsed() < DEADLINE, "it took {:?}", start.elapsed());
    outcome
}

async fn order_of(shop: &Shop) -> (OrderId, Request<domain::PlaceOrder>) {
    let id = shop.next_order_id();
    let proof = shop.proof(BUYER).await;
    (
        id,
        Request::proved(proof, place(id, BUYER, STORE, &[(BOOK, 1)])),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_server_aborts_runs_again() {
    for command in ["find", "update", "insert", "commitTransaction"] {
        let Some(stage) = Stage::open().await else {
            return;
        };
        let how = doc! {
            "failCommands": [command], "errorCode": 251,
            "errorLabels": ["TransientTransactionError"],
        };
        stage.order_while(doc! { "times": 2 }, how).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_not_heard_is_asked_for_again() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let how = doc! { "failCommands": ["commitTransaction"], "closeConnection": true };
    stage.order_while(doc! { "times": 2 }, how).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_not_done_twice() {
    for (code, name) in [(64, "WriteConcernFailed"), (91, "ShutdownInProgress")] {
        let Some(stage) = Stage::open().await else {
            return;
        };
        // The server commits and then says that it can't tell.
        let how = doc! {
            "failCommands": ["commitTransaction"],
            "writeConcernError": { "code": code, "codeName": name, "errmsg": "lost" },
        };
        stage.order_while(doc! { "times": 1 }, how).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_within_a_transaction_starts_it_again() {
    for command in ["find", "update", "insert"] {
        let Some(stage) = Stage::open().await else {
            return;
        };
        let how = doc! { "failCommands": [command], "closeConnection": true };
        stage.order_while(doc! { "times": 2 }, how).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_never_answered_is_unknown() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let (_, request) = order_of(&stage.shop).await;
    let how = doc! { "failCommands": ["commitTransaction"], "closeConnection": true };
    stage.fail("alwaysOn", how).await;
    let error = timed(&stage.shop, request)
        .await
        .expect_err("nobody answers");
    stage.recover().await;
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    stage.go_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_is_unknown_in_time() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let (_, request) = order_of(&stage.shop).await;
    let how = doc! {
        "failCommands": ["commitTransaction"], "blockConnection": true, "blockTimeMS": 7_000,
    };
    stage.fail(doc! { "times": 1 }, how).await;
    let error = timed(&stage.shop, request)
        .await
        .expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    stage.go_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_hangs_certainly_did_not_happen() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let (id, request) = order_of(&stage.shop).await;
    let how = doc! { "failCommands": ["update"], "blockConnection": true, "blockTimeMS": 7_000 };
    stage.fail(doc! { "times": 1 }, how).await;
    let error = timed(&stage.shop, request)
        .await
        .expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        stage
            .shop
            .storage()
            .find_order(id)
            .await
            .expect("no failure"),
        None
    );
    stage.go_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_don_t_hang() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let how = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 7_000 };
    stage.fail(doc! { "times": 1 }, how).await;
    let start = Instant::now();
    let asked = stage.shop.storage().find_account(&user(BUYER)).await;
    assert!(start.elapsed() < DEADLINE);
    assert_eq!(
        asked.expect_err("nobody answers").kind(),
        ErrorKind::Unavailable
    );
    stage.go_on().await;
}

/// A process that is killed within a transaction leaves its rows locked; the others don't wait for
/// the server to notice after a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_holds_nobody_up() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let url = format!("{}&appName={}", stage.server.url(&stage.name), stage.name);
    let killed = mongodb::Client::with_uri_str(url)
        .await
        .expect("the server answers");
    let mut session = killed.start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    let listings = killed
        .database(&stage.name)
        .collection::<Document>("listings");
    let change = listings.update_many(doc! {}, doc! { "$set": { "stock": 1_i64 } });
    change
        .session(&mut session)
        .await
        .expect("nobody is in the way");

    let start = Instant::now();
    let order = loop {
        let (order, request) = order_of(&stage.shop).await;
        if let Ok(outcome) = timed(&stage.shop, request).await {
            assert_eq!(outcome, done());
            break order;
        }
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "work does not go on"
        );
    };
    assert_eq!(stage.shop.pay(BUYER, order).await, done());
    assert_eq!(stage.shop.stock(STORE, BOOK).await, STOCK - 1);
    stage.shop.close().await;
}

fn signal(process: i64, name: &str) {
    let mut kill = std::process::Command::new("kill");
    let status = kill
        .arg(name)
        .arg(process.to_string())
        .status()
        .expect("kill can be run");
    assert!(status.success());
}

/// Each payment and order while the server stands still ends in time, with its kind of failure;
/// afterwards all goes on as if nothing had been.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_hangs_nobody() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Member).await;
    let shop = Shop::open(Place(server.url("shop"))).await;
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let proof = shop.proof(BUYER).await;
    let admin = server.direct().await.database("admin");
    let status = admin
        .run_command(doc! { "serverStatus": 1 })
        .await
        .expect("the server answers");
    let process = status.get_i64("pid").expect("it has an id");

    signal(process, "-STOP");
    let payment = timed(&shop, requests::pay(proof.clone(), order));
    let id = shop.next_order_id();
    let place = Request::proved(proof, place(id, BUYER, STORE, &[(BOOK, 1)]));
    let (payment, placing) = tokio::join!(payment, timed(&shop, place));
    signal(process, "-CONT");
    assert_eq!(
        payment.expect_err("nobody answers").kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        placing.expect_err("nobody answers").kind(),
        ErrorKind::Unavailable
    );

    let start = Instant::now();
    while timed(&shop, requests::pay(shop_proof(&shop).await, order))
        .await
        .is_err()
    {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "work does not go on"
        );
    }
    assert_eq!(shop.money(BUYER).await, (900, 0));
    assert_eq!(
        shop.storage().find_order(id).await.expect("no failure"),
        None
    );
    shop.close().await;
}

/// The buyer's proof, as soon as the server answers again.
async fn shop_proof(shop: &Shop) -> domain::Proof {
    let start = Instant::now();
    loop {
        if let Ok(Some(account)) = shop.storage().find_account(&user(BUYER)).await {
            return domain::Proof {
                user: account.id,
                epoch: account.epoch,
                token: None,
            };
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "work does not go on"
        );
    }
}
