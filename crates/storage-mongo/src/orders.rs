//! Orders, with their lines in the document.

mod questions;

use std::sync::Arc;

use domain::order::Address;
use domain::{
    Count, Fen, Key, Order, OrderId, OrderLine, OrderState, OrderStatus, Price, Timestamp,
    Tracking, WorkingSet,
};
use mongodb::bson::raw::{CStr, cstr};
use mongodb::bson::{Binary, Bson, DateTime, RawBson, RawDocumentBuf, rawdoc};
use serde::{Deserialize, Serialize};

use crate::error::{Stored, damaged};
use crate::schema::ORDERS;
use crate::statements::{Guard, Update};
use crate::transaction::Transaction;
use crate::values::{
    date, order_binary, order_bson, read_book, read_order, read_store, read_user, time,
};

pub(crate) use questions::{find, list, list_due, next_due};

const LOADING: &str = "finding orders";
const SAVING: &str = "writing orders";

#[derive(Debug, Serialize, Deserialize)]
struct AddressDocument {
    name: String,
    phone: String,
    text: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LineDocument {
    book: String,
    title: String,
    count: i64,
    price: i64,
}

/// An order as it is kept. When it was placed stands in its id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OrderDocument {
    #[serde(rename = "_id")]
    pub(crate) id: Binary,
    buyer: String,
    seller: String,
    store: String,
    state: String,
    total: i64,
    /// Before when it is to be paid, or received: what the sweep goes by. Only while it is
    /// placed or sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<AddressDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    lines: Vec<LineDocument>,
}

/// A state's times, as the document spreads them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Times {
    deadline: Option<Timestamp>,
    paid_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    received_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
}

impl Times {
    fn of(state: &OrderState) -> Self {
        let none = Self::default();
        match *state {
            OrderState::Placed { pay_before } => Self {
                deadline: Some(pay_before),
                ..none
            },
            OrderState::Paid { paid_at } => Self {
                paid_at: Some(paid_at),
                ..none
            },
            OrderState::Sent {
                paid_at,
                sent_at,
                receive_by,
            } => Self {
                deadline: Some(receive_by),
                paid_at: Some(paid_at),
                sent_at: Some(sent_at),
                ..none
            },
            OrderState::Received {
                paid_at,
                sent_at,
                received_at,
            } => Self {
                paid_at: Some(paid_at),
                sent_at: Some(sent_at),
                received_at: Some(received_at),
                ..none
            },
            OrderState::Cancelled {
                cancelled_at,
                paid_at,
                sent_at,
            } => Self {
                paid_at,
                sent_at,
                cancelled_at: Some(cancelled_at),
                ..none
            },
        }
    }

    /// The state that these times belong to; `None` where one is missing.
    fn to_state(self, status: OrderStatus) -> Option<OrderState> {
        let Self {
            deadline,
            paid_at,
            sent_at,
            received_at,
            cancelled_at,
        } = self;
        Some(match status {
            OrderStatus::Placed => OrderState::Placed {
                pay_before: deadline?,
            },
            OrderStatus::Paid => OrderState::Paid { paid_at: paid_at? },
            OrderStatus::Sent => OrderState::Sent {
                paid_at: paid_at?,
                sent_at: sent_at?,
                receive_by: deadline?,
            },
            OrderStatus::Received => OrderState::Received {
                paid_at: paid_at?,
                sent_at: sent_at?,
                received_at: received_at?,
            },
            OrderStatus::Cancelled => OrderState::Cancelled {
                cancelled_at: cancelled_at?,
                paid_at,
                sent_at,
            },
        })
    }

    fn fields(&self) -> [(&'static CStr, Option<Timestamp>); 5] {
        [
            (cstr!("deadline"), self.deadline),
            (cstr!("paid_at"), self.paid_at),
            (cstr!("sent_at"), self.sent_at),
            (cstr!("received_at"), self.received_at),
            (cstr!("cancelled_at"), self.cancelled_at),
        ]
    }
}

impl OrderDocument {
    fn of(order: &Order) -> Self {
        let line = |line: &OrderLine| LineDocument {
            book: line.book.as_str().to_owned(),
            title: line.title.as_ref().to_owned(),
            count: line.count.get(),
            price: line.price.get(),
        };
        let address = |address: &Arc<Address>| AddressDocument {
            name: address.name.as_ref().to_owned(),
            phone: address.phone.as_ref().to_owned(),
            text: address.text.as_ref().to_owned(),
        };
        let times = Times::of(&order.state);
        Self {
            id: order_binary(order.id),
            buyer: order.buyer.as_str().to_owned(),
            seller: order.seller.as_str().to_owned(),
            store: order.store.as_str().to_owned(),
            state: order.status().as_str().to_owned(),
            total: order.total.get(),
            deadline: times.deadline.map(date),
            paid_at: times.paid_at.map(date),
            sent_at: times.sent_at.map(date),
            received_at: times.received_at.map(date),
            cancelled_at: times.cancelled_at.map(date),
            address: order.address.as_ref().map(address),
            tracking: order
                .tracking
                .as_ref()
                .map(|tracking| tracking.as_str().to_owned()),
            lines: order.lines.iter().map(line).collect(),
        }
    }

