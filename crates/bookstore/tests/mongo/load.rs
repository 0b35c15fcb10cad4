//! Load as careful clients make it: each change has an `Idempotency-Key`, and is asked for again
//! under it until it is answered. Impatient clients let it be once they are told that certainly
//! nothing happened. So whatever breaks in between, in the end it is known exactly what must have
//! happened.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machines::{Addresses, Machines, PROCESSES};
use crate::support::Client;
use crate::support::client::Answer;

/// How long a request may take: a proof and an operation have 5 s each, and machines are busy.
/// Past it the server hangs.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How long a change may be asked for again and again.
const ASKED_MAX: Duration = Duration::from_secs(90);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

pub const SELLER: &str = "seller";
pub const STORE: &str = "s";
pub const BOOKS: [&str; 6] = ["b0", "b1", "b2", "b3", "b4", "b5"];
/// What [`Client::open_store`] asks for a book.
pub const PRICE: i64 = 100;
pub const STOCK: i64 = 1_000_000;
pub const FUNDS: i64 = 1_000_000_000;

/// The shop as its clients see it.
pub struct Shop {
    pub addresses: Addresses,
    /// How many orders each process has acknowledged.
    placed: [AtomicU64; PROCESSES],
    after: Mutex<After>,
    /// How often each status came that says: not now.
    not_now: Mutex<BTreeMap<u16, u64>>,
    slowest: Mutex<Duration>,
}

/// What happened after a failure.
#[derive(Default)]
struct After {
    since: Option<Instant>,
    /// When each process acknowledged the first order, and the first payment, that it was asked
    /// for after the failure.
    work: [[Option<Duration>; 2]; PROCESSES],
}

impl Shop {
    /// Opens the seller's store.
    pub fn open(machines: &Machines) -> Self {
        let mut client = machines.client(0);
        let token = client.join(SELLER);
        client.open_store(SELLER, &token, STORE, &BOOKS, STOCK);
        let addresses = [0, 1].map(|process| Some(machines.address(process)));
        Self {
            addresses: Mutex::new(addresses),
            placed: Default::default(),
            after: Mutex::default(),
            not_now: Mutex::default(),
            slowest: Mutex::default(),
        }
    }

    pub fn placed(&self, process: usize) -> u64 {
        self.placed[process].load(Ordering::Relaxed)
    }

    /// A failure has happened: from now on it counts when work goes on.
    pub fn note_failure(&self, at: Instant) {
        *self.after.lock().unwrap() = After {
            since: Some(at),
            ..After::default()
        };
    }

    /// How long after the failure the process had placed an order and taken a payment again.
    pub fn recovery(&self, process: usize) -> Option<Duration> {
        let [order, payment] = self.after.lock().unwrap().work[process];
        Some(order?.max(payment?))
    }

    fn note_work(&self, process: usize, path: &str, sent: Instant) {
        let kind = match path {
            "/buyer/new_order" => 0,
            "/buyer/payment" => 1,
            _ => return,
        };
        if kind == 0 {
            self.placed[process].fetch_add(1, Ordering::Relaxed);
        }
        let mut after = self.after.lock().unwrap();
        if let Some(since) = after.since
            && sent > since
        {
            after.work[process][kind].get_or_insert(since.elapsed());
        }
    }

    /// What clients went through, in a line.
    pub fn summary(&self) -> String {
        let orders: u64 = (0..PROCESSES).map(|process| self.placed(process)).sum();
        let not_now = self.not_now.lock().unwrap();
        let slowest = self.slowest.lock().unwrap();
        format!("{orders} orders, not now: {not_now:?}, slowest answer {slowest:.1?}")
    }
}

/// A client who has a favourite process, and goes to the other one while that is down.
pub struct Caller<'a> {
    shop: &'a Shop,
    home: usize,
    is_impatient: bool,
    connection: Option<Connection>,
}

struct Connection {
    process: usize,
    address: SocketAddr,
    client: Client,
}

impl<'a> Caller<'a> {
    pub fn new(shop: &'a Shop, home: usize) -> Self {
        Self {
            shop,
            home,
            is_impatient: false,
            connection: None,
        }
    }

    /// One who takes 528 for an answer, where no attempt before may have done it.
    pub fn impatient(shop: &'a Shop, home: usize) -> Self {
        Self {
            is_impatient: true,
            ..Self::new(shop, home)
        }
    }

    /// Asks until there is an answer that says more than "not now". Where `key` is given, all the
    /// attempts are one request.
    #[track_caller]
    pub fn ask(&mut self, path: &str, token: &str, key: Option<&str>, body: &Value) -> Answer {
        let more = key.map_or(String::new(), |key| format!("Idempotency-Key: {key}\r\n"));
        let began = Instant::now();
        let mut may_be_done = false;
        while began.elapsed() < ASKED_MAX {
            let sent = Instant::now();
            match self.attempt(path, token, &more, body) {
                Ok((_, answer)) if matches!(answer.status, 503 | 528 | 530) => {
                    let mut not_now = self.shop.not_now.lock().unwrap();
                    *not_now.entry(answer.status).or_default() += 1;
                    may_be_done |= answer.status == 530;
                    if self.is_impatient && answer.status == 528 && !may_be_done {
                        return answer;
                    }
                }
                Ok((process, answer)) => {
                    if answer.status == 200 {
                        self.shop.note_work(process, path, sent);
                    }
                    return answer;
                }
                Err(error) => {
                    may_be_done = true;
                    self.mourn(path, &error);
                }
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
        panic!("`{path}` was not done within {ASKED_MAX:?}");
    }

    fn attempt(
        &mut self,
        path: &str,
        token: &str,
        more: &str,
        body: &Value,
    ) -> io::Result<(usize, Answer)> {
        let is_away = |connection: &Connection| connection.process != self.home;
        if self.connection.as_ref().is_some_and(is_away)
            && self.shop.addresses.lock().unwrap()[self.home].is_some()
        {
            self.connection = None;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.shop, self.home)?),
        };
        let sent = Instant::now();
        let answer = connection.client.try_post_with(path, token, more, body)?;
        let took = sent.elapsed();
        assert!(took < ANSWER_MAX, "`{path}` hung for {took:?}");
        let mut slowest = self.shop.slowest.lock().unwrap();
        *slowest = slowest.max(took);
        Ok((connection.process, answer))
    }

