//! Stores, and what is on their shelves.

use std::sync::Arc;

use app::App;
use app::books::Card;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use domain::{Store, StoreId};
use serde::Serialize;

use super::query::{Query, next};
use super::reply::{ApiError, Known};
use crate::contract::WireTime;
use crate::{Web, pictures};

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/stores", get(list))
        .route("/stores/{id}", get(store))
}

#[derive(Serialize)]
struct StoreJson<'a> {
    id: &'a str,
    created_at: WireTime,
}

impl<'a> StoreJson<'a> {
    fn of(store: &'a Store) -> Self {
        Self {
            id: store.id.as_str(),
            created_at: WireTime(store.created_at),
        }
    }
}

#[derive(Serialize)]
struct StoresJson<'a> {
    stores: Vec<StoreJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// `GET /api/v1/stores`: open stores by id, `limit` of them behind `after`. 200, 400.
async fn list(
    State(app): State<Arc<App>>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let limit = query.limit()?;
    let after = query.read("after", "the id of a store", |text| StoreId::new(text).ok())?;
    let mut stores = app.open_stores(after, limit + 1).await?;
    let has_more = stores.len() > limit as usize;
    stores.truncate(limit as usize);
    let last = stores.last().filter(|_| has_more);
    Ok(known.public(&StoresJson {
        next: last.map(|store| store.id.as_str()),
        stores: stores.iter().map(StoreJson::of).collect(),
    }))
}

/// A book on a store's shelves.
#[derive(Serialize)]
struct ListedJson<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    price: i64,
    stock_level: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<String>,
    listed_at: WireTime,
}

impl<'a> ListedJson<'a> {
    fn of(card: &'a Card) -> Self {
        let Card { listing, text } = card;
        let cover = listing.details.pictures.first();
        Self {
            id: listing.key.book.as_str(),
            title: &text.fields().title,
            author: text.fields().author.as_deref(),
            price: listing.price.get(),
            stock_level: listing.stock.get(),
            cover: cover.map(|hash| pictures::path(*hash)),
            listed_at: WireTime(listing.details.listed_at),
        }
    }
}

#[derive(Serialize)]
struct ShelfJson<'a> {
    #[serde(flatten)]
    store: StoreJson<'a>,
    books: Vec<ListedJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/stores/{id}`: a store with its books, newest first, `limit` of them behind
/// `after`. 200, 400, 404.
async fn store(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let id = StoreId::new(id).map_err(|_| ApiError::not_found())?;
    let limit = query.limit()?;
    let list = ["shelf", id.as_str()];
    let after = query.after(&list)?;
    let found = app.open_store(&id).await?;
    let store = found.ok_or_else(ApiError::not_found)?;
    let shelf = app.store_shelf(&id, after, limit).await?;
    Ok(known.public(&ShelfJson {
        store: StoreJson::of(&store),
        books: shelf.rows.iter().map(ListedJson::of).collect(),
        next: shelf.next.map(|place| next(&list, &place)),
    }))
}
