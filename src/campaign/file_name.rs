//! Names of files that every file system and every mail program takes.

/// A name has at most so many octets before its ending: file systems stop at 255 with it.
const LONGEST: usize = 120;

/// Names that Windows keeps for devices, whatever the ending.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Makes a text part of a file's name: no folder, no control character, nothing that turns the writing direction.
///
/// The same text gives the same part, and a text that is a plain name stays as it is. It may still be `..`, or empty.
pub fn part(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !crate::mail::headers::unprintable(*c) || c.is_whitespace())
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns whether Windows would take a name for a device: `nul`, `COM1.txt`.
pub fn is_device(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    DEVICES.contains(&first.as_str())
}

/// Makes a file name with this ending (`.pdf`) out of a text that may hold anything; nothing if nothing is left of it.
///
/// It stays readable (letters of every script, blanks), leads into no other folder, is no hidden file and no device, and
/// holds no mark that turns the writing direction.
pub fn safe(text: &str, ending: &str) -> Option<String> {
    let text = text.trim();
    // Not by octets: in Turkish, say, folding case changes their number.
    let split =
        text.char_indices().rev().nth(ending.chars().count().saturating_sub(1)).map_or(0, |(at, _)| at);
    let stem = if text[split..].eq_ignore_ascii_case(ending) { &text[..split] } else { text };
    let mut name = part(stem).trim_matches(['.', ' ']).to_owned();
    while name.len() > LONGEST {
        name.pop();
    }
    let name = name.trim_end_matches(['.', ' ']);
    if !name.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(if is_device(name) { format!("_{name}{ending}") } else { format!("{name}{ending}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_stays_readable_and_leads_nowhere_else() {
        let made = |text| safe(text, ".pdf").unwrap_or_default();
        assert_eq!(
            made("Brief aan GROENLINKS / Partij van de Arbeid"),
            "Brief aan GROENLINKS - Partij van de Arbeid.pdf"
        );
        assert_eq!(made("Brief aan Curaçao.PDF"), "Brief aan Curaçao.pdf");
        assert_eq!(made("../../etc/passwd"), "-..-etc-passwd.pdf");
        assert_eq!(made(" .hidden "), "hidden.pdf");
        assert_eq!(made("a\r\nb\u{202e}fdp.exe"), "a bfdp.exe.pdf");
        assert_eq!(made("nul.pdf"), "_nul.pdf");
        assert_eq!(made("COM1.txt"), "_COM1.txt.pdf");
        assert_eq!(["", " . ", "/", "\u{202e}", ".pdf"].map(|text| safe(text, ".pdf")), [const { None }; 5]);
    }

    proptest! {
        #[test]
        fn whatever_the_text_the_name_is_one_plain_name(text in any::<String>(), tail in "[./\\\\ .]{0,3}(pdf)?") {
            if let Some(name) = safe(&format!("{text}{tail}"), ".pdf") {
                prop_assert!(name.len() <= LONGEST + 5 && name.ends_with(".pdf"));
                prop_assert!(!name.starts_with(['.', ' ']) && !name.contains(['/', '\\', ':', '\0', '\n', '"']));
                prop_assert_eq!(std::path::Path::new(&name).components().count(), 1);
                prop_assert_eq!(safe(&name, ".pdf"), Some(name));
            }
        }
    }
}
