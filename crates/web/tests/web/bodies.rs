//! The rules for every endpoint: content types, bodies, fields, paths, methods.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::Full;
use hyper::body::Frame;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::test_app::{Post, TestApp};

const ENDPOINTS: [&str; 19] = [
    "/auth/register",
    "/auth/login",
    "/auth/logout",
    "/auth/unregister",
    "/auth/password",
    "/seller/create_store",
    "/seller/add_book",
    "/seller/add_stock_level",
    "/seller/send_books",
    "/seller/update_book",
    "/seller/list_orders",
    "/buyer/add_funds",
    "/buyer/new_order",
    "/buyer/payment",
    "/buyer/receive_books",
    "/buyer/cancel_order",
    "/buyer/is_order_cancelled",
    "/buyer/check_hist_order",
    "/buyer/account",
];

#[tokio::test]
async fn every_endpoint_keeps_the_general_rules() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    for path in ENDPOINTS {
        let post = |body: &str| app.raw(path, body.to_owned()).token(&token);
        let get = post("{}").method("GET").await;
        assert_eq!(
            (get.status, &get.headers["allow"]),
            (405, &"POST".parse().unwrap()),
            "{path}"
        );
        let plain = post("{}").header("content-type", "text/plain").await;
        assert_eq!(plain.status, 415, "{path}: {plain}");
        for body in [
            "",
            "{",
            "nonsense",
            "[]",
            "[1]",
            "null",
            "\"\"",
            "{} {}",
            "{\"a\":NaN}",
        ] {
            let reply = post(body).await;
            assert_eq!(reply.status, 400, "{path} {body}: {reply}");
        }
        let empty = post("{}").await;
        assert_eq!(empty.status, 400, "{path}");
        assert!(empty.message().ends_with("` is missing"), "{path}: {empty}");
    }
}

