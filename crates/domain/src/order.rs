//! Orders: their states, and the verbs that move them from one to the next.
//!
//! The states and who may do what when are the table under Buyer 2 of the contract. A deadline
//! counts from its very instant: every rule looks at the order [`Order::as_of`] now, in which an
//! unpaid order past its deadline *is* cancelled, whether or not the sweep has come by.

mod deadlines;
mod place;
mod verbs;

use std::sync::Arc;

use crate::account::Account;
use crate::ids::{BookId, OrderId, StoreId, UserId};
use crate::ledger::{EntryKind, LedgerAccount, Transfer};
use crate::listing::{Listing, ListingKey};
use crate::money::{Count, Fen, Price};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

pub use deadlines::{ConcludeOrder, ExpireOrder, NotDue};
pub use place::{Basket, InvalidBasket, PlaceOrder, PlaceOrderRefusal};
pub use verbs::{
    CancelOrder, CancelOrderRefusal, CancelUntil, PartyRefusal, PayOrder, PayOrderRefusal,
    ReceiveOrder, ReceiveOrderRefusal, SendOrder, SendOrderRefusal,
};

/// How many different books an order may have.
pub const ORDER_LINES_MAX: usize = 1_000;
/// The limit of an address's name and phone, and of a tracking text, in characters.
pub const CONTACT_MAX_CHARACTERS: usize = 255;
/// The limit of an address's text, in characters.
pub const ADDRESS_TEXT_MAX_CHARACTERS: usize = 1_000;

/// A text of an address or a tracking that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {max} characters")]
pub struct TextTooLong {
    /// How many characters it may have.
    pub max: usize,
}

fn at_most(text: &str, max: usize) -> Result<Arc<str>, TextTooLong> {
    if text.chars().count() > max {
        Err(TextTooLong { max })
    } else {
        Ok(text.into())
    }
}

/// Where an order goes. Its two parties see it, nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Who receives it.
    pub name: Arc<str>,
    /// Under which number to ask.
    pub phone: Arc<str>,
    /// The place.
    pub text: Arc<str>,
}

impl Address {
    /// Takes an address within the limits.
    ///
    /// # Errors
    /// The field that is too long, and its limit.
    pub fn new(name: &str, phone: &str, text: &str) -> Result<Self, (&'static str, TextTooLong)> {
        Ok(Self {
            name: at_most(name, CONTACT_MAX_CHARACTERS).map_err(|why| ("name", why))?,
            phone: at_most(phone, CONTACT_MAX_CHARACTERS).map_err(|why| ("phone", why))?,
            text: at_most(text, ADDRESS_TEXT_MAX_CHARACTERS).map_err(|why| ("text", why))?,
        })
    }
}

/// How to follow a parcel, in the seller's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tracking(Arc<str>);

impl Tracking {
    /// Takes a text of at most [`CONTACT_MAX_CHARACTERS`] characters.
    ///
    /// # Errors
    /// [`TextTooLong`] past that.
    pub fn new(text: &str) -> Result<Self, TextTooLong> {
        at_most(text, CONTACT_MAX_CHARACTERS).map(Self)
    }

    /// The seller's words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One book of an order, as it was when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderLine {
    /// Which book of the store.
    pub book: BookId,
    /// Its title, cut to [`crate::book::LINE_TITLE_MAX_CHARACTERS`].
    pub title: Arc<str>,
    /// How many copies.
    pub count: Count,
    /// What a copy cost.
    pub price: Price,
}

/// Where an order is in its life, with what is known there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Placed, and to be paid before `pay_before`.
    Placed {
        /// From this instant on it is cancelled.
        pay_before: Timestamp,
    },
    /// Paid: the seller holds the money.
    Paid {
        /// When it was paid.
        paid_at: Timestamp,
    },
    /// Sent.
    Sent {
        /// When it was paid.
        paid_at: Timestamp,
        /// When it was sent.
        sent_at: Timestamp,
        /// From this instant on it counts as received.
        receive_by: Timestamp,
    },
    /// Received: the seller may spend the money. Final.
    Received {
        /// When it was paid.
        paid_at: Timestamp,
        /// When it was sent.
        sent_at: Timestamp,
        /// When it was received, or counted as received.
        received_at: Timestamp,
    },
    /// Cancelled: the stock is back, the money too. Final.
    Cancelled {
        /// When it was cancelled.
        cancelled_at: Timestamp,
        /// When it was paid, if it was.
        paid_at: Option<Timestamp>,
        /// When it was sent, if it was.
        sent_at: Option<Timestamp>,
    },
}

/// An order's state without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "as in `OrderState`")]
pub enum OrderStatus {
    Placed,
    Paid,
    Sent,
    Received,
    Cancelled,
}

impl OrderStatus {
    /// All of them, in the order of an order's life.
    pub const ALL: [Self; 5] = [
        Self::Placed,
        Self::Paid,
        Self::Sent,
        Self::Received,
        Self::Cancelled,
    ];

    /// The contract's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that the contract's word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// An order of one buyer in one store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// What names it; holds the time at which it was placed.
    pub id: OrderId,
    /// Who ordered.
    pub buyer: UserId,
    /// Who sells: the store's owner.
    pub seller: UserId,
    /// In which store.
    pub store: StoreId,
    /// What was ordered, each book once.
    pub lines: Arc<[OrderLine]>,
    /// What it costs.
    pub total: Fen,
    /// Where it goes, where the buyer said.
    pub address: Option<Arc<Address>>,
    /// How to follow it, where the seller said.
    pub tracking: Option<Tracking>,
    /// Where it is in its life.
    pub state: OrderState,
}

