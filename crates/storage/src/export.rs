//! Walking through everything that is stored: sections, pages, and the places between them.

use std::fmt;
use std::sync::Arc;

use domain::{Change, LedgerAccount};

/// The kinds of rows, in the order in which they are exported: what others refer to comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants of `Change` say it")]
pub enum Section {
    Accounts,
    Stores,
    Texts,
    Pictures,
    Listings,
    Orders,
    Transfers,
    KeptAnswers,
    Terminals,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Accounts,
        Self::Stores,
        Self::Texts,
        Self::Pictures,
        Self::Listings,
        Self::Orders,
        Self::Transfers,
        Self::KeptAnswers,
        Self::Terminals,
    ];

    /// Its name, which stays the same between versions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Stores => "stores",
            Self::Texts => "texts",
            Self::Pictures => "pictures",
            Self::Listings => "listings",
            Self::Orders => "orders",
            Self::Transfers => "ledger entries",
            Self::KeptAnswers => "kept answers",
            Self::Terminals => "terminals",
        }
    }

    /// The section behind it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// The section of a row; `None` for a change that is no row of the shop.
    #[must_use]
    pub fn of(change: &Change) -> Option<Self> {
        match change {
            Change::Account(_) => Some(Self::Accounts),
            Change::Store(_) => Some(Self::Stores),
            Change::Text(_) => Some(Self::Texts),
            Change::Picture(_) => Some(Self::Pictures),
            Change::Listing(_) => Some(Self::Listings),
            Change::Order(_) => Some(Self::Orders),
            Change::Transfer(_) => Some(Self::Transfers),
            Change::Kept(..) => Some(Self::KeptAnswers),
            Change::Terminal(..) => Some(Self::Terminals),
            Change::FreeAccount(_) | Change::Migration(_) => None,
        }
    }
}

/// A place between two rows of an export.
///
/// Where in its section it is, the engine says in its own words; they mean something for that
/// storage alone, and for as long as nothing is removed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportCursor {
    /// In which section.
    pub section: Section,
    /// Where there, in the engine's words; empty: at its beginning.
    pub position: Arc<str>,
}

impl ExportCursor {
    /// Before a section's first row.
    #[must_use]
    pub fn begin(section: Section) -> Self {
        let position = "".into();
        Self { section, position }
    }

    /// The place that [`fmt::Display`] has written; `None` where it can't have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, position) = text.split_once(':')?;
        let section = Section::ALL
            .into_iter()
            .find(|section| section.as_str() == name)?;
        let position = position.into();
        Some(Self { section, position })
    }
}

impl fmt::Display for ExportCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.section.as_str(), self.position)
    }
}

/// How much a page holds at most: it ends with the row that reaches either limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportLimit {
    /// How many rows: 1 or more.
    pub rows: usize,
    /// How many bytes of texts, pictures and the like, roughly.
    pub bytes: usize,
}

/// Some of the rows that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPage {
    /// The rows, each as the change that would write it.
    pub changes: Vec<Change>,
    /// Where the page ends: the next one comes after it.
    pub end: ExportCursor,
    /// Whether nothing comes behind it.
    pub is_last: bool,
    /// How many rows all pages have together, roughly: for whoever shows progress.
    pub rows_expected: u64,
}

/// Gathers the rows of a page until one reaches a limit.
#[derive(Debug)]
pub struct PageRows {
    limit: ExportLimit,
    bytes: usize,
    changes: Vec<Change>,
}

impl PageRows {
    /// A page without rows.
    #[must_use]
    pub fn new(limit: ExportLimit) -> Self {
        let changes = Vec::new();
        Self {
            limit,
            bytes: 0,
            changes,
        }
    }

    /// Whether the page takes no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        // A page without any row would never end, whatever the limits are.
        let (rows, bytes) = (self.limit.rows.max(1), self.limit.bytes.max(1));
        self.changes.len() >= rows || self.bytes >= bytes
    }

    /// How many rows it still takes, as far as their number goes.
    #[must_use]
    pub fn rows_left(&self) -> usize {
        self.limit.rows.max(1).saturating_sub(self.changes.len())
    }

    /// Adds a row.
    pub fn push(&mut self, change: Change) {
        self.bytes += bytes_of(&change);
        self.changes.push(change);
    }

    /// The rows.
    #[must_use]
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}

/// What a row weighs in memory and on the wire, roughly.
fn bytes_of(change: &Change) -> usize {
    /// What any row has besides its texts.
    const ROW_BYTES: usize = 100;
    ROW_BYTES
        + match change {
            Change::Account(row) => row.id.as_str().len() + row.password_hash.as_str().len(),
            Change::Store(row) => row.id.as_str().len() + row.owner.as_str().len(),
            Change::Text(row) => row.fields().bytes(),
            Change::Picture(row) => row.bytes().len(),
            Change::Listing(row) => {
                row.key.book.as_str().len()
                    + row.details.title.len()
                    + 16 * row.details.pictures.len()
            }
            Change::Order(row) => {
                let line = |line: &domain::OrderLine| ROW_BYTES + line.title.len();
                row.lines.iter().map(line).sum()
            }
            Change::Transfer(row) => [&row.from, &row.to].map(ledger_bytes).iter().sum(),
            Change::Kept(key, row) => key.key.as_str().len() + row.answer.len(),
            Change::Terminal(key, _) => key.user.as_str().len() + key.name.as_str().len(),
            Change::FreeAccount(_) | Change::Migration(_) => 0,
        }
}

fn ledger_bytes(account: &LedgerAccount) -> usize {
    match account {
        LedgerAccount::Outside => 0,
        LedgerAccount::Spendable(user) | LedgerAccount::Held(user) => user.as_str().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for section in Section::ALL {
            for position in ["", "1", "anna\tdesk:1", "诗"] {
                let position = position.into();
                let cursor = ExportCursor { section, position };
                assert_eq!(ExportCursor::parse(&cursor.to_string()), Some(cursor));
            }
        }
        for wrong in ["", "orders", "Orders:1", ":1"] {
            assert_eq!(ExportCursor::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sections_follow_each_other() {
        let mut walked = vec![Section::ALL[0]];
        while let Some(next) = walked[walked.len() - 1].next() {
            walked.push(next);
        }
        assert_eq!(walked, Section::ALL);
    }
}
