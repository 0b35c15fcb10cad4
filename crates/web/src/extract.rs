//! What handlers take: whether there is room, where a request comes from, whose token it carries,
//! and its body.

use std::net::IpAddr;
use std::sync::Arc;

use app::room::Effort;
use app::{App, Bearer, KeepRequest};
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use domain::IdempotencyKey;
use domain::idempotency::KEY_MAX_CHARACTERS;
use serde::de::DeserializeOwned;

use crate::body::{self, BODY_MAX_BYTES, Reserved};
use crate::error::{self, ErrorAnswer};
use crate::{Web, parse};

/// A longer body is read off the async threads: a book with its pictures takes tens of ms.
pub const PARSE_INLINE_MAX_BYTES: usize = 128 << 10;

const TOKEN: HeaderName = HeaderName::from_static("token");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The address from which a request came, as the connection says.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = ErrorAnswer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorAnswer> {
        let address = parts.extensions.get().copied();
        Ok(address.expect("whoever serves the router says where requests come from"))
    }
}

/// There is room to begin something new. Comes first among a handler's arguments, so that who is
/// turned away costs neither a look at his token nor the reading of his body.
pub struct RoomToBegin;

/// There is room to carry on something that was begun; the same.
pub struct RoomToCarryOn;

impl<S> FromRequestParts<S> for RoomToBegin
where
    S: Sync,
    Arc<App>: FromRef<S>,
{
    type Rejection = ErrorAnswer;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, ErrorAnswer> {
        find_room(state, Effort::Beginning).map(|()| Self)
    }
}

impl<S> FromRequestParts<S> for RoomToCarryOn
where
    S: Sync,
    Arc<App>: FromRef<S>,
{
    type Rejection = ErrorAnswer;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, ErrorAnswer> {
        find_room(state, Effort::CarryingOn).map(|()| Self)
    }
}

fn find_room<S>(state: &S, effort: Effort) -> Result<(), ErrorAnswer>
where
    Arc<App>: FromRef<S>,
{
    if Arc::<App>::from_ref(state).has_room_for(effort) {
        Ok(())
    } else {
        Err(error::overloaded())
    }
}

/// The token of a request: signed by us and not expired. It is looked at before the body is.
pub struct Token(pub Bearer);

impl<S> FromRequestParts<S> for Token
where
    S: Sync,
    Arc<App>: FromRef<S>,
{
    type Rejection = ErrorAnswer;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorAnswer> {
        let token = find_token(&parts.headers).ok_or_else(error::no_token)?;
        let bearer = Arc::<App>::from_ref(state).read_token(token)?;
        Ok(Self(bearer))
    }
}

fn find_token(headers: &HeaderMap) -> Option<&str> {
    if let Some(token) = headers.get(TOKEN) {
        return token.to_str().ok();
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The body of an endpoint.
pub trait Body: DeserializeOwned + Send + 'static {
    /// Its limit.
    const MAX_BYTES: usize = BODY_MAX_BYTES;
    /// The name under which answers are kept, the same between versions; `None` where an
    /// idempotency key means nothing.
    const KEPT_AS: Option<&'static str> = None;
}

/// A request with its body.
pub struct Call<T> {
    /// The body.
    pub body: T,
    keep: Option<Unanswered>,
    /// Given back once the handler is done with the body.
    _reserved: Reserved,
}

/// A [`KeepRequest`] whose answer is not known yet.
struct Unanswered {
    key: IdempotencyKey,
    endpoint: &'static str,
    body: Vec<u8>,
}

impl<T> Call<T> {
    /// The client's wish that this be done once, with the answer that success gives.
    pub fn keep(&mut self, answer: &[u8]) -> Option<KeepRequest> {
        let Unanswered {
            key,
            endpoint,
            body,
        } = self.keep.take()?;
        let answer = answer.into();
        Some(KeepRequest {
            key,
            endpoint,
            body,
            answer,
        })
    }
}

impl<T: Body> FromRequest<Web> for Call<T> {
    type Rejection = ErrorAnswer;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ErrorAnswer> {
        let (parts, body) = request.into_parts();
        check_content(&parts.headers)?;
        let key = find_key::<T>(&parts.headers)?;
        let (bytes, reserved) = body::read(body, T::MAX_BYTES, &web.budget).await?;
        let (body, keep) = if bytes.len() <= PARSE_INLINE_MAX_BYTES {
            read(&bytes, key)?
        } else {
            let reading = tokio::task::spawn_blocking(move || read(&bytes, key));
            reading.await.expect("reading a body does not panic")?
        };
        Ok(Self {
            body,
            keep,
            _reserved: reserved,
        })
    }
}

/// Whether the body is said to be JSON: `application/json`, or any `application/…+json`, with
/// whatever parameters; JSON is UTF-8 whatever a `charset` says.
fn check_content(headers: &HeaderMap) -> Result<(), ErrorAnswer> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or("")
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") && !is_json_suffixed(essence) {
        return Err(error::wrong_content_type());
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(error::wrong_content_encoding())
        }
        _ => Ok(()),
    }
}

fn is_json_suffixed(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence.starts_with("application/") && essence.ends_with("+json")
}

fn find_key<T: Body>(
    headers: &HeaderMap,
) -> Result<Option<(IdempotencyKey, &'static str)>, ErrorAnswer> {
    let (Some(value), Some(endpoint)) = (headers.get(IDEMPOTENCY_KEY), T::KEPT_AS) else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(IdempotencyKey::new);
    let words = format_args!("must have 1 to {KEY_MAX_CHARACTERS} visible ASCII characters");
    let key = key.ok_or_else(|| error::invalid_field("Idempotency-Key", words))?;
    Ok(Some((key, endpoint)))
}

fn read<T: Body>(
    bytes: &Bytes,
    key: Option<(IdempotencyKey, &'static str)>,
) -> Result<(T, Option<Unanswered>), ErrorAnswer> {
    let body = parse::parse(bytes)?;
    let Some((key, endpoint)) = key else {
        return Ok((body, None));
    };
    let unanswered = Unanswered {
        key,
        endpoint,
        body: parse::canonical(bytes)?,
    };
    Ok((body, Some(unanswered)))
}
