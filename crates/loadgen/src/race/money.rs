//! Races for money, and for an order's state.

use super::bench::{Bench, FUNDS_FEN, Outcomes, PLENTY, PRICE_FEN, User};
use super::{Broken, check};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::shop::password;

const BOOK: &str = "book";

async fn pay(caller: &mut Caller, buyer: &User, order: &str) -> Outcome {
    let password = password(&buyer.id);
    Outcome::of(&caller.payment(&buyer.id, &password, order).await)
}

async fn cancel(caller: &mut Caller, buyer: &User, order: &str) -> Outcome {
    let step = Step::CancelOrder;
    Outcome::of(&caller.of_order(step, &buyer.id, &buyer.token, order).await)
}

/// One order, paid by every client at once: once it works, and once the money goes.
pub async fn double_pay(bench: Bench) -> Result<Broken, Error> {
    let seller = bench.seller(&[(BOOK, PLENTY)]).await?;
    let buyer = bench.user("buyer", FUNDS_FEN).await?;
    let order = bench.order(&buyer, &[BOOK]).await?;
    let outcomes = bench
        .at_once(async |caller, _| pay(caller, &buyer, &order).await)
        .await?;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    let mut broken = Broken::new();
    check(&mut broken, outcomes.accepted() == 1, || {
        format!("the order was paid {} times", outcomes.accepted())
    });
    check(&mut broken, outcomes.others_are(&[518]), || {
        format!("paying again must be refused with 518; there were {outcomes}")
    });
    let is_paid_once = bench
        .can_spend_exactly(&buyer, FUNDS_FEN - PRICE_FEN)
        .await?;
    check(&mut broken, is_paid_once, || {
        "the buyer's money did not go once".into()
    });
    // The seller's is free once the books have arrived.
    for (step, user) in [(Step::SendBooks, &seller), (Step::ReceiveBooks, &buyer)] {
        bench
            .must(step.path(), &user.token, |object| {
                object
                    .text("user_id", &user.id)
                    .text("order_id", &order)
                    .end()
            })
            .await?;
    }
    let is_earned_once = bench.can_spend_exactly(&seller, PRICE_FEN).await?;
    check(&mut broken, is_earned_once, || {
        "the seller's money did not come once".into()
    });
    Ok(broken)
}

/// One order, paid by half of the clients and cancelled by the others: whatever comes first, money
/// and copies fit the state that the order ends in.
pub async fn pay_against_cancel(bench: Bench) -> Result<Broken, Error> {
    bench.seller(&[(BOOK, PLENTY)]).await?;
    let buyer = bench.user("buyer", FUNDS_FEN).await?;
    let order = bench.order(&buyer, &[BOOK]).await?;
    let outcomes = bench
        .at_once(async |caller, client| match client % 2 {
            0 => pay(caller, &buyer, &order).await,
            _ => cancel(caller, &buyer, &order).await,
        })
        .await?;
    let of = |parity: usize| -> Outcomes {
        let mine = outcomes
            .iter()
            .enumerate()
            .filter(|(client, _)| client % 2 == parity);
        mine.map(|(_, outcome)| *outcome).collect()
    };
    let (paid, cancelled) = (of(0), of(1));
    let mut broken = Broken::new();
    check(
        &mut broken,
        paid.accepted() <= 1 && cancelled.accepted() <= 1,
        || {
            format!(
                "paid {} times, cancelled {} times",
                paid.accepted(),
                cancelled.accepted()
            )
        },
    );
    check(
        &mut broken,
        paid.accepted() + cancelled.accepted() > 0,
        || format!("nobody got through: {paid}; {cancelled}"),
    );
    let is_cancelled = bench.is_cancelled(&buyer, &order).await?;
    check(
        &mut broken,
        is_cancelled == (cancelled.accepted() > 0),
        || {
            format!(
                "cancelled {} times, and the order's state says otherwise",
                cancelled.accepted()
            )
        },
    );
    let (money, copies) = match is_cancelled {
        true => (FUNDS_FEN, PLENTY),
        false => (FUNDS_FEN - PRICE_FEN, PLENTY - 1),
    };
    let fits = bench.can_spend_exactly(&buyer, money).await?;
    check(&mut broken, fits, || {
        format!("the buyer's money does not fit: paid {paid}; cancelled {cancelled}")
    });
    let fits = bench.has_exactly(&buyer, BOOK, copies).await?;
    check(&mut broken, fits, || {
        format!("the stock does not fit: paid {paid}; cancelled {cancelled}")
    });
    Ok(broken)
}

/// An order for each client, all of one buyer who has money for a third of them.
pub async fn overspend(bench: Bench) -> Result<Broken, Error> {
    let affordable = (bench.clients() / 3).max(1);
    bench.seller(&[(BOOK, PLENTY)]).await?;
    let buyer = bench
        .user("buyer", i64::from(affordable) * PRICE_FEN)
        .await?;
    let mut orders = Vec::new();
    for _ in 0..bench.clients() {
        orders.push(bench.order(&buyer, &[BOOK]).await?);
    }
    let outcomes = bench
        .at_once(async |caller, client| pay(caller, &buyer, &orders[client]).await)
        .await?;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    let mut broken = Broken::new();
    let wanted = affordable.min(bench.clients());
    check(&mut broken, outcomes.accepted() == wanted, || {
        format!(
            "money for {affordable} orders, and {} were paid",
            outcomes.accepted()
        )
    });
    check(&mut broken, outcomes.others_are(&[519]), || {
        format!("who has nothing left must get 519; there were {outcomes}")
    });
    let left = i64::from(affordable - wanted) * PRICE_FEN;
    let is_spent = bench.can_spend_exactly(&buyer, left).await?;
    check(&mut broken, is_spent, || {
        "money is left that was spent".into()
    });
    Ok(broken)
}

/// One paid order, cancelled by every client at once: once it works, and once money and copy come
/// back.
pub async fn double_cancel(bench: Bench) -> Result<Broken, Error> {
    let seller = bench.seller(&[(BOOK, PLENTY)]).await?;
    let buyer = bench.user("buyer", FUNDS_FEN).await?;
    let order = bench.order(&buyer, &[BOOK]).await?;
    bench.pay(&buyer, &order).await?;
    let outcomes = bench
        .at_once(async |caller, _| cancel(caller, &buyer, &order).await)
        .await?;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    let mut broken = Broken::new();
    check(&mut broken, outcomes.accepted() == 1, || {
        format!("the order was cancelled {} times", outcomes.accepted())
    });
    check(&mut broken, outcomes.others_are(&[518]), || {
        format!("cancelling again must be refused with 518; there were {outcomes}")
    });
    let is_back = bench.can_spend_exactly(&buyer, FUNDS_FEN).await?;
    check(&mut broken, is_back, || {
        "the buyer's money did not come back once".into()
    });
    let is_back = bench.has_exactly(&buyer, BOOK, PLENTY).await?;
    check(&mut broken, is_back, || {
        "the copy did not come back once".into()
    });
    let has_nothing = bench.can_spend_exactly(&seller, 0).await?;
    check(&mut broken, has_nothing, || {
        "the seller still has the money".into()
    });
    Ok(broken)
}
