//! Durability: what was answered is there after a restart; the queue, closing, and the secret.

use domain::{OrderStatus, Request};
use tokio::sync::oneshot;

use super::requests::{self, user};
use super::shop::{BOOK, BUYER, FUNDS_FEN, PRICE_FEN, SELLER, STOCK, STORE, STRANGER, Shop, done};
use crate::batch::{Pending, QUEUE_MAX_OPERATIONS};
use crate::error::ErrorKind;
use crate::port::{OrderParty, run};

/// After a restart everything is as it was: accounts, terminals, stores, listings, orders in each
/// state, their lists, and the deadlines.
pub async fn everything_survives_a_restart(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.change_password(STRANGER, "second").await, done());
    assert_eq!(shop.log_out(BUYER, "phone").await, done());
    let mut orders = Vec::new();
    for status in OrderStatus::ALL {
        orders.push(shop.given_order_in(status).await);
    }
    let look = async || {
        let mut accounts = Vec::new();
        for name in [SELLER, BUYER, STRANGER] {
            accounts.push(shop.find_session(name, "phone").await);
        }
        let mut found = Vec::new();
        for order in &orders {
            found.push(shop.order(*order).await);
        }
        let store = requests::store(STORE);
        let store = shop.storage().find_store(&store).await.expect("no failure");
        let listing = shop.listing(STORE, BOOK).await;
        let lists = [
            shop.orders(OrderParty::Buyer(user(BUYER))).await,
            shop.orders(OrderParty::Seller(
                user(SELLER),
                Some(requests::store(STORE)),
            ))
            .await,
        ];
        (
            accounts,
            found,
            store,
            listing,
            lists,
            shop.next_due().await,
        )
    };
    let before = look().await;
    assert_eq!(before.4[0].len(), orders.len());
    shop.reopen().await;
    assert_eq!(look().await, before);
    shop.audit().await;
    shop.reopen().await;
    assert_eq!(look().await, before);
}

/// Work goes on after a restart where it stood: an order is placed, paid, sent and received with
/// a restart between any two.
pub async fn an_order_goes_on_after_restarts(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    shop.reopen().await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    shop.reopen().await;
    assert_eq!(shop.send(SELLER, order).await, done());
    shop.reopen().await;
    assert_eq!(shop.receive(BUYER, order).await, done());
    shop.reopen().await;
    assert_eq!(shop.status(order).await, OrderStatus::Received);
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN - PRICE_FEN, 0));
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN, 0));
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 1);
}

/// Closing finishes what was submitted and refuses what comes after; what it finished is there
/// when the engine opens again. Closing twice is once.
pub async fn closing_finishes_what_waits(shop: &Shop) {
    shop.given_user("anna").await;
    let proof = shop.proof("anna").await;
    let gate = shop.hold_up().await;
    let storage = shop.storage();
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let (reply, answer) = oneshot::channel();
        let job = Pending::new(requests::add_funds(proof.clone(), 1), reply);
        storage.submit(Box::new(job)).expect("there is room");
        waiting.push(answer);
    }
    gate.open();
    storage.close().await.expect("the engine closes");
    for mut answer in waiting {
        let outcome = answer
            .try_recv()
            .expect("all is answered once the engine has closed");
        assert_eq!(outcome.expect("no failure"), done());
    }
    let refused = run(&*storage, requests::add_funds(proof, 1)).await;
    assert_eq!(
        refused.expect_err("it is closed").kind(),
        ErrorKind::Unavailable
    );
    storage.close().await.expect("closing twice is no failure");
    shop.reopen().await;
    assert_eq!(shop.money("anna").await, (100, 0));
}

/// A queue that is full turns away what comes, and nothing of that happens; what it took, all
/// happens.
pub async fn a_full_queue_turns_away(shop: &Shop) {
    shop.given_user("anna").await;
    let proof = shop.proof("anna").await;
    let storage = shop.storage();
    let gate = shop.hold_up().await;
    let mut waiting = Vec::new();
    let refusal = loop {
        assert!(
            waiting.len() <= 4 * QUEUE_MAX_OPERATIONS,
            "the queue has no end"
        );
        let (reply, answer) = oneshot::channel();
        let request = requests::add_funds(proof.clone(), 1);
        match storage.submit(Box::new(Pending::new(request, reply))) {
            Ok(()) => waiting.push(answer),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.kind(), ErrorKind::Overloaded);
    assert!(
        waiting.len() >= QUEUE_MAX_OPERATIONS,
        "{} fit",
        waiting.len()
    );
    gate.open();
    let taken = waiting.len() as i64;
    for answer in waiting {
        assert_eq!(answer.await.expect("answered").expect("no failure"), done());
    }
    assert_eq!(shop.money("anna").await, (taken, 0));
    assert_eq!(shop.add_funds("anna", 1).await, done());
}

/// Whoever asks may go before the answer comes: what he asked for happens all the same.
pub async fn an_operation_outlives_its_asker(shop: &Shop) {
    shop.given_user("anna").await;
    let proof = shop.proof("anna").await;
    let gate = shop.hold_up().await;
    for _ in 0..5 {
        let (reply, answer) = oneshot::channel();
        let request: Request<_> = requests::add_funds(proof.clone(), 1);
        shop.storage()
            .submit(Box::new(Pending::new(request, reply)))
            .expect("there is room");
        drop(answer);
    }
    gate.open();
    assert_eq!(shop.add_funds("anna", 10).await, done());
    assert_eq!(shop.money("anna").await, (15, 0));
}

/// The server's secret is the first candidate, for every later caller and after a restart.
pub async fn the_secret_is_made_once(shop: &Shop) {
    assert_eq!(
        shop.storage().secret([1; 32]).await.expect("no failure"),
        [1; 32]
    );
    assert_eq!(
        shop.storage().secret([2; 32]).await.expect("no failure"),
        [1; 32]
    );
    shop.reopen().await;
    assert_eq!(
        shop.storage().secret([3; 32]).await.expect("no failure"),
        [1; 32]
    );
}

/// Of many who ask for the secret at once, all get the same.
pub async fn the_secret_is_the_same_for_all(shop: &Shop) {
    let ask = |candidate| {
        let storage = shop.storage();
        tokio::spawn(async move { storage.secret([candidate; 32]).await.expect("no failure") })
    };
    let asking: Vec<_> = (1..=16).map(ask).collect();
    let mut found = Vec::new();
    for secret in asking {
        found.push(secret.await.expect("asking does not panic"));
    }
    assert!((1..=16).contains(&found[0][0]));
    assert!(found.iter().all(|secret| *secret == found[0]), "{found:?}");
}
