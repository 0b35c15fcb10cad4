//! What readers do, from the first page to the last.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::chrome::{self, ARROW_DOWN, Chrome, ENTER, TAB};
use crate::support::Server;

const PASSWORD: &str = "read more books";
/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn shop(folder: &std::path::Path, arguments: &[&str]) -> Server {
    Server::start(folder, &[&["--demo"], arguments].concat())
}

/// Does this in a shop of the demonstration, where there is a browser.
pub fn in_shop(arguments: &[&str], test: impl FnOnce(&Server)) {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), arguments);
    test(&server);
    server.stop();
}

fn sign_in(chrome: &Chrome, user: &str) {
    chrome.open("/sign-in");
    chrome.fill("#user", user);
    chrome.fill("#password", PASSWORD);
    chrome.click("main form button");
    chrome.find_signed_in();
}

impl Chrome {
    /// Waits until somebody is signed in.
    fn find_signed_in(&self) {
        assert!(self.text_of("nav.main a[href='/account']").len() > 1);
    }
}

/// From the front page to a book, by search. The index follows storage: it may still be on its way.
fn find_book(chrome: &Chrome, title: &str) {
    chrome.open_until(&format!("/search?q={title}"), "ol.found .h3 a");
    chrome.open("/");
    chrome.fill("#q", title);
    chrome.click("form.search button");
    chrome.click("ol.found .h3 a");
    chrome.wait_for_element("article.book");
    chrome.wait_for(title);
}

/// The same by typing the title's beginning and choosing what it is completed to.
fn find_book_by_typing(chrome: &Chrome, beginning: &str, title: &str) {
    chrome.open_until(&format!("/search?q={title}"), "ol.found .h3 a");
    chrome.open("/");
    chrome.fill("#q", beginning);
    chrome.wait_for_element("#q[aria-expanded=true]");
    chrome.press("#q", ARROW_DOWN);
    assert_eq!(chrome.text_of("[role=option][aria-selected=true]"), title);
    chrome.press("#q", ENTER);
    chrome.click("ol.found .h3 a");
    chrome.wait_for_element("article.book");
    chrome.wait_for(title);
}

/// Puts the book that is shown into the cart, which says `words` by script, or else is shown.
fn put_in_cart(chrome: &Chrome, words: &str, has_scripts: bool) {
    chrome.click(".buy button");
    if has_scripts {
        chrome.wait_for_toast(words);
        assert!(chrome.at().starts_with("/books/"), "without a new page");
    } else {
        chrome.wait_for_element("a[href='/checkout']");
    }
}

/// From the cart to a checkout that only has to be sent.
fn fill_checkout(chrome: &Chrome) {
    chrome.open("/cart");
    chrome.click("a[href='/checkout']");
    chrome.fill("#name", "王五");
    chrome.fill("#phone", "138 1111 1111");
    chrome.fill("#text", "北京市东城区 1 号");
}

fn send_checkout(chrome: &Chrome) {
    chrome.click("form[action='/checkout'] aside button");
}

/// A browser at this server, with or without scripts.
fn start(server: &Server, language: &str, has_scripts: bool) -> Chrome {
    let chrome = Chrome::start(server.address, language);
    if !has_scripts {
        chrome.without_scripts();
    }
    chrome
}

/// A reader finds 红楼梦, buys it, sees it sent, and confirms that it has come.
fn buy(server: &Server, has_scripts: bool) {
    let chrome = start(server, "zh-CN,zh", has_scripts);
    sign_in(&chrome, "reader");
    if has_scripts {
        find_book_by_typing(&chrome, "红", "红楼梦");
    } else {
        find_book(&chrome, "红楼梦");
    }
    put_in_cart(&chrome, "已加入购物车", has_scripts);
    assert_eq!(chrome.text_of("[data-cart-count]"), "1");
    fill_checkout(&chrome);
    send_checkout(&chrome);
    chrome.wait_for("下单成功");
    chrome.fill("#password", PASSWORD);
    chrome.click("aside form button");
    chrome.wait_for("付款成功");
    let order = chrome.at();
    let order = order.split('?').next().unwrap();

    let seller = Chrome::start(server.address, "en");
    sign_in(&seller, "seller");
    seller.open("/selling");
    seller.fill("form[action*='/selling/'] input[name=tracking]", "YT 42");
    seller.click("form[action*='/selling/'] button");
    seller.wait_for("The order is on its way.");

    chrome.open(order);
    chrome.wait_for("已发货");
    chrome.wait_for("YT 42");
    chrome.click(&format!("form[action='{order}/receive'] button"));
    chrome.wait_for("祝阅读愉快");
    chrome.wait_for_element(".state-received");
}

#[test]
fn a_seller_opens_a_store_and_a_reader_finds_its_book() {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &[]);
    let chrome = Chrome::start(server.address, "zh-CN,zh");
    sign_in(&chrome, "seller");
    chrome.open("/selling/stores");
    chrome.fill("#name", "山阴书屋");
    chrome.click("main form button");
    chrome.wait_for("店铺已开张");
    chrome.click("main a[href$='/new']");
    chrome.fill("#title", "古都");
    chrome.fill("#author", "川端康成");
    chrome.fill("#price", "28");
    chrome.fill("#stock", "three");
    chrome.fill("#tags", "小说、日本");
    chrome.press("#pictures", &cover(folder.path()));
    chrome.click("main form button");
    chrome.wait_for_element("#stock-error");
    assert_eq!(chrome.text_of("#pictures-error"), "请重新选择图片。");
    chrome.fill("#stock", "3");
    chrome.press("#pictures", &cover(folder.path()));
    chrome.click("main form button");
    chrome.wait_for("图书已上架");
    chrome.click(".goods h2 a");
    chrome.fill("#change", "2");
    chrome.click("form[action$='/stock'] button");
    chrome.wait_for("库存已更新");
    chrome.wait_for("5 本");

    let reader = Chrome::start(server.address, "en");
    find_book(&reader, "古都");
    reader.wait_for("¥28.00");
    reader.wait_for("山阴书屋");
    reader.wait_for_element(".book-cover img.cover");
    server.stop();
}

