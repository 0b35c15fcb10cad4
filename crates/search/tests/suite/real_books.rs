//! Recall and precision on real books, against the plain truth: a folded text contains a folded piece.
//! The books are not part of the project; without them this says so and tests nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{New, Shop};
use domain::book::BookFields;
use rusqlite::{Connection, OpenFlags, Row};
use search::{Filter, Page, Query, Scope, ScopeField, Search};

struct Book {
    id: String,
    fields: BookFields,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Book> {
    let tags: Option<String> = row.get("tags")?;
    let tags = tags.unwrap_or_default();
    Ok(Book {
        id: row.get("id")?,
        fields: BookFields {
            title: row.get("title")?,
            author: row.get("author")?,
            publisher: row.get("publisher")?,
            original_title: row.get("original_title")?,
            translator: row.get("translator")?,
            isbn: row.get("isbn")?,
            book_intro: row.get("book_intro")?,
            content: row.get("content")?,
            tags: tags
                .lines()
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            ..BookFields::default()
        },
    })
}

fn real_books() -> Option<Vec<Book>> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut files = above.map(|folder| folder.join("shared/data/book.db"));
    let Some(file) = files.find(|file| file.exists()) else {
        eprintln!("SKIPPED: there are no real books in `shared/data/book.db` beside the project");
        return None;
    };
    let file = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = file.prepare("SELECT * FROM book").unwrap();
    let books = rows.query_map([], read).unwrap();
    Some(books.map(Result::unwrap).collect())
}

async fn start(books: &[Book], folder: &Path) -> (Shop, Search) {
    let shop = Shop::new();
    shop.open_store("real").await;
    for book in books {
        shop.add(New {
            store: "real",
            book: &book.id,
            fields: book.fields.clone(),
            price: 1,
            stock: 1,
            pictures: Vec::new(),
        })
        .await;
    }
    let search = crate::searching::start(&shop, folder).await;
    (shop, search)
}

/// The texts of a field.
type Texts = fn(&BookFields) -> Vec<&str>;

const FIELDS: [(ScopeField, Texts); 5] = [
    (ScopeField::Title, |book| vec![&book.title]),
    (ScopeField::Tags, |book| {
        book.tags.iter().map(String::as_str).collect()
    }),
    (ScopeField::Author, |book| {
        book.author.iter().map(String::as_str).collect()
    }),
    (ScopeField::BookIntro, |book| {
        book.book_intro.iter().map(String::as_str).collect()
    }),
    (ScopeField::Content, |book| {
        book.content.iter().map(String::as_str).collect()
    }),
];

/// The books one of whose texts contains each piece, folded by the crate's own rule and compared
/// as plain text.
fn truth(
    books: &[(String, Vec<Vec<String>>)],
    keyword: &str,
    fields: &[usize],
) -> BTreeSet<String> {
    let pieces = pieces(keyword);
    let holds = |texts: &Vec<Vec<String>>| {
        pieces.iter().all(|piece| {
            let mut texts = fields.iter().flat_map(|field| &texts[*field]);
            texts.any(|text| text.contains(piece.as_str()))
        })
    };
    books
        .iter()
        .filter(|(_, texts)| holds(texts))
        .map(|(id, _)| id.clone())
        .collect()
}

fn pieces(keyword: &str) -> Vec<String> {
    let pieces = keyword.split_whitespace().map(search::folded);
    pieces.filter(|piece| !piece.is_empty()).collect()
}

fn found(search: &Search, keyword: &str, scope: Scope) -> Option<BTreeSet<String>> {
    let query = Query {
        scope,
        page: Page::new(1, 100).unwrap(),
        filter: Filter::default(),
        ..Query::new(keyword)
    };
    let hits = search.search(&query).unwrap();
    assert_eq!(hits.total as usize, hits.books.len());
    (hits.relaxed.is_none()).then(|| crate::searching::ids(&hits).into_iter().collect())
}

/// Keywords of two to eight characters in a row, all of the short texts and some of the long ones.
fn windows(text: &str) -> impl Iterator<Item = String> + '_ {
    let characters: Vec<char> = text.chars().collect();
    let step = if characters.len() > 60 { 13 } else { 1 };
    let count = characters.len();
    (0..count).step_by(step).flat_map(move |at| {
        let characters = characters.clone();
        [2, 3, 4, 5, 8].into_iter().filter_map(move |length| {
            let window = characters.get(at..at + length)?;
            Some(window.iter().collect())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn real_books_are_found_by_all_that_they_say() {
    let Some(books) = real_books() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_shop, search) = start(&books, folder.path()).await;
    let folded: Vec<(String, Vec<Vec<String>>)> = books
        .iter()
        .map(|book| {
            let texts = FIELDS.iter().map(|(_, texts)| {
                texts(&book.fields)
                    .into_iter()
                    .map(search::folded)
                    .collect()
            });
            (book.id.clone(), texts.collect())
        })
        .collect();
    let mut asked = 0;
    let mut wrong = Vec::new();
    for book in &books {
        for (index, (field, texts)) in FIELDS.iter().enumerate() {
            for text in texts(&book.fields) {
                let whole = [text.to_owned()];
                let is_name = matches!(field, ScopeField::Tags | ScopeField::Author);
                let keywords: Vec<String> = if is_name {
                    whole.into()
                } else {
                    windows(text).collect()
                };
                for keyword in keywords {
                    if pieces(&keyword).is_empty()
                        || pieces(&keyword)
                            .iter()
                            .any(|piece| crate::searching::has_letter(piece))
                    {
                        continue;
                    }
                    asked += 1;
                    let truth = truth(&folded, &keyword, &[index]);
                    let found = found(&search, &keyword, Scope::of([*field]));
                    if found.as_ref() != Some(&truth) {
                        wrong.push(format!(
                            "{keyword:?} in {field:?}: {found:?}, not {truth:?}"
                        ));
                    }
                }
            }
        }
    }
    println!("{asked} keywords of {} books", books.len());
    assert!(asked > 5_000);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    search.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_books_come_first_for_their_titles_and_isbns() {
    let Some(books) = real_books() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_shop, search) = start(&books, folder.path()).await;
    for book in &books {
        let title = &book.fields.title;
        let first = &crate::searching::find(&search, title)[0];
        let same = books.iter().filter(|other| other.fields.title == *title);
        assert!(
            same.map(|other| &other.id).any(|id| id == first),
            "{title}: {first}"
        );
        let Some(isbn) = &book.fields.isbn else {
            continue;
        };
        assert_eq!(
            crate::searching::find(&search, isbn),
            std::slice::from_ref(&book.id),
            "{isbn}"
        );
        let (prefix, rest) = isbn.split_at(3);
        assert_eq!(
            crate::searching::find(&search, &format!("{prefix}-{rest}")),
            std::slice::from_ref(&book.id)
        );
    }
    search.stop().await;
}
