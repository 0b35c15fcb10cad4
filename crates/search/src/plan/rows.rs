//! Rows: a folded piece as terms at fixed distances, so many that only texts that hold the piece have
//! them so.

use crate::analysis::{BREAK, WORD_MAX_CHARACTERS, is_dense};

/// What is looked for at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unit {
    /// A dense character, or a pair.
    Dense(String),
    Word(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub position: usize,
    pub unit: Unit,
}

/// Units with their positions, the first of which is 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    pub units: Vec<Placed>,
    /// How many positions it takes.
    length: usize,
}

impl Row {
    /// The row of a folded piece, which is not empty.
    pub fn of(piece: &str) -> Self {
        let characters: Vec<char> = piece.chars().collect();
        let mut row = Self::default();
        let mut rest = &characters[..];
        // A single letter beside a dense character is a pair with it, whatever word it ends or begins.
        if let [letter, dense, ..] = rest
            && !is_dense(*letter)
            && is_dense(*dense)
        {
            row.push(0, Unit::Dense([*letter, *dense].iter().collect()));
            rest = &rest[1..];
        }
        let last = match rest {
            [before @ .., dense, letter] if is_dense(*dense) && belongs_to_word(*letter) => {
                let pair = Unit::Dense([*dense, *letter].iter().collect());
                rest = &rest[..=before.len()];
                Some(pair)
            }
            _ => None,
        };
        let is_covered = rest.len() == 1 && (last.is_some() || !row.units.is_empty());
        if is_covered {
            row.length = 1;
        } else {
            row.append(&rest.iter().collect::<String>());
        }
        if let Some(pair) = last {
            row.push(row.length - 1, pair);
        }
        row
    }

    /// Puts a folded text behind it.
    pub fn append(&mut self, text: &str) {
        let characters: Vec<char> = text.chars().collect();
        let mut rest = &characters[..];
        let mut before = None;
        while let Some(first) = rest.first().copied() {
            // A break stands between like and like, so it ends no run.
            let is_other =
                |character: &char| *character != BREAK && is_dense(*character) != is_dense(first);
            let (run, behind) = rest.split_at(rest.iter().position(is_other).unwrap_or(rest.len()));
            match (run, before, behind.first()) {
                // Not every field has single characters, so one beside a word stands with a letter.
                ([one], Some(letter), _) if is_dense(*one) => self.append_pair([letter, *one]),
                ([one], None, Some(letter)) if is_dense(*one) => self.append_pair([*one, *letter]),
                _ if is_dense(first) => self.append_dense(run),
                _ => self.append_words(run),
            }
            before = run.last().copied();
            rest = behind;
        }
    }

    /// A dense character and a letter, which takes the character's position.
    fn append_pair(&mut self, pair: [char; 2]) {
        self.push(self.length, Unit::Dense(pair.iter().collect()));
        self.length += 1;
    }

    /// Whether it is one dense character.
    pub fn is_character(&self) -> bool {
        match &self.units[..] {
            [Placed { unit, .. }] => {
                matches!(unit, Unit::Dense(text) if text.chars().nth(1).is_none())
            }
            _ => false,
        }
    }

    /// Leaves a position open.
    pub fn skip(&mut self) {
        self.length += 1;
    }

    /// Takes off what is open before the first unit.
    pub fn without_lead(mut self) -> Self {
        let first = self.units.first().map_or(0, |placed| placed.position);
        for placed in &mut self.units {
            placed.position -= first;
        }
        self
    }

    fn push(&mut self, position: usize, unit: Unit) {
        self.units.push(Placed { position, unit });
    }

