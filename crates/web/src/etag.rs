//! Entity tags: whether somebody has the same bytes already.

use axum::http::HeaderValue;

/// The tag of a body.
pub fn of(body: &[u8]) -> HeaderValue {
    let hash = blake3::hash(body).to_hex();
    HeaderValue::try_from(format!("\"{}\"", &hash[..32])).expect("digits fit a header")
}

/// The tag of the same body in gzip: other bytes, so another tag.
pub fn packed(tag: &HeaderValue) -> HeaderValue {
    let tag = tag.to_str().expect("tags are digits in quotes");
    let name = tag.trim_end_matches('"');
    HeaderValue::try_from(format!("{name}-gzip\"")).expect("digits fit a header")
}

/// Whether `If-None-Match` names the tag.
pub fn is_among(tag: &HeaderValue, if_none_match: Option<&HeaderValue>) -> bool {
    let (Ok(tag), Some(known)) = (tag.to_str(), if_none_match) else {
        return false;
    };
    let known = known.to_str().unwrap_or("");
    let mut named = known.split(',').map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_any_list() {
        let tag = of(b"a");
        let text = tag.to_str().unwrap();
        for known in [
            text.to_owned(),
            format!("\"x\", {text}"),
            format!("W/{text}"),
            "*".into(),
        ] {
            assert!(is_among(&tag, Some(&known.parse().unwrap())), "{known}");
        }
        assert!(!is_among(&tag, Some(&of(b"b"))));
        assert!(!is_among(&tag, None));
    }
}
