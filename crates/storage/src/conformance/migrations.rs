//! Migrations: everything can be walked through, and a whole shop moves from one storage to
//! another, however often it is interrupted.

use std::sync::Arc;
use std::time::Duration;

use domain::migration::RestoreRefusal;
use domain::{
    Address, CancelUntil, Change, EndMigration, Key, OrderId, OrderStatus, PlaceOrder, Refused,
    Request, Restore, SourceMark,
};

use super::fixture::{Fixture, Opening};
use super::requests::{self, keep, picture, place};
use super::shop::{BOOK, BUYER, SELLER, STORE, STRANGER, Shop, done, rule};
use crate::export::{ExportCursor, ExportLimit, Section};
use crate::migration::{MigrationError, Move, PAGE_LIMIT, Totals};
use crate::model::{ModelDisk, ModelStorage};
use crate::port::{OrderParty, Storage};

/// The other end of a migration is the reference engine.
impl Fixture for ModelDisk {
    fn open(&self, clock: Arc<dyn domain::Clock>) -> Opening<'_> {
        Box::pin(async { Arc::new(ModelStorage::open(self.clone(), clock)) as _ })
    }
}

const PLACE: &str = "here";
const SECRET: [u8; 32] = [7; 32];
const BYTES_MAX: usize = 1 << 20;
const FEW_ROWS: ExportLimit = ExportLimit {
    rows: 5,
    bytes: BYTES_MAX,
};

/// Some of everything that a shop can have.
pub(super) async fn furnish(shop: &Shop) -> Vec<OrderId> {
    shop.with_book().await;
    shop.given_user("gone").await;
    shop.given_store("gone", "closed").await;
    assert_eq!(shop.unregister("gone").await, done());
    shop.given_store(STRANGER, "second").await;
    for (owner, store, pictures) in [(SELLER, STORE, 1..4), (STRANGER, "second", 2..5)] {
        let mut operation = requests::add_listing(owner, store, "novel", 250, 4);
        operation.pictures = pictures.map(picture).collect();
        assert_eq!(shop.add_listing(operation).await, done());
    }
    let mut orders = Vec::new();
    for status in OrderStatus::ALL {
        orders.push(shop.given_order_in(status).await);
        shop.clock.advance(Duration::from_millis(5));
    }
    orders.push(an_order_with_everything(shop).await);
    assert_eq!(shop.add_funds(BUYER, -7).await, done());
    assert_eq!(shop.change_password(STRANGER, "second").await, done());
    for (user, name) in [(BUYER, "phone"), (BUYER, "desk"), (SELLER, "a")] {
        assert_eq!(shop.log_out(user, name).await, done());
    }
    for key in ["k", "l"] {
        assert_eq!(shop.run(kept_deposit(shop, key).await).await, done());
    }
    orders
}

/// Paid, sent, cancelled, with an address, tracking, and more than one book.
async fn an_order_with_everything(shop: &Shop) -> OrderId {
    let id = shop.next_order_id();
    let address = Address {
        name: "Bruno".into(),
        phone: "1".into(),
        text: "路 \"1\"".into(),
    };
    let operation = PlaceOrder {
        address: Some(Arc::new(address)),
        ..place(id, BUYER, STORE, &[(BOOK, 1), ("novel", 1)])
    };
    let proof = shop.proof(BUYER).await;
    assert_eq!(shop.run(Request::proved(proof, operation)).await, done());
    assert_eq!(shop.pay(BUYER, id).await, done());
    let send = requests::send(shop.proof(SELLER).await, id, Some("SF 1"));
    assert_eq!(shop.run(send).await, done());
    let cancelled = shop.cancel(BUYER, id, CancelUntil::Received).await;
    assert_eq!(cancelled, done());
    id
}

async fn kept_deposit(shop: &Shop, key: &str) -> Request<domain::AddFunds> {
    let keep = Some(keep(BUYER, "add_funds", key, 1, key));
    Request {
        keep,
        ..requests::add_funds(shop.proof(BUYER).await, 3)
    }
}

/// All rows, page by page; each page keeps its limits.
async fn walk(storage: &dyn Storage, limit: ExportLimit) -> Vec<Change> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = storage.export(after, limit).await.expect("no failure");
        assert!(page.changes.len() <= limit.rows);
        assert!(
            page.is_last || !page.changes.is_empty(),
            "a page brings one further"
        );
        rows.extend(page.changes);
        if page.is_last {
            return rows;
        }
        // Places outlive the process as text.
        after = ExportCursor::parse(&page.end.to_string());
        assert_eq!(after, Some(page.end));
    }
}

