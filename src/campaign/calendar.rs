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

    /// Returns the day that `now` falls on.
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned_datetime(self.zone.clone()).date()
    }

    /// Returns whether a recipient's last day is over.
    pub fn is_over(&self, own: Option<Date>, now: Timestamp) -> bool {
        self.end(own).is_some_and(|end| end <= now)
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
    fn the_last_day_is_a_whole_day_in_the_campaigns_own_zone() {
        for (zone, own, campaign, end) in [
            ("Europe/Amsterdam", Some("2025-09-12"), None, Some("2025-09-12T22:00:00Z")),
            ("Europe/Amsterdam", Some("2025-12-12"), None, Some("2025-12-12T23:00:00Z")),
            // The day of the clock change has 25 hours.
            ("Europe/Amsterdam", Some("2025-10-26"), None, Some("2025-10-26T23:00:00Z")),
            // Here the next day begins at one o'clock, because midnight is left out.
            ("America/Santiago", Some("2025-09-06"), None, Some("2025-09-07T04:00:00Z")),
            ("America/Paramaribo", Some("2025-09-12"), None, Some("2025-09-13T03:00:00Z")),
            ("Pacific/Kiritimati", Some("2025-09-12"), None, Some("2025-09-12T10:00:00Z")),
            // The earlier of the two counts.
            ("UTC", Some("2025-09-12"), Some("2025-09-11"), Some("2025-09-12T00:00:00Z")),
            ("UTC", Some("2025-09-10"), Some("2025-09-11"), Some("2025-09-11T00:00:00Z")),
            ("UTC", None, Some("2025-12-31"), Some("2026-01-01T00:00:00Z")),
            ("UTC", None, None, None),
            // The calendar ends there, and with it the deadline.
            ("UTC", Some("9999-12-31"), None, None),
        ] {
            let day = |text: Option<&str>| text.map(|text| text.parse::<Date>().unwrap());
            let deadlines = Deadlines { zone: TimeZone::get(zone).unwrap(), last: day(campaign) };
            let (own, end) = (day(own), end.map(at));
            assert_eq!(deadlines.end(own), end, "{zone} {own:?}");
            let Some(end) = end else { continue };
            let before = Timestamp::from_millisecond(end.as_millisecond() - 1).unwrap();
            assert!(deadlines.is_over(own, end) && !deadlines.is_over(own, before), "{zone} {own:?}");
            assert_eq!(Some(deadlines.today(before)), deadlines.day(own), "{zone}");
            assert!(Some(deadlines.today(end)) > deadlines.day(own), "{zone}");
        }
    }

    #[test]
    fn a_window_without_days_never_opens() {
        let never = Window { days: vec![], ..office() };
        assert_eq!(never.open_at_or_after(at("2025-09-05T10:00:00Z")), None);
    }
}
