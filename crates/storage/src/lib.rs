//! The storage port: what any engine must promise, and the batch loop that all engines share.
//!
//! What lives here: the [`Storage`] trait, whose methods are contracts; [`batch`], which turns
//! waiting operations into load, decide, save; the reference engine `model` and the suite
//! `conformance` (feature `conformance`), which every engine passes. What never does: a driver,
//! SQL, a rule of the shop.
//!
//! Read [`port`] first, then [`batch`].

#![warn(missing_docs)]

pub mod audit;
pub mod batch;
pub mod browse;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod export;
pub mod feed;
pub mod migration;
#[cfg(feature = "conformance")]
pub mod model;
pub mod port;

pub use audit::{AuditCheck, AuditReport, Finding};
pub use batch::{BATCH_MAX_OPERATIONS, Job, Pending, QUEUE_MAX_OPERATIONS, Transact, run_batch};
pub use browse::{ListingQuery, Movement, MovementQuery, PAGE_MAX_ROWS, Page, Place, Shelf};
pub use error::{ErrorKind, StorageError};
pub use export::{ExportCursor, ExportLimit, ExportPage, PageRows, Section};
pub use feed::{Feed, FeedChange, FeedPosition};
pub use migration::{MigrationError, Move, Totals};
pub use port::{
    BULK_MAX_ROWS, Due, DueOrder, OrderParty, OrderQuery, Outcome, Reading, Session, Storage, run,
    run_holding,
};
