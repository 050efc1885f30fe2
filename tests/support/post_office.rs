//! A real Postfix with a real Dovecot behind it, on loopback, for one test.
//!
//! ```ignore
//! let Some(post) = PostOffice::start() else { return };          // None only with WITHOUT_SERVERS=1
//! // … send something to 127.0.0.1:post.ports.mx, for ada@example.test …
//! let mail = post.wait_for("ada@example.test", 1);                // from the Maildir; post.imap(…) reads as she would
//! ```
//!
//! More mailboxes, answers and settings: `PostOffice::start_with(|wishes| wishes.mailbox("bo@party.example"))`.
//! One office for many tests of a file: `PostOffice::shared()`.
//!
//! What the addresses of `example.test` do, unless told otherwise:
//!
//! | address | what happens |
//! |---|---|
//! | `ada@`, `ben@`, `sender@` | delivered; `+detail` too; password [`PASSWORD`], token [`TOKEN`] is that of `sender@` |
//! | `tmp450@` | `450 4.2.1` to RCPT, always |
//! | `later421@` | `421 4.3.2` to RCPT, and the line is closed |
//! | `no554@` | `554 5.7.1` to RCPT |
//! | `grey@` | `451 4.7.1` at the first try of a sender, then delivered |
//! | `full@` | accepted; then a DSN, 5.2.2 (no room) |
//! | `ghost@` | accepted; then a DSN, 5.1.1 |
//! | anything at `deadend.test` | accepted; a DSN "delayed" after seconds, then one that it failed |
//! | any other | `550 5.1.1` to RCPT |
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot start its servers has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::imap::Imap;
use super::mail_config::{make_queue, write_dovecot, write_postfix};
use super::servers::{
    Listener, PATIENCE, Server, free_port, greeting, left_out, lock, serve_introspection, serve_policy,
    wait_until,
};

/// The password of every user.
pub(crate) const PASSWORD: &str = "correct horse";
/// A good access token of `sender@example.test`.
pub(crate) const TOKEN: &str = "token-of-sender";

/// Where everything listens, all on 127.0.0.1.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    /// Plain SMTP as between servers; STARTTLS is offered, login is not.
    pub(crate) mx: u16,
    /// STARTTLS required, then AUTH required.
    pub(crate) submission: u16,
    /// TLS from the first byte, then AUTH required.
    pub(crate) smtps: u16,
    /// IMAP with STARTTLS.
    pub(crate) imap: u16,
    /// IMAP with TLS from the first byte.
    pub(crate) imaps: u16,
    /// Where Postfix hands mail to Dovecot.
    pub(crate) lmtp: u16,
    /// Where Postfix asks Dovecot about passwords.
    pub(crate) sasl: u16,
    /// Where Postfix asks us about greylisting.
    pub(crate) policy: u16,
    /// Where Dovecot asks us about tokens.
    pub(crate) introspection: u16,
}

/// Somebody with a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) address: String,
    pub(crate) password: String,
    /// Has no room: mail is accepted by Postfix and comes back as a DSN.
    pub(crate) full: bool,
}

/// Given the attributes of Postfix's policy request, the action for it, if this has an opinion.
pub(crate) type Policy = Box<dyn Fn(&[(String, String)]) -> Option<String> + Send + Sync>;

/// What the office is to be like. Starts out as the table above says.
pub(crate) struct Wishes {
    /// Who has a mailbox.
    pub(crate) users: Vec<User>,
    /// Addresses that Postfix accepts and Dovecot does not know.
    pub(crate) ghosts: Vec<String>,
    /// Address and answer to RCPT, such as `450 4.2.1 …` (access(5)).
    pub(crate) answers: Vec<(String, String)>,
    /// Domain and mailbox: whatever is sent to the domain lands in that mailbox.
    pub(crate) collected: Vec<(String, String)>,
    /// Good tokens and whose they are.
    pub(crate) tokens: BTreeMap<String, String>,
    /// A say in every RCPT.
    pub(crate) policy: Option<Policy>,
    /// More lines for `main.cf`; they win over those before.
    pub(crate) main_cf: String,
    /// More lines for `dovecot.conf`.
    pub(crate) dovecot_conf: String,
}

impl Wishes {
    fn usual() -> Self {
        let user = |name: &str| User {
            address: format!("{name}@example.test"),
            password: PASSWORD.to_owned(),
            full: name == "full",
        };
        let answer = |name: &str, answer: &str| (format!("{name}@example.test"), answer.to_owned());
        Self {
            users: ["ada", "ben", "sender", "grey", "full"].map(user).into(),
            ghosts: vec!["ghost@example.test".to_owned()],
            answers: vec![
                answer("tmp450", "450 4.2.1 Mailbox busy, come back later"),
                answer("later421", "421 4.3.2 Closing, come back later"),
                answer("no554", "554 5.7.1 We do not want this"),
            ],
            collected: Vec::new(),
            tokens: BTreeMap::from([(TOKEN.to_owned(), "sender@example.test".to_owned())]),
            policy: None,
            main_cf: String::new(),
            dovecot_conf: String::new(),
        }
    }

