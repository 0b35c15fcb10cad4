//! A book in a seller's store: listing it, and changing what it says, costs and has in stock.

use std::sync::Arc;

use app::books::Card;
use app::{KeepRequest, Problem};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::listing::{AddListingRefusal, AddStockRefusal, BookPatch, UpdateListingRefusal};
use domain::{
    AddListing, AddStock, BookId, IdempotencyKey, ListingKey, Picture, Stock, StoreId,
    UpdateListing,
};

use super::super::cards::{Cover, book_path_in, encoded, price};
use super::super::forms::{Field, Query, Submitted, Uploaded};
use super::super::frame::Frame;
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::book_form::{Meant, Typed, new_id, new_text};
use super::pictures::Choice;
use super::{own_store, own_store_path};

#[derive(Template)]
#[template(path = "selling_new.html")]
struct NewPage {
    frame: Frame,
    store: String,
    store_path: String,
    typed: Typed,
    pictures: Choice,
    key: String,
    is_new: bool,
}

fn new_key() -> String {
    URL_SAFE_NO_PAD.encode(app::random::bytes::<16>())
}

fn status(is_wrong: bool) -> StatusCode {
    if is_wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

fn show_new(visitor: Visitor, store: &StoreId, typed: Typed) -> Response {
    let page = NewPage {
        frame: visitor.frame(visitor.language.words().list_book),
        store: store.to_string(),
        store_path: own_store_path(store),
        key: new_key(),
        is_new: true,
        pictures: Choice::default(),
        typed,
    };
    visitor.private_with(status(page.typed.is_wrong()), &page)
}

/// `GET /selling/stores/{store}/new`.
pub async fn new_page(visitor: Visitor, Path(name): Path<String>) -> Result<Response, Trouble> {
    let store = own_store(&visitor, &name).await?.id;
    Ok(show_new(visitor, &store, Typed::default()))
}

/// `POST /selling/stores/{store}/new`: lists a book.
pub async fn add(Path(name): Path<String>, uploaded: Uploaded) -> Result<Response, Trouble> {
    let store = own_store(&uploaded.visitor, &name).await?.id;
    let Uploaded {
        visitor,
        fields,
        files,
        ..
    } = uploaded;
    let w = visitor.language.words();
    let mut typed = Typed::of(&fields);
    let stock = typed.read_stock(w);
    let pictures = Choice::default().read(&files, &mut typed.pictures, w);
    let meant = typed.read(None, w);
    if let (Some(meant), Some(pictures), Some(stock)) = (meant, pictures, stock) {
        let new = NewBook {
            store: &store,
            meant,
            pictures,
            stock,
            form_key: fields.get("key"),
        };
        if list(&visitor, new, &mut typed).await? {
            return Ok(visitor.go(&format!("{}?done=listed", own_store_path(&store))));
        }
    }
    typed.remind_of_pictures(!files.is_empty(), w);
    Ok(show_new(visitor, &store, typed))
}

/// A book that is to be listed.
struct NewBook<'a> {
    store: &'a StoreId,
    meant: Meant,
    pictures: Vec<Arc<Picture>>,
    stock: Stock,
    form_key: &'a str,
}

/// Lists what was typed; `false` where an error stands beside a field now.
async fn list(visitor: &Visitor, new: NewBook<'_>, typed: &mut Typed) -> Result<bool, Trouble> {
    let NewBook {
        store,
        meant,
        pictures,
        stock,
        form_key,
    } = new;
    let w = visitor.language.words();
    let text = match new_text(&meant.patch) {
        Ok(text) => Arc::new(text),
        Err(error) => {
            typed.blame(error, w);
            return Ok(false);
        }
    };
    let reader = visitor.reader()?;
    let has_isbn = matches!(meant.patch.isbn, Some(Some(_)));
    let listing = AddListing {
        user: reader.account.id.clone(),
        key: ListingKey {
            store: store.clone(),
            book: new_id(&meant.patch, form_key),
        },
        text,
        pictures,
        price: meant.price,
        stock,
    };
    match visitor.app.add_listing(&reader.bearer, None, listing).await {
        Ok(_) => Ok(true),
        // The id is the form's own, so this form was sent before.
        Err(Problem::Refused(AddListingRefusal::BookExists(_))) if !has_isbn => Ok(true),
        Err(Problem::Refused(AddListingRefusal::BookExists(_))) => {
            typed.isbn.error = Some(w.book_listed_already);
            Ok(false)
        }
        Err(problem) => Err(problem.into()),
    }
}

#[derive(Template)]
#[template(path = "selling_book.html")]
struct ListingPage {
    frame: Frame,
    store: String,
    store_path: String,
    path: String,
    shop_path: String,
    title: String,
    cover: Cover,
    price: String,
    stock: String,
    is_sold_out: bool,
    is_listed: bool,
    typed: Typed,
    pictures: Choice,
    change: Field,
    key: String,
    is_new: bool,
}

/// What a seller has listed; nothing where it is another's.
async fn own_card(visitor: &Visitor, store: &str, book: &str) -> Result<Card, Trouble> {
    let store = own_store(visitor, store).await?.id;
    let book = BookId::new(book).map_err(|_| Trouble::not_found())?;
    let found = visitor.app.own_card(&ListingKey { store, book }).await?;
    found.ok_or_else(Trouble::not_found)
}

fn listing_path(key: &ListingKey) -> String {
    let store = own_store_path(&key.store);
    format!("{store}/books/{}", encoded(key.book.as_str()))
}

