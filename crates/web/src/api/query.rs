//! Parameters of lists: how many, and behind which place.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::{OrderId, OrderStatus};
use storage::Place;

use super::reply::ApiError;
use crate::error;

/// How many rows a page has where nobody says.
const LIMIT_DEFAULT: u32 = 20;
/// How many it has at most.
const LIMIT_MAX: u32 = 100;

/// The parameters of a request.
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or("");
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Self {
            pairs: pairs.collect(),
        })
    }
}

impl Query {
    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut of_name = self.pairs.iter().filter(|(found, _)| found == name);
        of_name.next().map(|(_, value)| value.as_str())
    }

    /// All parameters of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.pairs.iter().filter(move |(found, _)| found == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// A parameter that something is read from; 400 where that can't be.
    pub fn read<T>(
        &self,
        name: &str,
        must_be: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let wrong = || error::invalid_field(name, format_args!("must be {must_be}")).into();
        read(text).map(Some).ok_or_else(wrong)
    }

    /// How many rows: 1 to [`LIMIT_MAX`].
    pub fn limit(&self) -> Result<u32, ApiError> {
        let limit = self.read("limit", "a number from 1 to 100", |text| {
            let limit = text.parse().ok()?;
            (1..=LIMIT_MAX).contains(&limit).then_some(limit)
        })?;
        Ok(limit.unwrap_or(LIMIT_DEFAULT))
    }

    /// Behind which place the page begins.
    pub fn after(&self) -> Option<Place> {
        self.get("after").map(Place::new)
    }

    /// Behind which order the page begins.
    pub fn after_order(&self) -> Result<Option<OrderId>, ApiError> {
        self.read("after", "the id of an order", OrderId::parse)
    }

    /// In which state orders are.
    pub fn state(&self) -> Result<Option<OrderStatus>, ApiError> {
        let states = "`placed`, `paid`, `sent`, `received` or `cancelled`";
        self.read("state", states, OrderStatus::parse)
    }
}
