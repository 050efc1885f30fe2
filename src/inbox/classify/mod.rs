//! What a message is, step by step: complaint, receipt, bounce, unsubscribe, auto-reply, reply, and else unrelated.
//!
//! The order is the rule. A bounce is also "auto-submitted" and may carry In-Reply-To, so it stands before automatic answers and
//! replies; Apple's and Gmail's request to unsubscribe says that a machine made it, so it stands before those, too.

mod auto_reply;
mod bounce;
mod complaint;
mod receipt;
mod reply;
mod unsubscribe;

use super::Settings;
use super::correlate::{self, Clues};
use super::incoming::Incoming;
use super::new_text::{NewText, new_text};
use super::returned::{self, Report};
use super::rules::rules;
use super::words::plain;
use crate::delivery::inbound::{Kind, Reading};
use crate::mail::parsed::ParsedMail;
use crate::mail::{arf, dsn, mdn};

/// How many recipients of one message are told.
const MOST_RECIPIENTS: usize = 500;

/// Everything that the steps look at.
struct View<'a> {
    incoming: Incoming<'a>,
    report: Report,
    new: NewText,
    /// The new text, plain.
    new_plain: String,
}

/// Reads a message.
pub(super) fn read(mail: &ParsedMail, settings: Settings<'_>) -> Reading {
    let incoming = Incoming::of(mail);
    let report = Report::of(&incoming);
    let clues = clues(&incoming, &report);
    if let Some(letter) =
        settings.sent.and_then(|sent| mail.fields.ids("message-id").iter().find_map(|id| sent.by_id(id)))
    {
        return Reading::new(Kind::Unrelated).because(format!("it is our own letter to {}", letter.key));
    }
    let new = new_text(&incoming.text, settings.own_lines);
    let new_plain = plain(&new.text);
    let view = View { incoming, report, new, new_plain };
    let machine = complaint::read(&view)
        .or_else(|| receipt::read(&view))
        .or_else(|| bounce::read(&view.incoming, &view.report));
    let from = mail.mailbox("from").map(|(_, address)| address);
    if machine.is_none()
        && let Some(own) = from.filter(|from| settings.sent.is_some_and(|sent| sent.is_own(from)))
    {
        return Reading::new(Kind::Unrelated).because(format!("it comes from ourselves, {own}"));
    }
    let mut reading = match machine {
        Some(reading) => reading,
        None => {
            // Whether it belongs to a letter of ours decides what an automatic answer is worth, so that is looked up first.
            let tied =
                settings.sent.and_then(|sent| correlate::find(&view.incoming, Kind::Reply, &clues, sent));
            if let Some(mut reading) = uncaught(mail, settings) {
                reading.matched = reading.matched.or(tied);
                return reading;
            }
            let mut reading = unsubscribe::read(&view)
                .or_else(|| auto_reply::read(&view, tied.is_some(), settings.today))
                .or_else(|| reply::read(&view, tied.as_ref()))
                .unwrap_or_else(|| reply::unrelated(&view, settings.sent));
            if reading.kind != Kind::Unrelated {
                reading.matched = tied;
            }
            reading
        }
    };
    reading.recipients.truncate(MOST_RECIPIENTS);
    if let Some(sent) = settings.sent
        && reading.matched.is_none()
        && reading.kind != Kind::Unrelated
    {
        let clues = Clues { recipients: reading.recipients.clone(), ..clues };
        reading.matched = correlate::find(&view.incoming, reading.kind, &clues, sent);
    }
    if settings.sent.is_some() && reading.kind != Kind::Unrelated {
        let told = match &reading.matched {
            Some(matched) => format!("it belongs to {} by {}", matched.key, matched.evidence),
            None => "it belongs to no letter of ours, as far as can be seen".to_owned(),
        };
        reading.reasons.push(told);
        if reading.matched.as_ref().is_some_and(|matched| !matched.by.is_sure()) {
            reading.needs_a_person = true;
            reading.reasons.push("that is not sure; a person should look".to_owned());
        }
    }
    reading
}

/// A mailing list hands on a report that it did not understand: what is inside counts.
fn uncaught(mail: &ParsedMail, settings: Settings<'_>) -> Option<Reading> {
    if !plain(&mail.subject()).contains("uncaught bounce") {
        return None;
    }
    let inner = returned::messages(mail).next()?;
    // One step down and no further: the inner subject says that no more.
    let reading = read(inner, settings);
    (reading.kind == Kind::Bounce).then(|| reading.because("a mailing list handed it on"))
}

/// Collects what may name a letter.
fn clues(incoming: &Incoming<'_>, report: &Report) -> Clues {
    let returned_ids = report.message_ids();
    let mut clues = Clues { returned_ids: returned_ids.clone(), ids: returned_ids, ..Clues::default() };
    clues.returned_subject = report
        .returned
        .as_ref()
        .and_then(|returned| returned.fields.text("subject"))
        .map(|text| plain(&text));
    for part in incoming.mail.parts() {
        let Some(text) = part.as_text().filter(|_| part.media.starts_with("message/")) else { continue };
        match part.media.as_str() {
            "message/feedback-report" => {
                let report = arf::read(&text);
                clues.ids.extend(report.message_id);
                clues.envelope_id = clues.envelope_id.take().or(report.envelope_id);
            }
            "message/disposition-notification" => clues.ids.extend(mdn::read(&text).message_id),
            _ => {
                let dsn = dsn::read(&text);
                clues.ids.extend(dsn.message_id);
                clues.envelope_id = clues.envelope_id.take().or(dsn.envelope_id);
            }
        }
    }
    clues.ids.extend(incoming.in_reply_to.iter().cloned());
    clues.ids.extend(incoming.references.iter().rev().cloned());
    clues
}

/// Whether the subject is one that a program puts before ours.
fn automatic_subject(view: &View<'_>) -> Option<&'static str> {
    rules().auto_subject.first(&view.incoming.subject_plain).map(|rule| rule.proves.as_str())
}
