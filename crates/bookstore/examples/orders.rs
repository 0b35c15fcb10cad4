//! Fills a shop that `loadgen setup` has made with more of `loadgen`'s buyers and with paid orders, so
//! that a server can be measured over a long history: 5,000,000 orders of 100,000 buyers where
//! nobody says otherwise. The same each time, but for the orders' ids.
//!
//! `cargo run --release -p bookstore --example orders -- FOLDER [ORDERS [BUYERS]]`; for `FOLDER` a
//! `mongodb://` URL may stand. No server may be using it. Passwords are hashed as cheaply as can
//! be: for trials alone.

#![expect(clippy::print_stdout, reason = "it is there to tell how far it is")]

mod filling;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use domain::account::RegisterRefusal;
use domain::{
    AddFunds, Basket, BookId, Clock, Count, Fen, OrderId, PasswordHash, PayOrder, PlaceOrder,
    Refused, Register, Request, StoreId, Timestamp, UserId,
};
use filling::{SteppedClock, each, open, run};
use storage::Storage;

/// What `loadgen setup` makes where nobody says otherwise.
const STORES: u64 = 4;
const BOOKS: u64 = 1_000;
const BOOKS_PER_ORDER_MAX: u64 = 9;
const FUNDS_FEN: i64 = 1_000_000_000;
/// When the first order is placed: 2026-01-01.
const BEGIN_MILLIS: i64 = 1_767_225_600_000;
/// Orders lie this far apart, so that five millions take two months.
const STEP_MILLIS: i64 = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().context("say where: a folder or a URL")?;
    let mut number = |default: u64| match arguments.next() {
        Some(argument) => argument.parse().context("a number is expected"),
        None => Ok(default),
    };
    let (orders, buyers) = (number(5_000_000)?, number(100_000)?);
    let clock = SteppedClock::new(BEGIN_MILLIS);
    let storage = open(&place, clock.clone()).await?;
    let begun = Instant::now();
    each(0..buyers, "buyers", |number| join(storage.clone(), number)).await?;
    each(0..orders, "orders", |number| {
        clock.step(STEP_MILLIS);
        order(storage.clone(), clock.now(), number, buyers)
    })
    .await?;
    storage.close().await?;
    println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn buyer(number: u64) -> anyhow::Result<UserId> {
    Ok(UserId::new(format!("load1-buyer-{number}"))?)
}

/// Opens a buyer's account and fills it. Those that are there already stay.
async fn join(storage: Arc<dyn Storage>, number: u64) -> anyhow::Result<()> {
    let user = buyer(number)?;
    let register = Register {
        user: user.clone(),
        password_hash: hash(&format!("password of {user}"))?,
    };
    let registered = storage::run(&*storage, Request::unproved(register)).await?;
    match registered {
        Ok(_) => {}
        Err(Refused::Rule(RegisterRefusal::UserExists(_))) => return Ok(()),
        Err(refused) => return Err(anyhow!("refused: {refused:?}")),
    }
    let amount = Fen::new(FUNDS_FEN);
    run(&*storage, AddFunds { user, amount }).await
}

fn hash(password: &str) -> anyhow::Result<PasswordHash> {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes());
    let hash = hash.map_err(|error| anyhow!("a password can't be hashed: {error}"))?;
    Ok(PasswordHash::new(hash.to_string()))
}

/// Steele and Lea's mixing: numbers in a row become numbers that look random.
fn mix(number: u64) -> u64 {
    let number = (number.wrapping_add(1)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Places an order and pays it.
async fn order(
    storage: Arc<dyn Storage>,
    now: Timestamp,
    number: u64,
    buyers: u64,
) -> anyhow::Result<()> {
    let drawn = mix(number);
    let random: [u8; 10] = std::array::from_fn(|byte| mix(drawn ^ byte as u64).to_le_bytes()[0]);
    let (id, buyer) = (OrderId::new(now, random), buyer(drawn % buyers)?);
    let books = 1 + mix(drawn) % BOOKS_PER_ORDER_MAX;
    let line = |line| {
        // Far apart, so that none comes twice.
        let book = (drawn / STORES + line * (BOOKS / BOOKS_PER_ORDER_MAX)) % BOOKS;
        anyhow::Ok((BookId::new(format!("load1-book-{book}"))?, Count::new(1)?))
    };
    let wanted: Vec<_> = (0..books).map(line).collect::<anyhow::Result<_>>()?;
    let place = PlaceOrder {
        id,
        buyer: buyer.clone(),
        store: StoreId::new(format!("load1-store-{}", drawn % STORES))?,
        basket: Basket::new(wanted)?,
        address: None,
        // Each order moves the clock on, and many are under way at once.
        payment_timeout: Duration::from_secs(24 * 60 * 60),
    };
    let placed = run(&*storage, place).await;
    placed.context("run `loadgen setup` on it first")?;
    run(&*storage, PayOrder { order: id, buyer }).await
}
