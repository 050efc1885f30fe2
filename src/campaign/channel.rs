//! The cell that says by which way a recipient is reached.

use super::headings::{folded, nearest};
use super::recipient::Errand;

/// What people write, without blanks, signs and accents, and what a person does then; nothing is done by hand for mail.
const WORDS: &[(&str, Option<Errand>)] = &[
    ("", None),
    ("email", None),
    ("mail", None),
    ("permail", None),
    ("peremail", None),
    ("webformulier", Some(Errand::WebForm)),
    ("webform", Some(Errand::WebForm)),
    ("formulier", Some(Errand::WebForm)),
    ("contactformulier", Some(Errand::WebForm)),
    ("contactform", Some(Errand::WebForm)),
    ("form", Some(Errand::WebForm)),
    ("post", Some(Errand::Post)),
    ("perpost", Some(Errand::Post)),
    ("brief", Some(Errand::Post)),
    ("telefoon", Some(Errand::Phone)),
    ("telefonisch", Some(Errand::Phone)),
    ("tel", Some(Errand::Phone)),
    ("bellen", Some(Errand::Phone)),
    ("phone", Some(Errand::Phone)),
    ("telephone", Some(Errand::Phone)),
];

/// The words that are offered where another one was meant.
const OFFERED: [&str; 6] = ["e-mail", "webformulier", "post", "telefoon", "web-form", "phone"];

/// Reads the cell: nothing for mail, which is also what an empty cell means.
///
/// # Errors
/// With what to do about a word that is unknown.
pub(super) fn errand(cell: &str) -> Result<Option<Errand>, String> {
    let word: String = folded(cell).chars().filter(|c| c.is_alphanumeric()).collect();
    let signs_alone = word.is_empty() && !cell.is_empty();
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, errand)) if !signs_alone => Ok(*errand),
        _ => Err(match nearest(cell, OFFERED) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "write `e-mail`, `webformulier`, `post` or `telefoon`; an empty cell means e-mail".to_owned()
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_in_capitals_with_accents_signs_and_in_two_languages() {
        for (cell, errand_meant) in [
            ("", None),
            ("e-mail", None),
            ("E-Mail", None),
            ("email", None),
            ("Webformulier", Some(Errand::WebForm)),
            ("web-formulier", Some(Errand::WebForm)),
            ("web form", Some(Errand::WebForm)),
            ("POST", Some(Errand::Post)),
            ("per post", Some(Errand::Post)),
            ("Téléfoon", Some(Errand::Phone)),
            ("phone", Some(Errand::Phone)),
        ] {
            assert_eq!(errand(cell), Ok(errand_meant), "{cell}");
        }
    }

    #[test]
    fn a_word_that_is_unknown_is_never_taken_for_another() {
        assert_eq!(errand("webfromulier").unwrap_err(), "did you mean `webformulier`?");
        assert_eq!(errand("telefon").unwrap_err(), "did you mean `telefoon`?");
        for cell in ["fax", "-", "?", "nvt"] {
            assert!(errand(cell).unwrap_err().starts_with("write `e-mail`"), "{cell}");
        }
    }
}
