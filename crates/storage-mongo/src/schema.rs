//! The collections, what each document must look like, and the indexes with the queries they serve.
//!
//! Everything is found by `_id` first: users, stores and hashes are their own ids, listings,
//! terminals and kept answers are named by small documents. So every uniqueness rule of the shop
//! is the uniqueness of an `_id`, which MongoDB keeps also on a sharded cluster. What each
//! collection is sharded by, if it is, stands beside it.

use domain::OrderStatus;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::{Acknowledgment, IndexOptions, WriteConcern};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::{OpenError, code_of};

/// Who has an account, with his money. Shard key: `_id`, hashed.
pub(crate) const ACCOUNTS: &str = "accounts";
/// See [`crate::guards`]. Shard key: `_id`, hashed, as its account's.
pub(crate) const GUARDS: &str = "guards";
/// Terminals with a logout of late; few, and gone an hour later. Shard key: `_id`, hashed.
pub(crate) const TERMINALS: &str = "terminals";
/// Sellers' stores. Shard key: `_id`, hashed.
pub(crate) const STORES: &str = "stores";
/// Books in stores: price and stock. Shard key: `_id`, by range: a store's books lie together, so
/// that an order, which is of one store, meets one shard.
pub(crate) const LISTINGS: &str = "listings";
/// What books say, each text once. Shard key: `_id`, by range (hashes spread by themselves).
pub(crate) const TEXTS: &str = "texts";
/// Pictures, each once. Shard key: `_id`, by range.
pub(crate) const PICTURES: &str = "pictures";
/// Orders with their lines. Shard key: `_id`, hashed: ids rise, and a range would take all new
/// orders on one shard.
pub(crate) const ORDERS: &str = "orders";
/// The ledger. Shard key: `_id.of`, hashed: an order's entries lie together.
pub(crate) const ENTRIES: &str = "entries";
/// Answers under clients' keys, for a day. Shard key: `_id`, hashed.
pub(crate) const KEPT_ANSWERS: &str = "kept_answers";
/// Leaky buckets that count failed passwords. Shard key: `_id`, by range (hashes spread by
/// themselves).
pub(crate) const BUCKETS: &str = "buckets";
/// The server's secret. Not sharded.
pub(crate) const SECRETS: &str = "secrets";
/// What version all this has, and how far a shop that moves in has come. Not sharded.
pub(crate) const META: &str = "meta";

/// A buyer's orders, newest first; whether he has open ones. States are filtered: a history of one
/// buyer is short.
pub(crate) const ORDERS_OF_BUYER: &str = "orders_of_buyer";
/// A store's orders, newest first, in one state or merged from all; whether it has open ones. A
/// seller's are those of his stores. Each index that holds the state is written by every verb, in
/// a transaction at three times the price, so there is one.
pub(crate) const ORDERS_OF_STORE: &str = "orders_of_store";
/// Which order's deadline comes next; orders without one are not in it.
pub(crate) const ORDERS_WITH_DEADLINE: &str = "orders_with_deadline";

/// The newest listings of all stores.
pub(crate) const LISTINGS_BY_AGE: &str = "listings_by_age";
/// A store's listings, newest first.
pub(crate) const LISTINGS_OF_STORE: &str = "listings_of_store";
/// What is off a store's shelves, newest first.
pub(crate) const LISTINGS_OFF_SHELF: &str = "listings_off_shelf";
/// The stores that list a book, oldest first.
pub(crate) const LISTINGS_OF_BOOK: &str = "listings_of_book";
/// A book's offers, in stock and cheap first.
pub(crate) const LISTINGS_AS_OFFERS: &str = "listings_as_offers";
/// A seller's stores.
pub(crate) const STORES_OF_OWNER: &str = "stores_of_owner";
/// What moved a user's money, newest first.
pub(crate) const ENTRIES_OF_USER: &str = "entries_of_user";

/// The version of everything below.
const VERSION: i64 = 4;
const VERSION_ID: &str = "schema";

const NAMESPACE_EXISTS: i32 = 48;
const NOT_AUTHORISED: i32 = 13;

#[derive(Debug, Serialize, Deserialize)]
struct VersionDocument {
    #[serde(rename = "_id")]
    id: String,
    version: i64,
}

/// Whether there is a shop, of whatever version.
pub(crate) async fn exists(deployment: &Deployment) -> Result<bool, OpenError> {
    Ok(find_version(deployment).await?.is_some())
}

async fn find_version(deployment: &Deployment) -> Result<Option<i64>, OpenError> {
    let meta = deployment.collection::<VersionDocument>(META);
    let found = meta.find_one(doc! { "_id": VERSION_ID }).await;
    let found = found.map_err(|source| failed(deployment, source))?;
    Ok(found.map(|found| found.version))
}

fn failed(deployment: &Deployment, source: Error) -> OpenError {
    let database = deployment.database.name().to_owned();
    match code_of(&source) {
        Some(NOT_AUTHORISED) => OpenError::NotAllowed { database, source },
        _ => OpenError::Failed { database, source },
    }
}

