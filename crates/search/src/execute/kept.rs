//! Sets of documents that took long to find, kept for the next search that wants them.
//!
//! A segment of the index never changes, so what was found in it stays true: which of its documents
//! are deleted, and what the columns say of them, is looked at anew by each search.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::index::SegmentId;

use crate::slots::Slots;

/// How much is kept; what was not asked for the longest goes first.
const KEPT_MAX_BYTES: usize = 16 << 20;
/// What takes fewer steps is quickly found again.
const KEPT_FROM_ROWS: u32 = 8_192;
const KEPT_FROM_LISTED: usize = 200_000;
/// What an entry takes beside its set, more or less.
const ENTRY_BYTES: usize = 200;

/// A segment, and what was looked for in it.
pub(super) type Key = (SegmentId, Vec<u8>);

#[derive(Debug)]
struct Entry {
    documents: Arc<Slots>,
    asked_at: u64,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
    bytes: usize,
    /// How often was asked.
    time: u64,
}

/// The sets that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    entries: Mutex<Entries>,
    /// From so many documents on whose terms' positions were compared.
    pub(super) from_rows: u32,
    /// From so many documents on in terms' lists.
    pub(super) from_listed: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            from_rows: KEPT_FROM_ROWS,
            from_listed: KEPT_FROM_LISTED,
        }
    }
}

fn size(key: &Key, documents: &Slots) -> usize {
    ENTRY_BYTES + key.1.len() + documents.memory()
}

impl Kept {
    /// The same for what takes less long.
    #[cfg(test)]
    pub(super) fn from_steps(rows: u32, listed: usize) -> Self {
        Self {
            entries: Mutex::default(),
            from_rows: rows,
            from_listed: listed,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, key: &Key) -> Option<Arc<Slots>> {
        let mut entries = self.entries();
        entries.time += 1;
        let time = entries.time;
        let entry = entries.by_key.get_mut(key)?;
        entry.asked_at = time;
        Some(entry.documents.clone())
    }

    pub(super) fn keep(&self, key: Key, documents: Arc<Slots>) {
        let bytes = size(&key, &documents);
        if bytes > KEPT_MAX_BYTES {
            return;
        }
        let mut entries = self.entries();
        let asked_at = entries.time;
        let entry = Entry {
            documents,
            asked_at,
        };
        entries.bytes += bytes;
        if let Some(before) = entries.by_key.insert(key.clone(), entry) {
            entries.bytes -= size(&key, &before.documents);
        }
        while entries.bytes > KEPT_MAX_BYTES {
            entries.drop_oldest();
        }
    }

    /// Forgets what was found in other segments than these.
    pub fn retain(&self, segments: &HashSet<SegmentId>) {
        let mut entries = self.entries();
        let Entries { by_key, bytes, .. } = &mut *entries;
        by_key.retain(|key, entry| {
            let is_there = segments.contains(&key.0);
            if !is_there {
                *bytes -= size(key, &entry.documents);
            }
            is_there
        });
    }

    /// Its bytes.
    pub fn memory(&self) -> usize {
        self.entries().bytes
    }
}

impl Entries {
    fn drop_oldest(&mut self) {
        let oldest = self.by_key.iter().min_by_key(|(_, entry)| entry.asked_at);
        let Some(key) = oldest.map(|(key, _)| key.clone()) else {
            return;
        };
        if let Some(entry) = self.by_key.remove(&key) {
            self.bytes -= size(&key, &entry.documents);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let kept = Kept::default();
        let segment = SegmentId::generate_random();
        let key = |number: u8| (segment, vec![number]);
        let set = || Arc::new(Slots::none(KEPT_MAX_BYTES * 8 / 4));
        for number in 0..3 {
            kept.keep(key(number), set());
        }
        assert!(kept.find(&key(0)).is_some());
        // Put twice, it is counted once.
        kept.keep(key(2), set());
        kept.keep(key(3), set());
        assert!(kept.find(&key(1)).is_none());
        assert!(
            [0, 2, 3]
                .iter()
                .all(|number| kept.find(&key(*number)).is_some())
        );
        assert!(kept.memory() <= KEPT_MAX_BYTES);
        kept.keep(key(4), Arc::new(Slots::none(KEPT_MAX_BYTES * 8)));
        assert!(kept.find(&key(4)).is_none(), "too big for it");
        kept.retain(&HashSet::new());
        assert_eq!((kept.memory(), kept.find(&key(0))), (0, None));
    }
}
