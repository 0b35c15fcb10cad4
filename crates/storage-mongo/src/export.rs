//! The export: page by page through all collections, in the order of their ids, a page from one
//! snapshot.
//!
//! A place is the id of the last document before it, as text. Ids of several parts are parted by
//! tabs, which no id holds.

use std::sync::Arc;

use domain::Change;
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use serde::de::DeserializeOwned;
use storage::{ErrorKind, ExportCursor, ExportLimit, ExportPage, PageRows, Section, StorageError};

use crate::accounts::AccountDocument;
use crate::books::{PictureDocument, TextDocument};
use crate::deployment::{Deployment, OPERATION_DEADLINE, in_time};
use crate::error::Stored;
use crate::idempotency::KeptDocument;
use crate::ledger::EntryDocument;
use crate::listings::ListingDocument;
use crate::orders::OrderDocument;
use crate::schema::{
    ACCOUNTS, ENTRIES, KEPT_ANSWERS, LISTINGS, ORDERS, PICTURES, STORES, TERMINALS, TEXTS,
};
use crate::stores::StoreDocument;
use crate::terminals::TerminalDocument;
use crate::values::binary;

const DOING: &str = "exporting";
/// How many documents come at a time, where there are as many.
const PER_ANSWER_MAX: usize = 2_000;

pub(crate) async fn export(
    deployment: &Deployment,
    after: Option<ExportCursor>,
    limit: ExportLimit,
) -> Stored<ExportPage> {
    let rows_expected = count_roughly(deployment).await?;
    let session = in_time(DOING, deployment.snapshot()).await?;
    let page = PageRows::new(limit);
    let mut reader = Reader {
        deployment,
        session,
        page,
    };
    let mut end = after.unwrap_or_else(|| ExportCursor::begin(Section::Accounts));
    let is_last = loop {
        end.position = reader.read_section(&end).await?;
        match end.section.next() {
            _ if reader.page.is_full() => break false,
            Some(next) => end = ExportCursor::begin(next),
            None => break true,
        }
    };
    Ok(ExportPage {
        changes: reader.page.into_changes(),
        end,
        is_last,
        rows_expected,
    })
}

/// The server keeps these numbers anyway.
async fn count_roughly(deployment: &Deployment) -> Stored<u64> {
    let mut count = 0;
    for section in Section::ALL {
        let documents = deployment.collection::<Document>(collection_of(section));
        count += in_time(DOING, documents.estimated_document_count().into_future()).await?;
    }
    Ok(count)
}

fn collection_of(section: Section) -> &'static str {
    match section {
        Section::Accounts => ACCOUNTS,
        Section::Stores => STORES,
        Section::Texts => TEXTS,
        Section::Pictures => PICTURES,
        Section::Listings => LISTINGS,
        Section::Orders => ORDERS,
        Section::Transfers => ENTRIES,
        Section::KeptAnswers => KEPT_ANSWERS,
        Section::Terminals => TERMINALS,
    }
}

/// A page in the making.
struct Reader<'a> {
    deployment: &'a Deployment,
    session: ClientSession,
    page: PageRows,
}

