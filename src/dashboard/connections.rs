//! The connections of browsers, plain or within TLS. Whoever is silent holds up nobody, and all together cannot take so many that
//! the process has none left for the letters.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Certificate;
use crate::clock::Clock;

/// So many may be open at once; the rest waits in the queue of the system.
const MOST: usize = 256;
/// So many of them may be in the handshake of TLS.
const MOST_HANDSHAKES: usize = 64;
/// How long a handshake may take.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);
/// After so long without an octet either way a connection is closed: a browser that is asleep does not say so. What is live sends
/// something every few seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(5 * 60);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Takes connections in.
pub(super) struct Connections {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    clock: Clock,
    places: Arc<Semaphore>,
    /// Handshakes that go on; each ends with a connection, or with nothing.
    handshakes: JoinSet<Option<(Connection, SocketAddr)>>,
}

impl Connections {
    /// Takes them in from a listener; within TLS where there is a certificate.
    pub(super) fn on(tcp: TcpListener, certificate: Option<Certificate>, clock: Clock) -> Self {
        let tls = certificate.map(|certificate| certificate.acceptor);
        let places = Arc::new(Semaphore::new(MOST));
        Self { tcp, tls, clock, places, handshakes: JoinSet::new() }
    }
}

/// Waits for a place, then for somebody who takes it.
async fn next(
    tcp: &mut TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore.
    let place = Arc::clone(places).acquire_owned().await.ok();
    let (stream, from) = Listener::accept(tcp).await;
    // Without it an answer waits 40 ms for the other end's delayed ACK of what the handshake said last; where it cannot be had, it waits.
    let _ = stream.set_nodelay(true);
    (stream, from, place)
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let Self { tcp, tls, clock, places, handshakes } = self;
        loop {
            tokio::select! {
                Some(ended) = handshakes.join_next() => {
                    if let Ok(Some(made)) = ended {
                        return made;
                    }
                }
                (stream, from, place) = next(tcp, places), if handshakes.len() < MOST_HANDSHAKES => {
                    let Some(tls) = tls.clone() else {
                        return (Connection::new(Stream::Plain(stream), clock, place), from);
                    };
                    let clock = clock.clone();
                    handshakes.spawn(async move {
                        tokio::select! {
                            made = tls.accept(stream) => {
                                let stream = Stream::Tls(Box::new(made.ok()?));
                                Some((Connection::new(stream, &clock, place), from))
                            }
                            () = clock.sleep(LONGEST_HANDSHAKE) => None,
                        }
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One connection; it ends by itself when nothing happens on it.
pub(super) struct Connection {
    stream: Stream,
    clock: Clock,
    /// When an octet last went either way.
    last: Timestamp,
    sleeper: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: Option<OwnedSemaphorePermit>,
}

fn sleeper(clock: &Clock, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let clock = clock.clone();
    Box::pin(async move { clock.sleep(span).await })
}

impl Connection {
    fn new(stream: Stream, clock: &Clock, place: Option<OwnedSemaphorePermit>) -> Self {
        let sleeper = sleeper(clock, LONGEST_SILENCE);
        Self { stream, clock: clock.clone(), last: clock.now(), sleeper, _place: place }
    }

    /// Passes on how far reading or writing came, unless nothing has happened for too long.
    fn watched<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.last = self.clock.now();
            return polled;
        }
        while self.sleeper.as_mut().poll(context).is_ready() {
            let silent = Duration::try_from(self.clock.now().duration_since(self.last)).unwrap_or_default();
            let left = LONGEST_SILENCE.saturating_sub(silent);
            if left.is_zero() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.sleeper = sleeper(&self.clock, left);
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, into),
        };
        this.watched(context, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        };
        this.watched(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    use super::*;

    /// Connections within TLS, how a browser comes to them, and where.
    async fn opened(clock: &Clock) -> (Connections, TlsConnector, SocketAddr) {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let Ok(certificate) = Certificate::read(&certificate, &key, std::iter::empty()) else {
            unreachable!()
        };
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = tcp.local_addr().unwrap();
        (Connections::on(tcp, Some(certificate), clock.clone()), TlsConnector::from(Arc::new(config)), at)
    }

    /// Moves the clock by `step` again and again until a story has ended.
    async fn moving<S: Future>(clock: &Clock, step: Duration, story: S) -> S::Output {
        let moving = async {
            loop {
                clock.advance(step);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = story => ended,
            () = moving => unreachable!(),
        }
    }

    #[tokio::test]
    async fn silent_callers_hold_up_others_no_longer_than_a_handshake_may_take() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let (mut connections, connector, at) = opened(&clock).await;
        let mut silent = Vec::new();
        for _ in 0..MOST_HANDSHAKES {
            silent.push(TcpStream::connect(at).await.unwrap());
        }
        while connections.handshakes.len() < MOST_HANDSHAKES {
            tokio::select! {
                _ = connections.accept() => unreachable!(),
                () = tokio::task::yield_now() => {}
            }
        }
        // They begin to wait; and nobody else is let in meanwhile.
        let browser = tokio::spawn(async move {
            let stream = TcpStream::connect(at).await.unwrap();
            let mut tls =
                connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
            tls.write_all(b"here").await.unwrap();
            tls.flush().await.unwrap();
            tls
        });
        for _ in 0..100 {
            tokio::select! {
                _ = connections.accept() => unreachable!(),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(connections.handshakes.len(), MOST_HANDSHAKES);
        clock.advance(LONGEST_HANDSHAKE);
        let (mut connection, _) = connections.accept().await;
        let mut heard = [0; 4];
        connection.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"here");
        browser.await.unwrap();
        let mut farewell = Vec::new();
        silent[0].read_to_end(&mut farewell).await.unwrap();
        assert!(farewell.is_empty(), "the silent were sent away");
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_happens_is_closed_and_one_that_lives_is_not() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = tcp.local_addr().unwrap();
        let mut connections = Connections::on(tcp, None, clock.clone());
        let mut browser = TcpStream::connect(at).await.unwrap();
        let (mut connection, _) = connections.accept().await;
        let (shortly, mut octet) = (LONGEST_SILENCE.mul_f32(0.9), [0; 1]);
        for _ in 0..3 {
            clock.advance(shortly);
            browser.write_all(b"x").await.unwrap();
            connection.read_exact(&mut octet).await.unwrap();
        }
        let ended = moving(&clock, shortly, connection.read_exact(&mut octet)).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn there_are_only_so_many_places_and_whoever_leaves_makes_room() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = tcp.local_addr().unwrap();
        let mut connections = Connections::on(tcp, None, clock.clone());
        let (mut browsers, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..MOST {
            browsers.push(TcpStream::connect(at).await.unwrap());
            taken.push(connections.accept().await);
        }
        browsers.push(TcpStream::connect(at).await.unwrap());
        let waiting = tokio::spawn(async move { connections.accept().await.1 });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        taken.pop();
        assert_eq!(waiting.await.unwrap(), browsers.last().unwrap().local_addr().unwrap());
    }
}
