//! What the rehearsal relay does with a letter.

use std::fmt;
use std::sync::Arc;

use super::Accepted;
use crate::delivery::attempt::Stage;

/// Decides about a path (without brackets) that was named so many times before.
pub type Rule = dyn Fn(&str, u32) -> Behaviour + Send + Sync;

/// Who decides what becomes of a letter.
#[derive(Clone, Default)]
pub enum Script {
    /// Everything is taken.
    #[default]
    AcceptAll,
    /// The local part of the address spells it: [`Behaviour::spelled`].
    Spelled,
    /// A rule of one's own.
    Told(Arc<Rule>),
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Script::AcceptAll => "AcceptAll",
            Script::Spelled => "Spelled",
            Script::Told(_) => "Told(…)",
        })
    }
}

impl Script {
    /// Decides about a path that was named `times` times before.
    pub(super) fn decide(&self, path: &str, times: u32) -> Behaviour {
        match self {
            Script::AcceptAll => Behaviour::Accept,
            Script::Spelled => Behaviour::spelled(path, times),
            Script::Told(rule) => rule(path, times),
        }
    }
}

/// Is shown each letter with its bytes when the relay takes it, before the relay says so.
#[derive(Clone)]
pub struct Witness(Arc<dyn Fn(&Accepted) + Send + Sync>);

impl Witness {
    /// Makes one of what it does; that must not wait.
    pub fn new(sees: impl Fn(&Accepted) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sees))
    }

    pub(super) fn sees(&self, letter: &Accepted) {
        (self.0)(letter);
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness(…)")
    }
}

/// What the relay does about one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes it.
    Accept,
    /// It says this in place of a yes, whole, without its line end; after a 421 it closes the line.
    Refuse {
        /// Where: MAIL, RCPT, DATA or the end of data.
        at: Stage,
        /// The reply, one line for each of its lines.
        reply: String,
    },
    /// It closes the line in place of an answer: at MAIL, RCPT, DATA, or once some of the body has come.
    Vanish {
        /// Where.
        at: Stage,
    },
    /// It hears the whole message and then does this.
    AfterDot(AfterDot),
}

/// What the relay does in place of a plain 250 after the final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterDot {
    /// It closes the line; it has the letter, or has not.
    Vanish {
        /// Whether it has it.
        keeps: bool,
    },
    /// It has the letter and never says so.
    Silent,
    /// It takes its time.
    Slow,
    /// It has the letter and says so in these very bytes.
    Say {
        /// The bytes, line end included if there is to be one.
        bytes: Vec<u8>,
        /// Whether it closes the line then.
        closes: bool,
    },
    /// It takes the letter, says 250, then 421, and closes the line.
    Close,
}

