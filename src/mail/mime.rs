//! The message as it goes out: header fields and two bodies that say the same (RFC 5322, RFC 2046 §5.1.4).

use jiff::ZonedDateTime;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, SinglePart};

use super::address::Mailbox;
use super::message_id::MessageId;
use super::{headers, quoted_printable};

/// What a message is made of.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Who writes.
    pub from: &'a Mailbox,
    /// To whom; one recipient.
    pub to: &'a Mailbox,
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
    /// Further fields, such as `In-Reply-To`; a name keeps only its letters, digits and hyphens.
    pub extra: &'a [(String, String)],
}

/// Composes the message: CRLF throughout, no line over 998 octets, the same bytes for the same parts.
///
/// multipart/alternative, both parts UTF-8 in quoted-printable. Carries only what a personal letter carries:
/// nothing that marks it as bulk, names the program or asks for a receipt. Never fails: what a field cannot
/// hold is taken out or encoded.
pub fn compose(parts: &Parts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048 + parts.text.len() + parts.html.len() + parts.html.len() / 4);
    headers::structured("Date", &parts.dated.strftime("%a, %-d %b %Y %H:%M:%S %z").to_string(), &mut out);
    headers::mailbox("From", parts.from, &mut out);
    if let Some(reply_to) = parts.reply_to.filter(|reply_to| reply_to.address != parts.from.address) {
        headers::mailbox("Reply-To", reply_to, &mut out);
    }
    headers::mailbox("To", parts.to, &mut out);
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
    out.extend_from_slice(&bodies.formatted());
    out
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
