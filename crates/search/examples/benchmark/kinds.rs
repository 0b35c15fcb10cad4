//! The searches that are measured, in the crate and over HTTP.

use crate::made::{chinese, english};

/// What a search asks for beside its keyword.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asks {
    pub store: Option<&'static str>,
    /// Where it is not the first.
    pub page: Option<u32>,
    pub is_by_price: bool,
    /// Lowest and highest price, in fen, of what is in stock.
    pub prices: Option<(i64, i64)>,
    pub facets: bool,
}

/// Searches of a kind.
pub struct Kind {
    pub name: &'static str,
    pub keywords: Vec<String>,
    pub asks: Asks,
}

impl Kind {
    fn plain(name: &'static str, keywords: &[String]) -> Self {
        Self::asking(name, keywords, Asks::default())
    }

    fn asking(name: &'static str, keywords: &[String], asks: Asks) -> Self {
        Self {
            name,
            keywords: keywords.to_vec(),
            asks,
        }
    }
}

/// All kinds.
pub fn all() -> Vec<Kind> {
    let common = [0, 1, 2, 3].map(chinese);
    let rare = [15_000, 20_000, 25_000, 29_000].map(chinese);
    let pairs = [(0, 5), (2, 40), (300, 3)];
    let pairs = pairs.map(|(one, other)| format!("{} {}", chinese(one), chinese(other)));
    let phrases = [
        [0, 1].map(chinese).concat(),
        [3, 10].map(chinese).concat(),
        [1, 4, 2].map(chinese).concat(),
    ];
    let characters = common
        .each_ref()
        .map(|word| word.chars().take(1).collect::<String>());
    let letters = ["ba", "to", "er"].map(str::to_owned);
    let unknown = ["龘龘龘龘龘", "qqqxqqq"].map(str::to_owned);
    let none = [String::new()];
    let facets = Asks {
        facets: true,
        ..Asks::default()
    };
    let in_store = |store| Asks {
        store: Some(store),
        ..Asks::default()
    };
    let page = Asks {
        page: Some(50),
        ..Asks::default()
    };
    let by_price = Asks {
        is_by_price: true,
        ..Asks::default()
    };
    let priced = Asks {
        prices: Some((2_000, 5_000)),
        ..Asks::default()
    };
    vec![
        Kind::plain("a word of most documents", &common),
        Kind::plain("a rare word", &rare),
        Kind::plain("two words", &pairs),
        Kind::plain("a phrase of the commonest words", &phrases),
        Kind::plain("one character", &characters),
        Kind::plain("an English word", &[0, 7, 60, 700].map(english)),
        Kind::plain("two letters", &letters),
        Kind::asking("in the biggest store", &common, in_store("s0")),
        Kind::asking("in a small store", &common, in_store("s9999")),
        Kind::asking("page 50", &common, page),
        Kind::asking("by price", &common, by_price),
        Kind::asking("of a range of prices, in stock", &common, priced),
        Kind::asking("with facets", &common, facets),
        Kind::plain("no keyword", &none),
        Kind::asking("no keyword, with facets", &none, facets),
        Kind::plain("nothing found, relaxed", &unknown),
    ]
}

/// Beginnings to be completed.
pub fn beginnings() -> Vec<String> {
    let words = [0, 3, 50, 900, 10_000].map(chinese);
    let beginnings = words.into_iter().flat_map(|word| {
        let first = word.chars().take(1).collect();
        [first, word]
    });
    beginnings.chain(["b".into(), "ba".into()]).collect()
}
