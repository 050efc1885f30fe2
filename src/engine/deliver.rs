//! The run: claims letters, paces them, prints them, and hands them over, lane by lane.
//!
//! One feeder claims and prints; each lane holds one connection. "Written before done" is in [`Lane::carry`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use super::files::Files;
use super::lookout::Barrier;
use super::pace::Flow;
use super::press::{Order, Press, PrintError, Printed};
use super::progress::{Progress, Waits};
use super::shutdown::{Haste, Shutdown};
use crate::campaign::calendar::Window;
use crate::campaign::enclosure::Enclosure;
use crate::campaign::holidays::WorkingDays;
use crate::clock::{Clock, Working};
use crate::delivery::attempt::Ending;
use crate::delivery::breaker::{Advice, Breaker};
use crate::delivery::judgement::{Judgement, Verdict, judge};
use crate::delivery::pace::Pace;
use crate::delivery::patience::{Obstacle, Patience};
use crate::delivery::retry::RetryPolicy;
use crate::delivery::state::{Event, State};
use crate::ledger::record::{
    AttemptEnd, Campaign, CampaignState, Claim, ClaimRequest, MessageMark, WaitsFor,
};
use crate::ledger::{Ledger, LedgerError};
use crate::mail::message_id::{MessageId, wire_id};
use crate::mail::mime::Attachment;
use crate::transport::{Lane, Transport};

/// How long a claim holds. The ledger's lock already tells the dead from the living; the lease is the second belt.
const LEASE: Duration = Duration::from_secs(3600);
/// How many letters are claimed at once for each lane when nothing slows the flow.
const AHEAD_PER_LANE: u32 = 8;

/// How many kilobytes of attachments are printed and not yet gone, at most: a letter that is larger goes alone. Without
/// it, sixteen lanes would hold some fifty letters of ten megabytes each.
const ROOM: u32 = 32 * 1024;

/// How long the mailbox is left alone that could not be read.
pub(super) const MAILBOX_AGAIN: Duration = Duration::from_secs(60);

/// So many attempts wait for an addressee beside the first who is put off (greylisting); then the letter goes without.
const WAITS_FOR_OTHERS: u32 = 3;

/// Everything a run needs; it is assembled in `command`.
#[derive(Clone)]
pub struct Run {
    /// Where everything is written down.
    pub ledger: Ledger,
    /// The way out.
    pub transport: Transport,
    /// The time.
    pub clock: Clock,
    /// Which campaign.
    pub campaign: Campaign,
    /// Makes the messages.
    pub press: Arc<Press>,
    /// How fast.
    pub pace: Pace,
    /// When.
    pub window: Option<Window>,
    /// How often again.
    pub retry: RetryPolicy,
    /// Only these keys, where any are given.
    pub only: Vec<String>,
    /// How the mailbox is read before a letter of a later step is claimed; without it none is.
    pub barrier: Option<Barrier>,
    /// Letters of later steps that should have gone before this wait for a person.
    pub not_overdue_since: Option<Timestamp>,
    /// The days on which letters of later steps go, and the zone in which they are told.
    pub working: Option<(WorkingDays, TimeZone)>,
    /// At most so many attempts.
    pub limit: Option<u64>,
    /// How long to stay.
    pub patience: Patience,
    /// Who we are, in the ledger.
    pub owner: String,
    /// How to end us.
    pub shutdown: Shutdown,
    /// Who watches.
    pub progress: Arc<Progress>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to send.
    Done,
    /// Somebody asked for the end.
    Stopped,
    /// So many as were asked for have gone.
    LimitReached,
    /// The rest must wait longer than this run stays.
    Later(Waits),
    /// The breaker paused the campaign.
    Paused {
        /// The reason.
        why: String,
    },
    /// A person paused or cancelled the campaign, in another process.
    Called {
        /// Whether it was cancelled, for good.
        off: bool,
        /// The reason.
        why: String,
    },
    /// The relay cannot be reached any more.
    Unreachable {
        /// What happened last.
        why: String,
    },
}

