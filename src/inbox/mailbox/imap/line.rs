//! The line to an IMAP server: what may be said goes out, responses come in, each with limits of time and size.

use std::fmt;
use std::io;
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::command::Said;
use super::response::{is_text, literal};
use crate::account::{Stream, says_closed};

/// Why nothing more comes over the line.
#[derive(Debug)]
pub(super) enum Cut {
    /// The other end closed it.
    Closed,
    /// It broke.
    Broke(io::Error),
    /// Nothing came, or nothing could be handed over, in this time.
    Silent(Duration),
    /// The command was not at its end after this time.
    Late(Duration),
    /// A response has a line longer than this, or too many parts.
    Endless(usize),
    /// More bytes were announced than were asked for.
    Oversized { announced: u64, most: usize },
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        if says_closed(&error) { Cut::Closed } else { Cut::Broke(error) }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Closed => f.write_str("the server closed the line"),
            Cut::Broke(error) => write!(f, "the line broke ({error})"),
            Cut::Silent(limit) => write!(f, "the server was silent for {limit:?}"),
            Cut::Late(limit) => write!(f, "the server was not done after {limit:?}"),
            Cut::Endless(most) => {
                write!(f, "the server sent a response without end (more than {most} bytes)")
            }
            Cut::Oversized { announced, most } => {
                write!(f, "the server announced {announced} bytes where at most {most} may come")
            }
        }
    }
}

/// How much of a server's answer we take in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes of text in one response, without its literals.
    pub(super) text: usize,
    /// Bytes of one literal.
    pub(super) literal: usize,
}

/// How many literals a response may have.
const LITERALS: usize = 16;
/// How many bytes are read at once.
const BLOCK: usize = 16 * 1024;
/// The room that is kept from one response to the next.
const KEPT: usize = 256 * 1024;

/// How long an answer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Until the next byte comes.
    silence: Duration,
    /// In all.
    whole: Duration,
    end: Instant,
}

impl Limits {
    /// Begins now: `silence` until the next byte, and ten times that in all, so that a server which says one byte a minute is
    /// given up, too.
    pub(super) fn begin(silence: Duration) -> Self {
        let whole = silence.saturating_mul(10);
        Self { silence, whole, end: Instant::now() + whole }
    }

    /// Waits for `work`.
    async fn within<T>(&self, work: impl Future<Output = io::Result<T>>) -> Result<T, Cut> {
        let next = Instant::now() + self.silence;
        match timeout_at(next.min(self.end), work).await {
            Ok(done) => Ok(done?),
            Err(_) if next < self.end => Err(Cut::Silent(self.silence)),
            Err(_) => Err(Cut::Late(self.whole)),
        }
    }
}

/// A connection, with what was read from it and not yet used.
pub(super) struct Line {
    stream: Stream,
    incoming: Vec<u8>,
    used: usize,
    response: Vec<u8>,
}

impl Line {
    /// Takes a connection over.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, incoming: Vec::with_capacity(BLOCK), used: 0, response: Vec::new() }
    }

    /// Changes the stream below: `protect` makes the protected one of the plain one.
    pub(super) async fn protect<P, E>(self, protect: impl FnOnce(Stream) -> P) -> Result<Self, E>
    where
        P: Future<Output = Result<Stream, E>>,
    {
        Ok(Self { stream: protect(self.stream).await?, ..self })
    }

    /// Returns the stream below.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns whether something came that nobody has asked for yet.
    pub(super) fn has_unread(&self) -> bool {
        self.used < self.incoming.len()
    }

    /// Hands what is said to the server.
    pub(super) async fn send(&mut self, said: &Said, limits: &Limits) -> Result<(), Cut> {
        limits
            .within(async {
                self.stream.write_all(said.bytes()).await?;
                self.stream.flush().await
            })
            .await
    }

    /// Waits until the server says something, at most until `end`; says whether it does.
    pub(super) async fn wait(&mut self, end: Instant) -> Result<bool, Cut> {
        if self.has_unread() {
            return Ok(true);
        }
        // A read that is given up has taken nothing.
        match timeout_at(end, self.fill()).await {
            Ok(Ok(0)) => Err(Cut::Closed),
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.incoming.clear();
        self.used = 0;
        self.stream.read_buf(&mut self.incoming).await
    }

    /// Reads one whole response: its lines and literals, without the line end at its end.
    pub(super) async fn response(&mut self, room: Room, limits: &Limits) -> Result<&[u8], Cut> {
        self.response.clear();
        self.response.shrink_to(KEPT);
        let (mut text, mut literals) = (0, 0);
        loop {
            let begun = self.response.len();
            self.text_line(room.text - text, limits).await.map_err(|cut| match cut {
                Cut::Endless(_) => Cut::Endless(room.text),
                other => other,
            })?;
            text += self.response.len() - begun;
            let line = &self.response[begun..];
            let announced = if literals == 0 && is_text(line) { None } else { literal(line) };
            let Some(announced) = announced else { return Ok(&self.response) };
            literals += 1;
            let length = usize::try_from(announced).ok().filter(|length| *length <= room.literal);
            let length = length.ok_or(Cut::Oversized { announced, most: room.literal })?;
            if literals > LITERALS {
                return Err(Cut::Endless(room.text));
            }
            self.response.extend_from_slice(b"\r\n");
            self.bytes(length, limits).await?;
        }
    }

    /// Adds a line to the response, without its end.
    async fn text_line(&mut self, most: usize, limits: &Limits) -> Result<(), Cut> {
        let begun = self.response.len();
        loop {
            let unread = &self.incoming[self.used..];
            let end = memchr(b'\n', unread);
            let taken = end.unwrap_or(unread.len());
            if self.response.len() - begun + taken > most {
                return Err(Cut::Endless(most));
            }
            self.response.extend_from_slice(&unread[..taken]);
            self.used += taken;
            if end.is_some() {
                self.used += 1;
                if self.response.len() > begun && self.response.ends_with(b"\r") {
                    self.response.pop();
                }
                return Ok(());
            }
            self.more(limits).await?;
        }
    }

    /// Adds so many bytes to the response. What is announced takes no room before it comes.
    async fn bytes(&mut self, mut length: usize, limits: &Limits) -> Result<(), Cut> {
        while length > 0 {
            let unread = &self.incoming[self.used..];
            let taken = unread.len().min(length);
            self.response.extend_from_slice(&unread[..taken]);
            self.used += taken;
            length -= taken;
            if length > 0 {
                self.more(limits).await?;
            }
        }
        Ok(())
    }

    async fn more(&mut self, limits: &Limits) -> Result<(), Cut> {
        match limits.within(self.fill()).await? {
            0 => Err(Cut::Closed),
            _ => Ok(()),
        }
    }
}
