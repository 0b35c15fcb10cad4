//! Reads the values of settings, and says of a bad one what would be good.

use std::net::SocketAddr;
use std::time::Duration;

use domain::{CancelUntil, Fen, Stock, StoreId, UserId};

use crate::data::Location;

/// The shortest timeout: the stock of a cancelled order is back within that time.
pub const TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// The longest timeout: ten years as `humantime` counts them.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(10 * 31_557_600);

/// Which engine keeps the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// One SQLite file in the data folder.
    Sqlite,
    /// The MongoDB deployment that this URL names.
    Mongo(String),
}

type Read<T> = Result<T, String>;

/// `sqlite:`, or the address of a MongoDB deployment.
pub fn engine(text: &str) -> Read<Engine> {
    match text.split_once(':') {
        Some(("sqlite", "")) => Ok(Engine::Sqlite),
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Engine::Mongo(text.into())),
        Some(("sqlite", _)) => Err(
            "`sqlite:` takes no path: the file is in the data folder\n  \
             hint: name the folder with `--data`"
                .into(),
        ),
        Some((scheme, _)) => Err(format!(
            "this program has no storage engine `{scheme}`\n  \
             hint: `sqlite:` keeps one file in the data folder, `mongodb://…` names a MongoDB"
        )),
        None => Err("no engine is named\n  hint: write `sqlite:`".into()),
    }
}

/// A place of data: a folder, with or without the engine's name before it, or the address of a
/// MongoDB deployment.
pub fn location(text: &str) -> Read<Location> {
    const HINT: &str = "hint: write `sqlite:FOLDER` or just the folder, or \
                        `mongodb://HOST/DATABASE?replicaSet=NAME`";
    let is_scheme = |word: &str| word.chars().all(|letter| letter.is_ascii_alphabetic());
    match text.split_once(':') {
        Some(("sqlite", "")) | None if text.is_empty() || text.ends_with(':') => {
            Err(format!("no folder is named\n  {HINT}"))
        }
        Some(("sqlite", folder)) => Ok(Location::Sqlite(folder.into())),
        Some(("mongodb" | "mongodb+srv", rest)) if rest.starts_with("//") => {
            Ok(Location::Mongo(text.into()))
        }
        Some((scheme, _)) if is_scheme(scheme) => Err(format!(
            "this program has no storage engine `{scheme}`\n  {HINT}"
        )),
        _ => Ok(Location::Sqlite(text.into())),
    }
}

/// An address with a port.
pub fn address(text: &str) -> Read<SocketAddr> {
    text.parse().map_err(|_| {
        "not an address with a port\n  \
         hint: write `127.0.0.1:5000`, or `0.0.0.0:5000` for every network"
            .into()
    })
}

/// A duration of a second to ten years.
pub fn timeout(text: &str) -> Read<Duration> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}\n  hint: write `20s`, `30m` or `14d`"))?;
    if (TIMEOUT_MIN..=TIMEOUT_MAX).contains(&duration) {
        Ok(duration)
    } else {
        Err("must be from `1s` to `10y`\n  hint: write `20s`, `30m` or `14d`".into())
    }
}

/// The state that ends a buyer's right to cancel.
pub fn cancel_until(text: &str) -> Read<CancelUntil> {
    match text {
        "received" => Ok(CancelUntil::Received),
        "sent" => Ok(CancelUntil::Sent),
        _ => Err("must be `received` or `sent`\n  \
             hint: with `sent` an order that was sent can't be cancelled any more"
            .into()),
    }
}

/// On or off.
pub fn switch(text: &str) -> Read<bool> {
    text.parse()
        .map_err(|_| "must be `true` or `false`\n  hint: write it in small letters".into())
}

/// A filter of log lines.
pub fn log_filter(text: &str) -> Read<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!(
            "{error}\n  hint: write `info`, or `warn,app=debug`"
        )),
    }
}

/// A store's id.
pub fn store_id(text: &str) -> Read<StoreId> {
    StoreId::new(text).map_err(|error| error.to_string())
}

/// A user's id.
pub fn user_id(text: &str) -> Read<UserId> {
    UserId::new(text).map_err(|error| error.to_string())
}

/// A number of copies that a seller may have.
pub fn stock(text: &str) -> Read<Stock> {
    let copies = text
        .parse()
        .map_err(|_| "must be a whole number of copies")?;
    Stock::new(copies).map_err(|error| error.to_string())
}

/// An amount to add or, below 0, to take out.
pub fn amount(text: &str) -> Read<Fen> {
    let hint = "hint: 100 yuan are `10000` fen";
    let fen = text
        .parse()
        .map_err(|_| format!("must be a whole number of fen\n  {hint}"))?;
    domain::money::add_value(fen).map_err(|error| format!("{error}\n  {hint}"))
}

/// A duration as it could be typed, in days at most: `humantime` would say 60 days in months.
pub fn say(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(duration.subsec_millis()), "ms"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let said: Vec<_> = parts
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if said.is_empty() {
        "0s".into()
    } else {
        said.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_a_second_to_ten_years() {
        assert_eq!(timeout("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(timeout("30m"), Ok(Duration::from_secs(1_800)));
        assert_eq!(timeout("14d"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(timeout("10y"), Ok(TIMEOUT_MAX));
        for bad in [
            "",
            "3",
            "0s",
            "999ms",
            "-3s",
            "11years",
            "soon",
            "99999999999999y",
        ] {
            assert!(timeout(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn durations_are_said_as_they_are_typed() {
        for text in ["3s", "30m", "14d", "60d", "1d 12h", "1s 500ms"] {
            assert_eq!(timeout(text).map(say).as_deref(), Ok(text));
        }
        assert_eq!(say(Duration::ZERO), "0s");
    }

    #[test]
    fn two_engines_are_known() {
        assert_eq!(engine("sqlite:"), Ok(Engine::Sqlite));
        let url = "mongodb://localhost/bookstore";
        assert_eq!(engine(url), Ok(Engine::Mongo(url.into())));
        for bad in ["", "sqlite", "sqlite:/a/b", "postgres://localhost/"] {
            assert!(engine(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_place_is_a_folder_or_a_deployment() {
        for (text, folder) in [
            ("sqlite:/a/b", "/a/b"),
            ("sqlite:data", "data"),
            ("./a:b", "./a:b"),
            ("data", "data"),
        ] {
            assert_eq!(location(text), Ok(Location::Sqlite(folder.into())));
        }
        let url = "mongodb://localhost/bookstore";
        assert_eq!(location(url), Ok(Location::Mongo(url.into())));
        for bad in ["", "sqlite:", "mongodb:localhost", "sqlit:data"] {
            assert!(location(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn amounts_are_whole_fen_within_the_limit() {
        assert_eq!(amount("-250"), Ok(Fen::new(-250)));
        assert_eq!(amount("10000000000000"), Ok(Fen::new(10_000_000_000_000)));
        for bad in ["1.5", "10000000000001", "99999999999999999999", "x"] {
            assert!(amount(bad).is_err(), "{bad:?} was taken");
        }
    }
}
