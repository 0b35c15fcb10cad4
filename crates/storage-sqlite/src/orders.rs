//! Orders: one row each, with its lines as JSON in the row.

mod list;
mod state;

use std::sync::Arc;

use domain::{
    Address, BookId, Count, Fen, ListingKey, Order, OrderId, OrderLine, Price, Tracking, WorkingSet,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage::{ErrorKind, StorageError};

use crate::error::{Damaged, Doing, Stored, damaged};
use crate::{accounts, columns, listings, stores};

#[cfg(test)]
pub(crate) use list::{ALL as LISTS, LIST_TO_BE_PAID, LIST_TO_BE_RECEIVED};
pub(crate) use list::{list, list_due, next_due};
pub(crate) use state::StateColumns;

macro_rules! select_order {
    ($condition:literal) => {
        concat!(
            "SELECT o.id, o.order_id, b.user_id, s.user_id, t.store_id, o.total, o.lines,
                    o.address, o.tracking, o.state, o.pay_before, o.paid_at, o.sent_at,
                    o.receive_by, o.received_at, o.cancelled_at
               FROM orders o CROSS JOIN accounts b ON b.id = o.buyer
                    CROSS JOIN accounts s ON s.id = o.seller
                    CROSS JOIN stores t ON t.id = o.store
              WHERE ",
            $condition
        )
    };
}

pub(crate) const FIND: &str = select_order!("o.order_id = ?1");

pub(crate) const FIND_BY_NUMBER: &str = select_order!("o.id = ?1");

pub(crate) const LIST_ALL: &str = select_order!("o.id > ?1 ORDER BY o.id");

pub(crate) const FIND_NUMBER: &str = "SELECT id FROM orders WHERE order_id = ?1";

/// A line as it is stored: listing, book, title, count, price.
type StoredLine = (i64, Arc<str>, Arc<str>, i64, i64);

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Order)> {
    let order = Order {
        id: OrderId::from_bytes(row.get(1)?),
        buyer: columns::user(row, 2)?,
        seller: columns::user(row, 3)?,
        store: columns::store(row, 4)?,
        total: Fen::new(row.get(5)?),
        lines: read_lines(row.get_ref(6)?.as_str()?).map_err(|why| damaged(6, why))?,
        address: read_address(row, 7)?,
        tracking: match row.get::<_, Option<String>>(8)? {
            Some(text) => Some(Tracking::new(&text).map_err(|why| damaged(8, why))?),
            None => None,
        },
        state: StateColumns::read(row, 9)?
            .to_state()
            .ok_or_else(|| Damaged("times that do not fit the order's state").at(9))?,
    };
    Ok((row.get(0)?, order))
}

fn read_lines(json: &str) -> Result<Arc<[OrderLine]>, Box<dyn std::error::Error + Send + Sync>> {
    let lines: Vec<StoredLine> = serde_json::from_str(json)?;
    let line = |(_, book, title, count, price): StoredLine| {
        Ok(OrderLine {
            book: BookId::new(book)?,
            title,
            count: Count::new(count)?,
            price: Price::new(price)?,
        })
    };
    lines.into_iter().map(line).collect()
}

