//! Books: what one says, and who offers it.

use std::sync::Arc;

use app::App;
use app::books::{Book, OFFERS_MAX};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use domain::book::BookFields;
use domain::{BookId, Listing, StoreId};
use serde::Serialize;

use super::query::{Query, next};
use super::reply::{ApiError, Known};
use crate::{Web, pictures};

pub(super) fn routes() -> Router<Web> {
    Router::new().route("/books/{id}", get(book))
}

/// What a book says of itself; what it does not say is left out.
#[derive(Serialize)]
pub(crate) struct FieldsJson<'a> {
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
    currency_unit: Option<&'a str>,
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
}

impl<'a> FieldsJson<'a> {
    pub fn of(id: &'a BookId, fields: &'a BookFields) -> Self {
        Self {
            id: id.as_str(),
            title: &fields.title,
            author: fields.author.as_deref(),
            publisher: fields.publisher.as_deref(),
            original_title: fields.original_title.as_deref(),
            translator: fields.translator.as_deref(),
            pub_year: fields.pub_year.as_deref(),
            pages: fields.pages,
            currency_unit: fields.currency_unit.as_deref(),
            binding: fields.binding.as_deref(),
            isbn: fields.isbn.as_deref(),
            author_intro: fields.author_intro.as_deref(),
            book_intro: fields.book_intro.as_deref(),
            content: fields.content.as_deref(),
            tags: &fields.tags,
        }
    }
}

/// What one store asks for it.
#[derive(Serialize)]
pub(crate) struct OfferJson<'a> {
    store_id: &'a str,
    price: i64,
    stock_level: i64,
}

impl<'a> OfferJson<'a> {
    pub fn of(listing: &'a Listing) -> Self {
        Self {
            store_id: listing.key.store.as_str(),
            price: listing.price.get(),
            stock_level: listing.stock.get(),
        }
    }
}

#[derive(Serialize)]
struct BookJson<'a> {
    #[serde(flatten)]
    fields: FieldsJson<'a>,
    pictures: Vec<String>,
    offers: Vec<OfferJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> BookJson<'a> {
    fn of(book: &'a Book, offers: &[&str]) -> Self {
        let behind = book.offers.next.as_ref();
        Self {
            fields: FieldsJson::of(&book.id, book.text.fields()),
            pictures: book
                .pictures
                .iter()
                .map(|hash| pictures::path(*hash))
                .collect(),
            offers: book.offers.rows.iter().map(OfferJson::of).collect(),
            next: behind.map(|place| next(offers, place)),
        }
    }
}

/// `GET /api/v1/books/{id}`: in the words of the store `store`, or of the oldest offer, with
/// `limit` offers behind `after`. 200, 400, 404.
async fn book(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    query: Query,
    known: Known,
) -> Result<Response, ApiError> {
    let id = BookId::new(id).map_err(|_| ApiError::not_found())?;
    let store = query.read("store", "the id of a store", |text| StoreId::new(text).ok())?;
    // Stores that say something else have other offers beside them.
    let list = [
        "offers",
        id.as_str(),
        store.as_ref().map_or("", StoreId::as_str),
    ];
    let after = query.after(&list)?;
    let limit = query.limit_or(OFFERS_MAX)?;
    let found = app.book(&id, store.as_ref(), after, limit).await?;
    let book = found.ok_or_else(ApiError::not_found)?;
    Ok(known.public(&BookJson::of(&book, &list)))
}
