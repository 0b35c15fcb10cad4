//! `loadgen run`

use std::sync::Arc;
use std::thread;

use super::{Verdict, block_on};
use crate::cli::{LoadArguments, RunArguments};
use crate::error::Error;
use crate::http::Target;
use crate::live::Live;
use crate::load::{self, Plan};
use crate::output::say;
use crate::pacer::Pace;
use crate::people::{Crew, log_in_all};
use crate::progress::Progress;
use crate::report::Report;
use crate::shop::Shop;

/// How many connections log everybody in.
const LOG_IN_CONNECTIONS: u32 = 16;

pub fn run(arguments: &RunArguments) -> Result<Verdict, Error> {
    let plan = plan(&arguments.load, arguments.targets());
    let shop = Arc::new(Shop::new(arguments.shop.shape()));
    let crew = Crew {
        target: plan.targets[0].clone(),
        connections: LOG_IN_CONNECTIONS,
    };
    let people = Arc::new(block_on(log_in_all(&crew, &shop))?);
    let live = Arc::new(Live::default());
    let length = plan.warm_up + plan.duration;
    let progress = Progress::of_run(live.clone(), length, plan.mix.journeys());
    let taken = load::run(&plan, &shop, &people, &live);
    drop(progress);
    let report = Report::new(&plan, &shop, &taken?);
    say(&report.table());
    Ok(Verdict::Done)
}

/// The plan that was typed.
fn plan(load: &LoadArguments, targets: Vec<Arc<Target>>) -> Plan {
    Plan {
        targets,
        mix: load.mix,
        pace: match load.rate {
            None => Pace::Closed,
            Some(rate) => Pace::Open { rate },
        },
        connections: load.connections,
        threads: load
            .threads
            .unwrap_or_else(threads_default)
            .min(load.connections),
        warm_up: load.warm_up,
        duration: load.duration,
        seed: load.seed,
        timeout: load.timeout,
        keeps_journal: false,
    }
}

/// Half of the processors: the other half is the server's, where it is on the same machine.
fn threads_default() -> u32 {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors / 2).unwrap_or(1).max(1)
}
