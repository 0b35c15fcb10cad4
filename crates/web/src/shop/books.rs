//! A book: what it says, and who offers it.

use app::books::Book;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use domain::book::BookFields;
use domain::{BookId, Count, Listing, StoreId};
use storage::Place;

use super::cards::{CardView, Cover, book_path, book_path_in, encoded, price, store_path};
use super::cart::Line;
use super::forms::Query;
use super::frame::Frame;
use super::trouble::Trouble;
use super::visitor::Visitor;
use super::words::Words;
use crate::pictures;

/// How many copies that are left are worth a word.
const FEW_COPIES: i64 = 5;
/// A text with more characters than this is folded.
const LONG_TEXT_CHARACTERS: usize = 600;
/// How many lines of a table of contents are shown at once.
const CONTENTS_SHOWN: usize = 10;
/// How many offers a page has.
const OFFERS_A_PAGE: u32 = 20;
/// How many other editions are shown.
const OTHERS_MAX: usize = 12;

/// What one store asks for the book.
struct Offer {
    store: String,
    store_path: String,
    price: String,
    is_sold_out: bool,
    few: Option<String>,
    /// One copy of it, as the cart writes it.
    line: String,
}

/// A longer text: what is shown of it at once, and what is folded away.
struct Passage {
    head: Vec<String>,
    rest: Vec<String>,
    /// Whether each paragraph is a line of a list.
    is_list: bool,
}

impl Passage {
    /// A text in paragraphs: of a long one the first is shown.
    fn of(text: Option<&String>) -> Option<Self> {
        let text = text?;
        let is_long = text.chars().count() > LONG_TEXT_CHARACTERS;
        Self::cut(text, if is_long { 1 } else { usize::MAX }, false)
    }

    /// A text of which each line is a chapter: of a long one the first few are shown.
    fn of_contents(text: Option<&String>) -> Option<Self> {
        Self::cut(text?, CONTENTS_SHOWN, true)
    }

    fn cut(text: &str, shown: usize, is_list: bool) -> Option<Self> {
        let paragraphs = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut head: Vec<String> = paragraphs.map(str::to_owned).collect();
        let rest = head.split_off(shown.min(head.len()));
        (!head.is_empty()).then_some(Self {
            head,
            rest,
            is_list,
        })
    }

    /// Whether something has to be unfolded to be read: the rest, or what the first paragraph has
    /// more than fits.
    fn is_folded(&self) -> bool {
        let is_long = |text: &String| text.chars().count() > LONG_TEXT_CHARACTERS;
        !self.rest.is_empty() || (!self.is_list && self.head.len() == 1 && is_long(&self.head[0]))
    }
}

