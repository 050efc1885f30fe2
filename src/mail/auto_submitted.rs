//! `Auto-Submitted` (RFC 3834 §5).

/// What a message says of how it came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoSubmitted {
    /// A person sent it, or nothing is said.
    #[default]
    No,
    /// A machine sent it of itself.
    Generated,
    /// A machine answered.
    Replied,
    /// `auto-notified` (RFC 5436 §2.7.1), or a word that is not known.
    Other,
}

impl AutoSubmitted {
    /// Reads the field's value: a keyword, perhaps with parameters or comments behind it.
    pub fn parse(value: &str) -> Self {
        let word = value.trim_start().split([';', ' ', '\t', '(']).next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "" | "no" => AutoSubmitted::No,
            "auto-generated" => AutoSubmitted::Generated,
            "auto-replied" => AutoSubmitted::Replied,
            _ => AutoSubmitted::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_counts_and_what_stands_behind_it_does_not() {
        for (value, expected) in [
            ("no", AutoSubmitted::No),
            ("auto-replied; owner-email=\"a@b.example\"", AutoSubmitted::Replied),
            ("Auto-Replied (vacation)", AutoSubmitted::Replied),
            ("auto-generated", AutoSubmitted::Generated),
            ("auto-notified; x", AutoSubmitted::Other),
            ("", AutoSubmitted::No),
        ] {
            assert_eq!(AutoSubmitted::parse(value), expected, "{value}");
        }
    }
}
