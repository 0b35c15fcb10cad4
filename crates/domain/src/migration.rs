//! Migrations: a whole shop moves here from another storage, part by part.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

/// Tells the place that a shop moves from: of another shop, or of another copy of the same shop,
/// the places in [`Migration::reached`] mean something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceMark([u8; 32]);

impl SourceMark {
    /// The mark of the shop with that secret, kept in that place.
    #[must_use]
    pub fn new(secret: &[u8; 32], place: &str) -> Self {
        let hasher = Sha256::new_with_prefix("where a bookstore moves from");
        Self(
            hasher
                .chain_update(secret)
                .chain_update(place)
                .finalize()
                .into(),
        )
    }

    /// The mark's bytes, which give nothing of the secret away.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The mark with these bytes, as an engine kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A shop that is moving in and is not all here yet. Nobody else is to write meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Migration {
    /// Where it comes from.
    pub source: SourceMark,
    /// Up to where its rows are here, in the source's own words.
    pub reached: Arc<str>,
    /// How many rows that are.
    pub rows: i64,
}

/// Writes rows of a shop that moves in as they are, and notes how far it has come.
///
/// Accounts bring their balances with them and movements of money are only appended, so nothing
/// is paid twice; and since a part follows only on the part before it, none is written twice.
#[derive(Clone)]
pub struct Restore {
    /// Where the shop comes from.
    pub source: SourceMark,
    /// Where the part before this one ended; `None`: this is the first.
    pub after: Option<Arc<str>>,
    /// The rows. What they refer to is here already, or among them.
    pub changes: Vec<Change>,
    /// Where this part ends.
    pub reached: Arc<str>,
}

impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            after,
            changes,
            reached,
            ..
        } = self;
        write!(
            f,
            "Restore({} rows, {after:?} to {reached:?})",
            changes.len()
        )
    }
}

/// Why rows of a shop were not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreRefusal {
    /// Another shop, or the same from another place, is moving in.
    OtherSource,
    /// The part does not follow on what is here, which ends there; `None`: nothing is.
    OutOfStep(Option<Arc<str>>),
    /// This row was here before: the storage was not empty.
    RowExists(Key),
}

/// What names the row that a change writes; `None` where no rule could have read it.
fn key_of(change: &Change) -> Option<Key> {
    match change {
        Change::Account(row) => Some(Key::Account(row.id.clone())),
        Change::Terminal(key, _) => Some(Key::Terminal(key.clone())),
        Change::Store(row) => Some(Key::Store(row.id.clone())),
        Change::Listing(row) => Some(Key::Listing(row.key.clone())),
        Change::Order(row) => Some(Key::Order(row.id)),
        Change::Kept(key, _) => Some(Key::Kept(key.clone())),
        Change::Text(_)
        | Change::Picture(_)
        | Change::Transfer(_)
        | Change::FreeAccount(_)
        | Change::Migration(_) => None,
    }
}

fn is_there(rows: &WorkingSet, key: &Key) -> Result<bool, Lacks> {
    Ok(match key {
        Key::Account(key) => rows.account(key)?.is_some(),
        Key::Terminal(key) => rows.terminal(key)?.is_some(),
        Key::Store(key) => rows.store(key)?.is_some(),
        Key::Listing(key) => rows.listing(key)?.is_some(),
        Key::Order(key) => rows.order(*key)?.is_some(),
        Key::Text(key) => rows.text(key)?.is_some(),
        Key::Kept(key) => rows.kept(key)?.is_some(),
        Key::Obligations(key) => rows.obligations(key).map(|_| false)?,
        Key::Migration => rows.migration()?.is_some(),
    })
}

impl Operation for Restore {
    type Done = ();
    type Refusal = RestoreRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Migration);
        keys.extend(self.changes.iter().filter_map(key_of));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        _now: Timestamp,
    ) -> Result<Decided<()>, Halt<RestoreRefusal>> {
        let refuse = |refusal| Err(Halt::Refused(refusal));
        let begun = rows.migration()?;
        if begun.is_some_and(|migration| migration.source != self.source) {
            return refuse(RestoreRefusal::OtherSource);
        }
        let reached = begun.map(|migration| &migration.reached);
        if reached != self.after.as_ref() {
            return refuse(RestoreRefusal::OutOfStep(reached.cloned()));
        }
        let keys: Vec<Key> = self.changes.iter().filter_map(key_of).collect();
        rows.require(keys.iter().cloned())?;
        for key in keys {
            if is_there(rows, &key)? {
                return refuse(RestoreRefusal::RowExists(key));
            }
        }
        let written = i64::try_from(self.changes.len()).expect("memory holds fewer");
        let migration = Migration {
            source: self.source,
            reached: self.reached.clone(),
            rows: begun.map_or(0, |migration| migration.rows) + written,
        };
        let mut changes = self.changes.clone();
        changes.push(Change::Migration(Some(migration)));
        Ok(Decided::with(changes))
    }
}

