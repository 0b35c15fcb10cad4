//! Search over the reference engine: `/buyer/search`, its JSON reads, and the shop's pages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::{App, Settings};
use insta::assert_snapshot;
use search::Search;
use serde_json::{Value, json};
use storage::model::{ManualClock, ModelStorage};

use crate::api::get;
use crate::browser::Browser;
use crate::test_app::{Reply, TestApp};

/// How long something may take to become visible before the test counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The shortest bytes that count as a GIF, in base64.
const PICTURE: &str = "R0lGODlh";

pub struct Shop {
    pub app: TestApp,
    token: String,
    pub search: Arc<Search>,
    _folder: tempfile::TempDir,
}

impl Shop {
    pub async fn open() -> Self {
        let clock = Arc::new(ManualClock::default());
        let storage = Arc::new(ModelStorage::new(clock.clone()));
        let folder = tempfile::tempdir().unwrap();
        let settings = search::Settings::new(folder.path().to_owned());
        let search = Arc::new(Search::start(storage.clone(), settings).unwrap());
        search.ready().await;
        let app = App::new(storage, clock.clone(), Settings::default());
        let app = app.await.unwrap().with_search(search.clone());
        let app = TestApp::of(app, clock, web::Setup::default());
        let token = app.user("seller").await;
        Self {
            app,
            token,
            search,
            _folder: folder,
        }
    }

    /// A shop whose store `s` lists three books, all visible.
    pub async fn filled() -> Self {
        let shop = Self::open().await;
        shop.store("s").await;
        for (id, title, tag, price) in [
            ("hlm", "红楼梦", "小说", 3_000),
            ("mysql", "MySQL 从入门到精通", "数据库", 9_900),
            ("slow", "Slow Reading", "essays", 100),
        ] {
            let info = json!({
                "id": id, "title": title, "price": price, "tags": [tag], "author": "曹雪芹",
                "book_intro": format!("about {id}"), "pictures": [PICTURE],
            });
            shop.add("s", info, 10).await;
        }
        shop.wait_for("曹雪芹", 3).await;
        shop
    }

    async fn store(&self, store: &str) {
        let body = json!({"user_id": "seller", "store_id": store});
        let opened = self.app.post("/seller/create_store", body);
        opened.token(&self.token).await.expect_ok();
    }

    async fn add(&self, store: &str, info: Value, stock: i64) {
        let body = json!({
            "user_id": "seller", "store_id": store, "book_info": info, "stock_level": stock,
        });
        let added = self.app.post("/seller/add_book", body);
        added.token(&self.token).await.expect_ok();
    }

    /// Has somebody order copies of a book.
    async fn sell(&self, book: &str, count: i64) {
        let buyer = self.app.user("buyer").await;
        let body = json!({
            "user_id": "buyer", "store_id": "s", "books": [{"id": book, "count": count}],
        });
        let ordered = self.app.post("/buyer/new_order", body);
        ordered.token(&buyer).await.expect_ok();
    }

    pub async fn ask(&self, body: Value) -> Reply {
        self.app.post("/buyer/search", body).await
    }

    pub async fn find(&self, body: Value) -> Value {
        self.ask(body).await.expect_ok().json()
    }

