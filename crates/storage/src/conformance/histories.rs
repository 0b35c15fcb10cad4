//! Random histories: a seed drives operations of every kind against an engine.
//!
//! In a *history* each operation runs at the reference engine too, and every answer, and all that
//! can be looked at, must agree. In a *burst* many operations wait in one queue and run in an
//! order that is the engine's to choose, so there the books must balance. Users, stores and books
//! are few, so that operations meet; the clock moves past deadlines. A failure prints its seed
//! and the step, and the same seed makes the same history again.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::listing::BookPatch;
use domain::{
    AddFunds, AddListing, AddStock, Answer, CancelOrder, CancelUntil, ChangePassword,
    ConcludeOrder, CreateStore, Epoch, ExpireOrder, Fen, LogOut, Order, OrderId, OrderStatus,
    PasswordHash, PayOrder, PlaceOrder, Proof, ReceiveOrder, Refused, Register, Request, SendOrder,
    Tracking, Unregister, UpdateListing,
};
use tokio::task::JoinHandle;

use super::random::Random;
use super::requests::{self, listing, store, terminal, user};
use super::shop::{Runs, Shop};
use crate::feed::{Feed, FeedPosition};
use crate::model::ModelStorage;
use crate::port::{Due, OrderParty, OrderQuery, Storage, run};

/// The seeds of the histories that are run.
pub const SEEDS: Range<u64> = 0..12;
/// How many operations a history has.
pub const STEPS: usize = 300;
/// After how many operations all that can be looked at is compared.
const LOOK_EVERY_STEPS: usize = 50;
/// How many bursts follow each other under one seed.
pub const BURSTS: usize = 8;
/// How many operations wait together in a burst.
const BURST_OPERATIONS: usize = 100;

/// How long a change that was answered may take to come through the feed.
const FOLLOW_MAX: Duration = Duration::from_secs(30);

/// The last of them only comes and goes.
const USERS: [&str; 5] = ["anna", "bert", "cleo", "dora", "guest"];
const TERMINALS: [&str; 2] = ["phone", "desk"];
const STORES: [&str; 3] = ["north", "south", "west"];
const BOOKS: [&str; 3] = ["atlas", "novel", "诗"];
const TITLES: [&str; 3] = ["A", "B", "历史"];
const ENDPOINTS: [&str; 2] = ["one", "other"];

/// What the operations of one kind came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub done: u64,
    /// Answered with what was kept.
    pub kept: u64,
    /// Refused for their proof.
    pub stale: u64,
    /// Refused for their key.
    pub reused: u64,
    /// Refused by their rule.
    pub refused: u64,
}

/// What each kind of operation came to, by its type's name.
pub type Tally = BTreeMap<&'static str, Counts>;

/// Runs a history at an engine and at the reference engine; they must agree at every step.
pub async fn agree(shop: &Shop, seed: u64, tally: &mut Tally) {
    let model = ModelStorage::new(shop.clock.clone());
    let begin = shop.storage().feed_end().await.expect("no failure");
    let models_begin = model.feed_end().await.expect("the model never fails");
    let mut history = History::new(shop, Some(model), seed);
    history.begin();
    for step in 0..STEPS {
        history.step_number = step;
        history.step().await;
        history.work_off(tally).await;
        if step % LOOK_EVERY_STEPS == LOOK_EVERY_STEPS - 1 {
            history.look_at_everything().await;
        }
    }
    let model = history.model.as_ref().expect("histories have one");
    let wanted = follow(model, models_begin, 0).await;
    assert_eq!(
        follow(&*shop.storage(), begin, wanted.len()).await,
        wanted,
        "what came through the feed"
    );
}

/// All that has come through the feed, `at_least` so much; in some order, since the stores that
/// close with an account have none.
async fn follow(storage: &dyn Storage, from: FeedPosition, at_least: usize) -> Vec<String> {
    let (mut found, mut place) = (Vec::new(), from);
    let start = Instant::now();
    loop {
        let following = storage.follow(place, 100).await;
        let Feed::Changes { changes, end } = following.expect("no failure") else {
            panic!("a place of this storage is lost");
        };
        if changes.is_empty() && found.len() >= at_least {
            found.sort_unstable();
            return found;
        }
        assert!(
            start.elapsed() < FOLLOW_MAX,
            "{} of {at_least} came",
            found.len()
        );
        found.extend(changes.iter().map(|change| format!("{change:?}")));
        place = end;
    }
}