/// Notes that a shop has moved in: from here on it is like any other.
#[derive(Debug, Clone)]
pub struct EndMigration {
    /// Where the shop came from.
    pub source: SourceMark,
}

/// Why a migration was not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndMigrationRefusal {
    /// No shop is moving in from there.
    NotMoving,
}

impl Operation for EndMigration {
    type Done = ();
    type Refusal = EndMigrationRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Migration);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        _now: Timestamp,
    ) -> Result<Decided<()>, Halt<EndMigrationRefusal>> {
        match rows.migration()? {
            Some(migration) if migration.source == self.source => {
                Ok(Decided::with(vec![Change::Migration(None)]))
            }
            _ => Err(Halt::Refused(EndMigrationRefusal::NotMoving)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BUYER, Market, START, user};

    const HERE: [u8; 32] = [1; 32];

    fn part(rows: &[&str], after: Option<&str>, reached: &str) -> Restore {
        let market = Market::with_book();
        let account = |name: &&str| {
            let id = user(name);
            Change::Account(crate::Account {
                id,
                ..market.account(BUYER).clone()
            })
        };
        Restore {
            source: SourceMark::new(&HERE, "a"),
            after: after.map(Arc::from),
            changes: rows.iter().map(account).collect(),
            reached: reached.into(),
        }
    }

    #[test]
    fn parts_follow_on_each_other_and_none_comes_twice() {
        let mut market = Market::default();
        let [first, second] = [part(&["a", "b"], None, "1"), part(&["c"], Some("1"), "2")];
        let nothing = Err(RestoreRefusal::OutOfStep(None));
        assert_eq!(market.run(&second, START), nothing);
        for (step, reached) in [(&first, "1"), (&second, "2")] {
            assert_eq!(market.run(step, START), Ok(()));
            let again = Err(RestoreRefusal::OutOfStep(Some(reached.into())));
            assert_eq!(market.run(step, START), again);
        }
        let migration = market.rows.migration().unwrap().unwrap();
        assert_eq!((&*migration.reached, migration.rows), ("2", 3));
        assert_eq!(market.money("c"), (1_000, 0), "a balance comes as it is");
        assert!(market.rows.transfers.is_empty());
    }

    #[test]
    fn a_row_that_is_there_is_not_written_over() {
        let mut market = Market::with_book();
        let before = market.account(BUYER).clone();
        let refusal = RestoreRefusal::RowExists(Key::Account(user(BUYER)));
        assert_eq!(
            market.run(&part(&["a", BUYER], None, "1"), START),
            Err(refusal)
        );
        assert_eq!(*market.account(BUYER), before);
        assert_eq!(market.rows.migration(), Ok(None));
    }

    #[test]
    fn one_shop_moves_in_at_a_time_and_ends_where_it_began() {
        let mut market = Market::default();
        market.run(&part(&["a"], None, "1"), START).unwrap();
        for (secret, place) in [(&HERE, "b"), (&[2; 32], "a")] {
            let source = SourceMark::new(secret, place);
            let other = Restore {
                source,
                ..part(&["b"], Some("1"), "2")
            };
            assert_eq!(market.run(&other, START), Err(RestoreRefusal::OtherSource));
            let refused = market.run(&EndMigration { source }, START);
            assert_eq!(refused, Err(EndMigrationRefusal::NotMoving));
        }
        let end = EndMigration {
            source: SourceMark::new(&HERE, "a"),
        };
        assert_eq!(market.run(&end, START), Ok(()));
        assert_eq!(market.rows.migration(), Ok(None));
        assert_eq!(market.run(&end, START), Err(EndMigrationRefusal::NotMoving));
    }
}