    /// The ids of the books found.
    async fn ids(&self, body: Value) -> Vec<String> {
        let found = self.find(body).await;
        let books = found["books"].as_array().unwrap().iter();
        books
            .map(|book| book["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Asks until that many books are found.
    async fn wait_for(&self, keyword: &str, total: u64) {
        self.wait_until(json!({"keyword": keyword}), |found| found["total"] == total)
            .await;
    }

    async fn wait_until(&self, body: Value, is_there: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let found = self.find(body.clone()).await;
            if is_there(&found) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it never came: {found}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_book_is_found_with_its_fields_cover_and_offers() {
    let shop = Shop::filled().await;
    let found = shop
        .ask(json!({"keyword": "红楼梦", "highlight": true}))
        .await;
    let found = found.expect_ok();
    let cover = found.json()["books"][0]["cover"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = found.body.replace(&cover, "[cover]");
    assert_snapshot!(body, @r#"{"message":"ok","books":[{"id":"hlm","title":"红楼梦","author":"曹雪芹","book_intro":"about hlm","tags":["小说"],"cover":"[cover]","offers":[{"store_id":"s","price":3000,"stock_level":10}],"offer_count":1,"highlight":{"title":["","红楼梦",""]}}],"total":1,"page":1,"per_page":10}"#);
    let picture = Browser::new(&shop.app.router).get(&cover).await;
    assert_eq!(picture.headers["content-type"], "image/gif");
    shop.search.stop().await;
}

#[tokio::test]
async fn the_answer_says_how_a_search_was_made_easier() {
    let shop = Shop::filled().await;
    for (keyword, step) in [
        ("红楼梦", Value::Null),
        ("曹雪芹红楼梦", json!("words")),
        ("红楼梦外", json!("half_of_pairs")),
        ("红搂梦", json!("one_typo")),
    ] {
        let found = shop.find(json!({"keyword": keyword})).await;
        assert_eq!(found["books"][0]["id"], "hlm", "{keyword}: {found}");
        assert_eq!(found["relaxed"], step, "{keyword}: {found}");
    }
    let nothing = shop.find(json!({"keyword": "龘龘龘"})).await;
    assert_eq!(
        (&nothing["total"], &nothing["relaxed"]),
        (&json!(0), &Value::Null)
    );
    shop.search.stop().await;
}

#[tokio::test]
async fn scopes_stores_and_filters_narrow_a_search() {
    let shop = Shop::filled().await;
    shop.store("t").await;
    shop.add(
        "t",
        json!({"id": "other", "title": "红楼梦", "price": 500}),
        0,
    )
    .await;
    shop.wait_for("红楼梦", 2).await;
    let none: [&str; 0] = [];
    for (body, ids) in [
        (
            json!({"keyword": "红楼梦", "store_id": "t"}),
            &["other"][..],
        ),
        (json!({"keyword": "红楼梦", "store_id": "nowhere"}), &none),
        (json!({"keyword": "红楼梦", "page": 50}), &none),
        (json!({"keyword": "小说", "scope": "tags"}), &["hlm"]),
        (
            json!({"keyword": "about", "scope": ["title", "tags"]}),
            &none,
        ),
        (
            json!({"keyword": "about mysql", "scope": ["title", "book_intro"]}),
            &["mysql"],
        ),
        (json!({"keyword": "红楼梦", "in_stock": true}), &["hlm"]),
        (
            json!({"keyword": "", "sort": "price"}),
            &["slow", "other", "hlm", "mysql"],
        ),
        (
            json!({"keyword": "", "sort": "price_down"}),
            &["mysql", "hlm", "other", "slow"],
        ),
        (
            json!({"keyword": "", "sort": "price", "per_page": 2, "page": 2}),
            &["hlm", "mysql"],
        ),
        (
            json!({"keyword": "", "min_price": 3000, "max_price": 5000}),
            &["hlm"],
        ),
        (
            json!({"keyword": "", "min_price": 5000, "max_price": 3000}),
            &none,
        ),
        (json!({"keyword": "", "tags": ["essays"]}), &["slow"]),
        (json!({"keyword": "", "tags": ["no such tag"]}), &none),
    ] {
        assert_eq!(shop.ids(body.clone()).await, ids, "{body}");
    }
    shop.search.stop().await;
}

#[tokio::test]
async fn facets_count_what_was_found_and_tell_the_twenty_commonest() {
    let shop = Shop::open().await;
    // The tag `t0` on 25 books, `t1` on 24, and so on; a publisher and a store for each tag.
    for number in 0..25 {
        let store = format!("s{number:02}");
        shop.store(&store).await;
        let tags: Vec<String> = (0..=number).map(|tag| format!("t{tag:02}")).collect();
        let info = json!({
            "id": format!("b{number}"), "title": "计数", "tags": tags,
            "publisher": format!("p{number:02}"), "price": 1_000 + 1_000 * number,
        });
        shop.add(&store, info, 1).await;
    }
    shop.add(
        "s00",
        json!({"id": "other", "title": "别的", "price": 1, "tags": ["t24"]}),
        1,
    )
    .await;
    let body = json!({"keyword": "计数", "facets": true, "per_page": 1});
    shop.wait_for("计数", 25).await;
    shop.wait_for("别的", 1).await;
    let facets = &shop.find(body).await["facets"];
    let commonest: Vec<Value> = (0..20)
        .map(|tag| json!({"name": format!("t{tag:02}"), "count": 25 - tag}))
        .collect();
    assert_eq!(facets["tags"], json!(commonest));
    for (kind, letter) in [("publishers", 'p'), ("stores", 's')] {
        let named = facets[kind].as_array().unwrap();
        assert_eq!(named.len(), 20, "{kind}");
        for one in named {
            assert_eq!(one["count"], 1, "{kind}");
            assert!(one["name"].as_str().unwrap().starts_with(letter), "{kind}");
        }
    }
    assert_eq!(
        facets["prices"],
        json!([
            {"from": 0, "below": 2_000, "count": 1},
            {"from": 2_000, "below": 5_000, "count": 3},
            {"from": 5_000, "below": 10_000, "count": 5},
            {"from": 10_000, "below": 20_000, "count": 10},
            {"from": 20_000, "below": 50_000, "count": 6},
            {"from": 50_000, "count": 0},
        ])
    );
    let without = shop.find(json!({"keyword": "计数"})).await;
    assert!(without["facets"].is_null());
    let of_store = shop
        .find(json!({"keyword": "计数", "facets": true, "store_id": "s03"}))
        .await;
    let stores = &of_store["facets"]["stores"];
    assert_eq!(*stores, json!([{"name": "s03", "count": 1}]));
    shop.search.stop().await;
}

#[tokio::test]
async fn offers_come_in_stock_and_cheap_first_and_are_at_most_twenty() {
    let shop = Shop::open().await;
    for number in 0..25 {
        let store = format!("s{number}");
        shop.store(&store).await;
        let info = json!({"id": "b", "title": "同一本书", "price": 1_000 - number});
        shop.add(&store, info, i64::from(number % 2 == 0)).await;
    }
    let body = json!({"keyword": "同一本书"});
    shop.wait_until(body.clone(), |found| found["books"][0]["offer_count"] == 25)
        .await;
    let found = shop.find(body).await;
    assert_eq!(found["total"], 1);
    let offers = found["books"][0]["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 20);
    let key = |offer: &Value| (offer["stock_level"] == 0, offer["price"].as_i64().unwrap());
    let keys: Vec<_> = offers.iter().map(key).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(keys[0], (false, 976));
    let one = shop
        .find(json!({"keyword": "同一本书", "store_id": "s3"}))
        .await;
    assert_eq!(
        one["books"][0]["offers"],
        json!([{"store_id": "s3", "price": 997, "stock_level": 0}])
    );
    assert_eq!(one["books"][0]["offer_count"], 1);
    // A page shows the best of them as it is now, and how many there are.
    shop.search.stop().await;
    let mut browser = Browser::new(&shop.app.router);
    let page = "/search?q=%E5%90%8C%E4%B8%80%E6%9C%AC%E4%B9%A6";
    let shown = browser.get(page).await.expect(200);
    shown.says("¥9.76");
    shown.says("25 stores");
    let body = json!({
        "user_id": "seller", "store_id": "s24", "book_id": "b", "book_info": {"price": 5_000},
    });
    let changing = shop.app.post("/seller/update_book", body);
    changing.token(&shop.token).await.expect_ok();
    let shown = browser.get(page).await.expect(200);
    shown.says("¥9.78");
    shown.says("25 stores");
}

#[tokio::test]
async fn a_sale_shows_at_once_though_nothing_is_indexed_any_more() {
    let shop = Shop::filled().await;
    shop.search.stop().await;
    shop.sell("hlm", 3).await;
    let found = shop.find(json!({"keyword": "红楼梦"})).await;
    assert_eq!(found["books"][0]["offers"][0]["stock_level"], 7);
}

#[tokio::test]
async fn what_leaves_the_shelves_is_found_no_more() {
    let shop = Shop::filled().await;
    let body = json!({"user_id": "seller", "store_id": "s", "book_id": "hlm", "book_info": {}, "listed": false});
    shop.app
        .post("/seller/update_book", body)
        .token(&shop.token)
        .await
        .expect_ok();
    shop.wait_for("红楼梦", 0).await;
    shop.search.stop().await;
}

#[tokio::test]
async fn reads_say_the_same() {
    let shop = Shop::filled().await;
    let path = "/books?q=%E7%BA%A2%E6%A5%BC%E6%A2%A6&store=s&scope=title&in_stock=true&sort=price&highlight=true";
    let read = get(&shop.app, path, &[]).await;
    assert_eq!(read.json()["books"][0]["id"], "hlm");
    assert_eq!(read.json()["total"], 1);
    let suggested = get(&shop.app, "/suggest?q=%E7%BA%A2", &[]).await;
    assert_snapshot!(suggested.body, @r#"{"suggestions":[{"text":"红楼梦","kind":"title"}]}"#);
    assert_eq!(
        get(&shop.app, "/suggest", &[]).await.json(),
        json!({"suggestions": []})
    );
    shop.search.stop().await;
}

#[tokio::test]
async fn results_are_walked_page_by_page() {
    let shop = Shop::filled().await;
    let all = get(&shop.app, "/books?q=&limit=100", &[]).await.json();
    let ids = |page: &Value| -> Vec<String> {
        let books = page["books"].as_array().unwrap().iter();
        books.map(|book| book["id"].to_string()).collect()
    };
    assert_eq!(all["next"], Value::Null);
    let (mut walked, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&shop.app, &format!("/books?q=&limit=1{after}"), &[]).await;
        walked.extend(ids(&page.json()));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else {
            break;
        };
        after = format!("&after={next}");
    }
    assert!(walked.len() > 2);
    assert_eq!(walked, ids(&all));
    // Another search has other places.
    for path in [
        "/books?q=x&limit=1",
        "/books?q=&limit=2",
        "/books?q=&limit=1&in_stock=true",
    ] {
        let refused = get(&shop.app, &format!("{path}{after}"), &[]).await;
        assert_eq!(refused.status, 400, "{path}");
    }
    shop.search.stop().await;
}

#[tokio::test]
async fn reads_may_be_kept_while_they_stay_the_same() {
    let shop = Shop::filled().await;
    let books = "/books?q=%E7%BA%A2%E6%A5%BC%E6%A2%A6&facets=true";
    let suggestions = "/suggest?q=%E7%BA%A2";
    let mut tags = Vec::new();
    for path in [books, suggestions] {
        let read = get(&shop.app, path, &[]).await;
        assert_eq!(read.headers["cache-control"], "no-cache", "{path}");
        let tag = read.headers["etag"].to_str().unwrap().to_owned();
        let again = get(&shop.app, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.headers["cache-control"], "no-cache", "{path}");
        assert_eq!(again.headers["etag"], tag, "{path}");
        let other = get(&shop.app, path, &[("if-none-match", "\"x\"")]).await;
        assert_eq!(other.body, read.body, "{path}");
        tags.push(tag);
    }
    // A sale changes what one of them says, though it writes no index.
    shop.sell("hlm", 3).await;
    let changed = get(&shop.app, books, &[("if-none-match", &tags[0])]).await;
    assert_eq!(changed.json()["books"][0]["offers"][0]["stock_level"], 7);
    let same = get(&shop.app, suggestions, &[("if-none-match", &tags[1])]).await;
    assert_eq!(same.status, 304);
    shop.search.stop().await;
}

#[tokio::test]
async fn the_shop_searches_and_completes() {
    let shop = Shop::filled().await;
    let mut browser = Browser::new(&shop.app.router);
    browser.get("/").await.expect(200).says("type=\"search\"");
    let shown = browser
        .get("/search?q=%E6%A5%BC%E6%A2%A6")
        .await
        .expect(200);
    shown.says("红<mark>楼梦</mark>");
    let shown = browser
        .get("/search?q=mysql&tag=%E5%B0%8F%E8%AF%B4")
        .await
        .expect(200);
    shown.says_not("/books/mysql");
    browser
        .get("/search?q=")
        .await
        .expect(200)
        .says("Slow Reading");
    let completed = browser.get("/suggest?q=slow").await.expect(200);
    assert_eq!(completed.body, r#"["Slow Reading"]"#);
    shop.search.stop().await;
}

#[tokio::test]
async fn a_server_is_ready_once_its_search_is() {
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(ModelStorage::new(clock.clone()));
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let settings = search::Settings::new(folder.path().to_owned());
        Arc::new(Search::start(storage.clone(), settings).unwrap())
    };
    // One has the index's folder; the other waits for it as long as it may.
    let first = start();
    first.ready().await;
    let second = start();
    let app = App::new(storage.clone(), clock.clone(), Settings::default());
    let app = app.await.unwrap().with_search(second.clone());
    let app = TestApp::of(app, clock, web::Setup::default());
    let mut browser = Browser::new(&app.router);
    for path in ["/readyz", "/api/v1/books?q=x", "/api/v1/suggest?q=x"] {
        let told = browser.get(path).await.expect(503);
        told.says("search is not ready");
        assert_eq!(told.headers["retry-after"], "1", "{path}");
    }
    // It is alive all the same, and whoever wants no search is served.
    browser.get("/healthz").await.expect(200);
    app.user("somebody").await;
    first.stop().await;
    tokio::time::timeout(PATIENCE, second.ready())
        .await
        .unwrap();
    browser.get("/readyz").await.expect(200);
    let found = app.post("/buyer/search", json!({"keyword": "x"})).await;
    assert_eq!(found.expect_ok().json()["total"], 0);
    second.stop().await;
}

#[tokio::test]
async fn without_a_search_one_is_told_to_come_again() {
    let app = TestApp::new().await;
    let reply = app.post("/buyer/search", json!({"keyword": "x"})).await;
    assert_snapshot!(reply, @r#"503 {"message":"search is not ready: its index is still being filled"}"#);
    assert_eq!(reply.headers["retry-after"], "1");
}
