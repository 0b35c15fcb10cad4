//! Tests of the real binary: one program, so that what they share is compiled and used once.

// `cfg(test)` always holds here; by it Clippy knows that helpers may unwrap as tests may.
#[cfg(test)]
mod commands;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod search;
#[cfg(test)]
mod support;
