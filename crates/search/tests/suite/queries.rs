//! Filters, orders, pages, offers, covers, facets and marks, on a shop made for each test.

use crate::searching::{find, ids, start};
use crate::support::{New, Shop, picture, titled};
use domain::book::BookFields;
use domain::{Price, StoreId};
use search::{Filter, Page, Query, Relaxation, Scope, ScopeField, Search, Sort, SuggestionKind};

fn listing<'a>(store: &'a str, book: &'a str, price: i64, stock: i64) -> New<'a> {
    New {
        store,
        book,
        fields: BookFields {
            tags: vec!["历史".to_owned(), format!("标签{book}")],
            publisher: Some("中华书局".to_owned()),
            ..titled(&format!("史书{book}"))
        },
        price,
        stock,
        pictures: Vec::new(),
    }
}

/// Three books in two stores: `east` has all, `west` has two, cheaper ones.
async fn two_stores() -> Shop {
    let shop = Shop::new();
    shop.open_store("east").await;
    shop.open_store("west").await;
    for (store, book, price, stock) in [
        ("east", "a", 3_000, 1),
        ("east", "b", 6_000, 0),
        ("east", "c", 12_000, 1),
        ("west", "b", 5_500, 2),
        ("west", "a", 1_000, 0),
    ] {
        shop.add(listing(store, book, price, stock)).await;
    }
    shop
}

fn filtered(change: impl FnOnce(&mut Filter)) -> Query {
    let mut query = Query::new("史书");
    change(&mut query.filter);
    query.sort = Sort::Price;
    query
}

fn fen(fen: i64) -> Option<Price> {
    Some(Price::new(fen).unwrap())
}

fn store(name: &str) -> Option<StoreId> {
    Some(StoreId::new(name).unwrap())
}

