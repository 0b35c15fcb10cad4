//! The shop in a real browser: headless Chromium, driven by chromedriver over the real binary with
//! its demonstration, and every page checked by axe-core.
//!
//! `chromium` and `chromedriver` are those on the `PATH`, axe-core is what `scripts/fetch-axe` has
//! fetched. Without them the tests are skipped; with `CI=true` they fail. With
//! `BOOKSTORE_TEST_SHOTS=DIR` every page is also saved as a picture there, for people to look at.

// `cfg(test)` always holds here; by it Clippy knows that helpers may unwrap as tests may.
#[cfg(test)]
mod chrome;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod in_place;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod support;
