//! The cart as a page, and what changes it.

use std::collections::HashMap;

use app::books::Card;
use askama::Template;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::{Count, Fen, ListingKey, StoreId};
use serde::Serialize;

use super::cards::{Cover, book_path_in, store_path};
use super::cart::{Cart, Full, Line};
use super::forms::Submitted;
use super::frame::Frame;
use super::language::{Language, yuan};
use super::trouble::Trouble;
use super::visitor::{Visitor, local, no_store};
use crate::answer;

/// A listing in the cart.
pub struct LineView {
    pub path: String,
    pub cover: Cover,
    pub title: String,
    pub author: Option<String>,
    /// The number of copies, or what was typed for it.
    pub count: String,
    pub count_error: Option<&'static str>,
    pub price: String,
    pub sum: String,
    /// What keeps it from being ordered as it is.
    pub problem: Option<String>,
    /// The listing, as the cart writes it.
    pub code: String,
    /// What tells it from the others on the page.
    pub number: usize,
}

/// A store's part of the cart.
pub struct StoreLines {
    pub store: String,
    pub store_path: String,
    pub lines: Vec<LineView>,
    /// What can be ordered costs that much; `None` where nothing can.
    pub subtotal: Option<String>,
    /// Whether a listing of it keeps its order from being placed.
    pub is_held_up: bool,
}

/// The cart with what its listings cost now.
pub struct CartView {
    pub stores: Vec<StoreLines>,
    pub total: String,
    /// Whether something of it can be ordered.
    pub can_order: bool,
}

impl CartView {
    /// Looks up what is in a cart.
    pub async fn of(visitor: &Visitor) -> Result<Self, Trouble> {
        let lines = visitor.cart.lines();
        let keys = lines.iter().map(|line| line.key.clone()).collect();
        let cards = visitor.app.cards_on_sale(keys).await?;
        let cards = cards
            .into_iter()
            .map(|card| (card.listing.key.clone(), card));
        Ok(Self::from(lines, &cards.collect(), visitor.language))
    }

    fn from(lines: &[Line], cards: &HashMap<ListingKey, Card>, language: Language) -> Self {
        let mut stores: Vec<(StoreId, Vec<LineView>, Fen)> = Vec::new();
        let mut total = Fen::ZERO;
        let mut can_order = false;
        for (number, line) in lines.iter().enumerate() {
            let card = cards.get(&line.key);
            let view = LineView::of(number, line, card, language);
            let sum = match (card, &view.problem) {
                (Some(card), None) => card.listing.price.times(line.count),
                _ => Fen::ZERO,
            };
            can_order |= view.problem.is_none();
            // Each is below 10^18 and there are few, so only a cart of the absurd is cut off.
            let plus = |whole: Fen| whole.plus(sum).unwrap_or(Fen::new(i64::MAX));
            total = plus(total);
            match stores
                .iter_mut()
                .find(|(store, ..)| *store == line.key.store)
            {
                Some((_, views, subtotal)) => {
                    views.push(view);
                    *subtotal = plus(*subtotal);
                }
                None => stores.push((line.key.store.clone(), vec![view], sum)),
            }
        }
        let stores = stores.into_iter().map(|(store, lines, subtotal)| {
            let can_order = lines.iter().any(|line| line.problem.is_none());
            StoreLines {
                is_held_up: lines.iter().any(|line| line.problem.is_some()),
                store_path: store_path(&store),
                store: store.to_string(),
                subtotal: can_order.then(|| yuan(subtotal)),
                lines,
            }
        });
        Self {
            stores: stores.collect(),
            total: yuan(total),
            can_order,
        }
    }
}

impl CartView {
    /// Shows what was typed for a line's count as what it can't be.
    fn refuse_count(&mut self, number: usize, typed: &str, error: &'static str) {
        let lines = self.stores.iter_mut().flat_map(|store| &mut store.lines);
        for line in lines.filter(|line| line.number == number) {
            typed.clone_into(&mut line.count);
            line.count_error = Some(error);
        }
    }
}

