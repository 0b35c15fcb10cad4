//! Deadlines: what counts from their very instant, and what the sweep does.

use std::time::Duration;

use domain::order::{
    CancelOrderRefusal, NotDue, PayOrderRefusal, ReceiveOrderRefusal, SendOrderRefusal,
};
use domain::{CancelUntil, OrderState, OrderStatus};

use super::shop::{
    BOOK, BUYER, FUNDS_FEN, PAYMENT_TIMEOUT, PRICE_FEN, RECEIPT_TIMEOUT, SELLER, STOCK, STORE,
    Shop, done, rule,
};
use crate::port::{Due, DueOrder};

const A_MOMENT: Duration = Duration::from_millis(1);

/// A millisecond before its deadline an order is still paid or cancelled.
pub async fn an_order_is_open_until_its_deadline(shop: &Shop) {
    shop.with_book().await;
    let paid = shop.given_order_in(OrderStatus::Placed).await;
    let cancelled = shop.given_order_in(OrderStatus::Placed).await;
    shop.clock.advance(PAYMENT_TIMEOUT - A_MOMENT);
    assert_eq!(shop.expire(paid).await, rule(NotDue(paid)));
    assert_eq!(shop.due().await, []);
    assert_eq!(shop.pay(BUYER, paid).await, done());
    assert_eq!(
        shop.cancel(BUYER, cancelled, CancelUntil::Received).await,
        done()
    );
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 1);
}

/// From the very instant of its deadline an unpaid order is cancelled for every verb, although no
/// sweep has come by and its stock is not back yet.
pub async fn an_unpaid_order_is_cancelled_at_its_deadline(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order_in(OrderStatus::Placed).await;
    let deadline = shop.clock.advance(PAYMENT_TIMEOUT);
    assert_eq!(
        shop.pay(BUYER, order).await,
        rule(PayOrderRefusal::NotPlaced(order))
    );
    let refusal = CancelOrderRefusal::AlreadyCancelled(order);
    assert_eq!(
        shop.cancel(BUYER, order, CancelUntil::Received).await,
        rule(refusal)
    );
    assert_eq!(
        shop.send(SELLER, order).await,
        rule(SendOrderRefusal::NotPaid(order))
    );
    assert_eq!(
        shop.receive(BUYER, order).await,
        rule(ReceiveOrderRefusal::NotPaid(order))
    );
    assert_eq!(shop.status(order).await, OrderStatus::Cancelled);
    let stored = OrderState::Placed {
        pay_before: deadline,
    };
    assert_eq!(
        shop.order(order).await.state,
        stored,
        "what is stored waits for the sweep"
    );
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 1);
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
}

/// The sweep writes the cancellation down as of the deadline, however late it comes, and returns
/// the stock, once.
pub async fn expiring_returns_the_stock_once(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "novel", 1, 5).await;
    let order = shop
        .given_order(BUYER, STORE, &[(BOOK, 4), ("novel", 5)])
        .await;
    let cancelled_at = shop.clock.advance(PAYMENT_TIMEOUT);
    shop.clock.advance(Duration::from_secs(7));
    assert_eq!(shop.expire(order).await, done());
    let state = OrderState::Cancelled {
        cancelled_at,
        paid_at: None,
        sent_at: None,
    };
    for _ in 0..2 {
        assert_eq!(shop.order(order).await.state, state);
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        assert_eq!(shop.stock(STORE, "novel").await, 5);
        assert_eq!(shop.expire(order).await, rule(NotDue(order)));
        shop.reopen().await;
    }
}

/// The sweep leaves alone what is not due: orders in any other state, unknown ones, and those of
/// the other deadline.
pub async fn the_sweep_leaves_other_orders_alone(shop: &Shop) {
    shop.with_book().await;
    let mut orders = Vec::new();
    for status in OrderStatus::ALL {
        let order = shop.given_order_in(status).await;
        orders.push(order);
        assert_eq!(shop.expire(order).await, rule(NotDue(order)), "{status:?}");
        assert_eq!(
            shop.conclude(order).await,
            rule(NotDue(order)),
            "{status:?}"
        );
    }
    shop.clock.advance(RECEIPT_TIMEOUT);
    let unknown = shop.next_order_id();
    assert_eq!(shop.expire(unknown).await, rule(NotDue(unknown)));
    assert_eq!(shop.conclude(unknown).await, rule(NotDue(unknown)));
    for (order, status) in orders.into_iter().zip(OrderStatus::ALL) {
        if status != OrderStatus::Placed {
            assert_eq!(shop.expire(order).await, rule(NotDue(order)), "{status:?}");
        }
        if status != OrderStatus::Sent {
            assert_eq!(
                shop.conclude(order).await,
                rule(NotDue(order)),
                "{status:?}"
            );
        }
    }
}

