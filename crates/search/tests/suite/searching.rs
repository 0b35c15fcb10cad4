//! A search that follows a shop.

use std::path::Path;
use std::time::Duration;

use search::{Hits, Query, Search, Settings};

use crate::support::Shop;

/// How long anything may take to become visible. A bound, not a wait.
const VISIBLE_WITHIN: Duration = Duration::from_secs(20);

pub async fn start(shop: &Shop, folder: &Path) -> Search {
    let settings = Settings {
        poll_every: Duration::from_millis(5),
        writer_memory_bytes: 15_000_000,
        ..Settings::new(folder.to_owned())
    };
    let search = Search::start(shop.storage.clone(), settings).unwrap();
    tokio::time::timeout(VISIBLE_WITHIN, search.ready())
        .await
        .expect("search gets ready");
    search
}

/// The ids of the books found, in order.
pub fn ids(hits: &Hits) -> Vec<String> {
    hits.books.iter().map(|hit| hit.book.to_string()).collect()
}

pub fn find(search: &Search, keyword: &str) -> Vec<String> {
    ids(&search.search(&Query::new(keyword)).unwrap())
}

/// Waits until a search finds what it is to.
pub async fn until(search: &Search, query: &Query, is_right: impl Fn(&Hits) -> bool) -> Hits {
    let looking = async {
        loop {
            let hits = search.search(query).unwrap();
            if is_right(&hits) {
                return hits;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let looked = tokio::time::timeout(VISIBLE_WITHIN, looking).await;
    looked.unwrap_or_else(|_| panic!("{:?} finds {:?}", query, search.search(query)))
}

/// Whether a folded piece begins or ends with a letter by itself, which is looked for as a word: half
/// of all books have an `a` somewhere.
pub fn has_letter(piece: &str) -> bool {
    let is_letter = |word: &str| word.len() == 1;
    let mut words = piece.split(' ');
    words.next().is_some_and(is_letter) || words.next_back().is_some_and(is_letter)
}
