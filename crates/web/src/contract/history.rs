//! Histories: which orders are asked for, and how the wire writes them.

use std::time::{Duration, UNIX_EPOCH};

use app::orders::OrderPage;
use axum::response::Response;
use domain::{Order, OrderId, OrderState, OrderStatus, OutOfRange, Timestamp};
use humantime::format_rfc3339_millis;
use serde::{Serialize, Serializer};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer;
use crate::error::{self, ErrorAnswer};
use crate::field::{FromInteger, Number, Text};

/// How many orders a page has where nobody says.
pub const PER_PAGE_DEFAULT: u32 = 100;
/// How many orders a page has at most.
pub const PER_PAGE_MAX: u32 = 1_000;
/// How deep into a history pages reach: the limit of `page` × `per_page`.
pub const DEPTH_MAX: u32 = 10_000;
/// How many orders the answers in the making may hold together. An order may be long: a thousand
/// lines take half a MiB and more.
pub const ORDERS_IN_FLIGHT_MAX: usize = 2_000;
/// How long an answer waits for its turn.
pub const ORDERS_WAIT_MAX: Duration = Duration::from_secs(5);
/// Answers with more order lines are written off the async threads.
const WRITE_INLINE_MAX_LINES: usize = 5_000;
/// The last moment that RFC 3339 can write.
const LAST_MILLIS: u64 = 253_402_300_799_999;

/// A page's number, from 1.
pub struct Page(u32);

/// How many orders a page has.
pub struct PerPage(u32);

fn within(number: i64, max: u32) -> Result<u32, OutOfRange> {
    let out_of_range = OutOfRange {
        min: 1,
        max: i64::from(max),
    };
    let number = u32::try_from(number).map_err(|_| out_of_range)?;
    (1..=max)
        .contains(&number)
        .then_some(number)
        .ok_or(out_of_range)
}

impl FromInteger for Page {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        within(number, DEPTH_MAX).map(Self)
    }
}

impl FromInteger for PerPage {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        within(number, PER_PAGE_MAX).map(Self)
    }
}

/// Orders that answers in the making may still hold.
pub(crate) struct HistoryBudget(Semaphore);

impl Default for HistoryBudget {
    fn default() -> Self {
        Self(Semaphore::new(ORDERS_IN_FLIGHT_MAX))
    }
}

impl HistoryBudget {
    /// Waits until a page of that many orders fits.
    ///
    /// # Errors
    /// 503 where that takes too long.
    pub async fn take(&self, page: &OrderPage) -> Result<SemaphorePermit<'_>, ErrorAnswer> {
        let permit = tokio::time::timeout(ORDERS_WAIT_MAX, self.0.acquire_many(page.limit));
        let permit = permit.await.map_err(|_| error::overloaded())?;
        Ok(permit.expect("the budget is never closed"))
    }
}

/// The part of a history that a body asks for.
///
/// # Errors
/// 400 past [`DEPTH_MAX`], and for `before` together with a later page.
pub fn page(
    state: Option<Text<OrderStatus>>,
    page: Option<Number<Page>>,
    per_page: Option<Number<PerPage>>,
    before: Option<Text<OrderId>>,
) -> Result<OrderPage, ErrorAnswer> {
    let page = page.map_or(1, |Number(Page(page))| page);
    let limit = per_page.map_or(PER_PAGE_DEFAULT, |Number(PerPage(per_page))| per_page);
    if page * limit > DEPTH_MAX {
        let words = format_args!(
            "times `per_page` must be at most {DEPTH_MAX}; hint: walk on with `before`"
        );
        return Err(error::invalid_field("page", words));
    }
    if before.is_some() && page != 1 {
        return Err(error::invalid_field("page", "must be 1 beside `before`"));
    }
    Ok(OrderPage {
        status: state.map(|Text(status)| status),
        before: before.map(|Text(before)| before),
        offset: (page - 1) * limit,
        limit,
    })
}

#[derive(Serialize)]
struct Orders<'a> {
    orders: Vec<WireOrder<'a>>,
}

/// The answer that holds these orders.
pub async fn answer(orders: Vec<Order>) -> Response {
    let lines: usize = orders.iter().map(|order| order.lines.len()).sum();
    if lines <= WRITE_INLINE_MAX_LINES {
        return answer::json(write(&orders));
    }
    let writing = tokio::task::spawn_blocking(move || write(&orders));
    answer::json(writing.await.expect("writing orders does not panic"))
}

