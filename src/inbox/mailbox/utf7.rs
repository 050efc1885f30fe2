//! Modified UTF-7, in which IMAP and Maildir write the names of folders (RFC 3501 §5.1.3). Pure.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const CODE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Reads a name; what is no modified UTF-7 stays as it is.
pub(super) fn decode(name: &str) -> String {
    let mut read = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once('&') {
        read.push_str(before);
        let (code, after) = match behind.split_once('-') {
            Some((code, after)) => (code, after),
            None => return name.to_owned(),
        };
        rest = after;
        if code.is_empty() {
            read.push('&');
            continue;
        }
        let Ok(bytes) = CODE.decode(code) else { return name.to_owned() };
        let (pairs, []) = bytes.as_chunks::<2>() else { return name.to_owned() };
        let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        let Ok(text) = String::from_utf16(&units) else { return name.to_owned() };
        read.push_str(&text);
    }
    read.push_str(rest);
    read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The way back, for the test only: names go to the server as they came.
    fn encode(name: &str) -> String {
        let mut text = String::new();
        let mut code = Vec::new();
        let close = |text: &mut String, code: &mut Vec<u8>| {
            if !code.is_empty() {
                text.push_str(&format!("&{}-", CODE.encode(std::mem::take(code))));
            }
        };
        for c in name.chars() {
            match c {
                '&' => (close(&mut text, &mut code), text.push_str("&-")).1,
                ' '..='~' => (close(&mut text, &mut code), text.push(c)).1,
                _ => code.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes())),
            }
        }
        close(&mut text, &mut code);
        text
    }

    #[test]
    fn names_of_folders_are_read() {
        for (wire, name) in [
            ("INBOX", "INBOX"),
            ("&AMk-l&AOk-ments envoy&AOk-s", "Éléments envoyés"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("R&-D", "R&D"),
            ("&2D3eAA-", "😀"),
            // Not as it should be: shown as it is.
            ("R&D", "R&D"),
            ("&AMk", "&AMk"),
            ("&AM-x", "&AM-x"),
            ("&2D0-", "&2D0-"),
        ] {
            assert_eq!(decode(wire), name);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(name in "[^\\x00-\\x1f\\x7f]{0,20}") {
            prop_assert_eq!(decode(&encode(&name)), name);
        }

        #[test]
        fn any_name_can_be_read(name: String) {
            decode(&name);
        }
    }
}
