//! `loadgen noop`

use tokio::net::TcpListener;

use super::{MACHINE_LOOP, Verdict};
use crate::cli::NoopArguments;
use crate::error::Error;
use crate::noop;
use crate::output::say;

/// What stands before the address where it listens; `compare` reads it.
pub const LISTENS: &str = "noop listens on ";

pub fn run(arguments: &NoopArguments) -> Result<Verdict, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = arguments.threads {
        builder.worker_threads(threads as usize);
    }
    let machine = |what| move |source| Error::Machine { what, source };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(machine(MACHINE_LOOP))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await;
        let listener = listener.map_err(machine("can't listen there"))?;
        let address = listener
            .local_addr()
            .map_err(machine("can't listen there"))?;
        say(&format!("{LISTENS}http://{address}"));
        // Connections are served by the worker threads, as the server does it.
        noop::serve(listener).await;
        Ok(Verdict::Done)
    })
}
