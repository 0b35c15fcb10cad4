//! What the server acknowledged: the auditor asks afterwards whether all of it is there, and
//! nothing twice.

use std::fmt;
use std::time::Instant;

/// An order's id. Most are UUIDs, and there may be millions of them, so those take 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OrderName {
    Uuid(u128),
    Other(Box<str>),
}

impl From<&str> for OrderName {
    fn from(text: &str) -> Self {
        match parse_uuid(text) {
            Some(number) => Self::Uuid(number),
            None => Self::Other(text.into()),
        }
    }
}

/// A UUID in the one way of writing it that is written back the same.
fn parse_uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut number = 0_u128;
    for (index, byte) in text.bytes().enumerate() {
        let digit = match (index, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    Some(number)
}

impl fmt::Display for OrderName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => to.write_str(text),
            Self::Uuid(number) => {
                let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
                let (a, b, c) = (part(96, 32), part(80, 16), part(64, 16));
                let (d, e) = (part(48, 16), part(0, 48));
                write!(to, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
            }
        }
    }
}

/// The states of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Placed,
    Paid,
    Sent,
    Received,
    Cancelled,
}

impl State {
    /// Its name in histories.
    pub fn name(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An order that was acknowledged, and how far it came.
#[derive(Debug, Clone)]
pub struct OrderRecord {
    pub name: OrderName,
    pub buyer: u32,
    /// From which its basket follows.
    pub basket_seed: u64,
    /// The last state that was acknowledged.
    pub state: State,
    /// Where the last answer got lost: the state that the order may be in as well.
    pub perhaps: Option<State>,
    /// When it was acknowledged.
    pub placed: Instant,
}

/// An order whose answer got lost: it may have been placed or not.
#[derive(Debug, Clone, Copy)]
pub struct LostOrder {
    pub buyer: u32,
    pub basket_seed: u64,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Journal {
    pub orders: Vec<OrderRecord>,
    pub lost: Vec<LostOrder>,
}

impl Journal {
    pub fn add(&mut self, mut other: Self) {
        self.orders.append(&mut other.orders);
        self.lost.append(&mut other.lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_named_as_the_server_named_it() {
        for text in [
            "018cc251-f400-7c3e-a1d2-5b8e7f60c9aa",
            "00000000-0000-0000-0000-00000000000f",
            "018CC251-F400-7C3E-A1D2-5B8E7F60C9AA",
            "buyer_store_1",
            "018cc251f400-7c3e-a1d2-5b8e7f60c9aa-x",
        ] {
            assert_eq!(OrderName::from(text).to_string(), text);
        }
        let uuid = OrderName::from("018cc251-f400-7c3e-a1d2-5b8e7f60c9aa");
        assert!(matches!(uuid, OrderName::Uuid(_)));
    }
}
