//! The Message-ID: our name for one delivery's mail (RFC 5322 §3.6.4).

use std::fmt;

use ring::hmac;

/// The alphabet of the token: base 32 (RFC 4648 §6) in lower case, no look-alikes needed.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 130 bits that name one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// Derives the token of one delivery from the campaign's secret seed.
    ///
    /// The same delivery gets the same token on every attempt; without the seed it can be neither guessed
    /// nor forged. `generation` counts the deliveries of one recipient and step (a corrected address makes a new one).
    pub fn derive(seed: &[u8; 32], key: &str, step: u32, generation: u32) -> Self {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, seed));
        mac.update(&step.to_be_bytes());
        mac.update(&generation.to_be_bytes());
        mac.update(key.as_bytes());
        let tag = mac.sign();
        let mut text = String::with_capacity(26);
        let (mut bits, mut held) = (0_u32, 0_u32);
        for &byte in tag.as_ref() {
            held = (held << 8) | u32::from(byte);
            bits += 8;
            while bits >= 5 && text.len() < 26 {
                bits -= 5;
                text.push(char::from(ALPHABET[((held >> bits) & 31) as usize]));
            }
        }
        Self(text)
    }

    /// Returns the 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The same digits in the order of ASCII, so that what is written in them sorts as the numbers do.
const SORTED: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// Nine characters that rise with the deliveries of a ledger, from a secret beginning.
///
/// They stand first in a Message-ID, so that an index over a million of them grows at one end only: with ids that
/// begin by chance, every letter would cost the ledger a page of its own. They tell nobody how many letters there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordinal(String);

impl Ordinal {
    /// Makes the ordinal of the delivery with that number.
    pub fn derive(seed: &[u8; 32], number: u64) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), b"where the numbers begin");
        let begins = tag.as_ref().iter().take(5).fold(0, |number, byte| (number << 8) | u64::from(*byte));
        // 40 bits to begin with leave room for 2^44 numbers within 45 bits.
        let number = begins.wrapping_add(number) & ((1 << 45) - 1);
        Self((0..9).rev().map(|at| char::from(SORTED[((number >> (5 * at)) & 31) as usize])).collect())
    }
}

/// A Message-ID, with its angle brackets.
///
/// Its left part is the ordinal, 26 characters of the token, parted by a dot, and the step: more than 128 bits that
/// nobody can guess, dots, only `[a-z0-9.]`, nothing of the recipient. Rooted at the sender's own domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Makes the Message-ID of a delivery.
    pub fn of(ordinal: &Ordinal, token: &Token, step: u32, domain: &str) -> Self {
        let (front, back) = token.0.split_at(token.0.len() / 2);
        Self(format!("<{}.{front}.{back}.{step}@{domain}>", ordinal.0))
    }

    /// Takes a Message-ID that was made before, as the ledger keeps it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// How many characters [`MessageId::return_token`] has.
    pub const RETURN_TOKEN: usize = 22;

    /// Returns what names the delivery in its reverse path (VERP): 22 characters, the ordinal and the first half of the
    /// token, of which 65 bits nobody can guess. A report that comes back to it is found by the Message-ID's index.
    pub fn return_token(&self) -> String {
        self.0.trim_start_matches('<').split('.').take(2).collect()
    }

    /// Returns the envelope id of the delivery (`ENVID`, RFC 3461 §4.4), which a report gives back as
    /// `Original-Envelope-Id`: the same 22 characters as in the reverse path.
    pub fn envelope_id(&self) -> String {
        self.return_token()
    }

    /// Returns it with its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Finds the Message-ID that a provider put in the place of ours, in its reply to end-of-data.
