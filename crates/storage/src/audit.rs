//! The audit: what an engine checks of all that it keeps.

use std::fmt;

/// How many findings of one check a report shows; it counts them all.
pub const FINDINGS_SHOWN_MAX: usize = 20;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditCheck {
    /// All postings of the ledger sum to zero, and those of each entry.
    PostingsSumToZero,
    /// Each account's balance and held amount are the sums of its postings, and
    /// 0 ≤ held ≤ balance.
    BalancesEqualPostings,
    /// Each listing's stock is 0 or more, and what was ever added is the stock plus the copies in
    /// orders that are not cancelled.
    StockEquation,
    /// Each order's total is the sum of its lines, its times are in order and fit its state, and
    /// its entries in the ledger are those that its state calls for.
    OrdersAgree,
    /// What is held is what is paid for and not received, seller by seller.
    HeldEqualsOpenOrders,
}

impl AuditCheck {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PostingsSumToZero,
        Self::BalancesEqualPostings,
        Self::StockEquation,
        Self::OrdersAgree,
        Self::HeldEqualsOpenOrders,
    ];
}

impl fmt::Display for AuditCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostingsSumToZero => "postings sum to zero",
            Self::BalancesEqualPostings => "balances equal postings",
            Self::StockEquation => "stock equation holds",
            Self::OrdersAgree => "orders agree with their state",
            Self::HeldEqualsOpenOrders => "held equals open orders",
        })
    }
}

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: AuditCheck,
    /// How many rows it looked at.
    pub checked: u64,
    /// How many of them were wrong.
    pub wrong: u64,
    /// The first of those, in words, at most [`FINDINGS_SHOWN_MAX`].
    pub shown: Vec<String>,
}

impl Finding {
    /// A check that has looked at nothing yet.
    #[must_use]
    pub fn new(check: AuditCheck) -> Self {
        Self {
            check,
            checked: 0,
            wrong: 0,
            shown: Vec::new(),
        }
    }

    /// Counts a row, and says what is wrong with it if anything is.
    pub fn look(&mut self, wrong: Option<impl FnOnce() -> String>) {
        self.checked += 1;
        if let Some(words) = wrong {
            self.wrong += 1;
            if self.shown.len() < FINDINGS_SHOWN_MAX {
                self.shown.push(words());
            }
        }
    }
}

/// What all checks came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// One for each of [`AuditCheck::ALL`].
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.wrong == 0)
    }
}
