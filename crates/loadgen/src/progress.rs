//! Tells how a run goes while it goes: a line that is written over on a terminal, nothing
//! elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::live::Live;
use crate::output::grouped;

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(500);

/// A line on the terminal that lives until this is dropped.
pub struct Progress {
    is_over: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to write what `line` says.
    pub fn begin(mut line: impl FnMut() -> String + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let writer = std::io::stderr().is_terminal().then(|| {
            let is_over = is_over.clone();
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    show(&line());
                    thread::park_timeout(EVERY);
                }
                show("");
            })
        });
        Self { is_over, writer }
    }

    /// Shows the rates of a run of this length.
    pub fn of_run(live: Arc<Live>, length: Duration, journeys: &'static str) -> Self {
        let (begin, mut last) = (Instant::now(), (Instant::now(), live.counts()));
        Self::begin(move || {
            let (now, counts) = (Instant::now(), live.counts());
            let seconds = (now - last.0).as_secs_f64().max(1e-3);
            let rate = |now: u64, before: u64| grouped(((now - before) as f64 / seconds) as u64);
            let line = format!(
                "{:.0} of {:.0} s  {} {journeys}/s  {} requests/s  {} shed  {} otherwise not accepted",
                (now - begin).as_secs_f64(),
                length.as_secs_f64(),
                rate(counts.journeys, last.1.journeys),
                rate(counts.accepted, last.1.accepted),
                grouped(counts.shed),
                grouped(counts.other),
            );
            last = (now, counts);
            line
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            // It only writes; a panic there is shown by itself.
            let _ = writer.join();
        }
    }
}

fn show(line: &str) {
    // Where the terminal is gone there is nobody to tell.
    let _ = write!(std::io::stderr().lock(), "\r\x1b[2K{line}");
}
