use proptest::prelude::*;

use super::fold::is_word;
use super::*;

fn term_texts(text: &str) -> Vec<(u32, String)> {
    let folded = fold(text);
    let mut found = Vec::new();
    terms(&folded, &mut found);
    found
        .iter()
        .map(|term| {
            (
                term.position,
                folded[term.start as usize..term.end as usize].to_owned(),
            )
        })
        .collect()
}

#[test]
fn width_case_accents_and_tradition_count_as_nothing() {
    for (left, right) in [
        ("ＡＢＣ１２３", "abc123"),
        ("Straße", "STRASSE"),
        ("García Márquez", "garcia marquez"),
        ("e\u{301}tude", "étude"),
        ("中國歷代年號考", "中国历代年号考"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("か\u{3099}", "が"),
        ("\u{1112}\u{1161}\u{11AB}", "한"),
        ("①②", "12"),
        ("書\u{200B}名\u{FE0F}", "书名"),
        ("ΟΔΟΣ", "οδος"),
        ("⽂化", "文化"),
    ] {
        assert_eq!(fold(left), fold(right), "{left} and {right}");
    }
}

#[test]
fn separators_of_names_count_as_nothing() {
    for name in [
        "列夫·托尔斯泰",
        "列夫•托尔斯泰",
        "列夫‧托尔斯泰",
        "列夫・托尔斯泰",
        "列夫･托尔斯泰",
        "列夫.托尔斯泰",
        "列夫．托尔斯泰",
        "列夫 · 托尔斯泰",
        "（列夫·托尔斯泰）",
    ] {
        assert_eq!(fold(name), "列夫托尔斯泰", "{name}");
    }
    assert_eq!(fold("我…你"), "我 你");
    assert_eq!(fold("完. 新"), "完 新");
    assert_eq!(fold("O'Reilly’s"), "oreillys");
}

#[test]
fn breaks_are_kept_between_like_and_like_only() {
    assert_eq!(fold("三体：黑暗森林"), "三体 黑暗森林");
    assert_eq!(fold("《Python  编程》 从入门"), "python编程 从入门");
    assert_eq!(fold("J.K. Rowling, e-mail"), "j k rowling e mail");
    assert_eq!(fold("C++ 与 C#"), "c++与c#");
    assert_eq!(fold("+1 ++ 1+1"), "1 1+1");
    assert_eq!(fold("，。！ (\"*\") "), "");
}

#[test]
fn terms_are_characters_pairs_and_words() {
    let expected = |list: &[(u32, &str)]| -> Vec<(u32, String)> {
        list.iter()
            .map(|(position, text)| (*position, (*text).to_owned()))
            .collect()
    };
    assert_eq!(
        term_texts("三体：黑"),
        expected(&[
            (0, "三"),
            (0, "三体"),
            (1, "体"),
            (1, "体 "),
            (1, " 黑"),
            (2, "黑"),
            (2, "黑")
        ])
    );
    assert_eq!(
        term_texts("Python 编程 in C++"),
        expected(&[
            (0, "python"),
            (1, "n编"),
            (1, "编"),
            (1, "编程"),
            (2, "程"),
            (2, "程i"),
            (3, "in"),
            (4, "c++")
        ])
    );
    let long = "x".repeat(WORD_MAX_CHARACTERS + 1);
    assert_eq!(term_texts(&long).len(), 2);
}

#[test]
fn spans_lead_back_to_the_original() {
    let original = "（美）Ｇarcía：書店．";
    let folded = fold_with_spans(original);
    assert_eq!(folded.text, "美garcia书店");
    let back: Vec<&str> = folded
        .spans
        .iter()
        .map(|&(_, start, end)| &original[start as usize..end as usize])
        .collect();
    assert_eq!(back, ["美", "Ｇ", "a", "r", "c", "í", "a", "書", "店"]);
}

#[test]
fn isbns_of_ten_and_thirteen_are_the_same() {
    // The number that the standard itself gives as its example.
    for text in [
        "0-306-40615-2",
        "0306406152",
        "978-0-306-40615-7",
        "9780306406157",
        "９７８０３０６４０６１５７",
        "978 0 306 40615 7",
    ] {
        assert_eq!(isbn_of(text).as_deref(), Some("9780306406157"), "{text}");
    }
    assert_eq!(isbn_of("080442957x").as_deref(), Some("9780804429573"));
    for text in [
        "",
        "1234567890",
        "97803064061",
        "9780306406157x",
        "三体",
        "97803064061571",
    ] {
        assert_eq!(isbn_of(text), None, "{text}");
    }
    let found: Vec<String> = isbns_in("ISBN 0-306-40615-2; 978-7-02-002764-4").collect();
    assert_eq!(found, ["9780306406157", "9787020027644"]);
}

#[test]
fn every_character_folds_to_what_stays() {
    for character in (0..=0x10_FFFF).filter_map(char::from_u32) {
        let once = fold(character.encode_utf8(&mut [0; 4]));
        assert_eq!(fold(&once), once, "{character:?}");
        assert!(once.len() <= 64, "{character:?}");
        for folded in once.chars() {
            assert!(
                folded == BREAK || is_dense(folded) || is_word(folded),
                "{character:?}"
            );
        }
    }
}

/// Texts of what is awkward, besides any.
fn awkward() -> impl Strategy<Value = String> {
    let characters = prop::sample::select(
        "三体黑暗書書abcZ19é한가ｶﾞ゙か゚์ก·.・ '’+#-，。：（）\u{200B}\u{301}\u{3099}ßς\n\0"
            .chars()
            .collect::<Vec<_>>(),
    );
    let some = prop::collection::vec(characters, 0..40)
        .prop_map(|characters| characters.into_iter().collect::<String>());
    prop_oneof![some, any::<String>()]
}

proptest! {
    #[test]
    fn folding_twice_is_folding_once(text in awkward()) {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
    }

    #[test]
    fn spans_are_in_order_and_inside(text in awkward()) {
        let folded = fold_with_spans(&text);
        prop_assert_eq!(&folded.text, &fold(&text));
        prop_assert_eq!(folded.spans.len(), folded.text.chars().count());
        let mut last = 0;
        for (&(at, start, end), (index, _)) in folded.spans.iter().zip(folded.text.char_indices()) {
            prop_assert_eq!(at as usize, index);
            prop_assert!(last <= start && start <= end, "{}", text);
            prop_assert!(text.get(start as usize..end as usize).is_some());
            last = start;
        }
    }

    #[test]
    fn terms_are_bounded_and_in_order(text in awkward()) {
        let folded = fold(&text);
        let mut found = Vec::new();
        terms(&folded, &mut found);
        prop_assert!(found.len() <= 3 * folded.chars().count());
        prop_assert!(found.is_sorted_by_key(|term| term.position));
        for term in found {
            prop_assert!(folded.get(term.start as usize..term.end as usize).is_some());
        }
    }
}
