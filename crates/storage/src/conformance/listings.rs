//! Listings: what a store offers, at what price, and how many copies.

use std::sync::Arc;

use domain::book::{BookFields, InvalidText, TEXT_MAX_BYTES};
use domain::listing::{
    AddListingRefusal, AddStockRefusal, BookPatch, StoreRefusal, UpdateListingRefusal,
};
use domain::money::COUNT_MAX;
use domain::order::PlaceOrderRefusal;
use domain::{AddListing, BookText, CancelUntil, UpdateListing};

use super::requests::{self, add_listing, update_listing};
use super::shop::{BOOK, BUYER, PRICE_FEN, SELLER, STOCK, STORE, STRANGER, Shop, done, rule};

fn no_store(name: &str) -> StoreRefusal {
    StoreRefusal::NoStore(requests::store(name))
}

fn not_owner() -> StoreRefusal {
    StoreRefusal::NotOwner(requests::store(STORE))
}

async fn find(shop: &Shop, book: &str) -> Option<domain::Listing> {
    let key = requests::listing(STORE, book);
    shop.storage().find_listing(&key).await.expect("no failure")
}

/// Listing a book puts it on the shelves with price, stock, text and pictures, these in order.
pub async fn adding_a_listing_puts_it_on_the_shelves(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(find(shop, "new").await, None);
    let (first, second) = (requests::picture(1), requests::picture(2));
    let text = requests::text("历史 – a history");
    let operation = AddListing {
        text: text.clone(),
        pictures: vec![second.clone(), first.clone(), second.clone()],
        ..add_listing(SELLER, STORE, "new", 7, 3)
    };
    assert_eq!(shop.add_listing(operation).await, done());
    for _ in 0..2 {
        let listing = shop.listing(STORE, "new").await;
        assert_eq!(listing.key, requests::listing(STORE, "new"));
        assert_eq!(
            (listing.price.get(), listing.stock.get(), listing.added),
            (7, 3, 3)
        );
        let details = &listing.details;
        assert_eq!(details.text, text.hash());
        assert_eq!(&*details.title, "历史 – a history");
        assert_eq!(
            details.pictures,
            [second.hash(), first.hash(), second.hash()]
        );
        assert!(details.is_listed);
        assert_eq!(details.listed_at, shop.now());
        shop.reopen().await;
    }
}

/// A book may be listed without a copy, and for nothing.
pub async fn a_listing_may_have_no_stock_and_no_price(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(
        shop.add_listing(add_listing(SELLER, STORE, "new", 0, 0))
            .await,
        done()
    );
    let listing = shop.listing(STORE, "new").await;
    assert_eq!(
        (listing.price.get(), listing.stock.get(), listing.added),
        (0, 0, 0)
    );
}

/// Listing is refused in no store, in another's store, and under an id that the store has, be
/// it on the shelves or off; nothing changes then.
pub async fn adding_a_listing_is_refused(shop: &Shop) {
    shop.with_book().await;
    let outcome = shop
        .add_listing(add_listing(SELLER, "nowhere", "new", 1, 1))
        .await;
    assert_eq!(outcome, rule(AddListingRefusal::Store(no_store("nowhere"))));
    let outcome = shop
        .add_listing(add_listing(STRANGER, STORE, "new", 1, 1))
        .await;
    assert_eq!(outcome, rule(AddListingRefusal::Store(not_owner())));
    assert_eq!(find(shop, "new").await, None);
    for is_listed in [true, false] {
        let operation = UpdateListing {
            is_listed: Some(is_listed),
            ..update_listing(SELLER, STORE, BOOK)
        };
        assert_eq!(shop.update_listing(operation).await, done());
        let before = shop.listing(STORE, BOOK).await;
        let outcome = shop
            .add_listing(add_listing(SELLER, STORE, BOOK, 1, 1))
            .await;
        assert_eq!(
            outcome,
            rule(AddListingRefusal::BookExists(requests::book(BOOK)))
        );
        assert_eq!(shop.listing(STORE, BOOK).await, before);
    }
}

/// Stores may list one book id each, with one text, and neither minds what the other does.
pub async fn stores_list_the_same_book_apart(shop: &Shop) {
    shop.with_book().await;
    shop.given_store(STRANGER, "other").await;
    shop.given_listing("other", BOOK, 5, 6).await;
    let before = shop.listing(STORE, BOOK).await;
    let shared = shop.listing("other", BOOK).await;
    assert_eq!(
        shared.details.text, before.details.text,
        "the same words are the same text"
    );
    let patch = BookPatch {
        title: Some("mine".to_owned()),
        ..BookPatch::default()
    };
    let operation = UpdateListing {
        patch,
        ..update_listing(STRANGER, "other", BOOK)
    };
    assert_eq!(shop.update_listing(operation).await, done());
    assert_eq!(shop.add_stock(STRANGER, "other", BOOK, -6).await, done());
    assert_eq!(shop.listing(STORE, BOOK).await, before);
    let other = shop.listing("other", BOOK).await;
    assert_eq!((&*other.details.title, other.stock.get()), ("mine", 0));
}

