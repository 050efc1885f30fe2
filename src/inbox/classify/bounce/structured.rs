//! Reports with the fields of RFC 3464, wherever they stand.

use super::super::super::incoming::Incoming;
use super::super::super::returned::Report;
use super::super::super::rules::rules;
use super::super::super::status::{Said, find};
use super::super::super::words::plain;
use super::recipients::{self, add};
use super::{Machine, is_delay, reading, worst};
use crate::delivery::inbound::{Kind, Reading};
use crate::mail::dsn::{self, Action, Dsn, RecipientStatus};

/// What was found.
pub(super) enum Found {
    /// A verdict.
    Reading(Box<Reading>),
    /// No fields that say anything.
    Nothing,
}

/// Reads the fields of a report.
pub(super) fn read(incoming: &Incoming<'_>, report: &Report, machine: &Machine) -> Found {
    let Some((dsn, place)) = fields(incoming, report, machine) else { return Found::Nothing };
    if dsn.recipients.is_empty() {
        return Found::Nothing;
    }
    let late = is_delay(incoming, &report.text);
    let failed: Vec<(&RecipientStatus, bool)> = dsn
        .recipients
        .iter()
        .filter_map(|recipient| outcome(recipient, late).map(|delayed| (recipient, delayed)))
        .collect();
    if failed.is_empty() {
        return success(&dsn);
    }
    let statuses: Vec<_> = failed
        .iter()
        .map(|(recipient, delayed)| {
            let diagnostic = recipient.diagnostic.as_deref().unwrap_or_default();
            // Of several recipients the words above the fields may mean any.
            let shared = if failed.len() == 1 { report.text.as_str() } else { "" };
            find(Said { declared: recipient.status, diagnostic, report: shared, delayed: *delayed })
        })
        .collect();
    let codes: Vec<_> = statuses
        .iter()
        .zip(&failed)
        // What is delayed is temporary, whatever its digit says.
        .map(|(status, (_, delayed))| crate::mail::smtp_reply::EnhancedCode {
            class: if *delayed { 4 } else { status.code.class },
            ..status.code
        })
        .collect();
    let Some(nth) = worst(&codes) else { return Found::Nothing };
    let (recipient, delayed) = failed[nth];
    let mut named = Vec::new();
    for (recipient, _) in &failed {
        let both = [&recipient.original, &recipient.last].into_iter().flatten();
        // A name without a domain is made whole only where nothing better stands beside it.
        let (whole, part): (Vec<_>, Vec<_>) = both.partition(|address| address.contains('@'));
        for address in if whole.is_empty() { part } else { whole } {
            if let Some(address) = recipients::whole(address, incoming, report) {
                add(&mut named, &address);
            }
        }
    }
    if named.is_empty() {
        named = recipients::find(incoming, report);
    }
    let said = recipient.diagnostic.as_deref().filter(|said| !said.is_empty()).unwrap_or(&report.text);
    let mut reading = reading(&statuses[nth], delayed, named, said);
    let action = if delayed { "delayed" } else { "failed" };
    let status = recipient.status.map_or("none".to_owned(), |status| status.to_string());
    let whom = reading.recipients.first().map_or("nobody by name", String::as_str);
    reading.reasons.insert(0, format!("{place}: Action {action}, Status {status} for {whom}"));
    if statuses[nth].from != "the field Status" {
        reading.reasons.push(format!("the status is from {}", statuses[nth].from));
    }
    Found::Reading(Box::new(reading))
}

/// Finds the fields: in a part for them, in a part that only looks like one, or in the text.
fn fields(incoming: &Incoming<'_>, report: &Report, machine: &Machine) -> Option<(Dsn, &'static str)> {
    let parts = incoming.mail.parts();
    let declared = parts.iter().filter(|part| {
        matches!(
            part.media.as_str(),
            "message/delivery-status"
                | "message/global-delivery-status"
                | "text/delivery-status"
                | "message/deliverystatus"
        )
    });
    let found: Vec<Dsn> = declared.filter_map(|part| part.as_text()).map(|text| dsn::read(&text)).collect();
    let merged = merge(found);
    if let Some(dsn) = merged.filter(|dsn| !dsn.recipients.is_empty()) {
        return Some((dsn, "RFC 3464 report"));
    }
    if machine.weight < 2 {
        return None;
    }
    for part in parts {
        let text = part.as_text().unwrap_or_default();
        // What is returned below may be a report itself; it is not this one.
        let own = text.split("\nReceived:").next().unwrap_or_default();
        if dsn::looks_like_one(own) {
            return Some((dsn::read(&from_first_field(own)), "the fields of an RFC 3464 report in a text"));
        }
    }
    dsn::looks_like_one(&report.text)
        .then(|| (dsn::read(&from_first_field(&report.text)), "the fields of an RFC 3464 report in a text"))
}

/// Leaves out the prose above the fields: "To: ada" there is none of them.
fn from_first_field(text: &str) -> String {
    let begins = |line: &str| {
        let line = line.trim_start().to_ascii_lowercase();
        ["reporting-mta", "final-recipient", "original-recipient", "original-envelope-id", "arrival-date:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    text.lines().skip_while(|line| !begins(line)).collect::<Vec<_>>().join("\n")
}

fn merge(found: Vec<Dsn>) -> Option<Dsn> {
    found.into_iter().reduce(|mut all, one| {
        all.recipients.extend(one.recipients);
        all.reporting_mta = all.reporting_mta.or(one.reporting_mta);
        all.envelope_id = all.envelope_id.or(one.envelope_id);
        all
    })
}

/// Says whether it failed (`Some(false)`), is delayed (`Some(true)`), or neither.
fn outcome(recipient: &RecipientStatus, late: bool) -> Option<bool> {
    match recipient.action {
        Some(Action::Failed) => Some(false),
        Some(Action::Delayed) => Some(true),
        Some(_) => None,
        None => match recipient.status.map(|status| status.class) {
            Some(2) => None,
            _ => Some(late),
        },
    }
}

fn success(dsn: &Dsn) -> Found {
    let delivered = dsn.recipients.iter().filter(|recipient| recipient.action.is_none_or(Action::is_success));
    let mut reading = Reading::new(Kind::Receipt).because("RFC 3464 report of success: no recipient failed");
    for recipient in delivered {
        for address in [&recipient.original, &recipient.last].into_iter().flatten() {
            add(&mut reading.recipients, address);
        }
    }
    Found::Reading(Box::new(reading))
}

/// Whether a report's fields name nobody who failed, though its text asks for something: Boxbe and its like.
pub(super) fn asks_instead(incoming: &Incoming<'_>) -> bool {
    rules().auto_text.proven(&plain(&incoming.text)).iter().any(|(rule, _)| rule.proves == "challenge")
}
