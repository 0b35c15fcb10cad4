//! Terms: what a folded text is indexed by, each with its position.
//!
//! A dense character takes a position, and a word takes one; a break takes none. At a dense
//! character's position stands the character, the pair of it and what follows (the next dense
//! character, a break, or a word's first letter), and behind a break also the pair of the break and
//! what follows that; behind a word also the pair of the word's last letter and the character. So any
//! row of characters can be asked for by pairs, if by all of them.

use super::fold::{BREAK, is_dense};

/// Stands before each word among the terms, so that an index's words lie side by side in its
/// dictionary.
pub(crate) const WORD_MARK: char = '\u{1}';

/// A longer word is cut into several side by side, in characters.
pub(crate) const WORD_MAX_CHARACTERS: usize = 64;

/// A term of a folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TermRange {
    /// Its position.
    pub position: u32,
    /// Where in the folded text it begins, in bytes.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What it is.
    pub kind: TermKind,
}

/// What a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TermKind {
    /// A single dense character.
    Character,
    /// A dense character and what is beside it.
    Pair,
    /// The last dense character of a text, for where no character is a term by itself.
    Last,
    /// A word. [`WORD_MARK`] stands before it in the index.
    Word,
}

/// Finds the terms of a folded text, in the order of their positions.
pub(crate) fn terms(folded: &str, into: &mut Vec<TermRange>) {
    into.clear();
    let mut position = 0;
    let mut add = |position, start: usize, end: usize, kind| {
        let offset = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        into.push(TermRange {
            position,
            start: offset(start),
            end: offset(end),
            kind,
        });
    };
    let mut characters = folded.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let mut end = start + character.len_utf8();
        if is_dense(character) {
            add(position, start, end, TermKind::Character);
            position += 1;
            if let Some((_, next)) = characters.peek().copied() {
                add(position - 1, start, end + next.len_utf8(), TermKind::Pair);
                if next == BREAK {
                    characters.next();
                    let behind = characters.peek().map_or(0, |(_, next)| next.len_utf8());
                    let behind = end + next.len_utf8() + behind;
                    add(position - 1, end, behind, TermKind::Pair);
                }
            } else {
                // So every character begins a term, if only by itself.
                add(position - 1, start, end, TermKind::Last);
            }
        } else if character != BREAK {
            let mut length = 1;
            let mut last = start;
            while length < WORD_MAX_CHARACTERS
                && let Some((at, next)) =
                    characters.next_if(|(_, next)| *next != BREAK && !is_dense(*next))
            {
                last = at;
                end = at + next.len_utf8();
                length += 1;
            }
            add(position, start, end, TermKind::Word);
            position += 1;
            if let Some((at, next)) = characters
                .peek()
                .copied()
                .filter(|(_, next)| is_dense(*next))
            {
                add(position, last, at + next.len_utf8(), TermKind::Pair);
            }
        }
    }
}
