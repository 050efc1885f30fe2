//! `postduif review`: what came back and is not certain, one by one, with the evidence, for a person's judgement.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};

use jiff::civil::Date;
use serde::Serialize;

use super::tasks::typed;
use super::{Context, bar, launched, ledger_failed, log_file, one_key, outcome_file};
use crate::cli::{Review, ReviewWord};
use crate::config::Config;
use crate::delivery::inbound::Kind;
use crate::engine::replies;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::{InboundId, InboundRecord, Judgement, Verdict, Wish};
use crate::report::{Failure, count};

/// So many lines of a text are shown with the question; `t` shows it all.
const SHOWN: usize = 8;

/// One of them, as other programs read it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    number: i64,
    key: &'a str,
    step: Option<u32>,
    kind: Kind,
    at: jiff::Timestamp,
    from: Option<&'a str>,
    subject: Option<&'a str>,
    evidence: Option<&'a crate::delivery::inbound::Matched>,
    reasons: &'a [String],
}

/// Lists what waits, takes one word, or asks about each.
///
/// # Errors
/// When nothing has been sent yet, or the word makes no sense.
pub fn run(context: &Context, what: &Review) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    let waiting = reader.open_reviews(campaign.id).map_err(ledger_failed)?;
    let key = what.key.as_deref().map(|key| one_key(&reader, &campaign, key)).transpose()?;
    drop(reader);
    if what.json {
        for record in &waiting {
            context.report.result(&serde_json::to_string(&line(record)).unwrap_or_default());
        }
        return Ok(Exit::Done);
    }
    if let (Some(number), Some(word)) = (what.number, what.word) {
        let judgement = Judgement { verdict: verdict(word, what.until)?, key, note: what.note.clone() };
        judge(context, &config, InboundId(number), judgement)?;
        context.report.say(&format!("number {number} counts as {}", words(word)));
        finish(context, &config);
        return Ok(Exit::Done);
    }
    if waiting.is_empty() {
        context.report.say("nothing waits for your judgement");
        return Ok(Exit::Done);
    }
    if what.list || !context.report.interactive {
        for record in &waiting {
            context.report.result(&told(context, &config, record, SHOWN));
        }
        context.report.say(&format!(
            "{} for your judgement: `postduif review` asks about each; `postduif review NUMBER WORD` takes one word",
            count(waiting.len() as u64, "message waits")
        ));
        return Ok(Exit::Done);
    }
    let judged = ask_all(context, &config, &waiting)?;
    if judged > 0 {
        finish(context, &config);
    }
    context.report.say(&format!("{} judged", count(judged, "message")));
    Ok(Exit::Done)
}

fn line(record: &InboundRecord) -> Line<'_> {
    Line {
        number: record.id.0,
        key: &record.key,
        step: record.step,
        kind: record.kind,
        at: record.at,
        from: record.sender.as_deref(),
        subject: record.subject.as_deref(),
        evidence: record.reading.matched.as_ref(),
        reasons: &record.reading.reasons,
    }
}

pub(super) fn finish(context: &Context, config: &Config) {
    log_file::mend(context, config);
    outcome_file::rewrite(context, config);
}

fn judge(
    context: &Context,
    config: &Config,
    inbound: InboundId,
    judgement: Judgement,
) -> Result<(), Failure> {
    let wish = Wish::Judge { campaign: config.name.clone(), inbound, judgement };
    Ledger::wish(&config.ledger, &wish, context.clock.now()).map(|_| ()).map_err(ledger_failed)
}

/// Asks about each, a key each; returns how many were judged.
fn ask_all(context: &Context, config: &Config, waiting: &[InboundRecord]) -> Result<u64, Failure> {
    let mut judged = 0;
    let keys = "  a an answer   m a machine   d away until a day   b bounced   w wrong address   g send it again\n  \
                o no more letters   n nothing of ours   k of another recipient   t the whole text   s later   q quit";
    for (nth, record) in waiting.iter().enumerate() {
        let mut shown = told(context, config, record, SHOWN);
        let mut key = None;
        loop {
            context.report.say(&format!("\n({} of {}) {shown}\n{keys}", nth + 1, waiting.len()));
            let Some(answer) = typed_line("?") else { return Ok(judged) };
            let verdict = match answer.as_str() {
                "a" => Verdict::Reply,
                "m" => Verdict::AutoReply,
                "b" => Verdict::Bounced,
                "w" => Verdict::WrongAddress,
                "g" => Verdict::SendAgain,
                "o" => Verdict::OptedOut,
                "n" => Verdict::Nothing,
                "d" => match typed_line("until (2025-09-08)?").and_then(|day| day.parse().ok()) {
                    Some(day) => Verdict::Away(day),
                    None => continue,
                },
                "k" => {
                    let Some(typed) = typed_line("the recipient's key?") else { continue };
                    let (reader, campaign) = launched(config)?;
                    match one_key(&reader, &campaign, &typed) {
                        Ok(found) => {
                            shown = format!("now of {found}: {}", told(context, config, record, 0));
                            key = Some(found);
                        }
                        Err(failure) => context.report.say(&failure.said),
                    }
                    continue;
                }
                "t" => {
                    shown = told(context, config, record, usize::MAX);
                    continue;
                }
                "s" | "" => break,
                "q" => return Ok(judged),
                _ => continue,
            };
            match judge(context, config, record.id, Judgement { verdict, key: key.clone(), note: None }) {
                Ok(()) => judged += 1,
                Err(failure) => context.report.say(&failure.said),
            }
            break;
        }
    }
    Ok(judged)
}

