//! From the cart to orders: one for each store, each with a clear result.

use app::orders::NewOrder;
use app::{KeepRequest, Problem};
use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::order::PlaceOrderRefusal;
use domain::{Address, Answer, Basket, BookId, Fen, IdempotencyKey, ListingKey, OrderId, StoreId};

use super::addresses::{AddressBook, AddressFields};
use super::cards::{book_path_in, order_path};
use super::cart::{CART_LINES_MAX, Line};
use super::cart_page::{CartView, without};
use super::forms::{Fields, Submitted};
use super::frame::Frame;
use super::language::yuan;
use super::orders::Countdown;
use super::trouble::Trouble;
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    frame: Frame,
    cart: CartView,
    addresses: Vec<Address>,
    /// Whether the first of them is chosen; else another one is to be typed.
    is_first_chosen: bool,
    typed: AddressFields,
    is_kept: bool,
    has_errors: bool,
    /// Makes what is sent twice count once.
    key: String,
}

/// `GET /checkout`.
pub async fn page(headers: HeaderMap, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.reader()?;
    if visitor.cart.lines().is_empty() {
        return Ok(visitor.go("/cart"));
    }
    let book = AddressBook::of(&visitor, &headers);
    let page = CheckoutPage {
        frame: visitor.frame(visitor.language.words().checkout_title),
        cart: CartView::of(&visitor).await?,
        is_first_chosen: !book.addresses.is_empty(),
        addresses: book.addresses,
        typed: AddressFields::default(),
        is_kept: true,
        has_errors: false,
        key: URL_SAFE_NO_PAD.encode(app::random::bytes::<16>()),
    };
    Ok(visitor.private(&page))
}

/// What became of one store's part.
struct Outcome {
    store: String,
    placed: Option<Placed>,
    refused: Option<Refused>,
}

struct Placed {
    id: OrderId,
    path: String,
    sum: Fen,
    total: String,
    countdown: Countdown,
}

/// Why not: the book it is about, if it is about one, and the words.
struct Refused {
    book: Option<(String, String)>,
    words: String,
}

#[derive(Template)]
#[template(path = "placed.html")]
struct PlacedPage {
    frame: Frame,
    outcomes: Vec<Outcome>,
    /// The orders that can be paid now.
    orders: Vec<OrderId>,
    /// What they cost together.
    total: String,
    is_all_placed: bool,
}

/// `POST /checkout`: orders what the page showed, which the form brings along. The answer may be
/// asked for again, by reloading it say: what was ordered is ordered once.
pub async fn place(headers: HeaderMap, submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    visitor.reader()?;
    let lines: Vec<Line> = fields.all("line").filter_map(Line::decode).collect();
    let key = fields.get("key").to_owned();
    if lines.is_empty() || lines.len() > CART_LINES_MAX || IdempotencyKey::new(&key).is_none() {
        return Err(Trouble::bad());
    }
    let mut book = AddressBook::of(&visitor, &headers);
    let address = match read_address(&fields, &book, &visitor) {
        Ok(address) => address,
        Err(typed) => return show_errors(visitor, book, *typed, &fields, key).await,
    };
    let mut outcomes = Vec::new();
    let mut ordered = Vec::new();
    for (store, lines) in by_store(lines) {
        let outcome = place_one(&visitor, &store, &lines, &address, &key).await?;
        if outcome.placed.is_some() {
            ordered.extend(lines.into_iter().map(|line| line.key));
        }
        outcomes.push(outcome);
    }
    visitor.cart = without(&visitor.cart, &ordered);
    visitor.keep_cart();
    let mut notice = None;
    if fields.has("keep") {
        if book.add(address) {
            book.keep(&mut visitor)?;
        } else {
            notice = Some(visitor.language.words().address_not_kept);
        }
    }
    let placed = || {
        outcomes
            .iter()
            .filter_map(|outcome| outcome.placed.as_ref())
    };
    let total = placed().fold(Fen::ZERO, |total, placed| {
        total.plus(placed.sum).unwrap_or(total)
    });
    let page = PlacedPage {
        frame: visitor
            .frame(visitor.language.words().checkout_result)
            .with_notice(notice),
        total: yuan(total),
        orders: placed().map(|placed| placed.id).collect(),
        is_all_placed: outcomes.iter().all(|outcome| outcome.placed.is_some()),
        outcomes,
    };
    Ok(visitor.private(&page))
}

/// The address that was chosen or typed.
fn read_address(
    fields: &Fields,
    book: &AddressBook,
    visitor: &Visitor,
) -> Result<Address, Box<AddressFields>> {
    let chosen = fields.get("address").parse::<usize>().ok();
    match chosen.and_then(|place| book.addresses.get(place)) {
        Some(address) => Ok(address.clone()),
        None => AddressFields::read(fields, visitor.language.words()).map_err(Box::new),
    }
}

