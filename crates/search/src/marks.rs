//! Marking what was found in the original texts: by folding them again and looking for the folded
//! pieces, so that a mark stands exactly where a reader would put it.

use std::ops::Range;

use domain::book::BookFields;

use crate::analysis::fold_with_spans;
use crate::query::{Scope, TextField};

/// How much of a field is searched for what to mark, in bytes.
pub const MARKED_TEXT_MAX_BYTES: usize = 64 * 1024;
/// How long the part of a long field is that is shown, in characters.
pub const EXCERPT_MAX_CHARACTERS: usize = 120;
/// How many of them stand before the first mark.
const EXCERPT_LEAD_CHARACTERS: usize = 20;
/// How many marks a text gets.
const MARKS_MAX: usize = 100;

/// A text, or an excerpt of it, and which of its bytes are to be marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The text as the seller wrote it.
    pub text: String,
    /// In order, apart from each other, on the borders of characters.
    pub marks: Vec<Range<usize>>,
    /// Whether something stands before the excerpt.
    pub is_cut_before: bool,
    /// Whether something stands behind it.
    pub is_cut_behind: bool,
}

/// A book's fields that hold what was looked for. The short ones are whole, of the long ones there is
/// an excerpt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Highlight {
    /// The title.
    pub title: Option<Marked>,
    /// The original title.
    pub original_title: Option<Marked>,
    /// Those of the tags that hold something.
    pub tags: Vec<Marked>,
    /// The author.
    pub author: Option<Marked>,
    /// An excerpt of what the book is about.
    pub book_intro: Option<Marked>,
    /// An excerpt of its contents.
    pub content: Option<Marked>,
}

/// What to mark in the texts that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Folded.
    patterns: Vec<String>,
    scope: Scope,
}

impl Marker {
    pub(crate) fn new(mut patterns: Vec<String>, scope: Scope) -> Self {
        patterns.retain(|pattern| !pattern.is_empty());
        patterns.sort();
        patterns.dedup();
        Self { patterns, scope }
    }

    /// Marks a book's fields. Takes some microseconds a kilobyte.
    #[must_use]
    pub fn book(&self, fields: &BookFields) -> Highlight {
        let short = |field, text: &Option<String>| {
            let text = text.as_deref().filter(|_| self.scope.has(field))?;
            self.whole(text)
        };
        let long = |field, text: &Option<String>| {
            let text = text.as_deref().filter(|_| self.scope.has(field))?;
            self.excerpt(text)
        };
        let tags = fields
            .tags
            .iter()
            .filter(|_| self.scope.has(TextField::Tags));
        Highlight {
            title: short(TextField::Title, &Some(fields.title.clone())),
            original_title: short(TextField::OriginalTitle, &fields.original_title),
            tags: tags.filter_map(|tag| self.whole(tag)).collect(),
            author: short(TextField::Author, &fields.author),
            book_intro: long(TextField::BookIntro, &fields.book_intro),
            content: long(TextField::Content, &fields.content),
        }
    }

    /// Marks a text; `None` where there is nothing to mark.
    #[must_use]
    pub fn whole(&self, text: &str) -> Option<Marked> {
        let marks = self.find(text);
        (!marks.is_empty()).then(|| Marked {
            text: text.to_owned(),
            marks,
            is_cut_before: false,
            is_cut_behind: false,
        })
    }

    /// Marks a part of at most [`EXCERPT_MAX_CHARACTERS`] around what is found first.
    #[must_use]
    pub fn excerpt(&self, text: &str) -> Option<Marked> {
        let marks = self.find(text);
        let first = marks.first()?.start;
        let mut before = text[..first].char_indices().rev().map(|(at, _)| at);
        let start = before.nth(EXCERPT_LEAD_CHARACTERS - 1).unwrap_or(0);
        let mut behind = text[start..].char_indices().map(|(at, _)| start + at);
        let end = behind.nth(EXCERPT_MAX_CHARACTERS).unwrap_or(text.len());
        let inside = marks.into_iter().filter(|mark| mark.start < end);
        Some(Marked {
            text: text[start..end].to_owned(),
            marks: inside
                .map(|mark| mark.start - start..mark.end.min(end) - start)
                .collect(),
            is_cut_before: start > 0,
            is_cut_behind: end < text.len(),
        })
    }

