//! `/seller`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::test_app::TestApp;

/// A JPEG as far as its first bytes go, in base64.
const JPEG: &str = "/9j/4AAQ";

async fn seller() -> (TestApp, String) {
    let app = TestApp::new().await;
    let token = app.user("seller").await;
    app.store("seller", &token, "s").await;
    (app, token)
}

#[tokio::test]
async fn create_store() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    app.user("v").await;
    let create = |user: &str, store: &str| {
        app.post(
            "/seller/create_store",
            json!({"user_id": user, "store_id": store}),
        )
    };
    assert_snapshot!(create("u", "书店").token(&token).await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(create("u", "书店").token(&token).await, @r#"514 {"message":"store `书店` exists already"}"#);
    assert_snapshot!(create("v", "mine").token(&token).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(create("nobody", "mine").token(&token).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(create("u", "mine").await, @r#"401 {"message":"authorization failed"}"#);
}

fn add_book(user: &str, store: &str, info: Value) -> Value {
    json!({"user_id": user, "store_id": store, "book_info": info, "stock_level": 5})
}

#[tokio::test]
async fn add_book_takes_all_fields_and_nulls() {
    let (app, token) = seller().await;
    let info = json!({
        "id": "full", "title": "美丽心灵", "price": 3900, "author": "[美] 西尔维雅·娜萨",
        "publisher": "p", "original_title": "A Beautiful Mind", "translator": "t",
        "pub_year": "2000-1", "binding": "平装", "isbn": "9787532524440", "author_intro": "a",
        "book_intro": "b", "content": "c", "currency_unit": "元", "pages": 659,
        "tags": ["传记", "数学"], "pictures": [JPEG, "/9j/4A=="], "unknown": [[{}]],
    });
    let post = |info| {
        app.post("/seller/add_book", add_book("seller", "s", info))
            .token(&token)
    };
    assert_snapshot!(post(info).await, @r#"200 {"message":"ok"}"#);
    let info = json!({
        "id": "bare", "title": "", "price": 0, "author": null, "pages": null, "tags": null,
        "pictures": null, "content": null,
    });
    assert_snapshot!(post(info.clone()).await, @r#"200 {"message":"ok"}"#);
    let mut body = add_book("seller", "s", info);
    body["book_info"]["id"] = json!("no stock");
    body.as_object_mut().unwrap().remove("stock_level");
    app.post("/seller/add_book", body)
        .token(&token)
        .await
        .expect_ok();
    assert_eq!(app.stock("seller", &token, "s", "bare").await, 5);
    assert_eq!(app.stock("seller", &token, "s", "no stock").await, 0);
}

#[tokio::test]
async fn add_book_refuses() {
    let (app, token) = seller().await;
    let stranger = app.user("stranger").await;
    let info = json!({"id": "b1", "title": "t", "price": 1});
    let post = |user, store| app.post("/seller/add_book", add_book(user, store, info.clone()));
    assert_snapshot!(post("seller", "s").token(&token).await, @r#"516 {"message":"book `b1` exists already in this store"}"#);
    assert_snapshot!(post("seller", "nowhere").token(&token).await, @r#"513 {"message":"store `nowhere` does not exist"}"#);
    assert_snapshot!(post("nobody", "s").token(&token).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(post("stranger", "s").token(&stranger).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(post("seller", "s").token(&stranger).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(post("seller", "s").await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn pictures_are_known_by_their_first_bytes() {
    let (app, token) = seller().await;
    let post = |pictures: Value| {
        let info = json!({"id": "b", "title": "t", "price": 1, "pictures": pictures});
        app.post("/seller/add_book", add_book("seller", "s", info))
            .token(&token)
    };
    // An SVG, and words that are no base64.
    assert_snapshot!(post(json!([JPEG, "PHN2Zz48L3N2Zz4="])).await, @r#"400 {"message":"`book_info.pictures[1]` must be a JPEG, PNG, WebP or GIF"}"#);
    assert_snapshot!(post(json!(["no base64!"])).await, @r#"400 {"message":"`book_info.pictures[0]` must be base64"}"#);
    assert_snapshot!(post(json!([JPEG, JPEG, 3])).await, @r#"400 {"message":"`book_info.pictures[2]` must be a string"}"#);
    assert_snapshot!(post(json!([""])).await, @r#"400 {"message":"`book_info.pictures[0]` must be a JPEG, PNG, WebP or GIF"}"#);
    assert_snapshot!(post(json!(vec![JPEG; 21])).await, @r#"400 {"message":"`book_info.pictures` must have at most 20 entries"}"#);
    let large = |bytes: usize| format!("{JPEG}{}", "A".repeat((bytes - 6).div_ceil(3) * 4));
    assert_snapshot!(post(json!([large((4 << 20) + 3)])).await, @r#"400 {"message":"`book_info.pictures[0]` must have at most 4194304 bytes"}"#);
    post(json!([
        large((4 << 20) - 2),
        JPEG,
        "iVBORw0KGgo=",
        "R0lGODlh",
        "UklGRgAAAABXRUJQ"
    ]))
    .await
    .expect_ok();
}

#[tokio::test]
async fn add_stock_level() {
    let (app, token) = seller().await;
    let stranger = app.user("stranger").await;
    let post = |user: &str, store: &str, book: &str, change: i64| {
        let body = json!({
            "user_id": user, "store_id": store, "book_id": book, "add_stock_level": change,
        });
        app.post("/seller/add_stock_level", body)
    };
    assert_snapshot!(post("seller", "s", "b1", 5).token(&token).await, @r#"200 {"message":"ok"}"#);
    post("seller", "s", "b1", -15)
        .token(&token)
        .await
        .expect_ok();
    assert_snapshot!(post("seller", "s", "b1", -1).token(&token).await, @r#"517 {"message":"book `b1` has too few copies: there are 0"}"#);
    assert_snapshot!(post("seller", "s", "b2", 1_000_000_000).token(&token).await, @r#"400 {"message":"`add_stock_level` takes the stock past 1000000000"}"#);
    assert_snapshot!(post("seller", "s", "b2", 1_000_000_001).token(&token).await, @r#"400 {"message":"`add_stock_level` must be from -1000000000 to 1000000000"}"#);
    assert_snapshot!(post("seller", "s", "none", 1).token(&token).await, @r#"515 {"message":"book `none` does not exist in this store"}"#);
    assert_snapshot!(post("seller", "nowhere", "b1", 1).token(&token).await, @r#"513 {"message":"store `nowhere` does not exist"}"#);
    assert_snapshot!(post("nobody", "s", "b1", 1).token(&token).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(post("stranger", "s", "b1", 1).token(&stranger).await, @r#"401 {"message":"authorization failed"}"#);
    assert_eq!(app.stock("seller", &token, "s", "b1").await, 0);
    assert_eq!(app.stock("seller", &token, "s", "b2").await, 10);
}

fn update_book(user: &str, store: &str, book: &str, info: Value) -> Value {
    json!({"user_id": user, "store_id": store, "book_id": book, "book_info": info})
}

#[tokio::test]
async fn update_book_replaces_what_is_there() {
    let (app, token) = seller().await;
    let post = |info| {
        app.post(
            "/seller/update_book",
            update_book("seller", "s", "b1", info),
        )
    };
    let info =
        json!({"id": "b1", "title": "New title", "price": 250, "author": null, "tags": null});
    assert_snapshot!(post(info).token(&token).await, @r#"200 {"message":"ok"}"#);
    post(json!({})).token(&token).await.expect_ok();
    post(json!({"pictures": [JPEG]}))
        .token(&token)
        .await
        .expect_ok();
    app.order("seller", &token, "s").await;
    let body = json!({"user_id": "seller"});
    let history = app
        .post("/buyer/check_hist_order", body)
        .token(&token)
        .await;
    let line = &history.field("orders")[0]["details"][0];
    assert_eq!(
        *line,
        json!({"book_id": "b1", "title": "New title", "count": 2, "price": 250})
    );
}

#[tokio::test]
async fn a_book_off_the_shelves_is_not_sold() {
    let (app, token) = seller().await;
    let list = |is_listed: bool| {
        let mut body = update_book("seller", "s", "b1", json!({}));
        body["listed"] = json!(is_listed);
        app.post("/seller/update_book", body).token(&token)
    };
    list(false).await.expect_ok();
    let books = json!([{"id": "b1", "count": 1}]);
    let body = json!({"user_id": "seller", "store_id": "s", "books": books});
    assert_snapshot!(app.post("/buyer/new_order", body).token(&token).await, @r#"515 {"message":"book `b1` does not exist in this store"}"#);
    list(true).await.expect_ok();
    app.order("seller", &token, "s").await;
}

#[tokio::test]
async fn update_book_refuses() {
    let (app, token) = seller().await;
    let stranger = app.user("stranger").await;
    let post = |user, store, book, info| {
        app.post("/seller/update_book", update_book(user, store, book, info))
    };
    let nothing = || json!({});
    assert_snapshot!(post("seller", "s", "none", nothing()).token(&token).await, @r#"515 {"message":"book `none` does not exist in this store"}"#);
    assert_snapshot!(post("seller", "nowhere", "b1", nothing()).token(&token).await, @r#"513 {"message":"store `nowhere` does not exist"}"#);
    assert_snapshot!(post("nobody", "s", "b1", nothing()).token(&token).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(post("stranger", "s", "b1", nothing()).token(&stranger).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(post("seller", "s", "b1", nothing()).await, @r#"401 {"message":"authorization failed"}"#);
    let mine = |info| post("seller", "s", "b1", info).token(&token);
    assert_snapshot!(mine(json!({"id": "b2"})).await, @r#"400 {"message":"`book_info.id` can't change"}"#);
    assert_snapshot!(mine(json!({"title": null})).await, @r#"400 {"message":"`book_info.title` must be a string"}"#);
    assert_snapshot!(mine(json!({"price": null})).await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(mine(json!({"price": 1_000_000_001})).await, @r#"400 {"message":"`book_info.price` must be from 0 to 1000000000"}"#);
    assert_snapshot!(mine(json!({"tags": vec!["t"; 65]})).await, @r#"400 {"message":"`book_info.tags` must have at most 64 entries"}"#);
    assert_snapshot!(mine(json!({"tags": ["t".repeat(256)]})).await, @r#"400 {"message":"`book_info.tags`: each of `tags` must have at most 255 characters"}"#);
    assert_snapshot!(mine(json!({"content": "c".repeat(1 << 20)})).await, @r#"400 {"message":"`book_info`: the book's text must have at most 1048576 bytes in all"}"#);
}

#[tokio::test]
async fn send_books() {
    let (app, token) = seller().await;
    let buyer = app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    let order = app.order("buyer", &buyer, "s").await;
    let send =
        |user: &str, token: &str, order: &str| app.verb("/seller/send_books", user, token, order);
    assert_snapshot!(send("seller", &token, &order).await, @r#"518 {"message":"order `[order]` is not in a state that allows this"}"#);
    app.pay("buyer", &order).await;
    assert_snapshot!(send("buyer", &buyer, &order).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(send("seller", &buyer, &order).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(send("nobody", &token, &order).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
    assert_snapshot!(send("seller", &token, "no order").await, @r#"518 {"message":"order `no order` does not exist"}"#);
    assert_snapshot!(send("buyer", &token, "no order").await, @r#"401 {"message":"authorization failed"}"#);
    let unknown = "018cc251-f400-7000-8000-000000000000";
    assert_snapshot!(send("seller", &token, unknown).await, @r#"518 {"message":"order `[order]` does not exist"}"#);
    assert_snapshot!(send("seller", &token, "").await, @r#"400 {"message":"`order_id` must not be empty"}"#);
    assert_snapshot!(send("seller", &token, &order).await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(send("seller", &token, &order).await, @r#"522 {"message":"order `[order]` was sent already"}"#);
}

#[tokio::test]
async fn tracking_is_told_to_both_parties() {
    let (app, token) = seller().await;
    let buyer = app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    let order = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &order).await;
    let send = |tracking: Value| {
        let body = json!({"user_id": "seller", "order_id": order, "tracking": tracking});
        app.post("/seller/send_books", body).token(&token)
    };
    assert_snapshot!(send(json!("x".repeat(256))).await, @r#"400 {"message":"`tracking` must have at most 255 characters"}"#);
    send(json!("SF 123")).await.expect_ok();
    let mine = app
        .post("/buyer/check_hist_order", json!({"user_id": "buyer"}))
        .token(&buyer);
    assert_eq!(mine.await.field("orders")[0]["tracking"], "SF 123");
    let his = app
        .post("/seller/list_orders", json!({"user_id": "seller"}))
        .token(&token);
    assert_eq!(his.await.field("orders")[0]["tracking"], "SF 123");
}

#[tokio::test]
async fn list_orders() {
    let (app, token) = seller().await;
    let buyer = app.user("buyer").await;
    app.store("seller", &token, "s2").await;
    app.store("buyer", &buyer, "s3").await;
    let first = app.order("buyer", &buyer, "s").await;
    app.clock.advance(std::time::Duration::from_millis(5));
    let second = app.order("buyer", &buyer, "s2").await;
    let list = |body: Value| app.post("/seller/list_orders", body);
    let found = |reply: crate::test_app::Reply| -> Vec<String> {
        let orders = reply.expect_ok().field("orders");
        let ids = orders.as_array().unwrap().iter();
        ids.map(|order| order["order_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = list(json!({"user_id": "seller"})).token(&token).await;
    assert_eq!(found(all), [second.clone(), first.clone()]);
    let one = list(json!({"user_id": "seller", "store_id": "s"}))
        .token(&token)
        .await;
    assert_eq!(found(one), std::slice::from_ref(&first));
    let older = list(json!({"user_id": "seller", "before": second}))
        .token(&token)
        .await;
    assert_eq!(found(older), [first]);
    let paid = list(json!({"user_id": "seller", "state": "paid"}))
        .token(&token)
        .await;
    assert!(found(paid).is_empty());
    let few = list(json!({"user_id": "seller", "per_page": 1}))
        .token(&token)
        .await;
    assert_eq!(found(few), [second]);
    let body = json!({"user_id": "seller", "store_id": "nowhere"});
    assert_snapshot!(list(body).token(&token).await, @r#"513 {"message":"store `nowhere` does not exist"}"#);
    let body = json!({"user_id": "seller", "store_id": "s3"});
    assert_snapshot!(list(body).token(&token).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(list(json!({"user_id": "seller"})).token(&buyer).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(list(json!({"user_id": "nobody"})).token(&token).await, @r#"511 {"message":"user `nobody` does not exist"}"#);
}
