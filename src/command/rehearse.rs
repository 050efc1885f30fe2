//! `postduif rehearse`: the whole campaign against the built-in town, on a clock that runs ahead, and a verdict. The service is the
//! same as that of `run`; the letters go over a real SMTP connection and the answers lie in a real mailbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};

use super::reading::Reading;
use super::refusals::refuse_if_unready;
use super::sending::{Sending, lookout};
use super::survey::survey;
use super::{Context, ledger_failed, shown_path, wrong_input};
use crate::campaign::day::day;
use crate::campaign::problem::Problems;
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::cli::Rehearse;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::rehearsal::{self, Rehearsal};
use crate::engine::deliver::{Ended, Run};
use crate::engine::lookout::Barrier;
use crate::engine::sequence::Leave;
use crate::engine::service::{Service, Told};
use crate::engine::shutdown::{Haste, Shutdown};
use crate::exit::Exit;
use crate::inbox::mailbox;
use crate::ledger::Ledger;
use crate::ledger::record::CampaignState;
use crate::report::{Failure, count};
use crate::town::script::Script;
use crate::town::story::story;
use crate::town::verdict::{Delivered, Rules, verdict};
use crate::town::{Resident, Seen, Settings, Town};
use crate::transport::{self, Transport};

/// Says that a folder is a rehearsal's, and may be replaced.
const MARK: &str = "rehearsal.txt";
/// How often the mailbox is read in a rehearsal, beside the service's questions and when something comes.
const READ: Duration = Duration::from_secs(86_400);
/// Nobody else writes into a rehearsal's ledger, so it need hardly be looked at for that.
const LOOK: Duration = Duration::from_secs(86_400);
/// After so long without anything to come, a rehearsal is over.
const QUIET: Duration = Duration::from_secs(6 * 3600);
/// A campaign that has not ended by then never does.
const TWO_YEARS: Duration = Duration::from_secs(2 * 366 * 86_400);

/// Points the settings at a rehearsal's folder: its ledger, relay and mailbox. No secret is needed there.
pub(super) fn redirect(config: &mut Config, folder: &Path) {
    let connections = match &config.transport {
        transport::Settings::Rehearsal { connections, .. } => *connections,
        transport::Settings::Smtp(smtp) => smtp.connections,
        transport::Settings::Folder { .. } => 1,
    };
    let largest = config.inbox.as_ref().map_or(rehearsal::LARGEST, |inbox| inbox.largest);
    config.ledger = folder.join("ledger.db");
    config.transport = transport::Settings::Rehearsal { connections, keep: Some(folder.join("letters")) };
    config.inbox = Some(mailbox::Settings {
        way: mailbox::Way::Maildir { path: folder.join("Maildir") },
        folders: Vec::new(),
        since: None,
        largest,
        batch: mailbox::BATCH,
    });
    config.unready.clear();
    config.inbox_unready.clear();
}

/// Rehearses.
///
/// # Errors
/// When anything is wrong before it begins, as with `send`.
pub fn run(context: &Context, what: &Rehearse) -> Result<Exit, Failure> {
    let real = context.config()?;
    let folder = what.out.clone().unwrap_or_else(|| context.rehearsals());
    let keys = keys(context)?;
    let Rehearsal { begin, mut script } = told(context, what, &keys)?;
    script.seed = what.seed.unwrap_or(script.seed);
    let begin = match &what.begin {
        Some(text) => Some(day(text).map_err(|why| {
            Failure::input(format!("--begin cannot be `{text}`: {why}"))
                .hint("write a day such as 2025-09-08")
        })?),
        None => begin,
    };
    let clock = Clock::running_ahead(begins(begin, &real, context.clock.now()));
    let stage = Context {
        folder: context.folder.clone(),
        clock,
        environment: context.environment,
        report: context.report.clone(),
        rehearsal: Some(folder.clone()),
    };
    clear(&folder)?;
    let mut reading = Reading::of(&stage)?;
    let surveyed = survey(&stage, &mut reading, &[])?;
    stage.report.problems(&reading.problems);
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems).hint("postduif check names them again"));
    }
    refuse_if_unready(&reading)?;
    let config = &reading.config;
    let began = stage.clock.now();
    stage.report.say(&format!(
        "rehearsing {} and {} from {} on; chance begins with {}; nothing leaves this machine",
        count(surveyed.plan.letters, "first letter"),
        match config.steps.len() {
            1 => "none that follows".to_owned(),
            steps => format!("what follows ({} in all)", count(steps as u64, "letter")),
        },
        began.to_zoned_datetime(config.zone.clone()).strftime("%a %-d %b %Y %H:%M"),
        script.seed,
    ));
    if real.inbox.is_none() && config.steps.len() > 1 {
        stage.report.warn("no mailbox is configured yet; the rehearsal reads that of its town");
    }
    let sending = Sending::begin(&stage, &reading, "rehearse")?;
    take_suppressions(&real, &sending, began)?;
    sending.enroll(&stage, &reading, &surveyed)?;
    let per_connection = match &real.transport {
        transport::Settings::Smtp(smtp) => smtp.letters_per_connection,
        transport::Settings::Rehearsal { .. } | transport::Settings::Folder { .. } => u32::MAX,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("the system gives no threads: {error}")))?;
    let play = Play { context: &stage, reading: &reading, sending: &sending, script, per_connection };
    let (ended, mut seen) = runtime.block_on(stage.clock.lead(play.run()))?;
    drop(runtime);
    if stage.clock.now() >= began.saturating_add(TWO_YEARS).unwrap_or(Timestamp::MAX) {
        seen.troubles.push("the campaign has not come to an end within two years".to_owned());
    }
    judge(&stage, &reading, &sending, &ended, &seen)
}

