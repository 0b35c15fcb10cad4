//! Terminals at which somebody logged out of late.

use domain::{Generation, Key, Terminal, TerminalKey, Timestamp, WorkingSet};
use mongodb::bson::{Bson, DateTime, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::Stored;
use crate::expiry;
use crate::schema::TERMINALS;
use crate::transaction::Transaction;
use crate::values::{date, read_terminal, read_user, time};

const LOADING: &str = "finding terminals";
const SAVING: &str = "writing terminals";

/// What names a terminal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TerminalId {
    user: String,
    name: String,
}

/// A terminal as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TerminalDocument {
    #[serde(rename = "_id")]
    id: TerminalId,
    generation: i64,
    forget_at: DateTime,
}

impl TerminalDocument {
    fn of(key: &TerminalKey, terminal: &Terminal) -> Self {
        let id = TerminalId {
            user: key.user.as_str().to_owned(),
            name: key.name.as_str().to_owned(),
        };
        let generation = terminal.generation.get();
        Self {
            id,
            generation,
            forget_at: date(terminal.forget_at),
        }
    }

    pub(crate) fn read(self) -> Stored<(TerminalKey, Terminal)> {
        let user = read_user(self.id.user, LOADING)?;
        let key = TerminalKey {
            user,
            name: read_terminal(self.id.name, LOADING)?,
        };
        let generation = Generation::new(self.generation);
        Ok((
            key,
            Terminal {
                generation,
                forget_at: time(self.forget_at),
            },
        ))
    }
}

pub(crate) fn id(key: &TerminalKey) -> Bson {
    doc! { "user": key.user.as_str(), "name": key.name.as_str() }.into()
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Terminal(terminal) => Some(terminal.clone()),
        _ => None,
    };
    let mut terminals: Vec<TerminalKey> = keys.iter().filter_map(named).collect();
    terminals
        .sort_unstable_by(|one, other| (&one.user, &one.name).cmp(&(&other.user, &other.name)));
    if terminals.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = terminals.iter().map(id).collect();
    let found: Vec<TerminalDocument> = transaction.find_by_id(TERMINALS, &ids, LOADING).await?;
    for document in found {
        let (key, terminal) = document.read()?;
        rows.terminals.load(key, Some(terminal), 0);
    }
    for key in terminals {
        transaction.terminals_read.insert(key.user.clone());
        rows.terminals.load(key, None, 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    for (key, entry) in rows.terminals.changed() {
        let Some(terminal) = entry.current() else {
            continue;
        };
        let document = TerminalDocument::of(key, terminal);
        if entry.saved().is_none() {
            added.push(document);
            continue;
        }
        updates.push(rawdoc! {
            "q": { "_id": { "user": document.id.user, "name": document.id.name } },
            "u": { "$set": { "generation": document.generation, "forget_at": document.forget_at } },
        });
    }
    transaction.update(TERMINALS, updates, SAVING).await?;
    transaction.insert(TERMINALS, added, SAVING).await
}

/// Drops rows whose tokens have all expired. Returns how many.
pub(crate) async fn forget(deployment: &Deployment, now: Timestamp, limit: u32) -> Stored<u64> {
    let filter = doc! { "forget_at": { "$lte": date(now) } };
    expiry::forget(deployment, TERMINALS, filter, limit, "forgetting terminals").await
}
