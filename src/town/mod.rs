//! The town of a rehearsal: a relay that behaves as its people do, and a mailbox into which they write back. Real SMTP bytes
//! go in and real messages come out, at the time of the clock it is given; nothing leaves the machine.
//!
//! ```text
//! engine ─► relay (script: what meets the letter at the door) ─► people (what comes back, and when) ─► post (its bytes) ─► Maildir
//! ```
//!
//! What the town saw is kept ([`Seen`]), and [`verdict`] holds it against the rules of the campaign and against the ledger.

mod people;
mod post;
pub mod script;
pub mod story;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::delivery::attempt::Stage;
use crate::mail::address::Address;
use crate::mail::parsed::ParsedMail;
use crate::transport::rehearsal::{
    Accepted, AfterDot, Behaviour, RelaySettings, Script as RelayScript, Witness,
};
use post::Mail;
use script::{Habit, Script};

/// Somebody whom the campaign writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// The recipient's key.
    pub key: String,
    /// What they are called.
    pub name: String,
    /// Where they get their mail; the first address is where they answer from.
    pub addresses: Vec<Address>,
}

/// What a town is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What its people do.
    pub script: Script,
    /// Who lives there.
    pub residents: Vec<Resident>,
    /// In which zone they live.
    pub zone: TimeZone,
    /// The Maildir into which they write back; made where it is missing.
    pub maildir: PathBuf,
    /// Where the letters are kept that they got, one `.eml` file each.
    pub letters: Option<PathBuf>,
}

/// A letter that the town's relay took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// When.
    pub at: Timestamp,
    /// Its Message-ID, with brackets.
    pub message_id: String,
    /// Whose it is; nothing where nobody here is written to at these addresses.
    pub key: Option<String>,
    /// To which addresses it went.
    pub to: Vec<String>,
}

/// A message that somebody laid into the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// When.
    pub at: Timestamp,
    /// The key of who wrote it, or of whom it is about.
    pub key: String,
    /// About which letter, from 1.
    pub letter: u32,
    /// What it is.
    pub habit: Habit,
}

/// What the town saw, in the order in which it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The letters.
    pub copies: Vec<Copy>,
    /// What came back.
    pub posted: Vec<Posted>,
    /// What could not be done.
    pub troubles: Vec<String>,
}

/// How far somebody is with the letters.
#[derive(Default)]
struct Got {
    /// The letters that came, by Message-ID.
    letters: BTreeSet<String>,
    /// How often the next one was tried.
    tries: u32,
}

#[derive(Default)]
struct State {
    got: HashMap<usize, Got>,
    /// What is on its way to the mailbox.
    on_the_way: BTreeMap<(Timestamp, u64), (Posted, Mail)>,
    number: u64,
    seen: Seen,
}

struct Shared {
    settings: Settings,
    clock: Clock,
    /// The residents by their addresses.
    by_address: HashMap<String, usize>,
    state: Mutex<State>,
    changed: Notify,
    laid: Notify,
}

/// The town; its post stops when it is dropped.
pub struct Town {
    shared: Arc<Shared>,
    postman: JoinHandle<()>,
}

impl Drop for Town {
    fn drop(&mut self) {
        self.postman.abort();
    }
}

