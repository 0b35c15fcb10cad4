//! The index's fields, and a book as a document.

use domain::book::BookFields;
use domain::{BookId, BookText, TextHash};
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing, TextOptions, Value,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{Index, IndexSettings, TantivyDocument};

use super::tokenizer::ShopTokenizer;
use crate::analysis::{TermKind, isbns_in};
use crate::query::TextField;

/// Raised by whatever changes what an index of the same books holds: its fields, or the folding.
/// An index of another version is built anew.
pub(crate) const SCHEMA_VERSION: u32 = 2;

/// Our ways to find a text's terms. Only in names are single characters terms, for slips of the finger
/// to be found; elsewhere they would be an eighth of the index, and each of them begins a pair.
const NAME: &str = "name";
const TEXT: &str = "text";

/// What is stored is read at start alone, from one end to the other: so in large blocks, well
/// compressed.
const STORE_BLOCK_BYTES: usize = 256 << 10;
const STORE_COMPRESSION_LEVEL: i32 = 12;

/// The name of the field with the document's number in the columns.
pub(super) const SLOT: &str = "slot";

/// How an index is kept.
pub(super) fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::Zstd(ZstdCompressor {
            compression_level: Some(STORE_COMPRESSION_LEVEL),
        }),
        docstore_blocksize: STORE_BLOCK_BYTES,
        ..IndexSettings::default()
    }
}

/// Tells an index of them.
pub(super) fn register_tokenizers(index: &Index) {
    use TermKind::{Character, Last, Pair, Word};
    let tokenizers = index.tokenizers();
    tokenizers.register(NAME, ShopTokenizer::new(&[Character, Pair, Word]));
    tokenizers.register(TEXT, ShopTokenizer::new(&[Pair, Last, Word]));
}

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    texts: [Field; 6],
    /// The ISBNs, thirteen digits each.
    pub isbn: Field,
    /// The document's number in the columns.
    pub slot: Field,
    book: Field,
    long_title: Field,
    hash: Field,
    publisher: Field,
}

/// What of a book's text is wanted without reading it: stored with its document, but for a title
/// that its listings tell anyway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// Empty where it isn't stored.
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

/// What is stored of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
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
        let name = text(NAME, IndexRecordOption::WithFreqsAndPositions);
        let text = text(TEXT, IndexRecordOption::WithFreqsAndPositions);
        let title = schema.add_text_field("title", name.clone());
        let original_title = schema.add_text_field("original_title", name.clone());
        let tags = schema.add_text_field("tags", text.clone() | STORED);
        let author = schema.add_text_field("author", name | STORED);
        let book_intro = schema.add_text_field("book_intro", text.clone());
        let content = schema.add_text_field("content", text);
        // Frequencies, all of them 1, let a union of terms skip what can't be among the best.
        let isbn = indexing("raw", IndexRecordOption::WithFreqs).set_fieldnorms(false);
        let isbn = TextOptions::default().set_indexing_options(isbn);
        // Not by flags, which would have norms too.
        let slot = NumericOptions::default().set_indexed().set_fast();
        let fields = Self {
            texts: [title, original_title, tags, author, book_intro, content],
            isbn: schema.add_text_field("isbn", isbn),
            slot: schema.add_u64_field(SLOT, slot),
            book: schema.add_text_field("book", STORED),
            long_title: schema.add_text_field("long_title", STORED),
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
        if *text.line_title() != *fields.title {
            document.add_text(self.long_title, &fields.title);
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
            book: BookId::new(text(self.book)?).ok()?,
            text: TextHash::from_bytes(hash.as_bytes()?.try_into().ok()?),
            facts: Facts {
                title: text(self.long_title).unwrap_or_default(),
                author: text(self.text(TextField::Author)),
                publisher: text(self.publisher),
                tags: tags
                    .filter_map(|tag| tag.as_str().map(str::to_owned))
                    .collect(),
            },
        })
    }
}
