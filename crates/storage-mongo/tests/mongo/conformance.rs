//! The engine passes the suite that every engine passes.

use std::sync::Arc;

use domain::Clock;
use storage::conformance::{Fixture, Opening};
use storage_mongo::MongoStorage;

use crate::server::{fresh_name, shared};

/// A database, empty at first. Several engines may be opened on it, as several processes would.
pub struct Place(pub String);

impl Place {
    /// A fresh one on the shared server; `None` where there is no mongod.
    pub fn fresh() -> Option<Self> {
        shared().map(|server| Self(server.url(&fresh_name())))
    }
}

impl Fixture for Place {
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_> {
        Box::pin(async {
            let opened = MongoStorage::open(&self.0, clock).await;
            Arc::new(opened.expect("the engine opens")) as _
        })
    }
}

storage::conformance_suite!(match Place::fresh() {
    Some(place) => place,
    None => return,
});
