//! No value can change a letter's structure: held against thousands of generated values and templates.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use campaign::{COLUMNS, compile, compile_whole, merge, row, today};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_parser::{HeaderName, MessageParser, MimeHeaders as _};
use postduif::campaign::letter::{Input, Merged};
use postduif::mail::address::{Address, Mailbox};
use postduif::mail::message_id::MessageId;
use postduif::mail::mime::{Parts, compose};
use postduif::mail::{headers, quoted_printable};
use proptest::prelude::*;

const LETTER: &str = r#"+++
subject = "Aan {{naam}} van {{partij}}"
+++
# Beste {{naam}}

Een *{{naam}}* en **{{partij}}**, `{{naam}}`; [{{partij}}](https://x.example/{{naam}}?q={{partij}} "titel {{naam}}").

> {{partij}}

1. {{naam}}
2. {{partij}} en [mail](mailto:{{naam}})

    {{naam}}

<https://x.example/{{partij}}>
"#;

/// Values that would like to be something else.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,40}",
        any::<String>().prop_map(|text| format!("v{text}")),
        prop::sample::select(vec![
            "</p><script>alert(1)</script>",
            "\r\nBcc: x@y.example\r\n\r\nhallo",
            "=?utf-8?q?x?=",
            "[x](javascript:alert(1))",
            "{{naam}}",
            "\u{202e}abc",
            "x\n.\nMAIL FROM:<a@b.example>",
            "zq7hbvAAAAAAvbh7qz",
            "zq7hbv",
            "--=_abc",
            "# kop\n- lijst",
            "a\u{0}b",
            "`code`",
            "&lt;&amp;",
            "\" onclick=\"x",
            "]]>",
            "<!--",
            "| a | b |\n|---|---|",
            "....",
            "é".repeat(400).as_str().to_owned().leak(),
        ])
        .prop_map(str::to_owned),
        "[ -~\\r\\n\\t\u{e0}-\u{ff}]{1,200}",
    ]
    .prop_filter("an empty field is another matter", |text| !headers::clean(text).is_empty())
}

/// The tags of an HTML, with attributes but without what values may change in them.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("every tag ends");
        let mut quoted = tag.split('"');
        let outside: String = quoted.by_ref().step_by(2).collect();
        // `<br>` is what a line break in a value becomes.
        if outside != "br" {
            tags.push(outside);
        }
    }
    tags
}

