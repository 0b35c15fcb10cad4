//! Answers: JSON with an entity tag, or an error in the codes of HTTP.

use std::convert::Infallible;

use app::Problem;
use app::search::SearchProblem;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, IF_NONE_MATCH, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use storage::StorageError;

use crate::compress;
use crate::error::{self, ErrorAnswer};

/// What a client has already and what it takes, by its own word.
pub struct Known {
    if_none_match: Option<HeaderValue>,
    takes_gzip: bool,
}

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            if_none_match: parts.headers.get(IF_NONE_MATCH).cloned(),
            takes_gzip: compress::is_taken(&parts.headers),
        })
    }
}

impl Known {
    /// What everybody may see, and keep as long as it stays the same.
    pub fn public<T: Serialize>(&self, body: &T) -> Response {
        self.reply(body, "no-cache", self.takes_gzip)
    }

    /// What is one user's: never packed, since he may have put another's words beside his own.
    pub fn private<T: Serialize>(&self, body: &T) -> Response {
        self.reply(body, "private, no-cache", false)
    }

    fn reply<T: Serialize>(&self, body: &T, cache: &'static str, may_pack: bool) -> Response {
        let body = serde_json::to_vec(body).expect("answers are plain text and numbers");
        let known = self.if_none_match.as_ref();
        let mut response = compress::reply(body, "application/json", may_pack, known);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        response
    }
}

/// Why there is no answer.
pub struct ApiError(ErrorAnswer);

impl ApiError {
    /// There is no such thing.
    pub fn not_found() -> Self {
        Self(error::unknown_path())
    }
}

impl From<ErrorAnswer> for ApiError {
    fn from(error: ErrorAnswer) -> Self {
        Self(error.into_standard())
    }
}

impl<R: Into<ErrorAnswer>> From<Problem<R>> for ApiError {
    fn from(problem: Problem<R>) -> Self {
        ErrorAnswer::from(problem).into()
    }
}

impl From<SearchProblem> for ApiError {
    fn from(problem: SearchProblem) -> Self {
        ErrorAnswer::from(problem).into()
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        error::storage_failed(&error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
