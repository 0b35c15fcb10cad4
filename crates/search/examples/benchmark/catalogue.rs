//! A made-up catalogue, the same each time: words by Zipf's law, a few books in thousands of stores,
//! most in one or two. Rows are made when they are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::book::BookFields;
use domain::{
    Account, BookId, BookText, BucketKey, Change, Listing, ListingDetails, ListingKey, Migration,
    Order, OrderId, Picture, PictureHash, Pour, Price, Stock, Store, StoreId, TerminalKey,
    TextHash, Timestamp, UserId,
};
use storage::{
    AuditReport, DueOrder, ErrorKind, ExportCursor, ExportLimit, ExportPage, Feed, FeedChange,
    FeedPosition, Job, ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Section,
    Session, Storage, StorageError,
};

const STORES: u32 = 10_000;
const CHINESE_WORDS: u32 = 30_000;
const ENGLISH_WORDS: u32 = 20_000;
const CHARACTERS: u32 = 3_000;
/// One book that every store has.
const EVERYWHERE: u32 = 0;

/// How much of it there is.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub texts: u32,
    pub listings: u32,
}

pub struct Catalogue {
    made: Made,
    hashes: Vec<TextHash>,
    numbers: HashMap<TextHash, u32>,
    /// Books that were added since.
    added: Mutex<Vec<Arc<BookText>>>,
}

/// Numbers that look random and depend on what they are for.
struct Dice(u64);

impl Dice {
    fn of(what: u64, number: u32) -> Self {
        Self(what << 32 | u64::from(number))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u32) -> u32 {
        (self.roll() % u64::from(limit)) as u32
    }

    /// A rank below `limit`, the first ones by far the likeliest.
    fn zipf(&mut self, limit: u32) -> u32 {
        let uniform = (self.roll() >> 11) as f64 / (1_u64 << 53) as f64;
        (f64::from(limit).powf(uniform) as u32).clamp(1, limit) - 1
    }
}

/// The Chinese word of a rank: of one to four characters, mostly two.
pub fn chinese(rank: u32) -> String {
    let mut dice = Dice::of(1, rank);
    let length = match dice.below(20) {
        0 => 1,
        1..=14 => 2,
        15..=17 => 3,
        _ => 4,
    };
    let length = if rank < 50 { 2 } else { length };
    let character = |dice: &mut Dice| {
        let code = 0x4E00 + dice.zipf(CHARACTERS) * 6;
        char::from_u32(code).unwrap_or('书')
    };
    (0..length).map(|_| character(&mut dice)).collect()
}

/// The English word of a rank.
pub fn english(rank: u32) -> String {
    let mut dice = Dice::of(2, rank);
    let syllables = [
        "ba", "ter", "in", "mo", "shi", "lan", "or", "ek", "tu", "ram", "no", "des",
    ];
    let count = 2 + dice.below(3);
    (0..count)
        .map(|_| syllables[dice.below(12) as usize])
        .collect()
}

fn words(dice: &mut Dice, count: u32) -> String {
    let mut text = String::new();
    for index in 0..count {
        if dice.below(20) == 0 {
            text += &format!(" {} ", english(dice.zipf(ENGLISH_WORDS)));
        } else {
            text += &chinese(dice.zipf(CHINESE_WORDS));
        }
        if index % 9 == 8 {
            text += "，";
        }
    }
    text
}

fn fields(number: u32) -> BookFields {
    let mut dice = Dice::of(3, number);
    let title_words = 2 + dice.below(4);
    BookFields {
        title: words(&mut dice, title_words),
        author: Some(format!(
            "{}{}",
            chinese(dice.below(400)),
            chinese(400 + dice.zipf(20_000))
        )),
        publisher: Some(format!("{}出版社", chinese(100 + dice.zipf(500)))),
        isbn: Some(format!("{}", 9_780_000_000_000_u64 + u64::from(number))),
        tags: (0..6).map(|_| chinese(50 + dice.zipf(5_000))).collect(),
        book_intro: Some(words(&mut dice, 110)),
        content: Some(words(&mut dice, 110)),
        ..BookFields::default()
    }
}

fn text(number: u32) -> BookText {
    BookText::new(fields(number)).expect("it is short")
}

fn store_id(number: u32) -> StoreId {
    StoreId::new(format!("s{number}")).expect("it is an id")
}

impl Catalogue {
    pub fn new(made: Made) -> Self {
        let hashes: Vec<TextHash> = (0..made.texts).map(|number| text(number).hash()).collect();
        let numbers = hashes.iter().copied().zip(0..).collect();
        let added = Mutex::new(Vec::new());
        Self {
            made,
            hashes,
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
        let mut dice = Dice::of(4, number);
        let (text, store) = if number < STORES.min(self.made.listings / 10) {
            (EVERYWHERE, number)
        } else if number < self.made.texts + STORES {
            // Each text is somewhere.
            (number % self.made.texts, dice.zipf(STORES))
        } else {
            (dice.zipf(self.made.texts), dice.zipf(STORES))
        };
        self.row(
            text.to_string(),
            store,
            self.hashes[text as usize],
            number,
            &mut dice,
        )
    }

    fn row(
        &self,
        book: String,
        store: u32,
        text: TextHash,
        number: u32,
        dice: &mut Dice,
    ) -> Listing {
        let stock = i64::from(dice.below(10));
        Listing {
            key: ListingKey {
                store: store_id(store),
                book: BookId::new(book).expect("it is an id"),
            },
            price: Price::new(i64::from(500 + dice.below(15_000))).expect("it is a price"),
            stock: Stock::new(stock).expect("it is a stock"),
            added: stock,
            details: Arc::new(ListingDetails {
                text,
                title: "".into(),
                pictures: vec![PictureHash::from_bytes([7; 16])],
                is_listed: true,
                listed_at: Timestamp::from_millis(1_600_000_000_000 + i64::from(number) * 1_000),
            }),
        }
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
            let number: usize = key.book.as_str().strip_prefix("added-")?.parse().ok()?;
            let text = added.get(number)?;
            let mut dice = Dice::of(5, number as u32);
            Some(self.row(
                key.book.to_string(),
                0,
                text.hash(),
                number as u32,
                &mut dice,
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
