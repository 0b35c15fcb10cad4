//! Storage that fails, forgets or lets wait when a test wants it to, over a shop's own.

use std::sync::Arc;

use domain::{
    BookText, BucketKey, Listing, ListingKey, Migration, Order, OrderId, Picture, PictureHash,
    Pour, Store, StoreId, TerminalKey, TextHash, Timestamp, UserId,
};
use storage::audit::AuditReport;
use storage::{
    DueOrder, ErrorKind, ExportCursor, ExportLimit, ExportPage, Feed, FeedPosition, Job,
    ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Session, Storage,
    StorageError,
};
use tokio::sync::Mutex;

use crate::support::Shop;

/// How texts are read.
#[derive(Debug, Default)]
pub struct Texts {
    /// How often they were asked for.
    pub asked: u32,
    /// Which of those times fails.
    pub fails_at: Option<u32>,
}

/// Who holds one of the locks lets those wait who ask for that.
pub struct Troubled {
    inner: Arc<dyn Storage>,
    pub texts: Mutex<Texts>,
    /// Whether the next place in the feed is lost.
    pub is_place_lost: Mutex<bool>,
}

impl Troubled {
    /// Puts it between a shop and who follows it.
    pub fn over(shop: &mut Shop) -> Arc<Self> {
        let troubled = Arc::new(Self {
            inner: shop.storage.clone(),
            texts: Mutex::default(),
            is_place_lost: Mutex::default(),
        });
        shop.storage = troubled.clone();
        troubled
    }
}

impl Storage for Troubled {
    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        Box::pin(async move {
            let mut texts = self.texts.lock().await;
            texts.asked += 1;
            if texts.fails_at == Some(texts.asked) {
                return Err(StorageError::new(ErrorKind::Unavailable, "reading texts"));
            }
            self.inner.find_texts(hashes).await
        })
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        Box::pin(async move {
            let mut is_place_lost = self.is_place_lost.lock().await;
            if std::mem::take(&mut *is_place_lost) {
                return Ok(Feed::Lost);
            }
            self.inner.follow(after, limit).await
        })
    }

    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        self.inner.submit(job)
    }

    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<domain::Account>> {
        self.inner.find_account(user)
    }

    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        self.inner.find_session(terminal)
    }

    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>> {
        self.inner.find_store(store)
    }

    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        self.inner.find_listing(listing)
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        self.inner.find_listings(keys)
    }

    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        self.inner.find_picture(hash)
    }

    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>> {
        self.inner.find_order(order)
    }

    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>> {
        self.inner.list_orders(query)
    }

    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>> {
        self.inner.list_stores(after, limit)
    }

    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>> {
        self.inner.list_stores_of(owner, after, limit)
    }

    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>> {
        self.inner.list_listings(query)
    }

    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>> {
        self.inner.list_most_bought(limit)
    }

    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>> {
        self.inner.list_movements(query)
    }

    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>> {
        self.inner.list_due(now, limit)
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        self.inner.next_due()
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        self.inner.secret(candidate)
    }

    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        self.inner.pour(pours, now)
    }

    fn find_bucket(&self, bucket: BucketKey) -> Reading<'_, Option<Timestamp>> {
        self.inner.find_bucket(bucket)
    }

    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64> {
        self.inner.forget_expired(now, limit)
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        self.inner.find_migration()
    }

    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        self.inner.export(after, limit)
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        self.inner.feed_end()
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        self.inner.audit()
    }

    fn close(&self) -> Reading<'_, ()> {
        self.inner.close()
    }
}
