use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::account::AddFunds;
use crate::operation::{Halt, Operation};
use crate::testing::{
    BOOK, BUYER, Market, PAYMENT_TIMEOUT, RECEIPT_TIMEOUT, SELLER, START, place, user,
};

const A_MOMENT: Duration = Duration::from_millis(1);

fn pay(order: OrderId) -> PayOrder {
    PayOrder {
        order,
        buyer: user(BUYER),
    }
}

fn send(order: OrderId) -> SendOrder {
    SendOrder {
        order,
        seller: user(SELLER),
        tracking: None,
        receipt_timeout: RECEIPT_TIMEOUT,
    }
}

fn receive(order: OrderId) -> ReceiveOrder {
    ReceiveOrder {
        order,
        buyer: user(BUYER),
    }
}

fn cancel(order: OrderId, until: CancelUntil) -> CancelOrder {
    CancelOrder {
        order,
        buyer: user(BUYER),
        until,
    }
}

/// A market with an order of one copy that was brought into that state at the beginning.
fn market_with(status: OrderStatus) -> (Market, OrderId) {
    let mut market = Market::with_book();
    let order = market.place(1, BUYER, 1, START);
    if status == OrderStatus::Cancelled {
        market
            .run(&cancel(order, CancelUntil::Sent), START)
            .unwrap();
        return (market, order);
    }
    if status >= OrderStatus::Paid {
        market.run(&pay(order), START).unwrap();
    }
    if status >= OrderStatus::Sent {
        market.run(&send(order), START).unwrap();
    }
    if status >= OrderStatus::Received {
        market.run(&receive(order), START).unwrap();
    }
    (market, order)
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Pay,
    Send,
    Receive,
    Cancel(CancelUntil),
}

/// The contract's number for what a verb comes to.
fn code(market: &mut Market, verb: Verb, order: OrderId, now: Timestamp) -> u16 {
    match verb {
        Verb::Pay => match market.run(&pay(order), now) {
            Ok(()) => 200,
            Err(PayOrderRefusal::NotPlaced(_)) => 518,
            Err(refusal) => panic!("{refusal:?}"),
        },
        Verb::Send => match market.run(&send(order), now) {
            Ok(()) => 200,
            Err(SendOrderRefusal::NotPaid(_)) => 518,
            Err(SendOrderRefusal::AlreadySent(_)) => 522,
            Err(refusal) => panic!("{refusal:?}"),
        },
        Verb::Receive => match market.run(&receive(order), now) {
            Ok(()) => 200,
            Err(ReceiveOrderRefusal::NotPaid(_)) => 518,
            Err(ReceiveOrderRefusal::NotSent(_)) => 520,
            Err(ReceiveOrderRefusal::AlreadyReceived(_)) => 521,
            Err(refusal) => panic!("{refusal:?}"),
        },
        Verb::Cancel(until) => match market.run(&cancel(order, until), now) {
            Ok(()) => 200,
            Err(CancelOrderRefusal::AlreadyCancelled(_)) => 518,
            Err(CancelOrderRefusal::TooLate(_)) => 525,
            Err(refusal) => panic!("{refusal:?}"),
        },
    }
}

/// The states of the contract's table, and what an order that is not swept yet counts as: which
/// state it is stored in, how long after that, and what it counts as.
fn moments() -> [(OrderStatus, Duration, OrderStatus); 9] {
    use OrderStatus::{Cancelled, Paid, Placed, Received, Sent};
    let long = 10 * RECEIPT_TIMEOUT;
    [
        (Placed, PAYMENT_TIMEOUT - A_MOMENT, Placed),
        (Placed, PAYMENT_TIMEOUT, Cancelled),
        (Placed, long, Cancelled),
        (Paid, long, Paid),
        (Sent, RECEIPT_TIMEOUT - A_MOMENT, Sent),
        (Sent, RECEIPT_TIMEOUT, Received),
        (Sent, long, Received),
        (Received, long, Received),
        (Cancelled, long, Cancelled),
    ]
}

