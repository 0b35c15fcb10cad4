//! How SQLite carries the statements out: every one by an index, and none that sorts or scans
//! what grows.

use rusqlite::Connection;

use crate::{
    accounts, audit, books, browse, buckets, export, feed, idempotency, ledger, listings,
    migrations, orders, schema, stores, terminals,
};

fn database() -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bookstore.db");
    let connection = Connection::open(&path).expect("a database");
    schema::bring_up_to_date(&connection, &path).expect("tables");
    (directory, connection)
}

/// The lines of a statement's plan.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect(sql);
    for parameter in 1..=statement.parameter_count() {
        statement
            .raw_bind_parameter(parameter, 1)
            .expect("a parameter");
    }
    let lines = statement.raw_query().mapped(|row| row.get(3));
    lines.collect::<Result<_, _>>().expect("a plan")
}

#[test]
fn questions_and_loads_search_by_index() {
    let (_directory, connection) = database();
    let mut statements = vec![
        accounts::FIND,
        accounts::FIND_SESSION,
        accounts::FIND_NUMBER,
        accounts::HAS_OPEN_ORDERS,
        accounts::LIST_OPEN_STORES,
        terminals::FIND,
        terminals::FORGET,
        stores::FIND,
        stores::FIND_NUMBER,
        books::FIND_TEXT,
        books::FIND_TEXT_NUMBER,
        books::FIND_PICTURE_NUMBER,
        books::DROP_TEXT,
        books::DROP_PICTURE,
        listings::FIND,
        listings::LIST_PICTURES,
        browse::LIST_STORES,
        browse::LIST_STORES_OF,
        browse::LIST_HIDDEN,
        browse::LIST_OFFERS,
        browse::LIST_NEWEST,
        browse::LIST_OF_STORE,
        browse::LIST_OF_BOOK,
        browse::LIST_POSTINGS,
        orders::FIND,
        orders::FIND_BY_NUMBER,
        orders::FIND_NUMBER,
        orders::LIST_TO_BE_PAID,
        orders::LIST_TO_BE_RECEIVED,
        idempotency::FIND,
        migrations::FIND,
        accounts::LIST_ALL,
        stores::LIST_ALL,
        books::LIST_ALL_TEXTS,
        books::LIST_ALL_PICTURES,
        listings::LIST_ALL,
        listings::FIND_NUMBER,
        orders::LIST_ALL,
        ledger::LIST_ALL,
        idempotency::LIST_ALL,
        terminals::LIST_ALL,
        export::COUNT_ROUGHLY,
        idempotency::FORGET,
        buckets::FIND,
        buckets::FORGET,
        books::FIND_PICTURE,
        feed::HAS_PLACE,
        feed::LIST_BEHIND,
        feed::FORGET,
    ];
    statements.extend(orders::LISTS);
    statements.extend(audit::STATEMENTS);
    for sql in statements {
        for line in plan(&connection, sql) {
            let is_constant = line.starts_with("SCAN CONSTANT ROW");
            assert!(is_constant || !line.starts_with("SCAN"), "{line}\n{sql}");
        }
    }
}

/// A book may have thousands of offers: only those of the page are read, in the index's order.
#[test]
fn offers_are_found_at_their_place_in_the_index() {
    let (_directory, connection) = database();
    let plan = plan(&connection, browse::LIST_OFFERS);
    let index = "SEARCH l USING INDEX listings_as_offers \
                 (book_id=? AND text=? AND (is_sold_out,price)>(?,?))";
    assert!(plan.iter().any(|line| line == index), "{plan:?}");
}

#[test]
fn only_overdue_orders_are_sorted() {
    let (_directory, connection) = database();
    let deadlines = [orders::LIST_TO_BE_PAID, orders::LIST_TO_BE_RECEIVED];
    for sql in orders::LISTS.into_iter().chain(deadlines) {
        let is_sorted = plan(&connection, sql)
            .iter()
            .any(|line| line.contains("TEMP B-TREE"));
        let is_overdue = sql.contains("ORDER BY order_id") && sql.contains("BY orders_to_be_");
        assert_eq!(is_sorted, is_overdue, "{sql}");
    }
}

/// The end is the last row of a table that is walked from there: one step.
#[test]
fn the_feed_is_read_in_its_own_order() {
    let (_directory, connection) = database();
    for sql in [feed::FIND_END, feed::LIST_BEHIND] {
        let plan = plan(&connection, sql);
        let is_sorted = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        assert!(!is_sorted, "{plan:?}\n{sql}");
    }
}

#[test]
fn a_sellers_orders_are_told_apart_within_the_index() {
    let (_directory, connection) = database();
    for sql in orders::LISTS.into_iter().filter(|sql| !sql.contains("?4")) {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|line| line.contains("COVERING INDEX")),
            "{plan:?}\n{sql}"
        );
    }
}

#[test]
fn looking_around_sorts_nothing() {
    let (_directory, connection) = database();
    for sql in [
        browse::LIST_STORES,
        browse::LIST_NEWEST,
        browse::LIST_OF_STORE,
        browse::LIST_OF_BOOK,
        browse::LIST_OFFERS,
        browse::LIST_POSTINGS,
    ] {
        let plan = plan(&connection, sql);
        let is_sorted = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        assert!(!is_sorted, "{plan:?}\n{sql}");
    }
}
