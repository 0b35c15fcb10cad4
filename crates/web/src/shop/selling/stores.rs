//! A seller's stores, and what stands in one of them.

use app::Problem;
use app::books::Card;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::StoreId;
use domain::ids::{ID_MAX_CHARACTERS, InvalidId};
use domain::store::CreateStoreRefusal;
use storage::{Page, Place};

use super::super::cards::{Cover, encoded, price, store_path};
use super::super::forms::{Field, Query, Submitted};
use super::super::frame::Frame;
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::{own_store, own_store_path};

/// How many stores a page has.
const STORES_A_PAGE: u32 = 50;
/// How many books a page has.
const BOOKS_A_PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "selling_stores.html")]
struct StoresPage {
    frame: Frame,
    stores: Vec<(String, String)>,
    more: Option<String>,
    name: Field,
}

/// `GET /selling/stores`.
pub async fn list(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let after = StoreId::new(query.get("after")).ok();
    show(visitor, after, Field::default()).await
}

async fn show(visitor: Visitor, after: Option<StoreId>, name: Field) -> Result<Response, Trouble> {
    let owner = visitor.reader()?.account.id.clone();
    let listing = visitor.app.own_stores(owner, after, STORES_A_PAGE + 1);
    let mut stores = listing.await?;
    let has_more = stores.len() > STORES_A_PAGE as usize;
    stores.truncate(STORES_A_PAGE as usize);
    let last = stores.last().filter(|_| has_more);
    let status = match name.error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = StoresPage {
        frame: visitor.frame(visitor.language.words().own_stores),
        more: last.map(|last| format!("/selling/stores?after={}", encoded(last.id.as_str()))),
        stores: stores
            .iter()
            .map(|store| (own_store_path(&store.id), store.id.to_string()))
            .collect(),
        name,
    };
    Ok(visitor.private_with(status, &page))
}

/// `POST /selling/stores`: opens one.
pub async fn open(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    let w = visitor.language.words();
    let typed = fields.text("name");
    let error = match StoreId::new(typed) {
        Ok(store) => {
            let reader = visitor.reader()?;
            let owner = reader.account.id.clone();
            let path = format!("{}?done=opened", own_store_path(&store));
            let opening = visitor
                .app
                .create_store(&reader.bearer, owner, None, store.clone());
            match opening.await {
                Ok(_) => return Ok(visitor.go(&path)),
                // Whoever pressed the button twice has opened it.
                Err(Problem::Refused(CreateStoreRefusal::StoreExists(_)))
                    if own_store(&visitor, store.as_str()).await.is_ok() =>
                {
                    return Ok(visitor.go(&path));
                }
                Err(Problem::Refused(CreateStoreRefusal::StoreExists(_))) => w.store_taken,
                Err(problem) => return Err(problem.into()),
            }
        }
        Err(InvalidId::Empty) => w.must_be_filled,
        Err(InvalidId::TooLong) => w.too_long,
        Err(InvalidId::ControlCharacter) => w.not_allowed_characters,
    };
    let cut: String = typed.chars().take(2 * ID_MAX_CHARACTERS).collect();
    show(visitor, None, Field::wrong(cut, error)).await
}

/// A book on a store's shelves, or off them, as its seller sees it.
struct Row {
    path: String,
    cover: Cover,
    title: String,
    author: Option<String>,
    price: String,
    stock: String,
    is_sold_out: bool,
}

#[derive(Template)]
#[template(path = "selling_shelf.html")]
struct ShelfPage {
    frame: Frame,
    id: String,
    path: String,
    shop_path: String,
    is_hidden: bool,
    rows: Vec<Row>,
    more: Option<String>,
}

/// `GET /selling/stores/{store}`: what is on its shelves; with `?shelf=off` what is off them.
pub async fn shelf(
    visitor: Visitor,
    Path(name): Path<String>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let store = own_store(&visitor, &name).await?.id;
    let w = visitor.language.words();
    let notice = match query.get("done") {
        "opened" => Some(w.done_store),
        "listed" => Some(w.done_listed),
        _ => None,
    };
    let is_hidden = query.get("shelf") == "off";
    let after = query.has("after").then(|| Place::new(query.get("after")));
    let listing = visitor
        .app
        .own_shelf(&store, is_hidden, after, BOOKS_A_PAGE);
    let Page { rows, next }: Page<Card> = listing.await?;
    let path = own_store_path(&store);
    let row = |card: &Card| {
        let fields = card.text.fields();
        let stock = card.listing.stock.get();
        Row {
            path: format!("{path}/books/{}", encoded(card.listing.key.book.as_str())),
            cover: Cover::of_listing(&card.listing),
            title: fields.title.clone(),
            author: fields.author.clone(),
            price: price(card.listing.price),
            stock: visitor.language.copies(stock),
            is_sold_out: stock == 0,
        }
    };
    let shelf = if is_hidden { "shelf=off&" } else { "" };
    let page = ShelfPage {
        frame: visitor.frame(store.as_str()).with_notice(notice),
        rows: rows.iter().map(row).collect(),
        more: next.map(|next| format!("{path}?{shelf}after={}", encoded(next.as_str()))),
        shop_path: store_path(&store),
        id: store.to_string(),
        path,
        is_hidden,
    };
    Ok(visitor.private(&page))
}
