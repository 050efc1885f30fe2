//! What makes a follow-up stand below the letter before it: `Re:`, `In-Reply-To`, `References` (RFC 5322 §3.6.4), and the two
//! fields by which Outlook threads, `Thread-Topic` and `Thread-Index` ([MS-OXOMSG] §2.2.1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// One letter of the thread, as the recipient has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Our Message-ID, with angle brackets.
    pub message_id: String,
    /// The Message-ID that the provider put in its place, where it did: the one that the recipient saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_id: Option<String>,
    /// Its `Date`.
    pub dated: Timestamp,
}

impl Earlier {
    /// Returns the Message-ID that the recipient saw.
    pub fn seen_id(&self) -> &str {
        self.wire_id.as_deref().unwrap_or(&self.message_id)
    }
}

/// The most ids in `References`: the first and the newest are what programs look at (RFC 5537 §3.4.4).
const MOST_REFERENCES: usize = 20;

/// Returns the fields that thread a letter below those before it, oldest first; none for the first letter.
///
/// `topic` is the subject of the first letter, without any `Re:`.
pub fn fields(topic: &str, earlier: &[Earlier], dated: Timestamp) -> Vec<(String, String)> {
    let field = |name: &str, value: String| (name.to_owned(), value);
    let Some((first, last)) = earlier.first().zip(earlier.last()) else { return Vec::new() };
    let mut references: Vec<&str> = Vec::new();
    for letter in earlier {
        for id in [letter.message_id.as_str(), letter.seen_id()] {
            if !references.contains(&id) {
                references.push(id);
            }
        }
    }
    if references.len() > MOST_REFERENCES {
        references.drain(1..=references.len() - MOST_REFERENCES);
    }
    vec![
        field("In-Reply-To", last.seen_id().to_owned()),
        field("References", references.join(" ")),
        field("Thread-Topic", topic.to_owned()),
        field("Thread-Index", thread_index(first, earlier.get(1..).unwrap_or_default(), dated)),
    ]
}

/// Returns a subject without its reply prefixes: what mail programs compare (RFC 5256 §2.1).
pub fn base_subject(subject: &str) -> &str {
    let mut base = subject.trim();
    loop {
        let prefix = ["re:", "fwd:", "fw:", "antw:", "antwoord:", "betr:", "aw:", "wg:", "tr:", "sv:"]
            .into_iter()
            .find(|prefix| base.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
        match prefix {
            Some(prefix) => base = base[prefix.len()..].trim_start(),
            None => return base,
        }
    }
}

/// Returns the subject of a follow-up: `Re: ` and the subject of the first letter.
pub fn reply_subject(first: &str) -> String {
    format!("Re: {}", base_subject(first))
}

/// Makes a `Thread-Index`: the six high bytes of the first letter's FILETIME, 16 bytes that name the conversation, and five
/// bytes for every further letter, this one included.
fn thread_index(first: &Earlier, further: &[Earlier], dated: Timestamp) -> String {
    let begins = filetime(first.dated);
    let mut bytes = begins.to_be_bytes()[..6].to_vec();
    bytes.extend_from_slice(&digest(&SHA256, first.message_id.as_bytes()).as_ref()[..16]);
    for at in further.iter().map(|letter| letter.dated).chain([dated]) {
        let span = filetime(at).saturating_sub(begins);
        // Units of 2^18 times 100 ns, or, from 1.7 years on, of 2^23, which the highest bit tells.
        let delta = if span >> 49 == 0 { span >> 18 } else { (span >> 23) | 1 << 31 };
        bytes.extend_from_slice(&u32::try_from(delta & 0xFFFF_FFFF).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(0);
    }
    BASE64.encode(bytes)
}

/// Returns the count of 100 ns since 1601.
fn filetime(at: Timestamp) -> u64 {
    const FROM_1601_TO_1970: i128 = 116_444_736_000_000_000;
    u64::try_from(at.as_nanosecond() / 100 + FROM_1601_TO_1970).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(id: &str, wire: Option<&str>, dated: &str) -> Earlier {
        Earlier {
            message_id: format!("<{id}@ngo.example>"),
            wire_id: wire.map(|id| format!("<{id}>")),
            dated: dated.parse().unwrap(),
        }
    }

    #[test]
    fn a_follow_up_refers_to_what_the_recipient_saw_and_to_our_own_name_for_it() {
        let letters = [
            earlier("a.1", Some("X@prod.example"), "2025-09-08T08:30:00Z"),
            earlier("a.2", None, "2025-09-22T08:30:00Z"),
        ];
        let fields = fields("Een oproep", &letters, "2025-10-06T08:30:00Z".parse().unwrap());
        let value = |name: &str| fields.iter().find(|(field, _)| field == name).unwrap().1.as_str();
        assert_eq!(value("In-Reply-To"), "<a.2@ngo.example>");
        assert_eq!(value("References"), "<a.1@ngo.example> <X@prod.example> <a.2@ngo.example>");
        assert_eq!(value("Thread-Topic"), "Een oproep");
        assert!(super::fields("Een oproep", &[], Timestamp::UNIX_EPOCH).is_empty());
    }

    #[test]
    fn a_long_thread_keeps_its_first_and_its_newest_ids() {
        let many: Vec<Earlier> =
            (0..40).map(|n| earlier(&format!("n{n}"), None, "2025-09-08T08:30:00Z")).collect();
        let fields = fields("x", &many, Timestamp::UNIX_EPOCH);
        let references: Vec<&str> = fields[1].1.split(' ').collect();
        assert_eq!(references.len(), MOST_REFERENCES);
        assert_eq!((references[0], references[19]), ("<n0@ngo.example>", "<n39@ngo.example>"));
    }

    #[test]
    fn the_index_of_a_conversation_grows_by_five_bytes_a_letter_and_keeps_its_beginning() {
        let first = earlier("a.1", None, "2025-09-08T08:30:00Z");
        let second = earlier("a.2", None, "2025-09-22T08:30:00Z");
        let index = |further: &[Earlier], at: &str| {
            BASE64.decode(thread_index(&first, further, at.parse().unwrap())).unwrap()
        };
        let one = index(&[], "2025-09-22T08:30:00Z");
        assert_eq!(
            (one.len(), one[0]),
            (27, 1),
            "22 bytes and one block; FILETIME begins with 1 until the year 2057"
        );
        let two = index(&[second], "2025-10-06T08:30:00Z");
        assert_eq!(two[..27], one[..], "every letter has its place below the one before");
        // 14 days are 12 096 000 000 000 units of 100 ns; without the 18 low bits that is 46 142 578.
        assert_eq!(u32::from_be_bytes([one[22], one[23], one[24], one[25]]), 46_142_578);
        assert_eq!(u32::from_be_bytes([two[27], two[28], two[29], two[30]]), 92_285_156);
        let years_later = index(&[], "2035-09-22T08:30:00Z");
        assert_eq!(years_later[22] >> 7, 1, "the highest bit tells the coarser unit");
        assert_eq!(filetime("1601-01-01T00:00:00Z".parse().unwrap()), 0);
        assert_eq!(filetime("1970-01-01T00:00:00Z".parse().unwrap()), 116_444_736_000_000_000);
    }

    #[test]
    fn a_reply_has_one_prefix() {
        assert_eq!(base_subject("Re: RE: Antw: Fwd: Een oproep"), "Een oproep");
        assert_eq!(base_subject("Regels: een oproep"), "Regels: een oproep");
        assert_eq!(reply_subject("re: Een oproep"), "Re: Een oproep");
        assert_eq!(base_subject("é"), "é");
    }
}
