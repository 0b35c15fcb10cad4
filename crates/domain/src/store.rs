//! Stores: where sellers offer books.

use crate::ids::{StoreId, UserId};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, WorkingSet};

/// A seller's store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Store {
    /// Its name, never given twice.
    pub id: StoreId,
    /// The seller.
    pub owner: UserId,
    /// Whether it sells; false once its owner has closed his account.
    pub is_open: bool,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// Opens a store.
#[derive(Debug, Clone)]
pub struct CreateStore {
    /// The seller; proved.
    pub owner: UserId,
    /// The store's id.
    pub store: StoreId,
}

/// Why a store was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateStoreRefusal {
    /// A store has, or had, that id.
    StoreExists(StoreId),
}

impl Operation for CreateStore {
    type Done = ();
    type Refusal = CreateStoreRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Account(self.owner.clone()),
            Key::Store(self.store.clone()),
        ]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<CreateStoreRefusal>> {
        if rows.store(&self.store)?.is_some() {
            return Err(Halt::Refused(CreateStoreRefusal::StoreExists(
                self.store.clone(),
            )));
        }
        let mut changes = vec![Change::Store(Store {
            id: self.store.clone(),
            owner: self.owner.clone(),
            is_open: true,
            created_at: now,
        })];
        if let Some(owner) = rows.account(&self.owner)? {
            changes.extend(owner.first_use());
        }
        Ok(Decided::with(changes))
    }
}
