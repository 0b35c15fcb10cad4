//! The export of the reference engine: all rows in order, and a page cut out of them.

use domain::Change;

use super::Rows;
use crate::error::{ErrorKind, StorageError};
use crate::export::{ExportCursor, ExportLimit, ExportPage, PageRows, Section};

impl Rows {
    pub(super) fn export(
        &self,
        after: Option<ExportCursor>,
        limit: ExportLimit,
    ) -> Result<ExportPage, StorageError> {
        let mut end = after.unwrap_or_else(|| ExportCursor::begin(Section::Accounts));
        let mut page = PageRows::new(limit);
        let is_last = loop {
            let passed = match &*end.position {
                "" => 0,
                number => number.parse().map_err(|_| {
                    StorageError::new(ErrorKind::Internal, "looking for a place in an export")
                })?,
            };
            let mut count: usize = passed;
            for change in self.section(end.section).into_iter().skip(passed) {
                if page.is_full() {
                    break;
                }
                page.push(change);
                count += 1;
            }
            end.position = count.to_string().into();
            match end.section.next() {
                _ if page.is_full() => break false,
                Some(next) => end = ExportCursor::begin(next),
                None => break true,
            }
        };
        let all = Section::ALL
            .into_iter()
            .map(|section| self.section(section).len() as u64);
        let rows_expected = all.sum();
        let changes = page.into_changes();
        Ok(ExportPage {
            changes,
            end,
            is_last,
            rows_expected,
        })
    }

    /// All rows of a section, in order.
    fn section(&self, section: Section) -> Vec<Change> {
        fn sorted<K: Ord, V>(
            rows: impl Iterator<Item = V>,
            key: impl Fn(&V) -> K,
            change: impl Fn(V) -> Change,
        ) -> Vec<Change> {
            let mut rows: Vec<V> = rows.collect();
            rows.sort_by_key(key);
            rows.into_iter().map(change).collect()
        }
        match section {
            Section::Accounts => sorted(
                self.accounts.values().cloned(),
                |row| row.id.clone(),
                Change::Account,
            ),
            Section::Stores => sorted(
                self.stores.values().cloned(),
                |row| row.id.clone(),
                Change::Store,
            ),
            Section::Texts => sorted(self.texts.values().cloned(), |row| row.hash(), Change::Text),
            Section::Pictures => sorted(
                self.pictures.values().cloned(),
                |row| row.hash(),
                Change::Picture,
            ),
            Section::Listings => sorted(
                self.listings.values().cloned(),
                |row| row.key.clone(),
                Change::Listing,
            ),
            Section::Orders => sorted(self.orders.values().cloned(), |row| row.id, Change::Order),
            Section::Transfers => self
                .transfers
                .iter()
                .cloned()
                .map(Change::Transfer)
                .collect(),
            Section::KeptAnswers => sorted(
                self.kept.clone().into_iter(),
                |(key, _)| {
                    let words = [key.user.as_str(), &key.endpoint, key.key.as_str()];
                    words.map(str::to_owned)
                },
                |(key, row)| Change::Kept(key, row),
            ),
            Section::Terminals => sorted(
                self.terminals.clone().into_iter(),
                |(key, _)| (key.user.clone(), key.name.clone()),
                |(key, row)| Change::Terminal(key, row),
            ),
        }
    }
}
