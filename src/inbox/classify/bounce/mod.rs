//! Bounces (RFC 3464, 6522): a letter was not delivered, or not yet.
//!
//! First the report's own structure; where there is none, what machines say and how they say it. Only what the reporting
//! system wrote is looked at, never the letter that it returns.

mod notification;
mod recipients;
mod structured;
mod text;

use super::super::incoming::Incoming;
use super::super::returned::{self, Report};
use super::super::rules::rules;
use super::super::status::{self, Status};
use super::super::words::{addresses, plain};
use crate::delivery::inbound::{Class, Kind, Reading};
use crate::mail::enhanced_status::meaning;
use crate::mail::parsed::ParsedMail;
use crate::mail::smtp_reply::EnhancedCode;

/// What machines leave behind that people do not.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    /// How much of it there is.
    pub(super) weight: u32,
    /// The sender is a mail system by name, and not only a postmaster.
    pub(super) daemon: bool,
    /// The message says itself that it is a delivery report.
    pub(super) report: bool,
    reasons: Vec<String>,
}

impl Machine {
    pub(super) fn of(incoming: &Incoming<'_>, report: &Report) -> Self {
        let mut machine = Self::default();
        let fields = &incoming.mail.fields;
        let named =
            rules().sender.first(&incoming.from).or_else(|| rules().sender.first(&incoming.from_name));
        match named.map(|rule| rule.proves.as_str()) {
            Some("daemon") => {
                machine.daemon = true;
                machine.add(3, "it comes from a mail system");
            }
            Some(_) => machine.add(2, "it comes from a postmaster or a mail system"),
            None if incoming.from.is_empty() => machine.add(2, "it names no sender"),
            None => {}
        }
        if incoming.null_path {
            machine.add(2, "its return path is empty");
        }
        if fields.has("x-failed-recipients") {
            machine.add(4, "it has the field X-Failed-Recipients");
        }
        if incoming.mail.root.media == "multipart/report"
            && incoming.mail.root.report_type.as_deref().is_none_or(|kind| kind == "delivery-status")
        {
            machine.report = true;
            machine.add(3, "it is a multipart/report");
        }
        if incoming.auto != Default::default() {
            machine.add(1, "it says that a machine sent it");
        }
        if to_where_reports_go(incoming) {
            machine.add(2, "it came to an address for reports");
        }
        if report.returns {
            machine.add(1, "it returns a letter");
        }
        machine
    }

    fn add(&mut self, weight: u32, reason: &str) {
        self.weight += weight;
        self.reasons.push(reason.to_owned());
    }
}

/// Whether it came to an address to which people do not write: of a mailing list's bounces, or one that names a recipient (VERP).
fn to_where_reports_go(incoming: &Incoming<'_>) -> bool {
    let to = incoming.lower("to").unwrap_or_default();
    addresses(&to).iter().any(|(_, address)| {
        let local = address.split('@').next().unwrap_or_default();
        local.contains("bounce")
            || local.starts_with("owner-")
            || local.ends_with("-admin")
            || local.contains('=')
    })
}

/// What a bounce says, or that it is none.
pub(super) fn read(incoming: &Incoming<'_>, report: &Report) -> Option<Reading> {
    let machine = Machine::of(incoming, report);
    if passed_on_by_a_person(incoming, &machine) {
        return None;
    }
    if let Some(told) = notification::read(&incoming.text) {
        return Some(told);
    }
    if let Some(inner) = wrapped(incoming, &machine) {
        return Some(inner);
    }
    match structured::read(incoming, report, &machine) {
        structured::Found::Reading(reading) => Some(*reading),
        structured::Found::Nothing => text::read(incoming, report, &machine),
    }
}

/// A gateway that puts the whole report of another into one of its own.
fn wrapped(incoming: &Incoming<'_>, machine: &Machine) -> Option<Reading> {
    let mail = incoming.mail;
    let is_report = |mail: &ParsedMail| {
        mail.root.media == "multipart/report" && mail.root.report_type.as_deref() == Some("delivery-status")
    };
    if machine.weight < 2 || is_report(mail) || incoming.prefix.is_some() {
        return None;
    }
    let inner = returned::messages(mail).find(|inner| is_report(inner))?;
    let inner = Incoming::of(inner);
    let report = Report::of(&inner);
    match structured::read(&inner, &report, &Machine::of(&inner, &report)) {
        structured::Found::Reading(reading) => Some(reading.because("another system handed the report on")),
        structured::Found::Nothing => None,
    }
}

/// "Fwd: Returned mail": somebody shows us a bounce of their own.
fn passed_on_by_a_person(incoming: &Incoming<'_>, machine: &Machine) -> bool {
    let answers = match incoming.prefix {
        Some("forward") => true,
        Some(_) => incoming.answers() || !rules().bounce_subject.fits(&incoming.subject_plain),
        None => false,
    };
    answers
        && !machine.daemon
        && !machine.report
        && !incoming.null_path
        && !incoming.mail.fields.has("x-failed-recipients")
}

/// Makes the reading of one or more recipients who fared alike.
fn reading(status: &Status, delayed: bool, recipients: Vec<String>, said: &str) -> Reading {
    let code = status.code;
    let permanent = code.class == 5 && !delayed;
    let mut reading = Reading::new(Kind::Bounce);
    reading.class = Some(if permanent { Class::Hard } else { Class::Soft });
    reading.permanent = permanent;
    reading.delayed = delayed;
    reading.address_bad = permanent && status::address_bad(status, said);
    reading.ours_to_blame = status::ours_to_blame(status);
    reading.status = Some(code);
    reading.recipients = recipients;
    if delayed {
        reading.reasons.push("it is still being tried".to_owned());
    }
    let what = status.cause.map(|rule| rule.because.as_str()).or_else(|| meaning(code));
    if let Some(what) = what {
        reading.reasons.push(format!("{code}: {what}"));
    }
    if reading.ours_to_blame {
        reading.reasons.push("our own side is to blame, so the address stays".to_owned());
        reading.address_bad = false;
    }
    reading
}

/// Whether subject or text say that this is a warning and not the end.
fn is_delay(incoming: &Incoming<'_>, report: &str) -> bool {
    let by_subject = rules().bounce_subject.first(&incoming.subject_plain).map(|rule| rule.proves.as_str());
    if by_subject == Some("delay") {
        return true;
    }
    let text = plain(report);
    match rules().delay.first(&text).map(|rule| rule.proves.as_str()) {
        Some("sure") => true,
        Some(_) => !rules().expired.fits(&text) && !says_failed(&incoming.subject_plain),
        None => false,
    }
}

fn says_failed(subject: &str) -> bool {
    ["fail", "returned", "(failure)", "rejected", "error"].iter().any(|word| subject.contains(word))
}

/// The worst of several: permanent before temporary, and then the first.
fn worst(codes: &[EnhancedCode]) -> Option<usize> {
    codes.iter().position(|code| code.class == 5).or(if codes.is_empty() { None } else { Some(0) })
}
