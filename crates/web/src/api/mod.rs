//! JSON for programs that read: resources under `/api/v1`, in the words of HTTP itself.
//!
//! GET only; what changes something is the contract's. What is not there is 404, what is another's
//! too; without a live token it is 401. Lists go on at `next`. Everything carries an `ETag`.
//!
//! [`reply`] writes the answers. Each noun has a file, whose routes come together here.

mod account;
mod books;
mod orders;
mod query;
mod reply;
mod search;
mod stores;

pub(crate) use books::{FieldsJson, OfferJson};

use axum::Router;

use crate::Web;

/// All of it.
pub(crate) fn routes() -> Router<Web> {
    let routes = Router::new()
        .merge(books::routes())
        .merge(search::routes())
        .merge(stores::routes())
        .merge(orders::routes())
        .merge(account::routes());
    Router::new().nest("/api/v1", routes)
}
