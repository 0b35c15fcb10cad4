//! Races: what many want at once comes to what they would get one after the other.

use domain::order::{PayOrderRefusal, PlaceOrderRefusal};
use domain::{CancelUntil, OrderId, OrderStatus, Request};

use super::requests::{self, place, user};
use super::shop::{
    BOOK, BUYER, FUNDS_FEN, PAYMENT_TIMEOUT, PRICE_FEN, SELLER, STOCK, STORE, Shop, count_done,
    done, rule, stale,
};
use crate::port::OrderParty;

/// As many buyers, with that much money each, and a request of each for one copy of the book.
async fn given_buyers(shop: &Shop, count: usize, fen: i64) -> Vec<Request<domain::PlaceOrder>> {
    let mut requests = Vec::new();
    for number in 0..count {
        let name = format!("buyer {number}");
        shop.given_user(&name).await;
        if fen > 0 {
            assert_eq!(shop.add_funds(&name, fen).await, done());
        }
        let operation = place(shop.next_order_id(), &name, STORE, &[(BOOK, 1)]);
        requests.push(Request::proved(shop.proof(&name).await, operation));
    }
    requests
}

/// Of 64 buyers who want the last copy, one gets it, and the others hear that there is none.
pub async fn the_last_copy_wanted_by_many(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 1 - STOCK).await, done());
    let outcomes = shop.race(given_buyers(shop, 64, 0).await).await;
    assert_eq!(count_done(&outcomes), 1);
    let none = PlaceOrderRefusal::StockTooLow {
        book: requests::book(BOOK),
        stock: requests::stock(0),
    };
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == rule(none.clone()))
            .count(),
        63
    );
    assert_eq!(shop.stock(STORE, BOOK).await, 0);
    assert_eq!(
        shop.orders(OrderParty::Seller(user(SELLER), None))
            .await
            .len(),
        1
    );
}

/// A stock of 100 serves 100 of 400 orders, in one queue and from many callers.
pub async fn a_stock_serves_no_more_than_it_has(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(
        shop.add_stock(SELLER, STORE, BOOK, 100 - STOCK).await,
        done()
    );
    let proof = shop.proof(BUYER).await;
    let order = || {
        let operation = place(shop.next_order_id(), BUYER, STORE, &[(BOOK, 1)]);
        Request::proved(proof.clone(), operation)
    };
    let requests: Vec<_> = (0..400).map(|_| order()).collect();
    let outcomes = shop.race(requests).await;
    assert_eq!(count_done(&outcomes), 100);
    assert_eq!(shop.stock(STORE, BOOK).await, 0);
    let orders = shop.orders(OrderParty::Buyer(user(BUYER))).await;
    assert_eq!(orders.len(), 100);
}

/// The same order paid 32 times at once is paid once.
pub async fn one_order_paid_many_times(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let request = requests::pay(shop.proof(BUYER).await, order);
    let outcomes = shop.race(vec![request; 32]).await;
    assert_eq!(count_done(&outcomes), 1);
    let refusal = PayOrderRefusal::NotPlaced(order);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == rule(refusal.clone()))
            .count(),
        31
    );
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN - PRICE_FEN, 0));
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN, PRICE_FEN));
}

/// The same order cancelled, sent or received many times at once is so once.
pub async fn one_verb_many_times(shop: &Shop) {
    shop.with_book().await;
    let (buyer, seller) = (shop.proof(BUYER).await, shop.proof(SELLER).await);
    for status in [OrderStatus::Placed, OrderStatus::Paid, OrderStatus::Sent] {
        let order = shop.given_order_in(status).await;
        let request = requests::cancel(buyer.clone(), order, CancelUntil::Received);
        assert_eq!(
            count_done(&shop.race(vec![request; 32]).await),
            1,
            "{status:?}"
        );
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
    }
    let order = shop.given_order_in(OrderStatus::Paid).await;
    let request = requests::send(seller, order, None);
    assert_eq!(count_done(&shop.race(vec![request; 32]).await), 1);
    let request = requests::receive(buyer, order);
    assert_eq!(count_done(&shop.race(vec![request; 32]).await), 1);
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN, 0));
}

/// Cancelling against paying: whoever is first, stock and money end where the order says.
pub async fn cancelling_against_paying(shop: &Shop) {
    shop.with_book().await;
    let proof = shop.proof(BUYER).await;
    for is_cancel_first in [true, false].repeat(4) {
        let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        let pay = requests::pay(proof.clone(), order);
        let cancel = requests::cancel(proof.clone(), order, CancelUntil::Sent);
        let gate = shop.hold_up().await;
        let (paid, cancelled) = if is_cancel_first {
            let cancelled = shop.submit(cancel);
            (shop.submit(pay), cancelled)
        } else {
            (shop.submit(pay), shop.submit(cancel))
        };
        gate.open();
        let (paid, cancelled) = (
            paid.await.expect("answered"),
            cancelled.await.expect("answered"),
        );
        // A payment that came first is refunded, so the cancellation is done either way.
        assert_eq!(cancelled, done());
        assert!(
            paid == done() || paid == rule(PayOrderRefusal::NotPlaced(order)),
            "{paid:?}"
        );
        let found = shop.order(order).await;
        let domain::OrderState::Cancelled { paid_at, .. } = found.state else {
            panic!("a cancelled order is {:?}", found.state);
        };
        assert_eq!(paid_at.is_some(), paid == done());
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
        assert_eq!(shop.money(SELLER).await, (0, 0));
    }
}

