//! Lists of orders: whose, in which state, in which order, and page by page.

use std::time::Duration;

use domain::{CancelUntil, Order, OrderId, OrderStatus};

use super::requests::{store, user};
use super::shop::{
    BOOK, BUYER, PAYMENT_TIMEOUT, RECEIPT_TIMEOUT, SELLER, STORE, STRANGER, Shop, done,
};
use crate::port::{OrderParty, OrderQuery};

const A_MOMENT: Duration = Duration::from_millis(1);

fn ids(orders: &[Order]) -> Vec<OrderId> {
    orders.iter().map(|order| order.id).collect()
}

fn buyer() -> OrderParty {
    OrderParty::Buyer(user(BUYER))
}

fn seller(in_store: Option<&str>) -> OrderParty {
    OrderParty::Seller(user(SELLER), in_store.map(store))
}

/// As many orders of the buyer, two in each millisecond, newest first.
async fn given_orders(shop: &Shop, count: usize) -> Vec<OrderId> {
    shop.with_book().await;
    shop.given_listing(STORE, "gift", 0, 1_000).await;
    let mut orders = Vec::new();
    for number in 0..count {
        orders.push(shop.given_order(BUYER, STORE, &[("gift", 1)]).await);
        if number % 2 == 1 {
            shop.clock.advance(A_MOMENT);
        }
    }
    orders.reverse();
    orders
}

/// Orders come newest first, those of one millisecond by their ids, whole as they are stored.
pub async fn orders_come_newest_first(shop: &Shop) {
    let orders = given_orders(shop, 7).await;
    let found = shop.orders(buyer()).await;
    assert_eq!(ids(&found), orders);
    for order in found {
        assert_eq!(order, shop.order(order.id).await);
    }
    assert_eq!(ids(&shop.orders(seller(None)).await), orders);
}

/// The order in which orders were stored does not matter, only their ids do.
pub async fn orders_stored_late_stand_in_their_place(shop: &Shop) {
    shop.with_book().await;
    let mut ids_made: Vec<OrderId> = (0..6).map(|_| shop.next_order_id()).collect();
    for place in [3, 0, 5, 1, 4, 2] {
        let outcome = shop
            .place(ids_made[place], BUYER, STORE, &[(BOOK, 1)])
            .await;
        assert_eq!(outcome, done());
    }
    ids_made.reverse();
    assert_eq!(ids(&shop.orders(buyer()).await), ids_made);
}

/// A limit ends the list, an offset passes over its beginning, and past its end is nothing.
pub async fn orders_come_page_by_page(shop: &Shop) {
    let orders = given_orders(shop, 7).await;
    for (offset, limit) in [
        (0, 3),
        (3, 3),
        (6, 3),
        (7, 3),
        (100, 3),
        (0, 0),
        (2, 1),
        (0, 7),
    ] {
        for party in [buyer(), seller(None), seller(Some(STORE))] {
            let found = shop
                .list(OrderQuery {
                    offset,
                    limit,
                    ..shop.query(party)
                })
                .await;
            let wanted: Vec<OrderId> = orders
                .iter()
                .copied()
                .skip(offset as usize)
                .take(limit as usize)
                .collect();
            assert_eq!(ids(&found), wanted, "offset {offset}, limit {limit}");
        }
    }
}

/// `before` leaves only older orders, whether or not there is such an order; an offset counts
/// from there.
pub async fn orders_before_an_order_are_older(shop: &Shop) {
    let orders = given_orders(shop, 7).await;
    for (place, order) in orders.iter().enumerate() {
        for party in [buyer(), seller(Some(STORE))] {
            let query = OrderQuery {
                before: Some(*order),
                ..shop.query(party)
            };
            assert_eq!(ids(&shop.list(query.clone()).await), orders[place + 1..]);
            let found = shop
                .list(OrderQuery {
                    offset: 1,
                    limit: 2,
                    ..query
                })
                .await;
            let wanted: Vec<OrderId> = orders.iter().copied().skip(place + 2).take(2).collect();
            assert_eq!(ids(&found), wanted);
        }
    }
    let unknown = OrderId::new(orders[2].placed_at(), [0; 10]);
    let query = OrderQuery {
        before: Some(unknown),
        ..shop.query(buyer())
    };
    let older: Vec<OrderId> = orders
        .iter()
        .copied()
        .filter(|order| *order < unknown)
        .collect();
    assert!(!older.is_empty() && older.len() < orders.len());
    assert_eq!(ids(&shop.list(query).await), older);
}

/// Each party sees its own orders and nobody else's; a seller also those of one of his stores.
pub async fn orders_are_listed_for_their_parties(shop: &Shop) {
    shop.with_book().await;
    shop.given_store(SELLER, "second").await;
    shop.given_listing("second", "pen", 1, 9).await;
    shop.given_store(STRANGER, "third").await;
    shop.given_listing("third", "cup", 1, 9).await;
    let first = shop.given_order(BUYER, STORE, &[(BOOK, 1)]).await;
    let second = shop.given_order(STRANGER, "second", &[("pen", 1)]).await;
    let third = shop.given_order(BUYER, "third", &[("cup", 1)]).await;
    let own = shop.given_order(SELLER, STORE, &[(BOOK, 1)]).await;
    let cases = [
        (buyer(), vec![third, first]),
        (OrderParty::Buyer(user(STRANGER)), vec![second]),
        (OrderParty::Buyer(user(SELLER)), vec![own]),
        (seller(None), vec![own, second, first]),
        (seller(Some(STORE)), vec![own, first]),
        (seller(Some("second")), vec![second]),
        (seller(Some("third")), vec![]),
        (seller(Some("nowhere")), vec![]),
        (OrderParty::Seller(user(STRANGER), None), vec![third]),
        (OrderParty::Seller(user(BUYER), None), vec![]),
        (OrderParty::Seller(user(BUYER), Some(store(STORE))), vec![]),
    ];
    for (party, wanted) in cases {
        assert_eq!(ids(&shop.orders(party.clone()).await), wanted, "{party:?}");
    }
}

