//! The shop's pages: what a person looks at, over the same use cases as everything else.
//!
//! Every page works without scripts: forms are sent, and answered with a page or a redirect to
//! one. [`visitor`] is who looks at a page, [`forms`] which forms are taken, [`trouble`] what is
//! shown where something went wrong. The rest is a file for each noun; its pages are in
//! `templates`, all its words in [`words`].

mod account;
mod addresses;
mod assets;
mod books;
mod cards;
mod cart;
mod cart_page;
mod checkout;
mod cookies;
mod forms;
mod frame;
mod home;
mod language;
mod multipart;
mod orders;
mod results;
mod selling;
mod session;
mod stores;
mod trouble;
mod visitor;
mod words;

use axum::Router;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};

use crate::Web;
use crate::error::ErrorAnswer;

pub use assets::IMMUTABLE;
pub use trouble::{not_found, not_found_for, wants_page};

/// What browsers are to load: our own files, and nothing that stands in a page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

pub fn routes(web: &Web) -> Router<Web> {
    Router::new()
        .route("/", get(home::home))
        .route("/search", get(results::results))
        .route("/suggest", get(results::suggest))
        .route("/books/{id}", get(books::book))
        .route("/stores", get(stores::list))
        .route("/stores/{id}", get(stores::store))
        .route("/cart", get(cart_page::cart))
        .route("/cart/add", post(cart_page::add))
        .route("/cart/change", post(cart_page::change))
        .route("/checkout", get(checkout::page).post(checkout::place))
        .route(
            "/checkout/addresses",
            get(addresses::page).post(addresses::change),
        )
        .route("/orders", get(orders::list::list))
        .route("/orders/pay", post(orders::verbs::pay))
        .route("/orders/{id}", get(orders::page::order))
        .route("/orders/{id}/receipt", get(orders::page::receipt))
        .route("/orders/{id}/cancel", post(orders::verbs::cancel))
        .route("/orders/{id}/receive", post(orders::verbs::receive))
        .merge(selling::routes())
        .route("/account", get(account::page))
        .route("/account/funds", post(account::funds))
        .route("/account/password", post(account::password))
        .route("/account/everywhere", post(account::everywhere))
        .route("/account/close", post(account::close))
        .route(
            "/sign-in",
            get(session::sign_in_page).post(session::sign_in),
        )
        .route(
            "/register",
            get(session::register_page).post(session::register),
        )
        .route("/sign-out", post(session::sign_out))
        .route("/language/{code}", get(session::language))
        .layer(middleware::from_fn_with_state(web.clone(), trouble::pages))
        .route("/assets/{file}", get(assets::serve))
}

/// The page that stands for an answer that is none, such as after a bug.
pub fn page_for(error: ErrorAnswer, headers: &HeaderMap) -> Response {
    trouble::page_for(error, headers)
}

/// Tells browsers to be strict.
fn with_safety(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    put(CONTENT_SECURITY_POLICY, POLICY);
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(REFERRER_POLICY, "same-origin");
    put(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    put(VARY, "Accept-Encoding, Accept-Language, Cookie");
    response
}
