//! The front page.

use askama::Template;
use axum::response::Response;

use super::cards::{CardView, store_path};
use super::frame::Frame;
use super::trouble::Trouble;
use super::visitor::Visitor;

/// How many new books there are on it.
const NEWEST: u32 = 12;
/// How many of those that were bought most.
const MOST_BOUGHT: usize = 6;
/// How many stores.
const STORES: u32 = 12;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    newest: Vec<CardView>,
    most_bought: Vec<CardView>,
    stores: Vec<(String, String)>,
}

/// `GET /`.
pub async fn home(visitor: Visitor) -> Result<Response, Trouble> {
    let app = &visitor.app;
    let newest = app.newest(NEWEST).await?;
    let most_bought = app.most_bought(MOST_BOUGHT).await?;
    let stores = app.open_stores(None, STORES).await?;
    let title = visitor.language.words().shop_name;
    let home = Home {
        frame: visitor.frame(title),
        newest: CardView::all(&newest),
        most_bought: CardView::all(&most_bought),
        stores: stores
            .iter()
            .map(|store| (store_path(&store.id), store.id.to_string()))
            .collect(),
    };
    Ok(visitor.public(&home))
}
