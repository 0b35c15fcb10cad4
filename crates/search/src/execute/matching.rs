//! Which documents of a segment have what a plan looks for: sets, made from the terms' lists, a block
//! of them at a time.

use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED, Term};

use super::kept::{Kept, Key};
use crate::error::{SearchError, while_doing, while_on_disk};
use crate::plan::{Looks, Plan, Way};
use crate::slots::Slots;

const DOING: &str = "looking for words";

/// Where fewer than one in so many documents are left, only those are looked at.
const FEW_ONE_IN: u64 = 20;
/// What a segment has for a plan.
pub(super) struct Matched {
    /// The documents that match.
    pub documents: Slots,
    /// For each of the plan's ways: the documents that match in it, where they are known.
    pub known: Vec<Option<Arc<Slots>>>,
}

/// Looks into one segment.
pub(super) struct Matcher<'a> {
    pub segment: &'a SegmentReader,
    pub kept: &'a Kept,
}

impl Matcher<'_> {
    /// The documents that match, deleted ones too; of those in `within`, where that is given.
    pub fn matched(&self, plan: &Plan, within: Option<Slots>) -> Result<Matched, SearchError> {
        let mut known = vec![None; plan.ways().count()];
        let is_all = plan.at_least >= plan.pieces.len() && plan.instead.is_none();
        let documents = if is_all {
            self.having_all(plan, within, &mut known)?
        } else {
            self.having_some(plan, within, &mut known)?
        };
        Ok(Matched { documents, known })
    }

    fn none(&self) -> Slots {
        Slots::none(self.segment.max_doc() as usize)
    }

    /// The documents with all pieces: the rarest first, so that of the others little is looked at.
    fn having_all(
        &self,
        plan: &Plan,
        within: Option<Slots>,
        known: &mut [Option<Arc<Slots>>],
    ) -> Result<Slots, SearchError> {
        let mut pieces = Vec::with_capacity(plan.pieces.len());
        let mut first = 0;
        for piece in &plan.pieces {
            let cost = if plan.pieces.len() > 1 {
                self.cost(piece)?
            } else {
                0
            };
            pieces.push((cost, first, piece));
            first += piece.len();
        }
        pieces.sort_by_key(|(cost, first, _)| (*cost, *first));
        let mut left = within;
        for (_, first, piece) in pieces {
            let found = self.having(piece, left.as_ref(), &mut known[first..])?;
            let is_over = found.is_empty();
            left = Some(found);
            if is_over {
                break;
            }
        }
        Ok(left.unwrap_or_else(|| self.none()))
    }

    /// The documents with as many pieces as are needed, or with what is enough instead.
    fn having_some(
        &self,
        plan: &Plan,
        within: Option<Slots>,
        known: &mut [Option<Arc<Slots>>],
    ) -> Result<Slots, SearchError> {
        let mut counts = vec![0_u8; self.segment.max_doc() as usize];
        let mut first = 0;
        for piece in &plan.pieces {
            let found = self.having(piece, within.as_ref(), &mut known[first..])?;
            for document in found.iter() {
                let count = &mut counts[document as usize];
                *count = count.saturating_add(1);
            }
            first += piece.len();
        }
        let mut matching = self.none();
        for (document, count) in (0..).zip(counts) {
            if usize::from(count) >= plan.at_least {
                matching.insert(document);
            }
        }
        if let Some(way) = &plan.instead {
            let ways = std::slice::from_ref(way);
            let found = self.having(ways, within.as_ref(), &mut known[first..])?;
            matching.add_all(&found);
        }
        Ok(matching)
    }

    /// The documents that match in any of these ways; of those in `within`, where that is given.
    fn having(
        &self,
        ways: &[Way],
        within: Option<&Slots>,
        known: &mut [Option<Arc<Slots>>],
    ) -> Result<Slots, SearchError> {
        let documents = u64::from(self.segment.max_doc());
        let few = within.filter(|within| within.count() * FEW_ONE_IN < documents);
        let mut found = self.none();
        for (way, known) in ways.iter().zip(known) {
            *known = self.add(way, few, &mut found)?;
        }
        if let Some(within) = within {
            found.keep_common(within);
        }
        Ok(found)
    }

    /// Adds the documents that match in a way; where they are few, only those of them. Returns all
    /// that match in it, if that is known by now.
    fn add(
        &self,
        way: &Way,
        few: Option<&Slots>,
        found: &mut Slots,
    ) -> Result<Option<Arc<Slots>>, SearchError> {
        let all = match (&way.looks_for, few) {
            (Looks::Term(term), None) => {
                self.add_listed(term, found)?;
                return Ok(None);
            }
            (Looks::Term(term), Some(few)) => {
                self.add_listed_of(term, few, found)?;
                return Ok(None);
            }
            (Looks::Any(terms), _) => {
                let mut all = self.none();
                for term in terms {
                    self.add_listed(term, &mut all)?;
                }
                Arc::new(all)
            }
            (Looks::Row(terms), few) => {
                let is_dear = self.rarest(terms)? >= self.kept.from_rows;
                let key = is_dear.then(|| self.key(&way.looks_for));
                match key.as_ref().and_then(|key| self.kept.find(key)) {
                    Some(all) => all,
                    None if is_dear && few.is_none() => {
                        let mut all = self.none();
                        self.add_row(terms, None, &mut all)?;
                        self.keep(key, all)
                    }
                    None => {
                        self.add_row(terms, few, found)?;
                        return Ok(None);
                    }
                }
            }
            (Looks::Between(from, behind), _) => {
                let key = self.key(&way.looks_for);
                match self.kept.find(&key) {
                    Some(all) => all,
                    None => {
                        let mut all = self.none();
                        let listed = self.add_between(from, behind.as_ref(), &mut all)?;
                        self.keep((listed >= self.kept.from_listed).then_some(key), all)
                    }
                }
            }
        };
        found.add_all(&all);
        Ok(Some(all))
    }

    fn keep(&self, key: Option<Key>, all: Slots) -> Arc<Slots> {
        let all = Arc::new(all);
        if let Some(key) = key {
            self.kept.keep(key, all.clone());
        }
        all
    }

    fn key(&self, looks_for: &Looks) -> Key {
        (self.segment.segment_id(), looks_for.to_bytes())
    }

    /// More for what takes longer, to be compared with that of other pieces.
    fn cost(&self, ways: &[Way]) -> Result<u64, SearchError> {
        let mut cost = 0;
        for way in ways {
            cost += u64::from(match &way.looks_for {
                Looks::Term(term) => self.frequency(term)?,
                Looks::Row(terms) => self.rarest(terms)?,
                Looks::Any(_) => self.segment.max_doc() / 4,
                Looks::Between(..) => self.segment.max_doc(),
            });
        }
        Ok(cost)
    }

    fn frequency(&self, term: &Term) -> Result<u32, SearchError> {
        let index = self
            .segment
            .inverted_index(term.field())
            .map_err(while_doing(DOING))?;
        index.doc_freq(term).map_err(while_on_disk(DOING))
    }

    /// How many documents have the rarest of these terms.
    fn rarest(&self, terms: &[(usize, Term)]) -> Result<u32, SearchError> {
        let mut rarest = u32::MAX;
        for (_, term) in terms {
            rarest = rarest.min(self.frequency(term)?);
        }
        Ok(rarest)
    }

    /// Adds all documents in a term's list.
    fn add_listed(&self, term: &Term, found: &mut Slots) -> Result<(), SearchError> {
        let index = self
            .segment
            .inverted_index(term.field())
            .map_err(while_doing(DOING))?;
        let postings = index.read_block_postings(term, IndexRecordOption::Basic);
        if let Some(mut postings) = postings.map_err(while_on_disk(DOING))? {
            add_blocks(&mut postings, found);
        }
        Ok(())
    }

    /// Adds those of a few documents that are in a term's list.
    fn add_listed_of(
        &self,
        term: &Term,
        few: &Slots,
        found: &mut Slots,
    ) -> Result<(), SearchError> {
        let Some(mut postings) = self.postings(term, IndexRecordOption::Basic)? else {
            return Ok(());
        };
        for document in few.iter() {
            if postings.doc() <= document && postings.seek(document) == document {
                found.insert(document);
            }
        }
        Ok(())
    }

    /// Adds all documents in the lists of the terms from one to another; returns how many times.
    fn add_between(
        &self,
        from: &Term,
        behind: Option<&Term>,
        found: &mut Slots,
    ) -> Result<usize, SearchError> {
        let index = self
            .segment
            .inverted_index(from.field())
            .map_err(while_doing(DOING))?;
        let mut range = index.terms().range().ge(from.serialized_value_bytes());
        if let Some(behind) = behind {
            range = range.lt(behind.serialized_value_bytes());
        }
        let mut terms = range.into_stream().map_err(while_on_disk(DOING))?;
        let mut listed = 0;
        while terms.advance() {
            let postings =
                index.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic);
            add_blocks(&mut postings.map_err(while_on_disk(DOING))?, found);
            listed += terms.value().doc_freq as usize;
        }
        Ok(listed)
    }

    /// Adds the documents that have terms at fixed distances; of a few, where they are given.
    fn add_row(
        &self,
        terms: &[(usize, Term)],
        few: Option<&Slots>,
        found: &mut Slots,
    ) -> Result<(), SearchError> {
        let last = terms.iter().map(|(at, _)| *at).max().unwrap_or(0);
        let mut lists = Vec::with_capacity(terms.len());
        for (at, term) in terms {
            let postings = self.postings(term, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(postings) = postings else {
                return Ok(());
            };
            let to_last = u32::try_from(last - at).unwrap_or(u32::MAX);
            lists.push((postings, to_last));
        }
        lists.sort_by_key(|(postings, _)| postings.doc_freq());
        let Some(((rarest, to_last), others)) = lists.split_first_mut() else {
            return Ok(());
        };
        let (mut ends, mut other_ends) = (Vec::new(), Vec::new());
        let mut document = rarest.doc();
        'documents: while document != TERMINATED {
            let is_known = found.has(document) || few.is_some_and(|few| !few.has(document));
            if is_known {
                document = rarest.advance();
                continue;
            }
            for (postings, _) in &mut *others {
                // At first it may be further on.
                let at = if postings.doc() < document {
                    postings.seek(document)
                } else {
                    postings.doc()
                };
                if at != document {
                    document = rarest.seek(at);
                    continue 'documents;
                }
            }
            rarest.positions_with_offset(*to_last, &mut ends);
            for (postings, to_last) in &mut *others {
                postings.positions_with_offset(*to_last, &mut other_ends);
                keep_common(&mut ends, &other_ends);
                if ends.is_empty() {
                    break;
                }
            }
            if !ends.is_empty() {
                found.insert(document);
            }
            document = rarest.advance();
        }
        Ok(())
    }

    fn postings(
        &self,
        term: &Term,
        option: IndexRecordOption,
    ) -> Result<Option<SegmentPostings>, SearchError> {
        let index = self
            .segment
            .inverted_index(term.field())
            .map_err(while_doing(DOING))?;
        index
            .read_postings(term, option)
            .map_err(while_on_disk(DOING))
    }
}

fn add_blocks(postings: &mut BlockSegmentPostings, found: &mut Slots) {
    while !postings.docs().is_empty() {
        let documents = postings.docs().iter();
        documents.for_each(|document| found.insert(*document));
        postings.advance();
    }
}

/// Keeps the numbers that another list has too. Both are sorted.
fn keep_common(numbers: &mut Vec<u32>, others: &[u32]) {
    let mut others = others.iter().peekable();
    numbers.retain(|number| {
        while others.next_if(|other| *other < number).is_some() {}
        others.peek() == Some(&number)
    });
}
