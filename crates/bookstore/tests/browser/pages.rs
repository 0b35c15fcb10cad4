//! Every page, on phones and desks, by day and by night: nothing that axe-core finds wrong, and
//! nothing that sticks out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::chrome::{self, ARROW_DOWN, Chrome, View};
use crate::support::Server;

/// Of the people of the demonstration.
const PASSWORD: &str = "read more books";
/// A reader without orders and without money, whose name is his password.
const NEWCOMER: &str = "newcomer";
/// PNGs of a few pixels, one red and one blue.
const PICTURES: [&str; 2] = [
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAIAAADETxJQAAAAEElEQVR42mOYZqMBQQx4WQDvsAu5j/5TgwAAAABJRU5ErkJggg==",
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAIAAADETxJQAAAAEElEQVR42mPQCGiCIAa8LADmUAu5SyaGigAAAABJRU5ErkJggg==",
];

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

fn sign_in(chrome: &Chrome, user: &str, password: &str) {
    chrome.open("/sign-in");
    chrome.fill("#user", user);
    chrome.fill("#password", password);
    chrome.click("main form button");
    chrome.wait_for_account();
}

impl Chrome {
    fn wait_for_account(&self) {
        assert!(self.text_of("nav.main a[href='/account']").len() > 1);
    }
}

#[test]
fn every_page_is_accessible_and_fits_in_english() {
    look_at_all("en", "en");
}

#[test]
fn every_page_is_accessible_and_fits_in_chinese() {
    look_at_all("zh-CN,zh", "zh");
}

/// Looks at every page in a language, whose pictures' names begin with `mark`.
fn look_at_all(language: &str, mark: &str) {
    if !chrome::is_there() {
        return;
    }
    let Some(axe) = chrome::axe() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    list_thick_book(&server);
    server.client().join(NEWCOMER);
    let chrome = Chrome::start(server.address, language);
    let mut found = Vec::new();
    let mut look = |name: &str, path: &str| {
        look_at(&chrome, &axe, &format!("{mark}-{name}"), path, &mut found);
    };
    look_at_shelves(&chrome, &mut look);
    look_at_doors(&chrome, &mut look);
    look_at_buying(&chrome, &mut look);
    look_at_orders(&chrome, &mut look);
    look_at_newcomer(&chrome, &mut look);
    look_at_selling(&chrome, &mut look);
    assert!(found.is_empty(), "{}", found.join("\n"));
    server.stop();
}

/// Lists a book that says all that a book can say. Three stores have it: one has few copies, one
/// has none, and one tells of it otherwise.
fn list_thick_book(server: &Server) {
    let mut client = server.client();
    let token = client.login("seller", PASSWORD);
    let paragraph = "三百年的兴亡，写在二百九十四卷里。".repeat(40);
    let chapters: Vec<String> = (1..=14).map(|number| format!("卷{number} 周纪")).collect();
    let whole = json!({
        "id": "thick", "title": "资治通鉴：全注全译，附胡三省音注与地图", "price": 128_000,
        "author": "司马光", "translator": "柏杨", "publisher": "中华书局", "pub_year": "1084",
        "original_title": "Comprehensive Mirror to Aid in Government", "pages": 9_612,
        "binding": "精装", "isbn": "9787101081121",
        "book_intro": format!("{paragraph}\n{paragraph}"),
        "author_intro": "北宋史学家。", "content": chapters.join("\n"),
        "tags": ["历史", "宋代", "编年体", "经典", "全注全译"], "pictures": PICTURES,
    });
    let other = json!({"id": "thick", "title": "资治通鉴（选本）", "price": 8_000});
    for (store, info, stock) in [
        ("河畔书屋", &whole, 3),
        ("Lantern Books", &whole, 0),
        ("Old Harbour Second-hand", &other, 20),
    ] {
        let body = json!({
            "user_id": "seller", "store_id": store, "book_info": info, "stock_level": stock,
        });
        client.post("/seller/add_book", &token, &body).ok();
    }
}

