//! Where to connect to, and how patiently.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;
use tokio_tungstenite::tungstenite::http::Uri;

/// What a connection needs. The token is never shown.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DxLinkConfig {
    /// `dxlink-url` of the broker's answer: `wss://…`, or `ws://` on loopback.
    pub url: String,
    /// The quote token that came with it.
    pub token: SecretString,
    /// The most time for name lookup, TCP, TLS and the upgrade together.
    pub connect_timeout: Duration,
    /// How long a message may take to be written before the connection counts as lost.
    pub write_timeout: Duration,
    pub(crate) pace: Pace,
}

/// The times that tests shorten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// One beat. Keepalive and liveness count beats as seconds.
    pub(crate) beat: Duration,
    /// What each failed attempt adds to the wait before the next.
    pub(crate) wait: Duration,
    /// No wait is longer.
    pub(crate) longest_wait: Duration,
}

impl Pace {
    /// The wait after so many failures in a row: between half and the whole of it, as `chance` has it, so
    /// that lines that broke together do not come back together.
    pub(crate) fn pause(&self, failures: u32, chance: u64) -> Duration {
        let whole = self.wait.saturating_mul(failures).min(self.longest_wait);
        let per_mille = u32::try_from(chance % 501).unwrap_or(0);
        whole.saturating_mul(500 + per_mille) / 1000
    }
}

impl DxLinkConfig {
    /// 3 s to connect, 3 s to write.
    #[must_use]
    pub fn new(url: impl Into<String>, token: SecretString) -> Self {
        let second = Duration::from_secs(1);
        let pace = Pace { beat: second, wait: second / 4, longest_wait: 5 * second };
        Self { url: url.into(), token, connect_timeout: 3 * second, write_timeout: 3 * second, pace }
    }
}

/// A connection that cannot even be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none, or would send the token in the clear.
    #[error("dxlink url: got {got}, expected {expected}")]
    Url {
        /// Scheme and host of what came; path and query are not shown.
        got: String,
        /// What would do.
        expected: &'static str,
    },
    /// The machine's certificates do not make a TLS configuration.
    #[error("dxlink tls: got {reason}, expected the system's root certificates")]
    Tls {
        /// What the TLS library said.
        reason: String,
    },
}

/// A URL that may be connected to.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) uri: Uri,
    pub(crate) encrypted: bool,
    /// Scheme and host, for messages.
    pub(crate) shown: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let bad = |got: String, expected| Err(ConnectError::Url { got, expected });
        let Ok(uri) = url.parse::<Uri>() else { return bad("no URL".to_owned(), "wss://host/path") };
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host().filter(|host| !host.is_empty()))
        else {
            return bad("no scheme or host".to_owned(), "wss://host/path");
        };
        let shown: String = format!("{scheme}://{host}").chars().take(120).collect();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return bad(format!("{shown} with a login in it"), "none: the token is sent in the protocol");
        }
        match scheme {
            "wss" => Ok(Self { encrypted: true, shown, uri }),
            "ws" if is_loopback(host) => Ok(Self { encrypted: false, shown, uri }),
            "ws" => bad(shown, "wss://, or ws:// on loopback: the token must not travel in the clear"),
            _ => bad(shown, "wss://"),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_encrypted_or_not_at_all() {
        for (url, shown) in [
            ("wss://tasty-openapi-ws.dxfeed.com/realtime", "wss://tasty-openapi-ws.dxfeed.com"),
            ("ws://127.0.0.1:8080/realtime", "ws://127.0.0.1"),
            ("ws://[::1]:9/", "ws://[::1]"),
            ("ws://localhost:1", "ws://localhost"),
        ] {
            assert_eq!(Address::parse(url).unwrap().shown, shown);
        }
        for url in [
            "",
            "tasty-openapi-ws.dxfeed.com",
            "https://tasty-openapi-ws.dxfeed.com/realtime?secret",
            "ws://tasty-openapi-ws.dxfeed.com/realtime?secret",
            "ws://127.0.0.1.example.com/secret",
            "ws://localhost@example.com/",
            "wss://user:secret@example.com/",
            "wss:///secret",
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                error.contains("got ") && error.contains("expected ") && !error.contains("secret"),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pace = DxLinkConfig::new("wss://example.com", SecretString::from("")).pace;
        let waits =
            |chance| [0, 1, 2, 8, 20, 21, u32::MAX].map(|failures| pace.pause(failures, chance).as_millis());
        assert_eq!(waits(500), [0, 250, 500, 2000, 5000, 5000, 5000]);
        assert_eq!(waits(0), [0, 125, 250, 1000, 2500, 2500, 2500]);
    }

    #[test]
    fn the_token_is_not_in_the_debug_form() {
        let shown =
            format!("{:?}", DxLinkConfig::new("wss://example.com", SecretString::from("canary-token")));
        assert!(shown.contains("example.com") && !shown.contains("canary"), "{shown}");
    }
}
