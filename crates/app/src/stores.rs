//! Stores: opening them.

use domain::store::CreateStoreRefusal;
use domain::{Answer, CreateStore, StoreId, UserId};

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
}
