//! Searching: the index says which books, storage what they are now.
//!
//! The index knows which listings belong to a book; texts, prices and stock of a page are read fresh.
//! What has changed in between is left out rather than shown as it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use ::search::{
    Facets, Filter, Highlight, Hit, Hits, Keyword, Marked, Page, Query, Relaxation, Scope, Search,
    SearchError, Suggestion,
};
use domain::money::PRICE_MAX_FEN;
use domain::{BookId, BookText, Fen, Listing, ListingKey, PictureHash, Price, TextHash};
use storage::{BULK_MAX_ROWS, Storage, StorageError};
use tokio::sync::Semaphore;

use crate::App;
use crate::catalogue::{Answering, Catalogue, CatalogueQuery, Found, FoundBook, Piece, Sort};

/// How long a search waits for its turn. As many run at once as there are processors, and as many
/// completions beside them.
pub const SEARCH_WAIT_MAX: Duration = Duration::from_secs(2);

/// How many offers of a book are looked at for the one that a list of books shows. The index tells
/// the best first; the others stand in where it is gone meanwhile.
const OFFERS_LOOKED_AT: usize = 4;

/// Why nothing was looked for.
#[derive(Debug, Clone)]
pub enum SearchProblem {
    /// The index is still being filled. A retry can help.
    NotReady,
    /// Too many search at once; nothing was begun.
    Busy,
    /// The index can't be read.
    Index(SearchError),
    /// What was found can't be read.
    Storage(StorageError),
}

impl From<SearchError> for SearchProblem {
    fn from(error: SearchError) -> Self {
        match error.kind() {
            ::search::ErrorKind::Unavailable => Self::NotReady,
            ::search::ErrorKind::Refused
            | ::search::ErrorKind::Corrupt
            | ::search::ErrorKind::Internal => Self::Index(error),
        }
    }
}

impl From<StorageError> for SearchProblem {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A book that was found, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its id.
    pub id: BookId,
    /// What it says.
    pub text: Arc<BookText>,
    /// Its cover, where it has one.
    pub cover: Option<PictureHash>,
    /// At most [`::search::OFFERS_MAX`] offers, never none: in stock and cheap first. In one
    /// store's search that store's only.
    pub offers: Vec<Listing>,
    /// How many there are.
    pub offer_count: u64,
    /// What matches, where that was asked for.
    pub highlight: Option<Highlight>,
}

/// A page of books found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Best first, or as was asked.
    pub books: Vec<Finding>,
    /// How many there are on all pages.
    pub total: u64,
    /// How the search was made easier, where nothing was found for it as it was.
    pub relaxed: Option<Relaxation>,
    /// Counts, where they were asked for.
    pub facets: Option<Facets>,
}

/// Searches off the async threads, a few at once.
pub(crate) struct Finder {
    search: Arc<Search>,
    storage: Arc<dyn Storage>,
    turns: Arc<Semaphore>,
    /// Of completions, which take a small part of a millisecond and so don't queue behind searches.
    quick_turns: Arc<Semaphore>,
}

impl App {
    /// The same use cases with a search, which is the shop's catalogue too.
    #[must_use]
    pub fn with_search(self, search: Arc<Search>) -> Self {
        let finder = Arc::new(Finder::new(search, self.storage.clone()));
        Self {
            finder: Some(finder.clone()),
            ..self.with_catalogue(finder)
        }
    }

    /// Whether searches are answered, where there are to be any.
    #[must_use]
    pub fn is_search_ready(&self) -> bool {
        let finder = self.finder.as_ref();
        finder.is_none_or(|finder| finder.search.is_ready())
    }

    fn finder(&self) -> Result<&Finder, SearchProblem> {
        self.finder.as_deref().ok_or(SearchProblem::NotReady)
    }

    /// Looks for books; with highlights where `is_marked`.
    ///
    /// # Errors
    /// [`SearchProblem`].
    pub async fn find_books(
        &self,
        query: Query,
        is_marked: bool,
    ) -> Result<Findings, SearchProblem> {
        self.finder()?
            .find(query, is_marked, ::search::OFFERS_MAX)
            .await
    }

