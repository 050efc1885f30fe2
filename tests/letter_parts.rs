//! Parts of a letter that a field chooses: `{{> partij/[afkorting]}}` puts in the file of that name, one for each organisation.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use campaign::{compile, merge};
use postduif::campaign::letter::Letter;

const PARTS: &[(&str, &str)] = &[
    ("partij/D66", "U bent **voor** {{naam}}.\n"),
    ("partij/PvdD", "- dieren\n- {{default partij \"x\"}}\n"),
    ("partij/GL - PvdA", "samen\n"),
    ("anders", "Wij kennen u niet, {{naam}}.\n"),
    ("foot", "groet\n"),
];

fn letter(tag: &str) -> Letter {
    compile(&format!("Geachte,\n\n{tag}\n\n{{{{> foot}}}}\n"), PARTS).unwrap()
}

fn said(tag: &str) -> String {
    compile(tag, PARTS).map_or_else(|said| said.join("\n"), |_| "fine".to_owned())
}

fn found(letter: &Letter, values: &[(&str, &str)]) -> String {
    merge(letter, values).map_or_else(|found| found.join("\n"), |merged| merged.text)
}

/// Merges a body that has these parts and returns the text.
fn text(body: &str, values: &[(&str, &str)]) -> String {
    merge(&compile(body, PARTS).unwrap(), values).unwrap().text
}

#[test]
fn each_organisation_gets_its_own_part() {
    let letter = letter("{{> partij/[afkorting]}}");
    let of = |key| found(&letter, &[("afkorting", key), ("naam", "Ada"), ("partij", "PvdD & co")]);
    // Twice, since the second time shapes are kept.
    for _ in 0..2 {
        assert_eq!(of("D66"), "Geachte,\n\nU bent voor Ada.\n\ngroet\n");
        assert_eq!(of("PvdD"), "Geachte,\n\n- dieren\n- PvdD & co\n\ngroet\n");
        // A slash in a value is no folder.
        assert_eq!(of("GL / PvdA"), "Geachte,\n\nsamen\n\ngroet\n");
    }
    let merged = merge(&letter, &[("afkorting", "D66"), ("naam", "<Ada>")]).unwrap();
    assert!(merged.html.contains("U bent <strong>voor</strong> &lt;Ada&gt;."), "{}", merged.html);
}

#[test]
fn a_row_without_a_part_is_a_problem_unless_something_stands_in() {
    let strict = letter("{{> partij/[afkorting]}}");
    assert_eq!(
        found(&strict, &[("afkorting", "CDA")]),
        "templates/letter.md:6:13: there is no `templates/partij/CDA.md`; write it, or add `default=\"…\"` or `optional=true`"
    );
    assert_eq!(
        found(&strict, &[("afkorting", "d66")]),
        "templates/letter.md:6:13: there is no `templates/partij/d66.md`; there is `partij/D66.md`"
    );
    assert_eq!(
        found(&strict, &[("afkorting", "")]),
        "templates/letter.md:6:13: `afkorting` is empty for this row, and names a file; fill it in, or add `default=\"…\"` or `optional=true`"
    );
    for hostile in ["../../letter", "..", "D66/../../x", "D66\0", "/etc/passwd", "D66.md", "partij/D66"] {
        let found = found(&strict, &[("afkorting", hostile), ("naam", "x")]);
        let harmless = found.contains("there is no `templates/partij/") || hostile == "D66\0";
        assert!(harmless, "{hostile:?}: {found}");
    }
    let default = letter("{{> partij/[afkorting] default=\"anders\"}}");
    assert_eq!(
        found(&default, &[("afkorting", "CDA"), ("naam", "Ada")]),
        "Geachte,\n\nWij kennen u niet, Ada.\n\ngroet\n"
    );
    assert_eq!(found(&default, &[("naam", "Ada")]), "Geachte,\n\nWij kennen u niet, Ada.\n\ngroet\n");
    assert_eq!(
        found(&default, &[("afkorting", "D66"), ("naam", "Ada")]),
        "Geachte,\n\nU bent voor Ada.\n\ngroet\n"
    );
    let optional = letter("{{> partij/[afkorting] optional=true}}");
    assert_eq!(found(&optional, &[("afkorting", "CDA")]), "Geachte,\n\ngroet\n");
    // What is wrong in the part that was chosen is told with that part's place, and no other's.
    assert_eq!(
        found(&strict, &[("afkorting", "D66")]),
        "templates/partij/D66.md:1:19: `naam` is empty for this row; fill it in, or write `{{default naam \"…\"}}` or `{{optional naam}}`"
    );
    assert_eq!(found(&strict, &[("afkorting", "PvdD")]), "Geachte,\n\n- dieren\n- x\n\ngroet\n");
}

