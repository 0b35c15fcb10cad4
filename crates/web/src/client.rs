//! Where a request really comes from, and how, where a proxy stands before us.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

use crate::Web;
pub use crate::extract::ClientAddress;
use crate::setup::Setup;

/// By which a browser says on behalf of which site it asks.
pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the client's connection is encrypted, as far as we know.
pub fn is_encrypted(headers: &HeaderMap, setup: &Setup) -> bool {
    let protocol = headers.get("x-forwarded-proto");
    let protocol = protocol.and_then(|value| value.to_str().ok());
    setup.is_behind_proxy && protocol.is_some_and(|text| text.eq_ignore_ascii_case("https"))
}

/// Takes the client's address from what the proxy wrote. Only the last entry is the proxy's own
/// word: those before it the client may have made up.
pub async fn believe_proxy(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    if web.setup.is_behind_proxy
        && let Some(address) = forwarded_for(request.headers())
    {
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").into_iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_is_the_proxys_word() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append(
            "x-forwarded-for",
            "203.0.113.7, 198.51.100.2".parse().unwrap(),
        );
        assert_eq!(forwarded_for(&headers), "198.51.100.2".parse().ok());
        headers.append("x-forwarded-for", "2001:db8::1".parse().unwrap());
        assert_eq!(forwarded_for(&headers), "2001:db8::1".parse().ok());
        headers.append("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(forwarded_for(&headers), None);
    }

    #[test]
    fn encryption_is_only_believed_of_a_proxy_that_is_there() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let behind = Setup {
            is_behind_proxy: true,
            ..Setup::default()
        };
        assert!(is_encrypted(&headers, &behind));
        assert!(!is_encrypted(&headers, &Setup::default()));
        headers.insert("x-forwarded-proto", "http".parse().unwrap());
        assert!(!is_encrypted(&headers, &behind));
    }
}