/// Runs bursts of operations at an engine; the books must balance after each.
pub async fn balance(shop: &Shop, seed: u64) {
    let mut history = History::new(shop, None, seed);
    let mut inside_fen = 0;
    history.begin();
    for step in 0..BURSTS {
        history.step_number = step;
        while history.waiting.len() < BURST_OPERATIONS {
            history.step().await;
        }
        let waiting = std::mem::take(&mut history.waiting);
        let gate = shop.hold_up().await;
        let racing: Vec<_> = waiting
            .into_iter()
            .map(|operation| operation.submit(shop))
            .collect();
        gate.open();
        for outcome in racing {
            inside_fen += outcome.await.expect("no operation of a burst fails");
        }
        shop.audit().await;
        let mut balances_fen = 0;
        for name in USERS {
            let account = shop.find_account(name).await;
            balances_fen += account.map_or(0, |account| account.balance.get());
        }
        assert_eq!(balances_fen, inside_fen, "money was made or lost");
    }
}

/// Checks that histories reach what they are there to reach: each kind of operation was done, and
/// refused in each way in which it can be.
pub fn check_reach(tally: &Tally) {
    const KINDS: usize = 16;
    /// These have no refusal of their own.
    const NEVER_REFUSED: [&str; 2] = ["ChangePassword", "LogOut"];
    /// The sweep asks without proof or key.
    const SWEEPS: [&str; 2] = ["ExpireOrder", "ConcludeOrder"];
    assert_eq!(tally.len(), KINDS, "{tally:#?}");
    for (kind, counts) in tally {
        assert!(counts.done >= 3, "hardly a {kind} was done");
        let is_refused = counts.refused > 0 || NEVER_REFUSED.contains(kind);
        assert!(is_refused, "no {kind} was refused by its rule");
        let is_proved = !SWEEPS.contains(kind) && *kind != "Register";
        assert!(
            !is_proved || counts.stale > 0,
            "no {kind} had a stale proof"
        );
    }
    let sum = |count: fn(&Counts) -> u64| tally.values().map(count).sum::<u64>();
    assert!(
        sum(|counts| counts.kept) > 20,
        "too few kept answers: {tally:#?}"
    );
    assert!(
        sum(|counts| counts.reused) > 20,
        "too few keys used again: {tally:#?}"
    );
}

/// What an operation of which kind came to, on its way.
type Comparing<'a> = Pin<Box<dyn Future<Output = (&'static str, Counts)> + 'a>>;

/// An operation that waits to be run.
trait Waiting: Send {
    /// Runs it at both engines, and compares what it came to.
    fn compare<'a>(self: Box<Self>, shop: &'a Shop, model: &'a ModelStorage) -> Comparing<'a>;

    /// Submits it, and tells how much money it brought in.
    fn submit(self: Box<Self>, shop: &Shop) -> JoinHandle<i64>;
}

struct Asked<O> {
    request: Request<O>,
    /// What it brings in if it is done.
    brings_fen: i64,
}

fn count<D, R>(outcome: &Result<Answer<D>, Refused<R>>) -> Counts {
    let mut counts = Counts::default();
    match outcome {
        Ok(Answer::Done(_)) => counts.done = 1,
        Ok(Answer::Kept(_)) => counts.kept = 1,
        Err(Refused::StaleProof) => counts.stale = 1,
        Err(Refused::KeyReused) => counts.reused = 1,
        Err(Refused::Rule(_)) => counts.refused = 1,
    }
    counts
}

impl<O: Runs + Clone + Debug> Waiting for Asked<O> {
    fn compare<'a>(self: Box<Self>, shop: &'a Shop, model: &'a ModelStorage) -> Comparing<'a> {
        Box::pin(async move {
            let wanted = run(model, self.request.clone())
                .await
                .expect("the model never fails");
            let found = shop.run(self.request.clone()).await;
            assert_eq!(
                found, wanted,
                "engine and model disagree on {:#?}",
                self.request
            );
            let path = std::any::type_name::<O>();
            let kind = path.rsplit("::").next().expect("a split has a last part");
            (kind, count(&found))
        })
    }

    fn submit(self: Box<Self>, shop: &Shop) -> JoinHandle<i64> {
        let outcome = shop.submit(self.request);
        let brings_fen = self.brings_fen;
        tokio::spawn(async move {
            let outcome = outcome.await.expect("waiting does not panic");
            if count(&outcome).done == 1 {
                brings_fen
            } else {
                0
            }
        })
    }
}

