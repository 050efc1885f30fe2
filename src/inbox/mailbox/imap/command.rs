//! Everything that is ever said to an IMAP server.
//!
//! **Invariant.** Only [`Said`] can be sent, and only this file makes one. There is no command here that changes a mailbox:
//! folders are opened with EXAMINE, and messages fetched with PEEK, so that no flag is set; there is no STORE, COPY, MOVE,
//! EXPUNGE, APPEND, CREATE or SELECT. Whatever comes from elsewhere (folders' names, Message-IDs, names and passwords) goes
//! through [`quoted`] or a literal, so that it cannot become a command.

use jiff::civil::Date;

use crate::account::Hidden;

/// Bytes for the server. It has no `Debug`: some are secret.
pub(super) struct Said(Vec<u8>);

impl Said {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// An answer to a challenge of SASL, which is base64 or `*` (RFC 3501 §6.2.2).
    pub(super) fn answer(base64: &str) -> Self {
        let plain = base64.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=*".contains(byte));
        Self(plain.chain(*b"\r\n").collect())
    }

    /// The end of IDLE (RFC 2177 §3).
    pub(super) fn done() -> Self {
        Self(b"DONE\r\n".to_vec())
    }
}

/// A command.
#[derive(Clone, Copy)]
pub(super) enum Command<'a> {
    /// RFC 3501 §6.1.1.
    Capability,
    /// RFC 3501 §6.1.2: the server tells what has happened.
    Noop,
    /// RFC 3501 §6.1.3.
    Logout,
    /// RFC 3501 §6.2.1.
    StartTls,
    /// RFC 3501 §6.2.2, with the first answer where the server takes it at once (RFC 4959).
    Authenticate { mechanism: &'a str, initial: Option<&'a str> },
    /// RFC 3501 §6.2.3.
    Login { username: &'a str, password: &'a Hidden },
    /// RFC 3501 §6.3.8; with what folders are for, where the server tells it only when asked (RFC 6154 §3).
    List { with_use: bool },
    /// RFC 3501 §6.3.2: opens a folder, and changes nothing in it.
    Examine(&'a str),
    /// RFC 3501 §6.4.4: messages with a UID above one, received on or after a day.
    SearchAbove { last: u32, since: Date },
    /// Which of these UIDs there are.
    SearchAmong(&'a [u32]),
    /// Messages with this Message-ID.
    SearchMessageId(&'a str),
    /// The UID of the last message.
    SearchLast,
    /// RFC 3501 §6.4.5: when received, how large, and the first `most` bytes of the header.
    FetchHeaders { uids: &'a [u32], most: usize },
    /// When received, and the field Message-ID.
    FetchMessageIds { uids: &'a [u32] },
    /// The first `most` bytes of a message.
    FetchMessage { uid: u32, most: usize },
    /// RFC 2177.
    Idle,
}

/// A text that cannot be said to a server: it has control characters, or letters beyond ASCII.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsayable;

impl Command<'_> {
    /// Returns what is said: the command and then, after each time that the server asks us to go on, the next part.
    ///
    /// # Errors
    /// [`Unsayable`] where a text in it cannot be said.
    pub(super) fn said(&self, tag: &str) -> Result<Vec<Said>, Unsayable> {
        let line = match self {
            Command::Capability => "CAPABILITY".to_owned(),
            Command::Noop => "NOOP".to_owned(),
            Command::Logout => "LOGOUT".to_owned(),
            Command::StartTls => "STARTTLS".to_owned(),
            Command::Idle => "IDLE".to_owned(),
            Command::List { with_use: false } => "LIST \"\" \"*\"".to_owned(),
            Command::List { with_use: true } => "LIST \"\" \"*\" RETURN (SPECIAL-USE)".to_owned(),
            Command::Examine(name) => format!("EXAMINE {}", quoted(name)?),
            Command::SearchAbove { last, since } => {
                format!("UID SEARCH UID {}:* SINCE {}", last.saturating_add(1), day(*since))
            }
            Command::SearchAmong(uids) => format!("UID SEARCH UID {}", set(uids)),
            Command::SearchMessageId(id) => format!("UID SEARCH HEADER Message-ID {}", quoted(id)?),
            Command::SearchLast => "UID SEARCH UID 4294967295:*".to_owned(),
            Command::FetchHeaders { uids, most } => {
                format!("UID FETCH {} (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.{most}>)", set(uids))
            }
            Command::FetchMessageIds { uids } => {
                format!("UID FETCH {} (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", set(uids))
            }
            Command::FetchMessage { uid, most } => {
                format!("UID FETCH {uid} (UID RFC822.SIZE BODY.PEEK[]<0.{most}>)")
            }
            Command::Authenticate { mechanism, initial } => {
                let first = Said::answer(initial.unwrap_or_default()).0;
                let mut said = format!("{tag} AUTHENTICATE {mechanism}").into_bytes();
                if initial.is_some() {
                    said.push(b' ');
                }
                said.extend(first);
                return Ok(vec![Said(said)]);
            }
            Command::Login { username, password } => return login(tag, username, password.reveal()),
        };
        Ok(vec![Said(format!("{tag} {line}\r\n").into_bytes())])
    }
}

/// Names and passwords may hold any letters; those beyond ASCII travel as literals (RFC 3501 §4.3).
fn login(tag: &str, username: &str, password: &str) -> Result<Vec<Said>, Unsayable> {
    let mut parts = vec![format!("{tag} LOGIN")];
    for text in [username, password] {
        let last = parts.pop().unwrap_or_default();
        match quoted(text) {
            Ok(text) => parts.push(format!("{last} {text}")),
            Err(_) if text.chars().any(char::is_control) => return Err(Unsayable),
            Err(_) => parts.extend([format!("{last} {{{}}}", text.len()), text.to_owned()]),
        }
    }
    Ok(parts.into_iter().map(|part| Said(format!("{part}\r\n").into_bytes())).collect())
}

/// Puts a text in quotes (RFC 3501 §4.3).
fn quoted(text: &str) -> Result<String, Unsayable> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Unsayable);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Writes rising UIDs as a set: `1:3,7` (RFC 3501 §9, `sequence-set`).
fn set(uids: &[u32]) -> String {
    let runs = uids.chunk_by(|before, uid| before.checked_add(1) == Some(*uid));
    let written = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}:{last}")),
    });
    written.collect::<Vec<_>>().join(",")
}

