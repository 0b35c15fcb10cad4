//! Listings: what sellers offer.

use domain::listing::{AddListingRefusal, AddStockRefusal, UpdateListingRefusal};
use domain::{AddListing, AddStock, Answer, UpdateListing};

use crate::App;
use crate::authority::{Bearer, KeepRequest};
use crate::problem::Problem;

impl App {
    /// Lists a book.
    ///
    /// # Errors
    /// [`AddListingRefusal`], or as [`App::authorize`].
    pub async fn add_listing(
        &self,
        bearer: &Bearer,
        keep: Option<KeepRequest>,
        operation: AddListing,
    ) -> Result<Answer<()>, Problem<AddListingRefusal>> {
        let user = operation.user.clone();
        self.run_with_token(bearer, &user, keep, operation).await
    }

    /// Adds copies, or takes some away.
    ///
    /// # Errors
    /// [`AddStockRefusal`], or as [`App::authorize`].
    pub async fn add_stock(
        &self,
        bearer: &Bearer,
        keep: Option<KeepRequest>,
        operation: AddStock,
    ) -> Result<Answer<()>, Problem<AddStockRefusal>> {
        let user = operation.user.clone();
        self.run_with_token(bearer, &user, keep, operation).await
    }

    /// Changes a listing.
    ///
    /// # Errors
    /// [`UpdateListingRefusal`], or as [`App::authorize`].
    pub async fn update_listing(
        &self,
        bearer: &Bearer,
        keep: Option<KeepRequest>,
        operation: UpdateListing,
    ) -> Result<Answer<()>, Problem<UpdateListingRefusal>> {
        let user = operation.user.clone();
        self.run_with_token(bearer, &user, keep, operation).await
    }
}