fn write(orders: &[Order]) -> Vec<u8> {
    let orders = orders.iter().map(WireOrder::of).collect();
    answer::ok_bytes(&Orders { orders })
}

/// A moment as RFC 3339 in UTC, to the millisecond.
pub(crate) struct WireTime(pub(crate) Timestamp);

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(self.0.millis()).unwrap_or(0).min(LAST_MILLIS);
        let time = UNIX_EPOCH + Duration::from_millis(millis);
        serializer.collect_str(&format_rfc3339_millis(time))
    }
}

#[derive(Serialize)]
struct WireLine<'a> {
    book_id: &'a str,
    title: &'a str,
    count: i64,
    price: i64,
}

#[derive(Serialize)]
struct WireAddress<'a> {
    name: &'a str,
    phone: &'a str,
    text: &'a str,
}

/// The times that an order's state knows.
#[derive(Serialize, Default)]
struct Times {
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_before: Option<WireTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<WireTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<WireTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<WireTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<WireTime>,
}

impl Times {
    fn of(state: &OrderState) -> Self {
        let none = Self::default();
        match *state {
            OrderState::Placed { pay_before } => Self {
                pay_before: Some(WireTime(pay_before)),
                ..none
            },
            OrderState::Paid { paid_at } => Self {
                paid_at: Some(WireTime(paid_at)),
                ..none
            },
            OrderState::Sent {
                paid_at, sent_at, ..
            } => Self {
                paid_at: Some(WireTime(paid_at)),
                sent_at: Some(WireTime(sent_at)),
                ..none
            },
            OrderState::Received {
                paid_at,
                sent_at,
                received_at,
            } => Self {
                paid_at: Some(WireTime(paid_at)),
                sent_at: Some(WireTime(sent_at)),
                received_at: Some(WireTime(received_at)),
                ..none
            },
            OrderState::Cancelled {
                cancelled_at,
                paid_at,
                sent_at,
            } => Self {
                paid_at: paid_at.map(WireTime),
                sent_at: sent_at.map(WireTime),
                cancelled_at: Some(WireTime(cancelled_at)),
                ..none
            },
        }
    }
}

/// An order as its two parties see it.
#[derive(Serialize)]
pub(crate) struct WireOrder<'a> {
    order_id: String,
    store_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<&'a str>,
    state: &'static str,
    total_price: i64,
    placed_at: WireTime,
    #[serde(flatten)]
    times: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<WireAddress<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<&'a str>,
    details: Vec<WireLine<'a>>,
}

impl<'a> WireOrder<'a> {
    /// The order without the name of either's account.
    pub(crate) fn between_parties(order: &'a Order) -> Self {
        Self {
            buyer_id: None,
            ..Self::of(order)
        }
    }

    fn of(order: &'a Order) -> Self {
        let lines = order.lines.iter().map(|line| WireLine {
            book_id: line.book.as_str(),
            title: &line.title,
            count: line.count.get(),
            price: line.price.get(),
        });
        let address = order.address.as_deref().map(|address| WireAddress {
            name: &address.name,
            phone: &address.phone,
            text: &address.text,
        });
        Self {
            order_id: order.id.to_string(),
            store_id: order.store.as_str(),
            buyer_id: Some(order.buyer.as_str()),
            state: order.status().as_str(),
            total_price: order.total.get(),
            placed_at: WireTime(order.placed_at()),
            times: Times::of(&order.state),
            address,
            tracking: order.tracking.as_ref().map(domain::Tracking::as_str),
            details: lines.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_in_the_making_have_a_budget() {
        let budget = HistoryBudget::default();
        let largest = page(None, None, Some(Number(PerPage(PER_PAGE_MAX))), None).unwrap();
        let usual = page(None, None, None, None).unwrap();
        let first = budget.take(&largest).await.unwrap();
        let second = budget.take(&largest).await.unwrap();
        let refused = budget.take(&usual).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 503);
        drop(first);
        drop(budget.take(&usual).await.unwrap());
        drop(second);
    }

    #[test]
    fn every_moment_can_be_written() {
        let write = |millis| serde_json::to_string(&WireTime(Timestamp::from_millis(millis)));
        assert_eq!(write(0).unwrap(), r#""1970-01-01T00:00:00.000Z""#);
        assert_eq!(write(-1).unwrap(), r#""1970-01-01T00:00:00.000Z""#);
        assert_eq!(write(i64::MAX).unwrap(), r#""9999-12-31T23:59:59.999Z""#);
    }
}
