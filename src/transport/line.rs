//! The line to a relay: bytes out, replies in, each with a limit of time.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::account::{Stream, says_closed};
use crate::mail::smtp_reply::{Fed, ReplyReader, SmtpReply};

/// Why nothing more comes over the line.
#[derive(Debug)]
pub(super) enum Cut {
    /// The other end closed it.
    Closed,
    /// It broke.
    Broke(io::Error),
    /// Nothing came, or nothing could be handed over, in this time.
    TimedOut(Duration),
    /// What came is no SMTP reply.
    Unreadable(String),
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        if says_closed(&error) { Cut::Closed } else { Cut::Broke(error) }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Closed => f.write_str("the relay closed the line"),
            Cut::Broke(error) => write!(f, "the line broke ({error})"),
            Cut::TimedOut(limit) => write!(f, "the relay was silent for {limit:?}"),
            Cut::Unreadable(text) => write!(f, "the relay said something that is no SMTP reply (`{text}`)"),
        }
    }
}

/// Limits of time, many in a row on one alarm.
///
/// An alarm that is set anew for every reply wakes the runtime each time; this one is only ever moved when it
/// rings too early or would ring too late, that is once in minutes.
struct Patience(Pin<Box<Sleep>>);

impl Patience {
    /// Waits for `work`, at most `limit`.
    async fn within<T>(&mut self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let until = Instant::now() + limit;
        if until < self.0.deadline() {
            self.0.as_mut().reset(until);
        }
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            while self.0.as_mut().poll(context).is_ready() {
                if Instant::now() >= until {
                    return Poll::Ready(None);
                }
                self.0.as_mut().reset(until);
            }
            Poll::Pending
        })
        .await
    }
}

/// How many bytes go out under one limit of time.
const BLOCK: usize = 64 * 1024;

/// A connection, with what was read from it and not yet used.
pub(super) struct Line {
    stream: Stream,
    local: SocketAddr,
    incoming: Box<[u8]>,
    used: usize,
    filled: usize,
    reader: ReplyReader,
    is_cut: bool,
    patience: Patience,
}

impl Line {
    /// Takes a connection over.
    pub(super) fn new(stream: Stream) -> io::Result<Self> {
        let local = stream.tcp().local_addr()?;
        Ok(Self {
            stream,
            local,
            incoming: vec![0; 4096].into_boxed_slice(),
            used: 0,
            filled: 0,
            reader: ReplyReader::default(),
            is_cut: false,
            patience: Patience(Box::pin(sleep_until(Instant::now() + Duration::from_secs(3600)))),
        })
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

    /// Returns our own address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns whether something came that nobody has asked for yet.
    pub(super) fn has_unread(&self) -> bool {
        self.used < self.filled
    }

    /// Returns whether it is known to be of no more use.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Hands all of `bytes` to the socket, at most `limit` for each block of them.
    ///
    /// `Ok` says that the last byte was taken over by the kernel. `Err` says that it was not: in TLS the last
    /// bytes travel in a record that the other end cannot open before it is whole.
    pub(super) async fn send(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Cut> {
        if self.is_cut {
            return Err(Cut::Closed);
        }
        let Self { stream, patience, .. } = self;
        for block in bytes.chunks(BLOCK) {
            let written = patience
                .within(limit, async {
                    stream.write_all(block).await?;
                    stream.flush().await
                })
                .await;
            let cut = match written {
                Some(Ok(())) => continue,
                Some(Err(error)) => Cut::from(error),
                None => Cut::TimedOut(limit),
            };
            self.is_cut = true;
            return Err(cut);
        }
        Ok(())
    }

    /// Reads one whole reply and returns its code; [`Line::said`] has the rest of it.
    ///
    /// A reply whose line is cut behind its code counts: the relay has spoken. Then the line
    /// [`is_cut`](Line::is_cut).
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<u16, Cut> {
        self.reader.clear();
        if self.is_cut {
            return Err(Cut::Closed);
        }
        let Self { stream, incoming, used, filled, reader, patience, .. } = self;
        let read = async {
            loop {
                let (taken, fed) = reader.feed(&incoming[*used..*filled]);
                *used += taken;
                match fed {
                    Fed::Whole => return Ok(()),
                    Fed::Unreadable => {
                        let said = SmtpReply::of(0, reader.text().lines()).text;
                        return Err(Cut::Unreadable(said.chars().take(80).collect()));
                    }
                    Fed::More => {}
                }
                (*used, *filled) = (0, 0);
                match stream.read(incoming).await? {
                    0 => return Err(Cut::Closed),
                    read => *filled = read,
                }
            }
        };
        let cut = match patience.within(limit, read).await {
            Some(Ok(())) => return Ok(self.reader.code()),
            Some(Err(cut)) => cut,
            None => Cut::TimedOut(limit),
        };
        self.is_cut = true;
        let is_readable = self.reader.cut_off() && !matches!(cut, Cut::Unreadable(_));
        if is_readable { Ok(self.reader.code()) } else { Err(cut) }
    }

    /// Reads what a relay may have said before it stopped reading.
    pub(super) async fn last_word(&mut self, limit: Duration) -> Option<SmtpReply> {
        self.is_cut = false;
        let said = self.reply(limit).await.ok().map(|_| self.said());
        self.is_cut = true;
        said
    }

    /// Returns the reply that [`Line::reply`] read last.
    pub(super) fn said(&self) -> SmtpReply {
        self.reader.reply()
    }

    /// Returns the texts of the lines of that reply, one on each line.
    pub(super) fn said_lines(&self) -> std::borrow::Cow<'_, str> {
        self.reader.text()
    }
}
