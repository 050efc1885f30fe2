//! The smooth flow of one process, by governor; what must hold over restarts is counted in the ledger.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::clock::Clock;
use crate::delivery::pace::Pace;

/// Our clock, in governor's words.
#[derive(Clone, Debug)]
struct OurClock(Clock);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(Timestamp);

impl GovernorClock for OurClock {
    type Instant = Instant;
    fn now(&self) -> Instant {
        Instant(self.0.now())
    }
}

impl std::ops::Add<Nanos> for Instant {
    type Output = Instant;
    fn add(self, span: Nanos) -> Instant {
        Instant(self.0.saturating_add(Duration::from(span)).unwrap_or(Timestamp::MAX))
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default().into()
    }
    fn saturating_sub(&self, span: Nanos) -> Self {
        Instant(self.0.saturating_sub(Duration::from(span)).unwrap_or(Timestamp::MIN))
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, OurClock, NoOpMiddleware<Instant>>;

/// Says how long to wait before the next letter. Never waits itself.
#[derive(Debug)]
pub struct Flow {
    clock: Clock,
    jitter: Duration,
    chance: SystemRandom,
    smooth: Mutex<Smooth>,
}

#[derive(Debug)]
struct Smooth {
    gap: Duration,
    limiter: Option<Arc<Limiter>>,
}

impl Flow {
    /// A flow that keeps the gap of `pace`.
    pub fn new(pace: &Pace, clock: Clock) -> Self {
        let gap = pace.gap();
        let smooth = Mutex::new(Smooth { gap, limiter: limiter(gap, &clock) });
        Self { clock, jitter: pace.jitter, chance: SystemRandom::new(), smooth }
    }

    /// Takes the next place in the flow: returns how long to wait, or nothing when a letter may go now.
    ///
    /// After a wait, ask again: another lane may have taken the place.
    pub fn wait(&self) -> Option<Duration> {
        let smooth = self.smooth.lock().unwrap_or_else(PoisonError::into_inner);
        let not_until = smooth.limiter.as_ref()?.check().err()?;
        Some(not_until.wait_time_from(OurClock(self.clock.clone()).now()).max(Duration::from_millis(1)))
    }

    /// Returns a wait by chance, from nothing to the jitter.
    pub fn jitter(&self) -> Duration {
        let mut bytes = [0; 4];
        if self.jitter.is_zero() || self.chance.fill(&mut bytes).is_err() {
            return Duration::ZERO;
        }
        self.jitter.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
    }

    /// Returns whether letters go as fast as they can.
    pub fn is_free(&self) -> bool {
        self.jitter.is_zero() && self.smooth.lock().unwrap_or_else(PoisonError::into_inner).limiter.is_none()
    }

    /// Halves the rate from now on; a free flow becomes one letter a second.
    pub fn slow_down(&self) {
        let mut smooth = self.smooth.lock().unwrap_or_else(PoisonError::into_inner);
        smooth.gap = if smooth.gap.is_zero() { Duration::from_secs(1) } else { smooth.gap * 2 };
        smooth.limiter = limiter(smooth.gap, &self.clock);
    }
}

fn limiter(gap: Duration, clock: &Clock) -> Option<Arc<Limiter>> {
    let quota = Quota::with_period(gap)?.allow_burst(NonZeroU32::MIN);
    Some(Arc::new(RateLimiter::direct_with_clock(quota, OurClock(clock.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::pace::Limit;

    fn flow(per_minute: u32) -> (Flow, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let limits = vec![Limit { letters: per_minute, window: Pace::MINUTE }];
        (Flow::new(&Pace { limits, ..Pace::default() }, clock.clone()), clock)
    }

    #[test]
    fn one_letter_a_second_and_no_burst() {
        let (flow, clock) = flow(60);
        let mut sent = 0;
        for _ in 0..60_000 {
            if flow.wait().is_none() {
                sent += 1;
            }
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(sent, 60);
    }

    #[test]
    fn being_asked_for_less_halves_the_rate() {
        let (flow, clock) = flow(60);
        flow.slow_down();
        assert_eq!(flow.wait(), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(flow.wait(), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(flow.wait(), None);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let flow = Flow::new(&Pace::default(), Clock::manual(Timestamp::UNIX_EPOCH));
        assert!(flow.is_free() && (0..1000).all(|_| flow.wait().is_none()));
        flow.slow_down();
        assert!(!flow.is_free());
    }
}
