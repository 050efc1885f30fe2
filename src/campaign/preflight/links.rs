//! Links that a reader or a filter distrusts: not https, showing another address, to nowhere, shortened.

use super::Found;
use super::catalogue::{
    DECEPTIVE_LINK, EMPTY_LINK, EXAMPLE_LINK, INSECURE_LINK, MAILTO_TYPO, SHORTENED_LINK,
};
use crate::mail::address::Address;
use crate::mail::domain;

/// Hosts that only pass on to another one.
const SHORTENERS: [&str; 22] = [
    "bit.ly",
    "tinyurl.com",
    "t.co",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "v.gd",
    "buff.ly",
    "rebrand.ly",
    "cutt.ly",
    "lnkd.in",
    "rb.gy",
    "t.ly",
    "shorturl.at",
    "tiny.cc",
    "bit.do",
    "s.id",
    "dub.sh",
    "short.io",
    "tr.im",
    "soo.gd",
    "urlz.fr",
];

/// Last labels of names that people show as addresses. Without such a list, "node.js" would be one.
const ENDINGS: [&str; 26] = [
    "nl",
    "be",
    "de",
    "fr",
    "eu",
    "uk",
    "lu",
    "at",
    "ch",
    "com",
    "org",
    "net",
    "info",
    "frl",
    "amsterdam",
    "nu",
    "gov",
    "edu",
    "int",
    "io",
    "app",
    "dev",
    "site",
    "online",
    "example",
    "test",
];

/// Returns every address of a page in a plain text; what closes a sentence or a bracket is no part of it.
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    ["https://", "http://"].into_iter().flat_map(move |scheme| {
        text.match_indices(scheme).map(move |(at, _)| {
            let rest = &text[at..];
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')'))
                .unwrap_or(rest.len());
            rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’'])
        })
    })
}

/// Looks at the address of a page.
pub fn look(address: &str, found: &mut Vec<Found>) {
    let Ok(url) = url::Url::parse(address) else { return };
    let shown = super::shown(address);
    match url.scheme() {
        "http" => {
            found.push(Found::new(&INSECURE_LINK, format!("`{shown}` is not https")));
        }
        "https" => {}
        _ => return,
    }
    let Some(host) = url.host() else { return };
    let nowhere = match &host {
        url::Host::Ipv4(ip) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        url::Host::Ipv6(ip) => {
            ip.is_loopback() || ip.is_unspecified() || (ip.segments()[0] & 0xfe00) == 0xfc00
        }
        url::Host::Domain(name) => {
            let last = name.rsplit('.').next().unwrap_or(name);
            !name.contains('.')
                || ["local", "internal", "lan", "home", "intranet"].contains(&last)
                || domain::reserved(name)
        }
    };
    if nowhere {
        found.push(Found::new(&EXAMPLE_LINK, format!("`{shown}` is an address that a reader cannot reach")));
    }
    let host = host.to_string();
    let host = host.trim_start_matches("www.");
    if SHORTENERS.contains(&host) {
        found.push(Found::new(&SHORTENED_LINK, format!("`{shown}` is the address of a shortener")));
    }
}

/// Looks at a link as the HTML has it: its address and the text that it shows.
pub fn look_at_anchor(address: &str, text: &str, found: &mut Vec<Found>) {
    let text = text.trim();
    if text.is_empty() {
        found.push(Found::new(&EMPTY_LINK, format!("the link to `{}` has no text", super::shown(address))));
    }
    if let Some(mailboxes) = strip(address, "mailto:") {
        look_at_mailto(mailboxes, found);
    }
    if let Some((shows, goes)) = deception(address, text) {
        found.push(Found::new(
            &DECEPTIVE_LINK,
            format!("a link shows `{}` and goes to `{}`", super::shown(shows), super::shown(&goes)),
        ));
    }
}

fn strip<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn mailto_addresses(mailboxes: &str) -> Vec<String> {
    let mailboxes = mailboxes.split('?').next().unwrap_or(mailboxes);
    let decoded = percent_encoding::percent_decode_str(mailboxes).decode_utf8_lossy();
    decoded.split(',').map(|address| address.trim().to_owned()).collect()
}

fn look_at_mailto(mailboxes: &str, found: &mut Vec<Found>) {
    for address in mailto_addresses(mailboxes) {
        let shown = super::shown(&address);
        match Address::parse(&address) {
            Err(error) => {
                found.push(Found::new(&MAILTO_TYPO, format!("`{shown}` is no mail address: {}", error.why)));
            }
            Ok(parsed) => {
                if let Some(better) = domain::suggest_domain(parsed.domain()) {
                    let said = format!("`{shown}` looks like a typing error");
                    found.push(Found::new(&MAILTO_TYPO, said).hint(format!("did you mean {better}?")));
                }
            }
        }
    }
}

/// What a link shows, if that is an address itself.
enum Shows<'t> {
    Host(String),
    Mailbox(&'t str),
}

