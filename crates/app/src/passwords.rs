//! Passwords: Argon2id, off the async threads, under a bounded number of permits.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use domain::PasswordHash;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest password, in bytes.
pub const PASSWORD_MAX_BYTES: usize = 1_024;
/// How many may be hashed or wait for it; one hash takes some 20 ms of a core.
pub const HASHES_WAITING_MAX: usize = 1_024;
/// How long one waits for a permit at most.
pub const HASH_WAIT_MAX: Duration = Duration::from_secs(10);

/// A password of 1 to [`PASSWORD_MAX_BYTES`] bytes, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Takes a password within the limits; `None` outside them.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Option<Self> {
        let text = text.into();
        (1..=PASSWORD_MAX_BYTES)
            .contains(&text.len())
            .then_some(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Too many wait already, or one waited too long. Nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// What is checked where there is no account, so that it costs the same time.
static NOBODY: LazyLock<PasswordHash> =
    LazyLock::new(|| hash(&Password::new("nobody").expect("within the limits")));

fn hash(password: &Password) -> PasswordHash {
    // The default is Argon2id with OWASP's parameters: 19 MiB, 2 passes, 1 lane.
    let hash = Argon2::default().hash_password(password.as_bytes());
    PasswordHash::new(
        hash.expect("a password within its limits can be hashed")
            .to_string(),
    )
}

fn verify(password: &Password, hash: &PasswordHash) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), hash.as_str())
        .is_ok()
}

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    /// One for each core: hashing is all computing.
    permits: Semaphore,
    /// Half as many: whoever has failed of late needs one of these too, so that guessing leaves
    /// the other half to everybody else.
    suspects: Semaphore,
    places: AtomicUsize,
}

impl Passwords {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .max(2);
        LazyLock::force(&NOBODY);
        Self {
            permits: Semaphore::new(cores),
            suspects: Semaphore::new(cores / 2),
            places: AtomicUsize::new(0),
        }
    }

    /// A place among those whose passwords are hashed or wait for it. It comes before anything
    /// else that an attempt costs.
    pub fn place(&self) -> Result<Place<'_>, Busy> {
        Place::take(&self.places)
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        let _place = self.place()?;
        let _permit = self.permit(&self.permits).await?;
        Ok(compute(move || hash(&password)).await)
    }

    /// Whether a password fits a hash. Without one, it never does, and takes as long.
    pub async fn verify(
        &self,
        _place: &Place<'_>,
        password: Password,
        expected: Option<PasswordHash>,
        is_suspect: bool,
    ) -> Result<bool, Busy> {
        let _suspect = if is_suspect {
            Some(self.permit(&self.suspects).await?)
        } else {
            None
        };
        let _permit = self.permit(&self.permits).await?;
        let is_known = expected.is_some();
        let expected = expected.unwrap_or_else(|| NOBODY.clone());
        Ok(compute(move || verify(&password, &expected)).await && is_known)
    }

    async fn permit<'a>(&'a self, permits: &'a Semaphore) -> Result<SemaphorePermit<'a>, Busy> {
        if let Ok(permit) = permits.try_acquire() {
            return Ok(permit);
        }
        let permit = tokio::time::timeout(HASH_WAIT_MAX, permits.acquire()).await;
        Ok(permit
            .map_err(|_| Busy)?
            .expect("the permits are never closed"))
    }
}

/// A place among those who hash, given back when dropped.
pub(crate) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(places: &'a AtomicUsize) -> Result<Self, Busy> {
        if places.fetch_add(1, Ordering::Relaxed) >= HASHES_WAITING_MAX {
            places.fetch_sub(1, Ordering::Relaxed);
            return Err(Busy);
        }
        Ok(Self(places))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("hashing does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    #[tokio::test]
    async fn whoever_finds_no_place_is_turned_away_at_once() {
        let passwords = Passwords::new();
        let mut places: Vec<_> = (0..HASHES_WAITING_MAX)
            .map(|_| passwords.place().unwrap())
            .collect();
        assert!(passwords.place().is_err());
        assert!(passwords.hash(password("x")).await.is_err());
        places.pop();
        assert!(passwords.hash(password("x")).await.is_ok());
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash(password("pässwörd")).await.unwrap();
        let place = passwords.place().unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.as_str()
        );
        assert!(
            passwords
                .verify(&place, password("pässwörd"), Some(hash.clone()), false)
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(&place, password("password"), Some(hash), true)
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(&place, password("nobody"), None, false)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn nothing_fits_the_hash_of_a_closed_account() {
        let passwords = Passwords::new();
        let closed = Some(PasswordHash::new(""));
        let place = passwords.place().unwrap();
        assert!(
            !passwords
                .verify(&place, password("x"), closed, false)
                .await
                .unwrap()
        );
    }

    #[test]
    fn passwords_have_limits_in_bytes() {
        assert!(Password::new("").is_none());
        assert!(Password::new("a".repeat(1_024)).is_some());
        assert!(Password::new("é".repeat(513)).is_none());
    }
}
