//! The use cases over the reference engine.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod authentication;
mod deadlines;
mod shop;
