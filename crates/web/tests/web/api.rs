//! `/api/v1`: JSON for programs that read.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tower::ServiceExt;
use web::ClientAddress;

use crate::test_app::TestApp;

pub struct Read {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Read {
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

pub async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Read {
    get_at(app, &format!("/api/v1{path}"), headers).await
}

/// As [`get`], of a path that need not be the API's.
async fn get_at(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Read {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let address = "192.0.2.1".parse().unwrap();
    request.extensions_mut().insert(ClientAddress(address));
    let answer = app.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Read {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn market() -> (TestApp, String, String) {
    let app = TestApp::new().await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    let buyer = app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    (app, seller, buyer)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Goes through a list to its end, and gives what each page has of `name` under `rows`. The path
/// ends with a parameter.
async fn walk(
    app: &TestApp,
    path: &str,
    headers: &[(&str, &str)],
    rows: &str,
    name: &str,
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(app, &format!("{path}{after}"), headers).await.json();
        let found = page[rows].as_array().unwrap().iter();
        pages.push(
            found
                .map(|row| row[name].as_str().unwrap().to_owned())
                .collect(),
        );
        assert!(pages.len() < 20, "{path} does not end");
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", encoded(next)),
            None => return pages,
        }
    }
}

/// Opens a store that offers `x` under that title.
async fn offer_x(app: &TestApp, seller: &str, store: &str, title: &str, price: i64, stock: i64) {
    let body = json!({"user_id": "seller", "store_id": store});
    let opening = app.post("/seller/create_store", body).token(seller);
    opening.await.expect_ok();
    let info = json!({"id": "x", "title": title, "price": price});
    let body = json!({
        "user_id": "seller", "store_id": store, "book_info": info, "stock_level": stock,
    });
    let listing = app.post("/seller/add_book", body).token(seller);
    listing.await.expect_ok();
}

#[tokio::test]
async fn a_book_is_what_it_says_and_who_offers_it() {
    let (app, seller, _) = market().await;
    app.store("seller", &seller, "t").await;
    let book = get(&app, "/books/b1", &[]).await;
    assert_snapshot!(book.body, @r#"{"id":"b1","title":"Book 1","tags":[],"pictures":[],"offers":[{"store_id":"s","price":100,"stock_level":10},{"store_id":"t","price":100,"stock_level":10}]}"#);
    assert_eq!(book.headers["cache-control"], "no-cache");
    let tag = book.headers["etag"].to_str().unwrap();
    let again = get(&app, "/books/b1", &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(get(&app, "/books/nothing", &[]).await.status, 404);
    assert_eq!(get(&app, "/books/b1?store=nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn stores_and_their_shelves_are_walked_page_by_page() {
    let (app, seller, _) = market().await;
    app.store("seller", &seller, "t").await;
    let first = get(&app, "/stores?limit=1", &[]).await;
    assert_snapshot!(first.body, @r#"{"stores":[{"id":"s","created_at":"2024-01-01T00:00:00.000Z"}],"next":"s"}"#);
    let second = get(&app, "/stores?limit=1&after=s", &[]).await;
    assert_snapshot!(second.body, @r#"{"stores":[{"id":"t","created_at":"2024-01-01T00:00:00.000Z"}]}"#);
    let walked = walk(&app, "/stores/s?limit=2", &[], "books", "id").await;
    assert_eq!(walked, [vec!["b3", "b2"], vec!["b1"]]);
    assert_eq!(get(&app, "/stores/nowhere", &[]).await.status, 404);
    for wrong in ["/stores?limit=0", "/stores?limit=101", "/stores/s?limit=x"] {
        let reply = get(&app, wrong, &[]).await;
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.body,
            r#"{"message":"`limit` must be a number from 1 to 100"}"#
        );
    }
}

#[tokio::test]
async fn all_offers_of_a_book_are_walked_page_by_page_each_once() {
    let (app, seller, _) = market().await;
    for (store, price, stock) in [
        ("a", 30, 1),
        ("b", 20, 1),
        ("c", 20, 1),
        ("d", 20, 1),
        ("e", 10, 0),
        ("f", 40, 1),
        ("g", 5, 0),
    ] {
        offer_x(&app, &seller, store, "Sold everywhere", price, stock).await;
    }
    offer_x(&app, &seller, "other 1", "Something else", 1, 1).await;
    offer_x(&app, &seller, "other 2", "Something else", 2, 1).await;

    let walked = walk(&app, "/books/x?limit=2", &[], "offers", "store_id").await;
    assert_eq!(
        walked,
        [vec!["b", "c"], vec!["d", "a"], vec!["f", "g"], vec!["e"]]
    );
    // A page that just holds the rest is the last.
    let walked = walk(&app, "/books/x?limit=7", &[], "offers", "store_id").await;
    assert_eq!(walked.len(), 1);
    let path = "/books/x?store=other%202&limit=1";
    let walked = walk(&app, path, &[], "offers", "store_id").await;
    assert_eq!(walked, [["other 1"], ["other 2"]]);

    let first = get(&app, path, &[]).await.json();
    let next = encoded(first["next"].as_str().unwrap());
    let second = get(&app, &format!("{path}&after={next}"), &[]).await.json();
    assert_eq!(second["title"], "Something else", "each page has the book");
    // Other offers are another list.
    let path = format!("/books/x?limit=1&after={next}");
    assert_eq!(get(&app, &path, &[]).await.status, 400);
    assert_eq!(get(&app, "/books/x?limit=101", &[]).await.status, 400);
}

/// Up to here a client that knows no `next` gets all.
#[tokio::test]
async fn a_book_comes_with_a_hundred_offers_where_nobody_says() {
    let (app, seller, _) = market().await;
    for number in 0..101 {
        let store = format!("store {number:03}");
        offer_x(&app, &seller, &store, "Sold everywhere", 1, 1).await;
    }
    let walked = walk(&app, "/books/x?", &[], "offers", "store_id").await;
    let lengths: Vec<usize> = walked.iter().map(Vec::len).collect();
    assert_eq!(lengths, [100, 1]);
}

#[tokio::test]
async fn a_place_that_no_page_gave_is_400_in_every_list() {
    let (app, seller, buyer) = market().await;
    app.store("seller", &seller, "t").await;
    let order = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &order).await;
    let (buyer, seller) = (bearer(&buyer), bearer(&seller));
    let as_buyer = [("authorization", buyer.as_str())];
    let as_seller = [("authorization", seller.as_str())];
    let shelf = get(&app, "/stores/s?limit=1", &[]).await.json();
    let shelf = shelf["next"].as_str().unwrap();
    let postings = get(&app, "/account/postings?limit=1", &as_buyer).await;
    let postings = postings.json()["next"].as_str().unwrap().to_owned();
    let page = "the `next` of a page of this list";
    let cut = &shelf[..shelf.len() - 1];
    for (path, wrong, headers, must_be) in [
        ("/stores", "", &[][..], "the id of a store"),
        ("/stores", "\n", &[], "the id of a store"),
        ("/orders", "nonsense", &as_buyer, "the id of an order"),
        ("/seller/orders", "", &as_seller, "the id of an order"),
        ("/stores/s", "nonsense", &[], page),
        ("/stores/s", "", &[], page),
        ("/stores/s", "1", &[], page),
        ("/stores/s", cut, &[], page),
        ("/stores/s", &postings, &[], page),
        ("/stores/t", shelf, &[], page),
        ("/books/b1", "nonsense", &[], page),
        ("/books/b1", shelf, &[], page),
        ("/account/postings", "nonsense", &as_buyer, page),
        ("/account/postings", "1", &as_buyer, page),
        ("/account/postings", shelf, &as_buyer, page),
        ("/account/postings", &postings, &as_seller, page),
    ] {
        let reply = get(&app, &format!("{path}?after={}", encoded(wrong)), headers).await;
        assert_eq!(reply.status, 400, "{path} {wrong}");
        let wanted = json!({"message": format!("`after` must be {must_be}")});
        assert_eq!(reply.body, wanted.to_string(), "{path} {wrong}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_is_404() {
    let (app, _, buyer) = market().await;
    let token = bearer(&buyer);
    for path in ["/books/%FF", "/stores/a%C3%28", "/orders/%80"] {
        // A program's answer is JSON whatever a browser says it takes.
        let headers = [("authorization", token.as_str()), ("accept", "text/html")];
        let reply = get(&app, path, &headers).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.headers["content-type"], "application/json", "{path}");
        assert_eq!(reply.body, r#"{"message":"there is nothing at this path"}"#);
    }
    let picture = get_at(&app, "/pictures/%FF", &[]).await;
    assert_eq!(picture.status, 404);
    assert_eq!(picture.headers["content-type"], "application/json");
    for path in [
        "/books/%FF",
        "/stores/%FF",
        "/orders/%FF",
        "/selling/stores/%FF",
        "/selling/stores/s/books/%FF",
        "/language/%FF",
        "/assets/%FF",
    ] {
        let reply = get_at(&app, path, &[]).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
        assert!(reply.body.contains("There is nothing here"), "{path}");
        assert!(reply.headers.contains_key("content-security-policy"));
    }
    let other = get(&app, "/books/%E4%B9%A6", &[]).await;
    assert_eq!(other.status, 404, "a name like any other");
}

#[tokio::test]
async fn what_stays_the_same_is_304_to_who_has_it() {
    let (app, seller, buyer) = market().await;
    let order = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &order).await;
    let (buyer, seller) = (bearer(&buyer), bearer(&seller));
    let order = format!("/orders/{order}");
    for (path, token, cache) in [
        ("/stores", None, "no-cache"),
        ("/stores/s", None, "no-cache"),
        ("/orders", Some(&buyer), "private, no-cache"),
        (&order, Some(&buyer), "private, no-cache"),
        (&order, Some(&seller), "private, no-cache"),
        ("/account", Some(&buyer), "private, no-cache"),
        ("/account/postings", Some(&buyer), "private, no-cache"),
        ("/seller/orders", Some(&seller), "private, no-cache"),
    ] {
        let mut headers: Vec<(&str, &str)> = Vec::new();
        headers.extend(token.map(|token| ("authorization", token.as_str())));
        let first = get(&app, path, &headers).await;
        assert_eq!(first.status, 200, "{path}");
        let tag = first.headers["etag"].to_str().unwrap();
        headers.push(("if-none-match", tag));
        let again = get(&app, path, &headers).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.headers["etag"], tag, "{path}");
        assert_eq!(again.headers["cache-control"], cache, "{path}");
        *headers.last_mut().unwrap() = ("if-none-match", "\"another\"");
        let other = get(&app, path, &headers).await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

#[tokio::test]
async fn what_a_seller_sold_is_walked_page_by_page() {
    let (app, seller, buyer) = market().await;
    app.store("seller", &seller, "t").await;
    let mut orders = Vec::new();
    for store in ["s", "t", "s"] {
        orders.push(app.order("buyer", &buyer, store).await);
        // Those of one moment come in no order that can be told beforehand.
        app.clock.advance(Duration::from_millis(1));
    }
    orders.reverse();
    let seller = bearer(&seller);
    let as_seller = [("authorization", seller.as_str())];
    let path = "/seller/orders?limit=2";
    let walked = walk(&app, path, &as_seller, "orders", "order_id").await;
    assert_eq!(walked, [&orders[..2], &orders[2..]]);
    let path = "/seller/orders?store=s&limit=1";
    let walked = walk(&app, path, &as_seller, "orders", "order_id").await;
    assert_eq!(walked, [&orders[..1], &orders[2..]]);
}

#[tokio::test]
async fn orders_are_read_by_their_parties() {
    let (app, seller, buyer) = market().await;
    let first = app.order("buyer", &buyer, "s").await;
    let second = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &second).await;
    let buyer = bearer(&buyer);
    let as_buyer = [("authorization", buyer.as_str())];
    let page = get(&app, "/orders?limit=1", &as_buyer).await.json();
    let newest = page["orders"][0]["order_id"].as_str().unwrap().to_owned();
    assert_eq!(page["next"].as_str(), Some(newest.as_str()));
    let older = get(&app, &format!("/orders?after={newest}"), &as_buyer)
        .await
        .json();
    assert_eq!(older["orders"].as_array().unwrap().len(), 1);
    assert_eq!(older["next"], json!(null));
    let placed = get(&app, "/orders?state=placed", &as_buyer).await.json();
    assert_eq!(
        placed["orders"][0]["order_id"].as_str(),
        Some(first.as_str())
    );
    assert_eq!(placed["orders"][0].get("buyer_id"), None, "no user's id");
    let one = get(&app, &format!("/orders/{second}"), &as_buyer).await;
    assert_eq!(one.headers["cache-control"], "private, no-cache");
    assert_eq!(one.json()["state"], "paid");

    let seller = bearer(&seller);
    let as_seller = [("authorization", seller.as_str())];
    let sold = get(&app, "/seller/orders?store=s&state=paid", &as_seller)
        .await
        .json();
    assert_eq!(
        sold["orders"][0]["order_id"].as_str(),
        Some(second.as_str())
    );
    assert_eq!(
        get(&app, "/seller/orders?store=x", &as_seller).await.status,
        404
    );
    assert_eq!(
        get(&app, "/seller/orders?store=s", &as_buyer).await.status,
        404
    );
    assert_eq!(get(&app, "/orders?state=lost", &as_buyer).await.status, 400);
    assert_eq!(get(&app, "/orders?after=x", &as_buyer).await.status, 400);

    let stranger = bearer(&app.user("stranger").await);
    let as_stranger = [("authorization", stranger.as_str())];
    for id in [second.as_str(), "x", "01890000-0000-7000-8000-000000000000"] {
        let reply = get(&app, &format!("/orders/{id}"), &as_stranger).await;
        assert_eq!(reply.status, 404, "{id}");
    }
}

#[tokio::test]
async fn an_account_is_read_by_its_owner() {
    let (app, seller, buyer) = market().await;
    let order = app.order("buyer", &buyer, "s").await;
    app.pay("buyer", &order).await;
    let buyer = bearer(&buyer);
    let account = get(&app, "/account", &[("authorization", &buyer)]).await;
    assert_snapshot!(account.body, @r#"{"user_id":"buyer","balance":800,"held":0,"spendable":800,"registered_at":"2024-01-01T00:00:00.000Z"}"#);
    let page = get(
        &app,
        "/account/postings?limit=1",
        &[("authorization", &buyer)],
    )
    .await
    .json();
    assert_eq!(page["postings"][0]["kind"], "payment");
    assert_eq!(page["postings"][0]["spendable"], -200);
    assert_eq!(
        page["postings"][0]["order_id"].as_str(),
        Some(order.as_str())
    );
    let next = page["next"].as_str().unwrap();
    let path = format!("/account/postings?after={}", encoded(next));
    let rest = get(&app, &path, &[("authorization", &buyer)]).await;
    assert_snapshot!(rest.body, @r#"{"postings":[{"kind":"deposit","at":"2024-01-01T00:00:00.000Z","spendable":1000,"held":0}]}"#);
    let sold = get(&app, "/account/postings", &[("token", &seller)])
        .await
        .json();
    assert_eq!(sold["postings"][0]["held"], 200);
}

#[tokio::test]
async fn without_a_live_token_there_is_nothing_to_read() {
    let (app, _, buyer) = market().await;
    app.post("/auth/logout", json!({"user_id": "buyer"}))
        .token(&buyer)
        .await
        .expect_ok();
    let revoked = bearer(&buyer);
    let session = format!("session={buyer}");
    for path in [
        "/orders",
        "/orders/x",
        "/account",
        "/account/postings",
        "/seller/orders",
    ] {
        for headers in [
            &[][..],
            &[("authorization", "Bearer x")],
            &[("cookie", session.as_str())],
        ] {
            let reply = get(&app, path, headers).await;
            assert_eq!(reply.status, 401, "{path}");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
            assert_eq!(reply.body, r#"{"message":"authorization failed"}"#);
        }
    }
    for path in ["/orders", "/account", "/account/postings", "/seller/orders"] {
        let reply = get(&app, path, &[("authorization", &revoked)]).await;
        assert_eq!(reply.status, 401, "{path}");
    }
}
