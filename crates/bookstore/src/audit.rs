//! `bookstore audit`: a table of what is right and wrong.

use std::fmt::Write as _;

use storage::AuditReport;

use crate::Verdict;
use crate::cli::DataArguments;
use crate::data;
use crate::output::{grouped, say};

/// How many findings of a check the table shows.
const SHOWN_MAX: usize = 5;

/// Checks everything stored against itself.
pub async fn run(arguments: &DataArguments) -> anyhow::Result<Verdict> {
    let storage = data::open_read_only(arguments).await?;
    let report = storage.audit().await?;
    storage.close().await?;
    say(table(&report).trim_end());
    Ok(if report.is_clean() {
        Verdict::Done
    } else {
        Verdict::FoundProblem
    })
}

/// The report as a table, and its verdict below.
pub fn table(report: &AuditReport) -> String {
    let mut text = format!("{:<30} {:>12} {:>8}\n", "check", "looked at", "wrong");
    for finding in &report.findings {
        let name = finding.check.to_string();
        let (checked, wrong) = (grouped(finding.checked), grouped(finding.wrong));
        // Writing to a string never fails.
        let _ = writeln!(text, "{name:<30} {checked:>12} {wrong:>8}");
        for words in finding.shown.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "    {words}");
        }
        let shown = finding.shown.len().min(SHOWN_MAX) as u64;
        if finding.wrong > shown {
            let _ = writeln!(text, "    … and {} more", grouped(finding.wrong - shown));
        }
    }
    text.push_str(if report.is_clean() {
        "nothing is wrong"
    } else {
        "something is wrong"
    });
    text
}

#[cfg(test)]
mod tests {
    use storage::{AuditCheck, Finding};

    use super::*;

    #[test]
    fn the_table_shows_the_first_findings() {
        let mut finding = Finding::new(AuditCheck::StockEquation);
        for row in 0..7 {
            finding.look(Some(|| format!("row {row}")));
        }
        let report = AuditReport {
            findings: vec![finding],
        };
        let table = table(&report);
        assert!(
            table.contains("stock equation holds                      7        7\n    row 0\n")
        );
        assert!(
            table.contains("    row 4\n    … and 2 more\nsomething is wrong"),
            "{table}"
        );
    }
}
