//! What a run has done so far, for whoever watches: numbers that only rise, and what it waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::delivery::patience::Obstacle;
use crate::delivery::state::State;

/// Shared between the run and its watchers.
#[derive(Debug, Default)]
pub struct Progress {
    accepted: AtomicU64,
    refused: AtomicU64,
    deferred: AtomicU64,
    expired: AtomicU64,
    in_doubt: AtomicU64,
    waits: Mutex<Option<Waits>>,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Until then.
    pub until: Timestamp,
    /// Because of this.
    pub obstacle: Obstacle,
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters the relay took.
    pub accepted: u64,
    /// Letters it refused.
    pub refused: u64,
    /// Times a letter was put off.
    pub deferred: u64,
    /// Letters put off for the last time.
    pub expired: u64,
    /// Letters nobody knows about.
    pub in_doubt: u64,
}

impl Tally {
    /// Letters that need nothing more from this run.
    pub fn ended(&self) -> u64 {
        self.accepted + self.refused + self.expired + self.in_doubt
    }
}

impl Progress {
    /// Counts the state that an attempt led to; it is durable by now.
    pub fn ended_as(&self, state: State, deferred: bool) {
        let number = match state {
            State::Accepted => &self.accepted,
            State::Refused => &self.refused,
            State::Expired => &self.expired,
            State::InDoubt => &self.in_doubt,
            State::Queued if deferred => &self.deferred,
            State::Queued
            | State::InFlight
            | State::Bounced
            | State::Cancelled
            | State::Lapsed
            | State::Task
            | State::Done => return,
        };
        number.fetch_add(1, Ordering::Relaxed);
    }

    /// Says what the run waits for, or that it waits for nothing.
    pub fn waits_for(&self, waits: Option<Waits>) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = waits;
    }

    /// Returns what the run waits for.
    pub fn waits(&self) -> Option<Waits> {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the numbers.
    pub fn tally(&self) -> Tally {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Tally {
            accepted: read(&self.accepted),
            refused: read(&self.refused),
            deferred: read(&self.deferred),
            expired: read(&self.expired),
            in_doubt: read(&self.in_doubt),
        }
    }
}