/// Stock is added and corrected downwards, to nothing at the least; adding none changes nothing.
pub async fn stock_is_added_and_corrected(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 5).await, done());
    let listing = shop.listing(STORE, BOOK).await;
    assert_eq!((listing.stock.get(), listing.added), (STOCK + 5, STOCK + 5));
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 0).await, done());
    assert_eq!(shop.listing(STORE, BOOK).await, listing);
    assert_eq!(
        shop.add_stock(SELLER, STORE, BOOK, -STOCK - 5).await,
        done()
    );
    let listing = shop.listing(STORE, BOOK).await;
    assert_eq!((listing.stock.get(), listing.added), (0, 0));
}

/// A change of stock is refused in no store, in another's, of no book, below 0 and past the limit.
pub async fn adding_stock_is_refused(shop: &Shop) {
    shop.with_book().await;
    let before = shop.listing(STORE, BOOK).await;
    let refusals = [
        (
            SELLER,
            "nowhere",
            BOOK,
            1,
            AddStockRefusal::Store(no_store("nowhere")),
        ),
        (
            STRANGER,
            STORE,
            BOOK,
            1,
            AddStockRefusal::Store(not_owner()),
        ),
        (
            STRANGER,
            STORE,
            "none",
            1,
            AddStockRefusal::Store(not_owner()),
        ),
        (
            SELLER,
            STORE,
            "none",
            1,
            AddStockRefusal::NoBook(requests::book("none")),
        ),
        (
            SELLER,
            STORE,
            "none",
            0,
            AddStockRefusal::NoBook(requests::book("none")),
        ),
        (
            SELLER,
            STORE,
            BOOK,
            -STOCK - 1,
            AddStockRefusal::StockTooLow {
                book: requests::book(BOOK),
                stock: requests::stock(STOCK),
            },
        ),
        (
            SELLER,
            STORE,
            BOOK,
            COUNT_MAX - STOCK + 1,
            AddStockRefusal::StockLimit,
        ),
    ];
    for (user, store, book, change, refusal) in refusals {
        assert_eq!(
            shop.add_stock(user, store, book, change).await,
            rule(refusal)
        );
    }
    assert_eq!(shop.listing(STORE, BOOK).await, before);
    assert_eq!(
        shop.add_stock(SELLER, STORE, BOOK, COUNT_MAX - STOCK).await,
        done()
    );
    assert_eq!(shop.stock(STORE, BOOK).await, COUNT_MAX);
}

/// A cancelled order's copies come back even where the shelf was filled up meanwhile, and the
/// seller can take copies away then though not add any.
pub async fn returned_copies_may_exceed_the_limit(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 4)]).await;
    assert_eq!(
        shop.add_stock(SELLER, STORE, BOOK, COUNT_MAX - STOCK + 4)
            .await,
        done()
    );
    assert_eq!(
        shop.cancel(BUYER, order, CancelUntil::Received).await,
        done()
    );
    assert_eq!(shop.stock(STORE, BOOK).await, COUNT_MAX + 4);
    let outcome = shop.add_stock(SELLER, STORE, BOOK, 1).await;
    assert_eq!(outcome, rule(AddStockRefusal::StockLimit));
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, -1).await, done());
    assert_eq!(shop.stock(STORE, BOOK).await, COUNT_MAX + 3);
}

/// An update replaces what it names, clears what it says to clear, and keeps all else; one update
/// builds on another, across restarts too.
pub async fn an_update_replaces_what_it_names(shop: &Shop) {
    shop.with_book().await;
    let set = BookPatch {
        author: Some(Some("Li".to_owned())),
        pages: Some(Some(12)),
        tags: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..BookPatch::default()
    };
    let operation = UpdateListing {
        patch: set,
        price: Some(requests::price(55)),
        pictures: Some(vec![requests::picture(9)]),
        ..update_listing(SELLER, STORE, BOOK)
    };
    assert_eq!(shop.update_listing(operation).await, done());
    shop.reopen().await;
    let clear = BookPatch {
        title: Some("Atlas 2".to_owned()),
        author: Some(None),
        ..BookPatch::default()
    };
    let operation = UpdateListing {
        patch: clear,
        ..update_listing(SELLER, STORE, BOOK)
    };
    assert_eq!(shop.update_listing(operation).await, done());
    let wanted = BookText::new(BookFields {
        title: "Atlas 2".to_owned(),
        pages: Some(12),
        tags: vec!["a".to_owned(), "b".to_owned()],
        ..BookFields::default()
    });
    let listing = shop.listing(STORE, BOOK).await;
    assert_eq!(
        listing.details.text,
        wanted.expect("within the limits").hash()
    );
    assert_eq!(&*listing.details.title, "Atlas 2");
    assert_eq!(listing.details.pictures, [requests::picture(9).hash()]);
    assert_eq!(
        (listing.price.get(), listing.stock.get(), listing.added),
        (55, STOCK, STOCK)
    );
    assert!(listing.details.is_listed);
    let bare = UpdateListing {
        pictures: Some(Vec::new()),
        ..update_listing(SELLER, STORE, BOOK)
    };
    assert_eq!(shop.update_listing(bare).await, done());
    assert_eq!(shop.listing(STORE, BOOK).await.details.pictures, []);
}

