//! Moving a whole shop from one storage to another, page by page.
//!
//! The same code serves every pair of engines: it walks through the source by [`Storage::export`]
//! and writes each page by one [`Restore`], whose transaction also notes how far it has come. So
//! it may be killed at any moment and goes on where it stopped. Memory holds two pages.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use domain::migration::{EndMigrationRefusal, RestoreRefusal};
use domain::{
    BookText, Change, EndMigration, Operation, Picture, Refused, Request, Restore, SourceMark,
};
use tokio::time::{Instant, sleep};

use crate::error::{ErrorKind, StorageError};
use crate::export::{ExportCursor, ExportLimit, ExportPage, Section};
use crate::port::{Outcome, Storage, run};

/// What one transaction moves: enough to make its commit cheap, little enough to be over soon.
pub const PAGE_LIMIT: ExportLimit = ExportLimit {
    rows: 2_000,
    bytes: 4 << 20,
};

/// For how long a transaction that certainly did not happen is tried again. A migration that was
/// killed leaves one open in MongoDB, which an engine takes for abandoned after some seconds; and
/// an election is over sooner than this.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause before each further attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a shop can't be moved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MigrationError {
    /// The source is the destination of another migration.
    #[error(
        "the shop to be moved is not whole: it is being moved there itself; hint: finish that \
         first, by the same `bookstore migrate` once more"
    )]
    SourceUnfinished,
    /// The destination is not empty.
    #[error(
        "the destination holds a shop already; hint: name an empty place, or empty this one \
         yourself"
    )]
    DestinationInUse,
    /// The destination holds a part of another shop, or of the same from another place.
    #[error(
        "a shop from another place is being moved to the destination; hint: name the same source \
         as then, or an empty destination"
    )]
    OtherSource,
    /// The destination notes a place that the source does not know.
    #[error("the destination's note of how far the shop has moved can't be read: `{0}`")]
    UnknownPlace(Arc<str>),
    /// Somebody else wrote to the destination.
    #[error(
        "somebody else writes to the destination: {0}; hint: see to it that nobody does, empty it, \
         and begin anew"
    )]
    Disturbed(String),
    /// A storage did not work.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A shop on its way.
pub struct Move<'a> {
    source: &'a dyn Storage,
    destination: &'a dyn Storage,
    mark: SourceMark,
    /// Up to where it has moved; `None`: nothing of it.
    reached: Option<ExportCursor>,
    rows_moved: u64,
    rows_expected: u64,
    /// The page behind that, where it is at hand already.
    page: Option<ExportPage>,
    limit: ExportLimit,
}

impl<'a> Move<'a> {
    /// Gets ready to move the shop, or to go on with it. The destination keeps the same secret
    /// from here on, so that tokens stay good.
    ///
    /// `place` names where the source is: the same text each time. `candidate` becomes the
    /// source's secret if it never had one.
    ///
    /// # Errors
    /// [`MigrationError`] says why it can't be moved there.
    pub async fn begin(
        source: &'a dyn Storage,
        destination: &'a dyn Storage,
        place: &str,
        candidate: [u8; 32],
        limit: ExportLimit,
    ) -> Result<Self, MigrationError> {
        if source.find_migration().await?.is_some() {
            return Err(MigrationError::SourceUnfinished);
        }
        let begun = destination.find_migration().await?;
        if begun.is_none() && !is_empty(destination).await? {
            return Err(MigrationError::DestinationInUse);
        }
        let secret = source.secret(candidate).await?;
        let mark = SourceMark::new(&secret, place);
        if begun.as_ref().is_some_and(|begun| begun.source != mark) {
            return Err(MigrationError::OtherSource);
        }
        if destination.secret(secret).await? != secret {
            return Err(MigrationError::DestinationInUse);
        }
        let reached = match &begun {
            Some(begun) => Some(
                ExportCursor::parse(&begun.reached)
                    .ok_or_else(|| MigrationError::UnknownPlace(begun.reached.clone()))?,
            ),
            None => None,
        };
        let rows_moved = begun.map_or(0, |begun| u64::try_from(begun.rows).unwrap_or(0));
        let page = source.export(reached.clone(), limit).await?;
        let rows_expected = page.rows_expected;
        let page = Some(page);
        Ok(Self {
            source,
            destination,
            mark,
            reached,
            rows_moved,
            rows_expected,
            page,
            limit,
        })
    }

    /// How many rows have moved, those of earlier attempts too.
    #[must_use]
    pub fn rows_moved(&self) -> u64 {
        self.rows_moved
    }

    /// How many there will be, roughly.
    #[must_use]
    pub fn rows_expected(&self) -> u64 {
        self.rows_expected.max(self.rows_moved)
    }

