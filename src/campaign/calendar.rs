//! When letters may go: office hours in the campaign's own time zone.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Office hours. Nothing goes out outside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The zone in which the hours are told.
    pub zone: TimeZone,
    /// The days on which it opens.
    pub days: Vec<Weekday>,
    /// When it opens.
    pub from: Time,
    /// When it closes, later than `from`; that minute no longer belongs to it.
    pub until: Time,
}

impl Window {
    /// Returns `at` if the window is open then, else when it opens next.
    ///
    /// Returns `None` only for a window that never opens (no days).
    pub fn open_at_or_after(&self, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned_datetime(self.zone.clone());
        for ahead in 0..=14_i64 {
            let day = local.date().checked_add(ahead.days()).ok()?;
            if !self.days.contains(&day.weekday()) {
                continue;
            }
            let opens = day.to_datetime(self.from).to_zoned_datetime(self.zone.clone()).ok()?.timestamp();
            let closes = day.to_datetime(self.until).to_zoned_datetime(self.zone.clone()).ok()?.timestamp();
            if at < closes {
                return Some(at.max(opens));
            }
        }
        None
    }

    /// Returns when the window that is open at `at` closes, or `at` itself if it is closed.
    pub fn closes_after(&self, at: Timestamp) -> Timestamp {
        let local = at.to_zoned_datetime(self.zone.clone());
        let closes = local.date().to_datetime(self.until).to_zoned_datetime(self.zone.clone());
        match closes {
            Ok(closes) if self.open_at_or_after(at) == Some(at) => closes.timestamp(),
            _ => at,
        }
    }
}

/// The days after which nothing goes out: the campaign's own, and each recipient's.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadlines {
    /// The zone in which the days are told.
    pub zone: TimeZone,
    /// The last day for anybody.
    pub last: Option<Date>,
}

impl Deadlines {
    /// No deadline but the recipients' own.
    pub fn none(zone: TimeZone) -> Self {
        Self { zone, last: None }
    }

    /// Returns the last day for a recipient: the earlier of its own and the campaign's.
    pub fn day(&self, own: Option<Date>) -> Option<Date> {
        own.into_iter().chain(self.last).min()
    }

    /// Returns the instant from which on nothing may go to a recipient any more: the end of its last day.
    pub fn end(&self, own: Option<Date>) -> Option<Timestamp> {
        let after = self.day(own)?.tomorrow().ok()?;
        after.to_zoned_datetime(self.zone.clone()).ok().map(|midnight| midnight.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office() -> Window {
        Window {
            zone: TimeZone::get("Europe/Amsterdam").unwrap(),
            days: vec![
                Weekday::Monday,
                Weekday::Tuesday,
                Weekday::Wednesday,
                Weekday::Thursday,
                Weekday::Friday,
            ],
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(17, 0, 0, 0),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn open_means_now_and_closed_means_the_next_opening() {
        // Friday 5 September 2025; summer time, so 09:00 is 07:00 UTC.
        let office = office();
        let next = |text| office.open_at_or_after(at(text)).unwrap();
        assert_eq!(next("2025-09-05T10:00:00Z"), at("2025-09-05T10:00:00Z"));
        assert_eq!(next("2025-09-05T06:59:59Z"), at("2025-09-05T07:00:00Z"));
        assert_eq!(next("2025-09-05T15:00:00Z"), at("2025-09-08T07:00:00Z"));
        assert_eq!(office.closes_after(at("2025-09-05T10:00:00Z")), at("2025-09-05T15:00:00Z"));
    }

    #[test]
    fn the_clock_change_moves_the_opening_in_utc_and_not_on_the_wall() {
        let office = office();
        assert_eq!(office.open_at_or_after(at("2025-10-24T16:00:00Z")), Some(at("2025-10-27T08:00:00Z")));
    }

    #[test]
    fn a_window_without_days_never_opens() {
        let never = Window { days: vec![], ..office() };
        assert_eq!(never.open_at_or_after(at("2025-09-05T10:00:00Z")), None);
    }
}