/// What goes from the feeder to a lane.
struct Job {
    claim: Claim,
    printed: Printed,
    mark: MessageMark,
    /// A letter that is aloft is work until its outcome is written down.
    working: Working,
    /// Its part of [`ROOM`]; free again when the letter is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

/// What the lanes and the feeder share.
struct Shared {
    run: Run,
    flow: Flow,
    breaker: Mutex<Breaker>,
    /// Letters claimed and not ended.
    aloft: AtomicU64,
    /// Letters claimed in this run and not given back.
    fed: AtomicU64,
    landed: Notify,
    files: Files,
    room: Arc<Semaphore>,
    /// Why no further letter may go, once there is a reason.
    verdict: Mutex<Option<Ended>>,
    /// No letter goes before this.
    rest_until: Mutex<Option<Timestamp>>,
    /// The mailbox is not asked for before this, since it could not be read.
    mailbox_again: Mutex<Option<Timestamp>>,
}

impl Run {
    /// Sends until nothing is left, or until there is a reason to stop.
    ///
    /// # Errors
    /// When the ledger cannot be written: then nothing more is sent, since nothing could be written down.
    pub async fn deliver(self) -> Result<Ended, LedgerError> {
        let clock = self.clock.clone();
        let _working = clock.working();
        let lanes = self.transport.connections().max(1);
        let flow = Flow::new(&self.pace, self.clock.clone());
        let shared = Arc::new(Shared {
            run: self,
            flow,
            breaker: Mutex::new(Breaker::new(lanes)),
            aloft: AtomicU64::new(0),
            fed: AtomicU64::new(0),
            landed: Notify::new(),
            files: Files::default(),
            room: Arc::new(Semaphore::new(ROOM as usize)),
            verdict: Mutex::default(),
            rest_until: Mutex::default(),
            mailbox_again: Mutex::default(),
        });
        let (give, take) = mpsc::channel(lanes as usize * 2);
        let take = Arc::new(tokio::sync::Mutex::new(take));
        let mut carriers = tokio::task::JoinSet::new();
        for _ in 0..lanes {
            carriers.spawn(Carrier { shared: Arc::clone(&shared), take: Arc::clone(&take) }.work());
        }
        // Only lanes hold that end now: when the last of them is gone, the feeder is told instead of waiting for ever.
        drop(take);
        let fed = shared.feed(give).await;
        // The feeder dropped its end of the channel: lanes finish what is in it, then say goodbye.
        let (mut carried, mut lost) = (Ok(()), false);
        while let Some(ended) = carriers.join_next().await {
            match ended {
                Ok(ended) => carried = carried.and(ended),
                // A mistake of ours took a lane down in the middle of a letter.
                Err(_) => lost = true,
            }
        }
        let ended = fed?;
        carried?;
        if lost || shared.run.shutdown.haste() == Haste::Now {
            // Nobody waited for these lanes: what they held is a letter to send or a doubt to settle.
            shared.run.ledger.rescue("", true, shared.run.clock.now()).await?;
        }
        Ok(shared.reason().unwrap_or(ended))
    }
}

impl Shared {
    /// Claims letters, waits for their turn and prints them, until there is nothing more to feed.
    async fn feed(&self, give: mpsc::Sender<Job>) -> Result<Ended, LedgerError> {
        let mut just_read = false;
        loop {
            if let Some(ended) = self.stopped() {
                return Ok(ended);
            }
            let fed = self.fed.load(Ordering::Acquire);
            if self.run.limit.is_some_and(|limit| fed >= limit) {
                if self.aloft.load(Ordering::Acquire) == 0 {
                    return Ok(Ended::LimitReached);
                }
                // What comes back without an attempt leaves room for another.
                self.land(None).await;
                continue;
            }
            let now = self.run.clock.now();
            if let Some(opens) = self.opens(now) {
                match self.pass_time(Obstacle::Window, opens).await {
                    Some(ended) => return Ok(ended),
                    None => continue,
                }
            }
            if let Some(until) = self.rests_until(now) {
                match self.pass_time(Obstacle::Pace, until).await {
                    Some(ended) => return Ok(ended),
                    None => continue,
                }
            }
            let room = self.run.limit.map_or(u64::MAX, |limit| limit.saturating_sub(fed));
            let claimed = self.run.ledger.claim(self.request(room, now)).await?;
            match claimed.state {
                None | Some(CampaignState::Running | CampaignState::Finished) => {}
                Some(CampaignState::Paused { why, .. }) => return Ok(Ended::Called { off: false, why }),
                Some(CampaignState::Cancelled) => {
                    return Ok(Ended::Called { off: true, why: "cancelled by hand".to_owned() });
                }
            }
            if claimed.unread && self.read_mailbox(now).await && claimed.claims.is_empty() {
                if !std::mem::replace(&mut just_read, true) {
                    continue;
                }
                // It takes longer to read than a reading holds: letters would wait for ever, and the mailbox would be read for ever.
                self.leave_mailbox_alone();
            }
            just_read &= claimed.unread;
            if claimed.claims.is_empty() {
                if self.aloft.load(Ordering::Acquire) > 0 {
                    // What is aloft may come back deferred, or make room.
                    self.land(claimed.again_at.map(|again| again.at)).await;
                    continue;
                }
                let mailbox = self.mailbox_again().filter(|_| claimed.unread);
                let mailbox = mailbox.map(|until| Waits { until, obstacle: Obstacle::Mailbox });
                let again = claimed.again_at.map(|again| Waits {
                    until: again.at,
                    obstacle: match again.why {
                        WaitsFor::Pace => Obstacle::Pace,
                        WaitsFor::Retry => Obstacle::Retry,
                    },
                });
                // On a closed day letters of later steps are as if they were not there, and the next day is looked at again.
                let closed = self.works_again(now).filter(|_| self.run.barrier.is_some());
                let closed = closed.map(|until| Waits { until, obstacle: Obstacle::Window });
                let first = mailbox.into_iter().chain(again).chain(closed).min_by_key(|waits| waits.until);
                let Some(waits) = first else { return Ok(Ended::Done) };
                match self.pass_time(waits.obstacle, waits.until).await {
                    Some(ended) => return Ok(ended),
                    None => continue,
                }
            }
            self.fed.fetch_add(claimed.claims.len() as u64, Ordering::AcqRel);
            self.aloft.fetch_add(claimed.claims.len() as u64, Ordering::AcqRel);
            let mut claims = claimed.claims.into_iter();
            while let Some(claim) = claims.next() {
                if !self.turn().await {
                    let mut back = vec![claim.ticket];
                    back.extend(claims.map(|claim| claim.ticket));
                    self.give_back(back).await?;
                    break;
                }
                if let Some(job) = self.print(claim).await?
                    && let Err(unsent) = give.send(job).await
                {
                    self.give_back(vec![unsent.0.claim.ticket]).await?;
                }
            }
        }
    }

