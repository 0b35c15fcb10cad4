//! Orders: a reader's list of them, one in full, and what can be done about it.

pub mod list;
pub mod page;
pub mod verbs;

use domain::{OrderState, Timestamp};

use super::language::{Language, Moment};

/// How long is left, as words and for a script that counts on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Countdown {
    /// The moment when it is over, where there is one.
    pub until: Option<Moment>,
    pub left: String,
}

impl Countdown {
    /// What is left of an order's deadline.
    pub fn of(state: &OrderState, now: Timestamp, language: Language) -> Self {
        let until = match state {
            OrderState::Placed { pay_before } => *pay_before,
            OrderState::Sent { receive_by, .. } => *receive_by,
            _ => return Self::default(),
        };
        Self {
            until: Some(Moment::of(until)),
            left: language.time_left(until.since(now)),
        }
    }
}