    /// All pairs: the one across two words is rarer than either, and rare ones are quick; and since
    /// breaks have no positions, only pairs tell where there is none. A character by itself stands alone.
    fn append_dense(&mut self, run: &[char]) {
        let begin = self.length;
        self.length += run.iter().filter(|character| **character != BREAK).count();
        if let [character] = run {
            self.push(begin, Unit::Dense(character.to_string()));
        }
        let mut position = begin;
        for pair in run.windows(2) {
            let at = if pair[0] == BREAK {
                position.saturating_sub(1)
            } else {
                position += 1;
                position - 1
            };
            self.push(at, Unit::Dense(pair.iter().collect()));
        }
    }

    fn append_words(&mut self, run: &[char]) {
        for word in run.split(|character| *character == BREAK) {
            for part in word.chunks(WORD_MAX_CHARACTERS) {
                self.push(self.length, Unit::Word(part.iter().collect()));
                self.length += 1;
            }
        }
    }

    /// The longest stretch of it, to be marked in a text; `None` where that is one character.
    pub fn longest(&self) -> Option<String> {
        let texts = self.units.iter().map(|placed| match &placed.unit {
            Unit::Dense(text) | Unit::Word(text) => text,
        });
        let longest = texts.max_by_key(|text| text.chars().count())?;
        longest.chars().nth(1).map(|_| longest.clone())
    }
}

fn belongs_to_word(character: char) -> bool {
    character != BREAK && !is_dense(character)
}

/// The pairs of dense characters side by side, and the words, of a folded text.
pub(super) fn pairs(folded: &str) -> Vec<String> {
    let mut pairs = Vec::new();
    let characters: Vec<char> = folded.chars().collect();
    let runs = characters.chunk_by(|left, right| {
        *left != BREAK && *right != BREAK && is_dense(*left) == is_dense(*right)
    });
    for run in runs {
        match run {
            [BREAK] => {}
            [first, _, ..] if is_dense(*first) => {
                pairs.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
            }
            _ => pairs.push(run.iter().collect()),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(piece: &str) -> Vec<(usize, String)> {
        let units = Row::of(piece).units.into_iter();
        units
            .map(|placed| match placed.unit {
                Unit::Dense(text) => (placed.position, text),
                Unit::Word(text) => (placed.position, format!("<{text}>")),
            })
            .collect()
    }

    fn expected(list: &[(usize, &str)]) -> Vec<(usize, String)> {
        list.iter()
            .map(|(at, text)| (*at, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_row_covers_every_character() {
        assert_eq!(row("三"), expected(&[(0, "三")]));
        assert_eq!(row("三体"), expected(&[(0, "三体")]));
        assert_eq!(row("三体人"), expected(&[(0, "三体"), (1, "体人")]));
        assert_eq!(
            row("三体 人"),
            expected(&[(0, "三体"), (1, "体 "), (1, " 人")])
        );
        assert_eq!(Row::of(&"三".repeat(40)).units.len(), 39);
        assert_eq!(
            row("三 体 人a"),
            expected(&[(0, "三 "), (0, " 体"), (1, "体 "), (1, " 人"), (2, "人a")])
        );
        assert_eq!(
            row("c++程序a b"),
            expected(&[(0, "<c++>"), (1, "程序"), (3, "<a>"), (4, "<b>")])
        );
        assert_eq!(
            row("共20册ab"),
            expected(&[(0, "共2"), (1, "<20>"), (2, "0册"), (3, "<ab>")])
        );
        assert_eq!(row("b编"), expected(&[(0, "b编")]));
        assert_eq!(row("编b"), expected(&[(0, "编b")]));
        assert_eq!(row("b编c"), expected(&[(0, "b编"), (0, "编c")]));
        assert_eq!(
            row("b编程ab"),
            expected(&[(0, "b编"), (0, "编程"), (2, "<ab>")])
        );
        assert_eq!(
            row("ab编程b"),
            expected(&[(0, "<ab>"), (1, "编程"), (2, "程b")])
        );
    }

    #[test]
    fn pairs_are_all_of_them() {
        assert_eq!(
            pairs("百年孤独 人c++与c a"),
            ["百年", "年孤", "孤独", "人", "c++", "与", "c", "a"]
        );
    }
}