    /// Says what is to be claimed now.
    fn request(&self, room: u64, now: Timestamp) -> ClaimRequest {
        let run = &self.run;
        let ahead = if self.flow.is_free() { run.transport.connections().max(1) * AHEAD_PER_LANE } else { 1 };
        ClaimRequest {
            campaign: run.campaign.id,
            owner: run.owner.clone(),
            account: run.transport.account().to_owned(),
            most: u32::try_from(room.min(u64::from(ahead))).unwrap_or(ahead),
            pace: run.pace.clone(),
            only: run.only.clone(),
            mailbox: run.barrier.as_ref().filter(|_| self.works_again(now).is_none()).map(Barrier::read),
            not_overdue_since: run.not_overdue_since,
            lease: LEASE,
            now,
        }
    }

    /// Returns when the next working day begins, if letters of later steps rest today.
    fn works_again(&self, now: Timestamp) -> Option<Timestamp> {
        let (working, zone) = self.run.working.as_ref()?;
        let today = now.to_zoned_datetime(zone.clone()).date();
        let next = working.on_or_after(today);
        let begins = next.to_zoned_datetime(zone.clone()).map(|midnight| midnight.timestamp());
        (next > today).then(|| begins.ok()).flatten()
    }

    /// Has the mailbox read to its end, since letters of later steps wait for that; false where it cannot be, and then it is left
    /// alone for a while.
    async fn read_mailbox(&self, now: Timestamp) -> bool {
        let Some(barrier) = &self.run.barrier else { return false };
        if self.mailbox_again().is_some_and(|again| now < again) {
            return false;
        }
        let read = tokio::select! {
            read = barrier.ask() => read.is_ok(),
            () = self.run.shutdown.asked(Haste::Soon) => false,
        };
        if read {
            *self.mailbox_again.lock().unwrap_or_else(PoisonError::into_inner) = None;
        } else {
            self.leave_mailbox_alone();
        }
        read
    }

    fn leave_mailbox_alone(&self) {
        let again = self.run.clock.now().saturating_add(MAILBOX_AGAIN).unwrap_or(Timestamp::MAX);
        *self.mailbox_again.lock().unwrap_or_else(PoisonError::into_inner) = Some(again);
    }

