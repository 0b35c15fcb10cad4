//! The power fails: what anybody was told is still there afterwards.
//!
//! The disk of these tests is a folder. What the engine has synced is copied there, and what it has
//! not is lost. The tests hold that disk up, or break it, and see who is answered meanwhile.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Waker};

use domain::order::PayOrderRefusal;
use domain::{Clock, OrderId, OrderStatus, Request};
use storage::conformance::shop::{BOOK, BUYER, FUNDS_FEN, STORE, Shop, done, rule};
use storage::conformance::{Fixture, ManualClock, Opening, requests};
use storage::{ErrorKind, OrderParty, Reading, Storage, StorageError, run};
use tempfile::TempDir;

use crate::{Options, SqliteStorage};

/// A folder that holds what was synced, one copy for each time.
struct Disk {
    around: TempDir,
    state: Mutex<State>,
    changed: Condvar,
    /// How often the power failed.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    /// How many syncs were begun; those that succeeded left copies of that number.
    asked: u64,
    /// The last copy that is whole, and on the disk.
    synced: u64,
    is_held: bool,
    is_broken: bool,
}

impl Disk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            around: tempfile::tempdir().expect("a directory"),
            state: Mutex::default(),
            changed: Condvar::new(),
            failures: AtomicU64::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Where the engine works, in memory as it were.
    fn data(&self) -> PathBuf {
        self.around.path().join("data")
    }

    fn copy(&self, number: u64) -> PathBuf {
        self.around.path().join(format!("synced {number}"))
    }

    /// What a sync does here: what was written when it began is on the disk when it ends.
    fn sync(&self) -> io::Result<()> {
        let number = self.state().asked + 1;
        copy(&self.data(), &self.copy(number))?;
        let mut state = self.state();
        state.asked = number;
        self.changed.notify_all();
        let released = self.changed.wait_while(state, |state| state.is_held);
        let mut state = released.expect("nobody panics while holding it");
        if state.is_broken {
            return Err(io::Error::other("the disk is broken, as the test wants it"));
        }
        state.synced = number;
        Ok(())
    }

    fn set_broken(&self, is_broken: bool) {
        self.state().is_broken = is_broken;
    }

    /// Has `begin` begin something that commits, and waits until its sync has begun, which doesn't
    /// end before what is returned here is dropped.
    fn hold_while(&self, begin: impl FnOnce()) -> Held<'_> {
        let mut state = self.state();
        state.is_held = true;
        let asked = state.asked;
        drop(state);
        let held = Held(self);
        begin();
        let waited = self
            .changed
            .wait_while(self.state(), |state| state.asked == asked);
        drop(waited.expect("nobody panics while holding it"));
        held
    }

    /// What a start finds after the power has failed at this moment.
    fn after_the_power_failed(&self) -> SqliteStorage {
        let number = self.failures.fetch_add(1, Ordering::SeqCst);
        let left = self.around.path().join(format!("left {number}"));
        let synced = self.state().synced;
        copy(&self.copy(synced), &left).expect("a copy");
        let opened = SqliteStorage::open(Options::new(left), Arc::new(ManualClock::default()));
        opened.expect("what is on the disk is sound")
    }
}

/// A disk that stands still.
struct Held<'a>(&'a Disk);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state().is_held = false;
        self.0.changed.notify_all();
    }
}

/// Copies file and log. The log comes first: a checkpoint that came between the two would only
/// repeat what the file has.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for file in ["bookstore.db-wal", "bookstore.db"] {
        fs::copy(from.join(file), to.join(file))?;
    }
    Ok(())
}

fn open(disk: &Arc<Disk>) -> Result<SqliteStorage, crate::OpenError> {
    let options = Options {
        // So that questions are answered one after another.
        readers: 1,
        ..Options::new(disk.data())
    };
    let own = disk.clone();
    let sync = move |_: &File| own.sync();
    SqliteStorage::open_on(options, Arc::new(ManualClock::default()), Arc::new(sync))
}

struct Opened(Arc<SqliteStorage>);

