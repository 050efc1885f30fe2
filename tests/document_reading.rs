//! A letter that exists already becomes the first draft of a template: what is kept, what is escaped, what is told.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use campaign::{definition, source, today};
use postduif::campaign::document::draft::{Draft, draft};
use postduif::campaign::document::{Block, Content, Document, Notes, Run, Style, Unreadable, read};
use postduif::campaign::headings::normalised;
use postduif::campaign::letter::{Input, Letter, Merged};
use postduif::campaign::problem::{Problem, Problems};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(fixtures().join(name)).unwrap()
}

/// Packs parts as an office program does.
fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The document whose parts stand in `word-brief/`.
fn word() -> Vec<u8> {
    let folder = fixtures().join("word-brief");
    let names = [
        "[Content_Types].xml",
        "_rels/.rels",
        "docProps/core.xml",
        "word/_rels/document.xml.rels",
        "word/document.xml",
        "word/styles.xml",
        "word/numbering.xml",
        "word/footnotes.xml",
        "word/header1.xml",
    ];
    let parts: Vec<_> = names.iter().map(|name| (*name, fs::read(folder.join(name)).unwrap())).collect();
    packed(&parts.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect::<Vec<_>>())
}

/// A Word document with this body and nothing else.
fn word_with(body: &str) -> Vec<u8> {
    let xml = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    packed(&[("word/document.xml", xml.as_bytes())])
}

fn drafted(name: &str, bytes: &[u8]) -> Draft {
    draft(read(name, bytes).unwrap(), false).unwrap()
}

/// The letter's text and everything that is told about it.
fn shown(draft: &Draft) -> String {
    let notes: Vec<String> =
        draft.notes.iter().map(|note| format!("{:?}: {}", note.sort, note.said)).collect();
    format!("{}\n{}\n\n{}", draft.kept, notes.join("\n"), draft.text)
}

/// Compiles a draft and merges it, with `[name]` in each field.
fn merged(draft: &Draft) -> Result<Merged, Vec<String>> {
    let mut problems = Problems::default();
    let columns: Vec<String> = draft.fields.iter().map(|field| normalised(field)).collect();
    let letter = Letter::compile(&source(&draft.text, &[]), &definition("nl"), &columns, &mut problems);
    let told = |problems: &[Problem]| problems.iter().map(Problem::to_string).collect::<Vec<_>>();
    let letter =
        letter.ok_or_else(|| problems.sorted().into_iter().map(Problem::to_string).collect::<Vec<_>>())?;
    let fields: Vec<_> = columns.into_iter().map(|column| (column.clone(), format!("[{column}]"))).collect();
    letter
        .merge(&Input { fields: &fields, today: today(), follows: None })
        .map_err(|problems| told(&problems))
}

#[test]
fn documents_of_a_word_processor_become_letters() {
    for name in ["brief.odt", "brief.docx", "brief.html", "brief.txt"] {
        let draft = drafted(name, &fixture(name));
        insta::assert_snapshot!(name.replace('.', "_"), shown(&draft));
        merged(&draft).unwrap();
    }
}

#[test]
fn a_document_of_word_becomes_a_letter() {
    let draft = drafted("brief.docx", &word());
    insta::assert_snapshot!("word_brief", shown(&draft));
    insta::assert_snapshot!("word_brief_text", merged(&draft).unwrap().text);
    assert_eq!(draft.fields, ["Partij", "Adres regel 1", "1e_keus"]);
}

