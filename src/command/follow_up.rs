//! `postduif follow-up`: reads the mailbox, shows who would get which letter and who not and why, asks, and sends.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::reading::Reading;
use super::refusals::{refuse_if_stopped, refuse_if_unready, refuse_without_mailbox};
use super::sending::{Sending, lookout, reach};
use super::survey::survey;
use super::{Context, ask, bar, inbox, interrupt, launched, ledger_failed, one_key, runtime, wrong_input};
use crate::campaign::roster::Row;
use crate::cli::FollowUp;
use crate::config::Config;
use crate::delivery::enrollment::{Next, Reason, Sequence};
use crate::delivery::patience::{Obstacle, Patience};
use crate::engine::deliver::{Ended, Run};
use crate::engine::lookout::Sight;
use crate::engine::shutdown::{Haste, Shutdown};
use crate::exit::Exit;
use crate::ledger::record::{Onward, Released, Wanted};
use crate::report::{Failure, Style, count, grouped};

/// So many are listed one by one; of more the reasons are counted.
const LISTED: usize = 300;

/// Shows, asks, sends.
///
/// # Errors
/// When nothing was sent yet, the mailbox cannot be read, or anything is wrong before the first letter.
pub fn run(context: &Context, what: &FollowUp) -> Result<Exit, Failure> {
    let mut reading = Reading::of(context)?;
    let surveyed = survey(context, &mut reading, &[])?;
    context.report.problems(&reading.problems);
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems).hint("postduif check names them again"));
    }
    launched(&reading.config)?;
    refuse_if_stopped(context, &reading)?;
    if reading.config.steps.len() < 2 {
        return Err(Failure::input("the campaign has one letter, and none that follows it")
            .hint("add a `[[step]]` with `letter` and `after` to config.toml; the guide shows how")
            .safe("nothing was sent"));
    }
    if what.dry_run {
        match &reading.config.inbox {
            Some(_) => inbox::read_once(context, &reading.config)?,
            None => context
                .report
                .warn("no mailbox is configured, so answers are known only where you marked them"),
        }
    } else {
        refuse_if_unready(&reading)?;
        refuse_without_mailbox(&reading)?;
        inbox::read_once(context, &reading.config)?;
    }
    let asked = Asked::of(&reading.config, what)?;
    let now = context.clock.now();
    let mut shown = shown(&reading.config, &asked, now)?;
    leave_out_by_the_roster(&reading, &mut shown)?;
    context.report.result(&text(&reading.config, &shown, now, context.report.out));
    let due = shown.iter().filter(|one| goes(&one.next, now).is_some()).count() as u64;
    if what.dry_run {
        return Ok(Exit::Done);
    }
    if due == 0 {
        return finish(context, &reading);
    }
    if !what.yes {
        let question = format!("To send, type the number of letters ({due}):");
        if !ask::type_exactly(&context.report, &question, &due.to_string(), "--yes")? {
            context.report.say("nothing was sent");
            return Ok(Exit::Done);
        }
    }
    let sending = Sending::begin(context, &reading, "follow-up")?;
    sending.enroll(context, &reading, &surveyed)?;
    let keys = shown.into_iter().filter_map(|one| Some((goes(&one.next, now)?, one.key)));
    send(context, &reading, &sending, what, &asked, keys.collect())
}

/// Ends the campaign where nothing can follow any more; another process that has the ledger does so itself.
fn finish(context: &Context, reading: &Reading) -> Result<Exit, Failure> {
    match Sending::begin(context, reading, "follow-up") {
        Ok(sending) => sending.conclude(context, &Ended::Done, &[]),
        Err(failure) if failure.exit == Exit::Ledger => Ok(Exit::Done),
        Err(failure) => Err(failure),
    }
}

/// The recipients that a person named, as the ledger writes them.
struct Asked {
    only: Vec<String>,
    despite_reply: Vec<String>,
}

impl Asked {
    fn of(config: &Config, what: &FollowUp) -> Result<Self, Failure> {
        let (reader, campaign) = launched(config)?;
        let keys = |typed: &[String]| -> Result<Vec<String>, Failure> {
            typed.iter().map(|key| one_key(&reader, &campaign, key)).collect()
        };
        Ok(Self { only: keys(&what.only)?, despite_reply: keys(&what.despite_reply)? })
    }
}

