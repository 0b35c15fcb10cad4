//! What was looked for, and what was found.

use app::catalogue::{CatalogueQuery, FoundBook, Piece, Sort};
use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::{Fen, StoreId};

use super::cards::{Cover, book_path, encoded, price};
use super::forms::{Fields, Query};
use super::frame::Frame;
use super::language::{Language, read_yuan};
use super::trouble::Trouble;
use super::visitor::Visitor;
use super::words::Words;

/// How many books a page has.
const BOOKS_A_PAGE: u32 = 20;
/// How deep the pages go.
const PAGES_MAX: u32 = 50;
/// How many tags are offered to choose from, and how many stores.
const TAGS_SHOWN: usize = 12;
const STORES_SHOWN: usize = 8;
/// How many completions the search box shows.
const SUGGESTIONS_SHOWN: usize = 8;
/// How much of what was typed is looked for, in characters.
const QUERY_MAX_CHARACTERS: usize = 200;

struct ResultView {
    path: String,
    cover: Cover,
    title: Vec<Piece>,
    author: Option<String>,
    snippet: Vec<Piece>,
    price: String,
    stores: String,
    is_sold_out: bool,
}

impl ResultView {
    fn of(found: &FoundBook, language: Language) -> Self {
        let fields = found.text.fields();
        Self {
            path: book_path(&found.id),
            cover: Cover::of(found.cover, &found.id, &fields.title),
            title: found.title.clone(),
            author: fields.author.clone(),
            snippet: found.snippet.clone(),
            price: price(found.price),
            stores: language.stores(i64::try_from(found.offer_count).unwrap_or(i64::MAX)),
            is_sold_out: !found.is_in_stock,
        }
    }
}

struct SortChoice {
    code: &'static str,
    name: &'static str,
    is_chosen: bool,
}

/// A part of what was found, to be looked at alone.
struct Choice {
    name: String,
    count: u64,
    path: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "results.html")]
struct ResultsPage {
    frame: Frame,
    text: String,
    store: String,
    tag: String,
    is_in_stock: bool,
    price_min: String,
    price_max: String,
    price_error: Option<&'static str>,
    total: String,
    is_relaxed: bool,
    has_filters: bool,
    plain_path: String,
    sorts: Vec<SortChoice>,
    tags: Vec<Choice>,
    stores: Vec<Choice>,
    books: Vec<ResultView>,
    previous: Option<String>,
    next: Option<String>,
    number: u32,
}

/// What a results page was asked for, as its query says.
#[derive(Clone)]
struct Asked {
    text: String,
    store: Option<StoreId>,
    tag: String,
    is_in_stock: bool,
    price_min: String,
    price_max: String,
    sort: Sort,
    page: u32,
}

const SORTS: [(&str, Sort); 4] = [
    ("", Sort::Relevance),
    ("price", Sort::PriceUp),
    ("price-down", Sort::PriceDown),
    ("new", Sort::Newest),
];

fn sort_code(sort: Sort) -> &'static str {
    let found = SORTS.into_iter().find(|(_, known)| *known == sort);
    found.map_or("", |(code, _)| code)
}

impl Asked {
    fn of(query: &Fields) -> Self {
        let cut = |text: &str| text.chars().take(QUERY_MAX_CHARACTERS).collect::<String>();
        let sort = SORTS
            .into_iter()
            .find(|(code, _)| *code == query.get("sort"));
        Self {
            text: cut(query.text("q")),
            store: StoreId::new(query.get("store")).ok(),
            tag: cut(query.get("tag")),
            is_in_stock: query.has("stock"),
            price_min: cut(query.text("from")),
            price_max: cut(query.text("to")),
            sort: sort.map_or(Sort::Relevance, |(_, sort)| sort),
            page: query.get("page").parse().unwrap_or(1).clamp(1, PAGES_MAX),
        }
    }

