//! What a letter may not say, each with its place: typing errors, hostile templates, wrong rows.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use campaign::{compile, compile_whole, merge, row, today};
use postduif::campaign::letter::Input;

/// All problems of a body, or "fine".
fn said(body: &str) -> String {
    compile(body, PARTIALS).map_or_else(|said| said.join("\n"), |_| "fine".to_owned())
}

const PARTIALS: &[(&str, &str)] = &[
    ("foot", "Groet\n\n{{sender.nmae}}\n"),
    ("good", "Groet\n"),
    ("ping", "{{> pong}}"),
    ("pong", "{{> ping}}"),
    ("self", "x {{> self}}"),
    ("second", "+++\nsubject = \"x\"\n+++\nhallo"),
    ("open", "a\n{{#if naam}}b"),
    ("html", "a\n\n<p>b</p>\n"),
];

#[test]
fn every_typing_error_is_found_with_its_place_and_what_was_meant() {
    let report: Vec<String> = [
        "{{nmae}}",
        "Beste\n\n{{#if nmae}}x{{/if}}",
        "{{#if naam}}x{{else}}\n{{pratij}}{{/if}}",
        "{{#if naam}}x{{else if pratij}}y{{/if}}",
        "{{#unless nmae}}x{{/unless}}",
        "{{#each plaatsem}}x{{/each}}",
        "{{#each plaatsen}}{{naam}}{{/each}}",
        "{{#each plaatsen}}{{../nmae}}{{/each}}",
        "{{#with nmae}}x{{/with}}",
        "{{#with sender}}{{nmae}}{{/with}}",
        "{{default nmae \"x\"}}",
        "{{#if (eq nmae \"x\")}}x{{/if}}",
        "{{#if (and naam (or partij (not nmae)))}}x{{/if}}",
        "{{> good wie=nmae}}",
        "{{> good nmae}}",
        "{{date datum format=nmae}}",
        "{{dat datum}}",
        "{{date}}",
        "{{date datum naam}}",
        "{{Naam}} {{E-mail}} {{[E-mail]}}",
        "{{sender}} {{campaign}} {{this}}",
        "{{sender.postal_adress}} {{campaign.nam}} {{phone}}",
        "{{naam.voornaam}}",
        "{{../naam}} {{@index}} {{@root.nmae}}",
        "{{> foot}}{{> foot}}",
        "{{> foott}}",
        "{{#naam}}x{{/naam}}",
        "{{#iff naam}}x{{/iff}}",
        "{{#if}}x{{/if}}",
        "{{#if naam partij}}x{{/if}}",
        "{{plural zetels \"zetel\"}}",
        "{{lookup naam 1}} {{log naam}}",
        "één {{nmae}}",
    ]
    .iter()
    .map(|body| format!("{body}\n    {}", said(body).replace('\n', "\n    ")))
    .collect();
    insta::assert_snapshot!("typing_errors", report.join("\n"));
}

