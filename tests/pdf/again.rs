//! A PDF letter that was sent is shown again when the template, the typesetter and everything else are gone.

use std::fs;

use crate::stage::{PLAIN, program_and_tools, small};

#[test]
fn a_pdf_letter_is_shown_again_byte_for_byte_with_nothing_but_the_ledger() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(PLAIN);
    let letter = campaign.read("templates/letter.md");
    campaign
        .write("templates/letter.md", letter.replacen("pdf = ", "attachments = [\"extra.txt\"]\npdf = ", 1));
    campaign.write("attachments/extra.txt", "extra").run(["send", "--yes"]).success();
    let mut sent = Vec::new();
    for entry in fs::read_dir(campaign.file("logs/rehearsal")).unwrap() {
        sent.push(fs::read(entry.unwrap().path()).unwrap());
    }
    assert_eq!(sent.len(), 3);
    for folder in ["templates", "attachments", "logs/rehearsal"] {
        fs::remove_dir_all(campaign.file(folder)).unwrap();
    }
    campaign.configure("[ledger]", "[pdf]\nprogram = \"nowhere/letter-pdf\"\n\n[ledger]");
    for key in ["EEN", "TWEE", "DRIE"] {
        let shown = campaign.command(["show", key]).output().unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        assert!(sent.iter().any(|sent| sent.ends_with(&shown.stdout)), "{key} is another letter");
    }
    campaign.run(["proof", "EEN", "--out", "een.zip"]).success();
    let mut archive = zip::ZipArchive::new(fs::File::open(campaign.file("een.zip")).unwrap()).unwrap();
    let facts: serde_json::Value = serde_json::from_reader(archive.by_name("proof.json").unwrap()).unwrap();
    let attachments = facts["message"]["attachments"].as_array().unwrap();
    let names: Vec<_> = attachments.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Letter to Partij Een.pdf", "extra.txt"]);
}
