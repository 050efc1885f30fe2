//! Dates in a text: a day of the week that does not fit its date, a term that has passed. Dutch, English, German, French.

use std::ops::Range;

use jiff::civil::{Date, Weekday};

use super::Found;
use super::catalogue::{PAST_DEADLINE, WRONG_WEEKDAY};
use crate::campaign::words::Tongue;

const DAYS: [(Weekday, &[&str]); 7] = [
    (Weekday::Monday, &["maandag", "monday", "montag", "lundi", "moandei"]),
    (Weekday::Tuesday, &["dinsdag", "tuesday", "dienstag", "mardi", "tiisdei"]),
    (Weekday::Wednesday, &["woensdag", "wednesday", "mittwoch", "mercredi", "woansdei"]),
    (Weekday::Thursday, &["donderdag", "thursday", "donnerstag", "jeudi", "tongersdei"]),
    (Weekday::Friday, &["vrijdag", "friday", "freitag", "vendredi", "freed"]),
    (Weekday::Saturday, &["zaterdag", "saturday", "samstag", "sonnabend", "samedi", "sneon"]),
    (Weekday::Sunday, &["zondag", "sunday", "sonntag", "dimanche", "snein"]),
];

/// Abbreviations, from Monday on, in the order of [`Tongue`]. German `So` is left out: it is a word, too.
const SHORT: [[&str; 7]; 4] = [
    ["ma", "di", "wo", "do", "vr", "za", "zo"],
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    ["mo", "di", "mi", "do", "fr", "sa", ""],
    ["lun", "mar", "mer", "jeu", "ven", "sam", "dim"],
];

const MONTHS: [&[&str]; 12] = [
    &["januari", "january", "januar", "janvier", "jannewaris", "jan", "janv"],
    &["februari", "february", "februar", "février", "febrewaris", "feb", "févr"],
    &["maart", "march", "märz", "mars", "mrt", "mar"],
    &["april", "avril", "apr"],
    &["mei", "may", "mai", "maaie"],
    &["juni", "june", "juin", "juny", "jun"],
    &["juli", "july", "juillet", "july", "jul", "juil"],
    &["augustus", "august", "août", "augustus", "aug"],
    &["september", "septembre", "sept", "sep"],
    &["oktober", "october", "octobre", "okt", "oct"],
    &["november", "novembre", "nov"],
    &["december", "dezember", "décembre", "desimber", "dec", "dez", "déc"],
];

/// What may stand between the day of the week and the date.
const ARTICLES: [&str; 8] = ["de", "den", "der", "dem", "the", "le", "am", "of"];
/// What hangs on a number: `9th`, `1er`, `9e`.
const ORDINALS: [&str; 8] = ["st", "nd", "rd", "th", "e", "er", "ste", "de"];

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Word(String),
    Number(i32, usize),
    Mark(char),
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    at: Range<usize>,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (start, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let at = start..start + c.len_utf8();
        let joins = tokens.last().is_some_and(|token| token.at.end == start);
        match (tokens.last_mut().filter(|_| joins), c) {
            (Some(Token { kind: Kind::Word(word), at: whole }), c) if c.is_alphabetic() => {
                word.extend(c.to_lowercase());
                whole.end = at.end;
            }
            (Some(Token { kind: Kind::Number(number, digits), at: whole }), c)
                if c.is_ascii_digit() && *digits < 8 =>
            {
                *number = *number * 10 + i32::from(c as u8 - b'0');
                *digits += 1;
                whole.end = at.end;
            }
            (_, c) if c.is_alphabetic() => {
                tokens.push(Token { kind: Kind::Word(c.to_lowercase().collect()), at });
            }
            (_, c) if c.is_ascii_digit() => {
                tokens.push(Token { kind: Kind::Number(i32::from(c as u8 - b'0'), 1), at });
            }
            _ => tokens.push(Token { kind: Kind::Mark(c), at }),
        }
    }
    tokens
}

/// A date as it is written: the year may be missing, and the day may not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    year: Option<i32>,
    month: i32,
    day: i32,
}

