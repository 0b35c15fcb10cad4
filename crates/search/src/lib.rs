//! Search: finds books by what somebody typed, in Chinese and English.
//!
//! What lives here: how texts are folded and cut into terms, the index (tantivy) and the columns
//! beside it, the queries, and the follower that keeps both as storage has it. All of it is derived:
//! deleted, it builds itself anew. What never does: HTTP, texts and prices for a page (they are read
//! fresh from storage), a clock.
//!
//! Read [`search`] first, then `state`, `plan` and `follower`; `analysis` says what
//! "a text holds a keyword" means.

#![warn(missing_docs)]

mod analysis;
mod columns;
pub mod error;
mod execute;
mod follower;
mod index;
pub mod marks;
mod memory;
mod plan;
pub mod query;
pub mod search;
mod shared;
mod slots;
mod state;

pub use columns::{Facets, PriceRange};
pub use error::{ErrorKind, SearchError};
pub use follower::{BATCH_MAX_CHANGES, Progress, Settings};
pub use marks::{Highlight, Marked, Marker};
pub use plan::Relaxation;
pub use query::{Filter, InvalidPage, Keyword, Page, Query, Scope, ScopeField, Sort};
pub use search::Search;
pub use state::{Hit, Hits, OFFERS_MAX, SUGGESTIONS_MAX, Suggestion, SuggestionKind};

/// A text as search sees it: a keyword's piece, folded, is held by just those texts that, folded,
/// contain it. For tests of this promise.
#[must_use]
pub fn folded(text: &str) -> String {
    analysis::fold(text)
}
