//! Paying, cancelling, receiving: what a buyer does about his orders.

use app::{KeepRequest, Problem};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::order::{CancelOrderRefusal, PayOrderRefusal};
use domain::{Fen, IdempotencyKey, OrderId, OrderStatus};

use super::super::cards::order_path;
use super::super::forms::{Field, Submitted};
use super::super::frame::Frame;
use super::super::language::yuan;
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::list::OrderRow;
use super::page::find;

/// How many orders are paid at once.
const PAID_AT_ONCE_MAX: usize = 50;

/// Where paying goes on after something was wrong.
#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage {
    frame: Frame,
    orders: Vec<(OrderId, OrderRow)>,
    total: String,
    password: Field,
    is_short_of_money: bool,
}

/// `POST /orders/pay`: pays the orders `order`, one after the other.
pub async fn pay(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    visitor.reader()?;
    let orders: Vec<OrderId> = fields.all("order").filter_map(OrderId::parse).collect();
    if orders.is_empty() || orders.len() > PAID_AT_ONCE_MAX {
        return Err(Trouble::bad());
    }
    let w = visitor.language.words();
    let Some(credentials) = visitor.credentials(fields.get("password"))? else {
        return show(visitor, &orders, Some(w.must_be_filled), false).await;
    };
    for (place, order) in orders.iter().enumerate() {
        let paying = visitor.app.pay_order(&credentials, keep(*order), *order);
        match paying.await {
            Ok(_) => {}
            Err(Problem::Unauthorized) => {
                return show(visitor, &orders[place..], Some(w.wrong_password), false).await;
            }
            Err(Problem::Refused(PayOrderRefusal::InsufficientFunds(_))) => {
                return show(visitor, &orders[place..], None, true).await;
            }
            // Its own page says what has become of it.
            Err(Problem::Refused(PayOrderRefusal::NotPlaced(_))) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    match orders[..] {
        [order] => {
            let found = find(&visitor, &order.to_string()).await?;
            let is_paid = found.status() == OrderStatus::Paid;
            let done = if is_paid { "paid" } else { "moved" };
            Ok(visitor.go(&format!("{}?done={done}", order_path(order))))
        }
        _ => Ok(visitor.go("/orders?done=paid")),
    }
}

/// An order is paid once, however often the button is pressed.
fn keep(order: OrderId) -> Option<KeepRequest> {
    Some(KeepRequest {
        key: IdempotencyKey::new(&order.to_string())?,
        endpoint: "shop/pay",
        body: Vec::new(),
        answer: b"paid".as_slice().into(),
    })
}

async fn show(
    visitor: Visitor,
    orders: &[OrderId],
    error: Option<&'static str>,
    is_short_of_money: bool,
) -> Result<Response, Trouble> {
    let mut rows = Vec::new();
    let mut total = Fen::ZERO;
    for id in orders {
        let order = find(&visitor, &id.to_string()).await?;
        total = total.plus(order.total).unwrap_or(total);
        rows.push((*id, OrderRow::of(&order, &visitor)));
    }
    let page = PayPage {
        frame: visitor.frame(visitor.language.words().pay),
        orders: rows,
        total: yuan(total),
        password: Field {
            value: String::new(),
            error,
        },
        is_short_of_money,
    };
    Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST /orders/{id}/cancel`.
pub async fn cancel(Path(id): Path<String>, submitted: Submitted) -> Result<Response, Trouble> {
    let visitor = submitted.visitor;
    let reader = visitor.reader()?;
    let order = find(&visitor, &id).await?.id;
    let buyer = reader.account.id.clone();
    let cancelling = visitor.app.cancel_order(&reader.bearer, buyer, None, order);
    let done = match cancelling.await {
        Ok(_) => "cancelled",
        Err(Problem::Refused(CancelOrderRefusal::TooLate(_))) => "late",
        Err(Problem::Refused(CancelOrderRefusal::AlreadyCancelled(_))) => "cancelled",
        Err(problem) => return Err(problem.into()),
    };
    Ok(visitor.go(&format!("{}?done={done}", order_path(order))))
}

/// `POST /orders/{id}/receive`.
pub async fn receive(Path(id): Path<String>, submitted: Submitted) -> Result<Response, Trouble> {
    let visitor = submitted.visitor;
    let reader = visitor.reader()?;
    let order = find(&visitor, &id).await?.id;
    let buyer = reader.account.id.clone();
    let receiving = visitor
        .app
        .receive_order(&reader.bearer, buyer, None, order);
    let done = match receiving.await {
        Ok(_) => "received",
        // Received already, or cancelled meanwhile: the page says which.
        Err(Problem::Refused(_)) => "moved",
        Err(problem) => return Err(problem.into()),
    };
    Ok(visitor.go(&format!("{}?done={done}", order_path(order))))
}
