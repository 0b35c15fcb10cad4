//! Opening, locking and closing the data, and what is said where that can't be done.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::Directory;
use storage::conformance::ManualClock;
use storage::conformance::requests;
use storage::conformance::shop::{BOOK, BUYER, STORE, Shop};
use storage::{ErrorKind, Storage, run};
use storage_sqlite::{OpenError, Options, SqliteStorage};

fn open(directory: &Directory) -> Result<SqliteStorage, OpenError> {
    SqliteStorage::open(directory.options.clone(), Arc::new(ManualClock::default()))
}

fn open_read_only(directory: &Directory) -> Result<SqliteStorage, OpenError> {
    SqliteStorage::open_read_only(directory.options.clone())
}

/// What is said of data that can't be opened.
fn refusal(opened: Result<SqliteStorage, OpenError>) -> String {
    opened.err().expect("it does not open").to_string()
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_is_gone() {
    let directory = Directory::new();
    let first = open(&directory).expect("it opens");
    let said = refusal(open(&directory));
    assert!(said.starts_with("the data in `"), "{said}");
    assert!(
        said.contains("is in use by another process; hint: "),
        "{said}"
    );
    first.close().await.expect("it closes");
    let second = open(&directory).expect("it opens once the first is closed");
    drop(second);
    open(&directory).expect("it opens once the second is dropped");
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let directory = Directory::new();
    let storage = open(&directory).expect("it opens");
    let (one, other) = tokio::join!(storage.close(), storage.close());
    assert!(one.is_ok() && other.is_ok());
    storage.close().await.expect("it is closed");
    let asked = storage.find_account(&requests::user(BUYER)).await;
    assert_eq!(
        asked.expect_err("it is closed").kind(),
        ErrorKind::Unavailable
    );
    let asked = run(&storage, requests::register(BUYER)).await;
    assert_eq!(
        asked.expect_err("it is closed").kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        storage.audit().await.expect_err("it is closed").kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_closed_file_stands_alone() {
    let directory = Directory::new();
    let storage = open(&directory).expect("it opens");
    run(&storage, requests::register(BUYER))
        .await
        .expect("no failure")
        .expect("registered");
    storage.close().await.expect("it closes");
    let log = directory.path().join("bookstore.db-wal");
    assert!(fs::metadata(&log).is_ok_and(|log| log.len() == 0) || !log.exists());
    assert_eq!(directory.number("SELECT count(*) FROM accounts"), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let directory = Directory::new();
    let storage = open(&directory).expect("it opens");
    run(&storage, requests::register(BUYER))
        .await
        .expect("no failure")
        .expect("registered");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(directory.path()), 0o700);
    for entry in fs::read_dir(directory.path()).expect("a directory") {
        let path = entry.expect("a file").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn reading_beside_a_writer_sees_what_it_answered() {
    let directory = Directory::new();
    let shop = Shop::open(directory.clone()).await;
    let beside = open_read_only(&directory).expect("it opens beside the writer");
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let found = beside
        .find_order(order)
        .await
        .expect("no failure")
        .expect("the order");
    assert_eq!(found, shop.order(order).await);
    assert!(beside.audit().await.expect("no failure").is_clean());
    shop.close().await;
    assert!(beside.audit().await.expect("no failure").is_clean());
}

#[tokio::test]
async fn reading_only_writes_nothing() {
    let directory = Directory::new();
    drop(open(&directory).expect("it opens"));
    let storage = open_read_only(&directory).expect("it opens");
    let asked = run(&storage, requests::register(BUYER)).await;
    assert_eq!(asked.expect_err("it only reads").kind(), ErrorKind::Refused);
    let asked = storage.secret([1; 32]).await;
    assert_eq!(asked.expect_err("it only reads").kind(), ErrorKind::Refused);
    storage.close().await.expect("it closes");
}

#[test]
fn data_that_is_not_there_is_not_read() {
    let directory = Directory::new();
    let said = refusal(open_read_only(&directory));
    assert!(said.starts_with("there is no data in `"), "{said}");
    assert!(!directory.path().exists());
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = Directory::new();
    drop(open(&directory).expect("it opens"));
    directory
        .connect()
        .pragma_update(None, "user_version", 99)
        .expect("updated");
    for said in [
        refusal(open(&directory)),
        refusal(open_read_only(&directory)),
    ] {
        assert!(
            said.contains("has schema 99 and this program knows 6; hint: "),
            "{said}"
        );
    }
}

#[test]
fn an_empty_file_is_only_read_once_it_was_made() {
    let directory = Directory::new();
    fs::create_dir(directory.path()).expect("a directory");
    fs::write(directory.database(), "").expect("a file");
    let said = refusal(open_read_only(&directory));
    assert!(
        said.contains("has schema 0 and this program needs 6; hint: "),
        "{said}"
    );
    open(&directory).expect("an empty file is made into one");
}

#[test]
fn a_file_in_the_way_is_no_directory() {
    let directory = Directory::new();
    fs::write(directory.path(), "notes").expect("a file");
    let said = refusal(open(&directory));
    assert!(said.contains("is not a directory; hint: "), "{said}");
    let options = Options::new(directory.path().join("below"));
    let said = refusal(SqliteStorage::open(
        options,
        Arc::new(ManualClock::default()),
    ));
    assert!(said.contains("is not a directory; hint: "), "{said}");
    assert_eq!(fs::read(directory.path()).expect("a file"), b"notes");
}

#[test]
fn another_programs_file_is_left_alone() {
    let directory = Directory::new();
    fs::create_dir(directory.path()).expect("a directory");
    directory
        .connect()
        .execute_batch("CREATE TABLE notes (text)")
        .expect("another's table");
    for said in [
        refusal(open(&directory)),
        refusal(open_read_only(&directory)),
    ] {
        assert!(
            said.contains("is damaged or not a file of this program; hint: "),
            "{said}"
        );
    }
    assert_eq!(directory.number("SELECT count(*) FROM sqlite_schema"), 1);
    let mode = "SELECT journal_mode = 'delete' FROM pragma_journal_mode";
    assert_eq!(directory.number(mode), 1);
}

#[test]
fn a_damaged_file_is_refused() {
    let directory = Directory::new();
    fs::create_dir(directory.path()).expect("a directory");
    fs::write(directory.database(), vec![7; 16_384]).expect("a file");
    for said in [
        refusal(open(&directory)),
        refusal(open_read_only(&directory)),
    ] {
        assert!(
            said.contains("is damaged or not a file of this program; hint: "),
            "{said}"
        );
    }
}
