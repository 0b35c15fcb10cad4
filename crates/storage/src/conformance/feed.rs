//! The feed: what search goes by comes through, in order and from any place; a plain sale doesn't.
//! And the bulk reads, with which whoever follows looks at what has changed.

use std::time::{Duration, Instant};

use domain::listing::BookPatch;
use domain::{
    AddListing, CancelUntil, ListingKey, OrderStatus, PictureHash, Request, TextHash, UpdateListing,
};

use super::migrations::{furnish, move_all};
use super::requests::{self, add_listing, listing, picture, update_listing};
use super::shop::{BOOK, BUYER, SELLER, STOCK, STORE, STRANGER, Shop, done};
use crate::export::{ExportCursor, ExportLimit, Section};
use crate::feed::{Feed, FeedChange, FeedPosition};
use crate::model::{ModelDisk, ModelStorage};
use crate::port::{BULK_MAX_ROWS, Storage};

/// Whoever follows may have to ask more than once, but not for that long.
const FOLLOW_MAX: Duration = Duration::from_secs(30);
/// How many changes come at once where a case does not say.
const PAGE: u32 = 100;
/// Books of that name mark how far a case has followed.
const MARK: &str = "mark-";

fn changed(store: &str, book: &str) -> FeedChange {
    FeedChange::Listing(listing(store, book))
}

async fn end(shop: &Shop) -> FeedPosition {
    shop.storage().feed_end().await.expect("no failure")
}

/// Asks once.
async fn ask(shop: &Shop, after: &FeedPosition, limit: u32) -> Feed {
    let storage = shop.storage();
    let following = storage.follow(after.clone(), limit);
    following.await.expect("no failure")
}

/// Asks once from a place that is not lost.
async fn page(shop: &Shop, after: &FeedPosition, limit: u32) -> (Vec<FeedChange>, FeedPosition) {
    match ask(shop, after, limit).await {
        Feed::Changes { changes, end } => (changes, end),
        Feed::Lost => panic!("`{after}` is lost"),
    }
}

/// A shop with a book, and the feed's end behind it.
async fn stage(shop: &Shop) -> FeedPosition {
    shop.with_book().await;
    end(shop).await
}

fn is_mark(change: &FeedChange) -> bool {
    matches!(change, FeedChange::Listing(key) if key.book.as_str().starts_with(MARK))
}

/// What came behind a place, each once, where it came first; and a place behind it. A new mark is
/// listed and followed up to, so nothing is missed for having asked too early; marks are left out.
async fn behind(shop: &Shop, after: &FeedPosition) -> (Vec<FeedChange>, FeedPosition) {
    let book = format!("{MARK}{}", shop.next_order_id());
    shop.given_listing(STORE, &book, 1, 1).await;
    let mark = changed(STORE, &book);
    let (mut changes, mut place) = (Vec::new(), after.clone());
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < FOLLOW_MAX, "{changes:?} and no more came");
        let (more, end) = page(shop, &place, PAGE).await;
        let is_last = more.contains(&mark);
        assert!(
            !is_last || more.last() == Some(&mark),
            "changes come in order"
        );
        for change in more {
            if !is_mark(&change) && !changes.contains(&change) {
                changes.push(change);
            }
        }
        place = end;
        if is_last {
            return (changes, place);
        }
    }
}

/// Updates a book of the store.
async fn change(shop: &Shop, book: &str, how: impl FnOnce(&mut UpdateListing)) {
    let mut operation = update_listing(SELLER, STORE, book);
    how(&mut operation);
    assert_eq!(shop.update_listing(operation).await, done());
}

/// Updates the book of [`stage`] in some way, which comes through once.
async fn a_change_comes_through(shop: &Shop, how: impl FnOnce(&mut UpdateListing)) {
    let place = stage(shop).await;
    change(shop, BOOK, how).await;
    let (changes, place) = behind(shop, &place).await;
    assert_eq!(changes, [changed(STORE, BOOK)]);
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, []);
}

/// A new listing comes through, with stock or without.
pub async fn a_new_listing_comes_through(shop: &Shop) {
    let place = stage(shop).await;
    shop.given_listing(STORE, "new", 5, 3).await;
    shop.given_listing(STORE, "诗", 0, 0).await;
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, [changed(STORE, "new"), changed(STORE, "诗")]);
}

