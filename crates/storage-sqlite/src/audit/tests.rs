//! Each check fails where it should, and holds beside a working server. Pieces are small in tests,
//! so that even a small shop is audited in many.

use std::path::PathBuf;
use std::sync::Arc;

use domain::{Clock, OrderStatus};
use rusqlite::Connection;
use storage::conformance::requests;
use storage::conformance::shop::{BOOK, BUYER, SELLER, STORE, Shop, done};
use storage::conformance::{Fixture, Opening};
use storage::{AuditCheck, AuditReport, Storage};
use tempfile::TempDir;

use crate::{Options, SqliteStorage};

struct Directory(PathBuf);

impl Fixture for Directory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_> {
        let storage = SqliteStorage::open(Options::new(&self.0), clock).expect("it opens");
        Box::pin(async { Arc::new(storage) as Arc<dyn Storage> })
    }
}

/// A shop with orders in every state, closed.
async fn shop_in_a_file() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let shop = Shop::open(Directory(directory.path().to_owned())).await;
    shop.with_book().await;
    for status in OrderStatus::ALL {
        shop.given_order_in(status).await;
    }
    let order = shop.given_order_in(OrderStatus::Sent).await;
    let cancelled = shop
        .cancel(BUYER, order, domain::CancelUntil::Received)
        .await;
    assert_eq!(cancelled, done());
    assert_eq!(shop.add_funds(BUYER, -10).await, done());
    shop.given_listing(STORE, "free", 0, 5).await;
    let order = shop.given_order(BUYER, STORE, &[("free", 2)]).await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    shop.given_funds("rich", 77).await;
    shop.given_store(BUYER, "empty").await;
    shop.close().await;
    directory
}

/// What an audit says once somebody has written into a copy of that file.
async fn audit_after(directory: &TempDir, sql: &str) -> AuditReport {
    let copy = tempfile::tempdir().expect("a directory");
    let path = copy.path().join("bookstore.db");
    std::fs::copy(directory.path().join("bookstore.db"), &path).expect("a copy");
    let connection = Connection::open(&path).expect("a database");
    connection
        .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;")
        .expect("a free hand");
    connection.execute_batch(sql).expect(sql);
    assert!(
        connection.total_changes() > 0,
        "this changes nothing: {sql}"
    );
    drop(connection);
    let storage = SqliteStorage::open_read_only(Options::new(copy.path())).expect("it opens");
    let report = storage.audit().await.expect("an audit can be had");
    let checks: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.check)
        .collect();
    assert_eq!(checks, AuditCheck::ALL);
    report
}

/// Checks which checks fail after each of these.
async fn fails(cases: &[(&str, &[AuditCheck])]) {
    let directory = shop_in_a_file().await;
    for (sql, wanted) in cases {
        let report = audit_after(&directory, sql).await;
        let wrong = report.findings.iter().filter(|finding| finding.wrong > 0);
        let failed: Vec<_> = wrong.clone().map(|finding| finding.check).collect();
        assert_eq!(failed, *wanted, "after {sql}: {:#?}", report.findings);
        assert!(
            wrong.clone().all(|finding| !finding.shown.is_empty()),
            "{sql}"
        );
    }
}

