//! `postduif send`: shows the plan, asks, freezes and enrols, sends, and tells what became of it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::reading::Reading;
use super::survey::{Survey, meant, survey};
use super::{
    Context, ask, bar, ledger_failed, outcome_file, runtime, show_plan, shown_path, status, wrong_input,
};
use crate::campaign::definition::Definition;
use crate::campaign::plan::{self, PlanDigest};
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::cli::Send;
use crate::delivery::attempt::Ending;
use crate::delivery::judgement::{Verdict, judge};
use crate::delivery::patience::Patience;
use crate::delivery::retry::RetryPolicy;
use crate::engine::deliver::{Ended, Run};
use crate::engine::journal::Journal;
use crate::engine::press::{Order, Press};
use crate::engine::progress::Progress;
use crate::engine::shutdown::{Haste, Shutdown};
use crate::exit::Exit;
use crate::ledger::record::{Campaign, CampaignState, Counts, Event, NewCampaign};
use crate::ledger::{Ledger, LedgerError};
use crate::mail::address::Address;
use crate::mail::message_id::{MessageId, Ordinal, Token};
use crate::report::{Failure, count};
use crate::transport::{Settings, Transport};

/// Recipients enrolled with one request.
const BATCH: usize = 2000;

/// Sends.
///
/// # Errors
/// When anything is wrong before the first letter; after that, what happened is told and the exit says it.
pub fn run(context: &Context, what: &Send) -> Result<Exit, Failure> {
    let mut reading = Reading::of(context)?;
    if let Some(address) = &what.test {
        return test(context, &mut reading, what, address);
    }
    let surveyed = survey(context, &mut reading, &what.only)?;
    context.report.problems(&reading.problems);
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems).hint("postduif check names them again"));
    }
    refuse_if_unready(&reading)?;
    refuse_another_plan(what, &surveyed)?;
    refuse_if_stopped(context, &reading)?;
    let letters = what.limit.map_or(surveyed.plan.letters, |limit| limit.min(surveyed.plan.letters));
    context.report.say(&show_plan::text(&reading, &surveyed, context.clock.now()));
    if letters == 0 && reading.launched.is_none() {
        context.report.say("there is nothing to send");
        return Ok(Exit::Done);
    }
    if letters > 0 && !approved(context, what, letters)? {
        context.report.say("nothing was sent");
        return Ok(Exit::Done);
    }
    let sending = Sending::begin(context, &reading)?;
    sending.enroll(context, &reading, &surveyed)?;
    sending.send(context, what, surveyed.only, letters)
}

/// A secret that is not there stops `send` alone; `check` and `preview` only warn.
fn refuse_if_unready(reading: &Reading) -> Result<(), Failure> {
    let Some(first) = reading.config.unready.first() else { return Ok(()) };
    let failure = Failure::input(first.said.clone()).safe("nothing was sent");
    Err(first.hint.iter().fold(failure, |failure, hint| failure.hint(hint.clone())))
}

fn refuse_another_plan(what: &Send, surveyed: &Survey) -> Result<(), Failure> {
    match &what.plan {
        Some(given) if given.len() < plan::LEAST_DIGITS || !given.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let said = format!(
                "`{given}` is no digest of a plan; give its first {} digits or more",
                plan::LEAST_DIGITS
            );
            Err(Failure::input(said).hint("`postduif preview` shows it").safe("nothing was sent"))
        }
        Some(given) if !plan::names_plan(given, &surveyed.plan.digest) => {
            let now: String = surveyed.plan.digest.chars().take(plan::SHOWN_DIGITS).collect();
            Err(Failure::input(
                "this is not the plan that was approved: a letter, a row or a setting has changed",
            )
            .fact("given", given.clone())
            .fact("now", now)
            .hint("look again with `postduif preview`")
            .safe("nothing was sent"))
        }
        _ => Ok(()),
    }
}

