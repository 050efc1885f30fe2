//! What of a message its readers look at, taken out once.

use std::borrow::Cow;

use super::rules::rules;
use super::words::plain;
use crate::mail::auto_submitted::AutoSubmitted;
use crate::mail::fields::Fields;
use crate::mail::html_text::html_text;
use crate::mail::parsed::{Content, ParsedMail, Part};

/// How much of what was written is read, in bytes.
const KEPT: usize = 64 << 10;

/// A message with what matters of it at hand.
pub(crate) struct Incoming<'a> {
    pub(crate) mail: &'a ParsedMail,
    /// The address in `From`, in lower case; perhaps empty.
    pub(crate) from: String,
    /// The name in `From`, plain.
    pub(crate) from_name: String,
    /// The subject, plain.
    pub(crate) subject_plain: String,
    /// Whether the reverse path is empty, as RFC 5321 §4.5.5 asks of those who report.
    pub(crate) null_path: bool,
    pub(crate) auto: AutoSubmitted,
    /// The ids of `In-Reply-To`.
    pub(crate) in_reply_to: Vec<String>,
    /// The ids of `References`.
    pub(crate) references: Vec<String>,
    /// `reply` or `forward`, as the subject begins.
    pub(crate) prefix: Option<&'static str>,
    /// Everything that the sender wrote and quoted; nothing of attached messages.
    pub(crate) text: String,
}

impl<'a> Incoming<'a> {
    pub(crate) fn of(mail: &'a ParsedMail) -> Self {
        let (name, address) = sender(&mail.fields);
        let subject_plain = plain(&mail.subject());
        let path = mail.fields.raw("return-path");
        let mut text = String::new();
        written(&mail.root, &mut text);
        Self {
            mail,
            from: address.to_lowercase(),
            from_name: plain(&name),
            prefix: prefix(&subject_plain),
            subject_plain,
            null_path: path.is_some_and(|path| path.split_whitespace().collect::<String>() == "<>"),
            auto: AutoSubmitted::parse(mail.fields.raw("auto-submitted").unwrap_or_default()),
            in_reply_to: mail.fields.ids("in-reply-to"),
            references: mail.fields.ids("references"),
            text,
        }
    }

    /// Whether it names a message that it answers.
    pub(crate) fn answers(&self) -> bool {
        !self.in_reply_to.is_empty() || !self.references.is_empty()
    }

    /// The value of a field, in lower case.
    pub(crate) fn lower(&self, field: &str) -> Option<String> {
        self.mail.fields.raw(field).map(|value| value.trim().to_lowercase())
    }

    /// Whether it comes from a mailing list or a sender of bulk mail, by its header.
    pub(crate) fn is_bulk(&self) -> bool {
        let fields = &self.mail.fields;
        let bulk = self.lower("precedence").is_some_and(|value| ["bulk", "list"].contains(&value.as_str()));
        bulk || ["list-id", "list-post", "list-unsubscribe", "feedback-id", "x-campaign", "x-mailinglist"]
            .iter()
            .any(|name| fields.has(name))
    }
}

/// Returns the name and the address of `From`; some mail systems write neither brackets nor domain.
fn sender(fields: &Fields) -> (Cow<'_, str>, String) {
    let raw = fields.raw("from").unwrap_or_default();
    let found = crate::mail::parsed::mailboxes(raw);
    match found.into_iter().find(|(_, address)| address.contains('@')) {
        Some((name, address)) => (Cow::Owned(name.unwrap_or_default()), address),
        None => {
            let text = fields.text("from").unwrap_or_default();
            let address = super::words::addresses(&text).first().map(|(_, address)| (*address).to_owned());
            (text, address.unwrap_or_default())
        }
    }
}

fn prefix(subject: &str) -> Option<&'static str> {
    match rules().prefix.first(subject)?.proves.as_str() {
        "reply" => Some("reply"),
        _ => Some("forward"),
    }
}

/// Returns a plain subject without the prefixes of answers and without the marks of lists.
pub(crate) fn base_subject(subject_plain: &str) -> &str {
    let mut rest = subject_plain;
    for _ in 0..8 {
        let before = rest;
        if prefix(rest).is_some() {
            rest = rest.find(':').map_or(rest, |at| &rest[at + 1..]);
            rest = rest.strip_prefix('：').unwrap_or(rest).trim_start();
        } else if rest.starts_with('[') && rest.find(']').is_some_and(|at| at < 40 && at + 2 < rest.len()) {
            rest = rest.split_once(']').map_or(rest, |(_, behind)| behind).trim_start();
        }
        if rest == before {
            break;
        }
    }
    rest
}

/// Collects what the sender wrote: the text of inline parts, of alternatives the plain one.
fn written(part: &Part, out: &mut String) {
    if out.len() >= KEPT {
        return;
    }
    match &part.content {
        Content::Text(text) if is_prose(part) => push(text, out),
        Content::Html(html) if !part.attached => push(&html_text(html), out),
        Content::Parts(parts) if part.media == "multipart/alternative" => {
            let mut best = String::new();
            for part in parts {
                let mut text = String::new();
                written(part, &mut text);
                // Some put a line "your program shows no HTML" into the plain one.
                let says_nothing = best.split_whitespace().count() < 12 && text.len() > best.len();
                if best.trim().is_empty() || says_nothing {
                    best = text;
                }
            }
            push(&best, out);
        }
        Content::Parts(parts) => parts.iter().for_each(|part| written(part, out)),
        _ => {}
    }
}

fn is_prose(part: &Part) -> bool {
    let prose = part.media == "text/plain"
        || part.media == "text/enriched"
        || !part.media.contains('/')
        || part.media.starts_with("multipart/");
    (prose || part.media == "text/") && !(part.attached && part.name.is_some())
}

fn push(text: &str, out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(crate::mail::fields::cut(text, KEPT.saturating_sub(out.len())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_marks_of_lists_are_taken_off_a_subject() {
        for (subject, base) in [
            ("re: antw: our plan", "our plan"),
            ("re[2]: our plan", "our plan"),
            ("[list] re: our plan", "our plan"),
            ("fwd: re: our plan", "our plan"),
            ("our plan: chapter", "our plan: chapter"),
            ("re:", ""),
        ] {
            assert_eq!(base_subject(subject), base, "{subject}");
        }
    }

    #[test]
    fn the_plain_one_of_alternatives_is_read_unless_it_says_nothing() {
        let read = |plain: &str| {
            let bytes = format!(
                "From: a@b.example\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\n{plain}\n--x\nContent-Type: text/html\n\n\
                 <p>This is the letter with all of the words that there were to be said in it today</p>\n--x--\n"
            );
            Incoming::of(&ParsedMail::read(bytes.as_bytes())).text
        };
        assert!(read("no html").contains("all of the words"));
        let plain = "Here are enough words to be taken for what was really meant to be said";
        assert_eq!(read(plain).trim(), plain);
    }
}