impl Written {
    fn date(self, year: i32) -> Option<Date> {
        let narrow = |number: i32| i8::try_from(number).ok();
        Date::new(i16::try_from(year).ok()?, narrow(self.month)?, narrow(self.day)?).ok()
    }
}

fn month(token: Option<&Token>) -> Option<i32> {
    let Kind::Word(word) = &token?.kind else { return None };
    let found = MONTHS.iter().position(|names| names.contains(&word.as_str()))?;
    i32::try_from(found + 1).ok()
}

/// Reads a date that begins at a token; returns it with the token behind it.
fn date(tokens: &[Token], from: usize) -> Option<(Written, usize)> {
    let number = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(Kind::Number(number, digits)) => Some((*number, *digits)),
        _ => None,
    };
    let is_mark = |at: usize, marks: &[char]| matches!(tokens.get(at).map(|token| &token.kind), Some(Kind::Mark(mark)) if marks.contains(mark));
    let year = |mut at: usize| {
        while is_mark(at, &[',', '.']) {
            at += 1;
        }
        number(at).filter(|(_, digits)| *digits == 4).map(|(year, _)| (year, at + 1))
    };
    let ordinal = |at: usize| {
        let hangs = match tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => ORDINALS.contains(&word.as_str()),
            Some(Kind::Mark(mark)) => *mark == '.',
            _ => false,
        };
        if hangs { at + 1 } else { at }
    };
    if let Some(month) = month(tokens.get(from)) {
        // September 9, 2025
        let at = if is_mark(from + 1, &['.']) { from + 2 } else { from + 1 };
        let (day, _) = number(at).filter(|(day, digits)| *digits <= 2 && (1..=31).contains(day))?;
        let after = ordinal(at + 1);
        return Some(match year(after) {
            Some((year, end)) => (Written { year: Some(year), month, day }, end),
            None => (Written { year: None, month, day }, after),
        });
    }
    let (first, digits) = number(from)?;
    let parting = |at: usize, mark: char| is_mark(at, &[mark]);
    for mark in ['-', '/', '.'] {
        if parting(from + 1, mark)
            && parting(from + 3, mark)
            && let (Some((second, 1..=2)), Some((third, last))) = (number(from + 2), number(from + 4))
        {
            return match (digits, last) {
                (4, 1..=2) => Some((Written { year: Some(first), month: second, day: third }, from + 5)),
                (1..=2, 4) => Some((Written { year: Some(third), month: second, day: first }, from + 5)),
                _ => None,
            };
        }
    }
    if digits > 2 || !(1..=31).contains(&first) {
        return None;
    }
    let mut at = ordinal(from + 1);
    if matches!(tokens.get(at).map(|token| &token.kind), Some(Kind::Word(word)) if word == "of") {
        at += 1;
    }
    let month = month(tokens.get(at))?;
    Some(match year(at + 1) {
        Some((year, end)) => (Written { year: Some(year), month, day: first }, end),
        None => (Written { year: None, month, day: first }, at + 1),
    })
}

fn weekday(word: &str, tongue: Option<Tongue>) -> Option<Weekday> {
    let full = DAYS.iter().find(|(_, names)| names.contains(&word)).map(|(day, _)| *day);
    full.or_else(|| {
        let row = match tongue? {
            Tongue::Dutch => 0,
            Tongue::English => 1,
            Tongue::German => 2,
            Tongue::French => 3,
        };
        let at = SHORT[row].iter().position(|short| !short.is_empty() && *short == word)?;
        DAYS.get(at).map(|(day, _)| *day)
    })
}

