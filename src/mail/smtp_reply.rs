//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 3463, RFC 2034), read leniently.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An enhanced status code: `5.1.1` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The particular condition.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads `5.1.1`; nothing around it is forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            let fits = (1..=digits).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if fits { part.parse::<u16>().ok() } else { None }
        };
        let (class, subject, detail) = (part(1)?, part(3)?, part(3)?);
        let class = u8::try_from(class).ok()?;
        (matches!(class, 2 | 4 | 5) && parts.next().is_none()).then_some(Self { class, subject, detail })
    }

    /// Returns the first one that stands in a text by itself: no part of an IP address, a version or a longer number.
    pub fn first_in(text: &str) -> Option<Self> {
        Self::all_in(text).next().map(|(_, code)| code)
    }

    /// Goes through those that stand in a text by themselves, each with where it begins, in bytes.
    pub fn all_in(text: &str) -> impl Iterator<Item = (usize, Self)> {
        let bytes = text.as_bytes();
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        let mut at = 0;
        std::iter::from_fn(move || {
            while at + 5 <= bytes.len() {
                let begins = at;
                at += 1;
                let is_class = matches!(bytes[begins], b'2' | b'4' | b'5') && bytes[begins + 1] == b'.';
                if !is_class || begins > 0 && belongs(&bytes[begins - 1]) {
                    continue;
                }
                let ends = bytes[begins..]
                    .iter()
                    .position(|byte| !belongs(byte))
                    .map_or(bytes.len(), |n| begins + n);
                let word = text.get(begins..ends).unwrap_or_default().trim_end_matches('.');
                if let Some(code) = Self::parse(word) {
                    at = ends;
                    return Some((begins, code));
                }
            }
            None
        })
    }
}

impl TryFrom<String> for EnhancedCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no enhanced status code"))
    }
}

impl From<EnhancedCode> for String {
    fn from(code: EnhancedCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What the relay answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpReply {
    /// 200 to 599.
    pub code: u16,
    /// `5.1.1`, where the text begins with one of the code's own class.
    pub enhanced: Option<String>,
    /// The text of all lines, without code and enhanced code, joined by one blank; control characters removed.
    pub text: String,
}

impl SmtpReply {
    /// Makes a reply of its code and the texts of its lines, as they came.
    pub fn of<'a>(code: u16, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut enhanced: Option<String> = None;
        let mut text = String::new();
        for (nth, line) in lines.into_iter().enumerate() {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            let status = EnhancedCode::parse(first).filter(|status| u16::from(status.class) == code / 100);
            let said = match (status, &enhanced) {
                (Some(_), None) if nth == 0 => {
                    enhanced = Some(first.to_owned());
                    rest
                }
                // RFC 2034 §3: the code is said again on every line.
                (Some(_), Some(known)) if known == first => rest,
                _ => line,
            };
            let said = said.trim();
            if !said.is_empty() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.extend(said.chars().filter(|&c| is_showable(c)));
            }
        }
        Self { code, enhanced, text }
    }

    /// Reads a reply of one line: `550 5.1.1 no such user`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut reader = ReplyReader::default();
        let (_, fed) = reader.feed(line.as_bytes());
        (fed == Fed::Whole || (fed == Fed::More && reader.cut_off())).then(|| reader.reply())
    }

    /// Returns the enhanced status code as numbers.
    pub fn status(&self) -> Option<EnhancedCode> {
        self.enhanced.as_deref().and_then(EnhancedCode::parse)
    }

    /// Returns whether the relay said yes (2yz).
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Returns whether the relay said "not now" (4yz).
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// Returns whether the relay said no (5yz).
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }
}

impl fmt::Display for SmtpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = &self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Whether a character may reach a terminal: no controls, and nothing that turns the writing direction.
fn is_showable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// How far [`ReplyReader::feed`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// The reply goes on.
    More,
    /// The reply is whole.
    Whole,
    /// This is not SMTP: the line does not begin with a code between 200 and 599.
    Unreadable,
}

