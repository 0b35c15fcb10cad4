//! Terminals: where somebody is logged in, and logging out.

use std::convert::Infallible;
use std::time::Duration;

use crate::ids::{TerminalName, UserId};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, WorkingSet};

/// How long a token lives.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);

/// Names a terminal of a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TerminalKey {
    /// Whose.
    pub user: UserId,
    /// As the client names it.
    pub name: TerminalName,
}

/// Tells a terminal's tokens from before a logout from those behind it. Generations only rise.
///
/// A terminal without a row has generation 0. A logout takes the time as the new generation
/// (or one more than the old, if the clock stood still), so a row can be dropped once the tokens
/// it revoked have expired: the next logout's generation is above all that were ever given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Generation(i64);

impl Generation {
    /// The generation as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The generation with that number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }
}

/// A terminal at which somebody logged out of late. Others have no row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terminal {
    /// Tokens of an earlier generation are revoked.
    pub generation: Generation,
    /// From when on the row may be dropped: every token that it revokes has expired.
    pub forget_at: Timestamp,
}

/// Revokes the tokens that were given to a terminal so far.
#[derive(Debug, Clone)]
pub struct LogOut {
    /// Which terminal.
    pub terminal: TerminalKey,
}

impl Operation for LogOut {
    type Done = ();
    type Refusal = Infallible;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Terminal(self.terminal.clone()));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<Infallible>> {
        let old = rows
            .terminal(&self.terminal)?
            .map_or(0, |row| row.generation.0);
        let row = Terminal {
            generation: Generation(now.millis().max(old + 1)),
            forget_at: now.plus(TOKEN_LIFETIME),
        };
        Ok(Decided::with(vec![Change::Terminal(
            self.terminal.clone(),
            row,
        )]))
    }
}