fn search_ids(search: &Search, query: &Query) -> Vec<String> {
    let hits = search.search(query).unwrap();
    assert_eq!(hits.total as usize, hits.books.len());
    ids(&hits)
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_ask_one_offer_for_everything() {
    let shop = two_stores().await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let found = |change: fn(&mut Filter)| {
        let with_keyword = search_ids(&search, &filtered(change));
        let mut browse = filtered(change);
        browse.keyword = search::Keyword::new("");
        assert_eq!(search_ids(&search, &browse), with_keyword);
        let mut by_score = filtered(change);
        by_score.sort = Sort::Relevance;
        let mut by_score = search_ids(&search, &by_score);
        by_score.sort();
        let mut sorted = with_keyword.clone();
        sorted.sort();
        assert_eq!(by_score, sorted);
        with_keyword
    };
    assert_eq!(found(|_| ()), ["a", "b", "c"]);
    assert_eq!(found(|filter| filter.store = store("west")), ["a", "b"]);
    assert_eq!(
        found(|filter| filter.store = store("east")),
        ["a", "b", "c"]
    );
    assert!(found(|filter| filter.store = store("north")).is_empty());
    assert_eq!(found(|filter| filter.in_stock = true), ["a", "b", "c"]);
    assert_eq!(found(|filter| filter.max_price = fen(5_500)), ["a", "b"]);
    assert_eq!(found(|filter| filter.min_price = fen(6_000)), ["b", "c"]);
    assert_eq!(
        found(|filter| filter.tags = vec!["歷史".into(), "标签c".into()]),
        ["c"]
    );
    assert!(found(|filter| filter.tags = vec!["诗歌".into()]).is_empty());
    let cheap_and_there = |filter: &mut Filter| {
        filter.in_stock = true;
        filter.max_price = fen(2_999);
    };
    assert!(found(cheap_and_there).is_empty());
    let dear_and_there = |filter: &mut Filter| {
        filter.in_stock = true;
        filter.min_price = fen(5_600);
    };
    assert_eq!(found(dear_and_there), ["c"]);
    let there_in_west = |filter: &mut Filter| {
        filter.in_stock = true;
        filter.store = store("west");
    };
    assert_eq!(found(there_in_west), ["b"]);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_by_what_is_meant_and_stay_the_same() {
    let shop = two_stores().await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let sorted = |sort, change: fn(&mut Filter)| {
        let mut query = filtered(change);
        query.sort = sort;
        search_ids(&search, &query)
    };
    assert_eq!(sorted(Sort::Newest, |_| ()), ["a", "b", "c"]);
    assert_eq!(
        sorted(Sort::Newest, |filter| filter.store = store("east")),
        ["c", "b", "a"]
    );
    assert_eq!(
        sorted(Sort::Price, |filter| filter.in_stock = true),
        ["a", "b", "c"]
    );
    let mut browse = Query::new("");
    assert_eq!(search_ids(&search, &browse), ["a", "b", "c"]);
    browse.sort = Sort::Price;
    assert_eq!(search_ids(&search, &browse), ["a", "b", "c"]);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_each_book_once_even_where_all_tie() {
    let shop = Shop::new();
    shop.open_store("east").await;
    for number in 0..95 {
        let book = number.to_string();
        let fields = BookFields {
            content: Some(format!("x{number:02}")),
            ..titled("同名之书")
        };
        shop.add(New {
            fields,
            ..listing("east", &book, 1_000, 1)
        })
        .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    for (sort, keyword) in [
        (Sort::Relevance, "同名"),
        (Sort::Price, "同名"),
        (Sort::Price, ""),
    ] {
        let mut seen = Vec::new();
        for page in 1..=11 {
            let mut query = Query::new(keyword);
            query.sort = sort;
            query.page = Page::new(page, 10).unwrap();
            let hits = search.search(&query).unwrap();
            assert_eq!(hits.total, 95);
            seen.extend(ids(&hits));
            let again = search.search(&query).unwrap();
            assert_eq!(ids(&again), ids(&hits));
        }
        assert_eq!(seen.len(), 95);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 95, "{sort:?} {keyword}");
    }
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_come_in_stock_and_cheap_first_and_the_oldest_gives_the_cover() {
    let shop = Shop::new();
    for number in 0..30 {
        shop.open_store(&format!("s{number:02}")).await;
    }
    for number in 0..30_i64 {
        let name = format!("s{number:02}");
        let pictures = if number == 0 {
            Vec::new()
        } else {
            vec![picture(&name), picture("x")]
        };
        let stock = i64::from(number % 3 != 0);
        shop.add(New {
            pictures,
            ..listing(&name, "b", 1_000 - number, stock)
        })
        .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let hits = search.search(&Query::new("史书")).unwrap();
    let hit = &hits.books[0];
    assert_eq!((hit.offer_count, hit.offers.len()), (30, 20));
    let stores: Vec<&str> = hit
        .offers
        .iter()
        .map(|offer| offer.store.as_str())
        .collect();
    let in_stock = (0..30).rev().filter(|number| number % 3 != 0);
    let expected: Vec<String> = in_stock.map(|number| format!("s{number:02}")).collect();
    assert_eq!(stores, expected);
    assert_eq!(hit.cover, Some(picture("s01").hash()));
    let own = search
        .search(&filtered(|filter| filter.store = store("s07")))
        .unwrap();
    let hit = &own.books[0];
    assert_eq!((hit.offer_count, hit.offers[0].store.as_str()), (1, "s07"));
    assert_eq!(hit.cover, Some(picture("s07").hash()));
    let without = search
        .search(&filtered(|filter| filter.store = store("s00")))
        .unwrap();
    assert_eq!(without.books[0].cover, None);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_what_was_found() {
    let shop = two_stores().await;
    shop.add_titled("east", "other", "别的").await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let facets = |mut query: Query| {
        query.facets = true;
        search.search(&query).unwrap().facets.unwrap()
    };
    let all = facets(Query::new("史书"));
    assert_eq!(all.tags[0], ("历史".to_owned(), 3));
    assert_eq!(all.tags.len(), 4);
    assert_eq!(all.publishers, [("中华书局".to_owned(), 3)]);
    let stores: Vec<(&str, u64)> = all
        .stores
        .iter()
        .map(|(id, count)| (id.as_str(), *count))
        .collect();
    assert_eq!(stores, [("east", 3), ("west", 2)]);
    let prices: Vec<u64> = all.prices.iter().map(|range| range.count).collect();
    assert_eq!(prices, [1, 0, 1, 1, 0, 0]);
    assert_eq!(all.prices[2].from.get(), 5_000);
    assert_eq!(all.prices[2].below, fen(10_000));
    let west = facets(filtered(|filter| filter.store = store("west")));
    assert_eq!(west.stores.len(), 1);
    let prices: Vec<u64> = west.prices.iter().map(|range| range.count).collect();
    assert_eq!(prices, [1, 0, 1, 0, 0, 0]);
    let nothing = facets(Query::new("zzzzzz"));
    assert!(nothing.tags.is_empty() && nothing.prices.iter().all(|range| range.count == 0));
    let browse = facets(Query::new(""));
    assert_eq!(browse.stores[0].1, 4);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_is_kept_to() {
    let shop = Shop::new();
    shop.open_store("east").await;
    let fields = BookFields {
        title: "标题词".to_owned(),
        author: Some("作者词".to_owned()),
        original_title: Some("原题词".to_owned()),
        book_intro: Some("简介词".to_owned()),
        content: Some("目录词".to_owned()),
        tags: vec!["标签词".to_owned()],
        isbn: Some("0-306-40615-2".to_owned()),
        translator: Some("译者词".to_owned()),
        author_intro: Some("作者简介词".to_owned()),
        ..BookFields::default()
    };
    shop.add(New {
        fields,
        ..listing("east", "b", 1, 1)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let scopes = [
        ("标题词", Some(ScopeField::Title)),
        ("作者词", Some(ScopeField::Author)),
        ("简介词", Some(ScopeField::BookIntro)),
        ("目录词", Some(ScopeField::Content)),
        ("标签词", Some(ScopeField::Tags)),
        ("原题词", None),
        ("9780306406157", None),
    ];
    for (keyword, own) in scopes {
        assert_eq!(find(&search, keyword), ["b"], "{keyword}");
        for (_, field) in scopes {
            let Some(field) = field else { continue };
            let mut query = Query::new(keyword);
            query.scope = Scope::of([field]);
            let hits = search.search(&query).unwrap();
            let is_found = hits.total == 1 && hits.relaxed.is_none();
            assert_eq!(is_found, own == Some(field), "{keyword} in {field:?}");
        }
    }
    for keyword in ["译者词", "作者简介词"] {
        assert_ne!(
            search.search(&Query::new(keyword)).unwrap().relaxed,
            None,
            "{keyword}"
        );
    }
    let mut none = Query::new("标题词");
    none.scope = Scope::of([]);
    assert_eq!(search.search(&none).unwrap().total, 0);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_english_words_are_found_after_the_words_themselves() {
    let shop = Shop::new();
    shop.open_store("east").await;
    for (book, title) in [
        ("script", "JavaScript 高级程序设计"),
        ("java", "Java 核心技术与更多的话在后面"),
        ("mysql", "深入MySQL内核"),
        ("sql", "SQL 必知必会"),
        ("web", "Web编程"),
    ] {
        shop.add_titled("east", book, title).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    assert_eq!(find(&search, "java"), ["java", "script"]);
    assert_eq!(find(&search, "SQL"), ["sql", "mysql"]);
    assert_eq!(find(&search, "sql内核"), ["mysql"]);
    assert_eq!(find(&search, "SQL 内核"), ["mysql"]);
    assert_eq!(find(&search, "入mys"), ["mysql"]);
    assert_eq!(find(&search, "b编"), ["web"]);
    assert_eq!(find(&search, "WEB 编程"), ["web"]);
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_fit_what_was_found_by_each_step() {
    let shop = Shop::new();
    shop.open_store("east").await;
    let fields = BookFields {
        author: Some("(清)曹雪芹".to_owned()),
        book_intro: Some("一部写尽人情冷暖的红楼梦。".to_owned()),
        tags: vec!["古典名著".to_owned(), "红楼梦研究".to_owned()],
        ..titled("紅樓夢（全二册）")
    };
    shop.add(New {
        fields: fields.clone(),
        ..listing("east", "b", 1, 1)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let marks = |keyword: &str| {
        let hits = search.search(&Query::new(keyword)).unwrap();
        assert_eq!(hits.total, 1, "{keyword}");
        let highlight = hits.marker.book(&fields);
        let title = highlight
            .title
            .map(|marked| marked.text[marked.marks[0].clone()].to_owned());
        let tags = highlight.tags.len();
        (hits.relaxed, title, tags, highlight.book_intro.is_some())
    };
    let title = |text: &str| Some(text.to_owned());
    assert_eq!(marks("红楼梦"), (None, title("紅樓夢"), 1, true));
    assert_eq!(marks("雪芹"), (None, None, 0, false));
    assert_eq!(
        marks("曹雪芹红楼梦"),
        (Some(Relaxation::Words), title("紅樓夢"), 1, true)
    );
    assert_eq!(
        marks("红楼之梦"),
        (Some(Relaxation::OneTypo), title("紅樓夢"), 1, true)
    );
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_are_names_that_begin_so_and_titles_that_hold_it() {
    let shop = Shop::new();
    shop.open_store("east").await;
    for (book, title, author, tag) in [
        ("1", "历史的温度", "[中] 历山", "历史"),
        ("2", "中国历史地理", "李历史", "历史"),
        ("3", "Python 入门", "Guido", "编程"),
    ] {
        let fields = BookFields {
            author: Some(author.to_owned()),
            tags: vec![tag.to_owned()],
            ..titled(title)
        };
        shop.add(New {
            fields,
            ..listing("east", book, 1, 1)
        })
        .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    let suggest = |prefix: &str, limit| {
        let suggestions = search.suggest(prefix, limit).unwrap();
        suggestions
            .into_iter()
            .map(|suggestion| (suggestion.text, suggestion.kind))
            .collect::<Vec<_>>()
    };
    let texts = |prefix: &str, limit| {
        suggest(prefix, limit)
            .into_iter()
            .map(|(text, _)| text)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts("歷", 9),
        ["历史", "历山", "历史的温度", "中国历史地理"]
    );
    assert_eq!(
        suggest("历史", 1),
        [("历史".to_owned(), SuggestionKind::Tag)]
    );
    assert_eq!(texts("ＰＹ", 9), ["Python 入门"]);
    assert_eq!(texts("thon", 9), ["Python 入门"]);
    assert!(texts("", 9).is_empty() && texts("！", 9).is_empty() && texts("历", 0).is_empty());
    search.stop().await;
}