fn show(
    visitor: Visitor,
    card: &Card,
    (typed, pictures): (Typed, Choice),
    change: Field,
    notice: Option<&'static str>,
) -> Response {
    let Card { listing, text } = card;
    let title = text.fields().title.clone();
    let page = ListingPage {
        frame: visitor.frame(title.clone()).with_notice(notice),
        store: listing.key.store.to_string(),
        store_path: own_store_path(&listing.key.store),
        path: listing_path(&listing.key),
        shop_path: book_path_in(&listing.key.book, &listing.key.store),
        title,
        cover: Cover::of_listing(listing),
        price: price(listing.price),
        stock: visitor.language.copies(listing.stock.get()),
        is_sold_out: listing.stock.get() == 0,
        is_listed: listing.details.is_listed,
        typed,
        pictures,
        change,
        key: new_key(),
        is_new: false,
    };
    let is_wrong = page.typed.is_wrong() || page.change.is_wrong();
    visitor.private_with(status(is_wrong), &page)
}

/// `GET /selling/stores/{store}/books/{book}`.
pub async fn page(
    visitor: Visitor,
    Path((store, book)): Path<(String, String)>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let card = own_card(&visitor, &store, &book).await?;
    let w = visitor.language.words();
    let notice = match query.get("done") {
        "saved" => Some(w.done_saved),
        "stock" => Some(w.done_stock),
        "off" => Some(w.done_off_shelf),
        "on" => Some(w.done_on_shelf),
        _ => None,
    };
    let now = (Typed::of_card(&card), Choice::of_card(&card));
    Ok(show(visitor, &card, now, Field::default(), notice))
}

fn update_of(visitor: &Visitor, key: &ListingKey) -> Result<UpdateListing, Trouble> {
    Ok(UpdateListing {
        user: visitor.reader()?.account.id.clone(),
        key: key.clone(),
        patch: BookPatch::default(),
        price: None,
        pictures: None,
        is_listed: None,
    })
}

/// `POST /selling/stores/{store}/books/{book}`: changes what it says, shows and costs.
pub async fn change(
    Path((store, book)): Path<(String, String)>,
    uploaded: Uploaded,
) -> Result<Response, Trouble> {
    let card = own_card(&uploaded.visitor, &store, &book).await?;
    let Uploaded {
        visitor,
        fields,
        files,
        ..
    } = uploaded;
    let w = visitor.language.words();
    let mut typed = Typed::of(&fields);
    let pictures = Choice::of(&card, &fields);
    let added = pictures.read(&files, &mut typed.pictures, w);
    let meant = typed.read(Some(card.text.fields()), w);
    if let (Some(meant), Some(added)) = (meant, added) {
        let key = &card.listing.key;
        let update = UpdateListing {
            patch: meant.patch,
            price: Some(meant.price),
            pictures: pictures.arrange(&visitor, &card, added).await?,
            ..update_of(&visitor, key)?
        };
        let bearer = &visitor.reader()?.bearer;
        match visitor.app.update_listing(bearer, None, update).await {
            Ok(_) => return Ok(visitor.go(&format!("{}?done=saved", listing_path(key)))),
            Err(Problem::Refused(UpdateListingRefusal::Text(error))) => typed.blame(error, w),
            Err(problem) => return Err(problem.into()),
        }
    }
    typed.remind_of_pictures(!files.is_empty(), w);
    let typed = (typed, pictures);
    Ok(show(visitor, &card, typed, Field::default(), None))
}

/// `POST /selling/stores/{store}/books/{book}/stock`: adds copies, or takes some away.
pub async fn add_stock(
    Path((store, book)): Path<(String, String)>,
    submitted: Submitted,
) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    let card = own_card(&visitor, &store, &book).await?;
    let w = visitor.language.words();
    let typed = fields.text("change").replace('−', "-");
    let wanted = typed.parse().ok().filter(|change: &i64| {
        let size = change.checked_abs().map(Stock::new);
        *change != 0 && matches!(size, Some(Ok(_)))
    });
    let error = match wanted {
        None => w.not_a_count,
        Some(change) => {
            let reader = visitor.reader()?;
            let key = card.listing.key.clone();
            let path = format!("{}?done=stock", listing_path(&key));
            let keep = IdempotencyKey::new(fields.get("key")).map(|form| KeepRequest {
                key: form,
                endpoint: "shop/stock",
                body: format!("{}\n{}\n{change}", key.store, key.book).into_bytes(),
                answer: b"done".as_slice().into(),
            });
            let user = reader.account.id.clone();
            let stock = AddStock { user, key, change };
            match visitor.app.add_stock(&reader.bearer, keep, stock).await {
                Ok(_) => return Ok(visitor.go(&path)),
                Err(Problem::KeyReused) => w.stock_sent_before,
                Err(Problem::Refused(AddStockRefusal::StockTooLow { .. })) => w.stock_too_low,
                Err(Problem::Refused(AddStockRefusal::StockLimit)) => w.amount_too_large,
                Err(problem) => return Err(problem.into()),
            }
        }
    };
    let cut: String = typed.chars().take(40).collect();
    let now = (Typed::of_card(&card), Choice::of_card(&card));
    Ok(show(visitor, &card, now, Field::wrong(cut, error), None))
}

/// `POST /selling/stores/{store}/books/{book}/shelf`: takes it off the shelves, or puts it back.
pub async fn put_or_take(
    Path((store, book)): Path<(String, String)>,
    submitted: Submitted,
) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    let card = own_card(&visitor, &store, &book).await?;
    let is_listed = match fields.get("on") {
        "1" => true,
        "0" => false,
        _ => return Err(Trouble::bad()),
    };
    let key = &card.listing.key;
    let update = UpdateListing {
        is_listed: Some(is_listed),
        ..update_of(&visitor, key)?
    };
    let bearer = &visitor.reader()?.bearer;
    visitor.app.update_listing(bearer, None, update).await?;
    let done = if is_listed { "on" } else { "off" };
    Ok(visitor.go(&format!("{}?done={done}", listing_path(key))))
}
