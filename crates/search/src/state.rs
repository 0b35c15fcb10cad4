//! What a search sees: one commit of the index and the columns that go with it, under one lock, so
//! that a book which changes is seen before or after, and once.

use domain::{BookId, ListingKey, PictureHash, TextHash};

use crate::analysis::fold;
use crate::columns::{Columns, Completion, Document, Facets, Offer};
use crate::error::SearchError;
use crate::execute::{FoundSlots, Meant, Run, Wanted};
use crate::index::{Snapshot, Words};
use crate::marks::Marker;
use crate::plan::{Plan, Planner, Relaxation};
use crate::query::{Keyword, Page, Query, Scope, ScopeField, Sort, TextField};

/// How many offers of a book are told.
pub const OFFERS_MAX: usize = 20;
/// How many suggestions are made.
pub const SUGGESTIONS_MAX: usize = 20;
/// How many names with a beginning are looked at for the commonest of them.
const SUGGESTIONS_SCAN_MAX: usize = 2_000;

/// A book found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its id in the stores that offer it.
    pub book: BookId,
    /// Names its text.
    pub text: TextHash,
    /// At most [`OFFERS_MAX`] listings of it, those in stock first, then the cheap ones. In one
    /// store's search that store's only.
    pub offers: Vec<ListingKey>,
    /// How many there are.
    pub offer_count: u64,
    /// The first picture of the oldest of them that has one.
    pub cover: Option<PictureHash>,
    /// How well it matches; 0 where that wasn't asked for. Scores of different searches don't compare.
    pub score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hits {
    /// The books of the page.
    pub books: Vec<Hit>,
    /// How many books there are on all pages.
    pub total: u64,
    /// How the search was made easier, where nothing was found for it as it was.
    pub relaxed: Option<Relaxation>,
    /// Counts, where they were asked for.
    pub facets: Option<Facets>,
    /// Marks in texts what was found.
    pub marker: Marker,
}

/// What a suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SuggestionKind {
    Title,
    Author,
    Tag,
}

/// Something that what was typed may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// As it is written.
    pub text: String,
    /// What it is.
    pub kind: SuggestionKind,
}

/// Index and columns of one moment.
pub(crate) struct State {
    pub snapshot: Snapshot,
    pub columns: Columns,
    pub words: Words,
}

