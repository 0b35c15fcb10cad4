//! `GET /pictures/{hash}`: bytes of strangers, served so that they can only be pictures.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::api::get;
use crate::test_app::TestApp;

/// The first bytes of each kind, and what it is served as. The last one would be a page, were it
/// not for its first bytes.
const KINDS: [(&[u8], &str); 5] = [
    (b"\xFF\xD8\xFF\xE0jpeg", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\npng", "image/png"),
    (b"RIFF\x04\0\0\0WEBPVP8 ", "image/webp"),
    (b"GIF89a\x01", "image/gif"),
    (b"GIF89a<script>alert(1)</script>", "image/gif"),
];

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

async fn ask(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// A shop with a book that has a picture of each kind, and the pictures' paths.
async fn shop() -> (TestApp, Vec<String>) {
    let app = TestApp::new().await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    let pictures: Vec<String> = KINDS
        .iter()
        .map(|(bytes, _)| STANDARD.encode(bytes))
        .collect();
    let info = json!({"id": "p", "title": "P", "price": 1, "pictures": pictures});
    let body = json!({"user_id": "seller", "store_id": "s", "book_info": info});
    let added = app.post("/seller/add_book", body).token(&seller);
    added.await.expect_ok();
    let book = get(&app, "/books/p", &[]).await.json();
    let paths = book["pictures"].as_array().unwrap().iter();
    let paths = paths.map(|path| path.as_str().unwrap().to_owned());
    (app, paths.collect())
}

/// What is said of a picture whether it is sent or not.
fn assert_safe_and_kept(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, Some("default-src 'none'; sandbox"));
    let caching = answer.header("cache-control");
    assert_eq!(caching, Some("public, max-age=31536000, immutable"));
    assert!(answer.header("set-cookie").is_none());
}

#[tokio::test]
async fn pictures_are_served_as_they_came_and_as_nothing_else() {
    let (app, paths) = shop().await;
    assert_eq!(paths.len(), KINDS.len());
    for (path, (bytes, kind)) in paths.iter().zip(KINDS) {
        let whole = ask(&app, "GET", path, &[("accept", "text/html")]).await;
        assert_eq!((whole.status, &whole.body[..]), (200, bytes));
        assert_eq!(whole.header("content-type"), Some(kind));
        assert_safe_and_kept(&whole);

        let head = ask(&app, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let length = bytes.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        for name in ["content-type", "etag"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        assert_safe_and_kept(&head);
    }
}

#[tokio::test]
async fn a_picture_that_is_known_is_not_sent_again() {
    let (app, paths) = shop().await;
    let first = ask(&app, "GET", &paths[0], &[]).await;
    let tag = first.header("etag").unwrap();
    let other = ask(&app, "GET", &paths[1], &[]).await;
    assert_ne!(other.header("etag"), Some(tag));
    for (known, status) in [
        (tag.to_owned(), 304),
        (format!("\"x\", W/{tag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
        (tag.trim_matches('"').to_owned(), 200),
    ] {
        for method in ["GET", "HEAD"] {
            let again = ask(&app, method, &paths[0], &[("if-none-match", &known)]).await;
            assert_eq!(again.status, status, "{method} {known}");
            assert_eq!(again.header("etag"), Some(tag));
            assert_safe_and_kept(&again);
            assert!(again.status == 200 || again.body.is_empty());
        }
    }
}

#[tokio::test]
async fn what_is_no_picture_is_not_there() {
    let (app, _) = shop().await;
    for path in [
        "/pictures/0",
        "/pictures/00000000000000000000000000000000",
        "/pictures/+0000000000000000000000000000000",
        "/pictures/zz",
    ] {
        for headers in [&[][..], &[("if-none-match", "*")]] {
            let answer = ask(&app, "GET", path, headers).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.header("cache-control"), None, "{path}");
        }
    }
    let posted = ask(
        &app,
        "POST",
        "/pictures/00000000000000000000000000000000",
        &[],
    )
    .await;
    assert_eq!(posted.status, 405);
}
