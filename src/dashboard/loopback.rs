//! An address of this machine that no other machine can reach, and requests that mean it.

use std::net::SocketAddr;
use std::str::FromStr;

use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

/// An address to listen on that only this machine can reach: `127.0.0.1:9464`, `[::1]:9464`. Port 0 takes any that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback(SocketAddr);

/// Why nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// It is no address with a port.
    #[error("`{0}` is no address and port; write for example 127.0.0.1:9464")]
    NoAddress(String),
    /// Other machines could reach it.
    #[error("{0} can be reached from other machines; only addresses of this machine are served, such as 127.0.0.1:{port}", port = .0.port())]
    NotLoopback(SocketAddr),
    /// The system gives no listener there.
    #[error("nobody can listen on {address}: {error}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
}

/// The hosts that mean this machine.
pub(super) const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Reads an address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, ListenError> {
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address = named.as_deref().unwrap_or(text).parse();
    address.map_err(|_| ListenError::NoAddress(text.to_owned()))
}

impl FromStr for Loopback {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        Self::try_from(address(text)?)
    }
}

impl TryFrom<SocketAddr> for Loopback {
    type Error = ListenError;

    fn try_from(address: SocketAddr) -> Result<Self, ListenError> {
        // An IPv4 address in the clothes of IPv6 is judged as what it is.
        let loopback = address.ip().to_canonical().is_loopback();
        if loopback { Ok(Self(address)) } else { Err(ListenError::NotLoopback(address)) }
    }
}

impl Loopback {
    /// Begins to listen; connections queue from here on.
    ///
    /// # Errors
    /// [`ListenError::Refused`]: the port is taken, for example.
    pub async fn bind(self) -> Result<TcpListener, ListenError> {
        TcpListener::bind(self.0).await.map_err(|error| ListenError::Refused { address: self.0, error })
    }
}

/// Returns the host that a request is for: without the port, in small letters.
pub(super) fn host(uri: &Uri, host: Option<&str>) -> Option<String> {
    let host = uri.authority().map(Authority::as_str).or(host)?;
    let authority = host.parse::<Authority>().ok()?;
    (!host.contains('@')).then(|| authority.host().to_ascii_lowercase())
}

/// Returns what a request has for `Host`, if it has one and no more.
pub(super) fn named(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(HOST).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}

/// Whether a request means this machine. A page elsewhere can have its own name lead to 127.0.0.1 (DNS rebinding), and its name
/// then stands in `Host`. The port does not matter: who forwards one may well have another.
pub fn means_loopback(uri: &Uri, named: Option<&str>) -> bool {
    host(uri, named).is_some_and(|host| LOOPBACK.contains(&host.as_str()))
}

/// Lets through only what means this machine.
pub async fn only_meant(request: Request, next: Next) -> Response {
    if means_loopback(request.uri(), named(request.headers())) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this is for 127.0.0.1 or localhost only\n").into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_served() {
        for good in ["127.0.0.1:9464", "127.9.9.9:1", "[::1]:0", "[::ffff:127.0.0.1]:80", "localhost:9464"] {
            assert!(good.parse::<Loopback>().is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:9464", "[::]:9464", "192.0.2.7:80", "[::ffff:192.0.2.7]:80"] {
            let said = bad.parse::<Loopback>().unwrap_err().to_string();
            assert!(said.contains("can be reached from other machines"), "{said}");
        }
        for nothing in ["", "127.0.0.1", ":9464", "9464", "localhost", "127.0.0.1:99999", "host.example:80"] {
            let said = nothing.parse::<Loopback>().unwrap_err().to_string();
            assert!(said.contains("no address and port"), "{nothing}: {said}");
        }
    }

    #[test]
    fn a_host_of_another_name_is_not_meant() {
        let means = |host: &str| means_loopback(&Uri::from_static("/health"), Some(host));
        for good in ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:8080"] {
            assert!(means(good), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "x@127.0.0.1",
            "",
            "127.0.0.1:80:80",
        ] {
            assert!(!means(bad), "{bad}");
        }
        assert!(!means_loopback(&Uri::from_static("/health"), None));
        assert!(!means_loopback(&Uri::from_static("http://evil.example/"), Some("127.0.0.1")));
    }
}
