//! Two servers, measured in turns within one run: what the machine does to one it does to the
//! other, so their ratio means more than two figures from different hours.

use std::sync::Arc;

use serde::Serialize;

use crate::error::Error;
use crate::load::{Plan, Taken};
use crate::people::People;
use crate::report::{Report, Setting};
use crate::shop::Shop;

/// One of the two.
#[derive(Debug, Clone)]
pub struct Side {
    pub plan: Plan,
    pub people: Arc<People>,
}

/// What one side did in one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Score {
    pub journeys_per_s: f64,
    pub requests_per_s: f64,
    /// Of the slowest step.
    pub p50_us: f64,
    pub p99_us: f64,
    /// What was neither accepted nor unsupported.
    pub not_accepted: u64,
    pub generator_cores: Option<f64>,
}

/// One round: both sides, one after the other.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    pub a: Score,
    pub b: Score,
    /// Requests a second of A over those of B.
    pub ratio: f64,
}

/// What the comparison came to.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub a: Setting,
    pub b: Setting,
    pub rounds: Vec<Round>,
    /// The medians over all rounds.
    pub median: Round,
}

/// Measures both sides in each round; which is first changes from round to round. `measure` puts
/// the load on.
///
/// # Errors
/// Where `measure` has one.
pub fn run(
    shop: &Shop,
    (a, b): (&Side, &Side),
    rounds: u32,
    mut measure: impl FnMut(&Plan, &Arc<People>) -> Result<Taken, Error>,
    mut each: impl FnMut(u32, &Round),
) -> Result<Comparison, Error> {
    let mut done = Vec::new();
    for number in 0..rounds {
        let mut score = |side: &Side| {
            let mut plan = side.plan.clone();
            // Other baskets in each round, and the same on both sides.
            plan.seed = plan.seed.wrapping_add(u64::from(number));
            let taken = measure(&plan, &side.people)?;
            Ok::<_, Error>(Score::of(&Report::new(&plan, shop, &taken)))
        };
        let (a, b) = if number % 2 == 0 {
            let a = score(a)?;
            (a, score(b)?)
        } else {
            let b = score(b)?;
            (score(a)?, b)
        };
        let round = Round {
            a,
            b,
            ratio: a.requests_per_s / b.requests_per_s,
        };
        each(number, &round);
        done.push(round);
    }
    Ok(Comparison {
        a: Setting::of(&a.plan, shop),
        b: Setting::of(&b.plan, shop),
        median: median_round(&done),
        rounds: done,
    })
}

impl Score {
    fn of(report: &Report) -> Self {
        let slowest = |us: fn(&crate::report::Spread) -> f64| {
            let steps = report.steps.iter().map(|step| us(&step.latency));
            steps.fold(0.0, f64::max)
        };
        let endings = report.not_accepted.iter();
        let not_accepted = endings
            .filter(|ending| ending.class != crate::outcome::Class::Unsupported)
            .map(|ending| ending.count);
        Self {
            journeys_per_s: report.journeys_per_s,
            requests_per_s: report.requests_per_s,
            p50_us: slowest(|spread| spread.p50_us),
            p99_us: slowest(|spread| spread.p99_us),
            not_accepted: not_accepted.sum(),
            generator_cores: report.generator_cores,
        }
    }

    fn median(scores: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(scores.iter().map(value).collect());
        let cores: Option<Vec<_>> = scores.iter().map(|score| score.generator_cores).collect();
        Self {
            journeys_per_s: of(|score| score.journeys_per_s),
            requests_per_s: of(|score| score.requests_per_s),
            p50_us: of(|score| score.p50_us),
            p99_us: of(|score| score.p99_us),
            not_accepted: scores.iter().map(|score| score.not_accepted).sum(),
            generator_cores: cores.map(median),
        }
    }
}

/// The median of each figure by itself; of what was not accepted, the sum.
fn median_round(rounds: &[Round]) -> Round {
    let side = |side: fn(&Round) -> Score| rounds.iter().map(side).collect::<Vec<_>>();
    Round {
        a: Score::median(&side(|round| round.a)),
        b: Score::median(&side(|round| round.b)),
        ratio: median(rounds.iter().map(|round| round.ratio).collect()),
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
