//! Why a use case did not do what was asked.

use std::time::Duration;

use domain::{Refused, UserId};
use storage::StorageError;

/// Why a use case did not do what was asked; `R` is the refusal of its operation.
#[derive(Debug, Clone)]
pub enum Problem<R> {
    /// The rules of the shop say no.
    Refused(R),
    /// Unknown user, wrong password, bad or foreign token: which of these is nobody's business.
    Unauthorized,
    /// A valid token, with another user's name that nobody has.
    NoUser(UserId),
    /// The operator does not let users fund their own accounts.
    SelfFundingOff,
    /// Too many failures of late.
    TooManyAttempts {
        /// After how long one more attempt is allowed.
        retry_after: Duration,
    },
    /// Too much is waiting for a password to be checked; nothing was begun.
    Busy,
    /// The idempotency key was used for another body.
    KeyReused,
    /// Machinery broke.
    Failed(StorageError),
}

impl<R> From<StorageError> for Problem<R> {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

impl<R> From<Refused<R>> for Problem<R> {
    fn from(refused: Refused<R>) -> Self {
        match refused {
            Refused::StaleProof => Self::Unauthorized,
            Refused::KeyReused => Self::KeyReused,
            Refused::Rule(refusal) => Self::Refused(refusal),
        }
    }
}

impl<R> Problem<R> {
    /// The same problem under another operation's refusal type.
    pub fn map<S>(self, refusal: impl FnOnce(R) -> S) -> Problem<S> {
        match self {
            Self::Refused(inner) => Problem::Refused(refusal(inner)),
            Self::Unauthorized => Problem::Unauthorized,
            Self::NoUser(user) => Problem::NoUser(user),
            Self::SelfFundingOff => Problem::SelfFundingOff,
            Self::TooManyAttempts { retry_after } => Problem::TooManyAttempts { retry_after },
            Self::Busy => Problem::Busy,
            Self::KeyReused => Problem::KeyReused,
            Self::Failed(error) => Problem::Failed(error),
        }
    }
}
