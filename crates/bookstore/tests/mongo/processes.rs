//! Two processes over one MongoDB are one shop: what is done at one holds at the other at once.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machines::{Machines, PROCESSES};
use crate::support::Client;

const PRICE: i64 = 100;
const FUNDS: i64 = 1_000_000;
/// How long a condition may take to come about that nobody promises a time for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many requests a process serves before the other one changes something.
const SERVED_BEFORE: u64 = 40;
const POLL_EVERY: Duration = Duration::from_millis(10);

/// A shop with one seller, one store and one book, and one buyer with funds.
struct Scene {
    machines: Machines,
    seller: String,
    buyer: String,
}

impl Scene {
    /// `None`: there is no mongod.
    fn open(stock: i64, arguments: &[&'static str]) -> Option<Self> {
        let machines = Machines::start(1, arguments)?;
        let mut client = machines.client(0);
        let seller = client.join("seller");
        client.open_store("seller", &seller, "s", &["b"], stock);
        let buyer = machines.client(1).join("buyer");
        client.fund("buyer", FUNDS).ok();
        Some(Self {
            machines,
            seller,
            buyer,
        })
    }

    fn client(&self, process: usize) -> Client {
        self.machines.client(process)
    }

    fn place(&self, client: &mut Client) -> String {
        let answer = client.post("/buyer/new_order", &self.buyer, &order(1)).ok();
        answer["order_id"].as_str().unwrap().to_owned()
    }

    /// Checks the money of both, and everything else by an audit.
    fn check(&self, paid: i64) {
        for process in 0..PROCESSES {
            let mut client = self.client(process);
            assert_eq!(client.balance("buyer", &self.buyer), FUNDS - paid);
            assert_eq!(client.balance("seller", &self.seller), paid);
        }
        self.machines.audit();
    }
}

fn order(count: i64) -> Value {
    json!({"user_id": "buyer", "store_id": "s", "books": [{"id": "b", "count": count}]})
}

fn payment(password: &str, order: &str) -> Value {
    json!({"user_id": "buyer", "password": password, "order_id": order})
}

/// Asks both processes at the same moment.
fn ask_both<T: Send>(ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let ready = Barrier::new(PROCESSES);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..PROCESSES)
            .map(|process| {
                let (ask, ready) = (&ask, &ready);
                scope.spawn(move || {
                    ready.wait();
                    ask(process)
                })
            })
            .collect();
        asking
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    })
}

#[test]
fn an_order_is_paid_once_though_both_processes_are_asked() {
    const ORDERS: i64 = 30;
    let Some(scene) = Scene::open(1_000, &[]) else {
        return;
    };
    for number in 0..ORDERS {
        let id = scene.place(&mut scene.client(0));
        let mut statuses = ask_both(|process| {
            let mut client = scene.client(process);
            client
                .post("/buyer/payment", "", &payment("buyer", &id))
                .status
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 518], "order {number}");
    }
    scene.check(ORDERS * PRICE);
}

#[test]
fn a_key_is_one_request_though_both_processes_are_asked() {
    const ORDERS: i64 = 30;
    let Some(scene) = Scene::open(ORDERS, &[]) else {
        return;
    };
    for number in 0..ORDERS {
        let both = |path: &str, token: &str, body: &Value| {
            let key = format!("Idempotency-Key: key-{number}\r\n");
            ask_both(|process| {
                let mut client = scene.client(process);
                client.try_post_with(path, token, &key, body).unwrap().ok()
            })
        };
        let answers = both("/buyer/new_order", &scene.buyer, &order(1));
        assert_eq!(answers[0], answers[1]);
        let id = answers[0]["order_id"].as_str().unwrap();
        let answers = both("/buyer/payment", "", &payment("buyer", id));
        assert_eq!(answers[0], answers[1]);
    }
    let history = scene.client(0).history("buyer", &scene.buyer, None);
    assert_eq!(history.len(), usize::try_from(ORDERS).unwrap());
    scene.check(ORDERS * PRICE);
}

