//! `postduif inbox`: reads the mailbox, and records who answered, what bounced and who is away; with files, explains those.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use super::interrupt::heed;
use super::review::finish;
use super::{Context, explain, launched, ledger_failed, runtime};
use crate::campaign::task::told;
use crate::cli;
use crate::config::Config;
use crate::delivery::inbound::{Class, Kind, Reading};
use crate::engine::shutdown::{Haste, Shutdown};
use crate::engine::watch::{Came, Round, Watch, WatchError};
use crate::exit::Exit;
use crate::inbox::mailbox::{Inbox, InboxError, Settings, pause};
use crate::report::{Failure, count, grouped};

/// Whatever happens, a watched mailbox is read anew so often: not every server tells of every folder.
const PATIENCE: Duration = Duration::from_secs(300);

/// Reads the mailbox once, or stays; files are explained instead.
///
/// # Errors
/// When nothing was sent yet, no mailbox is configured, or it cannot be read.
pub fn run(context: &Context, what: &cli::Inbox) -> Result<Exit, Failure> {
    if !what.files.is_empty() {
        return explain::run(context, what);
    }
    let config = context.config()?;
    let Some(settings) = config.inbox.clone() else {
        return Err(Failure::input("no mailbox is configured")
            .hint("put it into `[inbox]` of config.toml; the guide shows how. To explain files: `postduif inbox FILE…`")
            .safe("nothing was read"));
    };
    let (reader, campaign) = launched(&config)?;
    drop(reader);
    let since = settings.begins(&config.zone, campaign.launched_at);
    let inbox = open(&settings, context)?;
    context.report.say(&format!("reading {}", inbox.describe()));
    let (zone, clock) = (config.zone.clone(), context.clock.clone());
    let watch = Watch::new(inbox, &config.ledger, campaign, since, zone, clock);
    let mut reader = Reader { context, config: &config, json: what.json, runtime: runtime()?, watch };
    let ended = if what.watch { reader.stay() } else { reader.once().map_err(failed) };
    let Reader { runtime, watch, .. } = reader;
    runtime.block_on(watch.close());
    ended
}

pub(super) fn open(settings: &Settings, context: &Context) -> Result<Inbox, Failure> {
    Inbox::open(settings.clone(), context.clock.clone()).map_err(|error| failed(error.into()))
}

/// Reads the mailbox to its end and tells what was found, for a command that needs to know it.
///
/// # Errors
/// When no mailbox is configured, nothing was sent yet, or the mailbox cannot be read.
pub(super) fn read_once(context: &Context, config: &Config) -> Result<(), Failure> {
    let Some(settings) = config.inbox.clone() else { return Ok(()) };
    let (reader, campaign) = launched(config)?;
    drop(reader);
    let since = settings.begins(&config.zone, campaign.launched_at);
    let inbox = open(&settings, context)?;
    context.report.say(&format!("reading {}", inbox.describe()));
    let watch =
        Watch::new(inbox, &config.ledger, campaign, since, config.zone.clone(), context.clock.clone());
    let mut reader = Reader { context, config, json: false, runtime: runtime()?, watch };
    let ended = reader.once().map_err(failed);
    let Reader { runtime, watch, .. } = reader;
    runtime.block_on(watch.close());
    ended.map(drop)
}

/// Tells what a round found, where anybody has to hear of it.
pub(super) fn tell_news(context: &Context, config: &Config, round: &Round) {
    if *round != quiet(round) {
        tell(context, config, false, round);
    }
}

/// Reads, and tells between two readings what was found.
struct Reader<'a> {
    context: &'a Context,
    config: &'a Config,
    json: bool,
    runtime: Runtime,
    watch: Watch,
}

impl Reader<'_> {
    fn once(&mut self) -> Result<Exit, WatchError> {
        let mut round = Round::default();
        let ended = self.runtime.block_on(self.watch.round(&mut round));
        if ended.is_err() {
            self.tell_part(&round);
        } else {
            self.tell(&round);
        }
        ended.map(|()| Exit::Done)
    }

    fn tell(&self, round: &Round) {
        tell(self.context, self.config, self.json, round);
    }

    /// Tells of a round that ended early, if anything was recorded in it.
    fn tell_part(&self, round: &Round) {
        if !round.came.is_empty() || !round.found_in_sent.is_empty() {
            self.tell(round);
        }
    }

    /// Reads again whenever something comes, until Ctrl-C or SIGTERM. A line that breaks is made again after a while; what was
    /// recorded holds.
    fn stay(&mut self) -> Result<Exit, Failure> {
        let report = &self.context.report;
        let (mut failures, mut first) = (0, true);
        let shutdown = Shutdown::default();
        self.runtime.spawn(heed(shutdown.clone()));
        // What is written into the ledger is written in one go, so a round may be left anywhere.
        let stopped = || shutdown.asked(Haste::Soon);
        loop {
            let mut round = Round::default();
            let ended = self.runtime.block_on(async {
                tokio::select! { ended = self.watch.round(&mut round) => Some(ended), () = stopped() => None }
            });
            let Some(ended) = ended else {
                self.tell_part(&round);
                break;
            };
            let ended = match ended {
                Ok(()) => {
                    if failures > 0 {
                        report.say("the mailbox can be read again");
                    }
                    failures = 0;
                    if first || round != quiet(&round) {
                        self.tell(&round);
                    }
                    first = false;
                    let woken = self.runtime.block_on(async {
                        tokio::select! { woken = self.watch.wait(PATIENCE) => Some(woken), () = stopped() => None }
                    });
                    let Some(woken) = woken else { break };
                    woken.map(drop).map_err(WatchError::from)
                }
                Err(error) => {
                    self.tell_part(&round);
                    Err(error)
                }
            };
            match ended {
                Ok(()) => {}
                Err(WatchError::Inbox(error)) if error.may_pass() => {
                    failures += 1;
                    let wait = pause(failures);
                    report.warn(&format!("{error}; again in {}", crate::report::span(wait)));
                    self.runtime.block_on(async {
                        tokio::select! { () = self.context.clock.sleep(wait) => {}, () = stopped() => {} }
                    });
                }
                Err(error) => return Err(failed(error)),
            }
        }
        report.say("stopped; the next reading goes on there");
        Ok(Exit::Done)
    }
}

