//! Questions about orders: one, a party's, and those whose deadlines have passed.

use domain::{Order, OrderId, OrderStatus, Timestamp, UserId};
use mongodb::bson::{Binary, DateTime, Document, doc};
use mongodb::options::Hint;
use serde::Deserialize;
use storage::{Due, DueOrder, OrderParty, OrderQuery};

use super::{LOADING, OrderDocument};
use crate::deployment::{Deployment, OPERATION_DEADLINE, in_time};
use crate::error::{Stored, damaged};
use crate::schema::{ORDERS, ORDERS_OF_BUYER, ORDERS_OF_STORE, ORDERS_WITH_DEADLINE};
use crate::stores;
use crate::values::{date, order_bson, read_order, time};

const LISTING: &str = "listing orders";
/// How many orders that are due come in one answer of the server.
const DUE_PER_ANSWER_MAX: u32 = 10_000;
/// Of how many stores the orders are merged in one question, each in up to five states.
const STORES_PER_QUESTION_MAX: usize = 40;

/// The order as it was last written.
pub(crate) async fn find(deployment: &Deployment, order: OrderId) -> Stored<Option<Order>> {
    let filter = doc! { "_id": order_bson(order) };
    let found: Option<OrderDocument> = deployment.find_one(ORDERS, filter, LOADING).await?;
    found.map(OrderDocument::read).transpose()
}

/// A party's orders, newest first.
pub(crate) async fn list(deployment: &Deployment, query: OrderQuery) -> Stored<Vec<Order>> {
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let found = match &query.party {
        OrderParty::Buyer(user) => {
            let mut filter = doc! { "buyer": user.as_str() };
            if query.status.is_some() {
                filter = doc! { "$and": [filter, { "$or": states(&query) }] };
            }
            list_some(deployment, &query, filter, ORDERS_OF_BUYER).await?
        }
        OrderParty::Seller(user, Some(store)) => {
            let party = doc! { "store": store.as_str(), "seller": user.as_str() };
            list_some(
                deployment,
                &query,
                in_stores(&query, [party]),
                ORDERS_OF_STORE,
            )
            .await?
        }
        OrderParty::Seller(user, None) => list_of_seller(deployment, &query, user).await?,
    };
    let order = |document: OrderDocument| document.read().map(|order| order.as_of(query.now));
    found.into_iter().map(order).collect()
}

/// The orders of all of a seller's stores, some stores at a time. Of each part the server returns
/// as many as are wanted of the whole.
async fn list_of_seller(
    deployment: &Deployment,
    query: &OrderQuery,
    user: &UserId,
) -> Stored<Vec<OrderDocument>> {
    let stores = stores::list_of_owner(deployment, user).await?;
    let parties: Vec<Document> = stores
        .iter()
        .map(|store| doc! { "store": store, "seller": user.as_str() })
        .collect();
    if parties.len() <= STORES_PER_QUESTION_MAX {
        let filter = in_stores(query, parties);
        return list_some(deployment, query, filter, ORDERS_OF_STORE).await;
    }
    let (offset, limit) = (query.offset, query.limit.saturating_add(query.offset));
    let query = OrderQuery {
        offset: 0,
        limit,
        ..query.clone()
    };
    let mut found = Vec::new();
    for parties in parties.chunks(STORES_PER_QUESTION_MAX) {
        let filter = in_stores(&query, parties.to_vec());
        found.extend(list_some(deployment, &query, filter, ORDERS_OF_STORE).await?);
        found.sort_unstable_by(|one: &OrderDocument, other| other.id.bytes.cmp(&one.id.bytes));
        found.truncate(limit as usize);
    }
    Ok(found.into_iter().skip(offset as usize).collect())
}

