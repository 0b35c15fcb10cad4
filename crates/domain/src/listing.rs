//! Listings: a book in a store, with its price and stock.

use std::sync::Arc;

use crate::book::{BookText, InvalidText, Picture, PictureHash, TextHash};
use crate::ids::{BookId, StoreId, UserId};
use crate::money::{Price, Stock};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

/// Names a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListingKey {
    /// In which store.
    pub store: StoreId,
    /// Which book there.
    pub book: BookId,
}

/// A book in a store. What every order changes stands in the row itself, the rest in `details`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listing {
    /// What names it.
    pub key: ListingKey,
    /// What a copy costs.
    pub price: Price,
    /// How many copies there are.
    pub stock: Stock,
    /// How many copies were ever added, corrections included: always `stock` plus the copies in
    /// orders that are not cancelled.
    pub added: i64,
    /// What seldom changes.
    pub details: Arc<ListingDetails>,
}

/// What seldom changes about a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListingDetails {
    /// What the book says of itself.
    pub text: TextHash,
    /// The book's title, cut as an order's line remembers it.
    pub title: Arc<str>,
    /// Its pictures, in the seller's order.
    pub pictures: Vec<PictureHash>,
    /// Whether it is on the shelves. One that isn't can't be ordered.
    pub is_listed: bool,
    /// When it was first listed.
    pub listed_at: Timestamp,
}

/// Why a seller may not write to a listing's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRefusal {
    /// There is no such open store.
    NoStore(StoreId),
    /// It is another seller's.
    NotOwner(StoreId),
}

/// Checks that `store` is open and `user` owns it.
fn check_owner<R: From<StoreRefusal>>(
    rows: &WorkingSet,
    user: &UserId,
    store: &StoreId,
) -> Result<(), Halt<R>> {
    match rows.store(store)? {
        Some(found) if found.is_open && found.owner == *user => Ok(()),
        Some(found) if found.is_open => {
            Err(Halt::Refused(StoreRefusal::NotOwner(store.clone()).into()))
        }
        _ => Err(Halt::Refused(StoreRefusal::NoStore(store.clone()).into())),
    }
}

/// Lists a book in a store.
#[derive(Debug, Clone)]
pub struct AddListing {
    /// The seller; proved.
    pub user: UserId,
    /// Where.
    pub key: ListingKey,
    /// What the book says.
    pub text: Arc<BookText>,
    /// Its pictures, at most [`crate::book::PICTURES_MAX`].
    pub pictures: Vec<Arc<Picture>>,
    /// What a copy costs.
    pub price: Price,
    /// How many copies there are.
    pub stock: Stock,
}

/// Why a book was not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddListingRefusal {
    /// Something about the store.
    Store(StoreRefusal),
    /// The store lists a book of that id.
    BookExists(BookId),
}

impl From<StoreRefusal> for AddListingRefusal {
    fn from(refusal: StoreRefusal) -> Self {
        Self::Store(refusal)
    }
}

impl Operation for AddListing {
    type Done = ();
    type Refusal = AddListingRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Store(self.key.store.clone()),
            Key::Listing(self.key.clone()),
        ]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<AddListingRefusal>> {
        check_owner(rows, &self.user, &self.key.store)?;
        if rows.listing(&self.key)?.is_some() {
            return Err(Halt::Refused(AddListingRefusal::BookExists(
                self.key.book.clone(),
            )));
        }
        let details = ListingDetails {
            text: self.text.hash(),
            title: self.text.line_title(),
            pictures: self.pictures.iter().map(|picture| picture.hash()).collect(),
            is_listed: true,
            listed_at: now,
        };
        let listing = Listing {
            key: self.key.clone(),
            price: self.price,
            stock: self.stock,
            added: self.stock.get(),
            details: Arc::new(details),
        };
        let mut changes = vec![Change::Text(self.text.clone()), Change::Listing(listing)];
        changes.extend(self.pictures.iter().cloned().map(Change::Picture));
        Ok(Decided::with(changes))
    }
}

/// Adds copies to a listing's stock, or takes some away to correct a count.
#[derive(Debug, Clone)]
pub struct AddStock {
    /// The seller; proved.
    pub user: UserId,
    /// Which listing.
    pub key: ListingKey,
    /// How many copies more; negative for fewer.
    pub change: i64,
}

/// Why stock was not added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddStockRefusal {
    /// Something about the store.
    Store(StoreRefusal),
    /// The store lists no such book.
    NoBook(BookId),
    /// Fewer copies than were to be taken away.
    StockTooLow {
        /// Of which book.
        book: BookId,
        /// How many there are.
        stock: Stock,
    },
    /// The stock would pass its limit.
    StockLimit,
}

impl From<StoreRefusal> for AddStockRefusal {
    fn from(refusal: StoreRefusal) -> Self {
        Self::Store(refusal)
    }
}