/// A new price comes through.
pub async fn a_change_of_price_comes_through(shop: &Shop) {
    a_change_comes_through(shop, |operation| {
        operation.price = Some(requests::price(7));
    })
    .await;
}

/// A new text comes through, in any of its fields.
pub async fn a_change_of_text_comes_through(shop: &Shop) {
    a_change_comes_through(shop, |operation| {
        operation.patch = BookPatch {
            content: Some(Some("chapters".to_owned())),
            ..BookPatch::default()
        };
    })
    .await;
}

/// New pictures come through, also where only their order changes.
pub async fn a_change_of_pictures_comes_through(shop: &Shop) {
    a_change_comes_through(shop, |operation| {
        operation.pictures = Some(vec![picture(1), picture(2)]);
    })
    .await;
    let place = end(shop).await;
    change(shop, BOOK, |operation| {
        operation.pictures = Some(vec![picture(2), picture(1)]);
    })
    .await;
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, [changed(STORE, BOOK)]);
}

/// A listing comes through when it goes off the shelves, and when it comes back.
pub async fn leaving_the_shelves_comes_through(shop: &Shop) {
    let mut place = stage(shop).await;
    for is_listed in [false, true] {
        change(shop, BOOK, |operation| {
            operation.is_listed = Some(is_listed);
        })
        .await;
        let (changes, end) = behind(shop, &place).await;
        assert_eq!(changes, [changed(STORE, BOOK)]);
        place = end;
    }
}

/// A stock that reaches zero or leaves it comes through: sold, given back, corrected, expired.
pub async fn a_stock_at_its_end_comes_through(shop: &Shop) {
    let mut place = stage(shop).await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, STOCK)]).await;
    for step in 0..6 {
        match step {
            0 => {}
            1 => {
                let cancelled = shop.cancel(BUYER, order, CancelUntil::Received).await;
                assert_eq!(cancelled, done());
            }
            2 => {
                let emptied = shop.add_stock(SELLER, STORE, BOOK, -STOCK).await;
                assert_eq!(emptied, done());
            }
            3 => assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 1).await, done()),
            4 => drop(shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await),
            _ => {
                shop.clock.advance(super::shop::PAYMENT_TIMEOUT);
                let due = shop.due().await;
                assert_eq!(shop.expire(due[0].order).await, done());
            }
        }
        let (changes, end) = behind(shop, &place).await;
        assert_eq!(changes, [changed(STORE, BOOK)], "step {step}");
        place = end;
    }
}

/// A store that closes with its owner's account comes through; its listings don't by themselves.
pub async fn closing_a_store_comes_through(shop: &Shop) {
    let place = stage(shop).await;
    shop.given_store(STRANGER, "other").await;
    shop.given_listing("other", BOOK, 5, 5).await;
    let (changes, place) = behind(shop, &place).await;
    assert_eq!(changes, [changed("other", BOOK)], "a store has nothing yet");
    assert_eq!(shop.unregister(STRANGER).await, done());
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, [FeedChange::Store(requests::store("other"))]);
}

/// A sale that leaves a copy sends nothing: not when it is ordered, paid, sent or received, nor
/// when it is cancelled or expires. Nor do copies that are added, or accounts.
pub async fn a_plain_sale_sends_nothing(shop: &Shop) {
    let place = stage(shop).await;
    for status in OrderStatus::ALL {
        shop.given_order_in(status).await;
    }
    shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    shop.clock.advance(super::shop::RECEIPT_TIMEOUT);
    for due in shop.due().await {
        match due.due {
            crate::port::Due::Payment => assert_eq!(shop.expire(due.order).await, done()),
            crate::port::Due::Receipt => assert_eq!(shop.conclude(due.order).await, done()),
        }
    }
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, 5).await, done());
    assert_eq!(shop.add_stock(SELLER, STORE, BOOK, -5).await, done());
    shop.given_funds("anna", 5).await;
    assert_eq!(shop.log_out("anna", "phone").await, done());
    let requests = orders_of_one(shop, 5).await;
    let left = shop.stock(STORE, BOOK).await - 5;
    assert!(left > 0);
    let outcomes = shop.race(requests).await;
    assert_eq!(super::shop::count_done(&outcomes), 5);
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, []);
}

