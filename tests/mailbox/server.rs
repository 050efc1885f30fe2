//! A small IMAP server of which every answer can be told in the test, for what no decent server does.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postduif::account::{Login, Secret, Security, Server};
use postduif::clock::Clock;
use postduif::inbox::mailbox::{Inbox, Settings, Timeouts, Way};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::office::{message, settings};
use crate::support::servers::lock;

/// What the server does when it has heard something. `TAG` in it is the tag of the command.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// These very bytes.
    Say(Vec<u8>),
    /// These very bytes, and then it closes the line.
    SayAndClose(Vec<u8>),
    /// The first bytes, and then the second for ever, with so much time between.
    SayForEver(Vec<u8>, Vec<u8>, Duration),
    /// Nothing, and it hears nothing more either.
    Deaf,
}

/// Says lines.
pub(crate) fn say(lines: &str) -> Answer {
    Answer::Say(format!("{lines}\r\n").into_bytes())
}

/// What lies in INBOX: UIDs and messages, in CRLF lines.
pub(crate) type Mail = Arc<Mutex<Vec<(u32, Vec<u8>)>>>;

/// The server; it goes away when dropped.
pub(crate) struct StubServer {
    pub(crate) settings: Settings,
    pub(crate) mail: Mail,
    heard: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for StubServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Five messages, with holes between their UIDs.
pub(crate) const UIDS: [u32; 5] = [3, 4, 7, 8, 12];

impl StubServer {
    /// Starts a server that answers as any would, but where `answer` has another answer. It is told the number of the
    /// connection, from 0, and the command without its tag; the greeting is `hello`, and what is no command is as it came.
    pub(crate) async fn start(
        answer: impl Fn(usize, &str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mail = UIDS.iter().enumerate().map(|(nth, uid)| (*uid, in_crlf(&message(nth)))).collect();
        let mail = Arc::new(Mutex::new(mail));
        let heard = Arc::new(Mutex::default());
        let serving = tokio::spawn({
            let (answer, log, mail) = (Arc::new(answer), Arc::clone(&heard), Arc::clone(&mail));
            async move {
                let mut guests = tokio::task::JoinSet::new();
                for nth in 0.. {
                    let Ok((stream, _)) = listener.accept().await else { return };
                    let (answer, log, mail) = (Arc::clone(&answer), Arc::clone(&log), Arc::clone(&mail));
                    guests.spawn(async move {
                        serve(stream, |heard| answer(nth, heard), &log, &mail).await;
                    });
                }
            }
        });
        let server = Server {
            host: "localhost".to_owned(),
            port,
            security: Security::None,
            login: Some(Login { username: "ada".to_owned(), secret: Secret::Password("sesame".to_owned()) }),
            ca_file: None,
        };
        let settings = settings(Way::Imap { server, timeouts: Timeouts::default() });
        Self { settings, mail, heard, serving }
    }

    pub(crate) fn server(&mut self) -> &mut Server {
        match &mut self.settings.way {
            Way::Imap { server, .. } => server,
            Way::Maildir { .. } => unreachable!(),
        }
    }

    pub(crate) fn timeouts(&mut self) -> &mut Timeouts {
        match &mut self.settings.way {
            Way::Imap { timeouts, .. } => timeouts,
            Way::Maildir { .. } => unreachable!(),
        }
    }

    /// Gives a silent server up soon; only silence, or chatter for ever, may run into it.
    pub(crate) fn impatient(mut self) -> Self {
        self.timeouts().command = Duration::from_secs(1);
        self
    }

    pub(crate) fn port(&mut self) -> u16 {
        self.server().port
    }

    pub(crate) fn inbox(&self) -> Inbox {
        Inbox::open(self.settings.clone(), Clock::system()).unwrap()
    }

    /// Puts a message into INBOX.
    pub(crate) fn deliver(&self, uid: u32, nth: usize) {
        lock(&self.mail).push((uid, in_crlf(&message(nth))));
    }

    /// What was heard, over all connections, without tags.
    pub(crate) fn heard(&self) -> Vec<String> {
        lock(&self.heard).clone()
    }
}

fn in_crlf(message: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(message).replace('\n', "\r\n").into_bytes()
}

async fn serve(
    stream: TcpStream,
    answer: impl Fn(&str) -> Option<Answer>,
    log: &Mutex<Vec<String>>,
    mail: &Mail,
) {
    let mut stream = BufReader::new(stream);
    let (mut tag, mut heard) = (String::new(), "hello".to_owned());
    let mut is_inbox = false;
    loop {
        lock(log).push(heard.clone());
        if heard.starts_with("EXAMINE") {
            is_inbox = heard.to_uppercase().contains("INBOX");
        }
        let none = Vec::new();
        let usual = || usual(&heard, if is_inbox { lock(mail).clone() } else { none });
        let said = answer(&heard).unwrap_or_else(|| Answer::Say(usual()));
        let tagged = |bytes: &[u8]| replace(bytes, b"TAG", tag.as_bytes());
        match said {
            Answer::Say(bytes) => {
                if stream.get_mut().write_all(&tagged(&bytes)).await.is_err() {
                    return;
                }
            }
            Answer::SayAndClose(bytes) => {
                let _ = stream.get_mut().write_all(&tagged(&bytes)).await;
                return;
            }
            Answer::SayForEver(first, then, rest) => {
                let _ = stream.get_mut().write_all(&tagged(&first)).await;
                let mut pause = tokio::time::interval(rest.max(Duration::from_nanos(1)));
                while stream.get_mut().write_all(&then).await.is_ok() {
                    if !rest.is_zero() {
                        pause.tick().await;
                    }
                }
                return;
            }
            Answer::Deaf => std::future::pending().await,
        }
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = line.trim_end();
        heard = match line.split_once(' ') {
            Some((said, command)) if said.starts_with('p') => {
                said.clone_into(&mut tag);
                command.to_owned()
            }
            _ => line.to_owned(),
        };
    }
}

fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|part| part == what) {
        replaced.extend(&rest[..at]);
        replaced.extend(with);
        rest = &rest[at + what.len()..];
    }
    replaced.extend(rest);
    replaced
}

