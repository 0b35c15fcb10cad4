//! Any two characters of any text find it, and just those that have them.

use std::collections::BTreeSet;

use domain::BookText;
use domain::book::BookFields;
use proptest::prelude::*;
use search::{Page, Query};

use crate::searching::{ids, start};
use crate::support::{New, Shop, titled};

/// A page holds them all.
const BOOKS: usize = 100;

fn mixed(characters: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let characters_of = prop::sample::select(
        "三体黑暗書书红楼梦山海经的一abcdeABZ0123é한국가こかｶﾞ゙か゚゛ーก์·.・ '’+#-，。：（）《》\u{200B}\u{301}\u{3099}ßς\n"
            .chars()
            .collect::<Vec<_>>(),
    );
    let some = prop::collection::vec(characters_of, characters)
        .prop_map(|characters| characters.into_iter().collect::<String>());
    prop_oneof![9 => some, 1 => any::<String>()]
}

fn book() -> impl Strategy<Value = BookFields> {
    let fields = (mixed(1..12), mixed(0..20), mixed(0..20));
    fields.prop_filter_map("a book has a title", |(title, intro, content)| {
        let fields = BookFields {
            book_intro: Some(intro),
            content: Some(content),
            ..titled(&title)
        };
        BookText::new(fields.clone()).is_ok().then_some(fields)
    })
}

/// The fields' texts, folded.
fn folded(fields: &BookFields) -> Vec<String> {
    let others = fields.book_intro.iter().chain(&fields.content);
    let texts = std::iter::once(&fields.title).chain(others);
    texts.map(|text| search::folded(text)).collect()
}

/// The windows of two that are looked for as they are: not `++`, nor what a break parts.
fn windows(texts: &[Vec<String>]) -> BTreeSet<String> {
    let mut windows = BTreeSet::new();
    for text in texts.iter().flatten() {
        let characters: Vec<char> = text.chars().collect();
        let pairs = characters.windows(2).map(String::from_iter);
        windows.extend(pairs.filter(|pair| !pair.contains(' ') && search::folded(pair) == *pair));
    }
    windows
}

async fn check(books: Vec<BookFields>) -> Result<(), TestCaseError> {
    let shop = Shop::new();
    shop.open_store("east").await;
    let texts: Vec<Vec<String>> = books.iter().map(folded).collect();
    for (number, fields) in books.into_iter().enumerate() {
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
    let folder = tempfile::tempdir().unwrap();
    let search = start(&shop, folder.path()).await;
    for window in windows(&texts) {
        let mut query = Query::new(&window);
        query.page = Page::new(1, BOOKS as u32).unwrap();
        let hits = search.search(&query).unwrap();
        prop_assert_eq!(hits.relaxed, None, "{}", window);
        let found: BTreeSet<String> = ids(&hits).into_iter().collect();
        prop_assert_eq!(hits.total, found.len() as u64, "{}", window);
        let have = |texts: &[String]| texts.iter().any(|text| text.contains(&window));
        for (number, texts) in texts.iter().enumerate() {
            let is_found = found.contains(&number.to_string());
            prop_assert_eq!(is_found, have(texts), "{} and {:?}", window, texts);
        }
    }
    search.stop().await;
    Ok(())
}

proptest! {
    // Each case is some 850 searches.
    #![proptest_config(ProptestConfig { max_shrink_iters: 50, ..ProptestConfig::with_cases(4) })]

    #[test]
    fn every_window_of_two_finds_just_the_texts_that_have_it(
        books in prop::collection::vec(book(), BOOKS)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(books))?;
    }
}
