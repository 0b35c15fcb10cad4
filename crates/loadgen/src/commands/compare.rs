//! `loadgen compare`

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::noop::LISTENS;
use super::run::{crew, plan, watched, write_json};
use super::{Verdict, block_on};
use crate::cli::{CompareArguments, Rival};
use crate::compare::{self, Comparison, Round, Side};
use crate::error::Error;
use crate::http::Target;
use crate::output::{grouped, say};
use crate::people::log_in_all;
use crate::report::decimal;
use crate::shop::Shop;

pub fn run(arguments: &CompareArguments) -> Result<Verdict, Error> {
    let shop = Arc::new(Shop::new(arguments.shop.shape()));
    let (a, b) = (Running::of(&arguments.a)?, Running::of(&arguments.b)?);
    let side = |running: &Running| {
        let people = block_on(log_in_all(&crew(&running.target), &shop))?;
        Ok::<_, Error>(Side {
            plan: plan(&arguments.load, vec![running.target.clone()]),
            people: Arc::new(people),
        })
    };
    let (first, second) = (side(&a)?, side(&b)?);
    let names = (arguments.a.to_string(), arguments.b.to_string());
    say(&heading(&names, &first));
    let comparison = compare::run(
        &shop,
        (&first, &second),
        arguments.rounds,
        |plan, people| watched(plan, &shop, people),
        |number, round| say(&line(&(number + 1).to_string(), round)),
    )?;
    say(&line("median", &comparison.median));
    say(&verdict(&names, &comparison));
    if let Some(path) = &arguments.json {
        write_json(path, &comparison)?;
    }
    Ok(Verdict::Done)
}

fn heading((a, b): &(String, String), side: &Side) -> String {
    let plan = &side.plan;
    format!(
        "A is {a}, B is {b}; {} connections, threads: {}, {} s each after {} s of warm-up\n\n\
         {:<8}{:>12}{:>10}{:>10}{:>12}{:>10}{:>10}{:>9}",
        plan.connections,
        plan.threads,
        plan.duration.as_secs_f64(),
        plan.warm_up.as_secs_f64(),
        "round",
        "A req/s",
        "p50 ms",
        "p99 ms",
        "B req/s",
        "p50 ms",
        "p99 ms",
        "A / B"
    )
}

fn line(name: &str, round: &Round) -> String {
    let mut line = format!("{name:<8}");
    for score in [&round.a, &round.b] {
        let (p50, p99) = (score.p50_us / 1e3, score.p99_us / 1e3);
        line += &format!(
            "{:>12}{p50:>10.3}{p99:>10.3}",
            decimal(score.requests_per_s)
        );
    }
    line + &format!("{:>9.3}", round.ratio)
}

fn verdict((a, b): &(String, String), comparison: &Comparison) -> String {
    let median = &comparison.median;
    let ratios = comparison.rounds.iter().map(|round| round.ratio);
    let (low, high) = ratios.fold((f64::MAX, 0.0_f64), |(low, high), ratio| {
        (low.min(ratio), high.max(ratio))
    });
    let mut text = format!(
        "\n{a} makes {:.3} of the requests a second of {b} ({low:.3} to {high:.3})",
        median.ratio
    );
    for (name, score) in [(a, &median.a), (b, &median.b)] {
        if score.not_accepted > 0 {
            let count = grouped(score.not_accepted);
            text += &format!("\n{name}: {count} requests were not accepted; see `loadgen run`");
        }
        if let Some(cores) = score.generator_cores {
            text += &format!("\nbeside {name}, loadgen used {cores:.2} processors");
        }
    }
    text
}

/// A side that is there: a server of somebody else's, or a `noop` of our own, which ends with this.
struct Running {
    target: Arc<Target>,
    child: Option<Child>,
}

impl Running {
    fn of(rival: &Rival) -> Result<Self, Error> {
        match rival {
            Rival::Server(target) => Ok(Self {
                target: Arc::new(target.clone()),
                child: None,
            }),
            Rival::Noop => Self::start_noop(),
        }
    }

    /// A process of its own, as a server is: within this one it would be measured together with
    /// the load.
    fn start_noop() -> Result<Self, Error> {
        let machine = |source| Error::Machine {
            what: "`loadgen noop` can't be started",
            source,
        };
        let program = std::env::current_exe().map_err(machine)?;
        let mut child = Command::new(program)
            .args(["noop", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(machine)?;
        let mut line = String::new();
        let said = match child.stdout.take() {
            Some(stdout) => BufReader::new(stdout).read_line(&mut line),
            None => Ok(0),
        };
        // Held from here on, so that it ends even where what it said is of no use.
        let mut running = Self {
            target: Arc::new(Target::nowhere()),
            child: Some(child),
        };
        said.map_err(machine)?;
        let url = line.trim().strip_prefix(LISTENS).unwrap_or_default();
        running.target = Arc::new(
            url.parse()
                .map_err(|_| machine(std::io::Error::other("it did not say where it listens")))?,
        );
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Where it has ended already there is nothing left to do.
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}