/// The table under Buyer 2 of the contract, in each of its cells and at each deadline's edges.
#[test]
fn each_verb_in_each_state_is_as_in_the_contract() {
    let table = [
        // placed, paid, sent, received, cancelled
        (Verb::Pay, [200, 518, 518, 518, 518]),
        (Verb::Send, [518, 200, 522, 522, 518]),
        (Verb::Receive, [518, 520, 200, 521, 518]),
        (
            Verb::Cancel(CancelUntil::Received),
            [200, 200, 200, 525, 518],
        ),
        (Verb::Cancel(CancelUntil::Sent), [200, 200, 525, 525, 518]),
    ];
    for (stored, later, counts_as) in moments() {
        for (verb, codes) in table {
            let (mut market, order) = market_with(stored);
            let before = (market.order(order).clone(), market.listing(BOOK).clone());
            let wanted = codes[counts_as as usize];
            let found = code(&mut market, verb, order, START.plus(later));
            assert_eq!(
                found, wanted,
                "{verb:?} where it is {stored:?} and counts as {counts_as:?}"
            );
            let after = (market.order(order).clone(), market.listing(BOOK).clone());
            assert_eq!(
                after == before,
                wanted != 200,
                "a refusal, and only that, changes nothing"
            );
        }
    }
}

#[test]
fn the_sweep_takes_what_is_due_and_nothing_else() {
    use OrderStatus::{Cancelled, Placed, Received, Sent};
    for (stored, later, counts_as) in moments() {
        let now = START.plus(later);
        let (mut market, order) = market_with(stored);
        let expired = market.run(&ExpireOrder { order }, now);
        assert_eq!(
            expired.is_ok(),
            (stored, counts_as) == (Placed, Cancelled),
            "{stored:?}"
        );
        let (mut market, order) = market_with(stored);
        let concluded = market.run(&ConcludeOrder { order }, now);
        assert_eq!(
            concluded.is_ok(),
            (stored, counts_as) == (Sent, Received),
            "{stored:?}"
        );
    }
}

#[test]
fn the_sweep_writes_down_what_counted_already() {
    for (stored, late) in [
        (OrderStatus::Placed, PAYMENT_TIMEOUT),
        (OrderStatus::Sent, RECEIPT_TIMEOUT),
    ] {
        let (mut market, order) = market_with(stored);
        let deadline = START.plus(late);
        let now = deadline.plus(PAYMENT_TIMEOUT);
        let seen = market.order(order).as_of(now);
        if stored == OrderStatus::Placed {
            market.run(&ExpireOrder { order }, now).unwrap();
            assert_eq!(market.listing(BOOK).stock.get(), 10);
        } else {
            market.run(&ConcludeOrder { order }, now).unwrap();
            assert_eq!(market.money(SELLER), (100, 0));
        }
        assert_eq!(
            *market.order(order),
            seen,
            "what everyone saw is what is stored"
        );
        assert_eq!(
            market.order(order).as_of(deadline),
            seen,
            "and since the deadline"
        );
    }
}

#[test]
fn times_never_run_backwards() {
    let mut market = Market::with_book();
    let order = market.place(1, BUYER, 1, START);
    let earlier = START.minus(PAYMENT_TIMEOUT);
    market.run(&pay(order), earlier).unwrap();
    market.run(&send(order), earlier).unwrap();
    market.run(&receive(order), earlier).unwrap();
    let times = OrderState::Received {
        paid_at: START,
        sent_at: START,
        received_at: START,
    };
    assert_eq!(
        market.order(order).state,
        times,
        "although the clock was set back"
    );
}

#[test]
fn a_basket_counts_a_book_named_twice_as_the_sum() {
    let book = |name: &str| BookId::new(name).unwrap();
    let count = |count| Count::new(count).unwrap();
    let wanted = vec![
        (book("b"), count(2)),
        (book("a"), count(1)),
        (book("b"), count(3)),
    ];
    let basket = Basket::new(wanted).unwrap();
    assert_eq!(
        basket.lines(),
        [(book("b"), count(5)), (book("a"), count(1))]
    );
}

#[test]
fn a_basket_stays_within_its_limits() {
    assert_eq!(Basket::new(Vec::new()), Err(InvalidBasket::Empty));
    let one = Count::new(1).unwrap();
    let books = |count: usize| {
        let book = |number: usize| (BookId::new(format!("{}", number % count)).unwrap(), one);
        (0..2 * count).map(book).collect::<Vec<_>>()
    };
    assert_eq!(
        Basket::new(books(ORDER_LINES_MAX)).unwrap().lines().len(),
        ORDER_LINES_MAX
    );
    assert_eq!(
        Basket::new(books(ORDER_LINES_MAX + 1)),
        Err(InvalidBasket::TooMany)
    );
    let book = BookId::new("many").unwrap();
    let half = Count::new(crate::money::COUNT_MAX / 2).unwrap();
    assert!(Basket::new(vec![(book.clone(), half); 2]).is_ok());
    let refused = Basket::new(vec![
        (book.clone(), half),
        (book.clone(), half),
        (book.clone(), one),
    ]);
    assert!(matches!(refused, Err(InvalidBasket::Count(named, _)) if named == book));
}

