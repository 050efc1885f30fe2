//! `--status-listen`: over a real connection to loopback, what is told is what the ledger has, in a format that parses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_support::*;
use postduif::clock::Clock;
use postduif::dashboard::loopback::Loopback;
use postduif::dashboard::metrics::{METRICS, Rises};
use postduif::dashboard::status::{self, Settings};
use postduif::delivery::inbound::{Evidence, Kind, Matched, Reading};
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A service that is watched.
struct Watched {
    address: SocketAddr,
    clock: Clock,
    heartbeat: Arc<AtomicI64>,
    end: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    runtime: Runtime,
}

/// What came back over the line.
#[derive(Debug)]
struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Watched {
    fn start(ledger: &Path, folders: &[&str]) -> Self {
        let clock = Clock::manual(at(500));
        let heartbeat = Arc::new(AtomicI64::new(at(500).as_millisecond()));
        let settings = Settings {
            ledger: ledger.to_owned(),
            campaign: "a \"call\"\\".to_owned(),
            folders: Arc::new(Mutex::new(
                folders
                    .iter()
                    .map(|folder| ("imap://desk@mail.example".to_owned(), (*folder).to_owned()))
                    .collect(),
            )),
            heartbeat: heartbeat.clone(),
            patience: status::PATIENCE,
            clock: clock.clone(),
        };
        let runtime = Runtime::new().unwrap();
        let bound = "127.0.0.1:0".parse::<Loopback>().unwrap().bind();
        let listener = runtime.block_on(bound).unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let served = runtime.spawn(status::serve(settings, listener, async {
            let _ = ended.await;
        }));
        Self { address, clock, heartbeat, end: Some(end), served: Some(served), runtime }
    }

    fn ask(&self, request: &str) -> Answer {
        let mut line = TcpStream::connect(self.address).unwrap();
        line.write_all(request.as_bytes()).unwrap();
        let mut all = String::new();
        line.read_to_string(&mut all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { code, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        let host = self.address;
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    fn health(&self) -> (u16, serde_json::Value) {
        let answer = self.get("/health");
        (answer.code, serde_json::from_str(&answer.body).unwrap())
    }
}

/// A campaign with three letters accepted, one of them answered, and one queued.
fn campaign(home: &Home) -> postduif::ledger::Ledger {
    let ledger = home.open();
    let campaign = launch(&ledger, "a \"call\"\\");
    roster(&ledger, &campaign, &people(4));
    for held in &claim(&ledger, &campaign, "w", 3).claims {
        send(&ledger, held, at(1));
    }
    let matched = Matched {
        key: "p1".to_owned(),
        step: Some(1),
        by: Evidence::From,
        evidence: "p1@party1.example".to_owned(),
        letter: None,
    };
    let arrival = Arrival {
        source: "imap://desk@mail.example/INBOX".to_owned(),
        fingerprint: Some([1; 32]),
        message_id: None,
        sender: Some("p1@party1.example".to_owned()),
        subject: None,
        at: at(100),
        campaign: campaign.id,
        key: "p1".to_owned(),
        delivery: None,
        reading: Reading { matched: Some(matched), ..Reading::new(Kind::Reply) },
        kept: None,
    };
    let cursor = CursorRecord {
        mailbox: "imap://desk@mail.example".to_owned(),
        folder: "INBOX".to_owned(),
        cursor: "{}".to_owned(),
        read_to_end_at: Some(at(440)),
    };
    ledger.record(vec![arrival], Some(cursor), at(440)).wait().unwrap();
    ledger.suppress("gone.example", "no longer there", at(2)).wait().unwrap();
    ledger
}

/// One sample of the exposition: its labels in order, and its value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads the text format, version 0.0.4, and forgives nothing: one HELP and one TYPE before the samples of each family, families
/// not interleaved, lawful names, values that are numbers, no sample twice, a line feed at the end.
fn parse(text: &str) -> (BTreeMap<String, String>, Samples) {
    assert!(text.ends_with('\n') && !text.contains('\r'), "{text}");
    let (mut types, mut helps, mut samples) = (BTreeMap::new(), BTreeSet::new(), Samples::new());
    let mut current = String::new();
    let name_ok = |name: &str, more: &str| {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || more.contains(c);
        name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helps.insert(name.to_owned()), "two HELP lines of {name}");
            assert!(!help.is_empty());
            name.clone_into(&mut current);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current, "TYPE follows HELP");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "two TYPE lines of {name}");
        } else {
            let (name, labels, rest) = sample(line);
            assert!(name_ok(&name, ":"), "{line}");
            assert_eq!(name, current, "a sample stands below its family");
            assert!(types.contains_key(&name), "{line} has no TYPE");
            assert!(labels.keys().all(|label| name_ok(label, "")), "{line}");
            let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
            assert!(samples.insert((name, labels), value).is_none(), "twice: {line}");
        }
    }
    (types, samples)
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, String) {
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ').unwrap();
        return (name.to_owned(), BTreeMap::new(), format!(" {value}"));
    };
    let (mut labels, mut chars) = (BTreeMap::new(), rest.chars());
    loop {
        let label: String = chars.by_ref().take_while(|c| *c != '=').collect();
        assert_eq!(chars.next(), Some('"'), "{line}");
        let mut value = String::new();
        loop {
            match chars.next().unwrap() {
                '"' => break,
                '\\' => value.push(match chars.next().unwrap() {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    other => panic!("`\\{other}` is no escape: {line}"),
                }),
                other => value.push(other),
            }
        }
        assert!(labels.insert(label, value).is_none(), "a label twice: {line}");
        match chars.next().unwrap() {
            ',' => {}
            '}' => break,
            other => panic!("`{other}` after a label: {line}"),
        }
    }
    (name.to_owned(), labels, chars.collect())
}

