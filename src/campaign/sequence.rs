//! The sequence: which letter follows which, after how long, and for whom not.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::calendar::Window;
use super::headings::normalised;
use super::holidays::WorkingDays;
use crate::mail::threading::Earlier;

/// How long after the letter before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct After {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// What a wait is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Days, weekends and holidays included.
    Days,
    /// Weeks.
    Weeks,
    /// Days on which offices are open.
    WorkingDays,
}

impl After {
    /// The most that can be asked for: ten years.
    const MOST: u32 = 3660;
}

impl FromStr for After {
    type Err = String;

    /// Reads `10 working days`, `2 weeks`, `5 days`, also in Dutch (`10 werkdagen`, `2 weken`, `5 dagen`).
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        let unit = match rest.split_whitespace().collect::<Vec<_>>().join(" ").as_str() {
            "d" | "day" | "days" | "dag" | "dagen" => Unit::Days,
            "w" | "week" | "weeks" | "weken" => Unit::Weeks,
            "working day" | "working days" | "workday" | "workdays" | "werkdag" | "werkdagen" => {
                Unit::WorkingDays
            }
            _ => return Err("write it as `10 working days`, `2 weeks` or `5 days`".to_owned()),
        };
        match number.parse() {
            Ok(0) => Err("at least 1".to_owned()),
            Ok(count) if count <= Self::MOST => Ok(Self { count, unit }),
            _ => Err(format!("a number from 1 to {}", Self::MOST)),
        }
    }
}

impl TryFrom<String> for After {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<After> for String {
    fn from(after: After) -> Self {
        after.to_string()
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match (self.unit, self.count) {
            (Unit::Days, 1) => "day",
            (Unit::Days, _) => "days",
            (Unit::Weeks, 1) => "week",
            (Unit::Weeks, _) => "weeks",
            (Unit::WorkingDays, 1) => "working day",
            (Unit::WorkingDays, _) => "working days",
        };
        write!(f, "{} {unit}", self.count)
    }
}

/// When the letter of one step follows the one before, and for whom not. An answer stops every step.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StepRule {
    /// How long after the letter before was accepted; nothing for the first letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
    /// The last day on which it may go, in the campaign's zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Date>,
    /// Whom it leaves out, by fields of the row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<Condition>,
}

impl StepRule {
    /// Returns whether nothing is asked: the rule of a first letter.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a further letter builds on. It is written down when the letter is queued, so that the same letter gives the same bytes later.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Continuation {
    /// The letters before it that the relay took, oldest first; never empty for a letter that goes.
    pub earlier: Vec<Earlier>,
    /// The last day of an absence that a machine told, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_until: Option<Date>,
    /// Whether a machine answered, and nobody else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_replied: bool,
}

/// The fields that a further letter has beside those of the row, by their names in the letter.
pub const FURTHER_FIELDS: [&str; 4] = ["first_letter_on", "last_letter_on", "away_until", "standing"];

impl Continuation {
    /// What a letter builds on when nothing came back and the letter before went at `dated`: what a preview shows.
    pub fn expected(dated: Timestamp) -> Self {
        let earlier =
            Earlier { message_id: "<first-letter@preview.invalid>".to_owned(), wire_id: None, dated };
        Self { earlier: vec![earlier], away_until: None, auto_replied: false }
    }

    /// Returns the day on which the first letter went.
    pub fn first_on(&self, zone: &jiff::tz::TimeZone) -> Option<Date> {
        self.earlier.first().map(|letter| letter.dated.to_zoned_datetime(zone.clone()).date())
    }

    /// Returns the values of [`FURTHER_FIELDS`], with their names; days as `2025-09-01`.
    pub fn fields(&self, zone: &jiff::tz::TimeZone) -> [(String, String); 4] {
        let last = self.earlier.last().map(|letter| letter.dated.to_zoned_datetime(zone.clone()).date());
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let standing = if self.auto_replied { "auto-replied" } else { "awaiting-reply" };
        let values = [day(self.first_on(zone)), day(last), day(self.away_until), standing.to_owned()];
        let mut names = FURTHER_FIELDS.into_iter().map(str::to_owned);
        values.map(|value| (names.next().unwrap_or_default(), value))
    }
}

/// A condition on a field of the row: `fractie`, `fractie = nee`, `fractie != ja`. Capitals and blanks do not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// The field's normalised name.
    pub field: String,
    /// What it is compared with; nothing asks whether it is filled in.
    pub compared: Option<Compared>,
}

/// A comparison with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Whether it must be the same, as against another.
    pub same: bool,
    /// The text.
    pub text: String,
}