fn message(merged: &Merged, to: &Mailbox) -> Vec<u8> {
    let dated: Timestamp = "2025-09-08T07:30:00Z".parse().unwrap();
    compose(&Parts {
        from: &Mailbox::parse("Ada Jansen <ada@stichting.example>").unwrap(),
        to: std::slice::from_ref(to),
        cc: &[],
        reply_to: None,
        subject: &merged.subject,
        dated: &dated.to_zoned_datetime(TimeZone::get("Europe/Amsterdam").unwrap()),
        message_id: &MessageId::stored("<abcdefghijklm.nopqrstuvwxyz.1@stichting.example>".to_owned()),
        language: "nl",
        text: &merged.text,
        html: &merged.html,
        attachments: &[],
        extra: &[],
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_value_changes_the_structure(naam in value(), partij in value(), zoon in value()) {
        let letter = compile_whole(LETTER, &[]).unwrap();
        let plain = merge(&letter, &[("naam", "naam"), ("partij", "partij")]).unwrap();
        let merged = merge(&letter, &[("naam", &naam), ("partij", &partij)]).unwrap();
        prop_assert_eq!(tags(&plain.html), tags(&merged.html));

        let to = Mailbox::new(Some(&zoon), Address::parse("programma@partij.example").unwrap());
        let bytes = message(&merged, &to);
        for line in bytes.split(|byte| *byte == b'\n') {
            prop_assert!(line.len() <= 999);
        }
        let text = std::str::from_utf8(&bytes).unwrap();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(text.matches('\r').count(), text.matches("\r\n").count());
        prop_assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());

        let parsed = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(parsed.parts.len(), 3);
        prop_assert_eq!(parsed.headers().len(), 8);
        prop_assert_eq!(parsed.subject().unwrap(), headers::clean(&format!("Aan {naam} van {partij}")));
        let mailbox = parsed.to().unwrap().first().unwrap();
        prop_assert_eq!(mailbox.address(), Some("programma@partij.example"));
        prop_assert_eq!(mailbox.name().map(str::to_owned), to.name);
        prop_assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), merged.text.clone());
        prop_assert_eq!(parsed.body_html(0).unwrap().replace("\r\n", "\n"), merged.html.clone());
        let said = partij.replace("\r\n", "\n").replace('\t', " ");
        let said: String = said.lines().next().unwrap_or("").chars().filter(|c| !headers::unprintable(*c)).collect();
        prop_assert!(merged.text.contains(said.trim_end()), "{said:?} in {:?}", merged.text);
        prop_assert_eq!(parsed.parts[0].content_type().unwrap().subtype(), Some("alternative"));
        prop_assert!(parsed.header(HeaderName::Bcc).is_none());
    }

    #[test]
    fn the_subject_comes_back_as_it_was(subject in "\\PC{0,300}|[a-zé ]{0,400}|[!-~]{200}|=\\?utf-8\\?q\\?[a-z]{1,9}\\?=") {
        let merged = Merged { subject: subject.clone(), text: String::new(), html: String::new() };
        let bytes = message(&merged, &Mailbox::parse("a@b.example").unwrap());
        let text = String::from_utf8(bytes.clone()).unwrap();
        let field = text.split("\r\nSubject:").nth(1).unwrap().split("\r\nMessage-ID").next().unwrap();
        prop_assert!(field.split("\r\n").all(|line| line.len() <= 78), "{}", field);
        let parsed = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(parsed.subject().unwrap_or(""), headers::clean(&subject));
    }

    #[test]
    fn quoted_printable_comes_back_as_it_was(text in "[\\PC\\r\\n\\t =.]{0,400}") {
        let mut encoded = Vec::new();
        quoted_printable::encode(&text, &mut encoded);
        let encoded = String::from_utf8(encoded).unwrap();
        for line in encoded.split("\r\n") {
            prop_assert!(line.len() <= 76 && !line.ends_with([' ', '\t']) && !line.starts_with('.'));
        }
        let mut bytes = Vec::new();
        let mut rest = encoded.as_str();
        while let Some((before, after)) = rest.split_once('=') {
            bytes.extend_from_slice(before.as_bytes());
            rest = match after.strip_prefix("\r\n") {
                Some(next) => next,
                None => {
                    bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
                    &after[2..]
                }
            };
        }
        bytes.extend_from_slice(rest.as_bytes());
        let normal = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), normal);
    }
}

/// Pieces that make up a random letter.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "{{@root.naam}}",
        "{{optional @root.partij}}",
        "{{default @root.partij \"x\"}}",
        "tekst ",
        "\n\n",
        "\n- punt ",
        "\n1. punt ",
        "\n> ",
        "**",
        "*",
        "`",
        "[link](https://x.example/{{@root.afkorting}})",
        "[{{@root.site}}]({{@root.site}})",
        "{{list @root.plaatsen}}",
        "{{@root.sender.name}}",
        "\n# kop\n",
        "    ",
        "\\{{naam}}",
        "\n  {{> deel}}\n",
        "\n  {{> map/ @root.naam optional=true}}\n",
        "{{> map/ @root.zetels default=\"deel\"}}",
        "{{plural @root.zetels \"a\" \"b\"}}",
        "{{date @root.datum}}",
        "[r]",
        "\n\n[r]: https://x.example\n",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 6, |inner| {
        let several = prop::collection::vec(inner, 0..6).prop_map(|pieces| pieces.concat());
        prop_oneof![
            several.clone(),
            several.clone().prop_map(|body| format!("{{{{#if @root.partij}}}}{body}{{{{/if}}}}")),
            (several.clone(), several.clone())
                .prop_map(|(a, b)| format!("{{{{#if (gt @root.zetels 3)}}}}{a}{{{{else}}}}{b}{{{{/if}}}}")),
            several.clone().prop_map(|body| format!(
                "\n{{{{#each @root.plaatsen}}}}\n{body}{{{{this}}}}\n{{{{/each}}}}\n"
            )),
            several.prop_map(|body| format!("{{{{#unless (eq @root.partij \"x\")}}}}{body}{{{{/unless}}}}")),
        ]
    })
}

