//! A line between us and a server that writes down what passes, and can be cut after so many bytes of the server's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::servers::lock;

/// What passed, over all connections.
#[derive(Default)]
struct Passed {
    of_us: Mutex<Vec<u8>>,
    of_server: Mutex<Vec<u8>>,
    /// After so many bytes of the server's, over all connections, the line is cut, once.
    cut_after: AtomicUsize,
    connections: AtomicUsize,
}

/// The line; it goes away when dropped.
pub(crate) struct Wire {
    pub(crate) port: u16,
    passed: Arc<Passed>,
    serving: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Wire {
    /// Listens, and connects each call on to a port of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        Self::cut_after(port, usize::MAX).await
    }

    /// The same, and cuts the first line after so many bytes of the server's.
    pub(crate) async fn cut_after(server: u16, bytes: usize) -> Self {
        Self::listening(Ipv4Addr::LOCALHOST, server, bytes).await
    }

    /// The same, at another address of this machine.
    pub(crate) async fn listening(at: Ipv4Addr, server: u16, bytes: usize) -> Self {
        let listener = TcpListener::bind((at, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passed = Arc::new(Passed { cut_after: AtomicUsize::new(bytes), ..Passed::default() });
        let serving = tokio::spawn({
            let passed = Arc::clone(&passed);
            async move {
                let mut calls = tokio::task::JoinSet::new();
                while let Ok((ours, _)) = listener.accept().await {
                    passed.connections.fetch_add(1, Ordering::SeqCst);
                    calls.spawn(pass(Arc::clone(&passed), ours, SocketAddr::from(([127, 0, 0, 1], server))));
                }
            }
        });
        Self { port, passed, serving }
    }

    /// Everything that we said.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&lock(&self.passed.of_us)).into_owned()
    }

    /// Everything that the server said.
    pub(crate) fn heard(&self) -> Vec<u8> {
        lock(&self.passed.of_server).clone()
    }

    /// How often we connected.
    pub(crate) fn connections(&self) -> usize {
        self.passed.connections.load(Ordering::SeqCst)
    }
}

async fn pass(passed: Arc<Passed>, ours: TcpStream, server: SocketAddr) {
    let Ok(theirs) = TcpStream::connect(server).await else { return };
    let (mut of_us, mut to_us) = ours.into_split();
    let (mut of_server, mut to_server) = theirs.into_split();
    let out = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = of_us.read(&mut buffer).await {
            lock(&passed.of_us).extend(&buffer[..length]);
            if to_server.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
        let _ = to_server.shutdown().await;
    };
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = of_server.read(&mut buffer).await {
            let left = passed.cut_after.load(Ordering::SeqCst);
            let through = length.min(left);
            if left != usize::MAX {
                passed.cut_after.store(left - through, Ordering::SeqCst);
            }
            lock(&passed.of_server).extend(&buffer[..through]);
            if to_us.write_all(&buffer[..through]).await.is_err() {
                break;
            }
            if through < length || left == through {
                // Cut; the next line holds.
                passed.cut_after.store(usize::MAX, Ordering::SeqCst);
                break;
            }
        }
        let _ = to_us.shutdown().await;
    };
    // The end of either is the end of both.
    tokio::select! { () = out => {} () = back => {} }
}