/// Orders of a copy each.
async fn orders_of_one(shop: &Shop, count: usize) -> Vec<Request<domain::PlaceOrder>> {
    let proof = shop.proof(BUYER).await;
    let order = |_| {
        let id = shop.next_order_id();
        Request::proved(
            proof.clone(),
            requests::place(id, BUYER, STORE, &[(BOOK, 1)]),
        )
    };
    (0..count).map(order).collect()
}

/// An update that replaces what is there with the same sends nothing.
pub async fn an_update_to_the_same_sends_nothing(shop: &Shop) {
    let place = stage(shop).await;
    let price = shop.listing(STORE, BOOK).await.price;
    change(shop, BOOK, |operation| {
        operation.price = Some(price);
        operation.is_listed = Some(true);
        operation.pictures = Some(Vec::new());
        operation.patch.title = Some(BOOK.to_owned());
    })
    .await;
    change(shop, BOOK, |_| {}).await;
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, []);
}

/// What a refused operation would have changed does not come through; of those that wait
/// together, what one of them changes does.
pub async fn a_refused_operation_sends_nothing(shop: &Shop) {
    stage(shop).await;
    shop.given_listing(STORE, "rare", 1, 1).await;
    let place = end(shop).await;
    let refused = shop
        .add_listing(add_listing(STRANGER, STORE, "new", 1, 1))
        .await;
    assert!(refused.is_err());
    let refused = shop
        .add_listing(add_listing(SELLER, STORE, BOOK, 1, 1))
        .await;
    assert!(refused.is_err());
    let id = shop.next_order_id();
    let refused = shop
        .place(id, BUYER, STORE, &[(BOOK, STOCK), ("rare", 2)])
        .await;
    assert!(refused.is_err());
    assert!(shop.unregister(BUYER).await.is_err());
    let (changes, place) = behind(shop, &place).await;
    assert_eq!(changes, []);
    let proof = shop.proof(SELLER).await;
    let add = |_| {
        let operation = add_listing(SELLER, STORE, "new", 1, 1);
        Request::proved(proof.clone(), operation)
    };
    let outcomes = shop.race((0..20).map(add)).await;
    assert_eq!(super::shop::count_done(&outcomes), 1);
    let (changes, _) = behind(shop, &place).await;
    assert_eq!(changes, [changed(STORE, "new")]);
}

/// Changes come in the order in which they happened, as many at a time as are asked for; each
/// page's end is a place to follow from, again and again.
pub async fn changes_come_in_order_page_by_page(shop: &Shop) {
    const LISTINGS: usize = 120;
    const LIMIT: u32 = 7;
    let begin = stage(shop).await;
    let mut wanted = Vec::new();
    for number in 0..LISTINGS {
        let book = format!("book-{}", (number * 7) % LISTINGS);
        shop.given_listing(STORE, &book, 1, 1).await;
        wanted.push(changed(STORE, &book));
    }
    let (found, last) = behind(shop, &begin).await;
    assert_eq!(found, wanted);
    assert_eq!(page(shop, &begin, 0).await.0, []);
    let (mut found, mut place) = (Vec::new(), begin);
    let start = Instant::now();
    while found.len() < wanted.len() {
        assert!(
            start.elapsed() < FOLLOW_MAX,
            "{} and no more came",
            found.len()
        );
        let (changes, end) = page(shop, &place, LIMIT).await;
        assert!(changes.len() <= LIMIT as usize);
        if found.len() == 70 {
            // Somebody else follows from here, and then this one from where it was.
            let (rest, _) = behind(shop, &place).await;
            assert_eq!(rest, wanted[70..]);
        }
        found.extend(changes.into_iter().filter(|change| !is_mark(change)));
        place = end;
    }
    assert_eq!(found, wanted);
    assert_eq!(behind(shop, &last).await.0, [], "both stand at the end");
}

