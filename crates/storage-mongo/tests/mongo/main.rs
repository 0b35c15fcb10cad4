//! The engine against a real mongod: all cases share one replica set of one, each with a database
//! of its own.

mod conformance;
mod failures;
mod feed;
mod indexes;
mod meeting;
mod processes;
mod remembered;
mod server;
mod start;