#[test]
fn a_hundred_copies_are_sold_once_each_though_four_hundred_are_wanted() {
    const COPIES: usize = 100;
    const WANTED: usize = 400;
    const THREADS: usize = 16;
    let Some(scene) = Scene::open(i64::try_from(COPIES).unwrap(), &[]) else {
        return;
    };
    let ready = Barrier::new(THREADS);
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    let want = |number: usize| {
        let mut client = scene.client(number % PROCESSES);
        ready.wait();
        let mut ask = || client.post("/buyer/new_order", &scene.buyer, &order(1));
        (0..WANTED / THREADS)
            .map(|_| ask().status)
            .collect::<Vec<u16>>()
    };
    thread::scope(|scope| {
        let want = &want;
        let wanting: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || want(number)))
            .collect();
        for wanted in wanting {
            for status in wanted.join().unwrap() {
                *answers.entry(status).or_default() += 1;
            }
        }
    });
    assert_eq!(
        answers,
        BTreeMap::from([(200, COPIES), (517, WANTED - COPIES)])
    );
    scene.check(0);
}

/// A change at one process that the other has to heed.
#[derive(Default)]
struct Change {
    is_done: AtomicBool,
    /// How often the other process has served what the change will make void.
    served: AtomicU64,
}

impl Change {
    /// Asks again and again, and says of each answer whether it was asked for after the change.
    fn ask_until_refused(&self, mut ask: impl FnMut() -> u16) -> Vec<(bool, u16)> {
        let began = Instant::now();
        let mut answers = Vec::new();
        loop {
            assert!(began.elapsed() < PATIENCE, "it is never refused");
            let is_after = self.is_done.load(Ordering::SeqCst);
            let status = ask();
            answers.push((is_after, status));
            if status != 200 {
                return answers;
            }
            self.served.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Makes the change in the midst of what it will end.
    fn make(&self, change: impl FnOnce()) {
        let began = Instant::now();
        while self.served.load(Ordering::SeqCst) < SERVED_BEFORE {
            assert!(began.elapsed() < PATIENCE, "nothing is served");
            thread::sleep(POLL_EVERY);
        }
        change();
        self.is_done.store(true, Ordering::SeqCst);
    }
}

/// What was asked for after the change was known is refused; only what was under way may be either.
fn assert_refused_at_once(answers: &[(bool, u16)]) {
    let (last, earlier) = answers.split_last().unwrap();
    assert_eq!(last.1, 401);
    assert!(!earlier.is_empty(), "nothing was done before");
    let late = earlier.iter().filter(|(is_after, _)| *is_after).count();
    assert_eq!(late, 0, "done with what was void already");
}

#[test]
fn a_password_changed_at_one_process_is_void_at_the_other() {
    const PAYERS: usize = 4;
    let Some(scene) = Scene::open(1_000_000, &[]) else {
        return;
    };
    let change = Change::default();
    let paid: usize = thread::scope(|scope| {
        let pay = || {
            let (mut client, mut paid) = (scene.client(1), 0);
            let answers = change.ask_until_refused(|| {
                let answer = client.post("/buyer/new_order", &scene.buyer, &order(1));
                if answer.status != 200 {
                    return answer.status;
                }
                let id = answer.body["order_id"].as_str().unwrap();
                let status = client
                    .post("/buyer/payment", "", &payment("buyer", id))
                    .status;
                paid += usize::from(status == 200);
                status
            });
            assert_refused_at_once(&answers);
            paid
        };
        let paying: Vec<_> = (0..PAYERS).map(|_| scope.spawn(pay)).collect();
        change.make(|| {
            let body = json!({"user_id": "buyer", "oldPassword": "buyer", "newPassword": "new"});
            scene.client(0).post("/auth/password", "", &body).ok();
        });
        paying.into_iter().map(|paid| paid.join().unwrap()).sum()
    });
    let mut client = scene.client(1);
    let order = json!({"user_id": "buyer"});
    assert_eq!(
        client.post("/buyer/account", &scene.buyer, &order).status,
        401
    );
    let paid = i64::try_from(paid).unwrap() * PRICE;
    for process in 0..PROCESSES {
        let mut client = scene.client(process);
        let token = client.login("buyer", "new");
        assert_eq!(client.balance("buyer", &token), FUNDS - paid);
        assert_eq!(client.balance("seller", &scene.seller), paid);
    }
    scene.machines.audit();
}

#[test]
fn a_logout_at_one_process_revokes_at_the_other() {
    let Some(scene) = Scene::open(1_000_000, &[]) else {
        return;
    };
    let change = Change::default();
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut client = scene.client(1);
            let answers = change.ask_until_refused(|| {
                client
                    .post("/buyer/new_order", &scene.buyer, &order(1))
                    .status
            });
            assert_refused_at_once(&answers);
        });
        change.make(|| {
            let body = json!({"user_id": "buyer"});
            let mut client = scene.client(0);
            client.post("/auth/logout", &scene.buyer, &body).ok();
        });
        asking.join().unwrap();
    });
    let token = scene.client(1).login("buyer", "buyer");
    assert_eq!(scene.client(0).balance("buyer", &token), FUNDS);
    scene.machines.audit();
}

