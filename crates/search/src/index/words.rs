//! All words of an index, in memory: which of them hold a few letters, and which are nearly one.
//!
//! A search for `sql` is to find `MySQL` as well, as a search for two Chinese characters finds them
//! inside any word. The index knows whole words only; so here they are all, side by side.

use std::collections::BTreeMap;

use crate::memory::heap;
use crate::query::TextField;

/// Stands before and behind each word.
const EDGE: char = '\n';

/// So many new words are kept apart before they are sorted in.
const RECENT_MAX_WORDS: usize = 4_096;

/// The words, each with the fields that it was seen in. A word is never forgotten before a restart:
/// one too many costs a look into the index.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// All but the recent ones, sorted, each behind an edge, and an edge behind the last.
    text: String,
    /// Where each word begins in `text`.
    starts: Vec<u32>,
    /// In which fields each is.
    fields: Vec<u8>,
    recent: BTreeMap<Box<str>, u8>,
}

/// How a word holds what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// It begins with it.
    AtStart,
    /// It has it elsewhere.
    Inside,
}

/// Where in a word something may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Anywhere,
    Start,
    End,
}

/// A word found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub word: &'a str,
    pub holds: Holds,
    fields: u8,
}

impl Found<'_> {
    pub fn is_in(&self, field: TextField) -> bool {
        self.fields & field.bit() != 0
    }
}

impl Words {
    /// Its bytes.
    pub fn memory(&self) -> usize {
        let recent = self.recent.keys().map(|word| heap(word.len()) + 32);
        let sorted = self.text.capacity() + 4 * self.starts.capacity() + self.fields.capacity();
        sorted + recent.sum::<usize>()
    }

    fn word(&self, index: usize) -> &str {
        let start = self.starts[index] as usize;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |next| *next as usize);
        &self.text[start..end - EDGE.len_utf8()]
    }

    fn find(&self, word: &str) -> Result<usize, usize> {
        let mut low = 0;
        let mut high = self.starts.len();
        while low < high {
            let middle = low.midpoint(high);
            match self.word(middle).cmp(word) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Adds words with the fields that they are in.
    pub fn add<'a>(&mut self, words: impl IntoIterator<Item = (&'a str, u8)>) {
        for (word, fields) in words {
            match self.find(word) {
                Ok(index) => self.fields[index] |= fields,
                Err(_) => *self.recent.entry(word.into()).or_default() |= fields,
            }
        }
        if self.recent.len() > RECENT_MAX_WORDS {
            self.sort_in();
        }
    }

    fn sort_in(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let more: usize = recent.keys().map(|word| word.len() + 1).sum();
        let mut merged = Self {
            text: String::with_capacity(self.text.len() + more + 1),
            starts: Vec::with_capacity(self.starts.len() + recent.len()),
            fields: Vec::with_capacity(self.starts.len() + recent.len()),
            recent: BTreeMap::new(),
        };
        merged.text.push(EDGE);
        let mut push = |word: &str, fields| {
            merged
                .starts
                .push(u32::try_from(merged.text.len()).unwrap_or(u32::MAX));
            merged.fields.push(fields);
            merged.text.push_str(word);
            merged.text.push(EDGE);
        };
        let mut recent = recent.iter().peekable();
        for index in 0..self.starts.len() {
            let word = self.word(index);
            while let Some((new, fields)) = recent.next_if(|(new, _)| &***new < word) {
                push(new, *fields);
            }
            push(word, self.fields[index]);
        }
        recent.for_each(|(new, fields)| push(new, *fields));
        *self = merged;
    }

    /// The words that hold `part` there, other than `part` itself: at most `max`, those that begin
    /// with it first.
    pub fn holding(&self, part: &str, place: Place, fields: u8, max: usize) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        let keep = |word: &'_ str, its: u8| its & fields != 0 && word != part;
        let pattern = match place {
            Place::Anywhere => part.to_owned(),
            Place::Start => format!("{EDGE}{part}"),
            Place::End => format!("{part}{EDGE}"),
        };
        let finder = memchr::memmem::Finder::new(&pattern);
        let holds = |word: &str| {
            if word.starts_with(part) {
                Holds::AtStart
            } else {
                Holds::Inside
            }
        };
        let mut last = usize::MAX;
        for at in finder.find_iter(self.text.as_bytes()) {
            let at = if place == Place::Start { at + 1 } else { at };
            let index = self.starts.partition_point(|start| *start as usize <= at) - 1;
            let word = self.word(index);
            if index != last && keep(word, self.fields[index]) {
                found.push(self.found(index, holds(word)));
            }
            last = index;
        }
        for (word, its) in &self.recent {
            let is_there = match place {
                Place::Anywhere => word.contains(part),
                Place::Start => word.starts_with(part),
                Place::End => word.ends_with(part),
            };
            if is_there && keep(word, *its) {
                found.push(Found {
                    word,
                    holds: holds(word),
                    fields: *its,
                });
            }
        }
        if found.len() > max {
            found.sort_by_key(|found| (found.holds, found.word.len()));
            found.truncate(max);
        }
        found
    }

    fn found(&self, index: usize, holds: Holds) -> Found<'_> {
        Found {
            word: self.word(index),
            holds,
            fields: self.fields[index],
        }
    }

    /// The words in these fields that one slip of the finger makes `word`, at most `max`.
    pub fn near(&self, word: &str, fields: u8, max: usize) -> Vec<&str> {
        let letters: Vec<char> = word.chars().collect();
        let sorted = (0..self.starts.len()).map(|index| (self.word(index), self.fields[index]));
        let recent = self.recent.iter().map(|(word, fields)| (&**word, *fields));
        sorted
            .chain(recent)
            .filter(|(_, its)| its & fields != 0)
            .map(|(other, _)| other)
            .filter(|other| other.len().abs_diff(word.len()) <= char::MAX.len_utf8())
            .filter(|other| is_one_slip(&letters, other))
            .take(max)
            .collect()
    }
}

