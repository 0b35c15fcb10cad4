//! The demonstration's books, as `books.txt` has them.

use anyhow::{Context, anyhow};
use domain::book::BookFields;
use domain::{BookId, BookText, Price};

const BOOKS: &str = include_str!("books.txt");

/// A book of the demonstration.
pub struct Classic {
    pub id: BookId,
    pub text: BookText,
    pub price: Price,
    /// Whether it is written in Chinese.
    pub is_chinese: bool,
}

/// All of them, in the file's order.
pub fn classics() -> anyhow::Result<Vec<Classic>> {
    let mut lines = BOOKS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut classics = Vec::new();
    while let Some(facts) = lines.next() {
        let about = lines.next().context("a book without words about it")?;
        let read = read(facts, about).with_context(|| facts.to_owned())?;
        classics.push(read);
    }
    Ok(classics)
}

fn read(facts: &str, about: &str) -> anyhow::Result<Classic> {
    let parts: Vec<&str> = facts.split('|').map(str::trim).collect();
    let [id, title, author, year, tags, price, original] = parts[..] else {
        return Err(anyhow!("a book has seven parts"));
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let fields = BookFields {
        title: title.to_owned(),
        author: some(author),
        pub_year: some(year),
        original_title: some(original),
        book_intro: some(about),
        tags: tags.split(',').map(|tag| tag.trim().to_owned()).collect(),
        ..BookFields::default()
    };
    let (yuan, fen) = price.split_once('.').context("a price has two decimals")?;
    let price = yuan.parse::<i64>()? * 100 + fen.parse::<i64>()?;
    Ok(Classic {
        id: BookId::new(id)?,
        is_chinese: !about.is_ascii() && title.chars().all(|letter| !letter.is_ascii()),
        text: BookText::new(fields)?,
        price: Price::new(price)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_sixty_of_both_languages_each_once() {
        let classics = classics().unwrap();
        assert_eq!(classics.len(), 60);
        let ids: HashSet<&str> = classics.iter().map(|book| book.id.as_str()).collect();
        assert_eq!(ids.len(), 60);
        let chinese = classics.iter().filter(|book| book.is_chinese);
        assert_eq!(chinese.count(), 30);
        assert!(classics.iter().all(|book| book.price.get() > 1_000));
        assert!(ids.contains("hongloumeng"));
    }
}
