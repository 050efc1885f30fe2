//! Complaints: somebody pressed "this is spam" (RFC 5965, 6650).

use super::super::returned;
use super::super::rules::rules;
use super::super::words::addresses;
use super::View;
use crate::delivery::inbound::{Kind, Reading};
use crate::mail::arf::{self, FeedbackType};
use crate::mail::parsed::ParsedMail;

/// Reads a feedback report, at whatever depth it stands, or one without any fields.
pub(super) fn read(view: &View<'_>) -> Option<Reading> {
    let mail = view.incoming.mail;
    if let Some(report) = find(mail, 0) {
        let (kind, reason) = match report.kind {
            FeedbackType::Abuse => (Kind::Complaint, "RFC 5965 feedback report: somebody calls it spam"),
            FeedbackType::OptOut => (Kind::Unsubscribe, "RFC 5965 feedback report: somebody opts out"),
            FeedbackType::NotSpam => {
                (Kind::Unrelated, "RFC 5965 feedback report: somebody says that it is no spam")
            }
            FeedbackType::AuthFailure => {
                (Kind::Unrelated, "RFC 6591 report about the authentication of a domain")
            }
        };
        let mut reading = Reading::new(kind).because(reason);
        if kind != Kind::Unrelated {
            reading.recipients = report.recipients;
            add_addressee(view, &mut reading);
        }
        return Some(reading);
    }
    if let Some(rule) =
        rules().other.first(&view.incoming.subject_plain).filter(|rule| rule.proves == "report about mail")
    {
        return Some(Reading::new(Kind::Unrelated).because(rule.because.clone()));
    }
    if mail.root.report_type.as_deref() == Some("tlsrpt") {
        return Some(Reading::new(Kind::Unrelated).because("RFC 8460 report about TLS"));
    }
    // Hotmail's junk mail reporting has no report, only the letter; SpamCop has only words.
    let subject = rules().complaint.first(&view.incoming.subject_plain)?;
    let jmrp = view.incoming.from.starts_with("staff@hotmail") || view.report.returns;
    let named = ["spamcop", "abuse", "feedback", "staff@", "fbl", "complaint", "junk"]
        .iter()
        .any(|word| view.incoming.from.contains(word));
    if !(jmrp || named) || view.incoming.prefix.is_some() {
        return None;
    }
    let mut reading = Reading::new(Kind::Complaint).because(subject.because.clone());
    add_addressee(view, &mut reading);
    Some(reading)
}

fn find(mail: &ParsedMail, depth: usize) -> Option<arf::FeedbackReport> {
    let parts = mail.parts();
    let of_part = parts
        .iter()
        .find(|part| part.media == "message/feedback-report")
        .map(|part| arf::read(&part.as_text().unwrap_or_default()));
    let of_type = || {
        (mail.root.report_type.as_deref() == Some("feedback-report"))
            .then(|| arf::read(&text_with_fields(mail)))
    };
    // A bounce that returns a complaint is a bounce.
    let deeper = || {
        (depth < 2 && mail.root.media == "multipart/mixed")
            .then(|| returned::messages(mail).find_map(|inner| find(inner, depth + 1)))
            .flatten()
    };
    of_part.or_else(of_type).or_else(deeper)
}

/// The fields of a report whose parts could not be told apart.
fn text_with_fields(mail: &ParsedMail) -> String {
    let texts = mail.parts().into_iter().filter_map(|part| part.as_text().map(|text| text.into_owned()));
    texts.filter(|text| text.to_ascii_lowercase().contains("feedback-type")).collect()
}

/// Whoever the letter was for complains, if the report names nobody and hides nothing.
fn add_addressee(view: &View<'_>, reading: &mut Reading) {
    reading.recipients.retain(|address| address.contains('@') && !address.contains("redacted"));
    if !reading.recipients.is_empty() {
        return;
    }
    let Some(returned) = &view.report.returned else { return };
    for name in ["x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "to"] {
        let found = returned.fields.all(name).flat_map(addresses).map(|(_, address)| address.to_owned());
        reading.recipients.extend(found.filter(|address| !address.contains("redacted")));
        if !reading.recipients.is_empty() {
            return;
        }
    }
}
