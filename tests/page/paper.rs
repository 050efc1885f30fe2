//! What the page has typeset: the report as a PDF and the table as a picture, and what it says where nobody can do that.

use std::process::Command;

use base64::Engine as _;
use serde_json::json;

use crate::attacks::csrf;
use crate::stage::{Answer, DESK, Stage, scheme};
use crate::support::browser::Browser;
use crate::support::town::Campaign;
use crate::support::typesetter::{letters_only, program, program_and_tools, tool, tools};

/// Typst would make something else of every part of it.
const ACTIVE: &str = "#panic(\"x\") *vet* _ita_ $x^2$ \\u{41} \"]] @ref <x> // weg";

const POINTS: &str = "[[point]]\nname = \"work\"\ntitle = \"Let people #work\"\n\n[[point]]\nname = \"care\"\ntitle = \"Care for the sick\"\n\n[ledger]";

const INSTALL: &str = "cargo install --locked --path letter-pdf";

/// The letters are sent, one party has a dangerous name, and there are two points.
fn campaign() -> Campaign {
    let campaign = Campaign::new();
    let cell = format!("\"{}\"", ACTIVE.replace('"', "\"\""));
    campaign.write("recipients.csv", campaign.read("recipients.csv").replace("Partij Twee", &cell));
    campaign.configure("[ledger]", POINTS);
    campaign.write("templates/letter.md", "+++\nsubject = \"A letter\"\n+++\nDear {{naam}},\n\nPlease.\n");
    campaign.run(["send", "--yes"]).success();
    campaign
}

/// Files an answer as the form does.
fn file(stage: &Stage, cookie: &str, party: &str, point: &str, word: &str, quote: &str) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("party", party).append_pair("point", point).append_pair("word", word);
    form.append_pair("quote", quote).append_pair("source", "their letter").append_pair("person", "Bo");
    let one = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("party", party)
        .append_pair("point", point)
        .finish();
    form.append_pair("csrf", &csrf(&stage.get(&format!("/answers/one?{one}"), cookie).body));
    let origin = format!("{cookie}Origin: http://{}\r\n", stage.host);
    assert_eq!(stage.post("/answers/one", &origin, &form.finish()).code, 303);
}

fn is_guarded(answer: &Answer, kind: &str, name: &str) {
    assert_eq!(answer.code, 200, "{}", answer.body);
    for line in [
        &format!("content-type: {kind}"),
        &format!("content-disposition: attachment; filename={name}"),
        "x-content-type-options: nosniff",
        "content-security-policy: ",
        "cache-control: no-store",
    ] {
        assert!(answer.head.contains(line), "{line} is not in {}", answer.head);
    }
}

