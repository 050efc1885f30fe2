//! The letter that came back inside a report, and where the report itself ends.
//!
//! What stands below that line are our own words: to read them as the report's would make a bounce of every reply that
//! quotes one, and a complaint of our own footer.

use super::incoming::Incoming;
use super::rules::rules;
use super::words::plain;
use crate::mail::fields::{self, Fields};
use crate::mail::parsed::{Content, ParsedMail, Part};

/// What of the letter came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returned {
    /// Its header, as far as it came.
    pub(crate) fields: Fields,
}

/// A report, parted from what it returns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// What the reporting system wrote.
    pub(crate) text: String,
    /// The letter that came back, if any did.
    pub(crate) returned: Option<Returned>,
    /// Whether a part of the message or a line of its text says that a letter came back.
    pub(crate) returns: bool,
}

/// How many lines of a report are read.
const LINES: usize = 3000;

impl Report {
    /// Parts a message.
    pub(crate) fn of(incoming: &Incoming<'_>) -> Self {
        let attached = incoming.mail.parts().into_iter().skip(1).find_map(attached);
        let lines: Vec<&str> = incoming.text.lines().take(LINES).collect();
        let (text, found) = split(&lines);
        let returns = attached.is_some() || found.is_some();
        Self { text, returned: attached.or(found), returns }
    }

    /// The Message-IDs that the returned letter had, ours first where a provider put its own in their place.
    pub(crate) fn message_ids(&self) -> Vec<String> {
        let Some(returned) = &self.returned else { return Vec::new() };
        const NAMES: [&str; 5] = [
            "message-id",
            "x-microsoft-original-message-id",
            "x-google-original-message-id",
            "original-message-id",
            "x-original-message-id",
        ];
        NAMES.iter().flat_map(|name| returned.fields.ids(name)).collect()
    }
}

/// Returns the letter that a part holds, if it is one that came back.
fn attached(part: &Part) -> Option<Returned> {
    match &part.content {
        Content::Message(mail) => Some(Returned { fields: mail.fields.clone() }),
        _ if matches!(
            part.media.as_str(),
            "text/rfc822-headers"
                | "text/rfc822-header"
                | "message/global-headers"
                | "message/rfc822-headers"
                | "message/rfc822"
                | "message/global"
                | "message/partial"
                | "text/rfc822"
        ) =>
        {
            let text = part.as_text()?;
            Some(Returned { fields: header_of(&text) })
        }
        Content::Text(text) if part.attached => {
            let fields = header_of(text);
            is_header(&fields).then_some(Returned { fields })
        }
        _ => None,
    }
}

fn header_of(text: &str) -> Fields {
    let text = text.trim_start();
    let head = text.split("\n\n").next().unwrap_or_default();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    Fields::parse(head)
}

/// Whether fields are the header of a letter that went over a line: one that mail systems write, and one that people read.
fn is_header(fields: &Fields) -> bool {
    let machine = ["received", "message-id", "mime-version", "return-path", "dkim-signature", "content-type"];
    let people = ["from", "to", "subject", "date"];
    let count = |names: &[&str]| names.iter().filter(|name| fields.has(name)).count();
    !is_report(fields)
        && (count(&machine) >= 1 && count(&people) >= 2 || fields.has("received") && count(&people) >= 1)
}

fn is_report(fields: &Fields) -> bool {
    ["final-recipient", "reporting-mta", "diagnostic-code", "action", "disposition", "feedback-type"]
        .iter()
        .any(|name| fields.has(name))
}

/// Parts the lines of a text into what the report says and the letter it returns.
fn split(lines: &[&str]) -> (String, Option<Returned>) {
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if let Some(sure) = marker(line) {
            let rest = &lines[at + 1..];
            let block = header_block(rest, 6);
            // "The original message follows" in the middle of a sentence, or with nothing behind it, ends nothing.
            if let Some((_, _, fields)) = block {
                return (join(&kept), Some(Returned { fields }));
            }
            if sure && rest.iter().any(|line| !line.trim().is_empty()) && words(&kept) >= 4 {
                return (join(&kept), Some(Returned { fields: Fields::default() }));
            }
        }
        if let Some((begins, ends, fields)) = header_block(&lines[at..], 0) {
            debug_assert_eq!(begins, 0);
            if words(&kept) >= 5 {
                return (join(&kept), Some(Returned { fields }));
            }
            // The letter's header stands first, and what became of it below.
            let below = join(&lines[at + ends..]);
            return (format!("{}\n{below}", join(&kept)), Some(Returned { fields }));
        }
        kept.push(line);
        at += 1;
    }
    (join(&kept), None)
}

fn join(lines: &[&str]) -> String {
    lines.join("\n")
}

fn words(lines: &[&str]) -> usize {
    lines.iter().map(|line| super::words::count(line)).sum()
}

