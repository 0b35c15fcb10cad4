//! What an engine brings to the suite: a place for its data.

use std::pin::Pin;
use std::sync::Arc;

use domain::Clock;

use crate::port::Storage;

/// An engine on its way.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Arc<dyn Storage>> + Send + 'a>>;

/// A place for one case's data, cleaned up when it is dropped.
///
/// Durability is one of the promises, so every engine can be opened again on what it stored.
pub trait Fixture: Send + Sync {
    /// Opens the engine here: empty the first time, and with what was stored each time after
    /// that, when the engine before has been closed. A failure panics.
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_>;
}
