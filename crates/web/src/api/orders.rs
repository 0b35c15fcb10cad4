//! Orders, for their two parties.

use std::sync::Arc;

use app::App;
use app::orders::OrderPage;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use domain::{Order, OrderId, StoreId};
use serde::Serialize;

use super::query::Query;
use super::reply::{ApiError, Known};
use crate::Web;
use crate::contract::{HistoryBudget, WireOrder};
use crate::extract::Token;

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/orders", get(list))
        .route("/orders/{id}", get(order))
        .route("/seller/orders", get(list_of_seller))
}

#[derive(Serialize)]
struct OrdersJson<'a> {
    orders: Vec<WireOrder<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> OrdersJson<'a> {
    fn of(orders: &'a [Order], limit: u32) -> Self {
        let page = &orders[..orders.len().min(limit as usize)];
        let last = page.last().filter(|_| orders.len() > page.len());
        Self {
            next: last.map(|order| order.id.to_string()),
            orders: page.iter().map(WireOrder::between_parties).collect(),
        }
    }
}

/// One order more than the page has, to see whether more follow.
fn page(query: &Query) -> Result<(OrderPage, u32), ApiError> {
    let limit = query.limit()?;
    let page = OrderPage {
        status: query.state()?,
        before: query.after_order()?,
        offset: 0,
        limit: limit + 1,
    };
    Ok((page, limit))
}

/// `GET /api/v1/orders`: what the token's user ordered, newest first; `state`, `after`, `limit`.
/// 200, 400, 401.
async fn list(
    State(app): State<Arc<App>>,
    State(budget): State<Arc<HistoryBudget>>,
    token: Result<Token, crate::error::ErrorAnswer>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let Token(bearer) = token?;
    let (page, limit) = page(&query)?;
    let _held = budget.take(&page).await?;
    let buyer = bearer.terminal.user.clone();
    let orders = app.buyer_orders(&bearer, &buyer, page).await?;
    Ok(known.private(&OrdersJson::of(&orders, limit)))
}

/// `GET /api/v1/seller/orders`: what the token's user sells, newest first; `store`, `state`,
/// `after`, `limit`. 200, 400, 401, 404 for a store that is not his.
async fn list_of_seller(
    State(app): State<Arc<App>>,
    State(budget): State<Arc<HistoryBudget>>,
    token: Result<Token, crate::error::ErrorAnswer>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let Token(bearer) = token?;
    let (page, limit) = page(&query)?;
    let store = query.read("store", "the id of a store", |text| StoreId::new(text).ok())?;
    let _held = budget.take(&page).await?;
    let seller = bearer.terminal.user.clone();
    let listing = app.seller_orders(&bearer, &seller, store, page).await;
    let orders = match listing {
        Err(app::Problem::Refused(_)) => return Err(ApiError::not_found()),
        listing => listing?,
    };
    Ok(known.private(&OrdersJson::of(&orders, limit)))
}

/// `GET /api/v1/orders/{id}`: an order, for its buyer or its seller. 200, 401, 404.
async fn order(
    State(app): State<Arc<App>>,
    token: Result<Token, crate::error::ErrorAnswer>,
    Path(id): Path<String>,
    known: Known,
) -> Result<Response, ApiError> {
    let Token(bearer) = token?;
    let id = OrderId::parse(&id).ok_or_else(ApiError::not_found)?;
    match app.order(&bearer, id).await {
        Ok(order) => Ok(known.private(&WireOrder::between_parties(&order))),
        // Another's order is none to him.
        Err(app::Problem::Refused(_)) => Err(ApiError::not_found()),
        Err(problem) => Err(problem.into()),
    }
}
