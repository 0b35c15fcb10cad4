//! What a transaction sends: many documents in each command, since round trips are what it costs.
//!
//! (The server's `bulkWrite` across collections needs 8.0.)

use std::collections::HashMap;

use mongodb::bson::raw::CStr;
use mongodb::bson::{Bson, Document, RawArrayBuf, RawBson, RawDocumentBuf, doc, rawdoc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::{ErrorKind, StorageError};

use crate::deployment::until;
use crate::error::{Stored, kind_of_code};
use crate::transaction::Transaction;

/// How many documents one `find` names.
const KEYS_PER_FIND_MAX: usize = 4_096;
/// How many documents one statement names.
const KEYS_PER_STATEMENT_MAX: usize = 1_024;
/// How many bytes of statements one `update` carries; a command has at most 16 MiB.
const STATEMENTS_MAX_BYTES: usize = 8 << 20;
/// How many statements one `update` carries; the server takes 100,000.
const STATEMENTS_MAX: usize = 10_000;

/// What a document must be like to be changed, beyond having its id.
pub(crate) type Guard = Vec<(&'static CStr, RawBson)>;

/// How to change one document.
pub(crate) struct Update {
    pub(crate) id: RawBson,
    pub(crate) guard: Guard,
    pub(crate) update: RawDocumentBuf,
}

impl Transaction {
    /// The documents of a collection with these ids, in no order. The server sorts a long list of
    /// ids, unless it is sorted already.
    pub(crate) async fn find_by_id<D>(
        &mut self,
        collection: &str,
        ids: &[Bson],
        doing: &'static str,
    ) -> Stored<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync,
    {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(KEYS_PER_FIND_MAX) {
            let filter = match ids {
                [id] => doc! { "_id": id.clone() },
                ids => doc! { "_id": { "$in": ids.to_vec() } },
            };
            found.extend(self.find(collection, filter, ids.len(), doing).await?);
        }
        Ok(found)
    }

    /// Which of these ids a collection has: for documents too large to be read for that.
    pub(crate) async fn find_ids<D>(
        &mut self,
        collection: &str,
        ids: &[Bson],
        doing: &'static str,
    ) -> Stored<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync,
    {
        let work_until = self.work_until();
        let collection = self.deployment.collection::<D>(collection);
        let session = self.session.as_mut().expect("the batch loop begins first");
        until(work_until, doing, async {
            let filter = doc! { "_id": { "$in": ids.to_vec() } };
            let finding = collection.find(filter).projection(doc! { "_id": 1 });
            let mut cursor = finding.session(&mut *session).await?;
            let mut found = Vec::new();
            while cursor.advance(session).await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })
        .await
    }

    /// The documents that a filter names; `at_most` of them, since one answer is to hold them all.
    pub(crate) async fn find<D>(
        &mut self,
        collection: &str,
        filter: Document,
        at_most: usize,
        doing: &'static str,
    ) -> Stored<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync,
    {
        let work_until = self.work_until();
        let collection = self.deployment.collection::<D>(collection);
        let session = self.session.as_mut().expect("the batch loop begins first");
        let batch = u32::try_from(at_most).unwrap_or(u32::MAX).saturating_add(1);
        let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
        until(work_until, doing, async {
            let finding = collection.find(filter).batch_size(batch).limit(limit);
            let mut cursor = finding.session(&mut *session).await?;
            let mut found = Vec::new();
            while cursor.advance(session).await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })
        .await
    }

    /// Adds documents. One whose id is taken is a conflict: whoever took it came in between, for
    /// this transaction has seen that it was free.
    pub(crate) async fn insert<D>(
        &mut self,
        collection: &str,
        documents: Vec<D>,
        doing: &'static str,
    ) -> Stored<()>
    where
        D: Serialize + Send + Sync,
    {
        if documents.is_empty() {
            return Ok(());
        }
        let work_until = self.work_until();
        let collection = self.deployment.collection::<D>(collection);
        let session = self.session.as_mut().expect("the batch loop begins first");
        until(work_until, doing, async {
            collection
                .insert_many(documents)
                .session(session)
                .await
                .map(drop)
        })
        .await
    }

    /// Runs statements of the `update` command, each of which must find its document.
    pub(crate) async fn update(
        &mut self,
        collection: &str,
        statements: Vec<RawDocumentBuf>,
        doing: &'static str,
    ) -> Stored<()> {
        let wanted = statements.len() as u64;
        let found = self
            .write("update", "updates", collection, statements, doing)
            .await?;
        self.expect(found, wanted, doing)
    }

    /// Changes documents by their ids, each of which must be there, and as its guard says: it is a
    /// conflict where one is not. What is to be changed alike is one statement, which costs the server less than one for each document.
    pub(crate) async fn update_alike(
        &mut self,
        collection: &str,
        updates: Vec<Update>,
        doing: &'static str,
    ) -> Stored<()> {
        let wanted = updates.len() as u64;
        let is_guarded = updates.iter().any(|update| !update.guard.is_empty());
        let statements = group(updates);
        let found = self
            .write("update", "updates", collection, statements, doing)
            .await?;
        if is_guarded && found != wanted {
            return Err(StorageError::new(ErrorKind::Conflict, doing));
        }
        self.expect(found, wanted, doing)
    }

    /// Runs one statement that changes any number of documents, and says how many it found.
    pub(crate) async fn update_many(
        &mut self,
        collection: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        doing: &'static str,
    ) -> Stored<u64> {
        let statement = rawdoc! { "q": filter, "u": update, "multi": true };
        self.write("update", "updates", collection, vec![statement], doing)
            .await
    }

    /// Removes the documents with these ids, each of which must be there.
    pub(crate) async fn delete(
        &mut self,
        collection: &str,
        ids: Vec<Bson>,
        doing: &'static str,
    ) -> Stored<()> {
        let wanted = ids.len() as u64;
        let statement = |id| rawdoc! { "q": { "_id": raw(id) }, "limit": 1 };
        let statements = ids.into_iter().map(statement).collect();
        let found = self
            .write("delete", "deletes", collection, statements, doing)
            .await?;
        self.expect(found, wanted, doing)
    }

    /// What this transaction has read is there in its snapshot, or the collection is damaged.
    fn expect(&self, found: u64, wanted: u64, doing: &'static str) -> Stored<()> {
        if found == wanted {
            Ok(())
        } else {
            Err(StorageError::new(ErrorKind::Corrupt, doing))
        }
    }

    async fn write(
        &mut self,
        command: &str,
        field: &str,
        collection: &str,
        statements: Vec<RawDocumentBuf>,
        doing: &'static str,
    ) -> Stored<u64> {
        let mut found = 0;
        let mut waiting = statements.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut bytes = 0;
            let mut chunk = RawArrayBuf::new();
            let mut count = 0;
            while let Some(statement) =
                waiting.next_if(|_| bytes < STATEMENTS_MAX_BYTES && count < STATEMENTS_MAX)
            {
                bytes += statement.as_bytes().len();
                count += 1;
                chunk.push(statement);
            }
            found += self.run(command, field, collection, chunk, doing).await?;
        }
        Ok(found)
    }

    async fn run(
        &mut self,
        command: &str,
        field: &str,
        collection: &str,
        statements: RawArrayBuf,
        doing: &'static str,
    ) -> Stored<u64> {
        let work_until = self.work_until();
        let session = self.session.as_mut().expect("the batch loop begins first");
        let mut body = RawDocumentBuf::new();
        let name = |text| <&CStr>::try_from(text).expect("names hold no nul");
        body.append(name(command), collection);
        body.append(name(field), statements);
        let command = self
            .deployment
            .database
            .run_raw_command(body)
            .session(session);
        let answer = until(work_until, doing, command.into_future()).await?;
        match answer
            .get_array("writeErrors")
            .ok()
            .and_then(|errors| errors.first())
        {
            None => Ok(count(&answer)),
            Some(error) => Err(write_error(error, doing)),
        }
    }
}

/// One statement for each update, with the ids of all documents that it is for; in the order in
/// which the updates first came.
fn group(updates: Vec<Update>) -> Vec<RawDocumentBuf> {
    struct Group {
        guard: Guard,
        update: RawDocumentBuf,
        ids: Vec<RawBson>,
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for Update { id, guard, update } in updates {
        let mut alike = guarded(RawDocumentBuf::new(), &guard).into_bytes();
        alike.extend_from_slice(update.as_bytes());
        let place = *places.entry(alike).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.ids.push(id),
            None => groups.push(Group {
                guard,
                update,
                ids: vec![id],
            }),
        }
    }
    let mut statements = Vec::with_capacity(groups.len());
    for Group { guard, update, ids } in groups {
        for ids in ids.chunks(KEYS_PER_STATEMENT_MAX) {
            statements.push(match ids {
                [id] => {
                    let filter = guarded(rawdoc! { "_id": id.clone() }, &guard);
                    rawdoc! { "q": filter, "u": update.clone() }
                }
                ids => {
                    let ids: RawArrayBuf = ids.iter().cloned().collect();
                    let filter = guarded(rawdoc! { "_id": { "$in": ids } }, &guard);
                    rawdoc! { "q": filter, "u": update.clone(), "multi": true }
                }
            });
        }
    }
    statements
}

/// A filter that also asks for what a guard says.
fn guarded(mut filter: RawDocumentBuf, guard: &Guard) -> RawDocumentBuf {
    for (name, value) in guard {
        filter.append(*name, value.clone());
    }
    filter
}

/// A value in its raw form.
pub(crate) fn raw(value: Bson) -> RawBson {
    value
        .try_into()
        .expect("ids hold no text with a nul in a name")
}

/// How many documents a write found: a number of whichever kind the server likes.
fn count(answer: &Document) -> u64 {
    let number = match answer.get("n") {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        _ => 0,
    };
    u64::try_from(number).unwrap_or(0)
}

/// A statement that the server refused, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("write error {code}: {message}")]
struct Refusal {
    code: i32,
    message: String,
}

fn write_error(error: &Bson, doing: &'static str) -> StorageError {
    let error = error.as_document();
    let code = error
        .and_then(|error| error.get_i32("code").ok())
        .unwrap_or(0);
    let message = error
        .and_then(|error| error.get_str("errmsg").ok())
        .unwrap_or_default();
    let kind = kind_of_code(code).unwrap_or(ErrorKind::Internal);
    StorageError::caused(
        kind,
        doing,
        Refusal {
            code,
            message: message.to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use mongodb::bson::raw::cstr;

    use super::*;

    fn plain(id: i64, update: RawDocumentBuf) -> Update {
        Update {
            id: RawBson::Int64(id),
            guard: Guard::new(),
            update,
        }
    }

    #[test]
    fn what_is_changed_alike_is_one_statement() {
        let less = |copies: i64| rawdoc! { "$inc": { "stock": -copies } };
        let update = |id: i64, copies| plain(id, less(copies));
        let statements = group(vec![update(1, 1), update(2, 3), update(3, 1), update(4, 1)]);
        let ids: RawArrayBuf = [1_i64, 3, 4].into_iter().map(RawBson::Int64).collect();
        let together = rawdoc! { "q": { "_id": { "$in": ids } }, "u": less(1), "multi": true };
        let alone = rawdoc! { "q": { "_id": 2_i64 }, "u": less(3) };
        assert_eq!(statements, [together, alone]);
    }

    #[test]
    fn what_is_guarded_otherwise_is_another_statement() {
        let set = rawdoc! { "$set": { "state": "paid" } };
        let update = |id: i64, edits: i64| Update {
            guard: vec![(cstr!("edits"), RawBson::Int64(edits))],
            ..plain(id, set.clone())
        };
        let statements = group(vec![update(1, 0), update(2, 7), update(3, 0)]);
        let ids: RawArrayBuf = [1_i64, 3].into_iter().map(RawBson::Int64).collect();
        let filter = rawdoc! { "_id": { "$in": ids }, "edits": 0_i64 };
        let together = rawdoc! { "q": filter, "u": set.clone(), "multi": true };
        let alone = rawdoc! { "q": { "_id": 2_i64, "edits": 7_i64 }, "u": set };
        assert_eq!(statements, [together, alone]);
    }

    #[test]
    fn no_statement_names_more_than_its_share() {
        let update = rawdoc! { "$inc": { "stock": -1_i64 } };
        let many = (0..2_500_i64).map(|id| plain(id, update.clone()));
        let statements = group(many.collect());
        assert_eq!(statements.len(), 3);
    }
}