/// An update that names nothing changes nothing.
pub async fn an_empty_update_changes_nothing(shop: &Shop) {
    shop.with_book().await;
    let before = shop.listing(STORE, BOOK).await;
    assert_eq!(
        shop.update_listing(update_listing(SELLER, STORE, BOOK))
            .await,
        done()
    );
    assert_eq!(shop.listing(STORE, BOOK).await, before);
}

/// A book off the shelves can't be ordered until it is put back; its orders go on.
pub async fn an_unlisted_book_is_not_sold(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let set = |is_listed| UpdateListing {
        is_listed: Some(is_listed),
        ..update_listing(SELLER, STORE, BOOK)
    };
    assert_eq!(shop.update_listing(set(false)).await, done());
    let refused = PlaceOrderRefusal::NoBook(requests::book(BOOK));
    let id = shop.next_order_id();
    assert_eq!(
        shop.place(id, BUYER, STORE, &[(BOOK, 1)]).await,
        rule(refused)
    );
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(
        shop.cancel(BUYER, order, CancelUntil::Received).await,
        done()
    );
    assert_eq!(shop.stock(STORE, BOOK).await, STOCK);
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 1).await, done());
    assert_eq!(shop.update_listing(set(true)).await, done());
    assert_eq!(
        shop.place(id, BUYER, STORE, &[(BOOK, STOCK + 1)]).await,
        done()
    );
}

/// An update is refused in no store, in another's, of no book, and for a text past the limit.
pub async fn updating_a_listing_is_refused(shop: &Shop) {
    shop.with_book().await;
    let before = shop.listing(STORE, BOOK).await;
    let priced = |user, store, book| UpdateListing {
        price: Some(requests::price(1)),
        ..update_listing(user, store, book)
    };
    let refusals = [
        (
            priced(SELLER, "nowhere", BOOK),
            UpdateListingRefusal::Store(no_store("nowhere")),
        ),
        (
            priced(STRANGER, STORE, BOOK),
            UpdateListingRefusal::Store(not_owner()),
        ),
        (
            priced(SELLER, STORE, "none"),
            UpdateListingRefusal::NoBook(requests::book("none")),
        ),
        (
            UpdateListing {
                patch: BookPatch {
                    content: Some(Some("x".repeat(TEXT_MAX_BYTES))),
                    ..BookPatch::default()
                },
                ..priced(SELLER, STORE, BOOK)
            },
            UpdateListingRefusal::Text(InvalidText::TooLong),
        ),
    ];
    for (operation, refusal) in refusals {
        assert_eq!(shop.update_listing(operation).await, rule(refusal));
    }
    assert_eq!(shop.listing(STORE, BOOK).await, before);
}

/// What an order says stays as it was when it was placed, whatever the listing says later.
pub async fn an_order_keeps_price_and_title(shop: &Shop) {
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 2)]).await;
    let operation = UpdateListing {
        patch: BookPatch {
            title: Some("Dearer".to_owned()),
            ..BookPatch::default()
        },
        price: Some(requests::price(999)),
        ..update_listing(SELLER, STORE, BOOK)
    };
    assert_eq!(shop.update_listing(operation).await, done());
    let found = shop.order(order).await;
    assert_eq!(
        (&*found.lines[0].title, found.lines[0].price.get()),
        (BOOK, PRICE_FEN)
    );
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.money(SELLER).await, (2 * PRICE_FEN, 2 * PRICE_FEN));
}

/// A text of the largest size is kept whole: an update of one small field starts from all of it.
pub async fn a_text_of_the_largest_size_is_kept(shop: &Shop) {
    shop.with_book().await;
    let fields = BookFields {
        title: "big".to_owned(),
        content: Some("书".repeat((TEXT_MAX_BYTES - 6) / 3)),
        ..BookFields::default()
    };
    let text = Arc::new(BookText::new(fields.clone()).expect("within the limits"));
    let operation = AddListing {
        text,
        ..add_listing(SELLER, STORE, "big", 1, 1)
    };
    assert_eq!(shop.add_listing(operation).await, done());
    shop.reopen().await;
    let patch = BookPatch {
        isbn: Some(Some("1".to_owned())),
        ..BookPatch::default()
    };
    let operation = UpdateListing {
        patch,
        ..update_listing(SELLER, STORE, "big")
    };
    assert_eq!(shop.update_listing(operation).await, done());
    let wanted = BookText::new(BookFields {
        isbn: Some("1".to_owned()),
        ..fields
    });
    let listing = shop.listing(STORE, "big").await;
    assert_eq!(
        listing.details.text,
        wanted.expect("within the limits").hash()
    );
}
