//! What is kept of a message that belongs to a letter.

use jiff::Timestamp;

use super::incoming::Incoming;
use super::new_text::new_text;
use crate::mail::parsed::ParsedMail;

/// What is kept of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its Message-ID, with angle brackets.
    pub message_id: Option<String>,
    /// The address it came from, in lower case.
    pub sender: Option<String>,
    /// Its subject, decoded.
    pub subject: Option<String>,
    /// When it was written, by its own word.
    pub at: Option<Timestamp>,
    /// What was written anew: without quotations and signature.
    pub text: String,
}

impl Excerpt {
    /// Takes it of a message. `own` are the lines of our own letters, see [`super::own_lines`].
    pub fn of(mail: &ParsedMail, own: &[String]) -> Self {
        let incoming = Incoming::of(mail);
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            message_id: mail
                .fields
                .ids("message-id")
                .first()
                .map(|id| format!("<{}>", id.trim_matches(['<', '>']))),
            sender: filled(incoming.from.clone()),
            subject: filled(crate::mail::headers::clean(&mail.subject())),
            at: mail.date().and_then(|moment| Timestamp::from_second(moment.seconds).ok()),
            text: new_text(&incoming.text, own).text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parsed::{Attached, attachments};

    #[test]
    fn a_reply_is_kept_without_what_it_quotes_and_with_its_files() {
        let mail = "Message-ID: <a@b.example>\r\nFrom: Ada <Ada@Council.example>\r\nSubject: =?utf-8?q?Re=3A_H=C3=A9?=\r\n\
            Date: Mon, 1 Sep 2025 10:00:00 +0200\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain\r\n\r\nWij nemen punt 1 over.\r\n\r\n> Wij vragen u\r\n-- \r\nAda\r\n--x\r\n\
            Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"antwoord.pdf\"\r\n\r\n%PDF\r\n--x--\r\n";
        let of = |bytes: &[u8]| Excerpt::of(&ParsedMail::read(bytes), &[]);
        let kept = of(mail.as_bytes());
        assert_eq!(kept.message_id.as_deref(), Some("<a@b.example>"));
        assert_eq!(kept.sender.as_deref(), Some("ada@council.example"));
        assert_eq!(kept.subject.as_deref(), Some("Re: Hé"));
        assert_eq!(kept.at, Some("2025-09-01T08:00:00Z".parse().unwrap()));
        assert_eq!(kept.text, "Wij nemen punt 1 over.");
        assert_eq!(
            attachments(mail.as_bytes()),
            [Attached { name: "antwoord.pdf".to_owned(), bytes: b"%PDF".to_vec() }]
        );
        assert_eq!(of(b""), Excerpt { text: String::new(), ..of(b"\r\n") });
    }
}
