//! Temporary measurement.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use domain::*;
use storage::{Storage, run};
use storage_sqlite::{Options, SqliteStorage};

struct Real;
impl Clock for Real {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(since.as_millis() as i64)
    }
}

fn rand(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

const STORES: u64 = 4;
const BOOKS: u64 = 1000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = &args[1];
    let tasks: u64 = args[2].parse().unwrap();
    let seconds: u64 = args[3].parse().unwrap();
    let pay = args.get(4).is_some_and(|a| a == "pay");
    let storage: Arc<dyn Storage> =
        Arc::new(SqliteStorage::open(Options::new(dir), Arc::new(Real)).unwrap());
    let user = |s: String| UserId::new(s).unwrap();
    for s in 0..STORES {
        let owner = user(format!("seller-{s}"));
        let _ = run(&*storage, Request::unproved(Register { user: owner.clone(), password_hash: PasswordHash::new("x".repeat(97)) })).await.unwrap();
        let store = StoreId::new(format!("store-{s}")).unwrap();
        let _ = run(&*storage, Request::unproved(CreateStore { owner: owner.clone(), store: store.clone() })).await.unwrap();
        let mut all = Vec::new();
        for b in 0..BOOKS {
            let storage = storage.clone();
            let (owner, store) = (owner.clone(), store.clone());
            all.push(tokio::spawn(async move {
            let text = BookText::new(domain::book::BookFields { title: format!("书名 {b} of the thousand"), content: Some("内容".repeat(1000)), ..Default::default() }).unwrap();
            let _ = run(&*storage, Request::unproved(AddListing { user: owner.clone(), key: ListingKey { store: store.clone(), book: BookId::new(format!("book-{b}")).unwrap() }, text: Arc::new(text), pictures: vec![], price: Price::new(100).unwrap(), stock: Stock::new(1_000_000_000).unwrap() })).await.unwrap();
            }));
            if all.len() > 200 { for t in all.drain(..) { t.await.unwrap(); } }
        }
        for t in all { t.await.unwrap(); }
    }
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut handles = Vec::new();
    for t in 0..tasks {
        let storage = storage.clone();
        let done = done.clone();
        handles.push(tokio::spawn(async move {
            let buyer = UserId::new(format!("buyer-{t}")).unwrap();
            let _ = run(&*storage, Request::unproved(Register { user: buyer.clone(), password_hash: PasswordHash::new("x".repeat(97)) })).await.unwrap();
            let _ = run(&*storage, Request::unproved(AddFunds { user: buyer.clone(), amount: Fen::new(10_000_000_000_000) })).await.unwrap();
            let account = storage.find_account(&buyer).await.unwrap().unwrap();
            let proof = Proof { user: buyer.clone(), epoch: account.epoch, token: Some((TerminalKey { user: buyer.clone(), name: TerminalName::new("t").unwrap() }, Generation::default())) };
            let mut seed = 88172645463325252 ^ (t + 1).wrapping_mul(0x9E3779B97F4A7C15) ^ Real.now().millis() as u64;
            let mut latencies = Vec::new();
            while start.elapsed() < Duration::from_secs(seconds) {
                let store = StoreId::new(format!("store-{}", rand(&mut seed) % STORES)).unwrap();
                let books = (0..5).map(|_| (BookId::new(format!("book-{}", rand(&mut seed) % BOOKS)).unwrap(), Count::new(1).unwrap())).collect();
                let mut random = [0; 10];
                random[..8].copy_from_slice(&rand(&mut seed).to_le_bytes());
                let id = OrderId::new(Real.now(), random);
                let order = PlaceOrder { id, buyer: buyer.clone(), store, basket: Basket::new(books).unwrap(), address: None, payment_timeout: Duration::from_secs(1800) };
                let begun = Instant::now();
                run(&*storage, Request::proved(proof.clone(), order)).await.unwrap().unwrap();
                if pay {
                    run(&*storage, Request::proved(proof.clone(), PayOrder { order: id, buyer: buyer.clone() })).await.unwrap().unwrap();
                }
                latencies.push(begun.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for h in handles { latencies.extend(h.await.unwrap()); }
    let took = start.elapsed().as_secs_f64();
    latencies.sort();
    let n = latencies.len();
    eprintln!("{} orders, {:.0}/s, p50 {:?} p99 {:?} max {:?}", n, n as f64 / took, latencies[n / 2], latencies[n * 99 / 100], latencies[n - 1]);
    let start = Instant::now();
    let report = storage.audit().await.unwrap();
    eprintln!("audit {:?} clean {}", start.elapsed(), report.is_clean());
    for f in report.findings { eprintln!("{} {} {} {:?}", f.check, f.checked, f.wrong, f.shown.first()); }
    storage.close().await.unwrap();
}
