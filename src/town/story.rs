//! What happened in the town, day by day. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Seen;
use super::script::Habit;

/// What happened on one day.
#[derive(Default)]
struct Day {
    /// So many letters of each step.
    letters: BTreeMap<u32, u64>,
    /// So many messages of each kind.
    came: BTreeMap<Habit, u64>,
}

/// Tells what happened, a line for each day on which something did. `step` says which letter of the sequence a Message-ID is.
pub fn story(seen: &Seen, step: impl Fn(&str) -> Option<u32>, zone: &TimeZone) -> Vec<String> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    let day = |at: jiff::Timestamp| at.to_zoned_datetime(zone.clone()).date();
    for copy in &seen.copies {
        let letters = &mut days.entry(day(copy.at)).or_default().letters;
        *letters.entry(step(&copy.message_id).unwrap_or(0)).or_default() += 1;
    }
    for posted in &seen.posted {
        *days.entry(day(posted.at)).or_default().came.entry(posted.habit).or_default() += 1;
    }
    days.into_iter().map(|(date, day)| line(date, &day)).collect()
}

fn line(date: Date, day: &Day) -> String {
    let mut line = format!("{:<15}", date.strftime("%a %-d %b %Y").to_string());
    let letters = day.letters.iter().map(|(step, number)| match step {
        0 => format!("{number} that nobody knows of"),
        step => format!("letter {step} to {number}"),
    });
    let came = day.came.iter().map(|(habit, number)| format!("{number} {}", habit.told()));
    let parts = [letters.collect::<Vec<_>>().join(", "), came.collect::<Vec<_>>().join(", ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let _ = write!(line, "  {}", parts.join("; "));
    line
}

#[cfg(test)]
mod tests {
    use super::super::{Copy, Posted};
    use super::*;

    #[test]
    fn a_day_is_told_in_a_line() {
        let copy = |id: &str, at: &str| Copy {
            at: at.parse().unwrap(),
            message_id: id.to_owned(),
            key: None,
            to: vec![],
        };
        let posted =
            |habit, at: &str| Posted { at: at.parse().unwrap(), key: "x".to_owned(), letter: 1, habit };
        let seen = Seen {
            copies: vec![
                copy("1", "2025-09-08T07:00:00Z"),
                copy("1", "2025-09-08T07:01:00Z"),
                // Half past midnight in Amsterdam is the next day.
                copy("2", "2025-09-08T22:30:00Z"),
                copy("?", "2025-09-08T22:31:00Z"),
            ],
            posted: vec![
                posted(Habit::Bounces, "2025-09-08T07:10:00Z"),
                posted(Habit::Answers, "2025-09-08T08:10:00Z"),
                posted(Habit::Answers, "2025-09-08T09:10:00Z"),
                posted(Habit::OptsOut, "2025-09-10T09:10:00Z"),
            ],
            troubles: vec![],
        };
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let told = story(&seen, |id| id.parse().ok(), &zone);
        assert_eq!(
            told,
            [
                "Mon 8 Sep 2025   letter 1 to 2; 2 answered, 1 came back (no such address)",
                "Tue 9 Sep 2025   1 that nobody knows of, letter 2 to 1",
                "Wed 10 Sep 2025  1 opted out",
            ]
        );
    }
}
