//! The wire contract, JSON reads and pages through the real router, over the reference engine.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do; the lint knows only the tests themselves"
)]

mod api;
mod auth;
mod bodies;
mod browser;
mod buyer;
mod failures;
mod histories;
mod idempotency;
mod pages;
mod pictures;
mod results;
mod search;
mod search_input;
mod seller;
mod server;
mod states;
mod test_app;
