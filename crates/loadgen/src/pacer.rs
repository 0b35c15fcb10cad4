//! When journeys begin: at once when the one before is over, or at a given rate whatever the
//! server does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::journey::lock;
use crate::random::Random;

/// How long the pacing thread sleeps at least, so that it leaves the machine to others; how late a
/// journey may begin for it.
const NAP_MIN: Duration = Duration::from_micros(50);

/// How journeys follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each connection begins a journey when its last one is over.
    Closed,
    /// So many journeys a second begin on all connections together, at random distances (a
    /// Poisson process), however long the answers take.
    Open { rate: f64 },
}

/// Journeys that are due and wait for a connection.
#[derive(Debug)]
struct Queue {
    due: Mutex<VecDeque<Instant>>,
    /// One permit for each; whoever has it takes the oldest.
    permits: Semaphore,
}

/// Says to each thread when its journeys begin.
#[derive(Debug)]
pub struct Pacer {
    rate: Option<f64>,
    seed: u64,
    begin: Instant,
    end: Instant,
    /// One for each thread.
    queues: Vec<Arc<Queue>>,
}

/// When the journeys of one thread begin.
#[derive(Debug, Clone)]
pub enum Arrivals {
    Closed,
    Open(Arc<OpenArrivals>),
}

/// The queue of one thread, from its connections' side.
#[derive(Debug)]
pub struct OpenArrivals(Arc<Queue>);

impl Arrivals {
    /// Waits for the next journey of this connection, and says when it was due. Nothing once the
    /// end has come: what was due by then and not begun is left in the queue.
    pub async fn next(&self, end: Instant) -> Option<Instant> {
        let due = match self {
            Self::Closed => Instant::now(),
            Self::Open(arrivals) => {
                let permit = arrivals.0.permits.acquire().await.ok()?;
                permit.forget();
                if Instant::now() >= end {
                    return None;
                }
                lock(&arrivals.0.due).pop_front()?
            }
        };
        (due < end).then_some(due)
    }
}

impl Pacer {
    pub fn new(pace: Pace, seed: u64, begin: Instant, end: Instant, threads: u32) -> Self {
        let queue = |_| {
            Arc::new(Queue {
                due: Mutex::default(),
                permits: Semaphore::new(0),
            })
        };
        Self {
            rate: match pace {
                Pace::Closed => None,
                Pace::Open { rate } => Some(rate),
            },
            seed,
            begin,
            end,
            queues: (0..threads).map(queue).collect(),
        }
    }

    pub fn arrivals(&self, thread: u32) -> Arrivals {
        match self.rate {
            None => Arrivals::Closed,
            Some(_) => {
                let queue = self.queues[thread as usize].clone();
                Arrivals::Open(Arc::new(OpenArrivals(queue)))
            }
        }
    }

    /// Begins to let journeys fall due, in a thread of its own: an event loop's timers are too
    /// coarse for it. Nothing to do in a closed loop.
    pub fn spawn<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
    ) -> Option<ScopedJoinHandle<'scope, ()>> {
        let rate = self.rate?;
        Some(scope.spawn(move || self.pace(rate)))
    }

    fn pace(&self, rate: f64) {
        let mut random = Random::of(&[self.seed, u64::from(u32::MAX)]);
        let mut due = self.begin;
        let mut turn = 0;
        loop {
            due += gap(&mut random, rate);
            if due >= self.end {
                break;
            }
            let now = Instant::now();
            if due > now {
                thread::sleep((due - now).max(NAP_MIN));
            }
            let queue = &self.queues[turn];
            turn = (turn + 1) % self.queues.len();
            lock(&queue.due).push_back(due);
            queue.permits.add_permits(1);
        }
        if let Some(left) = self.end.checked_duration_since(Instant::now()) {
            thread::sleep(left);
        }
        for queue in &self.queues {
            queue.permits.close();
        }
    }

    /// What was due and has not begun, once all threads are done.
    pub fn left(&self) -> Vec<Instant> {
        let left = |queue: &Arc<Queue>| std::mem::take(&mut *lock(&queue.due));
        self.queues.iter().flat_map(left).collect()
    }
}

/// The time to the next journey: exponentially distributed.
fn gap(random: &mut Random, rate: f64) -> Duration {
    let uniform = 1.0 - random.fraction();
    Duration::from_secs_f64(-uniform.ln() / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_average_to_the_rate() {
        let mut random = Random::new(3);
        let sum: Duration = (0..100_000).map(|_| gap(&mut random, 1_000.0)).sum();
        let seconds = sum.as_secs_f64();
        assert!((99.0..101.0).contains(&seconds), "{seconds}");
    }
}
