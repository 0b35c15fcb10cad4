//! Result codes: the one place that knows which refusal, failure or bug is which status, and what
//! is said of it.
//!
//! A refusal names the id concerned; a failed authorization says nothing that helps an attacker;
//! a failure reveals nothing inside, and its chain is logged once, under the request's id.

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use app::Problem;
use app::search::SearchProblem;
use axum::http::header::{CONNECTION, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::account::{AddFundsRefusal, RegisterRefusal, UnregisterRefusal};
use domain::book::InvalidText;
use domain::listing::{AddListingRefusal, AddStockRefusal, StoreRefusal, UpdateListingRefusal};
use domain::money::{BALANCE_MAX, COUNT_MAX, ORDER_TOTAL_MAX};
use domain::order::{
    CancelOrderRefusal, InvalidBasket, PartyRefusal, PayOrderRefusal, PlaceOrderRefusal,
    ReceiveOrderRefusal, SendOrderRefusal,
};
use domain::store::CreateStoreRefusal;
use domain::{BookId, OrderId, Stock};
use serde::Serialize;
use storage::{ErrorKind, StorageError};

use crate::answer;

/// After how long whoever was told 503 may try again.
pub const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request was not done, in the wire's terms.
#[derive(Debug)]
pub struct ErrorAnswer {
    code: u16,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    is_closing: bool,
}

impl ErrorAnswer {
    fn new(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
            request_id: None,
            is_closing: false,
        }
    }

    /// The result code.
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// After how long to try again, where that helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Under which id it was logged, where it was.
    pub(crate) fn into_request_id(self) -> Option<String> {
        self.request_id
    }

    /// The same answer in the codes that HTTP itself knows, for whoever doesn't speak the
    /// contract: what is not there and what is another's are not told apart.
    pub(crate) fn into_standard(self) -> Self {
        let code = match self.code {
            511 | 513 | 515 | 518 => 404,
            528 => 503,
            530 => 500,
            code => code,
        };
        Self { code, ..self }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl IntoResponse for ErrorAnswer {
    fn into_response(self) -> Response {
        let message = &self.message;
        let body = serde_json::to_vec(&Message { message }).expect("text can be written");
        let mut response = answer::json(body);
        *response.status_mut() = StatusCode::from_u16(self.code).expect("codes have three digits");
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            // Rounded up: a client that waits that long must not come too early.
            let seconds = wait.as_millis().div_ceil(1_000).max(1).to_string();
            let seconds = HeaderValue::try_from(seconds).expect("digits fit a header");
            headers.insert(RETRY_AFTER, seconds);
        }
        if let Some(id) = self.request_id {
            let id = HeaderValue::try_from(id).expect("hexadecimal digits fit a header");
            headers.insert(REQUEST_ID, id);
        }
        if self.is_closing {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Nobody is told which of user, password, token or owner was wrong.
fn unauthorized() -> ErrorAnswer {
    ErrorAnswer::new(401, "authorization failed")
}

/// There is no token where one must be.
pub fn no_token() -> ErrorAnswer {
    unauthorized()
}

/// The address is of no endpoint.
pub fn unknown_path() -> ErrorAnswer {
    ErrorAnswer::new(404, "there is nothing at this path")
}

/// The endpoint is not asked this way.
pub fn wrong_method() -> ErrorAnswer {
    ErrorAnswer::new(405, "this path does not serve this method")
}

/// The body is not said to be JSON.
pub fn wrong_content_type() -> ErrorAnswer {
    ErrorAnswer::new(415, "the content type must be `application/json`")
}

/// The body is compressed.
pub fn wrong_content_encoding() -> ErrorAnswer {
    ErrorAnswer::new(415, "the body must be sent without a content encoding")
}

/// The body passes its limit.
pub fn body_too_large(max_bytes: usize) -> ErrorAnswer {
    ErrorAnswer::new(413, format!("the body must have at most {max_bytes} bytes"))
}

/// The body did not arrive in time.
pub fn body_too_slow() -> ErrorAnswer {
    ErrorAnswer {
        is_closing: true,
        ..ErrorAnswer::new(408, "the body did not arrive in time")
    }
}

/// The body broke off.
pub fn body_cut_short() -> ErrorAnswer {
    ErrorAnswer {
        is_closing: true,
        ..ErrorAnswer::new(400, "the body broke off")
    }
}

/// Something about the body or a header is not as it must be; `message` names what.
pub fn invalid(message: impl Into<Cow<'static, str>>) -> ErrorAnswer {
    ErrorAnswer::new(400, message)
}

/// A field of the body is not as it must be.
pub fn invalid_field(field: &str, why: impl Display) -> ErrorAnswer {
    invalid(format!("`{field}` {why}"))
}

/// A book's text passes a limit.
pub fn invalid_text(why: InvalidText) -> ErrorAnswer {
    match why {
        InvalidText::TooLong => invalid(format!("`book_info`: {why}")),
        InvalidText::TooManyTags | InvalidText::TagTooLong => {
            invalid(format!("`book_info.tags`: {why}"))
        }
    }
}

/// A list of books is no basket.
pub fn invalid_basket(why: &InvalidBasket) -> ErrorAnswer {
    match why {
        InvalidBasket::Empty | InvalidBasket::TooMany => invalid_field("books", why),
        InvalidBasket::Count(..) => invalid(format!("`books`: {why}")),
    }
}

/// Too much is in hand; nothing was begun.
pub fn overloaded() -> ErrorAnswer {
    ErrorAnswer {
        retry_after: Some(OVERLOAD_RETRY_AFTER),
        ..ErrorAnswer::new(503, "too much is waiting; nothing was done, try again soon")
    }
}

/// The process can't serve now.
pub fn not_ready() -> ErrorAnswer {
    ErrorAnswer {
        retry_after: Some(OVERLOAD_RETRY_AFTER),
        ..ErrorAnswer::new(503, "storage does not answer")
    }
}

/// The index of search is still being filled.
pub fn search_not_ready() -> ErrorAnswer {
    ErrorAnswer {
        retry_after: Some(OVERLOAD_RETRY_AFTER),
        ..ErrorAnswer::new(503, "search is not ready: its index is still being filled")
    }
}

/// The order is not cancelled.
pub fn not_cancelled(order: OrderId) -> ErrorAnswer {
    ErrorAnswer::new(524, format!("order `{order}` is not cancelled"))
}

/// No order has such an id, be it one of ours in form or not.
pub fn unknown_order(order: impl Display) -> ErrorAnswer {
    ErrorAnswer::new(518, format!("order `{order}` does not exist"))
}

fn wrong_state(order: OrderId) -> ErrorAnswer {
    ErrorAnswer::new(
        518,
        format!("order `{order}` is not in a state that allows this"),
    )
}

fn request_id() -> String {
    let bytes = app::random::bytes::<8>();
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// A handler has a bug.
pub fn panicked(path: &str, payload: &(dyn Any + Send)) -> ErrorAnswer {
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let request_id = request_id();
    let panic = words.unwrap_or("no words");
    tracing::error!(request_id, path, panic, "a request failed on a bug");
    outcome_unknown(request_id)
}

fn outcome_unknown(request_id: String) -> ErrorAnswer {
    let message = format!(
        "something broke, and whether this was done is unknown; request `{request_id}`; hint: \
         ask again with the same `Idempotency-Key`, or look at what there is now"
    );
    ErrorAnswer {
        request_id: Some(request_id),
        ..ErrorAnswer::new(530, message)
    }
}

fn nothing_done(request_id: String) -> ErrorAnswer {
    let message = format!("storage failed, and nothing was done; request `{request_id}`");
    ErrorAnswer {
        request_id: Some(request_id),
        ..ErrorAnswer::new(528, message)
    }
}

/// Storage did not work.
pub fn storage_failed(failure: &StorageError) -> ErrorAnswer {
    if failure.kind() == ErrorKind::Overloaded {
        return overloaded();
    }
    let request_id = request_id();
    tracing::error!(
        request_id,
        error = failure as &dyn Error,
        "a request failed on storage"
    );
    match failure.kind() {
        ErrorKind::OutcomeUnknown => outcome_unknown(request_id),
        ErrorKind::Overloaded
        | ErrorKind::Unavailable
        | ErrorKind::Conflict
        | ErrorKind::Refused
        | ErrorKind::Corrupt
        | ErrorKind::Internal => nothing_done(request_id),
    }
}

impl<R: Into<ErrorAnswer>> From<Problem<R>> for ErrorAnswer {
    fn from(problem: Problem<R>) -> Self {
        match problem {
            Problem::Refused(refusal) => refusal.into(),
            Problem::Unauthorized => unauthorized(),
            Problem::NoUser(user) => Self::new(511, format!("user `{user}` does not exist")),
            Problem::SelfFundingOff => Self::new(
                401,
                "only the shop's operator puts money into accounts here",
            ),
            Problem::TooManyAttempts { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(429, "too many attempts failed; try again later")
            },
            Problem::Busy => overloaded(),
            Problem::KeyReused => Self::new(
                422,
                "this `Idempotency-Key` was used for another body at this endpoint",
            ),
            Problem::Failed(failure) => storage_failed(&failure),
        }
    }
}

impl From<SearchProblem> for ErrorAnswer {
    fn from(problem: SearchProblem) -> Self {
        match problem {
            SearchProblem::NotReady => search_not_ready(),
            SearchProblem::Busy => overloaded(),
            SearchProblem::Storage(failure) => storage_failed(&failure),
            SearchProblem::Index(failure) => {
                let request_id = request_id();
                let error = &failure as &dyn Error;
                tracing::error!(request_id, error, "a request failed on search");
                nothing_done(request_id)
            }
        }
    }
}

impl From<Infallible> for ErrorAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<RegisterRefusal> for ErrorAnswer {
    fn from(refusal: RegisterRefusal) -> Self {
        let RegisterRefusal::UserExists(user) = refusal;
        Self::new(512, format!("user `{user}` exists already"))
    }
}

impl From<UnregisterRefusal> for ErrorAnswer {
    fn from(refusal: UnregisterRefusal) -> Self {
        match refusal {
            UnregisterRefusal::NoUser(_) => unauthorized(),
            UnregisterRefusal::OpenOrders(user) => {
                let message = format!("user `{user}` has open orders as buyer or seller");
                Self::new(526, message)
            }
            UnregisterRefusal::Balance(user, balance) => {
                Self::new(526, format!("user `{user}` still has {balance} fen"))
            }
        }
    }
}

impl From<AddFundsRefusal> for ErrorAnswer {
    fn from(refusal: AddFundsRefusal) -> Self {
        match refusal {
            AddFundsRefusal::NoUser(_) => unauthorized(),
            AddFundsRefusal::InsufficientFunds { user, spendable } => Self::new(
                519,
                format!("user `{user}` has only {spendable} fen to spend"),
            ),
            AddFundsRefusal::BalanceLimit => invalid(format!(
                "`add_value` takes the balance past {BALANCE_MAX} fen"
            )),
        }
    }
}

impl From<CreateStoreRefusal> for ErrorAnswer {
    fn from(refusal: CreateStoreRefusal) -> Self {
        let CreateStoreRefusal::StoreExists(store) = refusal;
        Self::new(514, format!("store `{store}` exists already"))
    }
}

impl From<StoreRefusal> for ErrorAnswer {
    fn from(refusal: StoreRefusal) -> Self {
        match refusal {
            StoreRefusal::NoStore(store) => {
                Self::new(513, format!("store `{store}` does not exist"))
            }
            StoreRefusal::NotOwner(_) => unauthorized(),
        }
    }
}

fn no_book(book: &BookId) -> ErrorAnswer {
    ErrorAnswer::new(515, format!("book `{book}` does not exist in this store"))
}

fn stock_too_low(book: &BookId, stock: Stock) -> ErrorAnswer {
    let message = format!(
        "book `{book}` has too few copies: there are {}",
        stock.get()
    );
    ErrorAnswer::new(517, message)
}

impl From<AddListingRefusal> for ErrorAnswer {
    fn from(refusal: AddListingRefusal) -> Self {
        match refusal {
            AddListingRefusal::Store(refusal) => refusal.into(),
            AddListingRefusal::BookExists(book) => {
                Self::new(516, format!("book `{book}` exists already in this store"))
            }
        }
    }
}

impl From<AddStockRefusal> for ErrorAnswer {
    fn from(refusal: AddStockRefusal) -> Self {
        match refusal {
            AddStockRefusal::Store(refusal) => refusal.into(),
            AddStockRefusal::NoBook(book) => no_book(&book),
            AddStockRefusal::StockTooLow { book, stock } => stock_too_low(&book, stock),
            AddStockRefusal::StockLimit => invalid(format!(
                "`add_stock_level` takes the stock past {COUNT_MAX}"
            )),
        }
    }
}

impl From<UpdateListingRefusal> for ErrorAnswer {
    fn from(refusal: UpdateListingRefusal) -> Self {
        match refusal {
            UpdateListingRefusal::Store(refusal) => refusal.into(),
            UpdateListingRefusal::NoBook(book) => no_book(&book),
            UpdateListingRefusal::Text(why) => invalid_text(why),
        }
    }
}

impl From<PartyRefusal> for ErrorAnswer {
    fn from(refusal: PartyRefusal) -> Self {
        match refusal {
            PartyRefusal::NoOrder(order) => unknown_order(order),
            PartyRefusal::NotParty => unauthorized(),
        }
    }
}

impl From<PlaceOrderRefusal> for ErrorAnswer {
    fn from(refusal: PlaceOrderRefusal) -> Self {
        match refusal {
            PlaceOrderRefusal::NoStore(store) => StoreRefusal::NoStore(store).into(),
            PlaceOrderRefusal::NoBook(book) => no_book(&book),
            PlaceOrderRefusal::StockTooLow { book, stock } => stock_too_low(&book, stock),
            PlaceOrderRefusal::TotalLimit => invalid(format!(
                "`books` cost more than {ORDER_TOTAL_MAX} fen together"
            )),
        }
    }
}

impl From<PayOrderRefusal> for ErrorAnswer {
    fn from(refusal: PayOrderRefusal) -> Self {
        match refusal {
            PayOrderRefusal::Party(refusal) => refusal.into(),
            PayOrderRefusal::NotPlaced(order) => wrong_state(order),
            PayOrderRefusal::InsufficientFunds(order) => {
                Self::new(519, format!("not sufficient funds for order `{order}`"))
            }
            PayOrderRefusal::SellerBalanceLimit => {
                invalid("the order of `order_id` takes the seller's balance past its limit")
            }
        }
    }
}

impl From<SendOrderRefusal> for ErrorAnswer {
    fn from(refusal: SendOrderRefusal) -> Self {
        match refusal {
            SendOrderRefusal::Party(refusal) => refusal.into(),
            SendOrderRefusal::NotPaid(order) => wrong_state(order),
            SendOrderRefusal::AlreadySent(order) => {
                Self::new(522, format!("order `{order}` was sent already"))
            }
        }
    }
}

impl From<ReceiveOrderRefusal> for ErrorAnswer {
    fn from(refusal: ReceiveOrderRefusal) -> Self {
        match refusal {
            ReceiveOrderRefusal::Party(refusal) => refusal.into(),
            ReceiveOrderRefusal::NotPaid(order) => wrong_state(order),
            ReceiveOrderRefusal::NotSent(order) => {
                Self::new(520, format!("order `{order}` has not been sent yet"))
            }
            ReceiveOrderRefusal::AlreadyReceived(order) => {
                Self::new(521, format!("order `{order}` was received already"))
            }
        }
    }
}

impl From<CancelOrderRefusal> for ErrorAnswer {
    fn from(refusal: CancelOrderRefusal) -> Self {
        match refusal {
            CancelOrderRefusal::Party(refusal) => refusal.into(),
            CancelOrderRefusal::AlreadyCancelled(order) => wrong_state(order),
            CancelOrderRefusal::TooLate(order) => {
                Self::new(525, format!("order `{order}` can no longer be cancelled"))
            }
        }
    }
}
