//! The roster under any bytes and any table.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Cursor;

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use postduif::campaign::encoding::guess;
use postduif::campaign::roster::{RosterReader, RosterSettings, Row, detect};
use postduif::campaign::table::{Record, Records};
use postduif::campaign::twice::Duplicates;
use proptest::prelude::*;

fn settings() -> RosterSettings {
    RosterSettings { name: Some("naam".into()), ..RosterSettings::default() }
}

/// Quotes every cell, as a careful writer does.
fn written(table: &[Vec<String>], separator: char, end: &str) -> String {
    let mut text = String::new();
    for row in table {
        let cells: Vec<String> =
            row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        text.push_str(&cells.join(&separator.to_string()));
        text.push_str(end);
    }
    text
}

fn encoded(text: &str, encoding: usize) -> Vec<u8> {
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => WINDOWS_1252.encode(text).0.into_owned(),
        2 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Writing any table in each of four encodings and three separators and reading it gives the same cells.
    #[test]
    fn a_table_comes_back_as_it_was_written(
        table in prop::collection::vec(prop::collection::vec("[a-zA-Z0-9éëïüçß€,;|\t\n\"' @.=+-]{0,12}", 3), 1..12),
    ) {
        for (number, encoding) in [UTF_8, WINDOWS_1252, UTF_16LE, UTF_16BE].into_iter().enumerate() {
            for separator in [';', ',', '\t'] {
                let text = written(&table, separator, "\r\n");
                let bytes = encoded(&text, number);
                let mut records = Records::new(&bytes[..], encoding, separator as u8);
                let mut record = Record::default();
                let mut read = Vec::new();
                while records.read(&mut record).unwrap() {
                    prop_assert_eq!(record.flaw, None);
                    read.push(record.cells.clone());
                }
                prop_assert_eq!(&read, &table);
            }
        }
    }

    /// The same through detection, with headings and addresses as a roster has them.
    #[test]
    fn a_roster_is_found_out_in_each_encoding_and_separator(
        names in prop::collection::vec("[a-zéë][a-zA-Zéëü,;|\" ]{0,20}[a-zé]", 2..20),
    ) {
        let mut table = vec![vec!["Naam".to_owned(), "E-mail".to_owned(), "é".to_owned()]];
        table.extend(names.iter().enumerate().map(|(at, name)| vec![name.clone(), format!("a{at}@council.example"), "x".into()]));
        for encoding in 0..4 {
            for separator in [';', ',', '\t'] {
                let mut file = Cursor::new(encoded(&written(&table, separator, "\r\n"), encoding));
                let detected = detect(&mut file, &settings()).unwrap();
                let read: Vec<String> = RosterReader::new(file, &settings(), &detected)
                    .map(|row| match row {
                        Row::Recipient { recipient, .. } => recipient.fields[0].1.clone(),
                        other => format!("{other:?}"),
                    })
                    .collect();
                prop_assert_eq!(&read, &names);
            }
        }
    }

    /// Any bytes are read or refused, never a panic, and never without end.
    #[test]
    fn no_bytes_make_it_panic(
        any in prop::collection::vec(any::<u8>(), 0..400),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "naam;e-mail\n", "naam,e-mail\r\n", "\"", "\"\"", ";", ",", "\r", "\n", "\0", "a@x.example", "sep=;\n", "é", "\u{FEFF}", "<", ">",
        ]), 0..60),
    ) {
        for bytes in [any, pieces.concat().into_bytes()] {
            let mut file = Cursor::new(bytes);
            if let Ok(detected) = detect(&mut file, &settings()) {
                RosterReader::new(file, &settings(), &detected).for_each(drop);
            }
        }
    }

    /// Valid UTF-8 with a letter beyond ASCII is UTF-8 wherever the blocks of reading end.
    #[test]
    fn a_character_on_the_edge_of_a_block_is_no_other_encoding(before in 32_760_usize..32_770) {
        let text = format!("{}é€𝄞{}", "a".repeat(before), "é".repeat(40_000));
        prop_assert_eq!(guess(text.as_bytes()).unwrap(), UTF_8);
        let mut records = Records::new(text.as_bytes(), UTF_8, b';');
        prop_assert!(records.read(&mut Record::default()).unwrap());
    }
}