/// A place is good after a restart: what came behind it before and after the restart comes.
pub async fn a_place_outlives_a_restart(shop: &Shop) {
    let place = stage(shop).await;
    shop.reopen().await;
    assert_eq!(behind(shop, &place).await.0, []);
    let (_, place) = behind(shop, &place).await;
    shop.given_listing(STORE, "before", 1, 1).await;
    shop.reopen().await;
    shop.given_listing(STORE, "after", 1, 1).await;
    // Places outlive the process as text.
    let place = FeedPosition::new(place.to_string());
    let (changes, place) = behind(shop, &place).await;
    assert_eq!(changes, [changed(STORE, "before"), changed(STORE, "after")]);
    shop.reopen().await;
    assert_eq!(behind(shop, &place).await.0, []);
}

/// From a place that this storage never had, all is lost; from the ends of a storage in which
/// nothing was ever stored, nothing is.
pub async fn an_unknown_place_is_lost(shop: &Shop) {
    let first = end(shop).await;
    assert_eq!(page(shop, &first, PAGE).await.0, []);
    let other = ModelStorage::new(shop.clock.clone());
    let others = other.feed_end().await.expect("no failure");
    for unknown in ["", "0", ":", "0:0", "here:there", "诗", others.as_str()] {
        let unknown = FeedPosition::new(unknown);
        assert_eq!(ask(shop, &unknown, PAGE).await, Feed::Lost, "`{unknown}`");
    }
    shop.with_book().await;
    let (changes, _) = behind(shop, &first).await;
    assert_eq!(changes, [changed(STORE, BOOK)]);
}

/// The feed's end is behind all that was answered, and before all that comes.
pub async fn the_end_is_where_the_answered_ends(shop: &Shop) {
    stage(shop).await;
    for number in 0..10 {
        let books = [number, number + 10].map(|number| format!("book-{number}"));
        shop.given_listing(STORE, &books[0], 1, 1).await;
        let place = end(shop).await;
        shop.given_listing(STORE, &books[1], 1, 1).await;
        let (changes, _) = behind(shop, &place).await;
        assert_eq!(changes, [changed(STORE, &books[1])]);
    }
}

/// Whoever notes the end, reads everything and follows from there misses nothing, whatever is
/// written meanwhile.
pub async fn who_reads_everything_and_follows_misses_nothing(shop: &Shop) {
    const LISTINGS: usize = 300;
    stage(shop).await;
    let proof = shop.proof(SELLER).await;
    let books: Vec<String> = (0..LISTINGS)
        .map(|number| format!("book-{number}"))
        .collect();
    let mut writing = Vec::new();
    for (number, book) in books.iter().enumerate() {
        let operation = add_listing(SELLER, STORE, book, 1, 1);
        writing.push(shop.submit(Request::proved(proof.clone(), operation)));
        if number % 100 != 50 {
            continue;
        }
        // In the midst of it.
        let place = end(shop).await;
        let mut known = listed(shop).await;
        for outcome in writing.drain(..) {
            assert_eq!(outcome.await.expect("waiting does not panic"), done());
        }
        for change in behind(shop, &place).await.0 {
            match change {
                FeedChange::Listing(key) => known.push(key),
                FeedChange::Store(store) => panic!("`{store}` is open"),
            }
        }
        for book in &books[..=number] {
            assert!(known.contains(&listing(STORE, book)), "`{book}` is missing");
        }
    }
    for outcome in writing {
        assert_eq!(outcome.await.expect("waiting does not panic"), done());
    }
}

/// The keys of all listings, as an export has them.
async fn listed(shop: &Shop) -> Vec<ListingKey> {
    let mut keys = Vec::new();
    let mut after = ExportCursor::begin(Section::Listings);
    let limit = ExportLimit {
        rows: 10,
        bytes: 1 << 20,
    };
    loop {
        let storage = shop.storage();
        let exporting = storage.export(Some(after), limit);
        let page = exporting.await.expect("no failure");
        for change in page.changes {
            if let domain::Change::Listing(listing) = change {
                keys.push(listing.key);
            }
        }
        if page.is_last {
            return keys;
        }
        after = page.end;
    }
}

/// The listings of a shop that moves in come through like any new ones.
pub async fn restored_listings_come_through(shop: &Shop) {
    let place = end(shop).await;
    let source = Shop::open(ModelDisk::default()).await;
    furnish(&source).await;
    move_all(&*source.storage(), &*shop.storage()).await;
    shop.clock.set(source.now());
    let (mut changes, _) = behind(shop, &place).await;
    changes.sort_by_key(|change| format!("{change:?}"));
    let wanted = [(STORE, BOOK), (STORE, "novel"), ("second", "novel")];
    assert_eq!(changes, wanted.map(|(store, book)| changed(store, book)));
    source.close().await;
}

