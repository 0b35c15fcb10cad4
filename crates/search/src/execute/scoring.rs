//! The best of the documents that match, by how well they do: without a look at those that can't be
//! among them.

use std::sync::Arc;

use tantivy::query::{Bm25Weight, BooleanQuery, EnableScoring, Query as Matches, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED};

use super::best::Best;
use super::matching::Matched;
use crate::error::{SearchError, while_doing};
use crate::plan::{Looks, Plan, Way};
use crate::slots::Slots;

const DOING: &str = "scoring";

/// So many documents are looked at one by one.
const FEW: u64 = 2_048;
/// More ways are not taken one after the other, but all at once.
const WAYS_MAX: usize = 24;
/// How far sums of the same scores may be apart, which depends on which comes first.
const ROUNDING: Score = 1e-5;

/// A book counts so much more whose title is the whole keyword: it comes first, whatever else its
/// rivals hold.
const WHOLE_TITLE_SCORE: Score = 2_000.0;

/// How a plan's matches are scored.
pub(super) struct Scoring<'a> {
    ways: Vec<&'a Way>,
    searcher: &'a Searcher,
    /// For each way, where its scores differ.
    weights: Vec<Option<Box<dyn Weight>>>,
    /// What each way counts at most.
    bounds: Vec<Score>,
    titled: &'a [u32],
}

/// A segment, and what matches in it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub segment: &'a SegmentReader,
    /// For each document: its slot.
    pub slots: &'a [u32],
    pub matched: &'a Matched,
}

impl Place<'_> {
    fn slot(&self, document: DocId) -> u32 {
        self.slots[document as usize]
    }
}

/// Says of documents, asked in order, what they count in one way.
enum Reader {
    Scorer {
        scorer: Box<dyn Scorer>,
        /// The documents that have any, where they are known.
        known: Option<Arc<Slots>>,
    },
    Same(Arc<Slots>, Score),
    Nothing,
}

impl Reader {
    fn score(&mut self, document: DocId) -> Score {
        match self {
            Self::Scorer { scorer, known } => {
                let is_out = known.as_ref().is_some_and(|known| !known.has(document));
                if is_out || scorer.doc() > document || scorer.seek(document) != document {
                    0.0
                } else {
                    scorer.score()
                }
            }
            Self::Same(documents, score) if documents.has(document) => *score,
            Self::Same(..) | Self::Nothing => 0.0,
        }
    }

    /// Calls for each of its documents, with what it counts there.
    fn each(&mut self, mut call: impl FnMut(DocId, Score)) {
        match self {
            Self::Scorer { scorer, .. } => {
                let mut document = scorer.doc();
                while document != TERMINATED {
                    call(document, scorer.score());
                    document = scorer.advance();
                }
            }
            Self::Same(documents, score) => {
                documents.iter().for_each(|document| call(document, *score));
            }
            Self::Nothing => {}
        }
    }
}

impl<'a> Scoring<'a> {
    pub fn new(
        plan: &'a Plan,
        searcher: &'a Searcher,
        titled: &'a [u32],
    ) -> Result<Self, SearchError> {
        let ways: Vec<&Way> = plan.ways().collect();
        let scoring = EnableScoring::enabled_from_searcher(searcher);
        let mut weights = Vec::with_capacity(ways.len());
        let mut bounds = Vec::with_capacity(ways.len());
        for way in &ways {
            let terms = match &way.looks_for {
                Looks::Term(term) => vec![term.clone()],
                Looks::Row(terms) => terms.iter().map(|(_, term)| term.clone()).collect(),
                Looks::Any(_) | Looks::Between(..) => {
                    weights.push(None);
                    bounds.push(way.boost);
                    continue;
                }
            };
            let bound = Bm25Weight::for_terms(searcher, &terms).map_err(while_doing(DOING))?;
            bounds.push(bound.boost_by(way.boost).max_score());
            let weight = way.query().weight(scoring).map_err(while_doing(DOING))?;
            weights.push(Some(weight));
        }
        Ok(Self {
            ways,
            searcher,
            weights,
            bounds,
            titled,
        })
    }

