//! What a text comes to for search: folded, and cut into terms with positions.
//!
//! [`fold`] makes of any text the one form in which it is indexed, asked for, highlighted and
//! completed. A keyword's piece is held by a text exactly if the folded text contains the folded
//! piece; the terms of [`terms`] only make that quick to find.

mod fold;
mod isbn;
mod simplified;
mod terms;

pub(crate) use fold::{BREAK, fold, fold_with_spans, is_dense};
pub(crate) use isbn::{isbn_of, isbns_in};
pub(crate) use terms::{TermKind, TermRange, WORD_MARK, WORD_MAX_CHARACTERS, terms};

#[cfg(test)]
mod tests;
