//! Room for changes: how many operations are in hand, and from when on more are turned away.
//!
//! An engine turns away what finds its queue full. By then a request has been read, parsed and
//! checked, and under overload that work is done at the expense of what was taken on. So whoever
//! takes requests in asks here first: [`App::has_room_for`]. It is a look and no reservation, since
//! whoever sends his body slowly or waits for a hash must not keep others out; what slips through
//! between the look and the queue is bounded by the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use storage::BATCH_MAX_OPERATIONS;

use crate::App;

/// How many operations may be in hand, that is submitted and not answered, before what begins
/// something new is turned away. So many batches keep an engine busy: one that is being made
/// durable, one that is decided, and one that waits. More would only wait.
pub const BEGINNING_MAX_OPERATIONS: usize = 3 * BATCH_MAX_OPERATIONS;
/// The same for what carries on something that was begun. It has a batch of room to itself: where
/// orders are turned away, those that were taken can still be paid.
pub const CARRYING_ON_MAX_OPERATIONS: usize = 4 * BATCH_MAX_OPERATIONS;

/// What an operation is to whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The first of several steps: an order, a registration, a new listing.
    Beginning,
    /// A later one: a payment, a cancellation, a change of password.
    CarryingOn,
}

/// How many operations are in hand.
#[derive(Debug, Default)]
pub(crate) struct InHand(Arc<AtomicUsize>);

impl InHand {
    /// Counts an operation for as long as the guard lives. The engine holds it until it has
    /// answered: an answer that waits to be taken is no work for the engine any more, and one
    /// whose asker has gone still is.
    pub(crate) fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.0.clone())
    }
}

/// An operation in hand.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl App {
    /// Whether one more operation would be decided soon. Where it wouldn't, whoever asks is best
    /// told so before anything was done for him.
    #[must_use]
    pub fn has_room_for(&self, effort: Effort) -> bool {
        let max = match effort {
            Effort::Beginning => BEGINNING_MAX_OPERATIONS,
            Effort::CarryingOn => CARRYING_ON_MAX_OPERATIONS,
        };
        self.in_hand.0.load(Ordering::Relaxed) < max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_is_in_hand_no_more() {
        let in_hand = InHand::default();
        let (first, second) = (in_hand.count(), in_hand.count());
        assert_eq!(in_hand.0.load(Ordering::Relaxed), 2);
        drop(first);
        assert_eq!(in_hand.0.load(Ordering::Relaxed), 1);
        drop(second);
        assert_eq!(in_hand.0.load(Ordering::Relaxed), 0);
    }
}
