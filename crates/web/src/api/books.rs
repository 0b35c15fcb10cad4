//! Books: what one says, and who offers it.

use std::sync::Arc;

use app::App;
use app::books::Book;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use domain::book::BookFields;
use domain::{BookId, Listing, StoreId};
use serde::Serialize;

use super::query::Query;
use super::reply::{ApiError, Known};
use crate::{Web, pictures};

pub(super) fn routes() -> Router<Web> {
    Router::new().route("/books/{id}", get(book))
}

/// What a book says of itself; what it does not say is left out.
#[derive(Serialize)]
pub(super) struct BookJson<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    translator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub_year: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isbn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_intro: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    book_intro: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    tags: &'a [String],
    pictures: Vec<String>,
    offers: Vec<OfferJson<'a>>,
}

/// What one store asks for it.
#[derive(Serialize)]
struct OfferJson<'a> {
    store_id: &'a str,
    price: i64,
    stock_level: i64,
}

impl<'a> OfferJson<'a> {
    fn of(listing: &'a Listing) -> Self {
        Self {
            store_id: listing.key.store.as_str(),
            price: listing.price.get(),
            stock_level: listing.stock.get(),
        }
    }
}

impl<'a> BookJson<'a> {
    fn of(book: &'a Book) -> Self {
        let fields: &BookFields = book.text.fields();
        Self {
            id: book.id.as_str(),
            title: &fields.title,
            author: fields.author.as_deref(),
            publisher: fields.publisher.as_deref(),
            original_title: fields.original_title.as_deref(),
            translator: fields.translator.as_deref(),
            pub_year: fields.pub_year.as_deref(),
            pages: fields.pages,
            binding: fields.binding.as_deref(),
            isbn: fields.isbn.as_deref(),
            author_intro: fields.author_intro.as_deref(),
            book_intro: fields.book_intro.as_deref(),
            content: fields.content.as_deref(),
            tags: &fields.tags,
            pictures: book
                .pictures
                .iter()
                .map(|hash| pictures::path(*hash))
                .collect(),
            offers: book.offers.iter().map(OfferJson::of).collect(),
        }
    }
}

/// `GET /api/v1/books/{id}`: in the words of the store `store`, or of the oldest offer. 200, 404.
async fn book(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let id = BookId::new(id).map_err(|_| ApiError::not_found())?;
    let store = query.read("store", "the id of a store", |text| StoreId::new(text).ok())?;
    let found = app.book(&id, store.as_ref()).await?;
    let book = found.ok_or_else(ApiError::not_found)?;
    Ok(known.public(&BookJson::of(&book)))
}
