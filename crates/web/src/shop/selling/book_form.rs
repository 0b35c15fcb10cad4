//! What a seller types about a book, and what is wrong with it.

use app::books::Card;
use domain::book::{BookFields, InvalidText};
use domain::listing::{BookPatch, Patch};
use domain::{BookId, BookText, Fen, Price, Stock};

use super::super::forms::{Field, Fields};
use super::super::language::read_yuan;
use super::super::words::Words;

/// The limit of a title, a name or a number, in characters.
const LINE_MAX_CHARACTERS: usize = 300;
/// How many pages a book may have on a form.
const PAGES_MAX: i64 = 1_000_000;
/// How much of what was typed is shown again, in characters: more than a book may say.
const SHOWN_MAX_CHARACTERS: usize = 1 << 20;

macro_rules! typed {
    ($($name:ident),* $(,)?) => {
        /// A book's fields as they were typed.
        #[derive(Default)]
        pub struct Typed {
            $(pub $name: Field,)*
        }

        impl Typed {
            pub fn of(fields: &Fields) -> Self {
                let field = |name| {
                    let cut = fields.text(name).chars().take(SHOWN_MAX_CHARACTERS);
                    Field::of(cut.collect::<String>())
                };
                Self { $($name: field(stringify!($name)),)* }
            }

            pub fn is_wrong(&self) -> bool {
                [$(&self.$name),*].into_iter().any(Field::is_wrong)
            }
        }
    };
}

// The fields of the form have these names. What is wrong with its files stands in `pictures`.
typed! {
    title, author, publisher, year, price, isbn, stock, tags, introduction,
    original_title, translator, pages, binding, contents, about_author, pictures,
}

/// What they mean, where all of them mean something.
pub struct Meant {
    pub patch: BookPatch,
    pub price: Price,
}

impl Typed {
    /// The fields as they are now.
    pub fn of_card(card: &Card) -> Self {
        let fields = card.text.fields();
        let field = |value: &Option<String>| Field::of(value.clone().unwrap_or_default());
        Self {
            title: Field::of(fields.title.clone()),
            author: field(&fields.author),
            publisher: field(&fields.publisher),
            year: field(&fields.pub_year),
            price: Field::of(typed_yuan(card.listing.price)),
            isbn: field(&fields.isbn),
            tags: Field::of(fields.tags.join(", ")),
            introduction: field(&fields.book_intro),
            original_title: field(&fields.original_title),
            translator: field(&fields.translator),
            pages: field(&fields.pages.map(|pages| pages.to_string())),
            binding: field(&fields.binding),
            contents: field(&fields.content),
            about_author: field(&fields.author_intro),
            ..Self::default()
        }
    }

    /// Whether something is among what few sellers fill in, or wrong there.
    pub fn has_more(&self) -> bool {
        let more = [
            &self.original_title,
            &self.translator,
            &self.pages,
            &self.binding,
            &self.contents,
            &self.about_author,
        ];
        more.into_iter()
            .any(|field| !field.value.is_empty() || field.is_wrong())
    }

    /// Reads all but stock and pictures; `None` where an error stands beside a field now. `before`
    /// is what the book said: its ISBN may stay as it was, whatever it is.
    pub fn read(&mut self, before: Option<&BookFields>, w: &Words) -> Option<Meant> {
        let title = line(&mut self.title, w);
        if title.is_none() && !self.title.is_wrong() {
            self.title.error = Some(w.must_be_filled);
        }
        let patch = BookPatch {
            title,
            author: Some(line(&mut self.author, w)),
            publisher: Some(line(&mut self.publisher, w)),
            original_title: Some(line(&mut self.original_title, w)),
            translator: Some(line(&mut self.translator, w)),
            pub_year: Some(line(&mut self.year, w)),
            pages: Some(self.read_pages(w)),
            binding: Some(line(&mut self.binding, w)),
            isbn: self.read_isbn(before, w),
            author_intro: Some(passage(&self.about_author)),
            book_intro: Some(passage(&self.introduction)),
            content: Some(passage(&self.contents)),
            tags: Some(tags(&self.tags.value)),
            ..BookPatch::default()
        };
        let price = self.price(w)?;
        (!self.is_wrong()).then_some(Meant { patch, price })
    }

    fn read_isbn(&mut self, before: Option<&BookFields>, w: &Words) -> Patch<String> {
        let known = before.and_then(|fields| fields.isbn.as_ref());
        if known.is_some_and(|known| known.trim() == self.isbn.value) {
            return None;
        }
        let isbn = plain_isbn(&self.isbn.value);
        if isbn.is_none() {
            self.isbn.error = Some(w.not_an_isbn);
        }
        Some(isbn.filter(|isbn| !isbn.is_empty()))
    }

    fn read_pages(&mut self, w: &Words) -> Option<i64> {
        if self.pages.value.is_empty() {
            return None;
        }
        let pages = self.pages.value.parse().ok();
        let pages = pages.filter(|pages| (1..=PAGES_MAX).contains(pages));
        if pages.is_none() {
            self.pages.error = Some(w.not_a_count);
        }
        pages
    }

    fn price(&mut self, w: &Words) -> Option<Price> {
        let Some(fen) = read_yuan(&self.price.value) else {
            self.price.error = Some(w.not_an_amount);
            return None;
        };
        let price = Price::new(fen.get()).ok();
        if price.is_none() {
            self.price.error = Some(w.amount_too_large);
        }
        price
    }