/// Makes what is missing. Several processes may do so at once, and one that died halfway is made
/// up for: the version is written last.
pub(crate) async fn bring_up_to_date(deployment: &Deployment) -> Result<(), OpenError> {
    let failed = |source: Error| failed(deployment, source);
    match find_version(deployment).await? {
        Some(VERSION) => return Ok(()),
        Some(found) if found > VERSION => {
            return Err(OpenError::NewerSchema {
                database: deployment.database.name().to_owned(),
                found,
                known: VERSION,
            });
        }
        _ => {}
    }
    for collection in collections() {
        create(deployment, collection).await.map_err(failed)?;
    }
    for (collection, index) in indexes() {
        let collection = deployment.collection::<Document>(collection);
        collection.create_index(index).await.map_err(failed)?;
    }
    fill_in(deployment).await.map_err(failed)?;
    // Whatever another process has brought it to stays.
    let version = doc! { "$max": { "version": VERSION } };
    let keeping = deployment
        .collection::<VersionDocument>(META)
        .update_one(doc! { "_id": VERSION_ID }, version)
        .upsert(true)
        .await;
    match keeping {
        // Another process came first with the same.
        Err(error) if code_of(&error) == Some(11_000) => Ok(()),
        kept => kept.map(drop).map_err(failed),
    }
}

async fn create(deployment: &Deployment, collection: Shape) -> mongodb::error::Result<()> {
    let Shape {
        name,
        required,
        optional,
        either,
    } = collection;
    let names: Vec<&String> = required.keys().collect();
    let mut schema = doc! { "bsonType": "object", "required": names };
    let mut properties = required;
    properties.extend(optional);
    schema.insert("properties", properties);
    if !either.is_empty() {
        schema.insert("anyOf", either);
    }
    let validator = doc! { "$jsonSchema": schema };
    let creating = deployment.database.create_collection(name);
    match creating.validator(validator.clone()).await {
        Err(error) if code_of(&error) == Some(NAMESPACE_EXISTS) => {
            replace_validator(deployment, name, validator).await
        }
        created => created,
    }
}

/// Tells a collection that an earlier version made what its documents look like now. That needs
/// more than the right to read and write, and the program works without.
async fn replace_validator(
    deployment: &Deployment,
    name: &str,
    validator: Document,
) -> mongodb::error::Result<()> {
    let command = doc! { "collMod": name, "validator": validator };
    match deployment.database.run_command(command).await {
        Err(error) if code_of(&error) == Some(NOT_AUTHORISED) => {
            tracing::warn!(
                collection = name,
                "the rules of an older version stay, since this user may not change them; hint: \
                 start once as a user with the role `dbAdmin` too"
            );
            Ok(())
        }
        replaced => replaced.map(drop),
    }
}

/// Gives documents of earlier versions the fields that they lack. Nobody else may be writing with
/// such a version meanwhile.
async fn fill_in(deployment: &Deployment) -> mongodb::error::Result<()> {
    // A million listings may take their members longer than an operation may last.
    let majority = WriteConcern::builder().w(Acknowledgment::Majority).build();
    let listings = deployment.collection::<Document>(LISTINGS);
    let is_in_stock = doc! { "$set": { "in_stock": { "$gt": ["$stock", 0_i64] } } };
    let filling =
        listings.update_many(doc! { "in_stock": { "$exists": false } }, vec![is_in_stock]);
    filling.write_concern(majority).await.map(drop)
}

/// What a collection's documents must look like. It keeps out what no version of this program
/// writes: another program's fields, money in floats, stock below zero.
struct Shape {
    name: &'static str,
    required: Document,
    optional: Document,
    /// Of these one must fit, if there are any.
    either: Vec<Document>,
}

fn is(kind: &str) -> Document {
    doc! { "bsonType": kind }
}

fn amount() -> Document {
    doc! { "bsonType": "long", "minimum": 0_i64 }
}

fn named(parts: &[&str]) -> Document {
    let properties: Document = parts
        .iter()
        .map(|part| ((*part).to_owned(), is("string").into()))
        .collect();
    doc! { "bsonType": "object", "required": parts.to_vec(), "properties": properties }
}

