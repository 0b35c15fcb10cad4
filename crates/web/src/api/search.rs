//! Searching: the same as the contract's, to be kept as long as it stays the same.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::{Price, StoreId};
use search::{Filter, Keyword, SUGGESTIONS_MAX, Sort, SuggestionKind};
use serde::Serialize;
use storage::Place;

use super::query::{Query, next};
use super::reply::{ApiError, Known};
use crate::Web;
use crate::error;
use crate::field::{FromInteger, FromText};
use crate::search::{Asked, FoundJson, PageNumber, PerPage, WireField, WireSort};

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/books", get(books))
        .route("/suggest", get(suggest))
}

fn number<T: FromInteger>(query: &Query, name: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    let number = number.ok_or_else(|| error::invalid_field(name, "must be an integer"))?;
    let read = T::from_integer(number).map_err(|why| error::invalid_field(name, why))?;
    Ok(Some(read))
}

fn word<T: FromText>(name: &str, text: &str) -> Result<T, ApiError> {
    T::from_text(text).map_err(|why| error::invalid_field(name, why).into())
}

fn switch(query: &Query, name: &str) -> Result<bool, ApiError> {
    let read = query.read(name, "`true` or `false`", |text| text.parse().ok())?;
    Ok(read.unwrap_or(false))
}

fn asked(query: &Query) -> Result<Asked, ApiError> {
    let per_page = match number(query, "limit")? {
        Some(limit) => Some(limit),
        None => number(query, "per_page")?,
    };
    let scope = query.all("scope").map(|name| {
        let WireField(field) = word("scope", name)?;
        Ok::<_, ApiError>(field)
    });
    let scope = scope.collect::<Result<Vec<_>, _>>()?;
    let sort = query.get("sort").map(|name| word("sort", name));
    let sort = sort.transpose()?;
    let store = query.get("store").map(|id| word::<StoreId>("store", id));
    Ok(Asked {
        keyword: Keyword::new(query.get("q").unwrap_or("")),
        scope: (!scope.is_empty()).then_some(scope),
        page: number(query, "page")?.map(|PageNumber(page)| page),
        per_page: per_page.map(|PerPage(per_page)| per_page),
        sort: sort.map_or(Sort::default(), |WireSort(sort)| sort),
        filter: Filter {
            store: store.transpose()?,
            min_price: number::<Price>(query, "min_price")?,
            max_price: number::<Price>(query, "max_price")?,
            in_stock: switch(query, "in_stock")?,
            tags: query.all("tags").map(str::to_owned).collect(),
        },
        facets: switch(query, "facets")?,
    })
}

/// `GET /api/v1/books`: books by words, those behind `after`. 200, 400.
async fn books(
    State(app): State<Arc<App>>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let is_marked = switch(&query, "highlight")?;
    let list = query.but_for(&["after", "page", "highlight", "facets"]);
    let list = [&["search"], &list[..]].concat();
    let mut asked = asked(&query)?;
    if let Some(place) = query.after(&list)? {
        asked.page = place.as_str().parse().ok();
    }
    let (wanted, shown) = asked.into_query()?;
    let findings = app.find_books(wanted, is_marked).await?;
    // A ranking has no other places than numbers: it is made anew for each page.
    let behind = shown.next(findings.total);
    let behind = behind.map(|page| next(&list, &Place::new(page.to_string())));
    Ok(known.public(&FoundJson::of(&findings, shown).with_next(behind)))
}

#[derive(Serialize)]
struct SuggestionJson {
    text: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct SuggestionsJson {
    suggestions: Vec<SuggestionJson>,
}

/// `GET /api/v1/suggest`: what somebody may mean who has begun to type `q`. 200.
async fn suggest(
    State(app): State<Arc<App>>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let prefix = query.get("q").unwrap_or("").to_owned();
    let found = app.suggest(prefix, SUGGESTIONS_MAX).await?;
    let suggestions = found.into_iter().map(|found| SuggestionJson {
        text: found.text,
        kind: match found.kind {
            SuggestionKind::Title => "title",
            SuggestionKind::Author => "author",
            SuggestionKind::Tag => "tag",
        },
    });
    Ok(known.public(&SuggestionsJson {
        suggestions: suggestions.collect(),
    }))
}
