//! Books in a list: a cover, a title, a price. And where things are.

use app::books::Card;
use domain::{BookId, Fen, Listing, OrderId, PictureHash, Price, StoreId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::language::yuan;
use crate::pictures;

/// How many colours a cover that nobody has drawn may have; the style sheet knows them.
const TINTS: u32 = 6;

/// What may stand in a path or a query as it is.
const PLAIN: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &PLAIN).to_string()
}

pub fn book_path(id: &BookId) -> String {
    format!("/books/{}", encoded(id.as_str()))
}

pub fn book_path_in(id: &BookId, store: &StoreId) -> String {
    format!("{}?store={}", book_path(id), encoded(store.as_str()))
}

pub fn store_path(id: &StoreId) -> String {
    format!("/stores/{}", encoded(id.as_str()))
}

pub fn order_path(id: OrderId) -> String {
    format!("/orders/{id}")
}

pub fn price(price: Price) -> String {
    yuan(Fen::new(price.get()))
}

/// A cover, drawn or in plain colour with the title on it.
#[derive(Debug, Clone)]
pub struct Cover {
    pub picture: Option<String>,
    pub title: String,
    pub tint: u32,
}

impl Cover {
    pub fn of(picture: Option<PictureHash>, id: &BookId, title: &str) -> Self {
        let sum = id.as_str().bytes().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        Self {
            picture: picture.map(pictures::path),
            title: title.to_owned(),
            tint: sum % TINTS,
        }
    }

    pub fn of_listing(listing: &Listing) -> Self {
        let picture = listing.details.pictures.first().copied();
        Self::of(picture, &listing.key.book, &listing.details.title)
    }
}

/// A book in a list.
#[derive(Debug, Clone)]
pub struct CardView {
    pub path: String,
    pub cover: Cover,
    pub title: String,
    pub author: Option<String>,
    pub price: String,
    pub is_sold_out: bool,
}

impl CardView {
    /// The book as one of its stores offers it.
    pub fn of(card: &Card) -> Self {
        let Card { listing, text } = card;
        Self {
            path: book_path_in(&listing.key.book, &listing.key.store),
            cover: Cover::of_listing(listing),
            title: text.fields().title.clone(),
            author: text.fields().author.clone(),
            price: price(listing.price),
            is_sold_out: listing.stock.get() == 0,
        }
    }

    pub fn all(cards: &[Card]) -> Vec<Self> {
        cards.iter().map(Self::of).collect()
    }
}
