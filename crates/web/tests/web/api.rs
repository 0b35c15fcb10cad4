//! `/api/v1`: JSON for programs that read.

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
    let mut request = Request::get(format!("/api/v1{path}"));
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
    let mut path = "/stores/s?limit=2".to_owned();
    let mut walked = Vec::new();
    loop {
        let page = get(&app, &path, &[]).await.json();
        for book in page["books"].as_array().unwrap() {
            walked.push(book["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        path = format!("/stores/s?limit=2&after={next}");
    }
    assert_eq!(walked, ["b3", "b2", "b1"]);
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
    let path = format!("/account/postings?after={next}");
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
