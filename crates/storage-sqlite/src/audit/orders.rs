//! Orders: their totals, their times, and their entries in the ledger.

use domain::{EntryKind, OrderId, OrderState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::IgnoredAny;

use super::{Audit, DOING, Findings};
use crate::error::{Doing, Stored};
use crate::ledger::{Side, kind_code};
use crate::orders::StateColumns;

/// How many orders a piece reads.
const PIECE_ORDERS: i64 = if cfg!(test) { 2 } else { 5_000 };

pub(super) const LIST_ORDERS: &str = "
    SELECT o.id, o.order_id, o.buyer, o.seller, s.owner, o.total, o.lines, o.state, o.pay_before,
           o.paid_at, o.sent_at, o.receive_by, o.received_at, o.cancelled_at
      FROM orders o LEFT JOIN stores s ON s.id = o.store
     WHERE o.id > ?1 ORDER BY o.id LIMIT ?2";

pub(super) const LIST_ENTRIES: &str = "
    SELECT id, kind, at FROM entries INDEXED BY entries_of_order
     WHERE order_id = ?1 ORDER BY id";

pub(super) const FIND_POSTING: &str =
    "SELECT amount FROM postings WHERE account = ?1 AND entry = ?2 AND side = ?3";

pub(super) fn check(audit: &mut Audit<'_>) -> Stored<()> {
    let mut after = i64::MIN;
    loop {
        let seen = audit.piece(|connection, findings| {
            let mut statement = connection.prepare_cached(LIST_ORDERS).doing(DOING)?;
            let mut rows = statement.query([after, PIECE_ORDERS]).doing(DOING)?;
            let mut seen = 0;
            while let Some(row) = rows.next().doing(DOING)? {
                after = row.get(0).doing(DOING)?;
                check_order(connection, findings, row)?;
                seen += 1;
            }
            Ok(seen)
        })?;
        if seen < PIECE_ORDERS {
            return Ok(());
        }
    }
}

/// What the checks look at.
struct Order {
    number: i64,
    id: OrderId,
    buyer: i64,
    seller: i64,
    owner: Option<i64>,
    total: i64,
    state: Option<OrderState>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        number: row.get(0)?,
        id: OrderId::from_bytes(row.get(1)?),
        buyer: row.get(2)?,
        seller: row.get(3)?,
        owner: row.get(4)?,
        total: row.get(5)?,
        state: StateColumns::read(row, 7)?.to_state(),
    })
}

fn check_order(connection: &Connection, findings: &mut Findings, row: &Row<'_>) -> Stored<()> {
    let order = read(row).doing(DOING)?;
    let sum = sum_lines(row.get_ref(6).doing(DOING)?.as_str().unwrap_or_default());
    let wrong = if sum != Some(i128::from(order.total)) {
        Some("its total is not the sum of its lines")
    } else if order.owner != Some(order.seller) {
        Some("its seller does not own its store")
    } else {
        match &order.state {
            None => Some("its times do not fit its state"),
            Some(state) if !are_in_order(order.id, state) => Some("its times are not in order"),
            Some(state) if !has_its_entries(connection, &order, state)? => {
                Some("its entries in the ledger do not fit its state")
            }
            Some(_) => None,
        }
    };
    findings
        .orders
        .look(wrong.map(|wrong| move || format!("order `{}`: {wrong}", order.id)));
    Ok(())
}

/// What the lines come to; `None` where there are none, or they can't be read.
fn sum_lines(json: &str) -> Option<i128> {
    let lines: Vec<(IgnoredAny, IgnoredAny, IgnoredAny, i64, i64)> =
        serde_json::from_str(json).ok()?;
    let product = |(_, _, _, count, price): &(_, _, _, i64, i64)| -> i128 {
        i128::from(*count) * i128::from(*price)
    };
    (!lines.is_empty()).then(|| lines.iter().map(product).sum())
}

/// Whether an order's times follow each other as its states do.
fn are_in_order(order: OrderId, state: &OrderState) -> bool {
    let times = match *state {
        OrderState::Placed { pay_before } => [Some(pay_before), None, None],
        OrderState::Paid { paid_at } => [Some(paid_at), None, None],
        OrderState::Sent {
            paid_at,
            sent_at,
            receive_by,
        } => [Some(paid_at), Some(sent_at), Some(receive_by)],
        OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        } => [Some(paid_at), Some(sent_at), Some(received_at)],
        // Nothing is sent before it is paid.
        OrderState::Cancelled {
            paid_at: None,
            sent_at: Some(_),
            ..
        } => return false,
        OrderState::Cancelled {
            cancelled_at,
            paid_at,
            sent_at,
        } => [paid_at, sent_at, Some(cancelled_at)],
    };
    std::iter::once(order.placed_at())
        .chain(times.into_iter().flatten())
        .is_sorted()
}

/// The entries that a state calls for, with the time of each.
fn wanted_entries(state: &OrderState) -> Vec<(EntryKind, Timestamp)> {
    match *state {
        OrderState::Placed { .. } | OrderState::Cancelled { paid_at: None, .. } => Vec::new(),
        OrderState::Paid { paid_at } | OrderState::Sent { paid_at, .. } => {
            vec![(EntryKind::Payment, paid_at)]
        }
        OrderState::Received {
            paid_at,
            received_at,
            ..
        } => {
            vec![
                (EntryKind::Payment, paid_at),
                (EntryKind::Release, received_at),
            ]
        }
        OrderState::Cancelled {
            paid_at: Some(paid_at),
            cancelled_at,
            ..
        } => {
            vec![
                (EntryKind::Payment, paid_at),
                (EntryKind::Refund, cancelled_at),
            ]
        }
    }
}

/// Whether the ledger has the entries that the order's state calls for and no others, each with
/// its two postings.
fn has_its_entries(connection: &Connection, order: &Order, state: &OrderState) -> Stored<bool> {
    let mut wanted = wanted_entries(state);
    if order.total == 0 {
        wanted.clear();
    }
    let mut statement = connection.prepare_cached(LIST_ENTRIES).doing(DOING)?;
    let mut rows = statement.query([order.number]).doing(DOING)?;
    let mut wanted = wanted.into_iter();
    while let Some(row) = rows.next().doing(DOING)? {
        let (entry, kind, at): (i64, i64, i64) = (
            row.get(0).doing(DOING)?,
            row.get(1).doing(DOING)?,
            row.get(2).doing(DOING)?,
        );
        let Some((wanted_kind, wanted_at)) = wanted.next() else {
            return Ok(false);
        };
        if kind != kind_code(wanted_kind)
            || at != wanted_at.millis()
            || !has_its_postings(connection, order, entry, wanted_kind)?
        {
            return Ok(false);
        }
    }
    Ok(wanted.next().is_none())
}

fn has_its_postings(
    connection: &Connection,
    order: &Order,
    entry: i64,
    kind: EntryKind,
) -> Stored<bool> {
    let (from, to) = match kind {
        EntryKind::Payment => ((order.buyer, Side::Spendable), (order.seller, Side::Held)),
        EntryKind::Release => ((order.seller, Side::Held), (order.seller, Side::Spendable)),
        _ => ((order.seller, Side::Held), (order.buyer, Side::Spendable)),
    };
    let mut statement = connection.prepare_cached(FIND_POSTING).doing(DOING)?;
    for ((account, side), amount) in [(from, -order.total), (to, order.total)] {
        let key = [account, entry, side.code()];
        let found: Option<i64> = statement
            .query_row(key, |row| row.get(0))
            .optional()
            .doing(DOING)?;
        if found != Some(amount) {
            return Ok(false);
        }
    }
    Ok(true)
}