impl Operation for AddStock {
    type Done = ();
    type Refusal = AddStockRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Store(self.key.store.clone()),
            Key::Listing(self.key.clone()),
        ]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        _now: Timestamp,
    ) -> Result<Decided<()>, Halt<AddStockRefusal>> {
        check_owner(rows, &self.user, &self.key.store)?;
        let book = &self.key.book;
        let listing = rows
            .listing(&self.key)?
            .ok_or_else(|| Halt::Refused(AddStockRefusal::NoBook(book.clone())))?;
        if self.change == 0 {
            return Ok(Decided::with(Vec::new()));
        }
        let stock = listing.stock.get() + self.change;
        // Returned copies may have lifted the stock above the limit; taking some away is fine then.
        let stock = match Stock::new(stock) {
            Ok(stock) => Some(stock),
            Err(_) if self.change < 0 => Stock::from_stored(stock),
            Err(_) => return Err(Halt::Refused(AddStockRefusal::StockLimit)),
        };
        let Some(stock) = stock else {
            return Err(Halt::Refused(AddStockRefusal::StockTooLow {
                book: book.clone(),
                stock: listing.stock,
            }));
        };
        let added = listing.added.checked_add(self.change);
        let added = added.ok_or(Halt::Refused(AddStockRefusal::StockLimit))?;
        Ok(Decided::with(vec![Change::Listing(Listing {
            stock,
            added,
            ..listing.clone()
        })]))
    }
}

/// What becomes of an optional field: `None` keeps it, `Some(None)` clears it.
pub type Patch<T> = Option<Option<T>>;

/// The fields of a book that an update replaces.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the contract names the fields, and its names say what they are"
)]
pub struct BookPatch {
    pub title: Option<String>,
    pub author: Patch<String>,
    pub publisher: Patch<String>,
    pub original_title: Patch<String>,
    pub translator: Patch<String>,
    pub pub_year: Patch<String>,
    pub pages: Patch<i64>,
    pub currency_unit: Patch<String>,
    pub binding: Patch<String>,
    pub isbn: Patch<String>,
    pub author_intro: Patch<String>,
    pub book_intro: Patch<String>,
    pub content: Patch<String>,
    pub tags: Option<Vec<String>>,
}

impl BookPatch {
    /// The text with these fields replaced.
    ///
    /// # Errors
    /// [`InvalidText`] where the outcome passes a limit.
    pub fn apply(&self, text: &BookText) -> Result<BookText, InvalidText> {
        fn put<T: Clone>(field: &mut T, patch: &Option<T>) {
            if let Some(value) = patch {
                field.clone_from(value);
            }
        }
        let mut fields = text.fields().clone();
        put(&mut fields.title, &self.title);
        put(&mut fields.author, &self.author);
        put(&mut fields.publisher, &self.publisher);
        put(&mut fields.original_title, &self.original_title);
        put(&mut fields.translator, &self.translator);
        put(&mut fields.pub_year, &self.pub_year);
        put(&mut fields.pages, &self.pages);
        put(&mut fields.currency_unit, &self.currency_unit);
        put(&mut fields.binding, &self.binding);
        put(&mut fields.isbn, &self.isbn);
        put(&mut fields.author_intro, &self.author_intro);
        put(&mut fields.book_intro, &self.book_intro);
        put(&mut fields.content, &self.content);
        put(&mut fields.tags, &self.tags);
        BookText::new(fields)
    }
}

/// Changes what a listing says, shows or costs, or takes it off the shelves.
#[derive(Debug, Clone)]
pub struct UpdateListing {
    /// The seller; proved.
    pub user: UserId,
    /// Which listing.
    pub key: ListingKey,
    /// The fields to replace.
    pub patch: BookPatch,
    /// The new price, where it changes.
    pub price: Option<Price>,
    /// The new pictures, where they change.
    pub pictures: Option<Vec<Arc<Picture>>>,
    /// Whether it is on the shelves from now on, where that changes.
    pub is_listed: Option<bool>,
}

/// Why a listing was not updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateListingRefusal {
    /// Something about the store.
    Store(StoreRefusal),
    /// The store lists no such book.
    NoBook(BookId),
    /// The book's text would pass a limit.
    Text(InvalidText),
}

impl From<StoreRefusal> for UpdateListingRefusal {
    fn from(refusal: StoreRefusal) -> Self {
        Self::Store(refusal)
    }
}

impl UpdateListing {
    /// The listing's text with the patch applied.
    fn new_text(
        &self,
        rows: &WorkingSet,
        old: TextHash,
    ) -> Result<Arc<BookText>, Halt<InvalidText>> {
        let text = rows
            .text(&old)?
            .expect("an engine keeps the text of every listing");
        self.patch.apply(text).map(Arc::new).map_err(Halt::Refused)
    }
}

