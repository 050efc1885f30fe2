//! A town with a clock of its own: a ledger, a relay that keeps the minutes, and runs that the test moves on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use postduif::account::{Security, Server};
use postduif::campaign::calendar::Deadlines;
use postduif::campaign::definition::{Definition, LetterSource, Sender};
use postduif::campaign::problem::Problems;
use postduif::campaign::recipient::{Addressees, Channel, Recipient};
use postduif::campaign::stationery::Stationery;
use postduif::clock::Clock;
use postduif::delivery::pace::{Limit, Pace};
use postduif::delivery::patience::Patience;
use postduif::delivery::retry::RetryPolicy;
use postduif::delivery::state::State;
use postduif::engine::deliver::{Ended, Run};
use postduif::engine::press::Press;
use postduif::engine::progress::{Progress, Waits};
use postduif::engine::shutdown::Shutdown;
use postduif::ledger::record::{CampaignState, NewCampaign, Wish};
use postduif::ledger::{Ledger, LedgerError, Reader};
use postduif::mail::address::{Address, Mailbox};
use postduif::transport::rehearsal::{Behaviour, Relay, RelaySettings, Script};
use postduif::transport::{Settings, SmtpSettings, Timeouts, Transport};
use tokio::task::JoinHandle;

/// When every story begins: a Friday, 12:00 in Amsterdam.
pub(crate) const BEGIN: &str = "2025-09-05T10:00:00Z";

/// What the relay was asked for: when, and for whom (at RCPT).
pub(crate) type Minutes = Arc<Mutex<Vec<(Timestamp, String)>>>;

/// What a relay does: the address, how often it was named before, and what its address spells.
type Mood = Box<dyn Fn(&str, u32, Behaviour) -> Behaviour + Send + Sync>;

/// The town.
pub(crate) struct Town {
    folder: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) relay: Relay,
    pub(crate) way: SmtpSettings,
    minutes: Minutes,
}

impl Town {
    /// A relay that does what the addresses spell.
    pub(crate) async fn new() -> Self {
        Self::with(RelaySettings::default(), Box::new(|_, _, spelled| spelled)).await
    }

    /// A relay with a mood.
    pub(crate) async fn with(settings: RelaySettings, mood: Mood) -> Self {
        let clock = Clock::manual(BEGIN.parse().unwrap());
        let minutes = Minutes::default();
        let (told, time) = (Arc::clone(&minutes), clock.clone());
        let rule = move |path: &str, times: u32| {
            if path.ends_with("@ngo.example") {
                return Behaviour::Accept;
            }
            lock(&told).push((time.now(), path.to_owned()));
            mood(path, times, Behaviour::spelled(path, times))
        };
        let settings = RelaySettings {
            script: Script::Told(Arc::new(rule)),
            record: true,
            clock: clock.clone(),
            ..settings
        };
        let relay = Relay::start(settings).await.unwrap();
        let way = SmtpSettings {
            server: Server {
                host: "127.0.0.1".into(),
                port: relay.addr().port(),
                security: Security::None,
                login: None,
                ca_file: None,
            },
            connections: 1,
            letters_per_connection: 1000,
            hello_name: None,
            delivery_reports: true,
            timeouts: Timeouts::default(),
        };
        Self { folder: tempfile::tempdir().unwrap(), clock, relay, way, minutes }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the ledger as a process would.
    pub(crate) fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.path(), "process 1, `postduif send`", None)
    }

    pub(crate) fn reader(&self) -> Reader {
        Ledger::read(&self.path()).unwrap().unwrap()
    }

    pub(crate) fn wish(&self, wish: &Wish) {
        Ledger::wish(&self.path(), wish, self.clock.now()).unwrap();
    }

    /// When the relay was asked for an address, in order.
    pub(crate) fn asked_for(&self, address: &str) -> Vec<Timestamp> {
        lock(&self.minutes).iter().filter(|(_, asked)| asked == address).map(|(at, _)| *at).collect()
    }

    /// When the relay was asked for anybody, in order.
    pub(crate) fn minutes(&self) -> Vec<Timestamp> {
        lock(&self.minutes).iter().map(|(at, _)| *at).collect()
    }

    /// Seconds from the beginning.
    pub(crate) fn since(&self, at: Timestamp) -> i64 {
        at.as_second() - BEGIN.parse::<Timestamp>().unwrap().as_second()
    }

    /// Copies that the relay has of the letter to an address.
    pub(crate) fn copies(&self, address: &str) -> usize {
        self.relay.accepted().iter().filter(|letter| letter.forward_path == address).count()
    }

    /// The states of a campaign's deliveries, by address.
    pub(crate) fn states(&self, campaign: &str) -> BTreeMap<String, State> {
        let reader = self.reader();
        let campaign = reader.campaign(campaign).unwrap().unwrap();
        let mut states = BTreeMap::new();
        reader
            .each_recipient(campaign.id, |record| {
                states.insert(record.recipient.whereto(), record.deliveries[0].state);
                true
            })
            .unwrap();
        states
    }

    pub(crate) fn state(&self, campaign: &str, address: &str) -> State {
        self.states(campaign)[address]
    }

    pub(crate) fn standing(&self, campaign: &str) -> CampaignState {
        self.reader().campaign(campaign).unwrap().unwrap().state
    }

    /// A campaign's run as the command assembles it, in a fresh process; what differs is for the test to change.
    pub(crate) async fn run(&self, campaign: &str, addresses: &[&str]) -> Run {
        let ledger = self.open().unwrap();
        let now = self.clock.now();
        ledger.rescue("", true, now).await.unwrap();
        let definition = definition(campaign);
        let new = NewCampaign {
            name: campaign.to_owned(),
            definition: serde_json::to_string(&definition).unwrap(),
            digest: definition.digest(),
            seed: [campaign.bytes().fold(0, u8::wrapping_add); 32],
        };
        let campaign = ledger.launch(new, now).await.unwrap();
        let pass = ledger.begin_roster(campaign.id).await.unwrap();
        let people = addresses.iter().map(|address| person(address)).collect();
        ledger.enroll(&pass, 1, people, &Deadlines::none(TimeZone::UTC), now).await.unwrap();
        ledger.end_roster(pass, now).await.unwrap();
        let mut problems = Problems::default();
        let press = Press::set_up(definition, &["naam".to_owned()], &mut problems).unwrap();
        Run {
            ledger,
            transport: Transport::open(Settings::Smtp(self.way.clone())).await.unwrap(),
            clock: self.clock.clone(),
            campaign,
            press: Arc::new(press),
            pace: Pace::default(),
            window: None,
            retry: RetryPolicy::default(),
            only: Vec::new(),
            barrier: None,
            not_overdue_since: None,
            limit: None,
            patience: Patience::Endless,
            owner: "send-1".to_owned(),
            shutdown: Shutdown::default(),
            progress: Arc::new(Progress::default()),
        }
    }

    /// Starts a run.
    pub(crate) fn start(&self, run: Run) -> Sending<'_> {
        let (progress, shutdown) = (Arc::clone(&run.progress), run.shutdown.clone());
        let flows = !(run.pace.gap().is_zero() && run.pace.jitter.is_zero());
        let step = flows.then(|| (run.pace.gap() / 3).max(Duration::from_millis(500)));
        Sending { town: self, progress, shutdown, step, running: tokio::spawn(run.deliver()) }
    }

    /// Starts a run and moves the clock on until it has ended.
    pub(crate) async fn deliver(&self, run: Run) -> Ended {
        self.start(run).end().await
    }
}

