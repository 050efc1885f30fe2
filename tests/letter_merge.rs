//! The letter merged: text, HTML, and the message they become.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
mod campaign;

use campaign::{compile, compile_whole, html, merge, text};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use postduif::campaign::letter::Input;
use postduif::mail::address::Mailbox;
use postduif::mail::message_id::MessageId;
use postduif::mail::mime::{Parts, compose};

const LETTER: &str = r#"+++
subject = "Een menselijk beleid in úw programma, {{partij}}"
+++
# Oproep

{{sender.name}}, {{date today}}

Geachte {{default naam "leden van de programmacommissie"}},

Op {{date datum}} kiezen we. U hebt {{zetels}} {{plural zetels "zetel" "zetels"}}{{#if (gt zetels 10)}}, en dat is **veel**{{/if}}.
{{#if plaatsen}}
Wij werken in {{list plaatsen}}:

{{#each plaatsen}}
- {{this}}{{#if @last}}, tot slot{{/if}}
{{/each}}
{{else}}
Wij werken overal.
{{/if}}

## Vijf punten

1. Eén route, *niet* twee.
2. Lees [onze plannen]({{site}}) of <https://stichting.example/plan>.

   > Wat u zegt,
   > telt.

{{> foot}}
"#;

const FOOT: &str = "Vragen? [{{sender.reply_to}}](mailto:{{sender.reply_to}}) of [bel ons](tel:{{sender.phone}}).  \n{{sender.name}}, {{sender.postal_address}}\n";

const ROW: [(&str, &str); 6] = [
    ("partij", "Één & Ander"),
    ("naam", "mevrouw <De Vries>"),
    ("zetels", "12"),
    ("datum", "2025-10-29"),
    ("plaatsen", "Amsterdam; Eindhoven; Groningen"),
    ("site", "https://partij.example/a?b=1&c='x'"),
];

#[test]
fn a_small_letter_in_text_and_html() {
    let letter = compile_whole(LETTER, &[("foot", FOOT)]).unwrap();
    let merged = merge(&letter, &ROW).unwrap();
    insta::assert_snapshot!("small_letter_text", merged.text);
    insta::assert_snapshot!("small_letter_html", merged.html);
    let sparse = merge(
        &letter,
        &[("partij", "PP"), ("zetels", "1"), ("datum", "2025-10-29"), ("site", "https://pp.example/")],
    );
    insta::assert_snapshot!("small_letter_sparse", sparse.unwrap().text);
}

/// Takes the marks out, and returns with what is left what each said.
fn unmarked(html: &str) -> (String, Vec<&str>) {
    let (mut rest, mut said) = (String::new(), Vec::new());
    for part in html.split("<mark title=\"") {
        match part.split_once("\" style=\"background:#ffe08a;color:#1a1a1a;border-radius:2px\">") {
            None => rest.push_str(part),
            Some((of, marked)) => {
                said.push(of);
                rest.push_str(&marked.replacen("</mark>", "", 1));
            }
        }
    }
    (rest, said)
}

#[test]
fn what_was_merged_in_is_marked_and_nothing_else_differs() {
    let letter = compile_whole(LETTER, &[("foot", FOOT)]).unwrap();
    let fields = campaign::row(&ROW);
    let input = Input { fields: &fields, today: campaign::today(), follows: None };
    let merged = letter.merge(&input).unwrap();
    let marked = letter.marked(&input).unwrap();
    assert!(marked.contains("border-radius:2px\">mevrouw &lt;De Vries&gt;</mark>"), "{marked}");
    let (rest, said) = unmarked(&marked);
    assert_eq!(rest, merged.html);
    for field in ["sender.name", "date today", "zetels", "list plaatsen", "this"] {
        assert!(said.contains(&field), "{field}: {said:?}");
    }
    let draft = letter.draft(&input).unwrap();
    let pieces = draft.pieces();
    assert_eq!(pieces.iter().map(|(text, _)| *text).collect::<String>(), merged.text);
    assert!(pieces.contains(&("12", Some("zetels"))), "{pieces:?}");
}

#[test]
fn the_message_of_a_small_letter() {
    let letter = compile_whole(LETTER, &[("foot", FOOT)]).unwrap();
    let merged = merge(&letter, &ROW).unwrap();
    let dated: Timestamp = "2025-09-08T07:30:00Z".parse().unwrap();
    let message = compose(&Parts {
        from: &Mailbox::parse("Ada Jansen <ada@stichting.example>").unwrap(),
        to: &[Mailbox::parse("Één & Ander <programma@een.example>").unwrap()],
        cc: &[],
        reply_to: Some(&Mailbox::parse("post@stichting.example").unwrap()),
        subject: &merged.subject,
        dated: &dated.to_zoned_datetime(TimeZone::get("Europe/Amsterdam").unwrap()),
        message_id: &MessageId::stored("<abcdefghijklm.nopqrstuvwxyz.1@stichting.example>".to_owned()),
        language: "nl",
        text: &merged.text,
        html: &merged.html,
        attachments: &[],
        extra: &[],
    });
    insta::assert_snapshot!(
        "small_letter_message",
        String::from_utf8(message).unwrap().replace("\r\n", "\n")
    );
}

#[test]
fn values_are_written_for_where_they_land() {
    let hostile = "a*b* [x](y) <b>&\"'\u{202e}\u{0}";
    assert_eq!(
        html("{{naam}}", &[("naam", hostile)]).trim(),
        "<p style=\"margin:0 0 16px 0\">a*b* [x](y) &lt;b&gt;&amp;&quot;&#39;</p>"
    );
    assert_eq!(text("**{{naam}}**x", &[("naam", hostile)]), "a*b* [x](y) <b>&\"'x\n");
    assert!(
        html("[k](https://x.example/{{naam}})", &[("naam", "a b/\"")])
            .contains("href=\"https://x.example/a%20b%2F%22\"")
    );
    assert!(
        html("[k](https://x.example \"{{naam}}\")", &[("naam", "\">x")]).contains("title=\"&quot;&gt;x\"")
    );
    assert!(html("`{{naam}}`", &[("naam", "`<")]).contains("`&lt;</code>"));
    assert!(html("{{naam}}", &[("naam", "a\r\nb\nc")]).contains("a<br>\nb<br>\nc"));
    assert_eq!(text("> {{naam}}", &[("naam", "a\nb")]), "> a\n> b\n");
}

#[test]
fn an_address_that_is_whole_from_the_row_is_held_to_four_schemes() {
    let letter = compile("Zie [de site]({{site}}).", &[]).unwrap();
    for wrong in [
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "partij.example",
        " file:///etc/passwd",
        "java\nscript:x",
    ] {
        assert!(merge(&letter, &[("site", wrong)]).is_err(), "{wrong}");
    }
    let ok = merge(&letter, &[("site", "https://x.example/\"onclick=\"a")]).unwrap();
    assert!(ok.html.contains("href=\"https://x.example/%22onclick=%22a\""), "{}", ok.html);
    insta::assert_snapshot!(
        "wrong_link",
        merge(&letter, &[("site", "javascript:alert(1)")]).unwrap_err().join("\n")
    );
}

#[test]
fn the_same_address_is_said_once_in_the_text() {
    assert_eq!(text("[{{site}}]({{site}})", &[("site", "https://x.example/")]), "https://x.example/\n");
    assert_eq!(text("<https://x.example/>", &[]), "https://x.example/\n");
    assert_eq!(text("<post@x.example>", &[]), "post@x.example\n");
    assert_eq!(text("[post](mailto:post@x.example)", &[]), "post (post@x.example)\n");
}

#[test]
fn an_optional_value_that_is_empty_leaves_no_empty_paragraph() {
    assert_eq!(text("Een\n\n{{optional naam}}\n\nTwee", &[]), "Een\n\nTwee\n");
}

#[test]
fn a_partial_in_a_list_stays_in_the_list() {
    let letter =
        compile("- een\n\n  {{> deel}}\n- twee\n", &[("deel", "regel een\n\nregel twee\n")]).unwrap();
    assert_eq!(merge(&letter, &[]).unwrap().text, "- een\n\n  regel een\n\n  regel twee\n\n- twee\n");
}

#[test]
fn a_partial_is_given_values_by_name() {
    let letter = compile(
        "{{> deel wie=naam aantal=3}}",
        &[("deel", "{{wie}} heeft {{aantal}} {{plural aantal \"lid\" \"leden\"}}")],
    );
    assert_eq!(merge(&letter.unwrap(), &[("naam", "Ada")]).unwrap().text, "Ada heeft 3 leden\n");
}

/// Field bug 28: "An empty field: \"Dear ,\"."
#[test]
fn bug_28_an_empty_field_never_gives_dear_nobody() {
    let letter = compile("Geachte {{naam}},\n\nTot {{date datum}}.", &[]).unwrap();
    insta::assert_snapshot!("empty_field", merge(&letter, &[("naam", "  ")]).unwrap_err().join("\n"));
}
