//! Looking around, and what holds for every page.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use web::ClientAddress;

use super::selling::PNG;
use super::{market, order};
use crate::browser::Browser;
use crate::test_app::TestApp;

#[tokio::test]
async fn the_front_page_shows_what_is_new_and_what_is_bought() {
    let (app, _, mut browser) = market().await;
    let home = browser.get("/").await.expect(200);
    home.says("Book 3");
    home.says("¥3.00");
    home.says("href=\"/stores/s\"");
    home.says_not("Bestsellers");
    order(&mut browser).await;
    app.app.look_at_most_bought().await.unwrap();
    browser.get("/").await.expect(200).says("Bestsellers");
}

/// So nothing jumps while covers come, and those that nobody scrolls to are never asked for.
#[tokio::test]
async fn covers_have_their_size_and_only_the_first_come_at_once() {
    let (app, seller, mut browser) = market().await;
    for number in 0..6 {
        let info = json!({
            "id": format!("covered-{number}"), "title": "T", "price": 1, "pictures": [STANDARD.encode(PNG)],
        });
        let body = json!({"user_id": "seller", "store_id": "s", "book_info": info});
        let added = app.post("/seller/add_book", body).token(&seller);
        added.await.expect_ok();
    }
    for path in ["/", "/stores/s"] {
        let page = browser.get(path).await.expect(200);
        let images = page.body.split("<img ").skip(1);
        let images: Vec<&str> = images.filter_map(|rest| rest.split('>').next()).collect();
        assert_eq!(images.len(), 6, "{path}");
        for (place, image) in images.into_iter().enumerate() {
            assert!(image.contains(" width=\"240\" height=\"336\""), "{image}");
            let is_lazy = image.contains(" loading=\"lazy\"");
            assert_eq!(is_lazy, place >= 4, "{path}: {place}");
        }
    }
}

#[tokio::test]
async fn an_empty_shop_has_pages_too() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app.router);
    browser
        .get("/")
        .await
        .expect(200)
        .says("No store lists a book yet.");
    browser
        .get("/stores")
        .await
        .expect(200)
        .says("No store is open yet.");
    browser
        .get("/cart")
        .await
        .expect(200)
        .says("Your cart is empty.");
    browser.get("/search?q=x").await.expect(404);
    browser.get("/").await.says_not("type=\"search\"");
}

#[tokio::test]
async fn pages_are_in_the_readers_language_or_the_one_chosen() {
    let (_, _, mut browser) = market().await;
    browser.language = "zh-CN,zh;q=0.9";
    let home = browser.get("/").await.expect(200);
    home.says("<html lang=\"zh-Hans\">");
    home.says("新书上架");
    let home = browser.get("/language/en?back=%2Fstores").await.expect(200);
    assert_eq!(home.path, "/stores");
    home.says("<html lang=\"en\">");
    browser.get("/language/fr").await.expect(404);
    for back in [
        "//evil.example",
        "https%3A%2F%2Fevil.example",
        "%2F%5Cevil.example",
    ] {
        let shown = browser.get(&format!("/language/en?back={back}")).await;
        assert_eq!(shown.path, "/", "{back}");
    }
}

#[tokio::test]
async fn a_book_tells_what_it_is_and_who_has_it() {
    let (app, seller, mut browser) = market().await;
    app.post(
        "/seller/create_store",
        json!({"user_id": "seller", "store_id": "a/b 书"}),
    )
    .token(&seller)
    .await
    .expect_ok();
    let info = json!({
        "id": "?/<b>", "title": "<i>Tom & \"Jerry\"</i>", "author": "A. Author", "price": 4_500,
        "tags": ["x"], "book_intro": "One.\n\nTwo.", "isbn": "978", "pages": 12,
    });
    let body =
        json!({"user_id": "seller", "store_id": "a/b 书", "book_info": info, "stock_level": 2});
    app.post("/seller/add_book", body)
        .token(&seller)
        .await
        .expect_ok();
    let page = browser.get("/books/%3F%2F%3Cb%3E").await.expect(200);
    page.says("&#60;i&#62;Tom &#38; &#34;Jerry&#34;&#60;/i&#62;");
    page.says_not("<i>Tom");
    page.says("A. Author");
    page.says("<p>Two.</p>");
    page.says("only 2 left");
    page.says("¥45.00");
    page.says("<dd>978</dd>");
    page.says("/stores/a%2Fb%20%E4%B9%A6");
    page.says_not("seller");
    browser
        .get("/books/nothing")
        .await
        .expect(404)
        .says("There is nothing here");
    let store = browser.get("/stores/a%2Fb%20%E4%B9%A6").await.expect(200);
    store.says("/books/%3F%2F%3Cb%3E?store=a%2Fb%20%E4%B9%A6");
    store.says_not("seller");
    browser.get("/stores/nothing").await.expect(404);
}

