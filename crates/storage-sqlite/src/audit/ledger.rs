//! The ledger: its postings sum to zero, and each account's are its balance.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::{Audit, DOING, Findings, account_name, look};
use crate::error::{Doing, Stored};
use crate::ledger::{OUTSIDE_ACCOUNT, Side};

/// How many rows a piece reads.
const PIECE_ROWS: i64 = if cfg!(test) { 3 } else { 50_000 };
/// Into how many parts the entries are divided to find those that don't sum to zero.
const PARTS: usize = if cfg!(test) { 4 } else { 1 << 16 };
/// How many parts with such entries are searched for them.
const PARTS_SEARCHED_MAX: usize = if cfg!(test) { 2 } else { 64 };

pub(super) const LIST_POSTINGS: &str = "
    SELECT account, entry, side, amount FROM postings
     WHERE (account, entry, side) > (?1, ?2, ?3)
     ORDER BY account, entry, side LIMIT ?4";

pub(super) const LIST_LATER_POSTINGS: &str =
    "SELECT side, amount FROM postings WHERE account = ?1 AND entry > ?2";

pub(super) const FIND_BALANCE: &str = "SELECT balance, held FROM balances WHERE account = ?1";

pub(super) const LIST_ENTRIES: &str = "
    SELECT e.id, e.order_id,
           e.order_id IS NULL OR EXISTS (SELECT 1 FROM orders o WHERE o.id = e.order_id)
      FROM entries e WHERE e.id > ?1 AND e.id <= ?2 ORDER BY e.id LIMIT ?3";

pub(super) const HAS_ENTRY: &str = "SELECT EXISTS (SELECT 1 FROM entries WHERE id = ?1)";

#[derive(Debug, Clone, Copy)]
struct Posting {
    account: i64,
    entry: i64,
    side: i64,
    amount: i64,
}

pub(super) fn check(audit: &mut Audit<'_>) -> Stored<()> {
    // Postings are only ever appended, so all up to this entry are whole and stay as they are,
    // whatever is appended while the audit reads them piece by piece.
    let last = "SELECT coalesce(max(id), 0) FROM entries";
    let last = audit
        .connection
        .query_row(last, [], |row| row.get(0))
        .doing(DOING)?;
    let mut parts = Parts::new(last);
    check_entries(audit, &mut parts)?;
    let total = check_postings(audit, &mut parts)?;
    look(&mut audit.findings.postings, total == 0, || {
        format!("all postings together sum to {total}")
    });
    if parts.wrong().next().is_some() {
        search(audit, &parts)?;
    }
    Ok(())
}

/// Goes over the entries, each of which is to have two postings, and an order where it names one.
fn check_entries(audit: &mut Audit<'_>, parts: &mut Parts) -> Stored<()> {
    let mut after = 0;
    loop {
        let seen = audit.piece(|connection, findings| {
            let mut statement = connection.prepare_cached(LIST_ENTRIES).doing(DOING)?;
            let mut rows = statement
                .query([after, parts.last, PIECE_ROWS])
                .doing(DOING)?;
            let mut seen = 0;
            while let Some(row) = rows.next().doing(DOING)? {
                after = row.get(0).doing(DOING)?;
                let has_its_order: bool = row.get(2).doing(DOING)?;
                if !has_its_order {
                    let order: i64 = row.get(1).doing(DOING)?;
                    look(&mut findings.orders, false, || {
                        format!("entry {after} is for order number {order}, which is unknown")
                    });
                }
                findings.postings.checked += 1;
                parts.expect(after);
                seen += 1;
            }
            Ok(seen)
        })?;
        if seen < PIECE_ROWS {
            return Ok(());
        }
    }
}

