//! A bounded queue between those who ask and the threads that answer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use storage::ErrorKind;

/// A queue that never makes its users wait: what finds no room is turned away.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    arrival: Condvar,
    capacity: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let waiting = VecDeque::with_capacity(capacity);
        let state = Mutex::new(State {
            waiting,
            is_closed: false,
        });
        Self {
            state,
            arrival: Condvar::new(),
            capacity,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state
            .lock()
            .expect("nobody panics while holding the queue")
    }

    /// Queues something, or says why not: `Overloaded`, or `Unavailable` once closed.
    pub(crate) fn push(&self, item: T) -> Result<(), ErrorKind> {
        let mut state = self.state();
        if state.is_closed {
            return Err(ErrorKind::Unavailable);
        }
        if state.waiting.len() >= self.capacity {
            return Err(ErrorKind::Overloaded);
        }
        state.waiting.push_back(item);
        drop(state);
        self.arrival.notify_one();
        Ok(())
    }

    /// Waits for something, and takes what there is, at most `max` of it. Nothing: it is closed
    /// and empty.
    pub(crate) fn take(&self, max: usize) -> Vec<T> {
        let mut state = self.state();
        while state.waiting.is_empty() && !state.is_closed {
            state = self
                .arrival
                .wait(state)
                .expect("nobody panics while holding the queue");
        }
        let count = state.waiting.len().min(max);
        state.waiting.drain(..count).collect()
    }

    /// Turns away what comes from now on. What waits is still there to be taken.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.arrival.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_away_what_finds_no_room() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        assert_eq!(queue.push(3), Err(ErrorKind::Overloaded));
        assert_eq!(queue.take(1), [1]);
        assert_eq!(queue.push(3), Ok(()));
        assert_eq!(queue.take(9), [2, 3]);
    }

    #[test]
    fn drains_after_it_was_closed() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), Ok(()));
        queue.close();
        assert_eq!(queue.push(2), Err(ErrorKind::Unavailable));
        assert_eq!(queue.take(9), [1]);
        assert!(queue.take(9).is_empty());
    }
}
