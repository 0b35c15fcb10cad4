//! The wire contract through the real router, over the reference engine.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do; the lint knows only the tests themselves"
)]

mod auth;
mod bodies;
mod buyer;
mod failures;
mod histories;
mod idempotency;
mod seller;
mod server;
mod states;
mod test_app;
