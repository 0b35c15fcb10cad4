//! Running a plan: which documents match and pass, how many, and the best of them.

mod best;
mod kept;
mod matching;
mod meant;
mod scoring;

use tantivy::{Score, SegmentReader};

use crate::columns::Columns;
use crate::error::SearchError;
use crate::index::Snapshot;
use crate::plan::Plan;
use crate::query::Sort;
use crate::slots::Slots;

use best::Best;
use matching::{Matched, Matcher};
use scoring::{Place, Scoring};

pub(crate) use kept::Kept;
pub(crate) use meant::Meant;

/// Where fewer than one in so many documents are meant, only they are looked at.
const FEW_MEANT_ONE_IN: u64 = 20;

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
        let all = self.meant.slots().unwrap_or(self.columns.there());
        self.by_columns(all.clone())
    }

    /// The documents that a plan finds.
    pub fn plan(&self, plan: &Plan) -> Result<FoundSlots, SearchError> {
        let mut matched = Vec::new();
        for (segment, slots) in self.segments() {
            matched.push(self.matched(plan, segment, slots)?);
        }
        let totals = matched.iter().map(|matched| matched.documents.count());
        let total: u64 = totals.sum();
        if total == 0 {
            return Ok(FoundSlots::none(self.columns));
        }
        if self.wanted.sort != Sort::Relevance {
            return Ok(self.by_columns(self.all(&matched)));
        }
        let places = self.segments().zip(&matched);
        let places = places.map(|((segment, slots), matched)| Place {
            segment,
            slots,
            matched,
        });
        let places: Vec<Place<'_>> = places.collect();
        let mut best = Best::new(self.columns, self.wanted.reach);
        let scoring = Scoring::new(plan, &self.snapshot.searcher, &self.titled)?;
        scoring.offer_all(&places, &mut best)?;
        Ok(FoundSlots {
            total,
            first: best.into_scored(),
            all: self.wanted.all.then(|| self.all(&matched)),
        })
    }

    fn segments(&self) -> impl Iterator<Item = (&SegmentReader, &[u32])> {
        let slots = self.snapshot.slots.iter().map(|slots| &**slots);
        self.snapshot.searcher.segment_readers().iter().zip(slots)
    }

    /// The documents of a segment that match, are there and are meant.
    fn matched(
        &self,
        plan: &Plan,
        segment: &SegmentReader,
        slots: &[u32],
    ) -> Result<Matched, SearchError> {
        let meant = self.meant.slots();
        let few =
            meant.filter(|meant| meant.count() * FEW_MEANT_ONE_IN < self.columns.count() as u64);
        let within = few.map(|few| {
            let mut within = Slots::none(slots.len());
            let documents = (0..).zip(slots).filter(|(_, slot)| few.has(**slot));
            documents.for_each(|(document, _)| within.insert(document));
            within
        });
        let matcher = Matcher {
            segment,
            kept: &self.snapshot.kept,
        };
        let mut matched = matcher.matched(plan, within)?;
        // What is deleted keeps a slot's number, which another may have by now.
        if let Some(alive) = segment.alive_bitset() {
            let documents = &mut matched.documents;
            documents.retain(|document| alive.is_alive(document));
        }
        if let Some(meant) = meant {
            let documents = &mut matched.documents;
            documents.retain(|document| meant.has(slots[document as usize]));
        }
        Ok(matched)
    }

    /// The slots of what matched.
    fn all(&self, matched: &[Matched]) -> Slots {
        let mut all = Slots::none(self.columns.slots());
        for ((_, slots), matched) in self.segments().zip(matched) {
            let documents = matched.documents.iter();
            documents.for_each(|document| all.insert(slots[document as usize]));
        }
        all
    }

    /// The first by what the columns say.
    fn by_columns(&self, all: Slots) -> FoundSlots {
        let mut best = Best::new(self.columns, self.wanted.reach);
        all.iter()
            .for_each(|slot| best.offer(self.meant.key(slot, self.wanted.sort), slot));
        FoundSlots {
            total: all.count(),
            first: best.into_sorted(),
            all: Some(all),
        }
    }
}
