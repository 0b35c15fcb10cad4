//! Lists of orders: histories and queues, newest first, and deadlines, earliest first.
//!
//! A deadline counts from its instant, so an order past it stands in the list of the state that
//! it *is* in, before the sweep has written that down. Such orders are few; the indexes on the
//! deadlines find them, and every list is a merge of such parts, each in order and limited. No
//! part is sorted but the overdue ones.

use domain::{Order, OrderId, OrderStatus, Timestamp};
use rusqlite::{Connection, params_from_iter, types::Value};
use storage::{Due, DueOrder, OrderParty, OrderQuery};

use super::{FIND_BY_NUMBER, read};
use crate::error::{Doing, Stored};
use crate::{accounts, stores};

// Parameters of every part: 1 the party, 2 the order before which to begin, 3 how many, 4 the
// moment, 5 the store or null. A statement may leave out the last of them.

macro_rules! of_buyer {
    ($condition:literal) => {
        concat!(
            "SELECT order_id, id FROM orders INDEXED BY orders_of_buyer
              WHERE buyer = ?1 AND order_id < ?2",
            $condition,
            " ORDER BY order_id DESC LIMIT ?3"
        )
    };
}

macro_rules! of_seller {
    ($state:literal, $condition:literal) => {
        concat!(
            "SELECT order_id, id FROM orders INDEXED BY orders_of_seller
              WHERE seller = ?1 AND state = ",
            $state,
            " AND order_id < ?2 AND (?5 IS NULL OR store = ?5)",
            $condition,
            " ORDER BY order_id DESC LIMIT ?3"
        )
    };
}

macro_rules! overdue_of_seller {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT order_id, id FROM orders INDEXED BY ",
            $index,
            " WHERE ",
            $condition,
            " AND seller = ?1 AND order_id < ?2 AND (?5 IS NULL OR store = ?5)
              ORDER BY order_id DESC LIMIT ?3"
        )
    };
}

const OF_BUYER: &str = of_buyer!("");
const OF_BUYER_PLACED: &str = of_buyer!(" AND state = 0 AND pay_before > ?4");
const OF_BUYER_PAID: &str = of_buyer!(" AND state = 1");
const OF_BUYER_SENT: &str = of_buyer!(" AND state = 2 AND receive_by > ?4");
const OF_BUYER_RECEIVED: &str =
    of_buyer!(" AND state IN (2, 3) AND (state = 3 OR receive_by <= ?4)");
const OF_BUYER_CANCELLED: &str =
    of_buyer!(" AND state IN (0, 4) AND (state = 4 OR pay_before <= ?4)");

const OF_SELLER_PLACED: &str = of_seller!("0", "");
const OF_SELLER_PLACED_STILL: &str = of_seller!("0", " AND pay_before > ?4");
const OF_SELLER_PAID: &str = of_seller!("1", "");
const OF_SELLER_SENT: &str = of_seller!("2", "");
const OF_SELLER_SENT_STILL: &str = of_seller!("2", " AND receive_by > ?4");
const OF_SELLER_RECEIVED: &str = of_seller!("3", "");
const OF_SELLER_CANCELLED: &str = of_seller!("4", "");
const OF_SELLER_UNPAID: &str =
    overdue_of_seller!("orders_to_be_paid", "state = 0 AND pay_before <= ?4");
const OF_SELLER_UNCLAIMED: &str =
    overdue_of_seller!("orders_to_be_received", "state = 2 AND receive_by <= ?4");

pub(crate) const LIST_TO_BE_PAID: &str = "
    SELECT order_id, pay_before FROM orders INDEXED BY orders_to_be_paid
     WHERE state = 0 AND pay_before <= ?1 ORDER BY pay_before LIMIT ?2";

pub(crate) const LIST_TO_BE_RECEIVED: &str = "
    SELECT order_id, receive_by FROM orders INDEXED BY orders_to_be_received
     WHERE state = 2 AND receive_by <= ?1 ORDER BY receive_by LIMIT ?2";

/// Every part of a list, for a look at how each is carried out.
#[cfg(test)]
pub(crate) const ALL: [&str; 15] = [
    OF_BUYER,
    OF_BUYER_PLACED,
    OF_BUYER_PAID,
    OF_BUYER_SENT,
    OF_BUYER_RECEIVED,
    OF_BUYER_CANCELLED,
    OF_SELLER_PLACED,
    OF_SELLER_PLACED_STILL,
    OF_SELLER_PAID,
    OF_SELLER_SENT,
    OF_SELLER_SENT_STILL,
    OF_SELLER_RECEIVED,
    OF_SELLER_CANCELLED,
    OF_SELLER_UNPAID,
    OF_SELLER_UNCLAIMED,
];

