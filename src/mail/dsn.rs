//! Delivery status notifications (RFC 3464), with addresses as RFC 3461 and RFC 6533 write them.
//!
//! Read as they really come: with blocks run together, blank lines in wrong places, comments behind values, lines that are
//! folded without a blank. Knows nothing of campaigns.

use super::fields;
use super::smtp_reply::EnhancedCode;

/// What a report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dsn {
    /// `Reporting-MTA` (§2.2.2), without its type.
    pub reporting_mta: Option<String>,
    /// `Original-Envelope-Id` (§2.2.1): the ENVID that we gave.
    pub envelope_id: Option<String>,
    /// `Original-Message-ID`, and what Exchange and others call it.
    pub message_id: Option<String>,
    /// A block for each recipient (§2.3).
    pub recipients: Vec<RecipientStatus>,
}

/// What became of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientStatus {
    /// `Original-Recipient` (§2.3.1): as we wrote it, before anybody forwarded.
    pub original: Option<String>,
    /// `Final-Recipient` (§2.3.2), or `X-Actual-Recipient` where that one is no address.
    pub last: Option<String>,
    /// `Action` (§2.3.3).
    pub action: Option<Action>,
    /// `Status` (§2.3.4).
    pub status: Option<EnhancedCode>,
    /// `Diagnostic-Code` (§2.3.6), without its type.
    pub diagnostic: Option<String>,
    /// `Remote-MTA` (§2.3.5).
    pub remote_mta: Option<String>,
}

/// §2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was not delivered.
    Failed,
    /// Not yet.
    Delayed,
    /// It was.
    Delivered,
    /// Handed on to where no reports come from.
    Relayed,
    /// Delivered and spread further.
    Expanded,
}

impl Action {
    fn parse(value: &str) -> Option<Self> {
        let word: String = value.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        Some(match word.to_ascii_lowercase().as_str() {
            "failed" | "failure" | "fail" | "bounced" => Action::Failed,
            "delayed" | "delay" | "deferred" => Action::Delayed,
            "delivered" | "deliverable" => Action::Delivered,
            "relayed" => Action::Relayed,
            "expanded" => Action::Expanded,
            _ => return None,
        })
    }

    /// Returns whether the letter got where it should, or was handed on.
    pub fn is_success(self) -> bool {
        matches!(self, Action::Delivered | Action::Relayed | Action::Expanded)
    }
}

impl RecipientStatus {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it says what became of somebody.
    fn says_something(&self) -> bool {
        self.action.is_some() || self.status.is_some() || self.last.is_some() && self.diagnostic.is_some()
    }
}

/// How many recipients of a report are read.
const MOST: usize = 500;

/// Reads the fields of a report; what is no field of RFC 3464 is left out.
pub fn read(text: &str) -> Dsn {
    let mut dsn = Dsn::default();
    let mut current = RecipientStatus::default();
    let mut parted = false;
    for (name, value) in logical_lines(text) {
        let Some(name) = name else {
            parted = true;
            continue;
        };
        let again = match name.as_str() {
            "final-recipient" => current.last.is_some(),
            "original-recipient" => current.original.is_some() || parted && current.last.is_some(),
            "action" => current.action.is_some() && parted,
            _ => false,
        };
        if again && dsn.recipients.len() < MOST {
            dsn.recipients.push(std::mem::take(&mut current));
        }
        parted = false;
        match name.as_str() {
            "reporting-mta" => dsn.reporting_mta = Some(untyped(&value).to_owned()),
            "original-envelope-id" | "x-original-envelope-id" if !value.is_empty() => {
                dsn.envelope_id = Some(xtext(value.trim()));
            }
            "original-message-id" | "x-original-message-id" => {
                dsn.message_id = fields::message_ids(&value).into_iter().next();
            }
            "original-recipient" => current.original = address(&value),
            "final-recipient" => current.last = address(&value),
            "x-actual-recipient" if !current.last.as_deref().is_some_and(|last| last.contains('@')) => {
                current.last = address(&value).or(current.last.take());
            }
            "action" => current.action = current.action.or(Action::parse(&value)),
            "status" => current.status = current.status.or_else(|| status(&value)),
            "diagnostic-code" | "x-diagnostic-code" => {
                let said = untyped(&value);
                match &mut current.diagnostic {
                    Some(diagnostic) => *diagnostic = format!("{diagnostic} {said}"),
                    none => *none = Some(said.to_owned()),
                }
            }
            "remote-mta" => current.remote_mta = Some(untyped(&value).to_owned()),
            _ => {}
        }
    }
    if !current.is_empty() && dsn.recipients.len() < MOST {
        dsn.recipients.push(current);
    }
    dsn.recipients.retain(RecipientStatus::says_something);
    dsn
}

/// Returns names (lower case) with unfolded values, and `None` for an empty line.
fn logical_lines(text: &str) -> Vec<(Option<String>, String)> {
    let mut found: Vec<(Option<String>, String)> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            found.push((None, String::new()));
            continue;
        }
        let folded = line.starts_with([' ', '\t']);
        match fields::split(line.trim_start()).filter(|(name, _)| !folded || is_known(name)) {
            Some((name, value)) => found.push((Some(name.to_ascii_lowercase()), value.trim().to_owned())),
            // Some fold a long diagnostic without a blank in front.
            _ => {
                if let Some((Some(_), value)) = found.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
        }
    }
    found
}

fn is_known(name: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "reporting-mta",
        "original-envelope-id",
        "original-recipient",
        "final-recipient",
        "x-actual-recipient",
        "action",
        "status",
        "diagnostic-code",
        "remote-mta",
    ];
    KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a text holds the fields of a report: those of RFC 3464 that nothing else has.
