//! From a keyword to what is looked for in the index, by hand: the stock parser trips over everyday
//! input.
//!
//! White space parts a keyword into pieces; each may be in any field of the scope, and all must
//! be. A piece of a text is a row of terms at fixed distances. Where nothing is found, [`Relaxation`]
//! says what is tried next.

mod rows;
mod slips;

use std::ops::Bound;
use std::sync::LazyLock;

use jieba_rs::Jieba;
use tantivy::Term;
use tantivy::query::{
    BoostQuery, InvertedIndexRangeQuery, PhraseQuery, Query as Matches, TermQuery, TermSetQuery,
};
use tantivy::schema::IndexRecordOption;

use crate::analysis::{BREAK, WORD_MARK, fold, isbn_of};
use crate::index::{FoundWord, Holds, Place, Snapshot, Words};
use crate::query::{Keyword, Scope, TextField};

use rows::{Row, Unit};

/// How many words beside the very one a piece may stand for, in all fields together.
pub(crate) const WORDS_MAX: usize = 1_000;
/// How many words may stand at an end of a row for the letters there, two or more; and how many
/// pairs of them where that is so at both.
const EDGE_WORDS_MAX: usize = 256;
const EDGE_PAIRS_MAX: usize = 512;
/// How many ways all pieces of a plan have together beside their plain ones, which are for the letters
/// asked for and no others. One piece can't have more, so that only keywords of several which stand
/// for very much come to it: their last pieces find less then, and what they find stays right.
const MORE_WAYS_MAX: usize = (EDGE_PAIRS_MAX - 1) * TextField::ALL.len();
/// How many pairs count where half of them is enough.
const PAIRS_MAX: usize = 64;

/// Characters that by themselves say nothing about a book.
const PARTICLES: &str = "的了和与之在是及或吗呢吧";

const ISBN_BOOST: f32 = 50.0;
/// What a word counts that only begins with what was asked for, or has it inside: little.
const WORD_START_SCORE: f32 = 0.3;
const WORD_INSIDE_SCORE: f32 = 0.1;

/// How a search for which there was nothing was made easier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relaxation {
    /// The keyword's Chinese words each for themselves, in any order and field, but all of them.
    Words,
    /// Half of its pairs of characters, and of its words.
    HalfOfPairs,
    /// One slip of the finger in a title or an author.
    OneTypo,
}

/// What to look for.
pub(crate) struct Plan {
    /// Each piece by its ways, one of which is enough.
    pub pieces: Vec<Vec<Way>>,
    /// How many of the pieces a document must have.
    pub at_least: usize,
    /// What is enough without any of them.
    pub instead: Option<Way>,
    /// What to mark in the texts found, folded.
    pub marks: Vec<String>,
}

/// A way in which a piece may match.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub looks_for: Looks,
    /// How much more it counts.
    pub boost: f32,
}

/// What a way looks for; all of it in one field.
#[derive(Debug, Clone)]
pub(crate) enum Looks {
    Term(Term),
    /// Two terms or more, at fixed distances.
    Row(Vec<(usize, Term)>),
    /// Any of these terms: counts the same however often it is there.
    Any(Vec<Term>),
    /// Any term from the first on and before the second; counts the same too.
    Between(Term, Option<Term>),
}

impl Plan {
    /// All ways, one piece's after the other's, and last what is enough instead.
    pub fn ways(&self) -> impl Iterator<Item = &Way> {
        self.pieces.iter().flatten().chain(&self.instead)
    }
}

impl Way {
    fn new(looks_for: Looks, boost: f32) -> Self {
        Self { looks_for, boost }
    }

    /// The same in tantivy's terms.
    pub fn query(&self) -> Box<dyn Matches> {
        let query: Box<dyn Matches> = match &self.looks_for {
            Looks::Term(term) => {
                Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs))
            }
            Looks::Row(terms) => Box::new(PhraseQuery::new_with_offset(terms.clone())),
            Looks::Any(terms) => Box::new(TermSetQuery::new(terms.clone())),
            Looks::Between(from, behind) => {
                let behind = behind.clone().map_or(Bound::Unbounded, Bound::Excluded);
                let from = Bound::Included(from.clone());
                Box::new(InvertedIndexRangeQuery::new(from, behind))
            }
        };
        Box::new(BoostQuery::new(query, self.boost))
    }
}