#[test]
fn failed_passwords_count_at_whichever_process_they_are_tried() {
    const FAILURES: usize = 10;
    let Some(scene) = Scene::open(1, &[]) else {
        return;
    };
    let mut clients = [scene.client(0), scene.client(1)];
    let body = json!({"user_id": "owner", "password": "right"});
    clients[0].post("/auth/register", "", &body).ok();
    let login =
        |password: &str| json!({"user_id": "owner", "password": password, "terminal": "test"});
    for number in 0..FAILURES {
        let guess = login(&format!("guess {number}"));
        let answer = clients[number % PROCESSES].post("/auth/login", "", &guess);
        assert_eq!(answer.status, 401, "guess {number}");
    }
    for client in &mut clients {
        let answer = client.post("/auth/login", "", &login("right"));
        assert_eq!(answer.status, 429, "{}", answer.body);
        // Another account is not slowed.
        client.login("buyer", "buyer");
    }
}

#[test]
fn two_sweeps_bring_the_stock_back_once_and_in_time() {
    const COPIES: i64 = 60;
    const TIMEOUT: Duration = Duration::from_secs(2);
    const BACK_WITHIN: Duration = Duration::from_secs(1);
    let Some(scene) = Scene::open(COPIES, &["--payment-timeout", "2s"]) else {
        return;
    };
    let mut clients = [scene.client(0), scene.client(1)];
    for number in 0..usize::try_from(COPIES).unwrap() {
        scene.place(&mut clients[number % PROCESSES]);
    }
    let placed_by = Instant::now();
    let [client, other] = &mut clients;
    while client
        .post("/buyer/new_order", &scene.buyer, &order(COPIES))
        .status
        != 200
    {
        let since = placed_by.elapsed();
        assert!(
            since < TIMEOUT + BACK_WITHIN,
            "the stock is not back after {since:?}"
        );
        thread::sleep(POLL_EVERY);
    }
    let answer = other.post("/buyer/new_order", &scene.buyer, &order(1));
    assert_eq!(answer.status, 517, "{}", answer.body);
    let history = client.history("buyer", &scene.buyer, None);
    let (newest, swept) = history.split_first().unwrap();
    assert_eq!(newest["state"], json!("placed"));
    assert_eq!(swept.len(), usize::try_from(COPIES).unwrap());
    assert!(swept.iter().all(|order| order["state"] == "cancelled"));
    scene.machines.audit();
}

#[test]
fn what_a_dead_process_has_left_open_is_in_the_way_for_seconds_only() {
    const IN_THE_WAY_MAX: Duration = Duration::from_secs(15);
    let Some(scene) = Scene::open(10, &[]) else {
        return;
    };
    let orders = [0, 1].map(|process| scene.place(&mut scene.client(process)));
    scene.machines.leave_open("seller");
    let since = Instant::now();
    let took = ask_both(|process| {
        let mut client = scene.client(process);
        let payment = payment("buyer", &orders[process]);
        loop {
            let answer = client.post("/buyer/payment", "", &payment);
            let took = since.elapsed();
            assert!(took < IN_THE_WAY_MAX, "still in the way after {took:?}");
            match answer.status {
                200 => return took,
                528 => {}
                status => panic!("{status}: {}", answer.body),
            }
        }
    });
    eprintln!("an abandoned transaction was in the way for {took:.1?}");
    scene.check(2 * PRICE);
}
