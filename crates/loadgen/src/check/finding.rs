//! What an audit found wrong.

use serde::Serialize;

/// How many findings are kept; more are only counted.
const SHOWN_MAX: usize = 20;

/// In which way a promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something acknowledged is not there.
    Lost,
    /// Something is there twice, or without anybody having asked for it.
    Doubled,
    /// An order differs from what was ordered or acknowledged.
    Different,
    /// An account has more or less than what was acknowledged comes to.
    Money,
    /// A listing has more or fewer copies than what was acknowledged leaves.
    Stock,
}

impl Kind {
    /// How reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Different => "different",
            Self::Money => "money",
            Self::Stock => "stock",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub what: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Findings {
    pub count: u64,
    /// The first ones.
    pub first: Vec<Finding>,
}

impl Findings {
    pub fn add(&mut self, kind: Kind, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(Finding { kind, what: what() });
        }
    }
}
