//! Until when somebody is away, as the text says: "terug op maandag 8 september", "t/m 5-9", "back on 8 Sept",
//! "vom 1. bis 12. August", "(returning 2025-09-08)", "weer bereikbaar op maandag".
//!
//! A day without a year is the one nearest to the message's own date. What is returned is the day as it was named: behind
//! "t/m" the last day away, behind "terug op" the first day back.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan as _};

/// How many words are looked at.
const WORDS: usize = 800;

/// Finds the day of return in a plain text; `written` is the day of the message.
pub(crate) fn until(plain: &str, written: Date) -> Option<Date> {
    let words: Vec<&str> = plain
        .split([' ', ',', '(', ')', ';', '!', '?', '"', '[', ']', '<', '>', '*', '|'])
        .map(|word| word.trim_start_matches([':', '\'']))
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .collect();
    let mut best: Option<Date> = None;
    let mut at = 0;
    while at < words.len() {
        match day_at(&words, at, written) {
            Some((day, used)) => {
                let near = written.checked_sub(3.days()).is_ok_and(|first| day >= first);
                let far = written.checked_add(400.days()).is_ok_and(|last| day <= last);
                if near && far && ends_an_absence(&words, at, used) && best.is_none_or(|best| day > best) {
                    best = Some(day);
                }
                at += used;
            }
            None => at += 1,
        }
    }
    best
}

/// Whether a day that is named here is an end: by a word before it, or by what comes back behind it.
fn ends_an_absence(words: &[&str], at: usize, used: usize) -> bool {
    let before = &words[at.saturating_sub(7)..at];
    let behind = &words[(at + used).min(words.len())..(at + used + 9).min(words.len())];
    // Filling words between the cue and the day: "terug op maandag", "until and including the", "bis einschliesslich".
    let nearest = before.iter().rev().find(|word| !FILLING.contains(&trim(word)) && weekday(word).is_none());
    let cue = nearest.is_some_and(|word| UNTIL.contains(&trim(word)) || BACK.contains(&trim(word)));
    let back_before = before.iter().any(|word| BACK.contains(&trim(word)));
    // Not over the end of a sentence.
    let ends = behind.iter().position(|word| word.ends_with('.')).map_or(behind.len(), |n| n + 1);
    let closed = words[at + used - 1].ends_with('.')
        && !words[at + used - 1]
            .trim_end_matches('.')
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let back_behind = !closed && behind[..ends].iter().any(|word| BACK.contains(&trim(word)));
    // "from 1 September to 5 September": the first of them begins an absence.
    let begins = behind.first().is_some_and(|word| SPANS.contains(word));
    !begins && (cue || back_behind || back_before)
}

fn trim(word: &str) -> &str {
    word.trim_matches(['.', ':', '-', '\''])
}

/// Words that stand before the last day of an absence.
const UNTIL: &[&str] = &[
    "t/m",
    "tm",
    "tot",
    "t.e.m",
    "tem",
    "met",
    "until",
    "till",
    "til",
    "'til",
    "through",
    "thru",
    "to",
    "untill",
    "bis",
    "zum",
    "jusqu'au",
    "jusqu",
    "au",
    "inclus",
    "hasta",
    "al",
    "fino",
    "ate",
    "do",
    "oant",
    "frem",
    "including",
    "inclusive",
    "incl",
    "einschliesslich",
    "before",
    "after",
    "na",
    "nach",
    "apres",
    "voor",
    "-",
];

/// Words between the first and the last day of a span.
const SPANS: &[&str] =
    &["t/m", "tot", "until", "till", "through", "to", "bis", "au", "jusqu'au", "al", "ate", "oant", "-"];

/// Words that say that they come back.
const BACK: &[&str] = &[
    "terug",
    "back",
    "return",
    "returning",
    "returns",
    "retour",
    "reprise",
    "wieder",
    "zuruck",
    "weer",
    "werom",
    "vuelvo",
    "regreso",
    "vuelta",
    "rientro",
    "retorno",
    "volto",
    "tilbage",
    "tillbaka",
    "hervat",
    "hervatten",
    "resume",
    "rentre",
    "terugkeer",
    "bereikbaar",
    "erreichbar",
    "reachable",
    "rentree",
    "ruckkehr",
    "available",
    "aanwezig",
    "wer",
    "pas",
];