/// Reads one reply from bytes as they come in; used again for the next, so that it keeps its room.
///
/// Lenient, because a reply that cannot be read after the final dot is a letter in doubt: lines may end in a
/// bare LF, may be empty behind the code, over-long, or not UTF-8 (then they are taken for Latin-1). Of several
/// codes in one reply the last one counts. At most [`ReplyReader::KEPT`] bytes of text are kept.
#[derive(Debug, Default)]
pub struct ReplyReader {
    /// The text of the lines so far, each ended by LF.
    text: Vec<u8>,
    /// The code and the separator of the line at hand.
    head: [u8; 4],
    held: usize,
    code: Option<u16>,
    seen: usize,
}

impl ReplyReader {
    /// How many bytes of text are kept; the rest is read and forgotten.
    pub const KEPT: usize = 4096;
    /// How many bytes a reply may have at all.
    pub const LIMIT: usize = 1 << 20;

    /// Begins a new reply.
    pub fn clear(&mut self) {
        self.text.clear();
        self.held = 0;
        self.code = None;
        self.seen = 0;
    }

    /// Returns whether any byte of a reply has come.
    pub fn has_begun(&self) -> bool {
        self.seen > 0
    }

    /// Takes bytes up to the end of the reply; returns how many were used, and how far that got.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Fed) {
        for (at, &byte) in bytes.iter().enumerate() {
            self.seen += 1;
            if byte == b'\n' {
                match self.end_line() {
                    Fed::More => continue,
                    fed => return (at + 1, fed),
                }
            }
            if self.held < 4 {
                self.head[self.held] = byte;
                self.held += 1;
            } else if self.text.len() < Self::KEPT {
                self.text.push(byte);
            }
            if self.seen > Self::LIMIT {
                return (at + 1, if self.cut_off() { Fed::Whole } else { Fed::Unreadable });
            }
        }
        (bytes.len(), Fed::More)
    }

    /// Ends the reply where the line was cut; returns whether its code could be read all the same.
    ///
    /// `250 ` and then nothing is a yes; `2` and then nothing is not known to be anything.
    pub fn cut_off(&mut self) -> bool {
        if self.held > 0 {
            self.end_line();
        }
        self.code.is_some()
    }

    /// Returns the code of the whole reply, or 0 before there is one.
    pub fn code(&self) -> u16 {
        self.code.unwrap_or(0)
    }

    /// Returns the whole reply.
    pub fn reply(&self) -> SmtpReply {
        SmtpReply::of(self.code(), self.text().lines())
    }

    /// Returns the texts of the lines, without their codes, each on its own line.
    pub fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.text.iter().map(|&byte| char::from(byte)).collect()),
        }
    }

    fn end_line(&mut self) -> Fed {
        let held = std::mem::take(&mut self.held);
        let head = self.head;
        let code = read_code(&head[..held]);
        if code.is_none() {
            // Some servers break long texts without saying the code again.
            if held > 0 && self.text.len() < Self::KEPT {
                let from = self.text.iter().rposition(|&byte| byte == b'\n').map_or(0, |lf| lf + 1);
                self.text.splice(from..from, head[..held].iter().copied());
            }
            if self.code.is_none() {
                return Fed::Unreadable;
            }
        }
        if self.text.last() == Some(&b'\r') {
            self.text.pop();
        }
        if self.text.len() < Self::KEPT {
            self.text.push(b'\n');
        }
        self.code = code.or(self.code);
        if code.is_some() && head.get(3).filter(|_| held == 4) != Some(&b'-') {
            Fed::Whole
        } else {
            Fed::More
        }
    }
}

