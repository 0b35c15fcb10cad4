//! Orders: placing them, and each verb in each state.

use std::sync::Arc;

use domain::money::{BALANCE_MAX, ORDER_TOTAL_MAX};
use domain::order::{
    CancelOrderRefusal, PartyRefusal, PayOrderRefusal, PlaceOrderRefusal, ReceiveOrderRefusal,
    SendOrderRefusal,
};
use domain::{
    Address, CancelUntil, Fen, OrderId, OrderState, OrderStatus, PlaceOrder, Request, Tracking,
};

use super::requests::{self, Books, place};
use super::shop::{
    BOOK, BUYER, FUNDS_FEN, PAYMENT_TIMEOUT, PRICE_FEN, RECEIPT_TIMEOUT, SELLER, STOCK, STORE,
    STRANGER, Shop, done, rule,
};

/// Placing an order takes the stock, fixes what each book costs, and sets the deadline; no money
/// moves.
pub async fn placing_an_order_takes_the_stock(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "novel", 30, 5).await;
    let id = shop.next_order_id();
    let address = Address::new("Bruno", "", "路 1").expect("within the limits");
    let address = Some(Arc::new(address));
    let books = [("novel", 2), (BOOK, 1), ("novel", 1)];
    let operation = PlaceOrder {
        address: address.clone(),
        ..place(id, BUYER, STORE, &books)
    };
    let proof = shop.proof(BUYER).await;
    assert_eq!(shop.run(Request::proved(proof, operation)).await, done());
    for _ in 0..2 {
        let order = shop.order(id).await;
        assert_eq!(order.id, id);
        assert_eq!(order.buyer, requests::user(BUYER));
        assert_eq!(order.seller, requests::user(SELLER));
        assert_eq!(order.store, requests::store(STORE));
        assert_eq!(order.address, address);
        assert_eq!(order.tracking, None);
        assert_eq!(order.total, Fen::new(3 * 30 + PRICE_FEN));
        assert_eq!(order.placed_at(), shop.now());
        let pay_before = shop.now().plus(PAYMENT_TIMEOUT);
        assert_eq!(order.state, OrderState::Placed { pay_before });
        let line = |place: usize| {
            let line = &order.lines[place];
            (
                line.book.as_str(),
                &*line.title,
                line.count.get(),
                line.price.get(),
            )
        };
        assert_eq!(order.lines.len(), 2);
        assert_eq!(line(0), ("novel", "novel", 3, 30));
        assert_eq!(line(1), (BOOK, BOOK, 1, PRICE_FEN));
        assert_eq!(shop.stock(STORE, "novel").await, 2);
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 1);
        assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
        shop.reopen().await;
    }
}

/// An order is refused in no store, for a book that is not there, for more copies than there are,
/// and past the limit of its total.
pub async fn placing_an_order_is_refused(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "gem", 1_000_000_000, 1_000_000)
        .await;
    let gems = ORDER_TOTAL_MAX.get() / 1_000_000_000;
    let stock = requests::stock(STOCK);
    let too_low = PlaceOrderRefusal::StockTooLow {
        book: requests::book(BOOK),
        stock,
    };
    let too_low = || too_low.clone();
    let no_book = || PlaceOrderRefusal::NoBook(requests::book("none"));
    let no_store = PlaceOrderRefusal::NoStore(requests::store("nowhere"));
    let refusals: [(&str, &Books<'_>, PlaceOrderRefusal); 7] = [
        ("nowhere", &[(BOOK, 1)], no_store),
        (STORE, &[("none", 1)], no_book()),
        (STORE, &[(BOOK, 1), ("none", 1)], no_book()),
        (STORE, &[(BOOK, STOCK + 1)], too_low()),
        (STORE, &[(BOOK, STOCK), (BOOK, 1)], too_low()),
        (STORE, &[("gem", gems + 1)], PlaceOrderRefusal::TotalLimit),
        (
            STORE,
            &[("gem", gems), (BOOK, 1)],
            PlaceOrderRefusal::TotalLimit,
        ),
    ];
    for (store, books, refusal) in refusals {
        let id = shop.next_order_id();
        assert_eq!(
            shop.place(id, BUYER, store, books).await,
            rule(refusal),
            "{books:?}"
        );
        assert_eq!(
            shop.storage().find_order(id).await.expect("no failure"),
            None
        );
    }
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
    assert_eq!(shop.stock(STORE, "gem").await, 1_000_000);
    let id = shop.next_order_id();
    assert_eq!(shop.place(id, BUYER, STORE, &[("gem", gems)]).await, done());
}

