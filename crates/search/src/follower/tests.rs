//! The follower falls over, as if the power had gone, and another goes on from what it left.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Follower, Settings};
use crate::query::{Page, Query};
use crate::shared::Shared;

#[path = "../../tests/suite/support.rs"]
#[expect(dead_code, reason = "the suite uses the rest of it")]
mod support;

use support::Shop;

struct Following {
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<()>,
}

/// Starts a follower that falls over at a place, the so manieth time that it comes there.
fn start(shop: &Shop, folder: &Path, crash_at: Option<(&'static str, u32)>) -> Following {
    let shared = Arc::new(Shared::default());
    *shared.crash_at.lock().unwrap() = crash_at;
    let follower = Follower {
        storage: shop.storage.clone(),
        settings: Settings {
            poll_every: Duration::from_millis(1),
            writer_memory_bytes: 15_000_000,
            ..Settings::new(folder.to_owned())
        },
        shared: shared.clone(),
        runtime: Handle::current(),
    };
    let thread = std::thread::spawn(move || follower.run());
    Following { shared, thread }
}

impl Following {
    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        waited.unwrap_or_else(|_| panic!("{what}: {:?}", self.books()));
    }

    async fn ready(&self) {
        self.until("ready", || *self.shared.ready.borrow()).await;
    }

    fn books(&self) -> Vec<String> {
        let mut query = Query::new("山海");
        query.page = Page::new(1, 100).unwrap();
        let hits = self.shared.read(|state| state.search(&query));
        let mut books: Vec<String> = hits
            .map(|hits| hits.books.iter().map(|hit| hit.book.to_string()).collect())
            .unwrap_or_default();
        books.sort();
        books
    }

    fn stop(self) {
        self.shared.stop();
        self.thread.join().unwrap();
    }
}

/// What is for sale after [`change`]: by ids.
fn expected() -> Vec<String> {
    let mut ids: Vec<String> = (1..30).map(|number| number.to_string()).collect();
    ids.sort();
    ids
}

async fn open_shop() -> Shop {
    let shop = Shop::new();
    shop.open_store("east").await;
    for number in 0..20 {
        shop.add_titled("east", &number.to_string(), "山海经").await;
    }
    shop
}

async fn change(shop: &Shop) {
    shop.update("east", "0", |update| update.is_listed = Some(false))
        .await;
    for number in 1..10 {
        shop.retitle("east", &number.to_string(), "山海图").await;
    }
    for number in 20..30 {
        shop.add_titled("east", &number.to_string(), "山海经").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_no_book_is_lost_or_twice() {
    for place in ["before the commit", "behind the commit"] {
        for time in 1..4 {
            let shop = open_shop().await;
            let folder = tempfile::tempdir().unwrap();
            let first = start(&shop, folder.path(), Some((place, time)));
            first.ready().await;
            assert_eq!(first.books().len(), 20);
            change(&shop).await;
            // It falls over, or it has taken all up in fewer commits.
            first
                .until("crashed or done", || {
                    first.thread.is_finished() || first.books() == expected()
                })
                .await;
            first.stop();
            let second = start(&shop, folder.path(), None);
            second.ready().await;
            second
                .until("caught up", || second.books() == expected())
                .await;
            second.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_while_filling_the_rest_is_filled() {
    let shop = Shop::new();
    shop.open_store("east").await;
    for number in 0..250 {
        shop.add_titled("east", &number.to_string(), &format!("山海经 {number}"))
            .await;
    }
    let folder = tempfile::tempdir().unwrap();
    for time in 1..3 {
        let crashing = start(&shop, folder.path(), Some(("while filling", time)));
        crashing
            .until("crashed", || crashing.thread.is_finished())
            .await;
        assert!(!*crashing.shared.ready.borrow());
        crashing.stop();
    }
    let last = start(&shop, folder.path(), None);
    last.ready().await;
    let total = |keyword| {
        let read = last.shared.read(|state| state.search(&Query::new(keyword)));
        read.unwrap().total
    };
    assert_eq!(total("山海"), 250);
    assert_eq!(total(""), 250);
    last.stop();
}