fn recipient() -> impl Strategy<Value = Vec<(String, String)>> {
    (value(), prop::option::of(value()), 0..6_u8, "[a-z]{1,3}(;[a-z]{1,3}){0,3}", value()).prop_map(
        |(naam, partij, zetels, plaatsen, afkorting)| {
            let zetels = zetels.to_string();
            row(&[
                ("naam", &naam),
                ("partij", &partij.unwrap_or_default()),
                ("zetels", &zetels),
                ("plaatsen", &plaatsen),
                ("afkorting", &afkorting),
                ("datum", "2025-10-29"),
                ("site", "https://partij.example/x"),
            ])
        },
    )
}

const PARTS: &[(&str, &str)] = &[
    ("deel", "deel {{@root.naam}}\n\nmeer\n"),
    ("map/0", "- niets\n"),
    ("map/1", "*een* {{@root.partij}} zetel{{#if @root.naam}}!{{/if}}"),
    ("map/3", "> drie\n\n{{optional @root.partij}}\n"),
    ("map/v", "{{#each @root.plaatsen}}{{this}}{{/each}}"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_kept_shape_gives_what_converting_afresh_gives(body in piece(), rows in prop::collection::vec(recipient(), 1..6)) {
        let letter = compile(&body, PARTS).unwrap();
        for fields in &rows {
            let input = Input { fields, today: today(), follows: None };
            prop_assert_eq!(letter.merge(&input), letter.merge_afresh(&input));
            prop_assert_eq!(letter.inspect(&input).err(), letter.merge(&input).err());
        }
    }

    #[test]
    fn any_text_is_a_letter_or_a_problem_and_never_a_panic(body in "[\\PC\n{}#/>()\"\\[\\]=~!&*.@^|a-z ]{0,80}", fields in recipient()) {
        if let Ok(letter) = compile(&body, &[("deel", "x")]) {
            let _ = letter.merge(&Input { fields: &fields, today: today(), follows: None });
        }
    }

    #[test]
    fn pieces_of_handlebars_are_a_letter_or_a_problem(pieces in prop::collection::vec(prop::sample::select(vec![
        "{{", "}}", "{{{", "}}}", "#if ", "#each ", "/if", "/each", "else", "^", "naam", "plaatsen", "this", "@index", "../", "(", ")",
        "eq ", "\"x\"", "'", "[", "]", " as |a b|", "> deel", "~", "!", "--", "\\", "\n", " ", "=", "null", "3", "{{naam}}", "{{#if naam}}", "{{/if}}", "{{else}}", "<", "`", "> map/", "[naam]", " default=\"", " optional=true",
    ]), 0..25), fields in recipient()) {
        if let Ok(letter) = compile(&pieces.concat(), PARTS) {
            let _ = letter.merge(&Input { fields: &fields, today: today(), follows: None });
        }
    }
}

/// Field bug 11: "An umlaut in From, To name, subject or attachment name, against a server without SMTPUTF8."
#[test]
fn bug_11_an_umlaut_in_a_name_or_subject_leaves_the_message_ascii() {
    let letter = compile_whole(
        "+++\nsubject = \"Über úw programma: {{partij}}\"\n+++\nGeachte {{naam}}, één vraag.",
        &[],
    )
    .unwrap();
    let merged = merge(&letter, &[("partij", "Größe & Vrijheid"), ("naam", "Zoë")]).unwrap();
    let to = Mailbox::parse("Zoë Müller <zoe@münchen.example>").unwrap();
    assert!(!to.address.needs_smtputf8());
    let bytes = message(&merged, &to);
    assert!(bytes.is_ascii());
    let parsed = MessageParser::new().parse(&bytes).unwrap();
    assert_eq!(parsed.subject(), Some("Über úw programma: Größe & Vrijheid"));
    assert_eq!(parsed.to().unwrap().first().unwrap().name(), Some("Zoë Müller"));
    assert!(parsed.body_text(0).unwrap().contains("Geachte Zoë, één vraag."));
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    let letter = compile_whole(LETTER, &[]).unwrap();
    let merged = merge(&letter, &[("naam", "Ada"), ("partij", "Één")]).unwrap();
    let to = Mailbox::parse("Ada <ada@partij.example>").unwrap();
    assert_eq!(message(&merged, &to), message(&merged, &to));
    assert_eq!(COLUMNS.len(), 8);
}
