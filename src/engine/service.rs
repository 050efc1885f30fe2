//! The service: releases what is due, sends what is queued, and goes on until the campaign has finished. It survives what passes by
//! itself (the relay, the mailbox, the network, the laptop's sleep), and asks a person about the rest.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::deliver::{Ended, MAILBOX_AGAIN, Run};
use super::enclose::Enclosing;
use super::lookout::Barrier;
use super::progress::Waits;
use super::sequence::{Due, Leave, OVERDUE, Schedule};
use super::shutdown::Haste;
use crate::delivery::enrollment::Sequence;
use crate::ledger::record::{CampaignState, Released, Wanted};
use crate::ledger::{Ledger, LedgerError};

/// So many letters of later steps are queued with one request.
const BATCH: usize = 500;
/// How long the relay is left alone after the first time that it cannot be reached; twice as long each further time.
const RELAY_AGAIN: Duration = Duration::from_secs(60);
/// And how long at most.
const RELAY_AGAIN_AT_MOST: Duration = Duration::from_secs(1800);
/// How often it is reckoned who is due while letters go.
const RECKON_WHILE_RUNNING: Duration = Duration::from_secs(60);

/// What the service tells while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// These letters are due and queued now.
    Released(Vec<Due>),
    /// These should have gone long ago: they wait for a person. Told once for each.
    Overdue(Vec<Due>),
    /// Letters are due, and the mailbox cannot be read, so they wait. Told once for each trouble.
    MailboxUnread {
        /// How many are due.
        letters: usize,
        /// Why it cannot be read.
        why: String,
    },
    /// A file that goes along with a letter cannot be read, so that letter waits.
    FileMissing {
        /// For whom.
        key: String,
        /// What is missing.
        why: String,
    },
    /// The relay cannot be reached; it is tried again.
    Unreachable {
        /// What happened last.
        why: String,
        /// When it is tried again.
        again: Timestamp,
    },
    /// The campaign is paused: nothing goes until it is resumed.
    Paused {
        /// Why.
        why: String,
    },
    /// It goes on.
    Resumed,
    /// Nothing goes at this moment.
    Waits {
        /// What the queue waits for.
        queue: Option<Waits>,
        /// When a letter of a later step is due next.
        next: Option<Timestamp>,
    },
}

/// Everything that the service needs; it is assembled in `command`.
pub struct Service {
    /// What sends.
    pub run: Run,
    /// The sequence.
    pub sequence: Arc<Sequence>,
    /// How the mailbox is read; without one nothing follows the first letter.
    pub barrier: Option<Barrier>,
    /// The files that go along.
    pub enclosing: Enclosing,
    /// How late letters may go unasked.
    pub leave: Leave,
    /// How often the ledger is looked at for what a person, or another process, wrote into it.
    pub look: Duration,
    /// Who is told.
    pub tell: Arc<dyn Fn(Told) + Send + Sync>,
    /// When it last showed that it is alive, in milliseconds since 1970.
    pub heartbeat: Arc<AtomicI64>,
}

/// What the service remembers between two looks.
struct Keeping {
    service: Service,
    running: Option<JoinHandle<Result<Ended, LedgerError>>>,
    /// When the queue is looked at again, if time alone may bring something.
    try_at: Option<Timestamp>,
    /// What the queue waits for.
    queue_waits: Option<Waits>,
    /// When a letter of a later step is due next.
    next: Option<Timestamp>,
    /// The mailbox could not be read, or what is due could not be queued: it is not asked for before this, and then again.
    mailbox_again: Option<Timestamp>,
    unreachable: u32,
    /// The newest event that was looked at.
    seen: i64,
    looked_at: Timestamp,
    paused: bool,
    unread_told: bool,
    overdue_told: Vec<Due>,
    missing_told: HashSet<(String, String)>,
    waits_told: Option<(Option<Waits>, Option<Timestamp>)>,
    /// The newest event when it was last reckoned who is due, and when that was.
    reckoned: Option<(i64, Timestamp)>,
    /// Something has happened since it was last asked whether the campaign is over.
    may_be_over: bool,
}

