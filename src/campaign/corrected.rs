//! One cell of a roster changed, and not an octet more: the file stays as its owner wrote it, line ends, quotes and encoding included.

use std::io::Cursor;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::detect::{Written, detect};
use super::roster::{RosterReader, RosterSettings, Row};

/// Why the address of a recipient cannot be changed in its roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCorrected {
    /// The file as a whole cannot be used.
    #[error("{0}")]
    Roster(String),
    /// It is no text.
    #[error("{0} is a spreadsheet: change the address there, in the program that it was made with")]
    Spreadsheet(String),
    /// Another address would be another recipient.
    #[error(
        "{0} has no column with a key for each row, so that another address would be another recipient: change it in the file"
    )]
    NoKey(String),
    /// Nobody has this key, or not once.
    #[error("{file} has {count} rows with the key `{key}`")]
    Rows {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// How many.
        count: usize,
    },
    /// It is what stands there.
    #[error("`{0}` stands there already")]
    Same(String),
    /// It is none, or the encoding of the file cannot write it.
    #[error("{0}")]
    Address(String),
}

/// Returns the file with another text in the cell of a recipient's address, and what stood there before. The file was read again
/// by then: one row differs, and its address can be used.
///
/// # Errors
/// [`NotCorrected`]; nothing was changed.
pub fn corrected(
    bytes: &[u8],
    settings: &RosterSettings,
    key: &str,
    address: &str,
) -> Result<(Vec<u8>, String), NotCorrected> {
    let file = || settings.file.clone();
    let detected = detect(&mut Cursor::new(bytes), settings).map_err(|problems| {
        NotCorrected::Roster(problems.first().map(ToString::to_string).unwrap_or_default())
    })?;
    let Written::Text { encoding, separator } = &detected.written else {
        return Err(NotCorrected::Spreadsheet(file()));
    };
    let (Some(column), Some(_)) = (detected.columns.address, detected.columns.key) else {
        return Err(NotCorrected::NoKey(file()));
    };
    let before: Vec<Row> = RosterReader::new(bytes, settings, &detected).collect();
    let mut lines = before.iter().filter_map(|row| match row {
        Row::Recipient { at, recipient, .. } | Row::LeftOut { at, recipient, .. } if recipient.key == key => {
            Some(at.line)
        }
        _ => None,
    });
    let line = match (lines.next(), lines.count()) {
        (Some(Some(line)), 0) => line,
        (first, more) => {
            let count = usize::from(first.is_some()) + more;
            return Err(NotCorrected::Rows { file: file(), key: key.to_owned(), count });
        }
    };
    let encoding = Encoding::for_label(encoding.as_bytes()).unwrap_or(UTF_8);
    let separator = u8::try_from(*separator).unwrap_or(b';');
    let (changed, old) = if encoding == UTF_16LE || encoding == UTF_16BE {
        let (text, had_malformed) = encoding.decode_without_bom_handling(bytes);
        if had_malformed {
            return Err(NotCorrected::Roster(format!("{} is no sound UTF-16", file())));
        }
        let (changed, old) = replaced(text.as_bytes(), UTF_8, separator, (line, column), address)?;
        (of_utf16(&String::from_utf8_lossy(&changed), encoding == UTF_16BE), old)
    } else {
        replaced(bytes, encoding, separator, (line, column), address)?
    };
    // What was written is believed when it was read.
    let after: Vec<Row> = RosterReader::new(changed.as_slice(), settings, &detected).collect();
    let mut others = before.iter().zip(&after).filter(|(before, after)| before != after);
    let other = others.next().map(|(_, after)| after);
    match other {
        Some(Row::Wrong { problems, .. }) => {
            let why = problems.first().map(|problem| match &problem.hint {
                Some(hint) => format!("{}; {hint}", problem.said),
                None => problem.said.clone(),
            });
            Err(NotCorrected::Address(why.unwrap_or_default()))
        }
        Some(Row::Recipient { recipient, .. } | Row::LeftOut { recipient, .. })
            if recipient.key == key && others.next().is_none() && before.len() == after.len() =>
        {
            Ok((changed, old))
        }
        None => Err(NotCorrected::Same(address.to_owned())),
        Some(_) => Err(NotCorrected::Address("with that address the list would read otherwise".to_owned())),
    }
}

fn of_utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = text.encode_utf16();
    units.flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// Replaces a cell in a text whose separators, quotes and line ends are single octets.