#[test]
fn pages_of_word_and_of_mail_programs_become_letters() {
    let word = "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><meta charset=windows-1252>\
        <title>Onze brief</title><style>p.MsoNormal{margin:0cm}</style></head><body lang=NL>\
        <!--[if gte mso 9]><xml><o:x>weg</o:x></xml><![endif]-->\
        <p class=MsoNormal>Geachte heer De\nVries,<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>\
        <p class=MsoListParagraph style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]>\
        <span style='font-family:Symbol'><span style='mso-list:Ignore'>\u{b7}<span>&nbsp;&nbsp; </span></span></span><![endif]>een bol</p>\
        <p class=MsoListParagraph style='mso-list:l1 level2 lfo2'><span style='mso-list:Ignore'>3.<span>&nbsp;</span></span>een <b>getal</b></p>\
        <script>alert(1)</script><p style=\"display:none\">verborgen</p></body></html>";
    let mail = "<div dir=\"ltr\"><div>Beste <span style=\"font-weight: 700\">mensen</span>,</div><div><br></div>\
        <div>Een regel<br>en nog een.</div><div>Op <a href=\"https://x.example/?a=1&amp;b=2\">de site</a>, <a href=\"javascript:x\">hier</a> \
        en <a href=\"https://x.example/\">https://x.example/</a>.</div><blockquote><p>Citaat</p></blockquote>\
        <img src=\"https://x.example/pixel.gif\" alt=\"ons logo\"><table><tr><th>Stad</th><th>Leden</th></tr><tr><td>Ons Dorp</td><td>3</td></tr></table>\
        <ol start=4><li>vier</li><li><p>vijf</p><p>nog</p></li></ol><pre>a  b\nc</pre></div>";
    let pages = [("word.htm", word), ("mail.html", mail)];
    let report: Vec<String> =
        pages.iter().map(|(name, page)| shown(&drafted(name, page.as_bytes()))).collect();
    insta::assert_snapshot!("pages", report.join("\n----------\n"));
}

#[test]
fn markdown_keeps_what_a_letter_can_say_and_loses_the_rest() {
    let text = "---\ntitle: \"Onze brief\"\ntags: [x]\n---\n# Kop\n\nGeachte {{naam}}, *dit* is **vet** en `code`.\nEen zachte regel.  \n\
        Een harde.\n\n<div>Blok <b>html</b></div>\n\nEen <i>tag</i> en ![plaatje](x.png) en [plaats](#hier).\n\n\
        | a | b |\n|---|---|\n| 1 | 2 |\n\n1. een\n   - twee\n5. drie\n\n> citaat\n\n```\nals * dit *\n```\n\n- [ ] taak\n\n***\n";
    insta::assert_snapshot!("markdown", shown(&drafted("brief.md", text.as_bytes())));
    let ours = "+++\nsubject = \"x\"\n+++\nHallo\n";
    assert_eq!(read("letter.md", ours.as_bytes()), Err(Unreadable::Letter));
}

#[test]
fn text_is_read_in_the_encodings_of_dutch_office_software() {
    let text = "Geachte coördinator,\r\n\r\nWij vragen € 5 voor het ‘café’.\r\n";
    let utf16 = |big: bool| -> Vec<u8> {
        let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let windows: Vec<u8> = text
        .chars()
        .map(|c| match c {
            '€' => 0x80,
            '‘' => 0x91,
            '’' => 0x92,
            c => u8::try_from(u32::from(c)).unwrap(),
        })
        .collect();
    let utf8 = drafted("brief.txt", text.as_bytes()).text;
    assert!(utf8.contains("Geachte coördinator,\n\nWij vragen € 5 voor het ‘café’."), "{utf8}");
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for bytes in [marked, utf16(false), utf16(true), utf16(false)[2..].to_vec(), windows.clone()] {
        assert_eq!(drafted("brief.txt", &bytes).text, utf8);
    }
    let declared = [b"<meta charset=\"iso-8859-1\"><p>".as_slice(), &windows, b"</p>"].concat();
    assert!(drafted("brief.html", &declared).text.contains("€ 5 voor het ‘café’."));
}

#[test]
fn what_cannot_be_read_is_told_in_a_sentence_with_what_to_do() {
    let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ole = |rest: &[u8]| [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), rest].concat();
    let manifest = br#"<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"#;
    let whole = word();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("brief.doc", ole(b"")),
        ("brief.docx", ole(&encrypted)),
        ("brief.docx", b"dit is geen docx".to_vec()),
        ("brief.docx", whole[..whole.len() / 2].to_vec()),
        ("brief.docx", packed(&[("word/document.xml", b"<w:document")])),
        ("brief.docx", packed(&[("mimetype", b"x")])),
        ("brief.odt", packed(&[("content.xml", b"x"), ("META-INF/manifest.xml", manifest)])),
        (
            "brief.odt",
            packed(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"x")]),
        ),
        ("lijst.xlsx", packed(&[("xl/workbook.xml", b"x")])),
        ("brief.pages", packed(&[("Index/Document.iwa", b"x")])),
        ("brief.pdf", b"%PDF-1.7".to_vec()),
        ("brief.rtf", b"{\\rtf1\\ansi".to_vec()),
        ("brief.txt", b"{\\rtf1\\ansi".to_vec()),
        ("brief.txt", b"a\0b\0\0\0c\0".to_vec()),
        ("brief.wat", b"tekst".to_vec()),
        ("brief.txt", b" \r\n\t".to_vec()),
        ("brief.html", b"<img src=x>".to_vec()),
        ("brief.txt", vec![b'a'; 3 << 20]),
        ("brief.html", b"<b>".repeat(100_000)),
        ("brief.html", [b"<p>".as_slice(), &b"<font a=1>".repeat(200)].concat().repeat(100)),
    ];
    let report: Vec<String> = files
        .iter()
        .map(|(name, bytes)| match read(name, bytes) {
            Ok(document) => format!("{name}: read: {document:?}"),
            Err(error) => format!("{name}: {error}\n    {}", error.hint()),
        })
        .collect();
    insta::assert_snapshot!("unreadable", report.join("\n"));
}

