//! Files that go along with a letter, as they are frozen: what they are called, what kind they are, and their octets' digest.

use std::fmt;

use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::definition::hex;

/// SHA-256 of a file's octets: two files with the same one are the same file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Takes it of a file's octets.
    pub fn of(bytes: &[u8]) -> Self {
        let mut of = [0; 32];
        of.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(of)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut of = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (nth, byte) in of.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * nth..2 * nth + 2)?, 16).ok()?;
        }
        Some(Self(of))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no SHA-256 in hexadecimal digits"))
    }
}

/// What is known of a file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Its octets' digest.
    pub digest: Fingerprint,
    /// How many octets it has.
    pub size: u64,
    /// Its media type (RFC 6838): `application/pdf`.
    pub media_type: String,
}

impl FileMark {
    /// Makes the mark of a file of this name.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        let media_type = crate::mail::media_type::of(name, bytes);
        Self { digest: Fingerprint::of(bytes), size: bytes.len() as u64, media_type }
    }
}

/// A file that goes along with one recipient's letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    /// What the reader sees it called; safe on every file system.
    pub name: String,
    /// Which file it is.
    #[serde(flatten)]
    pub file: FileMark,
}

impl Enclosure {
    /// Returns how many octets it takes in a message: base64 in lines of 76 characters (RFC 2045 §6.8).
    pub fn size_in_message(&self) -> u64 {
        self.file.size.div_ceil(57) * 78
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_comes_back_as_it_was() {
        let enclosure =
            Enclosure { name: "Één.pdf".to_owned(), file: FileMark::of("een.pdf", b"%PDF-1.7") };
        let json = serde_json::to_string(&enclosure).unwrap();
        insta::assert_snapshot!(json, @r#"{"name":"Één.pdf","digest":"86edbaa24831badfa0a8b04bb410141e2ee4182b6d0014493fe262a7a331c20b","size":8,"media_type":"application/pdf"}"#);
        assert_eq!(serde_json::from_str::<Enclosure>(&json).unwrap(), enclosure);
        for wrong in ["", "5d", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
