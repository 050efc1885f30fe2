//! `postduif run`: the service. Reads the mailbox, sends what is due, and goes on until the campaign has finished.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::follow_up::letter_name;
use super::reading::Reading;
use super::refusals::{refuse_another_plan, refuse_if_stopped, refuse_if_unready};
use super::review::finish;
use super::sending::{Sending, lookout, reach};
use super::survey::{Survey, survey};
use super::{Context, ask, bar, inbox, interrupt, ledger_failed, runtime, show_plan, wrong_input};
use crate::cli::Run;
use crate::config::Config;
use crate::dashboard::loopback::Loopback;
use crate::dashboard::status;
use crate::engine::deliver::Ended;
use crate::engine::lookout::Sight;
use crate::engine::sequence::{Due, Leave, OVERDUE, Schedule};
use crate::engine::service::{Service, Told};
use crate::engine::shutdown::{Haste, Shutdown};
use crate::engine::summary::Summaries;
use crate::exit::Exit;
use crate::ledger::record::CampaignState;
use crate::report::{Failure, count, span};

/// How often the ledger is looked at for what another process wrote into it.
const LOOK: Duration = Duration::from_secs(2);

/// Keeps the campaign going.
///
/// # Errors
/// When anything is wrong before it begins; after that, what happened is told and the exit says it.
pub fn run(context: &Context, what: &Run) -> Result<Exit, Failure> {
    run_until(context, what, None)
}

/// The same for who hears Ctrl-C and SIGTERM himself, and ends it by `asked`; without, it hears them.
pub(super) fn run_until(context: &Context, what: &Run, asked: Option<Shutdown>) -> Result<Exit, Failure> {
    let status_listen = what.status_listen.as_deref().map(str::parse::<Loopback>).transpose();
    let status_listen =
        status_listen.map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))?;
    let mut reading = Reading::of(context)?;
    let surveyed = survey(context, &mut reading, &[])?;
    context.report.problems(&reading.problems);
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems).hint("postduif check names them again"));
    }
    refuse_another_plan(what.plan.as_deref(), &surveyed)?;
    refuse_if_unready(&reading)?;
    if !matches!(
        reading.launched.as_ref().map(|launched| &launched.campaign.state),
        Some(CampaignState::Paused { .. })
    ) {
        refuse_if_stopped(context, &reading)?;
    }
    if !approved(context, &reading, &surveyed, what.yes)? {
        context.report.say("nothing was sent");
        return Ok(Exit::Done);
    }
    let leave = leave(context, &reading, what.yes)?;
    if reading.config.steps.len() > 1 && reading.config.inbox.is_none() {
        context.report.warn(
            "no mailbox is configured, so nobody can tell who answered: only the first letter goes, and none that follows it",
        );
    }
    let sending = Sending::begin(context, &reading, "run")?;
    sending.enroll(context, &reading, &surveyed)?;
    keep(context, &reading, &sending, leave, status_listen, asked)
}

/// Asks for what was not approved before: another plan than the last, or the rest of one after a long pause.
fn approved(context: &Context, reading: &Reading, surveyed: &Survey, yes: bool) -> Result<bool, Failure> {
    let (report, letters) = (&context.report, surveyed.plan.letters);
    if letters == 0 {
        return Ok(true);
    }
    let now = context.clock.now();
    report.say(&show_plan::text(reading, surveyed, now));
    let known = reading.launched.as_ref().and_then(|launched| launched.campaign.plan.as_ref());
    let quiet = quiet_for(reading, now)?;
    let long = quiet.filter(|quiet| *quiet > OVERDUE);
    if yes || (known == Some(&surveyed.plan.digest) && long.is_none()) {
        return Ok(true);
    }
    if let Some(quiet) = long {
        report.warn(&format!(
            "nothing has happened for {}, and {} would go now",
            span(quiet),
            count(letters, "letter")
        ));
    }
    let question = format!("To send, type the number of letters ({letters}):");
    ask::type_exactly(report, &question, &letters.to_string(), "--yes")
}

/// Returns how long ago the last thing happened, where anything did.
fn quiet_for(reading: &Reading, now: Timestamp) -> Result<Option<Duration>, Failure> {
    let Some(reader) = &reading.reader else { return Ok(None) };
    let newest = reader.newest_event().map_err(ledger_failed)?;
    let last = reader.events_after(newest - 1, 1).map_err(ledger_failed)?;
    Ok(last.first().map(|event| Duration::try_from(now.duration_since(event.at)).unwrap_or_default()))
}

