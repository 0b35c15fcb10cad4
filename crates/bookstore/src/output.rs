//! What a person reads: results on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};

/// Prints to stdout and flushes, so that whoever waits for a line gets it.
///
/// Nobody reading any more (`bookstore audit | head -1`) is no reason to stop.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints to stderr.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error with its causes in one line, and the hints of all of them below.
pub fn report(error: &anyhow::Error) {
    let is_coloured = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let (red, plain) = if is_coloured {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    let (message, hints) = sentences(error);
    note(&format!("{red}error:{plain} {message}"));
    for hint in hints {
        note(&format!("  {hint}"));
    }
}

/// The error and its causes in one line, and apart from that what they say behind `hint:`.
fn sentences(error: &anyhow::Error) -> (String, Vec<String>) {
    let (mut parts, mut hints) = (Vec::<String>::new(), Vec::new());
    for cause in error.chain() {
        let cause = cause.to_string().replace("; hint:", "\nhint:");
        let (hint, said): (Vec<&str>, Vec<&str>) = cause
            .lines()
            .map(str::trim)
            .partition(|line| line.starts_with("hint:"));
        hints.extend(hint.into_iter().map(String::from));
        let said = said.join(" ");
        // Some errors repeat their cause in their own words.
        if !parts.last().is_some_and(|last| last.contains(&said)) {
            parts.push(said);
        }
    }
    (parts.join(": "), hints)
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn hints_come_last_and_causes_once() {
        let error = anyhow!("address in use; hint: wait")
            .context("can't listen: address in use")
            .context("no server\nhint: take another port");
        let (message, hints) = sentences(&error);
        assert_eq!(message, "no server: can't listen: address in use");
        assert_eq!(hints, ["hint: take another port", "hint: wait"]);
    }

    #[test]
    fn thousands_are_grouped() {
        let said = [0, 999, 1_000, 40_000, 1_234_567].map(grouped);
        assert_eq!(said, ["0", "999", "1,000", "40,000", "1,234,567"]);
    }
}
