//! What search keeps in memory, counted: all of it grows with the shop and with nothing else, but for
//! what common searches found, which has a bound.

use std::mem::size_of;

use crate::state::State;

/// What an allocator hands out for so many bytes, more or less.
pub(crate) fn heap(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

/// The same for the text behind an `Arc`, which has two counters.
pub(crate) fn shared_text(text: &str) -> usize {
    heap(2 * size_of::<usize>() + text.len())
}

/// A hash map's table: a control byte for each place, and never more than seven eighths full.
pub(crate) fn table<K, V>(capacity: usize) -> usize {
    (capacity * 8 / 7).next_power_of_two() * (size_of::<(K, V)>() + 1)
}

impl State {
    /// The parts and their bytes, as near as can be told without asking the allocator.
    pub fn memory(&self) -> Vec<(&'static str, usize)> {
        let Self {
            snapshot,
            columns,
            words,
        } = self;
        let mut parts = columns.memory();
        parts.push(("words", words.memory()));
        parts.push(("slots of the index's documents", snapshot.memory()));
        parts.push(("what common searches found", snapshot.kept.memory()));
        parts
    }
}
