//! The way back over IMAP (RFC 3501): a folder is opened read-only, searched for what is new, and read in batches.
//!
//! Ours is the conversation, for the reasons in decision 0017. What can be said at all stands in [`command`], and nothing of
//! it changes a mailbox.

mod command;
mod line;
mod response;
mod session;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::time::Instant;

use self::command::Command;
use self::response::Fetched;
use self::session::{Ended, Session};
use super::cursor::{self, Afresh, Cursor, Next, Opened, Uids};
use super::fingerprint::{Fingerprint, LONGEST_HEADER};
use super::folder::Folder;
use super::{Arrival, Body, Caps, Copy, InboxError, Location, Page, Timeouts, Woken};
use crate::account::{Access, AccountError, Server};
use crate::clock::Clock;

/// How many copies with one Message-ID are looked at in a Sent folder.
const COPIES: usize = 20;

/// A mailbox on an IMAP server; one connection, made when it is needed and kept while it is of use.
pub(super) struct Imap {
    access: Access,
    timeouts: Timeouts,
    caps: Caps,
    clock: Clock,
    session: Option<Session>,
    /// The reading that is under way.
    scan: Option<Scan>,
    /// How each folder stood when it was last looked at, so that what came since wakes a watch at once.
    looked_at: HashMap<String, Opened>,
}

/// The reading of one folder, from a search to its last message.
struct Scan {
    folder: String,
    since: Timestamp,
    opened: Opened,
    /// When the folder was opened: what lay in it then is read when the reading ends.
    begun: Timestamp,
    afresh: Option<Afresh>,
    /// What is still to be read, rising.
    pending: VecDeque<u32>,
    /// What was handed out last; whoever comes back with it goes on.
    at: Uids,
}

/// Does something over the session that is kept, or over a new one. A kept session may have been closed by the server long
/// ago, so that is tried once more, and nobody need know.
///
/// A macro, since no function that is handed such work can promise yet that its future may change threads.
macro_rules! over {
    ($imap:ident, |$session:ident| $work:expr) => {{
        // Dead unless proven alive: it is given back only after a clean end, also where all of this is dropped half-way.
        let mut kept = $imap.session.take();
        loop {
            let was_kept = kept.is_some();
            let mut opened = match kept.take() {
                Some(session) => session,
                None => Session::open(&$imap.access, $imap.timeouts).await?,
            };
            let $session = &mut opened;
            let done = $work.await;
            if was_kept && matches!(done, Err(InboxError::Away(_))) {
                continue;
            }
            $imap.session = Some(opened).filter(|session| session.is_alive);
            break done;
        }
    }};
}

impl Imap {
    /// Checks the settings and reads the certificates.
    pub(super) fn ready(
        server: Server,
        timeouts: Timeouts,
        caps: Caps,
        clock: Clock,
    ) -> Result<Self, AccountError> {
        let access = Access::ready(server)?;
        let (session, scan, looked_at) = (None, None, HashMap::new());
        Ok(Self { access, timeouts, caps, clock, session, scan, looked_at })
    }

    /// Names the folders that there are.
    pub(super) async fn list(&mut self) -> Result<Vec<Folder>, InboxError> {
        over!(self, |session| session.list())
    }

    /// Reads the next batch of a folder.
    pub(super) async fn page(
        &mut self,
        folder: &Folder,
        cursor: Option<&Uids>,
        since: Timestamp,
    ) -> Result<Page, InboxError> {
        over!(self, |session| self.read_page(session, folder, cursor, since))
    }

