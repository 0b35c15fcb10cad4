//! A whole shop moves, is killed on the way, and goes on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::support::process::Run;
use crate::support::{Client, Server, books, run, start};

/// Some 45 MB of pictures, which move in a dozen pages.
const BOOKS: usize = 1_500;
const PICTURE_BYTES: usize = 30_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn import(folder: &Path, data: &Path, file: &Path) {
    let [file, data] = [file, data].map(text);
    let arguments = [
        "import", file, "--store", "s", "--owner", "seller", "--data", data,
    ];
    let imported = run(&arguments, &[("BOOKSTORE_OWNER_PASSWORD", "seller")]);
    assert_eq!(
        imported.code,
        Some(0),
        "{imported:?} in {}",
        folder.display()
    );
}

fn migrate(from: &str, to: &str) -> Run {
    run(&["migrate", "--from", from, "--to", to], &[])
}

fn serve_at(folder: &Path, data: &Path) -> Server {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", text(data)];
    Server::start_as(folder, &arguments, &[])
}

/// An order in the state that `steps` bring it to.
fn order(client: &mut Client, buyer: &str, token: &str, seller: &str, steps: usize) -> String {
    let books = json!([{"id": "heavy-1", "count": 1}, {"id": "heavy-7", "count": 2}]);
    let body = json!({"user_id": buyer, "store_id": "s", "books": books});
    let placed = client.post("/buyer/new_order", token, &body).ok();
    let id = placed["order_id"].as_str().unwrap().to_owned();
    let verbs = [
        (
            "/buyer/payment",
            "",
            json!({"user_id": buyer, "password": buyer, "order_id": id}),
        ),
        (
            "/seller/send_books",
            seller,
            json!({"user_id": "seller", "order_id": id}),
        ),
        (
            "/buyer/receive_books",
            token,
            json!({"user_id": buyer, "order_id": id}),
        ),
    ];
    for (path, token, body) in verbs.into_iter().take(steps) {
        client.post(path, token, &body).ok();
    }
    id
}

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

/// A shop with orders in every state, as it is after its server stopped. Returns a token of `anna`.
fn furnish(folder: &Path, data: &Path) -> String {
    import(
        folder,
        data,
        &books::make_heavy(folder, BOOKS, PICTURE_BYTES),
    );
    let server = serve_at(folder, data);
    let mut client = server.client();
    let token = client.join("anna");
    let seller = client.login("seller", "seller");
    client.fund("anna", 100_000).ok();
    client.fund("anna", -1_000).ok();
    for steps in 0..=3 {
        order(&mut client, "anna", &token, &seller, steps);
    }
    server.stop();
    token
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
        for command in ["serve", "audit"] {
            let refused = run(&[command, "--data", text(&new)], &[]);
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
