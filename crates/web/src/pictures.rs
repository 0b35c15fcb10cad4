//! Pictures of listings: under their hashes, so that they never change.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use axum::routing::get;
use domain::{PictureHash, PictureKind};

use crate::Web;
use crate::error::{self, ErrorAnswer};
use crate::shop::IMMUTABLE;

pub fn routes() -> Router<Web> {
    Router::new().route("/pictures/{hash}", get(picture))
}

/// Where a picture is.
pub fn path(hash: PictureHash) -> String {
    format!("/pictures/{hash}")
}

/// `GET /pictures/{hash}`: the picture as it was sent. 200, 404.
async fn picture(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<Response, ErrorAnswer> {
    let hash = read_hash(&hash).ok_or_else(error::unknown_path)?;
    let found = app.picture(hash).await;
    let found = found.map_err(|failure| error::storage_failed(&failure).into_standard())?;
    let picture = found.ok_or_else(error::unknown_path)?;
    let content_type = match picture.kind() {
        PictureKind::Jpeg => "image/jpeg",
        PictureKind::Png => "image/png",
        PictureKind::Webp => "image/webp",
        PictureKind::Gif => "image/gif",
    };
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(picture.bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    // What a seller sent is a picture and nothing else, whatever is in it.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn read_hash(text: &str) -> Option<PictureHash> {
    let is_hash = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hash.then(|| u128::from_str_radix(text, 16).ok())??;
    Some(PictureHash::from_bytes(number.to_be_bytes()))
}
