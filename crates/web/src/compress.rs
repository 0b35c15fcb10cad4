//! Smaller bodies for who takes them: gzip, of what everybody may see.
//!
//! Packing shows how much of a text repeats itself. Where a page has a secret and words that somebody
//! else chose, he learns the secret letter by letter from the sizes, if he can have the page asked for
//! again and again (the attack is known as BREACH). So what is one reader's own is never packed, and
//! a page with his frame around it only where his browser asked of its own accord, not on behalf of
//! another site: [`is_safe`].

use std::io::Write;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::client::SEC_FETCH_SITE;
use crate::etag;

/// What is smaller than this fits into a packet or two either way.
pub const PACKED_MIN_BYTES: usize = 1 << 10;
/// What is larger than this would keep a thread for too long.
pub const PACKED_MAX_BYTES: usize = 256 << 10;

/// How the coding is called.
pub const GZIP: &str = "gzip";

/// Whether gzip is among what a client takes.
pub fn is_taken(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    let mut codings = lists.flat_map(|list| list.split(','));
    codings.any(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameter.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(GZIP) && weight.is_none_or(|weight| weight != Ok(0.0))
    })
}

/// Whether nobody but the reader has the page asked for: the browser says so, or brings no cookie
/// and so gets a page without a secret of his.
pub fn is_safe(headers: &HeaderMap) -> bool {
    if !headers.contains_key(COOKIE) {
        return true;
    }
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    matches!(site, Some(b"same-origin" | b"none"))
}

/// Whether a body of that size is worth packing.
pub fn is_worthwhile(bytes: usize) -> bool {
    (PACKED_MIN_BYTES..=PACKED_MAX_BYTES).contains(&bytes)
}

/// The bytes in gzip.
pub fn pack(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    let written = packer.write_all(bytes).and_then(|()| packer.finish());
    written.expect("memory takes everything")
}

/// An answer that a client may keep and ask for again: its body, packed where it `may` be and is
/// worth it, or that it is what `if_none_match` names.
pub fn reply(
    body: Vec<u8>,
    content_type: &'static str,
    may_pack: bool,
    if_none_match: Option<&HeaderValue>,
) -> Response {
    let is_packed = may_pack && is_worthwhile(body.len());
    let tag = match etag::of(&body) {
        tag if is_packed => etag::packed(&tag),
        tag => tag,
    };
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if etag::is_among(&tag, if_none_match) {
        headers.insert(ETAG, tag);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(ETAG, tag);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let body = if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(GZIP));
        pack(&body, Compression::default())
    } else {
        body
    };
    *response.body_mut() = Body::from(body);
    response
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &'static str)| {
            (name.clone(), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn gzip_is_taken_by_who_names_it() {
        for taken in ["gzip", "br, GZIP;q=0.5", "deflate, gzip ; q=1", "gzip;q=x"] {
            assert!(is_taken(&headers(&[(ACCEPT_ENCODING, taken)])), "{taken}");
        }
        for not in ["", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", "identity"] {
            assert!(!is_taken(&headers(&[(ACCEPT_ENCODING, not)])), "{not}");
        }
        assert!(!is_taken(&HeaderMap::new()));
    }

    #[test]
    fn only_what_is_worth_it_is_packed() {
        let sent = |bytes: usize, may_pack| {
            let response = reply(vec![b'x'; bytes], "text/plain", may_pack, None);
            let headers = response.headers();
            assert_eq!(headers[VARY], "Accept-Encoding");
            (
                headers.contains_key(CONTENT_ENCODING),
                headers[ETAG].clone(),
            )
        };
        for bytes in [0, PACKED_MIN_BYTES - 1, PACKED_MAX_BYTES + 1] {
            assert_eq!(sent(bytes, true), sent(bytes, false), "{bytes}");
        }
        let ((is_packed, tag), (_, plain)) = (sent(5_000, true), sent(5_000, false));
        assert!(is_packed && tag != plain);
        let known = reply(vec![b'x'; 5_000], "text/plain", true, Some(&tag));
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(known.headers()[ETAG], tag);
        assert!(!known.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn pages_with_secrets_are_packed_for_their_reader_alone() {
        let asked = |site| headers(&[(COOKIE, "browser=x"), (SEC_FETCH_SITE, site)]);
        assert!(is_safe(&asked("same-origin")));
        assert!(is_safe(&asked("none")));
        assert!(!is_safe(&asked("cross-site")));
        assert!(!is_safe(&asked("same-site")));
        assert!(!is_safe(&headers(&[(COOKIE, "browser=x")])));
        assert!(is_safe(&headers(&[(SEC_FETCH_SITE, "cross-site")])));
    }
}