/// Cancelling against sending, where sent orders can't be cancelled: exactly one is done.
pub async fn cancelling_against_sending(shop: &Shop) {
    shop.with_book().await;
    let (buyer, seller) = (shop.proof(BUYER).await, shop.proof(SELLER).await);
    for is_cancel_first in [true, false].repeat(4) {
        let order = shop.given_order_in(OrderStatus::Paid).await;
        let send = requests::send(seller.clone(), order, None);
        let cancel = requests::cancel(buyer.clone(), order, CancelUntil::Sent);
        let gate = shop.hold_up().await;
        let (sent, cancelled) = if is_cancel_first {
            let cancelled = shop.submit(cancel);
            (shop.submit(send), cancelled)
        } else {
            (shop.submit(send), shop.submit(cancel))
        };
        gate.open();
        let (sent, cancelled) = (
            sent.await.expect("answered"),
            cancelled.await.expect("answered"),
        );
        assert_ne!(sent.is_ok(), cancelled.is_ok(), "{sent:?}, {cancelled:?}");
        let status = if sent.is_ok() {
            OrderStatus::Sent
        } else {
            OrderStatus::Cancelled
        };
        assert_eq!(shop.status(order).await, status);
        if sent.is_ok() {
            let request = requests::cancel(buyer.clone(), order, CancelUntil::Received);
            assert_eq!(shop.run(request).await, done());
        }
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
    }
}

/// Funds for ten payments pay ten of forty orders, although all are paid at once.
pub async fn funds_for_ten_of_forty_orders(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 40).await, done());
    assert_eq!(FUNDS_FEN, 10 * PRICE_FEN);
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await);
    }
    let proof = shop.proof(BUYER).await;
    let pay = |order: &OrderId| requests::pay(proof.clone(), *order);
    let outcomes = shop.race(orders.iter().map(pay)).await;
    assert_eq!(count_done(&outcomes), 10);
    for (order, outcome) in orders.into_iter().zip(outcomes) {
        let is_paid = outcome == done();
        assert!(is_paid || outcome == rule(PayOrderRefusal::InsufficientFunds(order)));
        assert_eq!(shop.status(order).await == OrderStatus::Paid, is_paid);
    }
    assert_eq!(shop.money(BUYER).await, (0, 0));
    assert_eq!(shop.money(SELLER).await, (FUNDS_FEN, FUNDS_FEN));
}

/// Withdrawing everything many times at once takes it out once.
pub async fn a_balance_withdrawn_many_times(shop: &Shop) {
    shop.with_book().await;
    let request = requests::add_funds(shop.proof(BUYER).await, -FUNDS_FEN);
    let outcomes = shop.race(vec![request; 32]).await;
    assert_eq!(count_done(&outcomes), 1);
    assert_eq!(shop.money(BUYER).await, (0, 0));
}

/// A seller who pays many of his own orders at once: only what he can spend is ever held.
pub async fn a_seller_pays_himself_many_times(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_funds(SELLER, 3 * PRICE_FEN + 1).await, done());
    let mut orders = Vec::new();
    for _ in 0..8 {
        orders.push(shop.given_order(SELLER, STORE, &[(BOOK, 1)]).await);
    }
    let proof = shop.proof(SELLER).await;
    let pay = |order: &OrderId| requests::pay(proof.clone(), *order);
    let outcomes = shop.race(orders.iter().map(pay)).await;
    assert_eq!(count_done(&outcomes), 3);
    assert_eq!(shop.money(SELLER).await, (3 * PRICE_FEN + 1, 3 * PRICE_FEN));
}

/// Orders for the same books in opposite orders neither block each other nor share a copy, and
/// each has all its books or none.
pub async fn overlapping_orders_in_opposite_orders(shop: &Shop) {
    shop.with_book().await;
    let names: Vec<String> = (0..10).map(|number| format!("book {number}")).collect();
    for name in &names {
        shop.given_listing(STORE, name, 1, 20).await;
    }
    let forwards: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let backwards: Vec<(&str, i64)> = forwards.iter().rev().copied().collect();
    let proof = shop.proof(BUYER).await;
    let order = |books: &[(&str, i64)]| {
        let operation = place(shop.next_order_id(), BUYER, STORE, books);
        Request::proved(proof.clone(), operation)
    };
    let requests: Vec<_> = (0..64)
        .map(|number| {
            order(if number % 2 == 0 {
                &forwards
            } else {
                &backwards
            })
        })
        .collect();
    let outcomes = shop.race(requests).await;
    assert_eq!(count_done(&outcomes), 20);
    for name in &names {
        assert_eq!(shop.stock(STORE, name).await, 0, "`{name}`");
    }
}

