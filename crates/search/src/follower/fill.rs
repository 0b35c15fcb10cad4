//! Filling index and columns from all that storage has.

use std::collections::HashMap;

use domain::{Change, Listing, TextHash};
use storage::{ExportCursor, ExportLimit, ExportPage, FeedPosition, Section};

use super::{Follower, TEXTS_AT_ONCE, offered};
use crate::columns::{Columns, Offer};
use crate::error::{ErrorKind, SearchError, while_reading};
use crate::index::{Facts, Index};

/// How much is read at once.
const PAGE: ExportLimit = ExportLimit {
    rows: 10_000,
    bytes: 16 << 20,
};
/// After so many new documents the index is committed, so that a crash costs no more than them.
const COMMIT_EVERY_DOCUMENTS: u64 = 20_000;
/// A filling that wrote so many makes one segment of all.
const MERGE_FROM_DOCUMENTS: u64 = 5_000;

/// How far the filling has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Listings read by the last filling.
    pub listings: u64,
    /// Documents written into the index, since the process began; those of a filling that storage
    /// broke off too, though some are written again.
    pub documents: u64,
}

struct Filling<'a> {
    follower: &'a Follower,
    index: &'a mut Index,
    position: FeedPosition,
    columns: Columns,
    /// Documents that the index lacks, by their texts.
    lacking: HashMap<TextHash, Vec<u32>>,
    uncommitted: u64,
    written: u64,
}

impl Follower {
    /// Reads all stores and listings, and makes the index hold just what is for sale. `None`: it
    /// was told to stop.
    pub(super) fn fill(
        &self,
        index: &mut Index,
    ) -> Result<Option<(Columns, FeedPosition)>, SearchError> {
        let position = self
            .runtime
            .block_on(self.storage.feed_end())
            .map_err(while_reading("noting the feed's end"))?;
        let mut filling = Filling {
            follower: self,
            index,
            position,
            columns: Columns::default(),
            lacking: HashMap::new(),
            uncommitted: 0,
            written: 0,
        };
        self.shared.count(|progress| progress.listings = 0);
        // A try that storage broke off may have added documents, whose slots are given again.
        filling.index.roll_back()?;
        filling.index.stop_merging();
        filling.load_documents()?;
        for section in [Section::Stores, Section::Listings] {
            if !filling.walk(section)? {
                return Ok(None);
            }
        }
        filling.add_lacking()?;
        filling.finish().map(Some)
    }
}

impl Filling<'_> {
    /// Takes over what the index has from before.
    fn load_documents(&mut self) -> Result<(), SearchError> {
        let mut is_sound = true;
        let columns = &mut self.columns;
        self.index.read_all(|slot, stored| {
            is_sound &= columns.find(&stored.book, stored.text).is_none()
                && columns.load(slot, stored.book, stored.text)
                && columns.describe(slot, &stored.facts).is_some();
        })?;
        if is_sound {
            Ok(())
        } else {
            Err(SearchError::new(ErrorKind::Corrupt, "reading the index"))
        }
    }

    /// Reads a section; false where it was told to stop.
    fn walk(&mut self, section: Section) -> Result<bool, SearchError> {
        let mut after = ExportCursor::begin(section);
        loop {
            if self.follower.shared.is_stopped() {
                return Ok(false);
            }
            let reading = self.follower.storage.export(Some(after), PAGE);
            let reading = self.follower.runtime.block_on(reading);
            let ExportPage {
                changes,
                end,
                is_last,
                ..
            } = reading.map_err(while_reading("reading everything"))?;
            for change in changes {
                // A page goes on into the sections behind, which have walks of their own.
                match (section, change) {
                    (Section::Stores, Change::Store(store)) => {
                        self.columns.note_store(&store.id, store.is_open);
                    }
                    (Section::Listings, Change::Listing(listing)) => self.take(&listing)?,
                    _ => {}
                }
            }
            if is_last || end.section > section {
                return Ok(true);
            }
            after = end;
        }
    }

    fn take(&mut self, listing: &Listing) -> Result<(), SearchError> {
        self.follower
            .shared
            .count(|progress| progress.listings += 1);
        let Some(offered) = offered(listing) else {
            return Ok(());
        };
        let store = match self.columns.store_number(&listing.key.store) {
            Some(store) => store,
            None => self.ask_for_store(listing)?,
        };
        if !self.columns.store(store).is_open {
            return Ok(());
        }
        let book = &listing.key.book;
        let slot = match self.columns.find(book, offered.text) {
            Some(slot) => {
                self.columns.entitle(slot, &listing.details.title);
                slot
            }
            None => {
                let slot = u32::try_from(self.columns.slots()).unwrap_or(u32::MAX);
                self.columns.load(slot, book.clone(), offered.text);
                self.lacking.entry(offered.text).or_default().push(slot);
                slot
            }
        };
        self.columns.load_offer(slot, Offer::new(store, &offered));
        if self.lacking.len() >= TEXTS_AT_ONCE {
            self.add_lacking()?;
        }
        Ok(())
    }

    /// A store that was opened since the stores were read.
    fn ask_for_store(&mut self, listing: &Listing) -> Result<u32, SearchError> {
        let id = &listing.key.store;
        let reading = self.follower.storage.find_store(id);
        let found = self.follower.runtime.block_on(reading);
        let found = found.map_err(while_reading("reading a store"))?;
        let is_open = found.is_some_and(|store| store.is_open);
        Ok(self.columns.note_store(id, is_open))
    }

    /// Reads the texts of what is lacking and adds it to the index.
    fn add_lacking(&mut self) -> Result<(), SearchError> {
        let lacking = std::mem::take(&mut self.lacking);
        if lacking.is_empty() {
            return Ok(());
        }
        let hashes = lacking.keys().copied().collect();
        let reading = self.follower.storage.find_texts(hashes);
        let texts = self.follower.runtime.block_on(reading);
        for text in texts.map_err(while_reading("reading texts"))? {
            for slot in &lacking[&text.hash()] {
                let Some(book) = self.columns.describe(*slot, &Facts::of(text.fields())) else {
                    continue;
                };
                self.index.add(*slot, &book, &text)?;
                self.uncommitted += 1;
                self.written += 1;
                self.follower
                    .shared
                    .count(|progress| progress.documents += 1);
            }
        }
        // A text that is not there any more: its listing has another by now, and an event tells.
        for slot in lacking.into_values().flatten() {
            if !self.columns.is_described(slot) {
                self.columns.remove(slot);
            }
        }
        if self.uncommitted >= COMMIT_EVERY_DOCUMENTS {
            self.uncommitted = 0;
            self.index.commit(&self.position)?;
        }
        self.follower.shared.crash_point("while filling")
    }

    fn finish(mut self) -> Result<(Columns, FeedPosition), SearchError> {
        for slot in self.columns.finish() {
            self.index.delete(slot);
            self.columns.remove(slot);
        }
        self.index.commit(&self.position)?;
        // A few new ones are merged in time, and nobody waits for it.
        if self.written >= MERGE_FROM_DOCUMENTS {
            self.index.merge_all()?;
        }
        self.index.keep_merging();
        Ok((self.columns, self.position))
    }
}
