//! What a reader wants to buy: kept in a cookie, so it needs no account and no storage.

use domain::{BookId, Count, ListingKey, StoreId};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The cookie that keeps it.
pub const CART_COOKIE: &str = "cart";
/// For how long, in seconds: 60 days.
pub const CART_KEPT_S: u64 = 60 * 24 * 60 * 60;
/// How many different listings it holds.
pub const CART_LINES_MAX: usize = 50;
/// How long the cookie's value may be: browsers keep 4,096 bytes with its name and its rules.
pub const CART_MAX_BYTES: usize = 3_800;

/// One listing, and how many copies of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub key: ListingKey,
    pub count: Count,
}

impl Line {
    /// `store.book.count`, the ids percent-encoded, so that nothing of theirs is a dot.
    pub fn encode(&self) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        format!(
            "{}.{}.{}",
            encode(self.key.store.as_str()),
            encode(self.key.book.as_str()),
            self.count.get()
        )
    }

    /// The line that a text encodes.
    pub fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (store, book, count) = (parts.next()?, parts.next()?, parts.next()?);
        let decode = |text| percent_decode_str(text).decode_utf8().ok();
        let key = ListingKey {
            store: StoreId::new(decode(store)?).ok()?,
            book: BookId::new(decode(book)?).ok()?,
        };
        let count = Count::new(count.parse().ok()?).ok()?;
        (parts.next().is_none()).then_some(Self { key, count })
    }
}

/// The cart holds no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Each listing once, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cart {
    lines: Vec<Line>,
}

impl Cart {
    /// The cart that a cookie's value encodes; what makes no sense in it is left out.
    pub fn decode(text: &str) -> Self {
        let lines = text.split('_').filter_map(Line::decode);
        let mut cart = Self::default();
        for line in lines.take(CART_LINES_MAX) {
            if !cart.lines.iter().any(|known| known.key == line.key) {
                cart.lines.push(line);
            }
        }
        cart
    }

    /// The cookie's value.
    pub fn encode(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(Line::encode).collect();
        lines.join("_")
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many copies there are in all.
    pub fn count(&self) -> i64 {
        let counts = self.lines.iter().map(|line| line.count.get());
        counts.fold(0, i64::saturating_add)
    }

    /// Adds copies of a listing.
    ///
    /// # Errors
    /// [`Full`] where they don't fit; the cart stays as it was then.
    pub fn add(&mut self, added: Line) -> Result<(), Full> {
        let before = self.clone();
        match self.lines.iter_mut().find(|line| line.key == added.key) {
            Some(line) => line.count = line.count.plus(added.count).map_err(|_| Full)?,
            None => self.lines.push(added),
        }
        let is_full = self.lines.len() > CART_LINES_MAX || self.encode().len() > CART_MAX_BYTES;
        if is_full {
            *self = before;
            return Err(Full);
        }
        Ok(())
    }

    /// Sets how many copies of a listing there are.
    pub fn set(&mut self, key: &ListingKey, count: Count) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.key == *key) {
            line.count = count;
        }
    }

    /// Takes a listing out.
    pub fn remove(&mut self, key: &ListingKey) {
        self.lines.retain(|line| line.key != *key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(store: &str, book: &str, count: i64) -> Line {
        Line {
            key: ListingKey {
                store: StoreId::new(store).unwrap(),
                book: BookId::new(book).unwrap(),
            },
            count: Count::new(count).unwrap(),
        }
    }

    #[test]
    fn a_cart_is_read_as_it_was_written() {
        let mut cart = Cart::default();
        for added in [
            line("a.b_c", "书; , \"", 2),
            line("s", "1", 1_000_000_000),
            line("a.b_c", "x", 1),
        ] {
            cart.add(added).unwrap();
        }
        let text = cart.encode();
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"%._".contains(&byte))
        );
        assert_eq!(Cart::decode(&text), cart);
        assert_eq!(cart.count(), 1_000_000_003);
    }

    #[test]
    fn the_same_listing_is_one_line() {
        let mut cart = Cart::default();
        cart.add(line("s", "b", 2)).unwrap();
        cart.add(line("s", "b", 3)).unwrap();
        assert_eq!(cart.lines(), [line("s", "b", 5)]);
        cart.set(&line("s", "b", 1).key, Count::new(7).unwrap());
        assert_eq!(cart.count(), 7);
        cart.remove(&line("s", "b", 1).key);
        assert_eq!(cart, Cart::default());
    }

    #[test]
    fn a_cart_that_somebody_made_up_is_what_makes_sense_of_it() {
        for text in [
            "", "x", "a.b", "a.b.0", "a.b.-1", "a.b.x", "a.b.1.2", "%ff.b.1", ".b.1",
        ] {
            assert_eq!(Cart::decode(text), Cart::default(), "{text}");
        }
        assert_eq!(Cart::decode("x_s.b.2_s.b.3").lines(), [line("s", "b", 2)]);
    }

    #[test]
    fn a_cart_is_full_at_its_limit_and_stays_as_it_was() {
        let mut cart = Cart::default();
        for number in 0..CART_LINES_MAX {
            cart.add(line("s", &number.to_string(), 1)).unwrap();
        }
        let before = cart.clone();
        assert_eq!(cart.add(line("s", "one more", 1)), Err(Full));
        assert_eq!(cart.add(line("s", "0", 1_000_000_000)), Err(Full));
        assert_eq!(cart, before);
        let long = "书".repeat(255);
        let mut cart = Cart::default();
        cart.add(line(&long, "1", 1)).unwrap();
        assert_eq!(cart.add(line(&long, "2", 1)), Err(Full));
    }
}
