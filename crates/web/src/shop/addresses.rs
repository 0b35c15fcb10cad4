//! The address book: in a cookie on the reader's own device, sent to the checkout alone.
//!
//! An address is needed when something is ordered and at no other time, and an order keeps its
//! own. So the shop keeps no list of where its readers live. The cookie is sealed for its reader:
//! another one at the same device, or one who made a cookie up, has an empty book.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Address, UserId};
use subtle::ConstantTimeEq;

use super::cookies;
use super::forms::{Field, Fields, Submitted};
use super::frame::Frame;
use super::trouble::Trouble;
use super::visitor::Visitor;
use super::words::Words;

/// The cookie that keeps it, and where it is sent.
pub const ADDRESSES_COOKIE: &str = "addresses";
pub const ADDRESSES_PATH: &str = "/checkout";
/// For how long, in seconds: half a year.
const KEPT_S: u64 = 182 * 24 * 60 * 60;
/// How many addresses it holds.
pub const ADDRESSES_MAX: usize = 5;
/// How long the cookie's value may be.
const MAX_BYTES: usize = 3_800;

/// Addresses of one reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook {
    pub addresses: Vec<Address>,
}

impl AddressBook {
    /// The book that came with a request, where it is this reader's.
    pub fn of(visitor: &Visitor, headers: &HeaderMap) -> Self {
        let Some(reader) = &visitor.reader else {
            return Self::default();
        };
        let value = cookies::find(headers, ADDRESSES_COOKIE);
        let opened = value.and_then(|value| open(visitor, &reader.account.id, value));
        opened.unwrap_or_default()
    }

    /// Adds an address, unless it is there; `false` where the book is full.
    pub fn add(&mut self, address: Address) -> bool {
        if self.addresses.contains(&address) {
            return true;
        }
        self.addresses.push(address);
        let fits = self.addresses.len() <= ADDRESSES_MAX && self.encode().len() <= MAX_BYTES - 50;
        if !fits {
            self.addresses.pop();
        }
        fits
    }

    fn encode(&self) -> String {
        let parts: Vec<[&str; 3]> = self
            .addresses
            .iter()
            .map(|address| [&*address.name, &*address.phone, &*address.text])
            .collect();
        let json = serde_json::to_vec(&parts).expect("texts have a JSON form");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Has the browser keep the book.
    pub fn keep(&self, visitor: &mut Visitor) -> Result<(), Trouble> {
        let user = visitor.reader()?.account.id.clone();
        let book = self.encode();
        let seal = seal(visitor, &user, &book);
        let value = format!("{book}.{seal}");
        visitor.set_cookie(ADDRESSES_COOKIE, &value, ADDRESSES_PATH, Some(KEPT_S));
        Ok(())
    }
}

fn seal(visitor: &Visitor, user: &UserId, book: &str) -> String {
    let bytes = format!("{user}\n{book}");
    let seal = visitor.app.seal("addresses", bytes.as_bytes());
    URL_SAFE_NO_PAD.encode(&seal[..18])
}

fn open(visitor: &Visitor, user: &UserId, value: &str) -> Option<AddressBook> {
    let (book, found) = value.split_once('.')?;
    let wanted = seal(visitor, user, book);
    // In a time that does not tell where they differ.
    if !bool::from(found.as_bytes().ct_eq(wanted.as_bytes())) {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(book).ok()?;
    let parts: Vec<[String; 3]> = serde_json::from_slice(&json).ok()?;
    let addresses = parts
        .iter()
        .filter_map(|[name, phone, text]| Address::new(name, phone, text).ok());
    Some(AddressBook {
        addresses: addresses.take(ADDRESSES_MAX).collect(),
    })
}

/// An address as it was typed.
#[derive(Debug, Clone, Default)]
pub struct AddressFields {
    pub name: Field,
    pub phone: Field,
    pub text: Field,
}

impl AddressFields {
    /// Reads an address, or says beside each field what is wrong with it.
    pub fn read(fields: &Fields, w: &Words) -> Result<Address, Self> {
        let (name, phone, text) = (
            fields.text("name"),
            fields.text("phone"),
            fields.text("text"),
        );
        let field = |value: &str| match value {
            "" => Field::wrong(value, w.must_be_filled),
            _ => Field::of(value),
        };
        let mut typed = Self {
            name: field(name),
            phone: field(phone),
            text: field(text),
        };
        let address = Address::new(name, phone, text);
        if let Err((field, _)) = &address {
            let field = match *field {
                "name" => &mut typed.name,
                "phone" => &mut typed.phone,
                _ => &mut typed.text,
            };
            field.error = Some(w.too_long);
        }
        let is_wrong = [&typed.name, &typed.phone, &typed.text].map(Field::is_wrong);
        match address {
            Ok(address) if is_wrong == [false; 3] => Ok(address),
            _ => Err(typed),
        }
    }
}

#[derive(Template)]
#[template(path = "addresses.html")]
struct AddressesPage {
    frame: Frame,
    addresses: Vec<Address>,
    typed: AddressFields,
}

fn page_of(visitor: &Visitor, book: AddressBook, typed: AddressFields) -> AddressesPage {
    AddressesPage {
        frame: visitor.frame(visitor.language.words().addresses),
        addresses: book.addresses,
        typed,
    }
}

/// `GET /checkout/addresses`.
pub async fn page(headers: HeaderMap, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.reader()?;
    let book = AddressBook::of(&visitor, &headers);
    let page = page_of(&visitor, book, AddressFields::default());
    Ok(visitor.private(&page))
}

/// `POST /checkout/addresses`: keeps an address, or drops the one of that number.
pub async fn change(headers: HeaderMap, submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    visitor.reader()?;
    let mut book = AddressBook::of(&visitor, &headers);
    let w = visitor.language.words();
    if fields.has("remove") {
        let place: usize = fields.get("remove").parse().map_err(|_| Trouble::bad())?;
        if place < book.addresses.len() {
            book.addresses.remove(place);
        }
        book.keep(&mut visitor)?;
        return Ok(visitor.go("/checkout/addresses"));
    }
    let typed = match AddressFields::read(&fields, w) {
        Ok(address) if book.add(address.clone()) => {
            book.keep(&mut visitor)?;
            return Ok(visitor.go("/checkout/addresses"));
        }
        Ok(address) => AddressFields {
            name: Field::of(&*address.name),
            phone: Field::of(&*address.phone),
            text: Field::wrong(&*address.text, w.address_book_full),
        },
        Err(typed) => typed,
    };
    let page = page_of(&visitor, book, typed);
    Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}