struct History<'a> {
    shop: &'a Shop,
    /// `None` in bursts.
    model: Option<ModelStorage>,
    random: Random,
    seed: u64,
    step_number: usize,
    /// All proofs that were ever made, so that old ones are tried again.
    proofs: Vec<Proof>,
    orders: Vec<OrderId>,
    waiting: Vec<Box<dyn Waiting>>,
    answers: u64,
}

impl Drop for History<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was seed {}, step {}", self.seed, self.step_number);
        }
    }
}

impl<'a> History<'a> {
    fn new(shop: &'a Shop, model: Option<ModelStorage>, seed: u64) -> Self {
        Self {
            shop,
            model,
            random: Random::new(seed),
            seed,
            step_number: 0,
            proofs: Vec::new(),
            orders: Vec::new(),
            waiting: Vec::new(),
            answers: 0,
        }
    }

    /// Four users to begin with, of whom two have a store with books, and one has money.
    fn begin(&mut self) {
        for name in &USERS[..4] {
            let password_hash = PasswordHash::new("hash");
            self.ask(
                None,
                Register {
                    user: user(name),
                    password_hash,
                },
            );
        }
        let amount = Fen::new(500);
        self.ask_for_money(
            None,
            AddFunds {
                user: user(USERS[0]),
                amount,
            },
            amount.get(),
        );
        for (owner, name) in [(USERS[1], STORES[0]), (USERS[2], STORES[1])] {
            self.ask(
                None,
                CreateStore {
                    owner: user(owner),
                    store: store(name),
                },
            );
            for book in BOOKS {
                self.ask(None, requests::add_listing(owner, name, book, 5, 20));
            }
        }
    }

    /// Runs what waits at both engines, in order.
    async fn work_off(&mut self, tally: &mut Tally) {
        let model = self.model.as_ref().expect("histories have one");
        for operation in std::mem::take(&mut self.waiting) {
            let (kind, found) = operation.compare(self.shop, model).await;
            let counts = tally.entry(kind).or_default();
            counts.done += found.done;
            counts.kept += found.kept;
            counts.stale += found.stale;
            counts.reused += found.reused;
            counts.refused += found.refused;
        }
    }

    /// Makes the next operation, or moves the clock, or lets the engine tidy up.
    async fn step(&mut self) {
        self.shop
            .clock
            .advance(Duration::from_millis(self.random.below(3)));
        match self.random.below(100) {
            0..5 => self.register(),
            5..8 => self.unregister().await,
            8..10 => self.change_password().await,
            10..12 => self.log_out().await,
            12..22 => self.add_funds().await,
            22..26 => self.create_store().await,
            26..33 => self.add_listing().await,
            33..36 => self.add_stock().await,
            36..40 => self.update_listing().await,
            40..59 => self.place().await,
            59..72 => self.pay().await,
            72..80 => self.send().await,
            80..85 => self.receive().await,
            85..91 => self.cancel().await,
            91..95 => self.sweep().await,
            95 => self.forget().await,
            96 if self.model.is_some() => self.shop.reopen().await,
            _ => self.pass_time(),
        }
    }

    fn pass_time(&mut self) {
        let seconds = self.random.pick(&[1, 1, 60, 60, 30 * 60, 25 * 60 * 60]);
        self.shop.clock.advance(Duration::from_secs(seconds));
    }

    async fn forget(&mut self) {
        let limit = u32::try_from(self.random.below(4)).expect("it is small");
        let now = self.shop.now();
        let found = self
            .shop
            .storage()
            .forget_expired(now, limit)
            .await
            .expect("no failure");
        if let Some(model) = &self.model {
            let wanted = model
                .forget_expired(now, limit)
                .await
                .expect("the model never fails");
            assert_eq!(found, wanted, "rows forgotten");
            // Which rows go first is the engine's choice, so both forget the rest as well.
            self.shop
                .storage()
                .forget_expired(now, u32::MAX)
                .await
                .expect("no failure");
            model
                .forget_expired(now, u32::MAX)
                .await
                .expect("the model never fails");
        }
    }

    fn ask<O: Runs + Clone + Debug>(&mut self, proof: Option<Proof>, operation: O) {
        self.ask_for_money(proof, operation, 0);
    }

