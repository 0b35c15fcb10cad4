//! `bookstore serve --demo`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use crate::support::{Server, run};

/// A page, head and all.
fn page(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn an_empty_shop_is_filled_once_and_its_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for _ in 0..2 {
        let server = Server::start(folder.path(), &["--demo"]);
        let sign_in = page(server.address, "/sign-in");
        for words in [
            "<code>reader</code>",
            "<code>seller</code>",
            "read more books",
        ] {
            assert!(sign_in.contains(words), "{sign_in}");
        }
        let mut client = server.client();
        let token = client.login("reader", "read more books");
        let orders = client.history("reader", &token, None);
        let states: Vec<&str> = orders
            .iter()
            .map(|order| order["state"].as_str().unwrap())
            .collect();
        assert_eq!(
            states,
            [
                "placed",
                "paid",
                "sent",
                "received",
                "received",
                "cancelled"
            ]
        );
        let home = page(server.address, "/");
        assert!(
            home.contains("红楼梦") && home.contains("/pictures/"),
            "{home}"
        );
        server.stop();
    }
    let audit = run(&["audit", "--data", data.to_str().unwrap()], &[]);
    assert_eq!(audit.code, Some(0), "{}", audit.stdout);
}

#[test]
fn a_shop_with_data_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let body = json!({"user_id": "reader", "password": "my own"});
    server.client().post("/auth/register", "", &body).ok();
    server.stop();
    let server = Server::start(folder.path(), &["--demo"]);
    let sign_in = page(server.address, "/sign-in");
    assert!(!sign_in.contains("read more books"), "{sign_in}");
    assert!(page(server.address, "/").contains("No store lists a book yet."));
    server.stop();
}
