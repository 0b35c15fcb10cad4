//! Cookies: reading those that a browser sends, and writing ours.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// The value of a cookie, as it stands in the header.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let headers = headers.get_all(COOKIE).into_iter();
    let mut pairs = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// A cookie to be set. Scripts never see any of ours, and other sites' forms never carry one.
pub struct Cookie<'a> {
    pub name: &'a str,
    /// Visible ASCII without `;`, `,`, `"` and `\`.
    pub value: &'a str,
    pub path: &'a str,
    /// For how long; `None` until the browser is closed, 0 removes it.
    pub max_age_s: Option<u64>,
    /// Whether it is only sent where the connection is encrypted.
    pub is_secure: bool,
}

impl Cookie<'_> {
    /// The header that sets it.
    pub fn header(&self) -> HeaderValue {
        let Self {
            name, value, path, ..
        } = self;
        let mut text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax");
        if let Some(seconds) = self.max_age_s {
            text.push_str(&format!("; Max-Age={seconds}"));
        }
        if self.is_secure {
            text.push_str("; Secure");
        }
        HeaderValue::try_from(text).expect("our cookies are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; cart=x=y".parse().unwrap());
        headers.append(COOKIE, "session=t".parse().unwrap());
        assert_eq!(find(&headers, "a"), Some("1"));
        assert_eq!(find(&headers, "cart"), Some("x=y"));
        assert_eq!(find(&headers, "session"), Some("t"));
        assert_eq!(find(&headers, "art"), None);
    }

    #[test]
    fn ours_are_out_of_reach_of_scripts_and_other_sites() {
        let cookie = Cookie {
            name: "session",
            value: "t",
            path: "/",
            max_age_s: Some(60),
            is_secure: true,
        };
        let wanted = "session=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";
        assert_eq!(cookie.header(), wanted);
    }
}
