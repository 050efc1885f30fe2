//! A campaign that has begun keeps its template and its pictures.

use crate::campaigns::sent;
use crate::stage::{PLAIN, letters_only, program_and_tools, small, tool};

/// A picture of one dot.
const DOT: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\xf8\x0f\x00\x01\x01\x01\x00\xb1\x38\xf6\x14\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

#[test]
fn a_template_that_is_edited_changes_nothing_of_a_campaign_that_has_begun() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(&format!("{PLAIN}#include \"end.typ\"\n"));
    campaign.write("templates/end.typ", "Het oude einde.\n");
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.write("templates/end.typ", "Het nieuwe einde.\n");
    campaign.run(["check"]).success().said("letter or sender differ from what was frozen at launch");
    campaign.run(["send", "--yes"]).success();
    let sent = sent(&campaign);
    assert_eq!(sent.len(), 3);
    for (to, _, pdf) in sent {
        let text = letters_only(&tool("pdftotext", &["-raw"], &pdf));
        assert!(text.ends_with("Hetoudeeinde."), "{to}: {text}");
    }
}

#[test]
fn until_a_letter_has_gone_the_new_template_is_taken() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(&format!("{PLAIN}Oud.\n"));
    let before = campaign.run(["preview", "--digest"]).success().out;
    campaign.write("templates/brief.typ", format!("{PLAIN}Nieuw.\n"));
    let after = campaign.run(["preview", "--digest"]).success().out;
    assert_ne!(before, after, "another template is another plan");
    campaign.run(["send", "--yes", "--plan", before.trim()]).code(2).said("this is not the plan");
    campaign.run(["send", "--yes", "--plan", after.trim()]).success();
    assert!(sent(&campaign).iter().all(|(_, _, pdf)| tool("pdftotext", &[], pdf).contains("Nieuw.")));
}

#[test]
fn a_picture_that_was_exchanged_is_told_and_nothing_goes_out_until_it_is_back() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(&format!("{PLAIN}#image(\"dot.png\", width: 1cm, alt: \"Een stip\")\n"));
    campaign.write("templates/dot.png", DOT);
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.write("templates/dot.png", [DOT, b"more"].concat());
    campaign
        .run(["send", "--yes"])
        .code(2)
        .said("templates/dot.png: the file has changed since the letters were frozen; put it back as it was")
        .said("nothing was sent");
    std::fs::remove_file(campaign.file("templates/dot.png")).unwrap();
    campaign.run(["check"]).code(2).said("templates/dot.png: the file is gone since the letters were frozen");
    campaign.write("templates/dot.png", DOT);
    // The frozen letter has its PDF and its picture, whatever the file says now.
    let letter = campaign.read("templates/letter.md").replace("pdf = ", "# pdf = ");
    campaign.write("templates/letter.md", letter);
    campaign.run(["send", "--yes"]).success();
    assert_eq!(sent(&campaign).len(), 3);
}
