//! A task: what a person does for a recipient who takes no mail, and what the row says about it.

use jiff::civil::Date;
use serde::Serialize;

use super::headings::{normalised, trimmed};
use super::recipient::{Errand, Recipient};

/// The usual headings of the column with the form's address.
pub const LINK: [&str; 3] = ["link", "webformulier-link", "form-link"];
/// The usual headings of the column with the form's limit of characters.
pub const LIMIT: [&str; 3] = ["limit", "limiet", "max-tekens"];

/// The columns that hold what a person needs for a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskColumns {
    /// The heading of the column with the form's address, where it is none of [`LINK`].
    pub link: Option<String>,
    /// The heading of the column with its limit of characters, where it is none of [`LIMIT`].
    pub limit: Option<String>,
}

/// A cell that a person needs for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The column's normalised name.
    pub column: &'a str,
    /// What stands in it, never empty.
    pub value: &'a str,
}

impl TaskColumns {
    /// Returns the form's address as the row has it.
    pub fn link<'a>(&self, recipient: &'a Recipient) -> Option<Cell<'a>> {
        cell(recipient, self.link.as_deref(), &LINK)
    }

    /// Returns the form's limit as the row has it.
    pub fn limit<'a>(&self, recipient: &'a Recipient) -> Option<Cell<'a>> {
        cell(recipient, self.limit.as_deref(), &LIMIT)
    }
}

fn cell<'a>(recipient: &'a Recipient, named: Option<&str>, usual: &[&str]) -> Option<Cell<'a>> {
    let find = |heading: &str| {
        let name = normalised(heading);
        let (column, value) = recipient.fields.iter().find(|(field, _)| *field == name)?;
        Some(Cell { column, value }).filter(|cell| !cell.value.is_empty())
    };
    match named {
        Some(heading) => find(heading),
        None => usual.iter().find_map(|heading| find(heading)),
    }
}

/// What a person does for one recipient, and what is needed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// The recipient's key.
    pub key: String,
    /// What there is to do.
    pub errand: Errand,
    /// Where: the address of the form.
    pub link: Option<String>,
    /// At most so many characters.
    pub limit: Option<u64>,
    /// The last day on which it makes sense.
    pub due: Option<Date>,
}

impl Task {
    /// Returns the task of a recipient who takes no mail; `due` is the last day.
    pub fn of(recipient: &Recipient, columns: &TaskColumns, due: Option<Date>) -> Option<Self> {
        let errand = recipient.errand()?;
        Some(Self {
            key: recipient.key.clone(),
            errand,
            link: columns.link(recipient).map(|cell| cell.value.to_owned()),
            limit: columns.limit(recipient).and_then(|cell| characters(cell.value)),
            due,
        })
    }

    /// Returns whether its last day is over.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.due.is_some_and(|day| day < today)
    }

    /// Returns what there is to do and until when: `web form, by 12 September`.
    pub fn words(&self, today: Date) -> String {
        match self.due {
            Some(day) => format!("{}, {}", self.errand.words(), due(day, today)),
            None => self.errand.words().to_owned(),
        }
    }
}

/// Says until when: `by 12 September`, `by today`, `overdue since 12 September`.
pub fn due(day: Date, today: Date) -> String {
    match day.cmp(&today) {
        std::cmp::Ordering::Less => format!("overdue since {}", told(day, today)),
        std::cmp::Ordering::Equal => "by today".to_owned(),
        std::cmp::Ordering::Greater => format!("by {}", told(day, today)),
    }
}

/// Tells a day: `12 September`, in another year `12 January 2026`.
pub fn told(day: Date, today: Date) -> String {
    let form = if day.year() == today.year() { "%-d %B" } else { "%-d %B %Y" };
    day.strftime(form).to_string()
}

/// Reads a number of characters: `2000`, `2.000`, `2 000 tekens`.
pub fn characters(text: &str) -> Option<u64> {
    let text = trimmed(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && !is_apart(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.trim_end_matches(is_apart);
    // `1.5` is no number of characters, and `2.000` is two thousand.
    let mut groups = number.split(is_apart);
    let first = groups.next().filter(|first| !first.is_empty())?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.len() > 3 {
            return None;
        }
        digits.push_str(group);
    }
    let known =
        ["", "tekens", "teken", "characters", "chars"].contains(&trimmed(unit).to_lowercase().as_str());
    digits.parse().ok().filter(|number| *number > 0 && known)
}

/// What stands between the thousands of a number.
fn is_apart(c: char) -> bool {
    matches!(c, '.' | ',' | ' ' | '\'' | '\u{A0}' | '\u{202F}')
}

/// Counts characters as a form does: code units of UTF-16, a line break as one (HTML Standard §4.10.18.3).
pub fn length(text: &str) -> u64 {
    text.encode_utf16().count() as u64
}

/// Returns the host that a link leads to, in lower case: `https://www.party.example/contact` is `www.party.example`.
pub fn host(link: &str) -> Option<String> {
    let (_, rest) = link.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host).trim_end_matches('.');
    Some(host.to_lowercase()).filter(|host| !host.is_empty())
}

