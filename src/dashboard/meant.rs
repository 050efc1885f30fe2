//! Which requests are meant for the page. A page elsewhere can have its own name lead here (DNS rebinding), and its name then stands
//! in `Host`; a form elsewhere can lead here, and its place then stands in `Origin`.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::loopback::LOOPBACK;

/// The hosts and origins that are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Whether browsers come over HTTPS.
    https: bool,
    /// The hosts that `Host` may name, in small letters. The port does not matter: who forwards one may well have another.
    hosts: Vec<String>,
    /// By which name to tell people of the page, where it has one.
    name: Option<String>,
    /// The one origin that is ours, where a proxy has it; else it follows from `Host`.
    origin: Option<String>,
}

impl Meant {
    /// This machine itself, and under TLS these names as well.
    pub(super) fn loopback(https: bool, names: Vec<String>) -> Self {
        let name = names.first().cloned();
        let hosts = LOOPBACK.map(str::to_owned).into_iter().chain(names).collect();
        Self { https, hosts, name, origin: None }
    }

    /// These names, and the address itself where it is one, under TLS.
    pub(super) fn names(names: Vec<String>, address: IpAddr) -> Self {
        let own = (!address.to_canonical().is_unspecified()).then(|| match address {
            IpAddr::V4(v4) => Host::<String>::Ipv4(v4).to_string(),
            IpAddr::V6(v6) => Host::<String>::Ipv6(v6).to_string(),
        });
        let name = names.first().cloned();
        Self { https: true, hosts: names.into_iter().chain(own).collect(), name, origin: None }
    }

    /// The origin of a proxy, and nothing else.
    pub(super) fn origin(url: &Url) -> Self {
        let hosts = url.host_str().map(str::to_ascii_lowercase).into_iter().collect();
        Self { https: true, hosts, name: None, origin: Some(url.origin().ascii_serialization()) }
    }

    /// Returns whether browsers come over HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the names that the certificate must have.
    pub fn to_certify(&self) -> impl Iterator<Item = &str> {
        let own = self.origin.is_none() && self.name.is_some();
        let named = self.hosts.iter().map(String::as_str);
        named.filter(move |host| {
            own && !LOOPBACK.contains(host) && host.parse::<IpAddr>().is_err() && !host.starts_with('[')
        })
    }

    /// Whether a proxy in front says whom a request is from.
    pub(super) fn is_proxied(&self) -> bool {
        self.origin.is_some()
    }

    /// Whether a host, in small letters and without a port, is ours.
    pub(super) fn means(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own == host)
    }

    /// Whether an `Origin` is ours, of a request with this `Host`.
    pub(super) fn is_ours(&self, origin: &[u8], host: &str) -> bool {
        let scheme = if self.https { "https" } else { "http" };
        match &self.origin {
            Some(own) => origin == own.as_bytes(),
            None => origin == format!("{scheme}://{host}").as_bytes(),
        }
    }

    /// Whether a browser should never again come to this host without TLS (RFC 6797); `localhost` belongs to others, too.
    pub(super) fn pins(&self, host: &str) -> bool {
        self.https && !LOOPBACK.contains(&host) && self.means(host)
    }

    /// Where to open the page that listens on this address.
    pub(super) fn to_open(&self, bound: SocketAddr) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match (&self.origin, &self.name) {
            (Some(origin), _) => format!("{origin}/"),
            (None, Some(name)) if bound.port() == 443 => format!("https://{name}/"),
            (None, Some(name)) => format!("https://{name}:{}/", bound.port()),
            (None, None) => format!("{scheme}://{bound}/"),
        }
    }

    /// For whom the page is, in words.
    pub(super) fn words(&self) -> String {
        self.origin.clone().unwrap_or_else(|| self.hosts.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn on_this_machine_its_own_names_are_meant_and_no_other() {
        let plain = Meant::loopback(false, Vec::new());
        assert!(plain.means("localhost") && plain.means("127.0.0.1") && plain.means("[::1]"));
        assert!(!plain.means("evil.example") && !plain.means(""));
        assert!(plain.is_ours(b"http://127.0.0.1:8420", "127.0.0.1:8420"));
        for foreign in ["https://127.0.0.1:8420", "http://127.0.0.1:9999", "http://evil.example", "null"] {
            assert!(!plain.is_ours(foreign.as_bytes(), "127.0.0.1:8420"), "{foreign}");
        }
        assert_eq!(plain.to_open(bound("127.0.0.1:8420")), "http://127.0.0.1:8420/");
        let tls = Meant::loopback(true, Vec::new());
        assert!(
            tls.is_ours(b"https://localhost:1", "localhost:1")
                && !tls.is_ours(b"http://localhost:1", "localhost:1")
        );
        assert!(!tls.pins("localhost"), "other programs of this machine have the name, too");
        assert_eq!(tls.to_open(bound("[::1]:8420")), "https://[::1]:8420/");
    }

    #[test]
    fn under_names_they_and_the_address_are_meant_and_this_machine_is_not() {
        let names = Meant::names(vec!["page.example".into()], "192.0.2.7".parse().unwrap());
        assert!(names.means("page.example") && names.means("192.0.2.7"));
        assert!(!names.means("localhost") && !names.means("evil.example") && !names.means("x.page.example"));
        assert!(names.is_ours(b"https://page.example:8420", "page.example:8420"));
        assert!(!names.is_ours(b"http://page.example:8420", "page.example:8420"));
        assert!(names.pins("page.example") && !names.pins("evil.example"));
        assert_eq!(names.to_open(bound("192.0.2.7:8420")), "https://page.example:8420/");
        assert_eq!(names.to_open(bound("192.0.2.7:443")), "https://page.example/");
        assert_eq!(names.to_certify().collect::<Vec<_>>(), ["page.example"]);
        let every = Meant::names(vec!["page.example".into()], "::".parse().unwrap());
        assert!(every.means("page.example") && !every.means("[::]"));
        let bare = Meant::names(Vec::new(), "2001:db8::7".parse().unwrap());
        assert!(bare.means("[2001:db8::7]"));
        assert_eq!(bare.to_open(bound("[2001:db8::7]:8420")), "https://[2001:db8::7]:8420/");
        assert_eq!(bare.to_certify().count(), 0);
    }

    #[test]
    fn behind_a_proxy_its_origin_alone_is_meant() {
        let proxied = Meant::origin(&Url::parse("https://Page.Example:8443").unwrap());
        assert!(proxied.means("page.example"));
        assert!(!proxied.means("127.0.0.1") && !proxied.means("localhost"));
        // What the proxy makes of `Host` does not matter, as long as it is the name.
        assert!(proxied.is_ours(b"https://page.example:8443", "page.example"));
        for foreign in ["https://page.example", "http://page.example:8443", "https://evil.example", "null"] {
            assert!(!proxied.is_ours(foreign.as_bytes(), "page.example:8443"), "{foreign}");
        }
        assert_eq!(proxied.to_open(bound("127.0.0.1:8420")), "https://page.example:8443/");
        assert_eq!(proxied.to_certify().count(), 0, "the certificate that browsers see is the proxy's");
    }
}
