//! The shop's pages through the real router, without scripts.

use std::time::Duration;

use app::Settings;
use axum::body::Body;
use axum::http::Request;
use domain::CancelUntil;
use serde_json::json;

use crate::browser::{Browser, Shown, value_of, values_of};
use crate::test_app::{TestApp, password};

/// A market with a store `s` of `seller`, and `buyer` with 1,000 fen, who has signed in.
async fn market() -> (TestApp, String, Browser) {
    market_with(Settings::default()).await
}

async fn market_with(settings: Settings) -> (TestApp, String, Browser) {
    let app = TestApp::with(settings).await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    let mut browser = Browser::new(&app.router);
    browser.sign_in("buyer", &password("buyer")).await;
    (app, seller, browser)
}

async fn put_in_cart(browser: &mut Browser, line: &str) {
    browser
        .send("/cart/add", &[("line", line)])
        .await
        .expect(200);
}

const ADDRESS: [(&str, &str); 3] = [("name", "王五"), ("phone", "123"), ("text", "北京 1 号")];

async fn check_out(browser: &mut Browser, more: &[(&str, &str)]) -> Shown {
    let page = browser.get("/checkout").await.expect(200);
    let key = value_of(&page.body, "key").unwrap();
    let lines = values_of(&page.body, "line");
    let mut fields = vec![("key", key.as_str())];
    fields.extend(lines.iter().map(|line| ("line", line.as_str())));
    fields.extend(more);
    browser.send("/checkout", &fields).await
}

/// Orders a copy of `b1`, and gives the order's path.
async fn order(browser: &mut Browser) -> String {
    put_in_cart(browser, "s.b1.1").await;
    let shown = check_out(browser, &ADDRESS).await.expect(200);
    order_path(&shown.body)
}

fn order_path(body: &str) -> String {
    let start = body.find("/orders/0").unwrap();
    body[start..start + "/orders/".len() + 36].to_owned()
}

fn order_id(path: &str) -> &str {
    path.strip_prefix("/orders/").unwrap()
}