/// The part of a question that one index answers.
async fn list_some(
    deployment: &Deployment,
    query: &OrderQuery,
    mut filter: Document,
    index: &str,
) -> Stored<Vec<OrderDocument>> {
    if filter.get_array("$or").is_ok_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    if let (Some(before), Err(_)) = (query.before, filter.get_array("$or")) {
        filter.insert("_id", doc! { "$lt": order_bson(before) });
    }
    in_time(LISTING, async {
        let mut session = deployment.question().await?;
        let orders = deployment.asked::<OrderDocument>(ORDERS);
        let finding = orders
            .find(filter)
            .hint(Hint::Name(index.to_owned()))
            .sort(doc! { "_id": -1 })
            .skip(u64::from(query.offset))
            .limit(i64::from(query.limit))
            .max_time(OPERATION_DEADLINE);
        let mut cursor = finding.session(&mut session).await?;
        let mut found = Vec::new();
        while cursor.advance(&mut session).await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
    .await
}

/// Each branch names the index's store and one state, so that the branches come sorted and the
/// server only merges them.
fn in_stores(query: &OrderQuery, parties: impl IntoIterator<Item = Document>) -> Document {
    let mut branches = Vec::new();
    for party in parties {
        for state in states(query) {
            let mut branch = party.clone();
            branch.extend(state);
            if let Some(before) = query.before {
                branch.insert("_id", doc! { "$lt": order_bson(before) });
            }
            branches.push(branch);
        }
    }
    doc! { "$or": branches }
}

/// The states that are asked for: what is kept, and what has become of it by its deadline.
fn states(query: &OrderQuery) -> Vec<Document> {
    let now = date(query.now);
    let all = |state: OrderStatus| doc! { "state": state.as_str() };
    let open = |state: OrderStatus| doc! { "state": state.as_str(), "deadline": { "$gt": now } };
    let over = |state: OrderStatus| doc! { "state": state.as_str(), "deadline": { "$lte": now } };
    match query.status {
        None => OrderStatus::ALL.map(all).to_vec(),
        Some(state @ (OrderStatus::Placed | OrderStatus::Sent)) => vec![open(state)],
        Some(state @ OrderStatus::Paid) => vec![all(state)],
        Some(state @ OrderStatus::Received) => vec![all(state), over(OrderStatus::Sent)],
        Some(state @ OrderStatus::Cancelled) => vec![all(state), over(OrderStatus::Placed)],
    }
}

/// What the sweep needs of an order.
#[derive(Debug, Deserialize)]
struct DueDocument {
    #[serde(rename = "_id")]
    id: Binary,
    state: String,
    deadline: DateTime,
}

/// Orders with deadlines that `bound` names, earliest first.
async fn find_due(
    deployment: &Deployment,
    bound: Document,
    limit: u32,
    doing: &'static str,
) -> Stored<Vec<DueDocument>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    in_time(doing, async {
        let mut session = deployment.question().await?;
        let orders = deployment.asked::<DueDocument>(ORDERS);
        let finding = orders
            .find(doc! { "deadline": bound })
            .hint(Hint::Name(ORDERS_WITH_DEADLINE.to_owned()))
            .projection(doc! { "_id": 1, "state": 1, "deadline": 1 })
            .sort(doc! { "deadline": 1, "_id": 1 })
            .limit(i64::from(limit))
            .batch_size(limit.min(DUE_PER_ANSWER_MAX))
            .max_time(OPERATION_DEADLINE);
        let mut cursor = finding.session(&mut session).await?;
        let mut found = Vec::new();
        while cursor.advance(&mut session).await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
    .await
}

/// Orders whose deadlines have passed, earliest first.
pub(crate) async fn list_due(
    deployment: &Deployment,
    now: Timestamp,
    limit: u32,
) -> Stored<Vec<DueOrder>> {
    let doing = "listing orders that are due";
    let found = find_due(deployment, doc! { "$lte": date(now) }, limit, doing).await?;
    let due = |document: DueDocument| {
        let due = match OrderStatus::parse(&document.state) {
            Some(OrderStatus::Placed) => Due::Payment,
            Some(OrderStatus::Sent) => Due::Receipt,
            _ => return Err(damaged("order's state", doing)),
        };
        let order = read_order(&document.id, doing)?;
        Ok(DueOrder {
            order,
            due,
            at: time(document.deadline),
        })
    };
    found.into_iter().map(due).collect()
}

/// The earliest deadline of any order.
pub(crate) async fn next_due(deployment: &Deployment) -> Stored<Option<Timestamp>> {
    let doing = "finding the next deadline";
    let found = find_due(deployment, doc! { "$exists": true }, 1, doing).await?;
    Ok(found.first().map(|document| time(document.deadline)))
}