/// Asks for a line; nothing at the end of the input.
fn typed_line(question: &str) -> Option<String> {
    let mut terminal = std::io::stderr().lock();
    let _ = write!(terminal, "{question} ");
    let _ = terminal.flush();
    drop(terminal);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).ok()?;
    (read > 0).then(|| answer.trim().to_owned())
}

/// Tells what it is about, why it is not certain, and the beginning of its text.
fn told(context: &Context, config: &Config, record: &InboundRecord, lines: usize) -> String {
    let style = context.report.out;
    let at = bar::when(record.at, context.clock.now(), &config.zone);
    let mut text = format!(
        "number {}: {} {}\n",
        record.id.0,
        style.bold(&record.key),
        style.dim(&format!("perhaps {}, {at}", kind_words(record.kind)))
    );
    let mut fact = |word: &str, value: &str| {
        let _ = writeln!(text, "  {} {value}", style.dim(&format!("{word:<8}")));
    };
    fact("from", record.sender.as_deref().unwrap_or("nobody"));
    fact("subject", record.subject.as_deref().unwrap_or("none"));
    if let Some(matched) = &record.reading.matched {
        fact("known by", &format!("{} {}", matched.by.words(), matched.evidence));
    }
    for reason in &record.reading.reasons {
        fact("because", reason);
    }
    let kept = record.kept.as_deref().and_then(|kept| replies::text(&config.ledger, kept));
    for (nth, line) in kept.iter().flat_map(|kept| kept.lines()).enumerate() {
        if nth == lines {
            let _ = writeln!(text, "  | …");
            break;
        }
        let _ = writeln!(text, "  | {line}");
    }
    let _ = write!(text, "  {}", style.dim(&format!("postduif why {}", typed(&record.key))));
    text
}

fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Reply => "an answer",
        Kind::AutoReply => "an automatic answer",
        Kind::Bounce => "a bounce",
        Kind::Complaint => "a complaint",
        Kind::Unsubscribe => "a wish for no more letters",
        Kind::Receipt => "a receipt",
        Kind::Unrelated => "nothing of ours",
    }
}

fn verdict(word: ReviewWord, until: Option<Date>) -> Result<Verdict, Failure> {
    Ok(match (word, until) {
        (ReviewWord::Reply, _) => Verdict::Reply,
        (ReviewWord::AutoReply, None) => Verdict::AutoReply,
        (ReviewWord::Away | ReviewWord::AutoReply, Some(day)) => Verdict::Away(day),
        (ReviewWord::Away, None) => {
            return Err(Failure::input("until when are they away?")
                .hint("add --until 2025-09-08, the day of return")
                .safe("nothing was changed"));
        }
        (ReviewWord::Bounced, _) => Verdict::Bounced,
        (ReviewWord::WrongAddress, _) => Verdict::WrongAddress,
        (ReviewWord::SendAgain, _) => Verdict::SendAgain,
        (ReviewWord::OptedOut, _) => Verdict::OptedOut,
        (ReviewWord::Complaint, _) => Verdict::Complaint,
        (ReviewWord::Nothing, _) => Verdict::Nothing,
    })
}

fn words(word: ReviewWord) -> &'static str {
    match word {
        ReviewWord::Reply => "an answer",
        ReviewWord::AutoReply => "an automatic answer",
        ReviewWord::Away => "an absence",
        ReviewWord::Bounced => "a bounce",
        ReviewWord::WrongAddress => "a wrong address",
        ReviewWord::SendAgain => "a bounce; the letter goes again",
        ReviewWord::OptedOut => "a wish for no more letters",
        ReviewWord::Complaint => "a complaint",
        ReviewWord::Nothing => "nothing of ours",
    }
}
