//! Message disposition notifications, "read receipts" (RFC 8098).

use super::fields::Fields;

/// What became of the letter in the hands of its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mdn {
    /// The disposition type (§3.2.6): what stands behind the semicolon, without modifiers.
    pub disposition: String,
    /// Its modifiers, such as `error` or `failed`.
    pub modifiers: Vec<String>,
    /// `Final-Recipient`.
    pub recipient: Option<String>,
    /// `Original-Message-ID` (§3.2.5).
    pub message_id: Option<String>,
}

/// Reads the fields of a `message/disposition-notification`.
pub fn read(text: &str) -> Mdn {
    let fields = Fields::parse(text);
    let value = fields.raw("disposition").unwrap_or_default().to_ascii_lowercase();
    let kind = value.rsplit(';').next().unwrap_or_default().trim();
    let (kind, modifiers) = kind.split_once('/').unwrap_or((kind, ""));
    let recipient = fields.raw("final-recipient").or(fields.raw("original-recipient"));
    let recipient = recipient
        .map(|value| value.rsplit(';').next().unwrap_or_default().trim_matches(['<', '>', ' ']).to_owned());
    Mdn {
        disposition: kind.trim().to_owned(),
        modifiers: modifiers
            .split([',', '/'])
            .map(|word| word.trim().to_owned())
            .filter(|word| !word.is_empty())
            .collect(),
        recipient: recipient.filter(|address| !address.is_empty()),
        message_id: fields.ids("original-message-id").into_iter().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disposition_is_taken_apart() {
        let mdn = read(
            "Final-Recipient: rfc822; ada@x.example\nOriginal-Message-ID: <1@y.example>\nDisposition: automatic-action/MDN-sent-automatically; displayed/error\n",
        );
        assert_eq!((mdn.disposition.as_str(), &mdn.modifiers[..]), ("displayed", &["error".to_owned()][..]));
        assert_eq!(mdn.recipient.as_deref(), Some("ada@x.example"));
        assert_eq!(mdn.message_id.as_deref(), Some("<1@y.example>"));
    }
}