/// Words between a cue and its day.
const FILLING: &[&str] = &[
    "op",
    "on",
    "the",
    "de",
    "den",
    "der",
    "dem",
    "am",
    "le",
    "at",
    "in",
    "and",
    "und",
    "en",
    "et",
    "with",
    "mit",
    "uiterlijk",
    "dag",
    "of",
    "again",
    "wieder",
    "by",
    "work",
    "the-morning",
    "office",
    "kantoor",
    "ik",
    "ben",
    "met",
    "einschliesslich",
    "including",
    "inclusive",
    "zondag",
    "ochtend",
    "morning",
    "maandagochtend",
    "vanaf",
    "from",
    "ab",
    "zu",
    "el",
    "il",
    "dia",
    "giorno",
    "'s",
    "week",
    "zum",
    "dinsdagochtend",
    "incl",
    "inclusief",
    "i",
    "will",
    "be",
    "bureau",
    "weer",
    "moandei",
];

/// Reads a day that begins at a word; returns how many words it takes.
fn day_at(words: &[&str], at: usize, written: Date) -> Option<(Date, usize)> {
    let word = *words.get(at)?;
    if let Some((day, used)) = weekday(word).and_then(|_| day_at_plain(words, at + 1, written)) {
        return Some((day, used + 1));
    }
    if let Some(found) = day_at_plain(words, at, written) {
        return Some(found);
    }
    if let Some(weekday) = weekday(word) {
        let next_week = at > 1
            && matches!(
                (words[at - 2], words[at - 1]),
                ("volgende" | "next" | "komende" | "nachste" | "kommende", "week" | "woche")
            );
        return following(written, weekday, next_week).map(|day| (day, 1));
    }
    match trim(word) {
        "tomorrow" | "morgen" | "demain" | "manana" | "moarn"
            if !words.get(at + 1).is_some_and(|next| ["middag", "ochtend"].contains(next))
                && !is_greeting(words, at) =>
        {
            written.checked_add(1.days()).ok().map(|day| (day, 1))
        }
        _ => None,
    }
}

/// "Guten Morgen", "goede morgen".
fn is_greeting(words: &[&str], at: usize) -> bool {
    at > 0 && matches!(words[at - 1], "guten" | "goede" | "goeden" | "beste" | "schonen")
}

fn day_at_plain(words: &[&str], at: usize, written: Date) -> Option<(Date, usize)> {
    let word = *words.get(at)?;
    if is_a_time(words, at) {
        return None;
    }
    let month_follows = words.get(at + 1).is_some_and(|next| month(next).is_some());
    if let Some(day) = in_numbers(word, written).filter(|_| !month_follows) {
        return Some((day, 1));
    }
    // "september 8", "september 8th, 2025"
    if let (Some(month), Some(day)) = (month(word), words.get(at + 1).and_then(|word| ordinal(word)))
        && words.get(at + 2).is_none_or(|next| self::month(next).is_none())
    {
        let year = words.get(at + 2).and_then(|word| year(word));
        return Some((near(day, month, year, written)?, if year.is_some() { 3 } else { 2 }));
    }
    // "8 september", "1e september", "8th of september 2025", "1-12 august", "1.-12. august"
    let last = word.trim_end_matches('.').rsplit(['-', '/']).next()?;
    let day = ordinal(last)?;
    let mut used = 1;
    if words.get(at + used).is_some_and(|word| ["of", "de", "van", "di", "do", "d'"].contains(word)) {
        used += 1;
    }
    let month = month(words.get(at + used)?)?;
    used += 1;
    let year = words.get(at + used).and_then(|word| year(word));
    Some((near(day, month, year, written)?, if year.is_some() { used + 1 } else { used }))
}

/// "8.30 uur", "9.00-17.00": hours, not days.
fn is_a_time(words: &[&str], at: usize) -> bool {
    let unit = |word: &&str| {
        ["uur", "u", "uhr", "h", "hrs", "hours", "hour", "am", "pm", "a.m", "p.m", "heures", "oere"]
            .contains(&trim(word))
    };
    words[at].contains(':') && !words[at].ends_with(':') || words.get(at + 1).is_some_and(unit)
}

/// `2025-09-08`, `8-9`, `8/9/2025`, `08.09.25`, `8.9.`
fn in_numbers(word: &str, written: Date) -> Option<Date> {
    let word = word.trim_end_matches([':', ',']);
    let separator = word.chars().find(|c| !c.is_ascii_digit())?;
    if !['-', '/', '.'].contains(&separator) {
        return None;
    }
    let parts: Vec<&str> = word.trim_end_matches('.').split(separator).collect();
    let number = |text: &str| {
        (!text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i16>().ok())
            .flatten()
    };
    match parts[..] {
        [year, month, day] if year.len() == 4 => Date::new(number(year)?, small(month)?, small(day)?).ok(),
        [day, month, year] if matches!(year.len(), 2 | 4) => {
            let year = number(year).map(|year| if year < 100 { year + 2000 } else { year })?;
            either(small(day)?, small(month)?, Some(year), written, separator)
        }
        [day, month] if day.len() <= 2 && month.len() <= 2 => {
            either(small(day)?, small(month)?, None, written, separator)
        }
        _ => None,
    }
}