/// An order that can't have one of its books takes none of them, wherever that one stands.
pub async fn a_refused_order_takes_nothing(shop: &Shop) {
    shop.with_book().await;
    shop.given_user("poor").await;
    let names: Vec<String> = (0..20).map(|number| format!("book {number}")).collect();
    for name in &names {
        shop.given_listing(STORE, name, 1, 1).await;
    }
    for short in [0, 10, 19] {
        let count = |place| if place == short { 2 } else { 1 };
        let books: Vec<(&str, i64)> = names
            .iter()
            .enumerate()
            .map(|(place, name)| (name.as_str(), count(place)))
            .collect();
        let refusal = PlaceOrderRefusal::StockTooLow {
            book: requests::book(&names[short]),
            stock: requests::stock(1),
        };
        let id = shop.next_order_id();
        assert_eq!(shop.place(id, "poor", STORE, &books).await, rule(refusal));
    }
    for name in &names {
        assert_eq!(shop.stock(STORE, name).await, 1, "`{name}`");
    }
    assert!(
        !shop.account("poor").await.is_used,
        "a refusal is no use of the account"
    );
}

/// An order may have a thousand different books.
pub async fn an_order_may_have_a_thousand_books(shop: &Shop) {
    shop.with_book().await;
    let names: Vec<String> = (0..1_000).map(|number| format!("book {number}")).collect();
    let proof = shop.proof(SELLER).await;
    let listing = |name: &String| {
        let operation = requests::add_listing(SELLER, STORE, name, 1, 2);
        Request::proved(proof.clone(), operation)
    };
    let outcomes = shop.race(names.iter().map(listing)).await;
    assert!(outcomes.iter().all(|outcome| *outcome == done()));
    let books: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    assert_eq!(shop.add_funds(BUYER, 1_000).await, done());
    let order = shop.given_order(BUYER, STORE, &books).await;
    let found = shop.order(order).await;
    let lines: Vec<&str> = found.lines.iter().map(|line| line.book.as_str()).collect();
    assert_eq!(lines, names);
    assert_eq!(found.total, Fen::new(2_000));
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.cancel(BUYER, order, CancelUntil::Sent).await, done());
    for name in &names {
        assert_eq!(shop.stock(STORE, name).await, 2, "`{name}`");
    }
}

/// Paying moves the total from the buyer to the seller, who holds it until the books are received;
/// each state remembers when it began.
pub async fn an_order_lives_from_placed_to_received(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 3)]).await;
    let total = 3 * PRICE_FEN;
    let paid_at = shop.clock.advance(PAYMENT_TIMEOUT / 2);
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.order(order).await.state, OrderState::Paid { paid_at });
    assert_eq!(shop.money(BUYER).await, (FUNDS_FEN - total, 0));
    assert_eq!(shop.money(SELLER).await, (total, total));

    let sent_at = shop.clock.advance(PAYMENT_TIMEOUT);
    let request = requests::send(shop.proof(SELLER).await, order, Some("parcel 7"));
    assert_eq!(shop.run(request).await, done());
    let found = shop.order(order).await;
    let receive_by = sent_at.plus(RECEIPT_TIMEOUT);
    assert_eq!(
        found.state,
        OrderState::Sent {
            paid_at,
            sent_at,
            receive_by
        }
    );
    assert_eq!(
        found.tracking.as_ref().map(Tracking::as_str),
        Some("parcel 7")
    );
    assert_eq!(shop.money(SELLER).await, (total, total));

    let received_at = shop.clock.advance(PAYMENT_TIMEOUT);
    assert_eq!(shop.receive(BUYER, order).await, done());
    let state = OrderState::Received {
        paid_at,
        sent_at,
        received_at,
    };
    assert_eq!(shop.order(order).await.state, state);
    assert_eq!(shop.money(SELLER).await, (total, 0));
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK - 3);
    shop.reopen().await;
    assert_eq!(shop.order(order).await.state, state);
}

/// Cancelling gives back the stock, and the money where it was paid, from each state that allows.
pub async fn cancelling_gives_everything_back(shop: &Shop) {
    shop.with_book().await;
    for status in [OrderStatus::Placed, OrderStatus::Paid, OrderStatus::Sent] {
        let order = shop.given_order_in(status).await;
        let moment = shop.now();
        let cancelled_at = shop.clock.advance(PAYMENT_TIMEOUT / 2);
        assert_eq!(
            shop.cancel(BUYER, order, CancelUntil::Received).await,
            done()
        );
        let paid_at = (status >= OrderStatus::Paid).then_some(moment);
        let sent_at = (status >= OrderStatus::Sent).then_some(moment);
        let state = OrderState::Cancelled {
            cancelled_at,
            paid_at,
            sent_at,
        };
        assert_eq!(shop.order(order).await.state, state);
        assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
        assert_eq!(shop.money(BUYER).await, (FUNDS_FEN, 0));
        assert_eq!(shop.money(SELLER).await, (0, 0));
        shop.audit().await;
    }
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Pay,
    Send,
    Receive,
    Cancel(CancelUntil),
}

