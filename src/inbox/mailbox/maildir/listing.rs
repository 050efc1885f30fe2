//! What lies in a folder of a Maildir: `new` and `cur`, listed without being touched.
//!
//! BUGS. While we list a folder, a mail program may rename a file in it, and the listing may then miss it (POSIX leaves open
//! what a listing sees of a change under way). So a listing is taken for whole only where neither folder has changed meanwhile;
//! a change within the same tick of the file system's clock, some milliseconds, can escape that, and the file is then found
//! by the next reading.

use std::collections::BinaryHeap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::inbox::mailbox::cursor::Files;

/// The subfolders in the order in which they are listed: a file that is moved from one to the other meanwhile, as mail programs
/// do, is then seen twice rather than not at all.
const PARTS: [&str; 2] = ["new", "cur"];

/// A message that was found; the order is that in which they came in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// When the file was written, which is when the message came in.
    pub(super) received: Timestamp,
    /// The part of the file's name that stays the same.
    pub(super) name: String,
    /// What the cursor knows it by.
    pub(super) hash: u64,
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// When each subfolder was last changed.
pub(super) type Changed = [Option<SystemTime>; 2];

/// Says when the subfolders were last changed.
pub(super) fn changed(folder: &Path) -> Changed {
    PARTS.map(|part| fs::metadata(folder.join(part)).and_then(|about| about.modified()).ok())
}

/// What a listing found.
pub(super) struct Listing {
    /// The oldest messages that were not looked at before, in order; at most as many as were asked for.
    pub(super) found: Vec<Found>,
    /// There are more.
    pub(super) has_more: bool,
    /// Every message that lies there, rising.
    pub(super) present: Vec<u64>,
    /// Messages from before `since`; they stay so.
    pub(super) too_old: Vec<u64>,
    /// Nothing has changed meanwhile, so that nothing can have been missed.
    pub(super) is_whole: bool,
    /// How the subfolders stood when it began.
    pub(super) changed: Changed,
}

/// Lists a folder.
///
/// # Errors
/// The folder that cannot be listed, and why.
pub(super) fn list(
    folder: &Path,
    seen: &Files,
    skip: &impl Fn(u64) -> bool,
    since: Timestamp,
    most: usize,
) -> Result<Listing, (PathBuf, io::Error)> {
    let before = changed(folder);
    // The largest is on top: it goes when there are too many.
    let mut oldest = BinaryHeap::new();
    let (mut present, mut too_old, mut has_more) = (Vec::new(), Vec::new(), false);
    for part in PARTS {
        let path = folder.join(part);
        // A folder that is not there is no empty folder: perhaps its disk is.
        let entries = fs::read_dir(&path).map_err(|error| (path.clone(), error))?;
        for entry in entries {
            let entry = entry.map_err(|error| (path.clone(), error))?;
            let file = entry.file_name();
            if file.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let name = unique(&file.to_string_lossy()).to_owned();
            let hash = hash(unique_bytes(file.as_encoded_bytes()));
            present.push(hash);
            if seen.has(hash) || skip(hash) {
                continue;
            }
            // What has vanished is none of ours, nor is what is no plain file.
            let Ok(about) = fs::symlink_metadata(entry.path()) else { continue };
            let Some(received) = about.is_file().then(|| received(&about)) else { continue };
            if received < since {
                too_old.push(hash);
                continue;
            }
            oldest.push(Found { received, name, hash, path: entry.path(), size: about.len() });
            if oldest.len() > most {
                oldest.pop();
                has_more = true;
            }
        }
    }
    let mut found = oldest.into_sorted_vec();
    // Seen in both subfolders: `cur`, which is where it lies now, comes first.
    found.dedup_by(|second, first| second.hash == first.hash);
    present.sort_unstable();
    let is_whole = before == changed(folder);
    Ok(Listing { found, has_more, present, too_old, is_whole, changed: before })
}

fn received(about: &fs::Metadata) -> Timestamp {
    about.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Returns what stays of a file's name when flags change: what stands before `:2,`, or before its cousins where a colon may
/// not be in a name.
pub(super) fn unique(name: &str) -> &str {
    std::str::from_utf8(unique_bytes(name.as_bytes())).unwrap_or(name)
}

fn unique_bytes(name: &[u8]) -> &[u8] {
    let mark = name.windows(3).position(|part| matches!(part, [b':' | b';' | b'!', b'2', b',']));
    let colon = name.iter().position(|byte| *byte == b':');
    &name[..mark.or(colon).unwrap_or(name.len())]
}

/// Eight bytes of a name's SHA-256. Two of a million names share them with a chance of one in thirty million.
fn hash(unique: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest(&SHA256, unique).as_ref()[..8]);
    u64::from_be_bytes(first)
}

/// Looks for a message that is no longer where it was found: flags change the path.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    PARTS.into_iter().find_map(|part| {
        let mut entries = fs::read_dir(folder.join(part)).ok()?.filter_map(Result::ok);
        let found = entries.find(|entry| unique(&entry.file_name().to_string_lossy()) == name);
        found.map(|entry| entry.path())
    })
}

/// Names every file in a folder.
///
/// # Errors
/// The folder that cannot be listed, and why.
pub(super) fn files(folder: &Path) -> Result<impl Iterator<Item = PathBuf>, (PathBuf, io::Error)> {
    let open = |part| {
        let path = folder.join(part);
        fs::read_dir(&path).map_err(|error| (path, error))
    };
    let [new, cur] = PARTS.map(open);
    Ok(new?.chain(cur?).filter_map(Result::ok).map(|entry| entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_the_same_whatever_flags_it_gets() {
        for name in [
            "1700.M1P2.host,S=12,W=13",
            "1700.M1P2.host,S=12,W=13:2,",
            "1700.M1P2.host,S=12,W=13:2,FS",
            "1700.M1P2.host,S=12,W=13;2,S",
        ] {
            assert_eq!(unique(name), "1700.M1P2.host,S=12,W=13", "{name}");
        }
        assert_eq!((unique("a:1,x"), unique("b"), unique(":2,S")), ("a", "b", ""));
    }
}