/// A campaign that is paused or over sends nothing, and says so before anybody is asked.
fn refuse_if_stopped(context: &Context, reading: &Reading) -> Result<(), Failure> {
    let Some(launched) = &reading.launched else { return Ok(()) };
    match &launched.campaign.state {
        CampaignState::Running | CampaignState::Finished => Ok(()),
        CampaignState::Paused { until: Some(until), .. } if *until <= context.clock.now() => Ok(()),
        CampaignState::Paused { why, until } => {
            let mut failure = Failure::input("the campaign is paused").fact("why", why.clone());
            if let Some(until) = until {
                let until = bar::when(*until, context.clock.now(), &reading.config.zone);
                failure = failure.fact("until", until);
            }
            Err(failure.hint("`postduif resume` lets it go on at once").safe("nothing was sent"))
        }
        CampaignState::Cancelled => Err(Failure::input("the campaign was cancelled")
            .hint("to write again, give the campaign another name in config.toml")
            .safe("nothing was sent")),
    }
}

fn approved(context: &Context, what: &Send, letters: u64) -> Result<bool, Failure> {
    if what.yes {
        return Ok(true);
    }
    let question = format!("To send, type the number of letters ({letters}):");
    ask::type_exactly(&context.report, &question, &letters.to_string(), "--yes")
}

/// A campaign in our hands: the ledger locked, the definition frozen.
struct Sending {
    ledger: Ledger,
    campaign: Campaign,
    press: Arc<Press>,
    config: crate::config::Config,
    journal: Arc<Mutex<Writing>>,
}

/// The journal, and the first failure to write it.
struct Writing {
    journal: Journal,
    failed: Option<String>,
}

impl Writing {
    fn append(&mut self, events: &[Event]) {
        if let Err(error) = self.journal.append(events) {
            self.failed.get_or_insert_with(|| error.to_string());
        }
    }
}

