//! Looking around: stores, listings and statements, page by page.

use std::time::Duration;

use domain::{CancelUntil, EntryKind, Listing, OrderStatus};

use super::requests::{self, book, price, store, user};
use super::shop::{BOOK, BUYER, SELLER, STORE, Shop, done};
use crate::browse::{ListingQuery, Movement, MovementQuery, Page, Place, Shelf};

const A_MOMENT: Duration = Duration::from_millis(1);

async fn stores(shop: &Shop, after: Option<&str>, limit: u32) -> Vec<String> {
    let found = shop.storage().list_stores(after.map(store), limit).await;
    let found = found.expect("no failure").into_iter();
    found.map(|store| store.id.as_str().to_owned()).collect()
}

async fn listings(shop: &Shop, shelf: Shelf, after: Option<Place>, limit: u32) -> Page<Listing> {
    let query = ListingQuery {
        shelf,
        after,
        limit,
    };
    let page = shop.storage().list_listings(query).await;
    page.expect("no failure")
}

/// The whole list, walked in pages of `limit`, as `store/book`.
async fn walk(shop: &Shop, shelf: &Shelf, limit: u32) -> Vec<String> {
    let mut walked = Vec::new();
    let mut after = None;
    loop {
        let page = listings(shop, shelf.clone(), after, limit).await;
        assert!(page.rows.len() <= limit as usize);
        for listing in page.rows {
            let key = listing.key.clone();
            let found = shop.listing(key.store.as_str(), key.book.as_str()).await;
            assert_eq!(listing, found, "a listing is listed as it is");
            walked.push(format!("{}/{}", key.store, key.book));
        }
        assert!(walked.len() < 1_000, "the walk goes in circles");
        match page.next {
            Some(next) => after = Some(next),
            None => return walked,
        }
    }
}

/// Two stores of one seller with four books each, `a` to `d`, listed one after the other.
async fn given_two_stores(shop: &Shop) {
    shop.given_user(SELLER).await;
    for name in ["north", "south"] {
        shop.given_store(SELLER, name).await;
    }
    for name in ["a", "b", "c", "d"] {
        for in_store in ["south", "north"] {
            shop.clock.advance(A_MOMENT);
            shop.given_listing(in_store, name, 10, 5).await;
        }
    }
}

/// Open stores come by the bytes of their ids, page by page; closed ones don't come at all.
pub async fn open_stores_are_listed_by_id(shop: &Shop) {
    assert!(stores(shop, None, 10).await.is_empty());
    shop.given_user("anna").await;
    shop.given_user("bert").await;
    for name in ["书店", "b", "Z", "a", "é"] {
        shop.given_store("anna", name).await;
    }
    shop.given_store("bert", "aa").await;
    assert_eq!(shop.unregister("bert").await, done());
    let all = ["Z", "a", "b", "é", "书店"];
    assert_eq!(stores(shop, None, 10).await, all);
    assert_eq!(stores(shop, None, 2).await, all[..2]);
    assert_eq!(stores(shop, Some("a"), 2).await, all[2..4]);
    assert_eq!(stores(shop, Some("aa"), 10).await, all[2..]);
    assert!(stores(shop, Some("书店"), 10).await.is_empty());
}

/// A seller's open stores come by the bytes of their ids, page by page; nobody else's do.
pub async fn a_sellers_stores_are_listed_by_id(shop: &Shop) {
    for (owner, names) in [("anna", &["书店", "b", "Z"][..]), ("bert", &["a"])] {
        shop.given_user(owner).await;
        for name in names {
            shop.given_store(owner, name).await;
        }
    }
    let stores = async |owner: &str, after: Option<&str>, limit| {
        let after = after.map(store);
        let storage = shop.storage();
        let found = storage.list_stores_of(user(owner), after, limit).await;
        let found = found.expect("no failure").into_iter();
        found
            .map(|store| format!("{} of {}", store.id, store.owner))
            .collect::<Vec<_>>()
    };
    let all = ["Z of anna", "b of anna", "书店 of anna"];
    assert_eq!(stores("anna", None, 10).await, all);
    assert_eq!(stores("anna", None, 2).await, all[..2]);
    assert_eq!(stores("anna", Some("a"), 10).await, all[1..]);
    assert_eq!(stores("bert", None, 10).await, ["a of bert"]);
    assert!(stores("carl", None, 10).await.is_empty());
    assert_eq!(shop.unregister("anna").await, done());
    assert!(
        stores("anna", None, 10).await.is_empty(),
        "they have closed"
    );
}

/// A store's listings come newest first, and no other store's.
pub async fn a_stores_listings_come_newest_first(shop: &Shop) {
    given_two_stores(shop).await;
    let north = Shelf::Store(store("north"));
    for limit in [1, 2, 3, 4, 100] {
        let walked = walk(shop, &north, limit).await;
        assert_eq!(walked, ["north/d", "north/c", "north/b", "north/a"]);
    }
    let nowhere = Shelf::Store(store("nowhere"));
    assert!(walk(shop, &nowhere, 10).await.is_empty());
}