/// A picture to be uploaded, and where it is.
fn cover(folder: &std::path::Path) -> String {
    let path = folder.join("cover.png");
    std::fs::write(&path, STANDARD.decode(PIXEL).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_reader_finds_buys_and_receives_a_book() {
    in_shop(&[], |server| buy(server, true));
}

#[test]
fn the_same_works_without_scripts() {
    in_shop(&[], |server| buy(server, false));
}

/// A reader's cart goes over two stores, and all copies of one of its books are bought by another
/// reader while he fills in the checkout.
fn buy_from_two_stores(server: &Server, has_scripts: bool) {
    let (sold, other) = ("河畔书屋", "Lantern Books");
    let chrome = start(server, "en", has_scripts);
    sign_in(&chrome, "reader");
    chrome.open(&format!("/books/rulinwaishi?store={sold}"));
    chrome.wait_for("only 2 left");
    put_in_cart(&chrome, "Added to your cart.", has_scripts);
    chrome.open(&format!("/books/xiyouji?store={other}"));
    put_in_cart(&chrome, "Added to your cart.", has_scripts);
    fill_checkout(&chrome);
    buy_copies(server, sold, "rulinwaishi", 2);
    send_checkout(&chrome);

    let result = |store: &str| chrome.text_of(&format!(".result[aria-label='{store}']"));
    let text = result(other);
    assert!(text.contains("Ordered") && text.contains("¥"), "{text}");
    let text = result(sold);
    assert!(text.contains("Not ordered"), "{text}");
    assert!(text.contains("儒林外史: sold out"), "{text}");
    chrome.open("/cart");
    chrome.wait_for("儒林外史");
    assert_eq!(chrome.text_of(".line .error"), "sold out");
    let is_left = chrome.text().contains("西游记");
    assert!(!is_left, "what was ordered has left the cart");
    chrome.open("/orders?state=placed");
    chrome.wait_for("西游记");
    assert!(!chrome.text().contains("儒林外史"), "{}", chrome.text());
}

/// Another reader orders that many copies of a book, over the contract.
fn buy_copies(server: &Server, store: &str, book: &str, count: i64) {
    let mut client = server.client();
    let token = client.join("rival");
    let books = json!([{"id": book, "count": count}]);
    let order = json!({"user_id": "rival", "store_id": store, "books": books});
    client.post("/buyer/new_order", &token, &order).ok();
}

#[test]
fn a_cart_over_two_stores_where_one_book_sells_out_meanwhile() {
    in_shop(&[], |server| buy_from_two_stores(server, true));
}

#[test]
fn a_cart_over_two_stores_works_without_scripts() {
    in_shop(&[], |server| buy_from_two_stores(server, false));
}

/// The first stop of the keyboard leads past the head of the page, and shows where it is.
#[test]
fn the_keyboard_goes_straight_to_the_content() {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &[]);
    let chrome = Chrome::start(server.address, "en");
    chrome.open("/stores");
    chrome.press("body", TAB);
    assert_eq!(chrome.evaluate("document.activeElement.className"), "skip");
    let ring = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(chrome.evaluate(ring), "solid");
    chrome.press(".skip", ENTER);
    chrome.wait_for_element("main:focus");
    chrome.press("main", TAB);
    let first = "document.activeElement.closest('main') !== null";
    assert_eq!(chrome.evaluate(first), "true");
    // On paper there is what was bought, and nothing to press.
    sign_in(&chrome, "reader");
    chrome.open("/orders?state=received");
    chrome.click(".order-row a");
    chrome.click("a[href$='/receipt']");
    chrome.wait_for_element(".receipt");
    chrome.devtools("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let paper = chrome.text();
    assert!(paper.contains("Total"), "{paper}");
    assert!(!paper.contains("Print this page"), "{paper}");
    assert!(!paper.contains("Sign out"), "{paper}");
    server.stop();
}

/// A reader orders, does not pay, and sees that the order is off.
fn leave_unpaid(server: &Server, has_scripts: bool) {
    let chrome = start(server, "en", has_scripts);
    sign_in(&chrome, "reader");
    find_book(&chrome, "红楼梦");
    put_in_cart(&chrome, "Added to your cart.", has_scripts);
    fill_checkout(&chrome);
    send_checkout(&chrome);
    chrome.wait_for("Ordered");
    chrome.click(".result a");
    // On a slow machine its time may be over already.
    chrome.wait_for_element(".state-placed, .state-cancelled");
    if !has_scripts {
        // Nothing shows the page anew but its reader.
        chrome.open_until(&chrome.at(), ".state-cancelled");
    }
    // The page counts down, and shows the order anew once its time is over.
    chrome.wait_for_element(".state-cancelled");
    chrome.wait_for("Cancelled");
    assert!(!chrome.has("form[action='/orders/pay']"));
}

#[test]
fn an_order_left_unpaid_shows_as_cancelled() {
    in_shop(&["--payment-timeout", "15s"], |server| {
        leave_unpaid(server, true)
    });
}

#[test]
fn an_order_left_unpaid_shows_as_cancelled_without_scripts() {
    in_shop(&["--payment-timeout", "15s"], |server| {
        leave_unpaid(server, false)
    });
}
