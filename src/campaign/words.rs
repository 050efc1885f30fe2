//! What a language adds to a letter: the names of months, and the word between the last two of a list.

use jiff::civil::Date;

/// A language that dates and lists can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// Dutch.
    Dutch,
    /// English.
    English,
    /// German.
    German,
    /// French.
    French,
}

impl Tongue {
    /// Every tongue.
    pub const ALL: [Tongue; 4] = [Tongue::Dutch, Tongue::English, Tongue::German, Tongue::French];

    /// Returns the names of the months.
    pub fn months(self) -> &'static [&'static str; 12] {
        match self {
            Self::Dutch => &DUTCH,
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
        }
    }

    /// Returns the tongue of a language tag (RFC 5646), by its first subtag.
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next().unwrap_or(tag).to_ascii_lowercase().as_str() {
            "nl" => Some(Self::Dutch),
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    /// Writes a date as a letter does: `29 oktober 2025`.
    pub fn date(self, date: Date) -> String {
        let index = usize::from(date.month().unsigned_abs().saturating_sub(1)).min(11);
        let (day, month, year) = (date.day(), self.months()[index], date.year());
        match self {
            Self::German => format!("{day}. {month} {year}"),
            Self::French if day == 1 => format!("1er {month} {year}"),
            Self::Dutch | Self::English | Self::French => format!("{day} {month} {year}"),
        }
    }

    /// Writes a list as a sentence does: `a, b en c`.
    pub fn list(self, items: &[String]) -> String {
        let and = match self {
            Self::Dutch => "en",
            Self::English => "and",
            Self::German => "und",
            Self::French => "et",
        };
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
        }
    }
}

/// Reads an ISO date (`2025-10-29`, RFC 3339 full-date); nothing else is a date to us.
pub fn iso_date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    text.parse().ok()
}

/// Parts a cell of the roster that holds several values: at semicolons, blanks trimmed, empty ones left out.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}

const DUTCH: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// Writes a number with its thousands apart: `1,000,000`.
pub fn grouped(number: u64, mark: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_language_does() {
        let written = |tag, text| Tongue::of(tag).unwrap().date(iso_date(text).unwrap());
        assert_eq!(written("nl", "2025-10-29"), "29 oktober 2025");
        assert_eq!(written("en-GB", "2025-10-01"), "1 October 2025");
        assert_eq!(written("de", "2025-03-02"), "2. März 2025");
        assert_eq!(written("fr", "2025-08-01"), "1er août 2025");
        for wrong in ["29-10-2025", "2025-02-30", "2025-1-2", "", "20251029", "2025-10-29T10:00"] {
            assert_eq!(iso_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_are_written_as_the_language_does() {
        let items: Vec<String> = parts("a; b ;;c").map(str::to_owned).collect();
        assert_eq!(Tongue::Dutch.list(&items), "a, b en c");
        assert_eq!(Tongue::English.list(&items[..2]), "a and b");
        assert_eq!(Tongue::German.list(&items[..1]), "a");
        assert_eq!(Tongue::French.list(&[]), "");
    }
}
