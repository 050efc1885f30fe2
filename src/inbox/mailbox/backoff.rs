//! When a mailbox that could not be reached is tried again. Pure.

use std::time::Duration;

/// Returns how long to wait after so many failures in a row: 5 s, then twice as long each time, at most 10 minutes.
///
/// A mailbox that is down stays down for everybody, and providers lock out who knocks too often.
pub fn pause(failures: u32) -> Duration {
    let doubled = 5_u64.saturating_mul(2_u64.saturating_pow(failures.saturating_sub(1)));
    Duration::from_secs(if failures == 0 { 0 } else { doubled.min(600) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_twice_as_long_up_to_ten_minutes() {
        let seconds: Vec<u64> = (0..9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 5, 10, 20, 40, 80, 160, 320, 600]);
        assert_eq!(pause(u32::MAX).as_secs(), 600);
    }
}