fn read_code(head: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(head.get(..3)?).ok()?;
    let code = if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok()? } else { 0 };
    // A fourth digit, or a letter, is no reply but something else that begins with a number.
    let parted = head.get(3).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (parted && (200..600).contains(&code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Option<SmtpReply> {
        let mut reader = ReplyReader::default();
        match reader.feed(bytes).1 {
            Fed::Whole => Some(reader.reply()),
            Fed::More if reader.cut_off() => Some(reader.reply()),
            _ => None,
        }
    }

    #[test]
    fn what_servers_really_say_is_read() {
        for (bytes, shown) in [
            (&b"250 2.0.0 Ok: queued as 4X1\r\n"[..], "250 2.0.0 Ok: queued as 4X1"),
            (b"250\r\n", "250"),
            (b"250\n", "250"),
            (b"250 \r\n", "250"),
            (b"250 ", "250"),
            (b"250", "250"),
            (b"250-one\r\n250 two\r\n", "250 one two"),
            (b"250-one\r\n250", "250 one"),
            (b"250-one\r\nstray words\r\n250 two\r\n", "250 one stray words two"),
            (b"550-5.1.1 no such user\r\n550 5.1.1 here\r\n", "550 5.1.1 no such user here"),
            (b"250 5.1.1 is not of our class\r\n", "250 5.1.1 is not of our class"),
            (b"250 gr\xfc\xdfe\r\n", "250 gr\u{fc}\u{df}e"),
            ("250 grüße\r\n".as_bytes(), "250 grüße"),
            (b"250-first\r\n550 last\r\n", "550 first last"),
            (b"250 \x1b[2Jred\x00\r\n", "250 [2Jred"),
        ] {
            assert_eq!(read(bytes).map(|reply| reply.to_string()).as_deref(), Some(shown), "{bytes:?}");
        }
    }

    #[test]
    fn codes_are_found_in_texts_and_addresses_and_versions_are_not() {
        let found = |text| EnhancedCode::all_in(text).map(|(_, code)| code.to_string()).collect::<Vec<_>>();
        assert_eq!(found("550-5.1.1 no; <#5.4.7 smtp;550 5.7.1.>"), ["5.1.1", "5.4.7", "5.7.1"]);
        assert_eq!(found("from 5.1.1.9, 10.5.1.1, v5.1.1, 5.1.1a, 5.1"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_reply_is_not_taken_for_one() {
        for bytes in
            [&b""[..], b"2", b"25", b"\r\n", b"HTTP/1.1 400\r\n", b"2500 x\r\n", b"150 x\r\n", b"999 x\r\n"]
        {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_overlong_line_is_read_to_its_end_and_not_kept() {
        let mut bytes = b"250 ".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 100_000));
        bytes.extend(b"\r\n354 go");
        let mut reader = ReplyReader::default();
        assert_eq!(reader.feed(&bytes), (100_006, Fed::Whole));
        assert_eq!(reader.reply().text.len(), ReplyReader::KEPT);
        let flood = vec![b'7'; ReplyReader::LIMIT * 2];
        reader.clear();
        assert_eq!(reader.feed(&flood).1, Fed::Unreadable);
    }

    proptest! {
        #[test]
        fn it_reads_the_same_however_the_bytes_are_cut(lines in prop::collection::vec("[ -~]{0,30}", 1..5), at in 0_usize..200) {
            let last = lines.len() - 1;
            let wire: String = lines.iter().enumerate()
                .map(|(n, line)| format!("250{}{line}\r\n", if n == last { ' ' } else { '-' })).collect();
            let mut reader = ReplyReader::default();
            let at = at.min(wire.len() - 1);
            assert_eq!(reader.feed(&wire.as_bytes()[..at]), (at, Fed::More));
            assert_eq!(reader.feed(&wire.as_bytes()[at..]), (wire.len() - at, Fed::Whole));
            assert_eq!(Some(reader.reply()), read(wire.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = ReplyReader::default();
            let (used, _) = reader.feed(&bytes);
            assert!(used <= bytes.len());
            reader.cut_off();
            let shown = reader.reply().to_string();
            assert!(shown.chars().all(is_showable));
        }
    }
}