/// Writes a day: `1-Feb-2026` (RFC 3501 §9, `date`).
fn day(date: Date) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = usize::try_from(date.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"Jan");
    format!("{}-{month}-{:04}", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a command, joined by a mark where the server is waited for.
    fn said(command: &Command<'_>) -> String {
        let parts = command.said("p1").unwrap();
        let parts: Vec<_> = parts.iter().map(|part| String::from_utf8_lossy(part.bytes())).collect();
        parts.join("+ ")
    }

    #[test]
    fn commands_are_written_as_the_protocol_has_them() {
        let since = jiff::civil::date(2026, 2, 1);
        let uids = [3, 4, 5, 9, 11, u32::MAX];
        for (command, line) in [
            (Command::Examine("R&-D \"x\\y\""), r#"EXAMINE "R&-D \"x\\y\"""#),
            (Command::SearchAbove { last: 41, since }, "UID SEARCH UID 42:* SINCE 1-Feb-2026"),
            (Command::SearchAmong(&uids), "UID SEARCH UID 3:5,9,11,4294967295"),
            (Command::SearchMessageId("<a@b.example>"), r#"UID SEARCH HEADER Message-ID "<a@b.example>""#),
            (
                Command::FetchHeaders { uids: &uids[..4], most: 65536 },
                "UID FETCH 3:5,9 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)",
            ),
            (Command::FetchMessage { uid: 7, most: 100 }, "UID FETCH 7 (UID RFC822.SIZE BODY.PEEK[]<0.100>)"),
            (Command::Authenticate { mechanism: "PLAIN", initial: None }, "AUTHENTICATE PLAIN"),
            (Command::Authenticate { mechanism: "PLAIN", initial: Some("AGE=") }, "AUTHENTICATE PLAIN AGE="),
        ] {
            assert_eq!(said(&command), format!("p1 {line}\r\n"));
        }
    }

    #[test]
    fn names_and_passwords_of_any_letters_can_be_said() {
        let password = Hidden::of("gehéim");
        let login = Command::Login { username: "ada", password: &password };
        assert_eq!(said(&login), "p1 LOGIN \"ada\" {7}\r\n+ gehéim\r\n");
        let password = Hidden::of("se\"same");
        let login = Command::Login { username: "ädä", password: &password };
        assert_eq!(said(&login), "p1 LOGIN {5}\r\n+ ädä \"se\\\"same\"\r\n");
    }

    #[test]
    fn what_would_become_a_command_cannot_be_said() {
        for text in ["x\r\np2 CREATE y", "x\ny", "x\0", "caf\u{e9}"] {
            assert!(
                Command::Examine(text).said("p1").is_err()
                    && Command::SearchMessageId(text).said("p1").is_err()
            );
        }
        let password = Hidden::of("x\r\np2 CREATE y");
        assert!(Command::Login { username: "ada", password: &password }.said("p1").is_err());
        assert_eq!(Said::answer("AQ==\r\np2 CREATE y").bytes(), b"AQ==p2CREATEy\r\n");
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_one_command_and_changes_nothing(text: String, uids: Vec<u32>, uid: u32) {
            let hidden = Hidden::of(&text);
            for command in [
                Command::Examine(&text),
                Command::SearchMessageId(&text),
                Command::SearchAmong(&uids),
                Command::FetchHeaders { uids: &uids, most: 9 },
                Command::FetchMessageIds { uids: &uids },
                Command::FetchMessage { uid, most: 9 },
                Command::Login { username: &text, password: &hidden },
                Command::Authenticate { mechanism: "PLAIN", initial: Some(&text) },
            ] {
                let Ok(parts) = command.said("p1") else { continue };
                for part in &parts {
                    // One line end, at the end.
                    let bytes = part.bytes();
                    prop_assert!(bytes.ends_with(b"\r\n"));
                    prop_assert!(!bytes[..bytes.len() - 2].iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                }
                let line = String::from_utf8_lossy(parts[0].bytes()).into_owned();
                let verbs = ["EXAMINE ", "UID SEARCH ", "UID FETCH ", "LOGIN ", "AUTHENTICATE "];
                let rest = line.strip_prefix("p1 ").unwrap_or_default();
                prop_assert!(verbs.iter().any(|verb| rest.starts_with(verb)), "{}", line);
                prop_assert!(!rest.starts_with("UID FETCH") || !rest.contains("BODY["), "{}", line);
            }
        }
    }
}