/// A password changed while payments are under way: those that come after it move nothing, those
/// before it are whole.
pub async fn a_password_changed_against_payments(shop: &Shop) {
    shop.with_book().await;
    let mut orders = Vec::new();
    for _ in 0..8 {
        orders.push(shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await);
    }
    let proof = shop.proof(BUYER).await;
    let gate = shop.hold_up().await;
    let (first, last) = orders.split_at(4);
    let pay = |order: &OrderId| shop.submit(requests::pay(proof.clone(), *order));
    let mut paying: Vec<_> = first.iter().map(pay).collect();
    let changing = shop.submit(requests::change_password(proof.clone(), "new"));
    paying.extend(last.iter().map(pay));
    gate.open();
    assert_eq!(changing.await.expect("answered"), done());
    let mut paid = 0;
    for (order, paying) in orders.iter().zip(paying) {
        let outcome = paying.await.expect("answered");
        assert!(outcome == done() || outcome == stale(), "{outcome:?}");
        let status = shop.status(*order).await;
        assert_eq!(status == OrderStatus::Paid, outcome == done());
        paid += i64::from(outcome == done());
    }
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN - paid * PRICE_FEN, 0));
    assert_eq!(
        shop.money(SELLER).await,
        (paid * PRICE_FEN, paid * PRICE_FEN)
    );
    let request = requests::pay(proof, orders[0]);
    assert_eq!(shop.run(request).await, stale());
}

/// Closing a seller's account against orders in his store: either he closes and nothing is
/// ordered, or something is and he stays.
pub async fn closing_against_ordering(shop: &Shop) {
    shop.with_book().await;
    let close = domain::Unregister { user: user(SELLER) };
    let close = Request::proved(shop.proof(SELLER).await, close);
    let requests = given_buyers(shop, 6, 0).await;
    let gate = shop.hold_up().await;
    let mut ordering: Vec<_> = requests
        .iter()
        .take(3)
        .map(|request| shop.submit(request.clone()))
        .collect();
    let closing = shop.submit(close);
    ordering.extend(
        requests
            .iter()
            .skip(3)
            .map(|request| shop.submit(request.clone())),
    );
    gate.open();
    let is_closed = closing.await.expect("answered") == done();
    let mut ordered = 0;
    for outcome in ordering {
        ordered += i64::from(outcome.await.expect("answered") == done());
    }
    assert_eq!(shop.account(SELLER).await.is_closed, is_closed);
    assert_eq!(
        is_closed,
        ordered == 0,
        "{ordered} orders in the store of a closed account"
    );
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - ordered);
}

/// Two sweeps at once do no harm: each due order is written down once.
pub async fn two_sweeps_at_once(shop: &Shop) {
    shop.with_book().await;
    let mut orders = Vec::new();
    for _ in 0..STOCK {
        orders.push(shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await);
    }
    shop.clock.advance(PAYMENT_TIMEOUT);
    let expire = |order: &OrderId| Request::unproved(domain::ExpireOrder { order: *order });
    let outcomes = shop.race(orders.iter().chain(&orders).map(expire)).await;
    assert_eq!(count_done(&outcomes), orders.len());
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
}

/// Many operations of different kinds in one queue come to what they come to alone: buyers order
/// and pay at once, and every copy and every fen is accounted for.
pub async fn many_buyers_order_and_pay(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(
        shop.add_stock(SELLER, STORE, BOOK, 64 - STOCK).await,
        done()
    );
    let requests = given_buyers(shop, 64, PRICE_FEN).await;
    let gate = shop.hold_up().await;
    let mut racing = Vec::new();
    for request in &requests {
        racing.push(shop.submit(request.clone()));
    }
    let mut paying = Vec::new();
    for request in &requests {
        let proof = request.proof.clone().expect("it has one");
        paying.push(shop.submit(requests::pay(proof, request.operation.id)));
    }
    gate.open();
    for outcome in racing {
        assert_eq!(outcome.await.expect("answered"), done());
    }
    let mut paid = 0;
    for (outcome, request) in paying.into_iter().zip(&requests) {
        // One that was decided before its order was placed found none.
        let is_paid = outcome.await.expect("answered") == done();
        let status = shop.status(request.operation.id).await;
        assert_eq!(status == OrderStatus::Paid, is_paid);
        paid += i64::from(is_paid);
    }
    assert_eq!(shop.stock(STORE, BOOK).await, 0);
    assert_eq!(
        shop.money(SELLER).await,
        (paid * PRICE_FEN, paid * PRICE_FEN)
    );
}