impl Looks {
    /// Other bytes for whatever else is looked for.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut add = |number: usize, term: &Term| {
            let value = term.serialized_value_bytes();
            bytes.extend(number.to_le_bytes());
            bytes.extend(term.field().field_id().to_le_bytes());
            bytes.extend(value.len().to_le_bytes());
            bytes.extend(value);
        };
        match self {
            Self::Term(term) => add(0, term),
            Self::Row(terms) => terms.iter().for_each(|(at, term)| add(*at, term)),
            Self::Any(terms) => terms.iter().for_each(|term| add(0, term)),
            Self::Between(from, behind) => {
                add(0, from);
                behind.iter().for_each(|term| add(0, term));
            }
        }
        bytes.push(match self {
            Self::Term(_) => 0,
            Self::Row(_) => 1,
            Self::Any(_) => 2,
            Self::Between(..) => 3,
        });
        bytes
    }
}

/// The dictionary that knows Chinese words. Reading it takes some 100 ms, once.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Reads the dictionary now, so that no search waits for it.
pub(crate) fn read_dictionary() {
    LazyLock::force(&JIEBA);
}

/// How many ways beside the plain ones a plan may still take.
struct Left(usize);

impl Left {
    fn new() -> Self {
        Self(MORE_WAYS_MAX)
    }

    /// Whether there was one more, which is taken.
    fn take(&mut self) -> bool {
        let is_left = self.0 > 0;
        self.0 -= usize::from(is_left);
        is_left
    }
}

/// Makes plans for one scope over one snapshot.
pub(crate) struct Planner<'a> {
    pub snapshot: &'a Snapshot,
    pub words: &'a Words,
    pub scope: Scope,
}

/// A keyword's words as a Chinese dictionary parts them, without particles.
fn chinese_words(keyword: &Keyword) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in keyword.pieces.iter().flat_map(|piece| piece.split(BREAK)) {
        // Folded once more, since a word's tail is a word of its own to the dictionary.
        for word in JIEBA.cut(part, true).iter().map(|word| fold(word.word)) {
            let is_particle = word.chars().all(|character| PARTICLES.contains(character));
            if !is_particle && !words.contains(&word) && words.len() < PAIRS_MAX {
                words.push(word);
            }
        }
    }
    words
}

/// A compound's two words, where both are in the dictionary; otherwise the word itself.
fn take_apart(word: &str) -> Vec<String> {
    let inner = word.char_indices().skip(2).map(|(at, _)| at);
    let is_two = |at: &usize| {
        let (left, right) = word.split_at(*at);
        right.chars().nth(1).is_some() && JIEBA.has_word(left) && JIEBA.has_word(right)
    };
    match inner.into_iter().find(is_two) {
        Some(at) => vec![word[..at].to_owned(), word[at..].to_owned()],
        None => vec![word.to_owned()],
    }
}

