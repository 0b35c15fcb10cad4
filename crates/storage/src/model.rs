//! The reference engine: plain maps behind a lock, right by being simple.
//!
//! Other engines are compared with it, and crates above use it where a test wants storage without
//! a disk. What it stores is a [`ModelDisk`], which outlives the engine, so that a restart can be
//! played: open another [`ModelStorage`] on the same disk.

mod audit;
mod browse;
mod export;
mod feed;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use domain::idempotency::KEPT_FOR;
use domain::working_set::{Table, Weigh};
use domain::{
    Account, BookText, BucketKey, Clock, KeepKey, KeptAnswer, Key, Listing, ListingKey, Migration,
    Obligations, Order, OrderId, OrderState, OrderStatus, Picture, PictureHash, Pour, Store,
    StoreId, Terminal, TerminalKey, TextHash, Timestamp, Transfer, UserId, WorkingSet,
};

use crate::audit::AuditReport;
use crate::batch::{
    BATCH_MAX_OPERATIONS, Job, QUEUE_MAX_OPERATIONS, Transact, part_batches, run_batch,
};
use crate::browse::{ListingQuery, Movement, MovementQuery, Page};
use crate::error::{ErrorKind, StorageError};
use crate::export::{ExportCursor, ExportLimit, ExportPage};
use crate::feed::{Feed, FeedChange, FeedPosition};
use crate::port::{
    BULK_MAX_ROWS, Due, DueOrder, OrderParty, OrderQuery, Reading, Session, Storage,
};

pub use crate::conformance::clock::ManualClock;

/// All that a [`ModelStorage`] keeps. Clones share it.
#[derive(Clone, Default)]
pub struct ModelDisk(Arc<Mutex<Rows>>);

impl ModelDisk {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().expect("nobody panics while holding the rows")
    }
}

#[derive(Default)]
struct Rows {
    accounts: HashMap<UserId, Account>,
    terminals: HashMap<TerminalKey, Terminal>,
    stores: HashMap<StoreId, Store>,
    listings: HashMap<ListingKey, Listing>,
    orders: HashMap<OrderId, Arc<Order>>,
    texts: HashMap<TextHash, Arc<BookText>>,
    pictures: HashMap<PictureHash, Arc<Picture>>,
    kept: HashMap<KeepKey, KeptAnswer>,
    transfers: Vec<Transfer>,
    secret: Option<[u8; 32]>,
    migration: Option<Migration>,
    buckets: HashMap<BucketKey, Timestamp>,
    feed: feed::FeedRows,
}

/// The in-memory reference engine: one thread takes operations from a bounded queue, in batches.
pub struct ModelStorage {
    disk: ModelDisk,
    /// `None` once closed.
    writer: Mutex<Option<Writer>>,
}

struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    thread: JoinHandle<()>,
}

impl ModelStorage {
    /// An empty engine.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::open(ModelDisk::default(), clock)
    }

    /// An engine with what was stored on `disk`, which no other open engine may be using.
    #[must_use]
    pub fn open(disk: ModelDisk, clock: Arc<dyn Clock>) -> Self {
        let (queue, jobs) = mpsc::sync_channel(QUEUE_MAX_OPERATIONS);
        let engine = ModelTransaction {
            disk: disk.clone(),
            staged: Staged::default(),
        };
        let thread = std::thread::spawn(move || write(engine, &jobs, &*clock));
        Self {
            disk,
            writer: Mutex::new(Some(Writer { queue, thread })),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer
            .lock()
            .expect("nobody panics while holding the queue")
    }
}

/// Runs what waits, batch by batch, until the queue is closed and empty.
fn write(mut engine: ModelTransaction, queue: &Receiver<Box<dyn Job>>, clock: &dyn Clock) {
    let mut rows = WorkingSet::default();
    while let Ok(first) = queue.recv() {
        let mut jobs = vec![first];
        jobs.extend(queue.try_iter().take(BATCH_MAX_OPERATIONS - 1));
        for batch in part_batches(jobs) {
            at_once(run_batch(&mut engine, &mut rows, batch, clock.now()));
        }
    }
}

