//! Leaky buckets: how much of something happened of late, told by one moment.
//!
//! What is poured in leaks away as time goes by, so a bucket is known by when it will be empty.

use crate::time::Timestamp;

/// Names a bucket. Whoever pours says what it stands for, by a hash; so a row is small and tells
/// a reader of the data nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey([u8; 32]);

impl BucketKey {
    /// The name with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The name's bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Something to be poured into a bucket, or to be taken out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pour {
    /// Which bucket.
    pub bucket: BucketKey,
    /// How much longer the bucket takes to be empty; below 0: how much shorter.
    pub amount_ms: i64,
}

/// When a bucket will be empty once that is poured in, where it would have been at `empty_at`
/// (`None`: it is). Never before `now`: nobody takes out what isn't there.
#[must_use]
pub fn pour(empty_at: Option<Timestamp>, amount_ms: i64, now: Timestamp) -> Timestamp {
    let from = empty_at.map_or(now, |empty_at| empty_at.max(now));
    Timestamp::from_millis(from.millis().saturating_add(amount_ms)).max(now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_is_poured_leaks_away() {
        let once = pour(None, 30, at(100));
        assert_eq!(once, at(130));
        assert_eq!(pour(Some(once), 30, at(110)), at(160), "20 were left");
        assert_eq!(pour(Some(once), 30, at(130)), at(160));
        assert_eq!(
            pour(Some(once), 30, at(900)),
            at(930),
            "it was empty long ago"
        );
    }

    proptest! {
        #[test]
        fn taking_out_undoes_pouring(level in 0..1_000_000_i64, amount in 0..1_000_000_i64) {
            let now = at(5_000_000);
            let before = pour(None, level, now);
            let poured = pour(Some(before), amount, now);
            prop_assert_eq!(pour(Some(poured), -amount, now), before);
        }

        #[test]
        fn no_bucket_is_less_than_empty(empty_at: Option<i64>, amount: i64, now: i64) {
            let poured = pour(empty_at.map(at), amount, at(now));
            prop_assert!(poured >= at(now));
        }
    }
}
