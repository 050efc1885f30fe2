//! The message as it goes out: header fields and two bodies that say the same (RFC 5322, RFC 2046 §5.1.4).

use jiff::ZonedDateTime;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Body, MultiPart, SinglePart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::address::Mailbox;
use super::message_id::MessageId;
use super::{headers, quoted_printable};

/// A name of an attachment has at most so many octets; encoded, each takes three on the line.
const LONGEST_NAME: usize = 250;

/// What a message is made of.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Who writes.
    pub from: &'a Mailbox,
    /// To whom; one recipient, who may have several mailboxes.
    pub to: &'a [Mailbox],
    /// Who gets a copy that all may see.
    pub cc: &'a [Mailbox],
    /// Where answers go, where that differs from `from`.
    pub reply_to: Option<&'a Mailbox>,
    /// The subject, in clear.
    pub subject: &'a str,
    /// When it is sent, in the campaign's zone.
    pub dated: &'a ZonedDateTime,
    /// Its Message-ID.
    pub message_id: &'a MessageId,
    /// The language (RFC 3282): `nl`.
    pub language: &'a str,
    /// The text/plain body, lines parted by LF.
    pub text: &'a str,
    /// The text/html body, lines parted by LF.
    pub html: &'a str,
    /// Files that go along.
    pub attachments: &'a [Attachment],
    /// Further fields, such as `In-Reply-To`; a name keeps only its letters, digits and hyphens.
    pub extra: &'a [(String, String)],
}

/// A file that goes along with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name as the reader sees it, without any path.
    pub name: String,
    /// Its media type (RFC 6838): `application/pdf`. What is none is sent as `application/octet-stream`.
    pub media_type: String,
    /// What is in it.
    pub bytes: std::sync::Arc<[u8]>,
}

impl Attachment {
    /// Returns how many octets it takes in a message: base64 in lines of 76 characters (RFC 2045 §6.8).
    pub fn size_in_message(&self) -> u64 {
        (self.bytes.len() as u64).div_ceil(57) * 78
    }
}

/// Composes the message: CRLF throughout, no line over 998 octets, the same bytes for the same parts.
///
/// multipart/alternative, both parts UTF-8 in quoted-printable; with attachments, within multipart/mixed. Carries only what a personal letter carries:
/// nothing that marks it as bulk, names the program or asks for a receipt. Never fails: what a field cannot
/// hold is taken out or encoded.
pub fn compose(parts: &Parts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048 + parts.text.len() + parts.html.len() + parts.html.len() / 4);
    headers::structured("Date", &parts.dated.strftime("%a, %-d %b %Y %H:%M:%S %z").to_string(), &mut out);
    headers::mailboxes("From", std::slice::from_ref(parts.from), &mut out);
    if let Some(reply_to) = parts.reply_to.filter(|reply_to| reply_to.address != parts.from.address) {
        headers::mailboxes("Reply-To", std::slice::from_ref(reply_to), &mut out);
    }
    headers::mailboxes("To", parts.to, &mut out);
    if !parts.cc.is_empty() {
        headers::mailboxes("Cc", parts.cc, &mut out);
    }
    headers::unstructured("Subject", parts.subject, &mut out);
    headers::structured("Message-ID", &headers::clean(parts.message_id.as_str()), &mut out);
    for (name, value) in parts.extra {
        // A Message-ID in an encoded-word would be none (RFC 2047 §5).
        if ["In-Reply-To", "References"].iter().any(|threading| name.eq_ignore_ascii_case(threading)) {
            headers::structured(name, &headers::clean(value), &mut out);
        } else {
            headers::unstructured(name, value, &mut out);
        }
    }
    headers::structured("Content-Language", &headers::clean(parts.language), &mut out);
    headers::structured("MIME-Version", "1.0", &mut out);
    let bodies = MultiPart::alternative()
        .boundary(boundary(parts.message_id))
        .singlepart(body(ContentType::TEXT_PLAIN, parts.text))
        .singlepart(body(ContentType::TEXT_HTML, parts.html));
    if parts.attachments.is_empty() {
        out.extend_from_slice(&bodies.formatted());
        return out;
    }
    let whole = MultiPart::mixed().boundary(format!("{}_", boundary(parts.message_id))).multipart(bodies);
    let whole = parts.attachments.iter().fold(whole, |whole, file| whole.singlepart(enclosed(file)));
    out.extend_from_slice(&whole.formatted());
    out
}

/// Returns an attachment as a part: always base64, since the octets of a file must come as they are (a bare LF would not).
fn enclosed(file: &Attachment) -> SinglePart {
    let kind = ContentType::parse(&file.media_type).ok();
    let kind = kind.or_else(|| ContentType::parse("application/octet-stream").ok());
    let body = Body::new_with_encoding(file.bytes.to_vec(), ContentTransferEncoding::Base64);
    let body =
        body.unwrap_or_else(|bytes| Body::dangerous_pre_encoded(bytes, ContentTransferEncoding::Binary));
    SinglePart::builder()
        .header(kind.unwrap_or(ContentType::TEXT_PLAIN))
        .header(Disposition(headers::clean(&file.name)))
        .body(body)
}

/// `Content-Disposition: attachment` (RFC 2183) with a name of at most some hundred octets.
///
/// Our own, because lettre parts a name into continuations (RFC 2231 §3) already where it is short, and fewer mail programs
/// read those than `filename*=` (§4), which is long on one line and within the limit of 998.
#[derive(Clone)]
struct Disposition(String);

/// What need not be encoded in `filename*=` (RFC 2231 §7, attribute-char).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'{')
    .remove(b'|')
    .remove(b'}')
    .remove(b'~');