    fn mailbox_again(&self) -> Option<Timestamp> {
        *self.mailbox_again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next letter may go; false when the run is to end instead.
    async fn turn(&self) -> bool {
        let jitter = self.flow.jitter();
        if !jitter.is_zero() {
            self.pass(self.run.clock.now().saturating_add(jitter).unwrap_or(Timestamp::MAX)).await;
        }
        loop {
            if self.stopped().is_some() {
                return false;
            }
            let Some(wait) = self.flow.wait() else { return true };
            self.pass(self.run.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX)).await;
        }
    }

    /// Prints a claimed letter, or puts it down as refused when it cannot be printed.
    async fn print(&self, claim: Claim) -> Result<Option<Job>, LedgerError> {
        let run = &self.run;
        let room = self.room_for(&claim).await;
        let attachments = self.files.attachments(&run.ledger, &claim.enclosures).await?;
        let dated = run.clock.now();
        let (claim, printed) = if run.press.wants_pdf() {
            let press = Arc::clone(&run.press);
            let kept = claim.clone();
            // The typesetter takes its time, and lanes want to go on meanwhile.
            let printing = tokio::task::spawn_blocking(move || {
                let printed = print(&press, &claim, &attachments, dated);
                (claim, printed)
            });
            let broken = |why: tokio::task::JoinError| (kept, Err(PrintError::Typesetter(why.to_string())));
            printing.await.unwrap_or_else(broken)
        } else {
            let printed = print(&run.press, &claim, &attachments, dated);
            (claim, printed)
        };
        match printed {
            Ok(printed) => {
                let mark = printed.mark(dated);
                Ok(Some(Job { claim, printed, mark, working: run.clock.working(), _room: room }))
            }
            Err(PrintError::Unfit(why)) => {
                self.end(&claim, Ending::Unfit { why }, dated).await?;
                Ok(None)
            }
            // It is not the letter's fault, so the letter stays queued.
            Err(PrintError::Typesetter(why)) => {
                self.give_back(vec![claim.ticket]).await?;
                if self.stop(Ended::Paused { why: why.clone() }) {
                    run.ledger.pause(run.campaign.id, &why, None, run.clock.now()).await?;
                }
                Ok(None)
            }
        }
    }

    /// Waits until there is room in memory for what goes along with a letter; one without attachments needs none.
    async fn room_for(&self, claim: &Claim) -> Option<OwnedSemaphorePermit> {
        let octets: u64 = claim.enclosures.iter().map(Enclosure::size_in_message).sum();
        let kilobytes = u32::try_from(octets / 1024).unwrap_or(ROOM).min(ROOM);
        if kilobytes == 0 {
            return None;
        }
        // Lanes always finish or drop what they hold, so there is room again at some time.
        Arc::clone(&self.room).acquire_many_owned(kilobytes).await.ok()
    }

    /// Judges an ending, writes it down, and draws the consequence. It is durable when this returns.
    async fn end(&self, claim: &Claim, ending: Ending, began: Timestamp) -> Result<(), LedgerError> {
        let judged = judge(&ending);
        let ended = self.write_down(claim, &ending, &judged, began);
        self.settle_end(ended.await, &ending, &judged).await
    }

    /// Starts writing an outcome down; the write is under way when this returns, and durable when its future is done.
    fn write_down(
        &self,
        claim: &Claim,
        ending: &Ending,
        judged: &Judgement,
        began: Timestamp,
    ) -> impl Future<Output = Result<(State, bool), LedgerError>> + Send + use<> {
        let run = &self.run;
        let now = run.clock.now();
        let event = Event::Ended(judged.clone());
        let moved = State::InFlight.on(&event, claim.counted + 1, now, &run.retry);
        let wire_id = match ending {
            Ending::Accepted { reply, .. } => {
                wire_id(&claim.message_id, &reply.text, run.transport.host(), |id| {
                    claim.recipient.has_address(id)
                })
            }
            _ => None,
        };
        let end = AttemptEnd { ending: ending.clone(), because: judged.because.clone(), began, wire_id };
        let written = moved.map(|moved| (moved, run.ledger.end_attempt(&claim.ticket, end, moved, now)));
        let delivery = claim.ticket.delivery;
        async move {
            match written {
                Ok((moved, written)) => written.await.map(|()| (moved.to, moved.counts)),
                Err(illegal) => Err(LedgerError::NotOurs { delivery, why: illegal.to_string() }),
            }
        }
    }

