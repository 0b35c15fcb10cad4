//! How far a long command has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output::{grouped, note};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Whole books a second: more digits would only flicker.
fn write_rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // Where it can't be written there is nobody to tell.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

/// How far a command has come.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    what: &'static str,
    /// Where it began.
    first: u64,
    began: Instant,
    told: Instant,
}

impl Progress {
    /// Begins at none of `total` of these.
    pub fn begin(total: u64, what: &'static str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(
            "{bar:30} {human_pos} of {human_len} {msg}  {rate}  {eta} left",
        );
        let style = style.expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.with_key("rate", write_rate))
            .with_message(what);
        let now = Instant::now();
        Self {
            bar,
            is_terminal,
            what,
            first: 0,
            began: now,
            told: now,
        }
    }

    /// Goes on from where an earlier attempt came to.
    pub fn go_on_at(&mut self, position: u64) {
        self.first = position;
        self.bar.set_position(position);
        self.bar.reset_eta();
    }

    /// How many there are, as is known better by now.
    pub fn set_total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// So many further.
    pub fn advance(&mut self, count: u64) {
        self.bar.inc(count);
        if !self.is_terminal && self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            note(&self.line());
        }
    }

    /// Writes a line that stays.
    pub fn note(&self, line: &str) {
        self.bar.suspend(|| note(line));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// How long it took so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn line(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        // Never 0: a line is written after some seconds and a step at the earliest.
        let millis = u64::try_from(self.began.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let rate = (done.saturating_sub(self.first) * 1_000 / millis).max(1);
        let left = Duration::from_secs(total.saturating_sub(done) / rate);
        let (done, total, rate) = (grouped(done), grouped(total), grouped(rate));
        let what = self.what;
        format!(
            "{done} of {total} {what}  {rate}/s  {} left",
            crate::settings::say(left)
        )
    }
}
