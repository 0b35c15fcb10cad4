//! What went wrong, as a page: never a blank one, and nothing of what is inside.

use std::time::Duration;

use app::Problem;
use app::search::SearchProblem;
use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{REFERER, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use storage::StorageError;

use super::frame::Frame;
use super::language::Language;
use super::visitor::{Visitor, html, no_store, see_other};
use super::with_safety;
use crate::Web;
use crate::error::ErrorAnswer;

/// Why there is no page.
#[derive(Debug, Clone)]
pub struct Trouble {
    what: What,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    NotSignedIn,
    NotFound,
    Foreign,
    Bad,
    TooLarge,
    TooManyAttempts,
    Busy,
    Failed,
    OutcomeUnknown,
}

impl Trouble {
    fn of(what: What) -> Self {
        Self {
            what,
            request_id: None,
            retry_after: None,
        }
    }

    /// The page is for those who are signed in.
    pub fn not_signed_in() -> Self {
        Self::of(What::NotSignedIn)
    }

    /// There is nothing at this address.
    pub fn not_found() -> Self {
        Self::of(What::NotFound)
    }

    /// The form was not one of ours.
    pub fn foreign() -> Self {
        Self::of(What::Foreign)
    }

    /// The request makes no sense.
    pub fn bad() -> Self {
        Self::of(What::Bad)
    }

    /// The page where nothing is known but the language.
    fn page(self, language: Language) -> Response {
        self.page_in(language, |title| Frame::bare(language, title))
    }

    /// The page as whoever asked sees all others. Where storage may be what failed, nothing more is
    /// asked of it.
    async fn page_for(self, mut asked: Parts, web: &Web) -> Response {
        let is_failure = matches!(self.what, What::Busy | What::Failed | What::OutcomeUnknown);
        if !is_failure && let Ok(visitor) = Visitor::from_request_parts(&mut asked, web).await {
            let page = self.page_in(visitor.language, |title| visitor.frame(title));
            return visitor.with_cookies(page);
        }
        self.page(Language::of(&asked.headers))
    }

    fn page_in(self, language: Language, frame: impl FnOnce(String) -> Frame) -> Response {
        let w = language.words();
        let (status, title, words) = match self.what {
            What::NotSignedIn => (StatusCode::UNAUTHORIZED, w.sign_in, w.sign_in_first),
            What::NotFound => (StatusCode::NOT_FOUND, w.not_found_title, w.not_found_words),
            What::Foreign => (StatusCode::FORBIDDEN, w.refused_title, w.refused_words),
            What::Bad => (StatusCode::BAD_REQUEST, w.bad_title, w.bad_words),
            What::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                w.too_large_title,
                w.too_large_words,
            ),
            What::TooManyAttempts => (
                StatusCode::TOO_MANY_REQUESTS,
                w.attempts_title,
                w.attempts_words,
            ),
            What::Busy => (StatusCode::SERVICE_UNAVAILABLE, w.busy_title, w.busy_words),
            What::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                w.failed_title,
                w.failed_words,
            ),
            What::OutcomeUnknown => (
                StatusCode::INTERNAL_SERVER_ERROR,
                w.failed_title,
                w.unknown_words,
            ),
        };
        let page = TroublePage {
            frame: frame(title.to_owned()),
            words,
            request_id: self.request_id,
        };
        let body = page.render().expect("pages are written into memory");
        let mut response = no_store(html(status, body));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1_000).max(1).to_string();
            let seconds = HeaderValue::try_from(seconds).expect("digits fit a header");
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    words: &'static str,
    request_id: Option<String>,
}

impl From<ErrorAnswer> for Trouble {
    fn from(error: ErrorAnswer) -> Self {
        let what = match error.code() {
            401 => What::NotSignedIn,
            404 | 511 | 513 | 515 | 518 => What::NotFound,
            413 => What::TooLarge,
            429 => What::TooManyAttempts,
            503 => What::Busy,
            528 => What::Failed,
            530 => What::OutcomeUnknown,
            _ => What::Bad,
        };
        Self {
            what,
            retry_after: error.retry_after(),
            request_id: error.into_request_id(),
        }
    }
}

impl<R: Into<ErrorAnswer>> From<Problem<R>> for Trouble {
    fn from(problem: Problem<R>) -> Self {
        ErrorAnswer::from(problem).into()
    }
}

impl From<SearchProblem> for Trouble {
    fn from(problem: SearchProblem) -> Self {
        ErrorAnswer::from(problem).into()
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Problem::<Infallible>::Failed(error).into()
    }
}

/// The page itself is made by [`pages`], which knows the reader's language.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether whoever asks is a browser that wants to show a page.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get("accept").and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// The page for an address that nobody knows, or where only forms are sent to.
pub fn not_found(headers: &HeaderMap, status: StatusCode) -> Response {
    let mut response = Trouble::not_found().page(Language::of(headers));
    *response.status_mut() = status;
    with_safety(response)
}

/// The same for whoever asked.
pub async fn not_found_for(request: Request, web: &Web, status: StatusCode) -> Response {
    let (parts, _) = request.into_parts();
    let mut response = Trouble::not_found().page_for(parts, web).await;
    *response.status_mut() = status;
    with_safety(response)
}

/// The page that stands for an answer that is none, such as after a bug.
pub fn page_for(error: ErrorAnswer, headers: &HeaderMap) -> Response {
    with_safety(Trouble::from(error).page(Language::of(headers)))
}

/// The page that a form was on, as the browser tells. Where it leads is looked at when it is used.
fn page_before(headers: &HeaderMap) -> Option<String> {
    let before: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    before.path_and_query().map(ToString::to_string)
}

/// Around all pages: shows what went wrong, and tells browsers to be strict.
pub async fn pages(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let request = Request::from_parts(parts, body);
    let is_get = request.method() == Method::GET;
    // A form's own address is no page to come back to; the one that it was on is.
    let here = if is_get {
        request.uri().path_and_query().map(ToString::to_string)
    } else {
        page_before(request.headers())
    };
    let mut response = next.run(request).await;
    if let Some(trouble) = response.extensions_mut().remove::<Trouble>() {
        response = match trouble.what {
            What::NotSignedIn => {
                let back = here.unwrap_or_else(|| "/".to_owned());
                let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
                see_other(&format!("/sign-in?back={back}"))
            }
            _ => trouble.page_for(asked, &web).await,
        };
    }
    with_safety(response)
}
