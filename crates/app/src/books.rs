//! Books: what they say, who offers them, and which the shop shows first.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{BookId, BookText, Listing, ListingKey, Picture, PictureHash, StoreId, TextHash};
use storage::{ListingQuery, Page, Place, Shelf, StorageError};
use tokio::sync::watch;
use tracing::error;

use crate::App;

/// How many offers of one book are shown at once.
pub const OFFERS_MAX: u32 = 100;
/// How many listings of one book are looked at for what else is said of it, the oldest first.
const LISTINGS_LOOKED_AT: u32 = 100;
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
    /// The offer whose words these are.
    pub chosen: Listing,
    /// The best of all offers that say the same of it: in stock, else the cheapest.
    pub best: Option<Listing>,
    /// A page of the offers of stores that say the same of it: in stock and cheap first.
    pub offers: Page<Listing>,
    /// Offers of stores that describe it otherwise under the same id, oldest first, one of each
    /// description.
    pub others: Vec<Card>,
}

/// The books that were bought most, as the last look found them.
#[derive(Default)]
pub(crate) struct MostBought(Mutex<Arc<[ListingKey]>>);

impl App {
    /// A book as a store offers it, or the one that has offered it the longest, with at most
    /// `limit` offers behind the place `after`; `None` where nobody offers it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn book(
        &self,
        id: &BookId,
        store: Option<&StoreId>,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Option<Book>, StorageError> {
        let listings = self.list(Shelf::Book(id.clone()), None, LISTINGS_LOOKED_AT);
        let mut others = listings.await?.rows;
        let chosen = match store {
            None => others.first().cloned(),
            Some(store) => {
                let found = others.iter().find(|found| found.key.store == *store);
                match found.cloned() {
                    Some(found) => Some(found),
                    None => self.find_on_shelf(id, store).await?,
                }
            }
        };
        let Some(chosen) = chosen else {
            return Ok(None);
        };
        let said = chosen.details.text;
        let mut seen = HashSet::from([said]);
        others.retain(|listing| seen.insert(listing.details.text));
        let texts = self.texts(std::iter::once(&chosen).chain(&others)).await?;
        // A store may have rewritten its text since its listing was read.
        let Some(text) = texts.get(&said) else {
            return Ok(None);
        };
        let shelf = Shelf::Offers(id.clone(), said);
        let is_first = after.is_none();
        let offers = self.list(shelf.clone(), after, limit).await?;
        let best = match is_first {
            true => offers.rows.first().cloned(),
            false => self.list(shelf, None, 1).await?.rows.pop(),
        };
        Ok(Some(Book {
            id: id.clone(),
            text: text.clone(),
            pictures: chosen.details.pictures.clone(),
            best,
            offers,
            others: with_texts(others, &texts),
            chosen,
        }))
    }

    async fn list(
        &self,
        shelf: Shelf,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Page<Listing>, StorageError> {
        let query = ListingQuery {
            shelf,
            after,
            limit,
        };
        self.storage.list_listings(query).await
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
        listings: impl IntoIterator<Item = &Listing>,
    ) -> Result<HashMap<TextHash, Arc<BookText>>, StorageError> {
        let hashes = listings.into_iter().map(|found| found.details.text);
        let hashes: HashSet<TextHash> = hashes.collect();
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
        let listings = self.list(Shelf::All, None, limit * LISTINGS_PER_BOOK);
        let mut listings = listings.await?.rows;
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
        let shelf = Shelf::Store(store.clone());
        let Page { rows, next } = self.list(shelf, after, limit).await?;
        let rows = self.cards(rows).await?;
        Ok(Page { rows, next })
    }

    /// A page of what a store lists as its seller sees it: on the shelves or off them, newest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn own_shelf(
        &self,
        store: &StoreId,
        is_hidden: bool,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Page<Card>, StorageError> {
        let shelf = if is_hidden {
            Shelf::Hidden(store.clone())
        } else {
            Shelf::Store(store.clone())
        };
        let Page { rows, next } = self.list(shelf, after, limit).await?;
        let rows = self.cards(rows).await?;
        Ok(Page { rows, next })
    }

    /// A listing with what its book says, off the shelves too; `None` where there is none.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn own_card(&self, key: &ListingKey) -> Result<Option<Card>, StorageError> {
        let found = self.storage.find_listing(key).await?;
        Ok(self.cards(found.into_iter().collect()).await?.pop())
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

/// Keeps one listing of each book, in the order of each book's first: that one, or where it is sold
/// out the next that is not.
fn keep_each_book_once(listings: &mut Vec<Listing>, limit: usize) {
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut kept: Vec<Listing> = Vec::new();
    for listing in listings.drain(..) {
        let book = (listing.key.book.clone(), listing.details.text);
        match places.get(&book) {
            Some(place) if kept[*place].stock.get() == 0 => kept[*place] = listing,
            Some(_) => {}
            None => {
                places.insert(book, kept.len());
                kept.push(listing);
            }
        }
    }
    kept.truncate(limit);
    *listings = kept;
}
