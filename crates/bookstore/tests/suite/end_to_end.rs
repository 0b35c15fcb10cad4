//! The whole thing: a book file goes in, books are bought, the process is killed in mid-load, and
//! nothing that was answered is lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Server, books, run};

const FUNDS: i64 = 1_000_000_000;
const BUYERS: usize = 8;
/// How many answers the load gets before the process is killed.
const ANSWERS_BEFORE_CRASH: u64 = 400;

/// Imports a file as the seller `seller`, and returns what was said.
fn import(folder: &Path, file: &Path, store: &str) -> String {
    let data = folder.join("data");
    let arguments = [
        "import",
        file.to_str().unwrap(),
        "--store",
        store,
        "--owner",
        "seller",
        "--stock",
        "1000000",
        "--data",
        data.to_str().unwrap(),
    ];
    run(&arguments, &[("BOOKSTORE_OWNER_PASSWORD", "seller")]).stdout
}

fn audit(folder: &Path) {
    let data = folder.join("data");
    let audit = run(&["audit", "--data", data.to_str().unwrap()], &[]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
    assert!(audit.stdout.contains("nothing is wrong"), "{audit:?}");
}

/// One book of the store, and what it costs.
fn first_real_book() -> Option<(String, i64)> {
    let file = rusqlite::Connection::open_with_flags(
        books::real()?,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    );
    let book = file.unwrap().query_row(
        "SELECT id, price FROM book ORDER BY id LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    Some(book.unwrap())
}

/// Buys two copies of a book, from the first order to its receipt.
fn buy(server: &Server, store: &str, book: &str, price: i64) {
    let mut client = server.client();
    let seller = client.login("seller", "seller");
    let earned = client.balance("seller", &seller);
    let buyer = format!("reader of {store}");
    let token = client.join(&buyer);
    client.fund(&buyer, 3 * price).ok();

    let books = json!([{"id": book, "count": 2}]);
    let order = json!({"user_id": buyer, "store_id": store, "books": books});
    let placed = client.post("/buyer/new_order", &token, &order).ok();
    let id = placed["order_id"].as_str().unwrap().to_owned();
    let pay = json!({"user_id": buyer, "password": buyer, "order_id": id});
    client.post("/buyer/payment", "", &pay).ok();
    client
        .post(
            "/seller/send_books",
            &seller,
            &json!({"user_id": "seller", "order_id": id}),
        )
        .ok();
    client
        .post(
            "/buyer/receive_books",
            &token,
            &json!({"user_id": buyer, "order_id": id}),
        )
        .ok();

    let history = client.history(&buyer, &token, None);
    assert_eq!(history.len(), 1);
    let order = &history[0];
    assert_eq!(
        (&order["order_id"], &order["state"]),
        (&json!(id), &json!("received"))
    );
    assert_eq!(order["total_price"], json!(2 * price));
    assert_eq!(order["details"][0]["book_id"], json!(book));
    assert_eq!(client.balance(&buyer, &token), price);
    assert_eq!(client.balance("seller", &seller), earned + 2 * price);
}

#[test]
fn books_are_imported_and_bought() {
    let folder = tempfile::tempdir().unwrap();
    let said = import(folder.path(), &books::make(folder.path()), "made");
    assert!(said.contains(&format!("{} added", books::GOOD)), "{said}");
    let real = first_real_book();
    if let Some(file) = books::real() {
        let said = import(folder.path(), &file, "real");
        assert!(
            said.contains("100 added, 0 already there, 0 skipped"),
            "{said}"
        );
    }
    let server = Server::start(folder.path(), &[]);
    buy(&server, "made", "book-1", 1_000);
    if let Some((book, price)) = real {
        buy(&server, "real", &book, price);
    }
    audit(folder.path());
    server.stop();
    audit(folder.path());
}

/// A buyer's orders as far as the server has answered: each id with the state it is in at least.
#[derive(Default)]
struct Acknowledged {
    states: HashMap<String, &'static str>,
    /// Whether a `new_order` was under way without an answer when the process died.
    is_order_open: bool,
}

/// Orders and pays until the server is gone; leaves every third order unpaid, cancels every fifth.
fn load(server: &str, buyer: usize, ready: &Barrier, answers: &AtomicU64) -> Acknowledged {
    let name = format!("buyer-{buyer}");
    let mut client = Client::connect(server.parse().unwrap()).unwrap();
    let token = client.join(&name);
    client.fund(&name, FUNDS).ok();
    let mut known = Acknowledged::default();
    ready.wait();
    for round in 0_usize.. {
        let wanted: Vec<Value> = (0..1 + round % 5)
            .map(|line| json!({"id": format!("book-{}", 1 + (round + line * 7) % 50), "count": 1}))
            .collect();
        let order = json!({"user_id": name, "store_id": "made", "books": wanted});
        known.is_order_open = true;
        let Ok(answer) = client.try_post("/buyer/new_order", &token, &order) else {
            break;
        };
        let id = answer.ok()["order_id"].as_str().unwrap().to_owned();
        known.is_order_open = false;
        known.states.insert(id.clone(), "placed");
        answers.fetch_add(1, Ordering::Relaxed);
        let (path, body, state) = match round % 5 {
            2 => continue,
            4 => (
                "/buyer/cancel_order",
                json!({"user_id": name, "order_id": id}),
                "cancelled",
            ),
            _ => {
                let body = json!({"user_id": name, "password": name, "order_id": id});
                ("/buyer/payment", body, "paid")
            }
        };
        let Ok(answer) = client.try_post(path, &token, &body) else {
            break;
        };
        answer.ok();
        known.states.insert(id, state);
        answers.fetch_add(1, Ordering::Relaxed);
    }
    known
}

/// All orders of a buyer, by id.
fn whole_history(client: &mut Client, name: &str, token: &str) -> HashMap<String, Value> {
    let mut orders = HashMap::new();
    let mut before: Option<String> = None;
    loop {
        let page = client.history(name, token, before.as_deref());
        let Some(last) = page.last() else {
            return orders;
        };
        before = Some(last["order_id"].as_str().unwrap().to_owned());
        for order in page {
            let id = order["order_id"].as_str().unwrap().to_owned();
            assert!(
                orders.insert(id, order).is_none(),
                "an order is there twice"
            );
        }
    }
}

/// Checks a buyer's history against what he was told. Returns what he has paid.
fn check(client: &mut Client, buyer: usize, known: &Acknowledged) -> i64 {
    let name = format!("buyer-{buyer}");
    let token = client.login(&name, &name);
    let orders = whole_history(client, &name, &token);
    for (id, at_least) in &known.states {
        let order = orders
            .get(id)
            .unwrap_or_else(|| panic!("the order {id} is lost"));
        let state = order["state"].as_str().unwrap();
        // What was answered as placed may have gone on without an answer.
        let is_kept = state == *at_least || *at_least == "placed";
        assert!(is_kept, "the order {id} was {at_least} and is {state}");
    }
    let unknown = orders.len() - known.states.len();
    assert!(
        unknown <= usize::from(known.is_order_open),
        "{unknown} orders nobody placed"
    );
    let paid = orders.values().filter(|order| order["state"] == "paid");
    let paid: i64 = paid
        .map(|order| order["total_price"].as_i64().unwrap())
        .sum();
    assert_eq!(
        client.balance(&name, &token),
        FUNDS - paid,
        "the money of {name}"
    );
    paid
}

#[test]
fn nothing_that_was_answered_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &books::make(folder.path()), "made");
    let server = Server::start(folder.path(), &[]);
    let address = server.address.to_string();
    let answers = AtomicU64::new(0);
    let ready = Barrier::new(BUYERS);
    let known: Vec<Acknowledged> = thread::scope(|scope| {
        let loads: Vec<_> = (0..BUYERS)
            .map(|buyer| {
                let (address, ready, answers) = (&address, &ready, &answers);
                scope.spawn(move || load(address, buyer, ready, answers))
            })
            .collect();
        let began = Instant::now();
        while answers.load(Ordering::Relaxed) < ANSWERS_BEFORE_CRASH {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "the load gets no answers"
            );
            thread::sleep(Duration::from_millis(1));
        }
        server.crash();
        loads.into_iter().map(|load| load.join().unwrap()).collect()
    });

    let server = Server::start(folder.path(), &[]);
    audit(folder.path());
    let mut client = server.client();
    let all: Vec<_> = known.iter().enumerate().collect();
    let paid: i64 = all
        .into_iter()
        .map(|(buyer, known)| check(&mut client, buyer, known))
        .sum();
    let seller = client.login("seller", "seller");
    assert_eq!(client.balance("seller", &seller), paid);
    buy(&server, "made", "book-1", 1_000);
    audit(folder.path());
    server.stop();
}

