//! The roster as offices export it: encodings, separators, quotes, headings, and what goes wrong in them.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Cursor;

use postduif::campaign::problem::Problem;
use postduif::campaign::roster::{Detected, RosterReader, RosterSettings, Row, Written, detect};
use postduif::campaign::twice::{Duplicates, Why};
use postduif::mail::address::Mailbox;

fn settings() -> RosterSettings {
    RosterSettings { name: Some("naam".into()), ..RosterSettings::default() }
}

fn read(bytes: &[u8]) -> Result<(Detected, Vec<Row>), Vec<Problem>> {
    let mut file = Cursor::new(bytes.to_vec());
    let detected = detect(&mut file, &settings())?;
    let rows = RosterReader::new(file, &settings(), &detected).collect();
    Ok((detected, rows))
}

/// Line and `name <address>` of recipients, line and problem names of wrong rows.
fn told(rows: &[Row]) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Row::Recipient { at, recipient, .. } => {
                let line = at.line.unwrap();
                format!("{line} {} <{}>", recipient.name.as_deref().unwrap_or("-"), recipient.whereto())
            }
            Row::Wrong { at, problems } => {
                let line = at.line.unwrap();
                let names: Vec<_> = problems.iter().map(|problem| problem.name).collect();
                format!("{line} {}", names.join(" "))
            }
            Row::LeftOut { at, first, why, .. } => format!("{at} {why:?} {first}"),
        })
        .collect()
}

fn rows(text: &str) -> Vec<String> {
    told(&read(text.as_bytes()).unwrap().1)
}