/// Says how late letters may go: what should have gone long ago is asked for, where there is somebody to ask.
fn leave(context: &Context, reading: &Reading, yes: bool) -> Result<Leave, Failure> {
    let now = context.clock.now();
    if yes {
        return Ok(Leave::approved(now));
    }
    let (Some(reader), Some(launched)) = (&reading.reader, &reading.launched) else {
        return Ok(Leave::from(now));
    };
    let sequence = reading.config.sequence();
    let schedule = Schedule::of(reader, launched.campaign.id, &sequence, Leave::from(now), now);
    let overdue = schedule.map_err(ledger_failed)?.overdue;
    if overdue.is_empty() || !context.report.interactive {
        return Ok(Leave::from(now));
    }
    let config = &reading.config;
    context.report.say(&format!("{}:", overdue_words(&overdue)));
    for due in overdue.iter().take(30) {
        let at = bar::when(due.at, now, &config.zone);
        context.report.say(&format!("  {}  {}, due since {at}", due.key, letter_name(config, due.step)));
    }
    let number = overdue.len();
    let question = format!("To let them go, type their number ({number}); anything else holds them back:");
    let lets = ask::type_exactly(&context.report, &question, &number.to_string(), "--yes")?;
    Ok(if lets { Leave::approved(now) } else { Leave::from(now) })
}

fn overdue_words(overdue: &[Due]) -> String {
    let letters = count(overdue.len() as u64, "letter");
    format!("{letters} should have gone more than {} ago", span(OVERDUE))
}

/// What the service and the lookout tell, in their order.
enum Word {
    Told(Told),
    Sight(Sight),
}

fn keep(
    context: &Context,
    reading: &Reading,
    sending: &Sending,
    leave: Leave,
    status_listen: Option<Loopback>,
    asked: Option<Shutdown>,
) -> Result<Exit, Failure> {
    let config = &reading.config;
    let runtime = runtime()?;
    let hears = asked.is_none();
    let shutdown = asked.unwrap_or_default();
    let heartbeat = Arc::new(AtomicI64::new(context.clock.now().as_millisecond()));
    let folders = Arc::new(Mutex::new(Vec::new()));
    let ended = runtime.block_on(async {
        let window = match status_listen {
            Some(address) => {
                let listener = address.bind().await;
                let listener =
                    listener.map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))?;
                if let Ok(address) = listener.local_addr() {
                    context
                        .report
                        .say(&format!("health and metrics at http://{address}/health and /metrics"));
                }
                let settings = status::Settings {
                    ledger: config.ledger.clone(),
                    campaign: config.name.clone(),
                    folders: Arc::clone(&folders),
                    heartbeat: Arc::clone(&heartbeat),
                    patience: status::PATIENCE,
                    clock: context.clock.clone(),
                };
                let shutdown = shutdown.clone();
                let asked = async move { shutdown.asked(Haste::Soon).await };
                Some(tokio::spawn(status::serve(settings, listener, asked)))
            }
            None => None,
        };
        let transport = sending.transport().await?;
        if let Err(failure) = reach(&transport).await {
            // What a person must mend is told now; what passes by itself is waited for.
            context.report.warn(&format!("{}; it is tried again", failure.said));
        }
        let (words, mut heard) = mpsc::unbounded_channel();
        let watching = match config.inbox {
            Some(_) => {
                let words = words.clone();
                let tell = Arc::new(move |sight| {
                    let _ = words.send(Word::Sight(sight));
                });
                let (lookout, barrier) = lookout(context, reading, sending, &shutdown, tell)?;
                Some((tokio::spawn(lookout.keep()), barrier))
            }
            None => None,
        };
        let (watching, barrier) = watching.unzip();
        let known = barrier.clone();
        let tell = Arc::new(move |told| {
            let _ = words.send(Word::Told(told));
        });
        let run = crate::engine::deliver::Run {
            barrier: barrier.clone(),
            not_overdue_since: None,
            ..sending.run(context, transport, &shutdown)
        };
        let summaries = config.notify.map(|at| {
            let summaries = Summaries {
                ledger: sending.ledger.clone(),
                transport: run.transport.clone(),
                clock: context.clock.clone(),
                campaign: sending.campaign.clone(),
                sender: sending.sender().clone(),
                at,
                zone: config.zone.clone(),
                shutdown: shutdown.clone(),
            };
            tokio::spawn(summaries.keep())
        });
        let service = Service {
            run,
            sequence: sending.sequence(),
            barrier,
            enclosing: sending.enclosing(context),
            leave,
            look: LOOK,
            tell,
            heartbeat,
        };
        let interrupts =
            hears.then(|| tokio::spawn(interrupt::listen(shutdown.clone(), context.report.clone())));
        let mut keeping = std::pin::pin!(service.keep());
        let ended = loop {
            tokio::select! {
                ended = &mut keeping => break ended,
                Some(word) = heard.recv() => {
                    if let Some(barrier) = &known {
                        let read = barrier.read();
                        let named = read.folders.into_iter().map(|folder| (read.mailbox.clone(), folder));
                        *folders.lock().unwrap_or_else(PoisonError::into_inner) = named.collect();
                    }
                    say(context, config, word);
                }
            }
        };
        if let Some(interrupts) = interrupts {
            interrupts.abort();
        }
        shutdown.ask(Haste::Soon);
        if let Some(watching) = watching {
            let _ = watching.await;
        }
        while let Ok(word) = heard.try_recv() {
            say(context, config, word);
        }
        if let Some(summaries) = summaries {
            let _ = summaries.await;
        }
        if let Some(window) = window {
            // Whoever still holds a line open is not waited for.
            window.abort();
        }
        ended.map_err(|error| {
            ledger_failed(error).hint("nothing more was sent, because nothing more could be written down")
        })
    });
    drop(runtime);
    let ended = match ended? {
        Ended::Stopped => {
            context.report.say("stopped; `postduif run` goes on there");
            Ended::Stopped
        }
        ended => ended,
    };
    sending.conclude(context, &ended, &[])
}