    /// What somebody may mean who has begun to type this; at most `limit`.
    ///
    /// # Errors
    /// [`SearchProblem`].
    pub async fn suggest(
        &self,
        prefix: String,
        limit: usize,
    ) -> Result<Vec<Suggestion>, SearchProblem> {
        self.finder()?.suggest(prefix, limit).await
    }
}

impl Finder {
    fn new(search: Arc<Search>, storage: Arc<dyn Storage>) -> Self {
        let turns = available_parallelism().map_or(1, usize::from);
        Self {
            search,
            storage,
            turns: Arc::new(Semaphore::new(turns)),
            quick_turns: Arc::new(Semaphore::new(turns)),
        }
    }

    async fn compute<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&Search) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchProblem> {
        let turn = tokio::time::timeout(SEARCH_WAIT_MAX, turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| SearchProblem::Busy)?;
        let turn = turn.expect("turns are never closed");
        let search = self.search.clone();
        let computing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&search)
        });
        Ok(computing.await.expect("a search does not panic")?)
    }

    async fn suggest(
        &self,
        prefix: String,
        limit: usize,
    ) -> Result<Vec<Suggestion>, SearchProblem> {
        let suggest = move |search: &Search| search.suggest(&prefix, limit);
        self.compute(&self.quick_turns, suggest).await
    }

    /// With at most `offers_max` offers of each book.
    async fn find(
        &self,
        query: Query,
        is_marked: bool,
        offers_max: usize,
    ) -> Result<Findings, SearchProblem> {
        let search = move |search: &Search| search.search(&query);
        let hits = self.compute(&self.turns, search).await?;
        let Hits {
            mut books,
            total,
            relaxed,
            facets,
            marker,
        } = hits;
        for hit in &mut books {
            hit.offers.truncate(offers_max);
        }
        let (texts, mut listings) =
            tokio::try_join!(self.read_texts(&books), self.read_listings(&books))?;
        let found = books
            .into_iter()
            .filter_map(|hit| finding(hit, &texts, &mut listings));
        let mut books: Vec<Finding> = found.collect();
        if is_marked {
            let mark = move |_: &Search| {
                for book in &mut books {
                    book.highlight = Some(marker.book(book.text.fields()));
                }
                Ok(books)
            };
            books = self.compute(&self.turns, mark).await?;
        }
        Ok(Findings {
            books,
            total,
            relaxed,
            facets,
        })
    }

    async fn read_texts(
        &self,
        hits: &[Hit],
    ) -> Result<HashMap<TextHash, Arc<BookText>>, StorageError> {
        let hashes: HashSet<TextHash> = hits.iter().map(|hit| hit.text).collect();
        let texts = self.storage.find_texts(hashes.into_iter().collect());
        let texts = texts.await?.into_iter();
        Ok(texts.map(|text| (text.hash(), text)).collect())
    }

    async fn read_listings(
        &self,
        hits: &[Hit],
    ) -> Result<HashMap<ListingKey, Listing>, StorageError> {
        let keys: Vec<&ListingKey> = hits.iter().flat_map(|hit| &hit.offers).collect();
        let mut listings = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(BULK_MAX_ROWS) {
            let keys = keys.iter().map(|key| (*key).clone()).collect();
            let found = self.storage.find_listings(keys).await?.into_iter();
            listings.extend(found.map(|listing| (listing.key.clone(), listing)));
        }
        Ok(listings)
    }
}

/// A book as it is now; `None` where nobody offers it any more.
fn finding(
    hit: Hit,
    texts: &HashMap<TextHash, Arc<BookText>>,
    listings: &mut HashMap<ListingKey, Listing>,
) -> Option<Finding> {
    let text = texts.get(&hit.text)?.clone();
    let known = hit.offers.len();
    let fresh = hit.offers.iter().filter_map(|key| listings.remove(key));
    let is_meant = |found: &Listing| found.details.is_listed && found.details.text == hit.text;
    let mut offers: Vec<Listing> = fresh.filter(is_meant).collect();
    offers.sort_by_key(|offer| (offer.stock.get() == 0, offer.price));
    let gone = (known - offers.len()) as u64;
    (!offers.is_empty()).then(|| Finding {
        id: hit.book,
        text,
        cover: hit.cover,
        offers,
        offer_count: hit.offer_count.saturating_sub(gone),
        highlight: None,
    })
}

