//! Following a shop: what changes becomes visible, each book once, and nothing is written in vain.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use domain::StoreId;
use search::{Query, Search};

use crate::searching::{find, ids, start, until};
use crate::support::{New, Shop, picture, titled};
use crate::troubled::Troubled;

async fn until_found(search: &Search, keyword: &str, books: &[&str]) {
    let query = Query::new(keyword);
    until(search, &query, |hits| {
        let mut found = ids(hits);
        found.sort();
        hits.relaxed.is_none() && found == books || books.is_empty() && hits.total == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_becomes_visible() {
    let shop = Shop::new();
    shop.open_store("east").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.search(&Query::new("")).unwrap().total, 0);
    shop.add_titled("east", "a", "山海经").await;
    until_found(&search, "山海", &["a"]).await;
    shop.add_titled("east", "b", "山海图").await;
    until_found(&search, "山海", &["a", "b"]).await;
    shop.retitle("east", "a", "水经注").await;
    until_found(&search, "山海", &["b"]).await;
    until_found(&search, "水经", &["a"]).await;
    shop.update("east", "b", |update| update.is_listed = Some(false))
        .await;
    until_found(&search, "山海", &[]).await;
    shop.update("east", "b", |update| update.is_listed = Some(true))
        .await;
    until_found(&search, "山海", &["b"]).await;
    search.stop().await;
    // What was seen is still answered.
    assert_eq!(find(&search, "水经"), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_stock_and_pictures_change_without_the_index() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.open_store("west").await;
    shop.add_titled("east", "a", "山海经").await;
    shop.add_titled("west", "a", "山海经").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let commits = commits(folder.path());
    let first_offer = |name: &'static str| {
        let search = &search;
        async move {
            until(search, &Query::new("山海"), |hits| {
                hits.books[0].offers[0].store.as_str() == name
            })
            .await
        }
    };
    shop.update("west", "a", |update| {
        update.price = domain::Price::new(1).ok()
    })
    .await;
    first_offer("west").await;
    shop.add_stock("west", "a", -1).await;
    first_offer("east").await;
    shop.add_stock("west", "a", 5).await;
    first_offer("west").await;
    let cover = picture("cover");
    let pictures = Some(vec![cover.clone()]);
    shop.update("west", "a", |update| update.pictures = pictures)
        .await;
    until(&search, &Query::new("山海"), |hits| {
        hits.books[0].cover == Some(cover.hash())
    })
    .await;
    assert_eq!(self::commits(folder.path()), commits);
    search.stop().await;
}

/// Which commit the index is at.
fn commits(folder: &Path) -> u64 {
    let meta = std::fs::read_to_string(folder.join("1/meta.json")).unwrap();
    let (_, rest) = meta.split_once("\"opstamp\":").unwrap();
    let digits: String = rest
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_sale_is_nothing_to_search() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.add(New {
        store: "east",
        book: "a",
        fields: titled("山海经"),
        price: 1,
        stock: 10,
        pictures: Vec::new(),
    })
    .await;
    let end = shop.storage.feed_end().await.unwrap();
    shop.add_stock("east", "a", -3).await;
    let storage::Feed::Changes { changes, .. } = shop.storage.follow(end, 9).await.unwrap() else {
        panic!("the place is kept");
    };
    assert_eq!(changes, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_in_ten_thousand_stores_is_one_document() {
    const STORES: u64 = 10_000;
    let shop = Shop::new();
    let stores: Vec<String> = (0..STORES).map(|number| format!("s{number}")).collect();
    for store in &stores {
        shop.open_store(store).await;
    }
    shop.add_titled("s0", "a", "山海经").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let commits = commits(folder.path());
    for store in &stores[1..] {
        shop.add_titled(store, "a", "山海经").await;
    }
    let hits = until(&search, &Query::new("山海"), |hits| {
        hits.books[0].offer_count == STORES
    })
    .await;
    assert_eq!((hits.total, hits.books.len()), (1, 1));
    // A new price in each is nothing to the index either.
    for store in &stores {
        shop.update(store, "a", |update| {
            update.price = domain::Price::new(7).ok();
        })
        .await;
    }
    let mut cheap = Query::new("山海");
    cheap.filter.store = StoreId::new("s9999").ok();
    cheap.filter.max_price = domain::Price::new(7).ok();
    until(&search, &cheap, |hits| hits.total == 1).await;
    assert_eq!(self::commits(folder.path()), commits);
    assert_eq!(search.progress().documents, 1);
    // One that tells something else is another document, and takes nothing from the others.
    shop.retitle("s7", "a", "山海图").await;
    let hits = until(&search, &Query::new("山海"), |hits| hits.total == 2).await;
    let mut counts: Vec<u64> = hits.books.iter().map(|hit| hit.offer_count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, STORES - 1]);
    search.stop().await;
    assert_eq!(search.progress().documents, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_sells_nothing() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.open_store("west").await;
    shop.add_titled("east", "a", "山海经").await;
    shop.add_titled("west", "a", "山海经").await;
    shop.add_titled("west", "b", "山海图").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.search(&Query::new("山海")).unwrap().total, 2);
    shop.close_store("west").await;
    until_found(&search, "山海", &["a"]).await;
    let hits = search.search(&Query::new("山海")).unwrap();
    assert_eq!(hits.books[0].offer_count, 1);
    let mut query = Query::new("");
    query.filter.store = StoreId::new("west").ok();
    assert_eq!(search.search(&query).unwrap().total, 0);
    search.stop().await;
    let search = start(&shop, folder.path()).await;
    assert_eq!(find(&search, "山海"), ["a"]);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_nobody_follows_is_caught_up_with() {
    let shop = Shop::new();
    shop.open_store("east").await;
    for book in ["a", "b", "c"] {
        shop.add_titled("east", book, "山海经").await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    search.stop().await;
    drop(search);
    shop.retitle("east", "a", "水经注").await;
    shop.update("east", "b", |update| update.is_listed = Some(false))
        .await;
    shop.add_titled("east", "d", "山海图").await;
    let search = start(&shop, folder.path()).await;
    until_found(&search, "山海", &["c", "d"]).await;
    until_found(&search, "水经", &["a"]).await;
    assert_eq!(
        search.progress().documents,
        2,
        "only what is new was indexed"
    );
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filling_reads_each_listing_once() {
    let shop = Shop::new();
    for store in ["east", "west"] {
        shop.open_store(store).await;
        for book in ["a", "b", "c"] {
            shop.add_titled(store, book, "山海经").await;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let search = start(&shop, folder.path()).await;
        // A page that begins among the stores goes on into the listings, which have a walk of their own.
        assert_eq!(search.progress().listings, 6);
        search.stop().await;
    }
}

/// The ids of the index's segments, sorted.
fn segments(folder: &Path) -> Vec<String> {
    let meta = std::fs::read_to_string(folder.join("1/meta.json")).unwrap();
    let ids = meta.split("\"segment_id\"").skip(1);
    let ids = ids.map(|rest| rest.split('"').nth(1).unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_little_new_merges_nothing() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.add_titled("east", "a", "山海经").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    for book in ["b", "c"] {
        shop.add_titled("east", book, book).await;
        until_found(&search, book, &[book]).await;
    }
    search.stop().await;
    drop(search);
    let before = segments(folder.path());
    assert_eq!(before.len(), 3, "each commit made one");
    shop.add_titled("east", "d", "山海图").await;
    let search = start(&shop, folder.path()).await;
    assert_eq!(find(&search, "山海图"), ["d"]);
    search.stop().await;
    let after = segments(folder.path());
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|segment| after.contains(segment)));
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_short_and_long_are_completed_after_a_restart() {
    let shop = Shop::new();
    shop.open_store("east").await;
    let long = format!("长{}", "的".repeat(230));
    shop.add_titled("east", "a", "山海经").await;
    shop.add_titled("east", "b", &long).await;
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let search = start(&shop, folder.path()).await;
        for (beginning, title) in [("山", "山海经"), ("长的", &long)] {
            let found = search.suggest(beginning, 9).unwrap();
            let texts: Vec<&str> = found.iter().map(|found| found.text.as_str()).collect();
            assert_eq!(texts, [title]);
        }
        search.stop().await;
    }
    shop.retitle("east", "a", "水经注").await;
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.suggest("山", 9).unwrap(), []);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_damaged_or_older_index_is_built_anew() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.add_titled("east", "a", "山海经").await;
    let folder = tempfile::tempdir().unwrap();
    start(&shop, folder.path()).await.stop().await;
    let index = folder.path().join("1");
    let meta = index.join("meta.json");
    let segment = || {
        let files = std::fs::read_dir(&index)
            .unwrap()
            .map(|file| file.unwrap().path());
        let mut files = files.filter(|file| file.extension().is_some_and(|name| name == "idx"));
        files.next().unwrap()
    };
    type Damage<'a> = Box<dyn Fn() + 'a>;
    let damages: [(&str, Damage<'_>); 5] = [
        (
            "gone",
            Box::new(|| std::fs::remove_dir_all(&index).unwrap()),
        ),
        (
            "a torn list of segments",
            Box::new(|| std::fs::write(&meta, b"{\"seg").unwrap()),
        ),
        (
            "another version",
            Box::new(|| {
                let text = std::fs::read_to_string(&meta).unwrap();
                assert!(text.contains("\"payload\":\"2 ") || text.contains("\"payload\": \"2 "));
                let text = text.replace("\"payload\":\"2 ", "\"payload\":\"0 ");
                std::fs::write(
                    &meta,
                    text.replace("\"payload\": \"2 ", "\"payload\": \"0 "),
                )
                .unwrap();
            }),
        ),
        (
            "a flipped bit",
            Box::new(|| {
                let mut bytes = std::fs::read(segment()).unwrap();
                bytes[3] ^= 1;
                std::fs::write(segment(), bytes).unwrap();
            }),
        ),
        (
            "a lost segment",
            Box::new(|| std::fs::remove_file(segment()).unwrap()),
        ),
    ];
    for (name, damage) in damages {
        damage();
        let search = start(&shop, folder.path()).await;
        assert_eq!(find(&search, "山海"), ["a"], "{name}");
        assert_eq!(search.progress().documents, 1, "{name}: it was built anew");
        search.stop().await;
    }
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.progress().documents, 0, "a sound index is kept");
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filling_that_storage_broke_off_leaves_nothing_behind() {
    const BOOKS: usize = 250;
    let mut shop = Shop::new();
    shop.open_store("east").await;
    let title = |book: usize| format!("山海经 第{book:03}卷");
    for book in 0..BOOKS {
        shop.add_titled("east", &book.to_string(), &title(book))
            .await;
    }
    let troubled = Troubled::over(&mut shop);
    // Texts are read by the hundred, so by then some are in the index.
    troubled.texts.lock().await.fails_at = Some(3);
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    assert!(troubled.texts.lock().await.asked > 3, "it was tried again");
    let each_once = |search: &Search| {
        assert_eq!(
            search.search(&Query::new("山海")).unwrap().total,
            BOOKS as u64
        );
        for book in 0..BOOKS {
            assert_eq!(find(search, &title(book)), [book.to_string()]);
        }
    };
    each_once(&search);
    search.stop().await;
    drop(search);
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.progress().documents, 0, "the index is sound");
    each_once(&search);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_place_in_the_feed_all_is_read_and_followed_on() {
    let mut shop = Shop::new();
    shop.open_store("east").await;
    for book in ["a", "b", "c"] {
        shop.add_titled("east", book, "山海经").await;
    }
    let troubled = Troubled::over(&mut shop);
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    // These it hears of by reading everything alone.
    let mut is_place_lost = troubled.is_place_lost.lock().await;
    shop.add_titled("east", "d", "山海图").await;
    shop.retitle("east", "a", "水经注").await;
    *is_place_lost = true;
    let texts = troubled.texts.lock().await;
    drop(is_place_lost);
    // Now it waits for texts, with the listings read: what changes now it hears of by the feed.
    let read = async {
        while search.progress().listings < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap();
    shop.retitle("east", "d", "水经图").await;
    shop.add_titled("east", "e", "山海志").await;
    shop.update("east", "b", |update| update.is_listed = Some(false))
        .await;
    assert_eq!(find(&search, "水经"), [""; 0], "what was seen is answered");
    drop(texts);
    until_found(&search, "水经", &["a", "d"]).await;
    until_found(&search, "山海", &["c", "e"]).await;
    shop.add_titled("east", "f", "山海卷").await;
    until_found(&search, "山海", &["c", "e", "f"]).await;
    until_found(&search, "", &["a", "c", "d", "e", "f"]).await;
    search.stop().await;
    drop(search);
    let search = start(&shop, folder.path()).await;
    assert_eq!(search.progress().documents, 0, "the index is sound");
    until_found(&search, "", &["a", "c", "d", "e", "f"]).await;
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shops_index_becomes_this_ones() {
    let (one, other) = (Shop::new(), Shop::new());
    for (shop, title) in [(&one, "山海经"), (&other, "山海图")] {
        shop.open_store("east").await;
        shop.add_titled("east", title, title).await;
    }
    let folder = tempfile::tempdir().unwrap();
    start(&one, folder.path()).await.stop().await;
    let search = start(&other, folder.path()).await;
    assert_eq!(find(&search, "山海"), ["山海图"]);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reindexing_goes_on_beside_the_searches() {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.add_titled("east", "a", "山海经").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    for round in 2..4 {
        search.reindex();
        let done = async {
            while folder.path().join((round - 1).to_string()).exists() {
                assert_eq!(find(&search, "山海")[0], "a");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), done)
            .await
            .unwrap();
        assert_eq!(search.progress().documents, round);
    }
    shop.add_titled("east", "b", "山海图").await;
    until_found(&search, "山海", &["a", "b"]).await;
    search.stop().await;
    let search = start(&shop, folder.path()).await;
    until_found(&search, "山海", &["a", "b"]).await;
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_has_a_folder() {
    let shop = Shop::new();
    shop.open_store("east").await;
    let folder = tempfile::tempdir().unwrap();
    let first = start(&shop, folder.path()).await;
    let settings = search::Settings::new(folder.path().to_owned());
    let second = Search::start(shop.storage.clone(), settings).unwrap();
    assert!(!second.is_ready());
    let error = second.search(&Query::new("")).unwrap_err();
    assert_eq!(error.kind(), search::ErrorKind::Unavailable);
    first.stop().await;
    tokio::time::timeout(Duration::from_secs(20), second.ready())
        .await
        .unwrap();
    second.stop().await;
}

/// While books change all the time, every search sees each of them once: before or after.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_search_sees_each_book_once() {
    const BOOKS: usize = 20;
    let shop = Shop::new();
    shop.open_store("east").await;
    for book in 0..BOOKS {
        shop.add_titled("east", &book.to_string(), "山海经 0").await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let mut query = Query::new("山海");
    query.page = search::Page::new(1, 100).unwrap();
    let look = || {
        let mut seen: HashMap<String, u32> = HashMap::new();
        for id in ids(&search.search(&query).unwrap()) {
            *seen.entry(id).or_default() += 1;
        }
        assert_eq!(seen.len(), BOOKS);
        assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    };
    for round in 1..40 {
        for book in (0..BOOKS).filter(|book| (book + round) % 3 == 0) {
            shop.retitle("east", &book.to_string(), &format!("山海经 {round}"))
                .await;
            look();
        }
    }
    until(&search, &Query::new("山海经 39"), |hits| {
        hits.total == (0..BOOKS).filter(|book| (book + 39) % 3 == 0).count() as u64
    })
    .await;
    look();
    search.stop().await;
}
