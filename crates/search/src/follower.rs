//! The follower: fills index and columns from storage, then follows the feed. One thread, the only
//! writer of both.
//!
//! It goes by state: an event only names what to read again, so events may repeat, merge and
//! come late. What it has read is committed to the index first, and becomes visible, index and
//! columns at once, when that is durable. After a crash the index is compared with all that is for
//! sale; the columns are filled anew.

mod fill;
mod folders;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{Listing, ListingKey, StoreId};
use storage::{Feed, FeedChange, FeedPosition, Storage};
use tokio::runtime::Handle;
use tracing::{error, info, warn};

use crate::columns::{Changes, Columns, Offered};
use crate::error::{ErrorKind, SearchError, while_reading};
use crate::index::{Index, Words};
use crate::shared::Shared;
use crate::state::State;

pub use fill::Progress;

/// How many changes are taken at once: they share a commit.
pub const BATCH_MAX_CHANGES: u32 = 1_000;
/// How many texts are read at once, so that long ones don't fill the memory.
const TEXTS_AT_ONCE: usize = 100;
/// How long the follower waits after a failure.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How search is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the index is kept. Nobody else writes there.
    pub folder: PathBuf,
    /// How often the feed is looked at: what is added becomes visible after this and a commit.
    pub poll_every: Duration,
    /// How much memory the writing of the index takes, in bytes: 15 MB or more.
    pub writer_memory_bytes: usize,
}

impl Settings {
    /// With what suits most: a look every 200 ms, 50 MB.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            poll_every: Duration::from_millis(200),
            writer_memory_bytes: 50_000_000,
        }
    }
}

/// Why the follower left its work.
enum Left {
    Stopped,
    Failed(SearchError),
}

impl From<SearchError> for Left {
    fn from(error: SearchError) -> Self {
        Self::Failed(error)
    }
}

pub(crate) struct Follower {
    pub storage: Arc<dyn Storage>,
    pub settings: Settings,
    pub shared: Arc<Shared>,
    /// Drives storage's answers.
    pub runtime: Handle,
}

impl Follower {
    /// Works until it is told to stop.
    pub fn run(self) {
        crate::plan::read_dictionary();
        loop {
            match self.work() {
                Err(Left::Stopped) => return,
                Err(Left::Failed(error)) => {
                    error!(
                        error = &error as &dyn std::error::Error,
                        "search can't follow, and begins anew"
                    );
                }
                Ok(never) => match never {},
            }
            if self.shared.wait(RETRY_AFTER) {
                return;
            }
        }
    }

    fn work(&self) -> Result<std::convert::Infallible, Left> {
        let folder = folders::current(&self.settings.folder)?;
        let mut index = Index::open(&folder, self.settings.writer_memory_bytes)?;
        let mut position = self.fill_retrying(&mut index)?;
        loop {
            if self.shared.is_stopped() {
                return Err(Left::Stopped);
            }
            if self.shared.take_reindex() {
                (index, position) = self.reindex(&index)?;
            }
            match self.read_feed(&position) {
                Ok(Feed::Changes { changes, end }) => {
                    let is_more = changes.len() >= BATCH_MAX_CHANGES as usize;
                    match self.follow(&mut index, changes, &end) {
                        Ok(()) => position = end,
                        Err(error) if error.is_of_storage() => self.complain(&error)?,
                        Err(error) => return Err(error.into()),
                    }
                    if !is_more && self.shared.wait(self.settings.poll_every) {
                        return Err(Left::Stopped);
                    }
                }
                Ok(Feed::Lost) => {
                    warn!("the change feed begins behind what search has seen; reading everything");
                    position = self.fill_retrying(&mut index)?;
                }
                Err(error) => self.complain(&error)?,
            }
        }
    }

    /// Tells of a failure of storage, and waits a little.
    fn complain(&self, error: &SearchError) -> Result<(), Left> {
        warn!(
            error = error as &dyn std::error::Error,
            "search can't read storage, and tries again"
        );
        if self.shared.wait(RETRY_AFTER) {
            return Err(Left::Stopped);
        }
        Ok(())
    }

