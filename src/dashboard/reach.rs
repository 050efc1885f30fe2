//! How far the page reaches: where it listens, what must be there where others can come, and which requests are meant for it. Pure.

use std::net::SocketAddr;
use std::path::Path;

use url::{Host, Url};

use super::loopback::{ListenError, address};
use super::meant::Meant;

/// What was asked for on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// An address and a port.
    pub listen: &'a str,
    /// The file of the certificate.
    pub certificate: Option<&'a Path>,
    /// The file of its key.
    pub key: Option<&'a Path>,
    /// The origin by which browsers reach the proxy in front.
    pub behind_proxy: Option<&'a str>,
    /// By which names browsers reach the page itself.
    pub names: &'a [String],
    /// Whether there is to be a password.
    pub password: bool,
}

/// Where the page listens, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The address to listen on; port 0 takes any that is free.
    pub address: SocketAddr,
    /// The requests that are meant for the page.
    pub meant: Meant,
    /// Whether nobody but this machine can come, so that a first link with a token may let in.
    pub own_machine: bool,
    /// Whether what comes over the network comes readable, and must come from the proxy alone.
    pub readable: bool,
}

/// Why the page does not open like that.
#[derive(Debug, thiserror::Error)]
pub enum Objection {
    /// There is no such address.
    #[error(transparent)]
    Address(ListenError),
    /// Others could read along.
    #[error("{0} can be reached from other machines, and what goes over the line could be read on its way")]
    Readable(SocketAddr),
    /// Others could come in.
    #[error("other machines can reach the page, and nothing asks who comes")]
    Unguarded,
    /// Half of what TLS needs.
    #[error("there is a certificate without its key")]
    NoKey,
    /// The other half.
    #[error("there is a key without its certificate")]
    NoCertificate,
    /// Nobody says under which name the page is reached, so requests that are meant for others could not be told.
    #[error("{0} is every address of this machine, and by none of them does a browser know the page")]
    Nameless(SocketAddr),
    /// A name that is none.
    #[error("`{0}` is no host name")]
    WrongName(String),
    /// A name for a page that has only its address.
    #[error("names are for TLS, and there is no certificate")]
    NameWithoutTls,
    /// A name where the proxy has it.
    #[error("the proxy has the name already")]
    NameBehindProxy,
    /// No origin of HTTPS.
    #[error("`{0}` is not how a browser reaches the proxy")]
    WrongOrigin(String),
}

impl Objection {
    /// Returns the option that it is about.
    pub fn option(&self) -> &'static str {
        match self {
            Objection::Address(_) | Objection::Readable(_) | Objection::Unguarded => "--listen",
            Objection::NoKey => "--tls-certificate",
            Objection::NoCertificate => "--tls-key",
            Objection::Nameless(_) => "--listen",
            Objection::WrongName(_) | Objection::NameWithoutTls | Objection::NameBehindProxy => "--name",
            Objection::WrongOrigin(_) => "--behind-proxy",
        }
    }

    /// Returns what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Objection::Address(_) => "",
            Objection::Readable(_) => {
                "add `--tls-certificate FILE --tls-key FILE`, or `--behind-proxy https://page.example` where a proxy in front does TLS"
            }
            Objection::Unguarded => "add `--password-file FILE` or `--password-env NAME`",
            Objection::NoKey => "add `--tls-key FILE`",
            Objection::NoCertificate => "add `--tls-certificate FILE`",
            Objection::Nameless(_) => "add `--name page.example`, a name that the certificate has",
            Objection::WrongName(_) => {
                "write the name alone, such as `page.example`, without `https://` or a port"
            }
            Objection::NameWithoutTls => "add `--tls-certificate FILE --tls-key FILE`, or leave the name out",
            Objection::NameBehindProxy => "leave `--name` out",
            Objection::WrongOrigin(_) => {
                "write `https://`, the name, and nothing behind it, such as https://page.example"
            }
        }
    }
}

