//! Values that would look odd where the letter shows them: "n.v.t.", `#N/B`, `&amp;`, a name in capitals.

use super::Found;
use super::catalogue::{ADDRESS_AS_NAME, DOUBLE_BLANK, HTML_ENTITY, NO_VALUE, SHOUTING_NAME};

/// What spreadsheets, databases and people write where there is nothing; in lower case.
const NOTHING: [&str; 45] = [
    "n.v.t.",
    "n.v.t",
    "nvt",
    "nvt.",
    "n/a",
    "n.a.",
    "null",
    "(null)",
    "<null>",
    "nil",
    "nan",
    "none",
    "(none)",
    "undefined",
    "onbekend",
    "unknown",
    "unbekannt",
    "inconnu",
    "ûnbekend",
    "(leeg)",
    "n.t.b.",
    "ntb",
    "in te vullen",
    "#n/b",
    "#n/a",
    "#nv",
    "#verw!",
    "#ref!",
    "#bezug!",
    "#waarde!",
    "#value!",
    "#wert!",
    "#valeur!",
    "#naam?",
    "#name?",
    "#nom?",
    "#deel/0!",
    "#div/0!",
    "#getal!",
    "#num!",
    "#zahl!",
    "#nombre!",
    "#leeg!",
    "#null!",
    "#spill!",
];

/// The longest of those, in octets.
const LONGEST: usize = 12;

/// Words in a heading that say that its column holds names of people, in lower case.
const NAMES: [&str; 9] =
    ["naam", "name", "nom", "aanhef", "anrede", "salutation", "contact", "persoon", "person"];

/// Returns whether a column holds names of people, by its normalised heading.
pub fn holds_names(field: &str) -> bool {
    NAMES.iter().any(|word| field.contains(word))
}

/// Looks at one value, blanks trimmed; `is_name` where it names a person.
pub fn look(value: &str, is_name: bool, found: &mut Vec<Found>) {
    if is_nothing(value) {
        found.push(Found::new(&NO_VALUE, format!("`{value}` is no value")));
        return;
    }
    if let Some(entity) = entity(value) {
        found.push(Found::new(&HTML_ENTITY, format!("`{entity}` is HTML; the reader sees it as it stands")));
    }
    if value.contains("  ") {
        found.push(Found::new(&DOUBLE_BLANK, format!("`{}` has two blanks in a row", super::shown(value))));
    }
    if is_name {
        if value.contains('@') {
            let said = format!("`{}` is a mail address where a name belongs", super::shown(value));
            found.push(Found::new(&ADDRESS_AS_NAME, said));
        } else {
            look_at_case(value, found);
        }
    }
}

/// Looks whether a name is in capitals.
pub fn look_at_case(name: &str, found: &mut Vec<Found>) {
    if shouts(name) {
        let said = format!("`{}` is in capitals throughout", super::shown(name));
        found.push(Found::new(&SHOUTING_NAME, said));
    }
}

fn is_nothing(value: &str) -> bool {
    if !value.chars().any(char::is_alphanumeric) {
        return true;
    }
    // Most values are longer, and none of them has to be written anew.
    value.len() <= LONGEST && NOTHING.contains(&value.to_lowercase().as_str())
}

/// Returns the first character reference (WHATWG HTML §13.5) in a value.
fn entity(value: &str) -> Option<&str> {
    for (at, _) in value.match_indices('&') {
        let rest = &value[at + 1..];
        let Some(end) = rest.find(';').filter(|end| (2..=10).contains(end)) else { continue };
        let name = &rest[..end];
        let known = match name.strip_prefix('#') {
            Some(number) => {
                number.trim_start_matches(['x', 'X']).bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            None => name.bytes().all(|byte| byte.is_ascii_alphabetic()),
        };
        if known {
            return Some(&value[at..at + end + 2]);
        }
    }
    None
}

/// Returns whether a name is written in capitals: two words at least, since `VVD` and `BIJ1` are names as they are.
fn shouts(value: &str) -> bool {
    !value.chars().any(char::is_lowercase)
        && value
            .split_whitespace()
            .filter(|word| word.chars().filter(|c| c.is_uppercase()).count() >= 3)
            .count()
            >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &str, is_name: bool) -> Vec<&'static str> {
        let mut found = Vec::new();
        look(value, is_name, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn odd_values_are_found_and_their_neighbours_are_not() {
        for (value, is_name, expected) in [
            ("n.v.t.", false, vec!["no-value"]),
            ("NULL", false, vec!["no-value"]),
            ("#N/B", true, vec!["no-value"]),
            ("#WAARDE!", false, vec!["no-value"]),
            ("Onbekend", true, vec!["no-value"]),
            ("-", false, vec!["no-value"]),
            ("…", false, vec!["no-value"]),
            ("########", false, vec!["no-value"]),
            ("Jansen &amp; Zn", false, vec!["html-entity"]),
            ("Jos&#233;", true, vec!["html-entity"]),
            ("Jan  Jansen", true, vec!["double-blank"]),
            ("JAN JANSEN", true, vec!["shouting-name"]),
            ("jan@partij.example", true, vec!["address-as-name"]),
            ("JAN  &amp; ANNE", true, vec!["html-entity", "double-blank"]),
        ] {
            assert_eq!(names(value, is_name), expected, "{value}");
        }
        for (value, is_name) in [
            ("Nul & Co", false),
            ("R&D; en meer", false),
            ("AT&T;", false),
            ("onbekend maakt onbemind", false),
            ("JAN JANSEN", false),
            ("DE LINIE", true),
            ("VVD", true),
            ("BIJ1", true),
            ("M.A.M. DE Vries", true),
            ("jan@partij.example", false),
            ("0", false),
            ("A-B", false),
            ("Nan", false),
        ] {
            // `Nan` is a name, and the one word of the list that is.
            let expected: Vec<&str> = if value == "Nan" { vec!["no-value"] } else { vec![] };
            assert_eq!(names(value, is_name), expected, "{value}");
        }
        assert!(NOTHING.iter().all(|word| word.len() <= LONGEST && *word == word.to_lowercase()));
    }

    #[test]
    fn columns_of_names_are_known_by_their_heading() {
        assert!(["naam", "voornaam", "contactpersoon", "aanhef"].iter().all(|field| holds_names(field)));
        assert!(!["partij", "e_mail", "bron"].iter().any(|field| holds_names(field)));
    }
}
