//! Pictures of listings: under their hashes, so that they never change.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use domain::{Picture, PictureHash, PictureKind};

use crate::error::{self, ErrorAnswer};
use crate::shop::IMMUTABLE;
use crate::{Web, etag};

/// What a seller sent is a picture and nothing else: even opened by itself and taken for a page, it
/// loads nothing and runs nothing.
const POLICY: &str = "default-src 'none'; sandbox";

pub fn routes() -> Router<Web> {
    Router::new().route("/pictures/{hash}", get(picture))
}

/// Where a picture is.
pub fn path(hash: PictureHash) -> String {
    format!("/pictures/{hash}")
}

/// `GET /pictures/{hash}`: the picture as it was sent. 200, 304, 404.
async fn picture(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ErrorAnswer> {
    let hash = read_hash(&hash).ok_or_else(error::unknown_path)?;
    let found = app.picture(hash).await;
    let found = found.map_err(|failure| error::storage_failed(&failure).into_standard())?;
    let picture = found.ok_or_else(error::unknown_path)?;
    // The hash is of the bytes, so it names them.
    let tag = HeaderValue::try_from(format!("\"{hash}\"")).expect("digits fit a header");
    let mut response = if etag::is_among(&tag, headers.get(IF_NONE_MATCH)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        whole(&picture)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    let mut put = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    put(CACHE_CONTROL, IMMUTABLE);
    put(CONTENT_SECURITY_POLICY, POLICY);
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(response)
}

fn whole(picture: &Picture) -> Response {
    let content_type = match picture.kind() {
        PictureKind::Jpeg => "image/jpeg",
        PictureKind::Png => "image/png",
        PictureKind::Webp => "image/webp",
        PictureKind::Gif => "image/gif",
    };
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(picture.bytes())));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn read_hash(text: &str) -> Option<PictureHash> {
    let is_hash = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hash.then(|| u128::from_str_radix(text, 16).ok())??;
    Some(PictureHash::from_bytes(number.to_be_bytes()))
}
