//! The feed over a real change stream: it survives what servers do, says where it can't go on, and
//! belongs to one shop.

use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use storage::conformance::shop::{BOOK, BUYER, SELLER, STORE, Shop, done};
use storage::conformance::{ManualClock, requests};
use storage::{ErrorKind, Feed, FeedChange, FeedPosition, Storage, StorageError};
use storage_mongo::MongoStorage;

use crate::conformance::Place;
use crate::failures::Stage;
use crate::server::{Kind, Server, database, find_mongod, fresh_name, shared};

/// A question has 5 s; this is what it takes to notice.
const DEADLINE: Duration = Duration::from_millis(5_500);
/// How long work may take to go on after a failure.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

async fn ask(shop: &Shop, after: &FeedPosition) -> Result<Feed, StorageError> {
    shop.storage().follow(after.clone(), 100).await
}

/// Follows until so many changes have come.
async fn follow(shop: &Shop, from: &FeedPosition, count: usize) -> (Vec<String>, FeedPosition) {
    let start = Instant::now();
    let (mut found, mut place) = (Vec::new(), from.clone());
    while found.len() < count {
        assert!(start.elapsed() < RECOVERY_MAX, "{found:?} and no more came");
        match ask(shop, &place).await {
            Ok(Feed::Changes { changes, end }) => {
                found.extend(changes.into_iter().map(|change| match change {
                    FeedChange::Listing(key) => key.book.to_string(),
                    FeedChange::Store(store) => panic!("`{store}` is open"),
                }));
                place = end;
            }
            Ok(Feed::Lost) => panic!("`{place}` is lost"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
    }
    (found, place)
}

async fn end(shop: &Shop) -> FeedPosition {
    shop.storage().feed_end().await.expect("no failure")
}

async fn fresh_shop() -> Option<(Shop, String)> {
    let server = shared()?;
    let name = fresh_name();
    let shop = Shop::open(Place(server.url(&name))).await;
    shop.with_book().await;
    Some((shop, name))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shops_place_is_lost() {
    let (Some((one, _)), Some((other, _))) = (fresh_shop().await, fresh_shop().await) else {
        return;
    };
    let moment = end(&one).await;
    one.given_listing(STORE, "new", 1, 1).await;
    let (_, token) = follow(&one, &moment, 1).await;
    for place in [moment, token] {
        assert_eq!(ask(&other, &place).await.expect("no failure"), Feed::Lost);
        assert!(matches!(ask(&one, &place).await, Ok(Feed::Changes { .. })));
    }
    one.close().await;
    other.close().await;
}

/// As `mongorestore --drop` does it: what is there afterwards is another history.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_collection_is_the_end_of_every_place() {
    let Some((shop, name)) = fresh_shop().await else {
        return;
    };
    let moment = end(&shop).await;
    shop.given_listing(STORE, "new", 1, 1).await;
    let (_, token) = follow(&shop, &moment, 1).await;
    let listings = database(shared().expect("it was there"), &name)
        .await
        .collection::<Document>("listings");
    let mut found = listings.find(doc! {}).await.expect("no failure");
    let mut kept = Vec::new();
    while found.advance().await.expect("no failure") {
        kept.push(found.deserialize_current().expect("a document"));
    }
    listings.drop().await.expect("dropped");
    listings.insert_many(kept).await.expect("restored");
    // The stream that stands at the first place sees it happen; at the others none is open.
    let start = Instant::now();
    while !matches!(ask(&shop, &token).await, Ok(Feed::Lost)) {
        assert!(start.elapsed() < RECOVERY_MAX, "nobody noticed");
    }
    for place in [&moment, &token] {
        assert_eq!(ask(&shop, place).await.expect("no failure"), Feed::Lost);
    }
    let place = end(&shop).await;
    shop.given_listing(STORE, "newer", 1, 1).await;
    assert_eq!(follow(&shop, &place, 1).await.0, ["newer"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_the_server_has_forgotten_is_lost() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let place = end(&stage.shop).await;
    stage.shop.given_listing(STORE, "new", 1, 1).await;
    let (_, token) = follow(&stage.shop, &place, 1).await;
    for (command, after) in [("aggregate", &place), ("getMore", &token)] {
        let how = doc! {
            "failCommands": [command], "errorCode": 286,
            "errorLabels": ["NonResumableChangeStreamError"],
        };
        stage.fail("alwaysOn", how).await;
        // A stream that was opened anew has not asked for more yet.
        let start = Instant::now();
        let mut after = after.clone();
        loop {
            match ask(&stage.shop, &after).await.expect("no failure") {
                Feed::Lost => break,
                Feed::Changes { end, .. } => after = end,
            }
            assert!(start.elapsed() < RECOVERY_MAX, "nothing was lost");
        }
        stage.recover().await;
    }
    // As long as the server has its history, the place is good.
    assert_eq!(follow(&stage.shop, &place, 1).await.0, ["new"]);
    stage.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_broke_goes_on() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let mut place = end(&stage.shop).await;
    let resumable = "ResumableChangeStreamError";
    for (number, how) in [
        doc! { "closeConnection": true },
        doc! { "errorCode": 43, "errorLabels": [resumable] },
        doc! { "errorCode": 11_602, "errorLabels": [resumable] },
        doc! { "errorCode": 10_107 },
        doc! { "errorCode": 237 },
    ]
    .into_iter()
    .enumerate()
    {
        let mut how = how;
        how.insert("failCommands", vec!["getMore", "aggregate"]);
        let books = [1, 2].map(|half| format!("book-{number}-{half}"));
        stage.shop.given_listing(STORE, &books[0], 1, 1).await;
        stage.fail(doc! { "times": 3 }, how).await;
        let start = Instant::now();
        loop {
            match ask(&stage.shop, &place).await {
                Ok(Feed::Changes { changes, end }) => {
                    place = end;
                    if let [FeedChange::Listing(key)] = &changes[..] {
                        assert_eq!(key.book.as_str(), books[0]);
                        break;
                    }
                    assert_eq!(changes, []);
                }
                Ok(Feed::Lost) => panic!("nothing is lost"),
                Err(_) => assert!(start.elapsed() < RECOVERY_MAX, "it does not go on"),
            }
        }
        stage.recover().await;
        stage.shop.given_listing(STORE, &books[1], 1, 1).await;
        let (found, end) = follow(&stage.shop, &place, 1).await;
        assert_eq!(found, books[1..], "each comes once");
        place = end;
    }
    stage.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn following_does_not_hang() {
    let Some(stage) = Stage::open().await else {
        return;
    };
    let place = end(&stage.shop).await;
    stage.shop.given_listing(STORE, "new", 1, 1).await;
    let (_, token) = follow(&stage.shop, &place, 1).await;
    for (command, after) in [("getMore", &token), ("aggregate", &place)] {
        let how = doc! {
            "failCommands": [command], "blockConnection": true, "blockTimeMS": 7_000,
        };
        stage.fail(doc! { "times": 1 }, how).await;
        let start = Instant::now();
        let asked = ask(&stage.shop, after).await;
        assert!(start.elapsed() < DEADLINE, "it took {:?}", start.elapsed());
        let error = asked.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(follow(&stage.shop, &place, 1).await.0, ["new"]);
    }
    let how = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 7_000 };
    stage.fail(doc! { "times": 1 }, how).await;
    let start = Instant::now();
    let asked = stage.shop.storage().feed_end().await;
    assert!(start.elapsed() < DEADLINE, "it took {:?}", start.elapsed());
    assert_eq!(
        asked.expect_err("nobody answers").kind(),
        ErrorKind::Unavailable
    );
    stage.shop.close().await;
}

/// A primary that steps down ends its streams or not, and is elected again.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_survives_an_election() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Member).await;
    let shop = Shop::open(Place(server.url("shop"))).await;
    shop.with_book().await;
    let mut place = end(&shop).await;
    shop.given_listing(STORE, "first", 1, 1).await;
    place = follow(&shop, &place, 1).await.1;
    let admin = server.direct().await.database("admin");
    for round in 0..3 {
        let books = ["before", "after"].map(|book| format!("{book}-{round}"));
        shop.given_listing(STORE, &books[0], 1, 1).await;
        let command = doc! { "replSetStepDown": 1, "force": true };
        admin.run_command(command).await.expect("it steps down");
        let (found, end) = follow(&shop, &place, 1).await;
        assert_eq!(found, books[..1]);
        let start = Instant::now();
        while shop.storage().feed_end().await.is_err() {
            assert!(start.elapsed() < RECOVERY_MAX, "nobody is elected");
        }
        shop.given_listing(STORE, &books[1], 1, 1).await;
        let (found, end) = follow(&shop, &end, 1).await;
        assert_eq!(found, books[1..]);
        place = end;
    }
    shop.close().await;
}

async fn aggregates(server: &Server) -> i64 {
    let admin = server.direct().await.database("admin");
    let status = admin.run_command(doc! { "serverStatus": 1 }).await;
    let status = status.expect("the server answers");
    let commands = status.get_document("metrics").and_then(|metrics| {
        let commands = metrics.get_document("commands")?;
        commands.get_document("aggregate")?.get_i64("total")
    });
    commands.expect("it counts commands")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_on_keeps_his_stream() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Member).await;
    let shop = Shop::open(Place(server.url("shop"))).await;
    shop.with_book().await;
    let mut place = end(&shop).await;
    let before = aggregates(&server).await;
    for number in 0..30 {
        let book = format!("book-{number}");
        shop.given_listing(STORE, &book, 1, 1).await;
        let order = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
        let until = domain::CancelUntil::Received;
        assert_eq!(shop.cancel(BUYER, order, until).await, done());
        let (found, end) = follow(&shop, &place, 1).await;
        assert_eq!(found, [book]);
        place = end;
    }
    assert_eq!(aggregates(&server).await - before, 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_writes_another_follows() {
    let Some((shop, name)) = fresh_shop().await else {
        return;
    };
    let other = Shop::open(Place(shared().expect("it was there").url(&name))).await;
    for number in 0..20 {
        let books = [0, 1].map(|half| format!("book-{number}-{half}"));
        shop.given_listing(STORE, &books[0], 1, 1).await;
        let place = end(&other).await;
        shop.given_listing(STORE, &books[1], 1, 1).await;
        assert_eq!(follow(&other, &place, 1).await.0, books[1..]);
    }
    other.close().await;
    shop.close().await;
}

/// Makes of a database what version 1 of this program has left.
async fn age(database: &mongodb::Database) {
    let validator = doc! { "$jsonSchema": { "bsonType": "object" } };
    let command = doc! { "collMod": "listings", "validator": validator };
    database.run_command(command).await.expect("no failure");
    let listings = database.collection::<Document>("listings");
    let unset = listings.update_many(doc! {}, doc! { "$unset": { "in_stock": "" } });
    unset.await.expect("no failure");
    let meta = database.collection::<Document>("meta");
    let set = doc! { "$set": { "version": 1_i64 } };
    let updated = meta.update_one(doc! { "_id": "schema" }, set).await;
    assert_eq!(updated.expect("no failure").modified_count, 1);
}

async fn check_in_stock(database: &mongodb::Database) {
    let listings = database.collection::<Document>("listings");
    for (in_stock, stock) in [
        (true, doc! { "$gt": 0_i64 }),
        (false, doc! { "$eq": 0_i64 }),
    ] {
        let counting = listings.count_documents(doc! { "in_stock": in_stock, "stock": stock });
        assert_eq!(counting.await.expect("no failure"), 2);
    }
    let all = listings.count_documents(doc! {}).await;
    assert_eq!(all.expect("no failure"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_1_begins_a_feed() {
    let Some((shop, name)) = fresh_shop().await else {
        return;
    };
    for (book, stock) in [("some", 3), ("none", 0), ("sold", 1)] {
        shop.given_listing(STORE, book, 1, stock).await;
    }
    shop.given_order(BUYER, STORE, &[("sold", 1)]).await;
    let database = database(shared().expect("it was there"), &name).await;
    check_in_stock(&database).await;
    age(&database).await;
    shop.reopen().await;
    check_in_stock(&database).await;
    let meta = database.collection::<Document>("meta");
    let version = meta.find_one(doc! { "_id": "schema" }).await;
    let version = version.expect("no failure").expect("a version");
    assert_eq!(version.get_i64("version").expect("a number"), 4);
    // What version 1 would write is not taken any more.
    let listings = database.collection::<Document>("listings");
    for wrong in [
        doc! { "$unset": { "in_stock": "" } },
        doc! { "$set": { "in_stock": false } },
    ] {
        let id = doc! { "_id": { "store": STORE, "book": "some" } };
        assert!(listings.update_one(id, wrong).await.is_err());
    }
    let place = end(&shop).await;
    assert_eq!(shop.add_stock(SELLER, STORE, "sold", 1).await, done());
    assert_eq!(follow(&shop, &place, 1).await.0, ["sold"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_reads_and_writes_may_follow() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Guarded).await;
    let url = |user: &str| {
        let host = format!("127.0.0.1:{}", server.port);
        format!("mongodb://{user}:secret@{host}/shop?replicaSet=rs0&authSource=admin")
    };
    let root = mongodb::Client::with_uri_str(url("root")).await;
    let root = root.expect("a client");
    let role = doc! { "role": "readWrite", "db": "shop" };
    let create = doc! { "createUser": "writer", "pwd": "secret", "roles": [role] };
    let admin = root.database("admin");
    admin.run_command(create).await.expect("root may");
    let shop = Shop::open(Place(url("writer"))).await;
    shop.with_book().await;
    let place = end(&shop).await;
    shop.given_listing(STORE, "new", 1, 1).await;
    assert_eq!(follow(&shop, &place, 1).await.0, ["new"]);
    // An older version's rules stay then, and the feed works all the same.
    age(&root.database("shop")).await;
    shop.reopen().await;
    let place = end(&shop).await;
    assert_eq!(shop.add_stock(SELLER, STORE, "new", -1).await, done());
    assert_eq!(follow(&shop, &place, 1).await.0, ["new"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_collection_there_is_no_feed() {
    let Some(server) = shared() else { return };
    let name = fresh_name();
    let clock = std::sync::Arc::new(ManualClock::default());
    let storage = MongoStorage::open(&server.url(&name), clock).await;
    let storage = storage.expect("the engine opens");
    let place = storage.feed_end().await.expect("no failure");
    database(server, &name).await.drop().await.expect("dropped");
    let followed = storage.follow(place, 10).await;
    assert_eq!(followed.expect("no failure"), Feed::Lost);
    assert!(storage.feed_end().await.is_err());
    let none = storage.find_listings(vec![requests::listing(STORE, BOOK)]);
    assert_eq!(none.await.expect("no failure"), []);
    storage.close().await.expect("it closes");
}
