//! Letters with a PDF, from the folder to the relay.

use std::fs;

use mail_parser::{MessageParser, MimeHeaders as _};

use crate::stage::{PLAIN, letters_only, program, program_and_tools, small, tool};
use crate::support::town::Campaign;

/// The PDFs of the mails that the rehearsal relay took: their names and octets, by recipient.
pub(crate) fn sent(campaign: &Campaign) -> Vec<(String, String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(campaign.file("logs/rehearsal")).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        let mail = MessageParser::default().parse(&octets).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap().to_owned();
        let file = mail.attachment(0).expect("a PDF goes along");
        all.push((to, file.attachment_name().unwrap().to_owned(), file.contents().to_vec()));
    }
    all.sort();
    all
}

#[test]
fn every_letter_takes_its_own_pdf_along() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(PLAIN);
    campaign.run(["send", "--yes"]).success();
    let sent = sent(&campaign);
    let names: Vec<_> = sent.iter().map(|(to, name, _)| (to.as_str(), name.as_str())).collect();
    assert_eq!(
        names,
        [
            ("drie@drie.example", "Letter to Partij Drie.pdf"),
            ("een@een.example", "Letter to Partij Een.pdf"),
            ("twee@twee.example", "Letter to Partij Twee.pdf"),
        ]
    );
    for (_, name, pdf) in &sent {
        let text = tool("pdftotext", &["-raw"], pdf);
        let party = name.trim_start_matches("Letter to ").trim_end_matches(".pdf");
        assert!(text.starts_with(&format!("Dear Programmacommissie,\nThis is for {party}.\n")), "{text}");
    }
}

#[test]
fn names_that_are_the_same_get_a_number_and_those_that_lead_elsewhere_do_not() {
    let Some(_) = program() else { return };
    let campaign = small(PLAIN);
    let letter = campaign.read("templates/letter.md").replace("Letter to {{partij}}", "../{{naam}}/x");
    campaign.write("templates/letter.md", letter);
    campaign.run(["preview", "--pdf", "a/pages"]).success();
    let mut names: Vec<_> = fs::read_dir(campaign.file("a/pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let name = "-Programmacommissie-x.pdf";
    assert_eq!(names, [name.to_owned(), format!("0002-{name}"), format!("0003-{name}")]);
    assert_eq!(fs::read_dir(campaign.file("a")).unwrap().count(), 1, "nothing beside the folder");
}

#[test]
fn a_preview_in_the_terminal_names_the_pdf() {
    let campaign = small(PLAIN);
    let shown = campaign.run(["preview", "EEN"]).success().out;
    assert!(shown.contains("PDF:      Letter to Partij Een.pdf\n"), "{shown}");
}

#[test]
fn fonts_of_ones_own_can_be_used() {
    let Some(_) = program_and_tools() else { return };
    // The same face under another name of the same length, so that nothing else has to change in the file.
    let face = include_bytes!("../../letter-pdf/fonts/LibertinusSerif-Regular.otf");
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let mut own = face.to_vec();
    for (old, new) in
        [(b"Libertinus".to_vec(), b"Postduivus".to_vec()), (wide("Libertinus"), wide("Postduivus"))]
    {
        let places: Vec<usize> =
            own.windows(old.len()).enumerate().filter(|(_, part)| *part == old).map(|(at, _)| at).collect();
        for at in places {
            own[at..at + new.len()].copy_from_slice(&new);
        }
    }
    let campaign = small(&PLAIN.replace("#set text(", "#set text(font: \"Postduivus Serif\", "));
    campaign
        .run(["check"])
        .success()
        .said("unknown font family: postduivus serif; there are Libertinus Serif");
    campaign
        .write("lettertypes/own.otf", own)
        .configure("[ledger]", "[pdf]\nfonts = \"lettertypes\"\n\n[ledger]");
    let checked = campaign.run(["check"]).success().said("3 letters would go out");
    assert!(!checked.err.contains("font"), "{}", checked.err);
    campaign.run(["preview", "EEN", "--pdf", "pages"]).success();
    let pdf = fs::read(campaign.file("pages/Letter to Partij Een.pdf")).unwrap();
    assert!(tool("pdffonts", &[], &pdf).contains("+PostduivusSerif-Regular"));
    let text = letters_only(&tool("pdftotext", &["-raw"], &pdf));
    assert!(text.starts_with("DearProgrammacommissie,ThisisforPartijEen."), "{text}");

    campaign.write("lettertypes/broken.otf", "no font");
    campaign.run(["check"]).code(2).said("lettertypes/broken.otf: this is no font (TrueType or OpenType)");
    campaign.configure("fonts = \"lettertypes\"", "fonts = \"nowhere\"");
    campaign.run(["check"]).code(2).said("nowhere: `[pdf] fonts` names a folder without a font in it");
}
