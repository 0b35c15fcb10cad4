//! Each race fails on a shop that breaks its promise, and only there.

use loadgen::race::{self, Plan, Race, Verdict};

use crate::fake::{self, Flaw, Lacks};

async fn race(flaw: Flaw, race: Race) -> Verdict {
    let plan = Plan {
        targets: vec![fake::start(flaw, Lacks::default()).await],
        clients: 6,
        rounds: 2,
        prefix: "race".into(),
    };
    race::run(&plan, race).await.unwrap()
}

#[tokio::test]
async fn an_honest_shop_wins_all_races() {
    for one in Race::ALL {
        let verdict = race(Flaw::None, one).await;
        assert!(verdict.broken.is_empty(), "{verdict:?}");
        assert_eq!(verdict.unsupported, None);
    }
}

#[tokio::test]
async fn each_race_finds_its_broken_promise() {
    for (flaw, one) in [
        (Flaw::Oversells, Race::Oversell),
        (Flaw::PaysTwice, Race::DoublePay),
        (Flaw::PaysCancelled, Race::PayAgainstCancel),
        (Flaw::Overspends, Race::Overspend),
        (Flaw::CancelsTwice, Race::DoubleCancel),
        (Flaw::TakesParts, Race::PartialOrder),
    ] {
        let verdict = race(flaw, one).await;
        assert!(!verdict.broken.is_empty(), "{flaw:?}");
    }
}

#[tokio::test]
async fn a_race_that_a_server_can_not_run_says_so() {
    let nothing = fake::serve(axum::Router::new()).await;
    let plan = Plan {
        targets: vec![nothing],
        clients: 2,
        rounds: 1,
        prefix: "race".into(),
    };
    let verdict = race::run(&plan, Race::Oversell).await.unwrap();
    assert!(verdict.unsupported.is_some() && verdict.broken.is_empty());
}