#[test]
fn the_metrics_are_those_of_the_ledger_and_parse() {
    let home = Home::new();
    let _ledger = campaign(&home);
    let watched = Watched::start(&home.path(), &["INBOX"]);
    let answer = watched.get("/metrics");
    assert_eq!(answer.code, 200);
    assert!(
        answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    let (types, samples) = parse(&answer.body);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().chain(&[("campaign", "a \"call\"\\")]);
        let labels = labels.map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        samples.get(&(name.to_owned(), labels)).copied()
    };
    assert_eq!(value("postduif_deliveries", &[("step", "1"), ("state", "accepted")]), Some(3.0));
    assert_eq!(value("postduif_deliveries", &[("step", "1"), ("state", "queued")]), Some(1.0));
    assert_eq!(value("postduif_deliveries", &[("step", "1"), ("state", "bounced")]), Some(0.0));
    assert_eq!(value("postduif_attempts_total", &[("step", "1")]), Some(3.0));
    assert_eq!(value("postduif_recipients", &[]), Some(4.0));
    assert_eq!(value("postduif_inbound_messages", &[("kind", "reply")]), Some(1.0));
    assert_eq!(value("postduif_inbound_messages", &[("kind", "bounce")]), Some(0.0));
    assert_eq!(value("postduif_open_reviews", &[]), Some(1.0));
    assert_eq!(value("postduif_suppressed", &[]), Some(1.0));
    assert_eq!(value("postduif_campaign_state", &[("state", "running")]), Some(1.0));
    assert_eq!(value("postduif_campaign_state", &[("state", "paused")]), Some(0.0));
    let folder = [("mailbox", "imap://desk@mail.example"), ("folder", "INBOX")];
    assert_eq!(value("postduif_mailbox_unread_seconds", &folder), Some(60.0));
    assert_eq!(value("postduif_heartbeat_age_seconds", &[]), Some(0.0));
    for metric in METRICS {
        let kind = match metric.rises {
            Rises::Counter => "counter",
            Rises::Gauge => "gauge",
        };
        assert_eq!(types.get(metric.name).map(String::as_str), Some(kind), "{}", metric.name);
        let labels: BTreeSet<&str> = metric.labels.iter().copied().chain(["campaign"]).collect();
        let found = samples.keys().filter(|(name, _)| name == metric.name).map(|(_, labels)| labels);
        for found in found {
            assert_eq!(found.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels, "{}", metric.name);
        }
    }
    assert_eq!(types.len(), METRICS.len());
}

