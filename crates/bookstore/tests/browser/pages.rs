//! Every page, on phones and desks, by day and by night: nothing that axe-core finds wrong, and
//! nothing that sticks out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chrome::{self, Chrome, View};
use crate::support::Server;

const VIEWS: [View; 4] = [
    View {
        name: "desk-day",
        width: 1280,
        height: 900,
        is_dark: false,
    },
    View {
        name: "desk-night",
        width: 1280,
        height: 900,
        is_dark: true,
    },
    View {
        name: "phone-day",
        width: 390,
        height: 844,
        is_dark: false,
    },
    View {
        name: "phone-night",
        width: 390,
        height: 844,
        is_dark: true,
    },
];

/// Where every page is, with the name of its picture. The empty path stays where it is.
fn look_at(chrome: &Chrome, axe: &str, name: &str, path: &str, found: &mut Vec<String>) {
    if !path.is_empty() {
        chrome.open(path);
    }
    for view in VIEWS {
        chrome.look(view);
        for violation in chrome.check(axe) {
            found.push(format!("{name} ({}): {violation}", view.name));
        }
        if chrome.is_too_wide() {
            found.push(format!("{name} ({}): something sticks out", view.name));
        }
        if let Some(folder) = chrome::variable("BOOKSTORE_TEST_SHOTS") {
            let picture = STANDARD.decode(chrome.shoot()).unwrap();
            let file = format!("{folder}/{name}-{}.png", view.name);
            std::fs::write(file, picture).unwrap();
        }
    }
    chrome.look(VIEWS[0]);
}

fn sign_in(chrome: &Chrome, user: &str) {
    chrome.open("/sign-in");
    chrome.fill("#user", user);
    chrome.fill("#password", "read more books");
    chrome.click("main form button");
    chrome.wait_for_account();
}

impl Chrome {
    fn wait_for_account(&self) {
        assert!(self.text_of("nav.main a[href='/account']").len() > 1);
    }
}

#[test]
fn every_page_is_accessible_and_fits() {
    if !chrome::is_there() {
        return;
    }
    let Some(axe) = chrome::axe() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let mut found = Vec::new();
    for (language, mark) in [("en", "en"), ("zh-CN,zh", "zh")] {
        let chrome = Chrome::start(server.address, language);
        let mut look = |name: &str, path: &str| {
            look_at(&chrome, &axe, &format!("{mark}-{name}"), path, &mut found);
        };
        look("home", "/");
        look("stores", "/stores");
        look("store", "/stores/Lantern%20Books");
        look("book", "/books/hongloumeng");
        look_at_results(&chrome, &mut look);
        look("sign-in", "/sign-in");
        look("register", "/register");
        look("nothing", "/nothing");
        look("cart-empty", "/cart");
        chrome.fill_wrongly();
        look("sign-in-wrong", "");
        sign_in(&chrome, "reader");
        chrome.put_in_cart("/books/hongloumeng");
        chrome.put_in_cart("/books/xiyouji?store=Lantern%20Books");
        look("cart", "/cart");
        look("checkout", "/checkout");
        chrome.click("form[action='/checkout'] aside button");
        chrome.wait_for_element(".wrong");
        look("checkout-wrong", "");
        look("addresses", "/checkout/addresses");
        look("orders", "/orders");
        for state in ["placed", "paid", "sent", "received", "cancelled"] {
            chrome.open(&format!("/orders?state={state}"));
            chrome.click(".order-row a");
            chrome.wait_for_element(&format!(".head-row .state-{state}"));
            look(&format!("order-{state}"), "");
        }
        chrome.open("/orders?state=received");
        chrome.click(".order-row a");
        chrome.click("a[href$='/receipt']");
        chrome.wait_for_element(".receipt");
        look("receipt", "");
        look("account", "/account");
        chrome.open("/checkout");
        for (field, text) in [("#name", "王五"), ("#phone", "1"), ("#text", "北京")] {
            chrome.fill(field, text);
        }
        chrome.click("form[action='/checkout'] aside button");
        chrome.wait_for_element(".result");
        look("placed", "");
        sign_in(&chrome, "seller");
        look("selling", "/selling");
        look("selling-stores", "/selling/stores");
        chrome.click("main form button");
        chrome.wait_for_element(".wrong");
        look("selling-stores-wrong", "");
        let store = "/selling/stores/Lantern%20Books";
        look("selling-shelf", store);
        look("selling-off", &format!("{store}?shelf=off"));
        look("selling-new", &format!("{store}/new"));
        chrome.click("main form button");
        chrome.wait_for_element(".wrong");
        look("selling-new-wrong", "");
        look("selling-book", &format!("{store}/books/xiyouji"));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    server.stop();
}

/// Results with all that they may have, narrowed down, not quite as asked for, and none. The index
/// follows storage, so they are there after a while.
fn look_at_results(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    let all = "/search?q=的";
    chrome.open_until(all, "a[rel=next]");
    assert!(chrome.has(".found mark") && chrome.has(".filters .chips a"));
    look("results", all);
    let narrow = "/search?q=的&tag=小说&stock=1&from=20&to=60&sort=price";
    chrome.open_until(narrow, ".chips [aria-current]");
    assert!(chrome.has(".found > li"));
    look("results-narrow", narrow);
    let relaxed = "/search?q=Pride and Prejudise";
    chrome.open_until(relaxed, ".notice");
    look("results-relaxed", relaxed);
    look("results-none", "/search?q=zzqqzz");
    assert!(chrome.has(".empty"));
}

impl Chrome {
    fn fill_wrongly(&self) {
        self.open("/sign-in");
        self.fill("#user", "somebody");
        self.fill("#password", "wrong");
        self.click("main form button");
        assert!(!self.text_of(".error").is_empty());
    }

    fn put_in_cart(&self, book: &str) {
        self.open(book);
        self.click(".buy button");
        self.wait_for_element("[data-toast]:not(:empty)");
    }
}
