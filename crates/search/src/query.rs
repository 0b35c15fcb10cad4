//! What is asked for, within its limits.

use domain::{Price, StoreId};

use crate::analysis::{fold, isbn_of};

/// How much of a keyword counts, in characters; the rest is cut off.
pub const KEYWORD_MAX_CHARACTERS: usize = 512;
/// How many of a keyword's pieces count, which white space parts; the rest is cut off.
pub const KEYWORD_MAX_PIECES: usize = 32;
/// How many books a page has at most.
pub const PER_PAGE_MAX: u32 = 100;
/// How far into the books found one may ask: the last page's number times what it holds.
pub const REACH_MAX: u32 = 10_000;

/// What somebody typed, folded and cut into pieces. Any text is a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyword {
    /// All of it, folded.
    pub(crate) whole: String,
    /// Its pieces, folded, each once, none empty.
    pub(crate) pieces: Vec<String>,
    /// The ISBN that all of it is.
    pub(crate) isbn: Option<String>,
    is_blank: bool,
}

impl Keyword {
    /// Takes any text; what is past [`KEYWORD_MAX_CHARACTERS`] or [`KEYWORD_MAX_PIECES`] is cut off.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let cut = text.char_indices().nth(KEYWORD_MAX_CHARACTERS);
        let text = &text[..cut.map_or(text.len(), |(index, _)| index)];
        let mut pieces: Vec<String> = Vec::new();
        for piece in text.split_whitespace().map(fold) {
            if !piece.is_empty() && !pieces.contains(&piece) && pieces.len() < KEYWORD_MAX_PIECES {
                pieces.push(piece);
            }
        }
        Self {
            whole: fold(text),
            pieces,
            isbn: isbn_of(text.trim()),
            is_blank: text.trim().is_empty(),
        }
    }

    /// Whether nothing was typed: then all books are meant.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }
}

/// A field that a search can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the contract names the fields")]
pub enum ScopeField {
    Title,
    Tags,
    Author,
    BookIntro,
    Content,
}

/// In which fields is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(u8);

impl Scope {
    /// All that can be named, the original title and the ISBN.
    pub const ALL: Self = Self(0x7F);

    /// Only these fields.
    #[must_use]
    pub fn of(fields: impl IntoIterator<Item = ScopeField>) -> Self {
        let bit = |field| match field {
            ScopeField::Title => TextField::Title.bit(),
            ScopeField::Tags => TextField::Tags.bit(),
            ScopeField::Author => TextField::Author.bit(),
            ScopeField::BookIntro => TextField::BookIntro.bit(),
            ScopeField::Content => TextField::Content.bit(),
        };
        Self(fields.into_iter().map(bit).fold(0, |bits, bit| bits | bit))
    }

    pub(crate) fn fields(self) -> impl Iterator<Item = TextField> {
        TextField::ALL
            .into_iter()
            .filter(move |field| self.0 & field.bit() != 0)
    }

    pub(crate) fn has(self, field: TextField) -> bool {
        self.0 & field.bit() != 0
    }

    pub(crate) fn has_isbn(self) -> bool {
        self.0 & (1 << 6) != 0
    }

    pub(crate) fn and(self, fields: &[TextField]) -> Self {
        let bits = fields.iter().fold(0, |bits, field| bits | field.bit());
        Self(self.0 & bits)
    }
}

/// The fields that hold words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextField {
    Title,
    OriginalTitle,
    Tags,
    Author,
    BookIntro,
    Content,
}

impl TextField {
    pub const ALL: [Self; 6] = [
        Self::Title,
        Self::OriginalTitle,
        Self::Tags,
        Self::Author,
        Self::BookIntro,
        Self::Content,
    ];

    pub fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Whether its single characters are terms.
    pub fn has_characters(self) -> bool {
        matches!(self, Self::Title | Self::OriginalTitle | Self::Author)
    }

    /// How much more a word counts here than in the content.
    pub fn boost(self) -> f32 {
        match self {
            Self::Title => 5.0,
            Self::OriginalTitle => 4.0,
            Self::Tags | Self::Author => 3.0,
            Self::BookIntro => 1.5,
            Self::Content => 1.0,
        }
    }
}