impl Behaviour {
    /// Reads the behaviour that an address spells: in the word before the first `+` or `.` of its local part.
    /// With `+once` behind it, only the first time that the address is named; afterwards the letter is taken.
    ///
    /// | word | behaviour |
    /// |---|---|
    /// | `nobody` | 550 5.1.1 at RCPT |
    /// | `later` | 451 4.7.1 at RCPT (greylisting) |
    /// | `full` | 452 4.2.2 at RCPT |
    /// | `quota` | 550 5.4.5 at RCPT: the account's limit of the day |
    /// | `busy` | 450 4.7.1 at RCPT: too fast |
    /// | `shutdown` | 421 at RCPT, and closes |
    /// | `refuse-mail` | 550 at MAIL, where the reverse path spells it |
    /// | `refuse-data` | 554 at DATA |
    /// | `refuse-body` | 554 5.7.1 at end of data |
    /// | `defer-body` | 451 at end of data |
    /// | `shutdown-body` | 421 at end of data, and closes |
    /// | `vanish-at-mail`, `vanish-at-rcpt`, `vanish-at-data`, `vanish-in-body` | closes the line there (`-at-mail` in the reverse path) |
    /// | `vanish-after-dot` | has it, closes the line |
    /// | `vanish-after-dot-lost` | has it not, closes the line |
    /// | `silent-after-dot` | has it, says nothing |
    /// | `slow` | has it, and says so later |
    /// | `empty250`, `latin1`, `overlong`, `cut250`, `multi` | has it, and says so in an unusual way |
    /// | `cut2`, `garbage` | has it, and what it says cannot be read |
    /// | `go-on` | answers the dot with 354 |
    /// | `close-after` | has it, says 250, then 421 |
    pub fn spelled(path: &str, times: u32) -> Self {
        let local = path.rsplit_once('@').map_or(path, |(local, _)| local);
        let (word, rest) = local.split_at(local.find(['+', '.']).unwrap_or(local.len()));
        if times > 0 && rest.split(['+', '.']).any(|detail| detail == "once") {
            return Behaviour::Accept;
        }
        let refuse = |at, reply: &str| Behaviour::Refuse { at, reply: reply.to_owned() };
        let say = |bytes: &[u8], closes| Behaviour::AfterDot(AfterDot::Say { bytes: bytes.to_vec(), closes });
        match word {
            "nobody" => refuse(Stage::RcptTo, "550 5.1.1 User unknown"),
            "later" => refuse(Stage::RcptTo, "451 4.7.1 Greylisted, please try again"),
            "full" => refuse(Stage::RcptTo, "452 4.2.2 Mailbox full"),
            "quota" => refuse(Stage::RcptTo, "550 5.4.5 Daily user sending limit exceeded"),
            "busy" => refuse(Stage::RcptTo, "450 4.7.1 Error: too much mail, slow down"),
            "shutdown" => refuse(Stage::RcptTo, "421 4.3.2 Service shutting down"),
            "refuse-mail" => refuse(Stage::MailFrom, "550 5.7.1 Not from you"),
            "refuse-data" => refuse(Stage::Data, "554 5.5.1 No message now"),
            "refuse-body" => refuse(Stage::EndOfData, "554 5.7.1 Content rejected"),
            "defer-body" => refuse(Stage::EndOfData, "451 4.3.0 Try again later"),
            "shutdown-body" => refuse(Stage::EndOfData, "421 4.3.2 Service shutting down"),
            "go-on" => refuse(Stage::EndOfData, "354 Go on"),
            "vanish-at-mail" => Behaviour::Vanish { at: Stage::MailFrom },
            "vanish-at-rcpt" => Behaviour::Vanish { at: Stage::RcptTo },
            "vanish-at-data" => Behaviour::Vanish { at: Stage::Data },
            "vanish-in-body" => Behaviour::Vanish { at: Stage::Body },
            "vanish-after-dot" => Behaviour::AfterDot(AfterDot::Vanish { keeps: true }),
            "vanish-after-dot-lost" => Behaviour::AfterDot(AfterDot::Vanish { keeps: false }),
            "silent-after-dot" => Behaviour::AfterDot(AfterDot::Silent),
            "slow" => Behaviour::AfterDot(AfterDot::Slow),
            "empty250" => say(b"250\r\n", false),
            "latin1" => say(b"250 2.0.0 Gr\xfc\xdfe, angenommen\r\n", false),
            "overlong" => {
                let mut bytes = b"250 2.0.0 ".to_vec();
                bytes.resize(20_000, b'x');
                bytes.extend(b"\r\n");
                say(&bytes, false)
            }
            "cut250" => say(b"250 ", true),
            "cut2" => say(b"2", true),
            "garbage" => say(b"\x00\x01 what?\r\n", true),
            "multi" => say(b"250-2.0.0 taken\r\n250-2.0.0 queued as 4X1\r\n250 2.0.0 goodbye\r\n", false),
            "close-after" => Behaviour::AfterDot(AfterDot::Close),
            _ => Behaviour::Accept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_spells_a_behaviour() {
        let later = Behaviour::spelled("later@town.example", 0);
        assert!(matches!(&later, Behaviour::Refuse { at: Stage::RcptTo, .. }));
        assert_eq!(Behaviour::spelled("later+once@town.example", 0), later);
        assert_eq!(Behaviour::spelled("later+once@town.example", 1), Behaviour::Accept);
        assert_eq!(Behaviour::spelled("later.ada@town.example", 7), later);
        assert_eq!(Behaviour::spelled("ada@later.example", 0), Behaviour::Accept);
        assert_eq!(
            Behaviour::spelled("vanish-at-mail+token@post.example", 0),
            Behaviour::Vanish { at: Stage::MailFrom }
        );
    }
}