    pub(crate) fn read(self) -> Stored<Order> {
        let state = self.state()?;
        let address = self.address.map(|AddressDocument { name, phone, text }| {
            Address::new(&name, &phone, &text).map(Arc::new)
        });
        let tracking = self.tracking.as_deref().map(Tracking::new).transpose();
        let lines: Stored<Vec<OrderLine>> =
            self.lines.into_iter().map(LineDocument::read).collect();
        Ok(Order {
            id: read_order(&self.id, LOADING)?,
            buyer: read_user(self.buyer, LOADING)?,
            seller: read_user(self.seller, LOADING)?,
            store: read_store(self.store, LOADING)?,
            lines: lines?.into(),
            total: Fen::new(self.total),
            address: address
                .transpose()
                .map_err(|_| damaged("address", LOADING))?,
            tracking: tracking.map_err(|_| damaged("tracking", LOADING))?,
            state,
        })
    }

    fn state(&self) -> Stored<OrderState> {
        let times = Times {
            deadline: self.deadline.map(time),
            paid_at: self.paid_at.map(time),
            sent_at: self.sent_at.map(time),
            received_at: self.received_at.map(time),
            cancelled_at: self.cancelled_at.map(time),
        };
        let status = OrderStatus::parse(&self.state);
        status
            .and_then(|status| times.to_state(status))
            .ok_or_else(|| damaged("order's state", LOADING))
    }
}

impl LineDocument {
    fn read(self) -> Stored<OrderLine> {
        Ok(OrderLine {
            book: read_book(self.book, LOADING)?,
            title: self.title.into(),
            count: Count::new(self.count).map_err(|_| damaged("count", LOADING))?,
            price: Price::new(self.price).map_err(|_| damaged("price", LOADING))?,
        })
    }
}

pub(crate) async fn load(
    transaction: &mut Transaction,
    keys: &[Key],
    rows: &mut WorkingSet,
) -> Stored<()> {
    let named = |key: &Key| match key {
        Key::Order(order) => Some(*order),
        _ => None,
    };
    let mut orders: Vec<OrderId> = keys.iter().filter_map(named).collect();
    orders.sort_unstable();
    if transaction.may_guess {
        let guessed = &mut transaction.guessed.orders;
        transaction.remembered.recall_orders(&mut orders, |order| {
            guessed.insert(order.id);
            rows.orders.load(order.id, Some(order), 0);
        });
    }
    if orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = orders.iter().map(|order| order_bson(*order)).collect();
    let found: Vec<OrderDocument> = transaction.find_by_id(ORDERS, &ids, LOADING).await?;
    for document in found {
        let order = document.read()?;
        rows.orders.load(order.id, Some(Arc::new(order)), 0);
    }
    for order in orders {
        rows.orders.load(order, None, 0);
    }
    Ok(())
}

pub(crate) async fn save(transaction: &mut Transaction, rows: &WorkingSet) -> Stored<()> {
    let mut added = Vec::new();
    let mut updates = Vec::new();
    for (_, entry) in rows.orders.changed() {
        match (entry.saved(), entry.current()) {
            (_, None) => {}
            (None, Some(order)) => added.push(OrderDocument::of(order)),
            (Some(saved), Some(order)) => {
                let is_guess = transaction.guessed.orders.contains(&order.id);
                let guard = if is_guess { guard(saved) } else { Guard::new() };
                updates.push((order.id, guard, changes(saved, order)));
            }
        }
    }
    updates.sort_unstable_by_key(|(id, ..)| *id);
    let named = |(id, guard, update)| Update {
        id: RawBson::Binary(order_binary(id)),
        guard,
        update,
    };
    let updates = updates.into_iter().map(named).collect();
    transaction.update_alike(ORDERS, updates, SAVING).await?;
    transaction.insert(ORDERS, added, SAVING).await
}

/// What makes sure that an order is as it was: its state, since nothing about it changes without
/// that.
fn guard(saved: &Order) -> Guard {
    vec![(cstr!("state"), saved.status().as_str().into())]
}

/// What a verb changes: the state with its times, and the tracking. All payments of a batch say the
/// same.
fn changes(saved: &Order, order: &Order) -> RawDocumentBuf {
    let mut set = rawdoc! { "state": order.status().as_str() };
    let mut unset = RawDocumentBuf::new();
    let (old, new) = (Times::of(&saved.state), Times::of(&order.state));
    for ((name, old), (_, new)) in old.fields().into_iter().zip(new.fields()) {
        match (old, new) {
            (_, Some(time)) if old != new => set.append(name, RawBson::DateTime(date(time))),
            (Some(_), None) => unset.append(name, ""),
            _ => {}
        }
    }
    if let Some(tracking) = &order.tracking
        && saved.tracking != order.tracking
    {
        set.append(cstr!("tracking"), tracking.as_str());
    }
    let mut update = rawdoc! { "$set": set };
    if !unset.is_empty() {
        update.append(cstr!("$unset"), unset);
    }
    update
}
