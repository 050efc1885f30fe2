//! A campaign in our hands: the ledger locked, the definition frozen, the roster written down. What `send`, `follow-up` and `run`
//! begin and end with.

use std::sync::Arc;

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::enclosures::{Cabinet, Trouble};
use super::keep_files::{Keeping, keep_files_for_all};
use super::reading::Reading;
use super::refusals::{refuse_an_old_copy, refuse_without_mailbox, unreachable};
use super::survey::Survey;
use super::{Context, bar, inbox, ledger_failed, outcome_file, shown_path, status, tasks, wrong_input};
use crate::campaign::attachments::FOLDER;
use crate::campaign::definition::{Definition, Sender};
use crate::campaign::enclosure::Enclosure;
use crate::campaign::plan::PlanDigest;
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::delivery::enrollment::Sequence;
use crate::delivery::patience::Patience;
use crate::delivery::retry::RetryPolicy;
use crate::engine::deliver::{Ended, Run};
use crate::engine::enclose::Enclosing;
use crate::engine::journal::{self, Journal, MendError};
use crate::engine::lookout::{Barrier, Lookout, Teller};
use crate::engine::press::Press;
use crate::engine::progress::Progress;
use crate::engine::shutdown::Shutdown;
use crate::engine::watch::Watch;
use crate::exit::Exit;
use crate::ledger::record::{Campaign, CampaignState, Counts, Event, NewCampaign};
use crate::ledger::{Ledger, LedgerError};
use crate::report::{Failure, count};
use crate::transport::{Settings, Transport};

/// Recipients enrolled with one request.
const BATCH: usize = 2000;

/// A campaign in our hands: the ledger locked, the definition frozen.
pub(super) struct Sending {
    /// The ledger.
    pub(super) ledger: Ledger,
    /// The campaign as it is frozen.
    pub(super) campaign: Campaign,
    press: Arc<Press>,
    config: crate::config::Config,
    sequence: Arc<Sequence>,
    journal: Arc<Journal>,
    /// What it was begun by: `send`.
    verb: &'static str,
}

impl Sending {
    /// Takes the ledger's lock, mends what a crash left, and freezes the definition.
    pub(super) fn begin(context: &Context, reading: &Reading, verb: &'static str) -> Result<Self, Failure> {
        let (config, logs, now) = (&reading.config, context.logs(), context.clock.now());
        std::fs::create_dir_all(&logs).map_err(|error| {
            Failure::new(Exit::Ledger, format!("{} cannot be made: {error}", logs.display()))
                .safe("nothing was sent")
        })?;
        let path = logs.join("delivery.jsonl");
        let journal = Journal::open(&path).map_err(|error| {
            Failure::new(Exit::Ledger, format!("{} cannot be written: {error}", path.display()))
                .safe("nothing was sent")
        })?;
        let last = journal.last();
        let journal = Arc::new(journal);
        let sink = Arc::clone(&journal);
        let sink = Arc::new(move |events: &[Event]| {
            // The journal keeps the failure, and the ledger the events.
            let _ = sink.append(events);
        });
        let holder = format!("postduif {verb}, process {}, since {now}", std::process::id());
        let ledger = Ledger::open(&config.ledger, &holder, Some(sink)).map_err(ledger_failed)?;
        refuse_an_old_copy(&ledger, last, &path)?;
        mend(&ledger, &journal)?;
        // The lock is ours, so whoever held these letters is dead, even one who had our process number.
        let rescued = ledger.rescue("", true, now).wait().map_err(ledger_failed)?;
        if rescued.in_doubt > 0 {
            let told = count(rescued.in_doubt, "letter");
            context.report.warn(&format!(
                "the last run was cut off: {told} may or may not have gone out; see `postduif status`"
            ));
        }
        let own = definition_to_freeze(reading)?;
        keep_files_for_all(&ledger, &own, &reading.cabinet)?;
        let campaign = launch(&ledger, &own, now).map_err(ledger_failed)?;
        let columns: Vec<String> = reading
            .roster
            .iter()
            .flat_map(|roster| roster.headings.iter().map(|heading| heading.key.clone()))
            .collect();
        // Compiled anew from what the ledger has, so that what goes out is what is frozen and nothing else.
        let frozen = serde_json::from_str(&campaign.definition).map_err(|error| {
            Failure::new(Exit::Ledger, format!("the frozen campaign cannot be read: {error}"))
        })?;
        let mut problems = crate::campaign::problem::Problems::default();
        let press = Press::set_up(frozen, &columns, &mut problems);
        let Some(press) = press else {
            context.report.problems(&problems);
            return Err(wrong_input(&problems));
        };
        let typesetter = reading.press.as_ref().and_then(|press| press.typesetter()).cloned();
        let press = typesetter.into_iter().fold(press, Press::with_typesetter);
        let sequence = Arc::new(config.sequence());
        Ok(Self { ledger, campaign, press: Arc::new(press), config: config.clone(), sequence, journal, verb })
    }