/// Which of the books found are meant. A book is, if one of its offers passes all at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only what this store sells.
    pub store: Option<StoreId>,
    /// Only offers for this much or more.
    pub min_price: Option<Price>,
    /// Only offers for this much or less.
    pub max_price: Option<Price>,
    /// Only offers with a copy left.
    pub in_stock: bool,
    /// Only books with each of these tags, up to folding.
    pub tags: Vec<String>,
}

/// In which order books come. Whatever ties goes by the text's hash, so it stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Best match first; newest first where there is no keyword.
    #[default]
    Relevance,
    /// The book with the cheapest of the offers meant first.
    Price,
    /// The book whose cheapest offer meant is the dearest first.
    PriceDown,
    /// The book with the newest of the offers meant first.
    Newest,
}

/// Which of the books found are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: u32,
    per_page: u32,
}

/// Why numbers are no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// `per_page` is outside 1 to [`PER_PAGE_MAX`].
    #[error("`per_page` must be from 1 to {PER_PAGE_MAX}")]
    PerPage,
    /// `page` is 0, or lies past [`REACH_MAX`].
    #[error("`page` must be from 1, and `page` times `per_page` at most {REACH_MAX}")]
    Number,
}

impl Page {
    /// The page of that number, counted from 1.
    ///
    /// # Errors
    /// [`InvalidPage`] says which number is outside its limits.
    pub fn new(number: u32, per_page: u32) -> Result<Self, InvalidPage> {
        if !(1..=PER_PAGE_MAX).contains(&per_page) {
            return Err(InvalidPage::PerPage);
        }
        let reach = number.checked_mul(per_page);
        if number == 0 || reach.is_none_or(|reach| reach > REACH_MAX) {
            return Err(InvalidPage::Number);
        }
        Ok(Self { number, per_page })
    }

    /// How many books come before it.
    pub(crate) fn offset(self) -> usize {
        (self.number as usize - 1) * self.per_page as usize
    }

    /// How many books it and all before it hold.
    pub(crate) fn reach(self) -> usize {
        self.number as usize * self.per_page as usize
    }
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What to look for.
    pub keyword: Keyword,
    /// Where.
    pub scope: Scope,
    /// Which of what is found.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Which page of it.
    pub page: Page,
    /// Whether to count what was found by tags, publishers, stores and prices.
    pub facets: bool,
}

impl Query {
    /// The first ten books for a keyword, anywhere, best first.
    #[must_use]
    pub fn new(keyword: &str) -> Self {
        Self {
            keyword: Keyword::new(keyword),
            scope: Scope::ALL,
            filter: Filter::default(),
            sort: Sort::default(),
            page: Page {
                number: 1,
                per_page: 10,
            },
            facets: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_cut_to_its_limits() {
        let keyword = Keyword::new(&"a b c ".repeat(10_000));
        assert_eq!(keyword.pieces, ["a", "b", "c"]);
        let many: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        assert_eq!(
            Keyword::new(&many.join(" ")).pieces.len(),
            KEYWORD_MAX_PIECES
        );
        let long = Keyword::new(&"书".repeat(10_000));
        assert_eq!(long.pieces[0].chars().count(), KEYWORD_MAX_CHARACTERS);
        assert!(Keyword::new(" \u{3000}\n").is_blank());
        let marks = Keyword::new("(\"*");
        assert!(!marks.is_blank() && marks.pieces.is_empty());
    }

    #[test]
    fn a_page_is_within_its_limits() {
        assert!(Page::new(1, 1).is_ok() && Page::new(100, 100).is_ok());
        assert_eq!(Page::new(0, 10), Err(InvalidPage::Number));
        assert_eq!(Page::new(101, 100), Err(InvalidPage::Number));
        assert_eq!(Page::new(u32::MAX, 100), Err(InvalidPage::Number));
        assert_eq!(Page::new(1, 0), Err(InvalidPage::PerPage));
        assert_eq!(Page::new(1, 101), Err(InvalidPage::PerPage));
    }
}