impl Header for Disposition {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        let whole = self.0.char_indices().map(|(at, c)| at + c.len_utf8());
        let name = &self.0[..whole.take_while(|end| *end <= LONGEST_NAME).last().unwrap_or(0)];
        let value = if name.is_ascii() {
            format!("attachment;\r\n filename=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            format!("attachment;\r\n filename*=UTF-8''{}", utf8_percent_encode(name, PLAIN))
        };
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), value)
    }
}

/// Returns one body: UTF-8, quoted-printable by our own encoder, which always takes that and is fast.
fn body(kind: ContentType, text: &str) -> SinglePart {
    let mut encoded = Vec::with_capacity(text.len() + text.len() / 4);
    quoted_printable::encode(text, &mut encoded);
    let encoded = Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable);
    SinglePart::builder().header(kind).body(encoded)
}

/// Returns the boundary of a message. It begins with `=_`, which quoted-printable never writes (RFC 2045 §6.7).
fn boundary(id: &MessageId) -> String {
    let token = id.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(40);
    "=_".chars().chain(token).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use mail_parser::{MessageParser, MimeHeaders as _};

    use super::*;

    fn message(to: &[Mailbox], cc: &[Mailbox], attachments: &[Attachment]) -> Vec<u8> {
        let dated: Timestamp = "2025-09-08T07:30:00Z".parse().unwrap();
        compose(&Parts {
            from: &Mailbox::parse("Ada Jansen <ada@ngo.example>").unwrap(),
            to,
            cc,
            reply_to: None,
            subject: "Een oproep",
            dated: &dated.to_zoned_datetime(TimeZone::UTC),
            message_id: &MessageId::stored("<a.b.1@ngo.example>".to_owned()),
            language: "nl",
            text: "Geachte,\n",
            html: "<p>Geachte,</p>\n",
            attachments,
            extra: &[],
        })
    }

    fn file(name: &str, media_type: &str, bytes: &[u8]) -> Attachment {
        Attachment { name: name.to_owned(), media_type: media_type.to_owned(), bytes: bytes.into() }
    }

    #[test]
    fn several_mailboxes_share_a_field_and_come_back_as_they_were() {
        let to = [
            Mailbox::parse("Één & Ander <een@party.example>").unwrap(),
            Mailbox::parse("\"Bos, Cé\" <twee@party.example>").unwrap(),
            Mailbox::parse("drie@party.example").unwrap(),
        ];
        let cc =
            [Mailbox::parse("Secretariaat van het partijbureau te Voorbeeldstad <s@party.example>").unwrap()];
        let bytes = message(&to, &cc, &[]);
        let read = MessageParser::default().parse(&bytes).unwrap();
        let listed = |address: Option<&mail_parser::Address<'_>>| -> Vec<(Option<String>, String)> {
            let list = address.unwrap().as_list().unwrap();
            list.iter()
                .map(|one| (one.name().map(str::to_owned), one.address().unwrap().to_owned()))
                .collect()
        };
        let given = |mailboxes: &[Mailbox]| -> Vec<(Option<String>, String)> {
            mailboxes.iter().map(|one| (one.name.clone(), one.address.to_string())).collect()
        };
        assert_eq!(listed(read.to()), given(&to));
        assert_eq!(listed(read.cc()), given(&cc));
        assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 79), "folded");
    }

    #[test]
    fn a_name_of_any_length_stays_on_one_line_that_every_server_takes() {
        let to = [Mailbox::parse("x@party.example").unwrap()];
        for long in ["x".repeat(2000), "é".repeat(2000), "\"".repeat(2000), "😀".repeat(500)] {
            let bytes = message(&to, &[], &[file(&long, "application/pdf", b"x")]);
            assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
            let read = MessageParser::default().parse(&bytes).unwrap();
            let name = read.attachments().next().unwrap().attachment_name().unwrap().to_owned();
            assert!(long.starts_with(&name) && name.len() > 240, "{name}");
        }
    }

    #[test]
    fn attachments_come_back_octet_for_octet_under_their_names() {
        let csv = b"a;b\n.\nMAIL FROM:<x@y.example>\n.\r\n\0\xff";
        let files = [
            file("Brief aan Één.pdf", "application/pdf", b"%PDF-1.7"),
            file("lijst \"2025\";.csv", "application/octet-stream", csv),
            file("a\r\nX-Evil: 1.txt", "no type\r\nX-Evil: 1", b""),
        ];
        let bytes = message(&[Mailbox::parse("x@party.example").unwrap()], &[], &files);
        let read = MessageParser::default().parse(&bytes).unwrap();
        let got: Vec<_> = read
            .attachments()
            .map(|part| (part.attachment_name().unwrap_or_default().to_owned(), part.contents().to_vec()))
            .collect();
        assert_eq!(got[0], ("Brief aan Één.pdf".to_owned(), b"%PDF-1.7".to_vec()));
        assert_eq!(got[1], ("lijst \"2025\";.csv".to_owned(), csv.to_vec()));
        assert_eq!(got[2].1, b"");
        assert!(read.header("X-Evil").is_none() && !String::from_utf8_lossy(&bytes).contains("\nX-Evil"));
        assert_eq!(read.text_body_count() + read.html_body_count(), 2, "the bodies are still two");
        assert!(
            !bytes.windows(3).any(|three| three == b"\n.\n" || three == b"\n.\r"),
            "nothing ends the data early"
        );
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains("\r\n filename*=UTF-8''Brief%20aan%20%C3%89%C3%A9n.pdf\r\n"), "{text}");
        assert!(text.contains("\r\n filename=\"lijst \\\"2025\\\";.csv\"\r\n"), "{text}");
        assert!(files[1].size_in_message() >= 78);
        assert_eq!(bytes, message(&[Mailbox::parse("x@party.example").unwrap()], &[], &files));
    }
}
