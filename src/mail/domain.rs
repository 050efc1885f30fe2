//! Mail domains: which can never be reached, and which look like a slip of the finger.

use super::address::Address;

/// Returns whether an address can by its name never reach anybody (RFC 2606, RFC 6761).
pub fn reserved_domain(address: &Address) -> bool {
    reserved(address.domain())
}

/// Returns whether a domain, in lower case, is one of those that lead nowhere (RFC 2606, RFC 6761).
pub fn reserved(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or(domain);
    matches!(last, "example" | "test" | "invalid" | "localhost")
        || ["example.com", "example.net", "example.org"]
            .iter()
            .any(|name| domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Domains with many mailboxes. Real look-alikes (`mail.com`, `ymail.com`) are here so that nobody "corrects" them.
const KNOWN: [&str; 52] = [
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "hotmail.nl",
    "hotmail.be",
    "hotmail.de",
    "hotmail.fr",
    "hotmail.co.uk",
    "outlook.com",
    "outlook.nl",
    "outlook.be",
    "live.com",
    "live.nl",
    "live.be",
    "msn.com",
    "yahoo.com",
    "yahoo.nl",
    "yahoo.de",
    "yahoo.fr",
    "yahoo.co.uk",
    "ymail.com",
    "rocketmail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "mail.com",
    "email.com",
    "gmx.com",
    "gmx.net",
    "gmx.de",
    "web.de",
    "t-online.de",
    "protonmail.com",
    "proton.me",
    "pm.me",
    "fastmail.com",
    "tuta.com",
    "kpnmail.nl",
    "kpnplanet.nl",
    "planet.nl",
    "hetnet.nl",
    "ziggo.nl",
    "home.nl",
    "upcmail.nl",
    "chello.nl",
    "quicknet.nl",
    "casema.nl",
    "xs4all.nl",
    "telfort.nl",
    "tele2.nl",
    "solcon.nl",
];

/// Returns whether a domain gives mailboxes to anybody, so that it tells nothing of who writes.
pub fn gives_mailboxes(domain: &str) -> bool {
    KNOWN.contains(&domain)
}

/// Returns the well-known domain that was probably meant, if `domain` looks like a slip: a warning, never a change.
pub fn suggest_domain(domain: &str) -> Option<&'static str> {
    let domain = domain.to_lowercase();
    if KNOWN.contains(&domain.as_str()) || domain.len() < 5 {
        return None;
    }
    KNOWN
        .iter()
        .filter(|known| known.len().abs_diff(domain.len()) <= 2)
        .map(|known| (strsim::damerau_levenshtein(&domain, known), *known))
        .filter(|(distance, known)| {
            // In a short name one letter is a fifth of it, and another real name.
            (*distance == 1 && known.len() >= 7)
                || (*distance == 2 && known.len() >= 8 && strsim::jaro_winkler(&domain, known) > 0.93)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_noticed_and_real_names_are_left_alone() {
        for (slip, meant) in [
            ("gmial.com", "gmail.com"),
            ("gmail.con", "gmail.com"),
            ("hotmial.nl", "hotmail.nl"),
            ("zigo.nl", "ziggo.nl"),
            ("outlok.com", "outlook.com"),
        ] {
            assert_eq!(suggest_domain(slip), Some(meant), "{slip}");
        }
        for real in KNOWN.iter().copied().chain(["bbb.example", "denk.nl", "postduif.example"]) {
            assert_eq!(suggest_domain(real), None, "{real}");
        }
    }

    #[test]
    fn reserved_names_are_known_and_only_those() {
        let reserved = |text| reserved_domain(&Address::parse(text).unwrap());
        for text in
            ["a@x.example", "a@example.com", "a@mail.example.org", "a@b.test", "a@b.invalid", "a@b.localhost"]
        {
            assert!(reserved(text), "{text}");
        }
        assert!(!reserved("a@notexample.com") && !reserved("a@example.nl"));
    }
}
