//! What the typesetter gets: the letter as blocks, which say what the text says.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use std::collections::BTreeMap;

use campaign::{COLUMNS, definition, merge, row, source, today};
use postduif::campaign::blocks::{Block, Inline};
use postduif::campaign::letter::{Input, Letter};
use postduif::campaign::manuscript::Manuscript;
use postduif::campaign::problem::{Problem, Problems};
use postduif::campaign::recipient::{Channel, Errand, Recipient};
use postduif::campaign::stationery::Stationery;
use proptest::prelude::*;

const FRONT: &str =
    "+++\nsubject = \"Aan {{partij}}\"\npdf = \"brief.typ\"\npdf-name = \"Brief aan {{partij}}\"\n+++\n";

const LETTER: &str = r#"# Beste {{naam}}

Een *{{naam}}* en **heel *belangrijk* verzoek** aan
{{partij}}, `{{naam}}`; [{{partij}}](https://x.example/{{naam}}?q=1), <https://x.example>, <ada@x.example>
en [bel](tel:020-1).\
{{plaatsen}}

> Wat u *zegt*,
>
> 1. telt
> 2. altijd

- {{naam}}
- los
  1. binnen
  2. {{partij}}

***

1. ruim

2. gezet: {{naam}}

    code {{naam}}
      regel

Slot {{plaatsen}}
"#;

fn compile(body: &str) -> Letter {
    let texts = BTreeMap::from([("brief.typ".to_owned(), String::new())]);
    let definition = definition("nl");
    let definition = postduif::campaign::definition::Definition {
        stationery: Stationery { texts, ..Stationery::default() },
        ..definition
    };
    let columns: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
    let mut problems = Problems::default();
    let letter =
        Letter::compile(&source(&format!("{FRONT}{body}"), &[]), &definition, &columns, &mut problems);
    let said: Vec<String> = problems.sorted().into_iter().map(Problem::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
    letter.unwrap()
}

fn manuscript(letter: &Letter, values: &[(&str, &str)]) -> Manuscript {
    letter.manuscript(&Input { fields: &row(values), today: today(), follows: None }).unwrap().unwrap()
}

#[test]
fn a_letter_as_blocks() {
    let values = [("naam", "Ada & <Co>"), ("partij", "De *Partij*"), ("plaatsen", "eerste\nregel\ttwee")];
    let manuscript = manuscript(&compile(LETTER), &values);
    assert_eq!(manuscript.file_name, "Brief aan De -Partij-.pdf");
    assert_eq!(manuscript.subject, "Aan De *Partij*");
    insta::assert_json_snapshot!("blocks", manuscript.body);
}

#[test]
fn what_a_template_reads() {
    let letter = compile("Dag");
    let values = row(&[("partij", "X"), ("naam", "a\u{202e}b\u{0}\nc")]);
    let manuscript =
        letter.manuscript(&Input { fields: &values, today: today(), follows: None }).unwrap().unwrap();
    let recipient = Recipient {
        key: "X".to_owned(),
        channel: Channel::ByHand(Errand::Post),
        name: None,
        organisation: Some("X\u{202e}".to_owned()),
        deadline: None,
        fields: values,
    };
    let data = manuscript.data(&definition("nl"), &recipient, today());
    let data: serde_json::Value = serde_json::from_slice(&data).unwrap();
    insta::assert_json_snapshot!("data", data);
}

#[test]
fn a_letter_without_a_pdf_has_no_manuscript() {
    let letter = campaign::compile("Dag", &[]).unwrap();
    assert_eq!(letter.manuscript(&Input { fields: &row(&[]), today: today(), follows: None }), Ok(None));
    assert_eq!((letter.pdf_template(), compile("Dag").pdf_template()), (None, Some("brief.typ")));
}

#[test]
fn what_nests_without_end_ends_on_the_last_level() {
    let deep = format!(
        "{}diep\n\n{}x{}\n\n{}- y\n",
        "> ".repeat(300),
        "*".repeat(301),
        "*".repeat(301),
        "- ".repeat(300)
    );
    let manuscript = manuscript(&compile(&deep), &[("partij", "X")]);
    let json = serde_json::to_string(&manuscript.body).unwrap();
    let deepest = json.chars().scan(0, |level: &mut i32, c| {
        *level += i32::from(matches!(c, '[' | '{')) - i32::from(matches!(c, ']' | '}'));
        Some(*level)
    });
    // Typst and other readers of JSON stop at 128.
    assert!(deepest.max().unwrap() < 100, "{json}");
    assert!(json.contains("diep") && json.contains("y"));
}

/// The words of blocks as the text part has them, without what only draws.
fn words(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph { inline } | Block::Heading { inline, .. } => pieces(inline, out),
            Block::List { start, items, .. } => {
                for (index, item) in items.iter().enumerate() {
                    let mut said = String::new();
                    words(item, &mut said);
                    // An item with nothing in it is not drawn.
                    if let Some(start) = start.filter(|_| !said.trim().is_empty()) {
                        *out += &format!("{}. ", start + index as u64);
                    }
                    *out += &said;
                }
            }
            Block::Quote { blocks } => words(blocks, out),
            Block::Code { text } => *out += text,
            Block::Rule => *out += "\u{1}",
        }
        out.push('\n');
    }
}

fn pieces(inline: &[Inline], out: &mut String) {
    for piece in inline {
        match piece {
            Inline::Text { text } | Inline::Code { text } => *out += text,
            Inline::Strong { inline } | Inline::Emphasis { inline } => pieces(inline, out),
            Inline::Link { address, inline } => {
                let mut shown = String::new();
                pieces(inline, &mut shown);
                *out += &shown;
                let bare = address.trim_start_matches("mailto:").trim_start_matches("tel:");
                if shown != *address && shown != bare {
                    *out += &format!(" ({bare})");
                }
            }
            Inline::Break => out.push('\n'),
        }
    }
}

/// What is left when everything that only draws is taken away.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '=' | '>' | '\u{1}')).collect()
}

fn body() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "een woord",
        "{{naam}}",
        "*",
        "**",
        "`",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "3) ",
        "# ",
        "## ",
        "    ",
        "\\",
        "  \n",
        "[{{partij}}](https://x.example/{{naam}})",
        "[a *b*](tel:020)",
        "<https://x.example>",
        "***\n",
        "_",
        "é",
        "&amp;",
        "{{partij}}",
        "\\*",
        "(",
        ")",
        "[",
        "]",
        "!",
        "+ ",
    ]);
    prop::collection::vec(piece, 1..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn blocks_say_what_the_text_says(body in body(), naam in "[ -~]{1,20}|a\nb", partij in "[a-z*_#<>]{1,9}x") {
        prop_assume!(!naam.trim().is_empty());
        let columns: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
        let texts = BTreeMap::from([("brief.typ".to_owned(), String::new())]);
        let definition = postduif::campaign::definition::Definition {
            stationery: Stationery { texts, ..Stationery::default() },
            ..definition("nl")
        };
        let text = format!("{FRONT}{body}");
        // What a letter may not have is refused before either is made.
        let letter = Letter::compile(&source(&text, &[]), &definition, &columns, &mut Problems::default());
        prop_assume!(letter.is_some());
        let letter = letter.unwrap();
        let values = [("naam", naam.as_str()), ("partij", partij.as_str())];
        // A row whose value makes a link that leads nowhere is refused, too.
        let merged = merge(&letter, &values);
        prop_assume!(merged.is_ok());
        let merged = merged.unwrap();
        let mut said = String::new();
        words(&manuscript(&letter, &values).body, &mut said);
        prop_assert_eq!(bare(&said), bare(&merged.text));
    }
}
