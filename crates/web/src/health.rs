//! Whether the process is up, and whether it can serve: for whoever watches over it.

use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use crate::error::{self, ErrorAnswer};
use crate::{Web, answer};

/// How long storage may take to answer before it counts as away.
const READY_TIME_MAX: Duration = Duration::from_secs(2);

pub fn routes() -> Router<Web> {
    Router::new()
        .route("/healthz", get(async || answer::ok()))
        .route("/readyz", get(readyz))
}

/// Asks storage something small, and search whether it is there.
async fn readyz(State(app): State<Arc<App>>) -> Result<Response, ErrorAnswer> {
    let asked = tokio::time::timeout(READY_TIME_MAX, app.storage().next_due());
    match asked.await {
        Ok(Ok(_)) if app.is_search_ready() => Ok(answer::ok()),
        Ok(Ok(_)) => Err(error::search_not_ready()),
        Ok(Err(_)) | Err(_) => Err(error::not_ready()),
    }
}
