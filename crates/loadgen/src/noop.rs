//! A server that only parses and answers: what this machine can do at most with the stack that
//! `bookstore` uses (hyper under axum, one task a connection). It keeps nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower::Service;

use crate::journal::OrderName;

/// Everybody's token, by which this server is known: there is nothing to audit here.
pub const TOKEN: &str = "noop";

/// The same limits as the server's, so that the same timers run.
const HEADER_TIME_MAX: Duration = Duration::from_secs(75);
const CONNECTION_BUFFER_MAX_BYTES: usize = 64 << 10;
/// How long to wait where no connection can be taken up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until the task is dropped.
pub async fn serve(listener: TcpListener) {
    let router = router();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(CONNECTION_BUFFER_MAX_BYTES);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Where it can't be set answers come later, which the measurement shows.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request| router.clone().call(request));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

fn router() -> Router {
    Router::new()
        .route("/auth/login", post(log_in))
        .route("/buyer/new_order", post(new_order))
        .route("/buyer/payment", post(payment))
        .route("/buyer/check_hist_order", post(orders))
        .route("/seller/list_orders", post(orders))
        .route("/buyer/search", post(search))
        .route("/buyer/account", post(account))
        .fallback(post(anything))
        .with_state(Arc::new(AtomicU64::new(0)))
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what costs, not what becomes of it")]
struct NewOrder {
    user_id: String,
    store_id: String,
    books: Vec<Book>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the same")]
struct Book {
    id: String,
    count: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the same")]
struct Payment {
    user_id: String,
    password: String,
    order_id: String,
}

async fn log_in(Json(_): Json<serde_json::Value>) -> Response {
    json(format!(r#"{{"message":"ok","token":"{TOKEN}"}}"#))
}

async fn new_order(State(orders): State<Arc<AtomicU64>>, Json(_): Json<NewOrder>) -> Response {
    let number = orders.fetch_add(1, Ordering::Relaxed);
    let name = OrderName::Uuid(u128::from(number));
    json(format!(r#"{{"message":"ok","order_id":"{name}"}}"#))
}

async fn payment(Json(_): Json<Payment>) -> Response {
    json(r#"{"message":"ok"}"#)
}

async fn orders(Json(_): Json<serde_json::Value>) -> Response {
    json(r#"{"message":"ok","orders":[]}"#)
}

async fn search(Json(_): Json<serde_json::Value>) -> Response {
    json(r#"{"message":"ok","books":[],"total":0,"page":1,"per_page":10}"#)
}

async fn account(Json(_): Json<serde_json::Value>) -> Response {
    json(r#"{"message":"ok","balance":0,"held":0,"spendable":0}"#)
}

async fn anything(Json(_): Json<serde_json::Value>) -> Response {
    json(r#"{"message":"ok"}"#)
}

fn json(body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
