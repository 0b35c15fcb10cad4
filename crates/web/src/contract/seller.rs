//! `/seller`: stores, what they offer, and the orders in them.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use domain::{
    AddListing, AddStock, BookId, ListingKey, OrderId, OrderStatus, Stock, StoreId, Tracking,
    UpdateListing, UserId,
};
use serde::Deserialize;

use super::book::{BookChange, BookInfo, to_pictures};
use super::history::{self, HistoryBudget, PerPage};
use super::order_by_token;
use crate::body::BOOK_BODY_MAX_BYTES;
use crate::error::{self, ErrorAnswer};
use crate::extract::{Body, Call, RoomToBegin, RoomToCarryOn, Token};
use crate::field::{Number, Object, OrderName, StockChange, Text};
use crate::{Web, answer};

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/create_store", post(create_store))
        .route("/add_book", post(add_book))
        .route("/add_stock_level", post(add_stock_level))
        .route("/send_books", post(send_books))
        .route("/update_book", post(update_book))
        .route("/list_orders", post(list_orders))
}

#[derive(Deserialize)]
struct CreateStore {
    user_id: Text<UserId>,
    store_id: Text<StoreId>,
}

impl Body for CreateStore {
    const KEPT_AS: Option<&'static str> = Some("seller/create_store");
}

/// `POST /seller/create_store`: opens a store. 200, 401, 511, 514.
async fn create_store(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<CreateStore>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let CreateStore { user_id, store_id } = call.body;
    let done = app
        .create_store(&bearer, user_id.0, keep, store_id.0)
        .await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct AddBook {
    user_id: Text<UserId>,
    store_id: Text<StoreId>,
    book_info: Object<BookInfo>,
    stock_level: Option<Number<Stock>>,
}

impl Body for AddBook {
    const MAX_BYTES: usize = BOOK_BODY_MAX_BYTES;
    const KEPT_AS: Option<&'static str> = Some("seller/add_book");
}

/// `POST /seller/add_book`: lists a book in a store. 200, 401, 511, 513, 516.
async fn add_book(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<AddBook>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let AddBook {
        user_id,
        store_id,
        book_info: Object(mut info),
        stock_level,
    } = call.body;
    let listing = AddListing {
        user: user_id.0,
        key: ListingKey {
            store: store_id.0,
            book: info.id.0.clone(),
        },
        pictures: to_pictures(info.pictures.take()),
        price: info.price.0,
        stock: stock_level.map_or_else(Stock::default, |Number(stock)| stock),
        text: Arc::new(info.into_text()?),
    };
    let done = app.add_listing(&bearer, keep, listing).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct AddStockLevel {
    user_id: Text<UserId>,
    store_id: Text<StoreId>,
    book_id: Text<BookId>,
    add_stock_level: Number<StockChange>,
}

impl Body for AddStockLevel {
    const KEPT_AS: Option<&'static str> = Some("seller/add_stock_level");
}

/// `POST /seller/add_stock_level`: adds copies, or takes some away. 200, 401, 511, 513, 515, 517.
async fn add_stock_level(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<AddStockLevel>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let AddStockLevel {
        user_id,
        store_id,
        book_id,
        add_stock_level: Number(StockChange(change)),
    } = call.body;
    let stock = AddStock {
        user: user_id.0,
        key: ListingKey {
            store: store_id.0,
            book: book_id.0,
        },
        change,
    };
    let done = app.add_stock(&bearer, keep, stock).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct SendBooks {
    user_id: Text<UserId>,
    order_id: Text<OrderName>,
    tracking: Option<Text<Tracking>>,
}

impl Body for SendBooks {
    const KEPT_AS: Option<&'static str> = Some("seller/send_books");
}

/// `POST /seller/send_books`: says that an order is on its way. 200, 401, 511, 518, 522.
async fn send_books(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<SendBooks>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let SendBooks {
        user_id,
        order_id,
        tracking,
    } = call.body;
    let order = order_by_token(&app, &bearer, &user_id.0, order_id.0).await?;
    let tracking = tracking.map(|Text(tracking)| tracking);
    let done = app
        .send_order(&bearer, user_id.0, keep, order, tracking)
        .await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct UpdateBook {
    user_id: Text<UserId>,
    store_id: Text<StoreId>,
    book_id: Text<BookId>,
    book_info: Object<BookChange>,
    listed: Option<bool>,
}

impl Body for UpdateBook {
    const MAX_BYTES: usize = BOOK_BODY_MAX_BYTES;
    const KEPT_AS: Option<&'static str> = Some("seller/update_book");
}

/// `POST /seller/update_book`: changes what a listing says, shows or costs. 200, 401, 511, 513, 515.
async fn update_book(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<UpdateBook>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let UpdateBook {
        user_id,
        store_id,
        book_id,
        book_info: Object(mut change),
        listed,
    } = call.body;
    if change.id.as_ref().is_some_and(|id| id.0 != book_id.0) {
        return Err(error::invalid_field("book_info.id", "can't change"));
    }
    let update = UpdateListing {
        user: user_id.0,
        key: ListingKey {
            store: store_id.0,
            book: book_id.0,
        },
        price: change.price.take().map(|Number(price)| price),
        pictures: change.pictures.take().map(to_pictures),
        is_listed: listed,
        patch: change.into_patch(),
    };
    let done = app.update_listing(&bearer, keep, update).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct ListOrders {
    user_id: Text<UserId>,
    store_id: Option<Text<StoreId>>,
    state: Option<Text<OrderStatus>>,
    before: Option<Text<OrderId>>,
    per_page: Option<Number<PerPage>>,
}

impl Body for ListOrders {}

/// `POST /seller/list_orders`: what a seller sells. 200 with `orders`, 401, 511, 513.
async fn list_orders(
    State(app): State<Arc<App>>,
    State(budget): State<Arc<HistoryBudget>>,
    Token(bearer): Token,
    call: Call<ListOrders>,
) -> Result<Response, ErrorAnswer> {
    let ListOrders {
        user_id,
        store_id,
        state,
        before,
        per_page,
    } = call.body;
    let page = history::page(state, None, per_page, before)?;
    let _held = budget.take(&page).await?;
    let store = store_id.map(|Text(store)| store);
    let orders = app.seller_orders(&bearer, &user_id.0, store, page).await?;
    Ok(history::answer(orders).await)
}