#[test]
fn texts_of_an_order_stay_within_their_limits() {
    let contact = "书".repeat(CONTACT_MAX_CHARACTERS);
    let place = "路".repeat(ADDRESS_TEXT_MAX_CHARACTERS);
    let longer = |text: &str| format!("{text}x");
    assert!(Address::new(&contact, &contact, &place).is_ok());
    assert!(Address::new("", "", "").is_ok());
    let too_long = |field, max| Err((field, TextTooLong { max }));
    let contact_max = CONTACT_MAX_CHARACTERS;
    assert_eq!(
        Address::new(&longer(&contact), "", ""),
        too_long("name", contact_max)
    );
    assert_eq!(
        Address::new("", &longer(&contact), ""),
        too_long("phone", contact_max)
    );
    let refused = Address::new("", "", &longer(&place));
    assert_eq!(refused, too_long("text", ADDRESS_TEXT_MAX_CHARACTERS));
    assert_eq!(Tracking::new(&contact).unwrap().as_str(), contact);
    assert_eq!(
        Tracking::new(&longer(&contact)),
        Err(TextTooLong { max: contact_max })
    );
}

#[test]
fn a_status_is_what_its_word_says() {
    for status in OrderStatus::ALL {
        assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
    }
    for word in ["", "Placed", "paid ", "lost"] {
        assert_eq!(OrderStatus::parse(word), None);
    }
}

#[test]
fn a_rule_asks_for_all_rows_of_an_order_at_once() {
    let wanted = (0..5).map(|number| {
        (
            BookId::new(format!("{number}")).unwrap(),
            Count::new(1).unwrap(),
        )
    });
    let basket = Basket::new(wanted.collect()).unwrap();
    let order = PlaceOrder {
        basket,
        ..place(1, BUYER, 1, START)
    };
    let mut market = Market::with_book();
    let Err(Halt::Lacks(keys)) = order.decide(&market.rows, START) else {
        panic!("none of these books is loaded");
    };
    assert_eq!(keys.len(), 5);
    let refused = market.run(&order, START);
    assert_eq!(
        refused,
        Err(PlaceOrderRefusal::NoBook(BookId::new("0").unwrap()))
    );
}

