//! Idempotency: the same request sent twice is done once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::UserId;
use crate::time::Timestamp;

/// How long an answer is kept under its key.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest idempotency key, in characters.
pub const KEY_MAX_CHARACTERS: usize = 255;

/// A key that a client sends with a changing request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// Takes 1 to [`KEY_MAX_CHARACTERS`] visible ASCII characters; `None` for anything else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_key = (1..=KEY_MAX_CHARACTERS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_key.then(|| Self(text.into()))
    }

    /// The key as the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names a kept answer: the same key of another user or for another endpoint is another key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeepKey {
    /// Who asked.
    pub user: UserId,
    /// What was asked for, by a name that stays the same between versions.
    pub endpoint: Cow<'static, str>,
    /// The client's key.
    pub key: IdempotencyKey,
}

/// What to keep if the operation changes something.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Under which name.
    pub key: KeepKey,
    /// Tells whether a later request has the same body.
    pub fingerprint: [u8; 32],
    /// The answer that success gives, known before the operation runs.
    pub answer: Arc<[u8]>,
}

impl Keep {
    /// The row to keep.
    #[must_use]
    pub fn to_kept(&self, now: Timestamp) -> KeptAnswer {
        KeptAnswer {
            fingerprint: self.fingerprint,
            answer: self.answer.clone(),
            kept_at: now,
        }
    }
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeptAnswer {
    /// Of the body that it answered.
    pub fingerprint: [u8; 32],
    /// The answer's bytes; only `web` reads them.
    pub answer: Arc<[u8]>,
    /// When it was given.
    pub kept_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_visible_ascii_characters() {
        let longest = "x".repeat(KEY_MAX_CHARACTERS);
        for text in ["a", "!", "~", "0198-abc_{}", &longest] {
            assert_eq!(IdempotencyKey::new(text).unwrap().as_str(), text);
        }
        let longer = "x".repeat(KEY_MAX_CHARACTERS + 1);
        for text in [
            "", " ", "a b", "a\n", "a\t", "\u{7F}", "é", "书", "a\0", &longer,
        ] {
            assert_eq!(IdempotencyKey::new(text), None, "{text:?}");
        }
    }
}