async fn show_errors(
    visitor: Visitor,
    book: AddressBook,
    typed: AddressFields,
    fields: &Fields,
    key: String,
) -> Result<Response, Trouble> {
    let page = CheckoutPage {
        frame: visitor.frame(visitor.language.words().checkout_title),
        cart: CartView::of(&visitor).await?,
        addresses: book.addresses,
        is_first_chosen: false,
        typed,
        is_kept: fields.has("keep"),
        has_errors: true,
        key,
    };
    Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

fn by_store(lines: Vec<Line>) -> Vec<(StoreId, Vec<Line>)> {
    let mut stores: Vec<(StoreId, Vec<Line>)> = Vec::new();
    for line in lines {
        match stores
            .iter_mut()
            .find(|(store, _)| *store == line.key.store)
        {
            Some((_, lines)) => lines.push(line),
            None => stores.push((line.key.store.clone(), vec![line])),
        }
    }
    stores
}

async fn place_one(
    visitor: &Visitor,
    store: &StoreId,
    lines: &[Line],
    address: &Address,
    key: &str,
) -> Result<Outcome, Trouble> {
    let wanted = lines.iter().map(|line| (line.key.book.clone(), line.count));
    let basket = Basket::new(wanted.collect()).map_err(|_| Trouble::bad())?;
    let id = visitor.app.new_order_id();
    let order = NewOrder {
        id,
        store: store.clone(),
        basket,
        address: Some(address.clone()),
    };
    let keep = keep(visitor, store, lines, address, key, id);
    let reader = visitor.reader()?;
    let buyer = reader.account.id.clone();
    let placing = visitor.app.place_order(&reader.bearer, buyer, keep, order);
    let id = match placing.await {
        Ok(Answer::Done(())) => id,
        Ok(Answer::Kept(bytes)) => read_order(&bytes).ok_or_else(Trouble::bad)?,
        Err(Problem::Refused(refusal)) => return refused(visitor, store, &refusal).await,
        Err(Problem::KeyReused) => {
            let words = visitor.language.words().refused_key.to_owned();
            return Ok(not_placed(store, Refused { book: None, words }));
        }
        Err(problem) => return Err(problem.into()),
    };
    let order = visitor.app.order(&reader.bearer, id).await?;
    let now = visitor.app.clock().now();
    Ok(Outcome {
        store: store.to_string(),
        placed: Some(Placed {
            id,
            path: order_path(id),
            sum: order.total,
            total: yuan(order.total),
            countdown: Countdown::of(&order.state, now, visitor.language),
        }),
        refused: None,
    })
}

/// The same form for the same store is the same order: its id is the answer that is kept.
fn keep(
    visitor: &Visitor,
    store: &StoreId,
    lines: &[Line],
    address: &Address,
    key: &str,
    id: OrderId,
) -> Option<KeepRequest> {
    let store = visitor.app.seal("store", store.as_str().as_bytes());
    let store = URL_SAFE_NO_PAD.encode(&store[..12]);
    let lines: Vec<String> = lines.iter().map(Line::encode).collect();
    let body = (lines, &*address.name, &*address.phone, &*address.text);
    Some(KeepRequest {
        key: IdempotencyKey::new(&format!("{key}.{store}"))?,
        endpoint: "shop/checkout",
        body: serde_json::to_vec(&body).expect("texts have a JSON form"),
        answer: id.to_string().as_bytes().into(),
    })
}

fn read_order(bytes: &[u8]) -> Option<OrderId> {
    OrderId::parse(str::from_utf8(bytes).ok()?)
}

fn not_placed(store: &StoreId, refused: Refused) -> Outcome {
    Outcome {
        store: store.to_string(),
        placed: None,
        refused: Some(refused),
    }
}

async fn refused(
    visitor: &Visitor,
    store: &StoreId,
    refusal: &PlaceOrderRefusal,
) -> Result<Outcome, Trouble> {
    let w = visitor.language.words();
    let (book, words) = match refusal {
        PlaceOrderRefusal::NoStore(_) => (None, w.refused_store_closed.to_owned()),
        PlaceOrderRefusal::NoBook(book) => (Some(book), w.refused_no_book.to_owned()),
        PlaceOrderRefusal::StockTooLow { book, stock } => match stock.get() {
            0 => (Some(book), w.sold_out.to_owned()),
            left => (Some(book), visitor.language.copies_left(left)),
        },
        PlaceOrderRefusal::TotalLimit => (None, w.refused_total.to_owned()),
    };
    let book = match book {
        Some(book) => Some((
            title(visitor, store, book).await?,
            book_path_in(book, store),
        )),
        None => None,
    };
    Ok(not_placed(store, Refused { book, words }))
}

/// A book's title, or its id where it is not on sale.
async fn title(visitor: &Visitor, store: &StoreId, book: &BookId) -> Result<String, Trouble> {
    let key = ListingKey {
        store: store.clone(),
        book: book.clone(),
    };
    let cards = visitor.app.cards_on_sale(vec![key]).await?;
    let title = cards.first().map(|card| card.text.fields().title.clone());
    Ok(title.unwrap_or_else(|| book.to_string()))
}
