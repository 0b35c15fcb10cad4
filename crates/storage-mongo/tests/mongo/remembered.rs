//! What a process remembers of listings and orders: it spares reading them, and nobody is answered
//! by it where another process has changed them since.

use std::time::Duration;

use domain::order::{PayOrder, PayOrderRefusal, PlaceOrderRefusal};
use domain::{CancelUntil, Fen, OrderId, Request};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use storage::conformance::requests::{self, book, place, stock, store};
use storage::conformance::shop::{BOOK, BUYER, SELLER, STORE, Shop, done, rule};

use crate::conformance::Place;
use crate::meeting::meet;
use crate::server::{database, fresh_name, shared};

/// Copies of the book `wanted` at the beginning.
const WANTED: i64 = 10;

/// Two processes over one database. The first has a book in mind, since an order of it has taken
/// one of its ten copies.
async fn two() -> Option<(Shop, Shop, Database)> {
    let server = shared()?;
    let name = fresh_name();
    let one = Shop::open(Place(server.url(&name))).await;
    let other = Shop::open(Place(server.url(&name))).await;
    other.clock.advance(Duration::from_millis(1));
    one.with_book().await;
    one.given_listing(STORE, "wanted", 1, WANTED).await;
    one.given_order(BUYER, STORE, &[("wanted", 1)]).await;
    Some((one, other, database(server, &name).await))
}

async fn close(one: Shop, other: Shop) {
    one.close().await;
    other.storage().close().await.expect("the engine closes");
}

/// Orders copies of the book, and says what that comes to.
async fn order(
    shop: &Shop,
    count: i64,
) -> Result<domain::Answer<()>, domain::Refused<PlaceOrderRefusal>> {
    let id = shop.next_order_id();
    shop.place(id, BUYER, STORE, &[("wanted", count)]).await
}

fn too_low(left: i64) -> Result<domain::Answer<()>, domain::Refused<PlaceOrderRefusal>> {
    rule(PlaceOrderRefusal::StockTooLow {
        book: book("wanted"),
        stock: stock(left),
    })
}

