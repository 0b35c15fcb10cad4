//! One order in full, for its buyer or its seller, and its receipt.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::{Address, CancelUntil, Order, OrderId, OrderState, OrderStatus};

use super::super::cards::{book_path_in, order_path, price, store_path};
use super::super::forms::{Field, Query};
use super::super::frame::Frame;
use super::super::language::{Moment, yuan};
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::super::words::Words;
use super::Countdown;

/// A step of an order's life.
pub struct Step {
    pub name: &'static str,
    /// When it was taken; `None` where it has not been.
    pub at: Option<Moment>,
}

/// A book of an order.
pub struct LineView {
    pub path: String,
    pub title: String,
    pub count: i64,
    pub price: String,
    pub sum: String,
}

/// What an order shows to its parties.
pub struct OrderView {
    pub id: String,
    pub path: String,
    pub store: String,
    pub store_path: String,
    pub state: &'static str,
    pub state_code: &'static str,
    pub steps: Vec<Step>,
    pub lines: Vec<LineView>,
    pub total: String,
    pub address: Option<Address>,
    pub tracking: Option<String>,
    pub countdown: Countdown,
}

impl OrderView {
    pub fn of(order: &Order, visitor: &Visitor) -> Self {
        let now = visitor.app.clock().now();
        let lines = order.lines.iter().map(|line| LineView {
            path: book_path_in(&line.book, &order.store),
            title: line.title.to_string(),
            count: line.count.get(),
            price: price(line.price),
            sum: yuan(line.price.times(line.count)),
        });
        Self {
            id: order.id.to_string(),
            path: order_path(order.id),
            store: order.store.to_string(),
            store_path: store_path(&order.store),
            state: visitor.language.order_status(order.status()),
            state_code: order.status().as_str(),
            steps: steps(order, visitor.language.words()),
            lines: lines.collect(),
            total: yuan(order.total),
            address: order.address.as_deref().cloned(),
            tracking: order
                .tracking
                .as_ref()
                .map(|tracking| tracking.as_str().to_owned()),
            countdown: Countdown::of(&order.state, now, visitor.language),
        }
    }
}

/// The steps that an order has taken, and those that lie before it.
fn steps(order: &Order, w: &Words) -> Vec<Step> {
    let (paid, sent, received, cancelled) = match order.state {
        OrderState::Placed { .. } => (None, None, None, None),
        OrderState::Paid { paid_at } => (Some(paid_at), None, None, None),
        OrderState::Sent {
            paid_at, sent_at, ..
        } => (Some(paid_at), Some(sent_at), None, None),
        OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        } => (Some(paid_at), Some(sent_at), Some(received_at), None),
        OrderState::Cancelled {
            cancelled_at,
            paid_at,
            sent_at,
        } => (paid_at, sent_at, None, Some(cancelled_at)),
    };
    let step = |name, at: Option<domain::Timestamp>| Step {
        name,
        at: at.map(Moment::of),
    };
    let mut steps = vec![
        step(w.step_placed, Some(order.placed_at())),
        step(w.step_paid, paid),
        step(w.step_sent, sent),
        step(w.step_received, received),
    ];
    if cancelled.is_some() {
        steps.retain(|step| step.at.is_some());
        steps.push(step(w.step_cancelled, cancelled));
    }
    steps
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: OrderView,
    can_pay: bool,
    can_cancel: bool,
    can_receive: bool,
    can_send: bool,
    password: Field,
}

/// `GET /orders/{id}`.
pub async fn order(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let order = find(&visitor, &id).await?;
    let w = visitor.language.words();
    let notice = match query.get("done") {
        "paid" if order.status() != OrderStatus::Placed => Some(w.done_paid),
        "cancelled" if order.status() == OrderStatus::Cancelled => Some(w.done_cancelled),
        "received" if order.status() == OrderStatus::Received => Some(w.done_received),
        "late" => Some(w.too_late_to_cancel),
        "moved" => Some(w.order_wrong_state),
        _ => None,
    };
    show(visitor, &order, notice)
}

pub async fn find(visitor: &Visitor, id: &str) -> Result<Order, Trouble> {
    let reader = visitor.reader()?;
    let id = OrderId::parse(id).ok_or_else(Trouble::not_found)?;
    match visitor.app.order(&reader.bearer, id).await {
        Ok(order) => Ok(order),
        // Another's order is none to him.
        Err(app::Problem::Refused(_)) => Err(Trouble::not_found()),
        Err(problem) => Err(problem.into()),
    }
}

fn show(
    visitor: Visitor,
    order: &Order,
    notice: Option<&'static str>,
) -> Result<Response, Trouble> {
    let user = &visitor.reader()?.account.id;
    let (is_buyer, is_seller) = (order.buyer == *user, order.seller == *user);
    let status = order.status();
    let until = visitor.app.settings().cancel_until;
    let can_cancel = match status {
        OrderStatus::Placed | OrderStatus::Paid => true,
        OrderStatus::Sent => until == CancelUntil::Received,
        OrderStatus::Received | OrderStatus::Cancelled => false,
    };
    let w = visitor.language.words();
    let page = OrderPage {
        frame: visitor.frame(w.order).with_notice(notice),
        order: OrderView::of(order, &visitor),
        can_pay: is_buyer && status == OrderStatus::Placed,
        can_cancel: is_buyer && can_cancel,
        can_receive: is_buyer && status == OrderStatus::Sent,
        can_send: is_seller && status == OrderStatus::Paid,
        password: Field::default(),
    };
    Ok(visitor.private_with(StatusCode::OK, &page))
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    order: OrderView,
}

/// `GET /orders/{id}/receipt`: what was bought, for the printer.
pub async fn receipt(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Trouble> {
    let order = find(&visitor, &id).await?;
    let is_paid = !matches!(
        order.state,
        OrderState::Placed { .. } | OrderState::Cancelled { .. }
    );
    if !is_paid {
        return Err(Trouble::not_found());
    }
    let page = ReceiptPage {
        frame: visitor.frame(visitor.language.words().receipt),
        order: OrderView::of(&order, &visitor),
    };
    Ok(visitor.private(&page))
}