/// The listings of all stores come newest first.
pub async fn listings_of_all_stores_come_newest_first(shop: &Shop) {
    assert!(walk(shop, &Shelf::All, 10).await.is_empty());
    given_two_stores(shop).await;
    let newest = listings(shop, Shelf::All, None, 3).await;
    let newest: Vec<_> = newest.rows.iter().map(|listing| &listing.key).collect();
    let wanted = [("north", "d"), ("south", "d"), ("north", "c")];
    let wanted = wanted.map(|(in_store, name)| requests::listing(in_store, name));
    assert_eq!(newest, wanted.iter().collect::<Vec<_>>());
    assert_eq!(walk(shop, &Shelf::All, 3).await.len(), 8);
}

/// The stores that list a book come in the order in which they began to.
pub async fn a_books_listings_come_oldest_first(shop: &Shop) {
    given_two_stores(shop).await;
    for limit in [1, 2] {
        let walked = walk(shop, &Shelf::Book(book("b")), limit).await;
        assert_eq!(walked, ["south/b", "north/b"]);
    }
    assert!(walk(shop, &Shelf::Book(book("x")), 10).await.is_empty());
}

/// What is off the shelves or in a closed store is in no list; sold out or not does not matter.
pub async fn listings_that_are_not_on_sale_are_not_listed(shop: &Shop) {
    given_two_stores(shop).await;
    shop.given_user("bert").await;
    shop.given_store("bert", "east").await;
    shop.given_listing("east", "b", 10, 5).await;
    let mut update = requests::update_listing(SELLER, "south", "b");
    update.is_listed = Some(false);
    assert_eq!(shop.update_listing(update).await, done());
    assert_eq!(shop.add_stock(SELLER, "north", "b", -5).await, done());
    assert_eq!(shop.unregister("bert").await, done());
    assert_eq!(
        walk(shop, &Shelf::Book(book("b")), 10).await,
        ["north/b"],
        "only one of three is on sale"
    );
    assert_eq!(walk(shop, &Shelf::All, 3).await.len(), 7);
    assert!(walk(shop, &Shelf::Store(store("east")), 9).await.is_empty());
    assert_eq!(walk(shop, &Shelf::Store(store("south")), 9).await.len(), 3);
}

/// What is off a store's shelves has a list of its own, newest first, while the store is open.
pub async fn what_is_off_the_shelves_is_listed_apart(shop: &Shop) {
    given_two_stores(shop).await;
    let hidden = Shelf::Hidden(store("south"));
    assert!(walk(shop, &hidden, 10).await.is_empty());
    for (name, is_listed) in [("d", false), ("a", false), ("b", false), ("b", true)] {
        let mut update = requests::update_listing(SELLER, "south", name);
        update.is_listed = Some(is_listed);
        assert_eq!(shop.update_listing(update).await, done());
    }
    for limit in [1, 2, 10] {
        assert_eq!(walk(shop, &hidden, limit).await, ["south/d", "south/a"]);
    }
    let on_shelf = walk(shop, &Shelf::Store(store("south")), 10).await;
    assert_eq!(on_shelf, ["south/c", "south/b"]);
    assert!(
        walk(shop, &Shelf::Hidden(store("north")), 9)
            .await
            .is_empty()
    );
    assert!(
        walk(shop, &Shelf::Hidden(store("none")), 9)
            .await
            .is_empty()
    );
    assert_eq!(shop.unregister(SELLER).await, done());
    assert!(walk(shop, &hidden, 10).await.is_empty());
}