/// How often a collection was read since the server was told to note that.
async fn reads_of(database: &Database, collection: &str) -> u64 {
    let filter = doc! { "op": "query", "ns": format!("{}.{collection}", database.name()) };
    let profile = database.collection::<Document>("system.profile");
    profile.count_documents(filter).await.expect("no failure")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_in_mind_is_not_read_again() {
    let Some((one, other, database)) = two().await else {
        return;
    };
    let profiling = database.run_command(doc! { "profile": 2 }).await;
    profiling.expect("no failure");
    assert_eq!(order(&one, 1).await, done());
    assert_eq!(reads_of(&database, "listings").await, 0);
    assert_eq!(reads_of(&database, "stores").await, 0);
    assert_eq!(order(&other, 1).await, done());
    assert_eq!(reads_of(&database, "listings").await, 1);
    assert_eq!(reads_of(&database, "stores").await, 1);
    let profiling = database.run_command(doc! { "profile": 0 }).await;
    profiling.expect("no failure");
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_changed_elsewhere_is_what_the_next_order_costs() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    for fen in [7, 8] {
        let mut dearer = requests::update_listing(SELLER, STORE, "wanted");
        dearer.price = Some(requests::price(fen));
        assert_eq!(other.update_listing(dearer).await, done());
        let order = one.given_order(BUYER, STORE, &[("wanted", 2)]).await;
        assert_eq!(one.order(order).await.total, Fen::new(2 * fen));
    }
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_changed_while_an_order_is_under_way_is_what_it_costs() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    let mut dearer = requests::update_listing(SELLER, STORE, "wanted");
    dearer.price = Some(requests::price(7));
    let id = one.next_order_id();
    let placing = place(id, BUYER, STORE, &[("wanted", 2), (BOOK, 1)]);
    let placing = Request::proved(one.proof(BUYER).await, placing);
    let (placed, changed) = meet(&one, placing, other.update_listing(dearer)).await;
    assert_eq!((placed, changed), (done(), done()));
    assert_eq!(one.order(id).await.total, Fen::new(2 * 7 + 100));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_taken_off_the_shelves_elsewhere_is_not_sold() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    let mut gone = requests::update_listing(SELLER, STORE, "wanted");
    gone.is_listed = Some(false);
    assert_eq!(other.update_listing(gone).await, done());
    let no_book = PlaceOrderRefusal::NoBook(book("wanted"));
    assert_eq!(order(&one, 1).await, rule(no_book));
    let mut back = requests::update_listing(SELLER, STORE, "wanted");
    back.is_listed = Some(true);
    assert_eq!(other.update_listing(back).await, done());
    assert_eq!(order(&one, 1).await, done());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_sold_elsewhere_are_not_sold_again() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    // Of ten the first process knows that one is sold.
    assert_eq!(order(&other, 7).await, done());
    assert_eq!(order(&one, 3).await, too_low(2));
    assert_eq!(order(&other, 1).await, done());
    assert_eq!(order(&one, 2).await, too_low(1));
    // Just as many as there are, which takes the book out of stock.
    assert_eq!(order(&one, 1).await, done());
    assert_eq!(one.stock(STORE, "wanted").await, 0);
    assert_eq!(order(&other, 1).await, too_low(0));
    one.audit().await;
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_copies_in_mind_may_not_be_there_any_more() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    assert_eq!(order(&other, 1).await, done());
    assert_eq!(order(&one, WANTED - 1).await, too_low(WANTED - 2));
    assert_eq!(order(&one, WANTED - 2).await, done());
    assert_eq!(one.stock(STORE, "wanted").await, 0);
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_came_back_elsewhere_can_be_ordered() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    let cancelled = one
        .given_order(BUYER, STORE, &[("wanted", WANTED - 1)])
        .await;
    // The first process has none in mind now.
    let cancelling = other.cancel(BUYER, cancelled, CancelUntil::Received);
    assert_eq!(cancelling.await, done());
    assert_eq!(order(&one, WANTED - 2).await, done());
    assert_eq!(order(&one, 1).await, done());
    assert_eq!(order(&one, 1).await, too_low(0));
    one.audit().await;
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_closed_elsewhere_sells_nothing_that_is_in_mind() {
    let Some((one, other, _)) = two().await else {
        return;
    };
    // An open order would keep it open.
    for order in one
        .orders(storage::OrderParty::Buyer(requests::user(BUYER)))
        .await
    {
        let cancelling = one.cancel(BUYER, order.id, CancelUntil::Received);
        assert_eq!(cancelling.await, done());
    }
    assert_eq!(other.unregister(SELLER).await, done());
    let no_store = PlaceOrderRefusal::NoStore(store(STORE));
    assert_eq!(order(&one, 1).await, rule(no_store));
    close(one, other).await;
}

/// Two processes, and an order that the first has in mind since it has placed it.
async fn two_with_order() -> Option<(Shop, Shop, Database, OrderId)> {
    let (one, other, database) = two().await?;
    let order = one.given_order(BUYER, STORE, &[("wanted", 2)]).await;
    Some((one, other, database, order))
}

fn not_placed(order: OrderId) -> Result<domain::Answer<()>, domain::Refused<PayOrderRefusal>> {
    rule(PayOrderRefusal::NotPlaced(order))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_mind_is_not_read_again() {
    let Some((one, other, database, order)) = two_with_order().await else {
        return;
    };
    let second = one.given_order(BUYER, STORE, &[("wanted", 1)]).await;
    let profiling = database.run_command(doc! { "profile": 2 }).await;
    profiling.expect("no failure");
    assert_eq!(one.pay(BUYER, order).await, done());
    assert_eq!(reads_of(&database, "orders").await, 0);
    // Once for the proof, and once for both its parties.
    assert_eq!(reads_of(&database, "accounts").await, 2);
    assert_eq!(other.pay(BUYER, second).await, done());
    assert_eq!(reads_of(&database, "orders").await, 1);
    let profiling = database.run_command(doc! { "profile": 0 }).await;
    profiling.expect("no failure");
    one.audit().await;
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_elsewhere_is_not_paid_again() {
    let Some((one, other, _, order)) = two_with_order().await else {
        return;
    };
    assert_eq!(other.pay(BUYER, order).await, done());
    for _ in 0..2 {
        assert_eq!(one.pay(BUYER, order).await, not_placed(order));
    }
    one.audit().await;
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_cancelled_elsewhere_is_neither_paid_nor_cancelled_again() {
    let Some((one, other, _, order)) = two_with_order().await else {
        return;
    };
    let left = one.stock(STORE, "wanted").await;
    let cancelling = other.cancel(BUYER, order, CancelUntil::Received);
    assert_eq!(cancelling.await, done());
    assert_eq!(one.pay(BUYER, order).await, not_placed(order));
    let again = one.cancel(BUYER, order, CancelUntil::Received).await;
    assert!(again.is_err(), "{again:?}");
    assert_eq!(one.stock(STORE, "wanted").await, left + 2);
    one.audit().await;
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_it_is_being_paid_by_what_is_in_mind() {
    let Some((one, other, _, order)) = two_with_order().await else {
        return;
    };
    let paying = PayOrder {
        order,
        buyer: requests::user(BUYER),
    };
    let paying = Request::proved(one.proof(BUYER).await, paying);
    let cancelling = other.cancel(BUYER, order, CancelUntil::Sent);
    let (paid, cancelled) = meet(&one, paying, cancelling).await;
    assert_eq!((paid, cancelled), (not_placed(order), done()));
    one.audit().await;
    close(one, other).await;
}