impl Catalogue for Finder {
    fn search(&self, query: CatalogueQuery) -> Answering<'_, Found> {
        Box::pin(async move {
            // Pages that lie too deep are as empty as those behind the last.
            let Some(query) = to_query(query) else {
                return Ok(Found::default());
            };
            Ok(to_found(self.find(query, true, OFFERS_LOOKED_AT).await?))
        })
    }
}

fn to_query(query: CatalogueQuery) -> Option<Query> {
    let page = query.offset.checked_div(query.limit)? + 1;
    let price = |fen: Fen| Price::new(fen.get().clamp(0, PRICE_MAX_FEN)).ok();
    Some(Query {
        keyword: Keyword::new(&query.text),
        scope: Scope::ALL,
        filter: Filter {
            store: query.store,
            min_price: query.price_min.and_then(price),
            max_price: query.price_max.and_then(price),
            in_stock: query.is_in_stock,
            tags: query.tag.into_iter().collect(),
        },
        sort: match query.sort {
            Sort::Relevance => ::search::Sort::Relevance,
            Sort::PriceUp => ::search::Sort::Price,
            Sort::PriceDown => ::search::Sort::PriceDown,
            Sort::Newest => ::search::Sort::Newest,
        },
        page: Page::new(page, query.limit).ok()?,
        facets: true,
    })
}

fn to_found(findings: Findings) -> Found {
    let facets = findings.facets.unwrap_or_default();
    Found {
        books: findings.books.into_iter().map(to_found_book).collect(),
        total: findings.total,
        tags: facets.tags,
        stores: facets.stores,
        is_relaxed: findings.relaxed.is_some(),
    }
}

fn to_found_book(finding: Finding) -> FoundBook {
    let highlight = finding.highlight.unwrap_or_default();
    let shown = &finding.offers[0];
    let title = highlight.title.as_ref().map_or_else(
        || vec![piece(&finding.text.fields().title, false)],
        to_pieces,
    );
    let snippet = highlight.book_intro.or(highlight.content);
    FoundBook {
        id: finding.id,
        store: shown.key.store.clone(),
        price: shown.price,
        is_in_stock: shown.stock.get() > 0,
        offer_count: finding.offer_count,
        cover: finding.cover,
        title,
        snippet: snippet.as_ref().map(to_pieces).unwrap_or_default(),
        text: finding.text,
    }
}

fn piece(text: &str, is_match: bool) -> Piece {
    Piece {
        text: text.to_owned(),
        is_match,
    }
}

/// A marked text in pieces, none of them empty.
fn to_pieces(marked: &Marked) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut end = 0;
    if marked.is_cut_before {
        pieces.push(piece("…", false));
    }
    for mark in &marked.marks {
        pieces.push(piece(&marked.text[end..mark.start], false));
        pieces.push(piece(&marked.text[mark.clone()], true));
        end = mark.end;
    }
    pieces.push(piece(&marked.text[end..], false));
    if marked.is_cut_behind {
        pieces.push(piece("…", false));
    }
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use storage::model::{ManualClock, ModelStorage};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_completion_waits_for_no_search() {
        let storage = Arc::new(ModelStorage::new(Arc::new(ManualClock::default())));
        let folder = tempfile::tempdir().unwrap();
        let settings = ::search::Settings::new(folder.path().to_owned());
        let search = Arc::new(Search::start(storage.clone(), settings).unwrap());
        search.ready().await;
        let finder = Finder {
            // As if searches had taken all turns.
            turns: Arc::new(Semaphore::new(0)),
            ..Finder::new(search.clone(), storage)
        };
        assert_eq!(finder.suggest("x".to_owned(), 5).await.unwrap(), []);
        search.stop().await;
    }
}
