//! Finding books by words: what whoever can do that is asked, and what he answers.
//!
//! A shop works without: then nothing is looked for, and nobody is told that it could be.

use std::pin::Pin;
use std::sync::Arc;

use domain::{BookId, BookText, Fen, PictureHash, Price, StoreId};

use crate::App;
use crate::search::SearchProblem;

/// An answer of the catalogue on its way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, SearchProblem>> + Send + 'a>>;

/// In which order books are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The best match first.
    #[default]
    Relevance,
    /// The cheapest first.
    PriceUp,
    /// The dearest first.
    PriceDown,
    /// The newest first.
    Newest,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogueQuery {
    /// The words, as they were typed.
    pub text: String,
    /// Only in this store.
    pub store: Option<StoreId>,
    /// Only books with this tag.
    pub tag: Option<String>,
    /// Only books that somebody has in stock.
    pub is_in_stock: bool,
    /// Only books that somebody offers for this much or more.
    pub price_min: Option<Fen>,
    /// Only books that somebody offers for this much or less.
    pub price_max: Option<Fen>,
    /// In which order.
    pub sort: Sort,
    /// How many to pass over.
    pub offset: u32,
    /// How many to return at most.
    pub limit: u32,
}

/// A part of a text, and whether it is what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The part.
    pub text: String,
    /// Whether it matches.
    pub is_match: bool,
}

/// A book that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBook {
    /// Its id.
    pub id: BookId,
    /// The store whose offer is shown: the cheapest in stock, or else the cheapest.
    pub store: StoreId,
    /// What the book says.
    pub text: Arc<BookText>,
    /// What a copy costs there.
    pub price: Price,
    /// Whether somebody has it in stock.
    pub is_in_stock: bool,
    /// How many stores offer it.
    pub offer_count: u64,
    /// Its cover, where it has one.
    pub cover: Option<PictureHash>,
    /// Its title, with what matches told apart.
    pub title: Vec<Piece>,
    /// A part of the text that matches, where one does.
    pub snippet: Vec<Piece>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// A page of books.
    pub books: Vec<FoundBook>,
    /// How many there are in all.
    pub total: u64,
    /// The tags that these have, with how many books each, most first.
    pub tags: Vec<(String, u64)>,
    /// The stores that offer these, with how many books each, most first.
    pub stores: Vec<(StoreId, u64)>,
    /// Whether nothing fits exactly, and this is what comes close.
    pub is_relaxed: bool,
}

/// Finds books by words.
pub trait Catalogue: Send + Sync {
    /// Looks for books.
    fn search(&self, query: CatalogueQuery) -> Answering<'_, Found>;
}

impl App {
    /// The same use cases with a catalogue to look things up in.
    #[must_use]
    pub fn with_catalogue(self, catalogue: Arc<dyn Catalogue>) -> Self {
        Self {
            catalogue: Some(catalogue),
            ..self
        }
    }

    /// Whether books can be looked for.
    #[must_use]
    pub fn can_search(&self) -> bool {
        self.catalogue.is_some()
    }

    /// Looks for books; `None` where there is no catalogue.
    ///
    /// # Errors
    /// [`SearchProblem`].
    pub async fn search(&self, query: CatalogueQuery) -> Result<Option<Found>, SearchProblem> {
        match &self.catalogue {
            Some(catalogue) => catalogue.search(query).await.map(Some),
            None => Ok(None),
        }
    }
}
