//! Books' texts and pictures, each kept once under the hash of what it says.

use std::collections::HashSet;
use std::sync::Arc;

use domain::book::BookFields;
use domain::{BookText, Key, Picture, PictureHash, TextHash, WorkingSet};
use mongodb::bson::{Binary, Bson, doc};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::{Stored, damaged};
use crate::schema::{PICTURES, TEXTS};
use crate::transaction::Transaction;
use crate::values::{binary, read_bytes};

const LOADING: &str = "finding texts";
const SAVING: &str = "writing texts and pictures";

/// A text as it is kept; fields that were never told are absent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TextDocument {
    #[serde(rename = "_id")]
    id: Binary,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    translator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub_year: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isbn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_intro: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    book_intro: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    tags: Vec<String>,
}

impl TextDocument {
    fn of(text: &BookText) -> Self {
        let fields = text.fields().clone();
        Self {
            id: binary(text.hash().to_bytes()),
            title: fields.title,
            author: fields.author,
            publisher: fields.publisher,
            original_title: fields.original_title,
            translator: fields.translator,
            pub_year: fields.pub_year,
            pages: fields.pages,
            currency_unit: fields.currency_unit,
            binding: fields.binding,
            isbn: fields.isbn,
            author_intro: fields.author_intro,
            book_intro: fields.book_intro,
            content: fields.content,
            tags: fields.tags,
        }
    }

    pub(crate) fn read(self) -> Stored<BookText> {
        let wanted: [u8; 16] = read_bytes(&self.id, "text's hash", LOADING)?;
        let text = BookText::new(BookFields {
            title: self.title,
            author: self.author,
            publisher: self.publisher,
            original_title: self.original_title,
            translator: self.translator,
            pub_year: self.pub_year,
            pages: self.pages,
            currency_unit: self.currency_unit,
            binding: self.binding,
            isbn: self.isbn,
            author_intro: self.author_intro,
            book_intro: self.book_intro,
            content: self.content,
            tags: self.tags,
        });
        let text = text.map_err(|_| damaged("text", LOADING))?;
        if text.hash().to_bytes() == wanted {
            Ok(text)
        } else {
            Err(damaged("text's hash", LOADING))
        }
    }
}

/// A picture as it is kept; its kind stands in its first bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PictureDocument {
    #[serde(rename = "_id")]
    id: Binary,
    bytes: Binary,
}

impl PictureDocument {
    pub(crate) fn read(self) -> Stored<Picture> {
        let doing = "finding pictures";
        let wanted: [u8; 16] = read_bytes(&self.id, "picture's hash", doing)?;
        match Picture::new(self.bytes.bytes) {
            Ok(picture) if picture.hash().to_bytes() == wanted => Ok(picture),
            _ => Err(damaged("picture", doing)),
        }
    }
}

/// An id alone.
#[derive(Debug, Deserialize)]
struct HashOnly {
    #[serde(rename = "_id")]
    id: Binary,
}

/// Those of these texts that there are.
pub(crate) async fn find_texts(
    deployment: &Deployment,
    hashes: Vec<TextHash>,
) -> Stored<Vec<Arc<BookText>>> {
    let id = |hash: &TextHash| Bson::Binary(binary(hash.to_bytes()));
    let ids = hashes.iter().map(id).collect();
    let found: Vec<TextDocument> = deployment.find_by_id(TEXTS, ids, LOADING).await?;
    let texts = found.into_iter().map(TextDocument::read);
    texts.map(|text| text.map(Arc::new)).collect()
}

pub(crate) async fn find_picture(
    deployment: &Deployment,
    hash: PictureHash,
) -> Stored<Option<Arc<Picture>>> {
    let filter = doc! { "_id": binary(hash.to_bytes()) };
    let doing = "finding a picture";
    let found: Option<PictureDocument> = deployment.find_one(PICTURES, filter, doing).await?;
    found.map(|found| found.read().map(Arc::new)).transpose()
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Text(hash) => Some(*hash),
        _ => None,
    };
    let hashes: Vec<TextHash> = keys.iter().filter_map(named).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = hashes
        .iter()
        .map(|hash| Bson::Binary(binary(hash.to_bytes())))
        .collect();
    let found: Vec<TextDocument> = transaction.find_by_id(TEXTS, &ids, LOADING).await?;
    for document in found {
        let text = document.read()?;
        rows.texts.load(text.hash(), Some(Arc::new(text)), 0);
    }
    for hash in hashes {
        rows.texts.load(hash, None, 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let is_new = |saved: Option<&Arc<BookText>>| saved.is_none();
    let texts = rows
        .texts
        .changed()
        .filter(|(_, entry)| is_new(entry.saved()));
    let texts: Vec<&Arc<BookText>> = texts.filter_map(|(_, entry)| entry.current()).collect();
    let pictures = rows.pictures.changed();
    let pictures: Vec<&Arc<Picture>> = pictures.filter_map(|(_, entry)| entry.current()).collect();

    let ids = texts.iter().map(|text| binary(text.hash().to_bytes()));
    let known = known(transaction, TEXTS, ids.collect()).await?;
    let is_unknown = |text: &&&Arc<BookText>| !known.contains(&text.hash().to_bytes()[..]);
    let added = texts
        .iter()
        .filter(is_unknown)
        .map(|text| TextDocument::of(text))
        .collect();
    transaction.insert(TEXTS, added, SAVING).await?;

    let ids = pictures
        .iter()
        .map(|picture| binary(picture.hash().to_bytes()));
    let known = self::known(transaction, PICTURES, ids.collect()).await?;
    let is_unknown = |picture: &&&Arc<Picture>| !known.contains(&picture.hash().to_bytes()[..]);
    let document = |picture: &&Arc<Picture>| PictureDocument {
        id: binary(picture.hash().to_bytes()),
        bytes: binary(picture.bytes()),
    };
    let added = pictures.iter().filter(is_unknown).map(document).collect();
    transaction.insert(PICTURES, added, SAVING).await
}

/// Which of these hashes are kept already. Reads ids only: texts and pictures are large.
async fn known(
    transaction: &mut Transaction,
    collection: &str,
    ids: Vec<Binary>,
) -> Stored<HashSet<Vec<u8>>> {
    let mut known = HashSet::new();
    if !ids.is_empty() {
        let ids: Vec<Bson> = ids.into_iter().map(Bson::Binary).collect();
        let found: Vec<HashOnly> = transaction.find_ids(collection, &ids, LOADING).await?;
        known.extend(found.into_iter().map(|found| found.id.bytes));
    }
    Ok(known)
}
