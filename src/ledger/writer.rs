//! The one thread that writes: gathers what is waiting into one durable commit, then answers everybody.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::history;
use super::lock::Lock;
use super::record::Event;
use super::schema::{sentence, unavailable};
use super::{EventSink, LedgerError};

/// At most so many requests share a commit, so that the first of them does not wait for ever.
const TOGETHER: usize = 512;

/// Why a request did not do what it was asked: the store failed, which ends everybody's transaction,
/// or the answer is no, which is this caller's business alone.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    No(LedgerError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Fault::No(error)
    }
}

/// What a request comes to.
pub(super) type Done<T> = Result<T, Fault>;

/// An open transaction, as the requests see it.
///
/// A request that answers no ([`Fault::No`]) must not have written anything: it looks first, then writes.
pub(super) struct Writing<'c> {
    pub(super) conn: &'c Connection,
    /// What was written into the history in this transaction, as far as [`Writing::KEPT`] reaches.
    pub(super) events: Vec<Event>,
    /// Whether there was more than that: then the history itself is read.
    pub(super) more_events: bool,
    /// Whether anybody is suppressed, once looked up.
    pub(super) suppressing: Option<bool>,
}

impl<'c> Writing<'c> {
    /// So many events are kept in memory; cancelling a million deliveries must not fill it.
    pub(super) const KEPT: usize = 4096;

    pub(super) fn new(conn: &'c Connection) -> Self {
        Self { conn, events: Vec::new(), more_events: false, suppressing: None }
    }
}

/// What will be known after the commit. The request itself is under way already, awaited or not.
#[must_use = "the outcome is not known before the answer is there"]
#[derive(Debug)]
pub struct Answer<T> {
    heard: oneshot::Receiver<Result<T, LedgerError>>,
    path: Arc<Path>,
}