impl Reach {
    /// Decides what was asked for.
    ///
    /// # Errors
    /// Every [`Objection`] at once.
    pub fn of(asked: &Asked<'_>) -> Result<Self, Vec<Objection>> {
        let mut objections = Vec::new();
        let address = address(asked.listen).map_err(|error| objections.push(Objection::Address(error))).ok();
        match (asked.certificate, asked.key) {
            (Some(_), None) => objections.push(Objection::NoKey),
            (None, Some(_)) => objections.push(Objection::NoCertificate),
            _ => {}
        }
        let (tls, proxied) = (asked.certificate.or(asked.key).is_some(), asked.behind_proxy.is_some());
        let proxy = asked.behind_proxy.map(https_origin);
        let names = asked.names.iter().map(|name| host_name(name).ok_or_else(|| name.clone()));
        let (names, wrong): (Vec<_>, Vec<_>) = names.partition(Result::is_ok);
        objections.extend(wrong.into_iter().filter_map(Result::err).map(Objection::WrongName));
        let names: Vec<String> = names.into_iter().flatten().collect();
        if !asked.names.is_empty() && proxied {
            objections.push(Objection::NameBehindProxy);
        } else if !asked.names.is_empty() && !tls {
            objections.push(Objection::NameWithoutTls);
        }
        if let (Some(said), Some(None)) = (asked.behind_proxy, &proxy) {
            objections.push(Objection::WrongOrigin(said.to_owned()));
        }
        // An IPv4 address in the clothes of IPv6 is judged as what it is.
        let beyond = address.filter(|address| !address.ip().to_canonical().is_loopback());
        if let Some(address) = beyond {
            if !tls && !proxied {
                objections.push(Objection::Readable(address));
            }
            if tls && !proxied && asked.names.is_empty() && address.ip().to_canonical().is_unspecified() {
                objections.push(Objection::Nameless(address));
            }
        }
        if (beyond.is_some() || proxied) && !asked.password {
            objections.push(Objection::Unguarded);
        }
        let Some(address) = address.filter(|_| objections.is_empty()) else { return Err(objections) };
        let meant = match proxy.flatten() {
            Some(origin) => Meant::origin(&origin),
            None if beyond.is_none() => Meant::loopback(tls, names),
            None => Meant::names(names, address.ip()),
        };
        let own_machine = beyond.is_none() && !proxied;
        Ok(Self { address, meant, own_machine, readable: beyond.is_some() && !tls })
    }
}

/// Reads an origin (RFC 6454 §4) of HTTPS and nothing behind it.
fn https_origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let stranger = !url.username().is_empty() || url.password().is_some();
    (url.scheme() == "https" && bare && !stranger).then_some(url)
}