/// All rows in an order that does not depend on the engine.
async fn everything(storage: &dyn Storage) -> Vec<Change> {
    let mut rows = walk(storage, PAGE_LIMIT).await;
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

/// Moves a whole shop, and checks that what came is what went.
pub(super) async fn move_all(source: &dyn Storage, destination: &dyn Storage) {
    let begun = Move::begin(source, destination, PLACE, SECRET, FEW_ROWS).await;
    let mut moving = begun.expect("it can begin");
    while moving.step().await.expect("it moves") {}
    let (from, to) = (add_up(source).await, add_up(destination).await);
    assert_eq!(from, to);
    assert_eq!(everything(source).await, everything(destination).await);
    assert!(
        destination
            .find_migration()
            .await
            .expect("no failure")
            .is_some()
    );
    moving.end().await.expect("it is whole");
    assert_eq!(
        destination.find_migration().await.expect("no failure"),
        None
    );
}

async fn add_up(storage: &dyn Storage) -> Totals {
    let mut rows = 0;
    let totals = Totals::add_up(storage, FEW_ROWS, |page| rows += page).await;
    let totals = totals.expect("no failure");
    let counted: u64 = totals.sections.iter().map(|total| total.rows).sum();
    assert_eq!(counted, rows);
    totals
}

/// Walking through a storage comes by every row once, in the same order, sections one behind the
/// other, whatever the size of a page.
pub async fn an_export_has_each_row_once(shop: &Shop) {
    furnish(shop).await;
    let storage = shop.storage();
    let rows = walk(&*storage, PAGE_LIMIT).await;
    let sections: Vec<_> = rows.iter().filter_map(Section::of).collect();
    assert_eq!(sections.len(), rows.len());
    assert!(sections.is_sorted());
    let has = |section| sections.contains(&section);
    assert!(
        Section::ALL.into_iter().all(has),
        "a furnished shop has some of everything"
    );
    let mut names: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
    names.sort_unstable();
    names.dedup();
    let alike = 1; // The two kept deposits are alike but for their keys; the ledger has them twice.
    assert_eq!(names.len() + alike, rows.len());
    for size in 1..=rows.len() + 1 {
        let limit = ExportLimit {
            rows: size,
            bytes: BYTES_MAX,
        };
        assert_eq!(walk(&*storage, limit).await, rows, "pages of {size}");
    }
    let limit = ExportLimit {
        rows: 100,
        bytes: 300,
    };
    assert_eq!(walk(&*storage, limit).await, rows);
}

/// A page ends with the row that reaches its limit of bytes, and has one row at least.
pub async fn an_exported_page_is_bounded_in_bytes(shop: &Shop) {
    shop.with_book().await;
    let mut operation = requests::add_listing(SELLER, STORE, "album", 1, 1);
    let bytes = |last| [&b"GIF89a"[..], &[last; 10_000]].concat();
    let picture = |last| Arc::new(domain::Picture::new(bytes(last)).expect("a picture"));
    operation.pictures = (0..8).map(picture).collect();
    assert_eq!(shop.add_listing(operation).await, done());
    let storage = shop.storage();
    let mut after = Some(ExportCursor::begin(Section::Pictures));
    for _ in 0..4 {
        let limit = ExportLimit {
            rows: 100,
            bytes: 15_000,
        };
        let page = storage.export(after, limit).await.expect("no failure");
        assert_eq!(page.changes.len(), 2);
        assert!(
            page.changes
                .iter()
                .all(|row| Section::of(row) == Some(Section::Pictures))
        );
        assert!(page.rows_expected >= 8);
        after = Some(page.end);
    }
    let limit = ExportLimit {
        rows: 100,
        bytes: 0,
    };
    let page = storage.export(after, limit).await.expect("no failure");
    assert_eq!(
        page.changes.iter().map(Section::of).collect::<Vec<_>>(),
        [Some(Section::Listings)]
    );
}

/// A storage in which nothing was ever stored has one page, without rows; the secret is no row.
pub async fn nothing_has_nothing_to_export(shop: &Shop) {
    assert_eq!(walk(&*shop.storage(), PAGE_LIMIT).await, []);
    shop.storage().secret(SECRET).await.expect("no failure");
    assert_eq!(walk(&*shop.storage(), PAGE_LIMIT).await, []);
    let elsewhere = ModelStorage::new(shop.clock.clone());
    move_all(&*shop.storage(), &elsewhere).await;
}

/// A shop moves out, and is the same elsewhere; here nothing has changed.
pub async fn a_shop_moves_out(shop: &Shop) {
    furnish(shop).await;
    let before = everything(&*shop.storage()).await;
    let elsewhere = ModelStorage::new(shop.clock.clone());
    move_all(&*shop.storage(), &elsewhere).await;
    assert_eq!(everything(&*shop.storage()).await, before);
    assert!(elsewhere.audit().await.expect("no failure").is_clean());
    let secrets = [
        shop.storage().secret([0; 32]).await,
        elsewhere.secret([1; 32]).await,
    ];
    assert_eq!(
        secrets.map(|secret| secret.expect("no failure")),
        [SECRET; 2]
    );
}

/// A shop moves in, and everything is found that was there: by name, in lists, by deadline. It
/// survives a restart.
pub async fn a_shop_moves_in(shop: &Shop) {
    let source = Shop::open(ModelDisk::default()).await;
    let orders = furnish(&source).await;
    move_all(&*source.storage(), &*shop.storage()).await;
    shop.clock.set(source.now());
    shop.reopen().await;
    shop.audit().await;
    for (user, name) in [
        (BUYER, "phone"),
        (SELLER, "a"),
        (STRANGER, "x"),
        ("gone", "x"),
    ] {
        let (here, there) = (
            shop.find_session(user, name),
            source.find_session(user, name),
        );
        assert_eq!(here.await, there.await);
        for party in [OrderParty::Buyer, |user| OrderParty::Seller(user, None)] {
            let party = party(requests::user(user));
            assert_eq!(shop.orders(party.clone()).await, source.orders(party).await);
        }
    }
    for (store, book) in [(STORE, BOOK), (STORE, "novel"), ("second", "novel")] {
        assert_eq!(
            shop.listing(store, book).await,
            source.listing(store, book).await
        );
    }
    for order in orders {
        assert_eq!(shop.order(order).await, source.order(order).await);
    }
    assert_eq!(shop.next_due().await, source.next_due().await);
    assert_eq!(
        shop.storage().secret([1; 32]).await.expect("no failure"),
        SECRET
    );
    source.close().await;
}

/// A shop that has moved in goes on: tokens are good or revoked as before, kept answers come
/// again, every order takes its next step, books are sold and shown, ids are taken.
pub async fn a_shop_goes_on_where_it_moved(shop: &Shop) {
    let source = Shop::open(ModelDisk::default()).await;
    let orders = furnish(&source).await;
    let token = source.log_in(BUYER, "phone").await;
    move_all(&*source.storage(), &*shop.storage()).await;
    shop.clock.set(source.now());
    assert_eq!(shop.run(requests::add_funds(token, 1)).await, done());
    let kept = shop.run(kept_deposit(shop, "k").await).await;
    assert_eq!(kept, Ok(domain::Answer::Kept(Arc::from(&b"k"[..]))));
    let [placed, paid, sent, ..] = orders[..] else {
        panic!("there is an order in every state");
    };
    assert_eq!(shop.pay(BUYER, placed).await, done());
    assert_eq!(shop.send(SELLER, paid).await, done());
    assert_eq!(shop.receive(BUYER, sent).await, done());
    shop.clock.advance(Duration::from_millis(1));
    let order = shop.given_order(BUYER, "second", &[("novel", 1)]).await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    // Another listing with the same text and pictures finds them kept.
    let mut operation = requests::add_listing(SELLER, STORE, "novel again", 1, 1);
    operation.pictures = (1..4).map(picture).collect();
    assert_eq!(shop.add_listing(operation).await, done());
    assert!(shop.run(requests::register("gone")).await.is_err());
    shop.given_user("new").await;
    source.close().await;
}

/// A migration that is interrupted between any two pages goes on where it stopped, after a
/// restart too, and nothing comes twice.
pub async fn an_interrupted_migration_goes_on(shop: &Shop) {
    let source = Shop::open(ModelDisk::default()).await;
    furnish(&source).await;
    let from = source.storage();
    let mut steps = 0;
    let mut moved = 0;
    loop {
        let to = shop.storage();
        let begun = Move::begin(&*from, &*to, PLACE, SECRET, FEW_ROWS).await;
        let mut moving = begun.expect("it begins again");
        assert_eq!(moving.rows_moved(), moved);
        assert!(moving.rows_expected() >= moved);
        let has_more = moving.step().await.expect("it moves");
        moved = moving.rows_moved();
        steps += 1;
        shop.reopen().await;
        if !has_more {
            break;
        }
    }
    let rows = everything(&*from).await;
    assert_eq!(
        (moved, steps),
        (rows.len() as u64, rows.len().div_ceil(FEW_ROWS.rows))
    );
    assert_eq!(everything(&*shop.storage()).await, rows);
    // Looking once more finds nothing to do, and it can be ended.
    move_all(&*from, &*shop.storage()).await;
    source.close().await;
}

fn mark() -> SourceMark {
    SourceMark::new(&SECRET, PLACE)
}

/// The first part of a shop of penniless users.
async fn first_part(names: &[&str]) -> Restore {
    let source = Shop::open(ModelDisk::default()).await;
    for name in names {
        source.given_user(name).await;
    }
    let page = source.storage().export(None, PAGE_LIMIT).await;
    let page = page.expect("no failure");
    source.close().await;
    Restore {
        source: mark(),
        after: None,
        changes: page.changes,
        reached: page.end.to_string().into(),
    }
}

/// A part that is written many times at the same moment is written once; so is one that is written
/// again later because its answer was lost.
pub async fn a_part_is_written_once(shop: &Shop) {
    let part = first_part(&["anna", "bert"]).await;
    let reached = Some(part.reached.clone());
    let outcomes = shop.race(vec![Request::unproved(part.clone()); 4]).await;
    let refused = rule(RestoreRefusal::OutOfStep(reached));
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == done())
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == refused)
            .count(),
        3
    );
    shop.reopen().await;
    assert_eq!(shop.run(Request::unproved(part)).await, refused);
    assert_eq!(add_up(&*shop.storage()).await.sections[0].rows, 2);
    let end = EndMigration { source: mark() };
    assert_eq!(shop.run(Request::unproved(end)).await, done());
}