/// Returns whether a text may hold a day of the week or a term; cheap, since every value is asked.
pub fn may_hold_one(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns whether a value is a day of the week, so that a date may stand beside it.
pub fn may_be_a_day(value: &str) -> bool {
    value.len() <= 12 && weekday(&value.to_lowercase(), None).is_some()
}

/// Looks for days of the week that do not fit their date, and for terms that have passed; each with its place.
pub fn look(text: &str, today: Date, tongue: Option<Tongue>, found: &mut Vec<(Range<usize>, Found)>) {
    if !may_hold_one(text) {
        return;
    }
    let tokens = tokens(text);
    for (at, token) in tokens.iter().enumerate() {
        let Kind::Word(word) = &token.kind else { continue };
        if let Some(said) = weekday(word, tongue) {
            let mut from = at + 1;
            while from <= at + 2
                && tokens.get(from).is_some_and(|token| match &token.kind {
                    Kind::Word(word) => ARTICLES.contains(&word.as_str()),
                    Kind::Mark(mark) => matches!(mark, ',' | '.'),
                    Kind::Number(..) => false,
                })
            {
                from += 1;
            }
            if let Some((written, end)) = date(&tokens, from)
                && let Some(found_here) = misfit(text, &tokens, at, end, said, written, today)
            {
                found.push(found_here);
            }
        }
        if let Some(from) = term(&tokens, at)
            && let Some((written, end)) = date(&tokens, from)
            && let Some(date) = written.year.and_then(|year| written.date(year))
            && date < today
        {
            let range = token.at.start..tokens[end - 1].at.end;
            let said = format!("`{}` has passed", super::shown(&text[range.clone()]));
            found.push((range, Found::new(&PAST_DEADLINE, said)));
        }
    }
}

fn misfit(
    text: &str,
    tokens: &[Token],
    at: usize,
    end: usize,
    said: Weekday,
    written: Written,
    today: Date,
) -> Option<(Range<usize>, Found)> {
    let range = tokens[at].at.start..tokens[end - 1].at.end;
    let shown = super::shown(&text[range.clone()]);
    let found = match written.year {
        Some(year) => match written.date(year) {
            None => Found::new(&WRONG_WEEKDAY, format!("`{shown}`: there is no such day")),
            Some(date) if date.weekday() == said => return None,
            Some(date) => Found::new(&WRONG_WEEKDAY, format!("`{shown}` is a {}", name(date.weekday()))),
        },
        None => {
            let year = i32::from(today.year());
            let dates: Vec<Date> = [year, year + 1].iter().filter_map(|year| written.date(*year)).collect();
            if dates.is_empty() || dates.iter().any(|date| date.weekday() == said) {
                return None;
            }
            let next = dates.iter().find(|date| **date >= today).or(dates.last())?;
            let told = format!("`{shown}` is a {} in {}", name(next.weekday()), next.year());
            Found::new(&WRONG_WEEKDAY, told).softly()
        }
    };
    Some((range, found))
}

/// Words that ask for something; before "voor 1 september" they make it a term.
const ASKING: [&str; 12] = [
    "graag",
    "reactie",
    "reageren",
    "reageer",
    "antwoord",
    "antwoorden",
    "reply",
    "respond",
    "antworten",
    "antwort",
    "réponse",
    "répondre",
];

/// Returns where the date of a term begins, if a term begins at this token.
fn term(tokens: &[Token], at: usize) -> Option<usize> {
    let word = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(Kind::Word(word)) => word.as_str(),
        _ => "",
    };
    let mut from = match (word(at), word(at + 1), word(at + 2)) {
        ("uiterlijk" | "spätestens" | "vóór" | "deadline", ..) => at + 1,
        ("no", "later", "than") | ("au", "plus", "tard") => at + 3,
        ("bis", "zum", _) | ("avant", "le", _) => at + 2,
        ("voor" | "by" | "before" | "bis", ..)
            if (at.saturating_sub(6)..at).any(|before| ASKING.contains(&word(before))) =>
        {
            at + 1
        }
        _ => return None,
    };
    // "uiterlijk op maandag 1 september", "deadline: 1 september"
    for _ in 0..4 {
        let skip = match tokens.get(from).map(|token| &token.kind) {
            Some(Kind::Word(word)) => {
                ["op", "tot", "voor", "vóór", "on", "is", "am", "zum", "le", "de", "the"]
                    .contains(&word.as_str())
                    || weekday(word, None).is_some()
            }
            Some(Kind::Mark(mark)) => matches!(mark, ':' | ','),
            _ => false,
        };
        if !skip {
            break;
        }
        from += 1;
    }
    Some(from)
}

fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn told(text: &str, tongue: Tongue) -> Vec<String> {
        let mut found = Vec::new();
        look(text, date(2025, 9, 1), Some(tongue), &mut found);
        found.into_iter().map(|(_, found)| format!("{}: {}", found.finding.name, found.said)).collect()
    }

    #[test]
    fn days_that_do_not_fit_are_found_and_those_that_do_are_not() {
        use Tongue::{Dutch, English, French, German};
        for (text, tongue, expected) in [
            ("Op maandag 9 september 2025 spreken wij.", Dutch, "`maandag 9 september 2025` is a Tuesday"),
            ("op Maandag, 9 september 2025", Dutch, "`Maandag, 9 september 2025` is a Tuesday"),
            ("ma. 9 sept. 2025", Dutch, "`ma. 9 sept. 2025` is a Tuesday"),
            ("maandag 9-9-2025", Dutch, "`maandag 9-9-2025` is a Tuesday"),
            ("maandag 2025-09-09", Dutch, "`maandag 2025-09-09` is a Tuesday"),
            ("maandag 9 september om 10 uur", Dutch, "`maandag 9 september` is a Tuesday in 2025"),
            ("maandag 31 september 2025", Dutch, "`maandag 31 september 2025`: there is no such day"),
            ("Monday, September 9th, 2025", English, "`Monday, September 9th, 2025` is a Tuesday"),
            ("Monday the 9th of September 2025", English, "`Monday the 9th of September 2025` is a Tuesday"),
            ("am Montag, dem 9. September 2025,", German, "`Montag, dem 9. September 2025` is a Tuesday"),
            ("lundi 9 septembre 2025", French, "`lundi 9 septembre 2025` is a Tuesday"),
            ("mercredi 1er octobre 2026", French, "`mercredi 1er octobre 2026` is a Thursday"),
        ] {
            assert_eq!(told(text, tongue), [format!("wrong-weekday: {expected}")], "{text}");
        }
        for (text, tongue) in [
            ("Op dinsdag 9 september 2025 spreken wij.", Dutch),
            ("di 9 september 2025", Dutch),
            ("dinsdag 9/9/2025", Dutch),
            ("dinsdag 9 september", Dutch),
            ("woensdag 9 september is over een jaar", Dutch),
            ("maandag is het 9 september 2025 geweest", Dutch),
            ("op maandag; 9 september 2025", Dutch),
            ("op maandag 10 uur", Dutch),
            ("maandag en dinsdag 9 september 2025", Dutch),
            ("Tuesday, September 9, 2025", English),
            ("so 9 September 2025 it is", English),
            ("do 9 september 2025", English),
            ("dienstag, 9. September 2025", German),
            ("mardi 9 septembre 2025", French),
            ("maandag 9 99", Dutch),
        ] {
            assert_eq!(told(text, tongue), [] as [String; 0], "{text}");
        }
    }

    #[test]
    fn terms_that_have_passed_are_found_and_other_dates_are_not() {
        use Tongue::{Dutch, English};
        for (text, tongue) in [
            ("Wij horen het graag uiterlijk 31 augustus 2025.", Dutch),
            ("uiterlijk op zondag 31 augustus 2025", Dutch),
            ("Wij ontvangen uw reactie graag voor 1 juli 2025.", Dutch),
            ("Deadline: 2025-08-31", Dutch),
            ("no later than August 31, 2025", English),
        ] {
            assert!(told(text, tongue).iter().all(|told| told.starts_with("past-deadline")), "{text}");
            assert_eq!(told(text, tongue).len(), 1, "{text}");
        }
        for text in [
            "uiterlijk 1 september 2025",
            "uiterlijk 31 augustus",
            "Uw adres vonden wij op 14 juli 2025 op uw site.",
            "Voor 1 januari 2024 gold een andere regel.",
            "tot 1 juli 2024",
        ] {
            assert_eq!(told(text, Dutch), [] as [String; 0], "{text}");
        }
    }
}