#[test]
fn it_stands_where_a_part_may_stand() {
    let row: &[(&str, &str)] =
        &[("afkorting", "D66"), ("naam", "Ada"), ("plaatsen", "D66;PvdD"), ("partij", "P")];
    assert_eq!(text("Wat wij zien: {{> partij/[afkorting]}}", row), "Wat wij zien: U bent voor Ada.\n");
    assert_eq!(
        text("1. een\n\n   {{> partij/[afkorting]}}\n\n2. twee\n", row),
        "1. een\n\n   U bent voor Ada.\n\n2. twee\n"
    );
    // An item of a loop names it; a value of its own goes along.
    let each = "{{#each plaatsen}}{{> partij/ this naam=@root.afkorting partij=\"wij\"}}{{/each}}";
    assert_eq!(text(each, row), "U bent voor D66.\n\n- dieren\n- wij\n");
    assert_eq!(text("{{> partij/ (default site \"D66\")}}", row), "U bent voor Ada.\n");
}

#[test]
fn every_file_that_may_be_chosen_is_checked_before_the_first_letter() {
    let said = [
        said("{{> partij/[afkortign]}}"),
        said("{{> partij/}}"),
        said("{{> partij/[afkorting] naam}}"),
        said("{{> partij [afkorting]}}"),
        said("{{> partij}}"),
        said("{{> partijen/[afkorting]}}"),
        said("{{> partij/[afkorting] default=\"andres\"}}"),
        said("{{> partij/[afkorting] default=naam}}"),
        said("{{> partij/[afkorting] optional=\"ja\"}}"),
        said("{{> partij/[afkorting] default=\"anders\" optional=true}}"),
    ];
    insta::assert_snapshot!(said.join("\n---\n"));
    let wrong = compile(
        "{{> p/[afkorting]}}",
        &[
            ("p/A", "{{nmae}}\n"),
            ("p/B", "<b>x</b>\n"),
            ("p/C", "{{#if naam}}x"),
            ("p/D", "{{> p/[afkorting]}}"),
            ("p/E", "+++\nsubject = \"x\"\n+++\nx"),
            ("p/F", "{{> niet}}"),
            ("p/onder/G", "{{nmae}}, and not in this folder itself"),
        ],
    );
    insta::assert_snapshot!(wrong.unwrap_err().join("\n"));
}

#[test]
fn a_folder_of_a_thousand_parts_is_a_letter_and_one_that_never_ends_is_none() {
    let files: Vec<(String, String)> = (0..1000)
        .map(|n| (format!("p/{n}"), format!("{}{n} {{{{naam}}}}\n", "{{#if naam}}x{{/if}}".repeat(20))))
        .collect();
    let parts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let letter = compile("{{> p/[afkorting]}}", &parts).unwrap();
    for n in [0, 7, 999] {
        let text = merge(&letter, &[("afkorting", &n.to_string()), ("naam", "Ada")]).unwrap().text;
        assert_eq!(text, format!("{}{n} Ada\n", "x".repeat(20)));
    }
    // Each of them includes what includes what …
    let mut files: Vec<(String, String)> =
        (0..30).map(|n| (format!("p/{n}"), "{{> q0}}".to_owned())).collect();
    files.extend((0..12).map(|n| (format!("q{n}"), format!("{{{{> q{}}}}}", n + 1).repeat(3))));
    files.push(("q12".to_owned(), "x".to_owned()));
    let parts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let said = compile("{{> p/[afkorting]}}", &parts).unwrap_err().join("\n");
    assert!(said.contains("parts with its partials in place"), "{said}");
}