fn small(text: &str) -> Option<i8> {
    (text.len() <= 2 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Day and month, or with a slash perhaps the other way round: then whichever comes next.
fn either(first: i8, second: i8, year: Option<i16>, written: Date, separator: char) -> Option<Date> {
    let usual = near(first, second, year, written);
    if separator != '/' {
        return usual;
    }
    let turned = near(second, first, year, written);
    match (usual, turned) {
        (Some(usual), Some(turned)) => {
            let wait = |day: Date| if day < written { 10_000 } else { days(written, day) };
            Some(if wait(turned) < wait(usual) { turned } else { usual })
        }
        (usual, turned) => usual.or(turned),
    }
}

fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span: Span| span.get_days())
}

/// Makes a date; without a year, of the year in which it is nearest.
fn near(day: i8, month: i8, year: Option<i16>, written: Date) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let years = [written.year() - 1, written.year(), written.year() + 1];
    let of_years = years.into_iter().filter_map(|year| Date::new(year, month, day).ok());
    // Two months ago may be a message that nobody has taken down; more than that is next year's.
    of_years.filter(|date| days(*date, written) <= 60).min_by_key(|date| days(written, *date).abs())
}

/// The weekday's next occurrence after a day; the day itself means a week later.
fn following(written: Date, weekday: Weekday, next_week: bool) -> Option<Date> {
    let next = written.nth_weekday(1, weekday).ok()?;
    let same_week = next_week
        && next.weekday().to_monday_zero_offset() > written.weekday().to_monday_zero_offset()
        && days(written, next) < 7;
    if same_week { next.checked_add(7.days()).ok() } else { Some(next) }
}

fn year(word: &str) -> Option<i16> {
    let word = word.trim_end_matches(['.', ':']);
    (word.len() == 4 && word.starts_with("20")).then(|| word.parse().ok()).flatten()
}

/// `8`, `8.`, `8th`, `8e`, `1er`, `8ste`.
fn ordinal(word: &str) -> Option<i8> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = word.split_at(digits);
    let suffix = suffix.trim_end_matches('.');
    let fits = matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "e" | "er" | "ste" | "de" | "o" | "a");
    small(number).filter(|day| fits && (1..=31).contains(day))
}

/// The months in Dutch, English, German, French, Frisian, Spanish, Italian and Portuguese, plain, by how they begin.
const MONTHS: &[&[&str]] = &[
    &[
        "januari",
        "january",
        "januar",
        "janner",
        "janvier",
        "jannewaris",
        "enero",
        "gennaio",
        "janeiro",
        "jan",
        "janv",
    ],
    &[
        "februari",
        "february",
        "februar",
        "fevrier",
        "febrewaris",
        "febrero",
        "febbraio",
        "fevereiro",
        "feb",
        "febr",
        "fev",
    ],
    &["maart", "march", "marz", "maerz", "mars", "maart", "marzo", "marco", "mrt", "mar"],
    &["april", "avril", "abril", "aprile", "apr", "avr"],
    &["mei", "may", "mai", "maaie", "mayo", "maggio", "maio"],
    &["juni", "june", "juin", "juny", "junio", "giugno", "junho", "jun"],
    &["juli", "july", "juillet", "july", "julio", "luglio", "julho", "jul", "juil"],
    &["augustus", "august", "aout", "agosto", "aug"],
    &["september", "septembre", "septimber", "septiembre", "settembre", "setembro", "sep", "sept"],
    &["oktober", "october", "octobre", "octubre", "ottobre", "outubro", "okt", "oct"],
    &["november", "novembre", "novimber", "noviembre", "novembro", "nov"],
    &["december", "dezember", "decembre", "desimber", "diciembre", "dicembre", "dezembro", "dec", "dez"],
];

fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches(['.', ':', '\'']);
    let at = MONTHS.iter().position(|names| names.contains(&word))?;
    i8::try_from(at + 1).ok()
}

const WEEKDAYS: &[(Weekday, &[&str])] = &[
    (Weekday::Monday, &["maandag", "monday", "montag", "lundi", "moandei", "lunes", "lunedi", "mon", "ma"]),
    (
        Weekday::Tuesday,
        &["dinsdag", "tuesday", "dienstag", "mardi", "tiisdei", "martes", "martedi", "tue", "di"],
    ),
    (
        Weekday::Wednesday,
        &["woensdag", "wednesday", "mittwoch", "mercredi", "woansdei", "miercoles", "mercoledi", "wed", "wo"],
    ),
    (
        Weekday::Thursday,
        &[
            "donderdag",
            "thursday",
            "donnerstag",
            "jeudi",
            "tongersdei",
            "jueves",
            "giovedi",
            "thu",
            "thurs",
            "do",
        ],
    ),
    (
        Weekday::Friday,
        &["vrijdag", "friday", "freitag", "vendredi", "freed", "viernes", "venerdi", "fri", "vr"],
    ),
    (
        Weekday::Saturday,
        &["zaterdag", "saturday", "samstag", "samedi", "sneon", "sabado", "sabato", "sat", "za"],
    ),
    (
        Weekday::Sunday,
        &["zondag", "sunday", "sonntag", "dimanche", "snein", "domingo", "domenica", "sun", "zo"],
    ),
];

