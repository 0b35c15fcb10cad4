//! Each process has an index of its own, and all of them follow the one database.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machines::{Machines, PROCESSES};
use crate::support::Client;

/// How long something may take to become visible before the test counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Asks until search is ready and finds just these books.
fn wait_for(client: &mut Client, keyword: &str, ids: &[&str]) {
    let began = Instant::now();
    loop {
        let body = json!({"keyword": keyword, "per_page": 100});
        let answer = client.post("/buyer/search", "", &body);
        assert!(matches!(answer.status, 200 | 503), "{}", answer.body);
        let none = Vec::new();
        let books = answer.body["books"].as_array().unwrap_or(&none);
        let mut found: Vec<&str> = books
            .iter()
            .filter_map(|book| book["id"].as_str())
            .collect();
        found.sort_unstable();
        if answer.status == 200 && found == ids {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{found:?} are not {ids:?}");
        thread::sleep(POLL_EVERY);
    }
}

fn add(client: &mut Client, token: &str, id: &str, title: &str) {
    let info = json!({"id": id, "title": title, "price": 100});
    let body = json!({"user_id": "seller", "store_id": "s", "book_info": info, "stock_level": 5});
    client.post("/seller/add_book", token, &body).ok();
}

fn update(client: &mut Client, token: &str, id: &str, change: Value) {
    let mut body = json!({"user_id": "seller", "store_id": "s", "book_id": id, "book_info": {}});
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post("/seller/update_book", token, &body).ok();
}

#[test]
fn what_is_added_at_one_process_is_found_at_both_and_after_a_crash() {
    let Some(mut machines) = Machines::start(1, &[]) else {
        return;
    };
    let mut client = machines.client(0);
    let token = client.join("seller");
    client.open_store("seller", &token, "s", &[], 0);
    for id in ["a", "b", "c"] {
        add(&mut client, &token, id, "山海经");
    }
    for process in 0..PROCESSES {
        wait_for(&mut machines.client(process), "山海", &["a", "b", "c"]);
    }
    // While one is away, a book comes, one goes, and one gets another title.
    machines.kill_process(1);
    add(&mut client, &token, "d", "山海图");
    update(&mut client, &token, "a", json!({"listed": false}));
    update(
        &mut client,
        &token,
        "b",
        json!({"book_info": {"title": "水经注"}}),
    );
    wait_for(&mut client, "山海", &["c", "d"]);
    machines.start_process(1);
    let mut other = machines.client(1);
    wait_for(&mut other, "山海", &["c", "d"]);
    wait_for(&mut other, "水经", &["b"]);
    // It goes on from there.
    add(&mut client, &token, "e", "山海志");
    for process in 0..PROCESSES {
        wait_for(&mut machines.client(process), "山海", &["c", "d", "e"]);
    }
    machines.audit();
}

#[test]
fn an_index_is_one_processs_own_and_can_be_built_anew() {
    let Some(mut machines) = Machines::start(1, &[]) else {
        return;
    };
    let mut client = machines.client(0);
    let token = client.join("seller");
    client.open_store("seller", &token, "s", &[], 0);
    add(&mut client, &token, "a", "山海经");
    wait_for(&mut client, "山海", &["a"]);
    // Its folder is in use: neither another server nor a rebuilding may have it.
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["reindex"]] {
        let refused = machines.run_beside(0, command);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let said = "is in use by another process";
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert!(refused.stderr.contains("hint: "), "{refused:?}");
    }
    wait_for(&mut client, "山海", &["a"]);
    machines.kill_process(0);
    // Beside the other process, which serves on.
    let reindexed = machines.run_beside(0, &["reindex"]);
    assert_eq!(reindexed.code, Some(0), "{reindexed:?}");
    assert_eq!(reindexed.stdout, "indexed 1 listings\n");
    wait_for(&mut machines.client(1), "山海", &["a"]);
    machines.start_process(0);
    wait_for(&mut machines.client(0), "山海", &["a"]);
}
