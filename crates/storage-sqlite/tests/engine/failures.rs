//! Machinery that does not work: a full disk, a rule that panics, a clock that is set back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Directory, submit};
use domain::order::PayOrderRefusal;
use domain::{
    AddListing, BookText, Key, Picture, Request, Timestamp, WorkingSet, book::BookFields,
};
use storage::conformance::requests;
use storage::conformance::shop::{BOOK, BUYER, PAYMENT_TIMEOUT, SELLER, STORE, Shop, done, rule};
use storage::{ErrorKind, Job, StorageError};

/// A book with a picture of that many bytes.
async fn book(shop: &Shop, name: &str, bytes: usize) -> Request<AddListing> {
    let mut picture = vec![0xFF; bytes];
    picture[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    let picture = Arc::new(Picture::new(picture).expect("it is a JPEG"));
    let listing = requests::add_listing(SELLER, STORE, name, 100, 1);
    Request::proved(
        shop.proof(SELLER).await,
        AddListing {
            pictures: vec![picture],
            ..listing
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_what_fits_is_done_and_what_does_not_never_happened() {
    let mut directory = Directory::new();
    directory.options.file_max_bytes = Some(1 << 20);
    let shop = Shop::open(directory.clone()).await;
    shop.with_book().await;
    let requests = [
        book(&shop, "before", 1_000).await,
        book(&shop, "large", 2 << 20).await,
        book(&shop, "behind", 1_000).await,
    ];
    let gate = shop.hold_up().await;
    let waiting = requests.map(|request| submit(&*shop.storage(), request));
    gate.open();
    let [before, large, behind] = waiting;
    assert_eq!(before.await.expect("answered").expect("it fits"), done());
    let error = large.await.expect("answered").expect_err("it does not fit");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(behind.await.expect("answered").expect("it fits"), done());
    let missing = shop
        .storage()
        .find_listing(&requests::listing(STORE, "large"))
        .await;
    assert_eq!(missing.expect("no failure"), None);
    assert_eq!(shop.stock(STORE, "behind").await, 1);
    let order = shop
        .given_order(BUYER, STORE, &[("before", 1), ("behind", 1)])
        .await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    shop.reopen().await;
    assert_eq!(
        directory.number("SELECT count(*) FROM pictures WHERE length(bytes) > 5000"),
        0
    );
    shop.close().await;
}

/// A rule that breaks.
struct Panicking {
    answers: Arc<Mutex<usize>>,
    is_exclusive: bool,
}

impl Job for Panicking {
    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Account(requests::user(BUYER)));
    }

    fn decide(&mut self, _rows: &mut WorkingSet, _now: Timestamp) -> Result<(), Vec<Key>> {
        panic!("this rule is broken, as the test wants it");
    }

    fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }

    fn answer(self: Box<Self>, _stored: Result<(), StorageError>) {
        *self.answers.lock().expect("nobody panics holding it") += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_undoes_its_batch_and_the_writer_goes_on() {
    let shop = Shop::open(Directory::new()).await;
    shop.with_book().await;
    let (id, proof) = (shop.next_order_id(), shop.proof(BUYER).await);
    let order = requests::place(id, BUYER, STORE, &[(BOOK, 3)]);
    let answers = Arc::new(Mutex::new(0));
    let gate = shop.hold_up().await;
    let lost = submit(&*shop.storage(), Request::proved(proof, order));
    for is_exclusive in [false, true] {
        let job = Panicking {
            answers: answers.clone(),
            is_exclusive,
        };
        shop.storage().submit(Box::new(job)).expect("there is room");
    }
    gate.open();
    // By a lost reply `storage::run` knows that the outcome is unknown.
    lost.await.expect_err("its batch panicked");
    assert_eq!(shop.stock(STORE, BOOK).await, 10);
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 2)]).await;
    assert_eq!(shop.pay(BUYER, order).await, done());
    assert_eq!(shop.stock(STORE, BOOK).await, 8);
    assert_eq!(*answers.lock().expect("nobody panics holding it"), 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_brings_no_deadline_back() {
    let shop = Shop::open(Directory::new()).await;
    shop.with_book().await;
    let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let before = shop.now();
    shop.clock.advance(PAYMENT_TIMEOUT + Duration::from_secs(1));
    assert_eq!(
        shop.pay(BUYER, order).await,
        rule(PayOrderRefusal::NotPlaced(order))
    );
    shop.clock.set(before);
    assert_eq!(
        shop.pay(BUYER, order).await,
        rule(PayOrderRefusal::NotPlaced(order))
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_pictures_go_with_the_last_listing_that_names_them() {
    let directory = Directory::new();
    let shop = Shop::open(directory.clone()).await;
    shop.with_book().await;
    shop.given_store(SELLER, "annex").await;
    let text = |title: &str| {
        let fields = BookFields {
            title: title.to_owned(),
            ..BookFields::default()
        };
        Arc::new(BookText::new(fields).expect("it is short"))
    };
    let with = |mut listing: AddListing, title: &str, pictures: &[u8]| {
        listing.text = text(title);
        listing.pictures = pictures
            .iter()
            .map(|last| requests::picture(*last))
            .collect();
        listing
    };
    let first = with(
        requests::add_listing(SELLER, STORE, "one", 1, 1),
        "shared",
        &[1, 2, 1],
    );
    let second = with(
        requests::add_listing(SELLER, "annex", "one", 1, 1),
        "shared",
        &[2],
    );
    assert_eq!(shop.add_listing(first).await, done());
    assert_eq!(shop.add_listing(second).await, done());
    let count = |sql: &str| directory.number(sql);
    let (texts, pictures) = (
        "SELECT count(*) FROM texts",
        "SELECT count(*) FROM pictures",
    );
    let (texts_before, pictures_before) = (count(texts), count(pictures));
    // The first listing gives up the text and both pictures; the second still has some of them.
    let mut update = requests::update_listing(SELLER, STORE, "one");
    update.patch.title = Some("own".to_owned());
    update.pictures = Some(vec![requests::picture(3)]);
    assert_eq!(shop.update_listing(update.clone()).await, done());
    assert_eq!(
        (count(texts), count(pictures)),
        (texts_before + 1, pictures_before)
    );
    // Twice in one batch: what came in between is nobody's.
    let proof = shop.proof(SELLER).await;
    let again = ["passing", "own"].map(|title| {
        let mut update = update.clone();
        update.patch.title = Some(title.to_owned());
        update.pictures = Some(vec![requests::picture(u8::try_from(title.len()).unwrap())]);
        Request::proved(proof.clone(), update)
    });
    assert_eq!(shop.race(again).await, [done(), done()]);
    assert_eq!(
        (count(texts), count(pictures)),
        (texts_before + 1, pictures_before)
    );
    let mut update = requests::update_listing(SELLER, "annex", "one");
    update.patch.title = Some("own".to_owned());
    update.pictures = Some(Vec::new());
    assert_eq!(shop.update_listing(update).await, done());
    assert_eq!(
        (count(texts), count(pictures)),
        (texts_before, pictures_before - 1)
    );
    shop.close().await;
}