    /// A connection broke. Only the end of its process excuses that.
    fn mourn(&mut self, path: &str, error: &io::Error) {
        assert!(
            !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "`{path}` got no answer within {ANSWER_MAX:?}"
        );
        let Some(Connection {
            process, address, ..
        }) = self.connection.take()
        else {
            return;
        };
        assert!(
            self.shop.addresses.lock().unwrap()[process] != Some(address),
            "a living process broke off `{path}`: {error}"
        );
    }
}

fn connect(shop: &Shop, home: usize) -> io::Result<Connection> {
    let addresses = *shop.addresses.lock().unwrap();
    let process = (home..home + PROCESSES)
        .map(|process| process % PROCESSES)
        .find(|&process| addresses[process].is_some());
    let process = process.ok_or(ErrorKind::NotConnected)?;
    let address = addresses[process].expect("it was just looked at");
    Ok(Connection {
        process,
        address,
        client: Client::connect_for(address, ANSWER_MAX)?,
    })
}

/// A key that was never used before.
pub fn fresh_key() -> String {
    static USED: AtomicU64 = AtomicU64::new(0);
    format!("fresh-{}", USED.fetch_add(1, Ordering::Relaxed))
}

/// What is known of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub state: &'static str,
    pub book: &'static str,
    pub count: i64,
}

/// A buyer and all the orders that were acknowledged.
pub struct Buyer {
    pub name: String,
    pub token: String,
    pub orders: HashMap<String, Known>,
    rounds: usize,
}

impl Buyer {
    /// Registers a buyer with funds; his password is his name.
    pub fn join(caller: &mut Caller<'_>, name: String) -> Self {
        let body = json!({"user_id": name, "password": name});
        caller.ask("/auth/register", "", None, &body).ok();
        let body = json!({"user_id": name, "password": name, "terminal": "test"});
        let answer = caller.ask("/auth/login", "", None, &body).ok();
        let token = answer["token"].as_str().unwrap().to_owned();
        let body = json!({"user_id": name, "password": name, "add_value": FUNDS});
        caller
            .ask("/buyer/add_funds", "", Some("funds"), &body)
            .ok();
        Self {
            name,
            token,
            orders: HashMap::new(),
            rounds: 0,
        }
    }

    /// Orders, pays and cancels until told to stop; each order is in the state that is known.
    pub fn shop_until(&mut self, stop: &AtomicBool, caller: &mut Caller<'_>) {
        while !stop.load(Ordering::Relaxed) {
            let Some(id) = self.place(caller) else {
                continue;
            };
            match self.rounds % 4 {
                0 => {}
                1 => self.cancel(caller, &id),
                2 => self.pay(caller, &id),
                _ => {
                    self.pay(caller, &id);
                    self.cancel(caller, &id);
                }
            }
        }
    }

    /// `None`: it was not done, and let be.
    fn place(&mut self, caller: &mut Caller<'_>) -> Option<String> {
        self.rounds += 1;
        let book = BOOKS[self.rounds % BOOKS.len()];
        let count = 1 + i64::try_from(self.rounds % 3).unwrap();
        let body = json!({
            "user_id": self.name, "store_id": STORE, "books": [{"id": book, "count": count}],
        });
        let answer = self.change(caller, "/buyer/new_order", &self.token, &body)?;
        let id = answer["order_id"].as_str().unwrap().to_owned();
        let known = Known {
            state: "placed",
            book,
            count,
        };
        let earlier = self.orders.insert(id.clone(), known);
        assert_eq!(earlier, None, "two keys got the order {id}");
        Some(id)
    }

    fn pay(&mut self, caller: &mut Caller<'_>, id: &str) {
        let body = json!({"user_id": self.name, "password": self.name, "order_id": id});
        if self.change(caller, "/buyer/payment", "", &body).is_some() {
            self.orders.get_mut(id).unwrap().state = "paid";
        }
    }

    fn cancel(&mut self, caller: &mut Caller<'_>, id: &str) {
        let body = json!({"user_id": self.name, "order_id": id});
        let answer = self.change(caller, "/buyer/cancel_order", &self.token, &body);
        if answer.is_some() {
            self.orders.get_mut(id).unwrap().state = "cancelled";
        }
    }

    /// Asks under the key of this round. `None`: it was not done, and let be.
    fn change(
        &self,
        caller: &mut Caller<'_>,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Option<Value> {
        let key = format!("round-{}", self.rounds);
        let answer = caller.ask(path, token, Some(&key), body);
        (answer.status != 528).then(|| answer.ok())
    }
}
