//! Accounts: opening and closing them, passwords, money in and out.

use std::time::Duration;

use domain::account::{AddFundsRefusal, RegisterRefusal, UnregisterRefusal};
use domain::listing::{AddListingRefusal, AddStockRefusal, StoreRefusal};
use domain::money::BALANCE_MAX;
use domain::order::PlaceOrderRefusal;
use domain::store::CreateStoreRefusal;
use domain::{
    AddFunds, CancelUntil, Epoch, Fen, OrderStatus, PasswordHash, Proof, Register, Request,
    Unregister,
};

use super::requests::{self, user};
use super::shop::{
    BOOK, BUYER, FUNDS_FEN, PRICE_FEN, SELLER, STOCK, STORE, Shop, done, rule, stale,
};
use crate::port::OrderParty;

const A_MOMENT: Duration = Duration::from_millis(1);

/// Registering opens an account without money, as of the moment and with the password given.
pub async fn registering_opens_an_empty_account(shop: &Shop) {
    assert_eq!(shop.find_account("anna").await, None);
    assert_eq!(shop.run(requests::register("anna")).await, done());
    let account = shop.account("anna").await;
    assert_eq!(account.id, user("anna"));
    assert_eq!(account.password_hash.as_str(), "hash of anna");
    assert_eq!(account.registered_at, shop.now());
    assert_eq!(account.epoch.get(), shop.now().millis());
    assert_eq!((account.is_closed, account.is_used), (false, false));
    assert_eq!((account.balance, account.held), (Fen::ZERO, Fen::ZERO));
}

/// Registering an id that is taken is refused, and leaves the account as it was.
pub async fn registering_a_taken_id_is_refused(shop: &Shop) {
    shop.given_funds("anna", 5).await;
    let before = shop.account("anna").await;
    shop.clock.advance(A_MOMENT);
    let again = Register {
        user: user("anna"),
        password_hash: PasswordHash::new("another"),
    };
    let outcome = shop.run(Request::unproved(again)).await;
    assert_eq!(outcome, rule(RegisterRefusal::UserExists(user("anna"))));
    assert_eq!(shop.account("anna").await, before);
}

/// Two ids are one only if they are equal character by character.
pub async fn ids_differ_by_every_character(shop: &Shop) {
    let longest = "𠮷".repeat(255);
    let ids = [
        "anna",
        "Anna",
        "ANNA",
        "anna ",
        " anna",
        "änna",
        "a\u{308}nna",
        "ａｎｎａ",
        "an%a",
        "an_a",
        "$anna",
        "anna.x",
        "0",
        "00",
        "'; drop table account; --",
        &longest,
    ];
    for id in ids {
        assert_eq!(
            shop.run(requests::register(id)).await,
            done(),
            "registering `{id}`"
        );
        assert_eq!(
            shop.create_store(id, id).await,
            done(),
            "opening store `{id}`"
        );
    }
    for id in ids {
        assert_eq!(shop.account(id).await.id.as_str(), id);
        let taken = rule(RegisterRefusal::UserExists(user(id)));
        assert_eq!(
            shop.run(requests::register(id)).await,
            taken,
            "registering `{id}` again"
        );
        let listing = requests::add_listing(id, id, id, 1, 1);
        assert_eq!(shop.add_listing(listing).await, done(), "listing `{id}`");
    }
    for id in ids {
        assert_eq!(shop.listing(id, id).await.key, requests::listing(id, id));
    }
}

/// Nobody of a name has nothing: no account, no session, no orders, and no proof holds.
pub async fn an_unknown_user_has_nothing(shop: &Shop) {
    assert_eq!(shop.find_account("nobody").await, None);
    assert_eq!(shop.find_session("nobody", "phone").await, None);
    assert_eq!(shop.orders(OrderParty::Buyer(user("nobody"))).await, []);
    assert_eq!(
        shop.orders(OrderParty::Seller(user("nobody"), None)).await,
        []
    );
    let proof = Proof {
        user: user("nobody"),
        epoch: Epoch::new(0),
        token: None,
    };
    assert_eq!(shop.run(requests::add_funds(proof, 5)).await, stale());
    let by_operator = AddFunds {
        user: user("nobody"),
        amount: Fen::new(5),
    };
    let outcome = shop.run(Request::unproved(by_operator)).await;
    assert_eq!(outcome, rule(AddFundsRefusal::NoUser(user("nobody"))));
    let close = Unregister {
        user: user("nobody"),
    };
    let outcome = shop.run(Request::unproved(close)).await;
    assert_eq!(outcome, rule(UnregisterRefusal::NoUser(user("nobody"))));
    assert_eq!(shop.find_account("nobody").await, None);
}