fn refused(text: &str) -> Vec<String> {
    read(text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let marked = if mark { format!("\u{FEFF}{text}") } else { text.to_owned() };
    marked.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// Field bug 12: Windows-1252, UTF-16, byte order mark, `;`, a quoted newline, a blank address, trailing spaces in a
/// heading.
#[test]
fn field_bug_12_the_csv_that_offices_write() {
    let text = "naam ;E-mail \u{A0};adres\r\nRené;rene@council.example;\"Straat 1\r\nPlaats\"\r\nZoë;;x\r\n\
                Ada;ada@council.example;y\r\n;;\r\n\r\n";
    let expected = ["2 René <rene@council.example>", "4 no-address", "5 Ada <ada@council.example>"];
    let windows = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for (bytes, encoding) in [
        (windows, "windows-1252"),
        (text.as_bytes().to_vec(), "UTF-8"),
        (marked, "UTF-8"),
        (utf16(text, false, true), "UTF-16LE"),
        (utf16(text, false, false), "UTF-16LE"),
        (utf16(text, true, true), "UTF-16BE"),
        (utf16(text, true, false), "UTF-16BE"),
    ] {
        let (detected, rows) = read(&bytes).unwrap();
        assert_eq!(detected.written, Written::Text { encoding, separator: ';' });
        assert_eq!(told(&rows), expected, "{encoding}");
        let Row::Recipient { recipient, .. } = &rows[0] else { unreachable!() };
        assert_eq!(recipient.fields[2], ("adres".to_owned(), "Straat 1\nPlaats".to_owned()));
    }
}

/// Field bug 28, the roster's half: the same address in two spellings makes one letter, not two.
#[test]
fn field_bug_28_one_address_in_two_spellings_is_left_out_by_name() {
    let mut settings = settings();
    settings.key = Some("code".into());
    let text = "naam,e-mail,code\nA,Ada@Council.example,a\nB,b@council.example,b\nC,ada@council.EXAMPLE,c\n\
                D,d@council.example,b\nE,e@council.example,\nF,f@council.example,c\n";
    let mut file = Cursor::new(text.as_bytes());
    let detected = detect(&mut file, &settings).unwrap();
    let mut duplicates = Duplicates::default();
    for row in RosterReader::new(Cursor::new(text), &settings, &detected) {
        if let Row::Recipient { recipient, .. } = row {
            duplicates.note(&recipient);
        }
    }
    let suspects = duplicates.suspects();
    let rows: Vec<Row> =
        RosterReader::new(Cursor::new(text), &settings, &detected).leaving_out(suspects).collect();
    let left: Vec<_> = rows
        .iter()
        .filter_map(|row| match row {
            Row::LeftOut { at, why, first, warning, .. } => {
                Some((at.row, *why, first.row, warning.to_string()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(left.len(), 2);
    assert_eq!((left[0].0, left[0].1, left[0].2), (4, Why::SameAddress, 2));
    assert_eq!(
        left[1].3,
        "recipients.csv:5: warning: the key `b` stands on line 3 already; this row is left out; give each recipient a key of its own"
    );
    let Row::Recipient { recipient, .. } = &rows[4] else { panic!("{:?}", rows[4]) };
    assert_eq!(recipient.key, "e@council.example");
}

#[test]
fn lines_are_those_of_the_editor_whatever_ends_them() {
    for end in ["\n", "\r\n", "\r"] {
        let text =
            ["naam,e-mail", "A,a@x.example", "\"B", "C\",b@x.example", "", "D,d@x.example", ""].join(end);
        assert_eq!(rows(&text), ["2 A <a@x.example>", "3 B C <b@x.example>", "6 D <d@x.example>"], "{end:?}");
    }
}

#[test]
fn the_separator_is_found_among_values_full_of_others() {
    for separator in [';', ',', '\t', '|'] {
        let text = format!("naam{separator}e-mail\n\"A, b; c| d\te\"{separator}a@x.example\n");
        assert_eq!(read(text.as_bytes()).unwrap().0.separator(), separator);
    }
    assert_eq!(rows("sep=;\nnaam;e-mail\nA;a@x.example\n"), ["3 A <a@x.example>"]);
    assert_eq!(rows("Overzicht;\n;\nnaam;e-mail\nA;a@x.example\n"), ["4 A <a@x.example>"]);
}

#[test]
fn rows_of_another_width_are_wrong_and_only_they() {
    assert_eq!(
        rows("naam;e-mail;z\nA;a@x.example\nB;b@x.example;1;2\nC;c@x.example;1;;\nD;d@x.example;\n"),
        ["2 short-row", "3 long-row", "4 C <c@x.example>", "5 D <d@x.example>"]
    );
}

#[test]
fn quotes_that_do_not_pair_are_named_where_they_opened() {
    assert_eq!(
        rows("naam;e-mail\nA;a@x.example\n\"B;b@x.example\nC;c@x.example\n"),
        ["2 A <a@x.example>", "3 unclosed-quote"]
    );
    assert_eq!(rows("naam;e-mail\n\"B\" x;b@x.example\n")[0], "2 stray-quote");
    assert_eq!(rows("naam;e-mail\nDe \"Brug\";b@x.example\n"), ["2 De \"Brug\" <b@x.example>"]);
}

#[test]
fn headings_that_are_empty_double_or_missing_are_refused_by_name() {
    assert_eq!(
        refused("naam;;E-mail;e mail\n"),
        [
            "recipients.csv:1: column 2 has no heading; name it, or remove the column",
            "recipients.csv:1: the headings `E-mail` (column 3) and `e mail` (column 4) are one name, `e_mail`; \
             rename one of them",
        ]
    );
    assert_eq!(
        refused("naam;e-mial\nA;a@x.example\n"),
        [
            "recipients.csv:1: no column is headed `e-mail`, where `address` should come from; did you mean `e-mial`?"
        ]
    );
    assert_eq!(
        refused(""),
        [
            "recipients.csv: there is nothing in the file; its first row holds the headings, each further row a recipient"
        ]
    );
}

#[test]
fn hostile_cells_are_refused_or_are_just_text() {
    assert_eq!(
        rows("naam;e-mail\n=1+1;a@x.example\n+A;b@x.example\n"),
        ["2 =1+1 <a@x.example>", "3 +A <b@x.example>"]
    );
    assert_eq!(rows("naam;e-mail\nA\0;a@x.example\n"), ["2 control-character"]);
    assert_eq!(rows("naam;e-mail\nA\u{202E};a@x.example\n"), ["2 turned-text"]);
    // A quote left open makes one cell of several rows.
    assert_eq!(
        rows("naam;e-mail\nA;\"a@x.example\nB;b@x.example\nC;c@x.example\"\n"),
        ["2 wrong-address wrong-address"]
    );
    let list: String = (0..40).map(|number| format!("a{number}@x.example ")).collect();
    assert_eq!(rows(&format!("naam;e-mail\nA;{list}\n")), ["2 many-addresses"]);
    assert_eq!(rows("naam;e-mail\nA;Ada <a@x.example>\n"), ["2 A <a@x.example>"]);
    let long = format!("naam;e-mail\n{};a@x.example\nB;b@x.example\n", "x".repeat(1 << 20));
    assert_eq!(rows(&long), ["2 long-cell", "3 B <b@x.example>"]);
    let wide = format!("naam;e-mail\nA;a@x.example{}\nB;b@x.example\n", ";x".repeat(100_000));
    assert_eq!(rows(&wide), ["2 wide-row", "3 B <b@x.example>"]);
    assert!(refused(&format!("naam;e-mail{}\n", ";x".repeat(100_000))).len() < 60);
}

#[test]
fn text_in_the_wrong_encoding_is_asked_about_once() {
    let (_, rows) = read("naam;e-mail\nRenÃ©;a@x.example\nZoÃ«;b@x.example\n".as_bytes()).unwrap();
    let warnings: Vec<_> = rows
        .iter()
        .flat_map(|row| match row {
            Row::Recipient { warnings, .. } => warnings.clone(),
            _ => vec![],
        })
        .collect();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].name, "misread-text");
}

#[test]
fn bytes_that_break_the_announced_encoding_never_reach_a_letter() {
    let (_, rows) = read(b"\xEF\xBB\xBFnaam;e-mail\nRen\xE9;a@x.example\nB;b@x.example\n").unwrap();
    assert_eq!(told(&rows), ["2 unreadable-text", "3 B <b@x.example>"]);
}

#[test]
fn one_broken_byte_does_not_make_all_other_rows_misread() {
    let good = "Zoë;z@x.example\nChloë;c@x.example\n".as_bytes();
    let bad = b"Ren\xE9;a@x.example\n";
    for (rows_of, expected) in [
        ([bad, good].concat(), ["2 unreadable-text", "3 Zoë <z@x.example>", "4 Chloë <c@x.example>"]),
        ([good, bad].concat(), ["2 Zoë <z@x.example>", "3 Chloë <c@x.example>", "4 unreadable-text"]),
    ] {
        let (_, rows) = read(&[b"naam;e-mail\n", &rows_of[..]].concat()).unwrap();
        assert_eq!(told(&rows), expected);
    }
}

/// Each row as the letter's way sees it, and what is wrong in words.
fn ways(settings: &RosterSettings, text: &str) -> String {
    let mut file = Cursor::new(text.as_bytes().to_vec());
    let detected = match detect(&mut file, settings) {
        Ok(detected) => detected,
        Err(problems) => return problems.iter().map(|problem| format!("{problem}\n")).collect(),
    };
    RosterReader::new(file, settings, &detected)
        .map(|row| match row {
            Row::Recipient { at, recipient, .. } => {
                let line = at.line.unwrap();
                let deadline = recipient.deadline.map(|day| format!(", until {day}")).unwrap_or_default();
                format!("{line} {}: {}{deadline}\n", recipient.key, recipient.whereto())
            }
            Row::Wrong { problems, .. } => problems.iter().map(|problem| format!("{problem}\n")).collect(),
            Row::LeftOut { warning, .. } => format!("{warning}\n"),
        })
        .collect()
}

#[test]
fn a_recipient_who_takes_no_mail_needs_no_address_and_the_one_there_is_not_used() {
    let text = "afkorting;naam;partij;e-mail;Kanaal;deadline\n\
                A;Ada;Een;a@x.example;;28-10-2025\n\
                B;Bo;Twee;;Webformulier;28 oktober 2025\n\
                C;Cas;Drie;geen adres;POST;\n\
                D;Dee;Vier;d@x.example;téléfoon;2025-10-29\n\
                E;Eef;Vijf;;e-mail;\n\
                F;Fay;Zes;f@x.example;webfromulier;\n\
                G;Gé;Zeven;g@x.example;E-mail;eind oktober\n\
                H;Hé;Acht;h@x.example;fax;28-10-25\n";
    let settings = RosterSettings { key: Some("afkorting".into()), ..settings() };
    insta::assert_snapshot!(ways(&settings, text), @r"
    2 A: a@x.example, until 2025-10-28
    3 B: web form, until 2025-10-28
    4 C: post
    5 D: telephone, until 2025-10-29
    recipients.csv:6: `e-mail` is empty; fill it in, or remove the row
    recipients.csv:7: `Kanaal` holds `webfromulier`, which is no way to reach anybody; did you mean `webformulier`?
    recipients.csv:8: `deadline` holds `eind oktober`: it is no date; write a day such as `2025-10-28` or `28-10-2025`, or leave the cell empty
    recipients.csv:9: `deadline` holds `28-10-25`: the year is not written in four digits; write a day such as `2025-10-28` or `28-10-2025`, or leave the cell empty
    recipients.csv:9: `Kanaal` holds `fax`, which is no way to reach anybody; write `e-mail`, `webformulier`, `post` or `telefoon`; an empty cell means e-mail
    ");
}

#[test]
fn where_everybody_is_reached_by_hand_no_address_is_needed_at_all() {
    let settings = RosterSettings { organisation: Some("partij".into()), ..settings() };
    let text = "Overzicht partijen;;\npartij;naam;kanaal\nEen;Ada;post\nTwee;;post\n;;telefoon\n";
    insta::assert_snapshot!(ways(&settings, text), @r"
    3 Een, Ada: post
    4 Twee: post
    recipients.csv:5: nothing in the row says whom it is about; where there is no address, a key, a name or an organisation is needed: see `[recipients]`
    ");
    // With somebody who is, the column is missed once.
    let text = "partij;naam;e-mial;kanaal\nEen;Ada;a@x.example;\nTwee;;;post\nDrie;Cas;c@x.example;e-mail\n";
    insta::assert_snapshot!(ways(&settings, text), @r"
    recipients.csv:1: no column is headed `e-mail`, where `address` should come from; did you mean `e-mial`?
    3 Twee: post
    ");
    insta::assert_snapshot!(ways(&settings, "partij;naam;kanaal;channel\nEen;Ada;post;post\n"), @r"
    recipients.csv:1: `kanaal` and `channel` may both be the column for `channel`; say in `[recipients] channel` which it is
    ");
}

#[test]
fn other_headings_for_channel_and_deadline_are_named_in_the_settings() {
    let settings =
        RosterSettings { channel: Some("hoe".into()), deadline: Some("Uiterlijk op".into()), ..settings() };
    let text = "naam;e-mail;hoe;uiterlijk op;kanaal;deadline\nA;a@x.example;;1-12-2025;4;z.s.m.\n\
                B;;post;;;\n";
    insta::assert_snapshot!(ways(&settings, text), @r"
    2 a@x.example: a@x.example, until 2025-12-01
    3 B: post
    ");
    insta::assert_snapshot!(ways(&settings, "naam;e-mail;kanaal\nA;a@x.example;post\n"), @r"
    recipients.csv:1: no column is headed `hoe`, where `channel` should come from; the headings are `naam`, `e-mail`, `kanaal`; change `[recipients] channel` or the file
    recipients.csv:1: no column is headed `Uiterlijk op`, where `deadline` should come from; the headings are `naam`, `e-mail`, `kanaal`; change `[recipients] deadline` or the file
    ");
}

/// Everybody who gets the letter of each row, and what is told about it.
fn addressed(text: &str) -> String {
    let settings = settings();
    let mut file = Cursor::new(text.as_bytes().to_vec());
    let detected = detect(&mut file, &settings).unwrap();
    let mut duplicates = Duplicates::default();
    for row in RosterReader::new(Cursor::new(text.as_bytes()), &settings, &detected) {
        if let Row::Recipient { recipient, .. } = row {
            duplicates.note(&recipient);
        }
    }
    let listed = |list: &[Mailbox]| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        if list.is_empty() { "-".to_owned() } else { list.join(", ") }
    };
    let rows = RosterReader::new(file, &settings, &detected).leaving_out(duplicates.suspects());
    rows.map(|row| match row {
        Row::Recipient { at, recipient, warnings } => {
            let whom = recipient.addressees().unwrap();
            let warnings: String = warnings.iter().map(|warning| format!("  {warning}\n")).collect();
            format!(
                "{at}: to {} | {} | cc {} | bcc {}\n{warnings}",
                recipient.mailbox().unwrap(),
                listed(&whom.also_to),
                listed(&whom.cc),
                listed(&whom.bcc)
            )
        }
        Row::Wrong { problems, .. } => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        Row::LeftOut { warning, .. } => format!("{warning}\n"),
    })
    .collect()
}

#[test]
fn one_letter_may_have_several_addressees_each_once() {
    let text = "naam;E-mail;CC;Bcc\n\
                ;Ada <a@x.example>;;\n\
                Bo;b@x.example, b2@x.example;\"Cas <c@x.example>\nd@x.example\";archief@x.example\n\
                E;e@x.example;E@x.example;e@x.example; \n\
                F;f@x.example;geen, g@x;\n\
                G;;g@x.example;\n\
                H;h@x.example;a@x.example;archief@x.example\n\
                I;Ada A. <A@X.example>;;\n";
    insta::assert_snapshot!(addressed(text), @r"
    line 2: to Ada <a@x.example> | - | cc - | bcc -
    line 3: to Bo <b@x.example> | b2@x.example | cc Cas <c@x.example>, d@x.example | bcc archief@x.example
    line 5 (row 4): to E <e@x.example> | - | cc - | bcc -
    recipients.csv:6 (row 5): `CC`: `geen` is not a mail address: it has no @
    recipients.csv:6 (row 5): `CC`: `g@x` is not a mail address: `x` has no dot, so it is no mail domain
    recipients.csv:7 (row 6): `E-mail` is empty; fill it in, or remove the row
    line 8 (row 7): to H <h@x.example> | - | cc a@x.example | bcc archief@x.example
      recipients.csv:8 (row 7): warning: a@x.example also has a row of its own, and would get two letters; leave one of the two out if that is not meant
    recipients.csv:9 (row 8): warning: `A@x.example` stands on line 2 already; this row is left out
    ");
}

#[test]
fn rows_are_named_as_the_editor_and_as_the_spreadsheet_count_them() {
    let text =
        "sep=;\nnaam;e-mail\nA;geen\n\"B\nvan\nC\";b@x.example\n\nD;geen\n;E <e@x.example\nA;B@x.example\n";
    insta::assert_snapshot!(addressed(text), @r"
    recipients.csv:3 (row 2): `e-mail`: `geen` is not a mail address: it has no @
    line 4 (row 3): to B van C <b@x.example> | - | cc - | bcc -
    recipients.csv:8 (row 5): `e-mail`: `geen` is not a mail address: it has no @
    recipients.csv:9 (row 6): `e-mail`: `E <e@x.example` is not a mail address: the `<` is not closed by a `>` at the end
    recipients.csv:10 (row 7): warning: `B@x.example` stands on line 4 (row 3) already; this row is left out
    ");
}
