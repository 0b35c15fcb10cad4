//! Answers: JSON with an entity tag, or an error in the codes of HTTP.

use std::convert::Infallible;

use app::Problem;
use app::search::SearchProblem;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use storage::StorageError;

use crate::error::{self, ErrorAnswer};
use crate::{answer, etag};

/// What a client has already, by its own word.
pub struct Known(Option<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(IF_NONE_MATCH).cloned()))
    }
}

impl Known {
    /// What everybody may see, and keep as long as it stays the same.
    pub fn public<T: Serialize>(&self, body: &T) -> Response {
        self.reply(body, "no-cache")
    }

    /// What is one user's.
    pub fn private<T: Serialize>(&self, body: &T) -> Response {
        self.reply(body, "private, no-cache")
    }

    fn reply<T: Serialize>(&self, body: &T, cache: &'static str) -> Response {
        let body = serde_json::to_vec(body).expect("answers are plain text and numbers");
        let tag = etag::of(&body);
        let mut response = if etag::is_among(&tag, self.0.as_ref()) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            answer::json(body)
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
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
