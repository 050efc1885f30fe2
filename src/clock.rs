//! The time, as an argument. Everything that waits or looks at the time is handed a [`Clock`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Where the time comes from.
///
/// Two kinds: the machine's own ([`Clock::system`]) and one that only moves when told ([`Clock::manual`]),
/// for tests and rehearsals.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Manual(Arc<Hands>),
}

#[derive(Debug)]
struct Hands {
    now: Mutex<Timestamp>,
    moved: watch::Sender<Timestamp>,
}

impl Clock {
    /// Returns the clock of the machine.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Returns a clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        let (moved, _) = watch::channel(start);
        Self(Kind::Manual(Arc::new(Hands { now: Mutex::new(start), moved })))
    }

    /// Returns the present instant, in whole milliseconds (the ledger keeps no finer time).
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Manual(hands) => *hands.now.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Moves a manual clock forward by `by`; the system clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(hands) = &self.0 {
            let mut now = hands.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(*now);
            let _ = hands.moved.send_replace(*now);
        }
    }

    /// Waits until the clock shows `at` or later.
    ///
    /// Looks again at least every half minute, so that a laptop's sleep or a corrected clock is noticed.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            Kind::System => loop {
                let left = at.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(30))).await;
            },
            Kind::Manual(hands) => {
                let mut moved = hands.moved.subscribe();
                // The clock itself lives in `self`, so the sender cannot be gone.
                let _ = moved.wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Waits for `span` from now.
    pub async fn sleep(&self, span: Duration) {
        let now = self.now();
        self.sleep_until(now.saturating_add(span).unwrap_or(now)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_moved() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(60)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap().as_second(), 60);
    }
}
