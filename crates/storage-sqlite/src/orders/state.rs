//! An order's state as columns: a code, and a time for each thing that happened or is due.

use domain::{OrderState, OrderStatus, Timestamp};
use rusqlite::Row;

/// The columns, in the order in which statements name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StateColumns {
    pub(crate) code: i64,
    pub(crate) pay_before: Option<i64>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) sent_at: Option<i64>,
    pub(crate) receive_by: Option<i64>,
    pub(crate) received_at: Option<i64>,
    pub(crate) cancelled_at: Option<i64>,
}

/// A status as a number that stays the same between versions.
pub(crate) fn status_code(status: OrderStatus) -> i64 {
    match status {
        OrderStatus::Placed => 0,
        OrderStatus::Paid => 1,
        OrderStatus::Sent => 2,
        OrderStatus::Received => 3,
        OrderStatus::Cancelled => 4,
    }
}

impl From<&OrderState> for StateColumns {
    fn from(state: &OrderState) -> Self {
        let millis = |time: Timestamp| Some(time.millis());
        match *state {
            OrderState::Placed { pay_before } => Self {
                code: status_code(OrderStatus::Placed),
                pay_before: millis(pay_before),
                ..Self::default()
            },
            OrderState::Paid { paid_at } => Self {
                code: status_code(OrderStatus::Paid),
                paid_at: millis(paid_at),
                ..Self::default()
            },
            OrderState::Sent {
                paid_at,
                sent_at,
                receive_by,
            } => Self {
                code: status_code(OrderStatus::Sent),
                paid_at: millis(paid_at),
                sent_at: millis(sent_at),
                receive_by: millis(receive_by),
                ..Self::default()
            },
            OrderState::Received {
                paid_at,
                sent_at,
                received_at,
            } => Self {
                code: status_code(OrderStatus::Received),
                paid_at: millis(paid_at),
                sent_at: millis(sent_at),
                received_at: millis(received_at),
                ..Self::default()
            },
            OrderState::Cancelled {
                cancelled_at,
                paid_at,
                sent_at,
            } => Self {
                code: status_code(OrderStatus::Cancelled),
                paid_at: paid_at.map(Timestamp::millis),
                sent_at: sent_at.map(Timestamp::millis),
                cancelled_at: millis(cancelled_at),
                ..Self::default()
            },
        }
    }
}

impl StateColumns {
    /// The columns from `first` on.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            code: row.get(first)?,
            pay_before: row.get(first + 1)?,
            paid_at: row.get(first + 2)?,
            sent_at: row.get(first + 3)?,
            receive_by: row.get(first + 4)?,
            received_at: row.get(first + 5)?,
            cancelled_at: row.get(first + 6)?,
        })
    }

    /// The state; `None` where these are not the columns of any.
    pub(crate) fn to_state(&self) -> Option<OrderState> {
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let (paid_at, sent_at) = (time(self.paid_at), time(self.sent_at));
        let state = match self.code {
            0 => OrderState::Placed {
                pay_before: time(self.pay_before)?,
            },
            1 => OrderState::Paid { paid_at: paid_at? },
            2 => {
                let receive_by = time(self.receive_by)?;
                OrderState::Sent {
                    paid_at: paid_at?,
                    sent_at: sent_at?,
                    receive_by,
                }
            }
            3 => {
                let received_at = time(self.received_at)?;
                OrderState::Received {
                    paid_at: paid_at?,
                    sent_at: sent_at?,
                    received_at,
                }
            }
            4 => {
                let cancelled_at = time(self.cancelled_at)?;
                OrderState::Cancelled {
                    cancelled_at,
                    paid_at,
                    sent_at,
                }
            }
            _ => return None,
        };
        // A time that the state does not call for is as wrong as a missing one.
        (Self::from(&state) == *self).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> Vec<OrderState> {
        let at = Timestamp::from_millis;
        vec![
            OrderState::Placed { pay_before: at(1) },
            OrderState::Paid { paid_at: at(2) },
            OrderState::Sent {
                paid_at: at(2),
                sent_at: at(3),
                receive_by: at(9),
            },
            OrderState::Received {
                paid_at: at(2),
                sent_at: at(3),
                received_at: at(4),
            },
            OrderState::Cancelled {
                cancelled_at: at(5),
                paid_at: None,
                sent_at: None,
            },
            OrderState::Cancelled {
                cancelled_at: at(5),
                paid_at: Some(at(2)),
                sent_at: None,
            },
            OrderState::Cancelled {
                cancelled_at: at(5),
                paid_at: Some(at(2)),
                sent_at: Some(at(3)),
            },
        ]
    }

    #[test]
    fn every_state_survives_its_columns() {
        for state in states() {
            assert_eq!(StateColumns::from(&state).to_state(), Some(state));
        }
    }

    #[test]
    fn columns_of_no_state_are_none() {
        let unknown = StateColumns {
            code: 5,
            ..StateColumns::default()
        };
        assert_eq!(unknown.to_state(), None);
        for state in states() {
            let columns = StateColumns::from(&state);
            let lacking = StateColumns {
                code: columns.code,
                ..StateColumns::default()
            };
            assert_eq!(lacking.to_state(), None);
            if columns.receive_by.is_none() {
                assert_eq!(
                    StateColumns {
                        receive_by: Some(7),
                        ..columns
                    }
                    .to_state(),
                    None
                );
            }
        }
    }
}