    fn path(&self) -> String {
        let mut path = format!("/search?q={}", encoded(&self.text));
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        };
        add("store", self.store.as_ref().map_or("", StoreId::as_str));
        add("tag", &self.tag);
        add("stock", if self.is_in_stock { "1" } else { "" });
        add("from", &self.price_min);
        add("to", &self.price_max);
        add("sort", sort_code(self.sort));
        if self.page > 1 {
            add("page", &self.page.to_string());
        }
        path
    }

    fn page(&self, page: u32) -> String {
        Self {
            page,
            ..self.clone()
        }
        .path()
    }

    /// A store to be chosen, or the one that is, to be left again.
    fn store_choice(&self, store: &StoreId, count: u64) -> Choice {
        let is_chosen = self.store.as_ref() == Some(store);
        let with_store = Self {
            store: (!is_chosen).then(|| store.clone()),
            page: 1,
            ..self.clone()
        };
        Choice {
            name: store.to_string(),
            count,
            path: with_store.path(),
            is_chosen,
        }
    }

    fn to_query(&self) -> CatalogueQuery {
        CatalogueQuery {
            text: self.text.clone(),
            store: self.store.clone(),
            tag: (!self.tag.is_empty()).then(|| self.tag.clone()),
            is_in_stock: self.is_in_stock,
            price_min: read_yuan(&self.price_min),
            price_max: read_yuan(&self.price_max),
            sort: self.sort,
            offset: (self.page - 1) * BOOKS_A_PAGE,
            limit: BOOKS_A_PAGE,
        }
    }

    /// What is wrong with the prices: what is no price is not looked at.
    fn price_error(&self, w: &Words) -> Option<&'static str> {
        let prices = [&self.price_min, &self.price_max].map(|typed| read_yuan(typed));
        let is_wrong = |typed: &str, price: Option<Fen>| !typed.is_empty() && price.is_none();
        if is_wrong(&self.price_min, prices[0]) || is_wrong(&self.price_max, prices[1]) {
            return Some(w.not_an_amount);
        }
        matches!(prices, [Some(min), Some(max)] if min > max).then_some(w.prices_reversed)
    }

    fn has_filters(&self) -> bool {
        self.is_in_stock
            || ![&self.tag, &self.price_min, &self.price_max]
                .into_iter()
                .all(String::is_empty)
    }
}

/// `GET /search`: nothing where there is no catalogue, since then nobody is told of it either.
pub async fn results(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let asked = Asked::of(&query);
    let found = visitor.app.search(asked.to_query()).await?;
    let found = found.ok_or_else(Trouble::not_found)?;
    let w = visitor.language.words();
    let mut frame = visitor.frame(format!("{} {}", w.results_for, asked.text));
    frame.query.clone_from(&asked.text);
    let is_last = u64::from(asked.page * BOOKS_A_PAGE) >= found.total || asked.page == PAGES_MAX;
    let tags = found.tags.iter().take(TAGS_SHOWN).map(|(name, count)| {
        let is_chosen = *name == asked.tag;
        let tag = if is_chosen {
            String::new()
        } else {
            name.clone()
        };
        let with_tag = Asked {
            tag,
            page: 1,
            ..asked.clone()
        };
        Choice {
            name: name.clone(),
            count: *count,
            path: with_tag.path(),
            is_chosen,
        }
    });
    let stores = match &asked.store {
        Some(store) => vec![asked.store_choice(store, found.total)],
        None => {
            let stores = found.stores.iter().take(STORES_SHOWN);
            stores
                .map(|(store, count)| asked.store_choice(store, *count))
                .collect()
        }
    };
    let names = [
        w.sort_relevance,
        w.sort_price_up,
        w.sort_price_down,
        w.sort_newest,
    ];
    let sorts = SORTS
        .into_iter()
        .zip(names)
        .map(|((code, sort), name)| SortChoice {
            code,
            name,
            is_chosen: sort == asked.sort,
        });
    let price_error = asked.price_error(w);
    let total = i64::try_from(found.total).unwrap_or(i64::MAX);
    let page = ResultsPage {
        total: visitor.language.books(total),
        is_relaxed: found.is_relaxed,
        has_filters: asked.has_filters(),
        plain_path: format!("/search?q={}", encoded(&asked.text)),
        sorts: sorts.collect(),
        tags: tags.collect(),
        stores,
        books: found
            .books
            .iter()
            .map(|book| ResultView::of(book, visitor.language))
            .collect(),
        previous: (asked.page > 1).then(|| asked.page(asked.page - 1)),
        next: (!is_last).then(|| asked.page(asked.page + 1)),
        number: asked.page,
        store: asked
            .store
            .map_or_else(String::new, |store| store.to_string()),
        text: asked.text,
        tag: asked.tag,
        is_in_stock: asked.is_in_stock,
        price_min: asked.price_min,
        price_max: asked.price_max,
        price_error,
        frame,
    };
    Ok(visitor.public(&page))
}

/// `GET /suggest`: what somebody may mean who has begun to type, for the search box.
pub async fn suggest(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let typed: String = query.text("q").chars().take(QUERY_MAX_CHARACTERS).collect();
    let found = visitor.app.suggest(typed, SUGGESTIONS_SHOWN).await?;
    let texts: Vec<String> = found.into_iter().map(|found| found.text).collect();
    Ok(axum::Json(texts).into_response())
}
