//! Tests of the real binary: one program, so that what they share is compiled and used once.

mod commands;
mod end_to_end;
mod readme;
mod support;
