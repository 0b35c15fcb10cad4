//! The auditor finds what was planted, and nothing where nothing was.

use std::time::Duration;

use loadgen::check::{Audit, Auditor, Kind};
use loadgen::journey::Mix;

use crate::fake::{self, Flaw, Lacks};
use crate::loads::{crew, plan, put_on, set_up, shop};

async fn audit(flaw: Flaw, lacks: Lacks, mix: Mix) -> Audit {
    let target = fake::start(flaw, lacks).await;
    let shop = shop();
    let people = set_up(&target, &shop).await;
    let crew = crew(&target);
    let auditor = Auditor {
        crew: &crew,
        shop: &shop,
        people: &people,
        preference: mix.preference(),
        payment_timeout: Duration::from_secs(1_800),
    };
    let mut plan = plan(&target);
    plan.mix = mix;
    // Something is there before, which is not this run's.
    put_on(&plan, &shop, &people).await;
    let before = auditor.baseline().await.unwrap();
    plan.seed = 2;
    let taken = put_on(&plan, &shop, &people).await;
    assert!(
        taken.journal.orders.len() > 20,
        "too few orders to tell anything"
    );
    let audit = auditor.audit(&before, &taken.journal).await.unwrap();
    assert_eq!(audit.orders, taken.journal.orders.len() as u64);
    audit
}

const ALL: Lacks = Lacks {
    account: false,
    queues: false,
    histories: false,
};
const NO_ACCOUNT: Lacks = Lacks {
    account: true,
    queues: false,
    histories: false,
};
const NEITHER: Lacks = Lacks {
    account: true,
    queues: true,
    histories: true,
};

fn has(audit: &Audit, kind: Kind) -> bool {
    audit
        .findings
        .first
        .iter()
        .any(|finding| finding.kind == kind)
}

fn is_clean(audit: &Audit) {
    assert_eq!(audit.findings.count, 0, "{:?}", audit.findings);
    assert_eq!((audit.accounts, audit.listings > 0), (6, true));
}

#[tokio::test]
async fn an_honest_shop_passes() {
    for lacks in [ALL, NO_ACCOUNT, NEITHER] {
        for mix in [Mix::OrderPay, Mix::Life, Mix::HotBook] {
            is_clean(&audit(Flaw::None, lacks, mix).await);
        }
    }
}

#[tokio::test]
async fn lost_answers_are_found_again_and_break_nothing() {
    for mix in [Mix::OrderPay, Mix::Life] {
        let audit = audit(Flaw::LosesAnswers, ALL, mix).await;
        is_clean(&audit);
        assert!(audit.found_again > 0);
    }
}

#[tokio::test]
async fn lost_orders_are_found() {
    let audit = audit(Flaw::LosesOrders, ALL, Mix::HotBook).await;
    assert!(has(&audit, Kind::Lost), "{:?}", audit.findings);
}

#[tokio::test]
async fn doubled_orders_are_found() {
    let audit = audit(Flaw::DoublesOrders, ALL, Mix::OrderPay).await;
    assert!(has(&audit, Kind::Doubled), "{:?}", audit.findings);
}

#[tokio::test]
async fn lost_payments_are_found_with_and_without_histories_and_accounts() {
    let with = audit(Flaw::LosesPayments, ALL, Mix::OrderPay).await;
    assert!(has(&with, Kind::Different), "{:?}", with.findings);
    let without = audit(Flaw::LosesPayments, NEITHER, Mix::OrderPay).await;
    assert!(has(&without, Kind::Lost), "{:?}", without.findings);
}

#[tokio::test]
async fn doubled_payments_are_found_with_and_without_accounts() {
    for lacks in [ALL, NO_ACCOUNT, NEITHER] {
        let audit = audit(Flaw::DoublesPayments, lacks, Mix::OrderPay).await;
        assert!(has(&audit, Kind::Money), "{lacks:?}: {:?}", audit.findings);
    }
}

#[tokio::test]
async fn changed_orders_are_found() {
    let audit = audit(Flaw::ChangesOrders, ALL, Mix::OrderPay).await;
    assert!(has(&audit, Kind::Different), "{:?}", audit.findings);
}

#[tokio::test]
async fn stock_that_goes_twice_is_found() {
    let audit = audit(Flaw::TakesTwice, ALL, Mix::HotBook).await;
    assert!(has(&audit, Kind::Stock), "{:?}", audit.findings);
}
