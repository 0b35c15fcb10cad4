//! Nouns and rules of the marketplace: accounts, stores, books, listings, orders, money.
//!
//! What lives here: values that can't be built wrong, and *operations*, each a plain value whose
//! rule is one pure function over a [`WorkingSet`] of rows. What never does: input or output,
//! `async`, a clock, randomness, a wire format. Time and random numbers arrive as arguments.
//!
//! Read [`operation`] first, then [`working_set`], then [`order`], where the life of an order is.

#![warn(missing_docs)]

pub mod account;
pub mod book;
pub mod bucket;
pub mod idempotency;
pub mod ids;
pub mod ledger;
pub mod listing;
pub mod migration;
pub mod money;
pub mod operation;
pub mod order;
pub mod store;
pub mod terminal;
#[cfg(test)]
mod testing;
pub mod time;
pub mod working_set;

pub use account::{
    Account, AddFunds, ChangePassword, Epoch, Obligations, PasswordHash, Proof, Register,
    Unregister,
};
pub use book::{BookText, Picture, PictureHash, PictureKind, TextHash};
pub use bucket::{BucketKey, Pour};
pub use idempotency::{IdempotencyKey, Keep, KeepKey, KeptAnswer};
pub use ids::{BookId, OrderId, StoreId, TerminalName, UserId};
pub use ledger::{EntryKind, LedgerAccount, Transfer};
pub use listing::{AddListing, AddStock, Listing, ListingDetails, ListingKey, UpdateListing};
pub use migration::{EndMigration, Migration, Restore, SourceMark};
pub use money::{Count, Fen, OutOfRange, Price, Stock};
pub use operation::{Answer, Decided, Halt, Operation, Refused, Request};
pub use order::{
    Address, Basket, CancelOrder, CancelUntil, ConcludeOrder, ExpireOrder, Order, OrderLine,
    OrderState, OrderStatus, PayOrder, PlaceOrder, ReceiveOrder, SendOrder, Tracking,
};
pub use store::{CreateStore, Store};
pub use terminal::{Generation, LogOut, Terminal, TerminalKey};
pub use time::{Clock, Timestamp};
pub use working_set::{Change, Key, Lacks, WorkingSet};
