//! What is wrong with a template is told with its place, and nothing that a template does reaches beyond its letter.

use std::time::Duration;

use postduif::typesetting::TypesettingError;

use crate::stage::{election_day, order, program, typesetter};

/// A template that is right.
const RIGHT: &str = "#set document(title: \"x\")\n#set text(lang: \"nl\")\nDag";

#[test]
fn what_is_wrong_with_a_template_is_told_with_its_place() {
    let Some(program) = program() else { return };
    let begin = "#set document(title: \"x\")\n#set text(lang: \"nl\")\n";
    let cases = [
        "#let a = b",
        "#let x = (",
        "é #data.body",
        "#json(\"data.json\").geen",
        "#image(\"logo.svg\")",
        "#read(\"/etc/passwd\")",
        "#read(\"../config.toml\")",
        "#import \"@preview/cetz:0.3.1\": canvas",
        "#import \"part.typ\": f\n#f(1)",
        "#import \"other.typ\"",
        "#include \"picture.png\"",
        "#image(\"picture.png\", alt: \"x\")",
        "#panic(\"zo niet\")",
        "#let f(n) = f(n + 1)\n#f(0)",
        "#while true {}",
        "#json(\"part.typ\")",
        "#image(\"drawing.svg\")",
        "#set text(font: \"Garamond\")\nx",
        "漢",
        "#link(\"https://x.example\")[]\n#heading(level: 3)[x]",
    ];
    let mut told = String::new();
    for case in cases {
        let template = format!("{begin}{case}");
        let files = [
            ("brief.typ", template.as_str()),
            ("part.typ", "#let f(x) = {\n  x + \"a\"\n}\n"),
            ("picture.png", "no picture"),
            (
                "drawing.svg",
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><rect width=\"9\" height=\"9\"/></svg>",
            ),
        ];
        let typesetter = typesetter(&program, &files, Duration::from_secs(60));
        let answer = match typesetter.typeset(&order("brief.typ", b"{}", &election_day())) {
            Ok(made) => made.warnings.iter().map(|warning| format!("{warning}\n")).collect(),
            Err(TypesettingError::Faults(faults)) => {
                faults.iter().map(|fault| format!("{fault}\n")).collect()
            }
            Err(error) => format!("{error}\n"),
        };
        told += &format!("{}\n  {}\n", case.replace('\n', "⏎"), answer.trim_end().replace('\n', "\n  "));
    }
    insta::assert_snapshot!("template_faults", told);
}

#[test]
fn a_template_without_title_or_language_is_told_what_readers_need() {
    let Some(program) = program() else { return };
    let typesetter = typesetter(&program, &[("brief.typ", "Dag")], Duration::from_secs(60));
    let error = typesetter.typeset(&order("brief.typ", b"{}", &election_day())).unwrap_err().to_string();
    insta::assert_snapshot!("no_title", error);
}

#[test]
fn a_template_that_never_ends_is_stopped_and_the_next_letter_is_made() {
    let Some(program) = program() else { return };
    let endless = "#let n = 0\n#for i in range(60000) { for j in range(60000) { n += 1 } }";
    let files = [("endless.typ", endless), ("right.typ", RIGHT)];
    let typesetter = typesetter(&program, &files, Duration::from_secs(10));
    let day = election_day();
    typesetter.typeset(&order("right.typ", b"{}", &day)).unwrap();
    let error = typesetter.typeset(&order("endless.typ", b"{}", &day)).unwrap_err();
    assert!(matches!(error, TypesettingError::TooSlow { .. }), "{error}");
    typesetter.typeset(&order("right.typ", b"{}", &day)).unwrap();
}

#[test]
fn today_is_the_day_of_the_letter() {
    let Some(program) = program() else { return };
    let template = format!("{RIGHT}\n#assert.eq(datetime.today().display(), \"2025-10-29\")");
    let typesetter = typesetter(&program, &[("brief.typ", &template)], Duration::from_secs(60));
    assert!(typesetter.typeset(&order("brief.typ", b"{}", &election_day())).is_ok());
}

#[test]
fn data_as_deep_as_they_come_end_in_pages_or_in_a_sentence() {
    let Some(program) = program() else { return };
    let typesetter = typesetter(
        &program,
        &[
            ("brief.typ", RIGHT),
            ("deep.typ", "#let f(x) = if x.len() == 0 [.] else { [#f(x.first())] }\n#f(json(\"data.json\"))"),
        ],
        Duration::from_secs(60),
    );
    for depth in [50, 120, 10_000] {
        let data = "[".repeat(depth) + &"]".repeat(depth);
        let made = typesetter.typeset(&order("deep.typ", data.as_bytes(), &election_day()));
        assert!(matches!(made, Err(TypesettingError::Faults(_))), "{depth}: {made:?}");
        typesetter.typeset(&order("brief.typ", b"{}", &election_day())).unwrap();
    }
}
