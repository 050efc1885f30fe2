//! Days on which offices are closed: the weekend, the public holidays of a country, and days of one's own.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// A country whose public holidays we reckon, for any year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// The Netherlands (Algemene termijnenwet, art. 3; Liberation Day in every year).
    Netherlands,
    /// Belgium (law of 4 January 1974, art. 4).
    Belgium,
    /// Germany: those of the whole federation.
    Germany,
    /// France (Code du travail, L3133-1).
    France,
    /// Nowhere: no holidays but one's own.
    None,
}

impl Country {
    /// Every country, with its code (ISO 3166-1 alpha-2).
    pub const ALL: [(&'static str, Country); 5] = [
        ("nl", Country::Netherlands),
        ("be", Country::Belgium),
        ("de", Country::Germany),
        ("fr", Country::France),
        ("none", Country::None),
    ];

    /// Returns the country of a code, in any case.
    pub fn of(code: &str) -> Option<Self> {
        let code = code.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|(known, _)| *known == code).map(|(_, country)| country)
    }

    /// Returns the English name of the holiday that falls on a day.
    pub fn holiday(self, day: Date) -> Option<&'static str> {
        let fixed = |month: i8, number: i8| (day.month(), day.day()) == (month, number);
        let after_easter = |days: i64| {
            easter(day.year()).and_then(|easter| easter.checked_add(days.days()).ok()) == Some(day)
        };
        let table: &[(bool, &'static str)] = match self {
            Country::Netherlands => &[
                (fixed(1, 1), "New Year's Day"),
                (after_easter(-2), "Good Friday"),
                (after_easter(0), "Easter Sunday"),
                (after_easter(1), "Easter Monday"),
                (day == kings_day(day.year()), "King's Day"),
                (fixed(5, 5), "Liberation Day"),
                (after_easter(39), "Ascension Day"),
                (after_easter(49), "Whit Sunday"),
                (after_easter(50), "Whit Monday"),
                (fixed(12, 25), "Christmas Day"),
                (fixed(12, 26), "Second Christmas Day"),
            ],
            Country::Belgium => &[
                (fixed(1, 1), "New Year's Day"),
                (after_easter(0), "Easter Sunday"),
                (after_easter(1), "Easter Monday"),
                (fixed(5, 1), "Labour Day"),
                (after_easter(39), "Ascension Day"),
                (after_easter(49), "Whit Sunday"),
                (after_easter(50), "Whit Monday"),
                (fixed(7, 21), "National Day"),
                (fixed(8, 15), "Assumption Day"),
                (fixed(11, 1), "All Saints' Day"),
                (fixed(11, 11), "Armistice Day"),
                (fixed(12, 25), "Christmas Day"),
            ],
            Country::Germany => &[
                (fixed(1, 1), "New Year's Day"),
                (after_easter(-2), "Good Friday"),
                (after_easter(0), "Easter Sunday"),
                (after_easter(1), "Easter Monday"),
                (fixed(5, 1), "Labour Day"),
                (after_easter(39), "Ascension Day"),
                (after_easter(49), "Whit Sunday"),
                (after_easter(50), "Whit Monday"),
                (fixed(10, 3), "German Unity Day"),
                (fixed(12, 25), "Christmas Day"),
                (fixed(12, 26), "Second Christmas Day"),
            ],
            Country::France => &[
                (fixed(1, 1), "New Year's Day"),
                (after_easter(0), "Easter Sunday"),
                (after_easter(1), "Easter Monday"),
                (fixed(5, 1), "Labour Day"),
                (fixed(5, 8), "Victory Day"),
                (after_easter(39), "Ascension Day"),
                (after_easter(50), "Whit Monday"),
                (fixed(7, 14), "Bastille Day"),
                (fixed(8, 15), "Assumption Day"),
                (fixed(11, 1), "All Saints' Day"),
                (fixed(11, 11), "Armistice Day"),
                (fixed(12, 25), "Christmas Day"),
            ],
            Country::None => &[],
        };
        table.iter().find(|(falls, _)| *falls).map(|(_, name)| *name)
    }
}

/// King's Day: 27 April, or the day before where that is a Sunday.
fn kings_day(year: i16) -> Date {
    let day = Date::new(year, 4, 27).unwrap_or(Date::ZERO);
    if day.weekday() == Weekday::Sunday { day.yesterday().unwrap_or(day) } else { day }
}

