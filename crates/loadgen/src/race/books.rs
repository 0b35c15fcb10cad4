//! Races for copies.

use std::sync::Mutex;

use super::bench::{Bench, Outcomes, PLENTY};
use super::{Broken, check};
use crate::error::Error;
use crate::journey::lock;
use crate::json::find_text;
use crate::outcome::Outcome;

/// How many clients want each copy.
const CLIENTS_PER_COPY: u32 = 3;

/// A third as many copies as clients: each copy is sold once, and the shelf is empty then.
pub async fn oversell(bench: Bench) -> Result<Broken, Error> {
    const BOOK: &str = "book";
    let copies = (bench.clients() / CLIENTS_PER_COPY).max(1);
    bench.seller(&[(BOOK, i64::from(copies))]).await?;
    let buyers = bench.buyers().await?;
    let orders = Mutex::new(Vec::new());
    let outcomes = bench
        .at_once(async |caller, client| {
            let answered = bench.try_order(caller, &buyers[client], &[BOOK], 1).await;
            if let Ok(answer) = &answered
                && let Some(order) = find_text(answer.body, "order_id")
            {
                lock(&orders).push((client, order.into_owned()));
            }
            Outcome::of(&answered)
        })
        .await?;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    let mut broken = Broken::new();
    let wanted = copies.min(bench.clients());
    check(&mut broken, outcomes.accepted() == wanted, || {
        format!(
            "{copies} copies, and {} orders were accepted",
            outcomes.accepted()
        )
    });
    check(&mut broken, outcomes.others_are(&[517]), || {
        format!("who comes too late must get 517; there were {outcomes}")
    });
    let none_left = bench
        .has_exactly(&buyers[0], BOOK, i64::from(copies - wanted))
        .await?;
    check(&mut broken, none_left, || {
        "copies are left that were sold".into()
    });
    // What comes back is all that there was.
    let orders = orders.into_inner().expect("nobody panics with it");
    for (client, order) in &orders {
        bench.cancel(&buyers[*client], order).await?;
    }
    let all_back = bench
        .has_exactly(&buyers[0], BOOK, i64::from(copies))
        .await?;
    check(&mut broken, all_back, || {
        format!("all orders are cancelled, and there are not {copies} copies again")
    });
    Ok(broken)
}

/// Orders of two books, of which there are plenty of one and one copy of the other: one order is
/// accepted, and the others took nothing of the first.
pub async fn partial_order(bench: Bench) -> Result<Broken, Error> {
    const PLENTIFUL: &str = "plentiful";
    const RARE: &str = "rare";
    bench.seller(&[(PLENTIFUL, PLENTY), (RARE, 1)]).await?;
    let buyers = bench.buyers().await?;
    let outcomes = bench
        .at_once(async |caller, client| {
            let books = [PLENTIFUL, RARE];
            Outcome::of(&bench.try_order(caller, &buyers[client], &books, 1).await)
        })
        .await?;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    let mut broken = Broken::new();
    check(&mut broken, outcomes.accepted() == 1, || {
        format!("one copy, and {} orders were accepted", outcomes.accepted())
    });
    check(&mut broken, outcomes.others_are(&[517]), || {
        format!("who comes too late must get 517; there were {outcomes}")
    });
    let is_whole = bench.has_exactly(&buyers[0], PLENTIFUL, PLENTY - 1).await?;
    check(&mut broken, is_whole, || {
        "a refused order took some of its books, or the accepted one did not take all".into()
    });
    Ok(broken)
}