fn collections() -> Vec<Shape> {
    let shape = |name, required| Shape {
        name,
        required,
        optional: Document::new(),
        either: Vec::new(),
    };
    vec![
        shape(
            ACCOUNTS,
            doc! {
                "_id": is("string"), "password_hash": is("string"), "epoch": is("long"),
                "registered_at": is("date"), "is_closed": is("bool"), "is_used": is("bool"),
                "balance": amount(), "held": amount(),
            },
        ),
        shape(GUARDS, doc! { "_id": is("string"), "raised": is("long") }),
        shape(
            TERMINALS,
            doc! {
                "_id": named(&["user", "name"]), "generation": is("long"), "forget_at": is("date"),
            },
        ),
        shape(
            STORES,
            doc! {
                "_id": is("string"), "owner": is("string"), "is_open": is("bool"),
                "created_at": is("date"),
            },
        ),
        Shape {
            name: LISTINGS,
            required: doc! {
                "_id": named(&["store", "book"]), "price": amount(), "stock": amount(),
                "added": is("long"), "text": is("binData"), "title": is("string"),
                "pictures": is("array"), "is_listed": is("bool"), "listed_at": is("date"),
                "in_stock": is("bool"),
            },
            // `doors` is what versions up to 3 raised when a store was closed.
            optional: doc! { "doors": is("long"), "edits": is("long") },
            either: [
                (true, doc! { "minimum": 1_i64 }),
                (false, doc! { "maximum": 0_i64 }),
            ]
            .map(|(is_so, stock)| {
                doc! { "properties": { "in_stock": { "enum": [is_so] }, "stock": stock } }
            })
            .to_vec(),
        },
        shape(
            TEXTS,
            doc! { "_id": is("binData"), "title": is("string"), "tags": is("array") },
        ),
        shape(
            PICTURES,
            doc! { "_id": is("binData"), "bytes": is("binData") },
        ),
        orders(),
        shape(
            ENTRIES,
            doc! {
                "_id": doc! { "bsonType": "object", "required": ["of", "kind"] }, "at": is("date"),
                "postings": doc! { "bsonType": "array", "minItems": 2, "maxItems": 2 },
            },
        ),
        shape(
            KEPT_ANSWERS,
            doc! {
                "_id": named(&["user", "endpoint", "key"]), "fingerprint": is("binData"),
                "answer": is("binData"), "kept_at": is("date"),
            },
        ),
        shape(
            BUCKETS,
            doc! { "_id": is("binData"), "empty_at": is("date") },
        ),
        shape(
            SECRETS,
            doc! { "_id": is("string"), "value": is("binData") },
        ),
    ]
}

fn orders() -> Shape {
    Shape {
        name: ORDERS,
        required: doc! {
            "_id": is("binData"), "buyer": is("string"), "seller": is("string"),
            "store": is("string"), "total": amount(), "lines": is("array"),
            "state": doc! { "enum": OrderStatus::ALL.map(OrderStatus::as_str).to_vec() },
        },
        optional: doc! {
            "deadline": is("date"), "paid_at": is("date"), "sent_at": is("date"),
            "received_at": is("date"), "cancelled_at": is("date"), "address": is("object"),
            "tracking": is("string"),
        },
        either: Vec::new(),
    }
}

/// The indexes beside each `_id`. Each is one more thing for every order to write, so none is
/// here that no query needs.
fn indexes() -> Vec<(&'static str, IndexModel)> {
    let index = |name: &str, keys: Document, partial: Option<Document>| {
        let options = IndexOptions::builder()
            .name(name.to_owned())
            .partial_filter_expression(partial)
            .build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    let listed = || Some(doc! { "is_listed": true });
    let with_deadline = Some(doc! { "deadline": { "$exists": true } });
    let by_deadline = doc! { "deadline": 1, "_id": 1 };
    vec![
        (
            ORDERS,
            index(ORDERS_OF_BUYER, doc! { "buyer": 1, "_id": -1 }, None),
        ),
        (
            ORDERS,
            index(
                ORDERS_OF_STORE,
                doc! { "store": 1, "state": 1, "_id": -1 },
                None,
            ),
        ),
        (
            ORDERS,
            index(ORDERS_WITH_DEADLINE, by_deadline, with_deadline),
        ),
        (
            LISTINGS,
            index(
                LISTINGS_BY_AGE,
                doc! { "listed_at": 1, "_id.store": 1, "_id.book": 1 },
                listed(),
            ),
        ),
        (
            LISTINGS,
            index(
                LISTINGS_OF_STORE,
                doc! { "_id.store": 1, "listed_at": 1, "_id.book": 1 },
                listed(),
            ),
        ),
        (
            LISTINGS,
            index(
                LISTINGS_OFF_SHELF,
                doc! { "_id.store": 1, "listed_at": 1, "_id.book": 1 },
                Some(doc! { "is_listed": false }),
            ),
        ),
        (
            LISTINGS,
            index(
                LISTINGS_OF_BOOK,
                doc! { "_id.book": 1, "listed_at": 1, "_id.store": 1 },
                listed(),
            ),
        ),
        // An order writes it only with the last copy of a book.
        (
            LISTINGS,
            index(
                LISTINGS_AS_OFFERS,
                doc! { "_id.book": 1, "text": 1, "in_stock": -1, "price": 1, "_id.store": 1 },
                listed(),
            ),
        ),
        (
            ENTRIES,
            index(
                ENTRIES_OF_USER,
                doc! { "postings.user": 1, "at": 1, "_id": 1 },
                None,
            ),
        ),
        // A seller's stores: those that close with him, and those whose orders are his.
        (STORES, index(STORES_OF_OWNER, doc! { "owner": 1 }, None)),
        // Which answers, terminals and buckets may be dropped by now.
        (
            KEPT_ANSWERS,
            index("kept_answers_to_forget", doc! { "kept_at": 1 }, None),
        ),
        (
            TERMINALS,
            index("terminals_to_forget", doc! { "forget_at": 1 }, None),
        ),
        (
            BUCKETS,
            index("buckets_to_forget", doc! { "empty_at": 1 }, None),
        ),
    ]
}