/// Easter Sunday of a year in the Gregorian calendar, by the anonymous algorithm (Meeus, Astronomical Algorithms, ch. 8).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Which days are worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingDays {
    /// Whose public holidays are kept.
    pub country: Country,
    /// Days of one's own on which nothing goes out either.
    pub closed: Vec<Date>,
}

impl Default for WorkingDays {
    fn default() -> Self {
        Self { country: Country::Netherlands, closed: Vec::new() }
    }
}

impl WorkingDays {
    /// Returns why a day is not worked: `Saturday`, a holiday's name, or that it is a day of one's own.
    pub fn closed(&self, day: Date) -> Option<&'static str> {
        match day.weekday() {
            Weekday::Saturday => Some("Saturday"),
            Weekday::Sunday => Some("Sunday"),
            _ if self.closed.contains(&day) => Some("closed by [calendar]"),
            _ => self.country.holiday(day),
        }
    }

    /// Returns the first working day on or after a day.
    ///
    /// Returns the day itself where the calendar ends or ten years have none.
    pub fn on_or_after(&self, day: Date) -> Date {
        let mut next = day;
        for _ in 0..3660 {
            if self.closed(next).is_none() {
                return next;
            }
            match next.tomorrow() {
                Ok(tomorrow) => next = tomorrow,
                Err(_) => return day,
            }
        }
        day
    }

    /// Returns the day that lies `count` working days after a day; the day itself is not counted, whatever it is.
    pub fn after(&self, day: Date, count: u32) -> Date {
        (0..count).fold(day, |day, _| self.on_or_after(day.tomorrow().unwrap_or(day)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_falls_where_the_almanacs_say() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2038, 4, 25),
            (2285, 3, 22),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)), "{year}");
        }
        for year in 1583..=4099 {
            let easter = easter(year).unwrap();
            assert_eq!(easter.weekday(), Weekday::Sunday, "{year}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&easter), "{easter}");
        }
    }

    #[test]
    fn the_dutch_holidays_of_2025_and_a_kings_day_on_a_sunday() {
        let days = |year: i16| -> Vec<String> {
            let mut day = date(year, 1, 1);
            let mut found = Vec::new();
            while day.year() == year {
                if let Some(name) = Country::Netherlands.holiday(day) {
                    found.push(format!("{day} {name}"));
                }
                day = day.tomorrow().unwrap();
            }
            found
        };
        assert_eq!(
            days(2025),
            [
                "2025-01-01 New Year's Day",
                "2025-04-18 Good Friday",
                "2025-04-20 Easter Sunday",
                "2025-04-21 Easter Monday",
                "2025-04-26 King's Day",
                "2025-05-05 Liberation Day",
                "2025-05-29 Ascension Day",
                "2025-06-08 Whit Sunday",
                "2025-06-09 Whit Monday",
                "2025-12-25 Christmas Day",
                "2025-12-26 Second Christmas Day",
            ]
        );
        assert_eq!(Country::Netherlands.holiday(date(2026, 4, 27)), Some("King's Day"));
        for (_, country) in Country::ALL {
            assert_eq!(country.holiday(date(2026, 1, 1)).is_some(), country != Country::None);
        }
    }

    #[test]
    fn working_days_pass_over_weekends_holidays_and_days_of_ones_own() {
        let own = WorkingDays { closed: vec![date(2025, 4, 23)], ..WorkingDays::default() };
        // Thursday before Easter: Good Friday, the weekend and Easter Monday are closed, and Wednesday by our own wish.
        assert_eq!(own.after(date(2025, 4, 17), 1), date(2025, 4, 22));
        assert_eq!(own.after(date(2025, 4, 17), 2), date(2025, 4, 24));
        assert_eq!(own.after(date(2025, 4, 17), 0), date(2025, 4, 17));
        assert_eq!(own.on_or_after(date(2025, 4, 18)), date(2025, 4, 22));
        assert_eq!(own.closed(date(2025, 4, 19)), Some("Saturday"));
        let ten = WorkingDays::default().after(date(2025, 9, 1), 10);
        assert_eq!(ten, date(2025, 9, 15), "two weeks where there is no holiday");
    }
}
