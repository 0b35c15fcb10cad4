//! The token's user: what he has, and what moved it.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::EntryKind;
use serde::Serialize;
use storage::Movement;

use super::query::{Query, next};
use super::reply::{ApiError, Known};
use crate::Web;
use crate::contract::WireTime;
use crate::error::ErrorAnswer;
use crate::extract::Token;

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/account", get(account))
        .route("/account/postings", get(postings))
}

#[derive(Serialize)]
struct AccountJson {
    user_id: String,
    balance: i64,
    held: i64,
    spendable: i64,
    registered_at: WireTime,
}

/// `GET /api/v1/account`. 200, 401.
async fn account(
    State(app): State<Arc<App>>,
    token: Result<Token, ErrorAnswer>,
    known: Known,
) -> Result<Response, ApiError> {
    let Token(bearer) = token?;
    let account = app.account(&bearer).await?;
    Ok(known.private(&AccountJson {
        balance: account.balance.get(),
        held: account.held.get(),
        spendable: account.spendable().get(),
        registered_at: WireTime(account.registered_at),
        user_id: account.id.to_string(),
    }))
}

#[derive(Serialize)]
struct PostingJson {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    at: WireTime,
    spendable: i64,
    held: i64,
}

impl PostingJson {
    fn of(movement: &Movement) -> Self {
        let kind = match movement.kind {
            EntryKind::Deposit => "deposit",
            EntryKind::Withdrawal => "withdrawal",
            EntryKind::Payment => "payment",
            EntryKind::Release => "release",
            EntryKind::Refund => "refund",
        };
        Self {
            kind,
            order_id: movement.order.map(|order| order.to_string()),
            at: WireTime(movement.at),
            spendable: movement.spendable.get(),
            held: movement.held.get(),
        }
    }
}

#[derive(Serialize)]
struct PostingsJson {
    postings: Vec<PostingJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/account/postings`: what moved the user's money, newest first; `after`, `limit`.
/// 200, 400, 401.
async fn postings(
    State(app): State<Arc<App>>,
    token: Result<Token, ErrorAnswer>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let Token(bearer) = token?;
    let list = ["postings", bearer.terminal.user.as_str()];
    let after = query.after(&list)?;
    let movements = app.movements(&bearer, after, query.limit()?).await?;
    Ok(known.private(&PostingsJson {
        postings: movements.rows.iter().map(PostingJson::of).collect(),
        next: movements.next.map(|place| next(&list, &place)),
    }))
}
