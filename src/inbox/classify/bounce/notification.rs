//! Bounces that a provider tells as JSON in a mail of its own (Amazon SES through its notification service), in place of a report.

use serde_json::Value;

use super::super::super::status::{Said, find};
use super::{reading, recipients::add};
use crate::delivery::inbound::{Kind, Reading};
use crate::mail::smtp_reply::EnhancedCode;

/// How long such a text may be, in bytes.
const LIMIT: usize = 64 << 10;

/// Reads a text that is an object with a `notificationType` or `eventType`, perhaps with a footer behind it.
pub(super) fn read(text: &str) -> Option<Reading> {
    let begins = text.find('{')?;
    let ends = text.rfind('}')?;
    let object = text.get(begins..=ends).filter(|object| {
        object.len() <= LIMIT && object.contains("otificationType") | object.contains("ventType")
    })?;
    let value: Value = serde_json::from_str(&object.replace(['\r', '\n'], "")).ok()?;
    let kind = value["notificationType"].as_str().or(value["eventType"].as_str())?;
    match kind {
        "Bounce" => bounce(&value["bounce"]),
        "Complaint" => Some(listed(
            Kind::Complaint,
            &value["complaint"]["complainedRecipients"],
            "a provider's notification of a complaint",
        )),
        "Delivery" => Some(listed(
            Kind::Receipt,
            &value["delivery"]["recipients"],
            "a provider's notification of a delivery",
        )),
        _ => None,
    }
}

fn bounce(bounce: &Value) -> Option<Reading> {
    let delayed = bounce["bounceType"].as_str() == Some("Transient");
    let listed = bounce["bouncedRecipients"].as_array()?;
    let mut named = Vec::new();
    listed.iter().filter_map(|one| one["emailAddress"].as_str()).for_each(|address| add(&mut named, address));
    let first = listed.first()?;
    let declared = first["status"].as_str().and_then(EnhancedCode::parse);
    let diagnostic = first["diagnosticCode"].as_str().unwrap_or_default();
    let status = find(Said { declared, diagnostic, report: "", delayed });
    Some(
        reading(&status, delayed && status.code.class == 4, named, diagnostic)
            .because("a provider's notification of a bounce"),
    )
}

fn listed(kind: Kind, list: &Value, reason: &str) -> Reading {
    let mut reading = Reading::new(kind).because(reason);
    let addresses =
        list.as_array().into_iter().flatten().filter_map(|one| one["emailAddress"].as_str().or(one.as_str()));
    addresses.for_each(|address| add(&mut reading.recipients, address));
    reading
}
