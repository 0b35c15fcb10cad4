//! The prices of a document's offers, roughly: so that most questions about them need no look at each.

use super::Offer;

/// The lowest and the highest price of some offers, and which ranges their prices are in, as bits: two
/// ranges from each power of two to the next. Above them it is counted: none, one, two, or many offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Priced {
    lowest: u32,
    highest: u32,
    ranges: u64,
}

/// Where the count is, how many offers are many, and the bits below.
const COUNT_AT: u32 = 62;
const MANY: u64 = 3;
const RANGES: u64 = (1 << COUNT_AT) - 1;

/// From one price to another, both included, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prices {
    from: u32,
    to: u32,
    /// The ranges that lie in it.
    inside: u64,
    /// Those that have a part in it.
    touched: u64,
}

/// The range of a price.
fn range_of(price: u32) -> u32 {
    match price.checked_ilog2() {
        None | Some(0) => 0,
        Some(log) => 2 * log + (price >> (log - 1) & 1),
    }
}

/// The lowest price of a range; the ranges 0 and 1 are one.
fn begin_of(range: u32) -> u32 {
    match (range / 2, range % 2) {
        (0, 0) => 0,
        (0, _) => 2,
        (log, half) => (1 << log) + (half << (log - 1)),
    }
}

impl Priced {
    pub const NONE: Self = Self {
        lowest: u32::MAX,
        highest: 0,
        ranges: 0,
    };

    pub fn of<'o>(offers: impl Iterator<Item = &'o Offer>) -> Self {
        let mut priced = Self::NONE;
        offers.for_each(|offer| priced.add(offer.price()));
        priced
    }

    fn add(&mut self, price: u32) {
        self.lowest = self.lowest.min(price);
        self.highest = self.highest.max(price);
        let count = (self.count() + 1).min(MANY);
        self.ranges = self.ranges & RANGES | count << COUNT_AT | 1 << range_of(price);
    }

    /// How many offers there are, or [`MANY`].
    fn count(self) -> u64 {
        self.ranges >> COUNT_AT
    }

    pub fn is_empty(self) -> bool {
        self.ranges == 0
    }

    /// The lowest price; the highest there is where there are no offers.
    pub fn lowest(self) -> u32 {
        self.lowest
    }

    /// Whether any offer's price is among these; `None` where only a look at them tells.
    pub fn any_in(self, prices: Prices) -> Option<bool> {
        // Most books have one offer or two, and so no others.
        if self.is_empty() {
            Some(false)
        } else if prices.has(self.lowest) || prices.has(self.highest) {
            Some(true)
        } else if self.highest < prices.from || prices.to < self.lowest || self.count() < MANY {
            Some(false)
        } else if self.ranges & prices.inside != 0 {
            Some(true)
        } else if self.ranges & prices.touched == 0 {
            Some(false)
        } else {
            None
        }
    }
}

impl Prices {
    pub fn new(from: u32, to: u32) -> Self {
        let mut prices = Self {
            from,
            to,
            inside: 0,
            touched: 0,
        };
        for range in 0..62 {
            let (first, behind) = (begin_of(range), begin_of(range + 1));
            if first < behind && from < behind && first <= to {
                prices.touched |= 1 << range;
                if from <= first && behind - 1 <= to {
                    prices.inside |= 1 << range;
                }
            }
        }
        prices
    }

    pub fn has(self, price: u32) -> bool {
        (self.from..=self.to).contains(&price)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..20, 0_u32..20_000, 0..=1_000_000_000_u32]
    }

    proptest! {
        #[test]
        fn what_is_told_is_true(
            offers in prop::collection::vec(price(), 0..5), from in price(), to in price(),
        ) {
            let mut priced = Priced::NONE;
            offers.iter().for_each(|price| priced.add(*price));
            let prices = Prices::new(from, to);
            let is_any = offers.iter().any(|price| prices.has(*price));
            prop_assert!(priced.any_in(prices).is_none_or(|told| told == is_any));
            prop_assert_eq!(priced.is_empty(), offers.is_empty());
            prop_assert_eq!(priced.lowest(), offers.iter().copied().min().unwrap_or(u32::MAX));
            if offers.len() <= 2 {
                prop_assert_eq!(priced.any_in(prices), Some(is_any));
            }
        }

        #[test]
        fn a_range_holds_its_prices(price in price()) {
            let range = range_of(price);
            prop_assert!(begin_of(range) <= price && price < begin_of(range + 1).max(2));
        }
    }
}