    /// Writes the roster into the ledger, and checks that it is still what was approved.
    pub(super) fn enroll(
        &self,
        context: &Context,
        reading: &Reading,
        surveyed: &Survey,
    ) -> Result<(), Failure> {
        let now = context.clock.now();
        let pass = self.ledger.begin_roster(self.campaign.id).wait().map_err(ledger_failed)?;
        let mut digest = PlanDigest::new(&self.press.definition().digest(), &self.config.way());
        let mut batch: Vec<(Recipient, Vec<Enclosure>)> = Vec::with_capacity(BATCH);
        let mut keeping = Keeping::new(&self.ledger, &reading.cabinet);
        let mut under_way = None;
        let rows = reading.rows()?.leaving_out(surveyed.suspects.clone());
        let mut hand_in = |batch: Vec<(Recipient, Vec<Enclosure>)>| -> Result<(), Failure> {
            let answer = self.ledger.enroll_with(&pass, 1, batch, &self.config.deadlines, now);
            if let Some(before) = under_way.replace(answer) {
                before.wait().map_err(ledger_failed)?;
            }
            Ok(())
        };
        for row in rows {
            if let Row::Recipient { recipient, .. } = row {
                digest.recipient(&recipient);
                let enclosures = keeping.enclosures(&self.press, &recipient, now)?;
                digest.enclosures(&enclosures);
                batch.push((recipient, enclosures));
                if batch.len() == BATCH {
                    hand_in(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
                }
            }
        }
        hand_in(batch)?;
        if let Some(last) = under_way {
            last.wait().map_err(ledger_failed)?;
        }
        keeping.end()?;
        if digest.finish() != surveyed.plan.digest {
            // The pass is left open: nothing can be claimed until the next one.
            return Err(Failure::input(
                "the roster, or a file that goes along, has changed since the plan was shown",
            )
            .hint("run `postduif send` again")
            .safe("nothing was sent"));
        }
        // What nobody was shown is not approved: reminders alone approve no first letter.
        if self.verb != "follow-up" {
            let plan = surveyed.plan.digest.clone();
            self.ledger.set_plan(self.campaign.id, plan).wait().map_err(ledger_failed)?;
        }
        self.ledger.end_roster(pass, now).wait().map_err(ledger_failed)?;
        let held = self.ledger.hold_to_last_days(self.campaign.id, self.sequence());
        held.wait().map_err(ledger_failed)?;
        let suppressed = surveyed.suppressed_tasks.clone();
        if !suppressed.is_empty() {
            self.ledger.withdraw_tasks(self.campaign.id, suppressed, now).wait().map_err(ledger_failed)?;
        }
        Ok(())
    }

    /// Opens the way out; connects to nobody yet.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub(super) async fn transport(&self) -> Result<Transport, Failure> {
        let opened = Transport::open(self.config.transport.clone()).await;
        opened.map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))
    }

    /// Returns where the files are that go along.
    pub(super) fn enclosing(&self, context: &Context) -> Enclosing {
        let cabinet = Cabinet::of(&context.folder);
        Enclosing::new(Arc::new(move |path| match cabinet.read(path) {
            Ok(file) => Ok(Some(file)),
            Err(Trouble::Missing { .. }) => Ok(None),
            Err(trouble) => Err(format!("{FOLDER}/{path}: {trouble}")),
        }))
    }

    /// Returns what goes along with a letter of a later step, or what is missing.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub(super) async fn enclosed(
        &self,
        enclosing: &Enclosing,
        key: &str,
        step: u32,
        now: Timestamp,
    ) -> Result<Result<Vec<Enclosure>, String>, LedgerError> {
        enclosing.for_letter((&self.ledger, &self.press), self.campaign.id, key, step, now).await
    }

    /// Returns who writes.
    pub(super) fn sender(&self) -> &Sender {
        &self.press.definition().sender
    }

    /// Returns the sequence.
    pub(super) fn sequence(&self) -> Arc<Sequence> {
        Arc::clone(&self.sequence)
    }

    /// Puts a run together: of every letter that is queued, through the limits of an hour; letters of later steps stay.
    pub(super) fn run(&self, context: &Context, transport: Transport, shutdown: &Shutdown) -> Run {
        Run {
            ledger: self.ledger.clone(),
            transport,
            clock: context.clock.clone(),
            campaign: self.campaign.clone(),
            press: Arc::clone(&self.press),
            pace: self.config.pace.pace.clone(),
            window: self.config.window.clone(),
            retry: RetryPolicy::default(),
            only: Vec::new(),
            barrier: None,
            not_overdue_since: None,
            working: Some((self.config.working.clone(), self.config.zone.clone())),
            limit: None,
            patience: Patience::Sitting,
            owner: self.owner(context.clock.now()),
            shutdown: shutdown.clone(),
            progress: Arc::new(Progress::default()),
        }
    }

    /// Who we are, in the ledger: no other process has this name while it lives.
    ///
    /// A process number alone may come again: in a container it is the same every time.
    fn owner(&self, now: Timestamp) -> String {
        format!("{}-{}-{}", self.verb, std::process::id(), now.as_millisecond())
    }

    /// Writes the last lines, and tells what became of it.
    ///
    /// # Errors
    /// When the ledger cannot be used any more.
    pub(super) fn conclude(
        &self,
        context: &Context,
        ended: &Ended,
        only: &[String],
    ) -> Result<Exit, Failure> {
        let sequence = Some(self.sequence());
        let state = self.ledger.finish_if_done(self.campaign.id, sequence, context.clock.now()).wait();
        // What other processes wished at the very end is in the ledger and not yet in the log.
        mend(&self.ledger, &self.journal)?;
        let state = state.map_err(ledger_failed)?;
        let counts = self.ledger.counts(self.campaign.id).wait().map_err(ledger_failed)?;
        outcome_file::rewrite(context, &self.config);
        if let Some(why) = self.journal.failure() {
            context
                .report
                .warn(&format!("logs/delivery.jsonl could not be written ({why}); the next run mends it"));
        }
        self.tell(context, ended, &state, &counts, only);
        Ok(exit(ended, &counts))
    }

    fn tell(
        &self,
        context: &Context,
        ended: &Ended,
        state: &CampaignState,
        counts: &Counts,
        only: &[String],
    ) {
        let report = &context.report;
        let now = context.clock.now();
        report.result(&format!(
            "{}: {}\n{}",
            self.campaign.name,
            status::state_word(state),
            status::summary(counts, report.out)
        ));
        let verb = self.verb;
        let stay =
            if verb == "run" { String::new() } else { format!(", or `postduif {verb} --wait` to stay") };
        let left = count(counts.queued - counts.off_roster.min(counts.queued), "letter");
        match ended {
            Ended::Done => {}
            Ended::Stopped => report.say(&format!("stopped; {left} still queued, `postduif {verb}` goes on with them")),
            Ended::LimitReached => report.say(&format!("as many as you asked for; {left} still queued")),
            Ended::Later(waits) => {
                let told = bar::waiting(*waits, now, &self.config.zone);
                report.say(&format!(
                    "{left} still queued: {told}. Run `postduif {verb}` again then{stay}"
                ));
            }
            Ended::Paused { why } => report.warn(&format!(
                "the campaign stopped: {why}; {left} still queued. When it is mended: `postduif resume`, then `postduif {verb}`"
            )),
            Ended::Called { off: true, .. } => report.warn("the campaign was cancelled meanwhile; what was queued is not sent"),
            Ended::Called { off: false, why } => report.warn(&format!(
                "the campaign was paused meanwhile: {why}; {left} still queued: `postduif resume`, then `postduif {verb}`"
            )),
            Ended::Unreachable { why } => {
                report.warn(&format!("the relay cannot be reached: {why}; {left} still queued, `postduif {verb}` goes on with them"));
            }
        }
        if counts.in_doubt > 0 {
            report.warn(&format!(
                "{} in doubt: look in your Sent folder, then `postduif settle KEY accepted` or `again`",
                count(counts.in_doubt, "letter")
            ));
        }
        if counts.tasks > counts.tasks_off_roster {
            let today = self.config.deadlines.today(now);
            let told = Ledger::read(&self.config.ledger).and_then(|reader| {
                reader.map_or(Ok(None), |reader| tasks::open(&self.config, &reader, only, today))
            });
            match told {
                Ok(told) => told.iter().for_each(|told| report.say(told)),
                Err(error) => report.warn(&error.to_string()),
            }
        }
        let logs = context.logs();
        let mut places = ["status.csv", "delivery.jsonl"].map(|name| shown_path(&logs.join(name))).to_vec();
        match &self.config.transport {
            Settings::Rehearsal { keep: Some(path), .. } | Settings::Folder { path } => {
                places.push(format!("the letters themselves in {}", shown_path(path)));
            }
            Settings::Rehearsal { keep: None, .. } | Settings::Smtp(_) => {}
        }
        report.say(&format!("look in {}; or `{}`", places.join(", "), context.typed("postduif why KEY")));
    }
}

