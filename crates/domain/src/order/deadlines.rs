//! What deadlines do with an order, written down by the sweep.

use super::{OrderState, OrderStatus};
use crate::ids::OrderId;
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Key, WorkingSet};

/// Why the sweep left an order alone: its deadline has not come, or somebody was quicker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDue(pub OrderId);

/// Writes down that an unpaid order was cancelled at its deadline, and returns its stock.
#[derive(Debug, Clone)]
pub struct ExpireOrder {
    /// Which.
    pub order: OrderId,
}

impl Operation for ExpireOrder {
    type Done = ();
    type Refusal = NotDue;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<NotDue>> {
        let found = rows.order(self.order)?;
        let order = found.filter(|order| order.status() == OrderStatus::Placed);
        let state = order.map(|order| order.state_as_of(now));
        let (Some(order), Some(state @ OrderState::Cancelled { .. })) = (order, state) else {
            return Err(Halt::Refused(NotDue(self.order)));
        };
        let mut changes = order.return_stock(rows)?;
        changes.push(order.with_state(state));
        Ok(Decided::with(changes))
    }
}

/// Writes down that a sent order counted as received at its deadline, and releases the money.
#[derive(Debug, Clone)]
pub struct ConcludeOrder {
    /// Which.
    pub order: OrderId,
}

impl Operation for ConcludeOrder {
    type Done = ();
    type Refusal = NotDue;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<NotDue>> {
        let found = rows.order(self.order)?;
        let order = found.filter(|order| order.status() == OrderStatus::Sent);
        let state = order.map(|order| order.state_as_of(now));
        let (
            Some(order),
            Some(OrderState::Received {
                paid_at,
                sent_at,
                received_at,
            }),
        ) = (order, state)
        else {
            return Err(Halt::Refused(NotDue(self.order)));
        };
        let mut changes = order.release(rows, received_at)?;
        changes.push(order.with_state(OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        }));
        Ok(Decided::with(changes))
    }
}
