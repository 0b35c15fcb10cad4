//! A report as text.

use std::fmt::Write;

use super::{Report, Spread};
use crate::check::Audit;
use crate::outcome::Class;
use crate::output::grouped;

impl Report {
    /// The report as a table of at most 100 columns.
    pub fn table(&self) -> String {
        let mut out = String::new();
        self.write_table(&mut out).expect("a String takes all");
        out
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}", self.setting.sentence())?;
        writeln!(out)?;
        let journeys = self.setting.mix.journeys();
        writeln!(
            out,
            "{:<12}{:>12}",
            format!("{journeys}/s"),
            decimal(self.journeys_per_s)
        )?;
        writeln!(
            out,
            "{:<12}{:>12}",
            "requests/s",
            decimal(self.requests_per_s)
        )?;
        if let Some(tps_c) = self.tps_c {
            writeln!(out, "{:<12}{:>12}", "TPS_C", decimal(tps_c))?;
        }
        if let Some(cores) = self.generator_cores {
            writeln!(out, "{:<12}{cores:>12.2}  processors", "loadgen used")?;
        }
        if let Some(fsync) = &self.fsync {
            let (p50, p99) = (millis(fsync.p50_us), millis(fsync.p99_us));
            writeln!(out, "{:<12}{p50:>12}  ms (p50; p99 {p99})", "fdatasync")?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "step (ms)", "accepted", "a second", "p50", "p90", "p99", "p99.9", "max"
        )?;
        for step in &self.steps {
            write!(out, "{:<20}{:>10}", step.step, grouped(step.accepted))?;
            write!(out, "{:>10}", decimal(step.per_s))?;
            write_spread(out, &step.latency)?;
        }
        for step in &self.steps {
            if let Some(shed) = &step.shed_latency {
                let name = format!("  {} shed", step.step);
                write!(out, "{name:<20}{:>10}{:>10}", grouped(shed.count), "")?;
                write_spread(out, shed)?;
            }
        }
        self.write_endings(out)
    }

    fn write_endings(&self, out: &mut String) -> std::fmt::Result {
        if self.unsent > 0 {
            let unsent = grouped(self.unsent);
            writeln!(
                out,
                "\n{unsent} were due and had not begun at the end; they are in the latencies"
            )?;
        }
        if self.not_accepted.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n{:<20}{:<16}{:<14}{:>10}",
            "not accepted", "ended as", "which is", "count"
        )?;
        for ending in &self.not_accepted {
            let (outcome, class) = (ending.outcome.to_string(), ending.class.name());
            let count = grouped(ending.count);
            writeln!(
                out,
                "{:<20}{outcome:<16}{class:<14}{count:>10}",
                ending.step
            )?;
        }
        Ok(())
    }
}

impl Audit {
    /// What the audit came to, as text.
    pub fn table(&self) -> String {
        let mut out = String::new();
        self.write_table(&mut out).expect("a String takes all");
        out
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "audit: {} orders", grouped(self.orders))?;
        if self.found_again > 0 {
            write!(
                out,
                " and {} whose answers got lost",
                grouped(self.found_again)
            )?;
        }
        if self.accounts > 0 {
            let accounts = grouped(self.accounts);
            write!(
                out,
                ", the money of {accounts} accounts (by {})",
                self.money_by
            )?;
        }
        if self.listings > 0 {
            write!(out, ", the stock of {} listings", grouped(self.listings))?;
        }
        if self.expired > 0 {
            write!(
                out,
                "; {} orders were not paid in time",
                grouped(self.expired)
            )?;
        }
        for why in &self.unchecked {
            write!(out, "\n  not checked: {why}")?;
        }
        if self.findings.count == 0 {
            return write!(out, "\naudit: nothing is lost, nothing doubled");
        }
        write!(
            out,
            "\naudit: {} promises broken",
            grouped(self.findings.count)
        )?;
        for finding in &self.findings.first {
            write!(out, "\n  {}: {}", finding.kind.name(), finding.what)?;
        }
        if self.findings.count > self.findings.first.len() as u64 {
            write!(out, "\n  and more")?;
        }
        Ok(())
    }
}

impl super::Setting {
    /// What was run, in a sentence or two.
    pub fn sentence(&self) -> String {
        let pace = match self.rate {
            None => "closed loop".to_owned(),
            Some(rate) => format!("open loop at {rate} {}/s", self.mix.journeys()),
        };
        format!(
            "{}, {pace}: {} connections, threads: {}, {} s after {} s of warm-up, seed {}\n\
             {}; {} buyers, {} sellers, {} stores of {} books",
            self.mix_name(),
            self.connections,
            self.threads,
            self.duration_s,
            self.warm_up_s,
            self.seed,
            self.targets.join(" "),
            grouped(u64::from(self.shop.buyers)),
            grouped(u64::from(self.shop.sellers)),
            grouped(u64::from(self.shop.sellers * self.shop.stores_per_seller)),
            grouped(u64::from(self.shop.books_per_store)),
        )
    }
}

impl Class {
    /// How tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Shed => "shed",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

fn write_spread(out: &mut String, spread: &Spread) -> std::fmt::Result {
    for us in [
        spread.p50_us,
        spread.p90_us,
        spread.p99_us,
        spread.p999_us,
        spread.max_us,
    ] {
        write!(out, "{:>10}", millis(us))?;
    }
    writeln!(out)
}

/// Microseconds as milliseconds.
fn millis(us: f64) -> String {
    format!("{:.3}", us / 1e3)
}

/// A rate, with one digit behind the point and commas between thousands.
pub fn decimal(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}