/// Rows without end, made as they are read: nothing but the reader could hold them.
struct Endless {
    row: u64,
    rows: u64,
    rest: Vec<u8>,
}

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() && self.row < self.rows {
            self.rest = format!("Ada {0};a{0}@council.example\r\n", self.row % 50_000).into_bytes();
            self.row += 1;
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

#[test]
fn rows_are_read_as_a_stream_and_the_second_of_each_is_left_out() {
    let head = "naam;e-mail\r\n";
    let detected = detect(&mut Cursor::new(format!("{head}A;a@council.example\r\n")), &settings()).unwrap();
    let read = || {
        let rows = std::io::Read::chain(head.as_bytes(), Endless { row: 0, rows: 60_000, rest: vec![] });
        RosterReader::new(rows, &settings(), &detected)
    };
    let mut duplicates = Duplicates::default();
    for row in read().whom_alone() {
        let Row::Recipient { recipient, .. } = row else { panic!("{row:?}") };
        assert!(recipient.fields.is_empty());
        duplicates.note(&recipient);
    }
    let (mut kept, mut left) = (0, 0);
    for row in read().leaving_out(duplicates.suspects()) {
        match row {
            Row::Recipient { .. } => kept += 1,
            Row::LeftOut { at, first, .. } => {
                assert_eq!((at.row, at.line), (first.row + 50_000, Some(at.row)));
                left += 1;
            }
            Row::Wrong { .. } => panic!("{row:?}"),
        }
    }
    assert_eq!((kept, left), (50_000, 10_000));
}

/// A spreadsheet with these rows, as a program writes it that is not ours.
fn spreadsheet(table: &[Vec<String>]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0..).zip(table) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the cells of a spreadsheet comes back, without the blanks around it, each row under its number.
    #[test]
    fn a_spreadsheet_comes_back_as_it_was_written(
        cells in prop::collection::vec(prop::collection::vec("[a-zA-Z0-9éëïß€,;|\n\"'<>&_ =+-]{0,20}", 2), 1..15),
    ) {
        let mut table = vec![vec!["naam".to_owned(), "e-mail".to_owned(), "noot".to_owned()]];
        for (at, row) in cells.iter().enumerate() {
            table.push(vec![row[0].clone(), format!("a{at}@council.example"), row[1].clone()]);
        }
        let mut file = Cursor::new(spreadsheet(&table));
        let detected = detect(&mut file, &settings()).unwrap();
        let rows: Vec<Row> = RosterReader::new(file, &settings(), &detected).collect();
        prop_assert_eq!(rows.len(), cells.len());
        for (at, row) in rows.iter().enumerate() {
            let Row::Recipient { at: place, recipient, .. } = row else { panic!("{row:?}") };
            prop_assert_eq!((place.line, place.row), (None, at as u64 + 2));
            let read: Vec<&str> = recipient.fields.iter().map(|(_, value)| value.as_str()).collect();
            let address = format!("a{at}@council.example");
            prop_assert_eq!(read, [cells[at][0].trim(), &address, cells[at][1].trim()]);
        }
    }

    /// A spreadsheet that was cut, or in which bytes were changed, is read or refused in a sentence.
    #[test]
    fn no_damage_to_a_spreadsheet_makes_it_panic(
        name in prop::sample::select(vec!["typed.xlsx", "calculated.xlsx", "calculated.ods", "merged.ods", "locked.xlsx"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        unpacked in any::<bool>(),
    ) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosters").join(name);
        let whole = std::fs::read(path).unwrap();
        let damage = |bytes: &mut Vec<u8>| {
            for (at, byte) in &flips {
                let at = at.index(bytes.len().max(1));
                if let Some(there) = bytes.get_mut(at) {
                    *there ^= *byte;
                }
            }
            if let Some(cut) = &cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
        };
        // Damage to the archive is mostly found by its sums; damage to a part is not.
        let bytes = if unpacked && name != "locked.xlsx" {
            repacked(&whole, &damage)
        } else {
            let mut bytes = whole;
            damage(&mut bytes);
            bytes
        };
        let mut file = Cursor::new(bytes);
        match detect(&mut file, &settings()) {
            Ok(detected) => RosterReader::new(file, &settings(), &detected).for_each(drop),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}

/// The same archive with the largest of its XML parts damaged.
fn repacked(whole: &[u8], damage: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    use std::io::{Read as _, Write as _};
    let mut from = zip::ZipArchive::new(Cursor::new(whole)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..from.len() {
        let mut part = from.by_index(at).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        if ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "content.xml"].contains(&name.as_str()) {
            damage(&mut bytes);
        }
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(&bytes).unwrap();
    }
    to.finish().unwrap().into_inner()
}
