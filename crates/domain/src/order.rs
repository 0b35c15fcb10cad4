//! Orders: their states, and the verbs that move them from one to the next.
//!
//! The states and who may do what when are the table under Buyer 2 of the contract. A deadline
//! counts from its very instant: every rule looks at the order [`Order::as_of`] now, in which an
//! unpaid order past its deadline *is* cancelled, whether or not the sweep has come by.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::ids::{BookId, OrderId, StoreId, UserId};
use crate::ledger::{EntryKind, LedgerAccount, Transfer};
use crate::listing::{Listing, ListingKey};
use crate::money::{BALANCE_MAX, Count, Fen, ORDER_TOTAL_MAX, OutOfRange, Price, Stock};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What a buyer wants: 1 to [`ORDER_LINES_MAX`] different books, each with its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket(Vec<(BookId, Count)>);

/// Why a list of books is no basket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBasket {
    /// No books.
    #[error("must name at least one book")]
    Empty,
    /// More than [`ORDER_LINES_MAX`] different books.
    #[error("must name at most {ORDER_LINES_MAX} different books")]
    TooMany,
    /// The counts of one book, added up, are past their limit.
    #[error("the counts of book `{0}` add up to too many: {1}")]
    Count(BookId, OutOfRange),
}

impl Basket {
    /// Takes a list of books; the same book twice counts as the sum.
    ///
    /// # Errors
    /// [`InvalidBasket`] says which limit the list passes.
    pub fn new(wanted: Vec<(BookId, Count)>) -> Result<Self, InvalidBasket> {
        let mut lines: Vec<(BookId, Count)> = Vec::with_capacity(wanted.len());
        let mut places: HashMap<BookId, usize> = HashMap::with_capacity(wanted.len());
        for (book, count) in wanted {
            let Some(&place) = places.get(&book) else {
                places.insert(book.clone(), lines.len());
                lines.push((book, count));
                continue;
            };
            let sum = lines[place].1.plus(count);
            lines[place].1 = sum.map_err(|why| InvalidBasket::Count(book, why))?;
        }
        match lines.len() {
            0 => Err(InvalidBasket::Empty),
            1..=ORDER_LINES_MAX => Ok(Self(lines)),
            _ => Err(InvalidBasket::TooMany),
        }
    }

    /// Each book once, with its count.
    #[must_use]
    pub fn lines(&self) -> &[(BookId, Count)] {
        &self.0
    }
}

/// Places an order: takes the stock of all its books, or of none.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// The new order's id.
    pub id: OrderId,
    /// Who orders; proved.
    pub buyer: UserId,
    /// Where.
    pub store: StoreId,
    /// What.
    pub basket: Basket,
    /// Where it goes, where the buyer said.
    pub address: Option<Arc<Address>>,
    /// How long it may stay unpaid.
    pub payment_timeout: Duration,
}

/// Why an order was not placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceOrderRefusal {
    /// There is no such open store.
    NoStore(StoreId),
    /// The store has no such book on its shelves.
    NoBook(BookId),
    /// Fewer copies than wanted.
    StockTooLow {
        /// Of which book.
        book: BookId,
        /// How many there are.
        stock: Stock,
    },
    /// The total would pass [`ORDER_TOTAL_MAX`].
    TotalLimit,
}

impl PlaceOrder {
    fn listing_key(&self, book: &BookId) -> ListingKey {
        ListingKey {
            store: self.store.clone(),
            book: book.clone(),
        }
    }

    fn listing_keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.basket
            .lines()
            .iter()
            .map(|(book, _)| Key::Listing(self.listing_key(book)))
    }

    /// One line, and the listing without its copies.
    fn take(
        &self,
        rows: &WorkingSet,
        book: &BookId,
        count: Count,
    ) -> Result<(OrderLine, Listing), Halt<PlaceOrderRefusal>> {
        let listing = rows
            .listing(&self.listing_key(book))?
            .filter(|listing| listing.details.is_listed)
            .ok_or_else(|| Halt::Refused(PlaceOrderRefusal::NoBook(book.clone())))?;
        let stock = listing.stock.take(count).ok_or_else(|| {
            let stock = listing.stock;
            Halt::Refused(PlaceOrderRefusal::StockTooLow {
                book: book.clone(),
                stock,
            })
        })?;
        let title = listing.details.title.clone();
        let line = OrderLine {
            book: book.clone(),
            title,
            count,
            price: listing.price,
        };
        Ok((
            line,
            Listing {
                stock,
                ..listing.clone()
            },
        ))
    }
}