#[tokio::test]
async fn offers_come_in_stock_and_cheap_first_page_by_page() {
    let (app, seller, mut browser) = market().await;
    for number in 0..25 {
        let store = format!("store {number:02}");
        let body = json!({"user_id": "seller", "store_id": store});
        let opening = app.post("/seller/create_store", body);
        opening.token(&seller).await.expect_ok();
        let info = json!({"id": "x", "title": "Sold everywhere", "price": 10_000 - number});
        let stock = if number % 5 == 4 { 0 } else { 9 };
        let body = json!({
            "user_id": "seller", "store_id": store, "book_info": info, "stock_level": stock,
        });
        let listing = app.post("/seller/add_book", body);
        listing.token(&seller).await.expect_ok();
    }
    let stores = |body: &str| -> Vec<usize> {
        let parts = body.split("class=\"offer-store\" href=\"/stores/store%20");
        parts
            .skip(1)
            .map(|part| part[..2].parse().unwrap())
            .collect()
    };
    let first = browser.get("/books/x").await.expect(200);
    first.says("<p class=\"price big\">¥99.77</p>");
    let (sold_out, mut wanted): (Vec<usize>, Vec<usize>) =
        (0..25).rev().partition(|number| number % 5 == 4);
    assert_eq!(stores(&first.body), wanted);
    let start = first.body.find("/books/x?after=").unwrap();
    let more = first.body[start..].split('#').next().unwrap().to_owned();
    let second = browser.get(&more).await.expect(200);
    assert_eq!(stores(&second.body), sold_out);
    second.says("The cheapest offers");
    second.says("<p class=\"price big\">¥99.77</p>");
    // One that is asked for is shown first, wherever it stands among the others.
    let asked = browser.get("/books/x?store=store%2003").await.expect(200);
    asked.says("<p class=\"price big\">¥99.97</p>");
    assert_eq!(stores(&asked.body), wanted);
    wanted.extend(sold_out);
    assert_eq!(wanted.len(), 25);
    browser.get("/books/x?after=nonsense").await.expect(200);
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let (_, _, mut browser) = market().await;
    for path in ["/", "/books/b1", "/stores", "/stores/s"] {
        let shown = browser.get(path).await.expect(200);
        assert_eq!(shown.headers["cache-control"], "private, no-cache");
        let tag = shown.headers["etag"].to_str().unwrap();
        let request = Request::get(path)
            .header("if-none-match", tag)
            .body(Body::empty())
            .unwrap();
        let again = browser.ask(path.to_owned(), request).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
    }
    for path in [
        "/cart",
        "/orders",
        "/account",
        "/checkout/addresses",
        "/selling",
    ] {
        let shown = browser.get(path).await.expect(200);
        assert_eq!(shown.headers["cache-control"], "no-store", "{path}");
    }
}

/// The answer to somebody who takes gzip: its headers, and its body unpacked.
async fn ask_packed(
    app: &TestApp,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path).header("accept-encoding", "gzip, br");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let address = ClientAddress("192.0.2.1".parse().unwrap());
    let request = request.extension(address).body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (parts.status.as_u16(), parts.headers, body)
}

