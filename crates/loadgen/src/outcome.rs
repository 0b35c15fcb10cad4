//! What became of a request, and what that says of the server.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::calls::Step;
use crate::http::{Answer, Failure};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Status(u16),
    /// No connection could be opened, so nothing was asked.
    NoConnection,
    BrokenOff,
    TimedOut,
    /// What came was not HTTP, or lacked what its status promises.
    Malformed,
}

/// What an outcome says of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Done.
    Accepted,
    /// Turned away for want of capacity, with nothing done: 429 and 503.
    Shed,
    /// An endpoint that this server doesn't have.
    Unsupported,
    /// A rule of the shop said no.
    Refused,
    /// The machinery did not work.
    Failed,
}

impl Outcome {
    pub fn of(answered: &Result<Answer<'_>, Failure>) -> Self {
        match answered {
            Ok(answer) => Self::Status(answer.status),
            Err(Failure::Connect(_)) => Self::NoConnection,
            Err(Failure::Broken(_)) => Self::BrokenOff,
            Err(Failure::TimedOut(_)) => Self::TimedOut,
            Err(Failure::Malformed) => Self::Malformed,
        }
    }

    pub fn is_accepted(self) -> bool {
        self == Self::Status(200)
    }

    /// Whether the operation may have happened and may not: the auditor looks which it was.
    pub fn is_uncertain(self) -> bool {
        match self {
            Self::Status(status) => {
                matches!(status, 201..=399 | 500..=599) && !is_certainly_nothing(status)
            }
            Self::NoConnection => false,
            Self::BrokenOff | Self::TimedOut | Self::Malformed => true,
        }
    }

    pub fn class(self, step: Step) -> Class {
        match self {
            Self::Status(200) => Class::Accepted,
            Self::Status(429 | 503) => Class::Shed,
            Self::Status(404 | 405) if step.may_be_missing() => Class::Unsupported,
            Self::Status(400..=499 | 511..=526) => Class::Refused,
            _ => Class::Failed,
        }
    }
}

/// Whether a status from 500 up says that nothing was done.
fn is_certainly_nothing(status: u16) -> bool {
    matches!(status, 501 | 503 | 511..=528)
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(to, "{status}"),
            Self::NoConnection => to.write_str("no connection"),
            Self::BrokenOff => to.write_str("broken off"),
            Self::TimedOut => to.write_str("timed out"),
            Self::Malformed => to.write_str("malformed"),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_classed_as_the_contract_means_them() {
        let class = |status, step| Outcome::Status(status).class(step);
        assert_eq!(class(200, Step::Payment), Class::Accepted);
        assert_eq!(class(503, Step::Payment), Class::Shed);
        assert_eq!(class(429, Step::Login), Class::Shed);
        assert_eq!(class(517, Step::NewOrder), Class::Refused);
        assert_eq!(class(401, Step::NewOrder), Class::Refused);
        assert_eq!(class(404, Step::Search), Class::Unsupported);
        assert_eq!(class(404, Step::NewOrder), Class::Refused);
        for status in [500, 502, 528, 530, 302] {
            assert_eq!(class(status, Step::NewOrder), Class::Failed, "{status}");
        }
    }

    #[test]
    fn only_what_may_have_happened_is_uncertain() {
        for status in [500, 502, 504, 530] {
            assert!(Outcome::Status(status).is_uncertain(), "{status}");
        }
        for status in [200, 400, 404, 429, 503, 511, 519, 528] {
            assert!(!Outcome::Status(status).is_uncertain(), "{status}");
        }
        assert!(Outcome::TimedOut.is_uncertain() && Outcome::BrokenOff.is_uncertain());
        assert!(!Outcome::NoConnection.is_uncertain());
    }
}
