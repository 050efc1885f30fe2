//! What a message is known by when its number has changed. Pure.

use std::fmt;

use memchr::memchr;
use ring::digest::{Context, SHA256};

/// How much of a header is fetched and kept, in bytes. The largest that mail systems make are around 30 KB.
pub const LONGEST_HEADER: usize = 64 * 1024;

/// What a message is known by, wherever it lies and whatever number it has: its Message-ID, and the digest of its header.
///
/// The same message gets the same fingerprint from IMAP and from a Maildir, in any folder. Two messages without a
/// Message-ID differ by their header: date, `Received` fields, boundary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// With angle brackets, where there is one.
    pub message_id: Option<String>,
    /// SHA-256 of the header's fields, unfolded; fields that mailboxes add by themselves are left out.
    pub header: [u8; 32],
}

impl fmt::Display for Fingerprint {
    /// The digest in hexadecimal digits: it alone tells messages apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Fields that mail programs and servers write into a message while it lies in a mailbox.
const OF_THE_MAILBOX: [&str; 9] = [
    "status",
    "x-status",
    "x-uid",
    "x-uidl",
    "x-keywords",
    "x-imap",
    "x-mozilla-status",
    "x-mozilla-status2",
    "content-length",
];

impl Fingerprint {
    /// Takes the fingerprint of a header; line ends may be CRLF or LF, and what follows an empty line is not looked at.
    pub fn of(header: &[u8]) -> Self {
        let mut digest = Context::new(&SHA256);
        let mut message_id = None;
        for field in fields(header.get(..LONGEST_HEADER).unwrap_or(header)) {
            let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            if OF_THE_MAILBOX.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
                continue;
            }
            if message_id.is_none() && name.eq_ignore_ascii_case(b"message-id") {
                let value = field.get(name.len()..).unwrap_or_default();
                message_id = in_brackets(&String::from_utf8_lossy(value));
            }
            // Blanks do not count, nor do the places where a field is folded: not every mailbox keeps them.
            for word in field.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                digest.update(word);
                digest.update(b" ");
            }
            digest.update(b"\n");
        }
        let mut header = [0; 32];
        header.copy_from_slice(digest.finish().as_ref());
        Self { message_id, header }
    }
}

/// Returns the fields of a header, each with the lines that continue it (RFC 5322 §2.2.3).
fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut end = 0;
        loop {
            end = memchr(b'\n', &rest[end..]).map_or(rest.len(), |at| end + at + 1);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (field, behind) = rest.split_at(end);
        rest = behind;
        Some(field)
    })
}

/// Returns the first `<…>` of a value.
fn in_brackets(value: &str) -> Option<String> {
    let from = value.find('<')?;
    let length = value[from..].find('>')? + 1;
    let id: String = value[from..from + length].split_whitespace().collect();
    (id.len() > 2 && id.len() <= 998).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str =
        "Received: from a by b\r\n\tid 1\r\nMessage-ID:\r\n <1.a@x.example>\r\nSubject: One\r\n";

    #[test]
    fn line_ends_folding_and_marks_of_the_mailbox_do_not_count() {
        let one = Fingerprint::of(HEADER.as_bytes());
        assert_eq!(one.message_id.as_deref(), Some("<1.a@x.example>"));
        for same in [
            HEADER.replace("\r\n", "\n"),
            format!("{HEADER}\r\nText: of the body\r\n"),
            HEADER.replace("Subject: One", "Subject:\r\n  One"),
            format!("X-UID: 17\r\nStatus: RO\r\n{HEADER}"),
            HEADER.trim_end().to_owned(),
        ] {
            assert_eq!(Fingerprint::of(same.as_bytes()), one, "{same:?}");
        }
        for other in [HEADER.replace("id 1", "id 2"), HEADER.replace("One", "Two"), String::new()] {
            assert_ne!(Fingerprint::of(other.as_bytes()).header, one.header, "{other:?}");
        }
    }

    #[test]
    fn the_digest_is_written_in_hexadecimal_digits() {
        let shown = Fingerprint::of(b"").to_string();
        assert_eq!(shown, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_message_id_that_is_none_is_left_out() {
        for odd in
            ["Message-ID: none\n", "Message-ID: <>\n", "Message-ID: <broken\n", "\nMessage-ID: <a@b>\n"]
        {
            assert_eq!(Fingerprint::of(odd.as_bytes()).message_id, None, "{odd:?}");
        }
        let folded = Fingerprint::of(b"message-id: <a@\n b.example>\n").message_id;
        assert_eq!(folded.as_deref(), Some("<a@b.example>"));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_fingerprint(bytes: Vec<u8>) {
            let _ = Fingerprint::of(&bytes);
        }
    }
}
