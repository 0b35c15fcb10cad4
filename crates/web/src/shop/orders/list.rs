//! A reader's orders.

use app::orders::OrderPage;
use askama::Template;
use axum::response::Response;
use domain::{Order, OrderId, OrderStatus};

use super::super::cards::order_path;
use super::super::forms::Query;
use super::super::frame::Frame;
use super::super::language::{Moment, yuan};
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::Countdown;

/// How many orders a page has.
pub const ORDERS_A_PAGE: u32 = 20;

/// A state to choose.
pub struct Tab {
    pub path: String,
    pub name: &'static str,
    pub is_chosen: bool,
}

/// An order in a list.
pub struct OrderRow {
    pub path: String,
    pub store: String,
    pub placed_at: Moment,
    pub titles: Vec<String>,
    pub more_titles: usize,
    pub total: String,
    pub state: &'static str,
    pub state_code: &'static str,
    pub countdown: Countdown,
}

/// How many titles of an order are shown.
const TITLES_SHOWN: usize = 3;

impl OrderRow {
    pub fn of(order: &Order, visitor: &Visitor) -> Self {
        let now = visitor.app.clock().now();
        let titles = order.lines.iter().take(TITLES_SHOWN);
        Self {
            path: order_path(order.id),
            store: order.store.to_string(),
            placed_at: Moment::of(order.placed_at()),
            titles: titles.map(|line| line.title.to_string()).collect(),
            more_titles: order.lines.len().saturating_sub(TITLES_SHOWN),
            total: yuan(order.total),
            state: visitor.language.order_status(order.status()),
            state_code: order.status().as_str(),
            countdown: Countdown::of(&order.state, now, visitor.language),
        }
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    tabs: Vec<Tab>,
    orders: Vec<OrderRow>,
    older: Option<String>,
}

/// `GET /orders`, of one state with `?state=`, behind an order with `?before=`.
pub async fn list(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let reader = visitor.reader()?;
    let status = OrderStatus::parse(query.get("state"));
    let page = OrderPage {
        status,
        before: OrderId::parse(query.get("before")),
        offset: 0,
        limit: ORDERS_A_PAGE + 1,
    };
    let listing = visitor
        .app
        .buyer_orders(&reader.bearer, &reader.account.id, page);
    let mut orders = listing.await?;
    let has_more = orders.len() > ORDERS_A_PAGE as usize;
    orders.truncate(ORDERS_A_PAGE as usize);
    let w = visitor.language.words();
    let notice = (query.get("done") == "paid").then_some(w.done_paid);
    let last = orders.last().filter(|_| has_more);
    let page = OrdersPage {
        frame: visitor.frame(w.orders_title).with_notice(notice),
        tabs: tabs(&visitor, status),
        older: last.map(|last| {
            let state =
                status.map_or_else(String::new, |status| format!("&state={}", status.as_str()));
            format!("/orders?before={}{state}", last.id)
        }),
        orders: orders
            .iter()
            .map(|order| OrderRow::of(order, &visitor))
            .collect(),
    };
    Ok(visitor.private(&page))
}

fn tabs(visitor: &Visitor, chosen: Option<OrderStatus>) -> Vec<Tab> {
    let all = Tab {
        path: "/orders".to_owned(),
        name: visitor.language.words().all_states,
        is_chosen: chosen.is_none(),
    };
    let of_status = OrderStatus::ALL.map(|status| Tab {
        path: format!("/orders?state={}", status.as_str()),
        name: visitor.language.order_status(status),
        is_chosen: chosen == Some(status),
    });
    [all].into_iter().chain(of_status).collect()
}
