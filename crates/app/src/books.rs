//! Books: what they say, who offers them, and which the shop shows first.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{BookId, BookText, Listing, ListingKey, Picture, PictureHash, StoreId, TextHash};
use storage::{ListingQuery, Page, Place, Shelf, StorageError};
use tokio::sync::watch;
use tracing::error;

use crate::App;

/// How many offers of one book are looked at, the oldest first.
pub const OFFERS_MAX: u32 = 100;
/// How many books the list of the most bought has.
pub const MOST_BOUGHT_MAX: usize = 24;
/// How often that list is made anew: it takes a look at every listing.
pub const MOST_BOUGHT_EVERY: Duration = Duration::from_secs(10 * 60);
/// Stores may list the same book, so more listings are asked for than books are wanted.
const LISTINGS_PER_BOOK: u32 = 4;

/// A listing with what its book says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The listing.
    pub listing: Listing,
    /// What the book says.
    pub text: Arc<BookText>,
}

/// A book and who offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// Its id, which all its stores share.
    pub id: BookId,
    /// What it says: in the words of the store that was asked for, or of the oldest.
    pub text: Arc<BookText>,
    /// The pictures of that store.
    pub pictures: Vec<PictureHash>,
    /// The offers of stores that say the same of it: in stock and cheap first.
    pub offers: Vec<Listing>,
    /// The offers of stores that describe it otherwise under the same id, oldest first.
    pub others: Vec<Card>,
}

/// The books that were bought most, as the last look found them.
#[derive(Default)]
pub(crate) struct MostBought(Mutex<Arc<[ListingKey]>>);