/// Returns whether a link is one that a browser opens over a protected line.
pub fn is_https(link: &str) -> bool {
    let scheme = "https://";
    link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        && host(link).is_some()
        && !link.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::campaign::recipient::Channel;

    fn row(fields: &[(&str, &str)]) -> Recipient {
        Recipient {
            key: "D66".into(),
            channel: Channel::ByHand(Errand::WebForm),
            name: None,
            organisation: None,
            deadline: None,
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_task_takes_what_it_needs_from_the_usual_columns_or_from_those_that_are_named() {
        let form = "https://d66.example/contact";
        let usual = row(&[("limiet", "2.000 tekens"), ("webformulier_link", form), ("link", "")]);
        let task = Task::of(&usual, &TaskColumns::default(), Some(date(2025, 9, 12))).unwrap();
        assert_eq!((task.link.as_deref(), task.limit), (Some(form), Some(2000)));
        assert_eq!(task.words(date(2025, 9, 1)), "web form, by 12 September");

        let named = TaskColumns { link: Some("Adres formulier".into()), limit: Some("Max".into()) };
        let other = row(&[("link", "https://elsewhere.example"), ("adres_formulier", form), ("max", "900")]);
        let task = Task::of(&other, &named, None).unwrap();
        assert_eq!((task.link.as_deref(), task.limit), (Some(form), Some(900)));
        assert_eq!(task.words(date(2025, 9, 1)), "web form");
    }

    #[test]
    fn a_deadline_is_told_as_people_say_it() {
        let today = date(2025, 9, 12);
        let told = [(2025, 9, 13), (2025, 9, 12), (2025, 9, 11), (2026, 1, 2), (2024, 12, 31)]
            .map(|(year, month, day)| due(date(year, month, day), today));
        assert_eq!(
            told,
            [
                "by 13 September",
                "by today",
                "overdue since 11 September",
                "by 2 January 2026",
                "overdue since 31 December 2024"
            ]
        );
    }

    #[test]
    fn a_limit_is_read_however_it_is_written_and_never_guessed() {
        for text in ["2000", " 2000 ", "2.000", "2,000", "2 000", "2\u{A0}000 tekens", "2000 Characters"] {
            assert_eq!(characters(text), Some(2000), "{text}");
        }
        assert_eq!(characters("1.234.567"), Some(1_234_567));
        for text in ["", "veel", "0", "1.5", "2.00", "20.00.000", "-5", "1234.567", "2000 woorden", ".", "2k"]
        {
            assert_eq!(characters(text), None, "{text}");
        }
    }

    #[test]
    fn characters_count_as_a_form_counts_them() {
        assert_eq!(length("één\n"), 4);
        // A browser takes two of what a form allows for this one.
        assert_eq!(length("🕊"), 2);
    }

    #[test]
    fn a_link_leads_to_its_host_and_not_to_what_looks_like_one() {
        for (link, leads_to) in [
            ("https://www.Party.example/contact?x=https://other.example", Some("www.party.example")),
            ("https://party.example@evil.example/", Some("evil.example")),
            ("https://evil.example\\@party.example/", Some("evil.example")),
            ("http://party.example:8080#x", Some("party.example")),
            ("https:///contact", None),
            ("party.example/contact", None),
        ] {
            assert_eq!(host(link).as_deref(), leads_to, "{link}");
        }
        assert!(is_https("HTTPS://party.example") && !is_https("http://party.example"));
        assert!(!is_https("https://") && !is_https("https://party.example/a b") && !is_https("httpé"));
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_columns_is_read_without_a_fault(text in ".{0,40}") {
            let _ = (characters(&text), host(&text), is_https(&text), length(&text));
        }

        #[test]
        fn a_number_reads_as_itself_with_and_without_its_thousands_apart(number in 1_u64..10_000_000) {
            let plain = number.to_string();
            prop_assert_eq!(characters(&plain), Some(number));
            let mut apart = String::new();
            for (at, digit) in plain.chars().enumerate() {
                if at > 0 && (plain.len() - at) % 3 == 0 {
                    apart.push('.');
                }
                apart.push(digit);
            }
            prop_assert_eq!(characters(&apart), Some(number));
        }
    }
}