#[tokio::test]
async fn the_front_page_shows_what_is_new_and_what_is_bought() {
    let (app, _, mut browser) = market().await;
    let home = browser.get("/").await.expect(200);
    home.says("Book 3");
    home.says("¥3.00");
    home.says("href=\"/stores/s\"");
    home.says_not("Bought most");
    order(&mut browser).await;
    app.app.look_at_most_bought().await.unwrap();
    browser.get("/").await.expect(200).says("Bought most");
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

#[tokio::test]
async fn files_of_the_pages_are_kept_for_good() {
    let (_, _, mut browser) = market().await;
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
async fn a_cart_is_filled_changed_and_emptied() {
    let (_, _, mut browser) = market().await;
    let cart = browser
        .send("/cart/add", &[("line", "s.b2.1"), ("count", "3")])
        .await
        .expect(200);
    assert_eq!(cart.path, "/cart");
    cart.says("¥6.00");
    cart.says("data-cart-count>3<");
    let cart = browser
        .send("/cart/change", &[("line", "s.b2.3"), ("count", "20")])
        .await
        .expect(200);
    cart.says("only 10 left");
    let cart = browser
        .send("/cart/change", &[("line", "s.b2.20"), ("count", "x")])
        .await;
    cart.expect(200).says("value=\"20\"");
    put_in_cart(&mut browser, "s.gone.1").await;
    browser.get("/cart").await.says("no longer on sale");
    browser
        .send("/cart/change", &[("line", "s.gone.1"), ("remove", "1")])
        .await;
    let cart = browser
        .send("/cart/change", &[("line", "s.b2.20"), ("count", "0")])
        .await;
    cart.says("Your cart is empty.");
    for line in ["", "x", "s.b1.0", "s.b1.1.1"] {
        browser
            .send("/cart/add", &[("line", line)])
            .await
            .expect(400);
    }
    browser
        .send("/cart/add", &[("line", "s.b1.1"), ("count", "-1")])
        .await
        .expect(400);
}

#[tokio::test]
async fn a_script_adds_to_the_cart_without_a_page() {
    let (_, _, mut browser) = market().await;
    browser.get("/books/b1").await;
    let token = browser.token.clone();
    let fields = [("form_token", token.as_str()), ("line", "s.b1.2")];
    let headers = [
        ("accept", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    let shown = browser
        .send_raw("/cart/add", &fields, &headers)
        .await
        .expect(200);
    assert_eq!(shown.body, r#"{"count":2,"words":"Added to your cart."}"#);
    browser.get("/cart").await.says("data-cart-count>2<");
}

#[tokio::test]
async fn a_cart_of_two_stores_is_two_orders_each_with_its_result() {
    let (app, seller, mut browser) = market().await;
    app.store("seller", &seller, "t").await;
    put_in_cart(&mut browser, "s.b1.2").await;
    put_in_cart(&mut browser, "t.b3.1").await;
    put_in_cart(&mut browser, "t.b2.11").await;
    let shown = check_out(&mut browser, &ADDRESS).await.expect(200);
    shown.says("only 10 left");
    shown.says("still in your cart");
    assert_eq!(shown.body.matches("state-paid\">Ordered").count(), 1);
    assert_eq!(
        shown.body.matches("state-cancelled\">Not ordered").count(),
        1
    );
    let cart = browser.get("/cart").await;
    cart.says("Book 3");
    cart.says_not("Book 1");
    browser
        .get(&order_path(&shown.body))
        .await
        .expect(200)
        .says("北京 1 号");
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
    assert_eq!(app.stock("seller", &seller, "t", "b3").await, 10);
}

#[tokio::test]
async fn a_checkout_that_is_sent_twice_orders_once() {
    let (app, seller, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.2").await;
    let page = browser.get("/checkout").await;
    let key = value_of(&page.body, "key").unwrap();
    let mut fields = vec![("key", key.as_str()), ("line", "s.b1.2")];
    fields.extend(ADDRESS);
    let first = browser.send("/checkout", &fields).await.expect(200);
    let second = browser.send("/checkout", &fields).await.expect(200);
    assert_eq!(order_path(&first.body), order_path(&second.body));
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
    let other = [("key", key.as_str()), ("line", "s.b1.1")];
    let fields: Vec<_> = other.into_iter().chain(ADDRESS).collect();
    let third = browser.send("/checkout", &fields).await.expect(200);
    third.says("This page was sent before with other books.");
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
}

#[tokio::test]
async fn what_is_wrong_with_an_address_stands_beside_it() {
    let (_, _, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.1").await;
    let long = "x".repeat(256);
    let fields = [("name", "<王>"), ("phone", long.as_str()), ("text", " ")];
    let shown = check_out(&mut browser, &fields).await.expect(422);
    shown.says("value=\"&#60;王&#62;\"");
    shown.says("id=\"phone-error\">This is too long.");
    shown.says("id=\"text-error\">Please fill this in.");
    shown.says_not("name-error");
    browser
        .get("/orders")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn addresses_stay_on_the_device_and_with_their_reader() {
    let (app, _, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.1").await;
    let fields: Vec<_> = ADDRESS.into_iter().chain([("keep", "1")]).collect();
    check_out(&mut browser, &fields).await.expect(200);
    put_in_cart(&mut browser, "s.b2.1").await;
    let page = browser.get("/checkout").await.expect(200);
    page.says("北京 1 号");
    let shown = check_out(&mut browser, &[("address", "0")])
        .await
        .expect(200);
    browser
        .get(&order_path(&shown.body))
        .await
        .says("北京 1 号");
    for number in 2..=5 {
        let text = format!("No. {number}");
        let fields = [("name", "n"), ("phone", "1"), ("text", text.as_str())];
        browser
            .send("/checkout/addresses", &fields)
            .await
            .expect(200)
            .says(&text);
    }
    let fields = [("name", "n"), ("phone", "1"), ("text", "No. 6")];
    let full = browser
        .send("/checkout/addresses", &fields)
        .await
        .expect(422);
    full.says("No more addresses fit.");
    full.says("No. 6");
    let left = browser
        .send("/checkout/addresses", &[("remove", "0")])
        .await
        .expect(200);
    left.says_not("北京 1 号");

    let kept = browser.cookies["addresses"].clone();
    browser.get("/").await;
    browser.send("/sign-out", &[]).await;
    assert!(!browser.cookies.contains_key("addresses"));
    app.user("other").await;
    browser.sign_in("other", &password("other")).await;
    browser.cookies.insert("addresses".into(), kept);
    browser
        .get("/checkout/addresses")
        .await
        .expect(200)
        .says("No address is kept here.");
}

#[tokio::test]
async fn an_order_is_paid_sent_and_received() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    let placed = browser.get(&path).await.expect(200);
    placed.says("To be paid");
    placed.says("30 minutes");
    let id = order_id(&path).to_owned();
    let wrong = browser
        .send("/orders/pay", &[("order", &id), ("password", "wrong")])
        .await
        .expect(422);
    wrong.says("This is not your password.");
    let secret = password("buyer");
    let fields = [("order", id.as_str()), ("password", secret.as_str())];
    let paid = browser.send("/orders/pay", &fields).await.expect(200);
    paid.says("Paid. The store has been told.");
    let again = browser.send("/orders/pay", &fields).await.expect(200);
    again.says("Paid. The store has been told.");
    browser
        .get(&format!("{path}/receipt"))
        .await
        .expect(200)
        .says("¥1.00");

    let mut seller = Browser::new(&app.router);
    seller.sign_in("seller", &password("seller")).await;
    let selling = seller.get("/selling").await.expect(200);
    selling.says("北京 1 号");
    selling.says_not("buyer");
    let send = format!("/selling/{id}/send");
    let long = "x".repeat(256);
    seller
        .send(&send, &[("tracking", &long)])
        .await
        .expect(422)
        .says("This is too long.");
    let sent = seller
        .send(&send, &[("tracking", "SF <1>")])
        .await
        .expect(200);
    sent.says("The order is on its way.");
    sent.says("Nothing waits to be sent.");

    let sent = browser.get(&path).await.expect(200);
    sent.says("SF &#60;1&#62;");
    sent.says_not("seller");
    let received = browser
        .send(&format!("{path}/receive"), &[])
        .await
        .expect(200);
    received.says("Enjoy your books.");
    received.says_not("Cancel this order");
    browser
        .send(&format!("{path}/receive"), &[])
        .await
        .expect(200)
        .says("has moved on");
    let list = browser.get("/orders?state=received").await.expect(200);
    list.says(&path);
    browser
        .get("/orders?state=paid")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_shows_as_cancelled() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    app.clock.advance(Duration::from_secs(30 * 60));
    let shown = browser.get(&path).await.expect(200);
    shown.says("state-cancelled\">Cancelled");
    shown.says_not("Pay now");
    let secret = password("buyer");
    let fields = [("order", order_id(&path)), ("password", secret.as_str())];
    let late = browser.send("/orders/pay", &fields).await.expect(200);
    late.says("has moved on meanwhile");
}

#[tokio::test]
async fn an_order_is_cancelled_as_far_as_the_operator_allows() {
    let settings = Settings {
        cancel_until: CancelUntil::Sent,
        ..Settings::default()
    };
    let (app, seller, mut browser) = market_with(settings).await;
    let path = order(&mut browser).await;
    browser.get(&path).await;
    let cancelled = browser
        .send(&format!("{path}/cancel"), &[])
        .await
        .expect(200);
    cancelled.says("The order is cancelled.");
    browser.get(&format!("{path}/receipt")).await.expect(404);

    let path = order(&mut browser).await;
    app.pay("buyer", order_id(&path)).await;
    app.verb("/seller/send_books", "seller", &seller, order_id(&path))
        .await
        .expect_ok();
    browser
        .get(&path)
        .await
        .expect(200)
        .says_not("Cancel this order");
    let late = browser
        .send(&format!("{path}/cancel"), &[])
        .await
        .expect(200);
    late.says("too late to cancel");
}

#[tokio::test]
async fn orders_are_paid_together_until_the_money_ends() {
    let (app, seller, mut browser) = market().await;
    app.store("seller", &seller, "t").await;
    put_in_cart(&mut browser, "s.b3.3").await;
    put_in_cart(&mut browser, "t.b3.1").await;
    let shown = check_out(&mut browser, &ADDRESS).await.expect(200);
    let orders = values_of(&shown.body, "order");
    assert_eq!(orders.len(), 2);
    let secret = password("buyer");
    let mut fields: Vec<_> = orders.iter().map(|id| ("order", id.as_str())).collect();
    fields.push(("password", &secret));
    let short = browser.send("/orders/pay", &fields).await.expect(422);
    short.says("There is not enough money in your account.");
    assert_eq!(values_of(&short.body, "order"), orders[1..]);
    app.fund("buyer", 1_000).await;
    let paid = browser.send("/orders/pay", &fields).await.expect(200);
    assert_eq!(paid.path, "/orders?done=paid");
    browser
        .get("/orders?state=placed")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn others_orders_are_not_there() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    app.user("stranger").await;
    let mut stranger = Browser::new(&app.router);
    stranger.sign_in("stranger", &password("stranger")).await;
    for page in [path.clone(), format!("{path}/receipt")] {
        stranger.get(&page).await.expect(404);
    }
    for verb in ["cancel", "receive"] {
        stranger
            .send(&format!("{path}/{verb}"), &[])
            .await
            .expect(404);
    }
    let send = format!("/selling/{}/send", order_id(&path));
    stranger.send(&send, &[("tracking", "x")]).await.expect(404);
    browser.get(&path).await.expect(200).says("To be paid");
}

#[tokio::test]
async fn who_is_not_signed_in_comes_back_after_signing_in() {
    let (app, _, _) = market().await;
    let mut browser = Browser::new(&app.router);
    let shown = browser.get("/orders?state=paid").await.expect(200);
    assert_eq!(shown.path, "/sign-in?back=%2Forders%3Fstate%3Dpaid");
    let back = value_of(&shown.body, "back").unwrap();
    let fields = [
        ("user", "buyer"),
        ("password", "wrong"),
        ("back", back.as_str()),
    ];
    let wrong = browser.send("/sign-in", &fields).await.expect(422);
    wrong.says("go together");
    wrong.says("value=\"buyer\"");
    wrong.says_not("value=\"wrong\"");
    let secret = password("buyer");
    let fields = [
        ("user", "buyer"),
        ("password", secret.as_str()),
        ("back", back.as_str()),
    ];
    let shown = browser.send("/sign-in", &fields).await.expect(200);
    assert_eq!(shown.path, "/orders?state=paid");
    for back in ["//evil.example", "https://evil.example/", "/\\evil.example"] {
        browser.get("/sign-in").await;
        let fields = [
            ("user", "buyer"),
            ("password", secret.as_str()),
            ("back", back),
        ];
        assert_eq!(browser.send("/sign-in", &fields).await.path, "/");
    }
}

#[tokio::test]
async fn guessing_passwords_is_under_the_budget_of_failures() {
    let (app, _, _) = market().await;
    let mut browser = Browser::new(&app.router);
    browser.address = "198.51.100.9".parse().unwrap();
    browser.get("/sign-in").await;
    for _ in 0..10 {
        let fields = [("user", "buyer"), ("password", "guess")];
        browser.send("/sign-in", &fields).await.expect(422);
    }
    let secret = password("buyer");
    let fields = [("user", "buyer"), ("password", secret.as_str())];
    let shown = browser.send("/sign-in", &fields).await.expect(429);
    assert_eq!(shown.headers["retry-after"], "30");
    shown.says("Too many attempts");
}

#[tokio::test]
async fn registering_signs_in() {
    let (app, _, _) = market().await;
    let mut browser = Browser::new(&app.router);
    browser.get("/register?back=%2Fcart").await.expect(200);
    let wrong = browser
        .send("/register", &[("user", ""), ("password", "")])
        .await
        .expect(422);
    wrong.says("id=\"user-error\">Please fill this in.");
    wrong.says("id=\"password-error\">Please fill this in.");
    let taken = browser
        .send("/register", &[("user", "buyer"), ("password", "x")])
        .await;
    taken.expect(422).says("Somebody has this name already.");
    let fields = [("user", "新读者"), ("password", "x"), ("back", "/account")];
    let shown = browser.send("/register", &fields).await.expect(200);
    assert_eq!(shown.path, "/account");
    shown.says("新读者");
}

#[tokio::test]
async fn signing_out_ends_this_session_alone() {
    let (app, _, mut browser) = market().await;
    let mut other = Browser::new(&app.router);
    other.sign_in("buyer", &password("buyer")).await;
    let session = browser.cookies["session"].clone();
    app.clock.advance(Duration::from_secs(1));
    browser.get("/").await;
    browser
        .send("/sign-out", &[])
        .await
        .expect(200)
        .says("You are signed out.");
    browser.cookies.insert("session".into(), session);
    assert_eq!(
        browser.get("/account").await.path,
        "/sign-in?back=%2Faccount"
    );
    other.get("/account").await.expect(200).says("Statement");
}

#[tokio::test]
async fn a_session_lasts_as_long_as_it_is_used() {
    let (app, _, mut browser) = market().await;
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(50 * 60));
        browser.get("/account").await.expect(200).says("Statement");
    }
    app.clock.advance(Duration::from_secs(61 * 60));
    assert_eq!(
        browser.get("/account").await.path,
        "/sign-in?back=%2Faccount"
    );
}

#[tokio::test]
async fn money_goes_in_and_out_once() {
    let (_, _, mut browser) = market().await;
    let page = browser.get("/account").await.expect(200);
    page.says("¥10.00");
    page.says("Top-up");
    let key = value_of(&page.body, "key").unwrap();
    let secret = password("buyer");
    let fields = [
        ("way", "in"),
        ("amount", "25.5"),
        ("password", secret.as_str()),
        ("key", key.as_str()),
    ];
    browser
        .send("/account/funds", &fields)
        .await
        .expect(200)
        .says("¥35.50");
    browser
        .send("/account/funds", &fields)
        .await
        .expect(200)
        .says("¥35.50");
    let send = async |browser: &mut Browser, way, amount, secret| {
        let fields = [("way", way), ("amount", amount), ("password", secret)];
        browser.send("/account/funds", &fields).await
    };
    let shown = send(&mut browser, "out", "35.50", &secret)
        .await
        .expect(200);
    shown.says("The money has left your account.");
    let shown = send(&mut browser, "out", "0.01", &secret).await.expect(422);
    shown.says("id=\"amount-error\">There is not enough money");
    let shown = send(&mut browser, "in", "1.234", "wrong").await.expect(422);
    shown.says("value=\"1.234\"");
    shown.says("id=\"amount-error\">Please write an amount");
    let shown = send(&mut browser, "in", "5", "wrong").await.expect(422);
    shown.says("id=\"funds-password-error\">This is not your password.");
    send(&mut browser, "in", "100000000001", &secret)
        .await
        .expect(422)
        .says("more than is possible");
    send(&mut browser, "up", "5", &secret).await.expect(400);
}

#[tokio::test]
async fn only_the_operator_funds_where_he_said_so() {
    let settings = Settings {
        is_self_funding: false,
        ..Settings::default()
    };
    let app = TestApp::with(settings).await;
    app.user("u").await;
    let mut browser = Browser::new(&app.router);
    browser.sign_in("u", &password("u")).await;
    let page = browser.get("/account").await.expect(200);
    page.says("Only the operator puts money into accounts here.");
    page.says_not("value=\"in\"");
    let secret = password("u");
    let fields = [
        ("way", "in"),
        ("amount", "5"),
        ("password", secret.as_str()),
    ];
    browser
        .send("/account/funds", &fields)
        .await
        .expect(422)
        .says("Only the operator");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let (app, _, mut browser) = market().await;
    let mut other = Browser::new(&app.router);
    other.sign_in("buyer", &password("buyer")).await;
    browser.get("/account").await;
    let wrong = browser
        .send("/account/password", &[("old", "x"), ("new", "")])
        .await
        .expect(422);
    wrong.says("id=\"new-error\">Please fill this in.");
    let wrong = browser
        .send("/account/password", &[("old", "x"), ("new", "y")])
        .await;
    wrong
        .expect(422)
        .says("id=\"old-error\">This is not your password.");
    app.clock.advance(Duration::from_secs(1));
    let secret = password("buyer");
    let changed = browser
        .send("/account/password", &[("old", &secret), ("new", "new")])
        .await;
    changed.expect(200).says("Your password is changed");
    assert_eq!(other.get("/account").await.path, "/sign-in?back=%2Faccount");
    other.sign_in("buyer", "new").await;

    app.clock.advance(Duration::from_secs(1));
    let ended = other
        .send("/account/everywhere", &[("password", "new")])
        .await
        .expect(200);
    ended.says("You are signed out.");
    assert_eq!(
        browser.get("/account").await.path,
        "/sign-in?back=%2Faccount"
    );
}

#[tokio::test]
async fn an_account_is_closed_once_it_is_empty() {
    let (_, _, mut browser) = market().await;
    browser.get("/account").await;
    let secret = password("buyer");
    let close = [("password", secret.as_str())];
    browser
        .send("/account/close", &[("password", "")])
        .await
        .expect(422);
    let full = browser.send("/account/close", &close).await.expect(422);
    full.says("There is still money in the account.");
    order(&mut browser).await;
    let open = browser.send("/account/close", &close).await.expect(422);
    open.says("There are open orders");
    let path = order_path(&browser.get("/orders").await.body);
    browser
        .send(&format!("{path}/cancel"), &[])
        .await
        .expect(200);
    let fields = [
        ("way", "out"),
        ("amount", "10"),
        ("password", secret.as_str()),
    ];
    browser.send("/account/funds", &fields).await.expect(200);
    browser
        .send("/account/close", &close)
        .await
        .expect(200)
        .says("Your account is closed.");
    let fields = [("user", "buyer"), ("password", secret.as_str())];
    browser.send("/sign-in", &fields).await.expect(422);
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
    browser
        .get("/orders/pay")
        .await
        .expect(405)
        .says("There is nothing here");
    let reply = app.post("/nothing/here", json!({})).await;
    assert_eq!(
        reply.to_string(),
        r#"404 {"message":"there is nothing at this path"}"#
    );
}