/// Closing an account that never held money, a store or an order frees its id; whoever takes it
/// then has another epoch, so that what was proved before does not hold for him.
pub async fn closing_an_unused_account_frees_its_id(shop: &Shop) {
    shop.given_user("anna").await;
    let by_password = shop.proof("anna").await;
    let by_token = shop.log_in("anna", "phone").await;
    assert_eq!(shop.add_funds("anna", 0).await, done());
    assert_eq!(shop.unregister("anna").await, done());
    assert_eq!(shop.find_account("anna").await, None);
    assert_eq!(shop.find_session("anna", "phone").await, None);
    assert_eq!(
        shop.run(requests::add_funds(by_password.clone(), 5)).await,
        stale()
    );

    shop.clock.advance(A_MOMENT);
    shop.given_user("anna").await;
    assert_eq!(shop.account("anna").await.registered_at, shop.now());
    assert_eq!(shop.run(requests::add_funds(by_password, 5)).await, stale());
    assert_eq!(shop.run(requests::add_funds(by_token, 5)).await, stale());
    assert_eq!(shop.add_funds("anna", 5).await, done());
    assert_eq!(shop.money("anna").await, (5, 0));
}

/// An id can be freed and taken again and again, in one run and across restarts.
pub async fn a_freed_id_can_be_taken_many_times(shop: &Shop) {
    for _ in 0..3 {
        shop.given_user("anna").await;
        assert_eq!(shop.log_out("anna", "phone").await, done());
        assert_eq!(shop.unregister("anna").await, done());
        shop.clock.advance(A_MOMENT);
    }
    shop.reopen().await;
    assert_eq!(shop.find_account("anna").await, None);
    shop.given_funds("anna", 7).await;
    assert_eq!(shop.money("anna").await, (7, 0));
}

/// Closing an account that was used closes its id for good, on both sides of a restart.
pub async fn closing_a_used_account_keeps_its_id(shop: &Shop) {
    shop.given_funds("anna", 5).await;
    let proof = shop.proof("anna").await;
    assert_eq!(shop.add_funds("anna", -5).await, done());
    assert_eq!(shop.unregister("anna").await, done());
    let account = shop.account("anna").await;
    assert!(account.is_closed);
    assert_eq!(account.password_hash.as_str(), "");
    assert!(
        account.epoch.get() > proof.epoch.get(),
        "closing moves the epoch"
    );
    assert!(
        shop.find_session("anna", "phone")
            .await
            .expect("it is there")
            .account
            .is_closed
    );

    for _ in 0..2 {
        let taken = rule(RegisterRefusal::UserExists(user("anna")));
        assert_eq!(shop.run(requests::register("anna")).await, taken);
        assert_eq!(
            shop.run(requests::add_funds(proof.clone(), 5)).await,
            stale()
        );
        let current = shop.proof("anna").await;
        assert_eq!(shop.run(requests::add_funds(current, 5)).await, stale());
        let by_operator = AddFunds {
            user: user("anna"),
            amount: Fen::new(5),
        };
        let outcome = shop.run(Request::unproved(by_operator)).await;
        assert_eq!(outcome, rule(AddFundsRefusal::NoUser(user("anna"))));
        assert_eq!(shop.account("anna").await, account);
        shop.reopen().await;
    }
}

/// Having sold, or ordered, or only opened a store counts as use, however poor one leaves.
pub async fn every_kind_of_use_keeps_an_id(shop: &Shop) {
    for name in ["owner", "reader", "payer"] {
        shop.given_user(name).await;
    }
    shop.given_store("owner", STORE).await;
    shop.given_listing(STORE, BOOK, 0, 5).await;
    let order = shop.given_order("reader", STORE, &[(BOOK, 1)]).await;
    assert_eq!(
        shop.cancel("reader", order, CancelUntil::Sent).await,
        done()
    );
    let by_operator = AddFunds {
        user: user("payer"),
        amount: Fen::new(5),
    };
    assert_eq!(shop.run(Request::unproved(by_operator)).await, done());
    assert_eq!(shop.add_funds("payer", -5).await, done());
    for name in ["owner", "reader", "payer"] {
        assert!(shop.account(name).await.is_used, "`{name}`");
        assert_eq!(shop.unregister(name).await, done());
        assert!(shop.account(name).await.is_closed, "`{name}`");
    }
}

