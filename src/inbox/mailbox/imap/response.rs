//! What an IMAP server says, one response at a time (RFC 3501 §7 and §9). Pure.
//!
//! Only what we ask for is read, and nothing is read by recursion; everything else that is well-formed is passed over.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::strtime;

use super::super::folder::{Folder, Use};

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response<'a> {
    /// The end of a command, or a word of the server's own about how things stand (§7.1).
    Status {
        /// The tag of the command that this ends; `None` where it ends none.
        tag: Option<&'a str>,
        /// How things stand.
        condition: Condition,
        /// What the server says about it, with the code in brackets.
        said: String,
    },
    /// `+`: we are to go on (§7.5).
    GoOn,
    /// What the server can do (§7.2.1).
    Capabilities(Vec<String>),
    /// A folder (§7.2.2); `None` where it cannot be opened, or has a name that we could not give back.
    Folder(Option<Folder>),
    /// What a search found (§7.2.5).
    Found(Vec<u32>),
    /// How many messages there are (§7.3.1).
    Exists(u32),
    /// Of one message (§7.4.2).
    Message(Fetched<'a>),
    /// Something we did not ask for.
    Other,
}

/// How things stand (RFC 3501 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// What was fetched of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched<'a> {
    pub(super) uid: Option<u32>,
    /// INTERNALDATE.
    pub(super) received: Option<Timestamp>,
    /// RFC822.SIZE.
    pub(super) size: Option<u64>,
    /// The one section that was asked for.
    pub(super) section: Option<Cow<'a, [u8]>>,
}

/// A response that matters and cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl<'a> Response<'a> {
    /// Reads one whole response, without the line end at its end.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        if let Some((tag, condition, said)) = status(bytes) {
            return Ok(Response::Status { tag, condition, said: String::from_utf8_lossy(said).into_owned() });
        }
        if bytes.first() == Some(&b'+') {
            return Ok(Response::GoOn);
        }
        let mut scanner = Scanner { rest: bytes.strip_prefix(b"* ").ok_or(Unreadable)? };
        let first = scanner.word();
        let (number, keyword) = match number(first) {
            Some(number) => {
                scanner.blank()?;
                (Some(number), scanner.word())
            }
            None => (None, first),
        };
        match (number, keyword.to_ascii_uppercase().as_slice()) {
            (None, b"CAPABILITY") => Ok(Response::Capabilities(capabilities(scanner.rest))),
            (None, b"LIST") => scanner.folder().map(Response::Folder),
            (None, b"SEARCH") => scanner.numbers().map(Response::Found),
            (Some(count), b"EXISTS") => Ok(Response::Exists(count)),
            // What of it cannot be read is missing, and whoever asked for it notices.
            (Some(_), b"FETCH") => Ok(scanner.message().map_or(Response::Other, Response::Message)),
            _ => Ok(Response::Other),
        }
    }
}

/// Says whether a response holds nothing but text, so that what looks like a literal at the end of its line is none.
pub(super) fn is_text(line: &[u8]) -> bool {
    line.first() == Some(&b'+') || status(line).is_some()
}

/// Takes a status response apart.
fn status(line: &[u8]) -> Option<(Option<&str>, Condition, &[u8])> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (tag, condition) = (parts.next()?, parts.next()?);
    let condition = match condition.to_ascii_uppercase().as_slice() {
        b"OK" => Condition::Ok,
        b"NO" => Condition::No,
        b"BAD" => Condition::Bad,
        b"BYE" => Condition::Bye,
        b"PREAUTH" => Condition::PreAuth,
        _ => return None,
    };
    let tag = match tag {
        b"*" => None,
        tag => Some(std::str::from_utf8(tag).ok()?),
    };
    Some((tag, condition, parts.next().unwrap_or_default()))
}

/// Returns the words of `[WORD …]` at the beginning of a status response's text (§7.1).
pub(super) fn code(said: &str) -> Option<(&str, &str)> {
    let (inside, _) = said.strip_prefix('[')?.split_once(']')?;
    Some(inside.split_once(' ').unwrap_or((inside, "")))
}

/// Reads capabilities: words between blanks, in capitals.
pub(super) fn capabilities(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).to_ascii_uppercase().split_ascii_whitespace().map(str::to_owned).collect()
}