/// Adds the lines that a crash, or a command in another process, kept from the journal; a file that cannot be written is
/// told at the end.
fn mend(ledger: &Ledger, journal: &Journal) -> Result<(), Failure> {
    match journal::mend(ledger, journal) {
        Err(MendError::Ledger(error)) => Err(ledger_failed(error)),
        Ok(()) | Err(MendError::File(_)) => Ok(()),
    }
}

/// Returns what is to be frozen: what already is of the letters of which any has gone, and what the files say of the others.
fn definition_to_freeze(reading: &Reading) -> Result<Definition, Failure> {
    match &reading.launched {
        Some(launched) if launched.drifted => match &launched.continued {
            Some(continued) => Ok((**continued).clone()),
            None => Err(Failure::new(Exit::Ledger, "the frozen campaign cannot be read")),
        },
        _ => Ok(reading.definition.clone()),
    }
}

fn launch(ledger: &Ledger, definition: &Definition, now: Timestamp) -> Result<Campaign, LedgerError> {
    let mut seed = [0; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| LedgerError::Refused { why: "the system gives no random numbers".to_owned() })?;
    let json = serde_json::to_string(definition).unwrap_or_default();
    let digest = definition.digest();
    let new =
        NewCampaign { name: definition.name.clone(), definition: json.clone(), digest: digest.clone(), seed };
    let campaign = ledger.launch(new, now).wait()?;
    if campaign.digest == digest {
        return Ok(campaign);
    }
    ledger.refreeze(campaign.id, json, digest, now).wait()?;
    let name = definition.name.clone();
    Ok(ledger.campaign(&name).wait()?.unwrap_or(campaign))
}