/// A closed seller's stores close with him, all of them and nobody else's: nothing can be ordered
/// or changed there, and their ids are never free.
pub async fn closing_an_account_closes_its_stores(shop: &Shop) {
    shop.with_book().await;
    shop.given_store(SELLER, "second").await;
    shop.given_store(BUYER, "other").await;
    assert_eq!(shop.unregister(SELLER).await, done());
    for _ in 0..2 {
        for (name, is_open) in [(STORE, false), ("second", false), ("other", true)] {
            let id = requests::store(name);
            let found = shop.storage().find_store(&id).await.expect("no failure");
            assert_eq!(
                found.expect("stores are never removed").is_open,
                is_open,
                "`{name}`"
            );
        }
        let no_store = StoreRefusal::NoStore(requests::store(STORE));
        let id = shop.next_order_id();
        let refusal = PlaceOrderRefusal::NoStore(requests::store(STORE));
        assert_eq!(
            shop.place(id, BUYER, STORE, &[(BOOK, 1)]).await,
            rule(refusal)
        );
        let listing = requests::add_listing(BUYER, STORE, "new", 1, 1);
        let refusal = AddListingRefusal::Store(no_store.clone());
        assert_eq!(shop.add_listing(listing).await, rule(refusal));
        let refusal = AddStockRefusal::Store(no_store);
        assert_eq!(shop.add_stock(BUYER, STORE, BOOK, 1).await, rule(refusal));
        let refusal = CreateStoreRefusal::StoreExists(requests::store(STORE));
        assert_eq!(shop.create_store(BUYER, STORE).await, rule(refusal));
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        shop.reopen().await;
    }
}

/// An account with money is not closed.
pub async fn an_account_with_money_is_not_closed(shop: &Shop) {
    shop.given_funds("anna", 5).await;
    let before = shop.account("anna").await;
    let refusal = UnregisterRefusal::Balance(user("anna"), Fen::new(5));
    assert_eq!(shop.unregister("anna").await, rule(refusal));
    assert_eq!(shop.account("anna").await, before);
}

/// A buyer or seller of an order that is placed, paid or sent can't close; once it is received or
/// cancelled, and the money withdrawn, he can.
pub async fn an_account_with_open_orders_is_not_closed(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "gift", 0, 1).await;
    assert_eq!(shop.add_funds(BUYER, -FUNDS_FEN).await, done());
    let order = shop.given_order(BUYER, STORE, &[("gift", 1)]).await;
    let refuse_both = async |state: OrderStatus| {
        assert_eq!(shop.status(order).await, state);
        for name in [BUYER, SELLER] {
            let refusal = UnregisterRefusal::OpenOrders(user(name));
            assert_eq!(
                shop.unregister(name).await,
                rule(refusal),
                "`{name}`, {state:?}"
            );
            assert!(!shop.account(name).await.is_closed);
        }
    };
    refuse_both(OrderStatus::Placed).await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    refuse_both(OrderStatus::Paid).await;
    assert_eq!(shop.send(SELLER, order).await, done());
    refuse_both(OrderStatus::Sent).await;
    assert_eq!(shop.receive(BUYER, order).await, done());
    assert_eq!(shop.unregister(BUYER).await, done());
    assert_eq!(shop.unregister(SELLER).await, done());
    assert_eq!(shop.order(order).await.buyer, user(BUYER), "history stays");
}

