//! A campaign, the page of it, and a browser before it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::browser::{Browser, Page};
use crate::support::maildir::MaildirFolders;
use crate::support::servers::wait_until;
use crate::support::town::{Campaign, Running};

/// axe-core, which knows what people need who cannot see, hear or point.
const AXE: &str = include_str!("../fixtures/axe/axe.min.js");

/// A campaign with its page.
pub(crate) struct Stage {
    pub(crate) campaign: Campaign,
    /// The first link.
    pub(crate) link: String,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// `127.0.0.1:PORT`, or as the page is called.
    pub(crate) host: String,
    /// The port of this machine that it listens on.
    pub(crate) port: u16,
    /// Whom we trust, where it speaks TLS.
    pub(crate) trust: Option<Arc<ClientConfig>>,
    pub(crate) serving: Running,
}

/// What came over the line.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The body as it is, where it is no text.
    pub(crate) octets: Vec<u8>,
}

impl Stage {
    /// Opens the page of a campaign.
    pub(crate) fn of(campaign: Campaign, options: &[&str]) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0"].iter().chain(options);
        let serving = campaign.spawn(arguments);
        let link = wait_until("the link of the page", || {
            let said = serving.said_so_far();
            let link =
                said.split_inclusive('\n').find(|line| line.starts_with("http") && line.ends_with('\n'));
            link.map(|line| line.trim_end().to_owned())
        });
        let (scheme, rest) = link.split_once("://").unwrap();
        let scheme = if scheme == "https" { "https" } else { "http" };
        let host = rest.split('/').next().unwrap().to_owned();
        let port = host.rsplit(':').next().unwrap().parse().unwrap_or(443);
        Self { campaign, link, scheme, host, port, trust: None, serving }
    }

    /// The address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.host)
    }

    /// The origin of our own forms, as a head field with its line end.
    pub(crate) fn origin(&self) -> String {
        format!("Origin: {}://{}\r\n", self.scheme, self.host)
    }

    /// Sends a request as it is and returns the answer.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        let mut all = match &self.trust {
            None => told(self.connect(), request),
            Some(_) => told(self.connect_tls(), request),
        };
        let end = all.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap();
        let octets = all.split_off(end + 4);
        let head = String::from_utf8(all).unwrap().trim_end().to_owned();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { code, head, body: String::from_utf8_lossy(&octets).into_owned(), octets }
    }

    /// A bare connection.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// A connection within TLS.
    pub(crate) fn connect_tls(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name).to_owned();
        let name = ServerName::try_from(name).unwrap();
        let trust = Arc::clone(self.trust.as_ref().unwrap());
        StreamOwned::new(ClientConnection::new(trust, name).unwrap(), self.connect())
    }

    /// Asks for a path with further head fields, each with its line end.
    pub(crate) fn get(&self, path: &str, fields: &str) -> Answer {
        let host = &self.host;
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n"))
    }

    /// Sends a form with further head fields, each with its line end.
    pub(crate) fn post(&self, path: &str, fields: &str, form: &str) -> Answer {
        let (host, length) = (&self.host, form.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{form}"
        ))
    }

    /// Uses the first link; returns the cookie as a head field with its line end.
    pub(crate) fn cookie(&self) -> String {
        let path = self.link.split_once(&self.host).unwrap().1;
        let answer = self.get(path, "");
        assert_eq!(answer.code, 303, "{answer:?}");
        let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        format!("Cookie: {}\r\n", set.split(';').next().unwrap())
    }

    /// Lets a browser in, at a size, in a language.
    pub(crate) fn enter<'b>(&self, browser: &'b mut Browser, size: (u32, u32), language: &str) -> Page<'b> {
        let mut page = browser.open("about:blank", size.0, size.1);
        page.call("Network.enable", &json!({}));
        page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": language } }));
        page.goto(&self.link);
        page
    }
}

/// Sends a request and returns all that comes back.
fn told(mut line: impl Read + Write, request: &str) -> Vec<u8> {
    line.write_all(request.as_bytes()).unwrap();
    line.flush().unwrap();
    let mut all = Vec::new();
    line.read_to_end(&mut all).unwrap();
    all
}

/// The sizes of a desk and of a phone.
pub(crate) const DESK: (u32, u32) = (1280, 900);
pub(crate) const PHONE: (u32, u32) = (375, 800);

/// What axe finds fault with: a line for each.
pub(crate) fn faults(page: &mut Page<'_>) -> Vec<String> {
    page.eval(AXE);
    let script = "axe.run(document, { resultTypes: ['violations'] })\
        .then(found => found.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html).slice(0, 3).join(' | ')))";
    let found = page.eval(script);
    found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// The text of the first element that a selector means.
pub(crate) fn text(page: &mut Page<'_>, selector: &str) -> String {
    let script = format!("document.querySelector({selector:?})?.innerText ?? ''");
    page.eval(&script).as_str().unwrap().to_owned()
}

/// Dark or light.
pub(crate) fn scheme(page: &mut Page<'_>, scheme: &str) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    page.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
}

/// The campaign of three, its letters sent, and its mailbox.
pub(crate) fn sent() -> (Campaign, MaildirFolders) {
    let campaign = Campaign::new();
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"Maildir\"\n\n[ledger]");
    let mail = MaildirFolders::at(campaign.file("Maildir"), None);
    campaign.run(["send", "--yes"]).success();
    (campaign, mail)
}

/// What `status --json` says of a recipient.
pub(crate) fn recipient(campaign: &Campaign, key: &str) -> Value {
    let status: Value = serde_json::from_str(&campaign.run(["status", "--json"]).success().out).unwrap();
    let mut all = status["recipients"].as_array().unwrap().iter();
    all.find(|one| one["key"] == key).expect("a recipient of that key").clone()
}

/// An answer to somebody's letter, from its own thread.
pub(crate) fn reply(campaign: &Campaign, key: &str, from: &str, subject: &str, text: &str) -> String {
    let id = recipient(campaign, key)["steps"][0]["message_id"].as_str().unwrap().to_owned();
    format!(
        "From: {from}\nTo: appeal@alliance.example\nSubject: {subject}\nMessage-ID: <r-{key}@council.example>\n\
         In-Reply-To: {id}\nReferences: {id}\nDate: Mon, 1 Sep 2025 11:00:00 +0200\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
}

/// Words of somebody who may belong to a recipient: only the sender's domain says so.
pub(crate) fn perhaps(number: u32, from: &str, subject: &str, text: &str) -> String {
    format!(
        "From: {from}\nTo: appeal@alliance.example\nSubject: {subject}\nMessage-ID: <p{number}@elsewhere.example>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
}
