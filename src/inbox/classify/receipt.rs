//! Receipts: a machine says that the letter was opened or thrown away (RFC 8098).

use super::super::rules::rules;
use super::super::words::{count, plain};
use super::View;
use crate::delivery::inbound::{Class, Kind, Reading};
use crate::mail::mdn;
use crate::mail::parsed::Content;
use crate::mail::smtp_reply::EnhancedCode;

/// Reads a disposition notification.
pub(super) fn read(view: &View<'_>) -> Option<Reading> {
    let incoming = &view.incoming;
    let parts = incoming.mail.parts();
    let part = parts.iter().find(|part| {
        matches!(
            part.media.as_str(),
            "message/disposition-notification" | "message/global-disposition-notification"
        )
    });
    if let Some(part) = part {
        let mdn = mdn::read(&part.as_text().unwrap_or_default());
        return Some(if is_refusal(view, &mdn) { refusal(view, &mdn) } else { receipt(&mdn) });
    }
    if incoming.mail.root.report_type.as_deref() == Some("disposition-notification") {
        let text: String = parts.iter().filter_map(|part| part.as_text()).collect();
        return Some(receipt(&mdn::read(&text)));
    }
    // Outlook's receipts are a TNEF and a subject, or the subject alone.
    let subject = rules().receipt.first(&incoming.subject_plain)?;
    let tnef = parts
        .iter()
        .any(|part| part.media == "application/ms-tnef" || part.name.as_deref() == Some("winmail.dat"));
    let outlook =
        incoming.answers() && !view.new.quotes && count(&view.new_plain) < 60 && says_so(&view.new_plain);
    let class = incoming
        .lower("x-ms-exchange-message-class")
        .or_else(|| incoming.lower("content-class"))
        .unwrap_or_default();
    (tnef || outlook || class.contains("ipnrn") || class.contains("ipnnrn"))
        .then(|| Reading::new(Kind::Receipt).because(subject.because.clone()))
}

fn receipt(mdn: &mdn::Mdn) -> Reading {
    let what = if mdn.disposition.is_empty() { "no disposition" } else { &mdn.disposition };
    let mut reading = Reading::new(Kind::Receipt).because(format!("RFC 8098 notification: {what}"));
    reading.recipients.extend(mdn.recipient.clone());
    reading
}

/// The old Sieve refused in the form of a receipt (RFC 5429 replaced it).
fn is_refusal(view: &View<'_>, mdn: &mdn::Mdn) -> bool {
    let gone = ["deleted", "denied", "failed"].contains(&mdn.disposition.as_str());
    let comment = view.incoming.lower("auto-submitted").is_some_and(|value| value.contains("rejected"));
    let text = &view.new_plain;
    let says = [
        "rejected",
        "refused",
        "automatically rejected",
        "geweigerd",
        "abgelehnt",
        "refuse",
        "was not delivered",
        "cannot be delivered",
    ]
    .iter()
    .any(|word| text.contains(word));
    gone && (comment || says) || mdn.disposition == "failed"
}

fn refusal(view: &View<'_>, mdn: &mdn::Mdn) -> Reading {
    let words = plain(&view.report.text);
    let cause = rules().cause.first(&words);
    let code = EnhancedCode::first_in(&view.report.text).filter(|code| code.class == 5);
    let (subject, detail) = cause.and_then(|rule| rule.status).unwrap_or((7, 1));
    let mut reading = Reading::new(Kind::Bounce)
        .because(format!("a refusal in the form of an RFC 8098 notification: {}", mdn.disposition));
    reading.class = Some(Class::Hard);
    reading.permanent = true;
    reading.status = Some(code.unwrap_or(EnhancedCode { class: 5, subject, detail }));
    reading.recipients.extend(mdn.recipient.clone());
    reading
}

/// "Your message was read on …", in the words of Outlook and Exchange.
fn says_so(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "was read on",
        "was deleted without being read",
        "has been read",
        "is gelezen op",
        "gelezen op",
        "wurde gelesen",
        "wurde am",
        "a ete lu",
        "a ete supprime",
        "verwijderd zonder",
        "your message to",
        "uw bericht",
        "your message",
        "se ha leido",
    ];
    text.is_empty() || WORDS.iter().any(|word| text.contains(word))
}

/// Whether there is a calendar's answer or invitation in it.
pub(super) fn is_calendar(view: &View<'_>) -> bool {
    let by_part = view.incoming.mail.parts().iter().any(|part| {
        part.media == "text/calendar"
            && (part.method.is_some() || !part.attached)
            && !matches!(part.content, Content::Parts(_))
    });
    // An answer with an appointment in it is an answer.
    let says_nothing_else = view.incoming.prefix.is_none() && count(&view.new_plain) < 400;
    by_part && (rules().other.fits(&view.incoming.subject_plain) || says_nothing_else)
}
