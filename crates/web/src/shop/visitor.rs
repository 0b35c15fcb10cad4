//! Who looks at the shop: his language, his session, his cart, and the answer that he gets.

use std::net::IpAddr;
use std::sync::Arc;

use app::{App, Bearer, Credentials, Password};
use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_NONE_MATCH, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Account;
use domain::terminal::TOKEN_LIFETIME;

use super::cart::{CART_COOKIE, CART_KEPT_S, Cart};
use super::cookies::{self, Cookie};
use super::frame::Frame;
use super::language::Language;
use super::trouble::Trouble;
use crate::client::{self, ClientAddress};
use crate::{Setup, Web, compress};

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "session";
/// The cookie that tells browsers apart, for the seal on forms.
pub const BROWSER_COOKIE: &str = "browser";

const HTML: &str = "text/html; charset=utf-8";

/// Somebody who is signed in.
pub struct Reader {
    pub bearer: Bearer,
    pub account: Account,
}

/// Somebody who looks at the shop.
pub struct Visitor {
    pub app: Arc<App>,
    pub setup: Arc<Setup>,
    pub language: Language,
    pub reader: Option<Reader>,
    pub cart: Cart,
    pub address: IpAddr,
    /// The page's own path, with its query.
    pub here: String,
    browser: String,
    is_secure: bool,
    /// Whether his pages may be packed.
    may_pack: bool,
    if_none_match: Option<HeaderValue>,
    to_set: Vec<HeaderValue>,
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Trouble> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, web).await?;
        let headers = &parts.headers;
        let known = cookies::find(headers, BROWSER_COOKIE).filter(|text| is_browser(text));
        // Where a form was sent to there may be no page to come back to.
        let here = match parts.method {
            Method::GET => parts.uri.path_and_query().map_or("/", |here| here.as_str()),
            _ => "/",
        };
        let mut visitor = Self {
            app: web.app.clone(),
            setup: web.setup.clone(),
            language: Language::of(headers),
            reader: None,
            cart: cookies::find(headers, CART_COOKIE)
                .map(Cart::decode)
                .unwrap_or_default(),
            address,
            here: here.to_owned(),
            browser: known.map_or_else(new_browser, str::to_owned),
            is_secure: client::is_encrypted(headers, &web.setup),
            may_pack: compress::is_taken(headers) && compress::is_safe(headers),
            if_none_match: headers.get(IF_NONE_MATCH).cloned(),
            to_set: Vec::new(),
        };
        if known.is_none() {
            let browser = visitor.browser.clone();
            visitor.set_cookie(BROWSER_COOKIE, &browser, "/", None);
        }
        if let Some(token) = cookies::find(headers, SESSION_COOKIE) {
            visitor.resume(token).await?;
        }
        Ok(visitor)
    }
}

fn new_browser() -> String {
    URL_SAFE_NO_PAD.encode(app::random::bytes::<16>())
}

fn is_browser(text: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|bytes| bytes.len() == 16)
}

impl Visitor {
    /// Takes up a session. One that is over is forgotten, one that goes on is renewed.
    async fn resume(&mut self, token: &str) -> Result<(), Trouble> {
        let live = match self.app.read_token(token) {
            Ok(bearer) => match self.app.account(&bearer).await {
                Ok(account) => Some(Reader { bearer, account }),
                Err(app::Problem::Unauthorized) => None,
                Err(problem) => return Err(problem.into()),
            },
            Err(_) => None,
        };
        match &live {
            Some(reader) => {
                if let Some(token) = self.app.renew(&reader.bearer) {
                    self.begin_session(&token);
                }
            }
            None => self.end_session(),
        }
        self.reader = live;
        Ok(())
    }

    pub fn begin_session(&mut self, token: &str) {
        let lifetime = TOKEN_LIFETIME.as_secs();
        self.set_cookie(SESSION_COOKIE, token, "/", Some(lifetime));
    }

