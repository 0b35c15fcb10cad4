//! A whole shop moves, is killed on the way, and goes on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::support::moving::{BOOKS, PICTURE_BYTES, furnish, import, migrate, serve_at, text};
use crate::support::{Server, books, run, start};

const PATIENCE: Duration = Duration::from_secs(60);

/// How many rows have moved, as the destination notes it; `None` where no migration is under way.
fn rows_moved(data: &Path) -> Option<i64> {
    let path = data.join("bookstore.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let sql = "SELECT row_count FROM migrations";
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

/// Begins a migration and kills it once it has moved more than `after` rows.
fn kill_past(from: &str, to: &Path, after: i64) -> i64 {
    let mut process = start(&["migrate", "--from", from, "--to", text(to)]);
    let began = Instant::now();
    while rows_moved(to).is_none_or(|rows| rows <= after) {
        assert!(began.elapsed() < PATIENCE, "nothing moves");
        assert_eq!(process.0.try_wait().unwrap(), None, "it ended too early");
        std::thread::yield_now();
    }
    process.0.kill().unwrap();
    process.wait();
    rows_moved(to).expect("it was killed on the way")
}

#[test]
fn a_shop_moves_through_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new]: [PathBuf; 2] = ["data", "new"].map(|name| folder.path().join(name));
    let token = furnish(folder.path(), &old);

    let mut moved = 0;
    for _ in 0..2 {
        let now = kill_past(text(&old), &new, moved);
        assert!(now > moved);
        moved = now;
        // Half a shop is not to be served, nor added to, nor judged.
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["audit"]] {
            let refused = run(&[command, &["--data", text(&new)]].concat(), &[]);
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains("not all there yet"), "{refused:?}");
            assert!(refused.stderr.contains("\n  hint: "), "{refused:?}");
        }
    }
    let url = format!("sqlite:{}", text(&new));
    let whole = migrate(text(&old), &url);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(
        whole.stderr.contains("rows have moved already"),
        "{whole:?}"
    );
    assert!(
        whole.stdout.contains("audit of both: nothing is wrong"),
        "{whole:?}"
    );
    assert!(!whole.stdout.contains("DIFFERS"), "{whole:?}");
    let balances = whole
        .stdout
        .lines()
        .find(|line| line.starts_with("balances in fen"));
    assert_eq!(balances.unwrap().matches(" 99000 ").count(), 2, "{whole:?}");
    for data in [&old, &new] {
        let audit = run(&["audit", "--data", text(data)], &[]);
        assert_eq!(audit.code, Some(0), "{audit:?}");
    }
    let again = migrate(text(&old), &url);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("holds a shop already"), "{again:?}");

    // The token and the password are good there, and an order goes on.
    let server = serve_at(folder.path(), &new);
    let mut client = server.client();
    // A sent order pays the seller only once it is received.
    assert_eq!(client.balance("anna", &token), 99_000 - 3 * 300);
    let orders = client.history("anna", &token, None);
    let states: Vec<_> = orders
        .iter()
        .map(|order| order["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["received", "sent", "paid", "placed"]);
    let id = orders[3]["order_id"].as_str().unwrap();
    let pay = json!({"user_id": "anna", "password": "anna", "order_id": id});
    client.post("/buyer/payment", "", &pay).ok();
    server.stop();
}

#[test]
fn an_interrupted_migration_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new]: [PathBuf; 2] = ["data", "new"].map(|name| folder.path().join(name));
    import(
        folder.path(),
        &old,
        &books::make_heavy(folder.path(), BOOKS, PICTURE_BYTES),
    );
    let mut process = start(&["migrate", "--from", text(&old), "--to", text(&new)]);
    let began = Instant::now();
    while rows_moved(&new).is_none() {
        assert!(began.elapsed() < PATIENCE, "nothing moves");
        std::thread::yield_now();
    }
    process.signal("INT");
    assert_eq!(process.wait().code(), Some(1));
    // From another place the same shop would not fit on what is there.
    let elsewhere = folder.path().join("elsewhere");
    assert_eq!(migrate(text(&old), text(&elsewhere)).code, Some(0));
    let refused = migrate(text(&elsewhere), text(&new));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("from another place"), "{refused:?}");
    assert_eq!(migrate(text(&old), text(&new)).code, Some(0));
}

#[test]
fn what_can_not_be_moved_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.client().join("anna");
    let data = folder.path().join("data");
    let new = folder.path().join("new");
    let nothing = folder.path().join("nothing");
    for (from, to, said) in [
        (&data, &new, "in use by another process"),
        (&data, &data, "already"),
        (&nothing, &new, "there is no data"),
    ] {
        let refused = migrate(text(from), text(to));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert!(refused.stderr.contains("hint: "), "{refused:?}");
        assert!(!new.exists(), "data was made for nothing");
    }
    server.stop();
}
