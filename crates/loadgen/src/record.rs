//! What was measured: latencies, outcomes, and how many of them each second saw.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::calls::Step;
use crate::outcome::{Class, Outcome};

/// Latencies are told apart to three digits, up to here.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;
const LATENCY_DIGITS: u8 = 3;

/// From when to when what happens counts.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    pub fn contains(&self, moment: Instant) -> bool {
        self.start <= moment && moment < self.end
    }

    pub fn length(&self) -> Duration {
        self.end - self.start
    }
}

/// When a request was due, sent and answered.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// When it should have begun. In a closed loop that is when it began.
    pub due: Instant,
    pub begun: Instant,
    pub ended: Instant,
}

/// By what moment a request belongs to the window or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// By its answer: the next request waits for it, so this keeps the count fair.
    ByEnd,
    /// By when it was due, however late the answer: else slow ones would be left out.
    ByDue,
}

/// Latencies, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_NS, LATENCY_DIGITS);
        Self(histogram.expect("the bounds are in order"))
    }
}

impl Latencies {
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos);
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this part of all (0 to 1) does not exceed, in microseconds.
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    pub fn max_us(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }

    pub fn mean_us(&self) -> f64 {
        self.0.mean() / 1e3
    }
}

/// What is known of one step.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// From when it was due to the answer, of what was accepted. What was due and never sent is in
    /// here too, with the time that it had waited at the end.
    pub accepted: Latencies,
    /// From the sending to the answer, of what was turned away.
    pub shed: Option<Latencies>,
    /// The sum from sending to answer, of all.
    pub service_time: Duration,
    pub accepted_count: u64,
}

/// What one second saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    pub requests: u64,
    pub journeys: u64,
    pub shed: u64,
    pub failed: u64,
    pub latency_max_us: u64,
}

/// What one thread measured, or all together.
#[derive(Debug, Clone)]
pub struct Record {
    window: Window,
    belongs: Belongs,
    steps: Vec<Option<Box<StepRecord>>>,
    pub outcomes: BTreeMap<(Step, Outcome), u64>,
    /// Whole journeys of which each step was accepted.
    pub journeys: u64,
    /// Journeys that were due and had not begun at the end.
    pub unsent: u64,
    pub seconds: Vec<Second>,
}

impl Record {
    pub fn new(window: Window, belongs: Belongs) -> Self {
        let seconds = window.length().as_secs_f64().ceil() as usize;
        Self {
            window,
            belongs,
            steps: vec![None; Step::ALL.len()],
            outcomes: BTreeMap::new(),
            journeys: 0,
            unsent: 0,
            seconds: vec![Second::default(); seconds],
        }
    }

    pub fn step(&self, step: Step) -> Option<&StepRecord> {
        self.steps[step as usize].as_deref()
    }

    fn step_mut(&mut self, step: Step) -> &mut StepRecord {
        self.steps[step as usize].get_or_insert_default()
    }

    /// Takes note of a request's end.
    pub fn request(&mut self, step: Step, timing: Timing, outcome: Outcome) {
        let class = outcome.class(step);
        let has_ended_within = self.window.contains(timing.ended);
        if has_ended_within {
            *self.outcomes.entry((step, outcome)).or_default() += 1;
            self.count_second(timing, class);
            let service_time = timing.ended - timing.begun;
            let step = self.step_mut(step);
            step.service_time += service_time;
            match class {
                Class::Accepted => step.accepted_count += 1,
                Class::Shed => step.shed.get_or_insert_default().record(service_time),
                Class::Unsupported | Class::Refused | Class::Failed => {}
            }
        }
        let belongs = match self.belongs {
            Belongs::ByEnd => has_ended_within,
            Belongs::ByDue => self.window.contains(timing.due),
        };
        if belongs && class == Class::Accepted {
            let latency = timing.ended.saturating_duration_since(timing.due);
            self.step_mut(step).accepted.record(latency);
        }
    }

    fn count_second(&mut self, timing: Timing, class: Class) {
        let Some(second) = self.second_of(timing.ended) else {
            return;
        };
        match class {
            Class::Accepted => {
                let latency = timing.ended.saturating_duration_since(timing.due);
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                second.latency_max_us = second.latency_max_us.max(latency_us);
                second.requests += 1;
            }
            Class::Shed => second.shed += 1,
            Class::Failed => second.failed += 1,
            Class::Unsupported | Class::Refused => {}
        }
    }

    fn second_of(&mut self, moment: Instant) -> Option<&mut Second> {
        let since = moment.saturating_duration_since(self.window.start);
        self.seconds.get_mut(since.as_secs() as usize)
    }

    /// Takes note of a journey of which each step was accepted.
    pub fn journey(&mut self, ended: Instant) {
        if self.window.contains(ended) {
            self.journeys += 1;
            if let Some(second) = self.second_of(ended) {
                second.journeys += 1;
            }
        }
    }

    /// Takes note of a journey that was due and has not begun at the end. It counts with the time
    /// that it waited: to leave it out would make an overloaded server look well.
    pub fn unsent(&mut self, first: Step, due: Instant) {
        if self.window.contains(due) {
            self.unsent += 1;
            let waited = self.window.end - due;
            self.step_mut(first).accepted.record(waited);
        }
    }

