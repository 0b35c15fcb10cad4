//! The program: commands, settings, wiring, telemetry, shutdown.
//!
//! What lives here: what a person types and reads, the machine's clock, and the choice of the
//! engine. What never does: a rule of the shop, a status code, SQL of the engine (the only SQL here
//! reads other people's book files, in [`book_file`]).
//!
//! Read [`cli`] first, then [`serve`].

mod audit;
mod book_file;
mod cli;
mod clock;
mod data;
mod demo;
mod import;
mod migrate;
mod operator;
mod output;
mod progress;
mod search;
mod seller;
mod serve;
mod settings;
mod signals;
mod telemetry;
mod user;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::cli::{Cli, Command, UserCommand};

/// Argon2id's 19 MiB and the small change of every request: measurably better than the default.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command that could run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All is well.
    Done,
    /// It found something wrong, and said what.
    FoundProblem,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::FoundProblem) => ExitCode::from(1),
        Err(error) => {
            output::report(&error);
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Verdict> {
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    telemetry::start(match &command {
        Command::Serve(arguments) => &arguments.log,
        // What the other commands have to say they print.
        _ => "warn",
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the program's threads can't be started")?;
    let verdict = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(&arguments).await,
            Command::Import(arguments) => import::run(&arguments).await,
            Command::Migrate(arguments) => migrate::run(&arguments).await,
            Command::Audit(arguments) => audit::run(&arguments.data).await,
            Command::Reindex(arguments) => search::reindex(&arguments.data).await,
            Command::User(UserCommand::Fund(arguments)) => user::fund(&arguments).await,
        }
    });
    // What is still at work in other threads (a password being hashed, say) nobody waits for.
    runtime.shutdown_background();
    verdict
}