    /// Counts what was written down and hears the breaker.
    async fn settle_end(
        &self,
        written: Result<(State, bool), LedgerError>,
        ending: &Ending,
        judged: &Judgement,
    ) -> Result<(), LedgerError> {
        self.aloft.fetch_sub(1, Ordering::AcqRel);
        self.landed.notify_waiters();
        match written {
            Ok((state, counts)) => self.run.progress.ended_as(state, counts),
            // The ledger was changed under us by a person's wish, or we were too late: it knows better.
            Err(LedgerError::NotOurs { .. }) => {}
            Err(error) => {
                self.stop(Ended::Stopped);
                return Err(error);
            }
        }
        let broken = ending.reply().is_none();
        let advice = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).heard(judged, broken);
        let now = self.run.clock.now();
        let at = |rest: Duration| now.saturating_add(rest).unwrap_or(Timestamp::MAX);
        match advice {
            Advice::GoOn => {}
            Advice::Rest { rest, slower } => {
                if slower {
                    self.flow.slow_down();
                }
                *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(at(rest));
            }
            Advice::Leave { why } => {
                self.stop(Ended::Unreachable { why });
            }
            Advice::Pause { why, rest } => {
                if self.stop(Ended::Paused { why: why.clone() }) {
                    self.run.ledger.pause(self.run.campaign.id, &why, rest.map(at), now).await?;
                }
            }
        }
        Ok(())
    }

    /// Gives letters back that nobody attempted.
    async fn give_back(&self, tickets: Vec<crate::ledger::record::ClaimTicket>) -> Result<(), LedgerError> {
        let number = tickets.len() as u64;
        let given = self.run.ledger.give_back(tickets, self.run.clock.now()).await;
        self.fed.fetch_sub(number, Ordering::AcqRel);
        self.aloft.fetch_sub(number, Ordering::AcqRel);
        self.landed.notify_waiters();
        given
    }

    /// Waits for `obstacle` to pass, or says that the run ends instead.
    async fn pass_time(&self, obstacle: Obstacle, until: Timestamp) -> Option<Ended> {
        let waits = Waits { until, obstacle };
        if !self.run.patience.waits(obstacle, self.run.clock.now(), until) {
            return Some(Ended::Later(waits));
        }
        self.run.progress.waits_for(Some(waits));
        self.pass(until).await;
        self.run.progress.waits_for(None);
        None
    }

    /// Returns when office hours begin, if they are over at `now`.
    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        let opens = self.run.window.as_ref()?.open_at_or_after(now).unwrap_or(Timestamp::MAX);
        (opens > now).then_some(opens)
    }

    /// Returns until when the relay is to be left alone, if that is after `now`.
    fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.rest_until.lock().unwrap_or_else(PoisonError::into_inner).filter(|until| *until > now)
    }

    /// Waits until an instant, or until the run is to end.
    async fn pass(&self, until: Timestamp) {
        let _resting = self.run.clock.resting();
        tokio::select! {
            () = self.run.clock.sleep_until(until) => {}
            () = self.run.shutdown.asked(Haste::Soon) => {}
        }
    }

    /// Waits until a letter that is aloft has ended, or until an instant, or until the run is to end.
    async fn land(&self, or_at: Option<Timestamp>) {
        let landed = self.landed.notified();
        tokio::pin!(landed);
        landed.as_mut().enable();
        if self.aloft.load(Ordering::Acquire) == 0 {
            return;
        }
        let _resting = self.run.clock.resting();
        tokio::select! {
            () = landed => {}
            () = self.run.clock.sleep_until(or_at.unwrap_or(Timestamp::MAX)) => {}
            () = self.run.shutdown.asked(Haste::Soon) => {}
        }
    }

    /// Stops the feeder for a reason; the first reason stays. Returns whether it was the first.
    fn stop(&self, why: Ended) -> bool {
        let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        let first = verdict.is_none();
        verdict.get_or_insert(why);
        drop(verdict);
        self.landed.notify_waiters();
        first
    }

    fn reason(&self) -> Option<Ended> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why no further letter may go.
    fn stopped(&self) -> Option<Ended> {
        self.reason().or_else(|| (self.run.shutdown.haste() >= Haste::Soon).then_some(Ended::Stopped))
    }
}

/// Prints the letter of a claim.
fn print(
    press: &Press,
    claim: &Claim,
    attachments: &[Attachment],
    dated: Timestamp,
) -> Result<Printed, PrintError> {
    if claim.step > 1 && claim.continues.is_none() {
        return Err(PrintError::Unfit("nothing is known of the letter before it".to_owned()));
    }
    let message_id = MessageId::stored(claim.message_id.clone());
    press.print(&Order {
        recipient: &claim.recipient,
        step: claim.step,
        continues: claim.continues.as_ref(),
        message_id: &message_id,
        dated,
        attachments,
        waits_for_others: claim.counted < WAITS_FOR_OTHERS,
        test_to: None,
        makes_pdf: true,
    })
}