/// What goes now: what is due, and what an earlier follow-up left in the queue.
fn goes(next: &Next, now: Timestamp) -> Option<Goes> {
    match next {
        Next::Letter { step, due, .. } if *due <= now => Some(Goes::Due(*step)),
        Next::Nothing(Reason::Queued(step)) if *step > 1 => Some(Goes::Queued),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    Due(u32),
    Queued,
}

/// Returns what is next for everybody that was asked for.
fn shown(config: &Config, asked: &Asked, now: Timestamp) -> Result<Vec<Onward>, Failure> {
    let (reader, campaign) = launched(config)?;
    let sequence = config.sequence();
    let mut shown = Vec::new();
    let everybody = asked.only.is_empty();
    reader
        .each_onward(campaign.id, &sequence, now, |onward| {
            if everybody || asked.only.contains(&onward.key) || asked.despite_reply.contains(&onward.key) {
                shown.push(onward);
            }
            true
        })
        .map_err(ledger_failed)?;
    for one in shown.iter_mut().filter(|one| asked.despite_reply.contains(&one.key)) {
        if let Some(despite) =
            reader.onward(campaign.id, &one.key, (&sequence, now), true).map_err(ledger_failed)?
        {
            *one = despite;
        }
    }
    Ok(shown)
}

/// Leaves out whom the roster leaves out as it is now; the ledger hears of it when the letters are queued.
fn leave_out_by_the_roster(reading: &Reading, shown: &mut [Onward]) -> Result<(), Failure> {
    let rules = &reading.config.rules;
    if rules.iter().all(|rule| rule.unless.is_empty()) {
        return Ok(());
    }
    let mut left_out = HashMap::new();
    for row in reading.rows()? {
        let Row::Recipient { recipient, .. } = row else { continue };
        for (step, rule) in (1_u32..).zip(rules) {
            if let Some(condition) = rule.unless.iter().find(|condition| condition.holds(&recipient.fields)) {
                left_out.insert((recipient.key.clone(), step), condition.to_string());
            }
        }
    }
    for one in shown {
        if let Next::Letter { step, .. } = one.next
            && let Some(condition) = left_out.remove(&(one.key.clone(), step))
        {
            one.next = Next::Nothing(Reason::Condition(condition));
        }
    }
    Ok(())
}

/// Writes down who gets a letter, who gets one later, and who gets none, each with the reason.
fn text(config: &Config, shown: &[Onward], now: Timestamp, style: Style) -> String {
    let (mut due, mut later, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for one in shown {
        match &one.next {
            next if goes(next, now).is_some() => due.push(one),
            Next::Letter { .. } => later.push(one),
            Next::Nothing(_) => none.push(one),
        }
    }
    let mut text = format!("{}: {} to go now\n", style.bold(&config.name), count(due.len() as u64, "letter"));
    let width = shown.iter().map(|one| one.key.chars().count()).max().unwrap_or(0).min(30);
    let mut list = |title: &str, group: &[&Onward]| {
        if group.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{title} ({})", grouped(group.len() as u64));
        for one in group.iter().take(LISTED) {
            let _ = writeln!(text, "  {:<width$}  {}", one.key, words(config, one, now));
        }
        if group.len() > LISTED {
            let _ = writeln!(text, "  … and {} more; logs/status.csv has them all", group.len() - LISTED);
        }
    };
    list("now", &due);
    list("later", &later);
    list("none", &none);
    text
}

/// Says in a clause what is next for somebody.
pub(super) fn words(config: &Config, one: &Onward, now: Timestamp) -> String {
    match &one.next {
        Next::Letter { step, due, put_off_by } => {
            let letter = letter_name(config, *step);
            let away =
                put_off_by.map(|day| format!(", because they are away until {day}")).unwrap_or_default();
            if *due <= now {
                format!("{letter}, due since {}", bar::when(*due, now, &config.zone))
            } else {
                format!("{letter}, {}{away}", bar::when(*due, now, &config.zone))
            }
        }
        Next::Nothing(Reason::OnHold) => {
            let why = one.hold.as_deref().unwrap_or("held back by hand");
            format!("you hold it back: {why}")
        }
        Next::Nothing(reason) => reason.to_string(),
    }
}

/// `letter 2 (herinnering)`.
pub(super) fn letter_name(config: &Config, step: u32) -> String {
    let name = usize::try_from(step).ok().and_then(|step| config.steps.get(step.checked_sub(1)?));
    match name {
        Some(name) => format!("letter {step} ({name})"),
        None => format!("letter {step}"),
    }
}

fn send(
    context: &Context,
    reading: &Reading,
    sending: &Sending,
    what: &FollowUp,
    asked: &Asked,
    keys: Vec<(Goes, String)>,
) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let shutdown = Shutdown::default();
    let ended = runtime.block_on(async {
        let transport = sending.transport().await?;
        reach(&transport).await?;
        let (words, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let tell = Arc::new(move |sight: Sight| {
            let _ = words.send(sight);
        });
        let (lookout, barrier) = lookout(context, reading, sending, &shutdown, tell)?;
        let watching = tokio::spawn(lookout.keep());
        let queued = release(context, reading, sending, &barrier, asked, &keys).await?;
        let run = Run {
            only: queued.clone(),
            barrier: Some(barrier),
            patience: if what.wait { Patience::Endless } else { Patience::Sitting },
            ..sending.run(context, transport, &shutdown)
        };
        let watcher = tokio::spawn(bar::watch(
            Arc::clone(&run.progress),
            queued.len() as u64,
            context.report.clone(),
            context.clock.clone(),
            reading.config.zone.clone(),
        ));
        let interrupts = tokio::spawn(interrupt::listen(shutdown.clone(), context.report.clone()));
        // `only` without a key means everybody.
        let ended = if queued.is_empty() { Ok(Ended::Done) } else { run.deliver().await };
        watcher.abort();
        interrupts.abort();
        shutdown.ask(Haste::Soon);
        let _ = watching.await;
        while let Ok(sight) = heard.try_recv() {
            match sight {
                Sight::Read(round) => inbox::tell_news(context, &reading.config, &round),
                Sight::Trouble { part, why, .. } => {
                    inbox::tell_news(context, &reading.config, &part);
                    context.report.warn(&format!("the mailbox could not be read: {why}"));
                }
                Sight::Back => {}
            }
        }
        ended.map(|ended| (ended, queued)).map_err(|error| {
            ledger_failed(error).hint("nothing more was sent, because nothing more could be written down")
        })
    });
    drop(runtime);
    let (ended, queued) = ended?;
    let exit = sending.conclude(context, &ended, &queued)?;
    Ok(match ended {
        Ended::Later(waits) if waits.obstacle == Obstacle::Mailbox => Exit::Unreachable,
        _ => exit,
    })
}

/// Queues the letters that were shown, once the mailbox was read again; tells of whom something has changed.
async fn release(
    context: &Context,
    reading: &Reading,
    sending: &Sending,
    barrier: &crate::engine::lookout::Barrier,
    asked: &Asked,
    keys: &[(Goes, String)],
) -> Result<Vec<String>, Failure> {
    barrier.ask().await.map_err(|why| {
        Failure::new(Exit::Unreachable, format!("the mailbox cannot be read: {why}"))
            .safe("nothing was sent, because somebody may have answered")
    })?;
    let sequence: Arc<Sequence> = sending.sequence();
    let (enclosing, now) = (sending.enclosing(context), context.clock.now());
    let (mut wanted, mut queued) = (Vec::with_capacity(keys.len()), Vec::new());
    for (goes, key) in keys {
        let Goes::Due(step) = goes else {
            queued.push(key.clone());
            continue;
        };
        match sending.enclosed(&enclosing, key, *step, now).await.map_err(ledger_failed)? {
            Ok(enclosures) => {
                let despite_reply = asked.despite_reply.contains(key);
                wanted.push(Wanted { key: key.clone(), despite_reply, enclosures });
            }
            Err(why) => context.report.warn(&format!("{key}: its letter waits, because {why}")),
        }
    }
    let now = context.clock.now();
    let released = sending.ledger.release(sending.campaign.id, sequence, wanted, now).await;
    for one in released.map_err(ledger_failed)? {
        match one {
            Released::Queued { key, .. } => queued.push(key),
            Released::Not { key, next } => {
                let one = Onward { key, address: None, next, hold: None, queued_since: None };
                context.report.say(&format!("{}: not now: {}", one.key, words(&reading.config, &one, now)));
            }
        }
    }
    Ok(queued)
}