    /// Fills an index and columns from all there is, however often storage fails, and shows them.
    fn fill_retrying(&self, index: &mut Index) -> Result<FeedPosition, Left> {
        loop {
            match self.fill(index) {
                Ok(Some((columns, position))) => {
                    self.show_all(index, columns)?;
                    return Ok(position);
                }
                Ok(None) => return Err(Left::Stopped),
                Err(error) if error.is_of_storage() => self.complain(&error)?,
                Err(error) => {
                    if error.kind() == ErrorKind::Corrupt {
                        folders::spoil(index.folder())?;
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// Builds a new index beside the old one, which answers meanwhile.
    fn reindex(&self, old: &Index) -> Result<(Index, FeedPosition), Left> {
        let folder = folders::next(&self.settings.folder, old.folder())?;
        let mut index = Index::open(&folder, self.settings.writer_memory_bytes)?;
        let position = self.fill_retrying(&mut index)?;
        // Only now is the old one no more needed, whatever happens.
        folders::remove(old.folder())?;
        info!("search is indexed anew");
        Ok((index, position))
    }

    /// Makes a new index and its columns what is searched.
    fn show_all(&self, index: &Index, columns: Columns) -> Result<(), SearchError> {
        let snapshot = index.snapshot(None)?;
        let mut words = Words::default();
        let new = snapshot.new_words(None)?;
        words.add(new.iter().map(|(word, fields)| (word.as_str(), *fields)));
        self.shared.show(State {
            snapshot,
            columns,
            words,
        });
        Ok(())
    }

    fn read_feed(&self, position: &FeedPosition) -> Result<Feed, SearchError> {
        let reading = self.storage.follow(position.clone(), BATCH_MAX_CHANGES);
        self.runtime
            .block_on(reading)
            .map_err(while_reading("following the feed"))
    }

    /// Takes up a batch of changes, and shows them.
    fn follow(
        &self,
        index: &mut Index,
        changes: Vec<FeedChange>,
        end: &FeedPosition,
    ) -> Result<(), SearchError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut keys = HashSet::new();
        let mut closed = HashSet::new();
        for change in changes {
            match change {
                FeedChange::Listing(key) => drop(keys.insert(key)),
                FeedChange::Store(store) => drop(closed.insert(store)),
            }
        }
        let (listings, closed) = self.runtime.block_on(self.read_listings(keys, closed))?;
        // The columns change through this thread alone, so they stay as they were planned on.
        let mut changes = self
            .shared
            .with(|state| Changes::plan(&state.columns, listings, closed));
        self.runtime.block_on(self.read_texts(&mut changes))?;
        let snapshot = if changes.touch_index() {
            for slot in &changes.gone {
                index.delete(*slot);
            }
            for document in &changes.new {
                if let Some(text) = &document.text {
                    index.add(document.slot, &document.book, text)?;
                    self.shared.count(|progress| progress.documents += 1);
                }
            }
            self.shared.crash_point("before the commit")?;
            index.commit(end)?;
            self.shared.crash_point("behind the commit")?;
            let before = self.shared.with(|state| state.snapshot.clone());
            let snapshot = index.snapshot(Some(&before))?;
            let words = snapshot.new_words(Some(&before))?;
            Some((snapshot, words))
        } else {
            None
        };
        self.shared.change(|state| {
            state.columns.apply(changes);
            if let Some((snapshot, words)) = snapshot {
                state
                    .words
                    .add(words.iter().map(|(word, fields)| (word.as_str(), *fields)));
                state.snapshot = snapshot;
            }
        });
        Ok(())
    }

    /// What these listings are now, and which of the stores concerned are closed.
    async fn read_listings(
        &self,
        keys: HashSet<ListingKey>,
        named: HashSet<StoreId>,
    ) -> Result<(Vec<(ListingKey, Option<Offered>)>, Vec<StoreId>), SearchError> {
        let mut unknown = named;
        let is_open = |store: &StoreId| {
            self.shared.with(|state| {
                let number = state.columns.store_number(store)?;
                Some(state.columns.store(number).is_open)
            })
        };
        let mut closed = Vec::new();
        for key in &keys {
            match is_open(&key.store) {
                Some(true) => {}
                Some(false) => closed.push(key.store.clone()),
                None => drop(unknown.insert(key.store.clone())),
            }
        }
        for store in unknown {
            let found = self.storage.find_store(&store).await;
            let found = found.map_err(while_reading("reading a store"))?;
            if found.is_none_or(|found| !found.is_open) {
                closed.push(store);
            }
        }
        closed.sort_unstable();
        closed.dedup();
        let mut listings: Vec<(ListingKey, Option<Offered>)> =
            keys.iter().map(|key| (key.clone(), None)).collect();
        listings.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        for chunk in listings.chunks_mut(storage::BULK_MAX_ROWS) {
            let keys = chunk.iter().map(|(key, _)| key.clone()).collect();
            let found = self.storage.find_listings(keys).await;
            for listing in found.map_err(while_reading("reading listings"))? {
                let at = chunk.binary_search_by(|(key, _)| key.cmp(&listing.key));
                if let Ok(at) = at {
                    chunk[at].1 = offered(&listing);
                }
            }
        }
        Ok((listings, closed))
    }

    async fn read_texts(&self, changes: &mut Changes) -> Result<(), SearchError> {
        for chunk in changes.new.chunks_mut(TEXTS_AT_ONCE) {
            let hashes: HashSet<_> = chunk.iter().map(|document| document.hash).collect();
            let texts = self.storage.find_texts(hashes.into_iter().collect()).await;
            for text in texts.map_err(while_reading("reading texts"))? {
                let lacking = chunk
                    .iter_mut()
                    .filter(|document| document.hash == text.hash());
                lacking.for_each(|document| document.text = Some(text.clone()));
            }
        }
        Ok(())
    }
}

/// What a listing offers; `None` while it is off the shelves.
fn offered(listing: &Listing) -> Option<Offered> {
    let details = &listing.details;
    details.is_listed.then(|| Offered {
        text: details.text,
        price: listing.price,
        in_stock: listing.stock.get() > 0,
        listed_at: details.listed_at,
        picture: details.pictures.first().copied(),
    })
}

#[cfg(test)]
mod tests;