impl Sending {
    /// Takes the ledger's lock, mends what a crash left, and freezes the definition.
    fn begin(context: &Context, reading: &Reading) -> Result<Self, Failure> {
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
        let journal = Arc::new(Mutex::new(Writing { journal, failed: None }));
        let sink = Arc::clone(&journal);
        let sink = Arc::new(move |events: &[Event]| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).append(events);
        });
        let holder = format!("postduif send, process {}, since {now}", std::process::id());
        let ledger = Ledger::open(&config.ledger, &holder, Some(sink)).map_err(ledger_failed)?;
        refuse_an_old_copy(&ledger, last, &path)?;
        mend_journal(&ledger, &journal, last).map_err(ledger_failed)?;
        // The lock is ours, so whoever held these letters is dead, even one who had our process number.
        let rescued = ledger.rescue("", true, now).wait().map_err(ledger_failed)?;
        if rescued.in_doubt > 0 {
            let told = count(rescued.in_doubt, "letter");
            context.report.warn(&format!(
                "the last run was cut off: {told} may or may not have gone out; see `postduif status`"
            ));
        }
        let own = definition_to_freeze(reading)?;
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
        Ok(Self { ledger, campaign, press: Arc::new(press), config: config.clone(), journal })
    }

    /// Writes the roster into the ledger, and checks that it is still what was approved.
    fn enroll(&self, context: &Context, reading: &Reading, surveyed: &Survey) -> Result<(), Failure> {
        let now = context.clock.now();
        let pass = self.ledger.begin_roster(self.campaign.id).wait().map_err(ledger_failed)?;
        let mut digest = PlanDigest::new(&self.press.definition().digest(), &self.config.way());
        let mut batch: Vec<Recipient> = Vec::with_capacity(BATCH);
        let mut under_way = None;
        let rows = reading.rows()?.leaving_out(surveyed.suspects.clone());
        let mut hand_in = |batch: Vec<Recipient>| -> Result<(), Failure> {
            let answer = self.ledger.enroll(&pass, 1, batch, now);
            if let Some(before) = under_way.replace(answer) {
                before.wait().map_err(ledger_failed)?;
            }
            Ok(())
        };
        for row in rows {
            if let Row::Recipient { recipient, .. } = row {
                digest.recipient(&recipient);
                batch.push(recipient);
                if batch.len() == BATCH {
                    hand_in(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
                }
            }
        }
        hand_in(batch)?;
        if let Some(last) = under_way {
            last.wait().map_err(ledger_failed)?;
        }
        if digest.finish() != surveyed.plan.digest {
            // The pass is left open: nothing can be claimed until the next one.
            return Err(Failure::input("the roster has changed since the plan was shown")
                .hint("run `postduif send` again")
                .safe("nothing was sent"));
        }
        let plan = surveyed.plan.digest.clone();
        self.ledger.set_plan(self.campaign.id, plan).wait().map_err(ledger_failed)?;
        self.ledger.end_roster(pass, now).wait().map_err(ledger_failed)
    }

    /// Sends, and tells what became of it.
    fn send(&self, context: &Context, what: &Send, only: Vec<String>, letters: u64) -> Result<Exit, Failure> {
        let runtime = runtime()?;
        let progress = Arc::new(Progress::default());
        let shutdown = Shutdown::default();
        let ended = runtime.block_on(async {
            let transport = Transport::open(self.config.transport.clone())
                .await
                .map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))?;
            if letters > 0 {
                reach(&transport).await?;
            }
            let run = Run {
                ledger: self.ledger.clone(),
                transport,
                clock: context.clock.clone(),
                campaign: self.campaign.clone(),
                press: Arc::clone(&self.press),
                pace: self.config.pace.pace.clone(),
                window: self.config.window.clone(),
                retry: RetryPolicy::default(),
                only,
                limit: what.limit,
                patience: if what.wait { Patience::Endless } else { Patience::Sitting },
                owner: owner(context.clock.now()),
                shutdown: shutdown.clone(),
                progress: Arc::clone(&progress),
            };
            let watcher = tokio::spawn(bar::watch(
                Arc::clone(&progress),
                letters,
                context.report.clone(),
                context.clock.clone(),
                self.config.zone.clone(),
            ));
            let interrupts = tokio::spawn(listen(shutdown.clone(), context.report.clone()));
            let ended = run.deliver().await;
            watcher.abort();
            interrupts.abort();
            let _ = watcher.await;
            ended.map_err(|error| {
                ledger_failed(error).hint("nothing more was sent, because nothing more could be written down")
            })
        });
        drop(runtime);
        let ended = ended?;
        let state = self.ledger.finish_if_done(self.campaign.id, context.clock.now()).wait();
        // What other processes wished at the very end is in the ledger and not yet in the log.
        let logged = self.journal.lock().unwrap_or_else(PoisonError::into_inner).journal.last();
        mend_journal(&self.ledger, &self.journal, logged).map_err(ledger_failed)?;
        let state = state.map_err(ledger_failed)?;
        let counts = self.ledger.counts(self.campaign.id).wait().map_err(ledger_failed)?;
        outcome_file::rewrite(context, &self.config);
        if let Some(why) = &self.journal.lock().unwrap_or_else(PoisonError::into_inner).failed {
            context
                .report
                .warn(&format!("logs/delivery.jsonl could not be written ({why}); the next run mends it"));
        }
        self.tell(context, &ended, &state, &counts);
        Ok(exit(&ended, &counts))
    }

    fn tell(&self, context: &Context, ended: &Ended, state: &CampaignState, counts: &Counts) {
        let report = &context.report;
        let now = context.clock.now();
        report.result(&format!(
            "{}: {}\n{}",
            self.campaign.name,
            status::state_word(state),
            status::summary(counts, report.out)
        ));
        let left = count(counts.queued - counts.off_roster.min(counts.queued), "letter");
        match ended {
            Ended::Done => {}
            Ended::Stopped => report.say(&format!("stopped; {left} still queued, `postduif send` goes on with them")),
            Ended::LimitReached => report.say(&format!("as many as you asked for; {left} still queued")),
            Ended::Later(waits) => {
                let told = bar::waiting(*waits, now, &self.config.zone);
                report.say(&format!(
                    "{left} still queued: {told}. Run `postduif send` again then, or `postduif send --wait` to stay"
                ));
            }
            Ended::Paused { why } => report.warn(&format!(
                "the campaign stopped: {why}; {left} still queued. When it is mended: `postduif resume`, then `postduif send`"
            )),
            Ended::Called { off: true, .. } => report.warn("the campaign was cancelled meanwhile; what was queued is not sent"),
            Ended::Called { off: false, why } => report.warn(&format!(
                "the campaign was paused meanwhile: {why}; {left} still queued: `postduif resume`, then `postduif send`"
            )),
            Ended::Unreachable { why } => {
                report.warn(&format!("the relay cannot be reached: {why}; {left} still queued, `postduif send` goes on with them"));
            }
        }
        if counts.in_doubt > 0 {
            report.warn(&format!(
                "{} in doubt: look in your Sent folder, then `postduif settle KEY accepted` or `again`",
                count(counts.in_doubt, "letter")
            ));
        }
        let logs = context.logs();
        let mut places = ["status.csv", "delivery.jsonl"].map(|name| shown_path(&logs.join(name))).to_vec();
        match &self.config.transport {
            Settings::Rehearsal { keep: Some(path), .. } | Settings::Folder { path } => {
                places.push(format!("the letters themselves in {}", shown_path(path)));
            }
            Settings::Rehearsal { keep: None, .. } | Settings::Smtp(_) => {}
        }
        report.say(&format!("look in {}; or `postduif why KEY`", places.join(", ")));
    }
}

