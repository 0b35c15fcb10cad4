//! What a request costs before and after it is stored: the token's check, and all of an order of
//! five books over storage in memory: routing, JSON both ways, the token, the decision.

use std::sync::Arc;

use app::{App, Settings};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use storage::model::{ManualClock, ModelStorage};
use tokio::runtime::Runtime;
use tower::ServiceExt;

const BOOKS: usize = 5;

async fn post(router: &Router, path: &str, token: &str, body: String) -> Vec<u8> {
    let mut request = Request::post(path)
        .header("content-type", "application/json")
        .header("token", token)
        .body(Body::from(body))
        .expect("a request");
    let client = "192.0.2.1".parse().expect("an address");
    request.extensions_mut().insert(web::ClientAddress(client));
    let Ok(answer) = router.clone().oneshot(request).await;
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    body.to_vec()
}

/// Opens a store with some books. Returns the owner's token.
async fn fill(router: &Router) -> String {
    let credentials = json!({"user_id": "u", "password": "p", "terminal": "t"});
    post(router, "/auth/register", "", credentials.to_string()).await;
    let answer = post(router, "/auth/login", "", credentials.to_string()).await;
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let token = answer["token"].as_str().expect("a token").to_owned();
    let store = json!({"user_id": "u", "store_id": "s"});
    post(router, "/seller/create_store", &token, store.to_string()).await;
    for number in 0..BOOKS {
        let info = json!({"id": format!("b{number}"), "title": "A book", "price": 1});
        let body = json!({
            "user_id": "u", "store_id": "s", "book_info": info, "stock_level": 1_000_000_000,
        });
        post(router, "/seller/add_book", &token, body.to_string()).await;
    }
    token
}

fn requests(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(ModelStorage::new(clock.clone()));
    let app = runtime.block_on(App::new(storage, clock, Settings::default()));
    let app = Arc::new(app.expect("it starts"));
    let router = web::router(app.clone(), web::Setup::default());
    let token = runtime.block_on(fill(&router));
    criterion.bench_function("requests/token", |bencher| {
        bencher.iter(|| app.read_token(&token).expect("it is good"));
    });
    let books: Vec<Value> = (0..BOOKS)
        .map(|number| json!({"id": format!("b{number}"), "count": 1}))
        .collect();
    let order = json!({"user_id": "u", "store_id": "s", "books": books}).to_string();
    criterion.bench_function("requests/order of 5 books", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| post(&router, "/buyer/new_order", &token, order.clone()));
    });
}

criterion_group!(benches, requests);
criterion_main!(benches);
