//! A day as people and spreadsheets write it.

use jiff::civil::{Date, Weekday};

use super::headings::{folded, trimmed};
use super::words::Tongue;

/// Reads a day: `2025-10-28`, `28-10-2025`, `28/10/2025`, `28.10.2025`, `28 oktober 2025`, `di 28 okt. 2025`,
/// `October 28, 2025`. Numbers alone are day, month, year, unless the year comes first.
///
/// # Errors
/// Why it is no day, as a clause for people: a date that does not exist, a year of two digits, a time of the day (a
/// deadline is a whole day), a day of the week that the date does not fall on.
pub fn day(text: &str) -> Result<Date, String> {
    let text = folded(trimmed(text));
    let mut text = text.as_str();
    if let Some((before, time)) = behind_the_date(text) {
        if time.chars().any(|c| c.is_ascii_digit() && c != '0') {
            return Err(format!("it holds a time of the day, `{time}`, and a whole day is wanted"));
        }
        text = before;
    }
    let mut parts: Vec<&str> =
        text.split([' ', '-', '/', '.', ',', '\u{A0}']).filter(|part| !part.is_empty()).collect();
    let weekday = parts.first().and_then(|first| weekday(first));
    if weekday.is_some() {
        parts.remove(0);
    }
    let no = || Err("it is no date".to_owned());
    let (year, month, day) = match parts[..] {
        [first, second, third] if first.len() == 4 && number(first).is_some() => (first, second, third),
        [first, second, third] if number(first).is_none() => (third, first, second),
        [first, second, third] => (third, second, first),
        _ => return no(),
    };
    let month = number(month).or_else(|| month_named(month));
    let (Some(year_number), Some(month), Some(day)) = (number(year), month, number(day)) else { return no() };
    if year.len() != 4 {
        return Err("the year is not written in four digits".to_owned());
    }
    let date = match (i8::try_from(month), i8::try_from(day)) {
        (Ok(month), Ok(day)) => Date::new(year_number, month, day),
        _ => return no(),
    };
    let Ok(date) = date else { return Err("there is no such day".to_owned()) };
    match weekday {
        Some(weekday) if weekday != date.weekday() => Err(format!(
            "{date} is a {}",
            ENGLISH[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
        )),
        _ => Ok(date),
    }
}

/// Parts a date from the time behind it: `2025-10-28T00:00:00`, `28-10-2025 00:00`.
fn behind_the_date(text: &str) -> Option<(&str, &str)> {
    let colon = text.find(':')?;
    let at = text[..colon].rfind([' ', 't'])?;
    Some((text[..at].trim_end(), text[at + 1..].trim()))
}

fn number(text: &str) -> Option<i16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The month of a name, or of the beginning of one in at least three letters that means no other month.
fn month_named(text: &str) -> Option<i16> {
    if text.chars().count() < 3 {
        return None;
    }
    // How the Dutch shorten maart.
    if text == "mrt" {
        return Some(3);
    }
    let mut found = None;
    for tongue in Tongue::ALL {
        for (number, name) in (1..).zip(tongue.months()) {
            if folded(name).starts_with(text) && found.replace(number).is_some_and(|other| other != number) {
                return None;
            }
        }
    }
    found
}

const DUTCH: [&str; 7] = ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"];
const ENGLISH: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The day of the week of a name or of its beginning in at least two letters: `di`, `tue`.
fn weekday(text: &str) -> Option<Weekday> {
    let named =
        |names: &[&str; 7]| names.iter().position(|name| text.len() >= 2 && folded(name).starts_with(text));
    let at = named(&DUTCH).or_else(|| named(&ENGLISH))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_however_it_is_written() {
        for text in [
            "2025-10-28",
            " 2025-10-28\u{A0}",
            "2025/10/28",
            "28-10-2025",
            "28/10/2025",
            "28.10.2025",
            "28 10 2025",
            "28 oktober 2025",
            "28 Oktober 2025",
            "28 okt 2025",
            "28 okt. 2025",
            "28-okt-2025",
            "28. Oktober 2025",
            "28 octobre 2025",
            "October 28, 2025",
            "Oct 28 2025",
            "dinsdag 28 oktober 2025",
            "di 28-10-2025",
            "Tuesday, 28 October 2025",
            "2025-10-28T00:00:00",
            "2025-10-28 00:00:00",
            "28-10-2025 0:00",
        ] {
            assert_eq!(day(text), Ok(Date::constant(2025, 10, 28)), "{text}");
        }
        for (text, date) in [
            ("1-2-2026", "2026-02-01"),
            ("1 mrt 2026", "2026-03-01"),
            ("3 März 2026", "2026-03-03"),
            ("1 mei 2026", "2026-05-01"),
            ("29-02-2028", "2028-02-29"),
            ("1 août 2026", "2026-08-01"),
        ] {
            assert_eq!(day(text).unwrap().to_string(), date, "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_said_and_never_guessed() {
        let said: Vec<String> = [
            "z.s.m.",
            "",
            "28-10-25",
            "28-10",
            "10/28/2025",
            "29-02-2026",
            "31 april 2026",
            "45958",
            "20251028",
            "28 jui 2025",
            "28 xyz 2025",
            "28-10-2025 17:00",
            "maandag 28 oktober 2025",
            "28-10-2025-1",
            "-1-2-2026x",
            "99999-1-1",
            "28 oktober 12025",
            "00-00-0000",
        ]
        .iter()
        .map(|text| format!("{text}: {}", day(text).unwrap_err()))
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
