//! Slips of the finger: rows that a piece may have been meant to be.

use super::rows::Row;
use crate::analysis::{BREAK, is_dense};
use crate::index::Words;
use crate::query::Scope;

/// A shorter piece is taken at its word, in characters.
const SLIP_MIN_CHARACTERS: usize = 3;
/// So is a longer one: who copies a sentence makes no slip.
const SLIP_MAX_CHARACTERS: usize = 16;
/// How many other words a word may have been meant to be.
const NEAR_WORDS_MAX: usize = 32;

/// The rows that one slip makes `piece`; none where it is too short, too long or mixed.
pub(super) fn of(piece: &str, words: &Words, scope: Scope) -> Vec<Row> {
    let characters: Vec<char> = piece.chars().collect();
    if !(SLIP_MIN_CHARACTERS..=SLIP_MAX_CHARACTERS).contains(&characters.len()) {
        return Vec::new();
    }
    if characters.iter().all(|character| is_dense(*character)) {
        dense(&characters)
    } else if characters
        .iter()
        .all(|character| *character != BREAK && !is_dense(*character))
    {
        let fields = scope.fields().fold(0, |bits, field| bits | field.bit());
        let near = words.near(piece, fields, NEAR_WORDS_MAX);
        near.into_iter().map(Row::of).collect()
    } else {
        Vec::new()
    }
}

/// A wrong character, a missing one, one too many, and two swapped, at each place.
fn dense(characters: &[char]) -> Vec<Row> {
    let text = |part: &[char]| part.iter().collect::<String>();
    let mut rows = Vec::new();
    for at in 0..characters.len() {
        let (before, behind) = characters.split_at(at);
        let around = |is_open: bool, rest: &[char]| {
            let mut row = Row::default();
            row.append(&text(before));
            if is_open {
                row.skip();
            }
            row.append(&text(rest));
            row.without_lead()
        };
        rows.push(around(true, &behind[1..]));
        if at > 0 {
            rows.push(around(true, behind));
        }
        let mut shorter = before.to_vec();
        shorter.extend_from_slice(&behind[1..]);
        rows.push(Row::of(&text(&shorter)));
        if let [first, second, ..] = behind {
            let mut swapped = characters.to_vec();
            swapped[at] = *second;
            swapped[at + 1] = *first;
            rows.push(Row::of(&text(&swapped)));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_of_pieces_neither_short_nor_long() {
        let words = Words::default();
        let count = |piece: &str| of(piece, &words, Scope::ALL).len();
        assert_eq!(count("红楼"), 0);
        assert_eq!(count("红搂梦"), 3 + 2 + 3 + 2);
        assert_eq!(count("红搂 梦"), 0);
        assert_eq!(count(&"梦".repeat(SLIP_MAX_CHARACTERS + 1)), 0);
    }
}
