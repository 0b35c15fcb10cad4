//! The made-up books as a storage that search can read. Texts are made when they are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{
    Account, BookId, BookText, BucketKey, Change, Listing, ListingDetails, ListingKey, Migration,
    Order, OrderId, Picture, PictureHash, Pour, Store, StoreId, TerminalKey, TextHash, Timestamp,
    UserId,
};
use storage::{
    AuditReport, DueOrder, ErrorKind, ExportCursor, ExportLimit, ExportPage, Feed, FeedChange,
    FeedPosition, Job, ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Section,
    Session, Storage, StorageError,
};

use crate::made::{self, Made, Row, STORES, fields, store_id, text};

pub struct Catalogue {
    made: Made,
    rows: Vec<Row>,
    hashes: Vec<TextHash>,
    titles: Vec<Arc<str>>,
    numbers: HashMap<TextHash, u32>,
    /// Books that were added since.
    added: Mutex<Vec<Arc<BookText>>>,
}

impl Catalogue {
    pub fn new(made: Made) -> Self {
        let texts = (0..made.texts).map(text);
        let (hashes, titles): (Vec<_>, Vec<_>) =
            texts.map(|text| (text.hash(), text.line_title())).unzip();
        let numbers = hashes.iter().copied().zip(0..).collect();
        let added = Mutex::new(Vec::new());
        Self {
            made,
            rows: made::rows(made),
            hashes,
            titles,
            numbers,
            added,
        }
    }

    pub fn made(&self) -> Made {
        self.made
    }

    /// Adds a book to a store; returns its ISBN.
    pub fn add_one(&self) -> String {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.made.texts + added.len() as u32;
        added.push(Arc::new(text(number)));
        fields(number).isbn.unwrap_or_default()
    }

    fn added(&self) -> Vec<Arc<BookText>> {
        self.added
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn listing(&self, number: u32) -> Listing {
        let row = &self.rows[number as usize];
        let book = row.text.to_string();
        let (hash, title) = (
            self.hashes[row.text as usize],
            &self.titles[row.text as usize],
        );
        listing(book, row, hash, title, number)
    }

    fn page(&self, section: Section, from: u32, limit: ExportLimit) -> ExportPage {
        let count = match section {
            Section::Stores => STORES,
            Section::Listings => self.made.listings,
            _ => 0,
        };
        let behind = count.min(from.saturating_add(limit.rows as u32));
        let changes = (from..behind).map(|number| match section {
            Section::Stores => Change::Store(Store {
                id: store_id(number),
                owner: UserId::new("owner").expect("it is an id"),
                is_open: true,
                created_at: Timestamp::from_millis(0),
            }),
            _ => Change::Listing(self.listing(number)),
        });
        let changes = changes.collect();
        let end = match section.next().filter(|_| behind == count) {
            Some(next) => ExportCursor::begin(next),
            None => ExportCursor {
                section,
                position: behind.to_string().into(),
            },
        };
        ExportPage {
            changes,
            is_last: false,
            end,
            rows_expected: 0,
        }
    }

    fn text_of(&self, hash: TextHash) -> Option<Arc<BookText>> {
        match self.numbers.get(&hash) {
            Some(number) => Some(Arc::new(text(*number))),
            None => self.added().into_iter().find(|text| text.hash() == hash),
        }
    }
}

fn listing(book: String, row: &Row, text: TextHash, title: &Arc<str>, number: u32) -> Listing {
    Listing {
        key: ListingKey {
            store: store_id(row.store),
            book: BookId::new(book).expect("it is an id"),
        },
        price: row.price,
        stock: row.stock,
        added: row.stock.get(),
        details: Arc::new(ListingDetails {
            text,
            title: title.clone(),
            pictures: vec![PictureHash::from_bytes([7; 16])],
            is_listed: true,
            listed_at: Timestamp::from_millis(1_600_000_000_000 + i64::from(number) * 1_000),
        }),
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> Reading<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

/// What search never asks for.
fn nothing<'a, T: Send + 'a>() -> Reading<'a, T> {
    let error = StorageError::new(ErrorKind::Internal, "answering for a made-up catalogue");
    Box::pin(std::future::ready(Err(error)))
}

impl Storage for Catalogue {
    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        let after = after.unwrap_or_else(|| ExportCursor::begin(Section::Accounts));
        let from = after.position.parse().unwrap_or(0);
        answer(self.page(after.section, from, limit))
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        answer(FeedPosition::new(self.added().len().to_string()))
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        let from: usize = after.as_str().parse().unwrap_or(0);
        let count = self.added().len().min(from + limit as usize);
        let changes = (from..count).map(|number| {
            FeedChange::Listing(ListingKey {
                store: store_id(0),
                book: BookId::new(format!("added-{number}")).expect("it is an id"),
            })
        });
        let changes = changes.collect();
        let end = FeedPosition::new(count.to_string());
        answer(Feed::Changes { changes, end })
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        let added = self.added();
        let rows = keys.into_iter().filter_map(|key| {
            let number: u32 = key.book.as_str().strip_prefix("added-")?.parse().ok()?;
            let text = added.get(number as usize)?;
            let row = Row::added(self.made.texts + number);
            let title = text.line_title();
            Some(listing(
                key.book.to_string(),
                &row,
                text.hash(),
                &title,
                number,
            ))
        });
        answer(rows.collect())
    }

    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        answer(
            hashes
                .into_iter()
                .filter_map(|hash| self.text_of(hash))
                .collect(),
        )
    }

    fn find_store<'a>(&'a self, _: &'a StoreId) -> Reading<'a, Option<Store>> {
        nothing()
    }

    fn submit(&self, _: Box<dyn Job>) -> Result<(), StorageError> {
        Err(StorageError::new(
            ErrorKind::Unavailable,
            "taking an operation",
        ))
    }

    fn find_account<'a>(&'a self, _: &'a UserId) -> Reading<'a, Option<Account>> {
        nothing()
    }

    fn find_session<'a>(&'a self, _: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        nothing()
    }

    fn find_listing<'a>(&'a self, _: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        nothing()
    }

    fn find_picture(&self, _: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        nothing()
    }

    fn find_order(&self, _: OrderId) -> Reading<'_, Option<Order>> {
        nothing()
    }

    fn list_orders(&self, _: OrderQuery) -> Reading<'_, Vec<Order>> {
        nothing()
    }

    fn list_stores_of(&self, _: UserId, _: Option<StoreId>, _: u32) -> Reading<'_, Vec<Store>> {
        nothing()
    }

    fn list_stores(&self, _: Option<StoreId>, _: u32) -> Reading<'_, Vec<Store>> {
        nothing()
    }

    fn list_listings(&self, _: ListingQuery) -> Reading<'_, Page<Listing>> {
        nothing()
    }

    fn list_most_bought(&self, _: u32) -> Reading<'_, Vec<Listing>> {
        nothing()
    }

    fn list_movements(&self, _: MovementQuery) -> Reading<'_, Page<Movement>> {
        nothing()
    }

    fn pour(&self, _: Vec<Pour>, _: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        nothing()
    }

    fn find_bucket(&self, _: BucketKey) -> Reading<'_, Option<Timestamp>> {
        nothing()
    }

    fn list_due(&self, _: Timestamp, _: u32) -> Reading<'_, Vec<DueOrder>> {
        nothing()
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        nothing()
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        answer(candidate)
    }

    fn forget_expired(&self, _: Timestamp, _: u32) -> Reading<'_, u64> {
        nothing()
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        nothing()
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        nothing()
    }

    fn close(&self) -> Reading<'_, ()> {
        answer(())
    }
}
