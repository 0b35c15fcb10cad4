//! What sellers need: the orders to send, their stores, and what stands in them.

mod book_form;
mod listing;
mod orders;
mod pictures;
mod stores;

use axum::Router;
use axum::routing::{get, post};
use domain::{Store, StoreId};

use super::cards::encoded;
use super::trouble::Trouble;
use super::visitor::Visitor;
use crate::Web;

pub fn routes() -> Router<Web> {
    let store = "/selling/stores/{store}";
    let book = format!("{store}/books/{{book}}");
    Router::new()
        .route("/selling", get(orders::list))
        .route("/selling/{id}/send", post(orders::send))
        .route("/selling/stores", get(stores::list).post(stores::open))
        .route(store, get(stores::shelf))
        .route(
            &format!("{store}/new"),
            get(listing::new_page).post(listing::add),
        )
        .route(&book, get(listing::page).post(listing::change))
        .route(&format!("{book}/stock"), post(listing::add_stock))
        .route(&format!("{book}/shelf"), post(listing::put_or_take))
}

fn own_store_path(id: &StoreId) -> String {
    format!("/selling/stores/{}", encoded(id.as_str()))
}

/// The reader's own store of that name. One of others is not there.
async fn own_store(visitor: &Visitor, name: &str) -> Result<Store, Trouble> {
    let reader = visitor.reader()?;
    let id = StoreId::new(name).map_err(|_| Trouble::not_found())?;
    let found = visitor.app.open_store(&id).await?;
    found
        .filter(|store| store.owner == reader.account.id)
        .ok_or_else(Trouble::not_found)
}