/// A round in which nothing happened that anybody has to hear of.
fn quiet(round: &Round) -> Round {
    Round { unrelated: round.unrelated, ..Round::default() }
}

fn tell(context: &Context, config: &Config, json: bool, round: &Round) {
    let report = &context.report;
    let today = context.clock.now().to_zoned_datetime(config.zone.clone()).date();
    for came in &round.came {
        report.result(&match json {
            true => line(came).to_string(),
            false => format!("{} {}", report.out.bold(&came.key), words(came, today)),
        });
    }
    for key in &round.found_in_sent {
        report.say(&format!("{key}: in doubt no longer, since its copy lies in the Sent folder"));
    }
    for unplaced in &round.unplaced {
        report.say(&format!("of no letter that we know: {unplaced}"));
    }
    if round.more_unplaced > 0 {
        report.say(&format!("… and {} more of no letter that we know", grouped(round.more_unplaced)));
    }
    for place in &round.unreadable {
        report.warn(&format!("a message cannot be read, {place}; look at it with your mail program"));
    }
    if !round.came.is_empty() || !round.found_in_sent.is_empty() {
        finish(context, config);
    }
    let mut said = match round.came.len() as u64 {
        0 => "nothing new about our letters".to_owned(),
        number => format!("{} recorded", count(number, "message")),
    };
    if round.unrelated > 0 {
        let _ = write!(said, "; {} of other mail", count(round.unrelated, "message"));
    }
    report.say(&said);
    let waiting = round.came.iter().filter(|came| came.review).count() as u64;
    if waiting > 0 {
        report.say(&format!(
            "{} for your judgement: `postduif review`",
            if waiting == 1 { "1 waits".to_owned() } else { format!("{waiting} wait") }
        ));
    }
}

fn line(came: &Came) -> serde_json::Value {
    let mut line = came.reading.to_json("");
    if let Some(fields) = line.as_object_mut() {
        fields.remove("file");
        fields.insert("key".to_owned(), json!(came.key));
        fields.insert("from".to_owned(), json!(came.sender));
        fields.insert("review".to_owned(), json!(came.review));
    }
    line
}

/// What became of a recipient, in a line.
fn words(came: &Came, today: jiff::civil::Date) -> String {
    let Reading { kind, class, auto_reply, until, status, delayed, address_bad, .. } = &came.reading;
    let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
    let what = match kind {
        Kind::Reply => "answered".to_owned(),
        Kind::AutoReply => match (auto_reply, until) {
            (_, Some(day)) => format!("away until {}", told(*day, today)),
            (Some(kind), None) => kind.words().to_owned(),
            (None, None) => "answered automatically".to_owned(),
        },
        Kind::Bounce if *delayed => format!("delayed; the relay is still trying{status}"),
        Kind::Bounce if *address_bad => format!("bounced: the address is bad{status}"),
        Kind::Bounce if *class == Some(Class::Soft) || came.reading.says_full() => {
            format!("came back for now{status}")
        }
        Kind::Bounce => format!("bounced{status}"),
        Kind::Complaint => "called the letter spam".to_owned(),
        Kind::Unsubscribe => "wants no more letters".to_owned(),
        Kind::Receipt => "sent a receipt".to_owned(),
        Kind::Unrelated => "wrote about something else".to_owned(),
    };
    let from = came.sender.as_ref().map(|sender| format!(", from {sender}")).unwrap_or_default();
    let evidence = came.reading.matched.as_ref();
    let by = evidence.map(|matched| format!("; known by {} {}", matched.by.words(), matched.evidence));
    let review = if came.review { "; not certain, for `postduif review`" } else { "" };
    format!("{what}{from}{}{review}", by.unwrap_or_default())
}

fn failed(error: WatchError) -> Failure {
    let said = error.to_string();
    let safe = "what was recorded before holds; nothing was changed in the mailbox";
    match error {
        WatchError::Ledger(error) => ledger_failed(error),
        WatchError::Kept { .. } => Failure::new(Exit::Ledger, said).safe(safe),
        WatchError::Inbox(error) => {
            let exit = match error {
                InboxError::Account(_) | InboxError::Folders(_) => Exit::Input,
                _ => Exit::Unreachable,
            };
            Failure::new(exit, said).hint("look at `[inbox]`, and run it again").safe(safe)
        }
    }
}