/// The offers of a book that say the same come in stock first, then cheap first.
pub async fn a_books_offers_come_in_stock_and_cheap_first(shop: &Shop) {
    shop.given_user(SELLER).await;
    let offers = [
        ("e", 9, 0),
        ("a", 30, 1),
        ("d", 20, 2),
        ("b", 20, 0),
        ("c", 10, 7),
        ("f", 5, 3),
    ];
    for (name, price, stock) in offers {
        shop.given_store(SELLER, name).await;
        shop.given_listing(name, "x", price, stock).await;
        shop.given_listing(name, "y", 1, 1).await;
    }
    let text = shop.listing("a", "x").await.details.text;
    let mut update = requests::update_listing(SELLER, "f", "x");
    update.patch.author = Some(Some("somebody else".to_owned()));
    assert_eq!(shop.update_listing(update).await, done());
    let shelf = Shelf::Offers(book("x"), text);
    for limit in [1, 2, 3, 10] {
        let walked = walk(shop, &shelf, limit).await;
        assert_eq!(walked, ["c/x", "d/x", "a/x", "e/x", "b/x"]);
    }
    let mut update = requests::update_listing(SELLER, "c", "x");
    update.is_listed = Some(false);
    assert_eq!(shop.update_listing(update).await, done());
    assert_eq!(shop.add_stock(SELLER, "e", "x", 1).await, done());
    assert_eq!(walk(shop, &shelf, 10).await, ["e/x", "d/x", "a/x", "b/x"]);
    // The last copy is sold, another's price changes, and the last copy comes back.
    shop.given_user(BUYER).await;
    let order = shop.given_order(BUYER, "a", &[("x", 1)]).await;
    let mut update = requests::update_listing(SELLER, "d", "x");
    update.price = Some(price(5));
    assert_eq!(shop.update_listing(update).await, done());
    assert_eq!(walk(shop, &shelf, 1).await, ["d/x", "e/x", "b/x", "a/x"]);
    let cancelling = shop.cancel(BUYER, order, CancelUntil::Received).await;
    assert_eq!(cancelling, done());
    assert_eq!(walk(shop, &shelf, 3).await, ["d/x", "e/x", "a/x", "b/x"]);
    let other = shop.listing("f", "x").await.details.text;
    assert_eq!(
        walk(shop, &Shelf::Offers(book("x"), other), 9).await,
        ["f/x"]
    );
    assert!(
        walk(shop, &Shelf::Offers(book("z"), text), 9)
            .await
            .is_empty()
    );
}

/// Many listings of one moment are walked without gap or repetition, and a listing that leaves
/// the shelves under a place does not lose the place.
pub async fn a_walk_meets_each_listing_once(shop: &Shop) {
    shop.given_user(SELLER).await;
    for name in ["north", "south"] {
        shop.given_store(SELLER, name).await;
        for number in 0..6 {
            shop.given_listing(name, &format!("book {number}"), 10, 1)
                .await;
        }
    }
    let shelves = [
        Shelf::All,
        Shelf::Store(store("south")),
        Shelf::Book(book("book 3")),
    ];
    for (shelf, count) in shelves.into_iter().zip([12, 6, 2]) {
        let whole = walk(shop, &shelf, 100).await;
        let mut distinct = whole.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), count);
        for limit in [1, 5] {
            assert_eq!(walk(shop, &shelf, limit).await, whole, "{shelf:?}");
        }
    }
    let first = listings(shop, Shelf::All, None, 1).await;
    let rest = walk(shop, &Shelf::All, 100).await.split_off(1);
    let key = &first.rows[0].key;
    let mut update = requests::update_listing(SELLER, key.store.as_str(), key.book.as_str());
    update.is_listed = Some(false);
    assert_eq!(shop.update_listing(update).await, done());
    let next = listings(shop, Shelf::All, first.next, 1).await;
    let key = &next.rows[0].key;
    assert_eq!(format!("{}/{}", key.store, key.book), rest[0]);
}

/// A place that somebody made up breaks nothing.
pub async fn a_place_that_was_never_given_is_harmless(shop: &Shop) {
    given_two_stores(shop).await;
    let shown = shop.listing("north", "a").await.details.text;
    for text in [
        "",
        "x",
        "1",
        "1\t2",
        "1:2",
        "-9\ta\tb",
        "9999999999999999999",
        "书\t\0",
    ] {
        for shelf in [
            Shelf::All,
            Shelf::Store(store("north")),
            Shelf::Hidden(store("north")),
            Shelf::Book(book("a")),
            Shelf::Offers(book("a"), shown),
        ] {
            let page = listings(shop, shelf, Some(Place::new(text)), 100).await;
            assert!(page.rows.len() <= 8, "{text:?}");
        }
        let query = MovementQuery {
            user: user(SELLER),
            after: Some(Place::new(text)),
            limit: 10,
        };
        let page = shop.storage().list_movements(query).await;
        assert!(page.expect("no failure").rows.is_empty(), "{text:?}");
    }
}

/// What was bought most comes first; cancelled orders don't count, nor does what nobody bought
/// or what is not on sale.
pub async fn the_most_bought_come_first(shop: &Shop) {
    shop.with_book().await;
    for (name, copies) in [("cup", 20), ("gone", 20), ("pen", 20), ("unsold", 20)] {
        shop.given_listing(STORE, name, 1, copies).await;
    }
    shop.given_order(BUYER, STORE, &[("cup", 3), (BOOK, 1), ("gone", 9)])
        .await;
    shop.given_order(BUYER, STORE, &[("pen", 7)]).await;
    let cancelled = shop.given_order(BUYER, STORE, &[(BOOK, 8)]).await;
    let cancelling = shop.cancel(BUYER, cancelled, CancelUntil::Received).await;
    assert_eq!(cancelling, done());
    let mut update = requests::update_listing(SELLER, STORE, "gone");
    update.is_listed = Some(false);
    assert_eq!(shop.update_listing(update).await, done());
    for (limit, wanted) in [(10, &["pen", "cup", BOOK][..]), (2, &["pen", "cup"])] {
        let found = shop.storage().list_most_bought(limit).await;
        let found = found.expect("no failure");
        let found: Vec<&str> = found.iter().map(|found| found.key.book.as_str()).collect();
        assert_eq!(found, wanted);
    }
}

