//! Running a plan: which documents match and pass, how many, and the best of them.

use std::collections::BinaryHeap;

use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, SegmentReader, TERMINATED, Term};

use crate::columns::{Columns, Document, Offer, Prices};
use crate::error::{SearchError, while_doing, while_on_disk};
use crate::index::Snapshot;
use crate::plan::Plan;
use crate::query::{Filter, Sort};
use crate::slots::Slots;

/// How much more a book counts whose title is the whole keyword: it comes first, whatever else its
/// rivals hold.
const WHOLE_TITLE_SCORE: Score = 2_000.0;

/// A store with fewer than one in so many documents is searched document by document.
const SMALL_STORE_ONE_IN: usize = 20;

/// What a filter comes to over these columns.
pub(crate) struct Meant<'a> {
    columns: &'a Columns,
    /// The store's number, and what it offers.
    store: Option<u32>,
    store_slots: Option<Slots>,
    in_stock: bool,
    prices: Option<Prices>,
    tags: Vec<u32>,
    is_all: bool,
    is_nothing: bool,
}

impl<'a> Meant<'a> {
    pub fn of(filter: &Filter, columns: &'a Columns) -> Self {
        let store = filter
            .store
            .as_ref()
            .map(|store| columns.store_number(store));
        let tags: Option<Vec<u32>> = filter
            .tags
            .iter()
            .map(|tag| columns.tags.find(tag))
            .collect();
        let fen = |price: domain::Price| u32::try_from(price.get()).unwrap_or(u32::MAX);
        let prices = (filter.min_price.is_some() || filter.max_price.is_some()).then(|| {
            let (min, max) = (filter.min_price.map(fen), filter.max_price.map(fen));
            Prices::new(min.unwrap_or(0), max.unwrap_or(u32::MAX))
        });
        let is_nothing = store == Some(None) || tags.is_none();
        let store = store.flatten();
        let store_slots = store.map(|store| {
            let mut slots = Slots::none(columns.slots());
            let offered = columns.store(store).slots.iter();
            offered.for_each(|slot| slots.insert(*slot));
            slots
        });
        Self {
            columns,
            is_all: *filter == Filter::default(),
            is_nothing,
            store,
            store_slots,
            in_stock: filter.in_stock,
            prices,
            tags: tags.unwrap_or_default(),
        }
    }

    /// The store alone whose offers are meant.
    pub fn store(&self) -> Option<u32> {
        self.store
    }

    fn is_any_offer(&self) -> bool {
        !self.in_stock && self.prices.is_none()
    }

    fn passes_offer(&self, offer: &Offer) -> bool {
        let is_priced_so = self.prices.is_none_or(|prices| prices.has(offer.price()));
        is_priced_so && (!self.in_stock || offer.is_in_stock())
    }

    /// A document's offers that are meant.
    fn offers<'d>(&self, document: &'d Document) -> impl Iterator<Item = &'d Offer> {
        let offers = match self.store {
            Some(store) => document
                .offer_of(store)
                .map_or(&[][..], std::slice::from_ref),
            None => &document.offers,
        };
        offers.iter().filter(|offer| self.passes_offer(offer))
    }

    fn passes(&self, slot: u32) -> bool {
        if self.is_all {
            return true;
        }
        if self.is_nothing
            || self
                .store_slots
                .as_ref()
                .is_some_and(|slots| !slots.has(slot))
        {
            return false;
        }
        if self.tags.is_empty() {
            if self.is_any_offer() {
                return true;
            }
            if let Some(has_offer) = self.told_by_summary(slot) {
                return has_offer;
            }
        }
        let Some(document) = self.columns.document(slot) else {
            return false;
        };
        self.tags.iter().all(|tag| document.tags.contains(tag)) && self.has_offer(slot, document)
    }

    /// Whether a document has an offer that is meant; `None` where only a look at them tells.
    fn told_by_summary(&self, slot: u32) -> Option<bool> {
        if self.store.is_some() {
            return None;
        }
        let summary = self.columns.summary(slot);
        let priced = if self.in_stock {
            summary.priced_in_stock
        } else {
            summary.priced
        };
        match self.prices {
            None => Some(!priced.is_empty()),
            Some(prices) => priced.any_in(prices),
        }
    }

    fn has_offer(&self, slot: u32, document: &Document) -> bool {
        let look = || self.offers(document).next().is_some();
        self.told_by_summary(slot).unwrap_or_else(look)
    }

    /// What a document is sorted by; the smaller comes first.
    fn key(&self, slot: u32, sort: Sort) -> u64 {
        let Some(document) = self.columns.document(slot) else {
            return u64::MAX;
        };
        let dearest_first = |lowest: u32| u64::from(u32::MAX - lowest);
        let newest_first = |listed_at: i64| u64::MAX - (listed_at as u64 ^ (1 << 63));
        if self.store.is_none() && self.is_any_offer() {
            let summary = self.columns.summary(slot);
            return match sort {
                Sort::Price => u64::from(summary.lowest()),
                Sort::PriceDown => dearest_first(summary.lowest()),
                Sort::Newest | Sort::Relevance => newest_first(summary.newest),
            };
        }
        let offers = self.offers(document);
        let key = match sort {
            Sort::Price => offers.map(Offer::price).min().map(u64::from),
            Sort::PriceDown => offers.map(Offer::price).min().map(dearest_first),
            Sort::Newest | Sort::Relevance => {
                offers.map(|offer| newest_first(offer.listed_at())).min()
            }
        };
        key.unwrap_or(u64::MAX)
    }
}

