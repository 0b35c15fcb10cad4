//! The embedded engine: the whole bookstore in one SQLite file.
//!
//! What lives here: the tables and their SQL, one file per noun; the thread that writes, in batches
//! that commit once; the one that brings its log to the disk, before which nobody is answered; the
//! threads that answer questions; the audit. What never does: a rule of the
//! shop, which `domain` has, or a second way to change anything.
//!
//! Read [`SqliteStorage`] first, then `schema`, then `writer` and `log`.

mod accounts;
mod audit;
mod books;
mod browse;
mod buckets;
mod columns;
mod error;
mod export;
mod feed;
mod idempotency;
mod ledger;
mod listings;
mod log;
mod migrations;
mod open;
mod options;
mod orders;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod power;
mod queue;
mod readers;
mod schema;
mod secrets;
mod stores;
mod terminals;
mod writer;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use domain::{
    Account, BookText, BucketKey, Clock, Listing, ListingKey, Migration, Order, OrderId, Picture,
    PictureHash, Pour, Store, StoreId, TerminalKey, TextHash, Timestamp, UserId,
};
use storage::{
    AuditReport, BULK_MAX_ROWS, DueOrder, ErrorKind, ExportCursor, ExportLimit, ExportPage, Feed,
    FeedPosition, Job, ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Session,
    Storage, StorageError,
};
use tokio::sync::{Mutex, oneshot};

use error::Stored;
use log::{Disk, Log};
use open::Files;
use readers::Readers;
use writer::{Started, Work, WorkQueue, Writer};

pub use error::OpenError;
pub use options::Options;

/// The bookstore's data in a directory of this machine.
///
/// Of the processes that use a directory one may write; others may read beside it.
pub struct SqliteStorage {
    files: Files,
    /// `None` where the data is only read.
    writer: Option<Arc<WorkQueue>>,
    readers: Readers,
    /// Tells an audit to stop.
    is_closing: Arc<AtomicBool>,
    is_auditing: Arc<AtomicBool>,
    /// What is to be waited for and let go of in the end; `None` once that was done.
    held: Mutex<Option<Held>>,
}

struct Held {
    threads: Vec<JoinHandle<()>>,
    /// Keeps other writing processes out.
    lock: Option<File>,
}

impl Held {
    /// Waits for the threads, which end once their queues are closed, then lets others in.
    fn let_go(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the storage engine had panicked");
            }
        }
        drop(self.lock);
    }
}

impl SqliteStorage {
    /// Opens the data for reading and writing, and makes it where there is none.
    ///
    /// # Errors
    /// [`OpenError`] says why it can't be used, and what can be done.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_on(options, clock, Arc::new(File::sync_data))
    }

    /// Opens the data where this brings the log to the disk.
    fn open_on(options: Options, clock: Arc<dyn Clock>, disk: Disk) -> Result<Self, OpenError> {
        let (files, lock) = open::take(&options)?;
        let Started {
            queue,
            log,
            threads,
        } = writer::start(files.clone(), clock, disk)?;
        match Self::start(files, &options, Some((queue.clone(), log))) {
            Ok(mut storage) => {
                let held = storage.held.get_mut().as_mut().expect("it is open");
                held.threads.extend(threads);
                held.lock = Some(lock);
                Ok(storage)
            }
            Err(error) => {
                queue.close();
                Held {
                    threads,
                    lock: Some(lock),
                }
                .let_go();
                Err(error)
            }
        }
    }

    /// Opens the data for reading, beside a process that may be writing it. Whatever would write is
    /// refused.
    ///
    /// # Errors
    /// [`OpenError`] says why it can't be used, and what can be done.
    pub fn open_read_only(options: Options) -> Result<Self, OpenError> {
        let files = open::find(&options)?;
        Self::start(files, &options, None)
    }

    fn start(
        files: Files,
        options: &Options,
        writer: Option<(Arc<WorkQueue>, Arc<Log>)>,
    ) -> Result<Self, OpenError> {
        let (writer, log) = writer.unzip();
        let (readers, threads) = Readers::start(&files, options.readers, log)?;
        Ok(Self {
            files,
            writer,
            readers,
            is_closing: Arc::default(),
            is_auditing: Arc::default(),
            held: Mutex::new(Some(Held {
                threads,
                lock: None,
            })),
        })
    }

    /// Queues something for the thread that writes.
    fn queue(&self, work: Work, doing: &'static str) -> Stored<()> {
        let Some(writer) = &self.writer else {
            return Err(StorageError::new(ErrorKind::Refused, doing));
        };
        writer
            .push(work)
            .map_err(|kind| StorageError::new(kind, doing))
    }

    /// Has the thread that writes do something between two batches.
    fn task<T: Send + 'static>(
        &self,
        doing: &'static str,
        task: impl FnOnce(&mut Writer) -> Stored<T> + Send + 'static,
    ) -> Reading<'static, T> {
        let (reply, answer) = oneshot::channel();
        let task = move |writer: &mut Writer| {
            let give = move |done| {
                // Whoever asked may have gone.
                drop(reply.send(done));
            };
            match task(writer) {
                Ok(done) => writer.when_durable(Box::new(move |is_durable| {
                    let unknown = || StorageError::new(ErrorKind::OutcomeUnknown, doing);
                    give(is_durable.then_some(done).ok_or_else(unknown));
                })),
                Err(error) => give(Err(error)),
            }
        };
        let queued = self.queue(Work::Task(Box::new(task)), doing);
        Box::pin(async move {
            queued?;
            answer
                .await
                .map_err(|_| StorageError::new(ErrorKind::OutcomeUnknown, doing))?
        })
    }

    /// Turns away what comes from now on.
    fn close_queues(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.readers.close();
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }
}

