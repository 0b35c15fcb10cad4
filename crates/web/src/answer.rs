//! Answers of requests that were done.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::Response;
use domain::Answer;
use serde::Serialize;

/// The body of an answer that has nothing more to say.
pub const OK: &[u8] = br#"{"message":"ok"}"#;

/// Tells a client that the answer is one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// JSON that is written already.
pub fn json(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{"message":"ok"}`.
#[must_use]
pub fn ok() -> Response {
    json(Bytes::from_static(OK))
}

/// `message` with more fields beside it.
pub fn ok_with<T: Serialize>(fields: &T) -> Response {
    json(ok_bytes(fields))
}

#[derive(Serialize)]
struct Ok<'a, T> {
    message: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

/// The bytes of [`ok_with`].
pub fn ok_bytes<T: Serialize>(fields: &T) -> Vec<u8> {
    let message = "ok";
    serde_json::to_vec(&Ok { message, fields }).expect("answers are plain text and numbers")
}

/// The answer to a change: `body` where it was done now, or the bytes that were kept.
pub fn done(answer: Answer<()>, body: impl Into<Body>) -> Response {
    match answer {
        Answer::Done(()) => json(body),
        Answer::Kept(bytes) => {
            let mut response = json(Bytes::copy_from_slice(&bytes));
            let headers = response.headers_mut();
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
    }
}