impl Service {
    /// Keeps the campaign going until it has finished, is cancelled, or the end is asked for.
    ///
    /// # Errors
    /// When the ledger cannot be used: then nothing more is sent, since nothing could be written down.
    pub async fn keep(self) -> Result<Ended, LedgerError> {
        let now = self.run.clock.now();
        let mut keeping = Keeping {
            try_at: Some(now),
            looked_at: now,
            seen: 0,
            running: None,
            queue_waits: None,
            next: None,
            mailbox_again: None,
            unreachable: 0,
            paused: false,
            unread_told: false,
            overdue_told: Vec::new(),
            missing_told: HashSet::new(),
            waits_told: None,
            reckoned: None,
            may_be_over: true,
            service: self,
        };
        let ended = keeping.keep().await;
        // Whatever ended the service, letters that are on their way are waited for.
        match keeping.running.take() {
            Some(running) => {
                keeping.service.run.shutdown.ask(Haste::Soon);
                let sent = keeping.joined(running.await).await;
                ended.and_then(|ended| sent.map(|_| ended))
            }
            None => ended,
        }
    }
}

impl Keeping {
    async fn keep(&mut self) -> Result<Ended, LedgerError> {
        let _working = self.service.run.clock.working();
        loop {
            let now = self.service.run.clock.now();
            self.service.heartbeat.store(now.as_millisecond(), Ordering::Relaxed);
            self.notice_sleep(now);
            if self.service.run.shutdown.haste() >= Haste::Soon {
                return Ok(Ended::Stopped);
            }
            match self.state(now)? {
                CampaignState::Cancelled => {
                    return Ok(Ended::Called { off: true, why: "cancelled by hand".to_owned() });
                }
                CampaignState::Paused { why, .. } => {
                    if !std::mem::replace(&mut self.paused, true) {
                        (self.service.tell)(Told::Paused { why });
                    }
                    self.wait().await?;
                    continue;
                }
                CampaignState::Running | CampaignState::Finished => {
                    if std::mem::take(&mut self.paused) {
                        self.try_at = Some(now);
                        (self.service.tell)(Told::Resumed);
                    }
                }
            }
            if self.must_reckon(now)? {
                self.release(now).await?;
                self.may_be_over = true;
            }
            if self.running.is_none() && self.try_at.is_some_and(|at| at <= self.service.run.clock.now()) {
                self.try_at = None;
                self.queue_waits = None;
                let not_overdue_since = self.service.leave.queued_since();
                let run = Run { not_overdue_since, ..self.service.run.clone() };
                self.running = Some(tokio::spawn(run.deliver()));
            }
            if self.running.is_none() && std::mem::take(&mut self.may_be_over) {
                let (run, sequence) = (&self.service.run, Arc::clone(&self.service.sequence));
                let stands = run.ledger.finish_if_done(run.campaign.id, Some(sequence), run.clock.now());
                if stands.await? == CampaignState::Finished {
                    return Ok(Ended::Done);
                }
                let waits = (self.queue_waits, self.next);
                if self.waits_told.replace(waits) != Some(waits) {
                    (self.service.tell)(Told::Waits { queue: waits.0, next: waits.1 });
                }
            }
            self.wait().await?;
        }
    }

    /// Whether it must be reckoned anew who is due, which walks over all recipients: something was written, or a time has come. While
    /// letters go there is always something new, and once a minute is enough.
    fn must_reckon(&mut self, now: Timestamp) -> Result<bool, LedgerError> {
        let newest = self.newest()?;
        let come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let must = match self.reckoned {
            None => true,
            Some(_) if come(self.next) || come(self.mailbox_again) => true,
            Some((_, at)) if self.running.is_some() => {
                Duration::try_from(now.duration_since(at)).is_ok_and(|since| since >= RECKON_WHILE_RUNNING)
            }
            Some((known, _)) => known != newest,
        };
        if must {
            self.reckoned = Some((newest, now));
        }
        Ok(must)
    }

