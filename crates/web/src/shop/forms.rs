//! Forms: which are taken, and what is in them.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

use super::multipart;
use super::trouble::Trouble;
use super::visitor::Visitor;
use crate::Web;
use crate::body::{self, BODY_MAX_BYTES, BOOK_BODY_MAX_BYTES, Reserved};
use crate::client::SEC_FETCH_SITE;

const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values, from a form or from a query.
#[derive(Debug, Default, Clone)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The first value of that name; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("")
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.0.iter().filter(move |(found, _)| found == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// As [`Self::get`], without white space around it.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).trim()
    }
}

/// The query of a page.
pub struct Query(pub Fields);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or("");
        Ok(Self(Fields::parse(query.as_bytes())))
    }
}

/// A form that came from one of our own pages, and who sent it.
pub struct Submitted {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl FromRequest<Web> for Submitted {
    type Rejection = Trouble;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        if !is_from_here(&parts.headers) {
            return Err(Trouble::foreign());
        }
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        let content_type = parts.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next());
        if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(FORM)) {
            return Err(Trouble::bad());
        }
        let (bytes, _reserved) = body::read(body, BODY_MAX_BYTES, &web.budget).await?;
        let fields = Fields::parse(&bytes);
        if !is_ours(&visitor, &fields) {
            return Err(not_ours(&parts.headers, &visitor, &fields));
        }
        Ok(Self { visitor, fields })
    }
}

/// A form that may have files, from somebody who is signed in: nobody else may send so much.
pub struct Uploaded {
    pub visitor: Visitor,
    pub fields: Fields,
    /// The files that were chosen.
    pub files: Vec<Bytes>,
    /// What the form takes of all that bodies may.
    _reserved: Reserved,
}

impl FromRequest<Web> for Uploaded {
    type Rejection = Trouble;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        if !is_from_here(&parts.headers) {
            return Err(Trouble::foreign());
        }
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        visitor.reader()?;
        let content_type = parts.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(multipart::boundary);
        let boundary = boundary.ok_or_else(Trouble::bad)?;
        let (bytes, reserved) = body::read(body, BOOK_BODY_MAX_BYTES, &web.budget).await?;
        let form = multipart::read(&bytes, boundary).ok_or_else(Trouble::bad)?;
        let fields = Fields(form.fields);
        if !is_ours(&visitor, &fields) {
            return Err(Trouble::foreign());
        }
        Ok(Self {
            visitor,
            fields,
            files: form.files.into_iter().map(|(_, file)| file).collect(),
            _reserved: reserved,
        })
    }
}

/// Compares in a time that does not tell where they differ.
fn is_ours(visitor: &Visitor, fields: &Fields) -> bool {
    let (sent, made) = (fields.get("form_token"), visitor.form_token());
    sent.as_bytes().ct_eq(made.as_bytes()).into()
}

/// Why a form is refused whose token is not the visitor's. A token is made for one reader, so a page
/// that was opened before a session ended has that reader's: whoever sends it has to sign in again.
fn not_ours(headers: &HeaderMap, visitor: &Visitor, fields: &Fields) -> Trouble {
    let is_surely_from_here = headers.contains_key(&SEC_FETCH_SITE);
    if is_surely_from_here && visitor.reader.is_none() && !fields.get("form_token").is_empty() {
        Trouble::not_signed_in()
    } else {
        Trouble::foreign()
    }
}

/// What the browser says of where a form was. One that says nothing at all is old; then the
/// form's own token has to do.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let Some(origin) = text(&ORIGIN) else {
        return true;
    };
    let host = text(&HOST).unwrap_or("");
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    of_origin.is_some_and(|found| found.eq_ignore_ascii_case(host))
}

/// A field as it was typed, with what is wrong about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    pub value: String,
    pub error: Option<&'static str>,
}

impl Field {
    pub fn of(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            error: None,
        }
    }

    pub fn wrong(value: impl Into<String>, error: &'static str) -> Self {
        Self {
            value: value.into(),
            error: Some(error),
        }
    }

    pub fn is_wrong(&self) -> bool {
        self.error.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        for taken in [
            &[("host", "shop.example")][..],
            &[("sec-fetch-site", "same-origin")],
            &[("host", "shop.example"), ("origin", "https://shop.example")],
            &[
                ("host", "127.0.0.1:5000"),
                ("origin", "http://127.0.0.1:5000"),
            ],
        ] {
            assert!(is_from_here(&headers(taken)), "{taken:?}");
        }
        for refused in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("host", "shop.example"), ("origin", "https://evil.example")],
            &[
                ("host", "shop.example"),
                ("origin", "https://shop.example.evil.example"),
            ],
            &[("host", "shop.example"), ("origin", "null")],
            &[
                ("host", "shop.example:81"),
                ("origin", "http://shop.example"),
            ],
        ] {
            assert!(!is_from_here(&headers(refused)), "{refused:?}");
        }
    }

    #[test]
    fn a_field_is_found_by_name() {
        let fields = Fields::parse("a=1&b=%E4%B9%A6+x&a=2&c".as_bytes());
        assert_eq!(fields.get("a"), "1");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.get("b"), "书 x");
        assert!(fields.has("c") && !fields.has("d"));
    }
}
