//! `/buyer/check_hist_order`.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::test_app::{Reply, TestApp, password};

async fn market() -> (TestApp, String, String) {
    let app = TestApp::new().await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    let buyer = app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    (app, seller, buyer)
}

fn ids(reply: Reply) -> Vec<String> {
    let orders = reply.expect_ok().field("orders");
    let orders = orders.as_array().unwrap().iter();
    orders
        .map(|order| order["order_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_order_in_each_state_tells_its_times() {
    let (app, seller, buyer) = market().await;
    let step = || app.clock.advance(Duration::from_millis(1_234));
    let ask = || {
        app.post("/buyer/check_hist_order", json!({"user_id": "buyer"}))
            .token(&buyer)
    };
    let address = json!({"name": "王五", "phone": "123", "text": "北京"});
    let books = json!([{"id": "b1", "count": 1}, {"id": "b3", "count": 2}]);
    let body = json!({"user_id": "buyer", "store_id": "s", "books": books, "address": address});
    let order = app
        .post("/buyer/new_order", body)
        .token(&buyer)
        .await
        .field("order_id");
    let order = order.as_str().unwrap();
    assert_snapshot!(ask().await, @r#"200 {"message":"ok","orders":[{"order_id":"[order]","store_id":"s","buyer_id":"buyer","state":"placed","total_price":700,"placed_at":"2024-01-01T00:00:00.000Z","pay_before":"2024-01-01T00:30:00.000Z","address":{"name":"王五","phone":"123","text":"北京"},"details":[{"book_id":"b1","title":"Book 1","count":1,"price":100},{"book_id":"b3","title":"Book 3","count":2,"price":300}]}]}"#);
    step();
    app.pay("buyer", order).await;
    assert_snapshot!(ask().await, @r#"200 {"message":"ok","orders":[{"order_id":"[order]","store_id":"s","buyer_id":"buyer","state":"paid","total_price":700,"placed_at":"2024-01-01T00:00:00.000Z","paid_at":"2024-01-01T00:00:01.234Z","address":{"name":"王五","phone":"123","text":"北京"},"details":[{"book_id":"b1","title":"Book 1","count":1,"price":100},{"book_id":"b3","title":"Book 3","count":2,"price":300}]}]}"#);
    step();
    let body = json!({"user_id": "seller", "order_id": order, "tracking": "SF 1"});
    app.post("/seller/send_books", body)
        .token(&seller)
        .await
        .expect_ok();
    assert_snapshot!(ask().await, @r#"200 {"message":"ok","orders":[{"order_id":"[order]","store_id":"s","buyer_id":"buyer","state":"sent","total_price":700,"placed_at":"2024-01-01T00:00:00.000Z","paid_at":"2024-01-01T00:00:01.234Z","sent_at":"2024-01-01T00:00:02.468Z","address":{"name":"王五","phone":"123","text":"北京"},"tracking":"SF 1","details":[{"book_id":"b1","title":"Book 1","count":1,"price":100},{"book_id":"b3","title":"Book 3","count":2,"price":300}]}]}"#);
    step();
    app.verb("/buyer/receive_books", "buyer", &buyer, order)
        .await
        .expect_ok();
    assert_snapshot!(ask().await, @r#"200 {"message":"ok","orders":[{"order_id":"[order]","store_id":"s","buyer_id":"buyer","state":"received","total_price":700,"placed_at":"2024-01-01T00:00:00.000Z","paid_at":"2024-01-01T00:00:01.234Z","sent_at":"2024-01-01T00:00:02.468Z","received_at":"2024-01-01T00:00:03.702Z","address":{"name":"王五","phone":"123","text":"北京"},"tracking":"SF 1","details":[{"book_id":"b1","title":"Book 1","count":1,"price":100},{"book_id":"b3","title":"Book 3","count":2,"price":300}]}]}"#);
}

#[tokio::test]
async fn a_cancelled_order_tells_how_far_it_came() {
    let (app, seller, buyer) = market().await;
    let order = app.order("buyer", &buyer, "s").await;
    let body = json!({"user_id": "buyer", "password": password("buyer"), "order_id": order});
    app.post("/buyer/payment", body).await.expect_ok();
    app.verb("/seller/send_books", "seller", &seller, &order)
        .await
        .expect_ok();
    app.clock.advance(Duration::from_secs(1));
    app.verb("/buyer/cancel_order", "buyer", &buyer, &order)
        .await
        .expect_ok();
    let ask = app
        .post("/buyer/check_hist_order", json!({"user_id": "buyer"}))
        .token(&buyer);
    assert_snapshot!(ask.await, @r#"200 {"message":"ok","orders":[{"order_id":"[order]","store_id":"s","buyer_id":"buyer","state":"cancelled","total_price":200,"placed_at":"2024-01-01T00:00:00.000Z","paid_at":"2024-01-01T00:00:00.000Z","sent_at":"2024-01-01T00:00:00.000Z","cancelled_at":"2024-01-01T00:00:01.000Z","details":[{"book_id":"b1","title":"Book 1","count":2,"price":100}]}]}"#);
}

#[tokio::test]
async fn pages_and_before_walk_the_same_way() {
    let (app, _, buyer) = market().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.insert(0, app.order("buyer", &buyer, "s").await);
        app.clock.advance(Duration::from_millis(1));
    }
    app.verb("/buyer/cancel_order", "buyer", &buyer, &orders[1])
        .await
        .expect_ok();
    let ask = |mut body: Value| {
        body["user_id"] = json!("buyer");
        app.post("/buyer/check_hist_order", body).token(&buyer)
    };
    assert_eq!(ids(ask(json!({})).await), orders);
    assert_eq!(
        ids(ask(json!({"page": 1, "per_page": 2})).await),
        orders[..2]
    );
    assert_eq!(
        ids(ask(json!({"page": 3, "per_page": 2})).await),
        orders[4..]
    );
    assert!(ids(ask(json!({"page": 4, "per_page": 2})).await).is_empty());
    assert_eq!(
        ids(ask(json!({"before": orders[2], "per_page": 1})).await),
        orders[3..4]
    );
    assert_eq!(ids(ask(json!({"state": "cancelled"})).await), orders[1..2]);
    assert_eq!(
        ids(ask(json!({"state": null, "page": null, "before": null})).await),
        orders
    );
}

#[tokio::test]
async fn histories_have_limits() {
    let (app, seller, buyer) = market().await;
    let ask = |mut body: Value| {
        body["user_id"] = json!("buyer");
        app.post("/buyer/check_hist_order", body)
    };
    let mine = |body| ask(body).token(&buyer);
    mine(json!({"page": 10, "per_page": 1_000}))
        .await
        .expect_ok();
    mine(json!({"page": 10_000, "per_page": 1}))
        .await
        .expect_ok();
    assert_snapshot!(mine(json!({"page": 11, "per_page": 1_000})).await, @r#"400 {"message":"`page` times `per_page` must be at most 10000; hint: walk on with `before`"}"#);
    assert_snapshot!(mine(json!({"page": 101})).await, @r#"400 {"message":"`page` times `per_page` must be at most 10000; hint: walk on with `before`"}"#);
    assert_snapshot!(mine(json!({"page": 0})).await, @r#"400 {"message":"`page` must be from 1 to 10000"}"#);
    assert_snapshot!(mine(json!({"page": 1.0})).await, @r#"400 {"message":"`page` must be an integer"}"#);
    assert_snapshot!(mine(json!({"page": 18_446_744_073_709_551_615_u64})).await, @r#"400 {"message":"`page` must be at most 9223372036854775807"}"#);
    assert_snapshot!(mine(json!({"per_page": 1_001})).await, @r#"400 {"message":"`per_page` must be from 1 to 1000"}"#);
    assert_snapshot!(mine(json!({"per_page": "9"})).await, @r#"400 {"message":"`per_page` must be an integer"}"#);
    assert_snapshot!(mine(json!({"state": "lost"})).await, @r#"400 {"message":"`state` must be `placed`, `paid`, `sent`, `received` or `cancelled`"}"#);
    assert_snapshot!(mine(json!({"before": "x"})).await, @r#"400 {"message":"`before` must be the id of an order"}"#);
    let before = "018cc251-f400-7000-8000-000000000000";
    assert_snapshot!(mine(json!({"before": before, "page": 2})).await, @r#"400 {"message":"`page` must be 1 beside `before`"}"#);
    assert_snapshot!(ask(json!({})).token(&seller).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(ask(json!({})).await, @r#"401 {"message":"authorization failed"}"#);
    let body = json!({"user_id": "nobody"});
    assert_snapshot!(app.post("/buyer/check_hist_order", body).token(&buyer).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
}
