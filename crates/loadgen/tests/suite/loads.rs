//! Setting up, and what is measured.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loadgen::calls::Step;
use loadgen::http::Target;
use loadgen::journey::Mix;
use loadgen::live::Live;
use loadgen::load::{self, Plan, Taken};
use loadgen::outcome::{Class, Outcome};
use loadgen::pacer::Pace;
use loadgen::people::{Crew, People, log_in_all};
use loadgen::report::Report;
use loadgen::setup::{self, Endowment, Made};
use loadgen::shop::{Shape, Shop};

use crate::fake::{self, Flaw, Lacks, STALL};

pub fn shop() -> Arc<Shop> {
    Arc::new(Shop::new(Shape {
        seed: 1,
        sellers: 2,
        stores_per_seller: 2,
        books_per_store: 20,
        buyers: 4,
        books_per_order: 3,
    }))
}

pub fn crew(target: &Arc<Target>) -> Crew {
    Crew {
        target: target.clone(),
        connections: 4,
    }
}

pub fn plan(target: &Arc<Target>) -> Plan {
    Plan {
        targets: vec![target.clone()],
        mix: Mix::OrderPay,
        pace: Pace::Closed,
        connections: 4,
        threads: 2,
        warm_up: Duration::ZERO,
        duration: Duration::from_millis(500),
        seed: 1,
        timeout: Duration::from_secs(10),
        keeps_journal: true,
    }
}

const ENDOWMENT: Endowment = Endowment {
    stock: 1_000_000,
    funds_fen: 1_000_000_000_000,
};

/// Makes the shop and logs everybody in.
pub async fn set_up(target: &Arc<Target>, shop: &Shop) -> Arc<People> {
    let made = Made::default();
    setup::run(&crew(target), shop, ENDOWMENT, &made)
        .await
        .unwrap();
    Arc::new(log_in_all(&crew(target), shop).await.unwrap())
}

/// Puts the load on from threads of its own, while the fake goes on in the test's.
pub async fn put_on(plan: &Plan, shop: &Arc<Shop>, people: &Arc<People>) -> Taken {
    let (plan, shop, people) = (plan.clone(), shop.clone(), people.clone());
    let run = move || load::run(&plan, &shop, &people, &Arc::new(Live::default()));
    tokio::task::spawn_blocking(run).await.unwrap().unwrap()
}

async fn run_on(flaw: Flaw, change: impl FnOnce(&mut Plan)) -> (Plan, Arc<Shop>, Taken) {
    let target = fake::start(flaw, Lacks::default()).await;
    let shop = shop();
    let people = set_up(&target, &shop).await;
    let mut plan = plan(&target);
    change(&mut plan);
    let taken = put_on(&plan, &shop, &people).await;
    (plan, shop, taken)
}

