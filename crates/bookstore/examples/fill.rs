//! Fills an empty shop with the made-up catalogue of search's benchmark, so that a server can be
//! measured over it: 1,000,000 listings of 200,000 texts in 10,000 stores where nobody says otherwise.
//! The same each time, but for the times of listing.
//!
//! `cargo run --release -p bookstore --example fill -- FOLDER [TEXTS [LISTINGS]]`; for `FOLDER` a
//! `mongodb://` URL may stand. The stores belong to `seller-0` to `seller-99`, whose passwords are
//! their names: for trials alone.

#![expect(clippy::print_stdout, reason = "it is there to tell how far it is")]

#[path = "../../search/examples/benchmark/made.rs"]
#[expect(dead_code, reason = "search's benchmark uses the rest of it")]
mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow};
use app::{App, Password, Settings};
use domain::{
    AddListing, BookId, Clock, CreateStore, ListingKey, Picture, Request, Timestamp, UserId,
};
use made::{Made, Row, STORES};
use storage::Storage;
use storage_mongo::MongoStorage;
use storage_sqlite::{Options, SqliteStorage};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SELLERS: u32 = 100;
/// How many operations are under way at once.
const UNDER_WAY_MAX: usize = 1_024;
const TELL_EVERY: u32 = 100_000;
/// When the first book is listed: 2024-01-01.
const BEGIN_MILLIS: i64 = 1_704_067_200_000;
/// How long after each book the next is listed, so that a million of them take four months.
const STEP_MILLIS: i64 = 10_000;

/// A clock that goes on with each book.
#[derive(Default)]
struct BookClock(AtomicI64);

impl Clock for BookClock {
    fn now(&self) -> Timestamp {
        let books = self.0.load(Ordering::Relaxed);
        Timestamp::from_millis(BEGIN_MILLIS + books * STEP_MILLIS)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().context("say where: a folder or a URL")?;
    let mut number = |default: u32| match arguments.next() {
        Some(argument) => argument.parse().context("a number is expected"),
        None => Ok(default),
    };
    let made = Made {
        texts: number(200_000)?,
        listings: number(1_000_000)?,
    };
    let begun = Instant::now();
    let clock = Arc::new(BookClock::default());
    let storage: Arc<dyn Storage> = if place.starts_with("mongodb") {
        Arc::new(MongoStorage::open(&place, clock.clone()).await?)
    } else {
        Arc::new(SqliteStorage::open(Options::new(&place), clock.clone())?)
    };
    open_stores(&storage, &clock).await?;
    list_books(&storage, &clock, made).await?;
    storage.close().await?;
    println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn seller(store: u32) -> anyhow::Result<UserId> {
    Ok(UserId::new(format!("seller-{}", store % SELLERS))?)
}

async fn open_stores(storage: &Arc<dyn Storage>, clock: &Arc<BookClock>) -> anyhow::Result<()> {
    let app = App::new(storage.clone(), clock.clone(), Settings::default()).await?;
    for number in 0..SELLERS {
        let user = seller(number)?;
        let password = Password::new(user.as_str()).context("a name is a password")?;
        let registered = app.register(user, password).await;
        registered.map_err(|problem| anyhow!("is it empty? {problem:?}"))?;
    }
    let mut under_way = JoinSet::new();
    for store in 0..STORES {
        let operation = CreateStore {
            owner: seller(store)?,
            store: made::store_id(store),
        };
        let storage = storage.clone();
        under_way.spawn(async move {
            let done = storage::run(&*storage, Request::unproved(operation)).await?;
            done.map_err(|refused| anyhow!("refused: {refused:?}"))?;
            anyhow::Ok(())
        });
        wait_for_room(&mut under_way, UNDER_WAY_MAX).await?;
    }
    wait_for_room(&mut under_way, 1).await
}

async fn list_books(
    storage: &Arc<dyn Storage>,
    clock: &Arc<BookClock>,
    made: Made,
) -> anyhow::Result<()> {
    let cover = Arc::new(cover()?);
    let mut under_way = JoinSet::new();
    for (number, row) in (0..).zip(made::rows(made)) {
        let (storage, cover) = (storage.clone(), cover.clone());
        // Made in the task, since that takes as long as storing it.
        under_way.spawn(async move {
            let listing = listing(row, cover)?;
            let done = storage::run(&*storage, Request::unproved(listing)).await?;
            done.map_err(|refused| anyhow!("refused: {refused:?}"))?;
            Ok(())
        });
        wait_for_room(&mut under_way, UNDER_WAY_MAX).await?;
        clock.0.store(i64::from(number), Ordering::Relaxed);
        if number % TELL_EVERY == 0 {
            println!("{number} of {} listings", made.listings);
        }
    }
    wait_for_room(&mut under_way, 1).await
}

/// Waits until fewer than `max` are under way.
async fn wait_for_room(
    under_way: &mut JoinSet<anyhow::Result<()>>,
    max: usize,
) -> anyhow::Result<()> {
    while under_way.len() >= max {
        if let Some(ended) = under_way.join_next().await {
            ended??;
        }
    }
    Ok(())
}

fn listing(row: Row, cover: Arc<Picture>) -> anyhow::Result<AddListing> {
    Ok(AddListing {
        user: seller(row.store)?,
        key: ListingKey {
            store: made::store_id(row.store),
            book: BookId::new(row.text.to_string())?,
        },
        text: Arc::new(made::text(row.text)),
        pictures: vec![cover],
        price: row.price,
        stock: row.stock,
    })
}

/// The smallest GIF, one grey dot: the cover of all books.
fn cover() -> anyhow::Result<Picture> {
    let mut bytes = b"GIF89a\x01\0\x01\0\x80\0\0\x99\x99\x99\0\0\0".to_vec();
    bytes.extend(b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;");
    Picture::new(bytes).context("it is a picture")
}
