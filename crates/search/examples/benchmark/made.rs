//! Made-up books, the same each time: words by Zipf's law, a few books in thousands of stores, most in
//! one or two. No more is kept of them than who lists which text.

use std::collections::HashSet;

use domain::book::BookFields;
use domain::{BookText, Price, Stock, StoreId};

pub const STORES: u32 = 10_000;
const CHINESE_WORDS: u32 = 30_000;
const ENGLISH_WORDS: u32 = 20_000;
const CHARACTERS: u32 = 3_000;
/// One book that every store has.
const EVERYWHERE: u32 = 0;
/// How often common texts and stores are tried for one listing.
const ZIPF_ATTEMPTS_MAX: u32 = 20;

/// How much of it there is.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub texts: u32,
    pub listings: u32,
}

/// A listing: which text is sold where, and for how much.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub text: u32,
    pub store: u32,
    pub price: Price,
    pub stock: Stock,
}

impl Row {
    /// Of a book that was added later.
    pub fn added(text: u32) -> Self {
        Self::new(text, 0, &mut Dice::of(5, text))
    }

    fn new(text: u32, store: u32, dice: &mut Dice) -> Self {
        let stock = i64::from(dice.below(10));
        Self {
            text,
            store,
            price: Price::new(i64::from(500 + dice.below(15_000))).expect("it is a price"),
            stock: Stock::new(stock).expect("it is a stock"),
        }
    }
}

/// Who lists which text, for each listing; a store lists a text once.
///
/// # Panics
/// Where so many listings of so few texts are too hard to make up.
pub fn rows(made: Made) -> Vec<Row> {
    let most = u64::from(made.texts) * u64::from(STORES) / 2;
    assert!(u64::from(made.listings) <= most, "too few texts for that");
    let everywhere = STORES.min(made.listings / 10);
    let mut taken = HashSet::new();
    let row = |number| {
        let mut dice = Dice::of(4, number);
        let (text, store) = if number < everywhere {
            (EVERYWHERE, number)
        } else if number - everywhere + 1 < made.texts {
            // Each text is somewhere.
            (number - everywhere + 1, dice.zipf(STORES))
        } else {
            draw(made, &taken, &mut dice)
        };
        taken.insert((text, store));
        Row::new(text, store, &mut dice)
    };
    (0..made.listings).map(row).collect()
}

/// A text and a store that doesn't list it yet, the common ones by far the likeliest while there is
/// room for them.
fn draw(made: Made, taken: &HashSet<(u32, u32)>, dice: &mut Dice) -> (u32, u32) {
    let mut attempts = 0;
    loop {
        let drawn = if attempts < ZIPF_ATTEMPTS_MAX {
            (dice.zipf(made.texts), dice.zipf(STORES))
        } else {
            (dice.below(made.texts), dice.below(STORES))
        };
        if !taken.contains(&drawn) {
            return drawn;
        }
        attempts += 1;
    }
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

pub fn fields(number: u32) -> BookFields {
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

/// The text of a number.
pub fn text(number: u32) -> BookText {
    BookText::new(fields(number)).expect("it is short")
}

/// The id of a store.
pub fn store_id(number: u32) -> StoreId {
    StoreId::new(format!("s{number}")).expect("it is an id")
}
