//! Mail addresses and mailboxes (RFC 5321 §2.3.11, RFC 5322 §3.4).

use std::fmt;

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};

pub use super::domain::{reserved_domain, suggest_domain};
use super::headers;

/// One mail address, checked: `ada@council.example`.
///
/// The domain is kept in lower case and as A-labels (RFC 5890); the local part as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: String,
    domain: String,
}

/// Why a text is no mail address: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a mail address: {why}")]
pub struct AddressError {
    /// What was read, shortened and without control characters.
    pub text: String,
    /// What is wrong with it, as a clause without a full stop.
    pub why: String,
}

impl Address {
    /// Reads an address; surrounding blanks and a `mailto:` are forgiven, nothing else is.
    ///
    /// Stricter than RFC 5321 on purpose: no quoted local part, no domain literal, no comment, no domain without
    /// a dot. A domain in letters beyond ASCII is turned into A-labels (RFC 5891).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let outside = |c: char| c.is_whitespace() || matches!(c, '\u{200B}' | '\u{FEFF}');
        let trimmed = text.trim_matches(outside);
        let bare = match trimmed.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => trimmed[7..].trim_matches(outside),
            _ => trimmed,
        };
        read(bare).map_err(|why| AddressError { text: shown(trimmed), why })
    }

    /// Returns what stands before the last `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain, lower case, A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns whether the local part is not ASCII, so that the way needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// Returns the form under which two spellings are one mailbox: all lower case.
    pub fn canonical(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }

    /// Returns the address with `detail` behind a `+` in the local part (RFC 5233), for VERP.
    pub fn with_detail(&self, detail: &str) -> Self {
        Self { local: format!("{}+{detail}", self.local), domain: self.domain.clone() }
    }
}

/// Reads a trimmed address, or says why not.
fn read(text: &str) -> Result<Address, String> {
    let no = |why: &str| Err(why.to_owned());
    if text.is_empty() {
        return no("it is empty");
    }
    if text.chars().any(headers::unprintable) {
        return no("it holds an invisible or control character");
    }
    if text.contains(['<', '>']) {
        return no("it holds more than the address itself");
    }
    if text.contains('"') {
        return no("quotation marks are not supported before the @");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return no("it has no @") };
    if local.contains('@') {
        return no("it has more than one @; write one address");
    }
    if text.chars().any(char::is_whitespace) {
        return no("it holds a blank");
    }
    if text.contains([',', ';']) {
        return no("it holds a comma or semicolon; write one address");
    }
    if local.is_empty() {
        return no("nothing stands before the @");
    }
    if local.len() > 64 {
        return no("what stands before the @ is longer than 64 octets");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return no("a full stop is out of place before the @");
    }
    if domain.is_empty() {
        return no("nothing stands after the @");
    }
    if domain.contains('[') {
        return no("an address in numbers is not supported after the @");
    }
    let domain = idna::domain_to_ascii(domain)
        .map_err(|_| format!("`{}` is not a domain name", shown(domain)))?
        .to_ascii_lowercase();
    check_domain(&domain)?;
    let whole = format!("{local}@{domain}");
    if whole.len() > 254 {
        return no("it is longer than 254 octets");
    }
    let strict = Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(&whole, strict).map_err(|error| clause(&error.to_string()))?;
    Ok(Address { local: local.to_owned(), domain })
}

/// Checks a domain of A-labels (RFC 1035 §2.3.1, RFC 1123 §2.1).
fn check_domain(domain: &str) -> Result<(), String> {
    let labels: Vec<&str> = domain.split('.').collect();
    if domain.len() > 255 {
        return Err("the domain is longer than 255 octets".to_owned());
    }
    if labels.len() < 2 {
        return Err(format!("`{}` has no dot, so it is no mail domain", shown(domain)));
    }
    for label in &labels {
        if label.is_empty() {
            return Err("a full stop is out of place in the domain".to_owned());
        }
        if label.len() > 63 {
            return Err("a part of the domain is longer than 63 octets".to_owned());
        }
        if label.contains('_') {
            return Err(format!("the domain holds an underscore in `{}`", shown(label)));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(format!("a hyphen is out of place in `{}`", shown(label)));
        }
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(format!("`{}` is not part of a domain name", shown(label)));
        }
    }
    if labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("the domain ends in a number".to_owned());
    }
    Ok(())
}

