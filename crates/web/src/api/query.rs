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
/// How many hexadecimal digits the mark of a place has.
const MARK_DIGITS: usize = 8;

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
        self.limit_or(LIMIT_DEFAULT)
    }

    /// As [`Self::limit`], with another number where nobody says.
    pub fn limit_or(&self, default: u32) -> Result<u32, ApiError> {
        let limit = self.read("limit", "a number from 1 to 100", |text| {
            let limit = text.parse().ok()?;
            (1..=LIMIT_MAX).contains(&limit).then_some(limit)
        })?;
        Ok(limit.unwrap_or(default))
    }

    /// Behind which place of that list the page begins: what [`next`] made of it, else 400.
    pub fn after(&self, list: &[&str]) -> Result<Option<Place>, ApiError> {
        self.read("after", "the `next` of a page of this list", |text| {
            let (mark, place) = text.split_once('.')?;
            (mark == mark_of(list, place)).then(|| Place::new(place))
        })
    }

    /// Names and values of what was asked for but for these names, in whatever order it stood.
    pub fn but_for(&self, left_out: &[&str]) -> Vec<&str> {
        let pairs = self.pairs.iter();
        let mut pairs: Vec<&(String, String)> = pairs
            .filter(|(name, _)| !left_out.contains(&name.as_str()))
            .collect();
        pairs.sort_unstable();
        let texts = pairs
            .into_iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        texts.collect()
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

/// A place of that list as a client is told it. Places are the engine's own words, and one that was
/// never given looks like the end of the list: so a mark of both goes before it, by which a place
/// that was cut short, made up or of another list is told.
pub fn next(list: &[&str], place: &Place) -> String {
    let place = place.as_str();
    format!("{}.{place}", mark_of(list, place))
}

/// Against mistakes, not against forgers: what is forged shows nothing that may not be seen.
fn mark_of(list: &[&str], place: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in list.iter().chain([&place]) {
        hasher.update(part.as_bytes());
        // No id holds a tab.
        hasher.update(b"\t");
    }
    hasher.finalize().to_hex()[..MARK_DIGITS].to_owned()
}