fn replaced(
    bytes: &[u8],
    encoding: &'static Encoding,
    separator: u8,
    (line, column): (u64, usize),
    value: &str,
) -> Result<(Vec<u8>, String), NotCorrected> {
    let cell = cell(bytes, separator, line, column);
    let old = bytes.get(cell.clone()).unwrap_or_default();
    let was_quoted = old.first() == Some(&b'"');
    let (encoded, _, lost) = encoding.encode(value);
    if lost {
        let said = format!("`{value}` has letters that the file cannot hold, which is {}", encoding.name());
        return Err(NotCorrected::Address(said));
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\r' | b'\n') || *byte == separator;
    let mut changed = Vec::with_capacity(bytes.len() + encoded.len() + 2);
    changed.extend_from_slice(bytes.get(..cell.start).unwrap_or_default());
    if was_quoted || encoded.iter().any(special) {
        changed.push(b'"');
        for byte in encoded.iter() {
            changed.extend(std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
        }
        changed.push(b'"');
    } else {
        changed.extend_from_slice(&encoded);
    }
    changed.extend_from_slice(bytes.get(cell.end..).unwrap_or_default());
    let old = encoding.decode_without_bom_handling(old).0;
    Ok((changed, old.trim_matches('"').replace("\"\"", "\"")))
}

/// Finds the octets of a cell: the column, from 0, of the row that begins on a line, from 1. It ends before the separator or the line end.
fn cell(bytes: &[u8], separator: u8, line: u64, column: usize) -> Range<usize> {
    let mut at = 0;
    let mut lines = 1;
    while lines < line && at < bytes.len() {
        let ends = match bytes.get(at) {
            Some(b'\n') => true,
            Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        at += 1;
        lines += u64::from(ends);
    }
    let (mut start, mut passed, mut quoted) = (at, 0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            // A quote opens only at the beginning of a cell; a doubled one opens again what it closed.
            b'"' if quoted || at == start => quoted = !quoted,
            b'"' if bytes.get(start) == Some(&b'"') => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            _ if byte == separator && !quoted => {
                if passed == column {
                    break;
                }
                passed += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if passed == column { start..at } else { at..at }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> RosterSettings {
        RosterSettings {
            key: Some("afkorting".to_owned()),
            organisation: Some("partij".to_owned()),
            ..RosterSettings::default()
        }
    }

    fn change(text: &str, key: &str, address: &str) -> Result<(String, String), String> {
        let changed = corrected(text.as_bytes(), &settings(), key, address);
        let changed = changed.map_err(|why| why.to_string())?;
        Ok((String::from_utf8(changed.0).unwrap(), changed.1))
    }

    const LIST: &str = "\u{feff}afkorting;partij;e-mail;noot\r\n\
        EEN;\"Partij; Een\";een@een.example;\"zegt \"\"ja\"\"\r\nen meer\"\r\n\
        TWEE;Partij \"Twee\";\"twee@twee.example\";\r\n\
        DRIE;Partij Drie; drie@drie.example ;x";

    #[test]
    fn one_cell_changes_and_the_rest_of_the_file_stays_as_it_is() {
        let changed = |key, from: &str, to: &str| (LIST.replace(from, to), key);
        for (expected, key) in [
            changed("EEN", "een@een.example", "new@een.example"),
            changed("TWEE", "twee@twee.example", "new@een.example"),
            changed("DRIE", " drie@drie.example ", "new@een.example"),
        ] {
            let (text, old) = change(LIST, key, "new@een.example").unwrap();
            assert_eq!(text, expected);
            assert_eq!(old.trim(), format!("{0}@{0}.example", key.to_lowercase()));
        }
        let several = "ada@een.example; \"Bo, C.\" <bo@een.example>";
        let (text, _) = change(LIST, "DRIE", several).unwrap();
        assert!(
            text.ends_with("DRIE;Partij Drie;\"ada@een.example; \"\"Bo, C.\"\" <bo@een.example>\";x"),
            "{text}"
        );
    }

    #[test]
    fn other_encodings_and_line_ends_are_kept() {
        let list = "afkorting,partij,e-mail\rÉÉN,Één,een@een.example\rTWEE,Twee,twee@twee.example\r";
        let expected = list.replace("twee@twee", "new@twee");
        for big_endian in [false, true] {
            let bom = |text: &str| of_utf16(&format!("\u{feff}{text}"), big_endian);
            let changed = corrected(&bom(list), &settings(), "TWEE", "new@twee.example").unwrap().0;
            assert_eq!(changed, bom(&expected));
        }
        let latin = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        let changed = corrected(&latin(list), &settings(), "TWEE", "new@twee.example").unwrap().0;
        assert_eq!(changed, latin(&expected));
    }

    #[test]
    fn what_cannot_be_changed_is_said() {
        assert_eq!(
            change(LIST, "VIER", "a@b.example").unwrap_err(),
            "recipients.csv has 0 rows with the key `VIER`"
        );
        let twice = LIST.replace("TWEE", "EEN");
        assert_eq!(
            change(&twice, "EEN", "a@b.example").unwrap_err(),
            "recipients.csv has 2 rows with the key `EEN`"
        );
        assert_eq!(
            change(LIST, "EEN", "een@een.example").unwrap_err(),
            "`een@een.example` stands there already"
        );
        let said = change(LIST, "EEN", "een@").unwrap_err();
        assert!(said.contains("een@"), "{said}");
        insta::assert_snapshot!(change(LIST, "EEN", "").unwrap_err(), @"`e-mail` is empty; fill it in, or remove the row");
        let keyless = RosterSettings::default();
        let why = corrected(LIST.as_bytes(), &keyless, "een@een.example", "a@b.example").unwrap_err();
        assert_eq!(why, NotCorrected::NoKey("recipients.csv".to_owned()));
    }

    proptest! {
        /// Whatever stands in the cells: one row differs, or nothing was changed.
        #[test]
        fn no_other_row_changes(
            cells in prop::collection::vec(("[a-z\";,\n ]{0,8}", "[a-z\"; ]{0,8}"), 1..6),
            which in 0usize..6,
            address in prop_oneof!["[a-z\"; @.<>\n]{0,20}", Just("\"Bo; C.\" <bo@c.example>".to_owned()), "[a-z]{1,9}@[a-z]{1,9}\\.example"],
        ) {
            let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
            let mut text = String::from("partij;afkorting;e-mail;noot\n");
            for (at, (party, note)) in cells.iter().enumerate() {
                text.push_str(&format!("{};K{at};k{at}@k.example;{}\n", quoted(party), quoted(note)));
            }
            let key = format!("K{which}");
            if let Ok((changed, old)) = change(&text, &key, &address) {
                prop_assert_eq!(old, format!("k{which}@k.example"));
                let at = text.find(&format!("k{which}@k.example")).unwrap();
                prop_assert_eq!(&changed[..at], &text[..at]);
                let behind = text.len() - at - format!("k{which}@k.example").len();
                prop_assert_eq!(&changed[changed.len() - behind..], &text[text.len() - behind..]);
            }
        }
    }
}