/// Width and height of a PNG (ISO/IEC 15948 §11.2.2).
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn the_report_is_a_pdf_and_the_table_a_picture_and_no_word_of_a_party_is_code() {
    let Some(_) = program_and_tools() else { return };
    let stage = Stage::of(campaign(), &[]);
    let cookie = stage.cookie();
    file(&stage, &cookie, "Partij Een", "work", "yes", &format!("Wij nemen {ACTIVE} over"));
    file(&stage, &cookie, ACTIVE, "care", "partly", "regel één\r\nregel twee 漢");
    let room = stage.get("/report", &cookie);
    assert!(
        room.body.contains("href=\"/report/report.pdf\"") && !room.body.contains(INSTALL),
        "{}",
        room.body
    );
    let report = stage.get("/report/report.pdf", &format!("{cookie}Accept-Language: nl\r\n"));
    is_guarded(&report, "application/pdf", "appeal-report.pdf");
    let pdf = &report.octets;
    let text = tool("pdftotext", &["-raw", "-nopgbrk"], pdf);
    let shown = letters_only(&text);
    for words in [
        "appeal",
        "3 Ontvangers",
        "Brief aangenomen 100\u{a0}%",
        "wacht op antwoord",
        "Let people #work",
        "geen antwoord: 2",
        "De partijen vergeleken",
        "Hun woorden",
        ACTIVE,
        &format!("ja. “Wij nemen {ACTIVE} over” (their letter)"),
        "regel één\nregel twee □",
        "□ staat voor een teken dat hier in geen lettertype zit.",
    ] {
        assert!(shown.contains(&letters_only(words)), "{words} is not in {text}");
    }
    for secret in ["een@een.example", "Programmacommissie"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let about = tool("pdfinfo", &["-meta"], pdf);
    for mark in ["<pdfuaid:part>1<", "<pdfaid:part>2<", "<dc:language><rdf:Bag><rdf:li>nl<"] {
        assert!(about.contains(mark), "{mark} is not in {about}");
    }
    tool("qpdf", &["--check"], pdf);
    let structure = tool("pdfinfo", &["-struct-text"], pdf);
    for tag in ["H1", "H2", "H3", "Table", "THead", "TH"] {
        assert!(structure.contains(tag), "{tag} is not in {structure}");
    }

    let room = stage.get("/answers", &cookie);
    assert!(room.body.contains("href=\"/answers/answers.png\""), "{}", room.body);
    let english = stage.get("/answers/answers.png", &cookie);
    is_guarded(&english, "image/png", "appeal-answers.png");
    let (wide, high) = size(&english.octets);
    assert!((800..1600).contains(&wide) && (300..900).contains(&high), "{wide} by {high}");
    let dutch = stage.get("/answers/answers.png", &format!("{cookie}Accept-Language: nl\r\n"));
    assert!(dutch.octets != english.octets, "the picture has the language of who asks");
}

#[test]
fn without_a_typesetter_the_room_says_how_to_get_one_and_a_request_is_answered() {
    let campaign = campaign();
    campaign.configure("[ledger]", "[pdf]\nprogram = \"nowhere/letter-pdf\"\n\n[ledger]");
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    for (room, file) in [("/report", "/report/report.pdf"), ("/answers", "/answers/answers.png")] {
        let page = stage.get(room, &cookie);
        assert!(page.body.contains(&format!("<code>{INSTALL}</code>")), "{}", page.body);
        assert!(!page.body.contains(file), "no link that leads nowhere: {}", page.body);
        let asked = stage.get(file, &cookie);
        assert_eq!(asked.code, 503);
        assert!(asked.body.contains("it is not installed") && asked.body.contains(INSTALL), "{}", asked.body);
    }
    assert!(stage.get("/report", &cookie).body.contains("Print it from the browser"));
}

#[test]
fn a_typesetter_of_an_earlier_version_is_told_to_be_too_old() {
    let campaign = campaign();
    let script = "#!/bin/sh\necho '{\"protocol\":1,\"program\":\"letter-pdf 0.1.0\",\"typst\":\"0.15.1\"}'\ncat >/dev/null\n";
    crate::support::typesetter::script(&campaign.file("letter-pdf"), script);
    campaign.configure("[ledger]", "[pdf]\nprogram = \"letter-pdf\"\n\n[ledger]");
    let stage = Stage::of(campaign, &[]);
    let asked = stage.get("/report/report.pdf", &stage.cookie());
    assert_eq!(asked.code, 503);
    assert!(asked.body.contains("It could not be typeset:"), "{}", asked.body);
    assert!(
        asked.body.contains("protocol 1, and this program speaks 2; build the one of this version"),
        "{}",
        asked.body
    );
    assert!(asked.body.contains(INSTALL), "{}", asked.body);
}

/// Twenty-seven parties with long names, and five points with long titles.
fn large() -> Campaign {
    let campaign = Campaign::new();
    let row = |n: u32| {
        format!("P{n},Partij voor een Menselijk en Rechtvaardig Land {n},Commissie,p{n}@p{n}.example\n")
    };
    let rows: String = (1..=27).map(row).collect();
    campaign.write("recipients.csv", format!("afkorting,partij,naam,e-mail\n{rows}"));
    let point = |n: u32| {
        format!(
            "[[point]]\nname = \"p{n}\"\ntitle = \"Opvang en zorg voor zieke mensen zonder papieren {n}\"\n\n"
        )
    };
    let points: String = (1..=5).map(point).collect();
    campaign.configure("[ledger]", &format!("{points}[ledger]"));
    campaign.run(["send", "--yes"]).success();
    campaign
}

#[test]
fn a_picture_is_as_wide_as_its_names_and_its_points() {
    let Some(_) = program() else { return };
    let stage = Stage::of(large(), &[]);
    let picture = stage.get("/answers/answers.png", &stage.cookie());
    let (wide, high) = size(&picture.octets);
    // The column of names takes what it needs, up to 215 points; a point of the letter has 112; two pixels a point.
    assert_eq!(wide, 2 * (215 + 5 * 112 + 2 * 26), "{wide} by {high}");
}

#[test]
fn the_report_of_html_prints_on_white_and_repeats_the_head_of_the_table() {
    let Some(mut browser) = Browser::start().filter(|_| tools()) else { return };
    let stage = Stage::of(large(), &[]);
    let report = stage.get("/report/report.html", &stage.cookie());
    stage.campaign.write("report.html", report.octets);
    let file = format!("file://{}", stage.campaign.file("report.html").display());
    let mut page = browser.open(&file, DESK.0, DESK.1);
    scheme(&mut page, "dark");
    let printed = page.call("Page.printToPDF", &json!({ "printBackground": true }));
    let pdf = base64::engine::general_purpose::STANDARD.decode(printed["data"].as_str().unwrap()).unwrap();
    let text = tool("pdftotext", &["-raw"], &pdf);
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| page.contains("Rechtvaardig")).collect();
    assert!(pages.len() > 1, "{text}");
    for page in pages {
        assert!(letters_only(page).contains("mensenzonderpapieren1"), "{page}");
    }
    let picture = picture(&pdf);
    let white = picture.iter().filter(|octet| **octet > 250).count();
    assert!(white * 10 > picture.len() * 7, "{white} of {}", picture.len());
}

/// The first page as octets of red, green and blue.
fn picture(pdf: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pdf).unwrap();
    let made = Command::new("pdftoppm").args(["-r", "20", "-l", "1"]).arg(file.path()).output().unwrap();
    assert!(made.stdout.starts_with(b"P6"));
    made.stdout
}