    /// Offers what can be among the best of all segments.
    pub fn offer_all(&self, places: &[Place<'_>], best: &mut Best<'_>) -> Result<(), SearchError> {
        for place in places {
            self.offer_titled(*place, best)?;
        }
        let are_terms = || {
            let mut ways = self.ways.iter();
            ways.all(|way| matches!(way.looks_for, Looks::Term(_)))
        };
        let mut union: Option<Box<dyn Weight>> = None;
        for place in places {
            if place.matched.documents.count() <= FEW {
                self.offer_each(*place, best)?;
            } else if are_terms() || self.ways.len() > WAYS_MAX {
                let weight = match union.take() {
                    Some(weight) => weight,
                    None => self.union()?,
                };
                self.offer_pruning(&*weight, *place, best)?;
                union = Some(weight);
            } else {
                self.offer_by_ways(*place, best)?;
            }
        }
        Ok(())
    }

    fn reader(&self, way: usize, place: Place<'_>) -> Result<Reader, SearchError> {
        let known = place.matched.known[way].clone();
        Ok(match (&self.weights[way], known) {
            (Some(weight), known) => {
                let scorer = weight.scorer(place.segment, 1.0);
                Reader::Scorer {
                    scorer: scorer.map_err(while_doing(DOING))?,
                    known,
                }
            }
            (None, Some(known)) => Reader::Same(known, self.bounds[way]),
            // It was not looked for, since something else already lacked.
            (None, None) => Reader::Nothing,
        })
    }

    fn readers(&self, place: Place<'_>) -> Result<Vec<Reader>, SearchError> {
        let ways = 0..self.ways.len();
        ways.map(|way| self.reader(way, place)).collect()
    }

    fn is_titled(&self, slot: u32) -> bool {
        self.titled.binary_search(&slot).is_ok()
    }

    /// Those whose title is the whole keyword, which no bound knows of.
    fn offer_titled(&self, place: Place<'_>, best: &mut Best<'_>) -> Result<(), SearchError> {
        if self.titled.is_empty() {
            return Ok(());
        }
        let documents = (0..).zip(place.slots);
        let titled = documents.filter(|(document, slot)| {
            place.matched.documents.has(*document) && self.is_titled(**slot)
        });
        let mut readers = self.readers(place)?;
        for (document, slot) in titled {
            let score: Score = readers
                .iter_mut()
                .map(|reader| reader.score(document))
                .sum();
            best.offer_scored(score + WHOLE_TITLE_SCORE, *slot);
        }
        Ok(())
    }

    fn offer_each(&self, place: Place<'_>, best: &mut Best<'_>) -> Result<(), SearchError> {
        let mut readers = self.readers(place)?;
        for document in place.matched.documents.iter() {
            let slot = place.slot(document);
            if !self.is_titled(slot) {
                let scores = readers.iter_mut().map(|reader| reader.score(document));
                best.offer_scored(scores.sum(), slot);
            }
        }
        Ok(())
    }

    /// All ways at once. Where they are terms, blocks whose best is too low are passed over.
    fn union(&self) -> Result<Box<dyn Weight>, SearchError> {
        let queries: Vec<Box<dyn Matches>> = self.ways.iter().map(|way| way.query()).collect();
        BooleanQuery::union(queries)
            .weight(EnableScoring::enabled_from_searcher(self.searcher))
            .map_err(while_doing(DOING))
    }

    fn offer_pruning(
        &self,
        union: &dyn Weight,
        place: Place<'_>,
        best: &mut Best<'_>,
    ) -> Result<(), SearchError> {
        let threshold = best.threshold();
        let mut offer = |document: DocId, score: Score| {
            let slot = place.slot(document);
            if place.matched.documents.has(document) && !self.is_titled(slot) {
                best.offer_scored(score, slot);
            }
            best.threshold()
        };
        union
            .for_each_pruning(threshold, place.segment, &mut offer)
            .map_err(while_doing(DOING))
    }

    /// The ways one after the other, those that may count most first: each document is looked at in
    /// the first that it has. Soon what is left can't make a document one of the best.
    fn offer_by_ways(&self, place: Place<'_>, best: &mut Best<'_>) -> Result<(), SearchError> {
        let mut order: Vec<usize> = (0..self.ways.len()).collect();
        order.sort_by(|left, right| self.bounds[*right].total_cmp(&self.bounds[*left]));
        // What a way and all behind it count at most.
        let mut rests = vec![0.0; order.len() + 1];
        for (index, way) in order.iter().enumerate().rev() {
            rests[index] = rests[index + 1] + self.bounds[*way];
        }
        let mut seen = Slots::none(place.slots.len());
        for (index, way) in order.iter().enumerate() {
            if is_below(rests[index], best) {
                break;
            }
            let others = &order[index + 1..];
            let others = others.iter().map(|way| self.reader(*way, place));
            let mut others = others.collect::<Result<Vec<Reader>, SearchError>>()?;
            let rests = &rests[index + 1..];
            self.reader(*way, place)?.each(|document, score| {
                if seen.has(document) || !place.matched.documents.has(document) {
                    return;
                }
                seen.insert(document);
                let slot = place.slot(document);
                let mut score = score;
                for (reader, rest) in others.iter_mut().zip(rests) {
                    if is_below(score + rest, best) {
                        return;
                    }
                    score += reader.score(document);
                }
                if !self.is_titled(slot) {
                    best.offer_scored(score, slot);
                }
            });
        }
        Ok(())
    }
}

/// Whether nothing that counts so much at most can be among the best.
fn is_below(bound: Score, best: &Best<'_>) -> bool {
    bound * (1.0 + ROUNDING) < best.threshold()
}

#[cfg(test)]
mod tests;