/// Drives a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing in this engine waits"),
    }
}

/// What a transaction is to write, row by row; a row that is `None` goes.
#[derive(Default)]
struct Staged {
    accounts: Vec<(UserId, Option<Account>)>,
    terminals: Vec<(TerminalKey, Option<Terminal>)>,
    stores: Vec<(StoreId, Option<Store>)>,
    listings: Vec<(ListingKey, Option<Listing>)>,
    orders: Vec<(OrderId, Option<Arc<Order>>)>,
    texts: Vec<(TextHash, Option<Arc<BookText>>)>,
    pictures: Vec<(PictureHash, Option<Arc<Picture>>)>,
    kept: Vec<(KeepKey, Option<KeptAnswer>)>,
    migration: Vec<((), Option<Migration>)>,
    transfers: Vec<Transfer>,
    feed: Vec<FeedChange>,
}

fn changed<K: Clone + Eq + Hash, V: Clone + Weigh>(table: &Table<K, V>) -> Vec<(K, Option<V>)> {
    table
        .changed()
        .map(|(key, entry)| (key.clone(), entry.current().cloned()))
        .collect()
}

fn put<K: Eq + Hash, V>(rows: &mut HashMap<K, V>, staged: Vec<(K, Option<V>)>) {
    for (key, row) in staged {
        match row {
            Some(row) => drop(rows.insert(key, row)),
            None => drop(rows.remove(&key)),
        }
    }
}

/// The rows that there are, each once.
fn find_all<K: Eq + Hash, V: Clone>(rows: &HashMap<K, V>, keys: Vec<K>) -> Vec<V> {
    let keys: HashSet<K> = keys.into_iter().collect();
    keys.iter()
        .filter_map(|key| rows.get(key).cloned())
        .collect()
}

struct ModelTransaction {
    disk: ModelDisk,
    staged: Staged,
}

