//! What is left when the process dies: all that was answered, and nothing by half.

use std::fs;
use std::sync::Arc;

use crate::support::Directory;
use storage::conformance::ManualClock;
use storage::conformance::shop::{BOOK, BUYER, SELLER, STORE, Shop, done};
use storage::{AuditReport, Storage};
use storage_sqlite::{Options, SqliteStorage};

/// Copies the file and the log as they are at this moment, which is all that a process leaves that
/// is killed.
fn crash(directory: &Directory, name: &str) -> Options {
    let copy = directory.around().join(name);
    fs::create_dir(&copy).expect("a directory");
    // The log first: a checkpoint that came between the two would only repeat what the file has.
    for file in ["bookstore.db-wal", "bookstore.db"] {
        fs::copy(directory.path().join(file), copy.join(file)).expect("a copy");
    }
    Options::new(copy)
}

fn open(options: Options) -> SqliteStorage {
    SqliteStorage::open(options, Arc::new(ManualClock::default())).expect("it opens")
}

async fn audit(storage: &SqliteStorage) -> AuditReport {
    storage.audit().await.expect("an audit can be had")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_crash() {
    let directory = Directory::new();
    let shop = Shop::open(directory.clone()).await;
    shop.with_book().await;
    for number in 1..=4 {
        let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        assert_eq!(shop.pay(BUYER, order).await, done());
        let options = crash(&directory, &format!("crash {number}"));
        // Looking comes before repairing.
        let looking = SqliteStorage::open_read_only(options.clone()).expect("it opens");
        assert!(audit(&looking).await.is_clean());
        drop(looking);
        let copy = open(options);
        let found = copy
            .find_order(order)
            .await
            .expect("no failure")
            .expect("the order");
        assert_eq!(found, shop.order(order).await);
        let seller = copy.find_account(&found.seller).await.expect("no failure");
        assert_eq!(seller, Some(shop.account(SELLER).await));
        assert!(audit(&copy).await.is_clean());
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_torn_loses_whole_batches_only() {
    let directory = Directory::new();
    let shop = Shop::open(directory.clone()).await;
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    let log = fs::read(directory.path().join("bookstore.db-wal")).expect("a log");
    // As far as the disk got by some moment before the last answers: some frames, and a piece.
    for part in 1..8 {
        let copy = directory.around().join(format!("torn {part}"));
        fs::create_dir(&copy).expect("a directory");
        fs::copy(directory.database(), copy.join("bookstore.db")).expect("a copy");
        fs::write(copy.join("bookstore.db-wal"), &log[..log.len() * part / 8]).expect("a log");
        let storage = open(Options::new(copy));
        assert!(
            audit(&storage).await.is_clean(),
            "with {part} of 8 parts of the log"
        );
    }
    shop.close().await;
}
