//! What a person reads: results on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};

use crate::error::Error;

/// Prints to stdout. Nobody reading any more is no reason to stop.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints to stderr.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error; its hint, if there is one, stands below it.
pub fn report(error: &Error) {
    let is_coloured = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let (red, plain) = if is_coloured {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    note(&format!("{red}error:{plain} {error}"));
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
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let said = [0, 999, 1_000, 40_000, 1_234_567].map(grouped);
        assert_eq!(said, ["0", "999", "1,000", "40,000", "1,234,567"]);
    }
}
