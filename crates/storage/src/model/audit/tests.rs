use std::sync::Arc;

use domain::{Count, Fen, LedgerAccount, OrderState, OrderStatus, Stock, Timestamp};

use super::*;
use crate::conformance::requests::user;
use crate::conformance::shop::{BUYER, SELLER, Shop};
use crate::conformance::{Fixture, Opening};
use crate::model::{ModelDisk, ModelStorage};

struct Kept(ModelDisk);

impl Fixture for Kept {
    fn open(&self, clock: Arc<dyn domain::Clock>) -> Opening<'_> {
        Box::pin(async { Arc::new(ModelStorage::open(self.0.clone(), clock)) as _ })
    }
}

/// A disk with one order in each state, and one of each state cancelled from.
async fn disk() -> ModelDisk {
    let disk = ModelDisk::default();
    let shop = Shop::open(Kept(disk.clone())).await;
    shop.with_book().await;
    for status in OrderStatus::ALL {
        shop.given_order_in(status).await;
    }
    shop.close().await;
    disk
}

/// Which checks find something wrong once `damage` is done.
async fn found_after(damage: impl FnOnce(&mut Rows)) -> Vec<AuditCheck> {
    let disk = disk().await;
    let mut rows = disk.rows();
    assert!(audit(&rows).is_clean());
    damage(&mut rows);
    let findings = audit(&rows).findings;
    findings
        .iter()
        .filter(|finding| finding.wrong > 0)
        .map(|finding| finding.check)
        .collect()
}

/// Replaces the order that is in that state.
fn damage_order(rows: &mut Rows, status: OrderStatus, damage: impl FnOnce(&mut Order)) {
    let order = rows
        .orders
        .values_mut()
        .find(|order| order.status() == status);
    damage(Arc::make_mut(order.expect("there is one in each state")));
}

#[tokio::test]
async fn a_balance_without_its_posting_is_found() {
    let damage = |rows: &mut Rows| {
        let account = rows.accounts.get_mut(&user(BUYER)).unwrap();
        account.balance = account.balance.plus(Fen::new(1)).unwrap();
    };
    assert_eq!(
        found_after(damage).await,
        [AuditCheck::BalancesEqualPostings]
    );
}

#[tokio::test]
async fn a_lost_entry_is_found() {
    let damage = |rows: &mut Rows| {
        let place = rows
            .transfers
            .iter()
            .position(|entry| entry.kind == EntryKind::Release);
        rows.transfers.remove(place.unwrap());
    };
    let wanted = [AuditCheck::BalancesEqualPostings, AuditCheck::OrdersAgree];
    assert_eq!(found_after(damage).await, wanted);
}

#[tokio::test]
async fn an_entry_that_moves_nothing_is_found() {
    let damage = |rows: &mut Rows| {
        let entry = rows.transfers[0].clone();
        rows.transfers.push(Transfer {
            amount: Fen::ZERO,
            ..entry
        });
    };
    assert_eq!(found_after(damage).await, [AuditCheck::PostingsSumToZero]);
}

#[tokio::test]
async fn postings_of_nobody_are_found() {
    let damage = |rows: &mut Rows| {
        let to = LedgerAccount::Spendable(user("nobody"));
        let entry = rows.transfers[0].clone();
        rows.transfers.push(Transfer { to, ..entry });
    };
    assert_eq!(
        found_after(damage).await,
        [AuditCheck::BalancesEqualPostings]
    );
}

#[tokio::test]
async fn held_money_without_an_order_is_found() {
    let damage = |rows: &mut Rows| {
        let account = rows.accounts.get_mut(&user(SELLER)).unwrap();
        account.held = Fen::ZERO;
    };
    let wanted = [
        AuditCheck::BalancesEqualPostings,
        AuditCheck::HeldEqualsOpenOrders,
    ];
    assert_eq!(found_after(damage).await, wanted);
}

#[tokio::test]
async fn a_lost_copy_is_found() {
    let damage = |rows: &mut Rows| {
        let listing = rows.listings.values_mut().next().unwrap();
        listing.stock = listing.stock.take(Count::new(1).unwrap()).unwrap();
    };
    assert_eq!(found_after(damage).await, [AuditCheck::StockEquation]);
    let damage = |rows: &mut Rows| rows.listings.clear();
    assert_eq!(found_after(damage).await, [AuditCheck::StockEquation]);
    let damage = |rows: &mut Rows| {
        let listing = rows.listings.values_mut().next().unwrap();
        listing.stock = Stock::new(listing.stock.get() + 1).unwrap();
        listing.added += 1;
    };
    assert_eq!(found_after(damage).await, [], "a seller may have added one");
}

#[tokio::test]
async fn a_wrong_total_is_found() {
    let damage = |rows: &mut Rows| {
        damage_order(rows, OrderStatus::Placed, |order| order.total = Fen::new(1));
    };
    assert_eq!(found_after(damage).await, [AuditCheck::OrdersAgree]);
}

#[tokio::test]
async fn an_order_paid_before_it_was_placed_is_found() {
    let damage = |rows: &mut Rows| {
        damage_order(rows, OrderStatus::Paid, |order| {
            order.state = OrderState::Paid {
                paid_at: Timestamp::from_millis(0),
            };
        });
    };
    assert_eq!(found_after(damage).await, [AuditCheck::OrdersAgree]);
}

#[tokio::test]
async fn an_order_sent_unpaid_is_found() {
    let damage = |rows: &mut Rows| {
        damage_order(rows, OrderStatus::Cancelled, |order| {
            let cancelled_at = order.placed_at();
            let sent_at = Some(cancelled_at);
            order.state = OrderState::Cancelled {
                cancelled_at,
                paid_at: None,
                sent_at,
            };
        });
    };
    assert_eq!(found_after(damage).await, [AuditCheck::OrdersAgree]);
}

#[tokio::test]
async fn a_payment_that_was_never_made_is_found() {
    let damage = |rows: &mut Rows| {
        damage_order(rows, OrderStatus::Placed, |order| {
            order.state = OrderState::Paid {
                paid_at: order.placed_at(),
            };
        });
    };
    let wanted = [AuditCheck::OrdersAgree, AuditCheck::HeldEqualsOpenOrders];
    assert_eq!(found_after(damage).await, wanted);
}

#[tokio::test]
async fn entries_of_a_lost_order_are_found() {
    let damage = |rows: &mut Rows| {
        rows.orders
            .retain(|_, order| order.status() != OrderStatus::Paid)
    };
    let wanted = [
        AuditCheck::StockEquation,
        AuditCheck::OrdersAgree,
        AuditCheck::HeldEqualsOpenOrders,
    ];
    assert_eq!(found_after(damage).await, wanted);
}
