//! A letter's text as a whole: whether there is any, in which language, how loud.

use super::catalogue::{EXCLAMATIONS, THIN_TEXT, WRONG_LANGUAGE};
use super::{Found, language, links};

/// Fewer words than this are no letter.
const FEWEST_WORDS: usize = 20;

/// Looks at the plain text of a letter that says to be in a language (RFC 5646).
pub fn look(text: &str, language: &str, found: &mut Vec<Found>) {
    let words = words(text);
    if words < FEWEST_WORDS {
        let only = if links::addresses(text).next().is_some() { " beside its links" } else { "" };
        let said = match words {
            0 => format!("the letter has no word{only}"),
            1 => format!("the letter has one word{only}"),
            more => format!("the letter has only {more} words{only}"),
        };
        found.push(Found::new(&THIN_TEXT, said));
    }
    if let Some((tag, name)) = language::other_than(language, text) {
        let said = format!("the letter reads as {name}, and `campaign.language` is `{language}`");
        found.push(Found::new(&WRONG_LANGUAGE, said).hint(format!("if it is, write `language = \"{tag}\"`")));
    }
    if text.contains("!!!") {
        found.push(Found::new(&EXCLAMATIONS, "the letter has `!!!`"));
    }
}

/// Counts words, without addresses of pages.
fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| !word.contains("://") && !word.trim_start_matches('(').starts_with("www."))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        look(text, "nl", &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn a_letter_says_something_in_its_language_and_does_not_shout() {
        let letter = "Geachte leden,\n\nWij schrijven u omdat de gemeente binnenkort beslist over de opvang in onze wijk, en wij vragen u om \
            mee te denken.\n";
        assert_eq!(names(letter), [] as [&str; 0]);
        assert_eq!(names(&format!("{letter} Kom!!!")), ["exclamations"]);
        assert_eq!(names("Zie https://a.nl/x en https://a.nl/y"), ["thin-text"]);
        assert_eq!(names(&"https://a.nl/x ".repeat(30)), ["thin-text"]);
        assert_eq!(names(""), ["thin-text"]);
        assert_eq!(
            names(
                &"We ask you to look at the plan of the council, which is not what you would have liked. "
                    .repeat(3)
            ),
            ["wrong-language"]
        );
    }
}
