//! Opening a deployment: each reason against it is its own sentence, with what mends it.

use std::sync::Arc;

use domain::Clock;
use mongodb::bson::doc;
use storage::Storage;
use storage::conformance::clock::ManualClock;
use storage_mongo::{MongoStorage, OpenError};

use crate::server::{Kind, Server, database, find_mongod, fresh_name, shared};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

async fn error_of(url: &str) -> OpenError {
    match MongoStorage::open(url, clock()).await {
        Ok(_) => panic!("`{url}` opens"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_must_name_a_database() {
    let error = error_of("mongodb://127.0.0.1:1/?replicaSet=rs0").await;
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("mongodb://127.0.0.1:1/bookstore?replicaSet=rs0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_must_be_readable() {
    let error = error_of("postgres://127.0.0.1/bookstore").await;
    assert!(matches!(error, OpenError::Url(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers() {
    let error = error_of("mongodb://127.0.0.1:1/bookstore?replicaSet=rs0").await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("no MongoDB answers at `127.0.0.1:1`\nhint: ")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_server_is_refused_with_what_mends_it() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Standalone).await;
    let host = format!("127.0.0.1:{}", server.port);
    for url in [server.url("shop"), format!("mongodb://{host}/shop")] {
        let error = error_of(&url).await;
        assert!(matches!(error, OpenError::Standalone { .. }), "{error:?}");
        let words = error.to_string();
        assert!(words.contains("--replSet rs0"), "{words}");
        let line =
            format!("rs.initiate({{_id: \"rs0\", members: [{{_id: 0, host: \"{host}\"}}]}})");
        assert!(words.contains(&line), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_set_must_be_initiated() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Uninitiated).await;
    for url in [
        server.url("shop"),
        format!("mongodb://127.0.0.1:{}/shop", server.port),
    ] {
        let error = error_of(&url).await;
        assert!(matches!(error, OpenError::NotInitiated { .. }), "{error:?}");
        assert!(error.to_string().contains("rs.initiate("), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_set_has_one_name() {
    let Some(server) = shared() else { return };
    let url = format!("mongodb://127.0.0.1:{}/shop?replicaSet=other", server.port);
    let error = error_of(&url).await;
    assert!(
        matches!(error, OpenError::OtherReplicaSet { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("hint: write `replicaSet=rs0` in the address")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_replica_set_may_be_left_out() {
    let Some(server) = shared() else { return };
    let url = format!("mongodb://127.0.0.1:{}/{}", server.port, fresh_name());
    let storage = MongoStorage::open(&url, clock())
        .await
        .expect("the engine opens");
    storage.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_have_passwords_and_rights() {
    let Some(mongod) = find_mongod() else { return };
    let server = Server::start(&mongod, Kind::Guarded).await;
    let url = |user: &str, name: &str| {
        let host = format!("127.0.0.1:{}", server.port);
        format!("mongodb://{user}@{host}/{name}?replicaSet=rs0&authSource=admin")
    };
    let error = error_of(&url("root:wrong", "shop")).await;
    assert!(matches!(error, OpenError::WrongPassword(_)), "{error:?}");

    let root = mongodb::Client::with_uri_str(url("root:secret", "admin"))
        .await
        .expect("a client");
    let role = |role: &str| doc! { "role": role, "db": "shop" };
    for (user, role) in [("reader", role("read")), ("writer", role("readWrite"))] {
        let create = doc! { "createUser": user, "pwd": "secret", "roles": [role] };
        root.database("admin")
            .run_command(create)
            .await
            .expect("root may make users");
    }
    for (user, name) in [("reader:secret", "shop"), ("writer:secret", "other")] {
        let error = error_of(&url(user, name)).await;
        assert!(matches!(error, OpenError::NotAllowed { .. }), "{error:?}");
        let words = error.to_string();
        assert!(
            words.contains(&format!("role: \"readWrite\", db: \"{name}\"")),
            "{words}"
        );
    }
    let error = error_of(&server.url("shop")).await;
    assert!(matches!(error, OpenError::NotAllowed { .. }), "{error:?}");

    let opened = MongoStorage::open(&url("writer:secret", "shop"), clock()).await;
    opened
        .expect("reading and writing is enough")
        .close()
        .await
        .expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_left_alone() {
    let Some(server) = shared() else { return };
    let name = fresh_name();
    let meta = database(server, &name).await.collection("meta");
    meta.insert_one(doc! { "_id": "schema", "version": 99_i64 })
        .await
        .expect("it is written");
    let error = error_of(&server.url(&name)).await;
    assert!(
        matches!(error, OpenError::NewerSchema { found: 99, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_start_at_once() {
    let Some(server) = shared() else { return };
    let url = server.url(&fresh_name());
    let starting = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { MongoStorage::open(&url, clock()).await })
    });
    let starting: Vec<_> = starting.collect();
    let mut secrets = Vec::new();
    for (number, opened) in starting.into_iter().enumerate() {
        let storage = opened.await.expect("no panic").expect("the engine opens");
        let candidate = [u8::try_from(number).expect("there are few"); 32];
        secrets.push(storage.secret(candidate).await.expect("a secret"));
        storage.close().await.expect("it closes");
    }
    assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
}
