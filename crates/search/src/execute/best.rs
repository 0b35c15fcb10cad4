//! The first so many of all that are found.

use std::collections::BinaryHeap;

use tantivy::Score;

use crate::columns::Columns;

/// A document's place among those found; the smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    key: u64,
    /// The same for the same text wherever it is indexed.
    tie: u64,
    slot: u32,
}

/// The first so many of all that were offered to it.
pub(super) struct Best<'a> {
    columns: &'a Columns,
    /// The last one on top.
    heap: BinaryHeap<Rank>,
    room: usize,
}

impl<'a> Best<'a> {
    pub fn new(columns: &'a Columns, room: usize) -> Self {
        Self {
            columns,
            heap: BinaryHeap::with_capacity(room.min(columns.count()) + 1),
            room,
        }
    }

    /// Offers a document under what it is sorted by; the smaller comes first.
    pub fn offer(&mut self, key: u64, slot: u32) {
        let is_full = self.heap.len() >= self.room;
        if is_full && self.heap.peek().is_none_or(|last| last.key < key) {
            return;
        }
        let tie = self.columns.tie(slot);
        let rank = Rank { key, tie, slot };
        if !is_full {
            self.heap.push(rank);
        } else if let Some(mut last) = self.heap.peek_mut()
            && rank < *last
        {
            *last = rank;
        }
    }

    /// Offers a document under its score; the higher comes first.
    pub fn offer_scored(&mut self, score: Score, slot: u32) {
        self.offer(key_of(score), slot);
    }

    /// The score that another document must be above of. One that ties may still come before.
    pub fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(last) if self.heap.len() >= self.room => score_of(last.key).next_down(),
            _ => Score::MIN,
        }
    }

    /// Best first, without scores.
    pub fn into_sorted(self) -> Vec<(u32, Score)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|rank| (rank.slot, 0.0)).collect()
    }

    /// Best first.
    pub fn into_scored(self) -> Vec<(u32, Score)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|rank| (rank.slot, score_of(rank.key))).collect()
    }
}

/// Scores are never below 0, so their bits sort as they do.
fn key_of(score: Score) -> u64 {
    u64::from(u32::MAX - score.max(0.0).to_bits())
}

fn score_of(key: u64) -> Score {
    Score::from_bits(u32::MAX - u32::try_from(key).unwrap_or(u32::MAX))
}