fn shows(text: &str) -> Option<Shows<'_>> {
    if text.contains(char::is_whitespace) || !text.contains('.') {
        return None;
    }
    if text.contains('@') && !text.contains("://") {
        return Some(Shows::Mailbox(strip(text, "mailto:").unwrap_or(text)));
    }
    let bare = strip(text, "https://").or(strip(text, "http://"));
    let host = bare.unwrap_or(text).split(['/', '?', '#', ':']).next().unwrap_or("").to_lowercase();
    let ending = host.rsplit('.').next().unwrap_or("");
    let is_address = bare.is_some() || host.starts_with("www.") || ENDINGS.contains(&ending);
    (is_address && host.contains('.')).then(|| Shows::Host(plain(&host)))
}

/// A host as people compare it: without `www.`, in A-labels where it can be written so.
fn plain(host: &str) -> String {
    let host = host.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    url::Host::parse(host).map_or_else(|_| host.to_owned(), |host| host.to_string())
}

/// Whether one host is the other, or lies within it.
fn akin(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    within(a, b) || within(b, a)
}

/// Returns what a link shows and where it goes instead, where they are not the same.
fn deception<'t>(address: &str, text: &'t str) -> Option<(&'t str, String)> {
    let goes = url::Url::parse(address).ok()?;
    let same = match shows(text)? {
        Shows::Mailbox(mailbox) => match goes.scheme() {
            "mailto" => {
                mailto_addresses(goes.path()).iter().any(|address| address.eq_ignore_ascii_case(mailbox))
            }
            _ => {
                let own = mailbox.rsplit('@').next().unwrap_or("").to_lowercase();
                goes.host_str().is_some_and(|host| akin(&plain(host), &plain(&own)))
            }
        },
        Shows::Host(host) => match goes.scheme() {
            "mailto" => mailto_addresses(goes.path()).iter().all(|address| {
                address.rsplit('@').next().is_some_and(|own| akin(&plain(&own.to_lowercase()), &host))
            }),
            "tel" => false,
            _ => goes.host_str().is_some_and(|own| akin(&plain(own), &host)),
        },
    };
    (!same).then(|| (text, address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        look(address, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    fn anchor(address: &str, text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        look_at_anchor(address, text, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn addresses_that_a_letter_should_not_have_are_found() {
        for (address, expected) in [
            ("http://www.gemeente.nl/x", vec!["insecure-link"]),
            ("https://x.example/", vec!["example-link"]),
            ("https://www.example.com/", vec!["example-link"]),
            ("https://localhost:8080/", vec!["example-link"]),
            ("http://192.168.1.4/", vec!["insecure-link", "example-link"]),
            ("https://intranet/", vec!["example-link"]),
            ("https://bit.ly/3xYz", vec!["shortened-link"]),
            ("https://www.gemeente.nl/", vec![]),
            ("https://habit.ly/3xYz", vec![]),
            ("https://examples.nl/", vec![]),
            ("https://93.184.216.34/", vec![]),
            ("mailto:a@b.nl", vec![]),
            ("no address", vec![]),
        ] {
            assert_eq!(of(address), expected, "{address}");
        }
    }

    #[test]
    fn what_a_link_shows_is_where_it_goes() {
        for (address, text) in [
            ("https://evil.nl/login", "https://bank.nl/login"),
            ("https://evil.nl/", "www.bank.nl"),
            ("https://evil.nl/", "bank.nl"),
            ("https://notbank.nl/", "bank.nl"),
            ("mailto:a@evil.nl", "a@bank.nl"),
            ("mailto:b@bank.nl", "a@bank.nl"),
            ("https://evil.nl/", "a@bank.nl"),
            ("tel:+31201234567", "bank.nl"),
        ] {
            assert_eq!(anchor(address, text), ["deceptive-link"], "{address} {text}");
        }
        for (address, text) in [
            ("https://bank.nl/a", "www.bank.nl"),
            ("https://www.bank.nl/a?b=c", "bank.nl/a"),
            ("https://mijn.bank.nl/", "bank.nl"),
            ("https://bank.nl/", "https://mijn.bank.nl/"),
            ("https://nodejs.org/", "node.js"),
            ("https://bank.nl/", "onze site"),
            ("https://bank.nl/", "d.w.z. hier"),
            ("mailto:a@bank.nl?subject=x", "A@bank.nl"),
            ("mailto:a@bank.nl", "bank.nl"),
            ("https://bank.nl/contact", "a@bank.nl"),
            ("tel:+31201234567", "020 123 45 67"),
            ("https://xn--bcher-kva.example/", "bücher.example"),
        ] {
            assert_eq!(anchor(address, text), [] as [&str; 0], "{address} {text}");
        }
        assert_eq!(anchor("https://bank.nl/", " "), ["empty-link"]);
        assert_eq!(anchor("mailto:a@bank", "schrijf ons"), ["mailto-typo"]);
        assert_eq!(anchor("mailto:a@gmial.com", "schrijf ons"), ["mailto-typo"]);
        assert_eq!(anchor("mailto:a@bank.nl,b@bank.nl", "schrijf ons"), [] as [&str; 0]);
    }

    #[test]
    fn addresses_are_found_in_a_text_without_what_closes_the_sentence() {
        let text = "Zie https://a.nl/x. En (http://b.nl/y?z=1), <https://c.nl>; of httpx://d.nl";
        assert_eq!(
            addresses(text).collect::<Vec<_>>(),
            ["https://a.nl/x", "https://c.nl", "http://b.nl/y?z=1"]
        );
    }
}
