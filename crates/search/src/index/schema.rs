//! The index's fields, and a book as a document.

use domain::book::BookFields;
use domain::{BookId, BookText, TextHash};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, Schema, SchemaBuilder, TextFieldIndexing,
    TextOptions, Value,
};
use tantivy::{Index, TantivyDocument};

use super::tokenizer::ShopTokenizer;
use crate::analysis::{TermKind, fold, isbns_in};
use crate::query::{KEYWORD_MAX_CHARACTERS, TextField};

/// Raised by whatever changes what an index of the same books holds: its fields, or the folding.
/// An index of another version is built anew.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Our ways to find a text's terms. In the long texts there are no single characters, which would
/// be an eighth of the index: each of them begins a pair.
const SHORT: &str = "short";
const LONG: &str = "long";

/// Tells an index of them.
pub(super) fn register_tokenizers(index: &Index) {
    use TermKind::{Character, Last, Pair, Word};
    let tokenizers = index.tokenizers();
    tokenizers.register(SHORT, ShopTokenizer::new(&[Character, Pair, Word]));
    tokenizers.register(LONG, ShopTokenizer::new(&[Pair, Last, Word]));
}

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    texts: [Field; 6],
    /// The whole title, folded, as one term.
    pub whole_title: Field,
    /// The ISBNs, thirteen digits each.
    pub isbn: Field,
    /// The document's number in the columns.
    pub slot: Field,
    book: Field,
    hash: Field,
    publisher: Field,
}

/// What of a book's text is wanted without reading it: stored with its document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    pub title: String,
    pub author: Option<String>,
    pub publisher: Option<String>,
    pub tags: Vec<String>,
}

impl Facts {
    pub fn of(fields: &BookFields) -> Self {
        Self {
            title: fields.title.clone(),
            author: fields.author.clone(),
            publisher: fields.publisher.clone(),
            tags: fields.tags.clone(),
        }
    }
}

/// A document as it is kept in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub slot: u32,
    pub book: BookId,
    pub text: TextHash,
    pub facts: Facts,
}

fn indexing(tokenizer: &str, option: IndexRecordOption) -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(option)
}

fn text(tokenizer: &str, option: IndexRecordOption) -> TextOptions {
    TextOptions::default().set_indexing_options(indexing(tokenizer, option))
}

impl Fields {
    pub fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let short = text(SHORT, IndexRecordOption::WithFreqsAndPositions);
        let long = text(LONG, IndexRecordOption::WithFreqsAndPositions);
        let title = schema.add_text_field("title", short.clone() | STORED);
        let original_title = schema.add_text_field("original_title", short.clone());
        let tags = schema.add_text_field("tags", short.clone() | STORED);
        let author = schema.add_text_field("author", short | STORED);
        let book_intro = schema.add_text_field("book_intro", long.clone());
        let content = schema.add_text_field("content", long);
        let term = |schema: &mut SchemaBuilder, name| {
            // Frequencies, all of them 1, let a union of terms skip what can't be among the best.
            let indexing = indexing("raw", IndexRecordOption::WithFreqs).set_fieldnorms(false);
            schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
        };
        let fields = Self {
            texts: [title, original_title, tags, author, book_intro, content],
            whole_title: term(&mut schema, "whole_title"),
            isbn: term(&mut schema, "isbn"),
            slot: schema.add_u64_field("slot", INDEXED | FAST | STORED),
            book: schema.add_text_field("book", STORED),
            hash: schema.add_bytes_field("hash", STORED),
            publisher: schema.add_text_field("publisher", STORED),
        };
        (schema.build(), fields)
    }

    pub fn text(&self, field: TextField) -> Field {
        self.texts[field as usize]
    }

    pub fn document(&self, slot: u32, book: &BookId, text: &BookText) -> TantivyDocument {
        let fields = text.fields();
        let mut document = TantivyDocument::default();
        document.add_u64(self.slot, u64::from(slot));
        document.add_text(self.book, book.as_str());
        document.add_bytes(self.hash, &text.hash().to_bytes());
        document.add_text(self.text(TextField::Title), &fields.title);
        if fields.title.chars().nth(KEYWORD_MAX_CHARACTERS).is_none() {
            document.add_text(self.whole_title, fold(&fields.title));
        }
        for tag in &fields.tags {
            document.add_text(self.text(TextField::Tags), tag);
        }
        let optional = [
            (self.text(TextField::OriginalTitle), &fields.original_title),
            (self.text(TextField::Author), &fields.author),
            (self.text(TextField::BookIntro), &fields.book_intro),
            (self.text(TextField::Content), &fields.content),
            (self.publisher, &fields.publisher),
        ];
        for (field, text) in optional {
            if let Some(text) = text {
                document.add_text(field, text);
            }
        }
        for isbn in fields.isbn.iter().flat_map(|isbn| isbns_in(isbn)) {
            document.add_text(self.isbn, isbn);
        }
        document
    }

    /// Reads a document back; `None` where it is none of ours.
    pub fn read(&self, document: &TantivyDocument) -> Option<Stored> {
        let text = |field| {
            let value = document.get_first(field)?;
            value.as_str().map(str::to_owned)
        };
        let hash = document.get_first(self.hash)?;
        let tags = document.get_all(self.text(TextField::Tags));
        Some(Stored {
            slot: u32::try_from(document.get_first(self.slot)?.as_u64()?).ok()?,
            book: BookId::new(text(self.book)?).ok()?,
            text: TextHash::from_bytes(hash.as_bytes()?.try_into().ok()?),
            facts: Facts {
                title: text(self.text(TextField::Title))?,
                author: text(self.text(TextField::Author)),
                publisher: text(self.publisher),
                tags: tags
                    .filter_map(|tag| tag.as_str().map(str::to_owned))
                    .collect(),
            },
        })
    }
}