impl Fixture for Opened {
    fn open(&self, _clock: Arc<dyn Clock>) -> Opening<'_> {
        let storage = self.0.clone();
        Box::pin(async { storage as Arc<dyn Storage> })
    }
}

/// A shop with a book, all of it on the disk.
async fn open_shop() -> (Shop, Arc<SqliteStorage>, Arc<Disk>) {
    let disk = Disk::new();
    let storage = Arc::new(open(&disk).expect("it opens"));
    let shop = Shop::open(Opened(storage.clone())).await;
    shop.with_book().await;
    (shop, storage, disk)
}

/// Whether there is no answer yet. The first look is what begins it.
fn is_waiting(future: Pin<&mut (impl Future + ?Sized)>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

/// Holds the writer up until the other end is dropped. It is done with all that came before.
fn hold_writer(storage: &SqliteStorage) -> Sender<()> {
    let (entered, has_entered) = channel();
    let (open, opened) = channel();
    drop(storage.task("holding the writer up", move |_| {
        entered.send(()).expect("somebody waits for this");
        let dropped: Result<(), _> = opened.recv();
        assert!(dropped.is_err(), "nothing is ever sent");
        Ok(())
    }));
    has_entered.recv().expect("tasks are run");
    open
}

/// Waits until the only reader is done with all questions that came before.
fn pass_reader(storage: &SqliteStorage) {
    let (entered, has_entered) = channel();
    let asked: Reading<'_, ()> = storage.readers.ask("passing by", move |_| {
        entered.send(()).expect("somebody waits for this");
        Ok(())
    });
    has_entered.recv().expect("questions are asked");
    drop(asked);
}

async fn status(storage: &SqliteStorage, order: OrderId) -> Option<OrderStatus> {
    let found = storage.find_order(order).await.expect("no failure");
    found.map(|order| order.status())
}

/// Orders and pays, again and again, and after each answer sees what a power failure would leave.
async fn buy(shop: &Shop, disk: &Disk) {
    for _ in 0..2 {
        let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        let left = disk.after_the_power_failed();
        assert_eq!(status(&left, order).await, Some(OrderStatus::Placed));
        assert_eq!(shop.pay(BUYER, order).await, done());
        let left = disk.after_the_power_failed();
        assert_eq!(status(&left, order).await, Some(OrderStatus::Paid));
        assert!(left.audit().await.expect("no failure").is_clean());
    }
}