/// Reads a host name as browsers write it into `Host`: in small letters, and in ASCII (RFC 5891 §4.4).
fn host_name(text: &str) -> Option<String> {
    Host::parse(text).ok().map(|host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: Option<&Path> = None;

    fn asked(listen: &str) -> Asked<'_> {
        Asked { listen, certificate: PEM, ..Asked::default() }
    }

    fn tls(asked: Asked<'_>) -> Asked<'_> {
        Asked { certificate: Some(Path::new("c.pem")), key: Some(Path::new("k.pem")), ..asked }
    }

    /// What is said: a line for each objection.
    fn said(asked: &Asked<'_>) -> String {
        let objections = Reach::of(asked).map(|reach| format!("opens: {reach:?}")).unwrap_err();
        let lines = objections.iter().map(|it| format!("{}: {it}; {}", it.option(), it.hint()));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn on_this_machine_nothing_more_is_needed() {
        for listen in ["127.0.0.1:8420", "[::1]:0", "localhost:8420", "[::ffff:127.0.0.1]:80"] {
            let reach = Reach::of(&asked(listen)).unwrap();
            assert!(reach.own_machine && !reach.readable && !reach.meant.is_https(), "{listen}");
            let more = Reach::of(&Asked { password: true, ..tls(asked(listen)) }).unwrap();
            assert!(more.own_machine && more.meant.is_https(), "{listen}");
        }
    }

    #[test]
    fn beyond_this_machine_it_takes_tls_and_a_password() {
        let names = ["Page.Example".to_owned()];
        for listen in ["0.0.0.0:8420", "[::]:8420", "192.0.2.7:443", "[::ffff:192.0.2.7]:80"] {
            let whole = Asked { password: true, names: &names, ..tls(asked(listen)) };
            let reach = Reach::of(&whole).unwrap();
            assert!(!reach.own_machine && !reach.readable && reach.meant.is_https(), "{listen}");
            assert!(Reach::of(&Asked { password: false, ..whole }).is_err(), "{listen}");
            assert!(Reach::of(&Asked { certificate: None, ..whole }).is_err(), "{listen}");
            assert!(Reach::of(&Asked { key: None, ..whole }).is_err(), "{listen}");
            let nameless = Reach::of(&Asked { names: &[], ..whole });
            assert_eq!(nameless.is_ok(), listen.contains("192.0.2.7"), "{listen}");
            let proxied =
                Asked { behind_proxy: Some("https://page.example"), password: true, ..asked(listen) };
            assert!(Reach::of(&proxied).unwrap().readable, "{listen}");
            assert!(Reach::of(&Asked { password: false, ..proxied }).is_err(), "{listen}");
        }
    }

    #[test]
    fn a_proxy_before_this_machine_lets_others_come_so_it_takes_a_password() {
        let proxied = Asked { behind_proxy: Some("https://page.example/"), ..asked("127.0.0.1:8420") };
        assert!(Reach::of(&proxied).is_err());
        let reach = Reach::of(&Asked { password: true, ..proxied }).unwrap();
        assert!(!reach.own_machine && !reach.readable && reach.meant.is_https());
    }

    #[test]
    fn every_objection_is_told_at_once_with_what_to_do() {
        let names = ["page.example:8420".to_owned()];
        insta::assert_snapshot!(said(&asked("0.0.0.0:8420")), @r#"
        --listen: 0.0.0.0:8420 can be reached from other machines, and what goes over the line could be read on its way; add `--tls-certificate FILE --tls-key FILE`, or `--behind-proxy https://page.example` where a proxy in front does TLS
        --listen: other machines can reach the page, and nothing asks who comes; add `--password-file FILE` or `--password-env NAME`
        "#);
        insta::assert_snapshot!(said(&Asked { names: &[], ..tls(asked("[::]:8420")) }), @r#"
        --listen: [::]:8420 is every address of this machine, and by none of them does a browser know the page; add `--name page.example`, a name that the certificate has
        --listen: other machines can reach the page, and nothing asks who comes; add `--password-file FILE` or `--password-env NAME`
        "#);
        let half = Asked { certificate: Some(Path::new("c.pem")), names: &names, ..asked("page.example:80") };
        insta::assert_snapshot!(said(&half), @r#"
        --listen: `page.example:80` is no address and port; write for example 127.0.0.1:9464; 
        --tls-certificate: there is a certificate without its key; add `--tls-key FILE`
        --name: `page.example:8420` is no host name; write the name alone, such as `page.example`, without `https://` or a port
        "#);
        let other = Asked { key: Some(Path::new("k.pem")), ..asked("127.0.0.1:0") };
        insta::assert_snapshot!(said(&other), @"--tls-key: there is a key without its certificate; add `--tls-certificate FILE`");
        let names = ["page.example".to_owned()];
        insta::assert_snapshot!(said(&Asked { names: &names, ..asked("127.0.0.1:0") }), @"--name: names are for TLS, and there is no certificate; add `--tls-certificate FILE --tls-key FILE`, or leave the name out");
        let proxied =
            Asked { behind_proxy: Some("http://page.example"), names: &names, ..asked("192.0.2.7:80") };
        insta::assert_snapshot!(said(&proxied), @r#"
        --name: the proxy has the name already; leave `--name` out
        --behind-proxy: `http://page.example` is not how a browser reaches the proxy; write `https://`, the name, and nothing behind it, such as https://page.example
        --listen: other machines can reach the page, and nothing asks who comes; add `--password-file FILE` or `--password-env NAME`
        "#);
    }

    #[test]
    fn an_origin_of_a_proxy_is_https_and_a_name_and_no_more() {
        for good in ["https://page.example", "https://page.example/", "https://192.0.2.7:8443"] {
            assert!(https_origin(good).is_some(), "{good}");
        }
        for bad in [
            "page.example",
            "http://page.example",
            "https://page.example/postduif",
            "https://page.example/?a",
            "https://ada@page.example",
            "https://page.example/#a",
            "https://",
            "",
        ] {
            assert!(https_origin(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_written_as_browsers_write_it() {
        assert_eq!(host_name("Page.Example").unwrap(), "page.example");
        assert_eq!(host_name("straße.example").unwrap(), "xn--strae-oqa.example");
        for bad in ["", "page.example:80", "https://page.example", "a b", "a/b"] {
            assert!(host_name(bad).is_none(), "{bad}");
        }
    }
}
