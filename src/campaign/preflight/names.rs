//! What stands in header fields: subjects, and the names beside addresses.

use super::Found;
use super::catalogue::{
    ADDRESS_AS_NAME, BROKEN_SUBJECT, FALSE_REPLY, LONG_SUBJECT, ODD_DISPLAY_NAME, OVERLONG_SUBJECT,
    SHOUTING_SUBJECT,
};

/// RFC 5322 §2.1.1 asks for lines of 78 characters; programs show fewer.
const LONG: usize = 78;
/// A line may have 998 octets (RFC 5321 §4.5.3.1.6); some servers count the whole field.
const OVERLONG: usize = 900;

/// What programs put before the subject of an answer, or of what they pass on; in lower case.
const ANSWERS: [&str; 10] =
    ["re:", "re :", "fw:", "fwd:", "antw:", "beantw:", "doorst:", "aw:", "wg:", "tr:"];

/// Looks at a subject, as it will be and as it was before it was cleaned; `first` in a first letter.
pub fn look_at_subject(subject: &str, raw: &str, first: bool, found: &mut Vec<Found>) {
    let shown = || super::shown(subject);
    if subject.len() > OVERLONG {
        found.push(Found::new(&OVERLONG_SUBJECT, format!("the subject has {} octets", subject.len())));
    } else if subject.len() > LONG {
        let length = subject.chars().count();
        if length > LONG {
            found.push(Found::new(
                &LONG_SUBJECT,
                format!("the subject has {length} characters: `{}`", shown()),
            ));
        }
    }
    if raw.trim().contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        found.push(Found::new(&BROKEN_SUBJECT, format!("the subject `{}` would have a line break", shown())));
    }
    if subject.matches('!').count() > 1 {
        found.push(Found::new(
            &SHOUTING_SUBJECT,
            format!("the subject `{}` has several exclamation marks", shown()),
        ));
    } else if !subject.chars().any(char::is_lowercase)
        && subject.chars().filter(|c| c.is_uppercase()).count() >= 10
    {
        found.push(Found::new(&SHOUTING_SUBJECT, format!("the subject `{}` is in capitals", shown())));
    }
    let answers =
        |prefix: &str| subject.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if first && ANSWERS.into_iter().any(answers) {
        let said = format!("the subject `{}` pretends to be an answer", shown());
        found.push(Found::new(&FALSE_REPLY, said));
    }
}

/// Looks at the name beside an address.
pub fn look_at_display_name(name: &str, found: &mut Vec<Found>) {
    let shown = || super::shown(name);
    if name.contains('@') {
        let said = format!("`{}` is a mail address where a name belongs", shown());
        found.push(Found::new(&ADDRESS_AS_NAME, said));
    } else if name.contains(['<', '>']) || name.contains("=?") || name.chars().any(char::is_control) {
        let said = format!("the name `{}` has signs that no name beside an address has", shown());
        found.push(Found::new(&ODD_DISPLAY_NAME, said));
    } else if name.len() > LONG && name.chars().count() > LONG {
        let said = format!("the name `{}` has {} characters", shown(), name.chars().count());
        found.push(Found::new(&ODD_DISPLAY_NAME, said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        look_at_subject(&crate::mail::headers::clean(text), text, true, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    fn name(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        look_at_display_name(text, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn subjects_that_nobody_would_write_are_found() {
        let long = "é".repeat(78);
        for (text, expected) in [
            (format!("{long}é"), vec!["long-subject"]),
            ("é".repeat(451), vec!["overlong-subject"]),
            ("Een oproep\naan u".to_owned(), vec!["broken-subject"]),
            ("EEN OPROEP AAN U".to_owned(), vec!["shouting-subject"]),
            ("Doe mee!!".to_owned(), vec!["shouting-subject"]),
            ("RE: ons gesprek".to_owned(), vec!["false-reply"]),
            ("Fwd: ons gesprek".to_owned(), vec!["false-reply"]),
            (long, vec![]),
            ("Doe mee!".to_owned(), vec![]),
            ("Oproep aan VVD".to_owned(), vec![]),
            ("VVD, D66, CDA".to_owned(), vec![]),
            ("Regels voor u\n".to_owned(), vec![]),
            ("Retour: een brief".to_owned(), vec![]),
        ] {
            assert_eq!(subject(&text), expected, "{text}");
        }
        let mut found = Vec::new();
        look_at_subject("Re: Een oproep", "Re: Een oproep", false, &mut found);
        assert_eq!(found.len(), 0, "a follow-up letter is an answer");
    }

    #[test]
    fn names_that_no_mailbox_should_have_are_found() {
        assert_eq!(name("Jan <b>Jansen</b>"), ["odd-display-name"]);
        assert_eq!(name("=?utf-8?q?Jan?="), ["odd-display-name"]);
        assert_eq!(name(&"Jan ".repeat(20)), ["odd-display-name"]);
        assert_eq!(name("jan@partij.example"), ["address-as-name"]);
        assert_eq!(name("Programmacommissie \"De Linie\" & co."), [] as [&str; 0]);
    }
}