impl Planner<'_> {
    /// The keyword as it is; `None` where it has nothing to look for.
    pub fn exact(&self, keyword: &Keyword) -> Option<Plan> {
        if keyword.pieces.is_empty() {
            return None;
        }
        let mut plan = self.pieces(&keyword.pieces);
        let whole_isbn = keyword.isbn.as_ref().filter(|_| self.scope.has_isbn());
        plan.instead = whole_isbn
            .filter(|_| keyword.pieces.len() > 1)
            .map(|isbn| self.isbn(isbn));
        Some(plan)
    }

    /// Chinese words instead of pieces; `None` where that makes no difference.
    pub fn by_words(&self, keyword: &Keyword) -> Option<Plan> {
        let words = chinese_words(keyword);
        (!words.is_empty() && words != keyword.pieces).then(|| self.pieces(&words))
    }

    /// The same with compounds taken apart; `None` where there are none.
    pub fn by_short_words(&self, keyword: &Keyword) -> Option<Plan> {
        let words = chinese_words(keyword);
        let mut short: Vec<String> = Vec::new();
        for word in words.iter().flat_map(|word| take_apart(word)) {
            if !short.contains(&word) {
                short.push(word);
            }
        }
        (short != words).then(|| self.pieces(&short))
    }

    /// Half of the pairs and words; `None` where there are not two of them.
    pub fn by_half_of_pairs(&self, keyword: &Keyword) -> Option<Plan> {
        let mut pairs: Vec<String> = Vec::new();
        for piece in &keyword.pieces {
            for pair in rows::pairs(piece) {
                if !pairs.contains(&pair) && pairs.len() < PAIRS_MAX {
                    pairs.push(pair);
                }
            }
        }
        if pairs.len() < 2 {
            return None;
        }
        Some(Plan {
            at_least: pairs.len().div_ceil(2),
            ..self.pieces(&pairs)
        })
    }

    /// One slip in a title or an author, in any piece long enough; `None` where none is.
    pub fn by_one_typo(&self, keyword: &Keyword) -> Option<Plan> {
        let scope = self.scope.and(&[
            TextField::Title,
            TextField::OriginalTitle,
            TextField::Author,
        ]);
        let mut is_any_long = false;
        let mut left = Left::new();
        let mut marks = Vec::new();
        let mut pieces = Vec::new();
        for piece in &keyword.pieces {
            let mut ways = self.piece(piece, &mut left);
            for row in slips::of(piece, self.words, scope) {
                is_any_long = true;
                if left.0 == 0 {
                    break;
                }
                for field in scope.fields() {
                    if left.take() {
                        self.add_row(&row, field, &mut ways, &mut left);
                    }
                }
                marks.extend(row.longest());
            }
            marks.push(piece.clone());
            pieces.push(ways);
        }
        is_any_long.then_some(Plan {
            at_least: pieces.len(),
            pieces,
            instead: None,
            marks,
        })
    }

    /// All of these pieces, each in any field.
    fn pieces(&self, pieces: &[String]) -> Plan {
        let mut left = Left::new();
        let ways = pieces.iter().map(|piece| self.piece(piece, &mut left));
        Plan {
            pieces: ways.collect(),
            at_least: pieces.len(),
            instead: None,
            marks: pieces.to_vec(),
        }
    }

    fn piece(&self, piece: &str, left: &mut Left) -> Vec<Way> {
        let mut ways = Vec::new();
        let row = Row::of(piece);
        for field in self.scope.fields() {
            self.add_row(&row, field, &mut ways, left);
        }
        if let Unit::Word(word) = &row.units[0].unit
            && row.units.len() == 1
        {
            self.add_longer_words(word, &mut ways, left);
        }
        let isbn = isbn_of(&piece.replace(BREAK, "-"));
        if let Some(isbn) = isbn.filter(|_| self.scope.has_isbn()) {
            ways.push(self.isbn(&isbn));
        }
        ways
    }

    fn isbn(&self, isbn: &str) -> Way {
        let term = Term::from_field_text(self.snapshot.fields.isbn, isbn);
        Way::new(Looks::Term(term), ISBN_BOOST)
    }

    /// Words that hold the one asked for, from two letters on.
    fn add_longer_words(&self, word: &str, ways: &mut Vec<Way>, ways_left: &mut Left) {
        if word.chars().nth(1).is_none() || ways_left.0 == 0 {
            return;
        }
        let bits = self
            .scope
            .fields()
            .fold(0, |bits, field| bits | field.bit());
        let found = self.words.holding(word, Place::Anywhere, bits, WORDS_MAX);
        let mut left = WORDS_MAX;
        for (holds, score) in [
            (Holds::AtStart, WORD_START_SCORE),
            (Holds::Inside, WORD_INSIDE_SCORE),
        ] {
            for field in self.scope.fields() {
                let is_meant = |found: &&FoundWord<'_>| found.holds == holds && found.is_in(field);
                let terms = found.iter().filter(is_meant).take(left);
                let terms: Vec<Term> = terms
                    .map(|found| self.word_term(field, found.word))
                    .collect();
                left -= terms.len();
                if !terms.is_empty() && ways_left.take() {
                    let score = score * field.boost();
                    ways.push(Way::new(Looks::Any(terms), score));
                }
            }
        }
    }

    /// A row of terms in one field, plainly, and with the longer words that may stand at its ends.
    fn add_row(&self, row: &Row, field: TextField, ways: &mut Vec<Way>, left: &mut Left) {
        let ends = self.words_at_ends(row, field, left);
        for (first, last) in &ends {
            let terms: Vec<(usize, Term)> = row
                .units
                .iter()
                .enumerate()
                .map(|(index, placed)| {
                    let term = match &placed.unit {
                        Unit::Dense(text) => self.dense_term(field, text),
                        Unit::Word(_) if index == 0 && first.is_some() => {
                            self.word_term(field, first.unwrap_or_default())
                        }
                        Unit::Word(_) if index + 1 == row.units.len() && last.is_some() => {
                            self.word_term(field, last.unwrap_or_default())
                        }
                        Unit::Word(word) => self.word_term(field, word),
                    };
                    (placed.position, term)
                })
                .collect();
            let looks_for = match <[_; 1]>::try_from(terms) {
                Ok([(_, term)]) if row.is_character() && !field.has_characters() => {
                    self.pairs_beginning_with(term, field)
                }
                Ok([(_, term)]) => Looks::Term(term),
                Err(terms) => Looks::Row(terms),
            };
            ways.push(Way::new(looks_for, field.boost()));
        }
    }

    /// A single character that is no term: of whatever pair it is the first.
    fn pairs_beginning_with(&self, character: Term, field: TextField) -> Looks {
        let value = character.value();
        let text = value.as_str().unwrap_or_default();
        let next = text
            .chars()
            .next()
            .and_then(|first| char::from_u32(u32::from(first) + 1));
        let behind = next.map(|next| self.dense_term(field, &next.to_string()));
        Looks::Between(character, behind)
    }

    /// The words that may stand at a row's ends: those asked for, or longer ones.
    fn words_at_ends<'w>(
        &'w self,
        row: &'w Row,
        field: TextField,
        left: &mut Left,
    ) -> Vec<(Option<&'w str>, Option<&'w str>)> {
        let plain = (None, None);
        let [first, .., last] = &row.units[..] else {
            return vec![plain];
        };
        if left.0 == 0 {
            return vec![plain];
        }
        // A single letter is a word.
        let is_part = |word: &str| word.chars().nth(1).is_some();
        let candidates = |unit: &'w Unit, place| match unit {
            Unit::Word(word) if is_part(word) => {
                let found = self.words.holding(word, place, field.bit(), EDGE_WORDS_MAX);
                let longer = found.into_iter().map(|found| Some(found.word));
                std::iter::once(Some(word.as_str())).chain(longer).collect()
            }
            Unit::Word(_) | Unit::Dense(_) => vec![None],
        };
        let firsts: Vec<Option<&str>> = candidates(&first.unit, Place::End);
        let lasts = candidates(&last.unit, Place::Start);
        let pairs = firsts
            .iter()
            .flat_map(|first| lasts.iter().map(|last| (*first, *last)));
        let more = pairs.skip(1).take(EDGE_PAIRS_MAX - 1);
        let more = more.take_while(|_| left.take());
        std::iter::once(plain).chain(more).collect()
    }

    fn dense_term(&self, field: TextField, text: &str) -> Term {
        Term::from_field_text(self.snapshot.fields.text(field), text)
    }

    fn word_term(&self, field: TextField, word: &str) -> Term {
        let field = self.snapshot.fields.text(field);
        Term::from_field_text(field, &format!("{WORD_MARK}{word}"))
    }
}

#[cfg(test)]
mod tests;
