//! A shop that is worth moving, and the command that moves it.

use std::path::Path;

use serde_json::json;

use super::process::Run;
use super::{Client, Server, books, run};

/// Some 45 MB of pictures, which move in a dozen pages.
pub const BOOKS: usize = 1_500;
pub const PICTURE_BYTES: usize = 30_000;

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn import(folder: &Path, data: &Path, file: &Path) {
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

pub fn migrate(from: &str, to: &str) -> Run {
    run(&["migrate", "--from", from, "--to", to], &[])
}

pub fn serve_at(folder: &Path, data: &Path) -> Server {
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

/// A shop with orders in every state, as it is after its server stopped. Returns a token of `anna`.
pub fn furnish(folder: &Path, data: &Path) -> String {
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