impl LineView {
    fn of(number: usize, line: &Line, card: Option<&Card>, language: Language) -> Self {
        let key = &line.key;
        let w = language.words();
        let stock = card.map_or(0, |card| card.listing.stock.get());
        let problem = match card {
            None => Some(w.not_on_sale.to_owned()),
            Some(_) if stock == 0 => Some(w.sold_out.to_owned()),
            Some(_) if stock < line.count.get() => Some(language.copies_left(stock)),
            Some(_) => None,
        };
        let title = card.map_or_else(
            || key.book.to_string(),
            |card| card.text.fields().title.clone(),
        );
        let listing = card.map(|card| &card.listing);
        Self {
            path: book_path_in(&key.book, &key.store),
            cover: match listing {
                Some(listing) => Cover::of_listing(listing),
                None => Cover::of(None, &key.book, &title),
            },
            author: card.and_then(|card| card.text.fields().author.clone()),
            title,
            count: line.count.get().to_string(),
            count_error: None,
            price: listing.map_or_else(String::new, |listing| super::cards::price(listing.price)),
            sum: listing.map_or_else(String::new, |listing| yuan(listing.price.times(line.count))),
            problem,
            code: line.encode(),
            number,
        }
    }
}

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    frame: Frame,
    cart: CartView,
    books: String,
}

/// `GET /cart`.
pub async fn cart(visitor: Visitor) -> Result<Response, Trouble> {
    let cart = CartView::of(&visitor).await?;
    Ok(show(visitor, cart, None))
}

fn show(visitor: Visitor, cart: CartView, notice: Option<&'static str>) -> Response {
    let page = CartPage {
        frame: visitor
            .frame(visitor.language.words().cart)
            .with_notice(notice),
        books: visitor.language.books(visitor.cart.count()),
        cart,
    };
    visitor.private(&page)
}

/// What a script learns of a change of the cart.
#[derive(Serialize)]
struct Changed {
    count: i64,
    words: &'static str,
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get("accept").and_then(|value| value.to_str().ok());
    accepted == Some("application/json")
}

/// `POST /cart/add`: puts copies of a listing in.
pub async fn add(headers: HeaderMap, submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let line = Line::decode(fields.get("line")).ok_or_else(Trouble::bad)?;
    let count = match fields.text("count") {
        "" => Some(line.count),
        text => read_count(text),
    };
    let w = visitor.language.words();
    let added = match count {
        Some(count) => {
            let added = visitor.cart.add(Line { count, ..line });
            added.map_err(|Full| w.cart_full)
        }
        None => Err(w.not_a_count_of_copies),
    };
    visitor.keep_cart();
    if wants_json(&headers) {
        let changed = Changed {
            count: visitor.cart.count(),
            words: added.err().unwrap_or(w.added_to_cart),
        };
        let body = serde_json::to_vec(&changed).expect("words and a number can be written");
        let response = no_store(answer::json(body));
        return Ok(visitor.with_cookies(response).into_response());
    }
    match added {
        Ok(()) => Ok(visitor.go("/cart")),
        Err(why) => {
            let cart = CartView::of(&visitor).await?;
            Ok(show(visitor, cart, Some(why)))
        }
    }
}

fn read_count(text: &str) -> Option<Count> {
    Count::new(text.parse().ok()?).ok()
}

/// `POST /cart/change`: sets how many copies there are; none takes the listing out.
pub async fn change(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let line = Line::decode(fields.get("line")).ok_or_else(Trouble::bad)?;
    if fields.has("remove") || fields.text("count") == "0" {
        visitor.cart.remove(&line.key);
    } else if let Some(count) = read_count(fields.text("count")) {
        visitor.cart.set(&line.key, count);
    } else {
        let mut lines = visitor.cart.lines().iter();
        let number = lines.position(|other| other.key == line.key);
        let mut cart = CartView::of(&visitor).await?;
        if let Some(number) = number {
            let error = visitor.language.words().not_a_count_of_copies;
            cart.refuse_count(number, fields.text("count"), error);
        }
        return Ok(show(visitor, cart, None));
    }
    visitor.keep_cart();
    let back = local(fields.get("back")).unwrap_or("/cart").to_owned();
    Ok(visitor.go(&back))
}

/// What is left of a cart once these listings are ordered.
pub fn without(cart: &Cart, ordered: &[ListingKey]) -> Cart {
    let mut left = cart.clone();
    ordered.iter().for_each(|key| left.remove(key));
    left
}
