//! Each question is served by its index: nothing is sorted in memory, and no collection is read
//! from end to end.

use mongodb::bson::{Document, doc};
use storage::conformance::Fixture;
use storage::conformance::clock::ManualClock;

use crate::conformance::Place;
use crate::server::{database, fresh_name, shared};

/// Asks the server how it would answer.
async fn explain(command: Document) -> Option<String> {
    let server = shared()?;
    let name = fresh_name();
    let place = Place(server.url(&name));
    place
        .open(std::sync::Arc::new(ManualClock::default()))
        .await;
    let explaining = doc! { "explain": command, "verbosity": "queryPlanner" };
    let plan = database(server, &name).await.run_command(explaining).await;
    let plan = plan.expect("the question is well-formed");
    let winning = plan
        .get_document("queryPlanner")
        .expect("a plan")
        .get("winningPlan");
    Some(winning.expect("a plan").to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stores_orders_are_merged_from_their_states() {
    let branch = |state: &str| doc! { "store": "s", "seller": "u", "state": state };
    let branches: Vec<Document> = ["placed", "paid", "sent"].map(branch).to_vec();
    let find = doc! {
        "find": "orders", "filter": { "$or": branches }, "sort": { "_id": -1 },
        "hint": "orders_of_store", "limit": 10,
    };
    let Some(plan) = explain(find).await else {
        return;
    };
    assert!(plan.contains("SORT_MERGE"), "{plan}");
    assert!(!plan.contains("\"SORT\""), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyers_orders_come_sorted() {
    let find = doc! {
        "find": "orders",
        "filter": { "$and": [{ "buyer": "u" }, { "$or": [{ "state": "paid" }] }] },
        "sort": { "_id": -1 }, "hint": "orders_of_buyer", "limit": 10,
    };
    let Some(plan) = explain(find).await else {
        return;
    };
    assert!(
        plan.contains("IXSCAN") && !plan.contains("\"SORT\""),
        "{plan}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_come_sorted_from_an_index_of_their_own() {
    for bound in [
        doc! { "$lte": mongodb::bson::DateTime::MAX },
        doc! { "$exists": true },
    ] {
        let find = doc! {
            "find": "orders", "filter": { "deadline": bound },
            "sort": { "deadline": 1, "_id": 1 }, "hint": "orders_with_deadline", "limit": 10,
        };
        let Some(plan) = explain(find).await else {
            return;
        };
        assert!(
            plan.contains("IXSCAN") && !plan.contains("\"SORT\""),
            "{plan}"
        );
    }
}

/// A question for listings, on some shelf behind some place.
fn find_listings(mut filter: Document, way: &str, sort: Document, index: &str) -> Document {
    let strictly = way.trim_end_matches('e');
    if !filter.contains_key("is_listed") {
        filter.insert("is_listed", true);
    }
    filter.insert("listed_at", doc! { way: mongodb::bson::DateTime::MAX });
    let behind = [
        doc! { "listed_at": { strictly: mongodb::bson::DateTime::MAX } },
        doc! { "_id.store": { strictly: "s" } },
        doc! { "_id.store": "s", "_id.book": { strictly: "b" } },
    ];
    filter.insert("$or", behind.to_vec());
    doc! { "find": "listings", "filter": filter, "sort": sort, "hint": index, "limit": 10 }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_come_sorted_by_age() {
    let questions = [
        find_listings(
            doc! {},
            "$lte",
            doc! { "listed_at": -1, "_id.store": -1, "_id.book": -1 },
            "listings_by_age",
        ),
        find_listings(
            doc! { "_id.store": "s" },
            "$lte",
            doc! { "listed_at": -1, "_id.book": -1 },
            "listings_of_store",
        ),
        find_listings(
            doc! { "_id.store": "s", "is_listed": false },
            "$lte",
            doc! { "listed_at": -1, "_id.book": -1 },
            "listings_off_shelf",
        ),
        find_listings(
            doc! { "_id.book": "b" },
            "$gte",
            doc! { "listed_at": 1, "_id.store": 1 },
            "listings_of_book",
        ),
    ];
    for find in questions {
        let Some(plan) = explain(find).await else {
            return;
        };
        assert!(
            plan.contains("IXSCAN") && !plan.contains("\"SORT\""),
            "{plan}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_come_in_stock_and_cheap_first() {
    let rest = [
        doc! { "in_stock": { "$lt": true } },
        doc! { "in_stock": true, "price": { "$gt": 5_i64 } },
        doc! { "in_stock": true, "price": 5_i64, "_id.store": { "$gt": "s" } },
    ];
    for is_first in [true, false] {
        let mut filter = doc! { "is_listed": true, "_id.book": "b", "text": "t" };
        if !is_first {
            filter.insert("$or", rest.to_vec());
        }
        let find = doc! {
            "find": "listings", "filter": filter,
            "sort": { "in_stock": -1, "price": 1, "_id.store": 1 },
            "hint": "listings_as_offers", "limit": 10,
        };
        let Some(plan) = explain(find).await else {
            return;
        };
        assert!(
            plan.contains("IXSCAN") && !plan.contains("\"SORT\""),
            "{plan}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_comes_sorted() {
    let find = doc! {
        "find": "entries", "filter": { "postings.user": "u" },
        "sort": { "at": -1, "_id": -1 }, "hint": "entries_of_user", "limit": 10,
    };
    let Some(plan) = explain(find).await else {
        return;
    };
    assert!(
        plan.contains("IXSCAN") && !plan.contains("\"SORT\""),
        "{plan}"
    );
}