/// Tells a person what happens, a line each, with its time.
fn say(context: &Context, config: &Config, word: Word) {
    let (report, now) = (&context.report, context.clock.now());
    let time = now.to_zoned_datetime(config.zone.clone()).strftime("%a %-d %b %H:%M:%S").to_string();
    let line = |text: &str| report.say(&format!("{}  {text}", report.err.dim(&time)));
    match word {
        Word::Sight(Sight::Read(round)) => inbox::tell_news(context, config, &round),
        Word::Sight(Sight::Trouble { part, why, again }) => {
            inbox::tell_news(context, config, &part);
            line(&format!("{why}; again in {}", span(again)));
        }
        Word::Sight(Sight::Back) => line("the mailbox can be read again"),
        Word::Told(told) => {
            line(&told_words(config, &told, now));
            if matches!(told, Told::Waits { .. } | Told::Paused { .. }) {
                finish(context, config);
            }
        }
    }
}

fn told_words(config: &Config, told: &Told, now: Timestamp) -> String {
    let when = |at| bar::when(at, now, &config.zone);
    let keys = |due: &[Due]| {
        let some: Vec<&str> = due.iter().take(10).map(|due| due.key.as_str()).collect();
        format!("{}{}", some.join(", "), if due.len() > some.len() { ", …" } else { "" })
    };
    match told {
        Told::Released(due) => format!("{} due: {}", count(due.len() as u64, "further letter"), keys(due)),
        Told::Overdue(due) => format!(
            "{}, and wait for you: {}; stop this with Ctrl-C, and `postduif follow-up` shows and sends them",
            overdue_words(due),
            keys(due)
        ),
        Told::MailboxUnread { letters, why } => format!(
            "{} due and waiting, because the mailbox cannot be read and somebody may have answered: {why}",
            count(*letters as u64, "further letter")
        ),
        Told::FileMissing { key, why } => format!("{key}: its letter waits, because {why}"),
        Told::Unreachable { why, again } => {
            format!("the relay cannot be reached: {why}; again {}", when(*again))
        }
        Told::Paused { why } => format!("paused: {why}; `postduif resume` lets it go on"),
        Told::Resumed => "resumed".to_owned(),
        Told::Waits { queue, next } => {
            let queue = queue.map(|waits| format!("the queue {}", bar::waiting(waits, now, &config.zone)));
            let next = next.map(|at| format!("the next letter is due {}", when(at)));
            let parts: Vec<String> = queue.into_iter().chain(next).collect();
            if parts.is_empty() { "waits for answers, or for you".to_owned() } else { parts.join("; ") }
        }
    }
}
