//! `Idempotency-Key` on changing requests.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::test_app::{TestApp, password};

fn fund(user: &str, password: &str, amount: i64) -> Value {
    json!({"user_id": user, "password": password, "add_value": amount})
}

#[tokio::test]
async fn the_same_request_is_done_once() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let post = |amount: i64| app.post("/buyer/add_funds", fund("u", "secret of u", amount));
    let first = post(100).key("k").await.expect_ok();
    assert_eq!(first.headers.get("idempotency-replayed"), None);
    let again = post(100).key("k").await.expect_ok();
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.body, first.body);
    assert_eq!(app.money("u", &token).await, (100, 0));
    assert_snapshot!(post(200).key("k").await, @r#"422 {"message":"this `Idempotency-Key` was used for another body at this endpoint"}"#);
    post(100).key("another").await.expect_ok();
    post(100).await.expect_ok();
    assert_eq!(app.money("u", &token).await, (300, 0));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_behind_the_password() {
    let app = TestApp::new().await;
    app.user("u").await;
    let post = |password: &str| {
        app.post("/buyer/add_funds", fund("u", password, 7))
            .key("k")
    };
    post("secret of u").await.expect_ok();
    assert_snapshot!(post("wrong").await, @r#"401 {"message":"authorization failed"}"#);
    let change = json!({"user_id": "u", "oldPassword": "secret of u", "newPassword": "new"});
    app.post("/auth/password", change).await.expect_ok();
    assert_eq!(
        post("new").await.headers["idempotency-replayed"],
        "true",
        "passwords aside"
    );
    app.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(post("new").await.headers["idempotency-replayed"], "true");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(
        post("new")
            .await
            .expect_ok()
            .headers
            .get("idempotency-replayed"),
        None
    );
}

#[tokio::test]
async fn an_order_keeps_its_id() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    app.store("u", &token, "s").await;
    let books = [
        r#"[{"id":"b1","count":1}]"#,
        r#"[ {"count":1, "id":"b1"} ]"#,
    ];
    let bodies = books.map(|books| format!(r#"{{"user_id":"u","store_id":"s","books":{books}}}"#));
    let [first, second] = bodies.map(|body| app.raw("/buyer/new_order", body).token(&token));
    let first = first.key("k").await.expect_ok();
    assert_eq!(second.key("k").await.expect_ok().body, first.body);
    assert_eq!(app.stock("u", &token, "s", "b1").await, 9);
    let books = json!([{"id": "b1", "count": "1"}]);
    let body = json!({"user_id": "u", "store_id": "s", "books": books});
    let other = app.post("/buyer/new_order", body).token(&token).key("k");
    assert_eq!(
        other.await.status,
        422,
        "another body, though it means the same"
    );
}

#[tokio::test]
async fn keys_are_a_users_own_and_an_endpoints_own() {
    let app = TestApp::new().await;
    let (u, v) = (app.user("u").await, app.user("v").await);
    for (user, token) in [("u", &u), ("v", &v)] {
        let body = json!({"user_id": user, "store_id": user});
        let reply = app
            .post("/seller/create_store", body)
            .token(token)
            .key("k")
            .await
            .expect_ok();
        assert_eq!(reply.headers.get("idempotency-replayed"), None);
        let body = fund(user, &password(user), 1);
        let reply = app
            .post("/buyer/add_funds", body)
            .key("k")
            .await
            .expect_ok();
        assert_eq!(reply.headers.get("idempotency-replayed"), None);
    }
}

#[tokio::test]
async fn refusals_are_not_kept() {
    let app = TestApp::new().await;
    app.user("u").await;
    let post = |amount: i64| app.post("/buyer/add_funds", fund("u", "secret of u", amount));
    assert_eq!(post(-10).key("k").await.status, 519);
    app.fund("u", 10).await;
    post(-10).key("k").await.expect_ok();
    assert_eq!(
        post(-10).key("k").await.headers["idempotency-replayed"],
        "true"
    );
}

/// One request after the other through every changing endpoint, each sent twice.
#[tokio::test]
async fn every_changing_endpoint_takes_a_key() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let twice = async |path: &str, body: Value| {
        let post = || app.post(path, body.clone()).token(&token).key("k");
        let first = post().await.expect_ok();
        let second = post().await.expect_ok();
        assert_eq!(
            second.headers.get("idempotency-replayed").unwrap(),
            "true",
            "{path}"
        );
        assert_eq!(second.body, first.body, "{path}");
        first
    };
    let secret = password("u");
    twice("/buyer/add_funds", fund("u", &secret, 1_000)).await;
    twice(
        "/seller/create_store",
        json!({"user_id": "u", "store_id": "s"}),
    )
    .await;
    let info = json!({"id": "b", "title": "t", "price": 10});
    let body = json!({"user_id": "u", "store_id": "s", "book_info": info});
    twice("/seller/add_book", body).await;
    let listing = json!({"user_id": "u", "store_id": "s", "book_id": "b"});
    let with = |field: &str, value: Value| {
        let mut body = listing.clone();
        body[field] = value;
        body
    };
    twice("/seller/add_stock_level", with("add_stock_level", json!(9))).await;
    twice(
        "/seller/update_book",
        with("book_info", json!({"price": 20})),
    )
    .await;
    let books = json!([{"id": "b", "count": 1}]);
    let order = json!({"user_id": "u", "store_id": "s", "books": books});
    let order = twice("/buyer/new_order", order).await.field("order_id");
    let verb = json!({"user_id": "u", "order_id": order, "password": secret});
    twice("/buyer/payment", verb.clone()).await;
    twice("/seller/send_books", verb.clone()).await;
    twice("/buyer/receive_books", verb).await;
    let order = json!({"user_id": "u", "store_id": "s", "books": books});
    let order = app
        .post("/buyer/new_order", order)
        .token(&token)
        .await
        .field("order_id");
    twice(
        "/buyer/cancel_order",
        json!({"user_id": "u", "order_id": order}),
    )
    .await;
}

#[tokio::test]
async fn a_key_has_limits() {
    let app = TestApp::new().await;
    app.user("u").await;
    let post = |key: &str| {
        app.post("/buyer/add_funds", fund("u", "secret of u", 1))
            .key(key)
    };
    post(&"k".repeat(255)).await.expect_ok();
    assert_snapshot!(post(&"k".repeat(256)).await, @r#"400 {"message":"`Idempotency-Key` must have 1 to 255 visible ASCII characters"}"#);
    assert_snapshot!(post("").await, @r#"400 {"message":"`Idempotency-Key` must have 1 to 255 visible ASCII characters"}"#);
    assert_snapshot!(post("two words").await, @r#"400 {"message":"`Idempotency-Key` must have 1 to 255 visible ASCII characters"}"#);
    assert_snapshot!(post("schlüssel").await, @r#"400 {"message":"`Idempotency-Key` must have 1 to 255 visible ASCII characters"}"#);
    // Where nothing is kept, a key means nothing.
    let ask = app.post("/auth/login", json!({})).key("two words");
    assert_snapshot!(ask.await, @r#"400 {"message":"`user_id` is missing"}"#);
}
