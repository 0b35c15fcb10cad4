//! What a person types, and what he gets.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Client, Server, books, run};
use serde_json::json;

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn help_shows_every_setting_with_its_default() {
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let help = run(arguments, &[]);
        assert_eq!(help.code, Some(0));
        for (flag, variable, default) in [
            ("--listen", "BOOKSTORE_LISTEN", "127.0.0.1:5000"),
            ("--data", "BOOKSTORE_DATA", "./data"),
            ("--storage", "BOOKSTORE_STORAGE", "sqlite:"),
            ("--payment-timeout", "BOOKSTORE_PAYMENT_TIMEOUT", "30m"),
            ("--receipt-timeout", "BOOKSTORE_RECEIPT_TIMEOUT", "14d"),
            ("--cancel-until", "BOOKSTORE_CANCEL_UNTIL", "received"),
            ("--self-funding", "BOOKSTORE_SELF_FUNDING", "true"),
            ("--log", "BOOKSTORE_LOG", "info"),
        ] {
            let text = &help.stdout;
            let about = text
                .split(&format!("{flag} <"))
                .nth(1)
                .unwrap_or_else(|| panic!("{text}"));
            let about = about.split("\n      --").next().unwrap();
            // Long lines are broken wherever the terminal ends.
            let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                about.contains(&format!("[env: {variable}=]")),
                "{flag}: {about}"
            );
            assert!(
                about.contains(&format!("[default: {default}]")),
                "{flag}: {about}"
            );
        }
    }
}

#[test]
fn a_bad_value_is_refused_by_name_with_a_hint() {
    for (flag, value) in [
        ("--listen", "5000"),
        ("--storage", "postgres://localhost/"),
        ("--storage", "sqlite:/elsewhere"),
        ("--payment-timeout", "30"),
        ("--payment-timeout", "0s"),
        ("--receipt-timeout", "11y"),
        ("--cancel-until", "paid"),
        ("--self-funding", "yes"),
        ("--log", "app=loud"),
    ] {
        let variable = format!("BOOKSTORE_{}", flag[2..].to_uppercase().replace('-', "_"));
        for refused in [
            run(&[flag, value], &[]),
            run(&["serve", flag, value], &[]),
            run(&["serve"], &[(&variable, value)]),
        ] {
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains(flag), "{refused:?}");
            assert!(refused.stderr.contains(value), "{refused:?}");
            assert!(refused.stderr.contains("hint:"), "{refused:?}");
        }
    }
}

#[test]
fn settings_come_from_the_environment_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "elsewhere");
    let variables = [
        ("BOOKSTORE_LISTEN", "127.0.0.1:0"),
        ("BOOKSTORE_DATA", data.as_str()),
        ("BOOKSTORE_PAYMENT_TIMEOUT", "20s"),
        ("BOOKSTORE_RECEIPT_TIMEOUT", "3days"),
        ("BOOKSTORE_SELF_FUNDING", "false"),
        ("BOOKSTORE_LOG", "warn"),
    ];
    // Without any command, `serve` is meant.
    let server = Server::start_as(folder.path(), &[], &variables);
    let screen = server.stop();
    for said in [data.as_str(), "20s", "3d", "off"] {
        assert!(screen.contains(said), "`{said}` is not in:\n{screen}");
    }
    assert!(folder.path().join("elsewhere").is_dir());
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert_eq!(
        log, "",
        "a filter of `warn` lets nothing of a good day through"
    );
}

#[test]
fn flags_work_without_the_word_serve() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "data");
    let arguments = ["--listen", "127.0.0.1:0", "--data", &data];
    let screen = Server::start_as(folder.path(), &arguments, &[]).stop();
    assert!(screen.contains("30m") && screen.contains("14d"), "{screen}");
    assert!(screen.contains("self-funding  on"), "{screen}");
}

#[test]
fn a_second_writing_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.client().join("alice");
    let data = path(&folder, "data");
    let file = books::make(folder.path());
    let file = file.to_str().unwrap();
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0", "--data", &data][..],
        &[
            "import", file, "--store", "s", "--owner", "alice", "--data", &data,
        ],
    ] {
        let refused = run(arguments, &[]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.starts_with("error: "), "{refused:?}");
        assert!(
            refused.stderr.contains("in use by another process"),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("\n  hint: "), "{refused:?}");
    }
    // An audit only reads.
    let audit = run(&["audit", "--data", &data], &[]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
    server.stop();
}

#[test]
fn an_address_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = server.address.to_string();
    let data = path(&folder, "other");
    let refused = run(&["serve", "--listen", &address, "--data", &data], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains(&format!("`{address}` is in use")),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("hint: "), "{refused:?}");
    assert!(
        !folder.path().join("other").exists(),
        "data was made for nothing"
    );
}

/// Waits until nobody listens there any more.
fn wait_until_refused(server: &Server) {
    let began = Instant::now();
    while TcpStream::connect(server.address).is_ok() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the server still accepts"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn being_told_to_stop_finishes_what_is_in_flight() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        let mut client = server.client();
        let user = json!({"user_id": "alice", "password": "alice"});
        let body = client.begin_post("/auth/register", &user);
        server.signal(signal);
        wait_until_refused(&server);
        client.send(&body);
        client.read_answer().unwrap().ok();
        let (code, _) = server.wait();
        assert_eq!(code, Some(0), "after SIG{signal}");

        let again = Server::start(folder.path(), &[]);
        again.client().login("alice", "alice");
    }
}