/// Whether a line says that the letter follows: surely, or perhaps.
fn marker(line: &str) -> Option<bool> {
    let mark = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '-' | '=' | '_' | '*' | '#' | '+' | '~' | '>' | '<' | '[' | ']' | '(' | ')' | ':' | '.' | '|'
            )
    };
    let bare = line.trim_matches(mark);
    if bare.len() < 4 || bare.len() > 120 {
        return None;
    }
    rules().returned.first(&plain(bare)).map(|rule| rule.proves == "sure")
}

/// Finds a letter's header that begins within the first lines (or at the first, with `within` 0).
///
/// Returns where it begins, where it ends, and its fields.
fn header_block(lines: &[&str], within: usize) -> Option<(usize, usize, Fields)> {
    (0..=within.min(lines.len().saturating_sub(1))).find_map(|begins| {
        let first = unquoted(lines.get(begins)?);
        let (name, _) = fields::split(first)?;
        if !is_field_of_a_letter(name) {
            return None;
        }
        let indent = lines[begins].len() - lines[begins].trim_start().len();
        let mut text = String::new();
        let mut ends = begins;
        for line in lines[begins..].iter().take(300) {
            let cut = line.get(indent.min(line.len() - line.trim_start().len())..).unwrap_or(line);
            let cut = if cut.starts_with('>') { cut.trim_start_matches(['>', ' ']) } else { cut };
            let folded = cut.starts_with([' ', '\t']) && !cut.trim().is_empty();
            if !folded && fields::split(cut).is_none() {
                break;
            }
            text.push_str(cut);
            text.push('\n');
            ends += 1;
        }
        let fields = Fields::parse(&text);
        is_header(&fields).then_some((begins, ends, fields))
    })
}

fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', '|', ' ', '\t'])
}

fn is_field_of_a_letter(name: &str) -> bool {
    const NAMES: [&str; 26] = [
        "received",
        "return-path",
        "message-id",
        "from",
        "to",
        "subject",
        "date",
        "mime-version",
        "content-type",
        "delivered-to",
        "dkim-signature",
        "sender",
        "reply-to",
        "cc",
        "in-reply-to",
        "references",
        "importance",
        "organization",
        "user-agent",
        "content-transfer-encoding",
        "precedence",
        "errors-to",
        "envelope-to",
        "authentication-results",
        "arc-seal",
        "delivery-date",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

/// Returns the messages that stand in a message as parts.
pub(crate) fn messages(mail: &ParsedMail) -> impl Iterator<Item = &ParsedMail> {
    mail.parts().into_iter().filter_map(|part| match &part.content {
        Content::Message(mail) => Some(mail.as_ref()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        Report::of(&Incoming::of(&ParsedMail::read(format!("From: MAILER-DAEMON\n\n{text}").as_bytes())))
    }

    const LETTER: &str = "Received: from a by b; Mon, 3 Nov 2025 10:00:00 +0000\nMessage-ID: <1@ours.example>\nFrom: us@ours.example\nSubject: plan\nTo: ada@x.example\n\nuser unknown, said the letter\n";

    #[test]
    fn the_report_ends_where_the_letter_begins() {
        for between in [
            "--- Below this line is a copy of the message.\n\n",
            "------ This is a copy of the message, including all the headers. ------\n\n",
            "\n",
            "Original message follows.\n\n",
            "    ----- Unsent message follows -----\n",
        ] {
            let report = report(&format!(
                "Sorry, your message could not be delivered to Ada today.\n{between}{LETTER}"
            ));
            assert!(!report.text.contains("user unknown"), "{between}: {}", report.text);
            assert_eq!(report.message_ids(), ["<1@ours.example>"], "{between}");
        }
    }

    #[test]
    fn a_letter_that_is_quoted_or_indented_is_found() {
        for mark in ["> ", "  ", "\t"] {
            let quoted: String = LETTER.lines().map(|line| format!("{mark}{line}\n")).collect();
            let report = report(&format!("We could not deliver this to any of its recipients:\n\n{quoted}"));
            assert_eq!(report.message_ids(), ["<1@ours.example>"], "{mark:?}");
        }
    }

    #[test]
    fn a_header_on_top_does_not_hide_what_follows() {
        let report =
            report(&format!("{}\n\nThe user is unknown here.\n", LETTER.split("\n\n").next().unwrap()));
        assert!(report.text.contains("The user is unknown here."));
        assert_eq!(report.message_ids(), ["<1@ours.example>"]);
    }

    #[test]
    fn a_summary_of_the_letter_ends_nothing() {
        let report = report(
            "Your message\n\n  To: ada@x.example\n  Subject: plan\n  Sent: today\n\ndid not reach the following recipient(s):\n\nada@x.example\n",
        );
        assert!(report.text.contains("did not reach"));
        assert!(report.returned.is_none());
    }
}