#[derive(Template)]
#[template(path = "book.html")]
struct BookPage {
    frame: Frame,
    title: String,
    author: Option<String>,
    translator: Option<String>,
    cover: Cover,
    more_pictures: Vec<String>,
    facts: Vec<(&'static str, String)>,
    tags: Vec<(String, Option<String>)>,
    best: Option<Offer>,
    offers: Vec<Offer>,
    /// The way back to the cheapest offers.
    first_offers: Option<String>,
    more_offers: Option<String>,
    introduction: Option<Passage>,
    about_author: Option<Passage>,
    contents: Option<Passage>,
    others: Vec<CardView>,
}

/// `GET /books/{id}`, in the words of the store `?store=`.
pub async fn book(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let id = BookId::new(id).map_err(|_| Trouble::not_found())?;
    let store = StoreId::new(query.get("store")).ok();
    let after = query.has("after").then(|| Place::new(query.get("after")));
    let is_first = after.is_none();
    let finding = visitor.app.book(&id, store.as_ref(), after, OFFERS_A_PAGE);
    let found = finding.await?;
    let book = found.ok_or_else(Trouble::not_found)?;
    let page = view(&visitor, &book, store.as_ref(), is_first);
    Ok(visitor.public(&page))
}

fn view(visitor: &Visitor, book: &Book, store: Option<&StoreId>, is_first: bool) -> BookPage {
    let w = visitor.language.words();
    let fields = book.text.fields();
    let offer = |listing: &Listing| Offer {
        store: listing.key.store.to_string(),
        store_path: store_path(&listing.key.store),
        price: price(listing.price),
        is_sold_out: listing.stock.get() == 0,
        few: (1..=FEW_COPIES)
            .contains(&listing.stock.get())
            .then(|| visitor.language.copies_left(listing.stock.get())),
        line: one_copy(listing),
    };
    let is_in_stock = |listing: &&Listing| listing.stock.get() > 0;
    let offers = &book.offers.rows;
    let asked_for = store.map(|_| &book.chosen).filter(is_in_stock);
    let best = asked_for.or_else(|| book.best.as_ref().filter(is_in_stock));
    let path = match store {
        Some(store) => book_path_in(&book.id, store),
        None => book_path(&book.id),
    };
    let more_offers = book.offers.next.as_ref().map(|next| {
        let mark = if store.is_some() { '&' } else { '?' };
        format!("{path}{mark}after={}#offers", encoded(next.as_str()))
    });
    let can_search = visitor.app.can_search();
    let tag = |tag: &String| {
        let path = can_search.then(|| format!("/search?q={}", encoded(tag)));
        (tag.clone(), path)
    };
    BookPage {
        frame: visitor.frame(fields.title.clone()),
        title: fields.title.clone(),
        author: fields.author.clone(),
        translator: fields.translator.clone(),
        cover: Cover::of(book.pictures.first().copied(), &book.id, &fields.title),
        more_pictures: book
            .pictures
            .iter()
            .skip(1)
            .map(|hash| pictures::path(*hash))
            .collect(),
        facts: facts(w, fields),
        tags: fields.tags.iter().map(tag).collect(),
        best: best.map(offer),
        offers: offers.iter().map(offer).collect(),
        first_offers: (!is_first).then(|| format!("{path}#offers")),
        more_offers,
        introduction: Passage::of(fields.book_intro.as_ref()),
        about_author: Passage::of(fields.author_intro.as_ref()),
        contents: Passage::of_contents(fields.content.as_ref()),
        others: book
            .others
            .iter()
            .take(OTHERS_MAX)
            .map(|card| {
                let key = &card.listing.key;
                let path = book_path_in(&key.book, &key.store);
                CardView {
                    path,
                    ..CardView::of(card)
                }
            })
            .collect(),
    }
}

fn one_copy(listing: &Listing) -> String {
    let line = Line {
        key: listing.key.clone(),
        count: Count::new(1).expect("one copy is a count"),
    };
    line.encode()
}

fn facts(w: &Words, fields: &BookFields) -> Vec<(&'static str, String)> {
    let pages = fields.pages.map(|pages| pages.to_string());
    let facts = [
        (w.publisher, &fields.publisher),
        (w.published, &fields.pub_year),
        (w.original_title, &fields.original_title),
        (w.translator, &fields.translator),
        (w.pages, &pages),
        (w.binding, &fields.binding),
        ("ISBN", &fields.isbn),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| {
        let value = value.as_ref().filter(|value| !value.trim().is_empty())?;
        Some((name, value.clone()))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_tables_of_contents_are_folded() {
        let lines = |count: usize| vec!["Chapter"; count].join("\n");
        let contents = Passage::of_contents(Some(&lines(CONTENTS_SHOWN))).unwrap();
        assert!(!contents.is_folded() && contents.rest.is_empty());
        let contents = Passage::of_contents(Some(&lines(CONTENTS_SHOWN + 2))).unwrap();
        assert!(contents.is_folded());
        assert_eq!(
            (contents.head.len(), contents.rest.len()),
            (CONTENTS_SHOWN, 2)
        );
        let short = Passage::of(Some(&lines(40))).unwrap();
        assert!(!short.is_folded() && short.head.len() == 40);
        let long = "x".repeat(LONG_TEXT_CHARACTERS);
        let long = Passage::of(Some(&format!("{long}\n\n second"))).unwrap();
        assert!(long.is_folded());
        assert_eq!(long.rest, ["second"]);
        let whole = "x".repeat(LONG_TEXT_CHARACTERS + 1);
        assert!(Passage::of(Some(&whole)).unwrap().is_folded());
        assert!(Passage::of(Some(&" \n ".to_owned())).is_none());
    }
}
