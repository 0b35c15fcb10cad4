//! Passwords that were right a moment ago. Paying and funding carry the password on every call,
//! and Argon2id costs as much as hundreds of orders.
//!
//! What was right is remembered for the address it came from, so guesses from elsewhere are never
//! compared with it: they go through the budget of failures that all processes share.

use std::time::Duration;

use domain::{Epoch, PasswordHash, UserId};
use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::failures::Origin;
use crate::passwords::Password;

/// How many passwords are remembered; some 170 bytes each.
pub const REMEMBERED_MAX: u64 = 200_000;
/// For how long.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);

/// A keyed hash of the password, with the epoch under which it was right. The epoch is checked
/// again in the transaction, so a change of password forgets what is remembered, on every process.
#[derive(Clone)]
struct Entry {
    tag: [u8; 32],
    epoch: Epoch,
}

/// Successes only, under a key that this process drew and never shows.
pub(crate) struct Remembered {
    key: [u8; 32],
    entries: Cache<(UserId, Origin), Entry>,
}

impl Remembered {
    pub fn new(key: [u8; 32]) -> Self {
        let entries = Cache::builder()
            .max_capacity(REMEMBERED_MAX)
            .time_to_live(REMEMBERED_FOR)
            .build();
        Self { key, entries }
    }

    fn tag(&self, user: &UserId, password: &Password) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(user.as_str().len() as u64).to_le_bytes());
        hasher.update(user.as_str().as_bytes());
        hasher.update(password.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Notes that a password was right that came from there.
    pub fn note(&self, user: &UserId, origin: Origin, password: &Password, epoch: Epoch) {
        self.entries.insert(
            (user.clone(), origin),
            Entry {
                tag: self.tag(user, password),
                epoch,
            },
        );
    }

    /// The epoch under which the password was right of late, from there.
    pub fn find(&self, user: &UserId, origin: Origin, password: &Password) -> Option<Epoch> {
        let entry = self.entries.get(&(user.clone(), origin))?;
        let is_same = entry.tag.ct_eq(&self.tag(user, password));
        bool::from(is_same).then_some(entry.epoch)
    }

    /// Forgets what a user sent from there. What he sent from elsewhere is of the same epoch, and
    /// goes the same way once it turns out to be out of date.
    pub fn forget(&self, user: &UserId, origin: Origin) {
        self.entries.invalidate(&(user.clone(), origin));
    }
}

/// Whether an account can be logged in to at all.
pub(crate) fn usable_hash(account: Option<&domain::Account>) -> Option<PasswordHash> {
    account
        .filter(|account| !account.is_closed)
        .map(|account| account.password_hash.clone())
}