    /// Has an operation wait, now and then with an idempotency key out of a few.
    fn ask_for_money<O: Runs + Clone + Debug>(
        &mut self,
        proof: Option<Proof>,
        operation: O,
        brings_fen: i64,
    ) {
        let mut keep = None;
        if let Some(proof) = proof.as_ref().filter(|_| self.random.below(4) == 0) {
            let key = format!("key {}", self.random.below(8)).replace(' ', "-");
            let endpoint = self.random.pick(&ENDPOINTS);
            let body = u8::try_from(self.random.below(2)).expect("it is small");
            self.answers += 1;
            let answer = format!("answer {}", self.answers);
            keep = Some(requests::keep(
                proof.user.as_str(),
                endpoint,
                &key,
                body,
                &answer,
            ));
        }
        let request = Request {
            proof,
            keep,
            operation,
        };
        self.waiting.push(Box::new(Asked {
            request,
            brings_fen,
        }));
    }

    /// Where to look at what is there: both engines agree on it.
    fn look(&self) -> Arc<dyn Storage> {
        self.shop.storage()
    }

    /// A proof of somebody: as things stand, mostly; else one of old.
    async fn proof(&mut self, name: &str) -> Proof {
        if !self.proofs.is_empty() && self.random.below(8) == 0 {
            let place = self.random.below(self.proofs.len() as u64);
            return self.proofs[usize::try_from(place).expect("it is small")].clone();
        }
        self.make_proof(name).await
    }

    async fn make_proof(&mut self, name: &str) -> Proof {
        let key = terminal(name, self.random.pick(&TERMINALS));
        let session = self.look().find_session(&key).await.expect("no failure");
        let epoch = session
            .as_ref()
            .map_or(Epoch::new(0), |session| session.account.epoch);
        let token = session.map(|session| (key, session.generation));
        let token = token.filter(|_| self.random.below(2) == 0);
        let proof = Proof {
            user: user(name),
            epoch,
            token,
        };
        self.proofs.push(proof.clone());
        proof
    }

    async fn anyones_proof(&mut self) -> Proof {
        let name = self.random.pick(&USERS[..4]);
        self.proof(name).await
    }

    fn register(&mut self) {
        let user = user(self.random.pick(&USERS));
        let password_hash = PasswordHash::new(format!("hash {}", self.random.below(1_000)));
        self.ask(
            None,
            Register {
                user,
                password_hash,
            },
        );
    }

    async fn unregister(&mut self) {
        let name = self.random.pick(&[USERS[3], USERS[4], USERS[4]]);
        let proof = match self.random.below(6) {
            0 => self.proof(name).await,
            _ => self.make_proof(name).await,
        };
        let user = proof.user.clone();
        self.ask(Some(proof), Unregister { user });
    }

    async fn change_password(&mut self) {
        let proof = self.anyones_proof().await;
        let user = proof.user.clone();
        let password_hash = PasswordHash::new(format!("hash {}", self.random.below(1_000)));
        self.ask(
            Some(proof),
            ChangePassword {
                user,
                password_hash,
            },
        );
    }

    async fn log_out(&mut self) {
        let proof = self.anyones_proof().await;
        let terminal = terminal(proof.user.as_str(), self.random.pick(&TERMINALS));
        self.ask(Some(proof), LogOut { terminal });
    }

    async fn add_funds(&mut self) {
        let proof = self.anyones_proof().await;
        let user = proof.user.clone();
        let fen = self
            .random
            .pick(&[0, 1, 50, 100, 300, 1_000, -1, -50, -1_000]);
        let proof = Some(proof).filter(|_| self.random.below(10) > 0);
        self.ask_for_money(
            proof,
            AddFunds {
                user,
                amount: Fen::new(fen),
            },
            fen,
        );
    }

    async fn create_store(&mut self) {
        let proof = self.anyones_proof().await;
        let owner = proof.user.clone();
        let store = store(self.random.pick(&STORES));
        self.ask(Some(proof), CreateStore { owner, store });
    }

    /// A store, and a proof that is its owner's more often than not.
    async fn owned_store(&mut self) -> (Proof, &'static str) {
        let name = self.random.pick(&STORES);
        let found = self
            .look()
            .find_store(&store(name))
            .await
            .expect("no failure");
        let owner = found
            .filter(|_| self.random.below(5) > 0)
            .map(|store| store.owner);
        match owner {
            Some(owner) => (self.proof(owner.as_str()).await, name),
            None => (self.anyones_proof().await, name),
        }
    }

