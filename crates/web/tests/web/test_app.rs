//! The router over the reference engine, with a clock that a test moves.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use app::{App, Settings};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use domain::{Clock, OrderId};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use storage::Storage;
use storage::model::{ManualClock, ModelStorage};
use tower::ServiceExt;
use web::ClientAddress;

/// The whole server without its sockets.
pub struct TestApp {
    pub app: Arc<App>,
    pub router: Router,
    pub clock: Arc<ManualClock>,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let storage = Arc::new(ModelStorage::new(clock.clone()));
        Self::over(storage, clock, settings).await
    }

    pub async fn over(
        storage: Arc<dyn Storage>,
        clock: Arc<ManualClock>,
        settings: Settings,
    ) -> Self {
        let shared: Arc<dyn Clock> = clock.clone();
        let app = App::new(storage, shared, settings).await.unwrap();
        Self::of(app, clock, web::Setup::default())
    }

    /// The router over these use cases.
    pub fn of(app: App, clock: Arc<ManualClock>, setup: web::Setup) -> Self {
        let app = Arc::new(app);
        let router = web::router(app.clone(), setup);
        Self { app, router, clock }
    }

    /// A request to be sent by awaiting it.
    pub fn post(&self, path: &str, body: Value) -> Post {
        self.raw(path, body.to_string())
    }

    /// As [`Self::post`], with a body that need not be JSON.
    pub fn raw(&self, path: &str, body: impl Into<Body>) -> Post {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        Post {
            router: self.router.clone(),
            request,
        }
        .from("192.0.2.1")
    }

    /// Registers somebody, logs him in, and gives his token.
    pub async fn user(&self, name: &str) -> String {
        let body = json!({"user_id": name, "password": password(name)});
        self.post("/auth/register", body).await.expect_ok();
        self.login(name, "t").await
    }

    pub async fn login(&self, name: &str, terminal: &str) -> String {
        self.login_with(name, &password(name), terminal).await
    }

    pub async fn login_with(&self, name: &str, password: &str, terminal: &str) -> String {
        let body = json!({"user_id": name, "password": password, "terminal": terminal});
        let reply = self.post("/auth/login", body).await.expect_ok();
        reply.field("token").as_str().unwrap().to_owned()
    }

    pub async fn fund(&self, name: &str, amount: i64) {
        let body = json!({"user_id": name, "password": password(name), "add_value": amount});
        self.post("/buyer/add_funds", body).await.expect_ok();
    }

    /// Opens a store with the books `b1`, `b2` and `b3`, ten copies each, for 100, 200 and 300.
    pub async fn store(&self, owner: &str, token: &str, store: &str) {
        let body = json!({"user_id": owner, "store_id": store});
        self.post("/seller/create_store", body)
            .token(token)
            .await
            .expect_ok();
        for number in 1..=3 {
            let info = json!({
                "id": format!("b{number}"),
                "title": format!("Book {number}"),
                "price": 100 * number,
            });
            let body =
                json!({"user_id": owner, "store_id": store, "book_info": info, "stock_level": 10});
            self.post("/seller/add_book", body)
                .token(token)
                .await
                .expect_ok();
        }
    }

    /// Orders two copies of `b1`, which cost 200.
    pub async fn order(&self, buyer: &str, token: &str, store: &str) -> String {
        let body = json!({
            "user_id": buyer, "store_id": store, "books": [{"id": "b1", "count": 2}],
        });
        let reply = self
            .post("/buyer/new_order", body)
            .token(token)
            .await
            .expect_ok();
        reply.field("order_id").as_str().unwrap().to_owned()
    }

    pub async fn pay(&self, buyer: &str, order: &str) {
        let body = json!({"user_id": buyer, "password": password(buyer), "order_id": order});
        self.post("/buyer/payment", body).await.expect_ok();
    }

    /// A verb that takes a token, a user and an order.
    pub fn verb(&self, path: &str, user: &str, token: &str, order: &str) -> Post {
        let body = json!({"user_id": user, "order_id": order});
        self.post(path, body).token(token)
    }

    /// The balance, and of that what is held.
    pub async fn money(&self, user: &str, token: &str) -> (i64, i64) {
        let account = self
            .post("/buyer/account", json!({"user_id": user}))
            .token(token);
        let account = account.await.expect_ok();
        let number = |name: &str| account.field(name).as_i64().unwrap();
        assert_eq!(number("spendable"), number("balance") - number("held"));
        (number("balance"), number("held"))
    }

    /// How many copies of a book there are, found out by asking for more than there ever can be.
    pub async fn stock(&self, user: &str, token: &str, store: &str, book: &str) -> i64 {
        let books = json!([{"id": book, "count": 1_000_000_000}]);
        let body = json!({"user_id": user, "store_id": store, "books": books});
        let reply = self.post("/buyer/new_order", body).token(token).await;
        assert_eq!(reply.status, 517, "{reply}");
        let message = reply.message();
        message.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Everybody's password in these tests.
pub fn password(name: &str) -> String {
    format!("secret of {name}")
}

/// A request that is sent when it is awaited.
pub struct Post {
    router: Router,
    request: Request<Body>,
}

impl Post {
    pub fn token(self, token: &str) -> Self {
        self.header("token", token)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// From that client address.
    pub fn from(mut self, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.request.extensions_mut().insert(ClientAddress(address));
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request
            .headers_mut()
            .insert(name, value.parse().unwrap());
        self
    }

    pub fn without_header(mut self, name: &'static str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    pub fn method(mut self, method: &str) -> Self {
        *self.request.method_mut() = method.parse().unwrap();
        self
    }
}

impl IntoFuture for Post {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let answer = self.router.oneshot(self.request).await.unwrap();
            Reply::of(answer).await
        })
    }
}

/// An answer. Shown as its status and its body, with ids that differ each time redacted.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    async fn of(answer: Response<Body>) -> Self {
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.headers["content-type"], "application/json");
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    #[track_caller]
    pub fn expect_ok(self) -> Self {
        assert_eq!(self.status, 200, "{self}");
        assert_eq!(self.field("message"), "ok");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn field(&self, name: &str) -> Value {
        self.json()[name].clone()
    }

    pub fn message(&self) -> String {
        self.field("message").as_str().unwrap().to_owned()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, redacted(&self.body))
    }
}

fn redacted(text: &str) -> String {
    let is_quote = |character| matches!(character, '"' | '`');
    let pieces = text.split_inclusive(is_quote).map(|piece| {
        let end = piece.trim_end_matches(is_quote).len();
        let (word, quote) = piece.split_at(end);
        let is_request = word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = match word {
            _ if OrderId::parse(word).is_some() => "[order]",
            _ if word.starts_with("eyJ") => "[token]",
            _ if is_request => "[request]",
            _ => word,
        };
        format!("{word}{quote}")
    });
    pieces.collect()
}