proptest! {
    /// Merging keeps each book's sum, names each book once, and keeps the order of first mention.
    #[test]
    fn merging_a_basket_keeps_the_sums(wanted in prop::collection::vec((0_u8..6, 1_i64..100), 1..40)) {
        let book = |number: u8| BookId::new(format!("book {number}")).unwrap();
        let list = wanted.iter().map(|(number, count)| (book(*number), Count::new(*count).unwrap()));
        let basket = Basket::new(list.collect()).unwrap();
        let mut mentioned: Vec<u8> = Vec::new();
        for (number, _) in &wanted {
            if !mentioned.contains(number) {
                mentioned.push(*number);
            }
        }
        let sums: Vec<(BookId, i64)> = mentioned.iter().map(|number| {
            let counts = wanted.iter().filter(|(named, _)| named == number);
            (book(*number), counts.map(|(_, count)| count).sum())
        }).collect();
        let lines = basket.lines().iter().map(|(book, count)| (book.clone(), count.get()));
        prop_assert_eq!(lines.collect::<Vec<_>>(), sums);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Place {
        buyer: &'static str,
        copies: i64,
    },
    Speak {
        verb: u8,
        who: &'static str,
        order: usize,
        until: CancelUntil,
    },
    Fund {
        who: &'static str,
        fen: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let who = || prop::sample::select(vec![BUYER, SELLER]);
    let until = prop::sample::select(vec![CancelUntil::Sent, CancelUntil::Received]);
    let step = prop_oneof![
        2 => (who(), 1_i64..6).prop_map(|(buyer, copies)| Step::Place { buyer, copies }),
        6 => (0_u8..6, who(), 0_usize..8, until).prop_map(|(verb, who, order, until)| {
            Step::Speak { verb, who, order, until }
        }),
        1 => (who(), -300_i64..300).prop_map(|(who, fen)| Step::Fund { who, fen }),
    ];
    let pause_ms = prop_oneof![8 => 0_i64..1_000, 1 => Just(1_800_000), 1 => Just(1_209_600_000)];
    prop::collection::vec((step, pause_ms), 1..80)
}

/// Takes one step; returns how much money it brought in.
fn take(market: &mut Market, orders: &mut Vec<OrderId>, step: Step, now: Timestamp) -> i64 {
    match step {
        Step::Place { buyer, copies } => {
            let operation = place(orders.len() as u8, buyer, copies, now);
            if market.run(&operation, now).is_ok() {
                orders.push(operation.id);
            }
        }
        Step::Fund { who, fen } => {
            let operation = AddFunds {
                user: user(who),
                amount: Fen::new(fen),
            };
            return if market.run(&operation, now).is_ok() {
                fen
            } else {
                0
            };
        }
        Step::Speak {
            verb,
            who,
            order,
            until,
        } if !orders.is_empty() => {
            let (order, who) = (orders[order % orders.len()], user(who));
            let buyer = who.clone();
            // A refusal is as good as anything else here.
            match verb {
                0 => drop(market.run(&PayOrder { order, buyer }, now)),
                1 => drop(market.run(
                    &SendOrder {
                        seller: who,
                        ..send(order)
                    },
                    now,
                )),
                2 => drop(market.run(&ReceiveOrder { order, buyer }, now)),
                3 => drop(market.run(
                    &CancelOrder {
                        order,
                        buyer,
                        until,
                    },
                    now,
                )),
                4 => drop(market.run(&ExpireOrder { order }, now)),
                _ => drop(market.run(&ConcludeOrder { order }, now)),
            }
        }
        Step::Speak { .. } => {}
    }
    0
}

/// What must hold of a market at every moment.
fn check(market: &Market, orders: &[OrderId], inside_fen: i64) {
    let (buyer, seller) = (market.money(BUYER), market.money(SELLER));
    assert_eq!(buyer.0 + seller.0, inside_fen, "money was made or lost");
    for (balance, held) in [buyer, seller] {
        assert!((0..=balance).contains(&held), "{held} of {balance} is held");
    }
    let orders: Vec<&Order> = orders.iter().map(|order| market.order(*order)).collect();
    let is_open = |order: &&&Order| matches!(order.status(), OrderStatus::Paid | OrderStatus::Sent);
    let open: i64 = orders
        .iter()
        .filter(is_open)
        .map(|order| order.total.get())
        .sum();
    assert_eq!(seller.1, open, "held is what is paid for and not received");
    assert_eq!(buyer.1, 0, "who sells nothing holds nothing");
    let kept = orders
        .iter()
        .filter(|order| order.status() != OrderStatus::Cancelled);
    let taken: i64 = kept.map(|order| order.lines[0].count.get()).sum();
    let listing = market.listing(BOOK);
    assert!(listing.stock.get() >= 0);
    assert_eq!(
        listing.added,
        listing.stock.get() + taken,
        "a copy was made or lost"
    );
    let sum = |account: &LedgerAccount| -> i64 {
        let entries = market.rows.transfers.iter();
        entries
            .map(|entry| {
                let amount = entry.amount.get();
                assert!(amount > 0);
                i64::from(entry.to == *account) * amount
                    - i64::from(entry.from == *account) * amount
            })
            .sum()
    };
    for (name, (balance, held)) in [(BUYER, buyer), (SELLER, seller)] {
        assert_eq!(sum(&LedgerAccount::Held(user(name))), held);
        assert_eq!(sum(&LedgerAccount::Spendable(user(name))), balance - held);
    }
    assert_eq!(sum(&LedgerAccount::Outside), -inside_fen);
}

proptest! {
    /// Whatever is tried in whatever order, and by whomever: money is neither made nor lost, what
    /// is held is covered, and every copy is on the shelf or in an order; no final state is left.
    #[test]
    fn no_sequence_of_verbs_makes_money_or_books(steps in steps()) {
        let mut market = Market::with_book();
        let (mut now, mut inside_fen, mut orders) = (START, 1_000, Vec::new());
        check(&market, &orders, inside_fen);
        for (step, pause_ms) in steps {
            now = now.plus(Duration::from_millis(pause_ms.unsigned_abs()));
            let before: Vec<Order> = orders.iter().map(|id| market.order(*id).as_of(now)).collect();
            inside_fen += take(&mut market, &mut orders, step, now);
            check(&market, &orders, inside_fen);
            for before in before {
                let after = market.order(before.id).as_of(now);
                let is_final = before.status() >= OrderStatus::Received;
                prop_assert!(after.status() >= before.status(), "{before:?} became {after:?}");
                prop_assert!(!is_final || after == before, "{before:?} became {after:?}");
            }
        }
    }
}
