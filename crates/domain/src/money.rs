//! Money, prices, counts and stock: integers with limits and checked arithmetic.

use std::fmt;

/// The limit of an account's balance that deposits and payments keep: 10^15 fen.
pub const BALANCE_MAX: Fen = Fen(1_000_000_000_000_000);
/// The limit of one deposit or withdrawal: 10^13 fen.
pub const ADD_VALUE_MAX: Fen = Fen(10_000_000_000_000);
/// The limit of an order's total: 10^13 fen.
pub const ORDER_TOTAL_MAX: Fen = Fen(10_000_000_000_000);
/// The limit of a price: 10^9 fen.
pub const PRICE_MAX_FEN: i64 = 1_000_000_000;
/// The limit of a count, and of a stock that sellers set: 10^9.
pub const COUNT_MAX: i64 = 1_000_000_000;

/// A number outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be from {min} to {max}")]
pub struct OutOfRange {
    /// The smallest value allowed.
    pub min: i64,
    /// The largest value allowed.
    pub max: i64,
}

fn within(value: i64, min: i64, max: i64) -> Result<i64, OutOfRange> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(OutOfRange { min, max })
    }
}

/// An amount of money in fen (1/100 yuan); negative where money is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fen(i64);

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// That many fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The amount as a number of fen.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum; `None` past what 64 bits hold.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` past what 64 bits hold.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The amount with its sign turned; `None` past what 64 bits hold.
    #[must_use]
    pub fn negated(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The price of one copy: 0 to 10^9 fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Price(i64);

impl Price {
    /// A price of that many fen.
    ///
    /// # Errors
    /// [`OutOfRange`] outside 0 to [`PRICE_MAX_FEN`].
    pub fn new(fen: i64) -> Result<Self, OutOfRange> {
        within(fen, 0, PRICE_MAX_FEN).map(Self)
    }

    /// The price as a number of fen.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The price of `count` copies. Limits keep it below 10^18, so it always fits.
    #[must_use]
    pub const fn times(self, count: Count) -> Fen {
        Fen(self.0 * count.0)
    }
}

/// How many copies of a book are wanted: 1 to 10^9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Count(i64);

impl Count {
    /// That many copies.
    ///
    /// # Errors
    /// [`OutOfRange`] outside 1 to [`COUNT_MAX`].
    pub fn new(count: i64) -> Result<Self, OutOfRange> {
        within(count, 1, COUNT_MAX).map(Self)
    }

    /// The count as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Both counts together.
    ///
    /// # Errors
    /// [`OutOfRange`] past [`COUNT_MAX`].
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Self::new(self.0 + other.0)
    }
}

/// How many copies a store has: never below 0.
///
/// What a seller sets is at most [`COUNT_MAX`]; copies that come back from cancelled orders may
/// exceed it, since a cancellation is never refused for a full shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Stock(i64);

impl Stock {
    /// A stock as a seller may set it.
    ///
    /// # Errors
    /// [`OutOfRange`] outside 0 to [`COUNT_MAX`].
    pub fn new(stock: i64) -> Result<Self, OutOfRange> {
        within(stock, 0, COUNT_MAX).map(Self)
    }

    /// A stock as an engine kept it; `None` below 0.
    #[must_use]
    pub fn from_stored(stock: i64) -> Option<Self> {
        (stock >= 0).then_some(Self(stock))
    }

    /// The stock as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// What is left after an order takes `count`; `None` where there are fewer.
    #[must_use]
    pub fn take(self, count: Count) -> Option<Self> {
        Self::from_stored(self.0 - count.0)
    }

    /// The stock after a cancelled order's copies come back; `None` past what 64 bits hold.
    #[must_use]
    pub fn put_back(self, count: Count) -> Option<Self> {
        self.0.checked_add(count.0).map(Self)
    }
}

/// Reads a change of stock: -10^9 to 10^9 copies.
///
/// # Errors
/// [`OutOfRange`] outside that.
pub fn stock_change(change: i64) -> Result<i64, OutOfRange> {
    within(change, -COUNT_MAX, COUNT_MAX)
}

/// Reads the amount of a deposit (positive) or withdrawal (negative).
///
/// # Errors
/// [`OutOfRange`] outside ±[`ADD_VALUE_MAX`].
pub fn add_value(fen: i64) -> Result<Fen, OutOfRange> {
    within(fen, -ADD_VALUE_MAX.0, ADD_VALUE_MAX.0).map(Fen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_are_as_in_the_contract() {
        let limits = |accepts: fn(i64) -> bool, min: i64, max: i64| {
            for value in [min, min + 1, max - 1, max] {
                assert!(accepts(value), "{value} is from {min} to {max}");
            }
            for value in [i64::MIN, min - 1, max + 1, i64::MAX] {
                assert!(!accepts(value), "{value} is not from {min} to {max}");
            }
        };
        limits(|fen| Price::new(fen).is_ok(), 0, 1_000_000_000);
        limits(|count| Count::new(count).is_ok(), 1, 1_000_000_000);
        limits(|stock| Stock::new(stock).is_ok(), 0, 1_000_000_000);
        limits(
            |change| stock_change(change).is_ok(),
            -1_000_000_000,
            1_000_000_000,
        );
        limits(
            |fen| add_value(fen).is_ok(),
            -10_000_000_000_000,
            10_000_000_000_000,
        );
        assert_eq!(
            Count::new(0),
            Err(OutOfRange {
                min: 1,
                max: 1_000_000_000
            })
        );
        assert_eq!(Stock::from_stored(-1), None);
        assert_eq!(Stock::from_stored(i64::MAX).map(Stock::get), Some(i64::MAX));
    }

    #[test]
    fn the_dearest_line_fits() {
        let price = Price::new(PRICE_MAX_FEN).unwrap();
        let count = Count::new(COUNT_MAX).unwrap();
        assert_eq!(price.times(count), Fen::new(1_000_000_000_000_000_000));
    }

    fn exact(sum: i128) -> Option<Fen> {
        i64::try_from(sum).ok().map(Fen::new)
    }

    proptest! {
        #[test]
        fn arithmetic_is_exact_or_refused(left: i64, right: i64) {
            let (wide_left, wide_right) = (i128::from(left), i128::from(right));
            prop_assert_eq!(Fen::new(left).plus(Fen::new(right)), exact(wide_left + wide_right));
            prop_assert_eq!(Fen::new(left).minus(Fen::new(right)), exact(wide_left - wide_right));
            prop_assert_eq!(Fen::new(left).negated(), exact(-wide_left));
        }

        #[test]
        fn what_is_taken_can_be_put_back(stock in 0..=COUNT_MAX, count in 1..=COUNT_MAX) {
            let (stock, count) = (Stock::new(stock).unwrap(), Count::new(count).unwrap());
            let left = stock.take(count);
            prop_assert_eq!(left.is_some(), count.get() <= stock.get());
            if let Some(left) = left {
                prop_assert_eq!(left.get(), stock.get() - count.get());
                prop_assert_eq!(left.put_back(count), Some(stock));
            }
        }

        #[test]
        fn counts_add_up_to_their_limit(left in 1..=COUNT_MAX, right in 1..=COUNT_MAX) {
            let sum = Count::new(left).unwrap().plus(Count::new(right).unwrap());
            prop_assert_eq!(sum.ok().map(Count::get), Some(left + right).filter(|sum| *sum <= COUNT_MAX));
        }
    }

    #[test]
    fn a_full_shelf_is_no_overflow() {
        let full = Stock::from_stored(i64::MAX).unwrap();
        assert_eq!(full.put_back(Count::new(1).unwrap()), None);
    }
}
