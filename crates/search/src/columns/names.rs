//! Names that many books share or one has: titles, authors, tags, publishers. In memory, sorted.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::analysis::fold;
use crate::memory::shared_text;

/// A longer name is left out, in characters.
pub(crate) const NAME_MAX_CHARACTERS: usize = 255;

/// Stands for no name.
pub(crate) const NO_NAME: u32 = u32::MAX;

/// A name, and how many documents have it.
#[derive(Debug, Clone)]
struct Name {
    text: Arc<str>,
    documents: u32,
}

/// The names of one kind, each with a number that is given again once nobody has it.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_text: BTreeMap<Arc<str>, u32>,
    names: Vec<Name>,
    free: Vec<u32>,
}

/// A name that a search for a beginning found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completion {
    pub text: Arc<str>,
    pub documents: u32,
}

impl Names {
    /// Counts a document with that name; returns the name's number, or [`NO_NAME`].
    pub fn add(&mut self, text: &str) -> u32 {
        let text = text.trim();
        if text.chars().nth(NAME_MAX_CHARACTERS).is_some() {
            return NO_NAME;
        }
        let folded = fold(text);
        if folded.is_empty() {
            return NO_NAME;
        }
        if let Some(number) = self.by_text.get(folded.as_str()) {
            self.names[*number as usize].documents += 1;
            return *number;
        }
        let folded: Arc<str> = folded.into();
        let text = if *folded == *text {
            folded.clone()
        } else {
            text.into()
        };
        let name = Name { text, documents: 1 };
        let number = match self.free.pop() {
            Some(number) => {
                self.names[number as usize] = name;
                number
            }
            None => {
                self.names.push(name);
                u32::try_from(self.names.len() - 1).expect("memory ends before the numbers")
            }
        };
        self.by_text.insert(folded, number);
        number
    }

    /// Counts one document less.
    pub fn remove(&mut self, number: u32) {
        let Some(name) = self.names.get_mut(number as usize) else {
            return;
        };
        name.documents -= 1;
        if name.documents == 0 {
            self.by_text.remove(fold(&name.text).as_str());
            name.text = "".into();
            self.free.push(number);
        }
    }

    /// Its bytes.
    pub fn memory(&self) -> usize {
        // A node of the tree is two thirds full.
        let tree = self.by_text.len() * size_of::<(Arc<str>, u32)>() * 3 / 2;
        let keys = self.by_text.keys().map(|name| shared_text(name));
        // Written as it is folded, a name is kept once.
        let is_own = |name: &&Name| !self.by_text.contains_key(&*name.text);
        let texts = self.names.iter().filter(is_own);
        let texts = texts.map(|name| shared_text(&name.text));
        let names = self.names.capacity() * size_of::<Name>();
        tree + names + keys.sum::<usize>() + texts.sum::<usize>()
    }

    /// The number of a name, up to folding.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.by_text.get(fold(text).as_str()).copied()
    }

    /// How many documents have it.
    pub fn documents(&self, number: u32) -> u32 {
        self.names[number as usize].documents
    }

    /// How it is written.
    pub fn text(&self, number: u32) -> &Arc<str> {
        &self.names[number as usize].text
    }

    /// One more than the highest number.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The names that begin with a folded text, the commonest of the first `scan` of them first.
    pub fn beginning_with(&self, folded: &str, scan: usize, limit: usize) -> Vec<Completion> {
        let range = (Bound::Included(folded), Bound::Unbounded);
        let names = self
            .by_text
            .range::<str, _>(range)
            .take_while(|(name, _)| name.starts_with(folded))
            .take(scan);
        let mut found: Vec<(u32, u32)> = names
            .map(|(_, number)| (self.names[*number as usize].documents, *number))
            .collect();
        // Stable: what is as common stays sorted.
        found.sort_by_key(|(documents, _)| std::cmp::Reverse(*documents));
        found
            .into_iter()
            .take(limit)
            .map(|(documents, number)| Completion {
                text: self.text(number).clone(),
                documents,
            })
            .collect()
    }
}

/// The names that an author's field holds: without the country before a name.
pub(crate) fn authors_in(field: &str) -> impl Iterator<Item = &str> {
    field
        .split(['/', ',', '，', '、', ';', '；'])
        .map(|author| {
            let author = author.trim();
            let pairs = [
                ('[', ']'),
                ('［', '］'),
                ('(', ')'),
                ('（', '）'),
                ('【', '】'),
                ('〔', '〕'),
            ];
            let behind = pairs.iter().find_map(|(open, close)| {
                let (_, behind) = author.strip_prefix(*open)?.split_once(*close)?;
                Some(behind.trim())
            });
            behind.filter(|name| !name.is_empty()).unwrap_or(author)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_and_forgotten() {
        let mut names = Names::default();
        let history = names.add("历史");
        assert_eq!(names.add("歷史 "), history);
        let novel = names.add("历史小说");
        assert_eq!((names.add("！"), names.add("")), (NO_NAME, NO_NAME));
        let begin = |names: &Names| {
            let found = names.beginning_with("历", 10, 10);
            let found = found
                .iter()
                .map(|found| (found.text.to_string(), found.documents));
            found.collect::<Vec<_>>()
        };
        assert_eq!(begin(&names), [("历史".into(), 2), ("历史小说".into(), 1)]);
        names.remove(history);
        names.remove(history);
        names.remove(NO_NAME);
        assert_eq!(begin(&names), [("历史小说".into(), 1)]);
        assert_eq!(names.find("歷史小說"), Some(novel));
        assert_eq!(names.add("三体"), history);
    }

    #[test]
    fn authors_stand_behind_their_countries() {
        let authors = |field| authors_in(field).collect::<Vec<_>>();
        assert_eq!(authors("[美] 西尔维娅·娜萨"), ["西尔维娅·娜萨"]);
        assert_eq!(authors("（法）雨果、（清）曹雪芹"), ["雨果", "曹雪芹"]);
        assert_eq!(authors("[佚名]"), ["[佚名]"]);
    }
}
