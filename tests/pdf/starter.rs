//! The template that `init` writes.

use std::fs;
use std::path::Path;

use crate::stage::{program_and_tools, tool};
use crate::support::town::Campaign;

#[test]
fn it_is_the_shipped_one_without_the_logo() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (shipped, starter) = (read("templates/brief.typ"), read("assets/starter/templates/brief.typ"));
    let differ: Vec<_> = shipped.lines().zip(starter.lines()).filter(|(one, other)| one != other).collect();
    assert_eq!(shipped.lines().count(), starter.lines().count());
    assert_eq!(differ.len(), 1);
    assert!(differ[0].0.starts_with("#let logo = ") && differ[0].1.starts_with("#let logo = none"));
}

#[test]
fn a_new_folder_makes_pdf_letters_with_one_line() {
    let Some(_) = program_and_tools() else { return };
    let campaign = Campaign::new();
    campaign.run(["init", "new"]).success().said("new/templates/brief.typ");
    let letter = campaign.read("new/templates/letter.md");
    campaign.write("new/templates/letter.md", letter.replace("\n# pdf = ", "\npdf = "));
    campaign.run(["-C", "new", "preview", "EVP", "--pdf", "pages"]).success();
    let pdf = fs::read(campaign.file("pages/Brief aan Eerste Voorbeeldpartij.pdf")).unwrap();
    assert!(tool("pdfinfo", &[], &pdf).contains("\nPages:           1\n"));
}