fn read_address(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Arc<Address>>> {
    let Some(json) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    let [name, phone, text]: [Arc<str>; 3] =
        serde_json::from_str(json).map_err(|why| damaged(column, why))?;
    Ok(Some(Arc::new(Address { name, phone, text })))
}

/// The order with its number.
pub(crate) fn find(connection: &Connection, order: OrderId) -> Stored<Option<(i64, Order)>> {
    let mut statement = connection.prepare_cached(FIND).doing("finding an order")?;
    statement
        .query_row([order.to_bytes()], read)
        .optional()
        .doing("finding an order")
}

pub(crate) fn load(connection: &Connection, order: OrderId, rows: &mut WorkingSet) -> Stored<()> {
    let (number, found) = find(connection, order)?.unzip();
    rows.orders
        .load(order, found.map(Arc::new), number.unwrap_or(0));
    Ok(())
}

/// The number of an order that an entry of the ledger is to name.
pub(crate) fn number(connection: &Connection, rows: &WorkingSet, order: OrderId) -> Stored<i64> {
    let doing = "resolving an order";
    if let Some(number) = rows.orders.handle(&order) {
        return Ok(number);
    }
    let mut statement = connection.prepare_cached(FIND_NUMBER).doing(doing)?;
    let found = statement
        .query_row([order.to_bytes()], |row| row.get(0))
        .optional()
        .doing(doing)?;
    found.ok_or_else(|| StorageError::new(ErrorKind::Internal, doing))
}

pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    for id in rows.orders.changed_keys().to_vec() {
        let entry = rows.orders.entry(&id).expect("a changed row is an entry");
        let (handle, Some(order)) = (entry.handle, entry.current().cloned()) else {
            continue;
        };
        if handle != 0 {
            update(connection, handle, &order)?;
        } else {
            let number = insert(connection, rows, &order)?;
            rows.orders.set_handle(&id, number);
        }
    }
    Ok(())
}

fn insert(connection: &Connection, rows: &mut WorkingSet, order: &Order) -> Stored<i64> {
    let doing = "placing an order";
    let buyer = accounts::number(connection, rows, &order.buyer)?;
    let seller = accounts::number(connection, rows, &order.seller)?;
    let store = stores::number(connection, rows, &order.store)?;
    let lines = write_lines(connection, rows, order)?;
    let state = StateColumns::from(&order.state);
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO orders
                 (order_id, buyer, seller, store, total, lines, address, tracking, state,
                  pay_before, paid_at, sent_at, receive_by, received_at, cancelled_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
        .doing(doing)?;
    let inserted = statement.insert(params![
        order.id.to_bytes(),
        buyer,
        seller,
        store,
        order.total.get(),
        lines,
        order.address.as_deref().map(write_address),
        order.tracking.as_ref().map(Tracking::as_str),
        state.code,
        state.pay_before,
        state.paid_at,
        state.sent_at,
        state.receive_by,
        state.received_at,
        state.cancelled_at,
    ]);
    inserted.doing(doing)
}

fn write_lines(connection: &Connection, rows: &WorkingSet, order: &Order) -> Stored<String> {
    let mut lines = Vec::with_capacity(order.lines.len());
    for line in order.lines.iter() {
        let key = ListingKey {
            store: order.store.clone(),
            book: line.book.clone(),
        };
        let listing = listings::number(connection, rows, &key)?;
        lines.push((
            listing,
            line.book.as_str(),
            &*line.title,
            line.count.get(),
            line.price.get(),
        ));
    }
    Ok(serde_json::to_string(&lines).expect("texts and numbers have a JSON form"))
}

fn write_address(address: &Address) -> String {
    let parts = [&*address.name, &*address.phone, &*address.text];
    serde_json::to_string(&parts).expect("texts have a JSON form")
}

/// Writes what can change about an order.
fn update(connection: &Connection, number: i64, order: &Order) -> Stored<()> {
    let doing = "writing an order";
    let state = StateColumns::from(&order.state);
    let mut statement = connection
        .prepare_cached(
            "UPDATE orders
                SET state = ?2, pay_before = ?3, paid_at = ?4, sent_at = ?5, receive_by = ?6,
                    received_at = ?7, cancelled_at = ?8, tracking = ?9
              WHERE id = ?1",
        )
        .doing(doing)?;
    let written = statement.execute(params![
        number,
        state.code,
        state.pay_before,
        state.paid_at,
        state.sent_at,
        state.receive_by,
        state.received_at,
        state.cancelled_at,
        order.tracking.as_ref().map(Tracking::as_str),
    ]);
    written.doing(doing).map(drop)
}
