//! The shop's pages through the real router, without scripts.

mod accounts;
mod buying;
mod looking;
mod orders;
mod selling;
mod weight;

use app::Settings;

use crate::browser::{Browser, Shown, value_of, values_of};
use crate::test_app::{TestApp, password};

/// A market with a store `s` of `seller`, and `buyer` with 1,000 fen, who has signed in.
pub async fn market() -> (TestApp, String, Browser) {
    market_with(Settings::default()).await
}

pub async fn market_with(settings: Settings) -> (TestApp, String, Browser) {
    let app = TestApp::with(settings).await;
    let seller = app.user("seller").await;
    app.store("seller", &seller, "s").await;
    app.user("buyer").await;
    app.fund("buyer", 1_000).await;
    let mut browser = Browser::new(&app.router);
    browser.sign_in("buyer", &password("buyer")).await;
    (app, seller, browser)
}

pub async fn put_in_cart(browser: &mut Browser, line: &str) {
    browser
        .send("/cart/add", &[("line", line)])
        .await
        .expect(200);
}

pub const ADDRESS: [(&str, &str); 3] = [("name", "王五"), ("phone", "123"), ("text", "北京 1 号")];

pub async fn check_out(browser: &mut Browser, more: &[(&str, &str)]) -> Shown {
    let page = browser.get("/checkout").await.expect(200);
    let key = value_of(&page.body, "key").unwrap();
    let lines = values_of(&page.body, "line");
    let mut fields = vec![("key", key.as_str())];
    fields.extend(lines.iter().map(|line| ("line", line.as_str())));
    fields.extend(more);
    browser.send("/checkout", &fields).await
}

/// Orders a copy of `b1`, and gives the order's path.
pub async fn order(browser: &mut Browser) -> String {
    put_in_cart(browser, "s.b1.1").await;
    let shown = check_out(browser, &ADDRESS).await.expect(200);
    order_path(&shown.body)
}

pub fn order_path(body: &str) -> String {
    let start = body.find("/orders/0").unwrap();
    body[start..start + "/orders/".len() + 36].to_owned()
}

pub fn order_id(path: &str) -> &str {
    path.strip_prefix("/orders/").unwrap()
}
