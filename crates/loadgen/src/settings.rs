//! Reads the values of settings, and says of a bad one what would be good.

use std::time::Duration;

/// The longest time that can be asked for.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The most journeys a second that can be asked for.
const RATE_MAX: f64 = 10_000_000.0;

/// A duration up to a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "hint: write `500ms`, `20s` or `5m`";
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}\n  {HINT}"))?;
    if duration <= DURATION_MAX {
        Ok(duration)
    } else {
        Err(format!("must be at most `1d`\n  {HINT}"))
    }
}

/// A rate above 0.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= RATE_MAX => Ok(rate),
        _ => Err("must be a number above 0, and at most 10,000,000\n  hint: write `5000`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_durations_have_limits() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("2d").is_err() && duration("5").is_err());
    }
}
