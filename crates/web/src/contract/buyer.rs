//! `/buyer`: money, orders, and looking back.

use std::sync::Arc;

use app::orders::NewOrder;
use app::{App, Password};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use domain::{Address, Basket, BookId, OrderId, OrderStatus, StoreId, UserId};
use serde::{Deserialize, Serialize};

use super::history::{self, HistoryBudget, Page, PerPage};
use super::{credentials, order_by_password, order_by_token};
use crate::body::ORDER_BODY_MAX_BYTES;
use crate::error::{self, ErrorAnswer};
use crate::extract::{Body, Call, ClientAddress, RoomToBegin, RoomToCarryOn, Token};
use crate::field::{AddValue, Array, Number, Object, OrderName, Text, WantedCount};
use crate::{Web, answer};

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/add_funds", post(add_funds))
        .route("/new_order", post(new_order))
        .route("/payment", post(payment))
        .route("/receive_books", post(receive_books))
        .route("/cancel_order", post(cancel_order))
        .route("/is_order_cancelled", post(is_order_cancelled))
        .route("/check_hist_order", post(check_hist_order))
        .route("/search", post(super::search::search))
        .route("/account", post(account))
}

#[derive(Deserialize)]
struct AddFunds {
    user_id: Text<UserId>,
    password: Text<Password>,
    add_value: Number<AddValue>,
}

impl Body for AddFunds {
    const KEPT_AS: Option<&'static str> = Some("buyer/add_funds");
}

