//! Measures search over HTTP, at a server whose shop `fill` has filled: the kinds of searches that
//! search's own benchmark measures in the crate. Never a test: it judges nothing.
//!
//! `cargo run --release -p bookstore --example ask -- ADDRESS [SECONDS [CHANGES]]`: for so long each
//! kind, while so many listings change each second (none where nobody says).

#![expect(clippy::print_stdout, reason = "it is there to tell what it measured")]

#[path = "../../search/examples/benchmark/kinds.rs"]
mod kinds;
#[path = "../../search/examples/benchmark/made.rs"]
#[expect(dead_code, reason = "filling uses the rest of it")]
mod made;
#[path = "../../search/examples/benchmark/measure.rs"]
#[expect(dead_code, reason = "search's benchmark uses the rest of it")]
mod measure;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kinds::Asks;
use measure::{report, row};
use serde_json::{Value, json};

/// How often it is measured how long a book takes to become visible.
const ADDED: u64 = 20;
const SELLER: &str = "seller-0";
/// Its biggest store, and a book that every store has.
const STORE: &str = "s0";
const BOOK: &str = "0";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("say where the server listens")?;
    let address: SocketAddr = address.parse()?;
    let mut number = |default: u64| match arguments.next() {
        Some(argument) => argument.parse().context("a number is expected"),
        None => Ok(default),
    };
    let each = Duration::from_secs(number(2)?);
    let changes = number(0)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = scope.spawn(|| change(address, changes, &is_over));
        let measured = measure_all(address, each);
        is_over.store(true, Ordering::Relaxed);
        let changed = changing.join();
        measured?;
        println!("listings changed meanwhile: {}", changed.unwrap_or(Ok(0))?);
        Ok(())
    })
}

fn measure_all(address: SocketAddr, each: Duration) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    println!("{}", measure::HEAD);
    for kind in kinds::all() {
        let keywords = kind.keywords.iter();
        let bodies: Vec<Value> = keywords.map(|keyword| body(keyword, kind.asks)).collect();
        let total = client.post("/buyer/search", "", &bodies[0])?.json()?["total"].as_u64();
        let times = report(each, |time| {
            let body = &bodies[time % bodies.len()];
            client.post("/buyer/search", "", body).map(drop)
        })?;
        println!("{}", row(kind.name, total, &times));
    }
    let beginnings = kinds::beginnings().into_iter();
    let paths: Vec<String> = beginnings
        .map(|beginning| format!("/api/v1/suggest?q={}", encoded(&beginning)))
        .collect();
    let times = report(each, |time| {
        client.get(&paths[time % paths.len()]).map(drop)
    })?;
    println!("{}", row("completion", None, &times));
    let mut delays = Vec::new();
    let token = client.log_in()?;
    let run = std::process::id();
    for number in 0..ADDED {
        let title = format!("visible {run} {number}");
        let info = json!({"id": title, "title": title, "price": 100});
        let book = json!({"user_id": SELLER, "store_id": STORE, "book_info": info});
        let begun = Instant::now();
        client.post("/seller/add_book", &token, &book)?;
        let search = json!({"keyword": title, "scope": "title", "store_id": STORE});
        while client.post("/buyer/search", "", &search)?.json()?["books"][0]["id"] != title {}
        delays.push(begun.elapsed());
    }
    delays.sort_unstable();
    println!("{}", row("added until visible", None, &delays));
    Ok(())
}

fn body(keyword: &str, asks: Asks) -> Value {
    let mut body = json!({"keyword": keyword, "facets": asks.facets});
    if let Some(store) = asks.store {
        body["store_id"] = store.into();
    }
    if let Some(page) = asks.page {
        body["page"] = page.into();
    }
    if asks.is_by_price {
        body["sort"] = "price".into();
    }
    if let Some((low, high)) = asks.prices {
        body["min_price"] = low.into();
        body["max_price"] = high.into();
        body["in_stock"] = true.into();
    }
    body
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Changes so many listings each second: mostly a price, one in four times a title.
fn change(address: SocketAddr, a_second: u64, is_over: &AtomicBool) -> anyhow::Result<u64> {
    let Some(pause) = 1_000_u64.checked_div(a_second) else {
        return Ok(0);
    };
    let mut client = Client::connect(address)?;
    let token = client.log_in()?;
    let mut changes = 0;
    while !is_over.load(Ordering::Relaxed) {
        let info = if changes % 4 == 0 {
            json!({"title": format!("title {changes}")})
        } else {
            json!({"price": 1_000 + changes % 1_000})
        };
        let update = json!({
            "user_id": SELLER, "store_id": STORE, "book_id": BOOK, "book_info": info,
        });
        client.post("/seller/update_book", &token, &update)?;
        changes += 1;
        thread::sleep(Duration::from_millis(pause));
    }
    Ok(changes)
}

/// One connection: as much of HTTP as is needed.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn log_in(&mut self) -> anyhow::Result<String> {
        let body = json!({"user_id": SELLER, "password": SELLER, "terminal": "ask"});
        let answer = self.post("/auth/login", "", &body)?.json()?;
        let token = answer["token"].as_str().context("there is no token")?;
        Ok(token.to_owned())
    }

    fn post(&mut self, path: &str, token: &str, body: &Value) -> anyhow::Result<Answer> {
        let body = body.to_string();
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: ask\r\nContent-Type: application/json\r\n\
             token: {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: ask\r\n\r\n"))
    }

    fn ask(&mut self, request: &str) -> anyhow::Result<Answer> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.0.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse()?;
                }
            } else {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        if !status.starts_with("HTTP/1.1 200") {
            bail!("{}: {}", status.trim(), String::from_utf8_lossy(&body));
        }
        Ok(Answer(body))
    }
}

/// The body of an answer, to be read outside of what is measured.
struct Answer(Vec<u8>);

impl Answer {
    fn json(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.0)?)
    }
}
