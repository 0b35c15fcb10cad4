//! The shop that the load is put on: who is in it and what the books cost. All of it follows from
//! a few numbers, so `setup` and `run` agree without a file between them.

use crate::random::Random;

/// Prices are drawn from here, in fen.
const PRICE_MIN_FEN: u32 = 1_000;
const PRICE_SPREAD_FEN: u32 = 20_000;

/// How large the shop is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shape {
    /// Its name, in a way: ids begin with it and prices follow from it, so that several shops fit
    /// on one server.
    pub seed: u64,
    pub sellers: u32,
    pub stores_per_seller: u32,
    pub books_per_store: u32,
    pub buyers: u32,
    /// How many different books an order has on average.
    pub books_per_order: u32,
}

/// The shop, with its ids written out once.
#[derive(Debug)]
pub struct Shop {
    pub shape: Shape,
    pub sellers: Vec<String>,
    pub buyers: Vec<String>,
    pub buyer_passwords: Vec<String>,
    pub stores: Vec<String>,
    /// Each store lists a book under each of these ids.
    pub books: Vec<String>,
}

/// What one order wants: different books of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    pub store: u32,
    /// Each book with how many copies of it.
    pub lines: Vec<(u32, u32)>,
}

/// What more orders want than chance would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    #[default]
    None,
    /// Half of all orders want the first book of the first store.
    HotBook,
    /// Half of all orders are placed in a store of the first seller.
    HotSeller,
}

/// The password of a user of such a shop.
pub fn password(user: &str) -> String {
    format!("password of {user}")
}

impl Shop {
    pub fn new(shape: Shape) -> Self {
        let seed = shape.seed;
        let ids = |kind: &str, count: u32| -> Vec<String> {
            (0..count)
                .map(|number| format!("load{seed}-{kind}-{number}"))
                .collect()
        };
        let buyers = ids("buyer", shape.buyers);
        Self {
            sellers: ids("seller", shape.sellers),
            buyer_passwords: buyers.iter().map(|buyer| password(buyer)).collect(),
            buyers,
            stores: ids("store", shape.sellers * shape.stores_per_seller),
            books: ids("book", shape.books_per_store),
            shape,
        }
    }

    /// Which seller owns a store.
    pub fn owner(&self, store: u32) -> u32 {
        store / self.shape.stores_per_seller
    }

    /// What a book costs in a store.
    pub fn price_fen(&self, store: u32, book: u32) -> i64 {
        let mut random = Random::of(&[self.shape.seed, u64::from(store), u64::from(book)]);
        i64::from(PRICE_MIN_FEN + random.below(PRICE_SPREAD_FEN))
    }

    /// What a basket costs.
    pub fn total_fen(&self, basket: &Basket) -> i64 {
        let price =
            |(book, count): &(u32, u32)| self.price_fen(basket.store, *book) * i64::from(*count);
        basket.lines.iter().map(price).sum()
    }

    /// The basket that belongs to `seed`: one to twice as many different books as an order has on
    /// average, one copy of each.
    pub fn basket(&self, seed: u64, preference: Preference) -> Basket {
        let mut random = Random::new(seed);
        let is_preferred = preference != Preference::None && random.happens(50);
        let store = self.store_of_order(&mut random, preference, is_preferred);
        let books = self.books.len() as u32;
        let most = (self.shape.books_per_order * 2 - 1).min(books);
        let count = 1 + random.below(most);
        let mut lines = Vec::with_capacity(count as usize);
        let is_hot_book = |book| preference == Preference::HotBook && store == 0 && book == 0;
        if is_preferred && preference == Preference::HotBook {
            lines.push((0, 1));
        }
        // Orders are short, so looking through the lines is cheap.
        let mut tries = 0;
        while lines.len() < count as usize && tries < count * 20 {
            tries += 1;
            let book = random.below(books);
            if !is_hot_book(book) && !lines.iter().any(|(there, _)| *there == book) {
                lines.push((book, 1));
            }
        }
        if lines.is_empty() {
            lines.push((0, 1));
        }
        Basket { store, lines }
    }

    fn store_of_order(
        &self,
        random: &mut Random,
        preference: Preference,
        is_preferred: bool,
    ) -> u32 {
        let stores = self.stores.len() as u32;
        let per_seller = self.shape.stores_per_seller;
        match (preference, is_preferred) {
            (Preference::HotBook, true) => 0,
            (Preference::HotSeller, true) => random.below(per_seller),
            (Preference::HotSeller, false) if stores > per_seller => {
                per_seller + random.below(stores - per_seller)
            }
            _ => random.below(stores),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn small_shop() -> Shop {
        Shop::new(Shape {
            seed: 1,
            sellers: 4,
            stores_per_seller: 2,
            books_per_store: 100,
            buyers: 8,
            books_per_order: 5,
        })
    }

    fn baskets(preference: Preference) -> (Shop, Vec<Basket>) {
        let shop = small_shop();
        let baskets = (0..10_000).map(|seed| shop.basket(seed, preference));
        let baskets = baskets.collect();
        (shop, baskets)
    }

    fn share(baskets: &[Basket], is_counted: impl Fn(&Basket) -> bool) -> f64 {
        let counted = baskets.iter().filter(|basket| is_counted(basket)).count();
        counted as f64 / baskets.len() as f64
    }

    #[test]
    fn baskets_have_the_average_length_and_no_book_twice() {
        let (_, baskets) = baskets(Preference::None);
        let lines: usize = baskets.iter().map(|basket| basket.lines.len()).sum();
        let average = lines as f64 / baskets.len() as f64;
        assert!((4.9..5.1).contains(&average), "{average}");
        for basket in &baskets {
            let mut books: Vec<_> = basket.lines.iter().map(|(book, _)| book).collect();
            books.sort();
            books.dedup();
            assert_eq!(books.len(), basket.lines.len());
        }
    }

    #[test]
    fn half_of_all_orders_want_the_hot_book() {
        let (_, baskets) = baskets(Preference::HotBook);
        let wants =
            |basket: &Basket| basket.store == 0 && basket.lines.iter().any(|(book, _)| *book == 0);
        let share = share(&baskets, wants);
        assert!((0.48..0.52).contains(&share), "{share}");
    }

    #[test]
    fn half_of_all_orders_go_to_the_hot_seller() {
        let (shop, baskets) = baskets(Preference::HotSeller);
        let share = share(&baskets, |basket| shop.owner(basket.store) == 0);
        assert!((0.48..0.52).contains(&share), "{share}");
    }

    #[test]
    fn a_tiny_shop_still_has_baskets() {
        let shop = Shop::new(Shape {
            sellers: 1,
            stores_per_seller: 1,
            books_per_store: 1,
            ..small_shop().shape
        });
        for preference in [Preference::None, Preference::HotBook, Preference::HotSeller] {
            for seed in 0..100 {
                let basket = shop.basket(seed, preference);
                assert_eq!((basket.store, &basket.lines[..]), (0, &[(0, 1)][..]));
            }
        }
    }
}
