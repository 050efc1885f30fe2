//! A relay of which every answer is told in the test, for what no decent server does.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use postduif::account::{Login, Security, Server};
use postduif::transport::{Lane, Settings, SmtpSettings, Timeouts, Transport};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the stub does when it has heard something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These very bytes.
    Say(Vec<u8>),
    /// These very bytes, and then it closes the line.
    SayAndClose(Vec<u8>),
    /// Nothing, and it hears nothing more either.
    Deaf,
}

/// Says a line.
pub(crate) fn say(line: &str) -> Answer {
    Answer::Say(format!("{line}\r\n").into_bytes())
}

/// Answers as any relay would. What was heard is a verb; `hello` is the greeting, `.` the end of a message,
/// `body` its first line.
pub(crate) fn usual(heard: &str) -> Answer {
    match heard {
        "hello" => say("220 stub.example"),
        "EHLO" => say("250-stub.example\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 8BITMIME"),
        "DATA" => say("354 go on"),
        "AUTH" => say("235 welcome"),
        "QUIT" => Answer::SayAndClose(b"221 bye\r\n".to_vec()),
        "body" => Answer::Say(Vec::new()),
        _ => say("250 ok"),
    }
}

/// The stub; it goes away when dropped.
pub(crate) struct Stub {
    pub(crate) way: SmtpSettings,
    heard: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Stub {
    /// Starts a stub; `answer` is told the number of the connection, from 0, and what was heard.
    pub(crate) async fn start(answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::default());
        let (answer, log) = (Arc::new(answer), Arc::clone(&heard));
        let serving = tokio::spawn(async move {
            let mut guests = tokio::task::JoinSet::new();
            for nth in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                guests.spawn(async move { serve(stream, |heard| answer(nth, heard), &log).await });
            }
        });
        let way = SmtpSettings {
            server: Server {
                host: "localhost".into(),
                port,
                security: Security::None,
                login: None,
                ca_file: None,
            },
            connections: 1,
            letters_per_connection: 100,
            hello_name: None,
            delivery_reports: true,
            timeouts: Timeouts::default(),
        };
        Self { way, heard, serving }
    }

    pub(crate) fn login(mut self, login: Login) -> Self {
        self.way.server.login = Some(login);
        self
    }

    /// Returns what was heard, over all connections.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn lane(&self) -> Lane {
        Transport::open(Settings::Smtp(self.way.clone())).await.unwrap().lane()
    }
}

async fn serve(stream: TcpStream, answer: impl Fn(&str) -> Answer, log: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let (mut in_body, mut lines) = (false, 0);
    let mut heard = "hello".to_owned();
    loop {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(heard.clone());
        match answer(&heard) {
            Answer::Say(bytes) => {
                in_body = if in_body { heard != "." } else { heard == "DATA" && bytes.starts_with(b"354") };
                if stream.get_mut().write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Answer::SayAndClose(bytes) => {
                let _ = stream.get_mut().write_all(&bytes).await;
                return;
            }
            Answer::Deaf => std::future::pending().await,
        }
        heard = loop {
            let mut line = Vec::new();
            match stream.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match (in_body, line.as_str()) {
                (true, ".") => {
                    lines = 0;
                    break ".".to_owned();
                }
                (true, _) => {
                    lines += 1;
                    if lines == 1 {
                        break "body".to_owned();
                    }
                }
                (false, line) => break line.split(' ').next().unwrap_or_default().to_owned(),
            }
        };
    }
}