async fn statement(shop: &Shop, name: &str, limit: u32) -> Vec<Movement> {
    let mut walked = Vec::new();
    let mut after = None;
    loop {
        let query = MovementQuery {
            user: user(name),
            after,
            limit,
        };
        let page = shop.storage().list_movements(query).await;
        let page = page.expect("no failure");
        walked.extend(page.rows);
        assert!(walked.len() < 1_000, "the walk goes in circles");
        match page.next {
            Some(next) => after = Some(next),
            None => return walked,
        }
    }
}

fn in_short(movements: &[Movement]) -> Vec<(EntryKind, i64, i64)> {
    let short = |movement: &Movement| {
        let Movement {
            spendable, held, ..
        } = movement;
        (movement.kind, spendable.get(), held.get())
    };
    movements.iter().map(short).collect()
}

/// A statement tells what moved a user's money, the newest first, with the order and the time, and
/// adds up to what he has.
pub async fn movements_come_newest_first(shop: &Shop) {
    shop.with_book().await;
    shop.clock.advance(A_MOMENT);
    let received = shop.given_order_in(OrderStatus::Received).await;
    shop.clock.advance(A_MOMENT);
    let returned = shop.given_order_in(OrderStatus::Paid).await;
    shop.clock.advance(A_MOMENT);
    let cancelling = shop.cancel(BUYER, returned, CancelUntil::Received).await;
    assert_eq!(cancelling, done());
    shop.clock.advance(A_MOMENT);
    assert_eq!(shop.add_funds(BUYER, -50).await, done());

    let bought = statement(shop, BUYER, 10).await;
    let wanted = [
        (EntryKind::Withdrawal, -50, 0),
        (EntryKind::Refund, 100, 0),
        (EntryKind::Payment, -100, 0),
        (EntryKind::Payment, -100, 0),
        (EntryKind::Deposit, 1_000, 0),
    ];
    assert_eq!(in_short(&bought), wanted);
    let orders = bought.iter().map(|movement| movement.order);
    let wanted = [None, Some(returned), Some(returned), Some(received), None];
    assert!(orders.eq(wanted));
    assert_eq!(bought[0].at, shop.now());
    assert_eq!(bought[1].at, shop.now().minus(A_MOMENT));

    let mut sold = in_short(&statement(shop, SELLER, 10).await);
    assert_eq!(sold.remove(0), (EntryKind::Refund, 0, -100));
    assert_eq!(sold.remove(0), (EntryKind::Payment, 0, 100));
    // Both of one moment: their order is the engine's.
    sold.sort_by_key(|(_, spendable, _)| *spendable);
    let wanted = [
        (EntryKind::Payment, 0, 100),
        (EntryKind::Release, 100, -100),
    ];
    assert_eq!(sold, wanted);
    assert!(statement(shop, "nobody", 10).await.is_empty());
}

/// Where buyer and seller are one, an entry is one movement with both its sides.
pub async fn movements_of_a_seller_who_buys_from_himself(shop: &Shop) {
    shop.with_book().await;
    assert_eq!(shop.add_funds(SELLER, 100).await, done());
    shop.clock.advance(A_MOMENT);
    let order = shop.given_order(SELLER, STORE, &[(BOOK, 1)]).await;
    assert_eq!(shop.pay(SELLER, order).await, done());
    let wanted = [
        (EntryKind::Payment, -100, 100),
        (EntryKind::Deposit, 100, 0),
    ];
    assert_eq!(in_short(&statement(shop, SELLER, 10).await), wanted);
    assert_eq!(in_short(&statement(shop, SELLER, 1).await), wanted);
}

/// A long statement is walked without gap or repetition, also where much is of one moment.
pub async fn a_long_statement_can_be_walked(shop: &Shop) {
    shop.given_user("anna").await;
    for number in 1..=30 {
        assert_eq!(shop.add_funds("anna", number).await, done());
        if number % 7 == 0 {
            shop.clock.advance(A_MOMENT);
        }
    }
    let whole = statement(shop, "anna", 100).await;
    let mut amounts: Vec<i64> = whole.iter().map(|found| found.spendable.get()).collect();
    for limit in [1, 4, 30] {
        assert_eq!(statement(shop, "anna", limit).await, whole);
    }
    amounts.sort_unstable();
    assert!(amounts.into_iter().eq(1..=30));
}
