//! Where a server is.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A server's address, from a URL like `http://127.0.0.1:5000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    /// Host and port as the URL names them.
    pub host: String,
}

impl Target {
    /// Where no server is.
    pub fn nowhere() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            host: String::new(),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "hint: write `http://127.0.0.1:5000`";
        let host = text.strip_prefix("http://").ok_or_else(|| {
            format!("only URLs that begin with `http://` are understood\n  {HINT}")
        })?;
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(format!(
                "a host and a port are wanted, and no path\n  {HINT}"
            ));
        }
        let named_port = if host.ends_with(']') || !host.contains(':') {
            format!("{host}:80")
        } else {
            host.to_owned()
        };
        let address = named_port
            .to_socket_addrs()
            .map_err(|error| format!("no host is known by that name ({error})\n  {HINT}"))?
            .next()
            .ok_or_else(|| format!("no host is known by that name\n  {HINT}"))?;
        Ok(Self {
            address,
            host: host.to_owned(),
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "http://{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port() {
        let target: Target = "http://127.0.0.1:5000/".parse().unwrap();
        assert_eq!(target.address, "127.0.0.1:5000".parse().unwrap());
        assert_eq!(target.to_string(), "http://127.0.0.1:5000");
        let target: Target = "http://[::1]".parse().unwrap();
        assert_eq!(target.address, "[::1]:80".parse().unwrap());
    }

    #[test]
    fn anything_else_is_refused_with_a_hint() {
        for text in [
            "127.0.0.1:5000",
            "https://127.0.0.1",
            "http://",
            "http://127.0.0.1/shop",
        ] {
            let refused = text.parse::<Target>().unwrap_err();
            assert!(refused.contains("hint:"), "{text}: {refused}");
        }
    }
}