impl State {
    pub fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let run = Run {
            snapshot: &self.snapshot,
            columns: &self.columns,
            meant: Meant::of(&query.filter, &self.columns),
            wanted: Wanted {
                sort: query.sort,
                reach: query.page.reach(),
                all: query.facets,
            },
            titled: if query.scope.has(TextField::Title) {
                self.columns.titled(&query.keyword.whole)
            } else {
                Vec::new()
            },
        };
        if query.keyword.is_blank() {
            let marker = Marker::new(Vec::new(), query.scope);
            return Ok(self.hits(&run, run.browse(), None, query, marker));
        }
        let planner = Planner {
            snapshot: &self.snapshot,
            words: &self.words,
            scope: query.scope,
        };
        for (relaxed, plan) in ladder(&planner, &query.keyword) {
            let Some(plan) = plan() else { continue };
            let found = run.plan(&plan)?;
            if found.total > 0 {
                let marker = Marker::new(plan.marks, query.scope);
                return Ok(self.hits(&run, found, relaxed, query, marker));
            }
        }
        let marker = Marker::new(Vec::new(), query.scope);
        Ok(self.hits(&run, FoundSlots::none(&self.columns), None, query, marker))
    }

    fn hits(
        &self,
        run: &Run<'_>,
        found: FoundSlots,
        relaxed: Option<Relaxation>,
        query: &Query,
        marker: Marker,
    ) -> Hits {
        let page = found.first.iter().skip(query.page.offset());
        let books = page.filter_map(|(slot, score)| {
            let document = self.columns.document(*slot)?;
            Some(self.hit(document, *score, run.meant.store()))
        });
        let all = found.all.as_ref().filter(|_| query.facets);
        let facets = all.map(|all| self.columns.facets(all, run.meant.store()));
        Hits {
            books: books.collect(),
            total: found.total,
            relaxed,
            facets,
            marker,
        }
    }

    fn hit(&self, document: &Document, score: f32, store: Option<u32>) -> Hit {
        let meant = match store {
            Some(store) => document
                .offer_of(store)
                .map_or(&[][..], std::slice::from_ref),
            None => &document.offers,
        };
        let with_picture = meant.iter().filter(|offer| offer.picture().is_some());
        let oldest = with_picture.min_by_key(|offer| (offer.listed_at(), offer.store));
        let order = |offer: &&Offer| {
            (
                !offer.is_in_stock(),
                offer.price(),
                offer.listed_at(),
                offer.store,
            )
        };
        let mut offers: Vec<&Offer> = meant.iter().collect();
        if offers.len() > OFFERS_MAX {
            offers.select_nth_unstable_by_key(OFFERS_MAX, order);
            offers.truncate(OFFERS_MAX);
        }
        offers.sort_unstable_by_key(order);
        let listing = |offer: &Offer| ListingKey {
            store: self.columns.store(offer.store).id.clone(),
            book: document.book.clone(),
        };
        Hit {
            book: document.book.clone(),
            text: document.text,
            offers: offers.into_iter().map(listing).collect(),
            offer_count: meant.len() as u64,
            cover: oldest.and_then(Offer::picture),
            score,
        }
    }

    pub fn suggest(&self, prefix: &str, limit: usize) -> Result<Vec<Suggestion>, SearchError> {
        let folded = Keyword::new(prefix).whole;
        let limit = limit.min(SUGGESTIONS_MAX);
        if folded.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let columns = &self.columns;
        let kinds = [
            (&columns.tags, SuggestionKind::Tag),
            (&columns.authors, SuggestionKind::Author),
            (&columns.titles, SuggestionKind::Title),
        ];
        let mut found: Vec<(Completion, SuggestionKind)> = Vec::new();
        for (names, kind) in kinds {
            let begun = names.beginning_with(&folded, SUGGESTIONS_SCAN_MAX, limit);
            found.extend(begun.into_iter().map(|name| (name, kind)));
        }
        // Stable: of what is as common a tag comes before an author, and he before a title.
        found.sort_by_key(|(name, _)| std::cmp::Reverse(name.documents));
        let mut suggestions: Vec<Suggestion> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let inside = if found.len() < limit {
            self.titles_with(prefix, limit)?
        } else {
            Vec::new()
        };
        let begun = found
            .into_iter()
            .map(|(name, kind)| (name.text.to_string(), kind));
        let inside = inside
            .into_iter()
            .map(|title| (title, SuggestionKind::Title));
        for (text, kind) in begun.chain(inside) {
            let folded = fold(&text);
            if !seen.contains(&folded) && suggestions.len() < limit {
                seen.push(folded);
                suggestions.push(Suggestion { text, kind });
            }
        }
        Ok(suggestions)
    }

    /// Titles that have it somewhere, which the index knows.
    fn titles_with(&self, text: &str, limit: usize) -> Result<Vec<String>, SearchError> {
        let mut query = Query::new(text);
        query.scope = Scope::of([ScopeField::Title]);
        let per_page = u32::try_from(limit).unwrap_or(1);
        if let Ok(page) = Page::new(1, per_page) {
            query.page = page;
        }
        let run = Run {
            snapshot: &self.snapshot,
            columns: &self.columns,
            meant: Meant::of(&query.filter, &self.columns),
            wanted: Wanted {
                sort: Sort::Relevance,
                reach: limit,
                all: false,
            },
            titled: Vec::new(),
        };
        let planner = Planner {
            snapshot: &self.snapshot,
            words: &self.words,
            scope: query.scope,
        };
        let Some(plan) = planner.exact(&query.keyword) else {
            return Ok(Vec::new());
        };
        let found = run.plan(&plan)?;
        let titles = found
            .first
            .iter()
            .filter_map(|(slot, _)| self.columns.title(*slot));
        Ok(titles.map(str::to_owned).collect())
    }
}

/// A step of the ladder: worked out once it is come to.
type LazyPlan<'a> = Box<dyn Fn() -> Option<Plan> + 'a>;

/// What is tried, in this order, until something is found.
fn ladder<'a>(
    planner: &'a Planner<'a>,
    keyword: &'a Keyword,
) -> [(Option<Relaxation>, LazyPlan<'a>); 5] {
    [
        (None, Box::new(|| planner.exact(keyword))),
        (
            Some(Relaxation::Words),
            Box::new(|| planner.by_words(keyword)),
        ),
        (
            Some(Relaxation::Words),
            Box::new(|| planner.by_short_words(keyword)),
        ),
        (
            Some(Relaxation::HalfOfPairs),
            Box::new(|| planner.by_half_of_pairs(keyword)),
        ),
        (
            Some(Relaxation::OneTypo),
            Box::new(|| planner.by_one_typo(keyword)),
        ),
    ]
}