    /// Moves one page, durably. False: all of them have moved.
    ///
    /// # Errors
    /// [`MigrationError`]; whether the page was written then, the next attempt finds out.
    pub async fn step(&mut self) -> Result<bool, MigrationError> {
        let Some(page) = self.page.take() else {
            return Ok(false);
        };
        if page.changes.is_empty() && page.is_last && self.reached.is_some() {
            return Ok(false);
        }
        let rows = page.changes.len() as u64;
        let restore = Restore {
            source: self.mark,
            after: self.reached.as_ref().map(|place| place.to_string().into()),
            changes: page.changes,
            reached: page.end.to_string().into(),
        };
        let writing = run_patiently(self.destination, restore);
        // The next page is read while this one is written.
        let (written, next) = if page.is_last {
            (writing.await, None)
        } else {
            let reading = self.source.export(Some(page.end.clone()), self.limit);
            let (written, next) = tokio::join!(writing, reading);
            (written, Some(next))
        };
        match written? {
            Ok(_) => {}
            Err(Refused::Rule(RestoreRefusal::OtherSource)) => {
                return Err(MigrationError::OtherSource);
            }
            Err(refused) => return Err(MigrationError::Disturbed(format!("{refused:?}"))),
        }
        self.rows_moved += rows;
        self.reached = Some(page.end);
        self.page = next.transpose()?;
        if let Some(page) = &self.page {
            self.rows_expected = page.rows_expected;
        }
        Ok(self.page.is_some())
    }

    /// Makes the destination a shop like any other, once all has moved and was found to be right.
    ///
    /// # Errors
    /// [`MigrationError`]
    ///
    /// # Panics
    /// If there is more to move.
    pub async fn end(self) -> Result<(), MigrationError> {
        assert!(
            self.page.is_none(),
            "a shop is whole once all its pages have moved"
        );
        let operation = EndMigration { source: self.mark };
        match run_patiently(self.destination, operation).await? {
            Ok(_) => Ok(()),
            Err(Refused::Rule(EndMigrationRefusal::NotMoving)) => Err(MigrationError::OtherSource),
            Err(refused) => Err(MigrationError::Disturbed(format!("{refused:?}"))),
        }
    }
}

/// Runs an operation, and again where others were in the way of it or the storage was away.
async fn run_patiently<O>(storage: &dyn Storage, operation: O) -> Result<Outcome<O>, StorageError>
where
    O: Operation + Clone + Send + 'static,
    O::Done: Send,
    O::Refusal: Send,
{
    let until = Instant::now() + PATIENCE;
    loop {
        let ran = run(storage, Request::unproved(operation.clone())).await;
        match &ran {
            Err(error) if is_passing(error) && Instant::now() < until => sleep(PAUSE).await,
            _ => return ran,
        }
    }
}

/// Whether nothing happened, and another attempt can help.
fn is_passing(error: &StorageError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Overloaded
    )
}

async fn is_empty(storage: &dyn Storage) -> Result<bool, StorageError> {
    let page = storage
        .export(None, ExportLimit { rows: 1, bytes: 1 })
        .await?;
    Ok(page.changes.is_empty())
}

/// What the rows of one section come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SectionTotal {
    /// How many there are.
    pub rows: u64,
    /// A sum over all they say, in whatever order they came. To be compared within one process.
    pub content: u64,
}

/// A number that differs wherever two rows of one section do, as good as always.
fn digest(change: &Change) -> u64 {
    let mut hasher = DefaultHasher::new();
    match change {
        Change::Account(row) => row.hash(&mut hasher),
        Change::Terminal(key, row) => (key, row).hash(&mut hasher),
        Change::Store(row) => row.hash(&mut hasher),
        Change::Listing(row) => row.hash(&mut hasher),
        Change::Order(row) => row.hash(&mut hasher),
        // These are named by what they say; who reads them sees to that.
        Change::Text(row) => BookText::hash(row).hash(&mut hasher),
        Change::Picture(row) => Picture::hash(row).hash(&mut hasher),
        Change::Transfer(row) => row.hash(&mut hasher),
        Change::Kept(key, row) => (key, row).hash(&mut hasher),
        Change::FreeAccount(_) | Change::Migration(_) => {}
    }
    hasher.finish()
}

/// What everything stored comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// One for each of [`Section::ALL`], in that order.
    pub sections: [SectionTotal; Section::ALL.len()],
    /// The balances of all accounts, in fen.
    pub balance_fen: i128,
    /// What of that is held.
    pub held_fen: i128,
}

impl Totals {
    /// Walks through everything stored. `progress` is told of the rows of each page.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn add_up(
        storage: &dyn Storage,
        limit: ExportLimit,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, StorageError> {
        let mut totals = Self::default();
        let mut after = None;
        loop {
            let page = storage.export(after, limit).await?;
            page.changes.iter().for_each(|change| totals.add(change));
            progress(page.changes.len() as u64);
            if page.is_last {
                return Ok(totals);
            }
            after = Some(page.end);
        }
    }

    fn add(&mut self, change: &Change) {
        if let Change::Account(account) = change {
            self.balance_fen += i128::from(account.balance.get());
            self.held_fen += i128::from(account.held.get());
        }
        let Some(section) = Section::of(change) else {
            return;
        };
        let total = &mut self.sections[section as usize];
        total.rows += 1;
        total.content = total.content.wrapping_add(digest(change));
    }

    /// Each section with what it comes to.
    pub fn by_section(&self) -> impl Iterator<Item = (Section, SectionTotal)> + '_ {
        Section::ALL.into_iter().zip(self.sections)
    }
}