fn unpack(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut unpacker = flate2::read::GzDecoder::new(bytes);
    unpacker.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn pages_are_packed_for_who_takes_it_and_is_not_led_here() {
    let (app, _, mut browser) = market().await;
    let shown = browser.get("/books/b1").await.expect(200);
    assert!(!shown.headers.contains_key("content-encoding"));
    let cookies = browser.cookies.iter();
    let cookies: Vec<String> = cookies
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookies = cookies.join("; ");
    let asked = |site| {
        [
            ("cookie", cookies.as_str()),
            ("sec-fetch-site", site),
            ("accept-language", "en"),
        ]
    };
    let (status, headers, body) = ask_packed(&app, "/books/b1", &asked("same-origin")).await;
    assert_eq!(
        (status, &headers["content-encoding"]),
        (200, &"gzip".parse().unwrap())
    );
    assert_eq!(headers["vary"], "Accept-Encoding, Accept-Language, Cookie");
    assert_eq!(unpack(&body), shown.body);
    // Other bytes have another tag; asked for again under it, they are still the same.
    let tag = headers["etag"].to_str().unwrap();
    assert_ne!(tag, shown.headers["etag"]);
    let again = [&asked("same-origin")[..], &[("if-none-match", tag)]].concat();
    let (status, headers, body) = ask_packed(&app, "/books/b1", &again).await;
    assert_eq!(
        (status, headers["etag"].to_str().unwrap(), body.len()),
        (304, tag, 0)
    );
    // Another site can't have them packed with words of its own beside the reader's.
    for site in ["cross-site", "same-site"] {
        let (_, headers, body) = ask_packed(&app, "/books/b1", &asked(site)).await;
        assert!(!headers.contains_key("content-encoding"), "{site}");
        assert_eq!(String::from_utf8(body).unwrap(), shown.body);
    }
    // Nor is what is the reader's own.
    for path in ["/account", "/orders", "/cart"] {
        let (status, headers, _) = ask_packed(&app, path, &asked("same-origin")).await;
        assert_eq!(status, 200);
        assert!(!headers.contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn files_of_the_pages_are_kept_for_good() {
    let (app, _, mut browser) = market().await;
    let home = browser.get("/").await.body;
    for (ending, content_type) in [
        (".css", "text/css; charset=utf-8"),
        (".js", "text/javascript; charset=utf-8"),
        (".svg", "image/svg+xml"),
    ] {
        let end = home.find(&format!("{ending}\"")).unwrap();
        let start = home[..end].rfind('"').unwrap() + 1;
        let file = browser
            .get(&format!("{}{ending}", &home[start..end]))
            .await
            .expect(200);
        assert_eq!(file.headers["content-type"], content_type);
        assert_eq!(
            file.headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(file.headers["vary"], "Accept-Encoding");
        let path = format!("{}{ending}", &home[start..end]);
        let (_, headers, body) = ask_packed(&app, &path, &[]).await;
        if headers.contains_key("content-encoding") {
            assert_eq!(unpack(&body), file.body);
        } else {
            assert!(body.len() < 1 << 10, "{path} is too large to go unpacked");
        }
    }
    browser.get("/assets/shop-0.css").await.expect(404);
}

#[tokio::test]
async fn pages_are_strict_and_small() {
    let (_, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    for path in [
        "/",
        "/books/b1",
        "/stores",
        "/stores/s",
        "/cart",
        "/checkout/addresses",
        "/orders",
        &path,
        "/account",
        "/selling",
        "/sign-in",
        "/register",
        "/nothing",
    ] {
        let shown = browser.get(path).await;
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(shown.headers["x-content-type-options"], "nosniff");
        assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
        assert!(shown.body.len() < 60_000, "{path}: {}", shown.body.len());
        for inline in ["<style", " style=", " onclick=", "<script>", "javascript:"] {
            shown.says_not(inline);
        }
    }
}

#[tokio::test]
async fn forms_of_other_sites_and_without_a_token_are_refused() {
    let (app, _, mut browser) = market().await;
    browser.get("/account").await;
    let token = browser.token.clone();
    let right = [("form_token", token.as_str()), ("line", "s.b1.1")];
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let shown = browser
            .send_raw("/cart/add", &right, headers)
            .await
            .expect(403);
        shown.says("That did not come from this shop");
    }
    for fields in [
        &[("line", "s.b1.1")][..],
        &[("form_token", ""), ("line", "s.b1.1")],
        &[
            ("form_token", "AAAAAAAAAAAAAAAAAAAAAAAA"),
            ("line", "s.b1.1"),
        ],
    ] {
        let headers = [("sec-fetch-site", "same-origin")];
        browser
            .send_raw("/cart/add", fields, &headers)
            .await
            .expect(403);
    }
    browser.get("/cart").await.says("Your cart is empty.");
    browser.send_raw("/cart/add", &right, &[]).await.expect(200);
    let mut other = Browser::new(&app.router);
    other.get("/").await;
    other.send_raw("/cart/add", &right, &[]).await.expect(403);
}

#[tokio::test]
async fn there_is_a_page_for_what_is_not_there() {
    let (app, _, mut browser) = market().await;
    let shown = browser.get("/nothing/here").await.expect(404);
    shown.says("<h1>There is nothing here</h1>");
    let wrong = browser.get("/orders/pay").await.expect(405);
    wrong.says("There is nothing here");
    let book = browser.get("/books/nothing").await.expect(404);
    // Whoever is signed in still is, and the language switch comes back.
    for shown in [&shown, &wrong, &book] {
        shown.says("href=\"/account\"");
        shown.says_not("href=\"/sign-in\"");
    }
    shown.says("back=%2Fnothing%2Fhere");
    let reply = app.post("/nothing/here", json!({})).await;
    assert_eq!(
        reply.to_string(),
        r#"404 {"message":"there is nothing at this path"}"#
    );
}
