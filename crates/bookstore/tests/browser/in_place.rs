//! Forms that send themselves: what they change is shown in the page, and whoever is in the middle
//! of them stays there.

use crate::chrome::{ARROW_UP, Chrome};
use crate::flows::in_shop;
use crate::support::Server;

/// Leaves a mark that a new page would not have.
fn mark(chrome: &Chrome) {
    chrome.evaluate("window.mark = 'here'");
}

#[track_caller]
fn expect_same_page(chrome: &Chrome, focused: &str) {
    assert_eq!(chrome.evaluate("window.mark"), "here");
    assert_eq!(chrome.evaluate("document.activeElement.id"), focused);
}

fn change_cart(server: &Server) {
    let chrome = Chrome::start(server.address, "en");
    chrome.open("/books/xiyouji?store=Lantern%20Books");
    chrome.click(".buy button");
    chrome.wait_for_toast("Added to your cart.");
    chrome.open("/cart");
    mark(&chrome);
    chrome.press("#c0", ARROW_UP);
    chrome.wait_for_element("#c0[value='2']");
    expect_same_page(&chrome, "c0");
    assert_eq!(chrome.text_of("[data-cart-count]"), "2");
    chrome.wait_for_toast("Total");
    // Again, since the form that is there now is another.
    chrome.press("#c0", ARROW_UP);
    chrome.wait_for_element("#c0[value='3']");
    expect_same_page(&chrome, "c0");
    chrome.click("#r0");
    chrome.wait_for("Your cart is empty.");
    expect_same_page(&chrome, "content");
}

#[test]
fn a_cart_changes_without_a_new_page() {
    in_shop(&[], change_cart);
}

fn narrow_down(server: &Server) {
    let chrome = Chrome::start(server.address, "en");
    chrome.open_until("/search?q=的", "a[rel=next]");
    mark(&chrome);
    chrome.click("#stock");
    chrome.wait_for_element("#stock[checked]");
    expect_same_page(&chrome, "stock");
    assert!(chrome.at().contains("stock=1"), "{}", chrome.at());
    chrome.wait_for_toast("book");
    // The way back leads to the results as they were.
    chrome.evaluate("history.back()");
    chrome.wait_for_element("#stock:not([checked])");
    assert!(!chrome.at().contains("stock=1"), "{}", chrome.at());
}

#[test]
fn results_are_narrowed_down_without_a_new_page() {
    in_shop(&[], narrow_down);
}