/// Who we are, in the ledger: no other process has this name while it lives.
///
/// A process number alone may come again: in a container it is the same every time.
fn owner(now: Timestamp) -> String {
    format!("send-{}-{}", std::process::id(), now.as_millisecond())
}

/// A ledger that lacks what the log has was put back from a copy, or begun anew: it does not know whom we wrote to.
fn refuse_an_old_copy(ledger: &Ledger, last: i64, log: &Path) -> Result<(), Failure> {
    let known = ledger.events_after(last - 1, 1).wait().map_err(ledger_failed)?;
    if last == 0 || !known.is_empty() {
        return Ok(());
    }
    let (ledger, log) = (shown_path(ledger.path()), shown_path(log));
    Err(Failure::new(Exit::Ledger, format!("the ledger {ledger} is older than {log}"))
        .fact("means", "letters went out that this ledger knows nothing of, so it would send them again")
        .hint("put the newer ledger back")
        .hint(format!("where the ledger was begun anew on purpose, move {log} away as well"))
        .safe("nothing was sent"))
}

/// Adds the lines that a crash kept from the journal.
fn mend_journal(ledger: &Ledger, journal: &Mutex<Writing>, mut last: i64) -> Result<(), LedgerError> {
    loop {
        let events = ledger.events_after(last, 1000).wait()?;
        let Some(newest) = events.last() else { return Ok(()) };
        last = newest.seq;
        journal.lock().unwrap_or_else(PoisonError::into_inner).append(&events);
    }
}