/// A document's place among those found; the smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    key: u64,
    /// The same for the same text wherever it is indexed.
    tie: [u8; 16],
    slot: u32,
}

/// The first so many of all that were offered to it.
struct Best<'a> {
    columns: &'a Columns,
    /// The last one on top.
    heap: BinaryHeap<Rank>,
    room: usize,
}

impl<'a> Best<'a> {
    fn new(columns: &'a Columns, room: usize) -> Self {
        Self {
            columns,
            heap: BinaryHeap::with_capacity(room.min(columns.count()) + 1),
            room,
        }
    }

    fn offer(&mut self, key: u64, slot: u32) {
        let is_full = self.heap.len() >= self.room;
        if is_full && self.heap.peek().is_none_or(|last| last.key < key) {
            return;
        }
        let tie = self
            .columns
            .document(slot)
            .map_or([0xFF; 16], |document| document.text.to_bytes());
        self.heap.push(Rank { key, tie, slot });
        if is_full {
            self.heap.pop();
        }
    }

    /// The score that another document must be above of. One that ties may still come before.
    fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(last) if self.heap.len() >= self.room => score_of(last.key).next_down(),
            _ => Score::MIN,
        }
    }

    fn into_sorted(self) -> Vec<Rank> {
        self.heap.into_sorted_vec()
    }
}

/// Scores are never below 0, so their bits sort as they do.
fn key_of(score: Score) -> u64 {
    u64::from(u32::MAX - score.max(0.0).to_bits())
}

fn score_of(key: u64) -> Score {
    Score::from_bits(u32::MAX - u32::try_from(key).unwrap_or(u32::MAX))
}

/// What a plan found.
pub(crate) struct FoundSlots {
    pub total: u64,
    /// The first of them with their scores, as many as were asked for.
    pub first: Vec<(u32, Score)>,
    /// All of them, where that was asked for.
    pub all: Option<Slots>,
}

impl FoundSlots {
    pub fn none(columns: &Columns) -> Self {
        Self {
            total: 0,
            first: Vec::new(),
            all: Some(Slots::none(columns.slots())),
        }
    }
}

/// What is wanted of what is found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub sort: Sort,
    /// How many of the first.
    pub reach: usize,
    /// All slots too.
    pub all: bool,
}

/// One run over one state of index and columns.
pub(crate) struct Run<'a> {
    pub snapshot: &'a Snapshot,
    pub columns: &'a Columns,
    pub meant: Meant<'a>,
    pub wanted: Wanted,
    /// The documents whose title is the whole keyword; sorted.
    pub titled: Vec<u32>,
}

