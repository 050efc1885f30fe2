//! A line between the program and its relay that can hold what passes, so that a kill lands in a known place.
//!
//! ```ignore
//! let line = TrappedLine::to(relay.addr()).await;
//! let sprung = line.set(Trap { on: Passing::Taken, nth: 2, forward: false });
//! // … start the program against line.port; when `sprung` hears, the second 250 is held; kill; then:
//! line.release();
//! line.wait_until_quiet();
//! ```
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::servers::{lock, wait_until};

/// What passes on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// The relay's greeting.
    Greeting,
    /// The relay's answer to EHLO.
    Hello,
    /// The program's MAIL, with what it pipelines behind it.
    Mail,
    /// The relay's yes to RCPT.
    Recipient,
    /// The relay's 354.
    GoAhead,
    /// The end of the message, with its final dot.
    Dot,
    /// The relay's yes to the message.
    Taken,
    /// The program's QUIT.
    Quit,
}

impl Passing {
    pub(crate) const ALL: [Passing; 8] = [
        Passing::Greeting,
        Passing::Hello,
        Passing::Mail,
        Passing::Recipient,
        Passing::GoAhead,
        Passing::Dot,
        Passing::Taken,
        Passing::Quit,
    ];

    fn is(self, from_program: bool, bytes: &[u8]) -> bool {
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        match self {
            Passing::Greeting => !from_program && bytes.starts_with(b"220 "),
            Passing::Hello => !from_program && has("PIPELINING"),
            Passing::Mail => from_program && bytes.starts_with(b"MAIL "),
            Passing::Recipient => !from_program && has("250 2.1.5"),
            Passing::GoAhead => !from_program && has("354 "),
            Passing::Dot => from_program && has("\r\n.\r\n"),
            Passing::Taken => !from_program && has("queued as"),
            Passing::Quit => from_program && has("QUIT"),
        }
    }
}

/// What to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trap {
    /// Which kind.
    pub(crate) on: Passing,
    /// Which of them, from 1.
    pub(crate) nth: usize,
    /// Whether it goes on its way after all when it is released; otherwise it is lost, and so is the line.
    pub(crate) forward: bool,
}

struct Set {
    trap: Trap,
    seen: usize,
    tell: Sender<()>,
}

struct Shared {
    set: Mutex<Option<Set>>,
    /// Rises with every release.
    released: watch::Sender<u64>,
    lines: AtomicUsize,
}

/// The line.
pub(crate) struct TrappedLine {
    /// Where the program connects to.
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl TrappedLine {
    /// Listens for the program and connects each call on to the relay.
    pub(crate) async fn to(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            set: Mutex::default(),
            released: watch::channel(0).0,
            lines: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                shared.lines.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(relay) = TcpStream::connect(relay).await {
                        let (of_program, to_program) = program.into_split();
                        let (of_relay, to_relay) = relay.into_split();
                        tokio::join!(
                            pass(&shared, true, of_program, to_relay),
                            pass(&shared, false, of_relay, to_program),
                        );
                    }
                    shared.lines.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, shared }
    }

    /// Sets a trap in the place of the last; what is returned hears once when it has sprung.
    pub(crate) fn set(&self, trap: Trap) -> Receiver<()> {
        let (tell, heard) = channel();
        *lock(&self.shared.set) = Some(Set { trap, seen: 0, tell });
        heard
    }

    /// Lets go of what is held, and of the trap.
    pub(crate) fn release(&self) {
        *lock(&self.shared.set) = None;
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Waits until nobody is connected any more: the relay has heard all that it will ever hear.
    pub(crate) fn wait_until_quiet(&self) {
        wait_until("the line to be quiet", || (self.shared.lines.load(Ordering::SeqCst) == 0).then_some(()));
    }
}

async fn pass(shared: &Shared, from_program: bool, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 * 1024];
    // What is read in one go is looked at as a whole: the letters of these tests are small.
    while let Ok(length) = from.read(&mut buffer).await {
        let bytes = &buffer[..length];
        if bytes.is_empty() {
            break;
        }
        let mut released = shared.released.subscribe();
        let held = spring(shared, from_program, bytes);
        if let Some(trap) = held {
            let _ = released.changed().await;
            if !trap.forward {
                break;
            }
        }
        if to.write_all(bytes).await.is_err() {
            // The other end is gone; what is still said is drained, so that nobody is told of a reset.
            while from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            break;
        }
    }
    let _ = to.shutdown().await;
}

fn spring(shared: &Shared, from_program: bool, bytes: &[u8]) -> Option<Trap> {
    let mut set = lock(&shared.set);
    let waiting = set.as_mut().filter(|set| set.trap.on.is(from_program, bytes))?;
    waiting.seen += 1;
    if waiting.seen != waiting.trap.nth {
        return None;
    }
    let _ = waiting.tell.send(());
    Some(waiting.trap)
}
