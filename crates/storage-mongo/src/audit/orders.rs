//! Whether each order agrees with itself and with its entries in the ledger.

use std::time::Duration;

use domain::{EntryKind, LedgerAccount, Order, OrderId, OrderState, UserId};
use mongodb::bson::{Binary, Bson, Document, doc};
use storage::audit::{AuditCheck, Finding};
use tokio::time::Instant;

use super::look;
use super::stream::{Stream, moment};
use crate::deployment::Deployment;
use crate::error::Stored;
use crate::ledger::{EntryDocument, kind_code, posting};
use crate::orders::OrderDocument;
use crate::schema::{ENTRIES, ORDERS};
use crate::values::{binary, order_binary};

/// How long one snapshot is read: well within the history that a server keeps.
const SLICE: Duration = Duration::from_secs(120);

/// Walks all orders and entries side by side, a slice at a time.
pub(super) async fn orders_agree(deployment: &Deployment) -> Stored<Finding> {
    let mut finding = Finding::new(AuditCheck::OrdersAgree);
    let mut after = None;
    while let Some(last) = walk_slice(deployment, after, &mut finding).await? {
        after = Some(last);
    }
    Ok(finding)
}

/// Checks the orders behind `after` until they end (`None`) or the slice does (the last of them).
async fn walk_slice(
    deployment: &Deployment,
    after: Option<Binary>,
    finding: &mut Finding,
) -> Stored<Option<Binary>> {
    let end = Instant::now() + SLICE;
    let moment = moment(deployment).await?;
    let behind = match &after {
        Some(last) => doc! { "_id": { "$gt": last } },
        None => doc! {},
    };
    let mut orders: Stream<OrderDocument> =
        Stream::find(deployment, moment, ORDERS, behind).await?;
    let mut entries: Stream<EntryDocument> =
        Stream::find(deployment, moment, ENTRIES, entries_behind(after)).await?;
    while let Some(order) = orders.next().await? {
        let id = order.id.clone();
        while let Some(orphan) = take_entry(&mut entries, |of| of.bytes < id.bytes).await? {
            look_at_orphan(finding, &orphan);
        }
        let mut own = Vec::new();
        while let Some(entry) = take_entry(&mut entries, |of| of.bytes == id.bytes).await? {
            own.push(entry);
        }
        look_at_order(finding, order, &own);
        if Instant::now() >= end {
            return Ok(Some(id));
        }
    }
    while let Some(orphan) = entries.next().await? {
        look_at_orphan(finding, &orphan);
    }
    Ok(None)
}

/// Entries of orders behind `after`. Numbers of entries without an order are shorter than order
/// ids, and shorter binaries sort first.
fn entries_behind(after: Option<Binary>) -> Document {
    match after {
        Some(last) => doc! { "_id": { "$gt": { "of": last, "kind": Bson::MaxKey } } },
        None => doc! { "_id": { "$gte": { "of": binary([0; 16]) } } },
    }
}

async fn take_entry(
    entries: &mut Stream<EntryDocument>,
    is_wanted: impl Fn(&Binary) -> bool,
) -> Stored<Option<EntryDocument>> {
    let is_next = entries
        .peek()
        .await?
        .is_some_and(|entry| is_wanted(&entry.id.of));
    if is_next {
        entries.next().await
    } else {
        Ok(None)
    }
}

fn look_at_orphan(finding: &mut Finding, entry: &EntryDocument) {
    let order = <[u8; 16]>::try_from(entry.id.of.bytes.as_slice()).map(OrderId::from_bytes);
    let words = || match order {
        Ok(order) => format!("entries of order `{order}`, which is unknown"),
        Err(_) => format!("entry {:?}, whose order can't be read", entry.id),
    };
    look(finding, false, words);
}

fn look_at_order(finding: &mut Finding, document: OrderDocument, entries: &[EntryDocument]) {
    let id = document.id.clone();
    match document.read() {
        Ok(order) => {
            let is_right =
                total_agrees(&order) && times_agree(&order) && entries_agree(&order, entries);
            look(finding, is_right, || format!("order `{}`", order.id));
        }
        Err(error) => look(finding, false, || format!("order {id}: {error}")),
    }
}

fn total_agrees(order: &Order) -> bool {
    let price = |line: &domain::OrderLine| i128::from(line.price.times(line.count).get());
    let sum: i128 = order.lines.iter().map(price).sum();
    sum == i128::from(order.total.get()) && !order.lines.is_empty()
}

fn times_agree(order: &Order) -> bool {
    let times = match order.state {
        OrderState::Placed { pay_before } => vec![Some(pay_before)],
        OrderState::Paid { paid_at } => vec![Some(paid_at)],
        OrderState::Sent {
            paid_at,
            sent_at,
            receive_by,
        } => {
            vec![Some(paid_at), Some(sent_at), Some(receive_by)]
        }
        OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        } => {
            vec![Some(paid_at), Some(sent_at), Some(received_at)]
        }
        // Nothing is sent unpaid.
        OrderState::Cancelled {
            paid_at: None,
            sent_at: Some(_),
            ..
        } => return false,
        OrderState::Cancelled {
            cancelled_at,
            paid_at,
            sent_at,
        } => {
            vec![paid_at, sent_at, Some(cancelled_at)]
        }
    };
    std::iter::once(order.placed_at())
        .chain(times.into_iter().flatten())
        .is_sorted()
}

/// Whether an order's entries in the ledger are those that its state calls for, in that order.
fn entries_agree(order: &Order, found: &[EntryDocument]) -> bool {
    let second = match order.state {
        OrderState::Received { .. } => Some(EntryKind::Release),
        OrderState::Cancelled { .. } => Some(EntryKind::Refund),
        _ => None,
    };
    let was_paid = match order.state {
        OrderState::Placed { .. } => false,
        OrderState::Cancelled { paid_at, .. } => paid_at.is_some(),
        _ => true,
    };
    let spendable = |user: &UserId| LedgerAccount::Spendable(user.clone());
    let held = LedgerAccount::Held(order.seller.clone());
    let total = order.total.get();
    let wanted = [Some(EntryKind::Payment), second].into_iter().flatten();
    let wanted = wanted.filter(|_| was_paid && total > 0).map(|kind| {
        let (from, to) = match kind {
            EntryKind::Payment => (spendable(&order.buyer), held.clone()),
            EntryKind::Release => (held.clone(), spendable(&order.seller)),
            _ => (held.clone(), spendable(&order.buyer)),
        };
        (
            order_binary(order.id),
            kind_code(kind),
            posting(&from, -total),
            posting(&to, total),
        )
    });
    let found = found.iter().map(|entry| {
        let [from, to] = entry.postings.clone();
        (entry.id.of.clone(), entry.id.kind, from, to)
    });
    wanted.eq(found)
}