impl Reader<'_> {
    /// Reads on in a section until it ends or the page is full, and says where that is.
    async fn read_section(&mut self, at: &ExportCursor) -> Stored<Arc<str>> {
        match at.section {
            Section::Accounts => self.read(at, AccountDocument::read, Change::Account).await,
            Section::Stores => self.read(at, StoreDocument::read, Change::Store).await,
            Section::Texts => {
                self.read(at, TextDocument::read, |text| Change::Text(Arc::new(text)))
                    .await
            }
            Section::Pictures => {
                let change = |picture| Change::Picture(Arc::new(picture));
                self.read(at, PictureDocument::read, change).await
            }
            Section::Listings => self.read(at, ListingDocument::read, Change::Listing).await,
            Section::Orders => {
                self.read(at, OrderDocument::read, |order| {
                    Change::Order(Arc::new(order))
                })
                .await
            }
            Section::Transfers => self.read(at, EntryDocument::read, Change::Transfer).await,
            Section::KeptAnswers => {
                let change = |(key, kept)| Change::Kept(key, kept);
                self.read(at, KeptDocument::read, change).await
            }
            Section::Terminals => {
                let change = |(key, terminal)| Change::Terminal(key, terminal);
                self.read(at, TerminalDocument::read, change).await
            }
        }
    }

    async fn read<D, R>(
        &mut self,
        at: &ExportCursor,
        read: impl Fn(D) -> Stored<R>,
        change: impl Fn(R) -> Change,
    ) -> Stored<Arc<str>>
    where
        D: DeserializeOwned + Send + Sync,
    {
        let mut position = at.position.clone();
        if self.page.is_full() {
            return Ok(position);
        }
        let rows = self.page.rows_left();
        let documents = self
            .deployment
            .collection::<Document>(collection_of(at.section));
        let finding = documents
            .find(behind(at)?)
            .sort(doc! { "_id": 1 })
            .limit(i64::try_from(rows).unwrap_or(i64::MAX))
            .batch_size(u32::try_from(rows.min(PER_ANSWER_MAX)).unwrap_or(u32::MAX))
            .max_time(OPERATION_DEADLINE);
        let finding = finding.session(&mut self.session).into_future();
        let mut cursor = in_time(DOING, finding).await?;
        while !self.page.is_full() && in_time(DOING, cursor.advance(&mut self.session)).await? {
            let document = cursor.current();
            position = match document.get("_id") {
                Ok(Some(id)) => position_of(&Bson::try_from(id).map_err(|_| unknown())?)?.into(),
                _ => return Err(unknown()),
            };
            let document = mongodb::bson::deserialize_from_slice(document.as_bytes());
            let document =
                document.map_err(|error| StorageError::caused(ErrorKind::Corrupt, DOING, error))?;
            self.page.push(change(read(document)?));
        }
        Ok(position)
    }
}

/// An id as text.
fn position_of(id: &Bson) -> Stored<String> {
    Ok(match id {
        Bson::String(text) => text.clone(),
        Bson::Binary(binary) => to_hexadecimal(&binary.bytes),
        Bson::Int64(number) => number.to_string(),
        Bson::Document(parts) => {
            let parts: Stored<Vec<String>> = parts.values().map(position_of).collect();
            parts?.join("\t")
        }
        _ => return Err(unknown()),
    })
}

/// What names the documents behind a place.
fn behind(at: &ExportCursor) -> Stored<Document> {
    if at.position.is_empty() {
        return Ok(doc! {});
    }
    let parts: Vec<&str> = at.position.split('\t').collect();
    let id: Bson = match (at.section, parts.as_slice()) {
        (Section::Accounts | Section::Stores, [id]) => (*id).into(),
        (Section::Texts | Section::Pictures | Section::Orders, [id]) => binary_of(id)?,
        (Section::Listings, [store, book]) => doc! { "store": *store, "book": *book }.into(),
        (Section::Transfers, [of, kind]) => {
            let kind: i64 = kind.parse().map_err(|_| unknown())?;
            doc! { "of": binary_of(of)?, "kind": kind }.into()
        }
        (Section::KeptAnswers, [user, endpoint, key]) => {
            doc! { "user": *user, "endpoint": *endpoint, "key": *key }.into()
        }
        (Section::Terminals, [user, name]) => doc! { "user": *user, "name": *name }.into(),
        _ => return Err(unknown()),
    };
    Ok(doc! { "_id": { "$gt": id } })
}

fn to_hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn binary_of(text: &str) -> Stored<Bson> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.map(byte).collect();
    Ok(Bson::Binary(binary(bytes.ok_or_else(unknown)?)))
}

fn unknown() -> StorageError {
    StorageError::new(ErrorKind::Internal, "looking for a place in an export")
}
