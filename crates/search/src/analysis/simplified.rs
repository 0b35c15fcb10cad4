//! Traditional Chinese characters, one by one.
//!
//! Each character is folded by itself, whatever stands beside it: only so does every part of a
//! text fold to a part of the folded text. Converting word by word would know better, and find less.

use std::sync::LazyLock;

const TABLE: &str = include_str!("simplified.txt");
/// Pairs that the table leaves to converters that look at words.
const MORE: &str = "著着 瞭了";

const FIRST: u32 = 0x2E80;
const LAST: u32 = 0xFFFF;

/// For each character from [`FIRST`] on the simplified one; 0 where it has none.
static SIMPLIFIED: LazyLock<Box<[u32]>> = LazyLock::new(|| {
    let mut table = vec![0; (LAST - FIRST + 1) as usize];
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    for pair in lines.chain([MORE]).flat_map(str::split_whitespace) {
        let mut characters = pair.chars();
        if let (Some(from), Some(to)) = (characters.next(), characters.next()) {
            table[(u32::from(from) - FIRST) as usize] = u32::from(to);
        }
    }
    // A simplified character may itself have a simpler one: folding twice must change nothing.
    for from in 0..table.len() {
        while let Some(next) = table[from]
            .checked_sub(FIRST)
            .and_then(|at| table.get(at as usize))
            .copied()
            .filter(|next| *next != 0)
        {
            table[from] = next;
        }
    }
    table.into()
});

/// The simplified form of a character; itself where it has none.
pub(super) fn simplify(character: char) -> char {
    u32::from(character)
        .checked_sub(FIRST)
        .and_then(|at| SIMPLIFIED.get(at as usize))
        .filter(|to| **to != 0)
        .and_then(|to| char::from_u32(*to))
        .unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_pairs() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let mut pairs = 0;
        for pair in lines.chain([MORE]).flat_map(str::split_whitespace) {
            assert_eq!(pair.chars().count(), 2, "{pair}");
            pairs += 1;
        }
        assert_eq!(pairs, 3_158);
    }

    #[test]
    fn what_is_simplified_stays_as_it_is() {
        for character in (0..=0x3_FFFF).filter_map(char::from_u32) {
            let simple = simplify(character);
            assert_eq!(simplify(simple), simple, "{character}");
        }
        let traditional = "裡裏線綫眾爲峯羣臺檯著乾後麼們說曆歷";
        let simple: String = traditional.chars().map(simplify).collect();
        assert_eq!(simple, "里里线线众为峰群台台着干后么们说历历");
    }
}
