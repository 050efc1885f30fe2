//! The way back from a Maildir: files in `new` and `cur`, opened for reading only; nothing is moved or renamed, as a reader
//! of mail would do. Folders are subfolders, with a dot before their names (Maildir++) or without.

mod listing;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use memchr::{memchr, memchr_iter, memmem};
use tokio::task::spawn_blocking;

use self::listing::{Changed, Found};
use super::cursor::{Afresh, Cursor, Files};
use super::fingerprint::{Fingerprint, LONGEST_HEADER};
use super::folder::Folder;
use super::{Arrival, Body, Caps, Copy, InboxError, Key, Location, Page, Woken};
use crate::clock::Clock;

/// How many messages one listing finds.
const LISTED: usize = 10_000;
/// How often a listing is tried during which the folder changes.
const TRIES: usize = 5;
/// How often a folder that is watched is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A Maildir.
pub(super) struct Maildir {
    path: PathBuf,
    caps: Caps,
    clock: Clock,
    /// The reading that is under way.
    scan: Option<Scan>,
    /// Messages from before a day, for each folder: they need not be looked at again.
    too_old: HashMap<String, TooOld>,
    /// How each folder stood when it was last listed.
    looked_at: HashMap<String, Changed>,
}

/// The reading of one folder, from a listing to its last message.
struct Scan {
    folder: String,
    since: Timestamp,
    /// When the listing began, where it found everything.
    begun: Option<Timestamp>,
    afresh: Option<Afresh>,
    /// What is still to be read, in order.
    pending: VecDeque<Found>,
    /// What was handed out last; whoever comes back with it goes on.
    at: Files,
}

#[derive(Default)]
struct TooOld {
    since: Timestamp,
    hashes: HashSet<u64>,
}

impl Maildir {
    /// Looks whether the folder is there.
    pub(super) fn ready(path: PathBuf, caps: Caps, clock: Clock) -> Result<Self, InboxError> {
        fs::read_dir(&path).map_err(|error| InboxError::Files { path: path.clone(), error })?;
        let (scan, too_old, looked_at) = (None, HashMap::new(), HashMap::new());
        Ok(Self { path, caps, clock, scan, too_old, looked_at })
    }

    fn dir(&self, folder: &Folder) -> PathBuf {
        if folder.wire == OF_ITSELF { self.path.clone() } else { self.path.join(&folder.wire) }
    }

    /// Names the folders that there are.
    pub(super) async fn list(&mut self) -> Result<Vec<Folder>, InboxError> {
        let path = self.path.clone();
        blocking(move || {
            let mut found = Vec::new();
            if is_maildir(&path) {
                found.push(Folder::in_maildir("INBOX", OF_ITSELF.to_owned()));
            }
            let entries = fs::read_dir(&path).map_err(|error| (path.clone(), error))?;
            for entry in entries.filter_map(Result::ok).filter(|entry| is_maildir(&entry.path())) {
                // A name that is no text cannot be written in the settings either.
                if let Ok(wire) = entry.file_name().into_string() {
                    found.push(Folder::in_maildir(wire.trim_start_matches('.'), wire.clone()));
                }
            }
            found.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(found)
        })
        .await
    }

    /// Reads the next batch of a folder.
    pub(super) async fn page(
        &mut self,
        folder: &Folder,
        cursor: Option<&Files>,
        since: Timestamp,
    ) -> Result<Page, InboxError> {
        let goes_on =
            |scan: &Scan| scan.folder == folder.wire && scan.since == since && Some(&scan.at) == cursor;
        let mut scan = match self.scan.take().filter(goes_on) {
            Some(scan) => scan,
            None => self.begin(folder, cursor, since).await?,
        };
        let batch: Vec<Found> = scan.pending.drain(..scan.pending.len().min(self.caps.batch)).collect();
        scan.at.add(batch.iter().map(|found| found.hash));
        let (dir, of) = (self.dir(folder), folder.clone());
        let (arrivals, unreadable) = blocking(move || headers(&dir, &of, batch)).await?;
        let is_end = scan.pending.is_empty();
        let page = Page {
            arrivals,
            unreadable,
            cursor: Cursor::Files(scan.at.clone()),
            read_to_end: scan.begun.filter(|_| is_end),
            afresh: scan.afresh,
        };
        self.scan = Some(scan).filter(|_| !is_end);
        Ok(page)
    }

