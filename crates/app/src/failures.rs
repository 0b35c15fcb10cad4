//! The budget of failed passwords: guessing is slow, and doesn't slow the owner elsewhere.
//!
//! Each pair of account and client address may fail [`PAIR_FAILURES_MAX`] times, and once more
//! every [`PAIR_FAILURE_EVERY`]. An account may fail [`ACCOUNT_FAILURES_MAX`] times from all
//! addresses together; past that, only addresses from which its owner has logged in may try.
//! Unknown accounts count like known ones.
//!
//! The budget is kept in storage, where all processes share it and a restart finds it. An attempt
//! counts as failed from its beginning and is given back once it turns out right, so that any
//! number of attempts at once, on any number of processes, are held to the budget like as many in a
//! row. What is known here of a pair that has to wait is remembered, and costs nothing more.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use domain::{BucketKey, Pour, Timestamp, UserId};
use moka::sync::Cache;
use storage::{Storage, StorageError};

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
/// How many failures an address is under suspicion for at most.
const SUSPICION_MAX: u32 = 100;
/// How many waiting pairs, suspect addresses and known addresses are remembered here, of each.
pub const ENTRIES_MAX: u64 = 100_000;
/// For how long an address from which the owner has logged in is known.
pub const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// After how long such an address is noted again, where it is still in use.
const KNOWN_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

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

/// How much of something may happen, and how soon again.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    max: u32,
    every: Duration,
}

const PAIR: Allowance = Allowance {
    max: PAIR_FAILURES_MAX,
    every: PAIR_FAILURE_EVERY,
};
const ACCOUNT: Allowance = Allowance {
    max: ACCOUNT_FAILURES_MAX,
    every: ACCOUNT_FAILURE_EVERY,
};

impl Allowance {
    /// How long one more has to wait beside what a bucket holds; `None`: there is room for it.
    fn wait_beside(self, empty_at: Timestamp, now: Timestamp) -> Option<Duration> {
        let room_from = self.every * (self.max - 1);
        let level = empty_at.since(now);
        (level > room_from).then(|| level - room_from)
    }

    /// The same for one that has been poured in already.
    fn wait_within(self, empty_at: Timestamp, now: Timestamp) -> Option<Duration> {
        self.wait_beside(empty_at.minus(self.every), now)
    }

    fn pour_into(self, bucket: BucketKey) -> Pour {
        Pour {
            bucket,
            amount_ms: millis(self.every),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("some days")
}

/// An attempt that counts as failed as long as nothing else is said of it.
#[must_use]
pub(crate) struct Attempt {
    pours: [Pour; 2],
    /// How long the pair's next attempt has to wait if this one fails.
    wait_after: Option<Duration>,
}

/// Why there is no attempt.
pub(crate) enum NoAttempt {
    /// The budget is used up for so long.
    Wait(Duration),
    /// Storage did not work.
    Failed(StorageError),
}

impl From<StorageError> for NoAttempt {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

/// Counts failures.
pub(crate) struct FailureBudget {
    /// Under which buckets are named, so that the data doesn't tell who came from where.
    key: [u8; 32],
    /// Pairs that have to wait, as far as this process knows, and until when.
    waiting: Cache<(UserId, Origin), Timestamp>,
    /// Until when addresses are under suspicion here: that saves hashing, and guards nothing.
    suspects: Cache<Origin, Timestamp>,
    /// Pairs that storage knows as the owner's, as far as this process has seen.
    known: Cache<(UserId, Origin), ()>,
}

fn entries<K, V>(live_for: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(ENTRIES_MAX)
        .time_to_live(live_for)
        .build()
}

impl FailureBudget {
    /// A budget for the marketplace with that secret.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            key: blake3::derive_key(
                "bookstore: names of the buckets that count failures",
                secret,
            ),
            waiting: entries(PAIR_FAILURE_EVERY.max(ACCOUNT_FAILURE_EVERY)),
            suspects: entries(SUSPICION_EVERY * SUSPICION_MAX),
            known: entries(KNOWN_AGAIN_AFTER),
        }
    }

    fn bucket(&self, kind: &str, user: &UserId, origin: Option<Origin>) -> BucketKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [kind, user.as_str()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        match origin.map(|Origin(address)| address) {
            Some(IpAddr::V4(address)) => hasher.update(&address.octets()),
            Some(IpAddr::V6(address)) => hasher.update(&address.octets()),
            None => &mut hasher,
        };
        BucketKey::from_bytes(*hasher.finalize().as_bytes())
    }