/// Reads a weekday; short forms of two letters only with a full stop, since they are words of their own.
fn weekday(word: &str) -> Option<Weekday> {
    let bare = word.trim_end_matches([':', '.']);
    if bare.len() <= 2 && !word.ends_with('.') {
        return None;
    }
    WEEKDAYS.iter().find(|(_, names)| names.contains(&bare)).map(|(day, _)| *day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::plain;
    use super::*;

    /// Monday 1 September 2025.
    fn written() -> Date {
        Date::new(2025, 9, 1).unwrap()
    }

    fn read(text: &str) -> String {
        until(&plain(text), written()).map_or("none".to_owned(), |day| day.to_string())
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for (text, day) in [
            ("Ik ben afwezig en terug op maandag 8 september.", "2025-09-08"),
            ("Ik ben afwezig t/m 5-9.", "2025-09-05"),
            ("Ik ben tot en met vrijdag 5 september 2025 met vakantie.", "2025-09-05"),
            ("Van 1 t/m 12 september ben ik er niet", "2025-09-12"),
            (
                "Ik ben er niet van 25 augustus tot 8 september. Vanaf 9 september ben ik weer bereikbaar.",
                "2025-09-09",
            ),
            ("Maandag ben ik weer op kantoor", "2025-09-08"),
            ("Op woensdag 3 september ben ik weer bereikbaar", "2025-09-03"),
            ("I am away and will be back on 8 Sept", "2025-09-08"),
            ("back in the office on Monday, September 8th, 2025", "2025-09-08"),
            ("I'll be out until the 12th of September", "2025-09-12"),
            ("I will return Tuesday.", "2025-09-02"),
            ("AUTO: Ada is out of the office (returning 08.09.2025)", "2025-09-08"),
            ("AUTO: Ada is out of the office (returning 09/08/2025)", "2025-09-08"),
            ("AUTO: Ada is out of the office (returning 2025-09-08)", "2025-09-08"),
            ("Ich bin vom 1. bis 12. August nicht im Haus", "none"),
            ("Ich bin vom 1. bis 12. Oktober nicht im Haus", "2025-10-12"),
            ("Ab dem 8.9. bin ich wieder erreichbar", "2025-09-08"),
            ("bis einschließlich 05.09.2025 im Urlaub", "2025-09-05"),
            ("Je suis absent jusqu'au 8 septembre inclus", "2025-09-08"),
            ("Je serai de retour le lundi 1er décembre", "2025-12-01"),
            ("Absence du 25/08 au 08/09", "2025-09-08"),
            ("Ik bin oant 8 septimber mei fakânsje", "2025-09-08"),
            ("out of office through January 5", "2026-01-05"),
            ("1-12 oktober afwezig; daarna weer terug", "2025-10-12"),
            ("Wij zijn bereikbaar van 8.30 uur t/m 17.00 uur", "none"),
            ("van 9.00 tot 17.00", "none"),
            ("I am out of the office.", "none"),
            ("Guten Morgen, ich bin nicht da", "none"),
            ("Op maandag en dinsdag werk ik niet", "none"),
            ("call me on 12-34 or by 1/2 past", "none"),
        ] {
            assert_eq!(read(text), day, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_within_a_year_comes_back(offset in 0_i64..300, form in 0_usize..6) {
            let day = written().checked_add(offset.days()).unwrap();
            let name = ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"][day.month() as usize - 1];
            let english = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"][day.month() as usize - 1];
            let text = match form {
                0 => format!("terug op {} {name}", day.day()),
                1 => format!("t/m {}-{}", day.day(), day.month()),
                2 => format!("back on {english} {}, {}", day.day(), day.year()),
                3 => format!("wieder da ab {}.{}.{}", day.day(), day.month(), day.year()),
                4 => format!("until {day}"),
                _ => format!("t/m {} {name} {}", day.day(), day.year()),
            };
            prop_assert_eq!(until(&plain(&text), written()), Some(day), "{}", text);
        }

        #[test]
        fn nothing_makes_it_panic(text in "(terug|op|t/m|maandag|8|september|2025|-|/|\\.|tot|99999| |\\PC){0,40}", day in 1_i8..28, year in -9000_i16..9000) {
            until(&plain(&text), Date::new(year, 2, day).unwrap());
        }
    }
}
