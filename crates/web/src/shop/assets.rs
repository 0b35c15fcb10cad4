//! What pages load beside themselves: one style sheet, one script, one icon, all in the binary.
//! Their names carry a hash of what is in them, so a browser keeps them for good.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// What never changes under its name may be kept for a year, which is for good.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

const STYLE: &str = include_str!("../../assets/shop.css");
const SCRIPT: &str = include_str!("../../assets/shop.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// The files' addresses.
pub struct Assets {
    pub style: String,
    pub script: String,
    pub icon: String,
}

pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: path("shop", STYLE, "css"),
    script: path("shop", SCRIPT, "js"),
    icon: path("icon", ICON, "svg"),
});

fn path(name: &str, content: &str, ending: &str) -> String {
    let hash = blake3::hash(content.as_bytes()).to_hex();
    format!("/assets/{name}-{}.{ending}", &hash[..16])
}

/// `GET /assets/{file}`.
pub async fn serve(Path(file): Path<String>) -> Response {
    let assets = &*ASSETS;
    let wanted = format!("/assets/{file}");
    let (content, content_type) = match wanted {
        _ if wanted == assets.style => (STYLE, "text/css; charset=utf-8"),
        _ if wanted == assets.script => (SCRIPT, "text/javascript; charset=utf-8"),
        _ if wanted == assets.icon => (ICON, "image/svg+xml"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    response
}