/// What a verb comes to: `Ok`, or the refusal in words that are the same for all verbs.
async fn speak(shop: &Shop, verb: Verb, who: &str, order: OrderId) -> Result<(), String> {
    fn words<T, R: std::fmt::Debug>(outcome: Result<T, R>) -> Result<(), String> {
        outcome.map(drop).map_err(|refusal| format!("{refusal:?}"))
    }
    match verb {
        Verb::Pay => words(shop.pay(who, order).await),
        Verb::Send => words(shop.send(who, order).await),
        Verb::Receive => words(shop.receive(who, order).await),
        Verb::Cancel(until) => words(shop.cancel(who, order, until).await),
    }
}

fn says<R: std::fmt::Debug>(refusal: R) -> Result<(), String> {
    Err(format!("{:?}", domain::Refused::Rule(refusal)))
}

fn matrix(verb: Verb, order: OrderId, status: OrderStatus) -> Result<(), String> {
    use OrderStatus::{Cancelled, Paid, Placed, Received, Sent};
    match (verb, status) {
        (Verb::Pay, Placed) | (Verb::Send, Paid) | (Verb::Receive, Sent) => Ok(()),
        (Verb::Cancel(_), Placed | Paid) | (Verb::Cancel(CancelUntil::Received), Sent) => Ok(()),
        (Verb::Pay, _) => says(PayOrderRefusal::NotPlaced(order)),
        (Verb::Send, Sent | Received) => says(SendOrderRefusal::AlreadySent(order)),
        (Verb::Send, _) => says(SendOrderRefusal::NotPaid(order)),
        (Verb::Receive, Paid) => says(ReceiveOrderRefusal::NotSent(order)),
        (Verb::Receive, Received) => says(ReceiveOrderRefusal::AlreadyReceived(order)),
        (Verb::Receive, _) => says(ReceiveOrderRefusal::NotPaid(order)),
        (Verb::Cancel(_), Cancelled) => says(CancelOrderRefusal::AlreadyCancelled(order)),
        (Verb::Cancel(_), _) => says(CancelOrderRefusal::TooLate(order)),
    }
}

/// Each verb in each state does what the contract's table says, and a refusal changes nothing.
pub async fn each_verb_in_each_state(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_funds(BUYER, 100 * PRICE_FEN).await, done());
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 100).await, done());
    let verbs = [
        (BUYER, Verb::Pay),
        (SELLER, Verb::Send),
        (BUYER, Verb::Receive),
        (BUYER, Verb::Cancel(CancelUntil::Sent)),
        (BUYER, Verb::Cancel(CancelUntil::Received)),
    ];
    for status in OrderStatus::ALL {
        for (who, verb) in verbs {
            let order = shop.given_order_in(status).await;
            let before = (shop.order(order).await, shop.stock(STORE, BOOK).await);
            let money = (shop.money(BUYER).await, shop.money(SELLER).await);
            let outcome = speak(shop, verb, who, order).await;
            assert_eq!(outcome, matrix(verb, order, status), "{verb:?}, {status:?}");
            if outcome.is_err() {
                let after = (shop.order(order).await, shop.stock(STORE, BOOK).await);
                assert_eq!(after, before, "{verb:?}, {status:?}");
                let now = (shop.money(BUYER).await, shop.money(SELLER).await);
                assert_eq!(now, money, "{verb:?}, {status:?}");
            }
        }
    }
}

/// An unknown order is no order to anyone; then whoever is not the verb's party learns no more
/// than that, in every state, and changes nothing.
pub async fn verbs_are_for_their_parties_only(shop: &Shop) {
    shop.with_book().await;
    let unknown = shop.next_order_id();
    let strangers = [
        (STRANGER, Verb::Pay),
        (SELLER, Verb::Pay),
        (STRANGER, Verb::Send),
        (BUYER, Verb::Send),
        (STRANGER, Verb::Receive),
        (SELLER, Verb::Receive),
        (STRANGER, Verb::Cancel(CancelUntil::Received)),
        (SELLER, Verb::Cancel(CancelUntil::Received)),
    ];
    for status in OrderStatus::ALL {
        let order = shop.given_order_in(status).await;
        let before = shop.order(order).await;
        for (who, verb) in strangers {
            let words = speak(shop, verb, who, order)
                .await
                .expect_err("not the party");
            assert!(
                words.contains("NotParty"),
                "{verb:?} by {who}, {status:?}: {words}"
            );
            let words = speak(shop, verb, who, unknown)
                .await
                .expect_err("no such order");
            assert!(words.contains("NoOrder"), "{verb:?} by {who}: {words}");
        }
        assert_eq!(shop.order(order).await, before);
    }
    let refusal = PayOrderRefusal::Party(PartyRefusal::NoOrder(unknown));
    assert_eq!(shop.pay(BUYER, unknown).await, rule(refusal));
}

