//! Placing orders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, ORDER_LINES_MAX, Order, OrderLine, OrderState, party};
use crate::ids::{BookId, OrderId, StoreId, UserId};
use crate::listing::{Listing, ListingKey};
use crate::money::{Count, Fen, ORDER_TOTAL_MAX, OutOfRange, Stock};
use crate::operation::{Decided, Halt, Operation};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, WorkingSet};

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

    fn only_takes_copies(&self) -> bool {
        true
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
