//! Keeps watch over the mailbox beside a run: reads it whenever something comes, and to its end whenever the sender asks, because
//! nobody is reminded before the mailbox is known to the minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::shutdown::{Haste, Shutdown};
use super::watch::{Round, Watch, WatchError};
use crate::clock::Clock;
use crate::inbox::mailbox::{InboxError, pause};
use crate::ledger::record::MailboxRead;

/// How old a reading of the mailbox may be when a letter of a later step is claimed.
pub const FRESH: Duration = Duration::from_secs(60);

/// Whatever happens, the mailbox is read anew so often: not every server tells of every folder.
const PATIENCE: Duration = Duration::from_secs(300);

/// So long the line is kept free for the sender's next question, before the server is asked to tell what comes: questions come
/// one after the other, and a line that was told to idle must be made anew for each.
const ASKED_AGAIN: Duration = Duration::from_secs(90);

/// What the lookout tells.
#[derive(Debug)]
pub enum Sight {
    /// The mailbox was read to its end.
    Read(Round),
    /// It could not be; what was recorded before holds.
    Trouble {
        /// What was recorded all the same.
        part: Round,
        /// Why.
        why: String,
        /// After how long it is tried again.
        again: Duration,
    },
    /// It can be read again after trouble.
    Back,
}

/// Who is told, at once.
pub type Teller = Arc<dyn Fn(Sight) + Send + Sync>;

type Question = oneshot::Sender<Result<(), String>>;

/// The sender's end: has the mailbox read to its end. Clones are one.
#[derive(Clone, Debug)]
pub struct Barrier {
    ask: mpsc::Sender<Question>,
    read: Arc<Mutex<MailboxRead>>,
    /// Rises with every round in which something was recorded.
    news: watch::Receiver<u64>,
}

impl Barrier {
    /// Returns what must have been read, as the ledger asks for it; no folder is known before the first reading, and then nothing
    /// passes.
    pub fn read(&self) -> MailboxRead {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the mailbox read to its end, now.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn ask(&self) -> Result<(), String> {
        let (answer, heard) = oneshot::channel();
        let gone = || "nobody reads the mailbox any more".to_owned();
        self.ask.send(answer).await.map_err(|_| gone())?;
        heard.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Waits until something new was recorded.
    pub async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // Nobody reads any more, so nothing new comes.
            std::future::pending::<()>().await;
        }
    }
}

/// The one who watches.
pub struct Lookout {
    watch: Watch,
    clock: Clock,
    asked: mpsc::Receiver<Question>,
    read: Arc<Mutex<MailboxRead>>,
    news: watch::Sender<u64>,
    tell: Teller,
    /// How often it is read where nobody tells what comes; without it, the mailbox itself is waited for.
    every: Option<Duration>,
    shutdown: Shutdown,
}

impl Lookout {
    /// Makes one, and the sender's end.
    pub fn new(watch: Watch, clock: Clock, shutdown: Shutdown, tell: Teller) -> (Self, Barrier) {
        let (ask, asked) = mpsc::channel(1);
        let (told, news) = watch::channel(0);
        let (mailbox, folders) = watch.mailbox();
        let read = Arc::new(Mutex::new(MailboxRead { mailbox, folders, within: FRESH }));
        let barrier = Barrier { ask, read: Arc::clone(&read), news };
        (Self { watch, clock, asked, read, news: told, tell, every: None, shutdown }, barrier)
    }

    /// Reads by the clock alone, so often, beside the sender's questions: a mailbox of a rehearsal has its own time.
    #[must_use]
    pub fn every(mut self, span: Duration) -> Self {
        self.every = Some(span);
        self
    }

    /// Watches until the end is asked for, or until the mailbox can be read no more by any patience.
    ///
    /// # Errors
    /// [`WatchError`] where waiting does not help: a login that is refused, a folder that is not there, the ledger.
    pub async fn keep(mut self) -> Result<(), WatchError> {
        let ended = self.watch_on().await;
        self.watch.close().await;
        ended
    }

    async fn watch_on(&mut self) -> Result<(), WatchError> {
        let mut failures = 0_u32;
        let mut asker: Option<Question> = None;
        let shutdown = self.shutdown.clone();
        loop {
            let mut round = Round::default();
            // What is written into the ledger is written in one go, so a round may be left anywhere.
            let ended = tokio::select! {
                ended = self.watch.round(&mut round) => Some(ended),
                () = shutdown.asked(Haste::Soon) => None,
            };
            let Some(ended) = ended else {
                // What was recorded is known from now on, so nobody else tells of it.
                (self.tell)(Sight::Read(round));
                return Ok(());
            };
            let asked = asker.take();
            let was_asked = asked.is_some();
            match ended {
                Ok(()) => {
                    if failures > 0 {
                        (self.tell)(Sight::Back);
                    }
                    failures = 0;
                    self.note(round);
                    if let Some(asked) = asked {
                        let _ = asked.send(Ok(()));
                    }
                }
                Err(error) => {
                    failures += 1;
                    let (why, again) = (error.to_string(), pause(failures));
                    if let Some(asked) = asked {
                        let _ = asked.send(Err(why.clone()));
                    }
                    self.news_of(&round);
                    (self.tell)(Sight::Trouble { part: round, why, again });
                    if !matches!(&error, WatchError::Inbox(error) if error.may_pass()) {
                        return Err(error);
                    }
                }
            }
            asker = tokio::select! {
                () = shutdown.asked(Haste::Soon) => return Ok(()),
                asker = self.rest(failures, was_asked) => asker,
            };
        }
    }

    /// Waits for a reason to read again; returns who asked, if somebody did.
    async fn rest(&mut self, failures: u32, was_asked: bool) -> Option<Question> {
        if failures > 0 {
            return self.until_asked(pause(failures)).await;
        }
        if let Some(every) = self.every {
            return self.until_asked(every).await;
        }
        if was_asked {
            return self.until_asked(ASKED_AGAIN).await;
        }
        tokio::select! {
            asked = self.asked.recv() => match asked {
                Some(asked) => Some(asked),
                None => std::future::pending().await,
            },
            // A mailbox that cannot tell is read again, which says what is wrong.
            _woken = waited(&mut self.watch) => None,
        }
    }

    async fn until_asked(&mut self, span: Duration) -> Option<Question> {
        tokio::select! {
            asked = self.asked.recv() => match asked {
                Some(asked) => Some(asked),
                None => { self.clock.sleep(span).await; None }
            },
            () = self.clock.sleep(span) => None,
        }
    }

    fn note(&mut self, round: Round) {
        let (mailbox, folders) = self.watch.mailbox();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) =
            MailboxRead { mailbox, folders, within: FRESH };
        self.news_of(&round);
        (self.tell)(Sight::Read(round));
    }

    fn news_of(&self, round: &Round) {
        if !round.came.is_empty() || !round.found_in_sent.is_empty() {
            self.news.send_modify(|news| *news += 1);
        }
    }
}

async fn waited(watch: &mut Watch) -> Result<(), InboxError> {
    watch.wait(PATIENCE).await.map(drop)
}
