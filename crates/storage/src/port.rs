//! The port: one way in for changes, and the questions that can be asked.

use std::pin::Pin;
use std::sync::Arc;

use domain::{
    Account, Answer, BookText, BucketKey, Generation, Listing, ListingKey, Migration, Operation,
    Order, OrderId, OrderStatus, Picture, PictureHash, Pour, Refused, Request, Store, StoreId,
    TerminalKey, TextHash, Timestamp, UserId,
};
use tokio::sync::oneshot;

use crate::audit::AuditReport;
use crate::batch::{Job, Pending};
use crate::browse::{ListingQuery, Movement, MovementQuery, Page};
use crate::error::{ErrorKind, StorageError};
use crate::export::{ExportCursor, ExportLimit, ExportPage};
use crate::feed::{Feed, FeedPosition};

/// How many rows one question may name.
pub const BULK_MAX_ROWS: usize = 1_000;

/// An engine's answer on its way.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// What an operation came to, where nothing broke.
pub type Outcome<O> = Result<Answer<<O as Operation>::Done>, Refused<<O as Operation>::Refusal>>;

/// What a token is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user's account.
    pub account: Account,
    /// The terminal's generation; the default one where nobody logged out there of late.
    pub generation: Generation,
}

/// Whose orders are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderParty {
    /// Those that the user ordered.
    Buyer(UserId),
    /// Those that the user sells, in one of his stores or in all.
    Seller(UserId, Option<StoreId>),
}

/// Which orders are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderQuery {
    /// Whose.
    pub party: OrderParty,
    /// Only those in this state as of `now`; `None`: in any.
    pub status: Option<OrderStatus>,
    /// Only those older than this order, which need not exist.
    pub before: Option<OrderId>,
    /// How many to pass over first.
    pub offset: u32,
    /// How many to return at most.
    pub limit: u32,
    /// The moment that decides which deadlines have passed.
    pub now: Timestamp,
}

/// Which deadline of an order has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// It was to be paid: [`domain::ExpireOrder`] is to run.
    Payment,
    /// It was to be received: [`domain::ConcludeOrder`] is to run.
    Receipt,
}

/// An order whose deadline has passed without the sweep having come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DueOrder {
    /// Which order.
    pub order: OrderId,
    /// Which deadline.
    pub due: Due,
    /// When that was.
    pub at: Timestamp,
}

/// What any engine promises.
///
/// Changes go in through [`Storage::submit`], wrapped by [`run`]. Every operation is atomic, is
/// decided by its rule alone, as if all operations ran one after the other, and is durable (a crash
/// of machine or process does not undo it) before it is answered. A question sees all that was
/// answered before it was asked, and no operation by half.
pub trait Storage: Send + Sync {
    /// Takes an operation to be decided and stored, and returns at once.
    ///
    /// The job is answered exactly once, in time, unless the engine is dropped first.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`] where [`crate::QUEUE_MAX_OPERATIONS`] wait already, and
    /// [`ErrorKind::Unavailable`] once the engine is closing. Nothing was begun then.
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StorageError>;

    /// The account, closed ones too; `None` where there is none.
    fn find_account<'a>(&'a self, user: &'a UserId) -> Reading<'a, Option<Account>>;

    /// The account and the generation of one of its terminals, of one moment; `None` where there
    /// is no account.
    fn find_session<'a>(&'a self, terminal: &'a TerminalKey) -> Reading<'a, Option<Session>>;

    /// The store, closed ones too; `None` where there never was one.
    fn find_store<'a>(&'a self, store: &'a StoreId) -> Reading<'a, Option<Store>>;

    /// The listing, off the shelves too; `None` where there never was one.
    fn find_listing<'a>(&'a self, listing: &'a ListingKey) -> Reading<'a, Option<Listing>>;

    /// Those of these listings that there are, off the shelves too, each once, in no order.
    ///
    /// # Panics
    /// If more than [`BULK_MAX_ROWS`] are named.
    fn find_listings(&self, keys: Vec<ListingKey>) -> Reading<'_, Vec<Listing>>;

    /// Those of these texts that there are, each once, in no order. A text is there for as long as
    /// a listing has it, at least.
    ///
    /// # Panics
    /// If more than [`BULK_MAX_ROWS`] are named.
    fn find_texts(&self, hashes: Vec<TextHash>) -> Reading<'_, Vec<Arc<BookText>>>;

    /// The picture; `None` where there is none. It is there for as long as a listing shows it, at
    /// least.
    fn find_picture(&self, hash: PictureHash) -> Reading<'_, Option<Arc<Picture>>>;

    /// The order as it was last written (see [`Order::as_of`]); `None` where there is none.
    fn find_order(&self, order: OrderId) -> Reading<'_, Option<Order>>;

    /// Orders, newest first, which is in falling order of their ids; as of `query.now`, so that
    /// none is placed past its deadline. Empty where there are none or nobody of that name.
    fn list_orders(&self, query: OrderQuery) -> Reading<'_, Vec<Order>>;

    /// Open stores in the order of their ids' bytes, those behind the id `after`, at most `limit`
    /// of them ([`crate::PAGE_MAX_ROWS`]).
    fn list_stores(&self, after: Option<StoreId>, limit: u32) -> Reading<'_, Vec<Store>>;

