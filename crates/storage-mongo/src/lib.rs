//! The distributed engine: a MongoDB replica set or sharded cluster, 6.0 or newer.
//!
//! What lives here: the collections, the transactions and the questions; only this crate knows the
//! driver. What never does: a rule of the shop, or anything kept in memory from one batch to the next
//! and taken for the truth, for any number of processes share one deployment. What keeps those apart
//! is in `guards`.
//!
//! Read `schema` first, then `transaction`, then `guards`.

mod abandoned;
mod accounts;
mod audit;
mod books;
mod browse;
mod buckets;
mod commit;
mod deployment;
mod error;
mod expiry;
mod export;
mod feed;
mod guards;
mod idempotency;
mod lanes;
mod ledger;
mod listings;
mod migrations;
mod open;
mod orders;
mod remembered;
mod schema;
mod secrets;
mod statements;
mod stores;
mod terminals;
mod transaction;
mod values;
mod writer;

use std::sync::Arc;

use domain::{
    Account, BookText, BucketKey, Clock, Listing, ListingKey, Migration, Order, OrderId, Picture,
    PictureHash, Pour, Store, StoreId, TerminalKey, TextHash, Timestamp, UserId,
};
use mongodb::bson::doc;
use storage::{
    AuditReport, BULK_MAX_ROWS, DueOrder, ExportCursor, ExportLimit, ExportPage, Feed,
    FeedPosition, Job, ListingQuery, Movement, MovementQuery, OrderQuery, Page, Reading, Session,
    Storage, StorageError,
};

use crate::accounts::AccountDocument;
use crate::deployment::{Deployment, in_time};
use crate::feed::Follower;
use crate::listings::ListingDocument;
use crate::stores::StoreDocument;
use crate::terminals::TerminalDocument;
use crate::writer::Writer;

pub use crate::error::OpenError;

/// A shop in a MongoDB deployment, which other processes may share.
pub struct MongoStorage {
    deployment: Arc<Deployment>,
    writer: Writer,
    follower: Follower,
}

impl MongoStorage {
    /// Opens the database that a URL names (`mongodb://HOST[,HOST]/DATABASE?replicaSet=NAME`), and
    /// makes its collections where they are missing. Must be called in a Tokio runtime, which is
    /// to outlive the engine.
    ///
    /// # Errors
    /// [`OpenError`], as it says.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (client, database, application) = open::connect(url).await?;
        let deployment = Arc::new(Deployment::new(client, database, application, clock));
        Self::start(deployment).await
    }

    /// Opens the database that a URL names, where it holds a shop already.
    ///
    /// # Errors
    /// [`OpenError`], as it says; [`OpenError::NoData`] where there is none. Nothing is made then.
    pub async fn open_existing(url: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (client, database, application) = open::connect(url).await?;
        let deployment = Arc::new(Deployment::new(client, database, application, clock));
        if !schema::exists(&deployment).await? {
            return Err(OpenError::NoData {
                database: deployment.database.name().to_owned(),
            });
        }
        Self::start(deployment).await
    }

    async fn start(deployment: Arc<Deployment>) -> Result<Self, OpenError> {
        schema::bring_up_to_date(&deployment).await?;
        let writer = Writer::start(deployment.clone());
        Ok(Self {
            deployment,
            writer,
            follower: Follower::default(),
        })
    }

    async fn session(&self, terminal: &TerminalKey) -> Result<Option<Session>, StorageError> {
        let found = in_time("finding a session", async {
            let mut session = self.deployment.snapshot().await?;
            let accounts = self
                .deployment
                .collection::<AccountDocument>(schema::ACCOUNTS);
            let filter = doc! { "_id": terminal.user.as_str() };
            let Some(account) = accounts.find_one(filter).session(&mut session).await? else {
                return Ok(None);
            };
            let terminals = self
                .deployment
                .collection::<TerminalDocument>(schema::TERMINALS);
            let filter = doc! { "_id": terminals::id(terminal) };
            let terminal = terminals.find_one(filter).session(&mut session).await?;
            Ok(Some((account, terminal)))
        })
        .await?;
        let Some((account, terminal)) = found else {
            return Ok(None);
        };
        let generation = match terminal {
            Some(terminal) => terminal.read()?.1.generation,
            None => domain::Generation::default(),
        };
        Ok(Some(Session {
            account: account.read()?,
            generation,
        }))
    }
}

