//! Folding: width, case, accents, traditional characters, separators.
//!
//! A folded text is a row of *dense* characters (of scripts written without spaces), of words, and of
//! [`BREAK`]s: one between two words, and one between two dense characters that something
//! stood between. Between a word and a dense character nothing is kept, so that `Python 编程`
//! and `Python编程` are the same.

use unicode_normalization::char::{compose, decompose_compatible, is_combining_mark};

use super::simplified::simplify;

/// What stands in a folded text for whatever is neither a word nor a dense character.
pub(crate) const BREAK: char = ' ';

/// What a character is to folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of a script without spaces between words: a unit by itself.
    Dense,
    /// A letter or digit of any other script.
    Word,
    /// `+` or `#`: part of the word that it stands behind, as in `C++`.
    Tail,
    /// An apostrophe: nothing inside a word.
    Apostrophe,
    /// A dot: nothing between dense characters, as in `艾伦.纽哈斯`.
    Dot,
    /// A middle dot: the same, also with spaces beside it.
    MiddleDot,
    Space,
    Other,
}

/// Whether a folded character belongs to a script written without spaces.
pub(crate) fn is_dense(character: char) -> bool {
    let code = u32::from(character);
    // Thai to Burmese, Hangul's parts, Khmer, and all from the Han radicals to Hangul.
    matches!(code, 0x0E00..=0x109F | 0x1100..=0x11FF | 0x1780..=0x17FF | 0x2E80..=0xD7FF
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
        && !matches!(code, 0xA4D0..=0xABFF)
        && (matches!(code, 0x4E00..=0x9FFF)
            || character.is_alphanumeric()
            || is_combining_mark(character))
}

/// Whether a folded character belongs to a word.
#[cfg(test)]
pub(crate) fn is_word(character: char) -> bool {
    character != BREAK && !is_dense(character)
}

fn kind(character: char) -> Kind {
    match character {
        'a'..='z' | '0'..='9' => Kind::Word,
        '+' | '#' => Kind::Tail,
        '\'' | '\u{2019}' | '\u{2BC}' => Kind::Apostrophe,
        '.' => Kind::Dot,
        '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{2219}' | '\u{22C5}' | '\u{30FB}' => {
            Kind::MiddleDot
        }
        _ if is_dense(character) => Kind::Dense,
        _ if character.is_alphanumeric() || is_combining_mark(character) => Kind::Word,
        _ if character.is_whitespace() => Kind::Space,
        _ => Kind::Other,
    }
}

/// Characters that can't be seen, and accents: they count as nothing, wherever they stand.
fn is_nothing(character: char) -> bool {
    matches!(u32::from(character),
        0xAD | 0x300..=0x36F | 0x61C | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
        | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xE_0000..=0xE_0FFF)
}

/// A character of a text on its way, with the bytes that it came from.
#[derive(Debug, Clone, Copy)]
struct Piece {
    character: char,
    start: u32,
    end: u32,
}

/// Takes a text apart and its characters to their plainest forms.
fn normalise(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len() / 2);
    for (start, original) in text.char_indices() {
        let end = offset(start + original.len_utf8());
        let start = offset(start);
        let mut push = |character| {
            pieces.push(Piece {
                character,
                start,
                end,
            });
        };
        match original {
            'a'..='z' | '0'..='9' | ' ' => push(original),
            'A'..='Z' => push(original.to_ascii_lowercase()),
            '\u{4E00}'..='\u{9FFF}' => push(simplify(original)),
            _ => decompose_compatible(original, |part| {
                part.to_lowercase().for_each(|lower| match lower {
                    'ß' => "ss".chars().for_each(&mut push),
                    'ς' => push('σ'),
                    _ if is_nothing(lower) => {}
                    _ => push(simplify(lower)),
                });
            }),
        }
    }
    pieces
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What stood between the last character kept and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Space,
    Apostrophe,
    Dot,
    MiddleDot,
    Break,
}

impl Between {
    fn and(self, kind: Kind) -> Self {
        match (self, kind) {
            (Self::Nothing, Kind::Apostrophe) => Self::Apostrophe,
            (Self::Nothing, Kind::Dot) => Self::Dot,
            (Self::Nothing | Self::Space, Kind::MiddleDot) | (Self::MiddleDot, Kind::Space) => {
                Self::MiddleDot
            }
            (Self::Nothing | Self::Space, Kind::Space) => Self::Space,
            _ => Self::Break,
        }
    }

    /// Whether two dense characters with this between them are side by side.
    fn is_nothing_to_dense(self) -> bool {
        matches!(self, Self::Nothing | Self::Dot | Self::MiddleDot)
    }

    /// Whether two letters with this between them are of one word.
    fn is_nothing_to_word(self) -> bool {
        matches!(self, Self::Nothing | Self::Apostrophe)
    }
}

/// Folds a text, handing on each character with the bytes that it came from.
fn fold_into(text: &str, mut keep: impl FnMut(Piece)) {
    // Held back, since the next character may be a part of it.
    let mut last: Option<(Kind, Piece)> = None;
    let mut between = Between::Nothing;
    for piece in normalise(text) {
        let mut kind = kind(piece.character);
        if kind == Kind::Tail
            && between == Between::Nothing
            && matches!(last, Some((Kind::Word, _)))
        {
            kind = Kind::Word;
        }
        if !matches!(kind, Kind::Dense | Kind::Word) {
            between = between.and(kind);
            continue;
        }
        let between = std::mem::replace(&mut between, Between::Nothing);
        if let Some((before, held)) = last {
            let is_broken = match (before, kind) {
                (Kind::Dense, Kind::Dense) => !between.is_nothing_to_dense(),
                (Kind::Word, Kind::Word) => !between.is_nothing_to_word(),
                _ => false,
            };
            if !is_broken && let Some(joined) = join(held, piece) {
                last = Some((before, joined));
                continue;
            }
            keep(held);
            if is_broken {
                keep(Piece {
                    character: BREAK,
                    start: held.end.min(piece.start),
                    end: held.end.max(piece.start),
                });
            }
        }
        last = Some((kind, piece));
    }
    if let Some((_, held)) = last {
        keep(held);
    }
}

/// The one character that two are: a kana with its sound mark, the parts of a Hangul syllable.
fn join(first: Piece, second: Piece) -> Option<Piece> {
    let may_join = u32::from(second.character) >= 0x1100;
    let character = may_join.then(|| compose(first.character, second.character))??;
    Some(Piece {
        character,
        start: first.start,
        end: second.end.max(first.end),
    })
}

/// The folded form of a text.
#[must_use]
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, |piece| folded.push(piece.character));
    folded
}

/// A folded text that knows where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded {
    /// The folded form.
    pub text: String,
    /// For each of its characters: where in `text` it begins, and the bytes of the original that
    /// it came from.
    pub spans: Vec<(u32, u32, u32)>,
}

/// The folded form of a text, with where each character came from.
#[must_use]
pub(crate) fn fold_with_spans(text: &str) -> Folded {
    let mut folded = Folded {
        text: String::with_capacity(text.len()),
        spans: Vec::with_capacity(text.len() / 2),
    };
    fold_into(text, |piece| {
        folded
            .spans
            .push((offset(folded.text.len()), piece.start, piece.end));
        folded.text.push(piece.character);
    });
    folded
}
