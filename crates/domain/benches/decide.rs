//! What a decision costs: an order of five books, and its changes applied.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use domain::{
    Account, Basket, BookId, Count, Epoch, Fen, Key, Listing, ListingDetails, ListingKey,
    Operation, OrderId, PasswordHash, PlaceOrder, Price, Stock, Store, StoreId, TextHash,
    Timestamp, UserId, WorkingSet,
};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const BOOKS: usize = 5;

fn user(name: &str) -> UserId {
    UserId::new(name).expect("an id")
}

fn store() -> StoreId {
    StoreId::new("store").expect("an id")
}

fn book(number: usize) -> BookId {
    BookId::new(format!("book-{number}")).expect("an id")
}

fn account(name: &str) -> Account {
    Account {
        id: user(name),
        password_hash: PasswordHash::new("hash"),
        epoch: Epoch::new(1),
        registered_at: NOW,
        is_closed: false,
        is_used: true,
        balance: Fen::new(1_000_000),
        held: Fen::ZERO,
    }
}

fn listing(number: usize) -> Listing {
    Listing {
        key: ListingKey {
            store: store(),
            book: book(number),
        },
        price: Price::new(1_000).expect("a price"),
        stock: Stock::new(1_000_000).expect("a stock"),
        added: 1_000_000,
        details: Arc::new(ListingDetails {
            text: TextHash::from_bytes([0; 16]),
            title: "A book of some length".into(),
            pictures: Vec::new(),
            is_listed: true,
            listed_at: NOW,
        }),
    }
}

fn rows() -> WorkingSet {
    let mut rows = WorkingSet::default();
    for name in ["buyer", "seller"] {
        rows.accounts.load(user(name), Some(account(name)), 1);
    }
    let opened = Store {
        id: store(),
        owner: user("seller"),
        is_open: true,
        created_at: NOW,
    };
    rows.stores.load(store(), Some(opened), 1);
    for number in 0..BOOKS {
        let listing = listing(number);
        rows.listings.load(listing.key.clone(), Some(listing), 1);
    }
    rows
}

fn order() -> PlaceOrder {
    let wanted = (0..BOOKS).map(|number| (book(number), Count::new(1).expect("a count")));
    PlaceOrder {
        id: OrderId::new(NOW, [7; 10]),
        buyer: user("buyer"),
        store: store(),
        basket: Basket::new(wanted.collect()).expect("a basket"),
        address: None,
        payment_timeout: Duration::from_secs(1_800),
    }
}

fn decide(criterion: &mut Criterion) {
    let (rows, order) = (rows(), order());
    criterion.bench_function("decide/order of 5 books", |bencher| {
        bencher.iter(|| order.decide(&rows, NOW).expect("nothing is in the way"));
    });
    criterion.bench_function("decide/name rows of 5 books", |bencher| {
        bencher.iter(|| {
            let mut keys: Vec<Key> = Vec::new();
            order.name_rows(&mut keys);
            keys
        });
    });
    criterion.bench_function("decide/apply order of 5 books", |bencher| {
        bencher.iter_batched(
            || {
                let fresh = self::rows();
                let decided = order.decide(&fresh, NOW).expect("nothing is in the way");
                (fresh, decided.changes)
            },
            |(mut fresh, changes)| {
                fresh.apply(changes);
                fresh
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
