//! What a run came to, as numbers; and how they are shown.

mod html;
mod plot;
mod table;

pub use table::decimal;

use clap::ValueEnum;
use serde::Serialize;

use crate::calls::Step;
use crate::check::Audit;
use crate::journey::Mix;
use crate::load::{Plan, Taken};
use crate::outcome::{Class, Outcome};
use crate::pacer::Pace;
use crate::record::{Latencies, Record, Second};
use crate::shop::{Shape, Shop};

/// The parts of all that a curve of latencies has points for, and so has the table.
const QUANTILES: [f64; 14] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0,
];

/// What was run, and how.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    pub targets: Vec<String>,
    pub mix: Mix,
    /// Journeys a second in an open loop; nothing in a closed one.
    pub rate: Option<f64>,
    pub connections: u32,
    pub threads: u32,
    pub warm_up_s: f64,
    pub duration_s: f64,
    pub seed: u64,
    pub shop: Shape,
}

impl Setting {
    pub fn of(plan: &Plan, shop: &Shop) -> Self {
        Self {
            targets: plan.targets.iter().map(ToString::to_string).collect(),
            mix: plan.mix,
            rate: match plan.pace {
                Pace::Closed => None,
                Pace::Open { rate } => Some(rate),
            },
            connections: plan.connections,
            threads: plan.threads,
            warm_up_s: plan.warm_up.as_secs_f64(),
            duration_s: plan.duration.as_secs_f64(),
            seed: plan.seed,
            shop: shop.shape.clone(),
        }
    }
}

impl Setting {
    pub fn mix_name(&self) -> String {
        let mix = self.mix.to_possible_value();
        mix.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Latencies, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
    /// Pairs of a quantile (0 to 1) and a latency.
    pub curve: Vec<(f64, f64)>,
}

impl From<&Latencies> for Spread {
    fn from(latencies: &Latencies) -> Self {
        let at = |quantile| (quantile, latencies.quantile_us(quantile));
        Self {
            count: latencies.count(),
            mean_us: latencies.mean_us(),
            p50_us: latencies.quantile_us(0.5),
            p90_us: latencies.quantile_us(0.9),
            p99_us: latencies.quantile_us(0.99),
            p999_us: latencies.quantile_us(0.999),
            max_us: latencies.max_us(),
            curve: QUANTILES.into_iter().map(at).collect(),
        }
    }
}

/// What one step came to.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    pub step: &'static str,
    pub accepted: u64,
    pub per_s: f64,
    /// Of what was accepted, from when it was due.
    pub latency: Spread,
    /// Of what was turned away, from when it was sent.
    pub shed_latency: Option<Spread>,
}

/// How often a step ended in a certain way.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    pub step: &'static str,
    pub outcome: Outcome,
    pub class: Class,
    pub count: u64,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub setting: Setting,
    /// Journeys of which each step was accepted.
    pub journeys: u64,
    pub journeys_per_s: f64,
    /// Accepted requests of all steps.
    pub requests: u64,
    pub requests_per_s: f64,
    pub tps_c: Option<f64>,
    /// Journeys that were due and had not begun at the end; in an open loop only.
    pub unsent: u64,
    pub steps: Vec<StepReport>,
    /// How many processors this program used while it ran, warm-up included: where that is all it
    /// has, it measured itself.
    pub generator_cores: Option<f64>,
    /// What the disk needs to make a page durable, where that was asked for.
    pub fsync: Option<Spread>,
    pub audit: Option<Audit>,
    /// Everything that was not accepted.
    pub not_accepted: Vec<Ending>,
    pub seconds: Vec<Second>,
}

impl Report {
    pub fn new(plan: &Plan, shop: &Shop, taken: &Taken) -> Self {
        let record = &taken.record;
        let seconds = record.length().as_secs_f64();
        let requests = record.requests();
        Self {
            setting: Setting::of(plan, shop),
            journeys: record.journeys,
            journeys_per_s: record.journeys as f64 / seconds,
            requests,
            requests_per_s: requests as f64 / seconds,
            tps_c: record.tps_c(plan.connections),
            unsent: record.unsent,
            generator_cores: taken.generator_cores,
            fsync: None,
            audit: None,
            steps: steps(record, seconds),
            not_accepted: not_accepted(record),
            seconds: record.seconds.clone(),
        }
    }

    /// How many outcomes are of this class.
    pub fn count(&self, class: Class) -> u64 {
        let of_class = self
            .not_accepted
            .iter()
            .filter(|ending| ending.class == class);
        of_class.map(|ending| ending.count).sum()
    }
}

fn steps(record: &Record, seconds: f64) -> Vec<StepReport> {
    let report = |step: Step| {
        let found = record.step(step)?;
        Some(StepReport {
            step: step.name(),
            accepted: found.accepted_count,
            per_s: found.accepted_count as f64 / seconds,
            latency: Spread::from(&found.accepted),
            shed_latency: found.shed.as_ref().map(Spread::from),
        })
    };
    Step::ALL.into_iter().filter_map(report).collect()
}

fn not_accepted(record: &Record) -> Vec<Ending> {
    let endings = record
        .outcomes
        .iter()
        .map(|((step, outcome), count)| Ending {
            step: step.name(),
            outcome: *outcome,
            class: outcome.class(*step),
            count: *count,
        });
    endings
        .filter(|ending| ending.class != Class::Accepted)
        .collect()
}