/// The ledger did not let a letter go.
struct Withheld;

/// One lane and what it needs.
struct Carrier {
    shared: Arc<Shared>,
    take: Arc<tokio::sync::Mutex<mpsc::Receiver<Job>>>,
}

impl Carrier {
    /// Carries letters until the feeder has no more, then closes the connection politely.
    async fn work(self) -> Result<(), LedgerError> {
        let mut lane = self.shared.run.transport.lane();
        let carried = tokio::select! {
            carried = self.carry_all(&mut lane) => carried,
            () = self.shared.run.shutdown.asked(Haste::Now) => return Ok(()),
        };
        let _working = self.shared.run.clock.working();
        lane.close().await;
        carried
    }

    async fn carry_all(&self, lane: &mut Lane) -> Result<(), LedgerError> {
        let mut unwritten = None;
        loop {
            let at_hand = self.take.try_lock().ok().and_then(|mut take| take.try_recv().ok());
            let job = match at_hand {
                Some(job) => job,
                None => {
                    // Nothing to do at once: the last outcome is finished first, since the feeder may wait for it.
                    self.finish(unwritten.take()).await?;
                    let Some(job) = self.take.lock().await.recv().await else { return Ok(()) };
                    job
                }
            };
            // What was printed before the trouble goes back, too, and comes again in its turn.
            let now = self.shared.run.clock.now();
            let resting = self.shared.rests_until(now).is_some() || self.shared.opens(now).is_some();
            if resting || self.shared.stopped().is_some() {
                self.finish(unwritten.take()).await?;
                self.shared.give_back(vec![job.claim.ticket]).await?;
                continue;
            }
            let began = self.shared.run.clock.now();
            let carried = self.carry(lane, &job).await;
            // The outcome before this one was queued first, so it is durable by now; both shared a commit.
            self.finish(unwritten.take()).await?;
            let Ok(ending) = carried else {
                // Paused, cancelled or suppressed since the claim: the dot did not leave, and it was no attempt.
                self.shared.give_back(vec![job.claim.ticket]).await?;
                continue;
            };
            let judged = judge(&ending);
            let written = self.shared.write_down(&job.claim, &ending, &judged, began);
            let is_accepted = judged.verdict == Verdict::Accepted;
            let outcome = Some((Box::pin(written), ending, judged, job.working));
            if is_accepted {
                unwritten = outcome;
            } else {
                // Whatever is not a yes may be a reason to send nothing more: it is heard before the next letter.
                self.finish(outcome).await?;
            }
        }
    }

    /// One attempt. "End-of-data follows" is durable before the final dot leaves.
    ///
    /// When letters go as fast as they can, the note is begun together with the conversation and shares its commit
    /// with the outcome before it; otherwise it is begun only when the relay waits for the message, so that a
    /// crash before that leaves no doubt.
    ///
    /// # Errors
    /// [`Withheld`] when the ledger says that the letter must not go any more.
    async fn carry(&self, lane: &mut Lane, job: &Job) -> Result<Ending, Withheld> {
        let (ledger, clock) = (&self.shared.run.ledger, &self.shared.run.clock);
        let withheld = AtomicBool::new(false);
        let made = || if job.printed.made == 0 { Vec::new() } else { job.printed.made() };
        let note = || ledger.note_with(&job.claim.ticket, job.mark.clone(), made(), clock.now());
        let early = self.shared.flow.is_free().then(note);
        let before_dot = async {
            let noted = match early {
                Some(noted) => noted.await,
                None => note().await,
            };
            noted.map_err(|error| {
                withheld.store(matches!(error, LedgerError::Stopped { .. }), Ordering::Relaxed);
                error.to_string()
            })
        };
        let ending = lane.attempt(&job.printed.envelope, &job.printed.bytes, before_dot).await;
        if withheld.into_inner() { Err(Withheld) } else { Ok(ending) }
    }

    async fn finish<F>(&self, unwritten: Option<(F, Ending, Judgement, Working)>) -> Result<(), LedgerError>
    where
        F: Future<Output = Result<(State, bool), LedgerError>>,
    {
        let Some((written, ending, judged, _working)) = unwritten else { return Ok(()) };
        self.shared.settle_end(written.await, &ending, &judged).await
    }
}
