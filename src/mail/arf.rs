//! Feedback reports: somebody pressed "this is spam" (RFC 5965, with RFC 6590, 6591 and 6650).

use super::fields::Fields;

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackReport {
    /// `Feedback-Type` (§3.1).
    pub kind: FeedbackType,
    /// `Original-Rcpt-To` (§3.2), perhaps redacted (RFC 6590).
    pub recipients: Vec<String>,
    /// `Original-Envelope-Id`.
    pub envelope_id: Option<String>,
    /// The Message-ID of the letter it is about, where the report itself names it.
    pub message_id: Option<String>,
}

/// The registry of §7.3 and of RFC 6591.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackType {
    /// Spam, fraud, a virus, or not said.
    Abuse,
    /// Somebody wants no more of it.
    OptOut,
    /// Somebody says that it is no spam.
    NotSpam,
    /// DKIM, SPF or DMARC did not pass (RFC 6591).
    AuthFailure,
}

/// Reads the fields of a `message/feedback-report`.
pub fn read(text: &str) -> FeedbackReport {
    let fields = Fields::parse(text);
    let kind = match fields.raw("feedback-type").unwrap_or_default().to_ascii_lowercase().trim() {
        "opt-out" | "opt-out-list" => FeedbackType::OptOut,
        "not-spam" => FeedbackType::NotSpam,
        "auth-failure" | "dmarc" | "dkim" => FeedbackType::AuthFailure,
        _ => FeedbackType::Abuse,
    };
    let named = ["original-rcpt-to", "removal-recipient", "x-original-rcpt-to"];
    let recipients = named.iter().flat_map(|name| fields.all(name));
    let recipients = recipients.map(|value| value.trim_matches(['<', '>', ' ']).to_owned()).collect();
    let message_id = fields.ids("original-message-id").into_iter().next();
    FeedbackReport {
        kind,
        recipients,
        envelope_id: fields.raw("original-envelope-id").map(str::to_owned),
        message_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides_whether_it_is_a_complaint() {
        for (text, kind) in [
            ("Feedback-Type: abuse", FeedbackType::Abuse),
            ("Feedback-Type: FRAUD", FeedbackType::Abuse),
            ("User-Agent: x", FeedbackType::Abuse),
            ("Feedback-Type: opt-out", FeedbackType::OptOut),
            ("Feedback-Type: auth-failure", FeedbackType::AuthFailure),
            ("Feedback-Type: not-spam", FeedbackType::NotSpam),
        ] {
            assert_eq!(read(text).kind, kind, "{text}");
        }
        let report = read("Feedback-Type: abuse\nOriginal-Rcpt-To: <ada@x.example>\n");
        assert_eq!(report.recipients, ["ada@x.example"]);
    }
}
