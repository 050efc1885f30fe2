//! Files as offices have them, each with how it is read: as what, and every row of it.
//!
//! Texts are written here; the spreadsheets in `tests/fixtures/rosters/` were made by `make.py` there.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use encoding_rs::WINDOWS_1252;
use postduif::campaign::recipient::Recipient;
use postduif::campaign::roster::{RosterReader, RosterSettings, Row, detect};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How a file is read, for people.
fn told(name: &str, bytes: &[u8], change: impl Fn(&mut RosterSettings)) -> String {
    let mut settings = RosterSettings { file: name.to_owned(), ..RosterSettings::default() };
    change(&mut settings);
    let mut file = Cursor::new(bytes);
    let mut told = format!("== {name}\n");
    let detected = match detect(&mut file, &settings) {
        Ok(detected) => detected,
        Err(problems) => {
            problems.iter().for_each(|problem| writeln!(told, "{problem}").unwrap());
            return told;
        }
    };
    let keys: Vec<&str> = detected.headings.iter().map(|heading| heading.key.as_str()).collect();
    writeln!(told, "{detected}: {}", keys.join(" ")).unwrap();
    detected.warnings.iter().for_each(|warning| writeln!(told, "{warning}").unwrap());
    for row in RosterReader::new(file, &settings, &detected) {
        match row {
            Row::Recipient { at, recipient, warnings } => {
                writeln!(told, "{at}: {}", shown(&recipient)).unwrap();
                warnings.iter().for_each(|warning| writeln!(told, "{warning}").unwrap());
            }
            Row::Wrong { problems, .. } => {
                problems.iter().for_each(|problem| writeln!(told, "{problem}").unwrap());
            }
            Row::LeftOut { warning, .. } => writeln!(told, "{warning}").unwrap(),
        }
    }
    told
}