/// The keys of the roster, for the script.
fn keys(context: &Context) -> Result<Vec<String>, Failure> {
    let reading = Reading::of(context)?;
    let rows = reading.rows()?;
    Ok(rows
        .filter_map(|row| match row {
            Row::Recipient { recipient, .. } | Row::LeftOut { recipient, .. } => Some(recipient.key),
            Row::Wrong { .. } => None,
        })
        .collect())
}

/// Reads the script, if there is one.
fn told(context: &Context, what: &Rehearse, keys: &[String]) -> Result<Rehearsal, Failure> {
    let path = what.script.clone().unwrap_or_else(|| context.folder.join(rehearsal::FILE));
    if what.script.is_none() && !path.exists() {
        return Ok(Rehearsal { begin: None, script: Script::default() });
    }
    let mut problems = Problems::default();
    let found = rehearsal::load(&path, &shown_path(&path), keys, &mut problems)
        .map_err(|error| Failure::input(format!("{} cannot be read: {error}", path.display())))?;
    context.report.problems(&problems);
    if problems.errors() > 0 {
        return Err(Failure::input(count(problems.errors(), "problem")).safe("nothing was rehearsed"));
    }
    Ok(found)
}

/// When a rehearsal begins: now, or on the morning of a day.
fn begins(begin: Option<Date>, config: &Config, now: Timestamp) -> Timestamp {
    let Some(day) = begin else { return now };
    let opens = config.window.as_ref().map_or(Time::constant(9, 0, 0, 0), |window| window.from);
    day.to_datetime(opens).to_zoned_datetime(config.zone.clone()).map_or(now, |at| at.timestamp())
}

/// Makes the folder, in the place of the rehearsal before.
fn clear(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Ledger, format!("{} cannot be made: {error}", folder.display()))
            .safe("nothing was rehearsed")
    };
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        if !folder.join(MARK).exists() {
            let said = format!("{} holds something else than a rehearsal", folder.display());
            return Err(Failure::input(said)
                .hint("name a folder that is empty, or not there, with --out")
                .safe("nothing was removed and nothing was rehearsed"));
        }
        let ledger = folder.join("ledger.db");
        if ledger.exists() {
            // One that is at work in this folder holds its ledger.
            Ledger::open(&ledger, "postduif rehearse", None).map_err(ledger_failed)?;
        }
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join("Maildir").join(part)).map_err(failed)?;
    }
    fs::write(
        folder.join(MARK),
        "A rehearsal made by `postduif rehearse`. The next one replaces this folder.\n",
    )
    .map_err(failed)
}

/// Whom nobody may write to is not written to in a rehearsal either.
fn take_suppressions(real: &Config, sending: &Sending, now: Timestamp) -> Result<(), Failure> {
    let Some(reader) = Ledger::read(&real.ledger).map_err(ledger_failed)? else { return Ok(()) };
    for known in reader.suppressions().map_err(ledger_failed)? {
        sending.ledger.suppress(&known.what, &known.reason, now).wait().map_err(ledger_failed)?;
    }
    Ok(())
}

/// All that one rehearsal is played with.
struct Play<'a> {
    context: &'a Context,
    reading: &'a Reading,
    sending: &'a Sending,
    script: Script,
    per_connection: u32,
}