impl<T> Answer<T> {
    /// Waits for the answer on a thread that is not one of an async runtime; there it must be awaited.
    pub fn wait(self) -> Result<T, LedgerError> {
        self.heard.blocking_recv().unwrap_or_else(|_| Err(gone(&self.path)))
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.heard).poll(context) {
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(_)) => Poll::Ready(Err(gone(&self.path))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn gone(path: &Path) -> LedgerError {
    unavailable(path, "its writer has ended; nothing more is written")
}

/// One request of one caller.
trait Request: Send {
    /// Does the work inside the open transaction; an error is the store's and ends the transaction.
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), rusqlite::Error>;
    /// Answers the caller: with the result, or with why the commit did not happen.
    fn answer(self: Box<Self>, committed: Result<(), &str>);
}

struct Asked<W, T> {
    work: Option<W>,
    result: Option<Result<T, LedgerError>>,
    caller: oneshot::Sender<Result<T, LedgerError>>,
    path: Arc<Path>,
}

impl<W, T> Request for Asked<W, T>
where
    W: FnOnce(&mut Writing<'_>) -> Done<T> + Send,
    T: Send,
{
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), rusqlite::Error> {
        if let Some(work) = self.work.take() {
            self.result = Some(match work(writing) {
                Ok(value) => Ok(value),
                Err(Fault::No(error)) => Err(error),
                Err(Fault::Sql(error)) => return Err(error),
            });
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), &str>) {
        let told = match committed {
            Ok(()) => self.result.unwrap_or_else(|| Err(gone(&self.path))),
            Err(why) => Err(unavailable(&self.path, why)),
        };
        // A caller that went away does not want to know.
        let _ = self.caller.send(told);
    }
}

/// The thread, as its callers hold it. When the last one lets go, what is waiting is still written, the file is
/// closed, and the lock ends.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
    path: Arc<Path>,
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        path: PathBuf,
        lock: Lock,
        sink: Option<EventSink>,
    ) -> Result<Self, LedgerError> {
        let path: Arc<Path> = path.into();
        let newest = history::newest(&conn).map_err(|error| unavailable(&path, sentence(&error)))?;
        let (requests, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                write(&conn, &waiting, sink.as_ref(), newest);
                drop(conn);
                drop(lock);
            })
            .map_err(|error| unavailable(&path, format!("its thread cannot be started: {error}")))?;
        Ok(Self { requests: Some(requests), thread: Some(thread), path })
    }

    /// Hands a request in, now; the answer comes after its commit.
    pub(super) fn ask<T, W>(&self, work: W) -> Answer<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut Writing<'_>) -> Done<T> + Send + 'static,
    {
        let (caller, heard) = oneshot::channel();
        let request = Asked { work: Some(work), result: None, caller, path: Arc::clone(&self.path) };
        if let Some(requests) = &self.requests {
            // If the thread has ended, the caller's end is dropped with the request and the answer says so.
            let _ = requests.send(Box::new(request));
        }
        Answer { heard, path: Arc::clone(&self.path) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(conn: &Connection, waiting: &Receiver<Box<dyn Request>>, sink: Option<&EventSink>, mut newest: i64) {
    let mut together: Vec<Box<dyn Request>> = Vec::with_capacity(TOGETHER);
    // Once a commit has failed nothing more is written: a later one might succeed (a disk that is full has room for
    // something smaller), and the next letter would leave although the outcome of the one before was lost.
    let mut broken: Option<String> = None;
    while let Ok(first) = waiting.recv() {
        together.push(first);
        together.extend(waiting.try_iter().take(TOGETHER - 1));
        if let Some(why) = &broken {
            together.drain(..).for_each(|request| request.answer(Err(why)));
            continue;
        }
        match commit(conn, &mut together) {
            Ok((events, more)) => {
                if let Some(sink) = sink {
                    newest = tell(conn, sink, &events, more, newest);
                }
                together.drain(..).for_each(|request| request.answer(Ok(())));
                // Whoever was just answered often has the next request at hand: let them run first, if they can
                // run now, and they share the next commit instead of missing it by a hair.
                std::thread::yield_now();
            }
            Err(error) => {
                // Nothing of this commit happened, for nobody: half a truth would be worse than none.
                let _ = conn.execute_batch("ROLLBACK");
                let why = sentence(&error);
                together.drain(..).for_each(|request| request.answer(Err(&why)));
                broken = Some(why);
            }
        }
    }
}

fn commit(
    conn: &Connection,
    together: &mut [Box<dyn Request>],
) -> Result<(Vec<Event>, bool), rusqlite::Error> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut writing = Writing::new(conn);
    for request in together {
        request.run(&mut writing)?;
    }
    let events = (writing.events, writing.more_events);
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(events)
}

/// Hands the sink everything that is newer than `newest`, in order, with what another process wrote in between.
fn tell(conn: &Connection, sink: &EventSink, events: &[Event], more: bool, mut newest: i64) -> i64 {
    let Some((first, last)) = events.first().zip(events.last()) else { return newest };
    if !more && newest + 1 == first.seq {
        sink(events);
        return last.seq;
    }
    // What cannot be read now is left to the next time, or to the repair of the log.
    while let Ok(page) = history::after(conn, newest, 1000) {
        let Some(end) = page.last() else { break };
        newest = end.seq;
        sink(&page);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::schema::open_for_writing;

    #[test]
    fn on_a_full_disk_nothing_is_reported_as_done_and_what_was_there_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let conn = open_for_writing(&path).unwrap();
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        conn.query_row(&format!("PRAGMA max_page_count = {}", pages + 2), [], |_| Ok(())).unwrap();
        let lock = Lock::take(&path, "test").unwrap();
        let writer = Writer::start(conn, path.clone(), lock, None).unwrap();
        let put = |bytes: u32| {
            writer.ask(move |writing| {
                let sql = "INSERT INTO meta (name, value) VALUES (?1, hex(zeroblob(?2)))";
                Ok(writing.conn.execute(sql, rusqlite::params![bytes.to_string(), bytes])?)
            })
        };
        put(10).wait().unwrap();
        let told = put(100_000).wait().unwrap_err().to_string();
        assert!(told.contains("the disk is full; nothing was written"), "{told}");
        // What would still fit does not overtake what was lost.
        let told = put(11).wait().unwrap_err().to_string();
        assert!(told.contains("the disk is full; nothing was written"), "{told}");
        drop(writer);
        let conn = open_for_writing(&path).unwrap();
        let count: i64 = conn.query_row("SELECT count(*) FROM meta", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }
}
