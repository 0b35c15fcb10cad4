//! What readers do, from the first page to the last.

use crate::chrome::{self, Chrome};
use crate::support::Server;

const PASSWORD: &str = "read more books";

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

/// From the front page to a book whose title is a link there, by search where there is one.
fn find_book(chrome: &Chrome, title: &str) {
    chrome.open("/");
    if chrome.has("#q") {
        chrome.fill("#q", title);
        chrome.click(".top .search button");
        chrome.click("ol.found .h3 a");
    } else {
        chrome.click(".shelf h3 a[href^='/books/hongloumeng']");
    }
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
    find_book(&chrome, "红楼梦");
    chrome.click(".buy button");
    if has_scripts {
        chrome.wait_for("已加入购物车");
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
    assert!(chrome.has(".state-received"));
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
    chrome.wait_for("Added to your cart.");
    chrome.open("/books/xiyouji?store=Lantern%20Books");
    chrome.click(".buy button");
    chrome.wait_for("Added to your cart.");
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
    chrome.wait_for("Added to your cart.");
    check_out(&chrome);
    chrome.wait_for("Ordered");
    chrome.click(".result a");
    // The page counts down, and shows the order anew once its time is over.
    chrome.wait_for("To be paid");
    chrome.wait_for("Cancelled");
    assert!(chrome.has(".state-cancelled") && !chrome.has("form[action='/orders/pay']"));
    server.stop();
}
