//! `/buyer/search`: finding books by words.

use std::fmt;
use std::sync::Arc;

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::{Price, StoreId};
use search::{Filter, Keyword, ScopeField, Sort};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::answer;
use crate::error::ErrorAnswer;
use crate::extract::{Body, Call};
use crate::field::{Array, FromText, Number, Text};
use crate::search::{Asked, FoundJson, PageNumber, PerPage, WireField, WireSort};

#[derive(serde::Deserialize)]
pub(super) struct Search {
    keyword: Text<Keyword>,
    page: Option<Number<PageNumber>>,
    per_page: Option<Number<PerPage>>,
    store_id: Option<Text<StoreId>>,
    scope: Option<Fields>,
    sort: Option<Text<WireSort>>,
    in_stock: Option<bool>,
    min_price: Option<Number<Price>>,
    max_price: Option<Number<Price>>,
    tags: Option<Array<String>>,
    facets: Option<bool>,
    highlight: Option<bool>,
}

impl Body for Search {}

/// One field's name, or an array of them.
struct Fields(Vec<ScopeField>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let WireField(field) = WireField::from_text(text).map_err(E::custom)?;
                Ok(Fields(vec![field]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
                let fields =
                    Array::<Text<WireField>>::deserialize(SeqAccessDeserializer::new(entries))?;
                let fields = fields.0.into_iter();
                Ok(Fields(fields.map(|Text(WireField(field))| field).collect()))
            }
        }

        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// `POST /buyer/search`: finds books. 200 with `books`, `total`, `page`, `per_page`.
pub(super) async fn search(
    State(app): State<Arc<App>>,
    call: Call<Search>,
) -> Result<Response, ErrorAnswer> {
    let body = call.body;
    let is_marked = body.highlight.unwrap_or(false);
    let asked = Asked {
        keyword: body.keyword.0,
        scope: body.scope.map(|Fields(fields)| fields),
        page: body.page.map(|Number(PageNumber(page))| page),
        per_page: body.per_page.map(|Number(PerPage(per_page))| per_page),
        sort: body
            .sort
            .map_or(Sort::default(), |Text(WireSort(sort))| sort),
        filter: Filter {
            store: body.store_id.map(|Text(store)| store),
            min_price: body.min_price.map(|Number(price)| price),
            max_price: body.max_price.map(|Number(price)| price),
            in_stock: body.in_stock.unwrap_or(false),
            tags: body.tags.map_or_else(Vec::new, |tags| tags.0),
        },
        facets: body.facets.unwrap_or(false),
    };
    let (query, shown) = asked.into_query()?;
    let findings = app.find_books(query, is_marked).await?;
    Ok(answer::ok_with(&FoundJson::of(&findings, shown)))
}
