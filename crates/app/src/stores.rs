//! Stores: opening them, and looking at those that are open.

use domain::store::CreateStoreRefusal;
use domain::{Answer, CreateStore, Store, StoreId, UserId};
use storage::StorageError;

use crate::App;
use crate::authority::{Bearer, KeepRequest};
use crate::problem::Problem;

impl App {
    /// Opens a store.
    ///
    /// # Errors
    /// [`CreateStoreRefusal`], or as [`App::authorize`].
    pub async fn create_store(
        &self,
        bearer: &Bearer,
        user: UserId,
        keep: Option<KeepRequest>,
        store: StoreId,
    ) -> Result<Answer<()>, Problem<CreateStoreRefusal>> {
        let operation = CreateStore {
            owner: user.clone(),
            store,
        };
        self.run_with_token(bearer, &user, keep, operation).await
    }

    /// A store; `None` where there is none, or none any more.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn open_store(&self, id: &StoreId) -> Result<Option<Store>, StorageError> {
        let found = self.storage.find_store(id).await?;
        Ok(found.filter(|store| store.is_open))
    }

    /// Open stores by their ids, behind an id, at most `limit`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn open_stores(
        &self,
        after: Option<StoreId>,
        limit: u32,
    ) -> Result<Vec<Store>, StorageError> {
        self.storage.list_stores(after, limit).await
    }

    /// A seller's open stores by their ids, behind an id, at most `limit`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn own_stores(
        &self,
        owner: UserId,
        after: Option<StoreId>,
        limit: u32,
    ) -> Result<Vec<Store>, StorageError> {
        self.storage.list_stores_of(owner, after, limit).await
    }
}
