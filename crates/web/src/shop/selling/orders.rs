//! The orders to be sent, and sending them.

use app::Problem;
use app::orders::OrderPage;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::order::{CONTACT_MAX_CHARACTERS, SendOrderRefusal};
use domain::{OrderId, OrderStatus, Tracking};

use super::super::forms::{Field, Query, Submitted};
use super::super::frame::Frame;
use super::super::orders::list::ORDERS_A_PAGE;
use super::super::orders::page::{OrderView, find};
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;

#[derive(Template)]
#[template(path = "selling.html")]
struct SellingPage {
    frame: Frame,
    orders: Vec<(OrderView, Field)>,
    older: Option<String>,
}

/// `GET /selling`: paid orders in the reader's stores.
pub async fn list(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let notice = (query.get("done") == "sent").then_some(visitor.language.words().done_sent);
    let before = OrderId::parse(query.get("before"));
    show(visitor, before, None, notice).await
}

async fn show(
    visitor: Visitor,
    before: Option<OrderId>,
    wrong: Option<(OrderId, Field)>,
    notice: Option<&'static str>,
) -> Result<Response, Trouble> {
    let reader = visitor.reader()?;
    let page = OrderPage {
        status: Some(OrderStatus::Paid),
        before,
        offset: 0,
        limit: ORDERS_A_PAGE + 1,
    };
    let user = &reader.account.id;
    let listing = visitor.app.seller_orders(&reader.bearer, user, None, page);
    let mut orders = listing.await?;
    let has_more = orders.len() > ORDERS_A_PAGE as usize;
    orders.truncate(ORDERS_A_PAGE as usize);
    let last = orders.last().filter(|_| has_more);
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let view = |order: &domain::Order| {
        let field = wrong.as_ref().filter(|(id, _)| *id == order.id);
        let field = field.map_or_else(Field::default, |(_, field)| field.clone());
        (OrderView::of(order, &visitor), field)
    };
    let w = visitor.language.words();
    let page = SellingPage {
        frame: visitor.frame(w.selling_title).with_notice(notice),
        older: last.map(|last| format!("/selling?before={}", last.id)),
        orders: orders.iter().map(view).collect(),
    };
    Ok(visitor.private_with(status, &page))
}

/// `POST /selling/{id}/send`.
pub async fn send(Path(id): Path<String>, submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    let order = find(&visitor, &id).await?.id;
    let typed = fields.text("tracking");
    let w = visitor.language.words();
    let Ok(tracking) = Tracking::new(typed) else {
        let cut: String = typed.chars().take(2 * CONTACT_MAX_CHARACTERS).collect();
        let wrong = Some((order, Field::wrong(cut, w.too_long)));
        return show(visitor, None, wrong, None).await;
    };
    let tracking = (!typed.is_empty()).then_some(tracking);
    let reader = visitor.reader()?;
    let seller = reader.account.id.clone();
    let sending = visitor
        .app
        .send_order(&reader.bearer, seller, None, order, tracking);
    match sending.await {
        Ok(_) | Err(Problem::Refused(SendOrderRefusal::AlreadySent(_))) => {
            Ok(visitor.go("/selling?done=sent"))
        }
        Err(Problem::Refused(SendOrderRefusal::NotPaid(_))) => {
            show(visitor, None, None, Some(w.order_wrong_state)).await
        }
        Err(problem) => Err(problem.into()),
    }
}
