//! The results page over a catalogue of one book, and what else hangs on how the web is set up.

use std::sync::{Arc, Mutex};

use app::catalogue::{Answering, Catalogue, CatalogueQuery, Found, FoundBook, Piece, Sort};
use app::{App, Settings};
use axum::body::Body;
use axum::http::Request;
use domain::book::BookFields;
use domain::{BookId, BookText, Fen, Price, StoreId};
use storage::model::{ManualClock, ModelStorage};

use crate::browser::Browser;
use crate::test_app::{TestApp, password};

/// Finds the same book whatever is looked for, and remembers the question.
#[derive(Default)]
struct OneBook(Mutex<Option<CatalogueQuery>>);

impl Catalogue for OneBook {
    fn search(&self, query: CatalogueQuery) -> Answering<'_, Found> {
        let piece = |text: &str, is_match| Piece {
            text: text.to_owned(),
            is_match,
        };
        let fields = BookFields {
            title: "Slow <Reading>".to_owned(),
            ..BookFields::default()
        };
        let found = Found {
            books: vec![FoundBook {
                id: BookId::new("slow").unwrap(),
                store: StoreId::new("s").unwrap(),
                text: Arc::new(BookText::new(fields).unwrap()),
                price: Price::new(4_500).unwrap(),
                is_in_stock: false,
                offer_count: 3,
                cover: None,
                title: vec![piece("Slow ", false), piece("<Reading>", true)],
                snippet: vec![piece("on ", false), piece("reading", true)],
            }],
            total: 41,
            tags: vec![("essays".to_owned(), 7)],
            stores: vec![(StoreId::new("s").unwrap(), 5)],
            is_relaxed: query.text == "sloow",
        };
        *self.0.lock().unwrap() = Some(query);
        Box::pin(async { Ok(found) })
    }
}

async fn shop(setup: web::Setup) -> (TestApp, Arc<OneBook>) {
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(ModelStorage::new(clock.clone()));
    let app = App::new(storage, clock.clone(), Settings::default())
        .await
        .unwrap();
    let catalogue = Arc::new(OneBook::default());
    let app = app.with_catalogue(catalogue.clone());
    (TestApp::of(app, clock, setup), catalogue)
}

#[tokio::test]
async fn results_show_what_matches_and_ways_on() {
    let (app, catalogue) = shop(web::Setup::default()).await;
    let mut browser = Browser::new(&app.router);
    browser.get("/").await.expect(200).says("type=\"search\"");
    let path =
        "/search?q=+%3Cslow%3E+&store=s&tag=essays&stock=1&from=1.5&to=x&sort=price-down&page=2";
    let shown = browser.get(path).await.expect(200);
    shown.says("Slow <mark>&#60;Reading&#62;</mark>");
    shown.says("on <mark>reading</mark>");
    shown.says("41 books");
    shown.says("3 stores");
    shown.says("sold out");
    shown.says("&#60;slow&#62;");
    shown.says_not("<slow>");
    shown.says("sort=price-down&#38;page=3");
    // What is no price stays as it was typed, with what is wrong about it.
    shown.says("name=\"to\" value=\"x\"");
    shown.says("Please write an amount");
    shown.says_not("come close");
    let asked = catalogue.0.lock().unwrap().clone().unwrap();
    let wanted = CatalogueQuery {
        text: "<slow>".to_owned(),
        store: Some(StoreId::new("s").unwrap()),
        tag: Some("essays".to_owned()),
        is_in_stock: true,
        price_min: Some(Fen::new(150)),
        price_max: None,
        sort: Sort::PriceDown,
        offset: 20,
        limit: 20,
    };
    assert_eq!(asked, wanted);
    browser
        .get("/search?q=sloow")
        .await
        .expect(200)
        .says("These come close.");
    // A store leads to its own books, and back from them.
    shown.says("<a href=\"/search?q=%3Cslow%3E&#38;tag=essays&#38;stock=1&#38;from=1.5&#38;to=x&#38;sort=price-down\" aria-current=\"true\">s <span class=\"muted\">41<");
    let all = browser.get("/search?q=x").await.expect(200);
    all.says("<a href=\"/search?q=x&#38;store=s\">s <span class=\"muted\">5<");
    all.says("<a href=\"/search?q=x&#38;tag=essays\">essays <span class=\"muted\">7<");
    let last = browser.get("/search?q=x&page=3").await.expect(200);
    last.says_not("rel=\"next\"");
    last.says("rel=\"prev\"");
    browser
        .get("/search?q=x&page=99999999999&sort=y")
        .await
        .expect(200);
    let reversed = browser.get("/search?q=x&from=20&to=10").await.expect(200);
    reversed.says("The first price is above the second.");
    let long = "x".repeat(10_000);
    browser.get(&format!("/search?q={long}")).await.expect(200);
}

#[tokio::test]
async fn behind_a_proxy_its_word_counts() {
    let setup = web::Setup {
        is_behind_proxy: true,
        ..web::Setup::default()
    };
    let (app, _) = shop(setup).await;
    app.user("u").await;
    let secure = async |app: &TestApp, protocol: &str| {
        let mut browser = Browser::new(&app.router);
        let request = Request::get("/")
            .header("x-forwarded-proto", protocol)
            .body(Body::empty())
            .unwrap();
        let shown = browser.ask("/".to_owned(), request).await;
        let cookie = shown.headers["set-cookie"].to_str().unwrap().to_owned();
        cookie.ends_with("; Secure")
    };
    assert!(secure(&app, "https").await);
    assert!(!secure(&app, "http").await);

    // Ten guesses from one client leave another one alone, though both come through the proxy.
    let secret = password("u");
    let mut browser = Browser::new(&app.router);
    browser.get("/sign-in").await;
    let token = browser.token.clone();
    let mut guess = async |from: &str, password: &str| {
        let fields = [
            ("form_token", token.as_str()),
            ("user", "u"),
            ("password", password),
        ];
        let headers = [("x-forwarded-for", from), ("sec-fetch-site", "same-origin")];
        browser.send_raw("/sign-in", &fields, &headers).await.status
    };
    for _ in 0..10 {
        assert_eq!(guess("198.51.100.1", "wrong").await, 422);
    }
    assert_eq!(guess("203.0.113.9, 198.51.100.1", &secret).await, 429);
    assert_eq!(guess("198.51.100.2", &secret).await, 200);

    let (app, _) = shop(web::Setup::default()).await;
    assert!(
        !secure(&app, "https").await,
        "without a proxy nobody's word counts"
    );
}

#[tokio::test]
async fn the_sign_in_page_of_a_demonstration_introduces_its_people() {
    let setup = web::Setup {
        demo: Some(web::Demo {
            buyer: "a reader".to_owned(),
            seller: "a seller".to_owned(),
            password: "no secret".to_owned(),
        }),
        ..web::Setup::default()
    };
    let (app, _) = shop(setup).await;
    let mut browser = Browser::new(&app.router);
    let shown = browser.get("/sign-in").await.expect(200);
    for words in ["a reader", "a seller", "no secret", "no money is real"] {
        shown.says(words);
    }
}
