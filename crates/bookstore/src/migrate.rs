//! `bookstore migrate`: moves a whole shop from one place, or one storage engine, to another.
//!
//! `storage::migration` moves it page by page. Then both ends are walked through, added up and
//! compared, and audited; only where the copy is right does it become a shop that can be served.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, bail};
use storage::migration::PAGE_LIMIT;
use storage::{AuditReport, MigrationError, Move, Storage, Totals};

use crate::Verdict;
use crate::audit;
use crate::cli::MigrateArguments;
use crate::clock::SystemClock;
use crate::data::{self, Location};
use crate::output::{grouped, note, say};
use crate::progress::Progress;
use crate::signals::StopSignals;

const RUN_IT_AGAIN: &str = "hint: run it again, it goes on where it stopped";

/// Moves the shop, and says what came of it.
pub async fn run(arguments: &MigrateArguments) -> anyhow::Result<Verdict> {
    let MigrateArguments { from, to } = arguments;
    if from.url() == to.url() {
        bail!(
            "the shop is in `{}` already\nhint: name another place to move it to",
            to.url()
        );
    }
    let mut signals = StopSignals::listen()?;
    let clock = Arc::new(SystemClock);
    let source = data::open_source(from, clock.clone()).await?;
    let destination = data::open_destination(to, clock).await?;
    let mut progress = Progress::begin(0, "rows");
    let moved = tokio::select! {
        moved = migrate(&*source, &*destination, from, &mut progress) => Some(moved),
        () = signals.next() => None,
    };
    progress.end();
    let closed = [destination.close().await, source.close().await];
    let moved = moved.transpose()?;
    for closed in closed {
        closed.context("the data was not closed well")?;
    }
    Ok(match moved {
        Some(Verdict::Done) => {
            say(&format!(
                "the shop is in `{}` now; what was before is as it was",
                to.url()
            ));
            Verdict::Done
        }
        Some(verdict) => verdict,
        None => {
            note(&format!("interrupted\n  {RUN_IT_AGAIN}"));
            Verdict::FoundProblem
        }
    })
}

async fn migrate(
    source: &dyn Storage,
    destination: &dyn Storage,
    from: &Location,
    progress: &mut Progress,
) -> anyhow::Result<Verdict> {
    let candidate = app::random::bytes();
    let begun = Move::begin(source, destination, &from.url(), candidate, PAGE_LIMIT).await;
    let mut moving = begun?;
    copy(&mut moving, progress).await?;
    progress.end();
    *progress = Progress::begin(2 * moving.rows_moved(), "rows compared");
    let here = Totals::add_up(source, PAGE_LIMIT, |rows| progress.advance(rows)).await?;
    let there = Totals::add_up(destination, PAGE_LIMIT, |rows| progress.advance(rows)).await?;
    progress.end();
    say(table(&here, &there).trim_end());
    note("auditing both");
    let reports = (source.audit().await?, destination.audit().await?);
    let is_right = here == there && findings(&reports.0) == findings(&reports.1);
    say_audits(&reports.0, &reports.1);
    if !is_right {
        note(
            "the copy is not what it was made from, so no server will start on it\n  \
             hint: was either place in use meanwhile? empty the new one, and run it again",
        );
        return Ok(Verdict::FoundProblem);
    }
    moving.end().await?;
    Ok(if reports.0.is_clean() {
        Verdict::Done
    } else {
        note("the shop has moved as it was, with what is wrong in it");
        Verdict::FoundProblem
    })
}

async fn copy(moving: &mut Move<'_>, progress: &mut Progress) -> anyhow::Result<()> {
    let mut moved = moving.rows_moved();
    *progress = Progress::begin(moving.rows_expected(), "rows");
    if moved > 0 {
        progress.note(&format!(
            "{} rows have moved already: going on",
            grouped(moved)
        ));
        progress.go_on_at(moved);
    }
    while step(moving).await? {
        progress.set_total(moving.rows_expected());
        progress.advance(moving.rows_moved() - moved);
        moved = moving.rows_moved();
    }
    Ok(())
}

/// Moves a page. Where a storage broke, another attempt can help.
async fn step(moving: &mut Move<'_>) -> anyhow::Result<bool> {
    moving.step().await.map_err(|error| match error {
        MigrationError::Storage(_) => {
            anyhow::Error::new(error).context(format!("the migration stopped\n{RUN_IT_AGAIN}"))
        }
        _ => error.into(),
    })
}

/// How many rows each check of an audit found wrong.
fn findings(report: &AuditReport) -> Vec<u64> {
    report
        .findings
        .iter()
        .map(|finding| finding.wrong)
        .collect()
}

fn say_audits(source: &AuditReport, destination: &AuditReport) {
    if source.is_clean() && destination.is_clean() {
        return say("audit of both: nothing is wrong");
    }
    say(&format!(
        "\naudit of the old place:\n{}",
        audit::table(source)
    ));
    say(&format!(
        "\naudit of the new place:\n{}",
        audit::table(destination)
    ));
}

fn table(from: &Totals, to: &Totals) -> String {
    let mut text = format!("{:<20} {:>15} {:>15}\n", "", "from", "to");
    let mut line = |name: &str, from: String, to: String, is_same: bool| {
        let verdict = if is_same { "same" } else { "DIFFERS" };
        // Writing to a string never fails.
        let _ = writeln!(text, "{name:<20} {from:>15} {to:>15}  {verdict}");
    };
    for ((section, from), (_, to)) in from.by_section().zip(to.by_section()) {
        line(
            section.as_str(),
            grouped(from.rows),
            grouped(to.rows),
            from == to,
        );
    }
    for (name, from, to) in [
        ("balances in fen", from.balance_fen, to.balance_fen),
        ("of which held", from.held_fen, to.held_fen),
    ] {
        line(name, from.to_string(), to.to_string(), from == to);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_differs() {
        let mut from = Totals {
            balance_fen: 5,
            ..Totals::default()
        };
        from.sections[0].rows = 1_234;
        let mut to = from.clone();
        to.sections[2].content = 1;
        to.balance_fen = -5;
        let table = table(&from, &to);
        let line = |name: &str| table.lines().find(|line| line.starts_with(name));
        let squeezed = |name| {
            let words: Vec<&str> = line(name).expect("a line").split_whitespace().collect();
            words.join(" ")
        };
        assert_eq!(squeezed("accounts"), "accounts 1,234 1,234 same");
        assert_eq!(squeezed("texts"), "texts 0 0 DIFFERS");
        assert_eq!(squeezed("balances"), "balances in fen 5 -5 DIFFERS");
    }
}