impl Play<'_> {
    /// Plays it to its end; returns how the service ended and what the town saw.
    async fn run(self) -> Result<(Ended, Seen), Failure> {
        let Self { context, reading, sending, script, per_connection } = self;
        let (config, clock) = (&reading.config, &context.clock);
        let folder = context.logs();
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Ledger, format!("the mailbox of the town cannot be made: {error}"))
        };
        let town = Settings {
            script,
            residents: residents(reading)?,
            zone: config.zone.clone(),
            maildir: folder.join("Maildir"),
            letters: Some(folder.join("letters")),
        };
        let town = Arc::new(Town::open(town, clock.clone()).map_err(failed)?);
        let connections = match &config.transport {
            transport::Settings::Rehearsal { connections, .. } => *connections,
            transport::Settings::Smtp(_) | transport::Settings::Folder { .. } => 1,
        };
        let transport = Transport::rehearsal(town.relay(), connections, per_connection).await;
        let transport = transport.map_err(|error| Failure::input(error.to_string()))?;
        let shutdown = Shutdown::default();
        let (lookout, barrier) = lookout(context, reading, sending, &shutdown, Arc::new(|_| ()))?;
        let watching = tokio::spawn(lookout.every(READ).keep());
        let idle = Arc::new(AtomicBool::new(false));
        let troubles: Arc<Mutex<Vec<String>>> = Arc::default();
        let tell = {
            let (idle, troubles, clock) = (Arc::clone(&idle), Arc::clone(&troubles), clock.clone());
            let zone = config.zone.clone();
            Arc::new(move |told: Told| {
                // What it waits for is told when it changes, and only then.
                if let Told::Waits { queue, next } = &told {
                    idle.store(queue.is_none() && next.is_none(), Ordering::Relaxed);
                }
                if let Some(said) = trouble(&told) {
                    let at = clock.now().to_zoned_datetime(zone.clone()).strftime("%a %-d %b %Y %H:%M");
                    troubles.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{at}: {said}"));
                }
            })
        };
        let herald = tokio::spawn(tell_what_comes(Arc::clone(&town), barrier.clone()));
        let curtain = tokio::spawn(fall(Arc::clone(&town), clock.clone(), shutdown.clone(), idle));
        let interrupts = tokio::spawn(super::interrupt::listen(shutdown.clone(), context.report.clone()));
        let service = || Service {
            run: Run { barrier: Some(barrier.clone()), ..sending.run(context, transport.clone(), &shutdown) },
            sequence: sending.sequence(),
            barrier: Some(barrier.clone()),
            enclosing: sending.enclosing(context),
            leave: Leave::from(clock.now()),
            look: LOOK,
            tell: Arc::clone(&tell) as Arc<dyn Fn(Told) + Send + Sync>,
            heartbeat: Arc::new(AtomicI64::new(0)),
        };
        // The campaign may have ended before the last of them has answered; and what comes back then may let it go on.
        let ended = loop {
            let ended = service().keep().await.map_err(ledger_failed)?;
            let mut goes_on = false;
            while ended == Ended::Done
                && !goes_on
                && let Some(at) = town.next_post()
            {
                clock.sleep_until(at.saturating_add(1.second()).unwrap_or(at)).await;
                if let Err(why) = barrier.ask().await {
                    troubles.lock().unwrap_or_else(PoisonError::into_inner).push(why);
                }
                goes_on = is_running(&config.ledger, &sending.campaign.name)?;
            }
            if !goes_on {
                break ended;
            }
        };
        curtain.abort();
        herald.abort();
        shutdown.ask(Haste::Soon);
        let watched = watching.await;
        interrupts.abort();
        let mut seen = town.seen();
        seen.troubles.append(&mut troubles.lock().unwrap_or_else(PoisonError::into_inner));
        if let Ok(Err(error)) = watched {
            seen.troubles.push(error.to_string());
        }
        Ok((ended, seen))
    }
}

/// Has the mailbox read whenever something was laid into it, as a server does that tells at once (RFC 2177).
async fn tell_what_comes(town: Arc<Town>, barrier: Barrier) {
    loop {
        town.laid().await;
        // That it cannot be read is told by whoever needs it.
        let _ = barrier.ask().await;
    }
}

/// Whether something is left to send after all.
fn is_running(ledger: &Path, name: &str) -> Result<bool, Failure> {
    let Some(reader) = Ledger::read(ledger).map_err(ledger_failed)? else { return Ok(false) };
    let campaign = reader.campaign(name).map_err(ledger_failed)?;
    Ok(campaign.is_some_and(|campaign| campaign.state == CampaignState::Running))
}

/// Ends a rehearsal in which nothing more can happen: what is left waits for a person, and there is none.
async fn fall(town: Arc<Town>, clock: Clock, shutdown: Shutdown, idle: Arc<AtomicBool>) {
    let last = clock.now().saturating_add(TWO_YEARS).unwrap_or(Timestamp::MAX);
    let mut quiet = 0;
    while quiet < 2 && clock.now() < last {
        clock.sleep(QUIET).await;
        let is_quiet = idle.load(Ordering::Relaxed) && town.next_post().is_none();
        quiet = if is_quiet { quiet + 1 } else { 0 };
    }
    shutdown.ask(Haste::Soon);
}