    async fn add_listing(&mut self) {
        let (proof, in_store) = self.owned_store().await;
        let operation = AddListing {
            user: proof.user.clone(),
            key: listing(in_store, self.random.pick(&BOOKS)),
            text: requests::text(self.random.pick(&TITLES)),
            pictures: vec![requests::picture(self.random.pick(&[1, 2])); self.random.pick(&[0, 2])],
            price: requests::price(self.random.pick(&[0, 1, 10, 30])),
            stock: requests::stock(self.random.pick(&[0, 5, 20, 50])),
        };
        self.ask(Some(proof), operation);
    }

    async fn add_stock(&mut self) {
        let (proof, in_store) = self.owned_store().await;
        let user = proof.user.clone();
        let key = listing(in_store, self.random.pick(&BOOKS));
        let change = self.random.pick(&[-20, -5, -1, 0, 1, 5, 20]);
        self.ask(Some(proof), AddStock { user, key, change });
    }

    async fn update_listing(&mut self) {
        let (proof, in_store) = self.owned_store().await;
        let title = self.random.pick(&TITLES).to_owned();
        let author = self.random.pick(&[None, Some(None), Some(Some("Li"))]);
        let is_listed = self
            .random
            .pick(&[None, Some(true), Some(true), Some(false)]);
        let patch = BookPatch {
            title: Some(title).filter(|_| self.random.below(2) == 0),
            author: author.map(|author| author.map(str::to_owned)),
            ..BookPatch::default()
        };
        let price = self.random.pick(&[None, Some(0), Some(7), Some(30)]);
        let picture = self.random.pick(&[None, Some(3), Some(4)]);
        let operation = UpdateListing {
            user: proof.user.clone(),
            key: listing(in_store, self.random.pick(&BOOKS)),
            patch,
            price: price.map(requests::price),
            pictures: picture.map(|last| vec![requests::picture(last)]),
            is_listed,
        };
        self.ask(Some(proof), operation);
    }