#[test]
fn a_letter_that_went_again_counts_by_its_newest_delivery() {
    let home = Home::new();
    let ledger = campaign(&home);
    let reading = Reading {
        permanent: false,
        matched: Some(Matched {
            key: "p2".to_owned(),
            step: Some(1),
            by: Evidence::MessageId,
            evidence: "x".to_owned(),
            letter: None,
        }),
        ..Reading::new(Kind::Bounce)
    };
    let found = ledger.campaign("a \"call\"\\").wait().unwrap().unwrap();
    let arrival = Arrival {
        source: "imap://desk@mail.example/INBOX".to_owned(),
        fingerprint: Some([2; 32]),
        message_id: None,
        sender: None,
        subject: None,
        at: at(200),
        campaign: found.id,
        key: "p2".to_owned(),
        delivery: None,
        reading,
        kept: None,
    };
    ledger.record(vec![arrival], None, at(450)).wait().unwrap();
    let reader = postduif::ledger::Ledger::read(ledger.path()).unwrap().unwrap();
    let tally = reader.tally(found.id).unwrap();
    let counts = reader.counts(found.id).unwrap();
    for state in State::ALL {
        assert_eq!(tally.deliveries.get(&(1, state)).copied().unwrap_or(0), counts.of(state), "{state:?}");
    }
    assert_eq!(tally.deliveries.values().sum::<u64>(), 4);
}

#[test]
fn health_tells_the_campaign_and_the_mailbox_and_when_the_service_is_stuck() {
    let home = Home::new();
    let ledger = campaign(&home);
    let watched = Watched::start(&home.path(), &["INBOX"]);
    let (code, told) = watched.health();
    assert_eq!((code, &told["ok"], &told["state"]), (200, &true.into(), &"running".into()));
    assert_eq!(told["mailbox_read_at"], at(440).to_string());
    let id = ledger.campaign("a \"call\"\\").wait().unwrap().unwrap().id;
    ledger.pause(id, "lunch", None, at(500)).wait().unwrap();
    let (code, told) = watched.health();
    assert_eq!((code, &told["state"], &told["why"]), (200, &"paused".into(), &"lunch".into()));

    watched.clock.advance(Duration::from_secs(121));
    let (code, told) = watched.health();
    assert_eq!((code, &told["ok"]), (503, &false.into()));
    assert!(told["trouble"].as_str().unwrap().contains("no sign of life for 121 seconds"), "{told}");
    watched.heartbeat.store(watched.clock.now().as_millisecond(), Ordering::Relaxed);
    assert_eq!(watched.health().0, 200);
}

#[test]
fn a_folder_that_was_never_read_to_its_end_counts() {
    let home = Home::new();
    let _ledger = campaign(&home);
    let watched = Watched::start(&home.path(), &["INBOX", "Junk"]);
    let (code, told) = watched.health();
    assert_eq!((code, &told["mailbox_read_at"]), (200, &serde_json::Value::Null));
}

#[test]
fn a_ledger_that_cannot_be_read_is_a_trouble() {
    let home = Home::new();
    let watched = Watched::start(&home.path(), &[]);
    let (code, told) = watched.health();
    assert_eq!(code, 503);
    assert!(told["trouble"].as_str().unwrap().contains("there is no ledger"), "{told}");
    assert_eq!(watched.get("/metrics").code, 503);
    std::fs::create_dir_all(home.path().parent().unwrap()).unwrap();
    std::fs::write(home.path(), "no ledger at all, and more than sixteen octets").unwrap();
    let (code, told) = watched.health();
    assert_eq!(code, 503);
    assert!(told["trouble"].as_str().unwrap().contains("not a ledger"), "{told}");
}

#[test]
fn requests_that_mean_another_host_or_place_are_turned_away() {
    let home = Home::new();
    let _ledger = campaign(&home);
    let mut watched = Watched::start(&home.path(), &[]);
    let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let answer = watched.ask(rebound);
    assert_eq!(answer.code, 421);
    assert!(!answer.body.contains("postduif_"));
    let two = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_ne!(watched.ask(two).code, 200);
    assert_eq!(watched.get("/").code, 404);
    let post = "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(watched.ask(post).code, 405);

    watched.end.take().unwrap().send(()).unwrap();
    let served = watched.served.take().unwrap();
    watched.runtime.block_on(served).unwrap().unwrap();
    assert!(TcpStream::connect(watched.address).is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = Loopback::try_from(address).unwrap().bind().await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("nobody can listen on {address}: ")), "{said}");
}

#[test]
fn the_document_lists_the_metrics_of_the_program() {
    let document =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/metrics.md"))
            .unwrap();
    let rows: Vec<String> = METRICS
        .iter()
        .map(|metric| {
            let kind = if metric.rises == Rises::Counter { "counter" } else { "gauge" };
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)
        })
        .collect();
    let listed: Vec<&str> = document.lines().filter(|line| line.starts_with("| `postduif_")).collect();
    assert_eq!(listed, rows, "docs/reference/metrics.md should have these rows:\n{}", rows.join("\n"));
}