/// A millisecond before its deadline a sent order is still received or cancelled; from the very
/// instant on it counts as received for every verb.
pub async fn a_sent_order_is_received_at_its_deadline(shop: &Shop) {
    shop.with_book().await;
    let cancelled = shop.given_order_in(OrderStatus::Sent).await;
    let received = shop.given_order_in(OrderStatus::Sent).await;
    let order = shop.given_order_in(OrderStatus::Sent).await;
    shop.clock.advance(RECEIPT_TIMEOUT - A_MOMENT);
    assert_eq!(shop.conclude(order).await, rule(NotDue(order)));
    assert_eq!(
        shop.cancel(BUYER, cancelled, CancelUntil::Received).await,
        done()
    );
    assert_eq!(shop.receive(BUYER, received).await, done());
    shop.clock.advance(A_MOMENT);
    let refusal = CancelOrderRefusal::TooLate(order);
    assert_eq!(
        shop.cancel(BUYER, order, CancelUntil::Received).await,
        rule(refusal)
    );
    let refusal = ReceiveOrderRefusal::AlreadyReceived(order);
    assert_eq!(shop.receive(BUYER, order).await, rule(refusal));
    assert_eq!(
        shop.send(SELLER, order).await,
        rule(SendOrderRefusal::AlreadySent(order))
    );
    assert_eq!(shop.status(order).await, OrderStatus::Received);
    assert_eq!(shop.order(order).await.status(), OrderStatus::Sent);
    assert_eq!(
        shop.money(SELLER).await,
        (2 * PRICE_FEN, PRICE_FEN),
        "held until the sweep"
    );
}

/// The sweep writes the receipt down as of the deadline, however late it comes, and releases the
/// money, once.
pub async fn concluding_releases_the_money_once(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order_in(OrderStatus::Sent).await;
    let (paid_at, sent_at) = (shop.now(), shop.now());
    let received_at = shop.clock.advance(RECEIPT_TIMEOUT);
    shop.clock.advance(Duration::from_secs(7));
    assert_eq!(shop.conclude(order).await, done());
    for _ in 0..2 {
        let state = OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        };
        assert_eq!(shop.order(order).await.state, state);
        assert_eq!(shop.money(SELLER).await, (PRICE_FEN, 0));
        assert_eq!(shop.conclude(order).await, rule(NotDue(order)));
        shop.reopen().await;
    }
    assert_eq!(shop.add_funds(SELLER, -PRICE_FEN).await, done());
}

/// What is due comes earliest first, up to the limit, with deadlines at this very instant among
/// it; the next deadline is the earliest of all.
pub async fn what_is_due_comes_earliest_first(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.next_due().await, None);
    let sent = shop.given_order_in(OrderStatus::Sent).await;
    let receive_by = shop.now().plus(RECEIPT_TIMEOUT);
    assert_eq!(shop.next_due().await, Some(receive_by));
    shop.clock
        .advance(RECEIPT_TIMEOUT - PAYMENT_TIMEOUT - A_MOMENT);
    let first = shop.given_order_in(OrderStatus::Placed).await;
    let pay_first = shop.now().plus(PAYMENT_TIMEOUT);
    assert_eq!(shop.next_due().await, Some(pay_first));
    shop.clock.advance(2 * A_MOMENT);
    let last = shop.given_order_in(OrderStatus::Placed).await;
    let pay_last = shop.now().plus(PAYMENT_TIMEOUT);
    assert_eq!(shop.next_due().await, Some(pay_first));
    assert_eq!(shop.due().await, []);

    let all = [
        DueOrder {
            order: first,
            due: Due::Payment,
            at: pay_first,
        },
        DueOrder {
            order: sent,
            due: Due::Receipt,
            at: receive_by,
        },
        DueOrder {
            order: last,
            due: Due::Payment,
            at: pay_last,
        },
    ];
    for (count, due) in all.iter().enumerate() {
        shop.clock.set(due.at.minus(A_MOMENT));
        assert_eq!(shop.due().await, all[..count]);
        shop.clock.set(due.at);
        assert_eq!(shop.due().await, all[..=count]);
    }
    for limit in 0..=3_u32 {
        let due = shop
            .storage()
            .list_due(shop.now(), limit)
            .await
            .expect("no failure");
        assert_eq!(due, all[..limit as usize]);
    }
}

/// Whatever ends an order takes its deadline off the list.
pub async fn a_finished_order_has_no_deadline(shop: &Shop) {
    shop.with_book().await;
    for status in [
        OrderStatus::Paid,
        OrderStatus::Received,
        OrderStatus::Cancelled,
    ] {
        shop.given_order_in(status).await;
        assert_eq!(shop.next_due().await, None, "{status:?}");
    }
    let unpaid = shop.given_order_in(OrderStatus::Placed).await;
    let sent = shop.given_order_in(OrderStatus::Sent).await;
    shop.clock.advance(RECEIPT_TIMEOUT);
    assert_eq!(shop.expire(unpaid).await, done());
    assert_eq!(shop.conclude(sent).await, done());
    assert_eq!(shop.next_due().await, None);
    assert_eq!(shop.due().await, []);
}

/// A restart loses no deadline.
pub async fn deadlines_survive_a_restart(shop: &Shop) {
    shop.with_book().await;
    let sent = shop.given_order_in(OrderStatus::Sent).await;
    let unpaid = shop.given_order_in(OrderStatus::Placed).await;
    let at = shop.next_due().await;
    shop.reopen().await;
    assert_eq!(shop.next_due().await, at);
    shop.clock.advance(RECEIPT_TIMEOUT);
    let due: Vec<_> = shop
        .due()
        .await
        .into_iter()
        .map(|due| (due.order, due.due))
        .collect();
    assert_eq!(due, [(unpaid, Due::Payment), (sent, Due::Receipt)]);
}