/// Listings are found many at a time: those that there are, off the shelves, without stock and in
/// closed stores too, each once; the others are left out.
pub async fn listings_are_found_many_at_a_time(shop: &Shop) {
    shop.with_book().await;
    shop.given_store(STRANGER, "other").await;
    shop.given_listing("other", BOOK, 5, 5).await;
    assert_eq!(shop.unregister(STRANGER).await, done());
    shop.given_listing(STORE, "empty", 0, 0).await;
    shop.given_listing(STORE, "hidden", 3, 2).await;
    change(shop, "hidden", |operation| {
        operation.is_listed = Some(false);
        operation.pictures = Some(vec![picture(2), picture(1)]);
    })
    .await;
    let there = [
        (STORE, BOOK),
        (STORE, "empty"),
        (STORE, "hidden"),
        ("other", BOOK),
    ];
    let mut keys = vec![listing(STORE, "Atlas"), listing("nowhere", BOOK)];
    for _ in 0..2 {
        keys.extend(there.map(|(store, book)| listing(store, book)));
    }
    while keys.len() < BULK_MAX_ROWS {
        keys.push(listing(STORE, &format!("missing-{}", keys.len())));
    }
    let storage = shop.storage();
    let finding = storage.find_listings(keys);
    let mut found = finding.await.expect("no failure");
    found.sort_by(|one, other| one.key.cmp(&other.key));
    let mut wanted = Vec::new();
    for (store, book) in there {
        wanted.push(shop.listing(store, book).await);
    }
    assert_eq!(found, wanted);
    let nothing = shop.storage().find_listings(Vec::new()).await;
    assert_eq!(nothing.expect("no failure"), []);
}

/// Texts are found many at a time, each once; those that no listing ever had are left out.
pub async fn texts_are_found_many_at_a_time(shop: &Shop) {
    shop.with_book().await;
    shop.given_listing(STORE, "second", 1, 1).await;
    let mut operation = add_listing(SELLER, STORE, "third", 1, 1);
    operation.text = requests::text(BOOK);
    assert_eq!(shop.add_listing(operation).await, done());
    let texts = ["second", BOOK].map(requests::text);
    let find = async |mut hashes: Vec<TextHash>| {
        while hashes.len() < BULK_MAX_ROWS {
            hashes.push(TextHash::from_bytes(
                [u8::try_from(hashes.len() % 200).expect("it is small"); 16],
            ));
        }
        let storage = shop.storage();
        let finding = storage.find_texts(hashes);
        let mut found = finding.await.expect("no failure");
        found.sort_by_key(|text| std::cmp::Reverse(text.fields().title.clone()));
        found
    };
    let hashes: Vec<TextHash> = texts.iter().map(|text| text.hash()).collect();
    assert_eq!(find([hashes.clone(), hashes].concat()).await, texts);
    let nothing = shop.storage().find_texts(Vec::new()).await;
    assert_eq!(nothing.expect("no failure"), []);
}

/// A picture is found by its hash for as long as a listing shows it.
pub async fn a_picture_is_found_while_it_is_shown(shop: &Shop) {
    shop.with_book().await;
    let find = async |hash: PictureHash| {
        let storage = shop.storage();
        let finding = storage.find_picture(hash);
        finding.await.expect("no failure")
    };
    assert_eq!(find(picture(1).hash()).await, None);
    let mut operation: AddListing = add_listing(SELLER, STORE, "album", 1, 1);
    operation.pictures = vec![picture(1), picture(2)];
    assert_eq!(shop.add_listing(operation).await, done());
    for last in [1, 2] {
        let picture = picture(last);
        assert_eq!(find(picture.hash()).await, Some(picture));
    }
    change(shop, "album", |operation| {
        operation.pictures = Some(vec![picture(2)]);
    })
    .await;
    assert_eq!(find(picture(2).hash()).await, Some(picture(2)));
    assert_eq!(find(PictureHash::from_bytes([7; 16])).await, None);
}