///
/// Exchange Online says it as it is (`250 2.0.0 OK <NEW-ID> [Hostname=…]`); Amazon SES says only the left part
/// (`250 Ok ID`), and the domain follows from the region in the host's name. Others keep ours. `is_address` knows the
/// addresses of the envelope, which a reply may name between the same brackets.
pub fn wire_id(ours: &str, reply: &str, host: &str, is_address: impl Fn(&str) -> bool) -> Option<String> {
    let is_id = |id: &str| {
        let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
        inside.is_some_and(|id| {
            id.split_once('@')
                .is_some_and(|(left, domain)| !left.is_empty() && !domain.is_empty() && !domain.contains('@'))
                && id.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ' '))
        })
    };
    if let Some(id) = reply.split_whitespace().find(|word| is_id(word)) {
        return (id != ours && !is_address(id.trim_matches(['<', '>']))).then(|| id.to_owned());
    }
    let region = host.to_ascii_lowercase();
    let region = region
        .strip_prefix("email-smtp.")?
        .strip_suffix(".amazonaws.com")?
        .trim_end_matches("-fips")
        .to_owned();
    let id = reply.split_whitespace().last()?;
    let plausible = id.len() > 20 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let domain = if region == "us-east-1" { "email".to_owned() } else { region };
    plausible.then(|| format!("<{id}@{domain}.amazonses.com>"))
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_on_every_attempt_and_different_for_everything_else() {
        let seed = [7; 32];
        let id = |key, step, generation| {
            let token = Token::derive(&seed, key, step, generation);
            MessageId::of(&Ordinal::derive(&seed, 1), &token, step, "post.example").to_string()
        };
        assert_eq!(id("D66", 1, 0), id("D66", 1, 0));
        assert_ne!(id("D66", 1, 0), id("D66", 2, 0));
        assert_ne!(id("D66", 1, 0), id("D66", 1, 1));
        assert_ne!(id("D66", 1, 0), id("VVD", 1, 0));
        assert_ne!(Token::derive(&[8; 32], "D66", 1, 0), Token::derive(&seed, "D66", 1, 0));
    }

    #[test]
    fn it_has_the_shape_that_servers_keep() {
        let (ordinal, token) = (Ordinal::derive(&[1; 32], 7), Token::derive(&[1; 32], "x", 1, 0));
        let id = MessageId::of(&ordinal, &token, 1, "post.example").to_string();
        let left = id.strip_prefix('<').unwrap().strip_suffix("@post.example>").unwrap();
        assert!(left.len() > 28 && !left.contains(".."), "{left}");
        assert!(left.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.'), "{left}");
    }

    #[test]
    fn the_reverse_path_carries_the_beginning_of_the_message_id() {
        let (ordinal, token) = (Ordinal::derive(&[1; 32], 7), Token::derive(&[1; 32], "x", 1, 0));
        let id = MessageId::of(&ordinal, &token, 1, "post.example");
        assert_eq!(id.return_token(), format!("{}{}", ordinal.0, &token.0[..13]));
        assert_eq!(id.return_token().len(), MessageId::RETURN_TOKEN);
    }

    #[test]
    fn a_providers_own_id_is_found_in_its_reply() {
        let ours = "<a.b.1@ngo.example>";
        let found = |reply, host| wire_id(ours, reply, host, |id| id == "ada@party.example");
        let exchange = "OK <AM0PR01MB1234@AM0PR01MB1234.prod.example> [Hostname=AM0PR01MB1234.prod.example]";
        assert_eq!(
            found(exchange, "smtp.office365.com").unwrap(),
            "<AM0PR01MB1234@AM0PR01MB1234.prod.example>"
        );
        let ses = "Ok 0102018f3c0a0000-11111111-2222-3333-4444-555555555555-000000";
        assert_eq!(
            found(ses, "email-smtp.eu-west-1.amazonaws.com").unwrap(),
            "<0102018f3c0a0000-11111111-2222-3333-4444-555555555555-000000@eu-west-1.amazonses.com>"
        );
        assert!(found(ses, "email-smtp.us-east-1.amazonaws.com").unwrap().ends_with("@email.amazonses.com>"));
        assert_eq!(found("Ok: queued as 4XyZ12abcd", "mail.example"), None);
        assert_eq!(found("Ok <a.b.1@ngo.example> queued", "mail.example"), None, "ours was kept");
        assert_eq!(
            found("Message accepted for <ada@party.example>", "mail.example"),
            None,
            "an address is no id"
        );
        assert_eq!(found("", "email-smtp.eu-west-1.amazonaws.com"), None);
    }

    #[test]
    fn ordinals_sort_as_the_deliveries_do_and_begin_somewhere_else_for_every_campaign() {
        let ordinals: Vec<_> =
            [0, 1, 31, 32, 33, 1023, 1024, 999_999].map(|number| Ordinal::derive(&[1; 32], number).0).into();
        assert!(ordinals.is_sorted_by(|a, b| a < b && a.len() == 9 && b.len() == 9), "{ordinals:?}");
        assert_ne!(Ordinal::derive(&[1; 32], 1), Ordinal::derive(&[2; 32], 1));
    }
}