fn look_at_shelves(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    look("home", "/");
    look("stores", "/stores");
    look("store", "/stores/Lantern%20Books");
    look("book", "/books/hongloumeng");
    chrome.open("/books/thick?store=河畔书屋");
    chrome.click("[aria-labelledby=contents] summary");
    chrome.wait_for_element("[aria-labelledby=contents] details[open]");
    assert!(chrome.has(".pictures img") && chrome.has("#others") && chrome.has(".buy .few"));
    look("book-thick", "");
    look_at_results(chrome, look);
    chrome.open("/");
    chrome.fill("#q", "红");
    chrome.wait_for_element("#q[aria-expanded=true]");
    chrome.press("#q", ARROW_DOWN);
    look("completions", "");
    assert!(chrome.has("[role=option][aria-selected=true]"));
}

fn look_at_doors(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    look("sign-in", "/sign-in");
    look("register", "/register");
    chrome.fill("#user", "reader");
    chrome.fill("#password", "wrong");
    chrome.click("main form button");
    chrome.wait_for_element("#user-error");
    look("register-wrong", "");
    look("nothing", "/nothing");
    look("cart-empty", "/cart");
    chrome.fill_wrongly();
    look("sign-in-wrong", "");
}

fn look_at_buying(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    sign_in(chrome, "reader", PASSWORD);
    chrome.put_in_cart("/books/hongloumeng");
    chrome.put_in_cart("/books/xiyouji?store=Lantern%20Books");
    look("cart", "/cart");
    look("checkout", "/checkout");
    chrome.click("form[action='/checkout'] aside button");
    chrome.wait_for_element(".wrong");
    look("checkout-wrong", "");
    look("addresses", "/checkout/addresses");
    chrome.check_out();
    look("placed", "");
}

fn look_at_orders(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
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
}

/// What only those see who have nothing yet, or make mistakes.
fn look_at_newcomer(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    sign_in(chrome, NEWCOMER, NEWCOMER);
    look("orders-empty", "/orders");
    assert!(chrome.has(".empty"));
    chrome.put_in_cart("/books/hongloumeng");
    chrome.put_in_cart("/books/xiyouji?store=Lantern%20Books");
    chrome.check_out();
    for (password, css, name) in [
        (NEWCOMER, "main a[href='/account']", "pay-short"),
        ("wrong", "#password-error", "pay-wrong"),
    ] {
        chrome.fill("#password", password);
        chrome.click("form[action='/orders/pay'] button");
        chrome.wait_for_element(css);
        assert_eq!(chrome.at(), "/orders/pay");
        look(name, "");
    }
    chrome.put_in_cart("/books/hongloumeng");
    look("checkout-saved", "/checkout");
    assert!(chrome.has(".choice input:checked"));
    chrome.open("/checkout/addresses");
    chrome.click("main form.narrow button");
    chrome.wait_for_element("#text-error");
    assert!(chrome.has(".address-list"));
    look("addresses-wrong", "");
    chrome.open("/account");
    chrome.click("main details summary");
    chrome.fill("#old", "wrong");
    chrome.fill("#new", "wrong");
    chrome.click("form[action='/account/password'] button");
    chrome.wait_for_element("#old-error");
    // The others stand open as they do when something is wrong in them.
    for _ in 0..2 {
        chrome.click("main details:not([open]) summary");
    }
    assert!(!chrome.has("main details:not([open])"));
    look("account-wrong", "");
}

fn look_at_selling(chrome: &Chrome, look: &mut impl FnMut(&str, &str)) {
    sign_in(chrome, "seller", PASSWORD);
    look("selling", "/selling");
    chrome.click(".sending h2 a");
    chrome.wait_for_element("main a[href='/selling']");
    look("selling-order", "");
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
    chrome.open(&format!("{store}/books/thick"));
    chrome.fill("#price", "much");
    chrome.click("main form[enctype] button");
    chrome.wait_for_element("#price-error");
    assert!(chrome.has(".own-pictures") && chrome.has("details.more[open]"));
    look("selling-book-wrong", "");
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

    /// Orders what is in the cart, to an address that is kept.
    fn check_out(&self) {
        self.open("/checkout");
        for (field, text) in [("#name", "王五"), ("#phone", "1"), ("#text", "北京")] {
            self.fill(field, text);
        }
        self.click("form[action='/checkout'] aside button");
        self.wait_for_element(".result");
    }
}