/// Answers as any server would.
fn usual(heard: &str, mail: Vec<(u32, Vec<u8>)>) -> Vec<u8> {
    let last = mail.last().map_or(0, |(uid, _)| *uid);
    let text = match heard.split(' ').next().unwrap_or_default() {
        "hello" => "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] stub ready\r\n".to_owned(),
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 SASL-IR IDLE AUTH=PLAIN\r\nTAG OK that is all\r\n".to_owned(),
        "AUTHENTICATE" | "LOGIN" => "TAG OK [CAPABILITY IMAP4rev1 IDLE] in\r\n".to_owned(),
        "LIST" => "* LIST () \"/\" INBOX\r\n* LIST (\\Sent) \"/\" \"Sent\"\r\nTAG OK listed\r\n".to_owned(),
        "EXAMINE" => format!(
            "* FLAGS (\\Answered \\Seen)\r\n* {} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT {}] next\r\nTAG OK [READ-ONLY] opened\r\n",
            mail.len(),
            last + 1
        ),
        "IDLE" => "+ idling\r\n".to_owned(),
        "LOGOUT" => "* BYE see you\r\nTAG OK done\r\n".to_owned(),
        "UID" if heard.starts_with("UID SEARCH") => search(heard, &mail),
        "UID" if heard.starts_with("UID FETCH") => return fetch(heard, &mail),
        _ => "TAG OK done\r\n".to_owned(),
    };
    text.into_bytes()
}

/// The UIDs that a set names, as servers understand it: `n:*` names the last in any case.
fn named(set: &str, mail: &[(u32, Vec<u8>)]) -> Vec<u32> {
    let last = mail.last().map_or(0, |(uid, _)| *uid);
    let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
    let mut found = Vec::new();
    for part in set.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from), number(to));
        let between = from.min(to)..=from.max(to);
        found.extend(mail.iter().map(|(uid, _)| *uid).filter(|uid| between.contains(uid)));
    }
    found
}

fn search(heard: &str, mail: &[(u32, Vec<u8>)]) -> String {
    let found = match heard.split(' ').nth(3) {
        Some(set) if heard.starts_with("UID SEARCH UID") => named(set, mail),
        _ => Vec::new(),
    };
    let mut text = "* SEARCH".to_owned();
    for uid in found {
        let _ = write!(text, " {uid}");
    }
    text + "\r\nTAG OK found\r\n"
}

fn fetch(heard: &str, mail: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut said = Vec::new();
    for uid in named(heard.split(' ').nth(2).unwrap(), mail) {
        said.extend(fetched(heard, uid, mail));
    }
    said.extend(b"TAG OK fetched\r\n");
    said
}

/// One message, as it is fetched by the command that was heard.
pub(crate) fn fetched(heard: &str, uid: u32, mail: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let at = mail.iter().position(|(own, _)| *own == uid).unwrap();
    let bytes = &mail[at].1;
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let (name, section) =
        if heard.contains("[HEADER]") { ("HEADER", &bytes[..end]) } else { ("", &bytes[..]) };
    let mut said = format!(
        "* {} FETCH (UID {uid} INTERNALDATE \" 1-Feb-2026 09:30:00 +0100\" RFC822.SIZE {} BODY[{name}]<0> {{{}}}\r\n",
        at + 1,
        bytes.len(),
        section.len()
    )
    .into_bytes();
    said.extend(section);
    said.extend(b")\r\n");
    said
}
