//! The commands, one file each.

mod compare;
mod noop;
mod race;
mod run;
mod setup;

use std::sync::Arc;

use crate::cli::Command;
use crate::error::Error;
use crate::http::Target;

/// What a command that could run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Done,
    /// It found something wrong, and said what.
    FoundProblem,
}

/// Runs a command.
///
/// # Errors
/// Where it could not run.
pub fn run(command: Command) -> Result<Verdict, Error> {
    match command {
        Command::Setup(arguments) => setup::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Race(arguments) => race::run(&arguments),
        Command::Noop(arguments) => noop::run(&arguments),
    }
}

const MACHINE_LOOP: &str = "no event loop can be had";

/// Runs something that asks over HTTP, in this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine {
            what: MACHINE_LOOP,
            source,
        })?;
    runtime.block_on(work)
}

fn shared(targets: &[Target]) -> Vec<Arc<Target>> {
    targets.iter().cloned().map(Arc::new).collect()
}
