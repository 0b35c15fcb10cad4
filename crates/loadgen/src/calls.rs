//! The endpoints of the contract that are used here: their paths and bodies.

use std::borrow::Cow;
use std::fmt::Write;

use crate::http::{Answer, Connection, Failure};
use crate::json::{Object, find_text};
use crate::shop::{Basket, Shop};

/// What is asked of a server. Each has latencies of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    NewOrder,
    Payment,
    CancelOrder,
    SendBooks,
    ReceiveBooks,
    IsOrderCancelled,
    History,
    Queue,
    Account,
    Search,
    Login,
}

impl Step {
    pub const ALL: [Self; 11] = [
        Self::NewOrder,
        Self::Payment,
        Self::CancelOrder,
        Self::SendBooks,
        Self::ReceiveBooks,
        Self::IsOrderCancelled,
        Self::History,
        Self::Queue,
        Self::Account,
        Self::Search,
        Self::Login,
    ];

    pub fn path(self) -> &'static str {
        match self {
            Self::NewOrder => "/buyer/new_order",
            Self::Payment => "/buyer/payment",
            Self::CancelOrder => "/buyer/cancel_order",
            Self::SendBooks => "/seller/send_books",
            Self::ReceiveBooks => "/buyer/receive_books",
            Self::IsOrderCancelled => "/buyer/is_order_cancelled",
            Self::History => "/buyer/check_hist_order",
            Self::Queue => "/seller/list_orders",
            Self::Account => "/buyer/account",
            Self::Search => "/buyer/search",
            Self::Login => "/auth/login",
        }
    }

    /// Whether servers of the contract may do without it.
    pub fn may_be_missing(self) -> bool {
        matches!(self, Self::Search | Self::Account | Self::Queue)
    }

    /// How the tables call it.
    pub fn name(self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or_default()
    }
}

/// A connection, and a buffer for the bodies sent over it.
pub struct Caller {
    connection: Connection,
    body: String,
}

type Answered<'a> = Result<Answer<'a>, Failure>;

impl Caller {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            body: String::new(),
        }
    }

    /// Asks with a body that `write` writes.
    pub async fn post(
        &mut self,
        path: &str,
        token: &str,
        write: impl FnOnce(Object<'_>) -> &[u8],
    ) -> Answered<'_> {
        let body = write(Object::begin(&mut self.body));
        self.connection.post(path, token, body).await
    }

    pub async fn new_order(
        &mut self,
        shop: &Shop,
        buyer: &str,
        token: &str,
        basket: &Basket,
    ) -> Answered<'_> {
        let books = |out: &mut String| write_books(out, shop, basket);
        self.post(Step::NewOrder.path(), token, |object| {
            let object = object.text("user_id", buyer);
            let object = object.text("store_id", &shop.stores[basket.store as usize]);
            object.value("books", books).end()
        })
        .await
    }

    pub async fn payment(&mut self, buyer: &str, password: &str, order: &str) -> Answered<'_> {
        self.post(Step::Payment.path(), "", |object| {
            let object = object.text("user_id", buyer).text("password", password);
            object.text("order_id", order).end()
        })
        .await
    }

    /// One of the steps whose body is a user and an order.
    pub async fn of_order(
        &mut self,
        step: Step,
        user: &str,
        token: &str,
        order: &str,
    ) -> Answered<'_> {
        self.post(step.path(), token, |object| {
            object.text("user_id", user).text("order_id", order).end()
        })
        .await
    }

    pub async fn add_funds(&mut self, user: &str, password: &str, amount_fen: i64) -> Answered<'_> {
        self.post("/buyer/add_funds", "", |object| {
            let object = object.text("user_id", user).text("password", password);
            object.number("add_value", amount_fen).end()
        })
        .await
    }

    pub async fn account(&mut self, user: &str, token: &str) -> Answered<'_> {
        self.post(Step::Account.path(), token, |object| {
            object.text("user_id", user).end()
        })
        .await
    }

    /// The newest orders of a buyer, or those before one of them.
    pub async fn history(
        &mut self,
        buyer: &str,
        token: &str,
        per_page: i64,
        before: Option<&str>,
    ) -> Answered<'_> {
        self.post(Step::History.path(), token, |object| {
            let object = object.text("user_id", buyer).number("per_page", per_page);
            match before {
                Some(before) => object.text("before", before).end(),
                None => object.end(),
            }
        })
        .await
    }

    /// The newest orders that a seller has to send.
    pub async fn queue(&mut self, seller: &str, token: &str, per_page: i64) -> Answered<'_> {
        self.post(Step::Queue.path(), token, |object| {
            let object = object.text("user_id", seller).text("state", "paid");
            object.number("per_page", per_page).end()
        })
        .await
    }

    pub async fn search(&mut self, keyword: &str) -> Answered<'_> {
        self.post(Step::Search.path(), "", |object| {
            object.text("keyword", keyword).end()
        })
        .await
    }

    pub async fn register(&mut self, user: &str, password: &str) -> Answered<'_> {
        self.post("/auth/register", "", |object| {
            object
                .text("user_id", user)
                .text("password", password)
                .end()
        })
        .await
    }

    pub async fn login(&mut self, user: &str, password: &str, terminal: &str) -> Answered<'_> {
        self.post(Step::Login.path(), "", |object| {
            let object = object.text("user_id", user).text("password", password);
            object.text("terminal", terminal).end()
        })
        .await
    }
}

fn write_books(out: &mut String, shop: &Shop, basket: &Basket) {
    out.push('[');
    for (index, (book, count)) in basket.lines.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"id\":\"");
        out.push_str(&shop.books[*book as usize]);
        out.push_str("\",\"count\":");
        write!(out, "{count}}}").expect("a String takes all");
    }
    out.push(']');
}

/// The sentence of an answer, or how its body begins.
pub fn message(body: &[u8]) -> Cow<'_, str> {
    const SHOWN_MAX_BYTES: usize = 200;
    find_text(body, "message")
        .unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX_BYTES)]))
}
