//! Signing in and out, and a reader's account.

use std::time::Duration;

use app::Settings;

use super::{market, order, order_path, put_in_cart};
use crate::browser::{Browser, Shown, value_of};
use crate::test_app::{TestApp, password};

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
async fn a_form_whose_session_has_ended_leads_to_signing_in_and_back() {
    let (app, _, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.1").await;
    browser.get("/checkout").await.expect(200);
    let token = browser.token.clone();
    app.clock.advance(Duration::from_secs(61 * 60));
    let fields = [("form_token", token.as_str()), ("name", "王五")];
    let sent = async |browser: &mut Browser, before: &str| {
        let headers = [("sec-fetch-site", "same-origin"), ("referer", before)];
        browser.send_raw("/checkout", &fields, &headers).await
    };
    let shown = sent(&mut browser, "https://shop.example/checkout?a=b").await;
    assert_eq!(shown.path, "/sign-in?back=%2Fcheckout%3Fa%3Db");
    browser.get("/cart").await.says("data-cart-count>1<");
    // Only the path counts of what a browser says.
    let shown = sent(&mut browser, "https://evil.example//evil.example/").await;
    shown.says("name=\"back\" value=\"/\"");
    shown.says_not("evil.example/\"");
    let shown = sent(&mut browser, "?").await;
    assert_eq!(shown.path, "/sign-in?back=%2F");
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

/// The statement goes back to the first movement, page by page.
#[tokio::test]
async fn a_long_statement_is_walked() {
    let (app, _, mut browser) = market().await;
    for _ in 0..20 {
        app.fund("buyer", 100).await;
    }
    let movements = |shown: &Shown| shown.body.matches("<td>Top-up</td>").count();
    let newest = browser.get("/account").await.expect(200);
    assert_eq!(movements(&newest), 20);
    newest.says_not("+¥10.00");
    let start = newest.body.find("/account?after=").unwrap();
    let older = newest.body[start..].split(['"', '#']).next().unwrap();
    let older = browser.get(older).await.expect(200);
    assert_eq!(movements(&older), 1);
    older.says("+¥10.00");
    older.says_not("/account?after=");
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