    /// Begins to read a folder: finds out which messages were not looked at before.
    async fn begin(
        &mut self,
        folder: &Folder,
        cursor: Option<&Files>,
        since: Timestamp,
    ) -> Result<Scan, InboxError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let begun = self.clock.now();
            let too_old = self.too_old.remove(&folder.wire).filter(|known| known.since == since);
            let mut too_old = too_old.unwrap_or(TooOld { since, hashes: HashSet::new() });
            let (dir, mut at) = (self.dir(folder), cursor.cloned().unwrap_or_default());
            let (mut listing, too_old, at) = blocking(move || {
                let skip = |hash| too_old.hashes.contains(&hash);
                let listing = listing::list(&dir, &at, &skip, since, LISTED)?;
                too_old.hashes.extend(&listing.too_old);
                if listing.is_whole {
                    at.keep(&listing.present);
                    too_old.hashes.retain(|hash| listing.present.binary_search(hash).is_ok());
                }
                Ok((listing, too_old, at))
            })
            .await?;
            self.too_old.insert(folder.wire.clone(), too_old);
            self.looked_at.insert(folder.wire.clone(), listing.changed);
            if !listing.is_whole && tries < TRIES {
                continue;
            }
            return Ok(Scan {
                folder: folder.wire.clone(),
                since,
                begun: (listing.is_whole && !listing.has_more).then_some(begun),
                afresh: cursor.is_none().then_some(Afresh::First),
                pending: std::mem::take(&mut listing.found).into(),
                at,
            });
        }
    }

    /// Reads a message, or what of it is not too large; `None` where it has vanished.
    pub(super) async fn body(
        &mut self,
        folder: &Folder,
        name: &str,
        path: &Path,
    ) -> Result<Option<Body>, InboxError> {
        let (dir, name, path, most) = (self.dir(folder), name.to_owned(), path.to_owned(), self.caps.largest);
        blocking(move || {
            let Some(mut bytes) = read_wherever(&dir, &name, &path, most + 1)? else { return Ok(None) };
            let is_cut = bytes.len() > most;
            bytes.truncate(most);
            Ok(Some(Body { bytes, is_cut }))
        })
        .await
    }

    /// Looks for a message with this Message-ID; says when the folder took it in.
    pub(super) async fn find(&mut self, folder: &Folder, id: &str) -> Result<Option<Copy>, InboxError> {
        let (dir, folder, id) = (self.dir(folder), folder.name.clone(), id.to_owned());
        blocking(move || {
            for path in listing::files(&dir)? {
                // What vanishes meanwhile, or may not be read, is not the copy that proves something.
                let Ok(Some(header)) = read_header(&path) else { continue };
                let is_it = memmem::find(&header, id.as_bytes()).is_some()
                    && Fingerprint::of(&header).message_id.as_deref() == Some(id.as_str());
                if is_it {
                    let at = fs::metadata(&path).and_then(|about| about.modified()).ok();
                    let at = at.and_then(|at| Timestamp::try_from(at).ok());
                    return Ok(Some(Copy { folder, at }));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits until something changes in a folder, at most so long.
    pub(super) async fn watch(&mut self, folder: &Folder, patience: Duration) -> Result<Woken, InboxError> {
        let begun = self.clock.now();
        let end = begun.saturating_add(patience).unwrap_or(begun);
        let dir = self.dir(folder);
        loop {
            let changed = listing::changed(&dir);
            if self.looked_at.insert(folder.wire.clone(), changed).is_some_and(|before| before != changed) {
                return Ok(Woken::Something);
            }
            let left = Duration::try_from(end.duration_since(self.clock.now())).unwrap_or_default();
            if left.is_zero() {
                return Ok(Woken::Nothing);
            }
            self.clock.sleep(left.min(LOOK)).await;
        }
    }
}

/// What stands for the Maildir's own folder among the names of subfolders.
const OF_ITSELF: &str = ".";

fn is_maildir(path: &Path) -> bool {
    path.join("cur").is_dir() && path.join("new").is_dir()
}

/// Runs what waits for a disk on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, (PathBuf, io::Error)> + Send + 'static,
) -> Result<T, InboxError> {
    let done = spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| Err((PathBuf::new(), io::Error::other(error))));
    done.map_err(|(path, error)| InboxError::Files { path, error })
}

/// Reads the headers of a batch, in its order; and says which messages are there and cannot be had.
fn headers(
    dir: &Path,
    folder: &Folder,
    batch: Vec<Found>,
) -> Result<(Vec<Arrival>, Vec<Location>), (PathBuf, io::Error)> {
    let (mut arrivals, mut unreadable, mut refused) = (Vec::new(), Vec::new(), None);
    for found in batch {
        let Found { received, name, path, size, .. } = found;
        let header = read_wherever(dir, &name, &path, LONGEST_HEADER);
        let location = Location { folder: folder.clone(), key: Key::File { name, path } };
        match header {
            Ok(Some(bytes)) => {
                let header = bytes[..end_of_header(&bytes)].to_vec();
                arrivals.push(Arrival { location, received: Some(received), size, header });
            }
            // It has vanished since it was listed.
            Ok(None) => {}
            Err(error) => {
                unreadable.push(location);
                refused = Some(error);
            }
        }
    }
    match refused {
        // One message of many may be broken; if none can be had, it is the disk, or we.
        Some(error) if arrivals.is_empty() => Err(error),
        _ => Ok((arrivals, unreadable)),
    }
}

/// Reads a message where it was found, or where it lies now: somebody may have opened it meanwhile. `None`: it has vanished.
fn read_wherever(
    dir: &Path,
    name: &str,
    path: &Path,
    most: usize,
) -> Result<Option<Vec<u8>>, (PathBuf, io::Error)> {
    let read = |path: &Path| read_start(path, most).map_err(|error| (path.to_owned(), error));
    match read(path)? {
        Some(bytes) => Ok(Some(bytes)),
        None => listing::find(dir, name).map_or(Ok(None), |path| read(&path)),
    }
}

fn read_header(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = read_start(path, LONGEST_HEADER)?;
    Ok(bytes.map(|mut bytes| {
        bytes.truncate(end_of_header(&bytes));
        bytes
    }))
}

/// Reads the beginning of a message, at most so many bytes, in CRLF lines; `None` where there is no such file.
fn read_start(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes)?;
    let mut bytes = in_crlf_lines(bytes);
    bytes.truncate(most);
    Ok(Some(bytes))
}

/// Ends lines with CRLF, as IMAP does; most Maildirs have LF.
fn in_crlf_lines(bytes: Vec<u8>) -> Vec<u8> {
    // Where the first line ends with CRLF, all do.
    if memchr(b'\n', &bytes).is_none_or(|at| at > 0 && bytes[at - 1] == b'\r') {
        return bytes;
    }
    let mut lines = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut begun = 0;
    for end in memchr_iter(b'\n', &bytes) {
        lines.extend_from_slice(bytes[begun..end].strip_suffix(b"\r").unwrap_or(&bytes[begun..end]));
        lines.extend_from_slice(b"\r\n");
        begun = end + 1;
    }
    lines.extend_from_slice(&bytes[begun..]);
    lines
}

/// Returns where the header ends: behind its empty line.
fn end_of_header(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") {
        return 2;
    }
    memmem::find(bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_crlf_and_the_header_behind_its_empty_line() {
        assert_eq!(in_crlf_lines(b"A: 1\n\nb\nc".to_vec()), b"A: 1\r\n\r\nb\r\nc");
        assert_eq!(in_crlf_lines(b"A: 1\r\n\r\nb".to_vec()), b"A: 1\r\n\r\nb");
        // As Dovecot gives it out: bare LF is a line end where the message is kept with LF.
        assert_eq!(in_crlf_lines(b"\nA: 1\r\n".to_vec()), b"\r\nA: 1\r\n");
        for (bytes, end) in
            [(&b"A: 1\r\n\r\nb\r\n\r\nc"[..], 8), (b"\r\nb\r\n\r\n", 2), (b"A: 1\r\n", 6), (b"", 0)]
        {
            assert_eq!(end_of_header(bytes), end);
        }
    }
}