/// A new password takes the old one's place and voids every proof so far, however fast it comes.
pub async fn changing_a_password_voids_earlier_proofs(shop: &Shop) {
    shop.given_funds("anna", 5).await;
    let by_password = shop.proof("anna").await;
    let by_token = shop.log_in("anna", "phone").await;
    for hash in ["second", "third"] {
        let before = shop.account("anna").await;
        assert_eq!(shop.change_password("anna", hash).await, done());
        let account = shop.account("anna").await;
        assert_eq!(account.password_hash.as_str(), hash);
        assert!(
            account.epoch.get() > before.epoch.get(),
            "although the clock stood still"
        );
        assert_eq!(account.balance, before.balance);
        for proof in [&by_password, &by_token] {
            assert_eq!(
                shop.run(requests::add_funds(proof.clone(), 1)).await,
                stale()
            );
        }
    }
    assert_eq!(
        shop.run(requests::change_password(by_password, "stolen"))
            .await,
        stale()
    );
    assert_eq!(shop.account("anna").await.password_hash.as_str(), "third");
    assert_eq!(shop.add_funds("anna", 1).await, done());
    assert_eq!(shop.money("anna").await, (6, 0));
}

/// A payment whose password was checked before it changed, and which comes after, moves nothing.
pub async fn a_password_changed_while_a_payment_is_under_way(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 2)]).await;
    let checked_before = shop.proof(BUYER).await;
    assert_eq!(shop.change_password(BUYER, "new").await, done());
    assert_eq!(
        shop.run(requests::pay(checked_before, order)).await,
        stale()
    );
    assert_eq!(shop.status(order).await, OrderStatus::Placed);
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
    assert_eq!(shop.money(SELLER).await, (0, 0));
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.money(SELLER).await, (2 * PRICE_FEN, 2 * PRICE_FEN));
}

/// Money goes in, and out down to nothing.
pub async fn funds_are_added_and_withdrawn(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.add_funds("anna", 700).await, done());
    assert_eq!(shop.add_funds("anna", -200).await, done());
    assert_eq!(shop.money("anna").await, (500, 0));
    let refusal = AddFundsRefusal::InsufficientFunds {
        user: user("anna"),
        spendable: Fen::new(500),
    };
    assert_eq!(shop.add_funds("anna", -501).await, rule(refusal));
    assert_eq!(shop.money("anna").await, (500, 0));
    assert_eq!(shop.add_funds("anna", -500).await, done());
    assert_eq!(shop.money("anna").await, (0, 0));
}

/// Adding nothing is done and changes nothing, so that it is no use of an account either.
pub async fn adding_nothing_changes_nothing(shop: &Shop) {
    shop.given_user("anna").await;
    let before = shop.account("anna").await;
    assert_eq!(shop.add_funds("anna", 0).await, done());
    assert_eq!(shop.account("anna").await, before);
}

/// What a seller was paid for books that are not received yet can't be withdrawn.
pub async fn held_money_is_not_withdrawn(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_funds(SELLER, 30).await, done());
    let order = shop.given_order_in(OrderStatus::Paid).await;
    assert_eq!(shop.money(SELLER).await, (30 + PRICE_FEN, PRICE_FEN));
    let refusal = AddFundsRefusal::InsufficientFunds {
        user: user(SELLER),
        spendable: Fen::new(30),
    };
    assert_eq!(shop.add_funds(SELLER, -31).await, rule(refusal));
    assert_eq!(shop.add_funds(SELLER, -30).await, done());
    assert_eq!(shop.send(SELLER, order).await, done());
    assert_eq!(shop.receive(BUYER, order).await, done());
    assert_eq!(shop.add_funds(SELLER, -PRICE_FEN).await, done());
    assert_eq!(shop.money(SELLER).await, (0, 0));
}

/// A balance may reach its limit and is not lifted past it.
pub async fn a_balance_stays_within_its_limit(shop: &Shop) {
    shop.given_user("anna").await;
    for _ in 0..100 {
        assert_eq!(
            shop.add_funds("anna", BALANCE_MAX.get() / 100).await,
            done()
        );
    }
    assert_eq!(shop.money("anna").await, (BALANCE_MAX.get(), 0));
    assert_eq!(
        shop.add_funds("anna", 1).await,
        rule(AddFundsRefusal::BalanceLimit)
    );
    assert_eq!(shop.money("anna").await, (BALANCE_MAX.get(), 0));
    assert_eq!(shop.add_funds("anna", -1).await, done());
    assert_eq!(shop.add_funds("anna", 1).await, done());
    assert_eq!(shop.money("anna").await, (BALANCE_MAX.get(), 0));
}