/// Connects once before any letter is touched, so that a wrong password or a relay that is down costs nothing.
pub(super) async fn reach(transport: &Transport) -> Result<(), Failure> {
    transport.reach().await.map_err(|ending| unreachable(transport, &ending))
}

/// Returns what the shell is told.
fn exit(ended: &Ended, counts: &Counts) -> Exit {
    if counts.in_doubt > 0 {
        return Exit::InDoubt;
    }
    match ended {
        Ended::Paused { .. } | Ended::Unreachable { .. } => Exit::Unreachable,
        _ if counts.refused + counts.bounced + counts.expired > 0 => Exit::SomeFailed,
        _ => Exit::Done,
    }
}

/// Makes the one who watches the mailbox beside a run, and the sender's end.
///
/// # Errors
/// When no mailbox is configured, or its settings cannot work.
pub(super) fn lookout(
    context: &Context,
    reading: &Reading,
    sending: &Sending,
    shutdown: &Shutdown,
    tell: Teller,
) -> Result<(Lookout, Barrier), Failure> {
    refuse_without_mailbox(reading)?;
    let config = &reading.config;
    let Some(settings) = &config.inbox else { return Err(Failure::input("no mailbox is configured")) };
    let since = settings.begins(&config.zone, sending.campaign.launched_at);
    let inbox = inbox::open(settings, context)?;
    let (zone, clock) = (config.zone.clone(), context.clock.clone());
    let watch = Watch::new(inbox, &config.ledger, sending.campaign.clone(), since, zone, clock.clone());
    Ok(Lookout::new(watch, clock, shutdown.clone(), tell))
}
