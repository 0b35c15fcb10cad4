//! Stores, and what is on their shelves.

use app::books::Card;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use domain::StoreId;
use storage::{Page, Place};

use super::cards::{CardView, encoded, store_path};
use super::forms::Query;
use super::frame::Frame;
use super::language::Moment;
use super::trouble::Trouble;
use super::visitor::Visitor;

/// How many stores a page has.
const STORES_A_PAGE: u32 = 60;
/// How many books a page has.
const BOOKS_A_PAGE: u32 = 24;

#[derive(Template)]
#[template(path = "stores.html")]
struct Stores {
    frame: Frame,
    stores: Vec<(String, String)>,
    more: Option<String>,
    is_beginning: bool,
}

/// `GET /stores`.
pub async fn list(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let after = StoreId::new(query.get("after")).ok();
    let is_beginning = after.is_none();
    let mut stores = visitor.app.open_stores(after, STORES_A_PAGE + 1).await?;
    let has_more = stores.len() > STORES_A_PAGE as usize;
    stores.truncate(STORES_A_PAGE as usize);
    let last = stores.last().filter(|_| has_more);
    let page = Stores {
        frame: visitor.frame(visitor.language.words().all_stores),
        more: last.map(|store| format!("/stores?after={}", encoded(store.id.as_str()))),
        stores: stores
            .iter()
            .map(|store| (store_path(&store.id), store.id.to_string()))
            .collect(),
        is_beginning,
    };
    Ok(visitor.public(&page))
}

#[derive(Template)]
#[template(path = "store.html")]
struct StorePage {
    frame: Frame,
    id: String,
    path: String,
    since: Moment,
    books: Vec<CardView>,
    more: Option<String>,
    is_beginning: bool,
}

/// `GET /stores/{id}`.
pub async fn store(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let id = StoreId::new(id).map_err(|_| Trouble::not_found())?;
    let found = visitor.app.open_store(&id).await?;
    let store = found.ok_or_else(Trouble::not_found)?;
    let after = query.has("after").then(|| Place::new(query.get("after")));
    let is_beginning = after.is_none();
    let shelf = visitor.app.store_shelf(&id, after, BOOKS_A_PAGE).await?;
    let Page { rows, next }: Page<Card> = shelf;
    let path = store_path(&id);
    let page = StorePage {
        frame: visitor.frame(id.as_str()),
        more: next.map(|next| format!("{path}?after={}", encoded(next.as_str()))),
        id: id.to_string(),
        path,
        since: Moment::of(store.created_at),
        books: CardView::all(&rows),
        is_beginning,
    };
    Ok(visitor.public(&page))
}
