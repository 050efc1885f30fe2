//! The Message-ID: our name for one delivery's mail (RFC 5322 §3.6.4).

use std::fmt;

use ring::hmac;

/// The alphabet of the token: base 32 (RFC 4648 §6) in lower case, no look-alikes needed.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 130 bits that name one delivery: in the Message-ID, and in the reverse path where VERP is on.
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

/// A Message-ID, with its angle brackets.
///
/// Its left part is 26 characters of the token, parted by a dot, and the step: more than 128 bits, dots, only
/// `[a-z0-9.]`, nothing of the recipient. Rooted at the sender's own domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Makes the Message-ID of a delivery.
    pub fn of(token: &Token, step: u32, domain: &str) -> Self {
        let (front, back) = token.0.split_at(token.0.len() / 2);
        Self(format!("<{front}.{back}.{step}@{domain}>"))
    }

    /// Takes a Message-ID that was made before, as the ledger keeps it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns it with its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
            MessageId::of(&Token::derive(&seed, key, step, generation), step, "post.example").to_string()
        };
        assert_eq!(id("D66", 1, 0), id("D66", 1, 0));
        assert_ne!(id("D66", 1, 0), id("D66", 2, 0));
        assert_ne!(id("D66", 1, 0), id("D66", 1, 1));
        assert_ne!(id("D66", 1, 0), id("VVD", 1, 0));
        assert_ne!(Token::derive(&[8; 32], "D66", 1, 0), Token::derive(&seed, "D66", 1, 0));
    }

    #[test]
    fn it_has_the_shape_that_servers_keep() {
        let id = MessageId::of(&Token::derive(&[1; 32], "x", 1, 0), 1, "post.example").to_string();
        let left = id.strip_prefix('<').unwrap().strip_suffix("@post.example>").unwrap();
        assert!(left.len() > 28 && !left.contains(".."), "{left}");
        assert!(left.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.'), "{left}");
    }
}
