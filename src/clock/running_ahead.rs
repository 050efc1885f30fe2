//! Time that passes only when nobody works: as soon as everybody sleeps, the instant comes for which the first of them waits.
//!
//! It is for a runtime of one thread. There, whoever can go on has gone on before a task that yields is asked again; so a
//! task that yields a few times, and finds that nothing was touched meanwhile, knows that all others wait. What they wait for may
//! be a socket, a file or another thread, which this cannot see: whoever waits for one of those holds [`Working`].

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use tokio::sync::Notify;

/// So many times in a row the others are given way, and nothing may happen, before the time moves.
const GIVES_WAY: u32 = 4;

/// The clock's inside: the time, and who waits for which.
#[derive(Debug)]
pub(super) struct Ahead {
    state: Mutex<State>,
    touched: Notify,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    /// By the instant they wait for, and in the order in which they came.
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    /// Those whose instant has come, and who have not yet noticed.
    roused: BTreeSet<u64>,
    /// How many work; below zero only where somebody rests who did not work.
    working: i64,
    /// Who came last.
    last: u64,
    /// How often anything was touched.
    touches: u64,
}

impl State {
    /// Whether all wait, and one of them for an instant.
    fn is_idle(&self) -> bool {
        self.working <= 0 && self.roused.is_empty() && !self.sleepers.is_empty()
    }
}

impl Ahead {
    pub(super) fn new(start: Timestamp) -> Self {
        let state = State {
            now: start,
            sleepers: BTreeMap::new(),
            roused: BTreeSet::new(),
            working: 0,
            last: 0,
            touches: 0,
        };
        Self { state: Mutex::new(state), touched: Notify::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves the time for as long as it is polled.
    pub(super) async fn drive(self: Arc<Self>) {
        loop {
            let seen = self.state().touches;
            for _ in 0..GIVES_WAY {
                tokio::task::yield_now().await;
            }
            if !self.move_on(seen) {
                self.touched.notified().await;
            }
        }
    }

    /// Lets the next instant come, if all wait and nothing was touched since `seen`. Returns whether to look again at once.
    fn move_on(&self, seen: u64) -> bool {
        let mut state = self.state();
        if !state.is_idle() {
            return false;
        }
        if state.touches != seen {
            return true;
        }
        let Some((&(at, _), _)) = state.sleepers.first_key_value() else { return false };
        state.now = state.now.max(at);
        let mut wakers = Vec::new();
        while let Some(first) = state.sleepers.first_entry().filter(|first| first.key().0 == at) {
            let ((_, number), waker) = first.remove_entry();
            state.roused.insert(number);
            wakers.push(waker);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    fn touch(&self, mut state: MutexGuard<'_, State>) {
        state.touches += 1;
        drop(state);
        self.touched.notify_one();
    }

    fn work(&self, more: i64) {
        let mut state = self.state();
        state.working += more;
        self.touch(state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an instant.
pub(super) struct Sleeper<'a> {
    ahead: &'a Ahead,
    at: Timestamp,
    /// Its number, once it waits.
    number: Option<u64>,
}

impl<'a> Sleeper<'a> {
    pub(super) fn new(ahead: &'a Ahead, at: Timestamp) -> Self {
        Self { ahead, at, number: None }
    }
}

impl Future for Sleeper<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.ahead.state();
        // What never comes moves no clock.
        if state.now < self.at && self.at == Timestamp::MAX {
            return Poll::Pending;
        }
        let number = *self.number.get_or_insert_with(|| {
            state.last += 1;
            state.last
        });
        let is_over = state.now >= self.at;
        if is_over {
            state.roused.remove(&number);
            state.sleepers.remove(&(self.at, number));
        } else {
            state.sleepers.insert((self.at, number), context.waker().clone());
        }
        self.ahead.touch(state);
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.ahead.state();
            state.roused.remove(&number);
            state.sleepers.remove(&(self.at, number));
            self.ahead.touch(state);
        }
    }
}

/// Somebody works, and the time of [`Clock::running_ahead`](super::Clock::running_ahead) stands still until this is dropped. On
/// any other clock it is nothing.
#[derive(Debug)]
#[must_use = "the work is over when this is dropped"]
pub struct Working(Option<Arc<Ahead>>);

impl Working {
    pub(super) fn begin(ahead: Option<&Arc<Ahead>>) -> Self {
        ahead.inspect(|ahead| ahead.work(1));
        Self(ahead.cloned())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.iter().for_each(|ahead| ahead.work(-1));
    }
}

/// Whoever works rests from it until this is dropped.
#[derive(Debug)]
#[must_use = "the rest is over when this is dropped"]
pub struct Resting(Option<Arc<Ahead>>);

impl Resting {
    pub(super) fn begin(ahead: Option<&Arc<Ahead>>) -> Self {
        ahead.inspect(|ahead| ahead.work(-1));
        Self(ahead.cloned())
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.iter().for_each(|ahead| ahead.work(1));
    }
}