/// A buyer who can't spend the total does not pay; what he holds as a seller does not count.
pub async fn payment_needs_spendable_money(shop: &Shop) {
    shop.with_book().await;
    shop.given_order_in(OrderStatus::Paid).await;
    shop.given_store(BUYER, "second").await;
    shop.given_listing("second", "pen", 60, 5).await;
    let order = shop.given_order(SELLER, "second", &[("pen", 1)]).await;
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN, PRICE_FEN));
    let refusal = || rule(PayOrderRefusal::InsufficientFunds(order));
    assert_eq!(shop.pay(SELLER, order).await, refusal());
    assert_eq!(shop.add_funds(SELLER, 59).await, done());
    assert_eq!(shop.pay(SELLER, order).await, refusal());
    assert_eq!(shop.status(order).await, OrderStatus::Placed);
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN + 59, PRICE_FEN));
    assert_eq!(shop.add_funds(SELLER, 1).await, done());
    assert_eq!(shop.pay(SELLER, order).await, done());
    assert_eq!(shop.money(SELLER).await, (PRICE_FEN, PRICE_FEN));
}

/// An order that costs nothing goes its whole way, and moves no money.
pub async fn a_free_order_moves_no_money(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "gift", 0, 9).await;
    let order = shop.given_order(STRANGER, STORE, &[("gift", 2)]).await;
    assert_eq!(shop.pay(STRANGER, order).await, done());
    assert_eq!(shop.send(SELLER, order).await, done());
    assert_eq!(shop.receive(STRANGER, order).await, done());
    let order = shop.given_order(STRANGER, STORE, &[("gift", 2)]).await;
    assert_eq!(shop.pay(STRANGER, order).await, done());
    assert_eq!(
        shop.cancel(STRANGER, order, CancelUntil::Sent).await,
        done()
    );
    assert_eq!(shop.stock(STORE, "gift").await, 7);
    assert_eq!(shop.money(SELLER).await, (0, 0));
}

/// A seller may buy from himself: it needs the total spendable, leaves his balance as it is, and
/// what is held comes free at the end, however it ends.
pub async fn a_seller_may_buy_from_himself(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(SELLER, STORE, &[(BOOK, 2)]).await;
    assert_eq!(
        shop.pay(SELLER, order).await,
        rule(PayOrderRefusal::InsufficientFunds(order))
    );
    let total = 2 * PRICE_FEN;
    assert_eq!(shop.add_funds(SELLER, total + 10).await, done());
    for is_received in [false, true] {
        let order = shop.given_order(SELLER, STORE, &[(BOOK, 2)]).await;
        assert_eq!(shop.pay(SELLER, order).await, done());
        assert_eq!(shop.money(SELLER).await, (total + 10, total));
        let second = shop.given_order(SELLER, STORE, &[(BOOK, 1)]).await;
        let refusal = PayOrderRefusal::InsufficientFunds(second);
        assert_eq!(shop.pay(SELLER, second).await, rule(refusal));
        assert_eq!(shop.cancel(SELLER, second, CancelUntil::Sent).await, done());
        assert_eq!(shop.send(SELLER, order).await, done());
        if is_received {
            assert_eq!(shop.receive(SELLER, order).await, done());
        } else {
            assert_eq!(
                shop.cancel(SELLER, order, CancelUntil::Received).await,
                done()
            );
        }
        assert_eq!(shop.money(SELLER).await, (total + 10, 0));
        shop.audit().await;
    }
}

/// A payment that would lift the seller's balance past its limit is refused; a refund never is.
pub async fn a_seller_at_his_limit_is_not_paid(shop: &Shop) {
    shop.with_book().await;
    for _ in 0..100 {
        assert_eq!(
            shop.add_funds(SELLER, BALANCE_MAX.get() / 100).await,
            done()
        );
    }
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    assert_eq!(
        shop.pay(BUYER, order).await,
        rule(PayOrderRefusal::SellerBalanceLimit)
    );
    assert_eq!(shop.status(order).await, OrderStatus::Placed);
    assert_eq!(shop.add_funds(SELLER, -PRICE_FEN).await, done());
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.money(SELLER).await, (BALANCE_MAX.get(), PRICE_FEN));

    let missing = BALANCE_MAX.get() - shop.money(BUYER).await.0;
    for part in [missing % 100].into_iter().chain([missing / 100; 100]) {
        assert_eq!(shop.add_funds(BUYER, part).await, done());
    }
    assert_eq!(shop.cancel(BUYER, order, CancelUntil::Sent).await, done());
    assert_eq!(shop.money(BUYER).await, (BALANCE_MAX.get() + PRICE_FEN, 0));
}
