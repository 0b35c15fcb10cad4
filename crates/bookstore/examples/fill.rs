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

mod filling;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use app::{App, Password, Settings};
use domain::{AddListing, BookId, CreateStore, ListingKey, Picture, UserId};
use filling::{SteppedClock, each, open, run};
use made::{Made, Row, STORES};
use storage::Storage;

const SELLERS: u32 = 100;
/// When the first book is listed: 2024-01-01.
const BEGIN_MILLIS: i64 = 1_704_067_200_000;
/// How long after each book the next is listed, so that a million of them take four months.
const STEP_MILLIS: i64 = 10_000;

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
    let clock = SteppedClock::new(BEGIN_MILLIS);
    let storage = open(&place, clock.clone()).await?;
    open_stores(&storage, &clock).await?;
    list_books(&storage, &clock, made).await?;
    storage.close().await?;
    println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn seller(store: u32) -> anyhow::Result<UserId> {
    Ok(UserId::new(format!("seller-{}", store % SELLERS))?)
}

async fn open_stores(storage: &Arc<dyn Storage>, clock: &Arc<SteppedClock>) -> anyhow::Result<()> {
    let app = App::new(storage.clone(), clock.clone(), Settings::default()).await?;
    for number in 0..SELLERS {
        let user = seller(number)?;
        let password = Password::new(user.as_str()).context("a name is a password")?;
        let registered = app.register(user, password).await;
        registered.map_err(|problem| anyhow!("is it empty? {problem:?}"))?;
    }
    each(0..STORES, "stores", |store| {
        let storage = storage.clone();
        async move {
            let operation = CreateStore {
                owner: seller(store)?,
                store: made::store_id(store),
            };
            run(&*storage, operation).await
        }
    })
    .await
}

async fn list_books(
    storage: &Arc<dyn Storage>,
    clock: &Arc<SteppedClock>,
    made: Made,
) -> anyhow::Result<()> {
    let cover = Arc::new(cover()?);
    each(made::rows(made), "listings", |row| {
        clock.step(STEP_MILLIS);
        let (storage, cover) = (storage.clone(), cover.clone());
        // Made in the task, since that takes as long as storing it.
        async move { run(&*storage, listing(row, cover)?).await }
    })
    .await
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