impl Town {
    /// Makes the mailbox and sends the postman on his way.
    ///
    /// # Errors
    /// The mailbox cannot be made.
    pub fn open(settings: Settings, clock: Clock) -> io::Result<Self> {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(settings.maildir.join(part))?;
        }
        let addresses = settings.residents.iter().enumerate();
        let by_address = addresses
            .flat_map(|(at, resident)| resident.addresses.iter().map(move |it| (it.canonical(), at)))
            .collect();
        let shared = Arc::new(Shared {
            settings,
            clock,
            by_address,
            state: Mutex::default(),
            changed: Notify::new(),
            laid: Notify::new(),
        });
        let postman = tokio::spawn(Arc::clone(&shared).carry());
        Ok(Self { shared, postman })
    }

    /// Returns how the town's relay behaves.
    pub fn relay(&self) -> RelaySettings {
        let (door, witness) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        RelaySettings {
            script: RelayScript::Told(Arc::new(move |path, _| door.meets(path))),
            witness: Some(Witness::new(move |letter| witness.takes(letter))),
            keep: self.shared.settings.letters.clone(),
            clock: self.shared.clock.clone(),
            ..RelaySettings::default()
        }
    }

    /// Returns what the town has seen.
    pub fn seen(&self) -> Seen {
        self.shared.state().seen.clone()
    }

    /// Waits until something was laid into the mailbox that this has not told yet.
    pub async fn laid(&self) {
        self.shared.laid.notified().await;
    }

    /// Returns when the next of what is on its way will lie in the mailbox, if anything is.
    pub fn next_post(&self) -> Option<Timestamp> {
        self.shared.state().on_the_way.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resident(&self, path: &str) -> Option<(usize, &Resident)> {
        let address = Address::parse(path).ok()?;
        let at = *self.by_address.get(&address.canonical())?;
        self.settings.residents.get(at).map(|resident| (at, resident))
    }

    /// Says what a letter meets with at somebody's door.
    fn meets(&self, path: &str) -> Behaviour {
        let Some((at, resident)) = self.resident(path) else { return Behaviour::Accept };
        // What goes along as a copy meets with nothing.
        let canonical = Address::parse(path).ok().map(|path| path.canonical());
        if canonical != resident.addresses.first().map(Address::canonical) {
            return Behaviour::Accept;
        }
        let mut state = self.state();
        let got = state.got.entry(at).or_default();
        let letter = u32::try_from(got.letters.len()).unwrap_or(u32::MAX).saturating_add(1);
        let tries = got.tries;
        got.tries += 1;
        drop(state);
        let refuse = |reply: &str| Behaviour::Refuse { at: Stage::RcptTo, reply: reply.to_owned() };
        let mut before = 0_u32;
        for deed in self.settings.script.deeds(&resident.key, letter) {
            if !deed.habit.is_at_the_door() {
                continue;
            }
            before = before.saturating_add(deed.times);
            match deed.habit {
                Habit::Refuses => return refuse("550 5.1.1 Recipient address rejected: User unknown"),
                _ if tries >= before => {}
                Habit::Full => return refuse("452 4.2.2 Mailbox full"),
                Habit::Greylists => return refuse("451 4.7.1 Greylisted, please try again later"),
                Habit::DropsTheLine => return Behaviour::AfterDot(AfterDot::Vanish { keeps: true }),
                Habit::LosesTheLetter => return Behaviour::AfterDot(AfterDot::Vanish { keeps: false }),
                _ => {}
            }
        }
        Behaviour::Accept
    }

    /// Takes note of a letter, and of what will come back about it.
    fn takes(&self, letter: &Accepted) {
        let now = self.clock.now();
        let mail = ParsedMail::read(&letter.message);
        let message_id = mail.fields.ids("message-id").into_iter().next().unwrap_or_default();
        let to: Vec<String> = std::iter::once(&letter.forward_path).chain(&letter.also).cloned().collect();
        let found = to.iter().find_map(|path| self.resident(path));
        let key = found.map(|(_, resident)| resident.key.clone());
        let mut state = self.state();
        state.seen.copies.push(Copy { at: now, message_id: message_id.clone(), key, to });
        let Some((at, resident)) = found else { return };
        let Some(address) = resident.addresses.first() else { return };
        let got = state.got.entry(at).or_default();
        got.tries = 0;
        // A second copy is for the verdict; nobody answers it.
        if !got.letters.insert(message_id) {
            return;
        }
        let number = u32::try_from(got.letters.len()).unwrap_or(u32::MAX);
        let taken = post::Letter {
            key: &resident.key,
            name: &resident.name,
            address,
            at: now,
            zone: &self.settings.zone,
            bytes: &letter.message,
            mail: &mail,
            reverse_path: &letter.reverse_path,
            envelope_id: letter.envelope_id.as_deref(),
        };
        for deed in self.settings.script.deeds(&resident.key, number) {
            if let Some((at, mail)) = people::writes(&self.settings.script, &deed, &taken) {
                state.number += 1;
                let posted = Posted { at, key: resident.key.clone(), letter: number, habit: deed.habit };
                let number = state.number;
                state.on_the_way.insert((at, number), (posted, mail));
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Lays what is on its way into the mailbox, each at its time.
    async fn carry(self: Arc<Self>) {
        loop {
            let next = self.state().on_the_way.first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                () = self.clock.sleep_until(next.unwrap_or(Timestamp::MAX)) => self.lay_down(),
                () = self.changed.notified() => {}
            }
        }
    }

    fn lay_down(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        while let Some(first) = state.on_the_way.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), (posted, mail)) = first.remove_entry();
            match store(&self.settings.maildir, number, &mail.0, posted.at) {
                Ok(()) => {
                    state.seen.posted.push(posted);
                    self.laid.notify_one();
                }
                Err(error) => {
                    let folder = self.settings.maildir.display();
                    let said =
                        format!("a message of {} could not be laid into {folder}: {error}", posted.key);
                    state.seen.troubles.push(said);
                }
            }
        }
    }
}

/// Lays a message into a Maildir, as if it had come at that time.
fn store(maildir: &Path, number: u64, bytes: &[u8], at: Timestamp) -> io::Result<()> {
    let name = format!("{}.R{number}.rehearsal", at.as_second());
    let (temporary, new) = (maildir.join("tmp").join(&name), maildir.join("new"));
    fs::write(&temporary, bytes)?;
    let since = Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0));
    let at = SystemTime::UNIX_EPOCH + since;
    File::options().write(true).open(&temporary)?.set_modified(at)?;
    fs::rename(&temporary, new.join(&name))?;
    // A reader looks at when the folder changed. The machine's own clock may show no difference within some milliseconds, in
    // which a rehearsal does the work of days.
    match File::open(&new).and_then(|folder| folder.set_modified(at)) {
        // Elsewhere than on Unix a folder cannot be opened, and its own time has to do.
        Err(error) if cfg!(unix) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
