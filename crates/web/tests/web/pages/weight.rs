//! No page weighs more than 60 kB before its pictures, with as much on it as a page takes.

use serde_json::{Value, json};

use super::{ADDRESS, check_out, market, put_in_cart};
use crate::browser::{Browser, Shown};
use crate::test_app::{TestApp, password};

const PAGE_MAX_BYTES: usize = 60_000;

/// As long as titles are, and longer than most.
const TITLE: &str = "一个很长的书名：副标题也很长，还有第二版修订说明与译者序";
const AUTHOR: &str = "(哥伦比亚)加夫列尔·加西亚·马尔克斯 Gabriel García Márquez";

async fn seller(app: &TestApp, token: &str, path: &str, mut body: Value) {
    body["user_id"] = "seller".into();
    app.post(path, body).token(token).await.expect_ok();
}

async fn list(app: &TestApp, token: &str, store: &str, number: usize) {
    let info = json!({
        "id": format!("978702000{number:04}"),
        "title": format!("{TITLE}{number}"),
        "author": AUTHOR,
        "price": 4_500 + number,
        "tags": (0..12).map(|tag| format!("很长的标签 {tag}")).collect::<Vec<_>>(),
        // A few times what the longest of real books say.
        "author_intro": "作者生平与评价。\n".repeat(400),
        "book_intro": "内容与主题介绍。\n".repeat(200),
        "content": "第一章 从头说起\n".repeat(400),
        "publisher": "人民文学出版社", "pub_year": "2026-01", "isbn": "9787020002207",
        "translator": AUTHOR, "original_title": TITLE, "binding": "精装", "pages": 999,
    });
    let body = json!({"store_id": store, "book_info": info, "stock_level": 100});
    seller(app, token, "/seller/add_book", body).await;
}

fn weigh(shown: Shown) -> Shown {
    let bytes = shown.body.len();
    assert!(bytes < PAGE_MAX_BYTES, "{}: {bytes} bytes", shown.path);
    shown
}

async fn look(browser: &mut Browser, pages: &[&str]) {
    for page in pages {
        let shown = browser.get(page).await.expect(200);
        assert!(shown.body.len() > 2_000, "{page} is hardly a page");
        weigh(shown);
    }
}

#[tokio::test]
async fn full_pages_are_light() {
    let (app, token, mut browser) = market().await;
    app.fund("buyer", 100_000_000).await;
    for number in 0..60 {
        let store = format!("一家名字很长的独立旧书店与咖啡馆 {number:02}");
        seller(
            &app,
            &token,
            "/seller/create_store",
            json!({"store_id": store}),
        )
        .await;
        list(&app, &token, &store, 0).await;
    }
    for number in 0..55 {
        list(&app, &token, "s", number).await;
    }
    app.app.look_at_most_bought().await.unwrap();
    let book = "/books/9787020000000";
    look(&mut browser, &["/", "/stores", "/stores/s", book]).await;
    let shown = browser.get(book).await;
    assert_eq!(shown.body.matches("class=\"offer-store\"").count(), 20);
    shown.says("More offers");

    for _ in 0..22 {
        for number in 0..50 {
            put_in_cart(&mut browser, &format!("s.978702000{number:04}.1")).await;
        }
        look(&mut browser, &["/cart", "/checkout"]).await;
        let placed = weigh(check_out(&mut browser, &ADDRESS).await.expect(200));
        let id = crate::browser::value_of(&placed.body, "order").unwrap();
        let secret = password("buyer");
        let fields = [("order", id.as_str()), ("password", secret.as_str())];
        browser.send("/orders/pay", &fields).await.expect(200);
        let order = format!("/orders/{id}");
        look(&mut browser, &[&order, &format!("{order}/receipt")]).await;
    }
    look(&mut browser, &["/orders", "/account"]).await;
    let mut browser = Browser::new(&app.router);
    browser.sign_in("seller", &password("seller")).await;
    let own = "/selling/stores/s";
    let listing = format!("{own}/books/9787020000000");
    look(
        &mut browser,
        &["/selling", "/selling/stores", own, &listing],
    )
    .await;
}
