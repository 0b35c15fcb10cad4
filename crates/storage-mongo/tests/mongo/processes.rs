//! Several processes over one database: what one decides on, another can't change behind its back.

use std::time::Duration;

use domain::account::RegisterRefusal;
use domain::order::{PayOrderRefusal, PlaceOrderRefusal};
use domain::store::CreateStoreRefusal;
use domain::{Answer, CreateStore, LogOut, Refused, Request, Unregister};
use storage::OrderParty;
use storage::conformance::requests::{self, keep, place, register, store, terminal, user};
use storage::conformance::shop::{BOOK, BUYER, SELLER, STORE, Shop, count_done, done, rule, stale};

use crate::conformance::Place;
use crate::meeting::meet;

/// Two processes over one database. Their clocks differ a little, as clocks do, and so do the ids
/// that they make.
async fn two() -> Option<(Shop, Shop)> {
    let one = Place::fresh()?;
    let other = Place(one.0.clone());
    // At once, since processes are started together.
    let (one, other) = tokio::join!(Shop::open(one), Shop::open(other));
    other.clock.advance(Duration::from_millis(1));
    one.with_book().await;
    Some((one, other))
}

async fn close(one: Shop, other: Shop) {
    one.close().await;
    other.storage().close().await.expect("the engine closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changed_elsewhere_voids_an_order_under_way() {
    let Some((one, other)) = two().await else {
        return;
    };
    let proof = one.proof(BUYER).await;
    let order = place(one.next_order_id(), BUYER, STORE, &[(BOOK, 1)]);
    // Used before, so that the order writes nothing of the account.
    let (outcome, changed) = meet(
        &one,
        Request::proved(proof, order),
        other.change_password(BUYER, "new"),
    )
    .await;
    assert_eq!(changed, done());
    assert_eq!(outcome, stale());
    assert!(one.orders(OrderParty::Buyer(user(BUYER))).await.is_empty());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changed_elsewhere_voids_a_payment_under_way() {
    let Some((one, other)) = two().await else {
        return;
    };
    let order = one.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let payment = requests::pay(one.proof(BUYER).await, order);
    let (outcome, changed) = meet(&one, payment, other.change_password(BUYER, "new")).await;
    assert_eq!(changed, done());
    assert_eq!(outcome, stale());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sellers_password_changed_elsewhere_voids_a_dispatch_under_way() {
    let Some((one, other)) = two().await else {
        return;
    };
    let order = one.given_order_in(domain::OrderStatus::Paid).await;
    let dispatch = requests::send(one.proof(SELLER).await, order, None);
    let (outcome, changed) = meet(&one, dispatch, other.change_password(SELLER, "new")).await;
    assert_eq!(changed, done());
    assert_eq!(outcome, stale());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_elsewhere_voids_an_order_under_way() {
    let Some((one, other)) = two().await else {
        return;
    };
    let token = one.log_in(BUYER, "phone").await;
    let order = place(one.next_order_id(), BUYER, STORE, &[(BOOK, 1)]);
    let (outcome, left) = meet(
        &one,
        Request::proved(token, order),
        other.log_out(BUYER, "phone"),
    )
    .await;
    assert_eq!(left, done());
    assert_eq!(outcome, stale());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_elsewhere_voids_a_cancellation_that_moves_money() {
    let Some((one, other)) = two().await else {
        return;
    };
    let order = one.given_order_in(domain::OrderStatus::Paid).await;
    let token = one.log_in(BUYER, "phone").await;
    let cancel = requests::cancel(token, order, domain::CancelUntil::Received);
    let (outcome, left) = meet(&one, cancel, other.log_out(BUYER, "phone")).await;
    assert_eq!(left, done());
    assert_eq!(outcome, stale());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_logouts_of_one_terminal_both_count() {
    let Some((one, other)) = two().await else {
        return;
    };
    let out = LogOut {
        terminal: terminal(BUYER, "phone"),
    };
    let out = Request::proved(one.proof(BUYER).await, out);
    let (outcome, left) = meet(&one, out, other.log_out(BUYER, "phone")).await;
    assert_eq!((outcome, left), (done(), done()));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_closed_elsewhere_takes_no_order_under_way() {
    let Some((one, other)) = two().await else {
        return;
    };
    let order = place(one.next_order_id(), BUYER, STORE, &[(BOOK, 1)]);
    let order = Request::proved(one.proof(BUYER).await, order);
    let (outcome, closed) = meet(&one, order, other.unregister(SELLER)).await;
    assert_eq!(closed, done());
    assert_eq!(outcome, rule(PlaceOrderRefusal::NoStore(store(STORE))));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_placed_elsewhere_keeps_its_seller_open() {
    let Some((one, other)) = two().await else {
        return;
    };
    let leave = Request::proved(one.proof(SELLER).await, Unregister { user: user(SELLER) });
    let placing = other.given_order(BUYER, STORE, &[(BOOK, 1)]);
    let (outcome, _) = meet(&one, leave, placing).await;
    assert!(matches!(outcome, Err(Refused::Rule(_))), "{outcome:?}");
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_placed_elsewhere_keeps_its_buyer_open() {
    let Some((one, other)) = two().await else {
        return;
    };
    assert_eq!(one.add_funds(BUYER, -1_000).await, done());
    let leave = Request::proved(one.proof(BUYER).await, Unregister { user: user(BUYER) });
    let placing = other.given_order(BUYER, STORE, &[(BOOK, 1)]);
    let (outcome, _) = meet(&one, leave, placing).await;
    assert!(matches!(outcome, Err(Refused::Rule(_))), "{outcome:?}");
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_freed_elsewhere_places_no_order() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.given_user("new").await;
    let order = place(one.next_order_id(), "new", STORE, &[(BOOK, 1)]);
    let order = Request::proved(one.proof("new").await, order);
    let (outcome, freed) = meet(&one, order, other.unregister("new")).await;
    assert_eq!(freed, done());
    assert_eq!(outcome, stale());
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_elsewhere_is_not_paid_again() {
    let Some((one, other)) = two().await else {
        return;
    };
    let order = one.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let payment = requests::pay(one.proof(BUYER).await, order);
    let (outcome, paid) = meet(&one, payment, other.pay(BUYER, order)).await;
    assert_eq!(paid, done());
    assert_eq!(outcome, rule(PayOrderRefusal::NotPlaced(order)));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_taken_elsewhere_is_taken() {
    let Some((one, other)) = two().await else {
        return;
    };
    let (outcome, ()) = meet(&one, register("new"), other.given_user("new")).await;
    assert_eq!(outcome, rule(RegisterRefusal::UserExists(user("new"))));
    let create = CreateStore {
        owner: user(SELLER),
        store: store("second"),
    };
    let create = Request::proved(one.proof(SELLER).await, create);
    let (outcome, ()) = meet(&one, create, other.given_store(SELLER, "second")).await;
    assert_eq!(
        outcome,
        rule(CreateStoreRefusal::StoreExists(store("second")))
    );
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_kept_elsewhere_is_given_again() {
    let Some((one, other)) = two().await else {
        return;
    };
    let proof = one.proof(BUYER).await;
    let request = || Request {
        keep: Some(keep(BUYER, "new_order", "key", 1, "first")),
        ..Request::proved(
            proof.clone(),
            place(other.next_order_id(), BUYER, STORE, &[(BOOK, 1)]),
        )
    };
    let (outcome, first) = meet(&one, request(), other.run(request())).await;
    assert_eq!(first, done());
    assert_eq!(outcome, Ok(Answer::Kept(b"first"[..].into())));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_of_100_against_400_orders_of_two_processes() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.given_listing(STORE, "wanted", 1, 100).await;
    let proof = one.proof(BUYER).await;
    let mut racing = Vec::new();
    for _ in 0..200 {
        for shop in [&one, &other] {
            let order = place(shop.next_order_id(), BUYER, STORE, &[("wanted", 1)]);
            racing.push(shop.submit(Request::proved(proof.clone(), order)));
        }
    }
    let mut outcomes = Vec::new();
    for outcome in racing {
        outcomes.push(outcome.await.expect("waiting does not panic"));
    }
    assert_eq!(count_done(&outcomes), 100);
    assert_eq!(one.stock(STORE, "wanted").await, 0);
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_to_one_seller_from_two_processes() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.given_listing(STORE, "wanted", 1, 400).await;
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(one.given_order(BUYER, STORE, &[("wanted", 1)]).await);
    }
    let proof = one.proof(BUYER).await;
    // Each order is paid in both processes, and half of the payments come too late.
    let mut racing = Vec::new();
    for order in orders {
        for shop in [&one, &other] {
            racing.push(shop.submit(requests::pay(proof.clone(), order)));
        }
    }
    let mut outcomes = Vec::new();
    for outcome in racing {
        outcomes.push(outcome.await.expect("waiting does not panic"));
    }
    assert_eq!(count_done(&outcomes), 40);
    assert_eq!(one.money(SELLER).await, (40, 40));
    assert_eq!(one.money(BUYER).await, (960, 0));
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_sees_at_once_what_the_other_has_answered() {
    let Some((one, other)) = two().await else {
        return;
    };
    for fen in 1..=20 {
        assert_eq!(one.add_funds(BUYER, 1).await, done());
        assert_eq!(other.money(BUYER).await, (1_000 + fen, 0));
    }
    close(one, other).await;
}
