//! What the tests of the binary share: processes that never outlive their test, a small HTTP
//! client, book files.

pub mod books;
pub mod client;
pub mod moving;
pub mod process;

pub use client::Client;
pub use process::{Server, run, start};
