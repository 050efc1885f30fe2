//! Values that would like to be code, markup or pages: they come out as text, or are told.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::stage::{PLAIN, election_day, letters_only, order, program_and_tools, small, tool, typesetter};

/// Each in a letter of its own style: code, markup, references, escapes, names of files.
const TRICKS: [&str; 24] = [
    "*geen vet* _geen cursief_",
    "#panic(\"x\")",
    "#eval(\"1\")",
    "$x^2$ $ sum_(i) $",
    "@ref <label>",
    "\\ \\u{41} \\#",
    "[x](https://x.example) [y]",
    "= kop",
    "- a\n- b",
    "`raw` ```rust fn```",
    "// weg /* weg */ weg",
    "https://x.example/#a",
    "\"a\" 'b' -- --- ...",
    "#import \"@preview/x:1.0.0\"",
    "#read(\"/etc/passwd\")",
    "#json(\"data.json\")",
    "]]]}}}))) #{",
    "{{naam}} {{{naam}}}",
    "%PDF-1.7\nendobj\n%%EOF",
    "</x><script>alert(1)</script>",
    "a~b ~ ~",
    "#set page(width: 1pt)",
    "#pagebreak() #lorem(50)",
    "Ünïcödé Ἀθῆναι Москва ĳ",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(TRICKS.to_vec()).prop_map(str::to_owned),
        "[ -~]{1,80}",
        "[#*_$@<>\\\\`\\[\\](){}=/\"'~-]{1,30}",
        "[à-žΑ-ΡΣ-Ωα-ωА-Яа-я ]{1,40}",
    ]
}

#[test]
fn no_value_is_anything_but_text() {
    let Some(program) = program_and_tools() else { return };
    let typesetter = typesetter(&program, &[("brief.typ", PLAIN)], Duration::from_secs(60));
    let mut runner = TestRunner::new(Config {
        cases: 24,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    // Many values a letter, since a letter takes half a second where the typesetter is not optimised.
    let letters = prop::collection::vec(value(), 30);
    let tricks: Vec<String> = TRICKS.iter().map(|trick| (*trick).to_owned()).collect();
    let try_one = |values: &[String]| {
        let fields: BTreeMap<String, &String> =
            values.iter().enumerate().map(|(at, value)| (format!("f{at:02}"), value)).collect();
        let data = serde_json::json!({
            "subject": values[0],
            "body": [{"kind": "paragraph", "inline": [{"kind": "text", "text": values[1]}]}],
            "recipient": {"fields": fields},
        });
        let made = typesetter.typeset(&order("brief.typ", data.to_string().as_bytes(), &election_day()));
        let made = made.unwrap_or_else(|error| panic!("{values:?}: {error}"));
        let shown = letters_only(&tool("pdftotext", &["-raw", "-nopgbrk"], &made.pdf));
        let meant: String =
            fields.iter().map(|(field, value)| letters_only(&format!("{field}: {value}"))).collect();
        let meant = letters_only(&values[1]) + &meant;
        assert_eq!(shown, meant);
    };
    try_one(&tricks);
    runner
        .run(&letters, |values| {
            try_one(&values);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_word_that_is_wider_than_the_page_is_broken_and_none_of_it_is_lost() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(include_str!("../../templates/brief.typ"));
    campaign.write("templates/beeldmerk.svg", include_str!("../../templates/beeldmerk.svg"));
    let word = "W".repeat(500);
    let letter = campaign.read("templates/letter.md").replace("pdf-name = \"Letter to {{partij}}\"\n", "");
    campaign.write("templates/letter.md", letter);
    campaign.write("recipients.csv", format!("afkorting,partij,naam,e-mail\nEEN,{word},Bob,a@b.example\n"));
    campaign.run(["preview", "--pdf", "pages"]).success();
    let pdf = std::fs::read(campaign.file("pages/brief.pdf")).unwrap();
    let shown = letters_only(&tool("pdftotext", &["-raw"], &pdf));
    assert_eq!(shown.matches('W').count(), 3 * 500, "in the address, the subject and the letter");
}

#[test]
fn a_character_that_no_font_has_is_told_before_anything_is_sent() {
    let Some(_) = program_and_tools() else { return };
    let campaign = small(PLAIN);
    let rows = campaign.read("recipients.csv").replace("Partij Twee", "漢字党");
    campaign.write("recipients.csv", rows);
    campaign
        .run(["send", "--yes"])
        .code(2)
        .said("recipients.csv:3: TWEE: `partij`: no font of the PDF has `漢`; write it otherwise")
        .said("nothing was sent");
}