#[tokio::test]
async fn setting_up_again_makes_nothing_twice() {
    let target = fake::start(Flaw::None, Lacks::default()).await;
    let shop = shop();
    let made = async || {
        let made = Made::default();
        setup::run(&crew(&target), &shop, ENDOWMENT, &made)
            .await
            .unwrap();
        [made.users, made.stores, made.books, made.funded]
            .map(|counter| counter.load(Ordering::Relaxed))
    };
    assert_eq!(made().await, [6, 4, 80, 4]);
    assert_eq!(made().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn pairs_are_counted_and_reported() {
    let (plan, shop, taken) = run_on(Flaw::None, |_| ()).await;
    let report = Report::new(&plan, &shop, &taken);
    assert!(report.journeys > 0 && report.requests >= 2 * report.journeys);
    assert!(report.not_accepted.is_empty(), "{:?}", report.not_accepted);
    assert!(report.tps_c.unwrap() > 0.0);
    let table = report.table();
    assert!(
        table.contains("pairs/s") && table.contains("new_order"),
        "{table}"
    );
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["journeys"], report.journeys);
    let html = report.html();
    assert!(html.contains("<svg") && !html.contains("src=") && !html.contains("href="));
    // The journal has the pairs that began within the time and ended behind it, too.
    assert!(taken.journal.orders.len() as u64 >= report.journeys);
}

#[tokio::test]
async fn whole_lives_go_through_all_steps() {
    let (plan, shop, taken) = run_on(Flaw::None, |plan| plan.mix = Mix::Life).await;
    let report = Report::new(&plan, &shop, &taken);
    assert!(report.not_accepted.is_empty(), "{:?}", report.not_accepted);
    let steps: Vec<_> = report.steps.iter().map(|step| step.step).collect();
    for step in [
        "new_order",
        "payment",
        "cancel_order",
        "send_books",
        "receive_books",
        "check_hist_order",
    ] {
        assert!(steps.contains(&step), "{steps:?}");
    }
}

#[tokio::test]
async fn who_browses_looks_at_all_there_is() {
    let (plan, shop, taken) = run_on(Flaw::None, |plan| plan.mix = Mix::Browse).await;
    let report = Report::new(&plan, &shop, &taken);
    for step in [
        Step::History,
        Step::Queue,
        Step::Account,
        Step::NewOrder,
        Step::Payment,
    ] {
        let found = report.steps.iter().find(|found| found.step == step.name());
        let found = found.unwrap_or_else(|| panic!("no {}", step.name()));
        assert!(found.accepted > 0 && found.latency.count > 0, "{found:?}");
    }
    assert!(report.table().contains("list_orders"));
}

/// Courses' servers have neither searches nor sellers' queues.
#[tokio::test]
async fn a_missing_queue_is_unsupported_and_no_error() {
    let lacks = Lacks {
        queues: true,
        ..Lacks::default()
    };
    let target = fake::start(Flaw::None, lacks).await;
    let shop = shop();
    let people = set_up(&target, &shop).await;
    let mut plan = plan(&target);
    plan.mix = Mix::Browse;
    let taken = put_on(&plan, &shop, &people).await;
    let missing = taken.record.outcomes[&(Step::Queue, Outcome::Status(404))];
    assert!(missing > 0 && Outcome::Status(404).class(Step::Queue) == Class::Unsupported);
    assert!(taken.record.step(Step::Account).unwrap().accepted_count > 0);
}

#[tokio::test]
async fn a_missing_search_is_unsupported_and_no_error() {
    let (plan, shop, taken) = run_on(Flaw::None, |plan| plan.mix = Mix::Browse).await;
    let report = Report::new(&plan, &shop, &taken);
    assert!(report.count(Class::Unsupported) > 0);
    assert_eq!(
        report.count(Class::Failed) + report.count(Class::Refused),
        0
    );
}

#[tokio::test]
async fn what_is_turned_away_is_counted_apart() {
    let (plan, shop, taken) = run_on(Flaw::Sheds, |_| ()).await;
    let report = Report::new(&plan, &shop, &taken);
    let shed = taken.record.outcomes[&(Step::NewOrder, Outcome::Status(503))];
    assert_eq!(report.count(Class::Shed), shed);
    assert_eq!(
        report.count(Class::Failed) + report.count(Class::Refused),
        0
    );
    assert!(report.steps[0].shed_latency.as_ref().unwrap().count == shed);
    assert!(taken.journal.lost.is_empty());
}

/// The essence of an open loop: what fell due while the server stood still counts with its wait.
#[tokio::test]
async fn an_open_loop_does_not_omit_what_waited() {
    const RATE: f64 = 500.0;
    let open = |plan: &mut Plan| {
        plan.pace = Pace::Open { rate: RATE };
        plan.duration = Duration::from_millis(1_500);
    };
    let (_, _, taken) = run_on(Flaw::Stalls, open).await;
    let latencies = &taken.record.step(Step::NewOrder).unwrap().accepted;
    let due = latencies.count() as f64;
    assert!((0.8..1.2).contains(&(due / (RATE * 1.5))), "{due} were due");
    // 200 fell due within the stall, half of them in its first half; with 4 connections, 4 were
    // under way.
    let stalled = latencies.quantile_us(1.0 - 70.0 / due);
    assert!(stalled > STALL.as_micros() as f64 / 2.0, "{stalled} µs");
}

#[tokio::test]
async fn a_closed_loop_sees_a_stall_once_a_connection() {
    let (_, _, taken) = run_on(Flaw::Stalls, |plan| {
        plan.duration = Duration::from_millis(1_500);
    })
    .await;
    let latencies = &taken.record.step(Step::NewOrder).unwrap().accepted;
    let beyond_connections = latencies.quantile_us(1.0 - 8.0 / latencies.count() as f64);
    assert!(latencies.max_us() > STALL.as_micros() as f64 / 2.0);
    assert!(beyond_connections < STALL.as_micros() as f64 / 2.0);
}

#[tokio::test]
async fn what_is_due_and_never_begun_is_told() {
    let (_, _, taken) = run_on(Flaw::Stalls, |plan| {
        plan.pace = Pace::Open { rate: 200_000.0 };
        plan.duration = Duration::from_millis(300);
    })
    .await;
    let due = taken.record.step(Step::NewOrder).unwrap().accepted.count();
    assert!(taken.record.unsent > 1_000, "{}", taken.record.unsent);
    assert!(due >= taken.record.unsent);
}

#[tokio::test]
async fn two_servers_share_the_connections() {
    let (plan, _, taken) = run_on(Flaw::None, |plan| {
        let nowhere = Arc::new("http://127.0.0.1:1".parse().unwrap());
        plan.targets.push(nowhere);
    })
    .await;
    assert_eq!(plan.targets.len(), 2);
    let outcomes = &taken.record.outcomes;
    assert!(outcomes[&(Step::NewOrder, Outcome::Status(200))] > 0);
    assert!(outcomes[&(Step::NewOrder, Outcome::NoConnection)] > 0);
}

#[tokio::test]
async fn noop_takes_every_mix_and_is_known_for_what_it_is() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Arc::new(
        format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap(),
    );
    tokio::spawn(loadgen::noop::serve(listener));
    let shop = shop();
    let people = set_up(&target, &shop).await;
    assert!(people.are_of_noop());
    for mix in [Mix::OrderPay, Mix::Life, Mix::Browse, Mix::Login] {
        let mut plan = plan(&target);
        (plan.mix, plan.duration) = (mix, Duration::from_millis(200));
        let taken = put_on(&plan, &shop, &people).await;
        let report = Report::new(&plan, &shop, &taken);
        assert!(
            report.journeys > 0 && report.not_accepted.is_empty(),
            "{mix:?}"
        );
    }
}
