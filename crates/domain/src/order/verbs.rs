//! What buyers and sellers do with an order: pay, send, receive, cancel.

use std::sync::Arc;
use std::time::Duration;

use super::{Direction, Order, OrderState, Tracking, party};
use crate::ids::{OrderId, UserId};
use crate::ledger::{EntryKind, LedgerAccount};
use crate::money::{BALANCE_MAX, Fen};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, WorkingSet};

/// Why a verb found no order of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyRefusal {
    /// There is no such order.
    NoOrder(OrderId),
    /// The caller is not the party whose verb this is.
    NotParty,
}

/// The order, where `is_party` holds of it.
fn find_own<R: From<PartyRefusal>>(
    rows: &WorkingSet,
    id: OrderId,
    is_party: impl Fn(&Order) -> bool,
) -> Result<&Arc<Order>, Halt<R>> {
    match rows.order(id)? {
        None => Err(Halt::Refused(PartyRefusal::NoOrder(id).into())),
        Some(order) if !is_party(order) => Err(Halt::Refused(PartyRefusal::NotParty.into())),
        Some(order) => Ok(order),
    }
}

macro_rules! order_refusal {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $(($payload:ty))? ,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            /// No such order, or not the caller's.
            Party(PartyRefusal),
            $($(#[$variant_doc])* $variant $(($payload))?,)*
        }

        impl From<PartyRefusal> for $name {
            fn from(refusal: PartyRefusal) -> Self {
                Self::Party(refusal)
            }
        }
    };
}

/// Pays an order from the buyer's account.
#[derive(Debug, Clone)]
pub struct PayOrder {
    /// Which.
    pub order: OrderId,
    /// Who pays; proved.
    pub buyer: UserId,
}

order_refusal!(
    /// Why an order was not paid.
    PayOrderRefusal {
        /// It is paid, sent, received or cancelled.
        NotPlaced(OrderId),
        /// The buyer can't spend that much.
        InsufficientFunds(OrderId),
        /// The seller's balance would pass its limit.
        SellerBalanceLimit,
    }
);

impl Operation for PayOrder {
    type Done = ();
    type Refusal = PayOrderRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([Key::Account(self.buyer.clone()), Key::Order(self.order)]);
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<PayOrderRefusal>> {
        let order = find_own(rows, self.order, |order| order.buyer == self.buyer)?;
        let OrderState::Placed { .. } = order.state_as_of(now) else {
            return Err(Halt::Refused(PayOrderRefusal::NotPlaced(self.order)));
        };
        if party(rows, &order.buyer)?.spendable() < order.total {
            return Err(Halt::Refused(PayOrderRefusal::InsufficientFunds(
                self.order,
            )));
        }
        let seller = party(rows, &order.seller)?;
        let is_over = seller
            .balance
            .plus(order.total)
            .is_none_or(|sum| sum > BALANCE_MAX);
        if order.buyer != order.seller && is_over && order.total > Fen::ZERO {
            return Err(Halt::Refused(PayOrderRefusal::SellerBalanceLimit));
        }
        let paid_at = now.max(order.placed_at());
        let accounts = order.move_total(rows, Direction::ToSeller)?;
        let mut changes = accounts.ok_or(Halt::Refused(PayOrderRefusal::SellerBalanceLimit))?;
        let from = LedgerAccount::Spendable(order.buyer.clone());
        let to = LedgerAccount::Held(order.seller.clone());
        changes.extend(order.transfer(from, to, EntryKind::Payment, paid_at));
        changes.push(order.with_state(OrderState::Paid { paid_at }));
        Ok(Decided::with(changes))
    }
}

/// Says that a paid order's books are on their way.
#[derive(Debug, Clone)]
pub struct SendOrder {
    /// Which.
    pub order: OrderId,
    /// Who sends; proved.
    pub seller: UserId,
    /// How to follow the parcel, where the seller says.
    pub tracking: Option<Tracking>,
    /// After how long it counts as received.
    pub receipt_timeout: Duration,
}

order_refusal!(
    /// Why an order was not sent.
    SendOrderRefusal {
        /// It is not paid, or cancelled.
        NotPaid(OrderId),
        /// It is sent, or received already.
        AlreadySent(OrderId),
    }
);

