//! The relevance set: a small catalogue of classics, and who is to be found for what.

use crate::support::{New, Shop};
use domain::book::BookFields;
use search::{Query, Relaxation, Search};

/// Which share of the books that must be found is found at the least.
const RECALL_FLOOR: f64 = 1.0;
/// Which share of the books that must come first comes first at the least.
const FIRST_FLOOR: f64 = 1.0;

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').collect())
}

async fn fill(shop: &Shop) {
    shop.open_store("classics").await;
    for line in lines(include_str!("relevance/catalogue.tsv")) {
        let [id, title, author, original, year, isbn, tags, intro] = line[..] else {
            panic!("{line:?} has eight columns");
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let fields = BookFields {
            title: title.to_owned(),
            author: text(author),
            original_title: text(original),
            pub_year: text(year),
            isbn: text(isbn),
            tags: tags.split(';').map(str::to_owned).collect(),
            book_intro: text(intro),
            ..BookFields::default()
        };
        shop.add(New {
            store: "classics",
            book: id,
            fields,
            price: 2_000,
            stock: 1,
            pictures: Vec::new(),
        })
        .await;
    }
}

fn step(relaxed: Option<Relaxation>, total: u64) -> &'static str {
    match relaxed {
        _ if total == 0 => "none",
        None => "exact",
        Some(Relaxation::Words) => "words",
        Some(Relaxation::HalfOfPairs) => "half",
        Some(Relaxation::OneTypo) => "typo",
    }
}

/// What a query fell short in: how many of its books were not found, and not first.
fn judge(search: &Search, query: &[&str], complaints: &mut Vec<String>) -> (Counted, Counted) {
    let [keyword, expected_step, books] = query[..] else {
        panic!("{query:?} has three columns");
    };
    let hits = search.search(&Query::new(keyword)).unwrap();
    let found = crate::searching::ids(&hits);
    let step = step(hits.relaxed, hits.total);
    let list = |ids: &'static str| {
        ids.split(',')
            .filter(|id| !id.is_empty())
            .collect::<Vec<_>>()
    };
    let books: &'static str = Box::leak(books.to_owned().into_boxed_str());
    let (first, all) = match books.split_once('|') {
        Some((first, more)) => (list(first), [list(first), list(more)].concat()),
        None => (Vec::new(), list(books)),
    };
    let recalled = all.iter().filter(|id| found.contains(&(**id).to_owned()));
    let recalled = Counted {
        right: recalled.count(),
        of: all.len(),
    };
    let top = &found[..first.len().min(found.len())];
    let led = first
        .iter()
        .filter(|id| top.contains(&(**id).to_owned()))
        .count();
    let led = Counted {
        right: led,
        of: first.len(),
    };
    if step != expected_step || recalled.right < recalled.of || led.right < led.of {
        complaints.push(format!(
            "{keyword}: {found:?} by `{step}`, expected {books} by `{expected_step}`"
        ));
    }
    (recalled, led)
}

#[derive(Clone, Copy)]
struct Counted {
    right: usize,
    of: usize,
}

fn share(counts: impl Iterator<Item = Counted>) -> f64 {
    let (right, of) = counts.fold((0, 0), |(right, of), count| {
        (right + count.right, of + count.of)
    });
    right as f64 / of as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_books_are_found_and_come_first() {
    let shop = Shop::new();
    fill(&shop).await;
    let folder = tempfile::tempdir().unwrap();
    let search = crate::searching::start(&shop, folder.path()).await;
    let mut complaints = Vec::new();
    let queries = lines(include_str!("relevance/queries.tsv"));
    let judged: Vec<(Counted, Counted)> = queries
        .map(|query| judge(&search, &query, &mut complaints))
        .collect();
    let recall = share(judged.iter().map(|(recalled, _)| *recalled));
    let first = share(judged.iter().map(|(_, led)| *led));
    assert!(judged.len() > 90, "{} queries", judged.len());
    assert!(
        recall >= RECALL_FLOOR && first >= FIRST_FLOOR && complaints.is_empty(),
        "recall {recall}, first {first}:\n{}",
        complaints.join("\n")
    );
    search.stop().await;
}

/// Titles come first for themselves, and what is typed on the way is completed.
#[tokio::test(flavor = "multi_thread")]
async fn every_book_is_completed_and_comes_first_for_its_title() {
    let shop = Shop::new();
    fill(&shop).await;
    let folder = tempfile::tempdir().unwrap();
    let search = crate::searching::start(&shop, folder.path()).await;
    for line in lines(include_str!("relevance/catalogue.tsv")) {
        let [id, title, author, original, ..] = line[..] else {
            panic!("{line:?}");
        };
        for keyword in [title, original]
            .iter()
            .filter(|keyword| !keyword.is_empty())
        {
            assert_eq!(crate::searching::find(&search, keyword)[0], id, "{keyword}");
        }
        let texts = |prefix: &str| {
            let suggestions = search.suggest(prefix, 20).unwrap();
            suggestions
                .into_iter()
                .map(|suggestion| suggestion.text)
                .collect::<Vec<_>>()
        };
        let prefix: String = title.chars().take(2).collect();
        assert!(texts(&prefix).iter().any(|text| text == title), "{prefix}");
        let inside: String = title.chars().skip(1).take(2).collect();
        if inside.chars().count() == 2 && !inside.contains('·') {
            assert!(texts(&inside).iter().any(|text| text == title), "{inside}");
        }
        let name = author.rsplit([']', ')']).next().unwrap().trim();
        let prefix: String = name.chars().take(2).collect();
        assert!(
            texts(&prefix).iter().any(|text| text == name),
            "{prefix} for {name}"
        );
    }
    search.stop().await;
}
