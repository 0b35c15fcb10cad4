//! Tokens: JWTs, HS256, under the server's own secret.
//!
//! Written out here because it is one fixed header and one signature: the JWT libraries bring RSA
//! and elliptic curves along, and a choice of algorithm by whoever sends the token, which is the
//! very thing not to offer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::terminal::TOKEN_LIFETIME;
use domain::{Epoch, Generation, TerminalKey, TerminalName, Timestamp, UserId};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::authority::Bearer;
use crate::random;

/// `{"alg":"HS256","typ":"JWT"}`, the only header that is written or read.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// The longest token that is looked at, in bytes: two ids of 255 characters fit in it several times.
const TOKEN_MAX_BYTES: usize = 8_192;

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The user.
    sub: String,
    /// The terminal.
    ter: String,
    /// The account's epoch.
    epo: i64,
    /// The terminal's generation.
    gen_: i64,
    /// Issued and expiring at, in seconds.
    iat: i64,
    exp: i64,
    /// Makes each token different.
    jti: String,
}

/// Signs and reads tokens, and makes fingerprints, each under a key of its own that is derived
/// from the server's secret.
pub(crate) struct Tokens {
    signing: Hmac<Sha256>,
    fingerprints: Hmac<Sha256>,
    seals: Hmac<Sha256>,
}

fn keyed(secret: &[u8; 32], purpose: &str) -> Hmac<Sha256> {
    let mut derive = <Hmac<Sha256>>::new_from_slice(secret).expect("any key length fits HMAC");
    derive.update(purpose.as_bytes());
    let key = derive.finalize().into_bytes();
    <Hmac<Sha256>>::new_from_slice(&key).expect("any key length fits HMAC")
}

impl Tokens {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            signing: keyed(secret, "token signature"),
            fingerprints: keyed(secret, "body fingerprint"),
            seals: keyed(secret, "seal"),
        }
    }

    /// A token for a terminal, good from `now` for [`TOKEN_LIFETIME`].
    pub fn sign(
        &self,
        terminal: &TerminalKey,
        epoch: Epoch,
        generation: Generation,
        now: Timestamp,
    ) -> String {
        let issued_s = now.millis().div_euclid(1_000);
        let claims = Claims {
            sub: terminal.user.as_str().to_owned(),
            ter: terminal.name.as_str().to_owned(),
            epo: epoch.get(),
            gen_: generation.get(),
            iat: issued_s,
            exp: issued_s + i64::try_from(TOKEN_LIFETIME.as_secs()).expect("an hour fits"),
            jti: URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
        };
        let claims = serde_json::to_vec(&claims).expect("claims are plain text and numbers");
        let mut token = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mut mac = self.signing.clone();
        mac.update(token.as_bytes());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        token
    }

    /// What a token says, where its signature is ours and it has not expired.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let claims = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        let mut mac = self.signing.clone();
        mac.update(signed.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?)
            .ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        if now.millis().div_euclid(1_000) >= claims.exp {
            return None;
        }
        let terminal = TerminalKey {
            user: UserId::new(claims.sub).ok()?,
            name: TerminalName::new(claims.ter).ok()?,
        };
        Some(Bearer {
            terminal,
            epoch: Epoch::new(claims.epo),
            generation: Generation::new(claims.gen_),
            issued_at: Timestamp::from_millis(claims.iat.saturating_mul(1_000)),
        })
    }

    /// A fingerprint of a body that tells nobody what was in it.
    pub fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        let mut mac = self.fingerprints.clone();
        mac.update(body);
        mac.finalize().into_bytes().into()
    }

    /// A seal on bytes that only this server can make.
    pub fn seal(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.seals.clone();
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose.as_bytes());
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

    fn terminal() -> TerminalKey {
        TerminalKey {
            user: UserId::new("读者").unwrap(),
            name: TerminalName::new("t").unwrap(),
        }
    }

    fn signed(tokens: &Tokens) -> String {
        tokens.sign(&terminal(), Epoch::new(7), Generation::new(9), NOW)
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let tokens = Tokens::new(&[1; 32]);
        let token = signed(&tokens);
        let bearer = tokens.read(&token, NOW).unwrap();
        assert_eq!(bearer.terminal, terminal());
        assert_eq!(
            (bearer.epoch, bearer.generation),
            (Epoch::new(7), Generation::new(9))
        );
        let last = Timestamp::from_millis(1_700_003_599_999);
        assert!(tokens.read(&token, last).is_some());
        assert!(
            tokens
                .read(&token, last.plus(std::time::Duration::from_millis(1)))
                .is_none()
        );
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let tokens = Tokens::new(&[1; 32]);
        assert_ne!(signed(&tokens), signed(&tokens));
    }

    #[test]
    fn a_token_changed_anywhere_is_none() {
        let tokens = Tokens::new(&[1; 32]);
        let token = signed(&tokens);
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(
                changed == token || tokens.read(&changed, NOW).is_none(),
                "at {place}"
            );
        }
    }

    #[test]
    fn another_secret_or_algorithm_is_refused() {
        let tokens = Tokens::new(&[1; 32]);
        assert!(tokens.read(&signed(&Tokens::new(&[2; 32])), NOW).is_none());
        let token = signed(&tokens);
        let claims = token.split('.').nth(1).unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert!(tokens.read(&format!("{none}.{claims}."), NOW).is_none());
        assert!(tokens.read(&format!("{HEADER}.{claims}."), NOW).is_none());
        assert!(tokens.read("", NOW).is_none());
        assert!(tokens.read("..", NOW).is_none());
    }
}
