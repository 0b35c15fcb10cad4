//! Times and sizes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Above the rows of times.
pub const HEAD: &str =
    "| search | found | p50 ms | p99 ms | longest ms | runs |\n|---|---|---|---|---|---|";

/// Runs something for a while and returns how long each run took, sorted.
pub fn report<E>(
    long: Duration,
    mut run: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<Duration>, E> {
    for time in 0..20 {
        run(time)?;
    }
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < long {
        let one = Instant::now();
        run(times.len())?;
        times.push(one.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// A row of times.
pub fn row(name: &str, found: Option<u64>, times: &[Duration]) -> String {
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times[index.min(times.len() - 1)].as_secs_f64() * 1_000.0
    };
    let found = found.map_or_else(String::new, |found| found.to_string());
    format!(
        "| {name} | {found} | {:.2} | {:.2} | {:.2} | {} |",
        at(0.5),
        at(0.99),
        at(1.0),
        times.len()
    )
}

/// What the process takes of the machine's memory; pages of files apart, which it can do without.
pub fn memory_megabytes() -> anyhow::Result<String> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("reading the memory's size")?;
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let words = line.and_then(|line| line.split_whitespace().nth(1));
        words.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) / 1_000
    };
    Ok(format!(
        "{} MB (own {} MB, of files {} MB)",
        of("VmRSS"),
        of("RssAnon"),
        of("RssFile")
    ))
}

/// What a folder takes on disk.
pub fn folder_megabytes(folder: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() {
            (folder_megabytes(&entry.path())? * 1e6) as u64
        } else {
            data.len()
        };
    }
    Ok(bytes as f64 / 1e6)
}
