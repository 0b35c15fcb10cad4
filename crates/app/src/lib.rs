//! Use cases of the marketplace: where storage, the clock, passwords and tokens meet.
//!
//! What lives here: one file per noun with what can be asked of it, authentication
//! ([`passwords`], [`tokens`], [`failures`]), and the background jobs ([`jobs`]). What never does:
//! a rule of the shop (that is `domain`'s), a driver, a status code.
//!
//! Read [`App`] first, then [`authority`], which every use case begins with.

pub mod accounts;
pub mod authority;
pub mod books;
pub mod catalogue;
pub mod failures;
pub mod jobs;
pub mod listings;
pub mod orders;
pub mod passwords;
pub mod problem;
pub mod random;
mod remembered;
pub mod room;
pub mod search;
pub mod stores;
pub mod tokens;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use domain::{CancelUntil, Clock, Operation, Request};
use storage::{Outcome, Storage, StorageError};

pub use accounts::Balance;
pub use authority::{Bearer, Credentials, KeepRequest};
pub use passwords::Password;
pub use problem::Problem;

use crate::books::MostBought;
use crate::catalogue::Catalogue;
use crate::failures::FailureBudget;
use crate::passwords::Passwords;
use crate::remembered::Remembered;
use crate::room::InHand;
use crate::search::Finder;
use crate::tokens::Tokens;
use crate::turns::Turns;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an order may stay unpaid.
    pub payment_timeout: Duration,
    /// After how long a sent order counts as received.
    pub receipt_timeout: Duration,
    /// Until when a buyer may cancel.
    pub cancel_until: CancelUntil,
    /// Whether users may put money into their accounts themselves.
    pub is_self_funding: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            payment_timeout: Duration::from_secs(30 * 60),
            receipt_timeout: Duration::from_secs(14 * 24 * 60 * 60),
            cancel_until: CancelUntil::Received,
            is_self_funding: true,
        }
    }
}

/// The marketplace's use cases over one engine.
pub struct App {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    passwords: Passwords,
    remembered: Remembered,
    failures: FailureBudget,
    tokens: Tokens,
    turns: Turns,
    in_hand: InHand,
    most_bought: MostBought,
    catalogue: Option<Arc<dyn Catalogue>>,
    finder: Option<Arc<Finder>>,
}

impl App {
    /// Puts the use cases over an engine. Asks it for the server's secret, or gives it one.
    ///
    /// # Errors
    /// [`StorageError`] where the engine can't tell the secret.
    pub async fn new(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self, StorageError> {
        let secret = storage.secret(random::bytes()).await?;
        Ok(Self {
            passwords: Passwords::new(),
            remembered: Remembered::new(random::bytes()),
            failures: FailureBudget::new(&secret),
            tokens: Tokens::new(&secret),
            turns: Turns::new(),
            in_hand: InHand::default(),
            most_bought: MostBought::default(),
            catalogue: None,
            finder: None,
            storage,
            clock,
            settings,
        })
    }

    /// The engine.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// What the operator set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A seal on bytes that go out and come back, in a cookie say: nobody else can make it, and
    /// one for a purpose is none for another.
    #[must_use]
    pub fn seal(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        self.tokens.seal(purpose, bytes)
    }

    async fn run<O>(&self, request: Request<O>) -> Result<Outcome<O>, StorageError>
    where
        O: Operation + Send + 'static,
        O::Done: Send,
        O::Refusal: Send,
    {
        storage::run_holding(&*self.storage, request, self.in_hand.count()).await
    }
}
