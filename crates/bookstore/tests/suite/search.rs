//! Search of the real binary: what is imported is found, what is added is found soon, and a killed
//! process loses nothing of it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::{Client, Server, books, run};

/// How long something may take to become visible before the test counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many books are added in the middle of which the process is killed.
const ADDED: usize = 120;
/// More are not added before a moment comes.
const ADDED_MAX: usize = 20_000;

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

fn wait_for_total(client: &mut Client, keyword: &str, total: usize) {
    let began = Instant::now();
    loop {
        let found = find(client, &json!({"keyword": keyword}));
        if found["total"] == total {
            return;
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
fn an_added_book_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    let token = client.join("seller");
    client.open_store("seller", &token, "s", &[], 0);
    find(&mut client, &json!({"keyword": ""}));
    for number in 10..15 {
        add(&mut client, &token, number);
        wait_for_total(&mut client, &format!("第{number}号"), 1);
    }
    server.stop();
}

#[test]
fn an_index_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("data/search");
    std::fs::create_dir_all(&index).unwrap();
    let lock = File::create(index.join("lock")).unwrap();
    lock.lock().unwrap();
    let data = data(folder.path());
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &data];
    let refused = run(&serve, &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = format!(
        "the index of search in `{}` is in use by another process",
        index.display()
    );
    assert!(refused.stderr.contains(&said), "{refused:?}");
    assert!(refused.stderr.contains("hint: "), "{refused:?}");
    drop(lock);
    Server::start(folder.path(), &[]).stop();
}

/// Adds a book whose title only its number tells from others.
fn add(client: &mut Client, token: &str, number: usize) -> Answer {
    try_add(client, token, number).expect("the server answers")
}

fn try_add(client: &mut Client, token: &str, number: usize) -> io::Result<Answer> {
    let info =
        json!({"id": format!("b{number}"), "title": format!("新书 第{number}号"), "price": 1});
    let body = json!({"user_id": "seller", "store_id": "s", "book_info": info});
    client.try_post("/seller/add_book", token, &body)
}

/// When to kill a process that writes its index: once so many commits are done, and the files of
/// another are written but not yet valid, or as soon as they are.
#[derive(Debug, Clone, Copy)]
struct Moment {
    commits: usize,
    is_amid: bool,
}

/// What stands in an index's folder: its list of valid files, and all files.
fn look(index: &Path) -> (Vec<u8>, BTreeSet<OsString>) {
    let valid = std::fs::read(index.join("meta.json")).unwrap_or_default();
    let files = std::fs::read_dir(index).into_iter().flatten().flatten();
    (valid, files.map(|file| file.file_name()).collect())
}

/// Adds books until the moment has come, and kills the process then. Returns how many books it had
/// taken.
fn kill_at(moment: Moment, server: Server, index: &Path, first: usize) -> usize {
    let began = Instant::now();
    let address = server.address;
    let adding = thread::spawn(move || {
        let mut client = Client::connect(address).unwrap();
        let token = client.login("seller", "seller");
        let numbers = first..first + ADDED_MAX;
        let is_added = |number: &usize| {
            let answer = try_add(&mut client, &token, *number);
            answer.is_ok_and(|answer| answer.status == 200)
        };
        numbers.take_while(is_added).count()
    });
    let (mut valid, mut files) = look(index);
    let mut commits = 0;
    while commits < moment.commits || moment.is_amid {
        assert!(began.elapsed() < PATIENCE, "{commits} commits: {moment:?}");
        let now = look(index);
        let is_begun = now.0 == valid && now.1.difference(&files).next().is_some();
        if moment.is_amid && commits == moment.commits && is_begun {
            break;
        }
        if now.0 != valid {
            (valid, files) = now;
            commits += 1;
        }
    }
    server.crash();
    adding.join().unwrap()
}

#[test]
fn killed_while_it_writes_the_index_it_finds_each_book_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    let token = client.join("seller");
    client.open_store("seller", &token, "s", &[], 0);
    find(&mut client, &json!({"keyword": ""}));
    server.stop();
    let mut added = 0;
    let moments = [0, 1, 3].into_iter().flat_map(|commits| {
        [true, false].map(|is_amid| Moment {
            commits: commits + usize::from(!is_amid),
            is_amid,
        })
    });
    for moment in moments {
        let server = Server::start(folder.path(), &[]);
        let index = folder.path().join("data/search/1");
        find(&mut server.client(), &json!({"keyword": ""}));
        added += kill_at(moment, server, &index, added);
        let server = Server::start(folder.path(), &[]);
        let mut client = server.client();
        // One more may have been stored, whose answer got lost.
        let total = find(&mut client, &json!({"keyword": "新书"}))["total"]
            .as_u64()
            .unwrap();
        let total = usize::try_from(total).unwrap();
        assert!(
            (added..=added + 1).contains(&total),
            "{total}, not {added}: {moment:?}"
        );
        let mut seen = BTreeSet::new();
        for page in 1..=total.div_ceil(100) {
            let body = json!({"keyword": "新书", "page": page, "per_page": 100, "sort": "newest"});
            for book in find(&mut client, &body)["books"].as_array().unwrap() {
                assert!(
                    seen.insert(book["id"].to_string()),
                    "{book} is there twice: {moment:?}"
                );
            }
        }
        assert_eq!(seen.len(), total, "{moment:?}");
        added = total;
        server.stop();
    }
}