impl Operation for SendOrder {
    type Done = ();
    type Refusal = SendOrderRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<SendOrderRefusal>> {
        let order = find_own(rows, self.order, |order| order.seller == self.seller)?;
        match order.state_as_of(now) {
            OrderState::Paid { paid_at } => {
                let sent_at = now.max(paid_at);
                let receive_by = sent_at.plus(self.receipt_timeout);
                let state = OrderState::Sent {
                    paid_at,
                    sent_at,
                    receive_by,
                };
                let sent = Order {
                    state,
                    tracking: self.tracking.clone(),
                    ..Order::clone(order)
                };
                Ok(Decided::with(vec![Change::Order(Arc::new(sent))]))
            }
            OrderState::Sent { .. } | OrderState::Received { .. } => {
                Err(Halt::Refused(SendOrderRefusal::AlreadySent(self.order)))
            }
            OrderState::Placed { .. } | OrderState::Cancelled { .. } => {
                Err(Halt::Refused(SendOrderRefusal::NotPaid(self.order)))
            }
        }
    }
}

/// Confirms that a sent order has arrived; the seller may spend the money.
#[derive(Debug, Clone)]
pub struct ReceiveOrder {
    /// Which.
    pub order: OrderId,
    /// Who confirms; proved.
    pub buyer: UserId,
}

order_refusal!(
    /// Why an order was not received.
    ReceiveOrderRefusal {
        /// It is not paid, or cancelled.
        NotPaid(OrderId),
        /// It is paid and not sent yet.
        NotSent(OrderId),
        /// It is received already.
        AlreadyReceived(OrderId),
    }
);

impl Operation for ReceiveOrder {
    type Done = ();
    type Refusal = ReceiveOrderRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<ReceiveOrderRefusal>> {
        let order = find_own(rows, self.order, |order| order.buyer == self.buyer)?;
        match order.state_as_of(now) {
            OrderState::Sent {
                paid_at, sent_at, ..
            } => {
                let received_at = now.max(sent_at);
                let mut changes = order.release(rows, received_at)?;
                let state = OrderState::Received {
                    paid_at,
                    sent_at,
                    received_at,
                };
                changes.push(order.with_state(state));
                Ok(Decided::with(changes))
            }
            OrderState::Paid { .. } => Err(Halt::Refused(ReceiveOrderRefusal::NotSent(self.order))),
            OrderState::Received { .. } => Err(Halt::Refused(
                ReceiveOrderRefusal::AlreadyReceived(self.order),
            )),
            OrderState::Placed { .. } | OrderState::Cancelled { .. } => {
                Err(Halt::Refused(ReceiveOrderRefusal::NotPaid(self.order)))
            }
        }
    }
}

/// Until when a buyer may cancel: the operator's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelUntil {
    /// Until the order is sent: placed and paid orders only.
    Sent,
    /// Until it is received: sent orders too.
    Received,
}

/// Cancels an order: returns the stock and, where it was paid, the money, in one step.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    /// Which.
    pub order: OrderId,
    /// Who cancels; proved.
    pub buyer: UserId,
    /// The operator's setting.
    pub until: CancelUntil,
}

order_refusal!(
    /// Why an order was not cancelled.
    CancelOrderRefusal {
        /// It is cancelled already.
        AlreadyCancelled(OrderId),
        /// It has gone too far.
        TooLate(OrderId),
    }
);

impl Operation for CancelOrder {
    type Done = ();
    type Refusal = CancelOrderRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<()>, Halt<CancelOrderRefusal>> {
        let order = find_own(rows, self.order, |order| order.buyer == self.buyer)?;
        let (paid_at, sent_at) = match order.state_as_of(now) {
            OrderState::Placed { .. } => (None, None),
            OrderState::Paid { paid_at } => (Some(paid_at), None),
            OrderState::Sent {
                paid_at, sent_at, ..
            } if self.until == CancelUntil::Received => (Some(paid_at), Some(sent_at)),
            OrderState::Sent { .. } | OrderState::Received { .. } => {
                return Err(Halt::Refused(CancelOrderRefusal::TooLate(self.order)));
            }
            OrderState::Cancelled { .. } => {
                return Err(Halt::Refused(CancelOrderRefusal::AlreadyCancelled(
                    self.order,
                )));
            }
        };
        let cancelled_at = now.max(sent_at.or(paid_at).unwrap_or_else(|| order.placed_at()));
        let mut changes = order.return_stock(rows)?;
        if paid_at.is_some() {
            changes.extend(order.refund(rows, cancelled_at)?);
        }
        changes.push(order.with_state(OrderState::Cancelled {
            cancelled_at,
            paid_at,
            sent_at,
        }));
        Ok(Decided::with(changes))
    }
}
