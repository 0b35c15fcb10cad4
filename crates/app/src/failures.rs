//! The budget of failed passwords: guessing is slow, and doesn't slow the owner elsewhere.
//!
//! Each pair of account and client address may fail [`PAIR_FAILURES_MAX`] times, and once more
//! every [`PAIR_FAILURE_EVERY`]. An account may fail [`ACCOUNT_FAILURES_MAX`] times from all
//! addresses together; past that, only addresses from which its owner has logged in may try.
//! Unknown accounts count like known ones.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use domain::{Timestamp, UserId};
use moka::sync::Cache;

/// How often a pair of account and address may fail before it has to wait.
pub const PAIR_FAILURES_MAX: u32 = 10;
/// How long a pair waits for each further attempt.
pub const PAIR_FAILURE_EVERY: Duration = Duration::from_secs(30);
/// How often an account may fail from all addresses together.
pub const ACCOUNT_FAILURES_MAX: u32 = 200;
/// How long an account waits for each further attempt from an address unknown to it.
pub const ACCOUNT_FAILURE_EVERY: Duration = Duration::from_secs(10);
/// For how long after a failure an address is under suspicion, per failure.
pub const SUSPICION_EVERY: Duration = Duration::from_secs(10);
/// How many pairs, accounts, addresses and known addresses are remembered, of each kind.
pub const ENTRIES_MAX: u64 = 100_000;
/// For how long an address from which the owner has logged in is known.
pub const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where a client comes from: an IPv4 address, or an IPv6 network of 64 bits, since one client has
/// a whole such network to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// The origin that an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
        }
    }
}

/// A leaky bucket: the moment at which it will be empty, if nothing more is poured in.
#[derive(Debug, Clone, Copy)]
struct Bucket(Timestamp);

fn level_end(bucket: Option<Bucket>, now: Timestamp) -> Timestamp {
    bucket.map_or(now, |Bucket(empty_at)| empty_at.max(now))
}

/// How long until one more fits into the bucket; `None`: it fits now.
fn wait(bucket: Option<Bucket>, now: Timestamp, max: u32, every: Duration) -> Option<Duration> {
    let full_from = every * (max - 1);
    let level = level_end(bucket, now).since(now);
    (level > full_from).then(|| level - full_from)
}

/// Counts failures, in this process.
pub(crate) struct FailureBudget {
    pairs: Cache<(UserId, Origin), Bucket>,
    accounts: Cache<UserId, Bucket>,
    origins: Cache<Origin, Bucket>,
    known: Cache<(UserId, Origin), ()>,
}

fn buckets<K: std::hash::Hash + Eq + Send + Sync + 'static>(full: Duration) -> Cache<K, Bucket> {
    // A bucket that was not touched for as long as it takes to empty says nothing any more.
    Cache::builder()
        .max_capacity(ENTRIES_MAX)
        .time_to_idle(full)
        .build()
}

impl FailureBudget {
    pub fn new() -> Self {
        Self {
            pairs: buckets(PAIR_FAILURE_EVERY * (PAIR_FAILURES_MAX + 1)),
            accounts: buckets(ACCOUNT_FAILURE_EVERY * (ACCOUNT_FAILURES_MAX + 1)),
            origins: buckets(SUSPICION_EVERY * 100),
            known: Cache::builder()
                .max_capacity(ENTRIES_MAX)
                .time_to_idle(KNOWN_FOR)
                .build(),
        }
    }

    /// How long the pair has to wait before it may try; `None`: it may try now.
    pub fn check(&self, user: &UserId, origin: Origin, now: Timestamp) -> Option<Duration> {
        let pair = (user.clone(), origin);
        let by_pair = wait(
            self.pairs.get(&pair),
            now,
            PAIR_FAILURES_MAX,
            PAIR_FAILURE_EVERY,
        );
        by_pair.or_else(|| {
            let account = self.accounts.get(user);
            wait(account, now, ACCOUNT_FAILURES_MAX, ACCOUNT_FAILURE_EVERY)
                .filter(|_| !self.known.contains_key(&pair))
        })
    }

    /// Whether the origin has failed of late, with whatever account.
    pub fn is_suspect(&self, origin: Origin, now: Timestamp) -> bool {
        self.origins
            .get(&origin)
            .is_some_and(|Bucket(empty_at)| empty_at > now)
    }

    /// Counts a failure.
    pub fn fail(&self, user: &UserId, origin: Origin, now: Timestamp) {
        pour(&self.pairs, (user.clone(), origin), now, PAIR_FAILURE_EVERY);
        pour(&self.accounts, user.clone(), now, ACCOUNT_FAILURE_EVERY);
        pour(&self.origins, origin, now, SUSPICION_EVERY);
    }

    /// Remembers that the owner logged in from there.
    pub fn know(&self, user: &UserId, origin: Origin) {
        self.known.insert((user.clone(), origin), ());
    }
}

fn pour<K: std::hash::Hash + Eq + Send + Sync + Clone + 'static>(
    buckets: &Cache<K, Bucket>,
    key: K,
    now: Timestamp,
    every: Duration,
) {
    buckets.entry(key).and_upsert_with(|entry| {
        let bucket = entry.map(moka::Entry::into_value);
        Bucket(level_end(bucket, now).plus(every))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn a_pair_fails_ten_times_and_then_waits() {
        let budget = FailureBudget::new();
        let (user, here) = (user("u"), origin("10.0.0.1"));
        for _ in 0..PAIR_FAILURES_MAX {
            assert_eq!(budget.check(&user, here, NOW), None);
            budget.fail(&user, here, NOW);
        }
        assert_eq!(budget.check(&user, here, NOW), Some(PAIR_FAILURE_EVERY));
        let later = NOW.plus(PAIR_FAILURE_EVERY);
        assert_eq!(budget.check(&user, here, later), None);
        budget.fail(&user, here, later);
        assert_eq!(budget.check(&user, here, later), Some(PAIR_FAILURE_EVERY));
    }

    #[test]
    fn failures_do_not_slow_another_account_or_address() {
        let budget = FailureBudget::new();
        for _ in 0..20 {
            budget.fail(&user("u"), origin("10.0.0.1"), NOW);
        }
        assert_eq!(budget.check(&user("v"), origin("10.0.0.1"), NOW), None);
        assert_eq!(budget.check(&user("u"), origin("10.0.0.2"), NOW), None);
        assert!(budget.is_suspect(origin("10.0.0.1"), NOW));
        assert!(!budget.is_suspect(origin("10.0.0.2"), NOW));
    }

    #[test]
    fn failures_from_everywhere_slow_all_but_the_owners_address() {
        let budget = FailureBudget::new();
        let home = origin("192.168.1.1");
        budget.know(&user("u"), home);
        for place in 0..ACCOUNT_FAILURES_MAX {
            let [.., high, low] = place.to_be_bytes();
            budget.fail(
                &user("u"),
                Origin::of(IpAddr::from([10, 1, high, low])),
                NOW,
            );
        }
        let elsewhere = origin("10.2.0.1");
        assert_eq!(
            budget.check(&user("u"), elsewhere, NOW),
            Some(ACCOUNT_FAILURE_EVERY)
        );
        assert_eq!(budget.check(&user("u"), home, NOW), None);
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
    }
}
