//! Filling an empty shop, by the same use cases that everybody has.

use std::fmt::Debug;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use app::orders::NewOrder;
use app::{App, Bearer, Problem};
use domain::{
    AddListing, Address, Basket, BookId, Count, Fen, ListingKey, OrderId, OrderStatus, Picture,
    Price, Stock, StoreId, TerminalName, Tracking,
};

use super::books::{Classic, classics};
use super::{BUYER, SELLER, cover, credentials, password, user};

/// What the reader begins with: 2,000 yuan.
const FUNDS: Fen = Fen::new(200_000);

/// A store: its name, what share of the books it has, and how dear it is, in hundredths.
struct Shop {
    id: &'static str,
    every: usize,
    phase: usize,
    price_hundredths: i64,
}

const STORES: [Shop; 3] = [
    Shop {
        id: "河畔书屋",
        every: 1,
        phase: 0,
        price_hundredths: 100,
    },
    Shop {
        id: "Lantern Books",
        every: 2,
        phase: 1,
        price_hundredths: 94,
    },
    Shop {
        id: "Old Harbour Second-hand",
        every: 3,
        phase: 0,
        price_hundredths: 61,
    },
];

/// Books by id, with how many copies of each.
type Books = &'static [(&'static str, i64)];

/// What the reader has ordered so far: where, what, and how far it came.
const ORDERS: [(&str, Books, OrderStatus); 6] = [
    (
        "Lantern Books",
        &[("taohuashan", 1)],
        OrderStatus::Cancelled,
    ),
    (
        "河畔书屋",
        &[("shanhaijing", 1), ("liaozhai", 1)],
        OrderStatus::Received,
    ),
    (
        "Old Harbour Second-hand",
        &[("scarlet", 1)],
        OrderStatus::Received,
    ),
    (
        "河畔书屋",
        &[("tangshi", 1), ("songci", 1), ("chuci", 1)],
        OrderStatus::Sent,
    ),
    ("河畔书屋", &[("mobydick", 2)], OrderStatus::Paid),
    ("Lantern Books", &[("emma", 1)], OrderStatus::Placed),
];

/// A refusal here is a mistake in the demonstration.
fn done<T, R: Debug>(outcome: Result<T, Problem<R>>) -> anyhow::Result<T> {
    outcome.map_err(|problem| anyhow!("{problem:?}"))
}

/// Fills it.
pub async fn fill(app: &Arc<App>) -> anyhow::Result<()> {
    for name in [BUYER, SELLER] {
        done(app.register(user(name)?, password()?).await)?;
    }
    let seller = sign_in(app, SELLER).await?;
    for store in &STORES {
        let id = StoreId::new(store.id)?;
        done(app.create_store(&seller, user(SELLER)?, None, id).await)?;
    }
    // Drawing takes a moment, which the async threads don't have.
    let books = tokio::task::spawn_blocking(drawn_classics).await??;
    for (place, (book, cover)) in books.into_iter().enumerate().rev() {
        list(app, &seller, place, &book, &cover).await?;
    }
    done(app.add_funds(&credentials(BUYER)?, None, FUNDS).await)?;
    let buyer = sign_in(app, BUYER).await?;
    for (store, books, status) in ORDERS {
        order(app, &buyer, &seller, store, books, status).await?;
    }
    app.look_at_most_bought().await?;
    Ok(())
}

async fn sign_in(app: &App, name: &str) -> anyhow::Result<Bearer> {
    let terminal = TerminalName::new("demonstration")?;
    let token = done(app.login(&credentials(name)?, terminal).await)?;
    done(app.read_token(&token))
}

/// The books with their covers, drawn by as many threads as the machine has cores.
fn drawn_classics() -> anyhow::Result<Vec<(Classic, Arc<Picture>)>> {
    let books: Vec<(usize, Classic)> = classics()?.into_iter().enumerate().collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = books.chunks(books.len().div_ceil(cores));
    let draw = |part: &[(usize, Classic)]| {
        let draw = |(place, book): &(usize, Classic)| {
            cover::draw(book.id.as_str(), *place, book.is_chinese).map(Arc::new)
        };
        part.iter().map(draw).collect::<anyhow::Result<Vec<_>>>()
    };
    let covers = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || draw(part))).collect();
        let parts = threads.into_iter().map(|thread| {
            let drawn = thread.join();
            drawn.unwrap_or_else(|_| Err(anyhow!("a cover can't be drawn")))
        });
        parts.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let books = books.into_iter().map(|(_, book)| book);
    Ok(books.zip(covers.into_iter().flatten()).collect())
}

/// Puts a book on the shelves of the stores that have it.
async fn list(
    app: &App,
    seller: &Bearer,
    place: usize,
    book: &Classic,
    cover: &Arc<Picture>,
) -> anyhow::Result<()> {
    let text = Arc::new(book.text.clone());
    for (number, store) in STORES.iter().enumerate() {
        if place % store.every != store.phase % store.every {
            continue;
        }
        // To the tenth of a yuan, as prices are.
        let price = book.price.get() * store.price_hundredths / 1_000 * 10;
        let listing = AddListing {
            user: user(SELLER)?,
            key: ListingKey {
                store: StoreId::new(store.id)?,
                book: book.id.clone(),
            },
            text: text.clone(),
            pictures: vec![cover.clone()],
            price: Price::new(price)?,
            stock: Stock::new(stock(place, number))?,
        };
        done(app.add_listing(seller, None, listing).await)?;
    }
    Ok(())
}

/// Mostly some; here and there few or none.
fn stock(place: usize, store: usize) -> i64 {
    match (place + 2 * store) % 11 {
        4 => 2,
        9 if store > 0 => 0,
        other => 6 + 3 * i64::try_from(other).unwrap_or(0),
    }
}

async fn order(
    app: &App,
    buyer: &Bearer,
    seller: &Bearer,
    store: &str,
    books: &[(&str, i64)],
    status: OrderStatus,
) -> anyhow::Result<()> {
    let wanted = books
        .iter()
        .map(|(book, count)| Ok((BookId::new(*book)?, Count::new(*count)?)));
    let address = Address::new("林一", "138 0000 0000", "杭州市西湖区北山街 1 号");
    let address = address.map_err(|(field, why)| anyhow!("{field} {why}"))?;
    let id: OrderId = app.new_order_id();
    let order = NewOrder {
        id,
        store: StoreId::new(store)?,
        basket: Basket::new(wanted.collect::<anyhow::Result<_>>()?)?,
        address: Some(address),
    };
    let placing = app.place_order(buyer, user(BUYER)?, None, order);
    done(placing.await).with_context(|| format!("an order in `{store}`"))?;
    if status == OrderStatus::Cancelled {
        done(app.cancel_order(buyer, user(BUYER)?, None, id).await)?;
        return Ok(());
    }
    if status >= OrderStatus::Paid {
        done(app.pay_order(&credentials(BUYER)?, None, id).await)?;
    }
    if status >= OrderStatus::Sent {
        let tracking = Some(Tracking::new("SF 1234 5678 9012")?);
        done(
            app.send_order(seller, user(SELLER)?, None, id, tracking)
                .await,
        )?;
    }
    if status >= OrderStatus::Received {
        done(app.receive_order(buyer, user(BUYER)?, None, id).await)?;
    }
    Ok(())
}
