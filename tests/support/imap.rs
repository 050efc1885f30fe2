//! An IMAP reader over TLS (RFC 3501), just large enough to read a mailbox back as its owner would.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot read the mailbox has failed"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A line under TLS, blocking.
pub(crate) type TlsLine = StreamOwned<ClientConnection, TcpStream>;

/// Puts TLS on a line; trusts only the test's own certificate authority, and the name must be that of the server.
pub(crate) fn tls(stream: TcpStream, ca_pem: &str) -> TlsLine {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// A logged-in session.
pub(crate) struct Imap {
    line: BufReader<TlsLine>,
    tag: u32,
    /// The untagged answers to the last command, without their literals.
    lines: Vec<String>,
}

impl Imap {
    /// Connects to the port for implicit TLS and logs in with a password.
    pub(crate) fn login(port: u16, ca_pem: &str, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("Dovecot listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut session = Self { line: BufReader::new(tls(stream, ca_pem)), tag: 0, lines: Vec::new() };
        let greeting = session.read_line();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        session.command(&format!("LOGIN \"{user}\" \"{password}\""));
        session
    }

    /// Returns every message of a folder, by ascending UID, and leaves no flag changed.
    pub(crate) fn messages(&mut self, folder: &str) -> Vec<Vec<u8>> {
        self.command(&format!("EXAMINE \"{folder}\""));
        let mut found = self.command("UID FETCH 1:* (UID BODY.PEEK[])");
        found.sort_by_key(|(uid, _)| *uid);
        found.into_iter().map(|(_, message)| message).collect()
    }

    /// Returns the flags of every message of a folder, as the server writes them.
    pub(crate) fn flags(&mut self, folder: &str) -> Vec<String> {
        self.command(&format!("EXAMINE \"{folder}\""));
        self.command("UID FETCH 1:* (UID FLAGS)");
        self.lines.iter().filter(|line| line.contains(" FETCH ")).cloned().collect()
    }

    /// Returns how a folder's messages hang together by the rules of RFC 5256 (REFERENCES, after JWZ): the thread lists as the
    /// server writes them, by sequence number.
    pub(crate) fn threads(&mut self, folder: &str) -> String {
        self.command(&format!("EXAMINE \"{folder}\""));
        self.command("THREAD REFERENCES UTF-8 ALL");
        let threads = self.lines.iter().find_map(|line| line.strip_prefix("* THREAD "));
        threads.unwrap_or_default().to_owned()
    }

    /// Says one command; returns the literals of its untagged answers, each with the UID told before it (0 for none).
    pub(crate) fn command(&mut self, command: &str) -> Vec<(u32, Vec<u8>)> {
        self.tag += 1;
        let tag = format!("T{} ", self.tag);
        self.line.get_mut().write_all(format!("{tag}{command}\r\n").as_bytes()).unwrap();
        self.line.get_mut().flush().unwrap();
        let mut literals = Vec::new();
        self.lines.clear();
        loop {
            let line = self.read_line();
            if let Some(end) = line.strip_prefix(&tag) {
                assert!(end.starts_with("OK"), "{command}: {end}");
                return literals;
            }
            if let Some(length) = literal(&line) {
                let uid = line.split("UID ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
                let mut bytes = vec![0; length];
                self.line.read_exact(&mut bytes).unwrap();
                literals.push((uid.unwrap_or(0), bytes));
            }
            self.lines.push(line);
        }
    }

    fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        self.line.read_until(b'\n', &mut line).unwrap();
        assert!(!line.is_empty(), "Dovecot closed the line");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }
}

/// Returns the length of the literal that a line announces (RFC 3501 §4.3).
fn literal(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit('{').next()?.parse().ok()
}
