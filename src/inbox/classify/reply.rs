//! Replies: a person wrote back; and what is left.

use super::super::correlate;
use super::super::rules::rules;
use super::super::sent::Sent;
use super::View;
use super::receipt::is_calendar;
use crate::delivery::inbound::{Evidence, Kind, Matched, Reading};

/// Reads a reply: it belongs to a letter of ours, or has the shape of an answer.
///
/// Neither a list, nor `Precedence: bulk`, nor another sender speaks against it: offices sit behind groups and help desks.
pub(super) fn read(view: &View<'_>, tied: Option<&Matched>) -> Option<Reading> {
    let incoming = &view.incoming;
    if is_calendar(view) || is_notification(view) {
        return None;
    }
    // Somebody passes on what is not ours: no answer, though it comes from whom we wrote to.
    let passed_on = incoming.prefix == Some("forward")
        && !incoming.answers()
        && tied.is_some_and(|matched| matched.by == Evidence::From);
    if passed_on {
        return None;
    }
    let mut reading = Reading::new(Kind::Reply);
    if let Some(matched) = tied {
        reading.reasons.push(if matched.by.is_sure() {
            "it answers our letter".to_owned()
        } else {
            "it comes from where we wrote to".to_owned()
        });
    } else if !incoming.in_reply_to.is_empty() {
        reading.reasons.push("it answers a letter: In-Reply-To".to_owned());
    } else if incoming.prefix == Some("reply") {
        reading.reasons.push("its subject is that of an answer".to_owned());
    } else if !incoming.references.is_empty() {
        reading.reasons.push("it belongs to a thread: References".to_owned());
    } else if view.new.quotes
        && incoming.prefix.is_none()
        && !view.new_plain.is_empty()
        && !incoming.is_bulk()
    {
        reading.reasons.push("it quotes a letter".to_owned());
    } else {
        return None;
    }
    if super::auto_reply::vendor(view).is_some() {
        reading.needs_a_person = true;
        reading.reasons.push("it may be automatic; a person should look".to_owned());
    }
    Some(reading)
}

/// A machine's message that answers nobody: it says so, and has none of a person's signs.
fn is_notification(view: &View<'_>) -> bool {
    let incoming = &view.incoming;
    let generated = incoming.auto == crate::mail::auto_submitted::AutoSubmitted::Generated;
    let newsletter =
        incoming.mail.fields.has("list-unsubscribe") && !incoming.answers() && incoming.prefix.is_none();
    newsletter || generated && incoming.prefix.is_none() && incoming.in_reply_to.is_empty()
}

/// What is left; if it comes from where we wrote to, somebody should see it.
pub(super) fn unrelated(view: &View<'_>, sent: Option<&Sent>) -> Reading {
    let mut reading = Reading::new(Kind::Unrelated);
    if is_calendar(view) {
        reading.reasons.push("it belongs to a calendar".to_owned());
    } else if let Some(rule) = rules().other.first(&view.incoming.subject_plain) {
        reading.reasons.push(rule.because.clone());
    } else {
        reading.reasons.push("nothing ties it to a letter".to_owned());
    }
    let fresh = !view.incoming.answers() && !view.incoming.is_bulk();
    if fresh && sent.is_some_and(|sent| correlate::is_acquainted(&view.incoming, sent)) {
        reading.needs_a_person = true;
        reading
            .reasons
            .push("it may be an answer: it comes from where we wrote to; a person should look".to_owned());
    }
    reading
}