    /// Gives somebody a mailbox, with the usual password.
    pub(crate) fn mailbox(&mut self, address: &str) {
        self.users.push(User { address: address.to_owned(), password: PASSWORD.to_owned(), full: false });
    }

    /// Lets everything that is sent to a domain land in one of the mailboxes.
    pub(crate) fn collect(&mut self, domain: &str, mailbox: &str) {
        self.collected.push((domain.to_owned(), mailbox.to_owned()));
    }

    /// The domains that Postfix is the last stop of.
    pub(crate) fn domains(&self) -> Vec<String> {
        let of_users = self.users.iter().filter_map(|user| user.address.split_once('@'));
        let mut all: BTreeSet<String> = of_users.map(|(_, domain)| domain.to_owned()).collect();
        all.extend(self.collected.iter().map(|(domain, _)| domain.clone()));
        all.into_iter().collect()
    }

    /// The addresses that Postfix accepts.
    pub(crate) fn known_to_postfix(&self) -> Vec<String> {
        self.users.iter().map(|user| user.address.clone()).chain(self.ghosts.iter().cloned()).collect()
    }
}

/// The running servers; they stop, and their files go, when this is dropped.
pub(crate) struct PostOffice {
    /// Where everything listens.
    pub(crate) ports: Ports,
    /// The certificate authority that signed the servers' certificate (for `localhost` and `127.0.0.1`), PEM.
    pub(crate) ca_pem: String,
    // The order matters: fields are dropped from the top, and Postfix must not outlive what it asks.
    _postfix: Server,
    _dovecot: Server,
    _policy: Listener,
    _introspection: Listener,
    dir: tempfile::TempDir,
}

