//! HTTP of the marketplace: the wire contract, JSON reads and the shop's pages over the use cases.
//!
//! What lives here: paths, headers, bodies and result codes. What never does: a rule of the shop,
//! a driver, the machine's clock. [`contract`] has a handler for each endpoint, all of one shape:
//! the body as a struct, the handler, what it answers. [`api`] has what programs read, `shop` what
//! people look at. [`mod@error`] alone knows which refusal is which result code.
//!
//! Read [`contract`] first, then [`extract`], which every handler's arguments come from.

pub mod answer;
pub mod api;
pub mod body;
mod client;
mod compress;
pub mod contract;
pub mod error;
mod etag;
pub mod extract;
mod field;
mod health;
mod parse;
mod pictures;
mod search;
mod serve;
mod setup;
mod shop;
mod stall;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use app::App;
use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRef, RawPathParams, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::body::BodyBudget;
use crate::contract::HistoryBudget;

pub use extract::ClientAddress;
pub use serve::{
    ACCEPT_PAUSE, CONNECTION_BUFFER_MAX_BYTES, CONNECTIONS_MAX, DISCARD_BODY_MAX_BYTES,
    DISCARD_TIME_MAX, FINISH_TIME_MAX, HEADER_TIME_MAX, serve,
};
pub use setup::{Demo, Setup};
pub use stall::STALL_TIME_MAX;

/// What all handlers share.
#[derive(Clone)]
pub struct Web {
    app: Arc<App>,
    budget: Arc<BodyBudget>,
    histories: Arc<HistoryBudget>,
    setup: Arc<Setup>,
}

impl FromRef<Web> for Arc<App> {
    fn from_ref(web: &Web) -> Self {
        web.app.clone()
    }
}

impl FromRef<Web> for Arc<HistoryBudget> {
    fn from_ref(web: &Web) -> Self {
        web.histories.clone()
    }
}

/// All endpoints and pages over the use cases. Each request must carry the [`ClientAddress`] from
/// which it came as an extension, as [`serve`] sees to.
pub fn router(app: Arc<App>, setup: Setup) -> Router {
    let is_behind_proxy = setup.is_behind_proxy;
    let web = Web {
        app,
        budget: Arc::new(BodyBudget::default()),
        histories: Arc::new(HistoryBudget::default()),
        setup: Arc::new(setup),
    };
    let router = Router::new()
        .merge(contract::routes())
        .merge(with_readable_paths(api::routes(), no_resource))
        .merge(with_readable_paths(pictures::routes(), no_resource))
        .merge(health::routes())
        .merge(with_readable_paths(shop::routes(&web), no_page))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
        .layer(middleware::from_fn(catch_panic));
    let router = if is_behind_proxy {
        router.layer(middleware::from_fn_with_state(
            web.clone(),
            client::believe_proxy,
        ))
    } else {
        router
    };
    router.with_state(web)
}

/// People get a page, programs a message.
async fn unknown_path(State(web): State<Web>, request: Request) -> Response {
    if shop::wants_page(request.headers()) {
        shop::not_found_for(request, &web, StatusCode::NOT_FOUND).await
    } else {
        error::unknown_path().into_response()
    }
}

/// What a room answers where nothing is.
type NotFound = fn(&HeaderMap) -> Response;

fn no_resource(_: &HeaderMap) -> Response {
    error::unknown_path().into_response()
}

fn no_page(headers: &HeaderMap) -> Response {
    shop::not_found(headers, StatusCode::NOT_FOUND)
}

/// The routes, with an answer of their room to paths that no handler can read.
fn with_readable_paths(routes: Router<Web>, not_found: NotFound) -> Router<Web> {
    routes.layer(middleware::from_fn_with_state(not_found, check_path))
}

/// All names are text: a path in which one isn't UTF-8 is of nothing there is.
async fn check_path(
    State(not_found): State<NotFound>,
    names: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) = names {
        return not_found(request.headers());
    }
    next.run(request).await
}

async fn wrong_method(State(web): State<Web>, request: Request) -> Response {
    if shop::wants_page(request.headers()) {
        shop::not_found_for(request, &web, StatusCode::METHOD_NOT_ALLOWED).await
    } else {
        error::wrong_method().into_response()
    }
}

/// Turns a panic of a handler into an answer: whether what it began was done is unknown then.
async fn catch_panic(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let page_headers = shop::wants_page(request.headers()).then(|| request.headers().clone());
    let mut answer = pin!(next.run(request));
    let caught = poll_fn(|context| {
        let poll = AssertUnwindSafe(|| answer.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    });
    caught.await.unwrap_or_else(|payload| {
        let error = error::panicked(uri.path(), &*payload);
        match page_headers {
            Some(headers) => shop::page_for(error, &headers),
            None => error.into_response(),
        }
    })
}
