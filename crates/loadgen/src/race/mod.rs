//! Races: many clients want at once what only some can have, and then everything is counted. Each
//! race has accounts, stores and books of its own, so it can be run beside anything.

mod bench;
mod books;
mod money;

use std::sync::Arc;

use serde::Serialize;

pub use bench::Bench;

use crate::error::Error;
use crate::http::Target;

/// What there is to race for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Race {
    /// More orders than there are copies
    Oversell,
    /// One order, paid many times at once
    DoublePay,
    /// One order, paid and cancelled at once
    PayAgainstCancel,
    /// More orders paid at once than there is money for
    Overspend,
    /// One paid order, cancelled many times at once
    DoubleCancel,
    /// Orders of which one book is there for only one of them
    PartialOrder,
}

impl Race {
    pub const ALL: [Self; 6] = [
        Self::Oversell,
        Self::DoublePay,
        Self::PayAgainstCancel,
        Self::Overspend,
        Self::DoubleCancel,
        Self::PartialOrder,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Oversell => "oversell",
            Self::DoublePay => "double-pay",
            Self::PayAgainstCancel => "pay-against-cancel",
            Self::Overspend => "overspend",
            Self::DoubleCancel => "double-cancel",
            Self::PartialOrder => "partial-order",
        }
    }
}

/// How a race went.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub race: Race,
    pub rounds: u32,
    /// What was wrong, with the round; empty where every promise was kept.
    pub broken: Vec<String>,
    /// Why it could not be run on this server.
    pub unsupported: Option<String>,
}

/// How to race.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Servers of one shop; clients are dealt out among them in turn.
    pub targets: Vec<Arc<Target>>,
    /// How many clients race.
    pub clients: u32,
    /// How often each race is run.
    pub rounds: u32,
    /// Beginning of all ids; new for each run.
    pub prefix: String,
}

/// What was wrong in one round, as sentences.
type Broken = Vec<String>;

/// Runs one race.
///
/// # Errors
/// Where the server doesn't answer, or refuses what it must not refuse.
pub async fn run(plan: &Plan, race: Race) -> Result<Verdict, Error> {
    let mut verdict = Verdict {
        race,
        rounds: plan.rounds,
        broken: Vec::new(),
        unsupported: None,
    };
    for round in 0..plan.rounds {
        let bench = Bench::new(plan, race, round);
        let broken = match race {
            Race::Oversell => books::oversell(bench).await,
            Race::PartialOrder => books::partial_order(bench).await,
            Race::DoublePay => money::double_pay(bench).await,
            Race::Overspend => money::overspend(bench).await,
            Race::DoubleCancel => money::double_cancel(bench).await,
            Race::PayAgainstCancel => money::pay_against_cancel(bench).await,
        };
        match broken {
            Err(Error::Answer {
                path,
                status: 404 | 405,
                ..
            }) => {
                verdict.unsupported = Some(format!("the server has no `{path}`"));
                return Ok(verdict);
            }
            broken => {
                let said = broken?.into_iter();
                verdict
                    .broken
                    .extend(said.map(|what| format!("round {round}: {what}")));
            }
        }
    }
    Ok(verdict)
}

/// Adds a sentence where something is not as it must be.
fn check(broken: &mut Broken, is_right: bool, what: impl FnOnce() -> String) {
    if !is_right {
        broken.push(what());
    }
}