impl PostOffice {
    /// Starts an office with the usual addresses; `None` when servers are to be left out.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| ())
    }

    /// Starts an office after `change` had its say.
    pub(crate) fn start_with(change: impl FnOnce(&mut Wishes)) -> Option<Self> {
        if left_out() {
            return None;
        }
        let mut wishes = Wishes::usual();
        change(&mut wishes);
        Some(Self::open(wishes))
    }

    /// Returns the office that all tests of this test file share. It stops when the process ends.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostOffice>> = OnceLock::new();
        if left_out() {
            return None;
        }
        SHARED.get_or_init(Self::start).as_ref()
    }

    fn open(mut wishes: Wishes) -> Self {
        let master = ["/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master"];
        let master = find(&master, "postfix");
        let dovecot =
            find(&["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"], "dovecot-imapd and dovecot-lmtpd");
        must_be_dovecot_2_3(dovecot);
        let dir = tempfile::Builder::new().prefix("post-").tempdir().unwrap();
        assert_eq!(
            fs::metadata(dir.path()).unwrap().uid(),
            0,
            "Postfix starts only as root: run `make test` as root or where sudo asks no password, or set WITHOUT_SERVERS=1"
        );
        // Postfix's programs give up their rights and must still reach what lies in here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ca_pem = write_certificates(&dir.path().join("tls"));

        let tokens = std::mem::take(&mut wishes.tokens);
        let introspection =
            Listener::start(move |line| serve_introspection(line, |token| tokens.get(token).cloned()));
        let ask = wishes.policy.take();
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let policy = Listener::start(move |line| {
            serve_policy(line, |asked| {
                ask.as_ref().and_then(|ask| ask(asked)).unwrap_or_else(|| greylist(asked, &seen))
            })
        });
        let ports = Ports {
            mx: free_port(),
            submission: free_port(),
            smtps: free_port(),
            imap: free_port(),
            imaps: free_port(),
            lmtp: free_port(),
            sasl: free_port(),
            policy: policy.port,
            introspection: introspection.port,
        };
        // Dovecot first: a Postfix that finds nobody to ask about passwords stops listening for a while.
        write_dovecot(dir.path(), &ports, &wishes);
        let conf = dir.path().join("dv/dovecot.conf");
        let output = dir.path().join("dv/output.log");
        // Dovecot takes longest to stop, so its end is when the folder can go, also where nothing is dropped.
        let dovecot =
            Server::start(dovecot, &["-F", "-c", &conf.to_string_lossy()], &output, Some(dir.path()));
        for (port, greets) in [(ports.imap, "* OK"), (ports.lmtp, "220"), (ports.sasl, "VERSION")] {
            ready(dir.path(), port, greets);
        }
        make_queue(dir.path());
        write_postfix(dir.path(), &ports, &wishes);
        let etc = dir.path().join("pf/etc");
        let postfix = Server::start(
            master,
            &["-c", &etc.to_string_lossy()],
            &dir.path().join("pf/log/output.log"),
            None,
        );
        for port in [ports.mx, ports.submission] {
            ready(dir.path(), port, "220");
        }
        Self {
            ports,
            ca_pem,
            _postfix: postfix,
            _dovecot: dovecot,
            _policy: policy,
            _introspection: introspection,
            dir,
        }
    }

    /// The file with the certificate authority, for a `ca-file` setting.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("tls/ca.pem")
    }

    /// The folder that Dovecot keeps somebody's mail in; made with the first mail, or the first login.
    pub(crate) fn maildir(&self, address: &str) -> PathBuf {
        let (local, domain) = address.split_once('@').expect("an address has an @");
        self.dir.path().join("dv/mail").join(domain).join(local)
    }

    /// Reads what is in somebody's inbox, straight from the Maildir, oldest first. Lines end as Dovecot stores them (LF).
    pub(crate) fn mailbox(&self, address: &str) -> Vec<Vec<u8>> {
        let maildir = self.maildir(address);
        let mut files: Vec<PathBuf> = ["new", "cur"]
            .iter()
            .filter_map(|part| fs::read_dir(maildir.join(part)).ok())
            .flat_map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()))
            .collect();
        // A Maildir name begins with the second, then says the microsecond (`.M…`).
        files.sort_by_key(|path| arrival(path));
        files.iter().filter_map(|path| fs::read(path).ok()).collect()
    }

    /// Waits until somebody's inbox holds at least `count` messages, and returns them all.
    pub(crate) fn wait_for(&self, address: &str, count: usize) -> Vec<Vec<u8>> {
        let begun = Instant::now();
        loop {
            let mail = self.mailbox(address);
            if mail.len() >= count {
                return mail;
            }
            let had = mail.len();
            assert!(
                begun.elapsed() < PATIENCE,
                "{address} has {had} of {count} messages; the logs:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until Postfix's queue is empty: nothing is on its way any more.
    pub(crate) fn wait_until_idle(&self) {
        let queue = self.dir.path().join("pf/queue");
        wait_until("Postfix's queue to be empty", || {
            let waiting = ["maildrop", "incoming", "active", "deferred"];
            waiting.iter().all(|name| is_bare(&queue.join(name))).then_some(())
        });
    }

    /// Reads somebody's inbox over IMAP and TLS. Lines end in CRLF, as they were sent.
    pub(crate) fn imap(&self, address: &str) -> Vec<Vec<u8>> {
        Imap::login(self.ports.imaps, &self.ca_pem, address, PASSWORD).messages("INBOX")
    }

    /// What Postfix and Dovecot wrote in their logs, for the message of a failing test.
    pub(crate) fn log(&self) -> String {
        log(self.dir.path())
    }
}

fn arrival(path: &Path) -> (u64, u64) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let digits =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    (digits(&name), name.split_once(".M").map_or(0, |(_, rest)| digits(rest)))
}

fn is_bare(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    // Postfix may spread a queue over folders named by one character.
    entries.filter_map(Result::ok).all(|entry| entry.path().is_dir() && is_bare(&entry.path()))
}

fn find<'a>(places: &[&'a str], package: &str) -> &'a str {
    let found = places.iter().find(|place| Path::new(place).exists());
    found.unwrap_or_else(|| {
        panic!(
            "{package} is not installed: `make test` installs it, WITHOUT_SERVERS=1 leaves these tests out"
        )
    })
}

fn must_be_dovecot_2_3(dovecot: &str) {
    let told = Command::new(dovecot).arg("--version").output().expect("dovecot tells its version");
    let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    assert!(
        version.starts_with("2.3."),
        "these tests write the configuration of Dovecot 2.3, and this is {version}, whose configuration differs; \
         set WITHOUT_SERVERS=1 to leave them out"
    );
}

fn ready(dir: &Path, port: u16, greets: &str) {
    let begun = Instant::now();
    while !greeting(port).is_some_and(|line| line.starts_with(greets)) {
        assert!(
            begun.elapsed() < PATIENCE,
            "nothing says `{greets}` on port {port}; the logs:\n{}",
            log(dir)
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn log(dir: &Path) -> String {
    ["dv/output.log", "dv/dovecot.log", "pf/log/output.log", "pf/log/mail.log"]
        .iter()
        .map(|name| format!("--- {name}\n{}", fs::read_to_string(dir.join(name)).unwrap_or_default()))
        .collect()
}

/// The first try of each sender for `grey…@` is put off; everything else is none of our business.
fn greylist(asked: &[(String, String)], seen: &Mutex<BTreeSet<(String, String)>>) -> String {
    let get = |name: &str| asked.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let pair = (get("sender").to_owned(), get("recipient").to_owned());
    if pair.1.starts_with("grey") && lock(seen).insert(pair) {
        "451 4.7.1 Greylisted, come back later".to_owned()
    } else {
        "DUNNO".to_owned()
    }
}

/// Makes a certificate authority and the servers' certificate; returns the former as PEM.
fn write_certificates(folder: &Path) -> String {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    };
    fs::create_dir_all(folder).unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Test authority");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["localhost", "127.0.0.1", "mail.example.test"].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    ca.pem()
}