    async fn read_page(
        &mut self,
        session: &mut Session,
        folder: &Folder,
        cursor: Option<&Uids>,
        since: Timestamp,
    ) -> Result<Page, InboxError> {
        let goes_on =
            |scan: &Scan| scan.folder == folder.wire && scan.since == since && Some(&scan.at) == cursor;
        let mut scan = match self.scan.take().filter(goes_on) {
            Some(scan) if session.has_open(folder, scan.opened.validity) => scan,
            broken_off => {
                let begun = self.clock.now();
                let opened = session.examine(folder).await?;
                self.looked_at.insert(folder.wire.clone(), opened);
                match broken_off.filter(|scan| scan.opened.validity == opened.validity) {
                    // The numbers still hold; what has come meanwhile is for the next reading.
                    Some(scan) => scan,
                    None => begin(session, folder, cursor, since, opened, begun).await?,
                }
            }
        };
        let batch: Vec<u32> = scan.pending.drain(..scan.pending.len().min(self.caps.batch)).collect();
        let (mut arrivals, unreadable) = headers(session, folder, scan.opened.validity, &batch).await?;
        arrivals.retain(|arrival| arrival.received.is_none_or(|received| received >= since));
        scan.at.last = scan.at.last.max(batch.last().copied().unwrap_or(0));
        let is_end = scan.pending.is_empty();
        if is_end {
            scan.at = cursor::at_the_end(scan.at.last, &scan.opened);
        }
        let page = Page {
            arrivals,
            unreadable,
            cursor: Cursor::Uids(scan.at),
            read_to_end: is_end.then_some(scan.begun),
            afresh: scan.afresh,
        };
        self.scan = Some(scan).filter(|_| !is_end);
        Ok(page)
    }

    /// Fetches a message, or what of it is not too large; `None` where it has vanished.
    pub(super) async fn body(
        &mut self,
        folder: &Folder,
        validity: u32,
        uid: u32,
    ) -> Result<Option<Body>, InboxError> {
        let most = self.caps.largest;
        over!(self, |session| body(session, folder, validity, uid, most))
    }

    /// Looks for a message with this Message-ID; says when the folder took it in.
    pub(super) async fn find(&mut self, folder: &Folder, id: &str) -> Result<Option<Copy>, InboxError> {
        over!(self, |session| find(session, folder, id))
    }

    /// Waits until something is put into a folder, at most so long.
    pub(super) async fn watch(&mut self, folder: &Folder, patience: Duration) -> Result<Woken, InboxError> {
        let end = Instant::now() + patience;
        over!(self, |session| self.wait(session, folder, end))
    }

