//! Tests of the real binary over a real MongoDB: several processes over one deployment, and what
//! becomes of their work when members and processes fail.
//!
//! The short form runs always, in about a minute. With `BOOKSTORE_TEST_LONG=1` the long
//! form runs too: a member stopped for 20 s, all members killed, and every failure several times.
//! Recovery times are printed: `cargo test -p bookstore --test mongo -- --nocapture`.
//!
//! mongod is the one that `BOOKSTORE_TEST_MONGOD` names, the one on the `PATH`, or the one that
//! `scripts/fetch-mongod` has fetched. Without any the tests are skipped; with `CI=true` they fail.

// `cfg(test)` always holds here; by it Clippy knows that helpers may unwrap as tests may.
#[cfg(test)]
mod check;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod load;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod members;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod search;
#[cfg(test)]
mod support;