/// Returns the length of the literal that a line announces at its end (§4.3).
pub(super) fn literal(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let from = inside.iter().rposition(|byte| *byte == b'{')? + 1;
    std::str::from_utf8(&inside[from..])
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// Reads a response from the left to the right.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn is_next(&mut self, byte: u8) -> bool {
        let is = self.rest.first() == Some(&byte);
        if is {
            self.take(1);
        }
        is
    }

    /// Passes a blank, or several: not every server counts them.
    fn blank(&mut self) -> Result<(), Unreadable> {
        if !self.is_next(b' ') {
            return Err(Unreadable);
        }
        while self.is_next(b' ') {}
        Ok(())
    }

    /// Takes a word: everything before a blank or a bracket. A section in square brackets belongs to it.
    fn word(&mut self) -> &'a [u8] {
        let mut in_section = false;
        let ends = |byte: &u8| {
            match byte {
                b'[' => in_section = true,
                b']' => in_section = false,
                _ => {}
            }
            !in_section && matches!(byte, b' ' | b'(' | b')' | b'"' | b'\r' | b'\n')
        };
        let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// Takes a text in quotes, a literal, or a word; `None` for NIL.
    fn text(&mut self) -> Result<Option<Cow<'a, [u8]>>, Unreadable> {
        match self.rest.first() {
            Some(b'"') => self.quoted().map(|text| Some(Cow::Owned(text))),
            Some(b'{') => self.literal().map(|text| Some(Cow::Borrowed(text))),
            _ => match self.word() {
                b"" => Err(Unreadable),
                word if word.eq_ignore_ascii_case(b"NIL") => Ok(None),
                word => Ok(Some(Cow::Borrowed(word))),
            },
        }
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Unreadable> {
        let (mut text, mut at) = (Vec::new(), 1);
        loop {
            match self.rest.get(at).ok_or(Unreadable)? {
                b'"' => break,
                b'\\' => {
                    text.push(*self.rest.get(at + 1).ok_or(Unreadable)?);
                    at += 2;
                }
                byte => {
                    text.push(*byte);
                    at += 1;
                }
            }
        }
        self.take(at + 1);
        Ok(text)
    }

    fn literal(&mut self) -> Result<&'a [u8], Unreadable> {
        let end = self.rest.iter().position(|byte| *byte == b'\r').ok_or(Unreadable)?;
        let length = literal(self.take(end)).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|_| self.take(2) == b"\r\n").ok_or(Unreadable)?;
        let found = self.take(length);
        if found.len() == length { Ok(found) } else { Err(Unreadable) }
    }

    /// Passes over a value, however deep its brackets are.
    fn pass(&mut self) -> Result<(), Unreadable> {
        let mut depth = 0_u32;
        loop {
            if self.is_next(b'(') {
                depth += 1;
            } else if depth > 0 && self.is_next(b')') {
                depth -= 1;
            } else if depth == 0 || !self.is_next(b' ') {
                self.text()?;
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// `(\HasNoChildren \Junk) "/" "name"`.
    fn folder(&mut self) -> Result<Option<Folder>, Unreadable> {
        self.blank()?;
        let end = self.rest.iter().position(|byte| *byte == b')').ok_or(Unreadable)?;
        let attributes = self.take(end + 1).strip_prefix(b"(").ok_or(Unreadable)?;
        let attributes = attributes[..attributes.len() - 1].to_ascii_lowercase();
        let has = |name: &[u8]| attributes.split(|byte| *byte == b' ').any(|attribute| attribute == name);
        self.blank()?;
        let delimiter = self.text()?.and_then(|text| text.first().map(|byte| char::from(*byte)));
        self.blank()?;
        let name = self.text()?.ok_or(Unreadable)?;
        // What is no printable ASCII cannot be said back (§5.1); `\NonExistent` is of RFC 5258.
        let is_plain = name.iter().all(|byte| matches!(byte, b' '..=b'~')) && !name.is_empty();
        if !is_plain || has(b"\\noselect") || has(b"\\nonexistent") {
            return Ok(None);
        }
        let special = [("\\sent", Use::Sent), ("\\drafts", Use::Drafts), ("\\junk", Use::Junk)];
        let special = special.into_iter().find(|(name, _)| has(name.as_bytes())).map(|(_, special)| special);
        let wire = String::from_utf8_lossy(&name).into_owned();
        Ok(Some(Folder::new(wire, delimiter, special)))
    }

    fn numbers(&mut self) -> Result<Vec<u32>, Unreadable> {
        let mut found = Vec::new();
        while !self.rest.is_empty() {
            self.blank()?;
            // `(MODSEQ n)` may stand at the end (RFC 7162 §3.1.5), and so may a blank.
            if self.rest.is_empty() || self.rest.first() == Some(&b'(') {
                break;
            }
            found.push(number(self.word()).ok_or(Unreadable)?);
        }
        Ok(found)
    }

    /// `(UID 7 RFC822.SIZE 1234 INTERNALDATE "…" BODY[HEADER]<0> {…}`.
    fn message(&mut self) -> Result<Fetched<'a>, Unreadable> {
        self.blank()?;
        if !self.is_next(b'(') {
            return Err(Unreadable);
        }
        let mut fetched = Fetched::default();
        while !self.is_next(b')') {
            while self.is_next(b' ') {}
            let name = self.word().to_ascii_uppercase();
            self.blank()?;
            match name.as_slice() {
                b"UID" => fetched.uid = Some(number(self.word()).ok_or(Unreadable)?),
                b"RFC822.SIZE" => {
                    fetched.size = std::str::from_utf8(self.word()).ok().and_then(|size| size.parse().ok());
                }
                b"INTERNALDATE" => {
                    fetched.received = self.text()?.and_then(|text| internal_date(&text));
                }
                name if name.starts_with(b"BODY[") => {
                    fetched.section = self.text()?;
                }
                _ => self.pass()?,
            }
        }
        Ok(fetched)
    }
}

/// Reads an INTERNALDATE: ` 1-Feb-2026 09:30:00 +0100` (§9, `date-time`).
fn internal_date(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim_start()).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Response<'_>, Unreadable> {
        Response::read(text.as_bytes())
    }

    fn folder(text: &str) -> Option<Folder> {
        match read(text).unwrap() {
            Response::Folder(folder) => folder,
            other => panic!("{other:?}"),
        }
    }

    fn message(text: &[u8]) -> Fetched<'_> {
        match Response::read(text).unwrap() {
            Response::Message(fetched) => fetched,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn how_things_stand_is_read_with_and_without_a_tag() {
        let ended = Response::Status {
            tag: Some("p3"),
            condition: Condition::No,
            said: "[UNAVAILABLE] later".into(),
        };
        assert_eq!(read("p3 no [UNAVAILABLE] later"), Ok(ended));
        let bye = Response::Status { tag: None, condition: Condition::Bye, said: String::new() };
        assert_eq!(read("* BYE"), Ok(bye));
        // Neither Latin-1 nor a letter of several bytes behind a code stops us.
        let said = "[ALERT]\u{e9} \u{fffd}".to_owned();
        let alert = Response::Status { tag: None, condition: Condition::Ok, said };
        assert_eq!(Response::read(b"* OK [ALERT]\xc3\xa9 \xff"), Ok(alert));
        assert_eq!((read("+ idling"), read("+")), (Ok(Response::GoOn), Ok(Response::GoOn)));
        assert_eq!(code("[UIDNEXT 4392] Predicted"), Some(("UIDNEXT", "4392")));
        assert_eq!(
            (code("[READ-ONLY] Examine"), code("no code"), code("[broken")),
            (Some(("READ-ONLY", "")), None, None)
        );
    }

    #[test]
    fn a_text_that_ends_like_a_literal_is_none() {
        assert!(is_text(b"* OK give me {5}") && is_text(b"p1 BAD {5}") && is_text(b"+ {5}"));
        assert!(!is_text(b"* 1 FETCH (BODY[] {5}") && !is_text(b"* LIST () NIL {5}"));
        assert_eq!(
            (literal(b"* X {5}"), literal(b"{4294967296}"), literal(b"{}"), literal(b"{+5}"), literal(b"5}")),
            (Some(5), Some(4_294_967_296), None, None, None)
        );
    }

    #[test]
    fn folders_are_read_with_what_they_are_for() {
        let junk = folder(r#"* LIST (\HasNoChildren \Junk) "/" "Ongewenste e-mail""#).unwrap();
        assert_eq!(junk, Folder::new("Ongewenste e-mail".into(), Some('/'), Some(Use::Junk)));
        assert_eq!(folder("* LIST () NIL INBOX"), Some(Folder::new("INBOX".into(), None, None)));
        let odd = folder("* LIST () \"\\\\\" {8}\r\na \"b\" c{").unwrap();
        assert_eq!(odd, Folder::new("a \"b\" c{".into(), Some('\\'), None));
        // No messages in it, or no name that we could say.
        for none in [
            r#"* LIST (\Noselect) "/" "[Gmail]""#,
            "* LIST () NIL {3}\r\na\r\n",
            "* LIST () NIL caf\u{e9}",
            r#"* LIST () NIL """#,
        ] {
            assert_eq!(folder(none), None, "{none}");
        }
        for broken in [
            "* LIST",
            "* LIST (",
            "* LIST () \"/",
            "* LIST () \"/\"",
            "* LIST () NIL {9}\r\nab",
            "* LIST () NIL NIL",
        ] {
            assert_eq!(read(broken), Err(Unreadable), "{broken}");
        }
    }

    #[test]
    fn what_a_search_found_is_read_and_never_guessed() {
        assert_eq!(read("* SEARCH"), Ok(Response::Found(vec![])));
        assert_eq!(read("* SEARCH 2 3  6 (MODSEQ 917162500)"), Ok(Response::Found(vec![2, 3, 6])));
        assert_eq!(read("* search 2 "), Ok(Response::Found(vec![2])));
        for broken in ["* SEARCH x", "* SEARCH 2 4294967296", "* SEARCH 2,3", "* SEARCH -1"] {
            assert_eq!(read(broken), Err(Unreadable), "{broken}");
        }
    }

    #[test]
    fn a_message_is_read_whatever_stands_around_it() {
        let fetched = message(b"* 12 FETCH (FLAGS (\\Seen) UID 7 X-ODD (a (b \"c)\" {3}\r\n)))) NIL) RFC822.SIZE 44827 INTERNALDATE \" 1-Feb-2026 09:30:00 +0100\" BODY[HEADER]<0> {10}\r\nA: ) \xff\r\n\r\n MODSEQ (12))");
        assert_eq!(fetched.uid, Some(7));
        assert_eq!(fetched.size, Some(44827));
        assert_eq!(fetched.received, Some("2026-02-01T08:30:00Z".parse().unwrap()));
        assert_eq!(fetched.section.as_deref(), Some(&b"A: ) \xff\r\n\r\n"[..]));
        assert_eq!(
            message(b"* 1 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] \"\" UID 9)").section.as_deref(),
            Some(&b""[..])
        );
        assert_eq!(message(b"* 1 FETCH (BODY[] NIL UID 9)").section, None);
        assert_eq!(
            message(b"* 1 FETCH (INTERNALDATE \"yesterday\" UID 9)"),
            Fetched { uid: Some(9), ..Fetched::default() }
        );
        for broken in [
            "* 1 FETCH",
            "* 1 FETCH (UID",
            "* 1 FETCH (UID x)",
            "* 1 FETCH (BODY[] {9}\r\nab)",
            "* 1 FETCH (BODY[ UID 9)",
        ] {
            assert_eq!(read(broken), Ok(Response::Other), "{broken}");
        }
    }

    #[test]
    fn a_server_that_opens_brackets_for_ever_brings_nothing_down() {
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(1_000_000));
        assert_eq!(read(&deep), Ok(Response::Other));
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {}{} UID 3)", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(message(deep.as_bytes()).uid, Some(3));
    }

    proptest! {
        #[test]
        fn no_bytes_bring_the_reader_down(bytes: Vec<u8>) {
            let _ = Response::read(&bytes);
        }

        #[test]
        fn no_text_of_the_protocols_own_signs_brings_the_reader_down(
            text in r#"(\* |p1 |\* 3 )(FETCH|LIST|SEARCH|OK|EXISTS)[ ()\[\]{}"\\a-zNIL0-9<>*\r\n]{0,60}"#
        ) {
            let _ = Response::read(text.as_bytes());
        }

        #[test]
        fn any_bytes_come_through_a_literal(bytes: Vec<u8>, uid: u32) {
            let mut text = format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n", bytes.len()).into_bytes();
            text.extend(&bytes);
            text.push(b')');
            let fetched = message(&text);
            prop_assert_eq!((fetched.uid, fetched.section.as_deref()), (Some(uid), Some(&bytes[..])));
        }
    }
}