impl Order {
    /// When it was placed.
    #[must_use]
    pub fn placed_at(&self) -> Timestamp {
        self.id.placed_at()
    }

    /// Its state's name.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        match self.state {
            OrderState::Placed { .. } => OrderStatus::Placed,
            OrderState::Paid { .. } => OrderStatus::Paid,
            OrderState::Sent { .. } => OrderStatus::Sent,
            OrderState::Received { .. } => OrderStatus::Received,
            OrderState::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }

    /// The state that counts at `now`: deadlines that have passed have done their work, at the
    /// deadline, even where the sweep has not come by yet.
    #[must_use]
    pub fn state_as_of(&self, now: Timestamp) -> OrderState {
        match self.state {
            OrderState::Placed { pay_before } if pay_before <= now => OrderState::Cancelled {
                cancelled_at: pay_before,
                paid_at: None,
                sent_at: None,
            },
            OrderState::Sent {
                paid_at,
                sent_at,
                receive_by,
            } if receive_by <= now => OrderState::Received {
                paid_at,
                sent_at,
                received_at: receive_by,
            },
            ref state => state.clone(),
        }
    }

    /// The order with the state that counts at `now`.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Self {
        Self {
            state: self.state_as_of(now),
            ..self.clone()
        }
    }

    fn with_state(&self, state: OrderState) -> Change {
        Change::Order(Arc::new(Self {
            state,
            ..self.clone()
        }))
    }

    fn listing_keys(&self) -> impl Iterator<Item = ListingKey> + '_ {
        let key = |line: &OrderLine| ListingKey {
            store: self.store.clone(),
            book: line.book.clone(),
        };
        self.lines.iter().map(key)
    }

    /// Puts all copies back on their shelves.
    fn return_stock(&self, rows: &WorkingSet) -> Result<Vec<Change>, Lacks> {
        rows.require(self.listing_keys().map(Key::Listing))?;
        let mut changes = Vec::with_capacity(self.lines.len() + 4);
        for (key, line) in self.listing_keys().zip(self.lines.iter()) {
            let listing = rows
                .listing(&key)?
                .expect("a listing that was ordered is never removed");
            let stock = listing
                .stock
                .put_back(line.count)
                .expect("what was taken fits again");
            changes.push(Change::Listing(Listing {
                stock,
                ..listing.clone()
            }));
        }
        Ok(changes)
    }

    /// Moves the total, and writes the accounts on both ends; none where it costs nothing.
    fn transfer(
        &self,
        from: LedgerAccount,
        to: LedgerAccount,
        kind: EntryKind,
        at: Timestamp,
    ) -> Option<Change> {
        let order = Some(self.id);
        let transfer = Transfer {
            from,
            to,
            amount: self.total,
            kind,
            order,
            at,
        };
        (self.total > Fen::ZERO).then_some(Change::Transfer(transfer))
    }

    /// The seller's held amount becomes his to spend.
    fn release(&self, rows: &WorkingSet, at: Timestamp) -> Result<Vec<Change>, Lacks> {
        let seller = party(rows, &self.seller)?;
        let held = seller
            .held
            .minus(self.total)
            .expect("what was held is held still");
        let mut changes = vec![Change::Account(Account {
            held,
            ..seller.clone()
        })];
        let from = LedgerAccount::Held(self.seller.clone());
        let to = LedgerAccount::Spendable(self.seller.clone());
        changes.extend(self.transfer(from, to, EntryKind::Release, at));
        Ok(changes)
    }

    /// The seller's held amount goes back to the buyer.
    fn refund(&self, rows: &WorkingSet, at: Timestamp) -> Result<Vec<Change>, Lacks> {
        let accounts = self.move_total(rows, Direction::ToBuyer)?;
        let mut changes = accounts.expect("what was held can go back");
        let from = LedgerAccount::Held(self.seller.clone());
        let to = LedgerAccount::Spendable(self.buyer.clone());
        changes.extend(self.transfer(from, to, EntryKind::Refund, at));
        Ok(changes)
    }

    /// The accounts after the total moved between the buyer's spendable and the seller's held
    /// money. Where both are one account, it is one row. `None`: more than 64 bits hold.
    fn move_total(
        &self,
        rows: &WorkingSet,
        direction: Direction,
    ) -> Result<Option<Vec<Change>>, Lacks> {
        rows.require([&self.buyer, &self.seller].map(|user| Key::Account(user.clone())))?;
        let (buyer, seller) = (party(rows, &self.buyer)?, party(rows, &self.seller)?);
        let total = match direction {
            Direction::ToSeller => Some(self.total),
            Direction::ToBuyer => self.total.negated(),
        };
        let moved = |total: Fen| {
            let held = seller.held.plus(total)?;
            if self.buyer == self.seller {
                return Some(vec![Change::Account(Account {
                    held,
                    ..seller.clone()
                })]);
            }
            let buyer = Account {
                balance: buyer.balance.minus(total)?,
                ..buyer.clone()
            };
            let seller = Account {
                balance: seller.balance.plus(total)?,
                held,
                ..seller.clone()
            };
            Some(vec![Change::Account(buyer), Change::Account(seller)])
        };
        Ok(total.and_then(moved))
    }
}

#[derive(Clone, Copy)]
enum Direction {
    ToSeller,
    ToBuyer,
}

/// The account of an order's buyer or seller, which can't be closed while the order is open.
fn party<'a>(rows: &'a WorkingSet, user: &UserId) -> Result<&'a Account, Lacks> {
    Ok(rows
        .account(user)?
        .expect("an order's parties have accounts"))
}

#[cfg(test)]
mod tests;