use AuditCheck::{
    BalancesEqualPostings as Balances, HeldEqualsOpenOrders as Held, OrdersAgree as Orders,
    PostingsSumToZero as Postings, StockEquation as Stock,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_file_is_clean() {
    let directory = shop_in_a_file().await;
    let harmless = "UPDATE listings SET title = 'another'";
    let report = audit_after(&directory, harmless).await;
    assert!(report.is_clean(), "{:#?}", report.findings);
    let checked: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.checked)
        .collect();
    // 2 deposits, 1 withdrawal, 4 payments, 1 release and 1 refund, and their sum; 4 accounts;
    // 2 listings; 7 orders; 4 accounts.
    assert_eq!(checked, [10, 4, 2, 7, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_posting_is_found() {
    fails(&[
        (
            "UPDATE postings SET amount = amount + 1 WHERE account = 0 AND entry = 1",
            &[Postings],
        ),
        (
            "DELETE FROM postings WHERE account = 0 AND entry = 1",
            &[Postings],
        ),
        ("INSERT INTO postings VALUES (0, 99, 2, 5)", &[Postings]),
        (
            "INSERT INTO postings VALUES (2, 99, 0, 5)",
            &[Postings, Balances],
        ),
        ("DELETE FROM entries WHERE id = 1", &[Postings]),
        (
            "UPDATE postings SET side = 7 WHERE account = 0 AND entry = 1",
            &[Postings],
        ),
        (
            "UPDATE postings SET amount = amount + 1 WHERE account = 0;
             UPDATE postings SET amount = amount - 1 WHERE account = 0 AND entry = 1",
            &[Postings],
        ),
        (
            "UPDATE postings SET amount = 2 * amount WHERE entry = 1",
            &[Balances],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_balance_is_found() {
    fails(&[
        (
            "UPDATE balances SET balance = balance + 1 WHERE account = 2",
            &[Balances],
        ),
        (
            "UPDATE balances SET balance = 5 WHERE account = 3",
            &[Balances],
        ),
        (
            "UPDATE balances SET held = held + 1 WHERE account = 1",
            &[Balances, Held],
        ),
        (
            "UPDATE balances SET balance = 9, held = 9 WHERE account = 3",
            &[Balances, Held],
        ),
        ("DELETE FROM balances WHERE account = 4", &[Balances, Held]),
        ("DELETE FROM balances WHERE account = 1", &[Balances, Held]),
        (
            "UPDATE postings SET account = 99 WHERE account = 4",
            &[Balances],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_stock_is_found() {
    fails(&[
        (
            "UPDATE shelves SET stock = stock + 1 WHERE listing = 1",
            &[Stock],
        ),
        (
            "UPDATE shelves SET stock = stock - 1, added = added + 1 WHERE listing = 2",
            &[Stock],
        ),
        (
            "UPDATE shelves SET stock = -1, added = 1 WHERE listing = 2",
            &[Stock],
        ),
        ("DELETE FROM shelves WHERE listing = 1", &[Stock]),
        (
            "UPDATE orders SET lines = replace(lines, '[[1,', '[[99,') WHERE id = 1",
            &[Stock],
        ),
        ("DELETE FROM orders WHERE state = 0", &[Stock]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_order_is_found() {
    fails(&[
        (
            "UPDATE orders SET total = total + 1 WHERE state = 0",
            &[Orders],
        ),
        (
            "UPDATE orders SET total = total + 1 WHERE state = 2",
            &[Orders, Held],
        ),
        (
            "UPDATE orders SET lines = 'no lines' WHERE state = 0",
            &[Stock, Orders],
        ),
        ("UPDATE orders SET lines = '[]' WHERE state = 4", &[Orders]),
        (
            "UPDATE orders SET paid_at = NULL WHERE state = 2",
            &[Orders],
        ),
        (
            "UPDATE orders SET paid_at = paid_at + 1 WHERE state = 1",
            &[Orders],
        ),
        (
            "UPDATE orders SET receive_by = sent_at - 1 WHERE state = 2",
            &[Orders],
        ),
        (
            "UPDATE orders SET received_at = 0 WHERE state = 3",
            &[Orders],
        ),
        (
            "UPDATE orders SET paid_at = NULL WHERE state = 4",
            &[Orders],
        ),
        ("UPDATE orders SET state = 9 WHERE state = 0", &[Orders]),
        (
            "UPDATE orders SET seller = buyer WHERE state = 0",
            &[Stock, Orders],
        ),
        ("UPDATE orders SET store = 99 WHERE state = 0", &[Orders]),
        (
            "UPDATE orders SET state = 1, sent_at = NULL, receive_by = NULL, received_at = NULL
              WHERE state = 3",
            &[Orders, Held],
        ),
        (
            "UPDATE entries SET order_id = NULL WHERE kind = 3",
            &[Orders],
        ),
        ("UPDATE entries SET order_id = 99 WHERE kind = 1", &[Orders]),
        ("UPDATE entries SET kind = 4 WHERE kind = 3", &[Orders]),
        ("UPDATE entries SET order_id = 1 WHERE kind = 0", &[Orders]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_beside_a_working_server_is_clean() {
    const BUYERS: usize = 4;
    let directory = tempfile::tempdir().expect("a directory");
    let shop = Arc::new(Shop::open(Directory(directory.path().to_owned())).await);
    shop.with_book().await;
    shop.given_listing(STORE, "many", 1, 1_000_000).await;
    let beside = SqliteStorage::open_read_only(Options::new(directory.path())).expect("it opens");
    let working: Vec<_> = (0..BUYERS)
        .map(|number| {
            let shop = shop.clone();
            tokio::spawn(async move {
                let buyer = format!("buyer {number}");
                shop.given_funds(&buyer, 1_000_000).await;
                for step in 0..60 {
                    let order = shop.given_order(&buyer, STORE, &[("many", 2)]).await;
                    assert_eq!(shop.pay(&buyer, order).await, done());
                    if step % 3 == 0 {
                        let until = domain::CancelUntil::Received;
                        assert_eq!(shop.cancel(&buyer, order, until).await, done());
                    } else {
                        assert_eq!(shop.send(SELLER, order).await, done());
                        assert_eq!(shop.receive(&buyer, order).await, done());
                    }
                }
            })
        })
        .collect();
    let mut audits = 0;
    while !working.iter().all(tokio::task::JoinHandle::is_finished) {
        let report = beside.audit().await.expect("an audit can be had");
        assert!(report.is_clean(), "{:#?}", report.findings);
        audits += 1;
    }
    assert!(audits > 0);
    for buyer in working {
        buyer.await.expect("every order is done");
    }
    shop.audit().await;
    assert_eq!(shop.stock(STORE, BOOK).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_audit_runs_at_a_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let shop = Shop::open(Directory(directory.path().to_owned())).await;
    for number in 0..200 {
        shop.run(requests::register(&format!("user {number}")))
            .await
            .expect("registered");
    }
    let storage = shop.storage();
    let first = storage.audit();
    let second = storage.audit();
    let error = second.await.expect_err("the first has just begun");
    assert_eq!(error.kind(), storage::ErrorKind::Overloaded);
    assert!(first.await.expect("an audit can be had").is_clean());
    shop.close().await;
}
