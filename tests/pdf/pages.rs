//! The shipped letter as pages.

use std::collections::BTreeMap;
use std::fs;

use mail_parser::{MessageParser, MimeHeaders as _};

use crate::stage::{
    election_day, letters_only, order, program, program_and_tools, shipped, tool, typesetter,
};

#[test]
fn the_shipped_letter_is_two_pages_that_say_what_the_mail_says() {
    let Some(_) = program_and_tools() else { return };
    let campaign = shipped();
    campaign.run(["check"]).success().said("no problems; 27 letters");
    campaign
        .run(["preview", "--pdf", "pages", "--out", "mails"])
        .success()
        .said("wrote 27 letters as PDF into pages");
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(campaign.file("pages")).unwrap() {
        let path = entry.unwrap().path();
        pages.insert(path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap());
    }
    assert_eq!(pages.len(), 27);
    let mut looked_at = 0;
    for entry in fs::read_dir(campaign.file("mails")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy();
        // The letters that follow are not for paper.
        if !name.ends_with(".eml") || name.contains(".letter-") {
            continue;
        }
        let mail = fs::read(&path).unwrap();
        let mail = MessageParser::default().parse(&mail).unwrap();
        let files: Vec<_> = mail.attachments().collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].content_type().unwrap().subtype(), Some("pdf"));
        let name = files[0].attachment_name().unwrap();
        let pdf = &pages[name];
        assert_eq!(files[0].contents(), pdf, "{name}: what goes along is what is printed");

        assert!(tool("pdfinfo", &[], pdf).contains("\nPages:           2\n"), "{name}");
        // Without the running heads and feet: 25 and 20 mm at 72 dots an inch.
        let text =
            tool("pdftotext", &["-raw", "-x", "0", "-y", "0", "-W", "600", "-H", "785", "-l", "1"], pdf)
                + &tool(
                    "pdftotext",
                    &["-raw", "-x", "0", "-y", "71", "-W", "600", "-H", "714", "-f", "2"],
                    pdf,
                );
        let (head, body) = text.split_once("Geachte").expect("a salutation");
        let subject = mail.subject().unwrap();
        assert!(letters_only(head).contains(&letters_only(subject)), "{name}: {head}");
        let said = mail.body_text(0).unwrap();
        assert_eq!(letters_only(&format!("Geachte{body}")), letters_only(&said), "{name}");
        looked_at += 1;
    }
    assert_eq!(looked_at, 27);
}

#[test]
fn the_file_is_tagged_archivable_and_has_its_fonts() {
    let Some(_) = program_and_tools() else { return };
    let campaign = shipped();
    campaign.run(["preview", "d66", "--pdf", "pages"]).success().said("wrote 1 letter as PDF into pages");
    let pdf = fs::read(campaign.file("pages/Brief aan D66.pdf")).unwrap();
    let about = tool("pdfinfo", &[], &pdf);
    for line in [
        "Title:           Oproep aan D66: een menselijk migratiebeleid",
        "Author:          Marijn Voorbeeld",
        "Tagged:          yes",
        "Page size:       595.276 x 841.89 pts (A4)",
        "JavaScript:      no",
    ] {
        assert!(about.contains(&format!("{line}\n")), "{line} is not in {about}");
    }
    let meta = tool("pdfinfo", &["-meta"], &pdf);
    for mark in
        ["<pdfuaid:part>1<", "<pdfaid:part>2<", "<pdfaid:conformance>A<", "<dc:language><rdf:Bag><rdf:li>nl<"]
    {
        assert!(meta.contains(mark), "{mark} is not in {meta}");
    }
    let fonts = tool("pdffonts", &[], &pdf);
    let rows: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(!rows.is_empty());
    for row in rows {
        let embedded_subset_unicode = ["yes", "yes", "yes"];
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert!(row.contains("+LibertinusSerif-"), "{row}");
        assert_eq!(cells[cells.len() - 5..cells.len() - 2], embedded_subset_unicode, "{row}");
    }
    tool("qpdf", &["--check"], &pdf);
    let structure = tool("pdfinfo", &["-struct-text"], &pdf);
    for tag in ["Document", "H1", "P (block)", "L (block)", "LI (block)", "LBody (block)", "Figure"] {
        assert!(structure.contains(tag), "{tag} is not in {structure}");
    }
}

#[test]
fn the_same_letter_is_the_same_file_in_every_process() {
    let Some(program) = program() else { return };
    let template = include_str!("../../templates/brief.typ");
    let logo = include_str!("../../templates/beeldmerk.svg");
    let data = serde_json::json!({
        "format": 1, "campaign": "c", "language": "nl", "subject": "Een brief", "date": {"iso": "2025-10-29", "written": "29 oktober 2025"},
        "sender": {"name": "Ada", "address": "a@b.example", "reply_to": "a@b.example"},
        "recipient": {"key": "X", "name": "Bob", "organisation": null, "fields": {"postcode": "1234 AB", "plaats": "Ons Dorp", "adres": "Dorpsstraat 1"}},
        "body": [{"kind": "paragraph", "inline": [{"kind": "text", "text": "Beste Bob,"}]}],
    });
    let data = data.to_string().into_bytes();
    let day = election_day();
    let files = [("brief.typ", template), ("beeldmerk.svg", logo)];
    let one = typesetter(&program, &files, std::time::Duration::from_secs(60));
    let other = typesetter(&program, &files, std::time::Duration::from_secs(60));
    let first = one.typeset(&order("brief.typ", &data, &day)).unwrap();
    assert_eq!((first.pages, first.warnings.as_slice()), (1, [].as_slice()));
    // Other letters between, so that what is remembered differs.
    for word in ["x", "y"] {
        let text = String::from_utf8(data.clone()).unwrap().replace("Bob", word);
        one.typeset(&order("brief.typ", text.as_bytes(), &day)).unwrap();
    }
    assert_eq!(one.typeset(&order("brief.typ", &data, &day)).unwrap(), first);
    assert_eq!(other.typeset(&order("brief.typ", &data, &day)).unwrap(), first);
    assert!(!first.pdf.windows(5).any(|octets| octets == b"Typst"), "the file does not name the program");
}