    /// How many copies there are; none where nothing was typed.
    pub fn read_stock(&mut self, w: &Words) -> Option<Stock> {
        let typed = self.stock.value.as_str();
        let count = if typed.is_empty() {
            Ok(0)
        } else {
            typed.parse()
        };
        let stock = count.ok().and_then(|count| Stock::new(count).ok());
        if stock.is_none() {
            self.stock.error = Some(w.not_a_count);
        }
        stock
    }

    /// Says beside the field why the text passes a limit.
    pub fn blame(&mut self, error: InvalidText, w: &Words) {
        let field = match error {
            InvalidText::TooLong => {
                let passages = [
                    &mut self.introduction,
                    &mut self.contents,
                    &mut self.about_author,
                ];
                let longest = passages.into_iter().max_by_key(|field| field.value.len());
                longest.expect("there are three")
            }
            InvalidText::TooManyTags | InvalidText::TagTooLong => &mut self.tags,
        };
        field.error = Some(w.too_long);
    }

    /// Pictures that were chosen have to be chosen again, since browsers don't show them again.
    pub fn remind_of_pictures(&mut self, had_files: bool, w: &Words) {
        if had_files && !self.pictures.is_wrong() {
            self.pictures.error = Some(w.pictures_again);
        }
    }
}

/// The text of a new book.
pub fn new_text(patch: &BookPatch) -> Result<BookText, InvalidText> {
    let empty = BookText::new(BookFields::default()).expect("nothing passes no limit");
    patch.apply(&empty)
}

/// The id of a new book: its ISBN, which it shares with other stores, or else one of its own that
/// is the same however often the form is sent.
pub fn new_id(patch: &BookPatch, key: &str) -> BookId {
    if let Some(Some(isbn)) = &patch.isbn {
        return BookId::new(isbn.as_str()).expect("digits make an id");
    }
    let title = patch.title.as_deref().unwrap_or_default();
    let hash = blake3::hash(format!("{key}\n{title}").as_bytes()).to_hex();
    BookId::new(format!("b{}", &hash[..20])).expect("digits make an id")
}

/// A line; `None` where nothing was typed, or too much.
fn line(field: &mut Field, w: &Words) -> Option<String> {
    if field.value.chars().count() > LINE_MAX_CHARACTERS {
        field.error = Some(w.too_long);
        return None;
    }
    (!field.value.is_empty()).then(|| field.value.clone())
}

/// A longer text; `None` where nothing was typed.
fn passage(field: &Field) -> Option<String> {
    let text = field.value.replace("\r\n", "\n");
    (!text.is_empty()).then_some(text)
}

/// Tags as people write them, each once.
fn tags(typed: &str) -> Vec<String> {
    let parts = typed.split([',', '，', '、', ';', '；', '\n']);
    let mut tags: Vec<String> = Vec::new();
    for tag in parts.map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// The digits of an ISBN, empty where nothing was typed; `None` where its check digit is wrong.
fn plain_isbn(typed: &str) -> Option<String> {
    let is_mark = |letter: char| letter == '-' || letter.is_whitespace();
    let plain: String = typed.chars().filter(|letter| !is_mark(*letter)).collect();
    let plain = plain.to_ascii_uppercase();
    let value = |letter: char| match letter {
        'X' => Some(10),
        _ => letter.to_digit(10),
    };
    let values: Vec<u32> = plain.chars().map(value).collect::<Option<_>>()?;
    let has_x_inside = plain.chars().rev().skip(1).any(|letter| letter == 'X');
    let sum = |weight: fn(u32) -> u32| -> u32 {
        let places = (0..).map(weight);
        values
            .iter()
            .zip(places)
            .map(|(value, by)| value * by)
            .sum()
    };
    let is_sound = match values.len() {
        0 => true,
        10 => !has_x_inside && sum(|place| 10 - place) % 11 == 0,
        13 => !plain.contains('X') && sum(|place| 1 + place % 2 * 2) % 10 == 0,
        _ => false,
    };
    is_sound.then_some(plain)
}

/// A price as its seller would type it.
fn typed_yuan(price: Price) -> String {
    let fen = Fen::new(price.get()).get();
    format!("{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_isbn_is_known_by_its_check_digit() {
        for (typed, plain) in [
            ("", ""),
            ("978-7-02-000220-7", "9787020002207"),
            (" 7-02-000220-X ", "702000220X"),
            ("0-306-40615-2", "0306406152"),
            ("080442957x", "080442957X"),
        ] {
            assert_eq!(plain_isbn(typed).as_deref(), Some(plain), "{typed}");
        }
        for typed in [
            "9787020002208",
            "0306406153",
            "X306406152",
            "12",
            "abc",
            "97870200022070",
        ] {
            assert_eq!(plain_isbn(typed), None, "{typed}");
        }
    }

    #[test]
    fn tags_are_told_apart_as_people_write_them() {
        assert_eq!(tags(" 小说、清代，a b; a b,, "), ["小说", "清代", "a b"]);
        assert!(tags(" ").is_empty());
    }

    #[test]
    fn a_book_without_an_isbn_has_one_id_a_form() {
        let patch = |title: &str| BookPatch {
            title: Some(title.to_owned()),
            ..BookPatch::default()
        };
        let id = new_id(&patch("a"), "k");
        assert_eq!(id, new_id(&patch("a"), "k"));
        assert_ne!(id, new_id(&patch("b"), "k"));
        assert_ne!(id, new_id(&patch("a"), "l"));
    }

    #[test]
    fn a_price_is_typed_as_it_is_read() {
        for fen in [0, 5, 1_250, 123_456] {
            let price = Price::new(fen).unwrap();
            assert_eq!(read_yuan(&typed_yuan(price)), Some(Fen::new(fen)));
        }
    }
}