/// Whether one letter too many, too few, wrong or two swapped make of one word the other.
fn is_one_slip(left: &[char], right: &str) -> bool {
    let right: Vec<char> = right.chars().collect();
    if left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let (left, right) = (&left[same..], &right[same..]);
    match (left, right) {
        ([], []) => false,
        ([], _) | (_, []) => true,
        _ if left.len() > right.len() => left[1..] == *right,
        _ if left.len() < right.len() => right[1..] == *left,
        ([a, b, rest @ ..], [c, d, others @ ..]) if a == d && b == c && rest == others => true,
        _ => left[1..] == right[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Words {
        let mut words = Words::default();
        words.add(list.iter().map(|word| (*word, TextField::Title.bit())));
        words
    }

    fn holding(words: &Words, part: &str, place: Place) -> Vec<String> {
        let found = words.holding(part, place, 0xFF, 100);
        let mut found: Vec<String> = found.iter().map(|found| found.word.to_owned()).collect();
        found.sort();
        found
    }

    #[test]
    fn words_are_found_by_their_parts_sorted_in_or_not() {
        let mut words = words(&["mysql", "sql", "sqlite", "nosqls", "python"]);
        for _ in 0..2 {
            assert_eq!(
                holding(&words, "sql", Place::Anywhere),
                ["mysql", "nosqls", "sqlite"]
            );
            assert_eq!(holding(&words, "sql", Place::Start), ["sqlite"]);
            assert_eq!(holding(&words, "sql", Place::End), ["mysql"]);
            assert!(words.holding("sql", Place::Anywhere, 2, 100).is_empty());
            let two = words.holding("sql", Place::Anywhere, 1, 2);
            assert_eq!((two.len(), two[0].word), (2, "sqlite"));
            words.sort_in();
        }
        words.add([("sql", 2), ("abc", 1), ("zzz", 1)]);
        words.sort_in();
        assert_eq!(words.starts.len(), 7);
        assert_eq!(words.fields[words.find("sql").unwrap()], 3);
        assert!((0..7).map(|index| words.word(index)).is_sorted());
    }

    #[test]
    fn a_slip_is_one_letter() {
        let words = words(&["python", "pythons", "typhon", "pyton", "java"]);
        assert_eq!(words.near("pyhton", 1, 9), ["python", "pyton"]);
        assert_eq!(words.near("python", 1, 9), ["pythons", "pyton"]);
        assert_eq!(words.near("jafa", 1, 9), ["java"]);
        assert!(words.near("jfaa", 1, 9).is_empty());
    }
}