/// Returns what is to be frozen: what already is, once a letter has gone, else what the files say.
fn definition_to_freeze(reading: &Reading) -> Result<Definition, Failure> {
    match &reading.launched {
        Some(launched) if launched.drifted => {
            serde_json::from_str(&launched.campaign.definition).map_err(|error| {
                Failure::new(Exit::Ledger, format!("the frozen campaign cannot be read: {error}"))
            })
        }
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
async fn reach(transport: &Transport) -> Result<(), Failure> {
    transport.reach().await.map_err(|ending| unreachable(transport, &ending))
}

fn unreachable(transport: &Transport, ending: &Ending) -> Failure {
    let judged = judge(ending);
    let said = match judged.verdict {
        Verdict::Login => "the relay does not take our login",
        Verdict::Stop => "the relay does not want to talk to us",
        _ => "the relay cannot be reached",
    };
    Failure::new(Exit::Unreachable, said)
        .fact("relay", transport.describe())
        .fact("said", ending.to_string())
        .hint(judged.because)
        .safe("nothing was sent; every letter is still queued")
}

/// Ctrl-C: the first ends after the letters in flight, the second at once.
async fn listen(shutdown: Shutdown, report: crate::report::Report) {
    while tokio::signal::ctrl_c().await.is_ok() {
        match shutdown.press() {
            Haste::Soon => report.say("\nending after the letters in flight; once more ends at once"),
            Haste::Now | Haste::None => report.say("\nending at once; what was in flight may be in doubt"),
        }
    }
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

/// `--test ADDRESS`: one letter to another address, outside the campaign's deliveries.
fn test(context: &Context, reading: &mut Reading, what: &Send, address: &str) -> Result<Exit, Failure> {
    let address = Address::parse(address).map_err(|error| Failure::input(error.to_string()))?;
    // A test goes to the tester, so what would embarrass before others is told and does not stop it.
    context.report.problems(&reading.problems);
    if reading.settings_wrong {
        return Err(wrong_input(&reading.problems));
    }
    refuse_if_unready(reading)?;
    if what.only.len() > 1 {
        return Err(
            Failure::input("a test is one letter; name one recipient with --only").safe("nothing was sent")
        );
    }
    if reading.press.is_none() {
        return Err(wrong_input(&reading.problems));
    }
    let told = reading.problems.errors();
    let wanted = meant(reading, &what.only)?;
    if reading.problems.errors() > told {
        let unknown = reading.problems.sorted().into_iter().find(|problem| problem.name == "no-such-key");
        let failure = Failure::input(unknown.map(|problem| problem.said.clone()).unwrap_or_default());
        let hint = unknown.and_then(|problem| problem.hint.clone());
        return Err(hint.into_iter().fold(failure, Failure::hint).safe("nothing was sent"));
    }
    let Some(press) = &reading.press else { return Err(wrong_input(&reading.problems)) };
    if reading.is_real() && crate::mail::address::reserved_domain(&address) {
        return Err(Failure::input(format!(
            "{address} is only an example; give an address that you can read"
        )));
    }
    let wanted = wanted.first();
    let recipient = reading.rows()?.find_map(|row| match row {
        Row::Recipient { recipient, .. } if wanted.is_none_or(|key| *key == recipient.key) => Some(recipient),
        _ => None,
    });
    let Some(recipient) = recipient else {
        return Err(Failure::input("the roster has no recipient whose letter could be tried")
            .safe("nothing was sent"));
    };
    let now = context.clock.now();
    let mut seed = [0; 32];
    let _ = SystemRandom::new().fill(&mut seed);
    let token = Token::derive(&seed, &recipient.key, 1, 0);
    let message_id =
        MessageId::of(&Ordinal::derive(&seed, 0), &token, 1, press.definition().sender.from.address.domain());
    let order = Order {
        recipient: &recipient,
        step: 1,
        message_id: &message_id,
        token: None,
        dated: now,
        test_to: Some(&address),
    };
    let printed = press.print(&order).map_err(Failure::input)?;
    if !what.yes {
        let question = format!(
            "The letter of {} would go to {address} as a test. Type `test` to send it:",
            recipient.key
        );
        if !ask::type_exactly(&context.report, &question, "test", "--yes")? {
            return Ok(Exit::Done);
        }
    }
    let settings = reading.config.transport.clone();
    let ending = runtime()?.block_on(async {
        let transport = Transport::open(settings)
            .await
            .map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))?;
        let mut lane = transport.lane();
        let ending = lane.attempt(&printed.envelope, &printed.bytes, async { Ok(()) }).await;
        lane.close().await;
        match ending {
            Ending::Accepted { .. } => Ok(ending),
            other => Err(unreachable(&transport, &other).safe("the campaign's ledger was not touched")),
        }
    })?;
    context.report.say(&format!("the letter of {} went to {address} as a test: {ending}", recipient.key));
    Ok(Exit::Done)
}