/// What should not happen in a town, as a sentence.
fn trouble(told: &Told) -> Option<String> {
    match told {
        Told::Overdue(due) => {
            Some(format!("{} went too late to go unasked", count(due.len() as u64, "letter")))
        }
        Told::MailboxUnread { why, .. } => Some(format!("the mailbox could not be read: {why}")),
        Told::FileMissing { key, why } => Some(format!("the letter of {key} waits, because {why}")),
        Told::Unreachable { why, .. } => Some(format!("the relay could not be reached: {why}")),
        Told::Paused { why } => Some(format!("the campaign was paused: {why}")),
        Told::Released(_) | Told::Resumed | Told::Waits { .. } => None,
    }
}

/// Those of the roster who take mail.
fn residents(reading: &Reading) -> Result<Vec<Resident>, Failure> {
    let resident = |recipient: Recipient| {
        let addresses: Vec<_> = {
            let all = recipient.addressees()?;
            [&all.to].into_iter().chain(all.others()).map(|mailbox| mailbox.address.clone()).collect()
        };
        let name = recipient.name.or(recipient.organisation).unwrap_or_else(|| recipient.key.clone());
        Some(Resident { key: recipient.key, name, addresses })
    };
    Ok(reading
        .rows()?
        .filter_map(|row| match row {
            Row::Recipient { recipient, .. } => resident(recipient),
            Row::LeftOut { .. } | Row::Wrong { .. } => None,
        })
        .collect())
}

/// Tells the story, where the campaign stands, and the verdict.
fn judge(
    context: &Context,
    reading: &Reading,
    sending: &Sending,
    ended: &Ended,
    seen: &Seen,
) -> Result<Exit, Failure> {
    let (config, report) = (&reading.config, &context.report);
    let reader = Ledger::read(&config.ledger).map_err(ledger_failed)?;
    let mut delivered = Vec::new();
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    if let Some(reader) = reader {
        reader
            .each_recipient(sending.campaign.id, |record| {
                let recipient = &record.recipient;
                delivered.extend(record.deliveries.iter().map(|delivery| Delivered {
                    key: recipient.key.clone(),
                    organisation: recipient.organisation.clone(),
                    step: delivery.step,
                    message_id: delivery.message_id.clone(),
                    state: delivery.state,
                    deadline: recipient.deadline,
                }));
                true
            })
            .map_err(ledger_failed)?;
        for posted in &seen.posted {
            if !recorded.contains_key(&posted.key) {
                let came = reader.came_from(sending.campaign.id, &posted.key).map_err(ledger_failed)?;
                recorded.insert(posted.key.clone(), came.len());
            }
        }
    }
    let step = |id: &str| delivered.iter().find(|it| it.message_id == id).map(|it| it.step);
    for line in story(seen, step, &config.zone) {
        report.result(&line);
    }
    report.result("");
    // What it says to the shell is about letters; a rehearsal is about whether all went as it must.
    let by_itself = *ended == Ended::Stopped && is_over(seen, context.clock.now());
    let _ = sending.conclude(context, if by_itself { &Ended::Done } else { ended }, &[])?;
    if by_itself {
        report.say("what is left waits for a person, and in a rehearsal there is none");
    }
    let rules = Rules {
        window: config.window.clone(),
        pace: config.pace.pace.clone(),
        deadlines: config.deadlines.clone(),
        steps: config.rules.clone(),
        working: config.working.clone(),
        zone: config.zone.clone(),
    };
    let breaches = verdict(seen, &delivered, &recorded, &rules);
    if *ended == Ended::Stopped && !by_itself {
        report.warn(
            "the rehearsal was ended before the campaign was; the verdict is about what happened until then",
        );
    }
    if breaches.is_empty() {
        report.result(&report.out.green(
            "verdict: good. Nobody got a letter twice, nobody was reminded after an answer, and every limit was kept",
        ));
        return Ok(Exit::Done);
    }
    let told = match breaches.len() {
        1 => "verdict: one breach".to_owned(),
        many => format!("verdict: {many} breaches"),
    };
    report.result(&report.out.red(&told));
    breaches.iter().for_each(|breach| report.result(&format!("  {breach}")));
    Ok(Exit::SomeFailed)
}

/// Whether the last thing happened long enough ago that the curtain may have fallen by itself.
fn is_over(seen: &Seen, now: Timestamp) -> bool {
    let last = seen.copies.iter().map(|copy| copy.at).chain(seen.posted.iter().map(|posted| posted.at)).max();
    last.is_none_or(|last| Duration::try_from(now.duration_since(last)).is_ok_and(|quiet| quiet >= QUIET))
}

impl Context {
    /// Returns the folder of the last rehearsal, where nobody names another.
    pub fn rehearsals(&self) -> PathBuf {
        self.folder.join("logs/rehearsed")
    }
}
