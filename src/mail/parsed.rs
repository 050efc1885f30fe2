//! A message that came in, read from its bytes (RFC 5322, 2045 to 2047, 6532). `mail-parser` does the reading and stays in this file.
//!
//! Never panics and never refuses: what is broken is taken for text, since a report that cannot be read is a report that
//! is not heeded. What is kept is bounded: the texts of a letter and the parts that say something about delivery, never the
//! bytes of an attachment.

use std::borrow::Cow;

use jiff::civil::Date;
use mail_parser::parsers::MessageStream;
use mail_parser::{Header, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::fields::{Fields, cut};

/// How much of a message is read, in bytes.
pub const LIMIT: usize = 16 << 20;
/// How much of one part is kept, in bytes.
const KEPT: usize = 256 << 10;
/// How deep parts may stand in parts.
const DEEPEST: usize = 16;
/// How many parts are looked at.
const MOST_PARTS: usize = 500;

/// A message: its header and its content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedMail {
    /// The fields of the header.
    pub fields: Fields,
    /// The content; of a simple message, the one part there is.
    pub root: Part,
}

/// One part (RFC 2045 §2.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// `text/plain`, in lower case.
    pub media: String,
    /// The parameter `report-type` of a `multipart/report` (RFC 6522), in lower case.
    pub report_type: Option<String>,
    /// The parameter `method` of a `text/calendar` (RFC 6047), in lower case.
    pub method: Option<String>,
    /// The file name, if it has one.
    pub name: Option<String>,
    /// Whether it is marked as an attachment (RFC 2183).
    pub attached: bool,
    /// What is in it.
    pub content: Content,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text that is shown as it is.
    Text(String),
    /// HTML.
    Html(String),
    /// A message in a message.
    Message(Box<ParsedMail>),
    /// Further parts.
    Parts(Vec<Part>),
    /// Something else; only what may be a report is kept.
    Bytes(Vec<u8>),
}

impl Default for Content {
    fn default() -> Self {
        Content::Bytes(Vec::new())
    }
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// What the sender calls it; leads anywhere, so it is no name of a file here.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Returns the files that came with a message, pictures within its text included; not those of messages within.
pub fn attachments(bytes: &[u8]) -> Vec<Attached> {
    let bytes = without_mailbox_line(bytes.get(..LIMIT).unwrap_or(bytes));
    let Some(message) = MessageParser::default().parse(bytes) else { return Vec::new() };
    let attached = message.attachments().take(MOST_PARTS).map(|part| Attached {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        bytes: part.contents().to_vec(),
    });
    attached.collect()
}

/// A date and time as a header gives it (RFC 5322 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// The day where it was written.
    pub day: Date,
}

impl ParsedMail {
    /// Reads a message. Lines may end in LF or CRLF; a line `From …` of a mailbox file in front is left out.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(LIMIT)];
        let bytes = without_mailbox_line(bytes);
        match MessageParser::default().parse(bytes) {
            Some(message) => convert(&message, 0, &mut 0),
            None => Self { fields: Fields::default(), root: Part::text(lossy(bytes)) },
        }
    }

    /// Returns the subject, decoded.
    pub fn subject(&self) -> String {
        self.fields.text("subject").unwrap_or_default().into_owned()
    }

    /// Returns the first mailbox of a field: the name, decoded, and the address.
    pub fn mailbox(&self, field: &str) -> Option<(Option<String>, String)> {
        self.fields.raw(field).map(mailboxes).and_then(|found| found.into_iter().next())
    }

    /// Returns when it was written, by its own word.
    pub fn date(&self) -> Option<Moment> {
        self.fields.raw("date").and_then(moment)
    }

    /// Goes through all parts in order, nested ones after what holds them; not into messages within.
    pub fn parts(&self) -> Vec<&Part> {
        fn collect<'a>(part: &'a Part, found: &mut Vec<&'a Part>) {
            found.push(part);
            if let Content::Parts(parts) = &part.content {
                parts.iter().for_each(|part| collect(part, found));
            }
        }
        let mut found = Vec::new();
        collect(&self.root, &mut found);
        found
    }
}

impl Part {
    fn text(text: String) -> Self {
        Self { media: "text/plain".to_owned(), content: Content::Text(text), ..Self::default() }
    }