    async fn wait(
        &mut self,
        session: &mut Session,
        folder: &Folder,
        end: Instant,
    ) -> Result<Woken, InboxError> {
        loop {
            let opened = session.examine(folder).await?;
            if self.looked_at.insert(folder.wire.clone(), opened).is_some_and(|before| before != opened) {
                return Ok(Woken::Something);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(Woken::Nothing);
            }
            let Timeouts { idle, poll, .. } = self.timeouts;
            if !session.can("IDLE") {
                self.clock.sleep(poll.min(end - now)).await;
            } else if session.idle(end.min(now + idle)).await? {
                return Ok(Woken::Something);
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        if let Some(session) = self.session {
            session.close(FAREWELL).await;
        }
    }
}

/// How long we wait for an answer to LOGOUT.
const FAREWELL: Duration = Duration::from_secs(5);

/// Begins to read a folder that was just opened: decides what is to be read, and finds out which messages that are.
async fn begin(
    session: &mut Session,
    folder: &Folder,
    cursor: Option<&Uids>,
    since: Timestamp,
    mut opened: Opened,
    begun: Timestamp,
) -> Result<Scan, InboxError> {
    if opened.next.is_none() && opened.exists > 0 {
        let last = session.search(Command::SearchLast).await?.into_iter().max();
        opened.next = last.and_then(|last| last.checked_add(1));
    }
    let (above, afresh) = match cursor::next(cursor, &opened) {
        Next::All(afresh) => (Some(0), Some(afresh)),
        Next::Above(last) => (Some(last), None),
        Next::Nothing => (None, None),
    };
    let mut at = Uids { validity: opened.validity, last: above.or(cursor.map(|at| at.last)).unwrap_or(0) };
    let mut pending = Vec::new();
    if let Some(last) = above.filter(|_| opened.exists > 0) {
        // The day is that of the server, wherever it is (RFC 3501 §6.4.4, SINCE): one more is asked for, and what of it is
        // too old falls out when its time is known.
        let day = since.to_zoned_datetime(TimeZone::UTC).date();
        let since = day.checked_sub(1.day()).unwrap_or(day);
        let found = session.search(Command::SearchAbove { last, since }).await?;
        pending = cursor::unread(found, last);
        at.last = last;
    }
    Ok(Scan { folder: folder.wire.clone(), since, opened, begun, afresh, pending: pending.into(), at })
}

async fn body(
    session: &mut Session,
    folder: &Folder,
    validity: u32,
    uid: u32,
    most: usize,
) -> Result<Option<Body>, InboxError> {
    if !session.has_open(folder, validity) && session.examine(folder).await?.validity != validity {
        return Ok(None);
    }
    let mut found = None;
    let ended = session
        .fetch(Command::FetchMessage { uid, most }, most, |fetched| {
            if let (Some(bytes), true) = (fetched.section, fetched.uid == Some(uid)) {
                // Servers estimate the size: only a message that fills all there is room for can have been cut.
                let is_cut = bytes.len() >= most && fetched.size.is_none_or(|size| size > most as u64);
                found = Some(Body { bytes: bytes.into_owned(), is_cut });
            }
        })
        .await?;
    if found.is_none() && !ended.is_ok() {
        // Refused, or gone: some servers say no to a message that somebody else has just removed (RFC 2180 §4.1).
        session.sync().await?;
        if session.search(Command::SearchAmong(&[uid])).await?.contains(&uid) {
            return Err(ended.refused(format!("to give message {uid} of `{}`", folder.name)));
        }
    }
    Ok(found)
}

async fn find(session: &mut Session, folder: &Folder, id: &str) -> Result<Option<Copy>, InboxError> {
    session.examine(folder).await?;
    let found = cursor::unread(session.search(Command::SearchMessageId(id)).await?, 0);
    let newest = &found[found.len().saturating_sub(COPIES)..];
    if newest.is_empty() {
        return Ok(None);
    }
    // A search looks for a part of the field, and some servers for words of it: what was found is held against it.
    let mut copy = None;
    let ended = session
        .fetch(Command::FetchMessageIds { uids: newest }, LONGEST_HEADER, |fetched| {
            let section = fetched.section.as_deref().unwrap_or_default();
            if Fingerprint::of(section).message_id.as_deref() == Some(id) {
                copy = Some(Copy { folder: folder.name.clone(), at: fetched.received });
            }
        })
        .await?;
    if copy.is_none() && !ended.is_ok() {
        return Err(ended.refused(format!("to give messages of `{}`", folder.name)));
    }
    Ok(copy)
}

/// Fetches the headers of a batch, in its order; and says which messages are there and cannot be had.
async fn headers(
    session: &mut Session,
    folder: &Folder,
    validity: u32,
    batch: &[u32],
) -> Result<(Vec<Arrival>, Vec<Location>), InboxError> {
    if batch.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut arrivals = BTreeMap::new();
    let ended = fetch_headers(session, folder, validity, batch, &mut arrivals).await?;
    let mut unreadable = Vec::new();
    if arrivals.len() < batch.len() {
        // The server tells what has vanished before it answers the search.
        session.sync().await?;
        let missing: Vec<u32> = batch.iter().copied().filter(|uid| !arrivals.contains_key(uid)).collect();
        let mut last = ended;
        for uid in cursor::unread(session.search(Command::SearchAmong(&missing)).await?, 0) {
            if missing.contains(&uid) {
                last = fetch_headers(session, folder, validity, &[uid], &mut arrivals).await?;
                if !arrivals.contains_key(&uid) {
                    unreadable.push(Location::of_uid(folder, validity, uid));
                }
            }
        }
        // One message of many may be broken; if none can be had, it is the server.
        if arrivals.is_empty() && !unreadable.is_empty() {
            return Err(last.refused(format!("to give messages of `{}`", folder.name)));
        }
    }
    Ok((arrivals.into_values().collect(), unreadable))
}

async fn fetch_headers(
    session: &mut Session,
    folder: &Folder,
    validity: u32,
    uids: &[u32],
    arrivals: &mut BTreeMap<u32, Arrival>,
) -> Result<Ended, InboxError> {
    let command = Command::FetchHeaders { uids, most: LONGEST_HEADER };
    session
        .fetch(command, LONGEST_HEADER, |fetched| {
            if let Some(uid) = fetched.uid.filter(|uid| uids.binary_search(uid).is_ok()) {
                arrivals.entry(uid).or_insert_with(|| arrival(folder, validity, uid, fetched));
            }
        })
        .await
}

fn arrival(folder: &Folder, validity: u32, uid: u32, fetched: Fetched<'_>) -> Arrival {
    Arrival {
        location: Location::of_uid(folder, validity, uid),
        received: fetched.received,
        size: fetched.size.unwrap_or_default(),
        header: fetched.section.unwrap_or_default().into_owned(),
    }
}
