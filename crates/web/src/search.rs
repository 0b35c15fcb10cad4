//! What the contract and the JSON reads say of a search: the same words for the same things.

use app::search::{Finding, Findings};
use domain::{BookId, Price};
use search::query::{PER_PAGE_MAX, REACH_MAX};
use search::{
    Facets, Filter, Highlight, InvalidPage, Keyword, Marked, Page, PriceRange, Query, Relaxation,
    Scope, ScopeField, Sort,
};
use serde::Serialize;

use crate::api::{FieldsJson, OfferJson};
use crate::error::{self, ErrorAnswer};
use crate::field::{FromInteger, FromText};
use crate::pictures;

/// How many tags a search may name.
pub const TAGS_MAX: usize = 20;
/// How many books a page has where nobody says.
const PER_PAGE_DEFAULT: u32 = 10;

/// A number that is 1 or more, and no more than pages can reach.
pub struct PageNumber(pub u32);

/// How many books a page is to have.
pub struct PerPage(pub u32);

fn within(number: i64, max: u32) -> Result<u32, domain::OutOfRange> {
    let max_number = i64::from(max);
    let fits = (1..=max_number).contains(&number);
    let number = u32::try_from(number).ok().filter(|_| fits);
    number.ok_or(domain::OutOfRange {
        min: 1,
        max: max_number,
    })
}

impl FromInteger for PageNumber {
    fn from_integer(number: i64) -> Result<Self, domain::OutOfRange> {
        within(number, REACH_MAX).map(Self)
    }
}

impl FromInteger for PerPage {
    fn from_integer(number: i64) -> Result<Self, domain::OutOfRange> {
        within(number, PER_PAGE_MAX).map(Self)
    }
}

impl FromText for Keyword {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

/// A field to search in, by its name on the wire.
pub struct WireField(pub ScopeField);

impl FromText for WireField {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "title" => Ok(Self(ScopeField::Title)),
            "tags" => Ok(Self(ScopeField::Tags)),
            "author" => Ok(Self(ScopeField::Author)),
            "book_intro" => Ok(Self(ScopeField::BookIntro)),
            "content" => Ok(Self(ScopeField::Content)),
            _ => Err("must be `title`, `tags`, `author`, `book_intro` or `content`".to_owned()),
        }
    }
}

/// An order of books, by its name on the wire.
pub struct WireSort(pub Sort);

impl FromText for WireSort {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "relevance" => Ok(Self(Sort::Relevance)),
            "price" => Ok(Self(Sort::Price)),
            "price_down" => Ok(Self(Sort::PriceDown)),
            "newest" => Ok(Self(Sort::Newest)),
            _ => Err("must be `relevance`, `price`, `price_down` or `newest`".to_owned()),
        }
    }
}

/// A search as it was asked for, each part within its own limits.
pub struct Asked {
    pub keyword: Keyword,
    pub scope: Option<Vec<ScopeField>>,
    pub page: Option<u32>,
    pub per_page: Option<u32>,
    pub sort: Sort,
    pub filter: Filter,
    pub facets: bool,
}

/// The page that an answer tells.
#[derive(Clone, Copy)]
pub struct Shown {
    page: u32,
    per_page: u32,
}

impl Shown {
    /// The page behind it, where so many books have one that can be reached.
    pub fn next(self, total: u64) -> Option<u32> {
        let end = self.page.checked_mul(self.per_page)?;
        let is_within_reach = end.checked_add(self.per_page)? <= REACH_MAX;
        (u64::from(end) < total && is_within_reach).then_some(self.page + 1)
    }
}

impl Asked {
    /// The query, and the page it is for.
    ///
    /// # Errors
    /// 400 for a page that lies too deep, a scope without a field, and too many tags.
    pub fn into_query(self) -> Result<(Query, Shown), ErrorAnswer> {
        let shown = Shown {
            page: self.page.unwrap_or(1),
            per_page: self.per_page.unwrap_or(PER_PAGE_DEFAULT),
        };
        let page = Page::new(shown.page, shown.per_page).map_err(|why| match why {
            InvalidPage::PerPage => {
                let words = format_args!("must be from 1 to {PER_PAGE_MAX}");
                error::invalid_field("per_page", words)
            }
            InvalidPage::Number => {
                let words = format_args!("times `per_page` must be at most {REACH_MAX}");
                error::invalid_field("page", words)
            }
        })?;
        if self.scope.as_ref().is_some_and(Vec::is_empty) {
            return Err(error::invalid_field("scope", "must name a field"));
        }
        if self.filter.tags.len() > TAGS_MAX {
            let words = format_args!("must have at most {TAGS_MAX} entries");
            return Err(error::invalid_field("tags", words));
        }
        let query = Query {
            keyword: self.keyword,
            scope: self.scope.map_or(Scope::ALL, Scope::of),
            filter: self.filter,
            sort: self.sort,
            page,
            facets: self.facets,
        };
        Ok((query, shown))
    }
}

