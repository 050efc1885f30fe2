//! When a deferred letter is tried again (RFC 5321 §4.5.4.1).

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// After so long a letter is given up (RFC 5321 §4.5.4.1: four to five days).
const PATIENCE: Duration = Duration::from_secs(4 * 24 * HOUR);

/// Waits between attempts: the n-th wait follows the n-th deferral; when they are used up the letter expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    waits: Vec<Duration>,
}

impl Default for RetryPolicy {
    /// After 5, 15 and 60 minutes (greylisting), then every 3 hours: in all 4 days.
    fn default() -> Self {
        let mut waits = vec![5 * MINUTE, 15 * MINUTE, HOUR];
        let mut spent: u64 = waits.iter().sum();
        while spent < PATIENCE.as_secs() {
            waits.push(3 * HOUR);
            spent += 3 * HOUR;
        }
        Self { waits: waits.into_iter().map(Duration::from_secs).collect() }
    }
}

impl RetryPolicy {
    /// Makes a policy of the waits given, in order.
    pub fn of(waits: Vec<Duration>) -> Self {
        Self { waits }
    }

    /// Returns the wait after the `attempts`-th counted attempt (from 1), or nothing when none is left.
    ///
    /// `at_least` is what the relay's reply asks for; it can only lengthen the wait, and it shortens the number of
    /// attempts: a full mailbox that is looked at once a day is given up after [`PATIENCE`] as any other.
    pub fn wait_after(&self, attempts: u32, at_least: Option<Duration>) -> Option<Duration> {
        if at_least.is_some_and(|wait| wait.saturating_mul(attempts) >= PATIENCE) {
            return None;
        }
        let nth = usize::try_from(attempts.checked_sub(1)?).ok()?;
        self.waits.get(nth).map(|wait| (*wait).max(at_least.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tries_in_the_first_hour_and_an_end_after_four_days() {
        let retry = RetryPolicy::default();
        let waits: Vec<_> = (1..).map_while(|n| retry.wait_after(n, None)).collect();
        assert_eq!(waits[..3], [300, 900, 3600].map(Duration::from_secs));
        let days = waits.iter().sum::<Duration>().as_secs_f64() / 86_400.0;
        assert!((4.0..5.0).contains(&days), "{days}");
    }

    #[test]
    fn a_full_mailbox_is_tried_again_three_times_a_day_apart() {
        let retry = RetryPolicy::default();
        let day = Duration::from_secs(24 * HOUR);
        let waits: Vec<_> = (1..).map_while(|n| retry.wait_after(n, Some(day))).collect();
        assert_eq!(waits, [day; 3]);
    }

    #[test]
    fn the_relay_can_only_lengthen_a_wait() {
        let retry = RetryPolicy::default();
        assert_eq!(retry.wait_after(1, Some(Duration::from_secs(1))), Some(Duration::from_secs(300)));
        assert_eq!(retry.wait_after(1, Some(Duration::from_secs(7200))), Some(Duration::from_secs(7200)));
        assert_eq!(retry.wait_after(0, None), None);
    }
}
