//! Names of columns and keys, as people write them and as templates use them.

/// Returns the text without the blanks around it, those that nobody sees included (U+00A0, U+200B, U+FEFF).
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200B}' | '\u{FEFF}' | '\u{2060}'))
}

/// Returns a heading's normalised name: lower case, every run of other characters than letters and digits one
/// `_`, none at the ends. `E-mail` is `e_mail`, `Plaats (gemeente)` is `plaats_gemeente`.
pub fn normalised(heading: &str) -> String {
    let mut name = String::with_capacity(heading.len());
    for c in trimmed(heading).chars() {
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    while name.ends_with('_') {
        name.pop();
    }
    name
}

/// Returns the text in lower case and without the accents of Latin letters, for comparing words that people type.
pub fn folded(text: &str) -> String {
    let plain = |c: char| match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => Some('a'),
        'ç' | 'ć' | 'č' => Some('c'),
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => Some('e'),
        'ì'..='ï' | 'ī' => Some('i'),
        'ñ' | 'ń' => Some('n'),
        'ò'..='ö' | 'ō' => Some('o'),
        'ù'..='ü' | 'ū' => Some('u'),
        'ý' | 'ÿ' => Some('y'),
        // An accent of its own behind its letter.
        '\u{300}'..='\u{36F}' => None,
        _ => Some(c),
    };
    text.chars().flat_map(char::to_lowercase).filter_map(plain).collect()
}

/// Returns the known name nearest to one that is not known, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normalised(name);
    known
        .into_iter()
        .map(|candidate| {
            let other = normalised(candidate);
            (strsim::damerau_levenshtein(&wanted, &other), strsim::jaro_winkler(&wanted, &other), candidate)
        })
        .filter(|(edits, likeness, _)| *edits <= 1 || (*edits <= 3 && *likeness > 0.8))
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_becomes_a_name_that_a_template_can_use() {
        for (heading, name) in [
            ("E-mail", "e_mail"),
            ("Naam partij", "naam_partij"),
            ("Plaats (gemeente)", "plaats_gemeente"),
            ("\u{FEFF}naam \u{A0}", "naam"),
            ("Coördinator", "coördinator"),
            ("--", ""),
        ] {
            assert_eq!(normalised(heading), name);
        }
    }

    #[test]
    fn a_typing_error_finds_its_name_and_something_else_finds_none() {
        assert_eq!(nearest("emial", ["naam", "email"]), Some("email"));
        assert_eq!(nearest("telefoon", ["naam", "email"]), None);
    }
}
