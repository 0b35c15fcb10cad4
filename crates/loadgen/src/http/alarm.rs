//! A deadline for each request that costs next to nothing to move.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Rings at a deadline. The timer below it is left where it is while the deadline moves on, and
/// only set anew when it fires too early: with thousands of answers a second that is a thousandth
/// of the work of a timer for each.
#[derive(Debug)]
pub struct Alarm {
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    pub fn new() -> Self {
        Self {
            deadline: Instant::now(),
            sleep: None,
        }
    }

    /// Moves the deadline, later than it was.
    pub fn set(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Ready once the deadline has come.
    pub fn poll_ring(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        while sleep.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_last_deadline_and_again_at_the_next() {
        let begin = Instant::now();
        let mut alarm = Alarm::new();
        for (first, last) in [(5, 30), (40, 60)] {
            alarm.set(begin + Duration::from_millis(first));
            let early = poll_fn(|context| Poll::Ready(alarm.poll_ring(context))).await;
            assert!(early.is_pending());
            let last = begin + Duration::from_millis(last);
            alarm.set(last);
            poll_fn(|context| alarm.poll_ring(context)).await;
            assert!(Instant::now() >= last);
        }
    }
}
