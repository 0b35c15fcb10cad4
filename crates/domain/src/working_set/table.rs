//! The loaded rows of one kind.
//!
//! A table that outlives its batch forgets in two steps: [`Table::set_aside`] puts away all rows,
//! [`Table::recall`] takes one back that is wanted again, and what nobody has wanted by the next
//! time is dropped. So the rows that are wanted most stay, at the cost of one look.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::Hash;
use std::sync::Arc;

use crate::account::{Account, Obligations};
use crate::book::{BookText, Picture};
use crate::idempotency::KeptAnswer;
use crate::listing::Listing;
use crate::migration::Migration;
use crate::order::Order;
use crate::store::Store;
use crate::terminal::Terminal;

/// How much room a row takes, in rows of the usual size.
pub trait Weigh {
    /// Its weight.
    fn weight(&self) -> usize {
        1
    }
}

impl Weigh for Account {}
impl Weigh for Terminal {}
impl Weigh for Store {}
impl Weigh for Listing {}
impl Weigh for Arc<BookText> {}
impl Weigh for Arc<Picture> {}
impl Weigh for KeptAnswer {}
impl Weigh for Obligations {}
impl Weigh for Migration {}

impl Weigh for Arc<Order> {
    fn weight(&self) -> usize {
        1 + self.lines.len()
    }
}

/// One row of a [`Table`]: as the engine has it, and as the operations left it.
#[derive(Debug, Clone)]
pub struct Entry<V> {
    saved: Option<V>,
    current: Option<V>,
    is_changed: bool,
    /// The engine's own number of the row, kept here for it and read by no rule. 0: none yet.
    pub handle: i64,
}

impl<V> Entry<V> {
    /// The row as the engine has it; `None` where it has none.
    #[must_use]
    pub fn saved(&self) -> Option<&V> {
        self.saved.as_ref()
    }

    /// The row as it is to be; `None` where it is to be absent.
    #[must_use]
    pub fn current(&self) -> Option<&V> {
        self.current.as_ref()
    }
}

/// The loaded rows of one kind, and which of them were changed since they were last saved.
#[derive(Debug)]
pub struct Table<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Rows that rules don't see until they are recalled, as they were last saved.
    aside: HashMap<K, Entry<V>>,
    /// What `entries` weigh.
    weight: usize,
    changed: Vec<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            aside: HashMap::new(),
            weight: 0,
            changed: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone + Weigh> Table<K, V> {
    /// Whether the row, or its absence, is known.
    #[must_use]
    pub fn is_loaded(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// The entry, where the row or its absence is known.
    #[must_use]
    pub fn entry(&self, key: &K) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// The current row. Outer `None`: not loaded; inner `None`: there is no such row.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Option<&V>> {
        self.entries.get(key).map(|entry| entry.current.as_ref())
    }

    /// Whether the row, or its absence, is known, or known again after it was set aside.
    pub(super) fn recall(&mut self, key: &K) -> bool {
        if self.entries.contains_key(key) {
            return true;
        }
        let Some((key, entry)) = self.aside.remove_entry(key) else {
            return false;
        };
        self.weight += weight(entry.current());
        self.entries.insert(key, entry);
        true
    }

    /// Takes a row, or its absence, as the engine has it. A row already loaded stays as it is.
    pub fn load(&mut self, key: K, row: Option<V>, handle: i64) {
        if let hash_map::Entry::Vacant(vacant) = self.entries.entry(key) {
            self.weight += weight(row.as_ref());
            vacant.insert(Entry {
                saved: row.clone(),
                current: row,
                is_changed: false,
                handle,
            });
        }
    }

    /// Sets how the row is to be.
    ///
    /// # Panics
    /// If the row was never loaded: a rule writes only what it has read.
    pub(super) fn put(&mut self, key: K, row: Option<V>) {
        let entry = self
            .entries
            .get_mut(&key)
            .expect("a rule writes only rows it has read");
        self.weight += weight(row.as_ref());
        self.weight -= weight(entry.current.as_ref());
        entry.current = row;
        if !entry.is_changed {
            entry.is_changed = true;
            self.changed.push(key);
        }
    }

    /// Sets how a row is to be that no rule reads, or that is known to be new.
    pub(super) fn put_unread(&mut self, key: K, row: V) {
        self.load(key.clone(), None, 0);
        self.put(key, Some(row));
    }

    /// Whether anything is to be saved.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The keys of changed rows, in the order in which they were first changed.
    #[must_use]
    pub fn changed_keys(&self) -> &[K] {
        &self.changed
    }

    /// The changed rows, in the order in which they were first changed.
    pub fn changed(&self) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.changed.iter().map(|key| (key, &self.entries[key]))
    }

    /// Gives a row the engine's number for it.
    pub fn set_handle(&mut self, key: &K, handle: i64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.handle = handle;
        }
    }

    /// The engine's number of a row; `None` where it has none yet.
    #[must_use]
    pub fn handle(&self, key: &K) -> Option<i64> {
        self.entries
            .get(key)
            .map(|entry| entry.handle)
            .filter(|handle| *handle != 0)
    }

    /// Notes that all changes are saved.
    pub(super) fn mark_saved(&mut self) {
        for key in self.changed.drain(..) {
            let entry = self
                .entries
                .get_mut(&key)
                .expect("a changed row is an entry");
            entry.saved.clone_from(&entry.current);
            entry.is_changed = false;
        }
    }

    /// Forgets what was set aside before, and sets aside all rows. All changes are saved.
    pub(super) fn set_aside(&mut self) {
        assert!(
            self.changed.is_empty(),
            "what is not saved is not forgotten"
        );
        self.aside = std::mem::take(&mut self.entries);
        self.weight = 0;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What the rows weigh that were not set aside. An absence weighs as much as a row of the
    /// usual size.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

fn weight<V: Weigh>(row: Option<&V>) -> usize {
    row.map_or(1, Weigh::weight)
}