impl Run<'_> {
    /// All documents, as if everything matched.
    pub fn browse(&self) -> FoundSlots {
        let mut all = Slots::none(self.columns.slots());
        match self.meant.store.map(|store| self.columns.store(store)) {
            Some(store) => {
                let slots = store.slots.iter().copied();
                slots
                    .filter(|slot| self.meant.passes(*slot))
                    .for_each(|slot| all.insert(slot));
            }
            None => {
                let slots = self.columns.iter().map(|(slot, _)| slot);
                slots
                    .filter(|slot| self.meant.passes(*slot))
                    .for_each(|slot| all.insert(slot));
            }
        }
        self.by_columns(all)
    }

    /// The documents that a plan finds.
    pub fn plan(&self, plan: &Plan) -> Result<FoundSlots, SearchError> {
        let doing = "searching";
        let searcher = &self.snapshot.searcher;
        if self.wanted.sort != Sort::Relevance {
            let all = match &plan.any_of {
                Some(terms) => self.holding_any(terms)?,
                None => {
                    let scoring = EnableScoring::disabled_from_searcher(searcher);
                    let weight = plan.query.weight(scoring).map_err(while_doing(doing))?;
                    self.matching(&*weight)?
                }
            };
            return Ok(self.by_columns(all));
        }
        let scoring = EnableScoring::enabled_from_searcher(searcher);
        let weight = plan.query.weight(scoring).map_err(while_doing(doing))?;
        match (&plan.any_of, self.small_store()) {
            (_, Some(slots)) => self.among(&*weight, slots),
            (Some(terms), None) if self.meant.is_all && !self.wanted.all => {
                let total = self.count_any(terms)?;
                self.best_of(&*weight, total, None)
            }
            (Some(terms), None) => {
                let all = self.holding_any(terms)?;
                self.best_of(&*weight, all.count(), Some(all))
            }
            (None, None) => self.one_pass(&*weight),
        }
    }

    /// The store's documents, where they are few.
    fn small_store(&self) -> Option<&[u32]> {
        let slots = &self.columns.store(self.meant.store?).slots;
        (slots.len() * SMALL_STORE_ONE_IN < self.columns.count()).then_some(slots)
    }

    /// Offers a document with what it counts more.
    fn offer(&self, best: &mut Best<'_>, score: Score, slot: u32) {
        let more = if self.is_titled(slot) {
            WHOLE_TITLE_SCORE
        } else {
            0.0
        };
        best.offer(key_of(score + more), slot);
    }

    fn is_titled(&self, slot: u32) -> bool {
        self.titled.binary_search(&slot).is_ok()
    }

    fn segments(&self) -> impl Iterator<Item = (&SegmentReader, &[u32])> {
        let slots = self.snapshot.slots.iter().map(|slots| &**slots);
        self.snapshot.searcher.segment_readers().iter().zip(slots)
    }

    /// Counts the documents with any of these terms.
    fn count_any(&self, terms: &[Term]) -> Result<u64, SearchError> {
        let mut total = 0;
        for (segment, slots) in self.segments() {
            let mut documents = with_any(terms, segment, slots.len())?;
            if let Some(alive) = segment.alive_bitset() {
                documents.retain(|document| alive.is_alive(document));
            }
            total += documents.count();
        }
        Ok(total)
    }

    /// The documents with any of these terms that are meant.
    fn holding_any(&self, terms: &[Term]) -> Result<Slots, SearchError> {
        let mut found = Slots::none(self.columns.slots());
        for (segment, slots) in self.segments() {
            for document in with_any(terms, segment, slots.len())?.iter() {
                self.keep(segment, slots, document, &mut found);
            }
        }
        Ok(found)
    }

    fn matching(&self, weight: &dyn Weight) -> Result<Slots, SearchError> {
        let mut found = Slots::none(self.columns.slots());
        for (segment, slots) in self.segments() {
            weight
                .for_each_no_score(segment, &mut |documents| {
                    for document in documents {
                        self.keep(segment, slots, *document, &mut found);
                    }
                })
                .map_err(while_doing("searching"))?;
        }
        Ok(found)
    }

    /// Notes a document, if it is there and meant.
    fn keep(&self, segment: &SegmentReader, slots: &[u32], document: DocId, found: &mut Slots) {
        if let Some(slot) = self.slot(segment, slots, document) {
            found.insert(slot);
        }
    }

    /// The slot of a document that is there and meant.
    fn slot(&self, segment: &SegmentReader, slots: &[u32], document: DocId) -> Option<u32> {
        if segment.is_deleted(document) {
            return None;
        }
        let slot = slots[document as usize];
        self.meant.passes(slot).then_some(slot)
    }

    /// The best by score of those known to match: whole blocks that can't be among them are skipped.
    fn best_of(
        &self,
        weight: &dyn Weight,
        total: u64,
        all: Option<Slots>,
    ) -> Result<FoundSlots, SearchError> {
        let mut best = Best::new(self.columns, self.wanted.reach);
        // What they count more no block knows of.
        for (slot, score) in self.among(weight, &self.titled)?.first {
            best.offer(key_of(score), slot);
        }
        for (segment, slots) in self.segments() {
            let threshold = best.threshold();
            let mut offer = |document: DocId, score: Score| {
                let slot = slots[document as usize];
                let is_meant = all.as_ref().is_none_or(|all| all.has(slot));
                if is_meant && !segment.is_deleted(document) && !self.is_titled(slot) {
                    best.offer(key_of(score), slot);
                }
                best.threshold()
            };
            weight
                .for_each_pruning(threshold, segment, &mut offer)
                .map_err(while_doing("searching"))?;
        }
        Ok(self.scored(total, best, all))
    }

    /// Counts and finds the best in one pass.
    fn one_pass(&self, weight: &dyn Weight) -> Result<FoundSlots, SearchError> {
        let mut best = Best::new(self.columns, self.wanted.reach);
        let mut total = 0;
        let mut all = self.wanted.all.then(|| Slots::none(self.columns.slots()));
        for (segment, slots) in self.segments() {
            weight
                .for_each(segment, &mut |document, score| {
                    if let Some(slot) = self.slot(segment, slots, document) {
                        total += 1;
                        self.offer(&mut best, score, slot);
                        if let Some(all) = &mut all {
                            all.insert(slot);
                        }
                    }
                })
                .map_err(while_doing("searching"))?;
        }
        Ok(self.scored(total, best, all))
    }

    /// Looks at these documents only.
    fn among(&self, weight: &dyn Weight, meant: &[u32]) -> Result<FoundSlots, SearchError> {
        let mut best = Best::new(self.columns, self.wanted.reach);
        let mut all = Slots::none(self.columns.slots());
        let mut total = 0;
        if meant.is_empty() {
            return Ok(self.scored(total, best, Some(all)));
        }
        let mut wanted = Slots::none(self.columns.slots());
        meant.iter().for_each(|slot| wanted.insert(*slot));
        for (segment, slots) in self.segments() {
            let documents = (0..).zip(slots).filter(|(_, slot)| {
                // Deleted documents keep a slot's number that may lie past the columns.
                (**slot as usize) < self.columns.slots() && wanted.has(**slot)
            });
            let mut scorer = weight
                .scorer(segment, 1.0)
                .map_err(while_doing("searching"))?;
            for (document, _) in documents {
                if !seek(&mut *scorer, document) {
                    continue;
                }
                if let Some(slot) = self.slot(segment, slots, document) {
                    total += 1;
                    self.offer(&mut best, scorer.score(), slot);
                    all.insert(slot);
                }
            }
        }
        Ok(self.scored(total, best, Some(all)))
    }

    fn scored(&self, total: u64, best: Best<'_>, all: Option<Slots>) -> FoundSlots {
        let first = best.into_sorted().into_iter();
        FoundSlots {
            total,
            first: first.map(|rank| (rank.slot, score_of(rank.key))).collect(),
            all,
        }
    }

    /// The first by what the columns say.
    fn by_columns(&self, all: Slots) -> FoundSlots {
        let mut best = Best::new(self.columns, self.wanted.reach);
        for slot in all.iter() {
            best.offer(self.meant.key(slot, self.wanted.sort), slot);
        }
        FoundSlots {
            total: all.count(),
            first: best
                .into_sorted()
                .into_iter()
                .map(|rank| (rank.slot, 0.0))
                .collect(),
            all: Some(all),
        }
    }
}

/// The documents of a segment with any of these terms, deleted ones too: the terms' lists, a block
/// at a time.
fn with_any(
    terms: &[Term],
    segment: &SegmentReader,
    documents: usize,
) -> Result<Slots, SearchError> {
    let doing = "counting";
    let mut found = Slots::none(documents);
    for term in terms {
        let index = segment
            .inverted_index(term.field())
            .map_err(while_doing(doing))?;
        let postings = index.read_block_postings(term, IndexRecordOption::Basic);
        let Some(mut postings) = postings.map_err(while_on_disk(doing))? else {
            continue;
        };
        while !postings.docs().is_empty() {
            postings
                .docs()
                .iter()
                .for_each(|document| found.insert(*document));
            postings.advance();
        }
    }
    Ok(found)
}

fn seek(scorer: &mut dyn Scorer, document: DocId) -> bool {
    let mut at = scorer.doc();
    if at < document {
        at = scorer.seek(document);
    }
    at == document && at != TERMINATED
}
