//! Reports without any structure: nearly half of the real ones.
//!
//! No single sign decides. What machines leave behind is weighed, and what is said about a failure, and both must be there:
//! a person who writes about a bounce leaves none of the first, a machine that says "I am away" says none of the second.

use super::super::super::incoming::Incoming;
use super::super::super::new_text::new_text;
use super::super::super::returned::Report;
use super::super::super::rules::rules;
use super::super::super::status::{Said, find, reply_code};
use super::super::super::words::{addresses, count, plain};
use super::structured::asks_instead;
use super::{Machine, is_delay, reading, recipients};
use crate::delivery::inbound::{Kind, Reading};
use crate::mail::smtp_reply::EnhancedCode;

/// Reads a report by its words.
pub(super) fn read(incoming: &Incoming<'_>, report: &Report, machine: &Machine) -> Option<Reading> {
    let text = plain(&report.text);
    let failure = Failure::of(incoming, report, &text);
    let told = rules().delivered.fits(&incoming.subject_plain) && !failure.code && failure.cause.is_none();
    let is_one = told && machine.weight >= 2 || failure.is_one(incoming, machine, &text, &report.text);
    if !is_one {
        return None;
    }
    if is_success(incoming, &text, &failure) {
        let mut receipt = Reading::new(Kind::Receipt).because("a report says that it was delivered");
        receipt.recipients = recipients::find(incoming, report);
        return Some(receipt);
    }
    let delayed = is_delay(incoming, &report.text);
    let named = recipients::find(incoming, report);
    let near = near(&report.text, &named);
    let status = find(Said { declared: None, diagnostic: &near, report: &report.text, delayed });
    let mut reading = reading(&status, delayed, named, &near);
    let mut reasons = machine.reasons.clone();
    reasons.extend(failure.reasons);
    reasons.extend(reading.reasons);
    reading.reasons = reasons;
    Some(reading)
}

#[derive(Default)]
struct Failure {
    weight: u32,
    subject: bool,
    phrases: usize,
    cause: Option<&'static str>,
    code: bool,
    reasons: Vec<String>,
}

impl Failure {
    fn of(incoming: &Incoming<'_>, report: &Report, text: &str) -> Self {
        let mut failure = Self::default();
        // What asks or acknowledges may be our own subject; what says that it is automatic is not.
        let automatic = is_automatic(incoming);
        if let Some(rule) = rules()
            .bounce_subject
            .first(&incoming.subject_plain)
            .filter(|_| !automatic && (incoming.prefix.is_none() || !incoming.answers()))
        {
            failure.subject = true;
            failure.weight += 3;
            failure.reasons.push(rule.because.clone());
        }
        failure.phrases = rules().report.proven(text).iter().map(|(_, count)| count).sum();
        if failure.phrases > 0 {
            failure.weight += u32::try_from(failure.phrases.min(3)).unwrap_or(3);
            failure.reasons.push("the text is that of a delivery report".to_owned());
        }
        if rules().delay.fits(text) {
            failure.weight += 1;
            failure.phrases += 1;
        }
        failure.cause = rules().cause.first(text).map(|rule| rule.proves.as_str());
        if failure.cause.is_some() {
            failure.weight += 1;
        }
        failure.code = reply_code(&report.text).is_some()
            || EnhancedCode::first_in(&report.text).is_some_and(|code| code.class != 2);
        if failure.code {
            failure.weight += 1;
        }
        failure
    }

