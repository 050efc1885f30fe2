//! Where the reading of a folder stands, and what is to be read next. Pure: values in, values out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

/// Where the reading of one folder stands; kept in the transaction that records what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cursor {
    /// Of a folder on an IMAP server.
    Uids(Uids),
    /// Of a folder in a Maildir.
    Files(Files),
}

impl Cursor {
    /// Returns it as a line of text, for whoever keeps it.
    pub fn to_text(&self) -> String {
        // A value like this cannot fail to be written; an empty text reads as no cursor.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it back. A text that is none is no cursor: the folder is then read again from its beginning, and what is
    /// known by its fingerprint is skipped.
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Where we are among the unique identifiers of a folder (RFC 3501 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uids {
    /// UIDVALIDITY: with another one, all UIDs mean something else.
    pub validity: u32,
    /// Every message up to this UID was looked at.
    pub last: u32,
}

/// What a server says of a folder that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// UIDVALIDITY.
    pub validity: u32,
    /// UIDNEXT: the next message gets this UID, or a higher one. Old servers do not tell it.
    pub next: Option<u32>,
    /// How many messages are in it.
    pub exists: u32,
}

/// Why a folder is read from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afresh {
    /// It was never read.
    First,
    /// The server has numbered its messages anew (another UIDVALIDITY).
    Renumbered,
    /// The server's numbers run behind ours: the mailbox was put back from a copy.
    PutBack,
}

/// What is to be read of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Everything, and why.
    All(Afresh),
    /// The messages with a UID above this one.
    Above(u32),
    /// Nothing: nobody has put anything in.
    Nothing,
}

/// Decides what is to be read of a folder that stands as `opened`.
pub fn next(cursor: Option<&Uids>, opened: &Opened) -> Next {
    let Some(cursor) = cursor else { return Next::All(Afresh::First) };
    if cursor.validity != opened.validity {
        return Next::All(Afresh::Renumbered);
    }
    match opened.next {
        Some(next) if next <= cursor.last => Next::All(Afresh::PutBack),
        Some(next) if next == cursor.last + 1 => Next::Nothing,
        // Without UIDNEXT only a look can tell, unless there is nothing to look at.
        None if opened.exists == 0 => Next::Nothing,
        _ => Next::Above(cursor.last),
    }
}

