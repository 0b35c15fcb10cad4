//! Idempotency: a request sent twice under one key is done once.

use std::sync::Arc;
use std::time::Duration;

use domain::account::AddFundsRefusal;
use domain::idempotency::KEPT_FOR;
use domain::order::PlaceOrderRefusal;
use domain::{Answer, Fen, PlaceOrder, Refused, Request};

use super::requests::{self, keep, place};
use super::shop::{BOOK, BUYER, FUNDS_FEN, STOCK, STORE, Shop, count_done, done, rule, stale};

const A_MOMENT: Duration = Duration::from_millis(1);

fn kept<D, R>(answer: &str) -> Result<Answer<D>, Refused<R>> {
    Ok(Answer::Kept(Arc::from(answer.as_bytes())))
}

fn reused<R>() -> Result<Answer<()>, Refused<R>> {
    Err(Refused::KeyReused)
}

/// A deposit under a key; the same number stands for the same body.
async fn deposit(shop: &Shop, who: &str, key: &str, body: u8) -> Request<domain::AddFunds> {
    let keep = Some(keep(who, "add_funds", key, body, &format!("{key} {body}")));
    Request {
        keep,
        ..requests::add_funds(shop.proof(who).await, i64::from(body))
    }
}

/// The same key with the same body gets the first answer again, byte by byte, and changes nothing.
pub async fn the_same_request_is_done_once(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.run(deposit(shop, "anna", "k", 5).await).await, done());
    shop.clock.advance(A_MOMENT);
    for _ in 0..3 {
        assert_eq!(
            shop.run(deposit(shop, "anna", "k", 5).await).await,
            kept("k 5")
        );
    }
    assert_eq!(shop.money("anna").await, (5, 0));
}

/// The first answer comes back even where the operation would come to something else by now.
pub async fn a_kept_answer_outlives_its_circumstances(shop: &Shop) {
    shop.with_book().await;
    let order = shop.next_order_id();
    let keep = Some(keep(BUYER, "new_order", "k", 1, "placed"));
    let operation = place(order, BUYER, STORE, &[(BOOK, STOCK)]);
    let request = Request {
        keep,
        ..Request::proved(shop.proof(BUYER).await, operation)
    };
    assert_eq!(shop.run(request.clone()).await, done());
    // The client's second try comes with an order id of its own.
    let operation = PlaceOrder {
        id: shop.next_order_id(),
        ..request.operation.clone()
    };
    let again = Request {
        operation,
        ..request
    };
    assert_eq!(shop.run(again).await, kept("placed"));
    assert_eq!(shop.stock(STORE, BOOK).await, 0);
}

/// The same key with another body is refused, and neither answer nor account changes.
pub async fn a_key_serves_for_one_body(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.run(deposit(shop, "anna", "k", 5).await).await, done());
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 6).await).await,
        reused()
    );
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 5).await).await,
        kept("k 5")
    );
    assert_eq!(shop.money("anna").await, (5, 0));
}

/// A key is of one user, for one endpoint, and spelled in one way.
pub async fn a_key_is_of_one_user_and_endpoint(shop: &Shop) {
    for name in ["anna", "Anna", "bert"] {
        shop.given_user(name).await;
        for key in ["k", "K", "kk"] {
            assert_eq!(shop.run(deposit(shop, name, key, 5).await).await, done());
        }
        let elsewhere = Some(keep(name, "elsewhere", "k", 5, "other"));
        let request = Request {
            keep: elsewhere,
            ..deposit(shop, name, "k", 5).await
        };
        assert_eq!(shop.run(request.clone()).await, done());
        assert_eq!(shop.run(request).await, kept("other"));
        assert_eq!(
            shop.run(deposit(shop, name, "k", 5).await).await,
            kept("k 5")
        );
        assert_eq!(shop.money(name).await, (20, 0));
    }
}

/// A refused operation keeps nothing: the key is free for another try, with any body.
pub async fn a_refusal_is_not_kept(shop: &Shop) {
    shop.given_user("anna").await;
    let withdraw = |fen: i64, body: u8| {
        let keep = Some(keep("anna", "add_funds", "k", body, "withdrawn"));
        let shop = &shop;
        async move {
            Request {
                keep,
                ..requests::add_funds(shop.proof("anna").await, fen)
            }
        }
    };
    let spendable = Fen::ZERO;
    let refusal = AddFundsRefusal::InsufficientFunds {
        user: requests::user("anna"),
        spendable,
    };
    for _ in 0..2 {
        assert_eq!(shop.run(withdraw(-5, 1).await).await, rule(refusal.clone()));
    }
    assert_eq!(shop.add_funds("anna", 9).await, done());
    assert_eq!(shop.run(withdraw(-6, 2).await).await, done());
    assert_eq!(shop.run(withdraw(-6, 2).await).await, kept("withdrawn"));
    assert_eq!(shop.run(withdraw(-5, 1).await).await, reused());
    assert_eq!(shop.money("anna").await, (3, 0));
}

/// An operation that is done and changes nothing keeps nothing.
pub async fn an_answer_that_changed_nothing_is_not_kept(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.run(deposit(shop, "anna", "k", 0).await).await, done());
    assert_eq!(shop.run(deposit(shop, "anna", "k", 0).await).await, done());
    assert_eq!(shop.run(deposit(shop, "anna", "k", 5).await).await, done());
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 0).await).await,
        reused()
    );
    assert_eq!(shop.money("anna").await, (5, 0));
}