    fn is_one(&self, incoming: &Incoming<'_>, machine: &Machine, text: &str, report: &str) -> bool {
        let answered = incoming.prefix.is_some()
            && !machine.daemon
            && !(self.subject
                && self.phrases > 0
                && count(text) < 60
                && !is_a_person(text)
                && !new_text(&incoming.text, &[]).quotes);
        let automatic = is_automatic(incoming);
        let away = rules()
            .auto_text
            .proven(text)
            .into_iter()
            .any(|(rule, _)| ["away", "left", "challenge"].contains(&rule.proves.as_str()));
        let both = machine.weight + self.weight;
        // A responder that knows nobody of that name.
        let refuses = refuses(text) && count(text) < 120 && !away && self.cause == Some("unknown");
        let automated = incoming.auto != Default::default() || incoming.null_path || automatic;
        if refuses && automated {
            return true;
        }
        if answered
            || (automatic || away) && !self.code && self.phrases < 2 && !machine.daemon && !machine.report
        {
            return false;
        }
        if asks_instead(incoming) && !self.code && self.cause != Some("unknown") && !self.subject {
            return false;
        }
        // `<ada@x.example>:` and the letter, and not a word about why.
        if machine.daemon && names_somebody(report) {
            return true;
        }
        // A mail system that reports has something to report; what it does with the words is its own affair.
        if machine.daemon && machine.weight >= 4 && !away && (self.cause.is_some() || self.code) {
            return true;
        }
        match machine.weight {
            // Nothing but the words: from a person, they would be about a bounce of theirs.
            0 | 1 if is_a_person(text) => false,
            0 if self.subject
                && self.phrases >= 1
                && count(text) < 60
                && !incoming.answers()
                && !incoming.is_bulk() =>
            {
                true
            }
            0 => {
                self.subject
                    && self.phrases >= 2
                    && (self.cause.is_some() || self.code)
                    && !incoming.answers()
                    && !incoming.is_bulk()
            }
            1 => self.weight >= 5 && self.subject && !incoming.is_bulk(),
            _ if self.phrases >= 1 && (self.cause.is_some() || self.code) => both >= 4,
            _ => self.weight >= 2 && both >= 5,
        }
    }
}

/// Whether somebody speaks of himself, or asks.
fn is_a_person(text: &str) -> bool {
    let first_person = text.split([' ', ',', '.']).any(|word| {
        ["i", "i've", "i'm", "my", "ik", "mijn", "ich", "je", "j'ai", "mon", "me"].contains(&word)
    });
    text.contains('?') || first_person && !text.contains("i'm afraid") && !text.contains("i'm sorry")
}

fn is_automatic(incoming: &Incoming<'_>) -> bool {
    rules()
        .auto_subject
        .first(&incoming.subject_plain)
        .is_some_and(|rule| ["automatic", "away"].contains(&rule.proves.as_str()))
}

/// Whether a line is an address in angle brackets and a colon, as qmail and its children write.
fn names_somebody(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with('<') && line.trim_end().ends_with(">:") && !addresses(line).is_empty())
}

/// "Not a valid user here", as the whole of what an automatic answer says.
fn refuses(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "not a valid",
        "no such user",
        "no such address",
        "no such mailbox",
        "does not exist",
        "doesn't exist",
        "no longer exists",
        "user unknown",
        "unknown user",
        "unknown recipient",
        "is not valid",
        "is invalid",
        "bestaat niet",
        "onbekende gebruiker",
        "existiert nicht",
        "n'existe pas",
        "no existe",
        "non esiste",
    ];
    WORDS.iter().any(|words| text.contains(words))
}

fn is_success(incoming: &Incoming<'_>, text: &str, failure: &Failure) -> bool {
    let by_subject = rules().delivered.fits(&incoming.subject_plain)
        && !rules()
            .bounce_subject
            .first(&incoming.subject_plain)
            .is_some_and(|_| incoming.subject_plain.contains("fail"));
    let by_text = rules().delivered.fits(text) && !failure.code && failure.cause.is_none();
    by_subject && !failure.code || by_text && !failure.subject
}

/// The lines about those who failed: from each one's address to the next empty line but one, or to the next address.
fn near(report: &str, named: &[String]) -> String {
    let lines: Vec<&str> = report.lines().collect();
    let mut out = String::new();
    let mut left = 0;
    for line in lines {
        let here = addresses(line);
        if here.iter().any(|(_, address)| named.iter().any(|known| known.eq_ignore_ascii_case(address))) {
            left = 8;
        } else if left > 0 && line.trim().is_empty() {
            left -= 2.min(left);
        }
        if left > 0 {
            out.push_str(line);
            out.push('\n');
            left -= 1;
        }
    }
    out
}