    /// Where in a text the patterns are, as bytes of it.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut end = text.len().min(MARKED_TEXT_MAX_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let folded = fold_with_spans(&text[..end]);
        let span = |at: usize| {
            let index = folded
                .spans
                .partition_point(|(start, ..)| (*start as usize) < at);
            folded.spans[index]
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for pattern in &self.patterns {
            let last = pattern.char_indices().next_back().map_or(0, |(at, _)| at);
            let hits = folded.text.match_indices(pattern.as_str()).take(MARKS_MAX);
            found.extend(hits.map(|(at, _)| {
                let (_, start, _) = span(at);
                let (_, _, end) = span(at + last);
                start as usize..(end.max(start)) as usize
            }));
        }
        found.sort_unstable_by_key(|mark| (mark.start, mark.end));
        let mut marks: Vec<Range<usize>> = Vec::new();
        for mark in found {
            match marks.last_mut() {
                Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
                _ => marks.push(mark),
            }
        }
        marks.truncate(MARKS_MAX);
        marks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::Keyword;

    fn marker(keyword: &str) -> Marker {
        Marker::new(Keyword::new(keyword).pieces, Scope::ALL)
    }

    fn show(marked: &Marked) -> String {
        let mut shown = String::new();
        let mut last = 0;
        for mark in &marked.marks {
            shown += &marked.text[last..mark.start];
            shown += &format!("<{}>", &marked.text[mark.clone()]);
            last = mark.end;
        }
        shown + &marked.text[last..]
    }

    #[test]
    fn marks_stand_in_the_original() {
        for (keyword, text, marked) in [
            ("中国历史", "《中國·歷史》", "《<中國·歷史>》"),
            (
                "mysql 入门",
                "ＭｙＳＱＬ从入門到放弃",
                "<ＭｙＳＱＬ>从<入門>到放弃",
            ),
            ("sql", "MySQL", "My<SQL>"),
            ("艾伦纽哈斯", "(美)艾伦.纽哈斯", "(美)<艾伦.纽哈斯>"),
            (
                "garcia",
                "Gabriel García Márquez",
                "Gabriel <García> Márquez",
            ),
            ("三体 体黑", "三体黑", "<三体黑>"),
            ("c++", "学 C++ 吧", "学 <C++> 吧"),
        ] {
            assert_eq!(show(&marker(keyword).whole(text).unwrap()), marked);
        }
        assert_eq!(marker("四体").whole("三体"), None);
    }

    #[test]
    fn an_excerpt_is_around_the_first_mark() {
        let text = format!("{}目标{}", "甲".repeat(500), "乙".repeat(500));
        let marked = marker("目标").excerpt(&text).unwrap();
        assert_eq!(marked.text.chars().count(), EXCERPT_MAX_CHARACTERS);
        assert!(marked.is_cut_before && marked.is_cut_behind);
        assert_eq!(&marked.text[marked.marks[0].clone()], "目标");
        let short = marker("目标").excerpt("目标在此").unwrap();
        assert!(!short.is_cut_before && !short.is_cut_behind);
    }

    #[test]
    fn a_huge_text_is_marked_in_part() {
        let text = "很".repeat(300_000) + "远";
        assert_eq!(marker("远").whole(&text), None);
        let all = marker("很").whole(&text).unwrap();
        assert!(!all.marks.is_empty());
    }

    proptest! {
        #[test]
        fn marks_are_on_borders_and_in_order(text: String, from in 0_usize..20, keyword: String) {
            let part: String = text.chars().skip(from).take(3).collect();
            for keyword in [part, keyword] {
                for marked in [marker(&keyword).whole(&text), marker(&keyword).excerpt(&text)] {
                    let Some(marked) = marked else { continue };
                    let mut last = 0;
                    for mark in &marked.marks {
                        prop_assert!(last <= mark.start && mark.start <= mark.end);
                        prop_assert!(marked.text.get(mark.clone()).is_some());
                        last = mark.end;
                    }
                }
            }
        }
    }
}
