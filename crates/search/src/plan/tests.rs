//! However much a keyword may stand for, its plan is bounded, and finds what holds it plainly.

use domain::book::BookFields;
use domain::{BookId, BookText};
use storage::FeedPosition;

use super::*;
use crate::columns::Columns;
use crate::execute::{Meant, Run, Wanted};
use crate::index::{Facts, Index};
use crate::query::{Filter, KEYWORD_MAX_PIECES, Sort};

/// A piece's ways in each field, and as an ISBN.
const PLAIN_WAYS_MAX: usize = TextField::ALL.len() + 1;

struct Library {
    snapshot: Snapshot,
    columns: Columns,
    words: Words,
    _folder: tempfile::TempDir,
}

/// One book, and a dictionary of so many words for each of the endings and beginnings.
fn library(title: &str, words: impl IntoIterator<Item = String>) -> Library {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), 15_000_000).unwrap();
    let text = BookText::new(BookFields {
        title: title.to_owned(),
        ..BookFields::default()
    });
    let text = text.unwrap();
    let book = BookId::new("a").unwrap();
    index.add(0, &book, &text).unwrap();
    index.commit(&FeedPosition::new("1")).unwrap();
    let mut columns = Columns::default();
    columns.load(0, book, text.hash());
    columns.describe(0, &Facts::of(text.fields()));
    let mut known = Words::default();
    let words: Vec<String> = words.into_iter().collect();
    known.add(words.iter().map(|word| (word.as_str(), 0xFF)));
    Library {
        snapshot: index.snapshot(None).unwrap(),
        columns,
        words: known,
        _folder: folder,
    }
}

impl Library {
    fn planner(&self) -> Planner<'_> {
        Planner {
            snapshot: &self.snapshot,
            words: &self.words,
            scope: Scope::ALL,
        }
    }

    fn total(&self, plan: &Plan) -> u64 {
        let run = Run {
            snapshot: &self.snapshot,
            columns: &self.columns,
            meant: Meant::of(&Filter::default(), &self.columns),
            wanted: Wanted {
                sort: Sort::Relevance,
                reach: 10,
                all: false,
            },
            titled: Vec::new(),
        };
        run.plan(plan).unwrap().total
    }
}

fn counts(plan: &Plan) -> Vec<usize> {
    plan.pieces.iter().map(Vec::len).collect()
}

/// Words that end in `ab` and words that begin with `cd`, more than count.
fn edges() -> impl Iterator<Item = String> {
    (0..EDGE_WORDS_MAX + 50).flat_map(|number| [format!("x{number}ab"), format!("cd{number}x")])
}

#[test]
fn letters_at_all_ends_stay_under_the_limit() {
    let pieces: Vec<String> = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳"
        .chars()
        .map(|character| format!("ab{character}中cd"))
        .collect();
    let keyword = Keyword::new(&pieces.join(" "));
    assert_eq!(keyword.pieces.len(), KEYWORD_MAX_PIECES);
    let library = library(&pieces.join("，"), edges());
    let plan = library.planner().exact(&keyword).unwrap();
    let counts = counts(&plan);
    let fields = TextField::ALL.len();
    assert_eq!(counts[0], fields * EDGE_PAIRS_MAX, "one has all it can");
    assert!(counts[1..].iter().all(|count| *count == fields));
    assert_eq!(library.total(&plan), 1);
    // A piece by itself has no less than among others.
    let one = library.planner().exact(&Keyword::new(&pieces[5])).unwrap();
    assert_eq!(one.ways().count(), fields * EDGE_PAIRS_MAX);
    assert_eq!(library.total(&one), 1);
}

#[test]
fn ordinary_keywords_are_not_cut() {
    let library = library("xab中文 cd1x", edges());
    let planner = library.planner();
    let keyword = Keyword::new("ab中文 cd 中文 java编程 python入门");
    let plan = planner.exact(&keyword).unwrap();
    let fields = TextField::ALL.len();
    let alone = keyword.pieces.iter().map(|piece| {
        let plan = planner.exact(&Keyword::new(piece)).unwrap();
        plan.ways().count()
    });
    assert_eq!(counts(&plan), alone.collect::<Vec<_>>());
    assert_eq!(counts(&plan)[0], fields * (1 + EDGE_WORDS_MAX));
}

#[test]
fn slips_stay_under_the_limit() {
    // Pieces as long as a slip may be in, of characters of which none is twice.
    let characters: Vec<char> = ('\u{5000}'..).take(512).collect();
    let pieces: Vec<String> = characters
        .chunks(15)
        .take(KEYWORD_MAX_PIECES)
        .map(|chunk| chunk.iter().collect())
        .collect();
    let keyword = Keyword::new(&pieces.join(" "));
    let library = library(&keyword.whole, []);
    let plan = library.planner().by_one_typo(&keyword).unwrap();
    let plain = PLAIN_WAYS_MAX * keyword.pieces.len();
    let ways = plan.ways().count();
    assert!(ways > MORE_WAYS_MAX, "{ways}: the limit was reached");
    assert!(ways <= MORE_WAYS_MAX + plain, "{ways}");
    assert_eq!(library.total(&plan), 1);
    let one = library.planner().by_one_typo(&Keyword::new(&pieces[0]));
    assert_eq!(plan.pieces[0].len(), one.unwrap().ways().count());
}