    /// Returns its bytes or text as text, if it has any.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match &self.content {
            Content::Text(text) | Content::Html(text) => Some(Cow::Borrowed(text)),
            Content::Bytes(bytes) if !bytes.is_empty() => Some(Cow::Owned(lossy(bytes))),
            _ => None,
        }
    }
}

/// Decodes the encoded-words of a value (RFC 2047).
pub fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let line = format!("{value}\n");
    match MessageStream::new(line.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => Cow::Owned(text.into_owned()),
        _ => Cow::Borrowed(value),
    }
}

/// Reads mailboxes (RFC 5322 §3.4): names, decoded, and addresses. Groups are taken apart.
pub fn mailboxes(value: &str) -> Vec<(Option<String>, String)> {
    let line = format!("{value}\n");
    let HeaderValue::Address(found) = MessageStream::new(line.as_bytes()).parse_address() else {
        return Vec::new();
    };
    found
        .iter()
        .take(200)
        .filter_map(|mailbox| {
            let address = mailbox.address.as_deref().unwrap_or_default().trim().to_owned();
            let name = mailbox.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
            (!address.is_empty() || name.is_some()).then(|| (name.map(str::to_owned), address))
        })
        .collect()
}

/// Reads a date (RFC 5322 §3.3).
pub fn moment(value: &str) -> Option<Moment> {
    let line = format!("{value}\n");
    let HeaderValue::DateTime(date) = MessageStream::new(line.as_bytes()).parse_date() else { return None };
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    let day = Date::new(i16::try_from(date.year).ok()?, month, day).ok()?;
    date.is_valid().then(|| Moment { seconds: date.to_timestamp(), day })
}

/// Leaves out what programs put before a message: empty lines, and the `From ` line of a mailbox file.
fn without_mailbox_line(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    for _ in 0..2 {
        if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
            rest = memchr::memchr(b'\n', rest).map_or(&[][..], |at| &rest[at + 1..]);
            // Some mail programs keep notes of their own below it.
            while rest.starts_with(b"\t") || rest.starts_with(b" ") {
                rest = memchr::memchr(b'\n', rest).map_or(&[][..], |at| &rest[at + 1..]);
            }
        }
    }
    if rest.is_empty() { bytes } else { rest }
}

/// Reads bytes as UTF-8, or else as Latin-1.
fn lossy(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(KEPT)];
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

fn convert(message: &Message<'_>, depth: usize, count: &mut usize) -> ParsedMail {
    let fields =
        message.parts.first().map(|part| fields(&part.headers, &message.raw_message)).unwrap_or_default();
    let mut root = part(message, 0, depth, count);
    // Delimiters that do not fit what the header promised: all of it is text then.
    let empty = match &root.content {
        Content::Parts(parts) => parts.is_empty(),
        _ => false,
    };
    if empty && let Some(first) = message.parts.first() {
        let raw = message.raw_message.get(first.offset_body as usize..).unwrap_or_default();
        root.content = Content::Text(lossy(raw));
    }
    ParsedMail { fields, root }
}

fn part(message: &Message<'_>, id: u32, depth: usize, count: &mut usize) -> Part {
    *count += 1;
    let Some(found) = message.parts.get(id as usize) else { return Part::default() };
    let mut part = Part { media: "text/plain".to_owned(), ..Part::default() };
    if let Some(kind) = found.content_type() {
        let lower = |name: &str| kind.attribute(name).map(str::to_lowercase);
        part.media = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase();
        part.report_type = lower("report-type");
        part.method = lower("method");
        part.name = kind.attribute("name").map(str::to_owned);
    }
    if let Some(disposition) = found.content_disposition() {
        part.attached = disposition.is_attachment();
        part.name = disposition.attribute("filename").map(str::to_owned).or(part.name);
    }
    let too_far = depth >= DEEPEST || *count > MOST_PARTS;
    part.content = match &found.body {
        PartType::Text(text) => Content::Text(readable(text, message, found)),
        PartType::Html(text) => Content::Html(readable(text, message, found)),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            // A letter that came back may be attached as a file.
            let is_letter = part.name.as_deref().is_some_and(|name| {
                let name = name.to_ascii_lowercase();
                [".eml", ".msg", ".txt", ".hdr"].iter().any(|ending| name.ends_with(ending))
            });
            let says_something =
                is_letter || part.media.starts_with("message/") || part.media.starts_with("text/");
            let kept = if says_something { &bytes[..bytes.len().min(KEPT)] } else { &[] };
            Content::Bytes(kept.to_vec())
        }
        _ if too_far => Content::default(),
        PartType::Message(nested) => Content::Message(Box::new(convert(nested, depth + 1, count))),
        PartType::Multipart(ids) => {
            // A part never holds itself or one before it; a parser that said so would lead us round.
            let ids = ids.iter().filter(|&&child| child > id);
            Content::Parts(ids.map(|&child| self::part(message, child, depth + 1, count)).collect())
        }
    };
    part
}