#[test]
fn being_told_to_stop_twice_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut client = server.client();
    client.begin_post(
        "/auth/register",
        &json!({"user_id": "alice", "password": "alice"}),
    );
    server.signal("INT");
    wait_until_refused(&server);
    let began = Instant::now();
    server.signal("INT");
    let (code, _) = server.wait();
    assert_eq!(code, Some(1));
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn the_operator_funds_where_users_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "data");
    let nothing = run(&["user", "fund", "alice", "5", "--data", &data], &[]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(!folder.path().join("data").exists());

    let server = Server::start(folder.path(), &["--self-funding", "false"]);
    let mut client = server.client();
    let token = client.join("alice");
    assert_eq!(client.fund("alice", 100).status, 401);
    fund_and_withdraw(&data);
    assert_eq!(client.balance("alice", &token), 12_000);
    assert_eq!(
        client.fund("alice", -12_000).status,
        200,
        "withdrawing is always allowed"
    );
    drop(client);
    server.stop();

    fund_and_withdraw(&data);
    let audit = run(&["audit", "--data", &data], &[]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

/// What `user fund` says is the same beside a server and without one.
fn fund_and_withdraw(data: &str) {
    let fund = |user, amount| run(&["user", "fund", user, amount, "--data", data], &[]);
    let funded = fund("alice", "12345");
    assert_eq!(funded.code, Some(0), "{funded:?}");
    assert!(
        funded
            .stdout
            .contains("`alice` has 12345 fen (123.45 yuan)"),
        "{funded:?}"
    );
    let withdrawn = fund("alice", "-345");
    assert_eq!(withdrawn.code, Some(0), "{withdrawn:?}");
    assert!(withdrawn.stdout.contains("12000 fen"), "{withdrawn:?}");
    let too_much = fund("alice", "-12001");
    assert_eq!(too_much.code, Some(1), "{too_much:?}");
    assert!(
        too_much.stderr.contains("no more than 12000 fen"),
        "{too_much:?}"
    );
    let nobody = fund("bob", "5");
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("`bob`"), "{nobody:?}");
    for bad in ["1.5", "much", "10000000000001"] {
        let refused = fund("alice", bad);
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
}

#[test]
fn the_operator_reaches_a_server_that_was_killed_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.client().join("alice");
    server.crash();
    let data = path(&folder, "data");
    let fund = || run(&["user", "fund", "alice", "5", "--data", &data], &[]);
    assert!(fund().stdout.contains("`alice` has 5 fen"));
    let server = Server::start(folder.path(), &[]);
    assert!(fund().stdout.contains("`alice` has 10 fen"));
    server.stop();
    assert!(fund().stdout.contains("`alice` has 15 fen"));
}

#[test]
fn an_audit_needs_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "data");
    let audit = run(&["audit", "--data", &data], &[]);
    assert_eq!(audit.code, Some(2), "{audit:?}");
    assert!(audit.stderr.contains("hint: "), "{audit:?}");
    assert!(
        !folder.path().join("data").exists(),
        "an audit changes nothing"
    );
}

#[test]
fn an_import_adds_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "data");
    let file = books::make(folder.path());
    let arguments = |store, owner| {
        let file = file.to_str().unwrap();
        [
            "import", file, "--store", store, "--owner", owner, "--stock", "3", "--data", &data,
        ]
    };
    let password = [("BOOKSTORE_OWNER_PASSWORD", "secret")];

    let without = run(&arguments("s", "seller"), &[]);
    assert_eq!(without.code, Some(2), "{without:?}");
    assert!(
        without.stderr.contains("BOOKSTORE_OWNER_PASSWORD"),
        "{without:?}"
    );

    let first = run(&arguments("s", "seller"), &password);
    assert_eq!(first.code, Some(1), "{first:?}");
    for (_, said) in books::BAD {
        assert!(
            first.stderr.contains(said),
            "`{said}` is not in {}",
            first.stderr
        );
    }
    let (good, bad) = (books::GOOD, books::BAD.len());
    let summary = format!("{good} added, 0 already there, {bad} skipped");
    assert!(first.stdout.contains(&summary), "{first:?}");

    // The owner is known now: no password is asked for.
    let second = run(&arguments("s", "seller"), &[]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let summary = format!("0 added, {good} already there, {bad} skipped");
    assert!(second.stdout.contains(&summary), "{second:?}");

    let stranger = run(&arguments("s", "stranger"), &password);
    assert_eq!(stranger.code, Some(2), "{stranger:?}");
    assert!(
        stranger
            .stderr
            .contains("the store `s` belongs to somebody else"),
        "{stranger:?}"
    );
    assert!(!stranger.stderr.contains("registered"), "{stranger:?}");

    assert_eq!(run(&["audit", "--data", &data], &[]).code, Some(0));
    sell(&folder);
}

/// What was imported can be bought, as often as there are copies.
fn sell(folder: &tempfile::TempDir) {
    let server = Server::start(folder.path(), &[]);
    let mut client: Client = server.client();
    client.login("seller", "secret");
    let token = client.join("buyer");
    let mut order = |count| {
        let books = json!([{"id": "book-300", "count": count}]);
        let body = json!({"user_id": "buyer", "store_id": "s", "books": books});
        client.post("/buyer/new_order", &token, &body).status
    };
    assert_eq!([order(4), order(3), order(1)], [517, 200, 517]);
}

#[test]
fn a_file_that_is_no_book_file_is_refused_before_data_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(&folder, "data");
    for (name, content) in [("missing.db", None), ("text.db", Some("id,title,price\n"))] {
        let file = path(&folder, name);
        if let Some(content) = content {
            std::fs::write(&file, content.repeat(1_000)).unwrap();
        }
        let arguments = [
            "import", &file, "--store", "s", "--owner", "o", "--data", &data,
        ];
        let refused = run(&arguments, &[("BOOKSTORE_OWNER_PASSWORD", "secret")]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(name), "{refused:?}");
    }
    assert!(!folder.path().join("data").exists());
}