pub fn looks_like_one(text: &str) -> bool {
    let (mut recipient, mut outcome) = (false, false);
    for line in text.lines() {
        let Some((name, value)) = fields::split(line.trim_start()) else { continue };
        if name.eq_ignore_ascii_case("final-recipient") || name.eq_ignore_ascii_case("original-recipient") {
            recipient = true;
        } else if name.eq_ignore_ascii_case("action") {
            outcome |= Action::parse(value).is_some();
        } else if name.eq_ignore_ascii_case("status") {
            outcome |= status(value).is_some();
        } else if name.eq_ignore_ascii_case("diagnostic-code") {
            outcome = true;
        }
    }
    recipient && outcome
}

/// Takes off the type that stands before a value: `dns; mx.example` gives `mx.example`.
fn untyped(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if !kind.trim().contains([' ', '@', '<', ':']) => rest.trim(),
        _ => value.trim(),
    }
}

/// Reads an address: `rfc822; <ada@x.example> (Ada)` gives `ada@x.example`.
fn address(value: &str) -> Option<String> {
    let value = untyped(value);
    let inside = value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    let bare = inside.unwrap_or(value);
    let bare = bare.split(" (").next().unwrap_or(bare).trim().trim_matches(['"', '\'', '<', '>', ',', ';']);
    let bare = bare.strip_prefix("mailto:").or(bare.strip_prefix("SMTP:")).unwrap_or(bare);
    let bare = bare.split_whitespace().find(|word| word.contains('@')).unwrap_or(bare);
    (!bare.is_empty()).then(|| xtext(&unicode(bare)))
}

/// Reads a status code; comments and texts around it are forgiven.
fn status(value: &str) -> Option<EnhancedCode> {
    let first = value.trim_start().split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    EnhancedCode::parse(first.trim_end_matches('.')).or_else(|| EnhancedCode::first_in(value))
}

/// Decodes the characters that RFC 3461 §4 must hide, where a server left them hidden: `+2B` and `+3D`.
fn xtext(text: &str) -> String {
    text.replace("+2B", "+").replace("+3D", "=").replace("+40", "@")
}

/// Decodes `\x{00E9}` (RFC 6533 §3).
fn unicode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        out.push_str(before);
        let Some((digits, behind)) = after.split_once('}') else {
            out.push_str("\\x{");
            rest = after;
            continue;
        };
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(c) => out.push(c),
            None => out.push(char::REPLACEMENT_CHARACTER),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_of_two_recipients_is_read() {
        let dsn = read(
            "Reporting-MTA: dns; mx.party.example\nOriginal-Envelope-Id: abc+2Bdef\n\nOriginal-Recipient: rfc822;Ada@party.example\n\
             Final-Recipient: RFC822; <ada@elsewhere.example>\nAction: Failed\nStatus: 5.1.1 (bad destination mailbox address)\n\
             Remote-MTA: dns; mx.elsewhere.example\nDiagnostic-Code: smtp; 550 5.1.1\n   no such user\n\nFinal-Recipient: rfc822;ben@party.example\n\
             Action: delayed\nStatus: 4.4.1\n",
        );
        assert_eq!(dsn.reporting_mta.as_deref(), Some("mx.party.example"));
        assert_eq!(dsn.envelope_id.as_deref(), Some("abc+def"));
        let [ada, ben] = &dsn.recipients[..] else { unreachable!("{dsn:?}") };
        assert_eq!(ada.original.as_deref(), Some("Ada@party.example"));
        assert_eq!(ada.last.as_deref(), Some("ada@elsewhere.example"));
        assert_eq!((ada.action, ada.status), (Some(Action::Failed), EnhancedCode::parse("5.1.1")));
        assert_eq!(ada.diagnostic.as_deref(), Some("550 5.1.1 no such user"));
        assert_eq!((ben.action, ben.last.as_deref()), (Some(Action::Delayed), Some("ben@party.example")));
    }

    #[test]
    fn blocks_that_run_together_and_blank_lines_within_them_are_forgiven() {
        for text in [
            "Reporting-MTA: dns; a\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.0.0\n",
            "Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; x@y.example\n\nAction: failed\n\nStatus: 5.0.0\n",
            "Action: FAILED\nFinal-Recipient: x@y.example\nStatus: 5.0.0.\n",
            "  Final-Recipient: rfc822;x@y.example\n  Action: failed\n\n  Status: 5.0.0\n",
        ] {
            let dsn = read(text);
            assert_eq!(dsn.recipients.len(), 1, "{text}");
            assert_eq!(dsn.recipients[0].last.as_deref(), Some("x@y.example"), "{text}");
            assert_eq!(dsn.recipients[0].action, Some(Action::Failed), "{text}");
            assert_eq!(dsn.recipients[0].status, EnhancedCode::parse("5.0.0"), "{text}");
        }
    }

    #[test]
    fn addresses_are_found_in_what_stands_in_their_field() {
        for (value, expected) in [
            ("rfc822;ada@x.example", Some("ada@x.example")),
            ("RFC822; Ada <ada@x.example>", Some("ada@x.example")),
            ("utf-8; zo\\x{EB}@x.example", Some("zoë@x.example")),
            ("ada@x.example (Ada)", Some("ada@x.example")),
            ("LOCAL;\\ada", Some("\\ada")),
            ("rfc822;ada+2Btag@x.example", Some("ada+tag@x.example")),
            ("rfc822;", None),
        ] {
            assert_eq!(address(value).as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Final-Recipient|Action|Status|Diagnostic-Code|:|;|\\n| |\\PC){0,60}") {
            read(&text);
            looks_like_one(&text);
        }
    }
}
