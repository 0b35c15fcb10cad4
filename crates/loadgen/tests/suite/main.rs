//! The tool against servers of known quality: an honest fake shop, the same with one flaw each,
//! `noop`, and scripts that speak bad HTTP.

// `cfg(test)` always holds here; by it Clippy knows that helpers may unwrap as tests may.
#[cfg(test)]
mod audits;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod loads;
#[cfg(test)]
mod races;
