//! What the engine's step costs: batches of orders and payments, made durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::{
    AddFunds, AddListing, Basket, BookId, BookText, Count, CreateStore, Fen, ListingKey, Operation,
    OrderId, PasswordHash, PayOrder, PlaceOrder, Price, Register, Request, Stock, StoreId, UserId,
};
use storage::Storage;
use storage::model::ManualClock;
use storage_sqlite::{Options, SqliteStorage};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const BUYERS: u64 = 256;
const BOOKS: u64 = 1_000;
const BOOKS_PER_ORDER: u64 = 5;

async fn run<O>(storage: &dyn Storage, operation: O)
where
    O: Operation + Send + 'static,
    O::Done: Send,
    O::Refusal: Send + std::fmt::Debug,
{
    let done = storage::run(storage, Request::unproved(operation)).await;
    drop(done.expect("no failure").expect("no refusal"));
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("an id")
}

fn buyer(number: u64) -> UserId {
    user(&format!("buyer-{}", number % BUYERS))
}

fn key(book: u64) -> ListingKey {
    ListingKey {
        store: StoreId::new("store").expect("an id"),
        book: BookId::new(format!("book-{book}")).expect("an id"),
    }
}

fn text(book: u64) -> Arc<BookText> {
    let title = format!("Book {book}");
    let fields = domain::book::BookFields {
        title,
        ..domain::book::BookFields::default()
    };
    Arc::new(BookText::new(fields).expect("a text"))
}

async fn fill(storage: &dyn Storage) {
    let names = (0..BUYERS).map(buyer).chain([user("seller")]);
    for user in names {
        let password_hash = PasswordHash::new("hash");
        let amount = Fen::new(1_000_000_000);
        let register = Register {
            user: user.clone(),
            password_hash,
        };
        run(storage, register).await;
        run(storage, AddFunds { user, amount }).await;
    }
    let open = CreateStore {
        owner: user("seller"),
        store: key(0).store,
    };
    run(storage, open).await;
    for book in 0..BOOKS {
        let listing = AddListing {
            user: user("seller"),
            key: key(book),
            text: text(book),
            pictures: Vec::new(),
            price: Price::new(100).expect("a price"),
            stock: Stock::new(1_000_000).expect("a stock"),
        };
        run(storage, listing).await;
    }
}

/// Places an order and pays it.
async fn pair(storage: Arc<SqliteStorage>, clock: Arc<ManualClock>, number: u64) {
    let bytes = number.to_be_bytes();
    let random = std::array::from_fn(|place| bytes.get(place).copied().unwrap_or(0));
    let id = OrderId::new(domain::Clock::now(&*clock), random);
    let first = number.wrapping_mul(7_919);
    let wanted = (0..BOOKS_PER_ORDER).map(|line| {
        let book = (first + line * (BOOKS / BOOKS_PER_ORDER)) % BOOKS;
        (key(book).book, Count::new(1).expect("a count"))
    });
    let place = PlaceOrder {
        id,
        buyer: buyer(number),
        store: key(0).store,
        basket: Basket::new(wanted.collect()).expect("a basket"),
        address: None,
        payment_timeout: Duration::from_secs(1_800),
    };
    run(&*storage, place).await;
    let pay = PayOrder {
        order: id,
        buyer: buyer(number),
    };
    run(&*storage, pay).await;
}

fn engine(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::default());
    let opened = SqliteStorage::open(Options::new(directory.path()), clock.clone());
    let storage = Arc::new(opened.expect("it opens"));
    runtime.block_on(fill(&*storage));
    let pairs = AtomicU64::new(0);
    let mut group = criterion.benchmark_group("engine/pairs at once");
    for at_once in [1_u64, 64, 256] {
        group.throughput(Throughput::Elements(at_once));
        group.bench_with_input(
            BenchmarkId::from_parameter(at_once),
            &at_once,
            |bencher, at_once| {
                bencher.to_async(&runtime).iter(|| {
                    let (storage, clock) = (storage.clone(), clock.clone());
                    let first = pairs.fetch_add(*at_once, Ordering::Relaxed);
                    async move {
                        let mut under_way = JoinSet::new();
                        for number in first..first + at_once {
                            under_way.spawn(pair(storage.clone(), clock.clone(), number));
                        }
                        under_way.join_all().await
                    }
                });
            },
        );
    }
    group.finish();
    runtime.block_on(storage.close()).expect("it closes");
}

criterion_group!(benches, engine);
criterion_main!(benches);
