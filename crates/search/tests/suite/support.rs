//! A shop in the reference engine, for search to follow.

use std::sync::Arc;
use std::time::Duration;

use domain::book::BookFields;
use domain::listing::BookPatch;
use domain::{
    AddListing, AddStock, BookId, BookText, CreateStore, ListingKey, PasswordHash, Picture, Price,
    Register, Request, Stock, StoreId, Timestamp, Unregister, UpdateListing, UserId,
};
use storage::Storage;
use storage::model::{ManualClock, ModelStorage};

pub struct Shop {
    pub storage: Arc<dyn Storage>,
    pub clock: Arc<ManualClock>,
}

/// A listing to be made.
pub struct New<'a> {
    pub store: &'a str,
    pub book: &'a str,
    pub fields: BookFields,
    pub price: i64,
    pub stock: i64,
    pub pictures: Vec<Arc<Picture>>,
}

pub fn book_id(book: &str) -> BookId {
    BookId::new(book).unwrap()
}

pub fn key(store: &str, book: &str) -> ListingKey {
    ListingKey {
        store: StoreId::new(store).unwrap(),
        book: book_id(book),
    }
}

pub fn titled(title: &str) -> BookFields {
    BookFields {
        title: title.to_owned(),
        ..BookFields::default()
    }
}

pub fn picture(name: &str) -> Arc<Picture> {
    let bytes = [&[0xFF, 0xD8, 0xFF], name.as_bytes()].concat();
    Arc::new(Picture::new(bytes).unwrap())
}

impl Shop {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let storage: Arc<dyn Storage> = Arc::new(ModelStorage::new(clock.clone()));
        Self { storage, clock }
    }

    /// Every store belongs to a seller of its name.
    pub async fn open_store(&self, store: &str) {
        let owner = UserId::new(store).unwrap();
        let register = Register {
            user: owner.clone(),
            password_hash: PasswordHash::new("hash"),
        };
        let store = StoreId::new(store).unwrap();
        storage::run(&*self.storage, Request::unproved(register))
            .await
            .unwrap()
            .unwrap();
        let create = CreateStore { owner, store };
        storage::run(&*self.storage, Request::unproved(create))
            .await
            .unwrap()
            .unwrap();
    }

    pub async fn close_store(&self, store: &str) {
        let user = UserId::new(store).unwrap();
        let close = Unregister { user };
        storage::run(&*self.storage, Request::unproved(close))
            .await
            .unwrap()
            .unwrap();
    }

    /// Lists a book, a second after the one before.
    pub async fn add(&self, new: New<'_>) {
        self.clock.advance(Duration::from_secs(1));
        let add = AddListing {
            user: UserId::new(new.store).unwrap(),
            key: key(new.store, new.book),
            text: Arc::new(BookText::new(new.fields).unwrap()),
            pictures: new.pictures,
            price: Price::new(new.price).unwrap(),
            stock: Stock::new(new.stock).unwrap(),
        };
        storage::run(&*self.storage, Request::unproved(add))
            .await
            .unwrap()
            .unwrap();
    }

    pub async fn add_titled(&self, store: &str, book: &str, title: &str) {
        let fields = titled(title);
        self.add(New {
            store,
            book,
            fields,
            price: 1_000,
            stock: 1,
            pictures: Vec::new(),
        })
        .await;
    }

    pub async fn update(&self, store: &str, book: &str, change: impl FnOnce(&mut UpdateListing)) {
        let mut update = UpdateListing {
            user: UserId::new(store).unwrap(),
            key: key(store, book),
            patch: BookPatch::default(),
            price: None,
            pictures: None,
            is_listed: None,
        };
        change(&mut update);
        storage::run(&*self.storage, Request::unproved(update))
            .await
            .unwrap()
            .unwrap();
    }

    pub async fn retitle(&self, store: &str, book: &str, title: &str) {
        self.update(store, book, |update| {
            update.patch.title = Some(title.to_owned())
        })
        .await;
    }

    pub async fn add_stock(&self, store: &str, book: &str, change: i64) {
        let add = AddStock {
            user: UserId::new(store).unwrap(),
            key: key(store, book),
            change,
        };
        storage::run(&*self.storage, Request::unproved(add))
            .await
            .unwrap()
            .unwrap();
    }
}
