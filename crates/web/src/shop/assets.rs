//! What pages load beside themselves: one style sheet, one script, one icon, all in the binary.
//! Their names carry a hash of what is in them, so a browser keeps them for good.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;

use crate::compress;

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

/// The files in gzip, as small as it makes them; once, since they never change.
static PACKED: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    [STYLE, SCRIPT, ICON].map(|content| compress::pack(content.as_bytes(), Compression::best()))
});

/// `GET /assets/{file}`.
pub async fn serve(Path(file): Path<String>, request: HeaderMap) -> Response {
    let assets = &*ASSETS;
    let wanted = format!("/assets/{file}");
    let (place, content, content_type) = match wanted {
        _ if wanted == assets.style => (0, STYLE, "text/css; charset=utf-8"),
        _ if wanted == assets.script => (1, SCRIPT, "text/javascript; charset=utf-8"),
        _ if wanted == assets.icon => (2, ICON, "image/svg+xml"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let is_packed = compress::is_taken(&request) && compress::is_worthwhile(content.len());
    let body = if is_packed {
        Body::from(&PACKED[place][..])
    } else {
        Body::from(content)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    put(CONTENT_TYPE, content_type);
    put(CACHE_CONTROL, IMMUTABLE);
    put(VARY, "Accept-Encoding");
    if is_packed {
        put(CONTENT_ENCODING, compress::GZIP);
    }
    response
}