/// A state leaves only the orders in it, and limits and offsets count these alone.
pub async fn orders_are_listed_by_state(shop: &Shop) {
    shop.with_book().await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        for status in OrderStatus::ALL {
            orders.push((shop.given_order_in(status).await, status));
        }
    }
    orders.reverse();
    for status in OrderStatus::ALL {
        let of_it = orders.iter().filter(|(_, found)| *found == status);
        let wanted: Vec<OrderId> = of_it.map(|(order, _)| *order).collect();
        for party in [buyer(), seller(None), seller(Some(STORE))] {
            let query = OrderQuery {
                status: Some(status),
                ..shop.query(party)
            };
            assert_eq!(ids(&shop.list(query.clone()).await), wanted, "{status:?}");
            let second = shop
                .list(OrderQuery {
                    offset: 1,
                    limit: 1,
                    ..query.clone()
                })
                .await;
            assert_eq!(ids(&second), wanted[1..], "{status:?}");
            let before = Some(wanted[0]);
            let older = shop.list(OrderQuery { before, ..query }).await;
            assert_eq!(ids(&older), wanted[1..], "{status:?}");
        }
    }
}

/// From its deadline on an order is listed as what it has become, whether or not the sweep has
/// come by: as cancelled or received, at the deadline, and no longer as placed or sent.
pub async fn orders_are_listed_as_of_now(shop: &Shop) {
    shop.with_book().await;
    let sent = shop.given_order_in(OrderStatus::Sent).await;
    let other = shop.given_order_in(OrderStatus::Sent).await;
    assert_eq!(shop.receive(BUYER, other).await, done());
    shop.clock.advance(RECEIPT_TIMEOUT - PAYMENT_TIMEOUT);
    let placed = shop.given_order_in(OrderStatus::Placed).await;
    let gone = shop.given_order_in(OrderStatus::Placed).await;
    assert_eq!(shop.cancel(BUYER, gone, CancelUntil::Sent).await, done());
    let by_status = async |moment| {
        let mut found = Vec::new();
        for status in OrderStatus::ALL {
            let query = OrderQuery {
                status: Some(status),
                now: moment,
                ..shop.query(seller(None))
            };
            found.push(ids(&shop.list(query.clone()).await));
            let query = OrderQuery {
                party: buyer(),
                ..query
            };
            assert_eq!(Some(&ids(&shop.list(query).await)), found.last());
        }
        found
    };
    let deadline = shop.now().plus(PAYMENT_TIMEOUT);
    let before = [vec![placed], vec![], vec![sent], vec![other], vec![gone]];
    assert_eq!(by_status(deadline.minus(A_MOMENT)).await, before);
    let after = [
        vec![],
        vec![],
        vec![],
        vec![other, sent],
        vec![gone, placed],
    ];
    assert_eq!(by_status(deadline).await, after);

    shop.clock.set(deadline);
    for order in shop.orders(buyer()).await {
        assert_eq!(order, shop.order(order.id).await.as_of(deadline));
    }
    assert_eq!(shop.expire(placed).await, done());
    assert_eq!(shop.conclude(sent).await, done());
    assert_eq!(
        by_status(deadline).await,
        after,
        "the sweep changes nothing that is seen"
    );
}

/// A long history can be walked with `before`, in any state, without gap or repetition.
pub async fn a_long_history_can_be_walked(shop: &Shop) {
    let orders = given_orders(shop, 50).await;
    for (place, order) in orders.iter().enumerate() {
        if place.is_multiple_of(3) {
            assert_eq!(shop.cancel(BUYER, *order, CancelUntil::Sent).await, done());
        }
    }
    for status in [
        None,
        Some(OrderStatus::Placed),
        Some(OrderStatus::Cancelled),
    ] {
        let mut walked = Vec::new();
        let mut query = OrderQuery {
            status,
            limit: 7,
            ..shop.query(buyer())
        };
        loop {
            let page = ids(&shop.list(query.clone()).await);
            let Some(last) = page.last() else { break };
            query.before = Some(*last);
            walked.extend(page);
            assert!(walked.len() <= orders.len(), "the walk goes in circles");
        }
        let is_wanted = |place: usize| match status {
            Some(OrderStatus::Placed) => !place.is_multiple_of(3),
            Some(_) => place.is_multiple_of(3),
            None => true,
        };
        let wanted = orders
            .iter()
            .enumerate()
            .filter(|(place, _)| is_wanted(*place));
        let wanted: Vec<OrderId> = wanted.map(|(_, order)| *order).collect();
        assert_eq!(walked, wanted, "{status:?}");
    }
}