#[test]
fn deadlines_that_pass_while_the_server_is_down_count() {
    let folder = tempfile::tempdir().unwrap();
    let timeout = ["--payment-timeout", "2s"];
    let server = Server::start(folder.path(), &timeout);
    let mut client = server.client();
    let seller = client.join("seller");
    client.open_store("seller", &seller, "s", &["b"], 5);
    let token = client.join("buyer");
    let order = json!({"user_id": "buyer", "store_id": "s", "books": [{"id": "b", "count": 5}]});
    let placed_by = Instant::now();
    let id = client.post("/buyer/new_order", &token, &order).ok()["order_id"].clone();
    assert_eq!(client.post("/buyer/new_order", &token, &order).status, 517);
    server.crash();
    // Two seconds of the machine's own clock, which nobody here can turn.
    thread::sleep(Duration::from_secs(2).saturating_sub(placed_by.elapsed()));
    thread::sleep(Duration::from_millis(50));

    let server = Server::start(folder.path(), &timeout);
    let mut client = server.client();
    let question = json!({"order_id": id});
    assert_eq!(
        client
            .post("/buyer/is_order_cancelled", &token, &question)
            .status,
        200
    );
    while client.post("/buyer/new_order", &token, &order).status != 200 {
        let since = server.since.elapsed();
        assert!(
            since < Duration::from_secs(1),
            "the stock is not back after {since:?}"
        );
        thread::sleep(Duration::from_millis(10));
    }
    let history = client.history("buyer", &token, None);
    let states: Vec<_> = history
        .iter()
        .map(|order| order["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["placed", "cancelled"]);
    audit(folder.path());
    server.stop();
}
