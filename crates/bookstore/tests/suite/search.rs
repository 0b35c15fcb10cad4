//! Search of the real binary: what is imported is found, what is added is found soon, and a killed
//! process loses nothing of it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Server, books, run};

/// How long something may take to become visible before the test counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many books are added in the middle of which the process is killed.
const ADDED: usize = 120;

fn data(folder: &Path) -> String {
    folder.join("data").to_str().unwrap().to_owned()
}

fn import(folder: &Path, file: &Path) {
    let data = data(folder);
    let file = file.to_str().unwrap();
    let arguments = [
        "import", file, "--store", "s", "--owner", "seller", "--data", &data,
    ];
    let variables = [("BOOKSTORE_OWNER_PASSWORD", "seller")];
    // Rows that can't be listed are reported by exit code 1.
    let code = run(&arguments, &variables).code;
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
}

/// Asks until search is ready.
fn find(client: &mut Client, body: &Value) -> Value {
    let began = Instant::now();
    loop {
        let answer = client.post("/buyer/search", "", body);
        if answer.status != 503 {
            return answer.ok();
        }
        assert!(began.elapsed() < PATIENCE, "search never became ready");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn wait_for_total(client: &mut Client, keyword: &str, total: usize) -> Duration {
    let began = Instant::now();
    loop {
        let found = find(client, &json!({"keyword": keyword}));
        if found["total"] == total {
            return began.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "{} of {total}", found["total"]);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ids and titles of a book file.
fn titles(file: &Path) -> Vec<(String, String)> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = rusqlite::Connection::open_with_flags(file, flags).unwrap();
    let mut rows = file.prepare("SELECT id, title FROM book").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn each_real_book_is_found_first_by_its_title() {
    let Some(file) = books::real() else { return };
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &file);
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    let everything = find(&mut client, &json!({"keyword": ""}));
    let listed = everything["total"].as_u64().unwrap();
    assert!(listed > 50, "{listed}");
    let mut first = 0;
    for (id, title) in titles(&file) {
        let found = find(&mut client, &json!({"keyword": title, "scope": "title"}));
        let best = &found["books"][0];
        if best.is_null() {
            // Not every row of the file can be listed.
            continue;
        }
        assert_eq!(best["title"], title, "{id}");
        first += 1;
    }
    assert_eq!(first, listed);
    server.stop();
}

#[test]
fn a_killed_process_finds_everything_again_and_reindexing_does_too() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &books::make(folder.path()));
    // Killed while the index is filled for the first time, or shortly before or after.
    Server::start(folder.path(), &[]).crash();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    wait_for_total(&mut client, "本书", books::GOOD);
    let token = client.login("seller", "seller");
    for number in 0..ADDED {
        let info =
            json!({"id": format!("new-{number}"), "title": format!("新书 {number}"), "price": 1});
        let body = json!({"user_id": "seller", "store_id": "s", "book_info": info});
        client.post("/seller/add_book", &token, &body).ok();
    }
    // Some of these are in the index by now, and some are not.
    server.crash();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    wait_for_total(&mut client, "新书", ADDED);
    wait_for_total(&mut client, "本书", books::GOOD);
    let refused = run(&["reindex", "--data", &data(folder.path())], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    server.stop();
    let reindexed = run(&["reindex", "--data", &data(folder.path())], &[]);
    assert_eq!(reindexed.code, Some(0), "{reindexed:?}");
    assert_eq!(
        reindexed.stdout,
        format!("indexed {} listings\n", books::GOOD + ADDED)
    );
    let server = Server::start(folder.path(), &[]);
    wait_for_total(&mut server.client(), "新书", ADDED);
    server.stop();
}

#[test]
fn an_added_book_is_found_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    let token = client.join("seller");
    client.open_store("seller", &token, "s", &[], 0);
    find(&mut client, &json!({"keyword": ""}));
    let add = |number: usize| {
        let info =
            json!({"id": format!("b{number}"), "title": format!("第{number}号"), "price": 1});
        let body = json!({"user_id": "seller", "store_id": "s", "book_info": info});
        client.post("/seller/add_book", &token, &body).ok();
        wait_for_total(&mut client, &format!("第{number}号"), 1)
    };
    // A busy machine may delay one of them, not all.
    let fastest = (10..15).map(add).min().unwrap();
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    server.stop();
}