/// Whoever may not ask does not get a kept answer either.
pub async fn the_proof_comes_before_a_kept_answer(shop: &Shop) {
    shop.given_user("anna").await;
    let request = deposit(shop, "anna", "k", 5).await;
    assert_eq!(shop.run(request.clone()).await, done());
    assert_eq!(shop.change_password("anna", "new").await, done());
    assert_eq!(shop.run(request).await, stale());
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 5).await).await,
        kept("k 5")
    );
}

/// An answer is kept for 24 hours and no longer, whether or not it was forgotten on time.
pub async fn an_answer_is_kept_for_a_day(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.run(deposit(shop, "anna", "k", 5).await).await, done());
    shop.clock.advance(KEPT_FOR - A_MOMENT);
    assert_eq!(
        shop.storage()
            .forget_expired(shop.now(), 100)
            .await
            .expect("no failure"),
        0
    );
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 5).await).await,
        kept("k 5")
    );
    shop.clock.advance(A_MOMENT);
    assert_eq!(shop.run(deposit(shop, "anna", "k", 6).await).await, done());
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 6).await).await,
        kept("k 6")
    );
    shop.clock.advance(KEPT_FOR - A_MOMENT);
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 6).await).await,
        kept("k 6")
    );
    assert_eq!(shop.money("anna").await, (11, 0));
}

/// Forgetting drops answers that are past their time, those only, and frees their keys.
pub async fn old_answers_are_forgotten(shop: &Shop) {
    shop.given_user("anna").await;
    for key in ["a", "b", "c"] {
        assert_eq!(shop.run(deposit(shop, "anna", key, 1).await).await, done());
    }
    shop.clock.advance(KEPT_FOR / 2);
    assert_eq!(shop.run(deposit(shop, "anna", "d", 1).await).await, done());
    shop.clock.advance(KEPT_FOR / 2 + A_MOMENT);
    for gone in [2, 1, 0] {
        let forgotten = shop.storage().forget_expired(shop.now(), 2).await;
        assert_eq!(forgotten.expect("no failure"), gone);
    }
    for key in ["a", "b", "c"] {
        assert_eq!(shop.run(deposit(shop, "anna", key, 2).await).await, done());
    }
    assert_eq!(
        shop.run(deposit(shop, "anna", "d", 1).await).await,
        kept("d 1")
    );
    assert_eq!(shop.money("anna").await, (4 + 6, 0));
}

/// A kept answer survives a restart.
pub async fn a_kept_answer_survives_a_restart(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.run(deposit(shop, "anna", "k", 5).await).await, done());
    shop.reopen().await;
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 5).await).await,
        kept("k 5")
    );
    assert_eq!(
        shop.run(deposit(shop, "anna", "k", 6).await).await,
        reused()
    );
    assert_eq!(shop.money("anna").await, (5, 0));
}

/// The same request at the same moment, many times: one is done, the others get its answer.
pub async fn the_same_request_many_times_at_once(shop: &Shop) {
    shop.with_book().await;
    let request = deposit(shop, BUYER, "k", 5).await;
    let outcomes = shop.race(vec![request; 32]).await;
    assert_eq!(count_done(&outcomes), 1);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == kept("k 5"))
            .count(),
        31
    );
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN + 5, 0));

    let proof = shop.proof(BUYER).await;
    let order = |id| {
        let keep = Some(keep(BUYER, "new_order", "k", 1, "placed"));
        Request {
            keep,
            ..Request::proved(proof.clone(), place(id, BUYER, STORE, &[(BOOK, 1)]))
        }
    };
    let requests: Vec<_> = (0..32).map(|_| order(shop.next_order_id())).collect();
    let outcomes = shop.race(requests).await;
    assert_eq!(count_done(&outcomes), 1);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == kept("placed"))
            .count(),
        31
    );
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 1);
}

/// One key with many bodies at the same moment: one is done, the others are refused.
pub async fn many_bodies_under_one_key_at_once(shop: &Shop) {
    shop.given_user("anna").await;
    let mut requests = Vec::new();
    for body in 1..=32 {
        requests.push(deposit(shop, "anna", "k", body).await);
    }
    let outcomes = shop.race(requests).await;
    assert_eq!(count_done(&outcomes), 1);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == reused())
            .count(),
        31
    );
    let winner = outcomes
        .iter()
        .position(|outcome| *outcome == done())
        .expect("there is one");
    assert_eq!(shop.money("anna").await, (winner as i64 + 1, 0));
}

/// Answer and change are stored together: the operation that fails on its rule leaves its key
/// free even among others in one batch.
pub async fn a_refusal_in_a_batch_is_not_kept(shop: &Shop) {
    shop.with_book().await;
    let proof = shop.proof(BUYER).await;
    let wants = |key: &str, id, count| {
        let keep = Some(keep(BUYER, "new_order", key, 1, key));
        let operation = place(id, BUYER, STORE, &[(BOOK, count)]);
        Request {
            keep,
            ..Request::proved(proof.clone(), operation)
        }
    };
    let too_many = wants("a", shop.next_order_id(), STOCK + 1);
    let few = wants("b", shop.next_order_id(), 1);
    let outcomes = shop.race([too_many, few]).await;
    assert!(matches!(
        outcomes[0],
        Err(Refused::Rule(PlaceOrderRefusal::StockTooLow { .. }))
    ));
    assert_eq!(outcomes[1], done());
    let retry = [
        wants("a", shop.next_order_id(), 1),
        wants("b", shop.next_order_id(), 1),
    ];
    let outcomes = shop.race(retry).await;
    assert_eq!(outcomes, [done(), kept("b")]);
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 2);
}