#[tokio::test]
async fn paths_and_methods() {
    let app = TestApp::new().await;
    assert_snapshot!(app.raw("/nowhere", "{}").await, @r#"404 {"message":"there is nothing at this path"}"#);
    assert_snapshot!(app.raw("/auth/login/", "{}").await, @r#"404 {"message":"there is nothing at this path"}"#);
    assert_snapshot!(app.raw("/buyer/find", "{}").await, @r#"404 {"message":"there is nothing at this path"}"#);
    assert_snapshot!(app.raw("/auth/login", "{}").method("DELETE").await, @r#"405 {"message":"this path does not serve this method"}"#);
}

#[tokio::test]
async fn content_types() {
    let app = TestApp::new().await;
    let post = |content_type: &str| {
        app.raw("/auth/register", "{}")
            .header("content-type", content_type)
    };
    for accepted in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        "application/vnd.shop+json",
    ] {
        assert_eq!(post(accepted).await.status, 400, "{accepted}");
    }
    for refused in [
        "",
        "text/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(post(refused).await.status, 415, "{refused}");
    }
    assert_snapshot!(post("").without_header("content-type").await, @r#"415 {"message":"the content type must be `application/json`"}"#);
    let packed = post("application/json").header("content-encoding", "gzip");
    assert_snapshot!(packed.await, @r#"415 {"message":"the body must be sent without a content encoding"}"#);
}

fn register(app: &TestApp, user: impl Into<Value>) -> Post {
    app.post(
        "/auth/register",
        json!({"user_id": user.into(), "password": "p"}),
    )
}

#[tokio::test]
async fn fields_are_named_when_they_are_wrong() {
    let app = TestApp::new().await;
    assert_snapshot!(register(&app, 5).await, @r#"400 {"message":"`user_id` must be a string"}"#);
    assert_snapshot!(register(&app, Value::Null).await, @r#"400 {"message":"`user_id` must be a string"}"#);
    assert_snapshot!(register(&app, true).await, @r#"400 {"message":"`user_id` must be a string"}"#);
    assert_snapshot!(register(&app, json!(["u"])).await, @r#"400 {"message":"`user_id` must be a string"}"#);
    assert_snapshot!(register(&app, "").await, @r#"400 {"message":"`user_id` must not be empty"}"#);
    assert_snapshot!(register(&app, "字".repeat(256)).await, @r#"400 {"message":"`user_id` must have at most 255 characters"}"#);
    assert_snapshot!(register(&app, "line\nbreak").await, @r#"400 {"message":"`user_id` must not hold control characters"}"#);
    register(&app, "字".repeat(255)).await.expect_ok();
    let post = |body: &str| app.raw("/auth/register", body.to_owned());
    assert_snapshot!(post(r#"{"user_id":"u"}"#).await, @r#"400 {"message":"`password` is missing"}"#);
    assert_snapshot!(post(r#"{"user_id":"u","user_id":"v","password":"p"}"#).await, @r#"400 {"message":"`user_id` is given twice"}"#);
    assert_snapshot!(post(r#"{"user_id":"\ud800","password":"p"}"#).await, @r#"400 {"message":"the body is not JSON at `user_id`: unexpected end of hex escape at line 1 column 19"}"#);
    assert_snapshot!(post(r#"{"user_id":1e999,"password":"p"}"#).await, @r#"400 {"message":"the body is not JSON at `user_id`: number out of range at line 1 column 16"}"#);
    assert_snapshot!(post(r#"["u","p"]"#).await, @r#"400 {"message":"the body must be an object"}"#);
    assert_snapshot!(post(r#"{"user_id":"u","password":"p"} x"#).await, @r#"400 {"message":"the body is not JSON: trailing characters at line 1 column 32"}"#);
    assert_snapshot!(post("\u{feff}{}").await, @r#"400 {"message":"the body is not JSON: expected value at line 1 column 1"}"#);
    let latin: &[u8] = b"{\"user_id\":\"u\",\"password\":\"p\",\"x\":\"\xe9\"}";
    assert_snapshot!(app.raw("/auth/register", latin).await, @r#"400 {"message":"the body is not UTF-8"}"#);
}

#[tokio::test]
async fn what_a_client_sent_is_not_repeated() {
    let app = TestApp::new().await;
    let body = json!({"user_id": "u", "password": ["hunter2, expected hunter2"]});
    assert_snapshot!(app.post("/auth/register", body).await, @r#"400 {"message":"`password` must be a string"}"#);
    let body = json!({"user_id": "u", "password": "p".repeat(1_025)});
    assert_snapshot!(app.post("/auth/register", body).await, @r#"400 {"message":"`password` must have 1 to 1024 bytes"}"#);
    let token = app.user("u").await;
    let body = json!({"user_id": "u", "store_id": "s", "books": "hunter2, expected hunter2"});
    assert_snapshot!(app.post("/buyer/new_order", body).token(&token).await, @r#"400 {"message":"`books` must be an array"}"#);
}

#[tokio::test]
async fn unknown_fields_are_ignored_however_deep() {
    let app = TestApp::new().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(r#"{{"user_id":"u","password":"p","more":{deep}}}"#);
    app.raw("/auth/register", body).await.expect_ok();
    let body = format!(r#"{{"user_id":{deep},"password":"p"}}"#);
    assert_snapshot!(app.raw("/auth/register", body).await, @r#"400 {"message":"`user_id` must be a string"}"#);
    let token = app.login_with("u", "p", "t").await;
    let body = format!(r#"{{"user_id":"u","store_id":"s","books":{deep}}}"#);
    assert_snapshot!(app.raw("/buyer/new_order", body).token(&token).await, @r#"400 {"message":"`books[0]` must be an object"}"#);
    // With a key the whole body counts, so it is looked at as a whole.
    let body = format!(r#"{{"user_id":"u","store_id":"s","more":{deep}}}"#);
    let reply = app
        .raw("/seller/create_store", body)
        .token(&token)
        .key("k")
        .await;
    assert_snapshot!(reply, @r#"400 {"message":"the body is not JSON: recursion limit exceeded at line 1 column 164"}"#);
}

#[tokio::test]
async fn numbers_are_integers() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let add = |number: &str| {
        let body = format!(
            r#"{{"user_id":"u","store_id":"s","book_info":{{"id":"b","title":"t","price":{number}}}}}"#
        );
        app.raw("/seller/add_book", body).token(&token)
    };
    assert_snapshot!(add("1.5").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("1e3").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("\"1\"").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("-1").await, @r#"400 {"message":"`book_info.price` must be from 0 to 1000000000"}"#);
    assert_snapshot!(add("1000000001").await, @r#"400 {"message":"`book_info.price` must be from 0 to 1000000000"}"#);
    assert_snapshot!(add("18446744073709551615").await, @r#"400 {"message":"`book_info.price` must be at most 9223372036854775807"}"#);
    assert_snapshot!(add("99999999999999999999999").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("null").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("true").await, @r#"400 {"message":"`book_info.price` must be an integer"}"#);
    assert_snapshot!(add("NaN").await, @r#"400 {"message":"the body is not JSON at `book_info.price`: expected value at line 1 column 73"}"#);
    assert_snapshot!(add("1").await, @r#"513 {"message":"store `s` does not exist"}"#);
}

#[tokio::test]
async fn nested_fields_are_named_by_their_path() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let order = |books: Value| {
        let body = json!({"user_id": "u", "store_id": "s", "books": books});
        app.post("/buyer/new_order", body).token(&token)
    };
    let fine = || json!({"id": "b", "count": 1});
    assert_snapshot!(order(json!([fine(), fine(), fine(), {"id": "b", "count": 1.5}])).await, @r#"400 {"message":"`books[3].count` must be an integer or a decimal string"}"#);
    assert_snapshot!(order(json!([fine(), {"id": "b"}])).await, @r#"400 {"message":"`books[1].count` is missing"}"#);
    assert_snapshot!(order(json!([["b", 1]])).await, @r#"400 {"message":"`books[0]` must be an object"}"#);
    assert_snapshot!(order(json!([{"id": "", "count": 1}])).await, @r#"400 {"message":"`books[0].id` must not be empty"}"#);
    assert_snapshot!(order(json!({"id": "b", "count": 1})).await, @r#"400 {"message":"`books` must be an array"}"#);
    let book = |info: Value| {
        let body = json!({"user_id": "u", "store_id": "s", "book_info": info});
        app.post("/seller/add_book", body).token(&token)
    };
    assert_snapshot!(book(json!({"id": "b", "title": "t"})).await, @r#"400 {"message":"`book_info.price` is missing"}"#);
    assert_snapshot!(book(json!({"id": "b", "title": "t", "price": 1, "tags": [1]})).await, @r#"400 {"message":"`book_info.tags[0]` must be a string"}"#);
    assert_snapshot!(book(json!({"id": "b", "title": "t", "price": 1, "tags": "t"})).await, @r#"400 {"message":"`book_info.tags` must be an array"}"#);
    assert_snapshot!(book(json!({"id": "b", "title": "t", "price": 1, "pages": "9"})).await, @r#"400 {"message":"`book_info.pages` must be an integer"}"#);
    assert_snapshot!(book(json!("b")).await, @r#"400 {"message":"`book_info` must be an object"}"#);
}

#[tokio::test]
async fn bodies_have_limits() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    for (path, limit) in [
        ("/auth/register", 64 << 10),
        ("/buyer/payment", 64 << 10),
        ("/buyer/new_order", 1 << 20),
        ("/seller/add_book", 16 << 20),
        ("/seller/update_book", 16 << 20),
    ] {
        let post = |bytes: usize| app.raw(path, " ".repeat(bytes)).token(&token);
        assert_eq!(post(limit).await.status, 400, "{path}");
        let reply = post(limit + 1).await;
        assert_eq!(reply.status, 413, "{path}");
        assert_eq!(
            reply.message(),
            format!("the body must have at most {limit} bytes")
        );
        // Without an announced length.
        let pieces = Pieces(vec![
            Bytes::from(vec![b' '; 1 << 16]);
            limit / (1 << 16) + 1
        ]);
        assert_eq!(
            app.raw(path, Body::new(pieces)).token(&token).await.status,
            413,
            "{path}"
        );
    }
}

/// A body that comes in pieces, its length unknown.
struct Pieces(Vec<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn pieces_are_put_together() {
    let app = TestApp::new().await;
    let body = br#"{"user_id":"u","password":"p"}"#;
    let pieces = body
        .iter()
        .rev()
        .map(|&byte| Bytes::from(vec![byte]))
        .collect();
    app.raw("/auth/register", Body::new(Pieces(pieces)))
        .await
        .expect_ok();
}

/// A body that nobody may read.
struct Unread;

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("the body was read");
    }
}

#[tokio::test]
async fn a_token_is_looked_at_before_the_body() {
    let app = TestApp::new().await;
    for path in [
        "/seller/add_book",
        "/seller/update_book",
        "/buyer/new_order",
    ] {
        let post = || app.raw(path, Body::new(Unread));
        assert_eq!(post().await.status, 401, "{path}");
        assert_eq!(post().token("e30.e30.e30").await.status, 401, "{path}");
    }
}

/// A body that never comes.
struct Stuck;

impl HttpBody for Stuck {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_must_come_in_time() {
    let app = TestApp::new().await;
    let reply = app.raw("/auth/register", Body::new(Stuck)).await;
    assert_snapshot!(reply, @r#"408 {"message":"the body did not arrive in time"}"#);
    assert_eq!(reply.headers["connection"], "close");
}

#[tokio::test]
async fn a_body_of_no_length_is_empty() {
    let app = TestApp::new().await;
    let reply = app
        .raw("/auth/register", Body::new(Full::new(Bytes::new())))
        .await;
    assert_snapshot!(reply, @r#"400 {"message":"the body is not JSON: EOF while parsing a value at line 1 column 0"}"#);
}