#[test]
fn a_document_that_is_named_otherwise_is_read_for_what_it_is() {
    let draft = drafted("brief.odt", &word());
    assert!(
        shown(&draft).contains("it was read as a Word document (.docx), which it is"),
        "{}",
        shown(&draft)
    );
    assert!(shown(&drafted("brief.txt", b"<!DOCTYPE html><p>Hallo</p>")).contains("a web page"));
}

#[test]
fn a_part_that_unpacks_to_a_gigabyte_is_given_up_early() {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..64 {
        archive.write_all(&blanks).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20, "it is packed: {}", bytes.len());
    assert_eq!(read("brief.docx", &bytes), Err(Unreadable::TooLarge));
    let many = word_with(&"<w:p/>".repeat(400_000));
    assert_eq!(read("brief.docx", &many), Err(Unreadable::TooLarge));
    let deep = word_with(&format!("{}{}", "<w:ins>".repeat(300), "</w:ins>".repeat(300)));
    assert_eq!(read("brief.docx", &deep), Err(Unreadable::TooLarge));
}

#[test]
fn an_entity_that_doubles_itself_is_not_expanded() {
    let xml = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
        <w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r><w:t>x&b;y &amp; z&#x20AC;</w:t></w:r></w:p></w:body></w:document>";
    let draft = drafted("brief.docx", &packed(&[("word/document.xml", xml.as_bytes())]));
    assert!(draft.text.ends_with("\n\nxy & z€\n"), "{}", draft.text);
}

#[test]
fn a_field_without_an_end_is_told_since_it_swallows_the_rest() {
    let draft = drafted(
        "a.docx",
        &word_with(
            "<w:p><w:r><w:t>voor</w:t></w:r></w:p><w:p><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:t>na</w:t></w:r></w:p>",
        ),
    );
    assert!(
        !draft.text.contains("na\n") && shown(&draft).contains("a field has no end"),
        "{}",
        shown(&draft)
    );
}

