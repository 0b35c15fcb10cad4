//! Leaky buckets: what is poured in counts on every process, and leaks away.

use std::time::Duration;

use domain::{BucketKey, Pour, Timestamp};
use tokio::task::JoinSet;

use super::shop::Shop;

const FULL: BucketKey = BucketKey::from_bytes([255; 32]);
const OTHER: BucketKey = BucketKey::from_bytes([7; 32]);
const SECOND: Duration = Duration::from_secs(1);

fn pour(bucket: BucketKey, amount_ms: i64) -> Pour {
    Pour { bucket, amount_ms }
}

async fn poured(shop: &Shop, pours: Vec<Pour>) -> Vec<Timestamp> {
    let poured = shop.storage().pour(pours, shop.now()).await;
    poured.expect("no failure")
}

async fn find(shop: &Shop, bucket: BucketKey) -> Option<Timestamp> {
    let found = shop.storage().find_bucket(bucket).await;
    found.expect("no failure")
}

/// A bucket is known by when it will be empty: time empties it, more in it takes longer, and what
/// is taken out again shortens that, to no less than empty.
pub async fn what_is_poured_leaks_away(shop: &Shop) {
    let start = shop.now();
    assert_eq!(find(shop, FULL).await, None);
    assert_eq!(
        poured(shop, vec![pour(FULL, 3_000)]).await,
        [start.plus(3 * SECOND)]
    );
    shop.clock.advance(SECOND);
    assert_eq!(
        poured(shop, vec![pour(FULL, 3_000)]).await,
        [start.plus(6 * SECOND)]
    );
    assert_eq!(find(shop, FULL).await, Some(start.plus(6 * SECOND)));
    assert_eq!(
        poured(shop, vec![pour(FULL, -1_000)]).await,
        [start.plus(5 * SECOND)]
    );
    assert_eq!(poured(shop, vec![pour(FULL, -9_000)]).await, [shop.now()]);
    shop.clock.advance(9 * SECOND);
    let later = shop.now();
    assert_eq!(poured(shop, vec![pour(FULL, 0)]).await, [later]);
    assert_eq!(
        poured(shop, vec![pour(FULL, 500)]).await,
        [later.plus(SECOND / 2)]
    );
}

/// Each bucket has its own level; several are poured into at once, in the order asked for, one
/// of them twice if that is wanted.
pub async fn buckets_are_poured_into_apart(shop: &Shop) {
    let start = shop.now();
    let both = vec![pour(FULL, 5_000), pour(OTHER, 1_000)];
    let empty = [start.plus(5 * SECOND), start.plus(SECOND)];
    assert_eq!(poured(shop, both).await, empty);
    let twice = vec![pour(OTHER, 1_000), pour(FULL, 0), pour(OTHER, 1_000)];
    let empty = [2, 5, 3].map(|seconds| start.plus(seconds * SECOND));
    assert_eq!(poured(shop, twice).await, empty);
    assert_eq!(poured(shop, Vec::new()).await, []);
}

/// Many who pour at once, into a bucket that none of them finds there, each count, and each
/// learns a level of its own.
pub async fn many_pour_at_once_and_all_of_it_counts(shop: &Shop) {
    const POURS: u32 = 40;
    let mut tasks = JoinSet::new();
    for _ in 0..POURS {
        let (storage, now) = (shop.storage(), shop.now());
        tasks.spawn(async move { storage.pour(vec![pour(FULL, 1_000)], now).await });
    }
    let mut levels = Vec::new();
    while let Some(poured) = tasks.join_next().await {
        levels.extend(poured.expect("no panic").expect("no failure"));
    }
    levels.sort_unstable();
    let each: Vec<Timestamp> = (1..=POURS)
        .map(|count| shop.now().plus(count * SECOND))
        .collect();
    assert_eq!(levels, each);
}

/// A bucket that is empty goes, and not before; no more at a time than is allowed.
pub async fn an_empty_bucket_is_forgotten(shop: &Shop) {
    for number in 1..=3 {
        let bucket = BucketKey::from_bytes([number; 32]);
        poured(shop, vec![pour(bucket, 1_000)]).await;
    }
    poured(shop, vec![pour(FULL, 1_001)]).await;
    shop.clock.advance(SECOND - Duration::from_millis(1));
    for (wait_ms, gone) in [(0, 0), (1, 2), (0, 1), (0, 0), (1, 1)] {
        shop.clock.advance(Duration::from_millis(wait_ms));
        let forgotten = shop.storage().forget_expired(shop.now(), 2).await;
        assert_eq!(forgotten.expect("no failure"), gone);
    }
    assert_eq!(find(shop, FULL).await, None);
}

/// A restart empties no bucket.
pub async fn a_bucket_survives_a_restart(shop: &Shop) {
    let level = poured(shop, vec![pour(FULL, 60_000)]).await;
    shop.reopen().await;
    assert_eq!(find(shop, FULL).await, level.first().copied());
}
