//! Values as BSON keeps them: ids as strings, hashes and order ids as binary, moments as dates.

use domain::{BookId, OrderId, StoreId, TerminalName, Timestamp, UserId};
use mongodb::bson::{Binary, Bson, DateTime, spec::BinarySubtype};

use crate::error::{Stored, damaged};

/// Bytes as BSON keeps them. Equal lengths sort by their bytes.
pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Binary {
    Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.into(),
    }
}

/// An order's id; later orders sort behind earlier ones.
pub(crate) fn order_binary(order: OrderId) -> Binary {
    binary(order.to_bytes())
}

/// The same where a filter wants it.
pub(crate) fn order_bson(order: OrderId) -> Bson {
    Bson::Binary(order_binary(order))
}

/// A moment.
pub(crate) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis())
}

/// A moment as it was kept.
pub(crate) fn time(date: DateTime) -> Timestamp {
    Timestamp::from_millis(date.timestamp_millis())
}

pub(crate) fn read_user(text: String, doing: &'static str) -> Stored<UserId> {
    UserId::new(text).map_err(|_| damaged("user id", doing))
}

pub(crate) fn read_store(text: String, doing: &'static str) -> Stored<StoreId> {
    StoreId::new(text).map_err(|_| damaged("store id", doing))
}

pub(crate) fn read_book(text: String, doing: &'static str) -> Stored<BookId> {
    BookId::new(text).map_err(|_| damaged("book id", doing))
}

pub(crate) fn read_terminal(text: String, doing: &'static str) -> Stored<TerminalName> {
    TerminalName::new(text).map_err(|_| damaged("terminal name", doing))
}

/// 16 or 32 bytes as they were kept.
pub(crate) fn read_bytes<const N: usize>(
    binary: &Binary,
    what: &'static str,
    doing: &'static str,
) -> Stored<[u8; N]> {
    binary
        .bytes
        .as_slice()
        .try_into()
        .map_err(|_| damaged(what, doing))
}

pub(crate) fn read_order(binary: &Binary, doing: &'static str) -> Stored<OrderId> {
    read_bytes(binary, "order id", doing).map(OrderId::from_bytes)
}
