//! The wire contract through the real router, over the reference engine.

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