/// The parts whose merge answers a query.
fn parts(party: &OrderParty, status: Option<OrderStatus>) -> &'static [&'static str] {
    match (party, status) {
        (OrderParty::Buyer(_), None) => &[OF_BUYER],
        (OrderParty::Buyer(_), Some(OrderStatus::Placed)) => &[OF_BUYER_PLACED],
        (OrderParty::Buyer(_), Some(OrderStatus::Paid)) => &[OF_BUYER_PAID],
        (OrderParty::Buyer(_), Some(OrderStatus::Sent)) => &[OF_BUYER_SENT],
        (OrderParty::Buyer(_), Some(OrderStatus::Received)) => &[OF_BUYER_RECEIVED],
        (OrderParty::Buyer(_), Some(OrderStatus::Cancelled)) => &[OF_BUYER_CANCELLED],
        (OrderParty::Seller(..), None) => &[
            OF_SELLER_PLACED,
            OF_SELLER_PAID,
            OF_SELLER_SENT,
            OF_SELLER_RECEIVED,
            OF_SELLER_CANCELLED,
        ],
        (OrderParty::Seller(..), Some(OrderStatus::Placed)) => &[OF_SELLER_PLACED_STILL],
        (OrderParty::Seller(..), Some(OrderStatus::Paid)) => &[OF_SELLER_PAID],
        (OrderParty::Seller(..), Some(OrderStatus::Sent)) => &[OF_SELLER_SENT_STILL],
        (OrderParty::Seller(..), Some(OrderStatus::Received)) => {
            &[OF_SELLER_RECEIVED, OF_SELLER_UNCLAIMED]
        }
        (OrderParty::Seller(..), Some(OrderStatus::Cancelled)) => {
            &[OF_SELLER_CANCELLED, OF_SELLER_UNPAID]
        }
    }
}

/// The orders of a query as of its moment. Belongs in a transaction: it takes many statements.
pub(crate) fn list(connection: &Connection, query: &OrderQuery) -> Stored<Vec<Order>> {
    let doing = "listing orders";
    let Some(parameters) = parameters(connection, query)? else {
        return Ok(Vec::new());
    };
    let mut found: Vec<([u8; 16], i64)> = Vec::new();
    for sql in parts(&query.party, query.status) {
        let mut statement = connection.prepare_cached(sql).doing(doing)?;
        let named = parameters.iter().take(statement.parameter_count());
        let part = statement
            .query_map(params_from_iter(named), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .doing(doing)?;
        for row in part {
            found.push(row.doing(doing)?);
        }
    }
    found.sort_unstable_by(|left, right| right.cmp(left));
    let page = found
        .into_iter()
        .skip(query.offset as usize)
        .take(query.limit as usize);
    let mut statement = connection.prepare_cached(FIND_BY_NUMBER).doing(doing)?;
    let order = |(_, number): ([u8; 16], i64)| {
        let (_, order) = statement.query_row([number], read).doing(doing)?;
        Ok(order.as_of(query.now))
    };
    page.map(order).collect()
}

/// What the parts take, in their order; `None` where there is no such party.
fn parameters(connection: &Connection, query: &OrderQuery) -> Stored<Option<[Value; 5]>> {
    let (user, store) = match &query.party {
        OrderParty::Buyer(user) => (user, None),
        OrderParty::Seller(user, store) => (user, store.as_ref()),
    };
    let Some(party) = accounts::find_number(connection, user)? else {
        return Ok(None);
    };
    let store = match store {
        Some(store) => match stores::find_number(connection, store)? {
            Some(number) => Value::Integer(number),
            None => return Ok(None),
        },
        None => Value::Null,
    };
    // No order's id is as high as this: its version would not be 7.
    let before = query.before.map_or([0xFF; 16], OrderId::to_bytes);
    Ok(Some([
        Value::Integer(party),
        Value::Blob(before.to_vec()),
        Value::Integer(i64::from(query.offset) + i64::from(query.limit)),
        Value::Integer(query.now.millis()),
        store,
    ]))
}

/// The orders whose deadlines have come, earliest first.
pub(crate) fn list_due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Stored<Vec<DueOrder>> {
    let doing = "listing deadlines";
    let mut found = Vec::new();
    for (sql, due) in [
        (LIST_TO_BE_PAID, Due::Payment),
        (LIST_TO_BE_RECEIVED, Due::Receipt),
    ] {
        let mut statement = connection.prepare_cached(sql).doing(doing)?;
        let rows = statement
            .query_map((now.millis(), limit), |row| {
                let order = OrderId::from_bytes(row.get(0)?);
                Ok(DueOrder {
                    order,
                    due,
                    at: Timestamp::from_millis(row.get(1)?),
                })
            })
            .doing(doing)?;
        for row in rows {
            found.push(row.doing(doing)?);
        }
    }
    found.sort_unstable_by_key(|due: &DueOrder| (due.at, due.order));
    found.truncate(limit as usize);
    Ok(found)
}

/// The earliest deadline of all.
pub(crate) fn next_due(connection: &Connection) -> Stored<Option<Timestamp>> {
    let end_of_time = Timestamp::from_millis(i64::MAX);
    Ok(list_due(connection, end_of_time, 1)?
        .first()
        .map(|due| due.at))
}