impl Storage for SqliteStorage {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        self.queue(Work::Job(job), "taking an operation")
    }

    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<Account>> {
        let user = user.clone();
        self.readers.ask("finding an account", move |connection| {
            Ok(accounts::find(connection, &user)?.map(|(_, account)| account))
        })
    }

    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        let terminal = terminal.clone();
        self.readers.ask("finding a session", move |connection| {
            accounts::find_session(connection, &terminal)
        })
    }

    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>> {
        let store = store.clone();
        self.readers.ask("finding a store", move |connection| {
            Ok(stores::find(connection, &store)?.map(|(_, store)| store))
        })
    }

    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        let key = listing.clone();
        self.readers.ask("finding a listing", move |connection| {
            let Some(store) = stores::find_number(connection, &key.store)? else {
                return Ok(None);
            };
            Ok(listings::find(connection, store, &key)?.map(|(_, listing)| listing))
        })
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        assert!(keys.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        self.readers.ask("finding listings", move |connection| {
            listings::find_all(connection, keys)
        })
    }

    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        assert!(hashes.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        self.readers.ask("finding texts", move |connection| {
            books::find_texts(connection, hashes)
        })
    }

    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        self.readers.ask("finding a picture", move |connection| {
            books::find_picture(connection, hash)
        })
    }

    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>> {
        self.readers.ask("finding an order", move |connection| {
            Ok(orders::find(connection, order)?.map(|(_, order)| order))
        })
    }

    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>> {
        self.readers.ask("listing orders", move |connection| {
            orders::list(connection, &query)
        })
    }

    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>> {
        self.readers.ask("listing stores", move |connection| {
            browse::list_stores(connection, after.as_ref(), limit)
        })
    }

    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>> {
        self.readers
            .ask("listing a seller's stores", move |connection| {
                browse::list_stores_of(connection, &owner, after.as_ref(), limit)
            })
    }

    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>> {
        self.readers.ask("listing listings", move |connection| {
            browse::list_listings(connection, &query)
        })
    }

    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>> {
        self.readers
            .ask("listing what was bought most", move |connection| {
                browse::list_most_bought(connection, limit)
            })
    }

    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>> {
        self.readers.ask("listing movements", move |connection| {
            browse::list_movements(connection, &query)
        })
    }

    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>> {
        self.readers.ask("listing deadlines", move |connection| {
            orders::list_due(connection, now, limit)
        })
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        self.readers
            .ask("finding the next deadline", orders::next_due)
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        self.task("finding the server's secret", move |writer| {
            writer.transact(|connection, _| secrets::find_or_keep(connection, candidate))
        })
    }

    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        self.task("pouring into buckets", move |writer| {
            writer.transact(|connection, _| buckets::pour(connection, &pours, now))
        })
    }

    fn find_bucket(&self, bucket: BucketKey) -> Reading<'_, Option<Timestamp>> {
        self.readers.ask("finding a bucket", move |connection| {
            buckets::find(connection, bucket)
        })
    }

    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64> {
        self.task("forgetting what has expired", move |writer| {
            writer.transact(|connection, rows| {
                let kept = idempotency::forget(connection, now, limit)?;
                let terminals = terminals::forget(connection, now, limit)?;
                let changes = feed::forget(connection, limit)?;
                if terminals > 0 {
                    // A row that is gone must not go on counting because it is remembered.
                    rows.terminals = Default::default();
                }
                let buckets = buckets::forget(connection, now, limit)?;
                Ok((kept + terminals + changes + buckets) as u64)
            })
        })
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        self.readers
            .ask("looking for a migration", migrations::find)
    }

    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        self.readers.ask("exporting", move |connection| {
            export::export(connection, after, limit)
        })
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        self.readers.ask("finding the feed's end", feed::end)
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        self.readers.ask("following the feed", move |connection| {
            feed::follow(connection, &after, limit)
        })
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        let log = self.readers.log.clone();
        audit::start(&self.files, log, &self.is_closing, &self.is_auditing)
    }

    fn close(&self) -> Reading<'_, ()> {
        self.close_queues();
        Box::pin(async {
            let mut held = self.held.lock().await;
            let Some(taken) = held.take() else {
                return Ok(());
            };
            let (reply, done) = oneshot::channel();
            // Joining blocks, which the caller's thread must not.
            std::thread::spawn(move || {
                taken.let_go();
                // Whoever closes may have gone.
                let _: Result<(), ()> = reply.send(());
            });
            let lost = |_| StorageError::new(ErrorKind::Internal, "closing");
            done.await.map_err(lost)
        })
    }
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        self.close_queues();
        if let Some(held) = self.held.get_mut().take() {
            held.let_go();
        }
    }
}