    /// After a long sleep nobody was at work, and what was due meanwhile asks first.
    fn notice_sleep(&mut self, now: Timestamp) {
        let asleep = now.duration_since(self.looked_at)
            - jiff::SignedDuration::try_from(self.service.look).unwrap_or_default();
        if Duration::try_from(asleep).is_ok_and(|asleep| asleep > OVERDUE) {
            self.reckoned = None;
            let approved_until = self.service.leave.approved_until;
            self.service.leave = Leave { approved_until, ..Leave::from(now) };
        }
        self.looked_at = now;
    }

    /// Looks where the campaign stands; a pause whose time is over is none.
    fn state(&self, now: Timestamp) -> Result<CampaignState, LedgerError> {
        let run = &self.service.run;
        let Some(reader) = Ledger::read(run.ledger.path())? else { return Ok(CampaignState::Running) };
        let campaign = reader.campaign(&run.campaign.name)?;
        Ok(match campaign.map(|campaign| campaign.state) {
            Some(CampaignState::Paused { until: Some(until), .. }) if until <= now => CampaignState::Running,
            Some(state) => state,
            None => CampaignState::Running,
        })
    }

    /// Queues what is due, once the mailbox was read.
    async fn release(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        self.mailbox_again = self.mailbox_again.filter(|again| *again > now);
        let Service { run, sequence, barrier: Some(barrier), leave, tell, .. } = &self.service else {
            return Ok(());
        };
        let Some(reader) = Ledger::read(run.ledger.path())? else { return Ok(()) };
        let schedule = Schedule::of(&reader, run.campaign.id, sequence, *leave, now)?;
        drop(reader);
        self.next = schedule.next;
        if schedule.overdue != self.overdue_told {
            self.overdue_told.clone_from(&schedule.overdue);
            if !schedule.overdue.is_empty() {
                tell(Told::Overdue(schedule.overdue));
            }
        }
        if schedule.due.is_empty() {
            return Ok(());
        }
        // Nothing is queued outside office hours: what comes in until they begin would be looked at too late.
        if let Some(opens) = run.window.as_ref().and_then(|window| window.open_at_or_after(now))
            && opens > now
        {
            self.next = Some(self.next.map_or(opens, |next| next.min(opens)));
            return Ok(());
        }
        if self.mailbox_again.is_some() {
            return Ok(());
        }
        let read = tokio::select! {
            read = barrier.ask() => read,
            () = run.shutdown.asked(Haste::Soon) => return Ok(()),
        };
        if let Err(why) = read {
            if !std::mem::replace(&mut self.unread_told, true) {
                tell(Told::MailboxUnread { letters: schedule.due.len(), why });
            }
            self.mailbox_again = Some(after_rest(run));
            return Ok(());
        }
        (self.mailbox_again, self.unread_told) = (None, false);
        if release(&self.service, &schedule.due, &mut self.missing_told).await? > 0 {
            self.try_at = Some(now);
        } else {
            // What keeps them all back (a file that is missing) is not mended within a second.
            self.mailbox_again = Some(after_rest(run));
        }
        Ok(())
    }