impl Condition {
    /// Returns whether it holds for a row.
    pub fn holds(&self, fields: &[(String, String)]) -> bool {
        let value =
            fields.iter().find(|(field, _)| *field == self.field).map_or("", |(_, value)| value.as_str());
        match &self.compared {
            None => !value.trim().is_empty(),
            Some(Compared { same, text }) => (value.trim().to_lowercase() == text.to_lowercase()) == *same,
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, compared) = match (text.split_once("!="), text.split_once('=')) {
            (Some((field, text)), _) => (field, Some((false, text))),
            (None, Some((field, text))) => (field, Some((true, text.trim_start_matches('=')))),
            (None, None) => (text, None),
        };
        let field = normalised(field);
        if field.is_empty() {
            return Err("name a column, as in `replied` or `fractie = nee`".to_owned());
        }
        let compared = compared.map(|(same, text)| {
            let text = text.trim().trim_matches(['"', '\'']).to_owned();
            Compared { same, text }
        });
        Ok(Self { field, compared })
    }
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        match &self.compared {
            None => Ok(()),
            Some(Compared { same, text }) => write!(f, " {} {text}", if *same { "=" } else { "!=" }),
        }
    }
}

/// When a step is due for one recipient, whose letter before was accepted at `accepted`.
///
/// The day is reckoned in the campaign's zone: so many days or working days after that of the acceptance, put off to the
/// next working day, and not before `away_until` (the day of return that an out-of-office told). The time of the day is that of
/// the acceptance, or the opening of the office hours where it would lie outside them.
pub fn due(
    after: After,
    accepted: Timestamp,
    away_until: Option<Date>,
    working: &WorkingDays,
    zone: &jiff::tz::TimeZone,
    window: Option<&Window>,
) -> Timestamp {
    let then = accepted.to_zoned_datetime(zone.clone());
    let count = i64::from(after.count);
    let day = match after.unit {
        Unit::Days => then.date().saturating_add(count.days()),
        Unit::Weeks => then.date().saturating_add(count.weeks()),
        Unit::WorkingDays => working.after(then.date(), after.count),
    };
    let day = working.on_or_after(day.max(away_until.unwrap_or(day)));
    let at = day.to_datetime(then.time()).to_zoned_datetime(zone.clone());
    let at = at.map_or(accepted, |at| at.timestamp());
    window.and_then(|window| window.open_at_or_after(at)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Time, Weekday, date};
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_wait_is_read_as_people_write_it() {
        let read = |text: &str| text.parse::<After>();
        assert_eq!(read("10 working days").unwrap(), After { count: 10, unit: Unit::WorkingDays });
        assert_eq!(read(" 2 Weken ").unwrap().to_string(), "2 weeks");
        assert_eq!(read("1 werkdag").unwrap().to_string(), "1 working day");
        assert_eq!(read("5d").unwrap().to_string(), "5 days");
        for wrong in
            ["", "days", "0 days", "ten days", "10", "10 working", "-1 days", "99999 days", "1 month"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let json = serde_json::to_string(&read("3 days").unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<After>(&json).unwrap().count, 3);
    }

    #[test]
    fn a_condition_looks_at_one_field() {
        let fields = [("fractie".to_owned(), " Nee ".to_owned()), ("leeg".to_owned(), " ".to_owned())];
        let holds = |text: &str| text.parse::<Condition>().unwrap().holds(&fields);
        assert!(
            holds("fractie")
                && holds("Fractie = nee")
                && holds("fractie == \"nee\"")
                && holds("fractie != ja")
        );
        assert!(!holds("leeg") && !holds("onbekend") && !holds("fractie = ja") && !holds("fractie != NEE"));
        assert!("= x".parse::<Condition>().is_err());
        for text in ["fractie", "fractie = nee", "fractie != ja"] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
    }

    fn due_at(after: &str, accepted: &str, away: Option<Date>, window: Option<&Window>) -> String {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let due = due(
            after.parse().unwrap(),
            accepted.parse().unwrap(),
            away,
            &WorkingDays::default(),
            &zone,
            window,
        );
        due.to_zoned_datetime(zone).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    #[test]
    fn a_step_is_due_on_a_working_day_at_the_hour_of_the_letter_before() {
        // Accepted on Monday 8 September 2025 at 10:30 in Amsterdam.
        let accepted = "2025-09-08T08:30:00Z";
        assert_eq!(due_at("10 working days", accepted, None, None), "Mon 2025-09-22 10:30");
        assert_eq!(due_at("5 days", accepted, None, None), "Mon 2025-09-15 10:30", "a Saturday is put off");
        assert_eq!(due_at("1 week", accepted, None, None), "Mon 2025-09-15 10:30");
        assert_eq!(due_at("1 week", accepted, Some(date(2025, 9, 19)), None), "Fri 2025-09-19 10:30");
        assert_eq!(due_at("1 week", accepted, Some(date(2025, 9, 20)), None), "Mon 2025-09-22 10:30");
        assert_eq!(due_at("2 weeks", accepted, Some(date(2025, 9, 20)), None), "Mon 2025-09-22 10:30");
        // The clocks go back on 26 October: the hour stays the same.
        assert_eq!(due_at("7 weeks", accepted, None, None), "Mon 2025-10-27 10:30");
    }

    #[test]
    fn office_hours_are_kept() {
        let window = Window {
            zone: TimeZone::get("Europe/Amsterdam").unwrap(),
            days: vec![Weekday::Tuesday],
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(10, 0, 0, 0),
        };
        assert_eq!(due_at("1 week", "2025-09-08T08:30:00Z", None, Some(&window)), "Tue 2025-09-16 09:00");
    }
}
