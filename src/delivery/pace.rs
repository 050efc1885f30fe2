//! How fast letters may go: limits that hold over restarts, and the smooth flow within them.

use std::time::Duration;

use jiff::Timestamp;

/// So many letters within any window of that length: N means N, never N + 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most so many.
    pub letters: u32,
    /// Within any span of this length.
    pub window: Duration,
}

/// What an account may send.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pace {
    /// Limits of the account, any number of windows. None at all is "unlimited", said out loud.
    pub limits: Vec<Limit>,
    /// Limit for each recipient domain.
    pub per_domain: Option<Limit>,
    /// At the most so much is added, by chance, to the gap between two letters.
    pub jitter: Duration,
}

impl Pace {
    /// A minute.
    pub const MINUTE: Duration = Duration::from_secs(60);
    /// An hour.
    pub const HOUR: Duration = Duration::from_secs(3600);
    /// A day.
    pub const DAY: Duration = Duration::from_secs(86_400);

    /// Returns the gap between two letters that keeps the flow smooth: the widest that a window of an hour or
    /// less asks for. A limit per day is a cap, not a rhythm: 250 a day need not take all day for 27 letters.
    pub fn gap(&self) -> Duration {
        self.limits
            .iter()
            .filter(|limit| limit.window <= Self::HOUR)
            .map(|limit| limit.window / limit.letters.max(1))
            .max()
            .unwrap_or_default()
    }

    /// Returns when the `nth` letter (from 1) can go at the earliest, counted from the first, if nobody else
    /// uses the account and the first goes at once.
    pub fn nth_after(&self, nth: u64) -> Duration {
        let before = nth.saturating_sub(1);
        let smooth = seconds(self.gap(), before) + seconds(self.jitter, before) / 2.0;
        let capped = self
            .limits
            .iter()
            .map(|limit| seconds(limit.window, before / u64::from(limit.letters.max(1))))
            .fold(smooth, f64::max);
        Duration::try_from_secs_f64(capped).unwrap_or(Duration::MAX)
    }
}

fn seconds(span: Duration, times: u64) -> f64 {
    // Precise enough for a forecast: a million days are far below 2^53 milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let times = times as f64;
    span.as_secs_f64() * times
}

/// What was sent within one window, newest last: accepted and in-doubt letters, by the end of their attempt.
///
/// Counted by the end and not the beginning, because the relay's own clock saw the letter before that end:
/// so two letters that we hold a window apart are at least a window apart for the relay, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Letters that ended within the window.
    pub ended: u32,
    /// Letters in flight now; they count, and have no end yet.
    pub in_flight: u32,
    /// When the oldest letter ended that must leave the window before one more may go.
    pub oldest: Option<Timestamp>,
}

/// How many more letters a limit leaves room for, and when there is room again if there is none.
pub fn room(limit: &Limit, used: &Used) -> (u32, Option<Timestamp>) {
    let room = limit.letters.saturating_sub(used.ended).saturating_sub(used.in_flight);
    let again = (room == 0).then(|| used.oldest.and_then(|at| at.checked_add(limit.window).ok())).flatten();
    (room, again)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(letters: u32, window: Duration) -> Limit {
        Limit { letters, window }
    }

    #[test]
    fn a_limit_of_n_lets_n_through_and_not_one_more() {
        let three = limit(3, Pace::MINUTE);
        let used = |ended, in_flight| Used { ended, in_flight, oldest: Some(Timestamp::UNIX_EPOCH) };
        assert_eq!(room(&three, &used(0, 0)), (3, None));
        assert_eq!(room(&three, &used(2, 0)), (1, None));
        let at = Timestamp::from_second(60).unwrap();
        assert_eq!(room(&three, &used(3, 0)), (0, Some(at)));
        assert_eq!(room(&three, &used(2, 1)), (0, Some(at)));
        assert_eq!(room(&three, &used(9, 9)), (0, Some(at)));
    }

    #[test]
    fn the_flow_is_smooth_within_the_hour_and_a_day_is_only_a_cap() {
        let pace = Pace {
            limits: vec![limit(60, Pace::MINUTE), limit(250, Pace::HOUR), limit(300, Pace::DAY)],
            ..Pace::default()
        };
        assert_eq!(pace.gap(), Duration::from_millis(14_400));
        assert_eq!(pace.nth_after(1), Duration::ZERO);
        assert_eq!(pace.nth_after(27), Duration::from_millis(26 * 14_400));
        assert_eq!(pace.nth_after(300), Duration::from_millis(299 * 14_400));
        assert_eq!(pace.nth_after(301), Pace::DAY);
        assert_eq!(pace.nth_after(5_000), Pace::DAY * 16);
    }

    #[test]
    fn no_limit_means_no_wait() {
        assert_eq!(Pace::default().nth_after(1_000_000), Duration::ZERO);
        assert_eq!(Pace::default().gap(), Duration::ZERO);
    }
}
