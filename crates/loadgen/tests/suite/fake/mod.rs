//! A small shop in memory that keeps the contract, but for the flaw that it is given.

mod orders;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use loadgen::http::Target;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

pub use orders::Order;

/// What a shop does wrong. What happens "sometimes" happens every time a counter is a multiple of
/// [`SOMETIMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    #[default]
    None,
    /// Sometimes an order is acknowledged and not kept.
    LosesOrders,
    /// Sometimes an order is kept twice.
    DoublesOrders,
    /// Sometimes a payment is acknowledged and not made.
    LosesPayments,
    /// Sometimes a payment is made twice.
    DoublesPayments,
    /// Sometimes an order loses a line.
    ChangesOrders,
    /// The hot book is taken off the shelf twice.
    TakesTwice,
    /// Sometimes an order or a payment is made and the answer is 530. No promise is broken.
    LosesAnswers,
    /// The 100th order holds the whole shop up for [`STALL`]. No promise is broken.
    Stalls,
    /// Every second order is turned away with 503.
    Sheds,
    Oversells,
    PaysTwice,
    PaysCancelled,
    Overspends,
    CancelsTwice,
    TakesParts,
}

pub const SOMETIMES: u64 = 50;
pub const STALL: Duration = Duration::from_millis(400);

/// What a shop lacks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lacks {
    pub account: bool,
    pub queues: bool,
    pub histories: bool,
}

#[derive(Debug, Default)]
pub struct Shop {
    pub flaw: Flaw,
    lacks: Lacks,
    users: BTreeMap<String, User>,
    stores: BTreeMap<String, Store>,
    orders: Vec<Order>,
    placed: u64,
    paid: u64,
}

#[derive(Debug, Default)]
struct User {
    password: String,
    fen: i64,
    held_fen: i64,
}

#[derive(Debug, Default)]
struct Store {
    owner: String,
    /// Price and copies.
    books: BTreeMap<String, (i64, i64)>,
}

/// An answer: its status, and its body but for the message.
type Answer = (u16, Value);

const OK: u16 = 200;

/// Starts a shop, which ends with the test's runtime.
pub async fn start(flaw: Flaw, lacks: Lacks) -> Arc<Target> {
    let shop = Shop {
        flaw,
        lacks,
        ..Shop::default()
    };
    let router = Router::new()
        .route("/{role}/{verb}", post(answer))
        .with_state(Arc::new(Mutex::new(shop)));
    serve(router).await
}

pub async fn serve(router: Router) -> Arc<Target> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Arc::new(format!("http://{address}").parse().unwrap())
}

async fn answer(
    State(shop): State<Arc<Mutex<Shop>>>,
    Path((role, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let token = headers.get("token").map(|token| token.to_str().unwrap());
    let mut shop = shop.lock().await;
    let (status, mut body) = match shop.is_let_in(&role, &verb, token, &body) {
        true => shop.answer(&role, &verb, &body),
        false => (401, json!({})),
    };
    if shop.flaw == Flaw::Stalls && verb == "new_order" && shop.placed == 100 {
        // With the lock held, so that everybody waits.
        tokio::time::sleep(STALL).await;
    }
    body["message"] = if status == OK { "ok" } else { "no" }.into();
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

pub fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap()
}

impl Shop {
    /// A token is its user's name; a password is checked where there is one.
    fn is_let_in(&self, role: &str, verb: &str, token: Option<&str>, body: &Value) -> bool {
        match (role, verb) {
            ("auth", "register") | ("buyer", "search") => true,
            ("auth", "login") | ("buyer", "payment" | "add_funds") => self
                .users
                .get(text(body, "user_id"))
                .is_some_and(|user| user.password == text(body, "password")),
            _ => token == Some(text(body, "user_id")),
        }
    }

    fn answer(&mut self, role: &str, verb: &str, body: &Value) -> Answer {
        match (role, verb) {
            ("auth", "register") => self.register(body),
            ("auth", "login") => (OK, json!({"token": body["user_id"]})),
            ("seller", "create_store") => self.create_store(body),
            ("seller", "add_book") => self.add_book(body),
            ("seller", "send_books") => self.send_books(body),
            ("buyer", "add_funds") => self.add_funds(body),
            ("buyer", "new_order") => self.new_order(body),
            ("buyer", "payment") => self.payment(body),
            ("buyer", "receive_books") => self.receive_books(body),
            ("buyer", "cancel_order") => self.cancel_order(body),
            ("buyer", "is_order_cancelled") => self.is_order_cancelled(body),
            ("buyer", "check_hist_order") if !self.lacks.histories => self.history(body),
            ("seller", "list_orders") if !self.lacks.queues => self.queue(body),
            ("buyer", "account") if !self.lacks.account => self.account(body),
            _ => (404, json!({})),
        }
    }

    fn register(&mut self, body: &Value) -> Answer {
        let id = text(body, "user_id").to_owned();
        if self.users.contains_key(&id) {
            return (512, json!({}));
        }
        let user = User {
            password: text(body, "password").to_owned(),
            ..User::default()
        };
        self.users.insert(id, user);
        (OK, json!({}))
    }

    fn create_store(&mut self, body: &Value) -> Answer {
        let id = text(body, "store_id").to_owned();
        if self.stores.contains_key(&id) {
            return (514, json!({}));
        }
        let store = Store {
            owner: text(body, "user_id").to_owned(),
            ..Store::default()
        };
        self.stores.insert(id, store);
        (OK, json!({}))
    }

    fn add_book(&mut self, body: &Value) -> Answer {
        let store = self.stores.get_mut(text(body, "store_id")).unwrap();
        let id = text(&body["book_info"], "id").to_owned();
        if store.books.contains_key(&id) {
            return (516, json!({}));
        }
        let price = body["book_info"]["price"].as_i64().unwrap();
        let stock = body["stock_level"].as_i64().unwrap();
        store.books.insert(id, (price, stock));
        (OK, json!({}))
    }

    fn user(&mut self, id: &str) -> &mut User {
        self.users.get_mut(id).unwrap()
    }

    fn add_funds(&mut self, body: &Value) -> Answer {
        let amount = body["add_value"].as_i64().unwrap();
        let user = self.user(text(body, "user_id"));
        if user.fen - user.held_fen + amount < 0 {
            return (519, json!({}));
        }
        user.fen += amount;
        (OK, json!({}))
    }

    fn account(&mut self, body: &Value) -> Answer {
        let user = self.user(text(body, "user_id"));
        (
            OK,
            json!({"balance": user.fen, "held": user.held_fen, "spendable": user.fen - user.held_fen}),
        )
    }
}
