//! `loadgen race`

use super::{Verdict, block_on};
use crate::cli::RaceArguments;
use crate::error::Error;
use crate::output::say;
use crate::race::{self, Race};

pub fn run(arguments: &RaceArguments) -> Result<Verdict, Error> {
    let plan = race::Plan {
        targets: super::shared(&arguments.target),
        clients: arguments.clients,
        rounds: arguments.rounds,
        prefix: arguments.name.clone().unwrap_or_else(new_name),
    };
    let races = match &arguments.only[..] {
        [] => &Race::ALL[..],
        some => some,
    };
    let mut verdicts = Vec::new();
    for race in races {
        let verdict = block_on(race::run(&plan, *race))?;
        say(&sentence(&verdict));
        verdicts.push(verdict);
    }
    if let Some(path) = &arguments.json {
        super::run::write_json(path, &verdicts)?;
    }
    let is_broken = verdicts.iter().any(|verdict| !verdict.broken.is_empty());
    Ok(if is_broken {
        Verdict::FoundProblem
    } else {
        Verdict::Done
    })
}

/// A name that no earlier run had.
#[expect(
    clippy::disallowed_methods,
    reason = "ids have to be new on the server; nothing else follows from this time"
)]
fn new_name() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("race{:x}", now.map_or(0, |since| since.as_micros()))
}

fn sentence(verdict: &race::Verdict) -> String {
    let name = verdict.race.name();
    if let Some(why) = &verdict.unsupported {
        return format!("{name:<20} not run: {why}");
    }
    if verdict.broken.is_empty() {
        return format!("{name:<20} kept in {} rounds", verdict.rounds);
    }
    format!("{name:<20} BROKEN\n  {}", verdict.broken.join("\n  "))
}