impl Operation for UpdateListing {
    type Done = ();
    type Refusal = UpdateListingRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Store(self.key.store.clone()),
            Key::Listing(self.key.clone()),
        ]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        _now: Timestamp,
    ) -> Result<Decided<()>, Halt<UpdateListingRefusal>> {
        check_owner(rows, &self.user, &self.key.store)?;
        let listing = rows
            .listing(&self.key)?
            .ok_or_else(|| Halt::Refused(UpdateListingRefusal::NoBook(self.key.book.clone())))?;
        let text = match self.new_text(rows, listing.details.text) {
            Ok(text) => text,
            Err(Halt::Lacks(keys)) => return Err(Lacks(keys).into()),
            Err(Halt::Refused(why)) => return Err(Halt::Refused(UpdateListingRefusal::Text(why))),
        };
        let mut details = ListingDetails {
            text: text.hash(),
            title: text.line_title(),
            ..ListingDetails::clone(&listing.details)
        };
        if let Some(is_listed) = self.is_listed {
            details.is_listed = is_listed;
        }
        let mut changes = vec![Change::Text(text)];
        if let Some(pictures) = &self.pictures {
            details.pictures = pictures.iter().map(|picture| picture.hash()).collect();
            changes.extend(pictures.iter().cloned().map(Change::Picture));
        }
        changes.push(Change::Listing(Listing {
            price: self.price.unwrap_or(listing.price),
            details: Arc::new(details),
            ..listing.clone()
        }));
        Ok(Decided::with(changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{BookFields, TEXT_MAX_BYTES};
    use crate::money::COUNT_MAX;
    use crate::testing::{BOOK, Market, SELLER, START, listing_key, user};

    fn full() -> BookFields {
        let text = |word: &str| Some(word.to_owned());
        BookFields {
            title: "title".to_owned(),
            author: text("author"),
            publisher: text("publisher"),
            original_title: text("original"),
            translator: text("translator"),
            pub_year: text("2004"),
            pages: Some(7),
            currency_unit: text("元"),
            binding: text("paper"),
            isbn: text("978"),
            author_intro: text("on the author"),
            book_intro: text("on the book"),
            content: text("chapters"),
            tags: vec!["tag".to_owned()],
        }
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name() {
        let text = BookText::new(full()).unwrap();
        assert_eq!(BookPatch::default().apply(&text).unwrap(), text);
    }

    #[test]
    fn a_patch_replaces_and_clears_each_field() {
        let empty = BookText::new(BookFields::default()).unwrap();
        let all = full();
        let set = BookPatch {
            title: Some(all.title.clone()),
            author: Some(all.author.clone()),
            publisher: Some(all.publisher.clone()),
            original_title: Some(all.original_title.clone()),
            translator: Some(all.translator.clone()),
            pub_year: Some(all.pub_year.clone()),
            pages: Some(all.pages),
            currency_unit: Some(all.currency_unit.clone()),
            binding: Some(all.binding.clone()),
            isbn: Some(all.isbn.clone()),
            author_intro: Some(all.author_intro.clone()),
            book_intro: Some(all.book_intro.clone()),
            content: Some(all.content.clone()),
            tags: Some(all.tags.clone()),
        };
        let text = set.apply(&empty).unwrap();
        assert_eq!(*text.fields(), all);
        let clear = BookPatch {
            title: Some(String::new()),
            author: Some(None),
            publisher: Some(None),
            original_title: Some(None),
            translator: Some(None),
            pub_year: Some(None),
            pages: Some(None),
            currency_unit: Some(None),
            binding: Some(None),
            isbn: Some(None),
            author_intro: Some(None),
            book_intro: Some(None),
            content: Some(None),
            tags: Some(Vec::new()),
        };
        assert_eq!(clear.apply(&text).unwrap(), empty);
    }

    #[test]
    fn a_patch_can_pass_a_limit() {
        let text = BookText::new(full()).unwrap();
        let content = Some(Some("x".repeat(TEXT_MAX_BYTES)));
        let refused = BookPatch {
            content,
            ..BookPatch::default()
        }
        .apply(&text);
        assert_eq!(refused, Err(InvalidText::TooLong));
    }

    #[test]
    fn a_change_of_stock_ends_between_nothing_and_the_limit() {
        let mut market = Market::with_book();
        let mut change = |change| {
            let operation = AddStock {
                user: user(SELLER),
                key: listing_key(BOOK),
                change,
            };
            market
                .run(&operation, START)
                .map(|()| market.listing(BOOK).stock.get())
        };
        let stock = Stock::new(10).unwrap();
        let too_low = AddStockRefusal::StockTooLow {
            book: listing_key(BOOK).book,
            stock,
        };
        assert_eq!(change(-11), Err(too_low));
        assert_eq!(change(-10), Ok(0));
        assert_eq!(change(COUNT_MAX), Ok(COUNT_MAX));
        assert_eq!(change(1), Err(AddStockRefusal::StockLimit));
        assert_eq!(change(-COUNT_MAX), Ok(0));
    }
}
