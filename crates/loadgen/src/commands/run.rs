//! `loadgen run`

use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::{Verdict, block_on};
use crate::check::Auditor;
use crate::cli::{LoadArguments, RunArguments};
use crate::error::Error;
use crate::fsync;
use crate::http::Target;
use crate::live::Live;
use crate::load::{self, Plan};
use crate::output::{note, say};
use crate::pacer::Pace;
use crate::people::{Crew, People, log_in_all};
use crate::progress::Progress;
use crate::report::{Report, Spread};
use crate::shop::Shop;

/// How many connections log everybody in and look everything through.
const CREW_CONNECTIONS: u32 = 16;

pub fn run(arguments: &RunArguments) -> Result<Verdict, Error> {
    let mut plan = plan(&arguments.load, super::shared(&arguments.target));
    let shop = Arc::new(Shop::new(arguments.shop.shape()));
    let crew = crew(&plan.targets[0]);
    let people = Arc::new(block_on(log_in_all(&crew, &shop))?);
    plan.keeps_journal = !arguments.no_check && !people.are_of_noop();
    let auditor = Auditor {
        crew: &crew,
        shop: &shop,
        people: &people,
        preference: plan.mix.preference(),
        payment_timeout: arguments.payment_timeout,
    };
    let baseline = match plan.keeps_journal {
        true => Some(block_on(auditor.baseline())?),
        false => None,
    };
    let disk = arguments.fsync.as_deref().map(fsync::measure).transpose()?;
    let taken = watched(&plan, &shop, &people)?;
    let mut report = Report::new(&plan, &shop, &taken);
    report.fsync = disk.as_ref().map(Spread::from);
    say(&report.table());
    if let Some(baseline) = baseline {
        let audit = block_on(auditor.audit(&baseline, &taken.journal))?;
        say(&audit.table());
        report.audit = Some(audit);
    }
    write_files(&report, arguments)?;
    let findings = report
        .audit
        .as_ref()
        .map_or(0, |audit| audit.findings.count);
    Ok(match findings {
        0 => Verdict::Done,
        _ => Verdict::FoundProblem,
    })
}

pub fn crew(target: &Arc<Target>) -> Crew {
    Crew {
        target: target.clone(),
        connections: CREW_CONNECTIONS,
    }
}

/// Puts the load on, and shows how it goes.
pub fn watched(plan: &Plan, shop: &Arc<Shop>, people: &Arc<People>) -> Result<load::Taken, Error> {
    let live = Arc::new(Live::default());
    let length = plan.warm_up + plan.duration;
    let progress = Progress::of_run(live.clone(), length, plan.mix.journeys());
    let taken = load::run(plan, shop, people, &live);
    drop(progress);
    taken
}

fn write_files(report: &Report, arguments: &RunArguments) -> Result<(), Error> {
    if let Some(path) = &arguments.json {
        write_json(path, report)?;
    }
    if let Some(path) = &arguments.html {
        write(path, &report.html())?;
    }
    Ok(())
}

/// Writes something as JSON.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let json = serde_json::to_string_pretty(value).expect("a report has no maps with odd keys");
    write(path, &(json + "\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|source| Error::File {
        path: path.into(),
        what: "written",
        source,
    })?;
    note(&format!("written: {}", path.display()));
    Ok(())
}

/// The plan that was typed.
pub fn plan(load: &LoadArguments, targets: Vec<Arc<Target>>) -> Plan {
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