impl Storage for MongoStorage {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError> {
        self.writer.submit(job)
    }

    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<Account>> {
        Box::pin(async {
            let filter = doc! { "_id": user.as_str() };
            let doing = "finding an account";
            let found = self
                .deployment
                .find_one(schema::ACCOUNTS, filter, doing)
                .await?;
            found.map(AccountDocument::read).transpose()
        })
    }

    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>> {
        Box::pin(self.session(terminal))
    }

    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>> {
        Box::pin(async {
            let filter = doc! { "_id": store.as_str() };
            let doing = "finding a store";
            let found = self
                .deployment
                .find_one(schema::STORES, filter, doing)
                .await?;
            found.map(StoreDocument::read).transpose()
        })
    }

    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>> {
        Box::pin(async {
            let filter = doc! { "_id": listings::id(listing) };
            let doing = "finding a listing";
            let found = self
                .deployment
                .find_one(schema::LISTINGS, filter, doing)
                .await?;
            found.map(ListingDocument::read).transpose()
        })
    }

    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>> {
        assert!(keys.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        Box::pin(listings::find_all(&self.deployment, keys))
    }

    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>> {
        assert!(hashes.len() <= BULK_MAX_ROWS, "a bulk read is bounded");
        Box::pin(books::find_texts(&self.deployment, hashes))
    }

    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>> {
        Box::pin(books::find_picture(&self.deployment, hash))
    }

    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>> {
        Box::pin(orders::find(&self.deployment, order))
    }

    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>> {
        Box::pin(orders::list(&self.deployment, query))
    }

    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>> {
        Box::pin(browse::list_stores(&self.deployment, None, after, limit))
    }

    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>> {
        let deployment = &self.deployment;
        Box::pin(async move { browse::list_stores(deployment, Some(&owner), after, limit).await })
    }

    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>> {
        Box::pin(browse::list_listings(&self.deployment, query))
    }

    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>> {
        Box::pin(browse::list_most_bought(&self.deployment, limit))
    }

    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>> {
        Box::pin(browse::list_movements(&self.deployment, query))
    }

    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>> {
        Box::pin(orders::list_due(&self.deployment, now, limit))
    }

    fn next_due(&self) -> Reading<'_, Option<Timestamp>> {
        Box::pin(orders::next_due(&self.deployment))
    }

    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]> {
        Box::pin(secrets::find_or_keep(&self.deployment, candidate))
    }

    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>> {
        Box::pin(buckets::pour(&self.deployment, pours, now))
    }

    fn find_bucket(&self, bucket: BucketKey) -> Reading<'_, Option<Timestamp>> {
        Box::pin(buckets::find(&self.deployment, bucket))
    }

    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64> {
        Box::pin(async move {
            let answers = idempotency::forget(&self.deployment, now, limit).await?;
            let terminals = terminals::forget(&self.deployment, now, limit).await?;
            Ok(answers + terminals + buckets::forget(&self.deployment, now, limit).await?)
        })
    }

    fn find_migration(&self) -> Reading<'_, Option<Migration>> {
        Box::pin(migrations::find(&self.deployment))
    }

    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage> {
        Box::pin(export::export(&self.deployment, after, limit))
    }

    fn feed_end(&self) -> Reading<'_, FeedPosition> {
        Box::pin(feed::end(&self.deployment))
    }

    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed> {
        Box::pin(async move { self.follower.follow(&self.deployment, &after, limit).await })
    }

    fn audit(&self) -> Reading<'_, AuditReport> {
        Box::pin(audit::audit(&self.deployment))
    }

    fn close(&self) -> Reading<'_, ()> {
        Box::pin(async {
            self.writer.close().await;
            self.follower.close();
            self.deployment
                .client
                .clone()
                .shutdown()
                .immediate(true)
                .await;
            Ok(())
        })
    }
}
