//! Sellers' pages: stores, listing books, what they cost, how many there are, and whose they are.

use super::market;
use crate::browser::{Browser, value_of, values_of};
use crate::test_app::{TestApp, password};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand the rest";

async fn seller() -> (TestApp, Browser) {
    let (app, ..) = market().await;
    let mut browser = Browser::new(&app.router);
    browser.sign_in("seller", &password("seller")).await;
    (app, browser)
}

/// A whole form, of which a test changes what it is about.
fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("title", "雪国"),
        ("author", "川端康成"),
        ("publisher", ""),
        ("year", "1948"),
        ("isbn", ""),
        ("tags", "小说、日本"),
        ("introduction", "First.\r\n\r\n<Second>."),
        ("price", "32.5"),
        ("stock", "4"),
    ];
    for (name, value) in changes {
        let mut all = fields.iter_mut();
        match all.find(|(known, _)| known == name && *name != "drop") {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

#[tokio::test]
async fn a_store_is_opened_once() {
    let (_, mut browser) = seller().await;
    let page = browser.get("/selling/stores").await.expect(200);
    page.says("href=\"/selling/stores/s\"");
    for (name, words) in [
        ("", "Please fill this in."),
        ("s", "The book"),
        (&"x".repeat(256), "This is too long."),
        ("a\tb", "These characters are not possible here."),
    ] {
        let shown = browser.send("/selling/stores", &[("name", name)]).await;
        if name == "s" {
            // His own already: he is led to it.
            assert_eq!(shown.path, "/selling/stores/s?done=opened");
        } else {
            shown.expect(422).says(words);
        }
    }
    let fields = [("name", " 山阴 <书屋> ")];
    let shown = browser.send("/selling/stores", &fields).await.expect(200);
    shown.says("Your store is open.");
    shown.says("山阴 &#60;书屋&#62;");
    shown.says("No book is on the shelves.");
    let stores = browser.get("/stores").await.expect(200);
    stores.says("山阴 &#60;书屋&#62;");
}

#[tokio::test]
async fn a_book_is_listed_and_found() {
    let (app, mut browser) = seller().await;
    let page = browser.get("/selling/stores/s/new").await.expect(200);
    let key = value_of(&page.body, "key").unwrap();
    let fields = form(&[("key", &key), ("isbn", "978-7-02-000220-7")]);
    let shown = browser
        .upload("/selling/stores/s/new", &fields, Some(PNG))
        .await
        .expect(200);
    assert_eq!(shown.path, "/selling/stores/s?done=listed");
    shown.says("The book is on your shelves.");
    shown.says("4 copies");
    let mut reader = Browser::new(&app.router);
    let book = reader.get("/books/9787020002207").await.expect(200);
    for words in [
        "雪国",
        "川端康成",
        "¥32.50",
        "only 4 left",
        "<p>&#60;Second&#62;.</p>",
        "日本",
    ] {
        book.says(words);
    }
    book.says("<img class=\"cover\" src=\"/pictures/");
    browser.get("/selling/stores/s/new").await;
    let again = browser
        .upload("/selling/stores/s/new", &fields, Some(PNG))
        .await
        .expect(422);
    again.says("lists a book of this number already");
    again.says("Please choose the pictures again.");
    again.says("value=\"川端康成\"");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_lists_one_book() {
    let (_, mut browser) = seller().await;
    browser.get("/selling/stores/s/new").await;
    for _ in 0..2 {
        let shown = browser
            .upload("/selling/stores/s/new", &form(&[("key", "k")]), None)
            .await
            .expect(200);
        assert_eq!(shown.body.matches(">雪国</a></h2>").count(), 1);
    }
    // Another book, typed over the first one after going back, is another one.
    let other = form(&[("key", "k"), ("title", "千只鹤")]);
    let shown = browser.upload("/selling/stores/s/new", &other, None).await;
    shown.says(">千只鹤</a></h2>");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field() {
    let (_, mut browser) = seller().await;
    browser.get("/selling/stores/s/new").await;
    let (long, tags) = ("x".repeat(301), "x,".repeat(3) + &"y".repeat(256));
    for (name, value, words) in [
        ("title", " ", "Please fill this in."),
        ("title", long.as_str(), "This is too long."),
        ("author", &long, "This is too long."),
        ("isbn", "9787020002208", "This is no ISBN."),
        ("tags", &tags, "This is too long."),
        ("price", "", "Please write an amount"),
        ("original_title", &long, "This is too long."),
        ("translator", &long, "This is too long."),
        ("binding", &long, "This is too long."),
        ("pages", "0", "Please write a whole number."),
        ("pages", "many", "Please write a whole number."),
        ("price", "1.234", "Please write an amount"),
        ("price", "99999999999", "This is more than is possible."),
        ("stock", "-1", "Please write a whole number."),
        ("stock", "many", "Please write a whole number."),
    ] {
        let shown = browser
            .upload("/selling/stores/s/new", &form(&[(name, value)]), None)
            .await
            .expect(422);
        shown.says(words);
        shown.says(&format!("id=\"{name}-error\""));
        shown.says("value=\"1948\"");
        shown.says("&#60;Second&#62;");
    }
    let large = [PNG, &vec![0; 4 << 20]].concat();
    for (file, words) in [
        (&b"text"[..], "Not all of this is JPEG, PNG, WebP or GIF."),
        (&large, "A picture has more than 4 MB."),
    ] {
        let shown = browser
            .upload("/selling/stores/s/new", &form(&[]), Some(file))
            .await;
        shown.expect(422).says(words);
    }
    let huge = vec![0; 16 << 20];
    let shown = browser
        .upload("/selling/stores/s/new", &form(&[]), Some(&huge))
        .await;
    shown.expect(413).says("That is too large");
    let many = [PNG; 21];
    let shown = browser
        .upload_all("/selling/stores/s/new", &form(&[]), &many)
        .await;
    shown.expect(422).says("A book shows at most 20 pictures.");
    // The longest of the longer texts is to blame where all are too much.
    let (much, more) = ("x".repeat(600_000), "y".repeat(500_000));
    let fields = form(&[("contents", &much), ("about_author", &more)]);
    let shown = browser.upload("/selling/stores/s/new", &fields, None).await;
    shown.expect(422).says("id=\"contents-error\"");
    browser.get("/stores/s").await.says_not("雪国");
}

/// Everything that a book may say, as it is shown to readers, and to its seller again.
#[tokio::test]
async fn a_book_says_all_that_was_typed() {
    let (app, mut browser) = seller().await;
    browser.get("/selling/stores/s/new").await;
    let more = [
        ("isbn", "7-02-000220-X"),
        ("original_title", "雪国 (Yukiguni)"),
        ("translator", "高慧勤"),
        ("pages", "148"),
        ("binding", "平装"),
        ("contents", "The <train>\r\nThe inn"),
        ("about_author", "Born in Osaka."),
    ];
    browser
        .upload("/selling/stores/s/new", &form(&more), None)
        .await
        .expect(200);
    let mut reader = Browser::new(&app.router);
    let book = reader.get("/books/702000220X").await.expect(200);
    for words in [
        "<dd>雪国 (Yukiguni)</dd>",
        "高慧勤",
        "<dd>148</dd>",
        "<dd>平装</dd>",
        "<p>The &#60;train&#62;</p><p>The inn</p>",
        "<p>Born in Osaka.</p>",
    ] {
        book.says(words);
    }
    let path = "/selling/stores/s/books/702000220X";
    let page = browser.get(path).await.expect(200);
    page.says("<details class=\"more\" open>");
    for (name, value) in &more[1..5] {
        page.says(&format!("name=\"{name}\" value=\"{value}\""));
    }
    page.says("\nThe &#60;train&#62;\nThe inn</textarea>");
    // What is cleared is gone.
    browser.upload(path, &form(&[]), None).await.expect(200);
    let book = reader.get("/books/702000220X").await.expect(200);
    book.says_not("高慧勤");
    book.says_not("148");
    let page = browser.get(path).await.expect(200);
    page.says("<details class=\"more\">");
}

/// A picture of our own, told apart by its last letter.
fn picture(letter: u8) -> Vec<u8> {
    [PNG, &[letter]].concat()
}

#[tokio::test]
async fn pictures_are_added_ordered_and_taken_away() {
    let (app, mut browser) = seller().await;
    let path = "/selling/stores/s/books/b1";
    let mut reader = Browser::new(&app.router);
    let (a, b, c) = (picture(b'a'), picture(b'b'), picture(b'c'));
    browser.get(path).await.expect(200);
    let shown = browser.upload_all(path, &form(&[]), &[&a, &b]).await;
    let first_two = values_of(&shown.body, "drop");
    assert_eq!(first_two.len(), 2);
    let (of_a, of_b) = (first_two[0].as_str(), first_two[1].as_str());
    let cover = |hash: &str| format!("<img class=\"cover\" src=\"/pictures/{hash}\"");
    let book = reader.get("/books/b1").await.expect(200);
    book.says(&cover(of_a));
    book.says(&format!("<a href=\"/pictures/{of_b}\""));
    // Another is the cover, and one is added.
    let fields = form(&[("first", of_b)]);
    let shown = browser.upload_all(path, &fields, &[&c]).await.expect(200);
    let hashes = values_of(&shown.body, "drop");
    assert_eq!(hashes[..2], [of_b, of_a]);
    let of_c = hashes[2].as_str();
    reader.get("/books/b1").await.says(&cover(of_b));
    // What was chosen stays chosen where something is wrong.
    let fields = form(&[("title", ""), ("first", of_a), ("drop", of_b)]);
    let wrong = browser.upload(path, &fields, None).await.expect(422);
    wrong.says(&format!("name=\"drop\" value=\"{of_b}\" checked"));
    wrong.says(&format!("name=\"first\" value=\"{of_a}\" checked"));
    // Two go, and a new one comes first.
    let fields = form(&[("first", "new"), ("drop", of_b), ("drop", of_a)]);
    let shown = browser.upload_all(path, &fields, &[&a]).await.expect(200);
    assert_eq!(values_of(&shown.body, "drop"), [of_a, of_c]);
    let book = reader.get("/books/b1").await.expect(200);
    book.says(&cover(of_a));
    book.says_not(of_b);
    let many = [&a[..]; 19];
    let shown = browser.upload_all(path, &form(&[]), &many).await;
    shown.expect(422).says("A book shows at most 20 pictures.");
}

#[tokio::test]
async fn a_listing_is_changed() {
    let (app, mut browser) = seller().await;
    let path = "/selling/stores/s/books/b1";
    let page = browser.get(path).await.expect(200);
    page.says("value=\"Book 1\"");
    page.says("value=\"1.00\"");
    page.says("10 copies");
    let changes = [("title", "Book <one>"), ("price", "¥12")];
    let shown = browser
        .upload(path, &form(&changes), Some(PNG))
        .await
        .expect(200);
    assert_eq!(shown.path, format!("{path}?done=saved"));
    shown.says("Saved.");
    shown.says("value=\"12.00\"");
    shown.says("src=\"/pictures/");
    let wrong = browser
        .upload(path, &form(&[("title", ""), ("year", "x")]), None)
        .await
        .expect(422);
    wrong.says("value=\"x\"");
    let mut reader = Browser::new(&app.router);
    let book = reader.get("/books/b1").await.expect(200);
    book.says("Book &#60;one&#62;");
    book.says("¥12.00");
    book.says("<img class=\"cover\"");
    // A change without a picture keeps the one that is there.
    browser.get(path).await;
    browser
        .upload(path, &form(&changes), None)
        .await
        .expect(200);
    reader.get("/books/b1").await.says("<img class=\"cover\"");
}

#[tokio::test]
async fn stock_is_added_once_a_form() {
    let (_, mut browser) = seller().await;
    let path = "/selling/stores/s/books/b1";
    let stock = format!("{path}/stock");
    let page = browser.get(path).await.expect(200);
    let key = value_of(&page.body, "key").unwrap();
    let fields = [("key", key.as_str()), ("change", "5")];
    for _ in 0..2 {
        let shown = browser.send(&stock, &fields).await.expect(200);
        shown.says("The stock is as it should be.");
        shown.says("15 copies");
    }
    let other = [("key", key.as_str()), ("change", "6")];
    let shown = browser.send(&stock, &other).await.expect(422);
    shown.says("This page was sent before.");
    for (change, words) in [
        ("", "Please write a whole number."),
        ("0", "Please write a whole number."),
        ("1.5", "Please write a whole number."),
        ("9999999999", "Please write a whole number."),
        ("-16", "There are fewer copies than that."),
        ("1000000000", "This is more than is possible."),
    ] {
        let shown = browser.send(&stock, &[("change", change)]).await;
        let shown = shown.expect(422);
        shown.says(words);
        shown.says(&format!("value=\"{change}\""));
    }
    let shown = browser.send(&stock, &[("change", "−15")]).await.expect(200);
    shown.says("sold out");
}

#[tokio::test]
async fn a_listing_leaves_the_shelves_and_comes_back() {
    let (app, mut browser) = seller().await;
    let mut reader = Browser::new(&app.router);
    let path = "/selling/stores/s/books/b1";
    let shelf = format!("{path}/shelf");
    browser.get(path).await.expect(200);
    let off = browser.send(&shelf, &[("on", "0")]).await.expect(200);
    off.says("The book is off the shelves.");
    off.says("Put it back on the shelves");
    reader.get("/books/b1").await.expect(404);
    browser.get("/selling/stores/s").await.says_not(path);
    let hidden = browser.get("/selling/stores/s?shelf=off").await;
    hidden.says(path);
    let on = browser.send(&shelf, &[("on", "1")]).await.expect(200);
    on.says("The book is back on the shelves.");
    reader.get("/books/b1").await.expect(200);
    browser.send(&shelf, &[("on", "x")]).await.expect(400);
    let hidden = browser.get("/selling/stores/s?shelf=off").await;
    hidden.says("No book is off the shelves.");
}

#[tokio::test]
async fn a_long_shelf_is_walked_page_by_page() {
    let (_, mut browser) = seller().await;
    browser.get("/selling/stores/s/new").await;
    for number in 0..50 {
        let title = format!("Number {number}");
        let fields = form(&[("title", &title)]);
        let shown = browser.upload("/selling/stores/s/new", &fields, None).await;
        shown.expect(200);
    }
    let first = browser.get("/selling/stores/s").await.expect(200);
    first.says(">Number 49<");
    first.says_not(">Book 1<");
    let start = first.body.find("/selling/stores/s?after=").unwrap();
    let more = first.body[start..].split('"').next().unwrap();
    let second = browser.get(&more.replace("&#38;", "&")).await.expect(200);
    second.says(">Book 1<");
    second.says_not(">Number 49<");
}

#[tokio::test]
async fn others_stores_are_not_there() {
    let (app, ..) = market().await;
    app.user("stranger").await;
    let mut browser = Browser::new(&app.router);
    let pages = [
        "/selling/stores/s",
        "/selling/stores/s/new",
        "/selling/stores/s/books/b1",
    ];
    for page in pages {
        let shown = browser.get(page).await.expect(200);
        assert!(shown.path.starts_with("/sign-in?back="), "{}", shown.path);
    }
    browser.sign_in("stranger", &password("stranger")).await;
    for page in pages {
        browser.get(page).await.expect(404);
    }
    browser
        .get("/selling/stores")
        .await
        .says("You have no store yet.");
    for page in ["/selling/stores/s/new", "/selling/stores/s/books/b1"] {
        browser.upload(page, &form(&[]), None).await.expect(404);
    }
    let book = "/selling/stores/s/books/b1";
    for (verb, name) in [("stock", "change"), ("shelf", "on")] {
        let path = format!("{book}/{verb}");
        browser.send(&path, &[(name, "1")]).await.expect(404);
    }
    let taken = browser.send("/selling/stores", &[("name", "s")]).await;
    taken.expect(422).says("A store has this name already");
    let (_, mut seller) = seller().await;
    for path in [
        "/selling/stores/none",
        "/selling/stores/s/books/none",
        "/selling/stores/none/books/b1",
    ] {
        seller.get(path).await.expect(404);
    }
}

#[tokio::test]
async fn a_form_with_a_file_is_taken_from_our_own_pages_alone() {
    let (app, mut browser) = seller().await;
    let path = "/selling/stores/s/new";
    browser.get(path).await;
    let token = std::mem::take(&mut browser.token);
    browser.upload(path, &form(&[]), None).await.expect(403);
    browser.token = token;
    // Forms of the other kind, and broken ones.
    browser.send(path, &form(&[])).await.expect(400);
    browser.upload_raw(path, b"--x\r\n", "x").await.expect(400);
    let mut nobody = Browser::new(&app.router);
    nobody.get("/").await;
    let shown = nobody.upload(path, &form(&[]), None).await;
    assert!(shown.path.starts_with("/sign-in"), "{}", shown.path);
}