    /// The open stores of a seller, as [`Self::list_stores`]; empty where there is nobody of that
    /// name.
    fn list_stores_of(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Reading<'_, Vec<Store>>;

    /// A page of the listings of open stores that [`crate::Shelf`] says, in the order that it
    /// says; those listed at one moment in an order that stays the same. A walk
    /// over all pages meets each listing that is there all the while exactly once, but for
    /// [`crate::Shelf::Offers`], whose order changes with every sale. Empty for a
    /// store or a book that is not there.
    fn list_listings(&self, query: ListingQuery) -> Reading<'_, Page<Listing>>;

    /// The listings on the shelves of open stores of which most copies are in orders that are not
    /// cancelled, those first; without those of which there are none; at most `limit`
    /// ([`crate::PAGE_MAX_ROWS`]). It looks at every listing there is, so it is for a background
    /// job that asks now and then.
    fn list_most_bought(&self, limit: u32) -> Reading<'_, Vec<Listing>>;

    /// A page of what has moved a user's money, newest first; of one moment, in an order that
    /// stays the same. All of them together add up to what he has. Empty for a user who is not
    /// there.
    fn list_movements(&self, query: MovementQuery) -> Reading<'_, Page<Movement>>;

    /// Orders whose deadlines are at or before `now`, earliest first, at most `limit` of them.
    fn list_due(&self, now: Timestamp, limit: u32) -> Reading<'_, Vec<DueOrder>>;

    /// The earliest deadline of any order; `None` where no order has one.
    fn next_due(&self) -> Reading<'_, Option<Timestamp>>;

    /// The server's secret: `candidate` on the first call ever, and what that was on each later
    /// one, from any process.
    fn secret(&self, candidate: [u8; 32]) -> Reading<'_, [u8; 32]>;

    /// Pours into buckets by [`domain::bucket::pour`], each atomically and seen by every process
    /// at once, but not together. Returns when each will be empty, in the order asked for.
    ///
    /// Of all that changes, this alone may be forgotten by a crash: it counts failed attempts.
    fn pour(&self, pours: Vec<Pour>, now: Timestamp) -> Reading<'_, Vec<Timestamp>>;

    /// When a bucket will be empty, or was; `None` where nothing was poured of late.
    fn find_bucket(&self, bucket: BucketKey) -> Reading<'_, Option<Timestamp>>;

    /// Drops kept answers older than [`domain::idempotency::KEPT_FOR`], terminals whose time has
    /// come, buckets that are empty, and changes that are more than the feed keeps, at most
    /// `limit` of each. Returns how many rows went.
    fn forget_expired(&self, now: Timestamp, limit: u32) -> Reading<'_, u64>;

    /// The shop that is moving in (see [`domain::Restore`]) and is not all here yet; `None` where
    /// none is.
    fn find_migration(&self) -> Reading<'_, Option<Migration>>;

    /// Some of everything stored, behind the place `after` or from the beginning, as one read of
    /// one moment. All pages together have each row exactly once, whatever the limits are, if
    /// nothing is written meanwhile: section by section, in an order that stays the same, each
    /// order's movements of money as they followed on each other. Closed accounts and stores, and
    /// answers and terminals past their time, are rows like all others; the secret and a
    /// [`Migration`] are none. An `after` that this storage never gave is a failure, or a place.
    fn export(&self, after: Option<ExportCursor>, limit: ExportLimit) -> Reading<'_, ExportPage>;

    /// A place in the feed: what was written before it is seen by every question from now on,
    /// what is written after it comes behind it. All that was answered before this question is
    /// before it, or comes once more. So whoever notes this place, reads everything
    /// ([`Storage::export`]) and follows from the place misses nothing.
    fn feed_end(&self) -> Reading<'_, FeedPosition>;

    /// At most `limit` changes behind a place, which outlives a restart.
    ///
    /// Changes come in the order in which they were stored. Each that was answered comes, though
    /// perhaps a moment later, and once where nothing fails; one of an operation that was refused
    /// never does, nor does a sale that leaves a copy. The rows of a [`domain::Restore`] are new like any other's.
    /// Returns at once: whoever follows asks again after a while. Several may follow, each from
    /// his own place.
    fn follow(&self, after: FeedPosition, limit: u32) -> Reading<'_, Feed>;

    /// Checks everything stored against itself: see [`crate::AuditCheck`]. Changes nothing.
    fn audit(&self) -> Reading<'_, AuditReport>;

    /// Finishes what was submitted, refuses what comes after, and lets go of the data.
    fn close(&self) -> Reading<'_, ()>;
}

/// Runs an operation: submits it and waits for its answer.
///
/// Dropping the future does not undo the operation.
///
/// # Errors
/// As [`Storage::submit`], and what the engine says of a failed batch. Of all kinds only
/// [`ErrorKind::OutcomeUnknown`] leaves open whether the operation happened.
pub async fn run<O>(storage: &dyn Storage, request: Request<O>) -> Result<Outcome<O>, StorageError>
where
    O: Operation + Send + 'static,
    O::Done: Send,
    O::Refusal: Send,
{
    run_holding(storage, request, ()).await
}

/// As [`run`], with something that is dropped as soon as the engine has answered or turned the
/// operation away: whether or not somebody still waits, and before he learns of it.
///
/// # Errors
/// As [`run`].
pub async fn run_holding<O, H>(
    storage: &dyn Storage,
    request: Request<O>,
    held: H,
) -> Result<Outcome<O>, StorageError>
where
    O: Operation + Send + 'static,
    O::Done: Send,
    O::Refusal: Send,
    H: Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    storage.submit(Box::new(Pending::holding(request, reply, held)))?;
    let lost = |_| StorageError::new(ErrorKind::OutcomeUnknown, "waiting for an answer");
    answer.await.map_err(lost)?
}