#[test]
fn three_braces_hide_no_other_mistake() {
    let told = said("{{{naam}}}\n{{#if nmae}}x{{/if}}\n{{{\nnaam}}} {{pratij}}");
    for place in ["4:1: `{{{naam}}}`", "5:7: `nmae`", "6:1: `{{{", "7:11: `pratij`"] {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
}

#[test]
fn hostile_and_broken_templates_end_in_a_sentence() {
    let report: Vec<String> = [
        "{{> ping}}",
        "{{> self}}",
        "{{> second}}",
        "{{> open}}",
        "{{> html}}",
        "{{#if naam}}\nx",
        "a\n{{#if naam}}\n{{#each plaatsen}}\n{{/if}}\n{{/each}}",
        "x{{/if}}",
        "x{{else}}y",
        "{{naam",
        "{{naam}",
        "{{ }}",
        "{{naam partij",
        "{{{naam}}}",
        "{{&naam}}",
        "{{~{naam}~}}",
        "{{{{raw}}}}x{{{{/raw}}}}",
        "{{*x}}",
        "{{#*inline \"x\"}}y{{/inline}}",
        "{{#> foot}}x{{/foot}}",
        "{{> (naam)}}",
        "{{default naam {\"a\": 1}}}",
        "{{naam \"onaf}}",
        "zq7hbvAAAAAAvbh7qz",
        "a\n\n<script>x</script>",
        "a <b>vet</b> <!-- {{naam}} -->",
        "<{{site}}>",
        "![x](https://x.example/a.png)",
        "{{#if naam}}[x](javascript:alert(1)){{/if}}",
        "[x](bijlage.pdf)",
        "[x](info@x.example) <info@x.example>",
    ]
    .iter()
    .map(|body| format!("{body}\n    {}", said(body).replace('\n', "\n    ")))
    .collect();
    insta::assert_snapshot!("hostile_templates", report.join("\n"));
}

#[test]
fn front_matter_is_read_strictly() {
    let report: Vec<String> = [
        "Geachte heer",
        "+++\nsubject = \"x\"\nGeachte",
        "+++\n+++\nGeachte",
        "+++\nsubjcet = \"x\"\n+++\nGeachte",
        "+++\nsubject = \"x\"\nkleur = \"rood\"\n+++\nGeachte",
        "+++\nsubject = 3\n+++\nGeachte",
        "+++\nsubject = \" \"\n+++\nGeachte",
        "+++\nsubject = \"x\n+++\nGeachte",
        "+++\nsubject = \"Aan {{pratij}}\"\n+++\nGeachte {{nmae}}",
        "+++\r\nsubject = \"x\"\r\n+++\r\n\r\nGeachte {{nmae}}",
        "+++\nsubject = \"{{#if partij}}x\"\n+++\nx",
    ]
    .iter()
    .map(|text| {
        let said = compile_whole(text, PARTIALS).map_or_else(|said| said.join("\n"), |_| "fine".to_owned());
        format!("{text:?}\n    {}", said.replace('\n', "\n    "))
    })
    .collect();
    insta::assert_snapshot!("front_matter", report.join("\n"));
}

#[test]
fn a_row_that_cannot_be_written_to_is_named_with_field_and_place() {
    let letter = compile(
        "{{naam}} {{date datum}} {{plural zetels \"a\" \"b\"}} [x]({{site}})\n{{optional partij}}{{list plaatsen}}",
        &[],
    )
    .unwrap();
    let wrong = [("datum", "29-10-2025"), ("zetels", "veel"), ("site", "https://x.example")];
    insta::assert_snapshot!("row_findings", merge(&letter, &wrong).unwrap_err().join("\n"));
    let input = row(&wrong);
    let input = Input { fields: &input, today: today(), follows: None };
    assert_eq!(letter.inspect(&input).unwrap_err(), letter.merge(&input).unwrap_err());
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    let deep = format!("{}x{}", "{{#if naam}}".repeat(2000), "{{/if}}".repeat(2000));
    assert!(said(&deep).contains("too-deep") || said(&deep).contains("nest more than"), "{}", said(&deep));
    let brackets = format!("{{{{#if {}naam{}}}}}x{{{{/if}}}}", "(not ".repeat(4000), ")".repeat(4000));
    assert!(said(&brackets).contains("brackets nest too deep"), "{}", said(&brackets));
    let array = format!("{{{{default naam {}}}}}", "[".repeat(20_000));
    assert_ne!(said(&array), "fine");
    let quotes = format!("{}{{{{naam}}}}{}", "> ".repeat(50_000), "*".repeat(50_000));
    let _ = compile(&quotes, &[]).map(|letter| merge(&letter, &[("naam", "x")]));
    assert!(said(&"{{#if naam}}".repeat(30_000)).contains("the file has"), "size first");
}

#[test]
fn partials_that_multiply_are_refused() {
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let texts: Vec<String> = (0..12).map(|n| format!("{{{{> p{}}}}} ", n + 1).repeat(4)).collect();
    let mut partials: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    partials.push(("p12", "x"));
    let said = compile("{{> p0}}", &partials).unwrap_err().join("\n");
    assert!(said.contains("20000 parts"), "{said}");
}

#[test]
fn a_loop_that_explodes_ends_in_a_finding_and_not_in_the_memory() {
    let body = "{{#each plaatsen}}".to_owned()
        + &"{{#each @root.plaatsen}}".repeat(7)
        + "{{this}} lange regel"
        + &"{{/each}}".repeat(8);
    let letter = compile(&body, &[]).unwrap();
    let many = "a;".repeat(1000);
    let said = merge(&letter, &[("plaatsen", &many)]).unwrap_err().join("\n");
    assert!(said.contains("grows beyond"), "{said}");
    let letter = compile("{{naam}}", &[]).unwrap();
    let long = "x".repeat(2 << 20);
    assert!(merge(&letter, &[("naam", &long)]).is_err());
}
