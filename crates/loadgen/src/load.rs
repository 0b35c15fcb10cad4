//! Puts load on a server: threads, connections, and when each of them asks.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::calls::Caller;
use crate::error::Error;
use crate::http::{Connection, Target};
use crate::journal::Journal;
use crate::journey::{Client, Mix, Shared, lock};
use crate::live::Live;
use crate::pacer::{Pace, Pacer};
use crate::people::People;
use crate::random::Random;
use crate::record::{Belongs, Record, Window};
use crate::shop::Shop;

/// What load to put where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Servers of one shop; connections are dealt out among them in turn.
    pub targets: Vec<Arc<Target>>,
    pub mix: Mix,
    pub pace: Pace,
    pub connections: u32,
    pub threads: u32,
    pub warm_up: Duration,
    pub duration: Duration,
    pub seed: u64,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether to keep what is acknowledged.
    pub keeps_journal: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Taken {
    pub record: Record,
    pub journal: Journal,
    /// How many processors this program used meanwhile, where the machine tells.
    pub generator_cores: Option<f64>,
}

/// Does as planned, and returns when the last answer is there.
///
/// # Errors
/// Where the machine gives no thread.
pub fn run(
    plan: &Plan,
    shop: &Arc<Shop>,
    people: &Arc<People>,
    live: &Arc<Live>,
) -> Result<Taken, Error> {
    let begin = Instant::now();
    let window = Window {
        start: begin + plan.warm_up,
        end: begin + plan.warm_up + plan.duration,
    };
    let pacer = Pacer::new(plan.pace, plan.seed, begin, window.end, plan.threads);
    let belongs = match plan.pace {
        Pace::Closed => Belongs::ByEnd,
        Pace::Open { .. } => Belongs::ByDue,
    };
    let shared = || {
        Arc::new(Shared {
            shop: shop.clone(),
            people: people.clone(),
            mix: plan.mix,
            record: Mutex::new(Record::new(window, belongs)),
            journal: plan.keeps_journal.then(Mutex::default),
            live: live.clone(),
        })
    };
    let mut taken = Taken {
        record: Record::new(window, belongs),
        journal: Journal::default(),
        generator_cores: None,
    };
    let used_before = processor_time();
    thread::scope(|scope| {
        let pace = pacer.spawn(scope);
        let workers: Vec<_> = (0..plan.threads)
            .map(|number| {
                let (shared, pacer) = (shared(), &pacer);
                scope.spawn(move || work(plan, number, window, &shared, pacer).map(|()| shared))
            })
            .collect();
        for worker in workers {
            let shared = worker.join().expect("a worker doesn't panic")?;
            taken.record.add(&lock(&shared.record));
            if let Some(journal) = &shared.journal {
                taken.journal.add(std::mem::take(&mut *lock(journal)));
            }
        }
        if let Some(pace) = pace {
            pace.join().expect("the pacer doesn't panic");
        }
        for due in pacer.left() {
            taken.record.unsent(plan.mix.first_step(), due);
        }
        taken.generator_cores = used_before.zip(processor_time()).map(|(before, after)| {
            after.saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64()
        });
        Ok(taken)
    })
}

/// One thread with its share of the connections.
fn work(
    plan: &Plan,
    number: u32,
    window: Window,
    shared: &Arc<Shared>,
    pacer: &Pacer,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine {
            what: "no event loop can be had",
            source,
        })?;
    let arrivals = pacer.arrivals(number);
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        for connection in (number..plan.connections).step_by(plan.threads as usize) {
            let target = &plan.targets[connection as usize % plan.targets.len()];
            let caller = Caller::new(Connection::new(target.clone(), plan.timeout));
            let random = Random::of(&[plan.seed, u64::from(connection)]);
            let mut client = Client::new(shared.clone(), caller, random);
            let arrivals = arrivals.clone();
            clients.spawn(async move {
                while let Some(due) = arrivals.next(window.end).await {
                    client.travel(due).await;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.expect("a client doesn't panic");
        }
    });
    Ok(())
}

/// How long this program has kept processors busy, where the machine tells.
fn processor_time() -> Option<Duration> {
    /// What Linux counts these times in, whatever it counts in inside.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name may have spaces in it, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks = times
        .map(|field| field.parse::<u64>().ok())
        .sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn work_keeps_a_processor_busy() {
        let before = processor_time().unwrap();
        let mut random = Random::new(1);
        while processor_time().unwrap() < before + Duration::from_millis(20) {
            random.number();
        }
    }
}
