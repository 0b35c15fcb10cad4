//! What readers do, from the first page to the last.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chrome::{self, ARROW_DOWN, Chrome, ENTER, TAB};
use crate::support::Server;

const PASSWORD: &str = "read more books";
/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn shop(folder: &std::path::Path, arguments: &[&str]) -> Server {
    Server::start(folder, &[&["--demo"], arguments].concat())
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

fn check_out(chrome: &Chrome) {
    chrome.open("/cart");
    chrome.click("a[href='/checkout']");
    chrome.fill("#name", "王五");
    chrome.fill("#phone", "138 1111 1111");
    chrome.fill("#text", "北京市东城区 1 号");
    chrome.click("form[action='/checkout'] aside button");
}

/// A reader finds 红楼梦, buys it, sees it sent, and confirms that it has come.
fn buy(server: &Server, has_scripts: bool) {
    let chrome = Chrome::start(server.address, "zh-CN,zh");
    if !has_scripts {
        chrome.without_scripts();
    }
    sign_in(&chrome, "reader");
    if has_scripts {
        find_book_by_typing(&chrome, "红", "红楼梦");
    } else {
        find_book(&chrome, "红楼梦");
    }
    chrome.click(".buy button");
    if has_scripts {
        chrome.wait_for_toast("已加入购物车");
        assert!(chrome.at().starts_with("/books/"), "without a new page");
    } else {
        chrome.wait_for("去结算");
    }
    assert_eq!(chrome.text_of("[data-cart-count]"), "1");
    check_out(&chrome);
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
    chrome.click("main .buttons a");
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
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &[]);
    buy(&server, true);
    server.stop();
}

#[test]
fn the_same_works_without_scripts() {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &[]);
    buy(&server, false);
    server.stop();
}

#[test]
fn a_cart_over_two_stores_where_one_has_too_few() {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &[]);
    let chrome = Chrome::start(server.address, "en");
    sign_in(&chrome, "reader");
    chrome.open("/books/rulinwaishi?store=%E6%B2%B3%E7%95%94%E4%B9%A6%E5%B1%8B");
    chrome.wait_for("only 2 left");
    chrome.fill("#count", "3");
    chrome.click(".buy button");
    chrome.wait_for_toast("Added to your cart.");
    chrome.open("/books/xiyouji?store=Lantern%20Books");
    chrome.click(".buy button");
    chrome.wait_for_toast("Added to your cart.");
    check_out(&chrome);
    chrome.wait_for("Ordered");
    chrome.wait_for("Not ordered");
    chrome.wait_for("only 2 left");
    chrome.open("/cart");
    chrome.wait_for("儒林外史");
    assert!(
        !chrome.text().contains("西游记"),
        "what was ordered has left the cart"
    );
    server.stop();
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
    chrome.devtools(
        "Emulation.setEmulatedMedia",
        &serde_json::json!({"media": "print"}),
    );
    let paper = chrome.text();
    assert!(paper.contains("Total"), "{paper}");
    assert!(!paper.contains("Print this page"), "{paper}");
    assert!(!paper.contains("Sign out"), "{paper}");
    server.stop();
}

#[test]
fn an_order_left_unpaid_shows_as_cancelled() {
    if !chrome::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = shop(folder.path(), &["--payment-timeout", "15s"]);
    let chrome = Chrome::start(server.address, "en");
    sign_in(&chrome, "reader");
    find_book(&chrome, "红楼梦");
    chrome.click(".buy button");
    chrome.wait_for_toast("Added to your cart.");
    check_out(&chrome);
    chrome.wait_for("Ordered");
    chrome.click(".result a");
    // The page counts down, and shows the order anew once its time is over; on a slow machine it
    // may be over already.
    chrome.wait_for_element(".state-placed, .state-cancelled");
    chrome.wait_for_element(".state-cancelled");
    chrome.wait_for("Cancelled");
    assert!(!chrome.has("form[action='/orders/pay']"));
    server.stop();
}