/// Looks at what others have just ordered, and sees whether a power failure would leave it.
async fn look(shop: &Shop, disk: &Disk) {
    for _ in 0..8 {
        let seen = shop.orders(OrderParty::Buyer(requests::user(BUYER))).await;
        let left = disk.after_the_power_failed();
        for order in seen {
            let status = status(&left, order.id).await;
            assert!(status >= Some(order.status()), "{status:?} of {order:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_was_told_survives_the_loss_of_power() {
    let (shop, _, disk) = open_shop().await;
    tokio::join!(
        buy(&shop, &disk),
        buy(&shop, &disk),
        buy(&shop, &disk),
        look(&shop, &disk)
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_waits_until_it_is_on_the_disk() {
    let (shop, storage, disk) = open_shop().await;
    let order = shop.next_order_id();
    let request = requests::place(order, BUYER, STORE, &[(BOOK, 1)]);
    let request = Request::proved(shop.proof(BUYER).await, request);
    let mut placing = pin!(run(&*storage, request));
    let held = disk.hold_while(|| assert!(is_waiting(placing.as_mut())));
    let writer = hold_writer(&storage);
    assert!(is_waiting(placing.as_mut()));
    let left = disk.after_the_power_failed();
    assert_eq!(status(&left, order).await, None, "it is not on the disk");
    drop(held);
    assert_eq!(placing.await.expect("no failure"), done());
    drop(writer);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_until_what_it_rests_on_is_on_the_disk() {
    let (shop, storage, disk) = open_shop().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let proof = shop.proof(BUYER).await;
    let mut paying = pin!(run(&*storage, requests::pay(proof.clone(), order)));
    let held = disk.hold_while(|| assert!(is_waiting(paying.as_mut())));
    let mut again = pin!(run(&*storage, requests::pay(proof, order)));
    assert!(is_waiting(again.as_mut()));
    let writer = hold_writer(&storage);
    assert!(is_waiting(again.as_mut()), "the payment may be lost yet");
    drop(held);
    let refused = rule(PayOrderRefusal::NotPlaced(order));
    assert_eq!(again.await.expect("no failure"), refused);
    assert_eq!(paying.await.expect("no failure"), done());
    drop(writer);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_until_what_it_saw_is_on_the_disk() {
    let (shop, storage, disk) = open_shop().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let request = requests::pay(shop.proof(BUYER).await, order);
    let mut paying = pin!(run(&*storage, request));
    let held = disk.hold_while(|| assert!(is_waiting(paying.as_mut())));
    let mut reading = storage.find_order(order);
    let mut auditing = storage.audit();
    pass_reader(&storage);
    while storage.is_auditing.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    assert!(is_waiting(reading.as_mut()), "the payment may be lost yet");
    assert!(is_waiting(auditing.as_mut()), "the payment may be lost yet");
    drop(held);
    let found = reading.await.expect("no failure").expect("the order");
    assert_eq!(found.status(), OrderStatus::Paid);
    assert!(auditing.await.expect("no failure").is_clean());
    assert_eq!(paying.await.expect("no failure"), done());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_secret_is_on_the_disk_before_it_is_used() {
    let (shop, storage, disk) = open_shop().await;
    let mut keeping = None;
    let held = disk.hold_while(|| keeping = Some(storage.secret([7; 32])));
    let mut keeping = keeping.expect("it has begun");
    let writer = hold_writer(&storage);
    assert!(is_waiting(keeping.as_mut()));
    drop(held);
    assert_eq!(keeping.await.expect("no failure"), [7; 32]);
    let left = disk.after_the_power_failed();
    assert_eq!(left.secret([8; 32]).await.expect("no failure"), [7; 32]);
    drop(writer);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_leaves_open_what_happened_and_work_goes_on() {
    let (shop, storage, disk) = open_shop().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let request = requests::pay(shop.proof(BUYER).await, order);
    let mut paying = pin!(run(&*storage, request));
    let held = disk.hold_while(|| assert!(is_waiting(paying.as_mut())));
    let writer = hold_writer(&storage);
    disk.set_broken(true);
    drop(held);
    let kind = |error: StorageError| error.kind();
    assert_eq!(paying.await.map_err(kind), Err(ErrorKind::OutcomeUnknown));
    // Before the log is recovered nobody can say what is on the disk.
    let reading = storage.find_order(order).await;
    assert_eq!(reading.map_err(kind), Err(ErrorKind::Unavailable));
    disk.set_broken(false);
    drop(writer);
    let registered = run(&*storage, requests::register("somebody")).await;
    assert_eq!(registered.map_err(kind), Ok(done()));
    let next = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    assert_eq!(shop.pay(BUYER, next).await, done());
    let left = disk.after_the_power_failed();
    for order in [order, next] {
        assert_eq!(status(&left, order).await, Some(OrderStatus::Paid));
        assert_eq!(status(&storage, order).await, Some(OrderStatus::Paid));
    }
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN - 200, 0));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_answers_what_waits_for_the_disk() {
    let (shop, storage, disk) = open_shop().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let request = requests::pay(shop.proof(BUYER).await, order);
    let mut paying = pin!(run(&*storage, request));
    let held = disk.hold_while(|| assert!(is_waiting(paying.as_mut())));
    let mut closing = storage.close();
    assert!(is_waiting(closing.as_mut()));
    drop(held);
    assert_eq!(paying.await.expect("no failure"), done());
    closing.await.expect("it closes");
    let left = disk.after_the_power_failed();
    assert_eq!(status(&left, order).await, Some(OrderStatus::Paid));
}

#[test]
fn a_disk_that_fails_at_the_start_is_said_so() {
    let disk = Disk::new();
    disk.set_broken(true);
    let said = open(&disk).err().expect("it does not open").to_string();
    assert!(said.contains("the disk is broken"), "{said}");
}
