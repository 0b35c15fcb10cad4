//! The audit of the reference engine, check by check.

use std::collections::HashMap;

use domain::{
    Account, EntryKind, LedgerAccount, Listing, ListingKey, Order, OrderId, OrderState,
    OrderStatus, Transfer, UserId,
};

use super::Rows;
use crate::audit::{AuditCheck, AuditReport, Finding};

pub(super) fn audit(rows: &Rows) -> AuditReport {
    let findings = vec![
        postings_sum_to_zero(rows),
        balances_equal_postings(rows),
        stock_equation(rows),
        orders_agree(rows),
        held_equals_open_orders(rows),
    ];
    AuditReport { findings }
}

fn look(finding: &mut Finding, is_right: bool, words: impl FnOnce() -> String) {
    finding.look((!is_right).then_some(words));
}

fn postings_sum_to_zero(rows: &Rows) -> Finding {
    let mut finding = Finding::new(AuditCheck::PostingsSumToZero);
    for transfer in &rows.transfers {
        // An entry's two postings are one number with two signs; what can be wrong is the number,
        // and that both would be of one account.
        let is_right = transfer.amount.get() > 0 && transfer.from != transfer.to;
        look(&mut finding, is_right, || format!("entry {transfer:?}"));
    }
    finding
}

/// The sum of each ledger account's postings.
fn sums(transfers: &[Transfer]) -> HashMap<&LedgerAccount, i128> {
    let mut sums = HashMap::new();
    for Transfer {
        from, to, amount, ..
    } in transfers
    {
        *sums.entry(from).or_default() -= i128::from(amount.get());
        *sums.entry(to).or_default() += i128::from(amount.get());
    }
    sums
}

fn balances_equal_postings(rows: &Rows) -> Finding {
    let mut finding = Finding::new(AuditCheck::BalancesEqualPostings);
    let sums = sums(&rows.transfers);
    let sum = |account: LedgerAccount| sums.get(&account).copied().unwrap_or_default();
    for Account {
        id, balance, held, ..
    } in rows.accounts.values()
    {
        let (balance, held) = (i128::from(balance.get()), i128::from(held.get()));
        let is_right = held == sum(LedgerAccount::Held(id.clone()))
            && balance - held == sum(LedgerAccount::Spendable(id.clone()))
            && (0..=balance).contains(&held);
        look(&mut finding, is_right, || format!("account `{id}`"));
    }
    for account in sums.keys() {
        let (LedgerAccount::Spendable(user) | LedgerAccount::Held(user)) = account else {
            continue;
        };
        let is_known = rows.accounts.contains_key(user);
        look(&mut finding, is_known, || {
            format!("postings of `{user}`, who has no account")
        });
    }
    finding
}

fn stock_equation(rows: &Rows) -> Finding {
    let mut finding = Finding::new(AuditCheck::StockEquation);
    let mut taken: HashMap<ListingKey, i64> = HashMap::new();
    for order in rows
        .orders
        .values()
        .filter(|order| order.status() != OrderStatus::Cancelled)
    {
        for line in order.lines.iter() {
            let key = ListingKey {
                store: order.store.clone(),
                book: line.book.clone(),
            };
            *taken.entry(key).or_default() += line.count.get();
        }
    }
    for Listing {
        key, stock, added, ..
    } in rows.listings.values()
    {
        let taken = taken.remove(key).unwrap_or_default();
        let is_right = stock.get() >= 0 && *added == stock.get() + taken;
        look(&mut finding, is_right, || {
            format!("book `{}` of store `{}`", key.book, key.store)
        });
    }
    for key in taken.keys() {
        look(&mut finding, false, || {
            format!("ordered book `{}` is not listed", key.book)
        });
    }
    finding
}

fn orders_agree(rows: &Rows) -> Finding {
    let mut finding = Finding::new(AuditCheck::OrdersAgree);
    let mut entries: HashMap<OrderId, Vec<&Transfer>> = HashMap::new();
    for transfer in &rows.transfers {
        if let Some(order) = transfer.order {
            entries.entry(order).or_default().push(transfer);
        }
    }
    for order in rows.orders.values() {
        let found = entries.remove(&order.id).unwrap_or_default();
        let is_right = total_agrees(order) && times_agree(order) && entries_agree(order, &found);
        look(&mut finding, is_right, || format!("order `{}`", order.id));
    }
    for order in entries.keys() {
        look(&mut finding, false, || {
            format!("entries of order `{order}`, which is unknown")
        });
    }
    finding
}

fn total_agrees(order: &Order) -> bool {
    let sum: i128 = order
        .lines
        .iter()
        .map(|line| i128::from(line.price.times(line.count).get()))
        .sum();
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
fn entries_agree(order: &Order, found: &[&Transfer]) -> bool {
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
    let kinds = [Some(EntryKind::Payment), second];
    let wanted = kinds
        .into_iter()
        .flatten()
        .filter(|_| was_paid && order.total.get() > 0);
    let wanted = wanted.map(|kind| match kind {
        EntryKind::Payment => (kind, spendable(&order.buyer), held.clone()),
        EntryKind::Release => (kind, held.clone(), spendable(&order.seller)),
        _ => (kind, held.clone(), spendable(&order.buyer)),
    });
    let is_amount = |transfer: &&Transfer| transfer.amount == order.total;
    let found_too = found
        .iter()
        .map(|entry| (entry.kind, entry.from.clone(), entry.to.clone()));
    found.iter().all(is_amount) && wanted.eq(found_too)
}

fn held_equals_open_orders(rows: &Rows) -> Finding {
    let mut finding = Finding::new(AuditCheck::HeldEqualsOpenOrders);
    let mut open: HashMap<&UserId, i128> = HashMap::new();
    for order in rows.orders.values() {
        if matches!(order.status(), OrderStatus::Paid | OrderStatus::Sent) {
            *open.entry(&order.seller).or_default() += i128::from(order.total.get());
        }
    }
    for Account { id, held, .. } in rows.accounts.values() {
        let is_right = i128::from(held.get()) == open.remove(id).unwrap_or_default();
        look(&mut finding, is_right, || format!("account `{id}`"));
    }
    for seller in open.keys() {
        look(&mut finding, false, || {
            format!("orders of `{seller}`, who has no account")
        });
    }
    finding
}

#[cfg(test)]
mod tests;
