//! However the best are looked for, they are the same.

use std::collections::HashMap;

use domain::book::BookFields;
use domain::{BookId, BookText};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use storage::FeedPosition;

use super::*;
use crate::columns::Columns;
use crate::execute::Kept;
use crate::execute::matching::Matcher;
use crate::index::{Facts, Index, Snapshot, Words};
use crate::plan::Planner;
use crate::query::{Keyword, Scope};

/// Few characters and words, so that each is in many books.
const PARTS: [&str; 8] = ["山", "海", "经", "山海", "水", " sql ", " mysql ", "，"];

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }

    fn text(&mut self, parts: u64) -> String {
        let parts = 1 + self.below(parts);
        let part = |_| PARTS[self.below(8) as usize];
        (0..parts).map(part).collect()
    }
}

struct Library {
    snapshot: Snapshot,
    columns: Columns,
    words: Words,
    _folder: tempfile::TempDir,
}

/// Books of a few words, in two segments, with some deleted.
fn library() -> Library {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), 15_000_000).unwrap();
    let mut columns = Columns::default();
    let mut dice = Dice(7);
    for slot in 0..400 {
        let text = BookText::new(BookFields {
            title: format!("{}{slot}", dice.text(4)),
            author: Some(dice.text(2)),
            tags: vec![dice.text(2), dice.text(2)],
            book_intro: Some(dice.text(40)),
            content: Some(dice.text(40)),
            ..BookFields::default()
        });
        let text = text.unwrap();
        let book = BookId::new(slot.to_string()).unwrap();
        index.add(slot, &book, &text).unwrap();
        columns.load(slot, book, text.hash());
        columns.describe(slot, &Facts::of(text.fields()));
        if slot == 250 {
            index.commit(&FeedPosition::new("1")).unwrap();
        }
    }
    for slot in (0..400).step_by(7) {
        index.delete(slot);
        columns.remove(slot);
    }
    index.commit(&FeedPosition::new("2")).unwrap();
    let snapshot = index.snapshot(None).unwrap();
    assert_eq!(snapshot.searcher.segment_readers().len(), 2);
    let mut words = Words::default();
    let new = snapshot.new_words(None).unwrap();
    words.add(new.iter().map(|(word, fields)| (word.as_str(), *fields)));
    Library {
        snapshot,
        columns,
        words,
        _folder: folder,
    }
}

type Offering<'s> = dyn Fn(&Scoring<'_>, Place<'_>, &mut Best<'_>) + 's;

impl Library {
    fn matched(&self, plan: &Plan, kept: &Kept) -> Vec<Matched> {
        let segments = self.snapshot.searcher.segment_readers().iter();
        let matched = segments.map(|segment| {
            let matcher = Matcher { segment, kept };
            let mut matched = matcher.matched(plan, None).unwrap();
            let alive = |document| !segment.is_deleted(document);
            matched.documents.retain(alive);
            matched
        });
        matched.collect()
    }

    fn best(
        &self,
        plan: &Plan,
        matched: &[Matched],
        room: usize,
        offer: &Offering<'_>,
    ) -> Vec<(u32, Score)> {
        let scoring = Scoring::new(plan, &self.snapshot.searcher, &[3, 4, 5]).unwrap();
        let mut best = Best::new(&self.columns, room);
        let segments = self.snapshot.searcher.segment_readers().iter();
        let places = segments.zip(&self.snapshot.slots).zip(matched);
        let places = places.map(|((segment, slots), matched)| Place {
            segment,
            slots,
            matched,
        });
        let places: Vec<Place<'_>> = places.collect();
        for place in &places {
            scoring.offer_titled(*place, &mut best).unwrap();
        }
        for place in &places {
            offer(&scoring, *place, &mut best);
        }
        best.into_scored()
    }

    fn check(&self, plan: &Plan, room: usize) {
        let kept = Kept::from_steps(1, 1);
        let matched = self.matched(plan, &kept);
        let again = self.matched(plan, &kept);
        let never = self.matched(plan, &Kept::default());
        for ((one, other), third) in matched.iter().zip(&again).zip(&never) {
            assert_eq!(one.documents, other.documents);
            assert_eq!(one.documents, third.documents);
        }
        let each = |scoring: &Scoring<'_>, place: Place<'_>, best: &mut Best<'_>| {
            scoring.offer_each(place, best).unwrap();
        };
        let all = self.best(plan, &matched, 1_000, &each);
        let total: u64 = matched
            .iter()
            .map(|matched| matched.documents.count())
            .sum();
        assert_eq!(all.len() as u64, total);
        let scores: HashMap<u32, Score> = all.iter().copied().collect();
        let by_ways = |scoring: &Scoring<'_>, place: Place<'_>, best: &mut Best<'_>| {
            scoring.offer_by_ways(place, best).unwrap();
        };
        let pruning = |scoring: &Scoring<'_>, place: Place<'_>, best: &mut Best<'_>| {
            let union = scoring.union().unwrap();
            scoring.offer_pruning(&*union, place, best).unwrap();
        };
        let close = |left: Score, right: Score| (left - right).abs() <= 1e-4 * left.max(1.0);
        let mut ways: Vec<&Offering<'_>> = vec![&pruning];
        if plan.ways().count() <= WAYS_MAX {
            ways.push(&by_ways);
        }
        for offer in ways {
            for matched in [&matched, &never] {
                let found = self.best(plan, matched, room, offer);
                assert_eq!(found.len(), room.min(all.len()));
                for ((slot, score), (_, expected)) in found.iter().zip(&all) {
                    assert!(
                        close(*score, scores[slot]),
                        "{slot}: {score}, {}",
                        scores[slot]
                    );
                    assert!(close(*score, *expected), "{score}, {expected}");
                }
            }
        }
    }
}

#[test]
fn the_best_are_the_same_however_they_are_looked_for() {
    let library = library();
    let planner = Planner {
        snapshot: &library.snapshot,
        words: &library.words,
        scope: Scope::ALL,
    };
    let keyword = prop::collection::vec(prop::sample::select(&PARTS[..]), 1..6);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(keyword, 1_usize..30), |(parts, room)| {
            let keyword = Keyword::new(&parts.concat());
            let plans = [
                planner.exact(&keyword),
                planner.by_half_of_pairs(&keyword),
                planner.by_one_typo(&keyword),
            ];
            plans
                .iter()
                .flatten()
                .for_each(|plan| library.check(plan, room));
            Ok(())
        })
        .unwrap();
}
