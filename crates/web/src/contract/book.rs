//! `book_info`: a book as sellers write it, whole or as a change.

use std::sync::Arc;

use domain::book::{BookFields, PICTURES_MAX, TAGS_MAX};
use domain::listing::{BookPatch, Patch};
use domain::{BookId, BookText, Picture, Price};
use serde::Deserialize;

use crate::error::{self, ErrorAnswer};
use crate::field::{Limited, Number, Text, present};

/// The pictures of a listing, decoded from base64 and known by their first bytes.
pub type Pictures = Limited<Text<Arc<Picture>>, PICTURES_MAX>;
type Tags = Limited<String, TAGS_MAX>;

/// A whole book.
#[derive(Deserialize)]
pub struct BookInfo {
    pub id: Text<BookId>,
    title: String,
    pub price: Number<Price>,
    author: Option<String>,
    publisher: Option<String>,
    original_title: Option<String>,
    translator: Option<String>,
    pub_year: Option<String>,
    pages: Option<Number<i64>>,
    currency_unit: Option<String>,
    binding: Option<String>,
    isbn: Option<String>,
    author_intro: Option<String>,
    book_intro: Option<String>,
    content: Option<String>,
    tags: Option<Tags>,
    pub pictures: Option<Pictures>,
}

impl BookInfo {
    /// What the book says of itself.
    ///
    /// # Errors
    /// 400 past the limits of a text.
    pub fn into_text(self) -> Result<BookText, ErrorAnswer> {
        let fields = BookFields {
            title: self.title,
            author: self.author,
            publisher: self.publisher,
            original_title: self.original_title,
            translator: self.translator,
            pub_year: self.pub_year,
            pages: self.pages.map(|Number(pages)| pages),
            currency_unit: self.currency_unit,
            binding: self.binding,
            isbn: self.isbn,
            author_intro: self.author_intro,
            book_intro: self.book_intro,
            content: self.content,
            tags: self.tags.map_or_else(Vec::new, |Limited(tags)| tags),
        };
        BookText::new(fields).map_err(error::invalid_text)
    }
}

/// The fields of a book that are to be replaced: absent keeps one, null clears one that is
/// optional.
#[derive(Deserialize)]
pub struct BookChange {
    #[serde(default, deserialize_with = "present")]
    pub id: Option<Text<BookId>>,
    #[serde(default, deserialize_with = "present")]
    title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub price: Option<Number<Price>>,
    #[serde(default, deserialize_with = "present")]
    author: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    publisher: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    original_title: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    translator: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    pub_year: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    pages: Patch<Number<i64>>,
    #[serde(default, deserialize_with = "present")]
    currency_unit: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    binding: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    isbn: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    author_intro: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    book_intro: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    content: Patch<String>,
    #[serde(default, deserialize_with = "present")]
    tags: Patch<Tags>,
    #[serde(default, deserialize_with = "present")]
    pub pictures: Patch<Pictures>,
}

impl BookChange {
    /// What becomes of the book's text. Its limits are checked on the outcome.
    pub fn into_patch(self) -> BookPatch {
        BookPatch {
            title: self.title,
            author: self.author,
            publisher: self.publisher,
            original_title: self.original_title,
            translator: self.translator,
            pub_year: self.pub_year,
            pages: self.pages.map(|pages| pages.map(|Number(pages)| pages)),
            currency_unit: self.currency_unit,
            binding: self.binding,
            isbn: self.isbn,
            author_intro: self.author_intro,
            book_intro: self.book_intro,
            content: self.content,
            tags: self
                .tags
                .map(|tags| tags.map_or_else(Vec::new, |Limited(tags)| tags)),
        }
    }
}

/// The pictures themselves; `null` is none.
pub fn to_pictures(pictures: Option<Pictures>) -> Vec<Arc<Picture>> {
    let pictures = pictures.map_or_else(Vec::new, |Limited(pictures)| pictures);
    pictures.into_iter().map(|Text(picture)| picture).collect()
}