    pub fn end_session(&mut self) {
        self.reader = None;
        self.set_cookie(SESSION_COOKIE, "", "/", Some(0));
    }

    /// Has the browser keep the cart as it is now.
    pub fn keep_cart(&mut self) {
        let value = self.cart.encode();
        self.set_cookie(CART_COOKIE, &value, "/", Some(CART_KEPT_S));
    }

    pub fn set_cookie(&mut self, name: &str, value: &str, path: &str, max_age_s: Option<u64>) {
        let cookie = Cookie {
            name,
            value,
            path,
            max_age_s,
            is_secure: self.is_secure,
        };
        self.to_set.push(cookie.header());
    }

    /// Whoever is signed in; others are sent to sign in, and come back here.
    pub fn reader(&self) -> Result<&Reader, Trouble> {
        self.reader.as_ref().ok_or_else(Trouble::not_signed_in)
    }

    /// The reader with a password, as it was typed; `None` where it can't be one.
    pub fn credentials(&self, password: &str) -> Result<Option<Credentials>, Trouble> {
        let user = self.reader()?.account.id.clone();
        let credentials = |password| Credentials {
            user,
            password,
            address: self.address,
        };
        Ok(Password::new(password).map(credentials))
    }

    /// What a form must bring along: made by this server for this browser and this reader.
    pub fn form_token(&self) -> String {
        let user = self.reader.as_ref().map(|reader| &reader.account.id);
        let user = user.map_or("", |user| user.as_str());
        let bytes = format!("{}\n{user}", self.browser);
        let seal = self.app.seal("form", bytes.as_bytes());
        URL_SAFE_NO_PAD.encode(&seal[..18])
    }

    pub fn frame(&self, title: impl Into<String>) -> Frame {
        Frame::of(self, title.into())
    }

    /// A page that everybody sees alike, but for its frame: a browser may keep it and ask whether
    /// it is still the same.
    pub fn public(self, page: &impl Template) -> Response {
        let body = page.render().expect("pages are written into memory");
        // One who is given cookies needs the page that goes with them.
        let known = self.if_none_match.as_ref();
        let known = known.filter(|_| self.to_set.is_empty());
        let mut response = compress::reply(body.into_bytes(), HTML, self.may_pack, known);
        let cached = HeaderValue::from_static("private, no-cache");
        response.headers_mut().insert(CACHE_CONTROL, cached);
        self.with_cookies(response)
    }

    /// A page that is the reader's own: nothing of it is kept anywhere.
    pub fn private(self, page: &impl Template) -> Response {
        self.private_with(StatusCode::OK, page)
    }

    pub fn private_with(self, status: StatusCode, page: &impl Template) -> Response {
        let body = page.render().expect("pages are written into memory");
        let response = html(status, body);
        self.with_cookies(no_store(response))
    }

    /// Sends the browser on to one of our own pages.
    pub fn go(self, path: &str) -> Response {
        self.with_cookies(see_other(path))
    }

    pub fn with_cookies(self, mut response: Response) -> Response {
        for cookie in self.to_set {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

pub fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn html(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let html = HeaderValue::from_static(HTML);
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

/// Redirects to one of our own pages, which is asked for with GET.
pub fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let path = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, path);
    no_store(response)
}

/// The path, where it is one of ours and can't lead anywhere else.
pub fn local(path: &str) -> Option<&str> {
    let is_visible = path.bytes().all(|byte| (0x21..0x7F).contains(&byte));
    let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    (is_visible && is_ours).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_paths_are_gone_back_to() {
        for path in ["/", "/cart", "/books/%E4%B9%A6?store=a#offers"] {
            assert_eq!(local(path), Some(path));
        }
        for path in [
            "",
            "cart",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x",
            "/\t/evil.example",
            " /",
            "/书",
        ] {
            assert_eq!(local(path), None, "{path:?}");
        }
    }
}
