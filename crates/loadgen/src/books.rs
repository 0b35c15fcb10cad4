//! What the books are called: made-up titles in Chinese and English, for a search to find.

use std::fmt::Write;

use crate::random::Random;
use crate::shop::Shop;

const CHINESE_FIRST: [&str; 16] = [
    "春天的",
    "江南",
    "夜行",
    "遥远的",
    "沉默的",
    "北方",
    "城市",
    "山中",
    "未完成的",
    "孤独的",
    "海边",
    "旧时光",
    "寂静的",
    "雨后",
    "黄昏的",
    "最后的",
];
const CHINESE_LAST: [&str; 16] = [
    "历史",
    "来信",
    "花园",
    "数学",
    "旅人",
    "厨房",
    "哲学",
    "诗选",
    "算法",
    "河流",
    "小镇",
    "笔记",
    "美术馆",
    "传说",
    "经济学",
    "邮差",
];
const ENGLISH_FIRST: [&str; 12] = [
    "quiet",
    "borrowed",
    "northern",
    "unfinished",
    "hidden",
    "paper",
    "winter",
    "second",
    "broken",
    "golden",
    "salt",
    "distant",
];
const ENGLISH_LAST: [&str; 12] = [
    "gardens",
    "machines",
    "letters",
    "rivers",
    "histories",
    "kitchens",
    "proofs",
    "islands",
    "voices",
    "maps",
    "harbours",
    "seasons",
];
const SURNAMES: [&str; 8] = ["李", "王", "张", "陈", "林", "Moor", "Hale", "Okada"];

fn one_of<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len() as u32) as usize]
}

/// Writes the `book_info` of a book.
pub fn write_book(out: &mut String, shop: &Shop, store: u32, book: u32) {
    // The same book has the same text in each store.
    let mut random = Random::of(&[shop.shape.seed, u64::from(book)]);
    let title = title(&mut random, book);
    let author = one_of(&mut random, &SURNAMES);
    let tag = one_of(&mut random, &CHINESE_LAST);
    let id = &shop.books[book as usize];
    let price = shop.price_fen(store, book);
    write!(
        out,
        r#"{{"id":"{id}","title":"{title}","author":"{author}","tags":["{tag}"],"price":{price}}}"#
    )
    .expect("a String takes all");
}

fn title(random: &mut Random, number: u32) -> String {
    if random.happens(50) {
        let (first, last) = (
            one_of(random, &CHINESE_FIRST),
            one_of(random, &CHINESE_LAST),
        );
        format!("{first}{last}{number}")
    } else {
        let (first, last) = (
            one_of(random, &ENGLISH_FIRST),
            one_of(random, &ENGLISH_LAST),
        );
        format!("The {first} {last} {number}")
    }
}

/// A word that some books have in their titles.
pub fn keyword(random: &mut Random) -> &'static str {
    if random.happens(50) {
        one_of(random, &CHINESE_LAST)
    } else {
        one_of(random, &ENGLISH_LAST)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::shop::tests::small_shop;

    #[test]
    fn a_book_is_json_and_costs_what_the_shop_says() {
        let shop = small_shop();
        for book in 0..100 {
            let mut out = String::new();
            write_book(&mut out, &shop, 3, book);
            let written: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(written["id"], shop.books[book as usize].as_str());
            assert_eq!(written["price"], shop.price_fen(3, book));
            assert!(!written["title"].as_str().unwrap().is_empty());
        }
    }
}