/// Goes over the postings, account by account. Returns their sum.
fn check_postings(audit: &mut Audit<'_>, parts: &mut Parts) -> Stored<i128> {
    let mut total = 0;
    let mut current: Option<Sums> = None;
    let mut complete: Vec<Sums> = Vec::new();
    let mut later: Vec<i64> = Vec::new();
    let last = parts.last;
    walk_postings(audit, |step, findings| match step {
        Step::Posting(posting) => {
            let is_new = current
                .as_ref()
                .is_none_or(|sums| sums.account != posting.account);
            if is_new {
                complete.extend(current.replace(Sums::new(posting.account)));
            }
            if posting.entry <= last {
                total += i128::from(posting.amount);
                parts.add(posting);
                let sums = current.as_mut().expect("it was just set");
                if !sums.add(posting.side, posting.amount) || posting.amount == 0 {
                    let words = || format!("a posting of entry {} means nothing", posting.entry);
                    look(&mut findings.postings, false, words);
                }
            } else {
                later.push(posting.entry);
            }
            Ok(())
        }
        Step::PieceEnds(connection) => {
            later
                .drain(..)
                .try_for_each(|entry| check_later(connection, findings, entry))?;
            complete
                .drain(..)
                .try_for_each(|sums| sums.check(connection, findings, last))
        }
    })?;
    if let Some(sums) = current {
        audit.piece(|connection, findings| sums.check(connection, findings, last))?;
    }
    Ok(total)
}

/// A posting behind the last entry belongs to one that was appended meanwhile.
fn check_later(connection: &Connection, findings: &mut Findings, entry: i64) -> Stored<()> {
    let mut statement = connection.prepare_cached(HAS_ENTRY).doing(DOING)?;
    if !statement
        .query_row([entry], |row| row.get(0))
        .doing(DOING)?
    {
        let words = || format!("a posting is of entry {entry}, which is unknown");
        look(&mut findings.postings, false, words);
    }
    Ok(())
}

/// What a walk over the postings comes by.
enum Step<'a> {
    Posting(Posting),
    /// The last chance to look at something else in the same read transaction.
    PieceEnds(&'a Connection),
}

/// Comes by every posting, in the order of the accounts.
fn walk_postings(
    audit: &mut Audit<'_>,
    mut visit: impl FnMut(Step<'_>, &mut Findings) -> Stored<()>,
) -> Stored<()> {
    let mut after = [i64::MIN, 0, 0];
    loop {
        let seen = audit.piece(|connection, findings| {
            let mut statement = connection.prepare_cached(LIST_POSTINGS).doing(DOING)?;
            let [account, entry, side] = after;
            let mut rows = statement
                .query([account, entry, side, PIECE_ROWS])
                .doing(DOING)?;
            let mut seen = 0;
            while let Some(row) = rows.next().doing(DOING)? {
                let column = |column| row.get(column).doing(DOING);
                let (account, entry, side) = (column(0)?, column(1)?, column(2)?);
                after = [account, entry, side];
                let posting = Posting {
                    account,
                    entry,
                    side,
                    amount: column(3)?,
                };
                visit(Step::Posting(posting), findings)?;
                seen += 1;
            }
            visit(Step::PieceEnds(connection), findings)?;
            Ok(seen)
        })?;
        if seen < PIECE_ROWS {
            return Ok(());
        }
    }
}

/// The sums of one account's postings.
struct Sums {
    account: i64,
    spendable: i128,
    held: i128,
}

impl Sums {
    fn new(account: i64) -> Self {
        Self {
            account,
            spendable: 0,
            held: 0,
        }
    }

    /// Adds a posting; false where the account has no such side.
    fn add(&mut self, side: i64, amount: i64) -> bool {
        let is_outside = self.account == OUTSIDE_ACCOUNT;
        if side == Side::Spendable.code() && !is_outside {
            self.spendable += i128::from(amount);
        } else if side == Side::Held.code() && !is_outside {
            self.held += i128::from(amount);
        } else {
            return is_outside && side == Side::Outside.code();
        }
        true
    }

    /// Adds the postings behind `last`, and compares with the balance of the same moment.
    fn check(mut self, connection: &Connection, findings: &mut Findings, last: i64) -> Stored<()> {
        if self.account == OUTSIDE_ACCOUNT {
            return Ok(());
        }
        let mut statement = connection
            .prepare_cached(LIST_LATER_POSTINGS)
            .doing(DOING)?;
        let mut rows = statement.query([self.account, last]).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            self.add(row.get(0).doing(DOING)?, row.get(1).doing(DOING)?);
        }
        let mut statement = connection.prepare_cached(FIND_BALANCE).doing(DOING)?;
        let found: Option<(i64, i64)> = statement
            .query_row([self.account], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .doing(DOING)?;
        let is_right = found.is_some_and(|(balance, held)| {
            i128::from(held) == self.held
                && i128::from(balance) - i128::from(held) == self.spendable
                && (0..=balance).contains(&held)
        });
        look(&mut findings.balances, is_right, || {
            let (
                name,
                Self {
                    spendable, held, ..
                },
            ) = (account_name(connection, self.account), self);
            let Some((balance, stored)) = found else {
                return format!("{name} has no balance");
            };
            format!(
                "{name} has a balance of {balance}, {stored} of it held, and postings of \
                 {spendable} spendable and {held} held"
            )
        });
        Ok(())
    }
}

/// Finds entries that don't sum to zero, or haven't two postings, in memory that does not grow
/// with their number: the entries are divided into parts, and of each part a weighted sum is kept
/// that comes out as zero if every entry is right and, but for one chance in 2^64, only then.
struct Parts {
    /// The last entry looked at.
    last: i64,
    sums: Vec<(u64, u64)>,
}

impl Parts {
    fn new(last: i64) -> Self {
        Self {
            last,
            sums: vec![(0, 0); PARTS],
        }
    }

    fn part(&self, entry: i64) -> usize {
        let entries_a_part = self.last.unsigned_abs() / PARTS as u64 + 1;
        let part = entry.unsigned_abs() / entries_a_part;
        usize::try_from(part).map_or(PARTS - 1, |part| part.min(PARTS - 1))
    }

    /// An odd number that looks random and is always the same for an entry (`SplitMix64`).
    fn weight(entry: i64) -> u64 {
        let mut bits = entry.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) | 1
    }

    /// Notes an entry, which is to have two postings.
    fn expect(&mut self, entry: i64) {
        let part = self.part(entry);
        let (_, count) = &mut self.sums[part];
        *count = count.wrapping_sub(Self::weight(entry).wrapping_mul(2));
    }

    fn add(&mut self, posting: Posting) {
        let part = self.part(posting.entry);
        let weight = Self::weight(posting.entry);
        let (sum, count) = &mut self.sums[part];
        *sum = sum.wrapping_add(posting.amount.cast_unsigned().wrapping_mul(weight));
        *count = count.wrapping_add(weight);
    }

    /// The parts with an entry that is wrong.
    fn wrong(&self) -> impl Iterator<Item = usize> + '_ {
        let parts = self.sums.iter().enumerate();
        parts
            .filter(|(_, sums)| **sums != (0, 0))
            .map(|(part, _)| part)
    }
}