    /// Waits until there is a reason to look again.
    async fn wait(&mut self) -> Result<(), LedgerError> {
        let run = &self.service.run;
        let now = run.clock.now();
        let at = |span: Duration| now.saturating_add(span).unwrap_or(Timestamp::MAX);
        let try_at = self.try_at.filter(|_| self.running.is_none() && !self.paused);
        let known = [try_at, self.next.filter(|_| !self.paused), self.mailbox_again.filter(|_| !self.paused)];
        let end = known.into_iter().flatten().chain([at(self.service.look)]).min().unwrap_or(now).max(now);
        let news = async {
            // Not a clone: what one has heard would be news to each new one, for ever.
            match &mut self.service.barrier {
                Some(barrier) => barrier.news().await,
                None => std::future::pending().await,
            }
        };
        let (clock, shutdown) = (run.clock.clone(), run.shutdown.clone());
        let resting = clock.resting();
        let running = async {
            match &mut self.running {
                Some(running) => running.await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = running => Some(ended),
            () = clock.sleep_until(end) => None,
            () = news => None,
            () = shutdown.asked(Haste::Soon) => None,
        };
        drop(resting);
        if let Some(ended) = ended {
            self.running = None;
            self.may_be_over = true;
            let ended = self.joined(ended).await?;
            self.heed(ended);
        }
        self.look_for_news()
    }

    async fn joined(
        &self,
        ended: Result<Result<Ended, LedgerError>, tokio::task::JoinError>,
    ) -> Result<Ended, LedgerError> {
        match ended {
            Ok(ended) => ended,
            // A mistake of ours: what it held is a letter to send or a doubt to settle.
            Err(_) => {
                let run = &self.service.run;
                run.ledger.rescue("", true, run.clock.now()).await?;
                Ok(Ended::Later(Waits {
                    until: run.clock.now().saturating_add(RELAY_AGAIN).unwrap_or(Timestamp::MAX),
                    obstacle: crate::delivery::patience::Obstacle::Retry,
                }))
            }
        }
    }

    /// Draws the consequence of how a run ended.
    fn heed(&mut self, ended: Ended) {
        let now = self.service.run.clock.now();
        if !matches!(ended, Ended::Unreachable { .. }) {
            self.unreachable = 0;
        }
        match ended {
            // The state of the campaign says the rest.
            Ended::Done
            | Ended::Stopped
            | Ended::LimitReached
            | Ended::Called { .. }
            | Ended::Paused { .. } => {}
            Ended::Later(waits) => {
                self.queue_waits = Some(waits);
                self.try_at = Some(waits.until);
            }
            Ended::Unreachable { why } => {
                let rest = RELAY_AGAIN
                    .saturating_mul(2_u32.saturating_pow(self.unreachable))
                    .min(RELAY_AGAIN_AT_MOST);
                self.unreachable += 1;
                let again = now.saturating_add(rest).unwrap_or(Timestamp::MAX);
                (self.service.tell)(Told::Unreachable { why, again });
                self.try_at = Some(again);
            }
        }
    }

    /// Something was written: the queue may have more by now.
    fn look_for_news(&mut self) -> Result<(), LedgerError> {
        let newest = self.newest()?;
        if newest != self.seen && self.unreachable == 0 && self.running.is_none() {
            let now = self.service.run.clock.now();
            self.try_at = Some(self.try_at.map_or(now, |at| at.min(now)));
        }
        self.seen = newest;
        Ok(())
    }

    fn newest(&self) -> Result<i64, LedgerError> {
        let reader = Ledger::read(self.service.run.ledger.path())?;
        reader.map_or(Ok(0), |reader| reader.newest_event())
    }
}

/// When a mailbox that was asked for in vain is asked for again.
fn after_rest(run: &Run) -> Timestamp {
    run.clock.now().saturating_add(MAILBOX_AGAIN).unwrap_or(Timestamp::MAX)
}

/// Queues letters that are due, with what goes along; the ledger decides on each once more. Returns how many were queued.
async fn release(
    service: &Service,
    due: &[Due],
    missing_told: &mut HashSet<(String, String)>,
) -> Result<usize, LedgerError> {
    let Service { run, sequence, enclosing, tell, .. } = service;
    let mut queued = Vec::new();
    for some in due.chunks(BATCH) {
        let mut wanted = Vec::with_capacity(some.len());
        for Due { key, step, .. } in some {
            let now = run.clock.now();
            match enclosing.for_letter((&run.ledger, &run.press), run.campaign.id, key, *step, now).await? {
                Ok(enclosures) => wanted.push(Wanted { key: key.clone(), despite_reply: false, enclosures }),
                Err(why) => {
                    if missing_told.insert((key.clone(), why.clone())) {
                        tell(Told::FileMissing { key: key.clone(), why });
                    }
                }
            }
        }
        let released = run.ledger.release(run.campaign.id, Arc::clone(sequence), wanted, run.clock.now());
        match released.await {
            Ok(released) => queued.extend(released.into_iter().filter_map(|one| match one {
                Released::Queued { key, .. } => Some(key),
                Released::Not { .. } => None,
            })),
            // Paused or cancelled at this very moment.
            Err(LedgerError::Refused { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    let told: Vec<Due> = due.iter().filter(|due| queued.contains(&due.key)).cloned().collect();
    if !told.is_empty() {
        tell(Told::Released(told));
    }
    Ok(queued.len())
}