/// `POST /buyer/add_funds`: puts money into an account, or takes it out. 200, 401, 519.
async fn add_funds(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    address: ClientAddress,
    mut call: Call<AddFunds>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let AddFunds {
        user_id,
        password,
        add_value: Number(AddValue(amount)),
    } = call.body;
    let credentials = credentials(user_id, password, address);
    let done = app.add_funds(&credentials, keep, amount).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct PlaceOrder {
    user_id: Text<UserId>,
    store_id: Text<StoreId>,
    books: Array<Object<WantedBook>>,
    address: Option<Object<WireAddress>>,
}

#[derive(Deserialize)]
struct WantedBook {
    id: Text<BookId>,
    count: WantedCount,
}

#[derive(Deserialize)]
struct WireAddress {
    name: String,
    phone: String,
    text: String,
}

impl Body for PlaceOrder {
    const MAX_BYTES: usize = ORDER_BODY_MAX_BYTES;
    const KEPT_AS: Option<&'static str> = Some("buyer/new_order");
}

fn to_address(Object(address): Object<WireAddress>) -> Result<Address, ErrorAnswer> {
    let WireAddress { name, phone, text } = &address;
    Address::new(name, phone, text)
        .map_err(|(field, why)| error::invalid_field(&format!("address.{field}"), why))
}

#[derive(Serialize)]
struct Placed {
    order_id: String,
}

/// `POST /buyer/new_order`: places an order. 200 with `order_id`, 401, 511, 513, 515, 517.
async fn new_order(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<PlaceOrder>,
) -> Result<Response, ErrorAnswer> {
    let id = app.new_order_id();
    let order_id = id.to_string();
    let body = answer::ok_bytes(&Placed { order_id });
    let keep = call.keep(&body);
    let PlaceOrder {
        user_id,
        store_id,
        books,
        address,
    } = call.body;
    let wanted = books
        .0
        .into_iter()
        .map(|Object(book)| (book.id.0, book.count.0))
        .collect();
    let order = NewOrder {
        id,
        store: store_id.0,
        basket: Basket::new(wanted).map_err(|why| error::invalid_basket(&why))?,
        address: address.map(to_address).transpose()?,
    };
    let done = app.place_order(&bearer, user_id.0, keep, order).await?;
    Ok(answer::done(done, body))
}

#[derive(Deserialize)]
struct Payment {
    user_id: Text<UserId>,
    password: Text<Password>,
    order_id: Text<OrderName>,
}

impl Body for Payment {
    const KEPT_AS: Option<&'static str> = Some("buyer/payment");
}

/// `POST /buyer/payment`: pays an order from its buyer's account. 200, 401, 518, 519.
async fn payment(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    address: ClientAddress,
    mut call: Call<Payment>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let Payment {
        user_id,
        password,
        order_id,
    } = call.body;
    let credentials = credentials(user_id, password, address);
    let order = order_by_password(&app, &credentials, order_id.0).await?;
    let done = app.pay_order(&credentials, keep, order).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct ReceiveBooks {
    user_id: Text<UserId>,
    order_id: Text<OrderName>,
}

impl Body for ReceiveBooks {
    const KEPT_AS: Option<&'static str> = Some("buyer/receive_books");
}

/// `POST /buyer/receive_books`: confirms that an order has arrived. 200, 401, 511, 518, 520, 521.
async fn receive_books(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<ReceiveBooks>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let ReceiveBooks { user_id, order_id } = call.body;
    let order = order_by_token(&app, &bearer, &user_id.0, order_id.0).await?;
    let done = app.receive_order(&bearer, user_id.0, keep, order).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct CancelOrder {
    user_id: Text<UserId>,
    order_id: Text<OrderName>,
}

impl Body for CancelOrder {
    const KEPT_AS: Option<&'static str> = Some("buyer/cancel_order");
}

/// `POST /buyer/cancel_order`: cancels an order. 200, 401, 511, 518, 525.
async fn cancel_order(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    mut call: Call<CancelOrder>,
) -> Result<Response, ErrorAnswer> {
    let keep = call.keep(answer::OK);
    let CancelOrder { user_id, order_id } = call.body;
    let order = order_by_token(&app, &bearer, &user_id.0, order_id.0).await?;
    let done = app.cancel_order(&bearer, user_id.0, keep, order).await?;
    Ok(answer::done(done, Bytes::from_static(answer::OK)))
}

#[derive(Deserialize)]
struct IsOrderCancelled {
    order_id: Text<OrderName>,
}

impl Body for IsOrderCancelled {}

/// `POST /buyer/is_order_cancelled`: asked by the order's buyer or seller. 200, 401, 518, 524.
async fn is_order_cancelled(
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    call: Call<IsOrderCancelled>,
) -> Result<Response, ErrorAnswer> {
    let name = call.body.order_id.0;
    let id = order_by_token(&app, &bearer, &bearer.terminal.user, name).await?;
    let order = app.order(&bearer, id).await?;
    match order.status() {
        OrderStatus::Cancelled => Ok(answer::ok()),
        _ => Err(error::not_cancelled(id)),
    }
}

#[derive(Deserialize)]
struct CheckHistOrder {
    user_id: Text<UserId>,
    state: Option<Text<OrderStatus>>,
    page: Option<Number<Page>>,
    per_page: Option<Number<PerPage>>,
    before: Option<Text<OrderId>>,
}

impl Body for CheckHistOrder {}

/// `POST /buyer/check_hist_order`: what a buyer ordered. 200 with `orders`, 401, 511.
async fn check_hist_order(
    State(app): State<Arc<App>>,
    State(budget): State<Arc<HistoryBudget>>,
    Token(bearer): Token,
    call: Call<CheckHistOrder>,
) -> Result<Response, ErrorAnswer> {
    let CheckHistOrder {
        user_id,
        state,
        page,
        per_page,
        before,
    } = call.body;
    let page = history::page(state, page, per_page, before)?;
    let _held = budget.take(&page).await?;
    let orders = app.buyer_orders(&bearer, &user_id.0, page).await?;
    Ok(history::answer(orders).await)
}

#[derive(Deserialize)]
struct Account {
    user_id: Text<UserId>,
}

impl Body for Account {}

#[derive(Serialize)]
struct Balance {
    balance: i64,
    held: i64,
    spendable: i64,
}

/// `POST /buyer/account`: what an account has. 200 with `balance`, `held`, `spendable`, 401, 511.
async fn account(
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    call: Call<Account>,
) -> Result<Response, ErrorAnswer> {
    let found = app.balance(&bearer, &call.body.user_id.0).await?;
    Ok(answer::ok_with(&Balance {
        balance: found.balance.get(),
        held: found.held.get(),
        spendable: found.spendable.get(),
    }))
}