/// Takes a text; where bytes were no UTF-8 and no charset was named, they are taken for Latin-1.
fn readable(text: &str, message: &Message<'_>, part: &mail_parser::MessagePart<'_>) -> String {
    if text.contains('\u{fffd}') && part.encoding == mail_parser::Encoding::None {
        let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize);
        if let Some(raw) = raw.filter(|raw| !raw.is_empty()) {
            return lossy(raw);
        }
    }
    cut(text, KEPT).to_owned()
}

fn fields(headers: &[Header<'_>], raw: &[u8]) -> Fields {
    let mut fields = Fields::default();
    for header in headers {
        let name = match &header.name {
            HeaderName::Other(name) => name.as_ref(),
            name => name.as_str(),
        };
        let value = raw.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
        let value = lossy(value);
        let unfolded: Vec<&str> = value.lines().map(str::trim).collect();
        fields.push(name, &unfolded.join(" "));
    }
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_read_with_its_parts() {
        let mail = ParsedMail::read(
            b"From MAILER-DAEMON Mon Nov  3 10:00:00 2025\nFrom: =?utf-8?Q?Zo=C3=AB?= <zoe@a.example>\nSubject: =?iso-8859-1?Q?h=E9?=\n there\n\
              Date: Mon, 3 Nov 2025 23:30:00 -0500\nContent-Type: multipart/report; report-type=Delivery-Status;\n boundary=b\n\n--b\n\nhello\n\
              --b\nContent-Type: message/delivery-status\n\nAction: failed\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nbody\n--b--\n",
        );
        assert_eq!(mail.subject(), "hé there");
        assert_eq!(mail.mailbox("from"), Some((Some("Zoë".to_owned()), "zoe@a.example".to_owned())));
        assert_eq!(mail.date().unwrap().day.to_string(), "2025-11-03");
        assert_eq!(mail.root.report_type.as_deref(), Some("delivery-status"));
        let parts = mail.parts();
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[2].as_text().unwrap().trim(), "Action: failed");
        let Content::Message(inner) = &parts[3].content else { unreachable!() };
        assert_eq!(inner.subject(), "inner");
    }

    #[test]
    fn a_multipart_whose_delimiters_do_not_fit_is_text() {
        let mail = ParsedMail::read(
            b"Content-Type: multipart/report; boundary=right\n\n--wrong\n\nthe words\n--wrong--\n",
        );
        assert!(
            mail.parts().iter().any(|part| part.as_text().is_some_and(|text| text.contains("the words")))
        );
    }

    #[test]
    fn letters_beyond_ascii_are_read_without_a_charset() {
        let mail = ParsedMail::read(b"Subject: caf\xe9\n\nd\xe9j\xe0 vu\n");
        assert_eq!(mail.subject(), "café");
        assert_eq!(mail.root.as_text().unwrap().trim(), "déjà vu");
    }

    #[test]
    fn thousands_of_nested_parts_do_not_overflow() {
        let mut bytes = b"Subject: deep\n".to_vec();
        for _ in 0..5000 {
            bytes.extend(b"Content-Type: message/rfc822\n\n");
        }
        ParsedMail::read(&bytes);
        let mut bytes = Vec::new();
        for n in 0..5000 {
            bytes.extend(format!("Content-Type: multipart/mixed; boundary=\"{n}\"\n\n--{n}\n").bytes());
        }
        ParsedMail::read(&bytes);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mail = ParsedMail::read(&bytes);
            mail.date();
            mail.mailbox("from");
        }
    }
}
