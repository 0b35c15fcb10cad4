//! What these tests share with those of the suite: guarded processes and the HTTP client.

#[path = "../../suite/support/client.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
pub mod client;
#[path = "../../suite/support/process.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
pub mod process;

pub use client::Client;
pub use process::{Guarded, Server};