/// A storage that holds a shop takes no other: neither as a whole nor a row that is there.
pub async fn a_used_storage_takes_no_shop(shop: &Shop) {
    shop.given_user("bert").await;
    let before = everything(&*shop.storage()).await;
    let source = ModelStorage::new(shop.clock.clone());
    let storage = shop.storage();
    let refused = Move::begin(&source, &*storage, PLACE, SECRET, PAGE_LIMIT).await;
    assert!(matches!(
        refused.err(),
        Some(MigrationError::DestinationInUse)
    ));
    let part = first_part(&["anna", "bert"]).await;
    let refusal = RestoreRefusal::RowExists(Key::Account(requests::user("bert")));
    assert_eq!(shop.run(Request::unproved(part)).await, rule(refusal));
    assert_eq!(everything(&*shop.storage()).await, before);
    assert_eq!(
        shop.storage().find_migration().await.expect("no failure"),
        None
    );
}

/// A storage whose secret is in use already takes no shop that has another.
pub async fn a_storage_with_a_secret_takes_no_shop(shop: &Shop) {
    shop.storage().secret([1; 32]).await.expect("no failure");
    let source = ModelStorage::new(shop.clock.clone());
    let storage = shop.storage();
    let refused = Move::begin(&source, &*storage, PLACE, SECRET, PAGE_LIMIT).await;
    assert!(matches!(
        refused.err(),
        Some(MigrationError::DestinationInUse)
    ));
}

