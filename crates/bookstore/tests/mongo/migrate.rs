//! A whole shop moves to MongoDB and back, is killed on the way, and goes on.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::machines::Machines;
use crate::support::moving::{furnish, migrate, serve_at, text};
use crate::support::process::Run;
use crate::support::{Client, Server, run, start};

/// Beside the database that the machines' own processes serve.
const DATABASE: &str = "moved";
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_EVERY: Duration = Duration::from_millis(2);
const STATES: [&str; 4] = ["received", "sent", "paid", "placed"];

/// Begins a migration and kills it once some rows have moved, and before all of them have.
fn kill_on_the_way(from: &str, to: &str, rows_moved: impl Fn() -> Option<i64>) {
    let mut process = start(&["migrate", "--from", from, "--to", to]);
    let began = Instant::now();
    while rows_moved().is_none_or(|rows| rows == 0) {
        assert!(began.elapsed() < PATIENCE, "nothing moves");
        assert_eq!(process.0.try_wait().unwrap(), None, "it ended too early");
        thread::sleep(POLL_EVERY);
    }
    process.0.kill().unwrap();
    process.wait();
    assert!(rows_moved().is_some(), "it was killed on the way");
}

/// How many rows have moved to a folder, as it notes.
fn rows_moved_to(data: &Path) -> Option<i64> {
    let path = data.join("bookstore.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let sql = "SELECT row_count FROM migrations";
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

/// Half a shop is not to be served, nor judged.
fn assert_not_whole(place: [&str; 2]) {
    for command in ["serve", "audit"] {
        let refused = run(&[command, place[0], place[1]], &[]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("not all there yet"), "{refused:?}");
    }
}

/// Moves the rest, and checks what is said of it.
fn finish(from: &str, to: &str) {
    let whole = migrate(from, to);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let Run { stdout, stderr, .. } = &whole;
    assert!(stderr.contains("rows have moved already"), "{whole:?}");
    assert!(
        stdout.contains("audit of both: nothing is wrong"),
        "{whole:?}"
    );
    assert!(!stdout.contains("DIFFERS"), "{whole:?}");
}

/// The token of before is good, and all orders are in the state they were in. Returns the newest.
fn look_around(client: &mut Client, token: &str, states: &[&str]) -> String {
    let orders = client.history("anna", token, None);
    let found: Vec<&str> = orders
        .iter()
        .map(|order| order["state"].as_str().unwrap())
        .collect();
    assert_eq!(found, states);
    orders[states.len() - 1]["order_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn serve_on(folder: &Path, url: &str) -> Server {
    let data = folder.join("own");
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--storage",
        url,
        "--data",
        text(&data),
    ];
    Server::start_as(folder, &arguments, &[])
}

#[test]
fn a_shop_moves_to_mongodb_and_back_through_crashes() {
    let Some(machines) = Machines::start(1, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [old, new]: [PathBuf; 2] = ["data", "new"].map(|name| folder.path().join(name));
    let token = furnish(folder.path(), &old);
    let url = machines.set.url(DATABASE);

    kill_on_the_way(text(&old), &url, || machines.set.rows_moved(DATABASE));
    assert_not_whole(["--storage", &url]);
    // In the middle of a page's transaction, whether it was killed there or not.
    machines
        .set
        .leave_open(DATABASE, ["meta", "migration", "rows"]);
    finish(text(&old), &url);
    let again = migrate(text(&old), &url);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("holds a shop already"), "{again:?}");
    let server = serve_on(folder.path(), &url);
    let mut client = server.client();
    let placed = look_around(&mut client, &token, &STATES);
    let pay = json!({"user_id": "anna", "password": "anna", "order_id": placed});
    client.post("/buyer/payment", "", &pay).ok();
    let balance = client.balance("anna", &token);
    server.stop();

    kill_on_the_way(&url, text(&new), || rows_moved_to(&new));
    assert_not_whole(["--data", text(&new)]);
    finish(&url, text(&new));
    let server = serve_at(folder.path(), &new);
    let mut client = server.client();
    look_around(&mut client, &token, &["received", "sent", "paid", "paid"]);
    assert_eq!(client.balance("anna", &token), balance);
    server.stop();
}

#[test]
fn what_is_not_there_is_not_moved_and_nothing_is_made_of_it() {
    let Some(machines) = Machines::start(1, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = machines.set.url("nothing");
    for command in [
        vec!["migrate", "--from", &url, "--to", text(folder.path())],
        vec!["audit", "--storage", &url],
    ] {
        for _ in 0..2 {
            let refused = run(&command, &[]);
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains("holds no shop"), "{refused:?}");
        }
    }
}