/// A page of books found.
#[derive(Serialize)]
pub struct FoundJson<'a> {
    books: Vec<BookJson<'a>>,
    total: u64,
    page: u32,
    per_page: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    relaxed: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<FacetsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> FoundJson<'a> {
    pub fn of(findings: &'a Findings, shown: Shown) -> Self {
        Self {
            books: findings.books.iter().map(BookJson::of).collect(),
            total: findings.total,
            page: shown.page,
            per_page: shown.per_page,
            relaxed: findings.relaxed.map(|relaxed| match relaxed {
                Relaxation::Words => "words",
                Relaxation::HalfOfPairs => "half_of_pairs",
                Relaxation::OneTypo => "one_typo",
            }),
            facets: findings.facets.as_ref().map(FacetsJson::of),
            next: None,
        }
    }

    /// The same, telling by which place the next page is asked for.
    pub fn with_next(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }
}

#[derive(Serialize)]
struct BookJson<'a> {
    #[serde(flatten)]
    fields: FieldsJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<String>,
    offers: Vec<OfferJson<'a>>,
    offer_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    highlight: Option<HighlightJson<'a>>,
}

impl<'a> BookJson<'a> {
    fn of(found: &'a Finding) -> Self {
        let id: &BookId = &found.id;
        Self {
            fields: FieldsJson::of(id, found.text.fields()),
            cover: found.cover.map(pictures::path),
            offers: found.offers.iter().map(OfferJson::of).collect(),
            offer_count: found.offer_count,
            highlight: found.highlight.as_ref().map(HighlightJson::of),
        }
    }
}

/// A text or an excerpt, in pieces: every second one is what matches, the first may be empty.
type PiecesJson<'a> = Vec<&'a str>;

fn pieces(marked: &Marked) -> PiecesJson<'_> {
    let mut pieces = Vec::with_capacity(marked.marks.len() * 2 + 1);
    let mut end = 0;
    for mark in &marked.marks {
        pieces.push(&marked.text[end..mark.start]);
        pieces.push(&marked.text[mark.clone()]);
        end = mark.end;
    }
    pieces.push(&marked.text[end..]);
    pieces
}

#[derive(Serialize)]
struct HighlightJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<PiecesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<PiecesJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PiecesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<PiecesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    book_intro: Option<PiecesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<PiecesJson<'a>>,
}

impl<'a> HighlightJson<'a> {
    fn of(highlight: &'a Highlight) -> Self {
        Self {
            title: highlight.title.as_ref().map(pieces),
            original_title: highlight.original_title.as_ref().map(pieces),
            tags: highlight.tags.iter().map(pieces).collect(),
            author: highlight.author.as_ref().map(pieces),
            book_intro: highlight.book_intro.as_ref().map(pieces),
            content: highlight.content.as_ref().map(pieces),
        }
    }
}

#[derive(Serialize)]
struct CountJson<'a> {
    name: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct PriceJson {
    from: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    below: Option<i64>,
    count: u64,
}

impl PriceJson {
    fn of(range: &PriceRange) -> Self {
        Self {
            from: range.from.get(),
            below: range.below.map(Price::get),
            count: range.count,
        }
    }
}

#[derive(Serialize)]
struct FacetsJson<'a> {
    tags: Vec<CountJson<'a>>,
    publishers: Vec<CountJson<'a>>,
    stores: Vec<CountJson<'a>>,
    prices: Vec<PriceJson>,
}

fn counts<'a>(counted: impl Iterator<Item = (&'a str, u64)>) -> Vec<CountJson<'a>> {
    counted
        .map(|(name, count)| CountJson { name, count })
        .collect()
}

impl<'a> FacetsJson<'a> {
    fn of(facets: &'a Facets) -> Self {
        let texts = |texts: &'a [(String, u64)]| {
            counts(texts.iter().map(|(text, count)| (text.as_str(), *count)))
        };
        let stores = facets.stores.iter();
        Self {
            tags: texts(&facets.tags),
            publishers: texts(&facets.publishers),
            stores: counts(stores.map(|(store, count)| (store.as_str(), *count))),
            prices: facets.prices.iter().map(PriceJson::of).collect(),
        }
    }
}