impl Transact for ModelTransaction {
    async fn begin(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn load(&mut self, keys: &[Key], into: &mut WorkingSet) -> Result<(), StorageError> {
        let rows = self.disk.rows();
        for key in keys {
            match key.clone() {
                Key::Account(key) => {
                    let row = rows.accounts.get(&key).cloned();
                    into.accounts.load(key, row, 0);
                }
                Key::Terminal(key) => {
                    let row = rows.terminals.get(&key).cloned();
                    into.terminals.load(key, row, 0);
                }
                Key::Store(key) => {
                    let row = rows.stores.get(&key).cloned();
                    into.stores.load(key, row, 0);
                }
                Key::Listing(key) => {
                    let row = rows.listings.get(&key).cloned();
                    into.listings.load(key, row, 0);
                }
                Key::Order(key) => into.orders.load(key, rows.orders.get(&key).cloned(), 0),
                Key::Text(key) => into.texts.load(key, rows.texts.get(&key).cloned(), 0),
                Key::Kept(key) => {
                    let row = rows.kept.get(&key).cloned();
                    into.kept.load(key, row, 0);
                }
                Key::Migration => into.migration.load((), rows.migration.clone(), 0),
                Key::Obligations(user) => {
                    let obligations = rows.obligations(&user);
                    into.obligations.load(user, Some(obligations), 0);
                }
            }
        }
        Ok(())
    }

    async fn save(&mut self, rows: &mut WorkingSet) -> Result<(), StorageError> {
        self.staged = Staged {
            accounts: changed(&rows.accounts),
            terminals: changed(&rows.terminals),
            stores: changed(&rows.stores),
            listings: changed(&rows.listings),
            orders: changed(&rows.orders),
            texts: changed(&rows.texts),
            pictures: changed(&rows.pictures),
            kept: changed(&rows.kept),
            migration: changed(&rows.migration),
            transfers: rows.transfers.clone(),
            feed: feed::changes(rows),
        };
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StorageError> {
        let staged = std::mem::take(&mut self.staged);
        let mut rows = self.disk.rows();
        put(&mut rows.accounts, staged.accounts);
        put(&mut rows.terminals, staged.terminals);
        put(&mut rows.stores, staged.stores);
        put(&mut rows.listings, staged.listings);
        put(&mut rows.orders, staged.orders);
        put(&mut rows.texts, staged.texts);
        put(&mut rows.pictures, staged.pictures);
        put(&mut rows.kept, staged.kept);
        if let Some((_, migration)) = staged.migration.into_iter().next() {
            rows.migration = migration;
        }
        rows.transfers.extend(staged.transfers);
        rows.feed.extend(staged.feed);
        Ok(())
    }

    async fn rollback(&mut self) {
        self.staged = Staged::default();
    }

    fn retain(&mut self, rows: &mut WorkingSet) {
        rows.clear();
    }
}

impl Rows {
    fn obligations(&self, user: &UserId) -> Obligations {
        let is_open = |order: &Order| {
            matches!(
                order.status(),
                OrderStatus::Placed | OrderStatus::Paid | OrderStatus::Sent
            )
        };
        let has_part = |order: &Order| order.buyer == *user || order.seller == *user;
        let own = self
            .stores
            .values()
            .filter(|store| store.is_open && store.owner == *user);
        Obligations {
            has_open_orders: self
                .orders
                .values()
                .any(|order| is_open(order) && has_part(order)),
            stores: own.map(|store| store.id.clone()).collect(),
        }
    }

    fn list_orders(&self, query: &OrderQuery) -> Vec<Order> {
        let is_asked_for = |order: &Order| match &query.party {
            OrderParty::Buyer(user) => order.buyer == *user,
            OrderParty::Seller(user, None) => order.seller == *user,
            OrderParty::Seller(user, Some(store)) => order.seller == *user && order.store == *store,
        };
        let mut found: Vec<Order> = self
            .orders
            .values()
            .filter(|order| is_asked_for(order))
            .filter(|order| query.before.is_none_or(|before| order.id < before))
            .map(|order| order.as_of(query.now))
            .filter(|order| query.status.is_none_or(|status| order.status() == status))
            .collect();
        found.sort_unstable_by_key(|order| Reverse(order.id));
        let (offset, limit) = (query.offset as usize, query.limit as usize);
        found.into_iter().skip(offset).take(limit).collect()
    }

    /// All deadlines, earliest first.
    fn deadlines(&self) -> Vec<DueOrder> {
        let deadline = |order: &Arc<Order>| match order.state {
            OrderState::Placed { pay_before } => Some(DueOrder {
                order: order.id,
                due: Due::Payment,
                at: pay_before,
            }),
            OrderState::Sent { receive_by, .. } => Some(DueOrder {
                order: order.id,
                due: Due::Receipt,
                at: receive_by,
            }),
            _ => None,
        };
        let mut found: Vec<DueOrder> = self.orders.values().filter_map(deadline).collect();
        found.sort_unstable_by_key(|due| (due.at, due.order));
        found
    }

    fn forget_expired(&mut self, now: Timestamp, limit: u32) -> u64 {
        let kept = forget(&mut self.kept, limit, |kept| {
            now.since(kept.kept_at) >= KEPT_FOR
        });
        let terminals = forget(&mut self.terminals, limit, |terminal| {
            terminal.forget_at <= now
        });
        let buckets = forget(&mut self.buckets, limit, |empty_at| *empty_at <= now);
        kept + terminals + buckets
    }

    fn pour(&mut self, pours: &[Pour], now: Timestamp) -> Vec<Timestamp> {
        let pour = |pour: &Pour| {
            let bucket = self.buckets.entry(pour.bucket).or_insert(now);
            *bucket = domain::bucket::pour(Some(*bucket), pour.amount_ms, now);
            *bucket
        };
        pours.iter().map(pour).collect()
    }
}

fn forget<K: Clone + Eq + Hash, V>(
    rows: &mut HashMap<K, V>,
    limit: u32,
    is_expired: impl Fn(&V) -> bool,
) -> u64 {
    let expired = rows
        .iter()
        .filter(|(_, row)| is_expired(row))
        .map(|(key, _)| key.clone());
    let expired: Vec<K> = expired.take(limit as usize).collect();
    expired
        .iter()
        .filter(|key| rows.remove(key).is_some())
        .count() as u64
}

/// An answer that is known at once.
fn answer<'a, T: Send + 'a>(value: T) -> Reading<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Storage for ModelStorage {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        let doing = "taking an operation";
        match self
            .writer()
            .as_ref()
            .map(|writer| writer.queue.try_send(job))
        {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => {
                Err(StorageError::new(ErrorKind::Overloaded, doing))
            }
            Some(Err(TrySendError::Disconnected(_))) | None => {
                Err(StorageError::new(ErrorKind::Unavailable, doing))
            }
        }
    }

    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<Account>> {
        answer(self.disk.rows().accounts.get(user).cloned())
    }

    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        let rows = self.disk.rows();
        let row = rows.terminals.get(terminal);
        let generation = row.map(|row| row.generation).unwrap_or_default();
        let account = rows.accounts.get(&terminal.user).cloned();
        answer(account.map(|account| Session {
            account,
            generation,
        }))
    }

    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>> {
        answer(self.disk.rows().stores.get(store).cloned())
    }

    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        answer(self.disk.rows().listings.get(listing).cloned())
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        assert!(keys.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        answer(find_all(&self.disk.rows().listings, keys))
    }

    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        assert!(hashes.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        answer(find_all(&self.disk.rows().texts, hashes))
    }

    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        answer(self.disk.rows().pictures.get(&hash).cloned())
    }

    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>> {
        answer(
            self.disk
                .rows()
                .orders
                .get(&order)
                .map(|order| Order::clone(order)),
        )
    }

    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>> {
        answer(self.disk.rows().list_orders(&query))
    }

    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>> {
        answer(self.disk.rows().list_stores(None, after.as_ref(), limit))
    }

    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>> {
        let rows = self.disk.rows();
        answer(rows.list_stores(Some(&owner), after.as_ref(), limit))
    }

    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>> {
        answer(self.disk.rows().list_listings(&query))
    }

    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>> {
        answer(self.disk.rows().list_most_bought(limit))
    }

    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>> {
        answer(self.disk.rows().list_movements(&query))
    }

    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>> {
        let due = self
            .disk
            .rows()
            .deadlines()
            .into_iter()
            .filter(|due| due.at <= now);
        answer(due.take(limit as usize).collect())
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        answer(self.disk.rows().deadlines().first().map(|due| due.at))
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        answer(*self.disk.rows().secret.get_or_insert(candidate))
    }

    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        answer(self.disk.rows().pour(&pours, now))
    }

    fn find_bucket(&self, bucket: BucketKey) -> Reading<'_, Option<Timestamp>> {
        answer(self.disk.rows().buckets.get(&bucket).copied())
    }

    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64> {
        answer(self.disk.rows().forget_expired(now, limit))
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        answer(self.disk.rows().migration.clone())
    }

    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        Box::pin(std::future::ready(self.disk.rows().export(after, limit)))
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        answer(self.disk.rows().feed.end())
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        answer(self.disk.rows().feed.behind(&after, limit))
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        answer(audit::audit(&self.disk.rows()))
    }

    fn close(&self) -> Reading<'_, ()> {
        // Without its sender the queue ends, and the thread with it once it has drained.
        if let Some(Writer { queue, thread }) = self.writer().take() {
            drop(queue);
            drop(thread.join());
        }
        answer(())
    }
}