#[test]
fn where_the_subject_is_from_is_told() {
    let subject = |name: &str, text: &str| {
        let draft = drafted(name, text.as_bytes());
        draft.text.lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(
        subject("a.txt", "Datum: nu\n\nBetreft : Wonen \"nu\"\n\nTekst"),
        "subject = \"Wonen \\\"nu\\\"\""
    );
    assert_eq!(subject("a.html", "<title>De titel</title><h1>Kop</h1>"), "subject = \"De titel\"");
    assert_eq!(subject("a.md", "# Kop met *nadruk*\n\nx"), "subject = \"Kop met nadruk\"");
    assert_eq!(subject("a.txt", "Hallo"), "subject = \"[onderwerp]\"");
    assert_eq!(
        subject("a.html", "<title>Microsoft Word - brief.docx</title>Hallo"),
        "subject = \"[onderwerp]\""
    );
    let field = word_with(
        "<w:p><w:r><w:t>Betreft: {</w:t></w:r><w:fldSimple w:instr=\" MERGEFIELD Zaak \"/><w:r><w:t>} {{x}}</w:t></w:r></w:p>",
    );
    let draft = drafted("a.docx", &field);
    assert_eq!(merged(&draft).unwrap().subject, "{ [zaak]} { {x}}", "{}", draft.text);
}

/// Names of columns that mean something to the language of letters.
#[test]
fn a_merge_field_with_an_awkward_name_still_compiles() {
    for name in [
        "else", "today", "this", "if", "each", "date", "default", "1e keus", "--", "É-mail", "true", "lookup",
    ] {
        let field = format!(
            "<w:p><w:r><w:t>x</w:t></w:r><w:fldSimple w:instr=\" MERGEFIELD &quot;{name}&quot; \"/></w:p>"
        );
        let draft = drafted("a.docx", &word_with(&field));
        let text = merged(&draft).unwrap_or_else(|said| panic!("{name}: {said:?}\n{}", draft.text)).text;
        assert!(text.starts_with("x[") && text.ends_with("]\n"), "{name}: {text}");
    }
}

/// Text as people and hostile people write it.
fn words() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "{{",
        "}}",
        "{{naam}}",
        "\\{{",
        "\\",
        "\\\\",
        "*",
        "**",
        "***",
        "_",
        "__",
        "`",
        "```",
        "~~~",
        "# ",
        "## x",
        "> ",
        "- ",
        "+ ",
        "1. ",
        "2) ",
        "[x]",
        "[x](y)",
        "[x]: y",
        "![x](y)",
        "<b>",
        "</b>",
        "<!--",
        "&amp;",
        "&#65;",
        "&copy;",
        "<https://x.example>",
        "|",
        "---",
        "===",
        "***\n",
        "    ",
        "\t",
        "a_b_c",
        "«Naam»",
        "“x”",
        "\u{A0}",
        "{",
        "}",
        "{{{",
        "}}}",
        "{{>foot}}",
        "{{!x}}",
        "\"",
        "'",
        "=",
        "+++",
        "$x$",
        "^",
        "~",
        ":",
        "!",
        "e\u{301}",
        "[naam]",
        "http://x.example/a_b*c",
        "1.",
        "10",
        "#",
        "x#",
    ])
    .prop_map(str::to_owned);
    prop_oneof![2 => nasty, 2 => "[a-z]{1,6}( [a-z]{1,3})?", 1 => "\\PC{0,8}", 1 => " "]
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let content = prop_oneof![
        12 => prop::collection::vec(words(), 1..4).prop_map(|words| Content::Text(words.concat())),
        1 => Just(Content::Break),
        1 => "[A-Za-z][a-z ]{0,6}[a-z]".prop_map(Content::Field),
    ];
    let run = (content, any::<bool>(), any::<bool>())
        .prop_map(|(content, bold, italic)| Run { content, style: Style { bold, italic, link: None } });
    prop::collection::vec(run, 1..6)
}

/// What a run says, without blanks; a field says what `merged` puts there.
fn said(runs: &[Run]) -> String {
    let mut said = String::new();
    for run in runs {
        match &run.content {
            Content::Text(text) => said.push_str(text),
            Content::Field(name) => said.push_str(&format!("[{}]", normalised(name))),
            Content::Break | Content::Today => {}
        }
    }
    dense(&said)
}

fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn leaf() -> impl Strategy<Value = Block> {
    prop_oneof![4 => runs().prop_map(Block::Paragraph), 1 => (3_u8..7, runs()).prop_map(|(level, runs)| Block::Heading(level, runs))]
}

fn tree() -> impl Strategy<Value = Vec<Block>> {
    let block = leaf().prop_recursive(3, 24, 4, |inner| {
        let blocks = prop::collection::vec(inner.clone(), 1..4);
        let items = prop::collection::vec(blocks.clone(), 1..4);
        prop_oneof![
            2 => inner,
            1 => blocks.prop_map(Block::Quote),
            2 => (prop::option::of(0_u64..12), items).prop_map(|(first, items)| Block::List { first, items }),
        ]
    });
    prop::collection::vec(block, 1..5)
}

