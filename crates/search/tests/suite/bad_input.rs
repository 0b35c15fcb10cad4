//! Whatever somebody types is answered, and quickly.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::support::{New, Shop, titled};
use domain::book::BookFields;
use proptest::prelude::*;
use search::{Page, Query, Scope, Search, Sort};

/// A keyword that takes longer, in an unoptimised build on a busy machine, is a fault.
const SLOW: Duration = Duration::from_secs(5);

const TEXTS: [&str; 6] = [
    "中国历代年号考：从公元前140年说起",
    "一个狗娘养的自白 Confessions of an S.O.B",
    "JavaScript与C++程序设计（第2版）",
    "列夫·托尔斯泰《战争与和平》",
    "こころ・ガラスの仮面 한국어 책",
    "Les Misérables — O'Reilly’s e-mail",
];

struct Running {
    search: Search,
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

static RUNNING: LazyLock<Running> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let search = runtime.block_on(async {
        let shop = Shop::new();
        shop.open_store("east").await;
        for (number, text) in TEXTS.iter().enumerate() {
            let fields = BookFields {
                content: Some((*text).to_owned()),
                author: Some((*text).to_owned()),
                ..titled(text)
            };
            shop.add(New {
                store: "east",
                book: &number.to_string(),
                fields,
                price: 1,
                stock: 1,
                pictures: Vec::new(),
            })
            .await;
        }
        crate::searching::start(&shop, folder.path()).await
    });
    Running {
        search,
        _folder: folder,
        _runtime: runtime,
    }
});

fn ask(keyword: &str) -> u64 {
    let search = &RUNNING.search;
    let begun = Instant::now();
    let mut total = 0;
    for sort in [Sort::Relevance, Sort::Price] {
        let mut query = Query::new(keyword);
        query.sort = sort;
        query.facets = true;
        let hits = search.search(&query).unwrap();
        total = hits.total;
        for text in TEXTS {
            drop(hits.marker.excerpt(text));
        }
    }
    let suggestions = search.suggest(keyword, 10).unwrap();
    assert!(suggestions.len() <= 10);
    assert!(
        begun.elapsed() < SLOW,
        "{:?} for {keyword:?}",
        begun.elapsed()
    );
    total
}

#[test]
fn awkward_keywords_are_answered() {
    let long: Vec<String> = [
        "(",
        "\"",
        "历史",
        "a ",
        "历 ",
        "🙂",
        "a-",
        "年号考：",
        "e\u{301}",
    ]
    .iter()
    .map(|part| part.repeat(10_000 / part.len()))
    .collect();
    for keyword in [
        "(美)艾伦",
        "\"open quote",
        "title:",
        "AND OR NOT",
        "a* b~2 ^5",
        "[1 TO 2]",
        "\\",
        "\0\u{1}\u{7F}",
        "\u{1}java",
        "+-!(){}[]^\"~*?:\\/",
        "\u{FFFD}\u{202E}",
        "%_'--; DROP",
        "。",
        " ",
        "",
    ]
    .into_iter()
    .chain(long.iter().map(String::as_str))
    {
        ask(keyword);
    }
    assert_eq!(ask("。，"), 0);
    assert_eq!(ask(""), TEXTS.len() as u64);
}

#[test]
fn the_last_page_is_empty() {
    let mut query = Query::new("年");
    query.page = Page::new(100, 100).unwrap();
    let hits = RUNNING.search.search(&query).unwrap();
    assert_eq!((hits.total, hits.books.len()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_is_answered(keyword: String) {
        ask(&keyword);
    }

    #[test]
    fn pieces_of_a_text_find_it(number in 0..TEXTS.len(), from in 0_usize..30, length in 2_usize..9) {
        let window: String = TEXTS[number].chars().skip(from).take(length).collect();
        let mut pieces = window.split_whitespace().map(search::folded);
        prop_assume!(!pieces.any(|piece| crate::searching::has_letter(&piece)));
        prop_assume!(!search::folded(&window).is_empty());
        let hits = RUNNING.search.search(&Query::new(&window)).unwrap();
        prop_assert_eq!(hits.relaxed, None, "{}", window);
        let found = crate::searching::ids(&hits);
        prop_assert!(found.contains(&number.to_string()), "{} finds {:?}", window, found);
    }
}

#[test]
fn every_text_is_found_by_each_of_its_windows_of_two() {
    for (number, text) in TEXTS.iter().enumerate() {
        for piece in text.split_whitespace() {
            let folded: Vec<char> = search::folded(piece).chars().collect();
            for window in folded.windows(2).filter(|window| !window.contains(&' ')) {
                let keyword: String = window.iter().collect();
                // `++` by itself is no part of a word.
                if search::folded(&keyword).is_empty() {
                    continue;
                }
                let mut query = Query::new(&keyword);
                query.scope = Scope::of([search::ScopeField::Title]);
                let hits = RUNNING.search.search(&query).unwrap();
                assert_eq!(hits.relaxed, None, "{keyword}");
                assert!(
                    crate::searching::ids(&hits).contains(&number.to_string()),
                    "{keyword}"
                );
            }
        }
    }
}