    async fn place(&mut self) {
        let proof = self.anyones_proof().await;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.random.bits().to_be_bytes());
        let id = OrderId::new(self.shop.now(), random);
        self.orders.push(id);
        let mut books = Vec::new();
        for _ in 0..=self.random.below(2) {
            books.push((self.random.pick(&BOOKS), self.random.pick(&[1, 1, 2, 4])));
        }
        let in_store = self.random.pick(&STORES);
        let payment_timeout =
            Duration::from_secs(self.random.pick(&[1, 60, 30 * 60, 24 * 60 * 60]));
        let placed = requests::place(id, proof.user.as_str(), in_store, &books);
        self.ask(
            Some(proof),
            PlaceOrder {
                payment_timeout,
                ..placed
            },
        );
    }

    /// One of the latest orders, in that state more often than not; now and then one that never
    /// was.
    async fn some_order(&mut self, status: OrderStatus) -> Option<Order> {
        let mut latest: Vec<OrderId> = self.orders.iter().rev().take(30).copied().collect();
        let is_any = self.random.below(4) == 0;
        while !latest.is_empty() && self.random.below(40) > 0 {
            let place = self.random.below(latest.len() as u64);
            let order = latest.swap_remove(usize::try_from(place).expect("it is small"));
            let found = self.look().find_order(order).await.expect("no failure");
            let found = found.filter(|found| is_any || found.status() == status);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Such an order, and a proof, of the party whose verb it is more often than not.
    async fn own_order(&mut self, status: OrderStatus, is_buyers: bool) -> (Proof, OrderId) {
        let found = self.some_order(status).await;
        let unknown = OrderId::new(self.shop.now(), [7; 10]);
        let order = found.as_ref().map_or(unknown, |order| order.id);
        let party = found.map(|order| if is_buyers { order.buyer } else { order.seller });
        match party.filter(|_| self.random.below(8) > 0) {
            Some(party) => (self.proof(party.as_str()).await, order),
            None => (self.anyones_proof().await, order),
        }
    }

    async fn pay(&mut self) {
        let (proof, order) = self.own_order(OrderStatus::Placed, true).await;
        let buyer = proof.user.clone();
        self.ask(Some(proof), PayOrder { order, buyer });
    }

    async fn send(&mut self) {
        let (proof, order) = self.own_order(OrderStatus::Paid, false).await;
        let tracking = self.random.pick(&[None, Some("parcel")]);
        let operation = SendOrder {
            order,
            seller: proof.user.clone(),
            tracking: tracking.map(|words| Tracking::new(words).expect("it is short")),
            receipt_timeout: Duration::from_secs(self.random.pick(&[60, 30 * 60, 24 * 60 * 60])),
        };
        self.ask(Some(proof), operation);
    }

    async fn receive(&mut self) {
        let (proof, order) = self.own_order(OrderStatus::Sent, true).await;
        let buyer = proof.user.clone();
        self.ask(Some(proof), ReceiveOrder { order, buyer });
    }

    async fn cancel(&mut self) {
        let status = self.random.pick(&OrderStatus::ALL);
        let (proof, order) = self.own_order(status, true).await;
        let buyer = proof.user.clone();
        let until = self
            .random
            .pick(&[CancelUntil::Sent, CancelUntil::Received]);
        self.ask(
            Some(proof),
            CancelOrder {
                order,
                buyer,
                until,
            },
        );
    }

    /// What the sweep would do by now, or what it would do wrongly.
    async fn sweep(&mut self) {
        let due = self
            .look()
            .list_due(self.shop.now(), 5)
            .await
            .expect("no failure");
        for due in due {
            match due.due {
                Due::Payment => self.ask(None, ExpireOrder { order: due.order }),
                Due::Receipt => self.ask(None, ConcludeOrder { order: due.order }),
            }
        }
        let (_, order) = self.own_order(OrderStatus::Sent, true).await;
        match self.random.below(2) {
            0 => self.ask(None, ExpireOrder { order }),
            _ => self.ask(None, ConcludeOrder { order }),
        }
    }

    /// Compares all that can be looked at, and audits both.
    async fn look_at_everything(&mut self) {
        let engine = self.shop.storage();
        let model = self.model.as_ref().expect("histories have one");
        macro_rules! same {
            ($method:ident($($argument:expr),*)) => {{
                let found = engine.$method($($argument),*).await.expect("no failure");
                let wanted = model.$method($($argument),*).await.expect("the model never fails");
                assert_eq!(found, wanted, stringify!($method($($argument),*)));
            }};
        }
        for name in USERS {
            same!(find_account(&user(name)));
            for at in TERMINALS {
                same!(find_session(&terminal(name, at)));
            }
        }
        for name in STORES {
            same!(find_store(&store(name)));
            for book in BOOKS {
                same!(find_listing(&listing(name, book)));
            }
        }
        for order in &self.orders {
            same!(find_order(*order));
        }
        same!(next_due());
        let mut queries = Vec::new();
        for _ in 0..20 {
            queries.push(random_query(
                &mut self.random,
                &self.orders,
                self.shop.now(),
            ));
        }
        for query in queries {
            same!(list_orders(query.clone()));
            let mut found = engine
                .list_due(query.now, 10_000)
                .await
                .expect("no failure");
            assert!(
                found.is_sorted_by_key(|due| due.at),
                "what is due is out of order"
            );
            found.sort_by_key(|due| (due.at, due.order));
            let wanted = model
                .list_due(query.now, 10_000)
                .await
                .expect("the model never fails");
            assert_eq!(found, wanted, "what is due");
        }
        let report = model.audit().await.expect("the model never fails");
        assert!(
            report.is_clean(),
            "the model's audit found: {:#?}",
            report.findings
        );
        self.shop.audit().await;
    }
}

fn random_query(random: &mut Random, orders: &[OrderId], now: domain::Timestamp) -> OrderQuery {
    let name = user(random.pick(&USERS));
    let party = match random.below(3) {
        0 => OrderParty::Buyer(name),
        1 => OrderParty::Seller(name, None),
        _ => OrderParty::Seller(name, Some(store(random.pick(&STORES)))),
    };
    let status = random.pick(&OrderStatus::ALL);
    let status = Some(status).filter(|_| random.below(4) > 0);
    let is_bounded = !orders.is_empty() && random.below(2) == 0;
    let before = is_bounded.then(|| random.pick(orders));
    let later = Duration::from_secs(random.pick(&[0, 0, 0, 60, 30 * 60]));
    let limit = random.pick(&[0, 1, 5, 1_000]);
    OrderQuery {
        party,
        status,
        before,
        offset: random.pick(&[0, 0, 1, 7]),
        limit,
        now: now.plus(later),
    }
}
