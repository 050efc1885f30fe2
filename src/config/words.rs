//! Values that people write as words: spans of time, days of the week, times of the day.

use std::time::Duration;

use jiff::civil::{Time, Weekday};

/// Reads a span of time: `2s`, `500 ms`, `5 min`, `1 hour`.
pub fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim().to_lowercase().as_str() {
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    };
    // A week is more than any wait here may be, and far below what a clock can add.
    number.checked_mul(milliseconds).filter(|all| *all <= 604_800_000).map(Duration::from_millis)
}

/// Reads an amount of data: `10 MB`, `500 KB`, `1_000_000`; a kilobyte has a thousand bytes.
pub fn amount(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.replace('_', "").parse().ok()?;
    let unit = match unit.trim().to_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

const WEEK: [(Weekday, [&str; 4]); 7] = [
    (Weekday::Monday, ["mon", "monday", "ma", "maandag"]),
    (Weekday::Tuesday, ["tue", "tuesday", "di", "dinsdag"]),
    (Weekday::Wednesday, ["wed", "wednesday", "wo", "woensdag"]),
    (Weekday::Thursday, ["thu", "thursday", "do", "donderdag"]),
    (Weekday::Friday, ["fri", "friday", "vr", "vrijdag"]),
    (Weekday::Saturday, ["sat", "saturday", "za", "zaterdag"]),
    (Weekday::Sunday, ["sun", "sunday", "zo", "zondag"]),
];

/// Reads days: `mon-fri`, `mon,wed,fri`, `ma-vr`, `sat-mon`. In the order of the week, each once; or the word that
/// is no day.
///
/// # Errors
/// The word that is no day.
pub fn days(text: &str) -> Result<Vec<Weekday>, String> {
    let day = |word: &str| {
        let word = word.trim().to_lowercase();
        WEEK.iter().position(|(_, names)| names.contains(&word.as_str())).ok_or(word)
    };
    let mut open = [false; 7];
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (mut at, last) = (day(first)?, day(last)?);
                open[at] = true;
                while at != last {
                    at = (at + 1) % 7;
                    open[at] = true;
                }
            }
            None => open[day(part)?] = true,
        }
    }
    Ok(WEEK.iter().zip(open).filter(|(_, open)| *open).map(|((day, _), _)| *day).collect())
}

/// Reads a time of the day: `09:00`, `9:30`.
pub fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit()) && (1..=2).contains(&text.len());
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_days_and_times_read_as_people_write_them() {
        assert_eq!(span("2s"), Some(Duration::from_secs(2)));
        assert_eq!(span(" 5 min"), Some(Duration::from_secs(300)));
        assert_eq!(
            (span("5"), span("-1s"), span("99999999999999999999h"), span("")),
            (None, None, None, None)
        );
        assert_eq!(
            (amount("10 MB"), amount("500kb"), amount("7")),
            (Some(10_000_000), Some(500_000), Some(7))
        );
        assert_eq!(
            (amount("MB"), amount("1.5 MB"), amount("99999999999 GB"), amount("-1")),
            (None, None, None, None)
        );
        assert_eq!(days("ma-vr").unwrap(), days("mon-fri").unwrap());
        assert_eq!(days("sat-mon").unwrap(), [Weekday::Monday, Weekday::Saturday, Weekday::Sunday]);
        assert_eq!(days("mon, fry"), Err("fry".to_owned()));
        assert_eq!(time("9:30"), Some(Time::constant(9, 30, 0, 0)));
        assert_eq!((time("24:00"), time("9"), time("+9:00"), time("09:0")), (None, None, None, None));
    }
}