/// Puts what a search found in the order in which it is read: rising, each once, and only above `last`.
///
/// `n:*` names the last message also where its UID is below n (RFC 3501 §9, `seq-range`), and no server is bound to sort.
pub fn unread(mut found: Vec<u32>, last: u32) -> Vec<u32> {
    found.retain(|uid| *uid > last);
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns where we are when everything that was found is read: nothing below UIDNEXT is left, whatever has vanished.
pub fn at_the_end(last: u32, opened: &Opened) -> Uids {
    let before_next = opened.next.map_or(0, |next| next.saturating_sub(1));
    Uids { validity: opened.validity, last: last.max(before_next) }
}

/// Where we are in a folder of a Maildir: the messages that were looked at, each by a hash of its unique name.
///
/// Names are the only thing that a message keeps while it lies in a folder: its time is the same when it is moved in from
/// elsewhere, and flags change its path. Eight bytes for each message that lies there now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Packed", try_from = "Packed")]
pub struct Files {
    /// Rising, each once.
    seen: Vec<u64>,
}

impl Files {
    /// Returns whether a message was looked at.
    pub fn has(&self, name: u64) -> bool {
        self.seen.binary_search(&name).is_ok()
    }

    /// Adds messages that were looked at.
    pub fn add(&mut self, names: impl IntoIterator<Item = u64>) {
        self.seen.extend(names);
        self.seen.sort_unstable();
        self.seen.dedup();
    }

    /// Forgets the messages that are not among `present`, which is rising; their names do not come again.
    pub fn keep(&mut self, present: &[u64]) {
        self.seen.retain(|name| present.binary_search(name).is_ok());
    }
}

#[derive(Serialize, Deserialize)]
struct Packed {
    seen: String,
}

impl From<Files> for Packed {
    fn from(files: Files) -> Self {
        let bytes: Vec<u8> = files.seen.iter().flat_map(|name| name.to_be_bytes()).collect();
        Self { seen: BASE64.encode(bytes) }
    }
}

impl TryFrom<Packed> for Files {
    type Error = &'static str;

    fn try_from(packed: Packed) -> Result<Self, Self::Error> {
        let bytes = BASE64.decode(packed.seen).map_err(|_| "no base64")?;
        let (names, []) = bytes.as_chunks::<8>() else { return Err("cut off") };
        let mut files = Files::default();
        files.add(names.iter().map(|name| u64::from_be_bytes(*name)));
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Uids = Uids { validity: 7, last: 40 };

    fn opened(validity: u32, next: Option<u32>, exists: u32) -> Opened {
        Opened { validity, next, exists }
    }

    #[test]
    fn number_22_uidvalidity_changes_and_everything_is_looked_at_again_but_not_as_a_first_reading() {
        assert_eq!(next(None, &opened(7, Some(41), 9)), Next::All(Afresh::First));
        assert_eq!(next(Some(&HERE), &opened(8, Some(3), 2)), Next::All(Afresh::Renumbered));
        assert_eq!(next(Some(&HERE), &opened(7, Some(12), 9)), Next::All(Afresh::PutBack));
    }

    #[test]
    fn only_what_is_above_the_last_uid_is_asked_for() {
        assert_eq!(next(Some(&HERE), &opened(7, Some(41), 9)), Next::Nothing);
        assert_eq!(next(Some(&HERE), &opened(7, Some(44), 9)), Next::Above(40));
        // An old server: it may or may not be something.
        assert_eq!(next(Some(&HERE), &opened(7, None, 9)), Next::Above(40));
        assert_eq!(next(Some(&HERE), &opened(7, None, 0)), Next::Nothing);
        let last_of_all = Uids { validity: 7, last: u32::MAX - 1 };
        assert_eq!(next(Some(&last_of_all), &opened(7, Some(u32::MAX), 1)), Next::Nothing);
    }

    #[test]
    fn the_last_message_is_not_read_again_because_a_star_names_it() {
        assert_eq!(unread(vec![40], 40), [0; 0]);
        assert_eq!(unread(vec![47, 42, 40, 42], 40), [42, 47]);
    }

    #[test]
    fn holes_at_the_end_are_passed_once() {
        let folder = opened(7, Some(60), 3);
        let end = at_the_end(52, &folder);
        assert_eq!((end.last, next(Some(&end), &folder)), (59, Next::Nothing));
        // What came while we searched has a UID at or above UIDNEXT.
        assert_eq!(at_the_end(63, &folder).last, 63);
        assert_eq!(at_the_end(0, &opened(7, None, 0)).last, 0);
    }

    #[test]
    fn what_is_no_cursor_reads_as_none() {
        for text in [
            "",
            "{}",
            "{\"kind\":\"uids\"}",
            "{\"kind\":\"files\",\"seen\":\"AAA\"}",
            "{\"kind\":\"files\",\"seen\":\"?\"}",
        ] {
            assert_eq!(Cursor::from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back_as_it_was_written(validity: u32, last: u32, names: Vec<u64>) {
            let uids = Cursor::Uids(Uids { validity, last });
            prop_assert_eq!(Cursor::from_text(&uids.to_text()), Some(uids));
            let mut files = Files::default();
            files.add(names.iter().copied());
            prop_assert!(names.iter().all(|name| files.has(*name)));
            let files = Cursor::Files(files);
            prop_assert_eq!(Cursor::from_text(&files.to_text()), Some(files));
        }

        /// Whatever comes and goes between readings: each message that stays is read once, and none is left out.
        #[test]
        fn no_message_is_read_twice_or_left_out(
            steps in prop::collection::vec((0_u32..5, 0_u32..4, prop::bool::ANY), 1..20),
            tells_next: bool,
        ) {
            let (mut folder, mut read, mut uid_next) = (Vec::new(), Vec::new(), 1_u32);
            let mut cursor: Option<Uids> = None;
            for (arrive, vanish, looks) in steps {
                for _ in 0..arrive {
                    folder.push(uid_next);
                    uid_next += 1 + uid_next % 3;
                }
                for _ in 0..vanish.min(u32::try_from(folder.len()).unwrap()) {
                    // The newest go first, so that there are holes at the end.
                    folder.pop();
                }
                if !looks { continue }
                let exists = u32::try_from(folder.len()).unwrap();
                let opened = Opened { validity: 1, next: tells_next.then_some(uid_next), exists };
                let above = match next(cursor.as_ref(), &opened) {
                    Next::All(why) => { prop_assert_eq!((why, cursor), (Afresh::First, None)); 0 }
                    Next::Above(last) => last,
                    Next::Nothing => { continue }
                };
                // As servers do: `n:*` has the last message at least.
                let mut found: Vec<u32> = folder.iter().copied().filter(|uid| *uid > above).collect();
                found.extend(folder.last());
                let batch = unread(found, above);
                read.extend(&batch);
                cursor = Some(at_the_end(batch.last().copied().unwrap_or(above), &opened));
                prop_assert!(folder.iter().all(|uid| read.contains(uid)));
            }
            let mut once = read.clone();
            once.dedup();
            prop_assert_eq!(read, once);
        }
    }
}