/// Names the wrong entries in the first of the parts that have any; each other part counts as one.
fn search(audit: &mut Audit<'_>, parts: &Parts) -> Stored<()> {
    let searched: Vec<usize> = parts.wrong().take(PARTS_SEARCHED_MAX).collect();
    let is_searched = |entry: i64| searched.contains(&parts.part(entry));
    let mut entries: BTreeMap<i64, (i128, i64)> = BTreeMap::new();
    walk_postings(audit, |step, _| {
        if let Step::Posting(posting) = step
            && posting.entry <= parts.last
            && is_searched(posting.entry)
        {
            let (sum, count) = entries.entry(posting.entry).or_default();
            *sum += i128::from(posting.amount);
            *count += 1;
        }
        Ok(())
    })?;
    let sql = "SELECT id FROM entries WHERE id <= ?1";
    audit.piece(|connection, _| {
        let mut statement = connection.prepare(sql).doing(DOING)?;
        let mut rows = statement.query([parts.last]).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let entry = row.get(0).doing(DOING)?;
            if is_searched(entry) {
                entries.entry(entry).or_default().1 -= 2;
            }
        }
        Ok(())
    })?;
    let finding = &mut audit.findings.postings;
    for (entry, (sum, count)) in entries.into_iter().filter(|(_, wrong)| *wrong != (0, 0)) {
        look(finding, false, || match count {
            0 => format!("entry {entry} sums to {sum}"),
            _ => format!("entry {entry} has {} postings and sums to {sum}", count + 2),
        });
    }
    finding.wrong += parts.wrong().skip(PARTS_SEARCHED_MAX).count() as u64;
    Ok(())
}