/// Makes a clause of another's sentence: small first letter, no full stop.
fn clause(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Shortens a text for an error, without what could disturb a terminal.
fn shown(text: &str) -> String {
    let clean = headers::clean(text);
    if clean.chars().count() <= 80 {
        return clean;
    }
    clean.chars().take(79).chain(['…']).collect()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// A name and an address: `Ada Jansen <ada@council.example>` (RFC 5322 §3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name, clean of control characters; never empty.
    pub name: Option<String>,
    /// Where it goes.
    pub address: Address,
}

/// For people, not for a header field: nothing is quoted or encoded.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

impl Mailbox {
    /// Makes a mailbox; the name is cleaned, and an empty one is none.
    pub fn new(name: Option<&str>, address: Address) -> Self {
        Self { name: name.and_then(display_name), address }
    }

    /// Reads `Ada Jansen <ada@council.example>`, `"Jansen, Ada" <…>` or a bare address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let trimmed = text.trim();
        if !trimmed.contains('<') {
            return Ok(Self { name: None, address: Address::parse(trimmed)? });
        }
        let wrong = |why: &str| AddressError { text: shown(trimmed), why: why.to_owned() };
        let (name, rest) = trimmed.rsplit_once('<').unwrap_or(("", trimmed));
        let inner =
            rest.strip_suffix('>').ok_or_else(|| wrong("the `<` is not closed by a `>` at the end"))?;
        let name = name.trim();
        let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
            None => name.to_owned(),
        };
        if name.contains(['<', '>']) {
            return Err(wrong("it has more than one pair of angle brackets"));
        }
        Ok(Self { name: display_name(&name), address: Address::parse(inner)? })
    }
}

/// Cleans a display name of control characters, line breaks and overrides of the writing direction.
///
/// Returns `None` where nothing is left.
pub fn display_name(text: &str) -> Option<String> {
    Some(headers::clean(text)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_with_its_domain_in_lower_case_a_labels() {
        for (text, kept) in [
            ("  Ada@Council.EXAMPLE ", "Ada@council.example"),
            ("mailto:ada@council.example", "ada@council.example"),
            ("\u{a0}ada+x@council.example\u{200b}", "ada+x@council.example"),
            ("info@zuid-één.example", "info@xn--zuid-n-dxab.example"),
            ("o'neill@x1.council.example", "o'neill@x1.council.example"),
        ] {
            let address = Address::parse(text).unwrap();
            assert!(text.contains("zuid") || address.to_string() == kept, "{address}");
            assert_eq!(Address::parse(&address.to_string()).unwrap(), address);
            assert!(address.domain().is_ascii());
        }
        assert!(Address::parse("zoë@council.example").unwrap().needs_smtputf8());
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        let said: Vec<String> = [
            "",
            "ada",
            "ada@",
            "@council.example",
            "ada@council",
            "ada@192.0.2.1",
            "ada@[192.0.2.1]",
            "ada@x_y.example",
            "a b@council.example",
            "ada@ council.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "\"a b\"@council.example",
            "Ada <ada@council.example>",
            "ada..x@council.example",
            "ada@council..example",
            "ada@-council.example",
            "ada\u{202e}@council.example",
            "ada\r\nRCPT@council.example",
            "ada(x)@council.example",
            "ada@council.example?subject=x",
        ]
        .iter()
        .map(|text| Address::parse(text).unwrap_err().to_string())
        .chain([Address::parse(&format!("{}@council.example", "x".repeat(65))).unwrap_err().why])
        .chain([Address::parse(&format!("a@{}example", "abcdefg.".repeat(40))).unwrap_err().why])
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_mailbox_is_read_with_its_name_cleaned() {
        let read = |text| Mailbox::parse(text).unwrap();
        assert_eq!(read("Ada Jansen <ada@council.example>").name.as_deref(), Some("Ada Jansen"));
        assert_eq!(
            read("\"Jansen, \\\"Ada\\\"\" <ada@council.example>").name.as_deref(),
            Some("Jansen, \"Ada\"")
        );
        assert_eq!(read("ada@council.example").name, None);
        assert_eq!(read("\u{202e} \r\n <ada@council.example>").name, None);
        assert_eq!(read("Ada\r\nBcc: x <ada@council.example>").name.as_deref(), Some("Ada Bcc: x"));
        assert!(Mailbox::parse("Ada <ada@council.example").is_err());
    }
}
