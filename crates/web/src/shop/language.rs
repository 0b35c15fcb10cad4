//! Which language a reader reads, and how numbers, money and moments are written in it.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use domain::{Fen, OrderStatus, Timestamp};
use humantime::format_rfc3339_seconds;

use super::cookies;
use super::words::{CHINESE, ENGLISH, Words};

/// The cookie in which a reader's choice is kept.
pub const LANGUAGE_COOKIE: &str = "language";

/// The last moment that RFC 3339 can write, in seconds.
const LAST_SECOND: u64 = 253_402_300_799;

/// A language of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
}

impl Language {
    /// The one that a code names.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// What a page says its language is.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-Hans",
            Self::English => "en",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    /// Its name in itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chinese => "中文",
            Self::English => "English",
        }
    }

    /// Its words.
    pub fn words(self) -> &'static Words {
        match self {
            Self::Chinese => &CHINESE,
            Self::English => &ENGLISH,
        }
    }

    /// The language that a request chose, or else prefers.
    pub fn of(headers: &HeaderMap) -> Self {
        let chosen = cookies::find(headers, LANGUAGE_COOKIE).and_then(Self::parse);
        chosen.unwrap_or_else(|| Self::preferred(headers))
    }

    fn preferred(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE);
        let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or("");
        let mut best = (Self::English, 0);
        for range in accepted.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let primary = parts.next().unwrap_or("").split('-').next().unwrap_or("");
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1_000, thousandths);
            let language = Self::parse(&primary.to_ascii_lowercase());
            if let Some(language) = language.filter(|_| weight > best.1) {
                best = (language, weight);
            }
        }
        best.0
    }

    /// How many of something there are: the English word by its number, the Chinese one beside it.
    pub fn count(self, number: i64, one: &str, many: &str, chinese: &str) -> String {
        match self {
            Self::Chinese => format!("{number} {chinese}"),
            Self::English if number == 1 => format!("1 {one}"),
            Self::English => format!("{number} {many}"),
        }
    }

    pub fn books(self, number: i64) -> String {
        self.count(number, "book", "books", "本")
    }

    pub fn stores(self, number: i64) -> String {
        self.count(number, "store", "stores", "家书店")
    }

    pub fn copies(self, number: i64) -> String {
        self.count(number, "copy", "copies", "本")
    }

    pub fn copies_left(self, stock: i64) -> String {
        match self {
            Self::Chinese => format!("仅剩 {stock} 本"),
            Self::English => format!("only {stock} left"),
        }
    }

    /// How long is left, in the largest unit that says enough.
    pub fn time_left(self, left: Duration) -> String {
        let minutes = left.as_secs().div_ceil(60);
        let (number, one, many, chinese) = match minutes {
            0..120 => (minutes, "minute", "minutes", "分钟"),
            120..2_880 => (minutes / 60, "hour", "hours", "小时"),
            _ => (minutes / 1_440, "day", "days", "天"),
        };
        self.count(
            i64::try_from(number).unwrap_or(i64::MAX),
            one,
            many,
            chinese,
        )
    }

    pub fn order_status(self, status: OrderStatus) -> &'static str {
        let words = self.words();
        match status {
            OrderStatus::Placed => words.state_placed,
            OrderStatus::Paid => words.state_paid,
            OrderStatus::Sent => words.state_sent,
            OrderStatus::Received => words.state_received,
            OrderStatus::Cancelled => words.state_cancelled,
        }
    }
}

/// A weight such as `0.8` in thousandths; 0 where it is none.
fn thousandths(text: &str) -> u32 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = rest.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u32>()) {
        ("1", Ok(_)) => 1_000,
        ("0", Ok(part)) => part,
        _ => 0,
    }
}

/// An amount in yuan, with its sign where it is less than nothing.
pub fn yuan(amount: Fen) -> String {
    let fen = amount.get();
    let sign = if fen < 0 { "−" } else { "" };
    let (whole, part) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}¥{grouped}.{part:02}")
}

/// What a reader typed as an amount in yuan: `12`, `12.5`, `¥1,234.56`. `None` for anything else.
pub fn read_yuan(text: &str) -> Option<Fen> {
    let text = text.trim().trim_start_matches(['¥', '￥']).trim();
    let text: String = text.chars().filter(|letter| *letter != ',').collect();
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > 2 {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(100)?.checked_add(part).map(Fen::new)
}

/// A moment: for programs, and for a reader whose clock nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339, in UTC.
    pub machine: String,
    /// Date and time to the minute, in UTC.
    pub human: String,
}

impl Moment {
    pub fn of(time: Timestamp) -> Self {
        let seconds = u64::try_from(time.millis() / 1_000).unwrap_or(0);
        let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND));
        let machine = format_rfc3339_seconds(time).to_string();
        let human = format!("{} {} UTC", &machine[..10], &machine[11..16]);
        Self { machine, human }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferring(value: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, value.parse().unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_preferred_language_is_taken() {
        for value in [
            "zh",
            "zh-CN,zh;q=0.9,en;q=0.8",
            "fr, en;q=0.5, ZH-TW;q=0.6",
            "en;q=0, zh;q=0.1",
        ] {
            assert_eq!(preferring(value), Language::Chinese, "{value}");
        }
        for value in [
            "en",
            "en-GB,zh;q=0.9",
            "fr",
            "",
            "zh;q=0",
            "zh;q=x, en;q=0.1",
        ] {
            assert_eq!(preferring(value), Language::English, "{value}");
        }
    }

    #[test]
    fn a_choice_counts_more_than_a_preference() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, "en".parse().unwrap());
        headers.insert("cookie", "a=b; language=zh".parse().unwrap());
        assert_eq!(Language::of(&headers), Language::Chinese);
    }

    #[test]
    fn money_is_written_in_yuan() {
        for (fen, text) in [
            (0, "¥0.00"),
            (5, "¥0.05"),
            (4_500, "¥45.00"),
            (123_456_789, "¥1,234,567.89"),
            (-100_000, "−¥1,000.00"),
        ] {
            assert_eq!(yuan(Fen::new(fen)), text);
        }
    }

    #[test]
    fn money_is_read_as_people_type_it() {
        for (text, fen) in [
            ("12", 1_200),
            (" 12.5 ", 1_250),
            ("¥1,234.56", 123_456),
            ("￥0.05", 5),
            ("0", 0),
        ] {
            assert_eq!(read_yuan(text), Some(Fen::new(fen)), "{text}");
        }
        for text in [
            "",
            "x",
            "1.234",
            "-5",
            "1.",
            ".5",
            "1e3",
            "99999999999999999999",
            "１",
        ] {
            assert_eq!(read_yuan(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_for_programs_and_people() {
        let moment = Moment::of(Timestamp::from_millis(1_704_067_261_999));
        assert_eq!(moment.machine, "2024-01-01T00:01:01Z");
        assert_eq!(moment.human, "2024-01-01 00:01 UTC");
        assert_eq!(
            Moment::of(Timestamp::from_millis(i64::MAX)).machine.len(),
            20
        );
    }

    #[test]
    fn what_is_left_is_said_in_one_unit() {
        let said = |seconds| Language::English.time_left(Duration::from_secs(seconds));
        assert_eq!(said(1), "1 minute");
        assert_eq!(said(30 * 60), "30 minutes");
        assert_eq!(said(3 * 3_600), "3 hours");
        assert_eq!(said(14 * 86_400), "14 days");
        assert_eq!(
            Language::Chinese.time_left(Duration::from_secs(60)),
            "1 分钟"
        );
    }
}
