//! Word's field codes (ECMA-376 part 1 §17.16): what a letter makes of each.

/// What becomes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A column of the mail merge.
    Merge(String),
    /// A link round what the field shows.
    Link(String),
    /// The date of the day.
    Today,
    /// Something that a person must fill in.
    Marker(&'static str),
    /// Something that a mail has no use for; its code.
    Drop(String),
    /// A choice of the merge, of which only the present outcome is known.
    Choice,
    /// What it shows is taken as text.
    Shown,
}

impl Field {
    /// Reads an instruction: ` MERGEFIELD "Naam partij" \* MERGEFORMAT `.
    pub(super) fn of(instruction: &str) -> Self {
        let mut words = words(instruction).into_iter();
        let code = words.next().unwrap_or_default().to_uppercase();
        // The first word that is no switch; what follows a switch may be its value, which comes later in practice.
        let mut argument = || words.find(|word| !word.starts_with('\\')).filter(|word| !word.is_empty());
        match code.as_str() {
            "MERGEFIELD" => argument().map_or(Self::Shown, Self::Merge),
            "HYPERLINK" => argument().map_or(Self::Shown, Self::Link),
            "DATE" | "TIME" => Self::Today,
            "ADDRESSBLOCK" => Self::Marker("[adres]"),
            "GREETINGLINE" => Self::Marker("[aanhef]"),
            "FILLIN" | "ASK" => Self::Marker("[in te vullen]"),
            "PAGE" | "NUMPAGES" | "SECTION" | "SECTIONPAGES" | "NEXT" | "NEXTIF" | "SKIPIF" | "MERGEREC"
            | "MERGESEQ" | "SET" | "XE" | "TC" | "RD" => Self::Drop(code),
            "IF" => Self::Choice,
            _ => Self::Shown,
        }
    }
}

/// Cuts an instruction into words; those in quotes may hold blanks.
fn words(instruction: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = instruction.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '“' | '”' => {
                let mut word = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '\\' if matches!(chars.peek(), Some('"' | '\\')) => word.extend(chars.next()),
                        '"' | '“' | '”' => break,
                        c => word.push(c),
                    }
                }
                words.push(word);
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '"') {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_codes_are_read_as_word_writes_them() {
        for (instruction, field) in [
            (" MERGEFIELD Naam \\* MERGEFORMAT ", Field::Merge("Naam".to_owned())),
            (" MERGEFIELD  \"Naam partij\"  \\* Upper", Field::Merge("Naam partij".to_owned())),
            ("mergefield Naam", Field::Merge("Naam".to_owned())),
            (" MERGEFIELD ", Field::Shown),
            (" HYPERLINK \"https://x.example/a?b=1\" ", Field::Link("https://x.example/a?b=1".to_owned())),
            (" HYPERLINK \\l \"_Toc1\" ", Field::Link("_Toc1".to_owned())),
            (" DATE \\@ \"d MMMM yyyy\" ", Field::Today),
            (" PAGE   \\* MERGEFORMAT", Field::Drop("PAGE".to_owned())),
            (" GREETINGLINE \\f \"<<_BEFORE_ Beste >>\" ", Field::Marker("[aanhef]")),
            (" IF «M» = \"m\" \"heer\" \"mevrouw\" ", Field::Choice),
            (" REF bladwijzer ", Field::Shown),
            ("", Field::Shown),
            ("MERGEFIELD \"open", Field::Merge("open".to_owned())),
        ] {
            assert_eq!(Field::of(instruction), field, "{instruction}");
        }
    }
}