/// While one shop moves in, none comes from elsewhere, and what is not whole doesn't move on.
pub async fn one_shop_moves_in_at_a_time(shop: &Shop) {
    let source = Shop::open(ModelDisk::default()).await;
    for name in ["anna", "bert"] {
        source.given_user(name).await;
    }
    let limit = ExportLimit { rows: 1, bytes: 1 };
    let from = source.storage();
    let to = shop.storage();
    let begun = Move::begin(&*from, &*to, PLACE, SECRET, limit).await;
    assert!(begun.expect("it begins").step().await.expect("it moves"));
    let other = ModelStorage::new(shop.clock.clone());
    other.secret([1; 32]).await.expect("no failure");
    for (from, place) in [(&*from, "there"), (&other as &dyn Storage, PLACE)] {
        let refused = Move::begin(from, &*to, place, SECRET, limit).await;
        assert!(matches!(refused.err(), Some(MigrationError::OtherSource)));
    }
    let refused = Move::begin(&*to, &other, PLACE, SECRET, limit).await;
    assert!(matches!(
        refused.err(),
        Some(MigrationError::SourceUnfinished)
    ));
    let end = EndMigration {
        source: SourceMark::new(&SECRET, "there"),
    };
    let refused = shop.run(Request::unproved(end)).await;
    assert!(matches!(refused, Err(Refused::Rule(_))), "{refused:?}");
    move_all(&*from, &*to).await;
    source.close().await;
}