    /// Adds what another thread measured.
    pub fn add(&mut self, other: &Self) {
        for (step, theirs) in Step::ALL.into_iter().zip(&other.steps) {
            let Some(theirs) = theirs else { continue };
            let ours = self.step_mut(step);
            ours.accepted.add(&theirs.accepted);
            ours.service_time += theirs.service_time;
            ours.accepted_count += theirs.accepted_count;
            if let Some(shed) = &theirs.shed {
                ours.shed.get_or_insert_default().add(shed);
            }
        }
        for (key, count) in &other.outcomes {
            *self.outcomes.entry(*key).or_default() += count;
        }
        self.journeys += other.journeys;
        self.unsent += other.unsent;
        for (ours, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            ours.requests += theirs.requests;
            ours.journeys += theirs.journeys;
            ours.shed += theirs.shed;
            ours.failed += theirs.failed;
            ours.latency_max_us = ours.latency_max_us.max(theirs.latency_max_us);
        }
    }

    pub fn length(&self) -> Duration {
        self.window.length()
    }

    /// Accepted requests of all steps.
    pub fn requests(&self) -> u64 {
        self.steps
            .iter()
            .flatten()
            .map(|step| step.accepted_count)
            .sum()
    }

    /// What course benchmarks of this contract call TPS_C: accepted orders over (ordering time /
    /// concurrency + payment time / concurrency). Nothing where nothing was ordered.
    pub fn tps_c(&self, concurrency: u32) -> Option<f64> {
        let orders = self.step(Step::NewOrder)?;
        let paying = self
            .step(Step::Payment)
            .map_or(0.0, |step| step.service_time.as_secs_f64());
        let seconds = (orders.service_time.as_secs_f64() + paying) / f64::from(concurrency);
        (seconds > 0.0).then(|| orders.accepted_count as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: Outcome = Outcome::Status(200);

    fn window() -> Window {
        let start = Instant::now();
        Window {
            start,
            end: start + Duration::from_secs(10),
        }
    }

    fn timing(window: Window, due_ms: u64, begun_ms: u64, ended_ms: u64) -> Timing {
        let at = |millis| window.start + Duration::from_millis(millis);
        Timing {
            due: at(due_ms),
            begun: at(begun_ms),
            ended: at(ended_ms),
        }
    }

    fn is_about(is: f64, wanted: f64) -> bool {
        (is / wanted - 1.0).abs() < 0.002
    }

    #[test]
    fn a_late_beginning_is_part_of_the_latency() {
        let window = window();
        let mut record = Record::new(window, Belongs::ByDue);
        record.request(
            Step::NewOrder,
            timing(window, 1_000, 2_500, 2_600),
            ACCEPTED,
        );
        let step = record.step(Step::NewOrder).unwrap();
        assert!(is_about(step.accepted.max_us(), 1_600_000.0));
        assert_eq!(step.service_time, Duration::from_millis(100));
    }

    #[test]
    fn an_answer_after_the_end_counts_for_latency_but_not_for_the_rate() {
        let window = window();
        let mut record = Record::new(window, Belongs::ByDue);
        record.request(
            Step::NewOrder,
            timing(window, 9_000, 9_000, 12_000),
            ACCEPTED,
        );
        let step = record.step(Step::NewOrder).unwrap();
        assert_eq!((step.accepted.count(), step.accepted_count), (1, 0));
        assert_eq!(record.requests(), 0);
        let mut closed = Record::new(window, Belongs::ByEnd);
        closed.request(
            Step::NewOrder,
            timing(window, 9_000, 9_000, 12_000),
            ACCEPTED,
        );
        assert!(closed.step(Step::NewOrder).is_none());
    }

    #[test]
    fn what_was_never_sent_counts_with_the_time_that_it_waited() {
        let window = window();
        let mut record = Record::new(window, Belongs::ByDue);
        record.unsent(Step::NewOrder, window.start + Duration::from_secs(4));
        let step = record.step(Step::NewOrder).unwrap();
        assert!(is_about(step.accepted.max_us(), 6_000_000.0));
        assert_eq!((record.unsent, step.accepted_count), (1, 0));
    }

    #[test]
    fn turned_away_is_neither_accepted_nor_failed() {
        let window = window();
        let mut record = Record::new(window, Belongs::ByEnd);
        let timing = timing(window, 3_000, 3_000, 3_020);
        record.request(Step::NewOrder, timing, Outcome::Status(503));
        record.request(Step::NewOrder, timing, Outcome::Status(530));
        let step = record.step(Step::NewOrder).unwrap();
        assert_eq!((step.accepted_count, step.accepted.count()), (0, 0));
        assert!(is_about(step.shed.as_ref().unwrap().max_us(), 20_000.0));
        let second = record.seconds[3];
        assert_eq!((second.requests, second.shed, second.failed), (0, 1, 1));
    }

    #[test]
    fn threads_add_up() {
        let window = window();
        let mut sum = Record::new(window, Belongs::ByEnd);
        for due in [0, 1_000] {
            let mut one = Record::new(window, Belongs::ByEnd);
            one.request(Step::Payment, timing(window, due, due, due + 10), ACCEPTED);
            one.journey(window.start + Duration::from_millis(due));
            sum.add(&one);
        }
        assert_eq!((sum.requests(), sum.journeys), (2, 2));
        assert_eq!(sum.outcomes[&(Step::Payment, ACCEPTED)], 2);
        assert_eq!(sum.seconds[0].requests + sum.seconds[1].requests, 2);
    }

    #[test]
    fn tps_c_is_as_the_course_counts_it() {
        let window = window();
        let mut record = Record::new(window, Belongs::ByEnd);
        for _ in 0..10 {
            record.request(Step::NewOrder, timing(window, 0, 0, 30), ACCEPTED);
            record.request(Step::Payment, timing(window, 30, 30, 50), ACCEPTED);
        }
        // 10 orders; (10 × 30 ms) / 4 + (10 × 20 ms) / 4 = 0.125 s.
        assert!(is_about(record.tps_c(4).unwrap(), 80.0));
        assert_eq!(Record::new(window, Belongs::ByEnd).tps_c(4), None);
    }
}
