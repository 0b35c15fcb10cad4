//! The sweep: what deadlines do, and when.

use std::time::Duration;

use crate::shop::{Shop, credentials, user};
use app::jobs::{SWEEP_ORDERS_MAX, Swept};
use app::{Problem, Settings};
use domain::account::UnregisterRefusal;
use domain::{Fen, OrderState, OrderStatus};
use tokio::sync::watch;

const TIMEOUT: Duration = Duration::from_secs(30 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_is_cancelled_at_its_deadline_and_its_stock_is_back() {
    let shop = Shop::with_book(Settings::default()).await;
    let order = shop.place(&shop.login("buyer", "t").await, 4).await;
    shop.clock.advance(TIMEOUT - Duration::from_millis(1));
    assert_eq!(shop.app.sweep_once().await.unwrap(), Swept::default());
    let deadline = shop.clock.advance(Duration::from_millis(1));
    shop.clock.advance(Duration::from_secs(60));
    let swept = shop.app.sweep_once().await.unwrap();
    assert_eq!(
        swept,
        Swept {
            expired: 1,
            concluded: 0,
            due: 1
        }
    );
    let cancelled = OrderState::Cancelled {
        cancelled_at: deadline,
        paid_at: None,
        sent_at: None,
    };
    assert_eq!(shop.stored(order).await.state, cancelled);
    assert_eq!(shop.stock().await, 10);
    assert_eq!(shop.app.sweep_once().await.unwrap(), Swept::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_order_counts_as_received_at_its_deadline_and_its_money_is_released() {
    let shop = Shop::with_book(Settings::default()).await;
    let order = shop.place(&shop.login("buyer", "t").await, 2).await;
    shop.pay(order).await;
    let seller = shop.login("seller", "t").await;
    shop.app
        .send_order(&seller, user("seller"), None, order, None)
        .await
        .unwrap();
    assert_eq!(shop.held("seller").await, 200);
    shop.clock.advance(Duration::from_secs(14 * 24 * 60 * 60));
    let swept = shop.app.sweep_once().await.unwrap();
    assert_eq!(
        swept,
        Swept {
            expired: 0,
            concluded: 1,
            due: 1
        }
    );
    assert_eq!(shop.stored(order).await.status(), OrderStatus::Received);
    assert_eq!(shop.held("seller").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_takes_more_orders_than_one_round_holds_and_stops_when_told() {
    let shop = Shop::with_book(Settings::default()).await;
    let seller = shop.login("seller", "t").await;
    let key = domain::ListingKey {
        store: domain::StoreId::new("store").unwrap(),
        book: domain::BookId::new("book").unwrap(),
    };
    let more = domain::AddStock {
        user: user("seller"),
        key,
        change: 990,
    };
    shop.app.add_stock(&seller, None, more).await.unwrap();
    let buyer = shop.login("buyer", "t").await;
    for _ in 0..=SWEEP_ORDERS_MAX {
        shop.place(&buyer, 1).await;
    }
    shop.clock.advance(TIMEOUT);
    let (stop, stopped) = watch::channel(false);
    let app = shop.app.clone();
    let job = tokio::spawn(async move { app.sweep_until(stopped).await });
    let swept = tokio::time::timeout(Duration::from_secs(20), async {
        while shop.stock().await < 1_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    swept.await.expect("all orders are cancelled");
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(20), job)
        .await
        .expect("the job stops")
        .unwrap();
    assert!(shop.app.storage().audit().await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_past_its_deadline_keeps_no_account_open() {
    let shop = Shop::with_book(Settings::default()).await;
    shop.place(&shop.login("buyer", "t").await, 4).await;
    let buyer = credentials("buyer", "buyer");
    shop.app
        .add_funds(&buyer, None, Fen::new(-1_000))
        .await
        .unwrap();
    let early = shop.app.unregister(&buyer).await;
    assert!(
        matches!(
            early,
            Err(Problem::Refused(UnregisterRefusal::OpenOrders(_)))
        ),
        "{early:?}"
    );
    shop.clock.advance(TIMEOUT);
    shop.app.unregister(&buyer).await.unwrap();
    assert_eq!(shop.stock().await, 10);
}
