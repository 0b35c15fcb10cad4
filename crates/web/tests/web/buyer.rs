//! `/buyer`, but for the histories and the table of states.

use app::Settings;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::test_app::{TestApp, password};

async fn market() -> (TestApp, String, String) {
    let app = TestApp::new().await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    let buyer = app.user("buyer").await;
    (app, seller, buyer)
}

#[tokio::test]
async fn add_funds() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let add = |password: &str, amount: i64| {
        let body = json!({"user_id": "u", "password": password, "add_value": amount});
        app.post("/buyer/add_funds", body)
    };
    assert_snapshot!(add("secret of u", 1_000).await, @r#"200 {"message":"ok"}"#);
    add("secret of u", -400).await.expect_ok();
    add("secret of u", 0).await.expect_ok();
    assert_eq!(app.money("u", &token).await, (600, 0));
    assert_snapshot!(add("secret of u", -601).await, @r#"519 {"message":"user `u` has only 600 fen to spend"}"#);
    assert_snapshot!(add("wrong", 1).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(add("secret of u", 10_000_000_000_001).await, @r#"400 {"message":"`add_value` must be from -10000000000000 to 10000000000000"}"#);
    for _ in 0..99 {
        add("secret of u", 10_000_000_000_000).await.expect_ok();
    }
    assert_snapshot!(add("secret of u", 10_000_000_000_000).await, @r#"400 {"message":"`add_value` takes the balance past 1000000000000000 fen"}"#);
}

#[tokio::test]
async fn self_funding_can_be_off() {
    let settings = Settings {
        is_self_funding: false,
        ..Settings::default()
    };
    let app = TestApp::with(settings).await;
    app.user("u").await;
    let add = |password: &str, amount: i64| {
        let body = json!({"user_id": "u", "password": password, "add_value": amount});
        app.post("/buyer/add_funds", body)
    };
    assert_snapshot!(add("secret of u", 1).await, @r#"401 {"message":"only the shop's operator puts money into accounts here"}"#);
    assert_snapshot!(add("wrong", 1).await, @r#"401 {"message":"authorization failed"}"#);
    add("secret of u", 0).await.expect_ok();
    assert_snapshot!(add("secret of u", -1).await, @r#"519 {"message":"user `u` has only 0 fen to spend"}"#);
}

fn order(user: &str, store: &str, books: Value) -> Value {
    json!({"user_id": user, "store_id": store, "books": books})
}

#[tokio::test]
async fn new_order() {
    let (app, seller, buyer) = market().await;
    let post = |user, store, books| app.post("/buyer/new_order", order(user, store, books));
    let books =
        json!([{"id": "b1", "count": 2}, {"id": "b2", "count": "3"}, {"id": "b1", "count": 1}]);
    assert_snapshot!(post("buyer", "s", books).token(&buyer).await, @r#"200 {"message":"ok","order_id":"[order]"}"#);
    assert_eq!(app.stock("buyer", &buyer, "s", "b1").await, 7);
    assert_eq!(app.stock("buyer", &buyer, "s", "b2").await, 7);
    let one = || json!([{"id": "b3", "count": 1}]);
    assert_snapshot!(post("buyer", "nowhere", one()).token(&buyer).await, @r#"513 {"message":"store `nowhere` does not exist"}"#);
    assert_snapshot!(post("buyer", "s", json!([{"id": "none", "count": 1}])).token(&buyer).await, @r#"515 {"message":"book `none` does not exist in this store"}"#);
    assert_snapshot!(post("nobody", "s", one()).token(&buyer).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(post("buyer", "s", one()).token(&seller).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(post("buyer", "s", one()).await, @r#"401 {"message":"authorization failed"}"#);
    let too_many = json!([{"id": "b3", "count": 1}, {"id": "b1", "count": 8}]);
    assert_snapshot!(post("buyer", "s", too_many).token(&buyer).await, @r#"517 {"message":"book `b1` has too few copies: there are 7"}"#);
    assert_eq!(
        app.stock("buyer", &buyer, "s", "b3").await,
        10,
        "all or nothing"
    );
}

#[tokio::test]
async fn new_order_has_limits() {
    let (app, _, buyer) = market().await;
    let post = |books| {
        app.post("/buyer/new_order", order("buyer", "s", books))
            .token(&buyer)
    };
    assert_snapshot!(post(json!([])).await, @r#"400 {"message":"`books` must name at least one book"}"#);
    let books = |number: u32| (0..number).map(|book| json!({"id": book.to_string(), "count": 1}));
    assert_snapshot!(post(books(1_001).collect()).await, @r#"400 {"message":"`books` must name at most 1000 different books"}"#);
    assert_snapshot!(post(books(1_000).collect()).await, @r#"515 {"message":"book `0` does not exist in this store"}"#);
    let sum = json!([{"id": "b1", "count": 1_000_000_000}, {"id": "b1", "count": 1}]);
    assert_snapshot!(post(sum).await, @r#"400 {"message":"`books`: the counts of book `b1` add up to too many: must be from 1 to 1000000000"}"#);
    for count in [
        json!(0),
        json!(-1),
        json!(1_000_000_001),
        json!("0"),
        json!("-1"),
        json!("+1"),
    ] {
        let reply = post(json!([{"id": "b1", "count": 1}, {"id": "b1", "count": count}])).await;
        assert_eq!(reply.status, 400, "{reply}");
        assert!(
            reply.message().starts_with("`books[1].count` must be "),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn an_order_has_a_limit_of_money() {
    let (app, seller, buyer) = market().await;
    let info = json!({"id": "dear", "title": "t", "price": 1_000_000_000});
    let body = json!({
        "user_id": "seller", "store_id": "s", "book_info": info, "stock_level": 20_000,
    });
    app.post("/seller/add_book", body)
        .token(&seller)
        .await
        .expect_ok();
    let post = |count: u32| {
        let books = json!([{"id": "dear", "count": count}]);
        app.post("/buyer/new_order", order("buyer", "s", books))
            .token(&buyer)
    };
    assert_snapshot!(post(10_001).await, @r#"400 {"message":"`books` cost more than 10000000000000 fen together"}"#);
    post(10_000).await.expect_ok();
}

#[tokio::test]
async fn an_address_has_limits() {
    let (app, _, buyer) = market().await;
    let post = |address: Value| {
        let mut body = order("buyer", "s", json!([{"id": "b1", "count": 1}]));
        body["address"] = address;
        app.post("/buyer/new_order", body).token(&buyer)
    };
    let address = |name: usize, text: usize| json!({"name": "n".repeat(name), "phone": "1", "text": "文".repeat(text)});
    post(Value::Null).await.expect_ok();
    post(address(255, 1_000)).await.expect_ok();
    assert_snapshot!(post(address(256, 1)).await, @r#"400 {"message":"`address.name` must have at most 255 characters"}"#);
    assert_snapshot!(post(address(1, 1_001)).await, @r#"400 {"message":"`address.text` must have at most 1000 characters"}"#);
    assert_snapshot!(post(json!({"name": "n", "text": "t"})).await, @r#"400 {"message":"`address.phone` is missing"}"#);
    assert_snapshot!(post(json!(["n", "1", "t"])).await, @r#"400 {"message":"`address` must be an object"}"#);
}

#[tokio::test]
async fn payment() {
    let (app, seller, buyer) = market().await;
    let id = app.order("buyer", &buyer, "s").await;
    let pay = |user: &str, password: &str, order: &str| {
        let body = json!({"user_id": user, "password": password, "order_id": order});
        app.post("/buyer/payment", body)
    };
    assert_snapshot!(pay("buyer", "secret of buyer", &id).await, @r#"519 {"message":"not sufficient funds for order `[order]`"}"#);
    app.fund("buyer", 500).await;
    app.fund("seller", 500).await;
    assert_snapshot!(pay("buyer", "wrong", &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(pay("seller", "secret of seller", &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(pay("nobody", "secret", &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(pay("buyer", "secret of buyer", "no order").await, @r#"518 {"message":"order `no order` does not exist"}"#);
    assert_snapshot!(pay("buyer", "wrong", "no order").await, @r#"401 {"message":"authorization failed"}"#);
    let unknown = "018cc251-f400-7000-8000-000000000000";
    assert_snapshot!(pay("buyer", "secret of buyer", unknown).await, @r#"518 {"message":"order `[order]` does not exist"}"#);
    assert_snapshot!(pay("buyer", "secret of buyer", &id).await, @r#"200 {"message":"ok"}"#);
    assert_eq!(app.money("buyer", &buyer).await, (300, 0));
    assert_eq!(app.money("seller", &seller).await, (700, 200));
    let withdraw = json!({
        "user_id": "seller", "password": password("seller"), "add_value": -501,
    });
    assert_snapshot!(app.post("/buyer/add_funds", withdraw).await, @r#"519 {"message":"user `seller` has only 500 fen to spend"}"#);
}

#[tokio::test]
async fn a_sellers_balance_has_its_limit() {
    let (app, _, buyer) = market().await;
    app.fund("buyer", 1_000).await;
    for _ in 0..100 {
        app.fund("seller", 10_000_000_000_000).await;
    }
    let id = app.order("buyer", &buyer, "s").await;
    let body = json!({"user_id": "buyer", "password": password("buyer"), "order_id": id});
    assert_snapshot!(app.post("/buyer/payment", body).await, @r#"400 {"message":"the order of `order_id` takes the seller's balance past its limit"}"#);
}

#[tokio::test]
async fn receive_books_releases_the_money() {
    let (app, seller, buyer) = market().await;
    app.fund("buyer", 500).await;
    let id = app.order("buyer", &buyer, "s").await;
    let receive =
        |user: &str, token: &str, order: &str| app.verb("/buyer/receive_books", user, token, order);
    app.pay("buyer", &id).await;
    assert_snapshot!(receive("buyer", &buyer, &id).await, @r#"520 {"message":"order `[order]` has not been sent yet"}"#);
    app.verb("/seller/send_books", "seller", &seller, &id)
        .await
        .expect_ok();
    assert_snapshot!(receive("seller", &seller, &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(receive("buyer", &seller, &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(receive("nobody", &buyer, &id).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(receive("buyer", &buyer, "no order").await, @r#"518 {"message":"order `no order` does not exist"}"#);
    assert_snapshot!(receive("buyer", &buyer, &id).await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(receive("buyer", &buyer, &id).await, @r#"521 {"message":"order `[order]` was received already"}"#);
    assert_eq!(app.money("seller", &seller).await, (200, 0));
}

#[tokio::test]
async fn cancel_order_returns_stock_and_money() {
    let (app, seller, buyer) = market().await;
    app.fund("buyer", 500).await;
    let id = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &id).await;
    let cancel =
        |user: &str, token: &str, order: &str| app.verb("/buyer/cancel_order", user, token, order);
    assert_snapshot!(cancel("seller", &seller, &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(cancel("buyer", &seller, &id).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(cancel("nobody", &buyer, &id).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(cancel("buyer", &buyer, "no order").await, @r#"518 {"message":"order `no order` does not exist"}"#);
    assert_snapshot!(cancel("buyer", &buyer, &id).await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(cancel("buyer", &buyer, &id).await, @r#"518 {"message":"order `[order]` is not in a state that allows this"}"#);
    assert_eq!(app.money("buyer", &buyer).await, (500, 0));
    assert_eq!(app.money("seller", &seller).await, (0, 0));
    assert_eq!(app.stock("buyer", &buyer, "s", "b1").await, 10);
}

#[tokio::test]
async fn is_order_cancelled_answers_both_parties() {
    let (app, seller, buyer) = market().await;
    let stranger = app.user("stranger").await;
    let id = app.order("buyer", &buyer, "s").await;
    let ask = |order: &str, token: &str| {
        app.post("/buyer/is_order_cancelled", json!({"order_id": order}))
            .token(token)
    };
    assert_snapshot!(ask(&id, &buyer).await, @r#"524 {"message":"order `[order]` is not cancelled"}"#);
    assert_snapshot!(ask(&id, &seller).await, @r#"524 {"message":"order `[order]` is not cancelled"}"#);
    assert_snapshot!(ask(&id, &stranger).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(ask(&id, "").await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(ask("no order", &stranger).await, @r#"518 {"message":"order `no order` does not exist"}"#);
    app.verb("/buyer/cancel_order", "buyer", &buyer, &id)
        .await
        .expect_ok();
    assert_snapshot!(ask(&id, &buyer).await, @r#"200 {"message":"ok"}"#);
    ask(&id, &seller).await.expect_ok();
    app.post("/auth/logout", json!({"user_id": "buyer"}))
        .token(&buyer)
        .await
        .expect_ok();
    assert_snapshot!(ask(&id, &buyer).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(ask("no order", &buyer).await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn account() {
    let (app, seller, buyer) = market().await;
    app.fund("buyer", 500).await;
    let ask = |user: &str| app.post("/buyer/account", json!({"user_id": user}));
    assert_snapshot!(ask("buyer").token(&buyer).await, @r#"200 {"message":"ok","balance":500,"held":0,"spendable":500}"#);
    assert_snapshot!(ask("buyer").token(&seller).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(ask("nobody").token(&seller).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(ask("buyer").await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn buying_in_ones_own_store() {
    let (app, seller, _) = market().await;
    let id = app.order("seller", &seller, "s").await;
    let body = json!({"user_id": "seller", "password": password("seller"), "order_id": id});
    assert_eq!(app.post("/buyer/payment", body).await.status, 519);
    app.fund("seller", 250).await;
    app.pay("seller", &id).await;
    assert_eq!(app.money("seller", &seller).await, (250, 200));
}
