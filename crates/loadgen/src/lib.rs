//! A load generator and auditor of servers that speak the bookstore's wire contract.
//!
//! What lives here: everything about load and about checking a server from the outside. What never
//! does: any other crate of this workspace. It knows public HTTP and the contract, nothing else, so
//! that it can be pointed at any server.
//!
//! Read [`load`] first, then [`journey`], which says what clients do, and [`record`], which says
//! what counts.

pub mod books;
pub mod calls;
pub mod check;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod error;
pub mod fsync;
pub mod http;
pub mod journal;
pub mod journey;
mod json;
pub mod live;
pub mod load;
pub mod noop;
pub mod outcome;
pub mod output;
pub mod pacer;
pub mod people;
pub mod progress;
pub mod race;
pub mod random;
pub mod record;
pub mod report;
mod settings;
pub mod setup;
pub mod shop;