    /// How long the pair has to wait, as far as is known here. Asks nobody.
    pub fn known_wait(&self, user: &UserId, origin: Origin, now: Timestamp) -> Option<Duration> {
        let until = self.waiting.get(&(user.clone(), origin))?;
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    fn note_wait(&self, user: &UserId, origin: Origin, until: Timestamp) {
        self.waiting.insert((user.clone(), origin), until);
    }

    /// Takes an attempt out of the budget.
    ///
    /// # Errors
    /// [`NoAttempt`]; then nothing was taken.
    pub async fn begin(
        &self,
        storage: &dyn Storage,
        user: &UserId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Attempt, NoAttempt> {
        let pours = [
            PAIR.pour_into(self.bucket("pair", user, Some(origin))),
            ACCOUNT.pour_into(self.bucket("account", user, None)),
        ];
        let empty_at = storage.pour(pours.to_vec(), now).await?;
        let [pair, account] = empty_at.as_slice() else {
            unreachable!("storage answers for each bucket");
        };
        let wait_after = PAIR.wait_beside(*pair, now);
        let attempt = Attempt { pours, wait_after };
        let mut wait = PAIR.wait_within(*pair, now);
        if wait.is_none()
            && let Some(by_account) = ACCOUNT.wait_within(*account, now)
            && !self.is_known(storage, user, origin, now).await?
        {
            wait = Some(by_account);
        }
        match wait {
            None => Ok(attempt),
            Some(wait) => {
                self.give_back(storage, attempt, now).await?;
                self.note_wait(user, origin, now.plus(wait));
                Err(NoAttempt::Wait(wait))
            }
        }
    }

    /// Puts an attempt back into the budget: it was right, or nothing came of it.
    pub async fn give_back(
        &self,
        storage: &dyn Storage,
        attempt: Attempt,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let back = |pour: Pour| Pour {
            amount_ms: -pour.amount_ms,
            ..pour
        };
        let pours = attempt.pours.map(back).to_vec();
        storage.pour(pours, now).await.map(drop)
    }

    /// Leaves an attempt counted: it failed.
    pub fn fail(&self, attempt: &Attempt, user: &UserId, origin: Origin, now: Timestamp) {
        if let Some(wait) = attempt.wait_after {
            self.note_wait(user, origin, now.plus(wait));
        }
        let suspicion = millis(SUSPICION_EVERY);
        self.suspects.entry(origin).and_upsert_with(|entry| {
            let until = entry.map(moka::Entry::into_value);
            domain::bucket::pour(until, suspicion, now)
        });
    }

    /// Whether the origin has failed here of late, with whatever account.
    pub fn is_suspect(&self, origin: Origin, now: Timestamp) -> bool {
        self.suspects.get(&origin).is_some_and(|until| until > now)
    }

    async fn is_known(
        &self,
        storage: &dyn Storage,
        user: &UserId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        if self.known.contains_key(&(user.clone(), origin)) {
            return Ok(true);
        }
        let bucket = self.bucket("known", user, Some(origin));
        let until = storage.find_bucket(bucket).await?;
        Ok(until.is_some_and(|until| until > now))
    }

    /// Remembers that the owner logged in from there.
    pub async fn know(
        &self,
        storage: &dyn Storage,
        user: &UserId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let pair = (user.clone(), origin);
        if self.known.contains_key(&pair) {
            return Ok(());
        }
        let bucket = self.bucket("known", user, Some(origin));
        let until = storage.find_bucket(bucket).await?;
        let left = until.map_or(Duration::ZERO, |until| until.since(now));
        if left + KNOWN_AGAIN_AFTER < KNOWN_FOR {
            let amount_ms = millis(KNOWN_FOR - left);
            storage.pour(vec![Pour { bucket, amount_ms }], now).await?;
        }
        self.known.insert(pair, ());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::model::{ManualClock, ModelDisk, ModelStorage};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    /// One of the processes that share a storage.
    struct Process {
        storage: ModelStorage,
        budget: FailureBudget,
    }

    impl Process {
        fn sharing(disk: &ModelDisk) -> Self {
            let clock = Arc::new(ManualClock::at(NOW));
            Self {
                storage: ModelStorage::open(disk.clone(), clock),
                budget: FailureBudget::new(&[7; 32]),
            }
        }

        fn alone() -> Self {
            Self::sharing(&ModelDisk::default())
        }

        /// Tries a wrong password. `Some`: it has to wait.
        async fn fail(&self, user: &UserId, from: Origin, now: Timestamp) -> Option<Duration> {
            match self.budget.begin(&self.storage, user, from, now).await {
                Ok(attempt) => self.budget.fail(&attempt, user, from, now),
                Err(NoAttempt::Wait(wait)) => return Some(wait),
                Err(NoAttempt::Failed(error)) => panic!("{error}"),
            }
            None
        }

        /// Tries the right one.
        async fn succeed(&self, user: &UserId, from: Origin, now: Timestamp) -> Option<Duration> {
            match self.budget.begin(&self.storage, user, from, now).await {
                Ok(attempt) => {
                    let given = self.budget.give_back(&self.storage, attempt, now).await;
                    given.expect("no failure");
                    None
                }
                Err(NoAttempt::Wait(wait)) => Some(wait),
                Err(NoAttempt::Failed(error)) => panic!("{error}"),
            }
        }
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[tokio::test]
    async fn a_pair_fails_ten_times_and_then_waits() {
        let process = Process::alone();
        let (user, here) = (user("u"), origin("10.0.0.1"));
        for _ in 0..PAIR_FAILURES_MAX {
            assert_eq!(process.budget.known_wait(&user, here, NOW), None);
            assert_eq!(process.fail(&user, here, NOW).await, None);
        }
        let wait = Some(PAIR_FAILURE_EVERY);
        assert_eq!(
            process.budget.known_wait(&user, here, NOW),
            wait,
            "known at once"
        );
        assert_eq!(
            process.succeed(&user, here, NOW).await,
            wait,
            "even if it is right"
        );
        let later = NOW.plus(PAIR_FAILURE_EVERY);
        assert_eq!(process.budget.known_wait(&user, here, later), None);
        assert_eq!(process.fail(&user, here, later).await, None);
        assert_eq!(process.fail(&user, here, later).await, wait);
    }

    #[tokio::test]
    async fn an_attempt_that_is_right_costs_nothing() {
        let process = Process::alone();
        let (user, here) = (user("u"), origin("10.0.0.1"));
        for _ in 0..3 * ACCOUNT_FAILURES_MAX {
            assert_eq!(process.succeed(&user, here, NOW).await, None);
        }
        assert!(!process.budget.is_suspect(here, NOW));
    }

    #[tokio::test]
    async fn processes_share_one_budget_and_a_restart_finds_it() {
        let disk = ModelDisk::default();
        let processes = [Process::sharing(&disk), Process::sharing(&disk)];
        let (user, here) = (user("u"), origin("10.0.0.1"));
        for count in 0..PAIR_FAILURES_MAX as usize {
            assert_eq!(processes[count % 2].fail(&user, here, NOW).await, None);
        }
        let restarted = Process::sharing(&disk);
        for process in processes.iter().chain([&restarted]) {
            let wait = process.succeed(&user, here, NOW).await;
            assert_eq!(wait, Some(PAIR_FAILURE_EVERY));
        }
    }

    #[tokio::test]
    async fn attempts_under_way_at_once_are_counted() {
        let disk = ModelDisk::default();
        let processes = [Process::sharing(&disk), Process::sharing(&disk)];
        let (user, here) = (user("u"), origin("10.0.0.1"));
        let mut begun = Vec::new();
        for count in 0..4 * PAIR_FAILURES_MAX as usize {
            let Process { storage, budget } = &processes[count % 2];
            begun.extend(budget.begin(storage, &user, here, NOW).await.ok());
        }
        assert_eq!(begun.len(), PAIR_FAILURES_MAX as usize);
    }

    #[tokio::test]
    async fn failures_do_not_slow_another_account_or_address() {
        let process = Process::alone();
        for _ in 0..20 {
            process.fail(&user("u"), origin("10.0.0.1"), NOW).await;
        }
        assert_eq!(
            process.fail(&user("v"), origin("10.0.0.1"), NOW).await,
            None
        );
        assert_eq!(
            process.fail(&user("u"), origin("10.0.0.2"), NOW).await,
            None
        );
        assert!(process.budget.is_suspect(origin("10.0.0.1"), NOW));
        assert!(!process.budget.is_suspect(origin("10.0.0.3"), NOW));
    }

    #[tokio::test]
    async fn failures_from_everywhere_slow_all_but_the_owners_address() {
        let disk = ModelDisk::default();
        let process = Process::sharing(&disk);
        let (owner, home) = (user("u"), origin("192.168.1.1"));
        let known = process
            .budget
            .know(&process.storage, &owner, home, NOW)
            .await;
        known.expect("no failure");
        for place in 0..ACCOUNT_FAILURES_MAX {
            let [.., high, low] = place.to_be_bytes();
            let place = Origin::of(IpAddr::from([10, 1, high, low]));
            assert_eq!(process.fail(&owner, place, NOW).await, None);
        }
        let elsewhere = origin("10.2.0.1");
        let wait = Some(ACCOUNT_FAILURE_EVERY);
        assert_eq!(process.succeed(&owner, elsewhere, NOW).await, wait);
        for process in [process, Process::sharing(&disk)] {
            assert_eq!(process.succeed(&owner, home, NOW).await, None);
        }
    }

    #[tokio::test]
    async fn an_address_in_use_stays_known() {
        let disk = ModelDisk::default();
        let (owner, home) = (user("u"), origin("192.168.1.1"));
        let mut now = NOW;
        for _ in 0..4 {
            let Process { storage, budget } = Process::sharing(&disk);
            budget
                .know(&storage, &owner, home, now)
                .await
                .expect("no failure");
            let until = now.plus(KNOWN_FOR);
            let is_known = budget.bucket("known", &owner, Some(home));
            let found = storage.find_bucket(is_known).await.expect("no failure");
            assert_eq!(found, Some(until));
            now = now.plus(KNOWN_FOR / 2);
        }
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
    }
}