/// A run under way.
pub(crate) struct Sending<'t> {
    town: &'t Town,
    progress: Arc<Progress>,
    pub(crate) shutdown: Shutdown,
    /// How far the clock goes at once while a letter waits for its turn in the flow, which tells nobody that it
    /// waits; without a flow it only ever goes to what the run waits for, so that such stories tell exact times.
    step: Option<Duration>,
    running: JoinHandle<Result<Ended, LedgerError>>,
}

impl Sending<'_> {
    /// Lets real time go by, for the sockets and the disk; what it waits for is for the caller to see.
    async fn breathe(&self) {
        // Not the machine's clock as the program uses it: only a moment for other threads.
        let _ = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
    }

    /// Lets the run go on without moving the clock until it waits for a time, and returns for what.
    pub(crate) async fn until_it_waits(&self) -> Waits {
        loop {
            let now = self.town.clock.now();
            if let Some(waits) = self.progress.waits().filter(|waits| waits.until > now) {
                return waits;
            }
            assert!(!self.running.is_finished(), "the run ended and did not wait");
            self.breathe().await;
        }
    }

    /// Lets the run go on without moving the clock until the relay has taken so many letters.
    pub(crate) async fn until_taken(&self, letters: usize) {
        while self.town.relay.taken() < letters.try_into().unwrap() {
            assert!(!self.running.is_finished(), "the run ended before");
            self.breathe().await;
        }
    }

    /// Moves the clock on whenever nothing happens, until `so`, or the end.
    pub(crate) async fn drive_until(&self, mut so: impl FnMut() -> bool) {
        let (mut quiet, mut seen) = (0, (0, 0));
        while !so() && !self.running.is_finished() {
            self.breathe().await;
            let now = self.town.clock.now();
            if let Some(waits) = self.progress.waits().filter(|waits| waits.until > now) {
                self.town.clock.advance(waits.until.duration_since(now).try_into().unwrap());
                continue;
            }
            let Some(step) = self.step else { continue };
            let sees = (self.town.relay.commands().len(), self.town.relay.taken());
            quiet = if sees == seen { quiet + 1 } else { 0 };
            seen = sees;
            if quiet >= 4 {
                self.town.clock.advance(step);
                quiet = 0;
            }
        }
    }

    /// Moves the clock on until the run has ended.
    pub(crate) async fn end(self) -> Ended {
        self.drive_until(|| false).await;
        self.running.await.unwrap().unwrap()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn definition(campaign: &str) -> Definition {
    Definition {
        name: campaign.to_owned(),
        language: "en".to_owned(),
        timezone: "Europe/Amsterdam".to_owned(),
        sender: Sender {
            from: Mailbox::parse("Desk <desk@ngo.example>").unwrap(),
            reply_to: None,
            verp: false,
            fields: BTreeMap::new(),
        },
        steps: vec![LetterSource {
            name: "letter".to_owned(),
            text: "+++\nsubject = \"An appeal\"\n+++\nDear {{naam}},\n\nplease read this.\n".to_owned(),
            partials: BTreeMap::new(),
        }],
        attachments: BTreeMap::new(),
        stationery: Stationery::default(),
    }
}

fn person(address: &str) -> Recipient {
    Recipient {
        key: address.to_owned(),
        channel: Channel::Mail(Addressees::one(Address::parse(address).unwrap())),
        deadline: None,
        name: None,
        organisation: None,
        fields: vec![("naam".to_owned(), "committee".to_owned())],
    }
}

pub(crate) fn people(number: usize) -> Vec<String> {
    (1..=number).map(|n| format!("p{n}@party{n}.example")).collect()
}

pub(crate) fn refs(people: &[String]) -> Vec<&str> {
    people.iter().map(String::as_str).collect()
}

pub(crate) fn pace(limits: &[(u32, Duration)]) -> Pace {
    let limits = limits.iter().map(|&(letters, window)| Limit { letters, window }).collect();
    Pace { limits, ..Pace::default() }
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