fn written(blocks: Vec<Block>) -> Option<Draft> {
    draft(Document { title: Some("Titel".to_owned()), blocks, notes: Notes::default() }, false).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Not a character is lost on the way from a document to the text part of a letter, and none is added.
    #[test]
    fn any_text_survives_the_way_through_markdown(blocks in prop::collection::vec(leaf(), 1..4)) {
        let expected: String = blocks.iter().map(|block| match block {
            Block::Paragraph(runs) | Block::Heading(_, runs) => said(runs),
            _ => String::new(),
        }).collect();
        let Some(draft) = written(blocks) else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        let text = merged(&draft).map_err(|said| TestCaseError::fail(format!("{said:?}\n{}", draft.text)))?.text;
        prop_assert_eq!(dense(&text), expected, "\n{}", draft.text);
    }

    /// Lists in quotes in lists: every text stands in the letter, in its order.
    #[test]
    fn any_tree_of_blocks_keeps_its_texts_in_order(blocks in tree()) {
        fn gather(blocks: &[Block], found: &mut Vec<String>) {
            for block in blocks {
                match block {
                    Block::Paragraph(runs) | Block::Heading(_, runs) => {
                        // A line in a quotation has a mark of its own before it.
                        found.extend(runs.split(|run| run.content == Content::Break).map(said));
                    }
                    Block::List { items, .. } => items.iter().for_each(|item| gather(item, found)),
                    Block::Quote(inner) => gather(inner, found),
                    Block::Table { .. } | Block::Rule => {}
                }
            }
        }
        let mut expected = Vec::new();
        gather(&blocks, &mut expected);
        let Some(draft) = written(blocks) else { return Ok(()) };
        let text = merged(&draft).map_err(|said| TestCaseError::fail(format!("{said:?}\n{}", draft.text)))?.text;
        let text = dense(&text);
        let mut rest = text.as_str();
        for piece in expected {
            let at = rest.find(&piece);
            prop_assert!(at.is_some(), "`{}` is not in `{}`\n{}", piece, rest, draft.text);
            rest = &rest[at.unwrap_or(0) + piece.len()..];
        }
    }

    /// What a link shows and where it leads arrive, whatever the address is.
    #[test]
    fn a_link_arrives_with_its_address(shown in "[a-z\\[\\]()*_!` ]{1,12}", rest in "[a-z0-9/?&=;#%_*()\\\\<>\\[\\]{}\"' .-]{0,16}") {
        prop_assume!(!shown.trim().is_empty());
        let link = format!("https://x.example/{rest}");
        let run = Run { content: Content::Text(shown.clone()), style: Style { link: Some(link), ..Style::default() } };
        let draft = written(vec![Block::Paragraph(vec![Run::text("x!"), run, Run::text("(y)")])]).unwrap();
        let merged = merged(&draft).map_err(|said| TestCaseError::fail(format!("{said:?}\n{}", draft.text)))?;
        prop_assert_eq!(merged.html.matches("<a href=\"https://x.example/").count(), 1, "\n{}", draft.text);
        prop_assert!(dense(&merged.text).starts_with(&dense(&format!("x!{shown}(https://x.example/"))), "{}\n{}", merged.text, draft.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Bytes of real documents, cut and changed: a letter or a sentence, and never a panic.
    #[test]
    fn broken_bytes_end_in_a_letter_or_in_a_sentence(
        which in 0_usize..6,
        cut in 0.0_f64..1.5,
        changes in prop::collection::vec((0.0_f64..1.0, any::<u8>()), 0..12),
    ) {
        let names = ["brief.odt", "brief.docx", "brief.html", "brief.txt", "word.docx", "unpacked.docx"];
        let body = || fs::read_to_string(fixtures().join("word-brief/word/document.xml")).unwrap().into_bytes();
        let mut bytes = match which {
            4 => word(),
            5 => body(),
            _ => fixture(names[which]),
        };
        if cut < 1.0 {
            bytes.truncate((bytes.len() as f64 * cut) as usize);
        }
        for (at, byte) in changes {
            let at = (bytes.len() as f64 * at) as usize;
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        // Changed within its archive, so that the XML is what is broken and not the container.
        let bytes = if which == 5 { packed(&[("word/document.xml", &bytes)]) } else { bytes };
        if let Ok(document) = read(names[which], &bytes) {
            let _ = draft(document, true);
        }
    }
}

#[test]
fn every_fixture_is_there() {
    assert!(fixtures().join("README.md").exists(), "tests/fixtures/documents");
    assert!(fixture("brief.txt").contains(&0xE9), "brief.txt is in Windows-1252");
    let _ = expect_utf8(&fixture("brief.html"));
}

fn expect_utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("LibreOffice writes HTML in UTF-8")
}