fn shown(recipient: &Recipient) -> String {
    let fields: Vec<String> = recipient.fields.iter().map(|(_, value)| value.replace('\n', "\\n")).collect();
    let deadline = recipient.deadline.map(|day| format!(" until {day}")).unwrap_or_default();
    let others = recipient.addressees().map_or(0, |all| all.others().count());
    let others = if others > 0 { format!(" +{others}") } else { String::new() };
    format!("{}{others}{deadline} [{}]", recipient.whereto(), fields.join("|"))
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn windows(text: &str) -> Vec<u8> {
    WINDOWS_1252.encode(text).0.into_owned()
}

#[test]
fn texts_are_read_as_offices_write_them() {
    let plain = "Naam partij;E-mail ;Coördinator (m/v)\r\nÉén;ada@een.example;Zoë\r\n";
    let marked = format!("\u{FEFF}{plain}");
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("utf-8.csv", plain.into()),
        ("utf-8-marked.csv", marked.clone().into()),
        ("windows-1252.csv", windows(plain)),
        ("utf-16le-marked.csv", utf16(&marked, false)),
        ("utf-16le.csv", utf16(plain, false)),
        ("utf-16be-marked.csv", utf16(&marked, true)),
        ("utf-16be.csv", utf16(plain, true)),
        ("unicode-text.txt", utf16(&marked.replace(';', "\t"), false)),
        ("comma.csv", plain.replace(';', ",").into()),
        ("tab.tsv", plain.replace(';', "\t").into()),
        ("bar.csv", plain.replace(';', "|").into()),
        ("euro.csv", windows("e-mail;bedrag\na@een.example;€ 12,50 – „ja”\n")),
        ("line-feeds.csv", plain.replace("\r\n", "\n").into()),
        ("old-mac.csv", plain.replace("\r\n", "\r").into()),
        ("sep.csv", format!("sep=;\r\n{plain}").into()),
        ("sep-marked.csv", format!("\u{FEFF}sep=;\r\n{plain}").into()),
        ("blank-lines-at-the-end.csv", format!("{plain}\r\n;;\r\n;;\r\n \r\n\r\n").into()),
        ("no-line-end.csv", plain.trim_end().into()),
        ("semicolons-at-the-end.csv", plain.replace("\r\n", ";;;\r\n").into()),
        (
            "quoted-line-breaks.csv",
            "e-mail,adres\r\na@een.example,\"Straat 1\r\n1234 AB  Dorp\"\r\n\"b@twee.example\",x\r\ngeen,y\r\n"
                .into(),
        ),
        ("quotes-in-quotes.csv", "e-mail,naam\na@een.example,\"De \"\"Brug\"\", stichting\"\n".into()),
        ("commas-in-values.csv", "e-mail;zin\na@een.example;ja, nee, misschien, wie weet, ooit\n".into()),
        ("quoted-everything.csv", "\"E-mail\";\"Naam\"\n\"a@een.example\";\"Ada\"\n".into()),
        ("titles-above.csv", format!("Overzicht 2025;;\r\n;;\r\n{plain}").into()),
        ("one-column.csv", "e-mail\na@een.example\nb@twee.example\n".into()),
        ("hidden-blanks.csv", "\u{FEFF}\u{A0}e-mail\u{200B};naam\n\u{A0}a@een.example\u{200B};\u{A0}Ada \n".into()),
        ("capitals.csv", "E-MAIL;NAAM\nA@EEN.EXAMPLE;ADA\n".into()),
        (
            "several.csv",
            "e-mail;cc;kanaal;deadline\n\"Ada <a@een.example>; b@een.example\";c@een.example;;28 oktober 2025\n;;post;1-1-2026\n"
                .into(),
        ),
        ("encoded-twice.csv", "e-mail;naam\na@een.example;ZoÃ«\n".into()),
        ("broken-utf-8.csv", b"e-mail;naam\na@een.example;\xC3\xA9\xC3\xA9n\nb@een.example;\xFF\n".to_vec()),
        ("stray-quote.csv", "e-mail;naam\na@een.example;\"Ada\" Jansen\n".into()),
        ("open-quote.csv", "e-mail;naam\na@een.example;\"Ada\nb@een.example;Bo\n".into()),
        ("widths.csv", "e-mail;naam\na@een.example\nb@een.example;Bo;x\n".into()),
        ("same-headings.csv", "e-mail;Naam;naam\na@een.example;x;y\n".into()),
        ("no-heading.csv", "e-mail;;naam\na@een.example;x;y\n".into()),
        ("headings-alone.csv", "e-mail;naam\n".into()),
        ("empty.csv", Vec::new()),
        ("errors.csv", "e-mail;naam\na@een.example;#N/B\nb@een.example;#1 van de lijst\n".into()),
        ("text.xlsx", plain.into()),
        ("web-page.xls", "<html><table><tr><td>e-mail</td></tr></table></html>".into()),
        ("letter.pdf", b"%PDF-1.7\n".to_vec()),
        ("flat.fods", "<?xml version=\"1.0\"?><office:document/>".into()),
    ];
    let told: Vec<String> = files.iter().map(|(name, bytes)| told(name, bytes, |_| {})).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_was_found_out_can_be_overridden() {
    let told = [
        // A file of an old DOS program, and one whose cells are full of commas.
        told("dos.csv", b"e-mail;naam\na@een.example;Zo\x89\n", |settings| {
            settings.encoding = Some("ibm866".into());
        }),
        told("separator.csv", b"e-mail,x;y\na@een.example,1;2\n", |settings| settings.separator = Some(',')),
        told("headings.csv", b"adres,aan\nStraat 1,a@een.example\n", |settings| {
            settings.address = "Aan".into()
        }),
        told("sheet.csv", b"e-mail\na@een.example\n", |settings| settings.sheet = Some("Blad2".into())),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosters").join(name)).unwrap()
}

#[test]
fn spreadsheets_are_read_as_offices_save_them() {
    let mut names: Vec<String> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosters"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".py"))
            .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    let told: Vec<String> = names.iter().map(|name| told(name, &fixture(name), |_| {})).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_sheet_is_chosen_by_its_name() {
    let named = |name: &'static str| move |settings: &mut RosterSettings| settings.sheet = Some(name.into());
    let told = [
        told("sheets.xlsx", &fixture("sheets.xlsx"), named("Partijen")),
        told("sheets.ods", &fixture("sheets.ods"), named("partijen ")),
        told("sheets.xlsx", &fixture("sheets.xlsx"), named("Partjien")),
        told("sheets.ods", &fixture("sheets.ods"), named("Blad1")),
        told("list.csv", &fixture("plain.xlsx"), |_| {}),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

/// An archive of these parts.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The parts of a fixture, one of them in another text.
fn changed(name: &str, part: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(fixture(name))).unwrap();
    let mut parts = Vec::new();
    for at in 0..from.len() {
        let mut entry = from.by_index(at).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name == part {
            bytes = change(String::from_utf8(bytes).unwrap()).into_bytes();
        }
        parts.push((name, bytes));
    }
    let parts: Vec<(&str, &[u8])> =
        parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    archive(&parts)
}

#[test]
fn what_is_no_list_or_would_unfold_without_bound_is_refused_in_a_sentence() {
    let zeros = vec![b' '; 300 << 20];
    let ods = b"application/vnd.oasis.opendocument.spreadsheet".as_slice();
    let row = |row: &str| {
        let row = row.to_owned();
        changed("plain.ods", "content.xml", move |text| {
            text.replacen("</table:table>", &format!("{row}</table:table>"), 1)
        })
    };
    let cell =
        "office:value-type=\"string\"><text:p>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</text:p></table:table-cell>";
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("letter.docx", archive(&[("word/document.xml", b"x")])),
        ("list.numbers", archive(&[("Index/Document.iwa", b"x")])),
        ("binary.xlsb", archive(&[("xl/workbook.bin", b"x")])),
        ("photos.zip", archive(&[("a.jpg", b"x")])),
        ("text.odt", archive(&[("mimetype", b"application/vnd.oasis.opendocument.text")])),
        ("nothing.zip", archive(&[])),
        ("hollow.xlsx", archive(&[("xl/workbook.xml", b"<workbook/>")])),
        ("hollow.ods", archive(&[("mimetype", ods), ("content.xml", b"<x/>")])),
        ("cut.xlsx", fixture("plain.xlsx")[..3000].to_vec()),
        ("bomb.xlsx", archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/worksheets/sheet1.xml", &zeros)])),
        (
            "styles.xlsx",
            archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/styles.xml", &zeros[..9 << 20])]),
        ),
        (
            "count.xlsx",
            changed("calculated.xlsx", "xl/sharedStrings.xml", |text| {
                text.replacen("uniqueCount=\"", "uniqueCount=\"99999999999", 1)
            }),
        ),
        (
            "wide.ods",
            row(&format!(
                "<table:table-row>{}</table:table-row>",
                format!("<table:table-cell table:number-columns-repeated=\"16384\" {cell}").repeat(100)
            )),
        ),
        (
            "high.ods",
            row(&format!(
                "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell {cell}</table:table-row>"
            )),
        ),
        (
            "locked.ods",
            changed("plain.ods", "META-INF/manifest.xml", |text| {
                text.replacen("manifest:full-path=\"content.xml\"", "manifest:full-path=\"content.xml\"><manifest:encryption-data/></manifest:file-entry><manifest:file-entry", 1)
            }),
        ),
        // What a program wrote in another way than Excel and LibreOffice do.
        (
            "absolute-path.xlsx",
            changed("hidden.xlsx", "xl/_rels/workbook.xml.rels", |text| {
                text.replace("worksheets/", "/xl/worksheets/").replace("/xl//xl/", "/xl/")
            }),
        ),
    ];
    let told: Vec<String> = files.iter().map(|(name, bytes)| told(name, bytes, |_| {})).collect();
    insta::assert_snapshot!(told.join("\n"));
}
