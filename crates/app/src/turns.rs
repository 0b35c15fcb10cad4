//! Turns: one password at a time is hashed for each account and origin.

use std::hash::{BuildHasher, RandomState};

use domain::UserId;
use tokio::sync::{Mutex, MutexGuard};

use crate::failures::Origin;
use crate::passwords::{Busy, HASH_WAIT_MAX};

/// How many locks there are. Two pairs that share one wait for each other now and then.
const LOCKS: usize = 4_096;

pub(crate) struct Turns {
    locks: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Turns {
    pub fn new() -> Self {
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        Self {
            locks,
            hasher: RandomState::new(),
        }
    }

    /// Waits for the pair's turn, as long as for a hash at most.
    pub async fn take(&self, user: &UserId, origin: Origin) -> Result<MutexGuard<'_, ()>, Busy> {
        let hash = self.hasher.hash_one((user, origin));
        let place = usize::try_from(hash % LOCKS as u64).expect("below `LOCKS`");
        let turn = tokio::time::timeout(HASH_WAIT_MAX, self.locks[place].lock()).await;
        turn.map_err(|_| Busy)
    }
}
