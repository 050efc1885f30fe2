//! What a run does when nothing can go at once: wait, or leave the rest for the next run.

use std::time::Duration;

use jiff::Timestamp;

/// What keeps the next letter back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A limit of the account or of a domain.
    Pace,
    /// The time after a deferral.
    Retry,
    /// Office hours.
    Window,
    /// The mailbox cannot be read, and nobody is reminded before it is.
    Mailbox,
}

/// How long a run stays when it has nothing to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Through every limit of an hour or less and short rests; not for retries, closing hours or limits per day.
    Sitting,
    /// Until nothing is queued any more.
    Endless,
}

impl Patience {
    /// Returns whether a run waits from `now` until `at` for `obstacle`.
    pub fn waits(self, obstacle: Obstacle, now: Timestamp, at: Timestamp) -> bool {
        let ahead = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        match (self, obstacle) {
            (Patience::Endless, _) => true,
            (Patience::Sitting, Obstacle::Pace) => ahead <= Duration::from_secs(3600),
            (Patience::Sitting, Obstacle::Retry) => ahead <= Duration::from_secs(60),
            (Patience::Sitting, Obstacle::Window | Obstacle::Mailbox) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sitting_waits_for_the_minute_and_the_hour_but_not_for_tomorrow() {
        let now = Timestamp::UNIX_EPOCH;
        let waits = |patience: Patience, obstacle, s| {
            patience.waits(obstacle, now, Timestamp::from_second(s).unwrap())
        };
        assert!(waits(Patience::Sitting, Obstacle::Pace, 3600));
        assert!(!waits(Patience::Sitting, Obstacle::Pace, 86_400));
        assert!(
            waits(Patience::Sitting, Obstacle::Retry, 5) && !waits(Patience::Sitting, Obstacle::Retry, 300)
        );
        assert!(!waits(Patience::Sitting, Obstacle::Window, 60));
        assert!(waits(Patience::Endless, Obstacle::Window, 1_000_000));
    }
}
