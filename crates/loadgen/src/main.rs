//! The program: what was typed becomes a command, and what came of it an exit code.

use std::process::ExitCode;

use clap::Parser;
use loadgen::cli::Cli;
use loadgen::commands::{self, Verdict};
use loadgen::output;

/// The same as the server's: `noop` is to be measured against it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::FoundProblem) => ExitCode::from(1),
        Err(error) => {
            output::report(&error);
            ExitCode::from(2)
        }
    }
}