impl App {
    /// A book as a store offers it, or the one that has offered it the longest; `None` where
    /// nobody does.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn book(
        &self,
        id: &BookId,
        store: Option<&StoreId>,
    ) -> Result<Option<Book>, StorageError> {
        let mut listings = self.offers(id).await?;
        let chosen = match store {
            None => listings.first().cloned(),
            Some(store) => {
                let found = listings.iter().find(|found| found.key.store == *store);
                match found.cloned() {
                    Some(found) => Some(found),
                    None => self.find_on_shelf(id, store).await?,
                }
            }
        };
        let Some(chosen) = chosen else {
            return Ok(None);
        };
        if !listings.iter().any(|listing| listing.key == chosen.key) {
            listings.push(chosen.clone());
        }
        let mut texts = self.texts(&listings).await?;
        // A store may have rewritten its text since its listing was read.
        let Some(text) = texts.remove(&chosen.details.text) else {
            return Ok(None);
        };
        let (mut offers, others): (Vec<_>, Vec<_>) = listings
            .into_iter()
            .partition(|listing| listing.details.text == chosen.details.text);
        offers.sort_by_key(|listing| (listing.stock.get() == 0, listing.price));
        Ok(Some(Book {
            id: id.clone(),
            text,
            pictures: chosen.details.pictures.clone(),
            offers,
            others: with_texts(others, &texts),
        }))
    }

    async fn offers(&self, id: &BookId) -> Result<Vec<Listing>, StorageError> {
        let query = ListingQuery {
            shelf: Shelf::Book(id.clone()),
            after: None,
            limit: OFFERS_MAX,
        };
        Ok(self.storage.list_listings(query).await?.rows)
    }

    /// What a store lists, where it is open and the book on its shelves.
    async fn find_on_shelf(
        &self,
        book: &BookId,
        store: &StoreId,
    ) -> Result<Option<Listing>, StorageError> {
        let key = ListingKey {
            store: store.clone(),
            book: book.clone(),
        };
        if self.open_store(store).await?.is_none() {
            return Ok(None);
        }
        let found = self.storage.find_listing(&key).await?;
        Ok(found.filter(|listing| listing.details.is_listed))
    }

    /// The listings of a cart that are on sale, in no order.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn cards_on_sale(&self, keys: Vec<ListingKey>) -> Result<Vec<Card>, StorageError> {
        let mut open = HashMap::new();
        for key in &keys {
            if !open.contains_key(&key.store) {
                let is_open = self.open_store(&key.store).await?.is_some();
                open.insert(key.store.clone(), is_open);
            }
        }
        let mut listings = self.storage.find_listings(keys).await?;
        listings.retain(|listing| listing.details.is_listed && open[&listing.key.store]);
        self.cards(listings).await
    }

    /// Listings with what their books say, in the same order.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn cards(&self, listings: Vec<Listing>) -> Result<Vec<Card>, StorageError> {
        let texts = self.texts(&listings).await?;
        Ok(with_texts(listings, &texts))
    }

    async fn texts(
        &self,
        listings: &[Listing],
    ) -> Result<HashMap<TextHash, Arc<BookText>>, StorageError> {
        let hashes: HashSet<TextHash> = listings.iter().map(|found| found.details.text).collect();
        let texts = self
            .storage
            .find_texts(hashes.into_iter().collect())
            .await?;
        Ok(texts.into_iter().map(|text| (text.hash(), text)).collect())
    }

    /// The newest books of all stores, each once.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn newest(&self, limit: u32) -> Result<Vec<Card>, StorageError> {
        let query = ListingQuery {
            shelf: Shelf::All,
            after: None,
            limit: limit * LISTINGS_PER_BOOK,
        };
        let mut listings = self.storage.list_listings(query).await?.rows;
        keep_each_book_once(&mut listings, limit as usize);
        self.cards(listings).await
    }

    /// A page of what a store offers, newest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn store_shelf(
        &self,
        store: &StoreId,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Page<Card>, StorageError> {
        let query = ListingQuery {
            shelf: Shelf::Store(store.clone()),
            after,
            limit,
        };
        let Page { rows, next } = self.storage.list_listings(query).await?;
        let rows = self.cards(rows).await?;
        Ok(Page { rows, next })
    }

    /// The books that were bought most as of the last look, as they are on sale now.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn most_bought(&self, limit: usize) -> Result<Vec<Card>, StorageError> {
        let keys = self.most_bought.get();
        let keys = &keys[..limit.min(keys.len())];
        let mut cards = self.cards_on_sale(keys.to_vec()).await?;
        let rank = |card: &Card| keys.iter().position(|key| *key == card.listing.key);
        cards.sort_by_key(rank);
        Ok(cards)
    }

    /// Takes a look at what was bought most.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn look_at_most_bought(&self) -> Result<(), StorageError> {
        let limit = u32::try_from(MOST_BOUGHT_MAX).expect("a list this short");
        let limit = limit * LISTINGS_PER_BOOK;
        let mut listings = self.storage.list_most_bought(limit).await?;
        keep_each_book_once(&mut listings, MOST_BOUGHT_MAX);
        let keys = listings.into_iter().map(|listing| listing.key);
        self.most_bought.set(keys.collect());
        Ok(())
    }

    /// Looks at what was bought most, now and again, until told to stop.
    pub async fn look_at_most_bought_until(&self, mut stopped: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.look_at_most_bought().await {
                error!(%error, "what was bought most can't be told");
            }
            // An error means that nobody is left to say stop: the process is ending.
            let stop = stopped.wait_for(|stopped| *stopped);
            if tokio::time::timeout(MOST_BOUGHT_EVERY, stop).await.is_ok() {
                return;
            }
        }
    }

    /// A picture; `None` where no listing shows it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn picture(&self, hash: PictureHash) -> Result<Option<Arc<Picture>>, StorageError> {
        self.storage.find_picture(hash).await
    }
}

impl MostBought {
    fn get(&self) -> Arc<[ListingKey]> {
        let keys = self.0.lock();
        keys.expect("nobody panics while holding the list").clone()
    }

    fn set(&self, keys: Arc<[ListingKey]>) {
        let mut held = self.0.lock().expect("nobody panics while holding the list");
        *held = keys;
    }
}

/// A listing whose text is gone was changed between two questions: it is left out.
fn with_texts(listings: Vec<Listing>, texts: &HashMap<TextHash, Arc<BookText>>) -> Vec<Card> {
    let card = |listing: Listing| {
        let text = texts.get(&listing.details.text)?.clone();
        Some(Card { listing, text })
    };
    listings.into_iter().filter_map(card).collect()
}

fn keep_each_book_once(listings: &mut Vec<Listing>, limit: usize) {
    let mut seen = HashSet::new();
    listings.retain(|listing| seen.insert((listing.key.book.clone(), listing.details.text)));
    listings.truncate(limit);
}