impl Operation for PlaceOrder {
    type Done = ();
    type Refusal = PlaceOrderRefusal;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.extend([
            Key::Account(self.buyer.clone()),
            Key::Store(self.store.clone()),
        ]);
        keys.extend(self.listing_keys());
    }

    fn decide(
        &self,
        rows: &WorkingSet,
        _now: Timestamp,
    ) -> Result<Decided<()>, Halt<PlaceOrderRefusal>> {
        let store = rows
            .store(&self.store)?
            .filter(|store| store.is_open)
            .ok_or_else(|| Halt::Refused(PlaceOrderRefusal::NoStore(self.store.clone())))?;
        rows.require(self.listing_keys())?;
        let mut changes = Vec::with_capacity(self.basket.lines().len() + 2);
        let mut lines = Vec::with_capacity(self.basket.lines().len());
        let mut total = Fen::ZERO;
        for (book, count) in self.basket.lines() {
            let (line, listing) = self.take(rows, book, *count)?;
            total = total
                .plus(line.price.times(*count))
                .filter(|total| *total <= ORDER_TOTAL_MAX)
                .ok_or(Halt::Refused(PlaceOrderRefusal::TotalLimit))?;
            lines.push(line);
            changes.push(Change::Listing(listing));
        }
        changes.push(Change::Order(Arc::new(Order {
            id: self.id,
            buyer: self.buyer.clone(),
            seller: store.owner.clone(),
            store: self.store.clone(),
            lines: lines.into(),
            total,
            address: self.address.clone(),
            tracking: None,
            state: OrderState::Placed {
                pay_before: self.id.placed_at().plus(self.payment_timeout),
            },
        })));
        changes.extend(party(rows, &self.buyer)?.first_use());
        Ok(Decided::with(changes))
    }
}

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

/// Why the sweep left an order alone: its deadline has not come, or somebody was quicker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDue(pub OrderId);

/// Writes down that an unpaid order was cancelled at its deadline, and returns its stock.
#[derive(Debug, Clone)]
pub struct ExpireOrder {
    /// Which.
    pub order: OrderId,
}

impl Operation for ExpireOrder {
    type Done = ();
    type Refusal = NotDue;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<NotDue>> {
        let found = rows.order(self.order)?;
        let order = found.filter(|order| order.status() == OrderStatus::Placed);
        let state = order.map(|order| order.state_as_of(now));
        let (Some(order), Some(state @ OrderState::Cancelled { .. })) = (order, state) else {
            return Err(Halt::Refused(NotDue(self.order)));
        };
        let mut changes = order.return_stock(rows)?;
        changes.push(order.with_state(state));
        Ok(Decided::with(changes))
    }
}

/// Writes down that a sent order counted as received at its deadline, and releases the money.
#[derive(Debug, Clone)]
pub struct ConcludeOrder {
    /// Which.
    pub order: OrderId,
}

impl Operation for ConcludeOrder {
    type Done = ();
    type Refusal = NotDue;

    fn name_rows(&self, keys: &mut Vec<Key>) {
        keys.push(Key::Order(self.order));
    }

    fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Result<Decided<()>, Halt<NotDue>> {
        let found = rows.order(self.order)?;
        let order = found.filter(|order| order.status() == OrderStatus::Sent);
        let state = order.map(|order| order.state_as_of(now));
        let (
            Some(order),
            Some(OrderState::Received {
                paid_at,
                sent_at,
                received_at,
            }),
        ) = (order, state)
        else {
            return Err(Halt::Refused(NotDue(self.order)));
        };
        let mut changes = order.release(rows, received_at)?;
        changes.push(order.with_state(OrderState::Received {
            paid_at,
            sent_at,
            received_at,
        }));
        Ok(Decided::with(changes))
    }
}
