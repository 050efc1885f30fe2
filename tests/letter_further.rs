//! Letters that follow the first: what they say of it, how they quote it, and how they stand below it in a mail program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;
use postduif::campaign::definition::{Definition, LetterSource, Sender};
use postduif::campaign::problem::Problems;
use postduif::campaign::recipient::{Addressees, Channel, Recipient};
use postduif::campaign::sequence::Continuation;
use postduif::engine::press::{Order, Press, Printed};
use postduif::mail::address::{Address, Mailbox};
use postduif::mail::message_id::MessageId;
use postduif::mail::threading::Earlier;
use proptest::prelude::*;

const FIRST: &str = "2025-09-01T08:00:00Z";
const SECOND: &str = "2025-09-15T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn letters(letters: &[(&str, &str)], partials: &[(&str, &str)]) -> Definition {
    let partials: BTreeMap<String, String> =
        partials.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let letter = |(name, text): &(&str, &str)| LetterSource {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
        partials: partials.clone(),
    };
    Definition {
        name: "appeal".to_owned(),
        language: "nl".to_owned(),
        timezone: "Europe/Amsterdam".to_owned(),
        sender: Sender {
            from: Mailbox {
                name: Some("Ada".to_owned()),
                address: Address::parse("ada@ngo.example").unwrap(),
            },
            reply_to: None,
            verp: false,
            fields: BTreeMap::from([("phone".to_owned(), "000".to_owned())]),
        },
        steps: letters.iter().map(letter).collect(),
        attachments: BTreeMap::new(),
        stationery: Default::default(),
    }
}

fn recipient(values: &[(&str, &str)]) -> Recipient {
    Recipient {
        key: "EEN".to_owned(),
        channel: Channel::Mail(Addressees::one(Address::parse("een@partij.example").unwrap())),
        deadline: None,
        name: None,
        organisation: None,
        fields: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn columns(to: &Recipient) -> Vec<String> {
    to.fields.iter().map(|(name, _)| name.clone()).collect()
}

fn press(definition: Definition, to: &Recipient) -> Press {
    let mut problems = Problems::default();
    let press = Press::set_up(definition, &columns(to), &mut problems);
    press.unwrap_or_else(|| panic!("{:?}", problems.sorted()))
}

fn wrong(definition: Definition, to: &Recipient) -> String {
    let mut problems = Problems::default();
    assert!(Press::set_up(definition, &columns(to), &mut problems).is_none());
    problems.sorted().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn continuation() -> Continuation {
    let earlier =
        Earlier { message_id: "<first.one@ngo.example>".to_owned(), wire_id: None, dated: at(FIRST) };
    Continuation { earlier: vec![earlier], away_until: None, auto_replied: false }
}

fn print(press: &Press, to: &Recipient, step: u32, continues: Option<&Continuation>) -> Printed {
    let order = Order {
        recipient: to,
        step,
        continues,
        message_id: &MessageId::stored("<second.one@ngo.example>".to_owned()),
        dated: at(if step == 1 { FIRST } else { SECOND }),
        attachments: &[],
        waits_for_others: false,
        test_to: None,
        makes_pdf: false,
    };
    press.print(&order).unwrap()
}

fn header(message: &str, name: &str) -> Option<String> {
    let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let start = format!("{name}: ");
    head.split("\r\n").find_map(|line| line.strip_prefix(&start).map(str::to_owned))
}

const LETTER: &str = "+++\nsubject = \"Aan {{naam}} op {{date today}}\"\n+++\nBeste {{naam}},\n\nVandaag, {{date today}}, \
                      {{#if zetel}}met zetel{{else}}zonder zetel{{/if}}.\n\n- een\n- twee\n\n{{> voet}}\n";
const REMINDER: &str = "+++\n+++\nOp {{date first_letter_on}} schreven wij u{{#if away_until}}, en u was weg tot \
                        {{date away_until}}{{/if}} ({{standing}}). Nu is het {{date today}}.\n\n{{quote}}\n\nTot zover.\n";

#[test]
fn a_reminder_quotes_the_first_letter_as_it_read_on_its_own_day() {
    let to = recipient(&[("naam", "Bo & *Co*"), ("zetel", "")]);
    let definition =
        letters(&[("letter", LETTER), ("herinnering", REMINDER)], &[("voet", "Bel {{sender.phone}}.")]);
    let press = press(definition, &to);
    let away = Continuation { away_until: Some(date(2025, 9, 12)), auto_replied: true, ..continuation() };
    let printed = print(&press, &to, 2, Some(&away));
    insta::assert_snapshot!(format!("{}\n\n{}\n{}", printed.subject, printed.text, printed.html));
    assert!(printed.html.contains("<blockquote"), "{}", printed.html);
    assert!(printed.html.contains("Bo &amp; *Co*"), "{}", printed.html);
    assert_eq!(printed.subject, "Re: Aan Bo & *Co* op 1 september 2025");
}

#[test]
fn a_reminder_stands_below_the_letter_that_the_recipient_saw() {
    let to = recipient(&[("naam", "Bo"), ("zetel", "ja")]);
    let definition = letters(&[("letter", LETTER), ("herinnering", REMINDER)], &[("voet", "Tot ziens.")]);
    let press = press(definition, &to);
    let mut seen = continuation();
    seen.earlier[0].wire_id = Some("<given@relay.example>".to_owned());
    let message = String::from_utf8(print(&press, &to, 2, Some(&seen)).bytes).unwrap();
    assert_eq!(header(&message, "In-Reply-To").unwrap(), "<given@relay.example>");
    assert_eq!(header(&message, "References").unwrap(), "<first.one@ngo.example> <given@relay.example>");
    assert_eq!(header(&message, "Thread-Topic").unwrap(), "Aan Bo op 1 september 2025");
    assert_eq!(header(&message, "Subject").unwrap(), "Re: Aan Bo op 1 september 2025");
    assert!(header(&message, "Thread-Index").is_some());
    // The first letter has nothing of it, and the same continuation gives the same bytes.
    let first = String::from_utf8(print(&press, &to, 1, None).bytes).unwrap();
    for name in ["In-Reply-To", "References", "Thread-Topic", "Thread-Index"] {
        assert_eq!(header(&first, name), None, "{name}");
    }
    assert_eq!(print(&press, &to, 2, Some(&seen)).bytes, message.as_bytes());
}

#[test]
fn what_cannot_follow_or_be_quoted_is_told_with_its_place() {
    let to = recipient(&[("naam", "Bo"), ("zetel", "")]);
    let with = |first: &str, second: &str| wrong(letters(&[("letter", first), ("tweede", second)], &[]), &to);
    let plain = "+++\nsubject = \"x\"\n+++\nHallo.\n";
    let told = [
        with("+++\n+++\nHallo.\n", "+++\n+++\nNog eens.\n"),
        with(
            "+++\nsubject = \"x\"\n+++\n{{quote}} {{first_letter_on}} {{standing}}\n",
            "+++\n+++\nNog eens.\n",
        ),
        with(plain, "+++\nsubject = \"\"\n+++\nNog eens. {{first_leter_on}} {{qoute}}\n"),
        with(plain, "+++\n+++\n{{#each naam}}{{quote}}{{/each}}\n"),
        with(plain, "+++\nsubject = \"{{quote}}\"\n+++\nNog eens.\n"),
        wrong(letters(&[("letter", plain), ("tweede.html", "<title>x</title><p>{{quote}}</p>")], &[]), &to),
        with(plain, "+++\nattachments = [\"van-{{first_letter_on}}.pdf\"]\n+++\nNog eens.\n"),
        wrong(
            letters(&[("letter", plain), ("tweede", "+++\n+++\nNog eens.\n")], &[]),
            &recipient(&[("standing", "x")]),
        ),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_page_quotes_a_page_and_markdown_quotes_what_a_page_says() {
    let to = recipient(&[("naam", "Bo & <Co>"), ("zetel", "https://partij.example/a?b=1&c=2")]);
    let page = "<title>Aan {{naam}}</title><style>.x { color: #aa0000 }</style><body><p class=\"x\">Beste {{naam}},</p>\
                <p>Het is {{date today}}; lees <a href=\"{{zetel}}\">meer</a>.</p></body>";
    let again = "<title>Nog eens</title><body><p>Dag {{naam}},</p>{{quote}}</body>";
    let press_of_pages = press(letters(&[("letter.html", page), ("again.html", again)], &[]), &to);
    let printed = print(&press_of_pages, &to, 2, Some(&continuation()));
    assert_eq!(printed.subject, "Re: Aan Bo & <Co>", "a title begins no other conversation");
    insta::assert_snapshot!("a_page_quotes_a_page", format!("{}\n---\n{}", printed.html, printed.text));
    let again = "+++\n+++\nDag {{naam}},\n\n{{quote}}\n\nTot ziens.\n";
    let press = press(letters(&[("letter.html", page), ("again", again)], &[]), &to);
    let printed = print(&press, &to, 2, Some(&continuation()));
    insta::assert_snapshot!("markdown_quotes_a_page", printed.text);
}

#[test]
fn what_is_quoted_is_the_letter_that_the_recipient_has_line_by_line() {
    let to = recipient(&[("naam", "Bo"), ("zetel", "een\ntwee")]);
    let first = "+++\nsubject = \"x\"\n+++\n\tcode\n\n1. {{zetel}}\n\n   > Een gezegde.\n\n***\n\n**{{naam}}**\\\nDag.\n\n## Kop\n\nSlot\n";
    let again = "+++\n+++\n{{#if standing}}{{#with naam as |naam|}}Dag, {{naam}}:{{/with}}\n\n{{quote}}\n\n{{/if}}Tot ziens.\n";
    let press = press(letters(&[("letter", first), ("again", again)], &[]), &to);
    let first = print(&press, &to, 1, None).text;
    let printed = print(&press, &to, 2, Some(&continuation())).text;
    let quoted = printed.lines().filter_map(|line| line.strip_prefix('>'));
    let quoted: Vec<&str> = quoted.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    assert_eq!(quoted.join("\n"), first.trim_end(), "{printed}");
    assert!(printed.starts_with("Dag, Bo:\n\n>") && printed.ends_with("\n\nTot ziens.\n"), "{printed}");
}

#[test]
fn what_is_wrong_with_the_first_letter_is_told_once() {
    let to = recipient(&[("naam", "Bo"), ("zetel", "")]);
    let first = "+++\nsubject = \"x\"\n+++\n{{nmae}}\n\n{{> voet}}\n";
    let again = "+++\n+++\n{{quote}}\n";
    let told = wrong(letters(&[("letter", first), ("again", again)], &[("voet", "<b>{{zetl}}</b>")]), &to);
    insta::assert_snapshot!("told_once", told);
}

#[test]
fn a_letter_with_a_subject_of_its_own_keeps_it() {
    let to = recipient(&[("naam", "Bo"), ("zetel", "")]);
    let own = "+++\nsubject = \"Nog één keer, {{naam}}\"\n+++\nNog eens.\n";
    let press = press(letters(&[("letter", LETTER), ("tweede", own)], &[("voet", "x")]), &to);
    assert_eq!(print(&press, &to, 2, Some(&continuation())).subject, "Nog één keer, Bo");
}

const PAGE: &str = "<title>Aan {{naam}}</title><style>p { color: #333333 } .x { margin: 0 }</style>\n<p class=x>Beste \
                    {{naam}}, het is {{date today}}.</p>\n<p><a href=\"https://ngo.example/?wie={{naam}}\" title=\"{{naam}}\">{{naam}}</a></p>\n\
                    {{#if zetel}}<ul><li>zetel</li></ul>{{/if}}\n{{> voet}}";

/// The example that is shipped, with the row of one of its recipients.
fn example() -> (Press, Recipient) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join("templates").join(format!("{name}.md"))).unwrap();
    let texts = ["letter", "herinnering", "laatste"].map(|name| (name, read(name)));
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let foot = read("foot");
    let mut definition = letters(&texts, &[("foot", &foot)]);
    for (name, value) in [
        ("organisation", "Samen voor Perspectief"),
        ("postal_address", "Voorbeeldstraat 1, 1234 AB Voorbeeldstad"),
        ("contact", "ons secretariaat"),
        ("address", "oproep@samen-voor-perspectief.example"),
    ] {
        definition.sender.fields.insert(name.to_owned(), value.to_owned());
    }
    let mut rows = csv::ReaderBuilder::new().from_path(root.join("recipients.csv")).unwrap();
    let headings = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let name = |heading: &str| heading.trim_start_matches('\u{feff}').replace(['-', ' '], "_").to_lowercase();
    let fields: Vec<(String, String)> =
        headings.iter().zip(&row).map(|(heading, value)| (name(heading), value.to_owned())).collect();
    let to = Recipient { fields, ..recipient(&[]) };
    (press(definition, &to), to)
}

#[test]
fn the_shipped_reminders_read_well_in_every_case() {
    let (press, to) = example();
    let machine = Continuation { auto_replied: true, ..continuation() };
    let away = Continuation { away_until: Some(date(2025, 9, 12)), ..machine.clone() };
    let mut told = String::new();
    for (step, case, continues) in [
        (2, "nothing came", continuation()),
        (2, "a machine", machine.clone()),
        (2, "away", away.clone()),
        (3, "nothing came", continuation()),
        (3, "a machine", machine),
        (3, "away", away),
    ] {
        let printed = print(&press, &to, step, Some(&continues));
        let own = printed.text.split("\n> ").next().unwrap();
        told.push_str(&format!("## letter {step}, {case}: {}\n{own}\n\n", printed.subject));
        assert!(printed.text.contains("> Geachte leden"), "the first letter is quoted");
        assert!(!printed.text.contains("Geachte ,"));
    }
    insta::assert_snapshot!(told);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_value_is_a_value_in_the_quotation_too(value in "[ -~éß“]{1,60}") {
        prop_assume!(!value.trim().is_empty());
        let to = recipient(&[("naam", &value), ("zetel", "ja")]);
        let first = "+++\nsubject = \"x\"\n+++\nBeste {{naam}}, dag.\n";
        let press = press(letters(&[("letter", first), ("tweede", "+++\n+++\nHallo.\n\n{{quote}}\n")], &[]), &to);
        let printed = print(&press, &to, 2, Some(&continuation()));
        let first = print(&press, &to, 1, None);
        let quoted: String = first.text.lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect();
        prop_assert!(printed.text.contains(quoted.trim_end()), "{:?}\n{:?}", printed.text, quoted);
        let tags = |html: &str| html.matches('<').count();
        let plain = press.merge(&recipient(&[("naam", "x"), ("zetel", "ja")]), 2, at(SECOND), Some(&continuation())).unwrap();
        prop_assert_eq!(tags(&printed.html), tags(&plain.html), "{}", printed.html);
    }

    #[test]
    fn a_value_is_a_value_in_the_quotation_of_a_page_too(value in "[ -~éß“]{1,60}") {
        prop_assume!(!value.trim().is_empty());
        let row = |value: &str| recipient(&[("naam", value), ("zetel", "ja")]);
        let parts = &[("voet", "<p>Dag.</p>")][..];
        for (name, second) in [("tweede.html", "<p>Hallo.</p>{{quote}}"), ("tweede", "+++\n+++\nHallo.\n\n{{quote}}\n")] {
            let press = press(letters(&[("letter.html", PAGE), (name, second)], parts), &row("x"));
            let merged = |value: &str| press.merge(&row(value), 2, at(SECOND), Some(&continuation())).unwrap();
            let tags = |html: &str| html.matches('<').count();
            prop_assert_eq!(tags(&merged(&value).html), tags(&merged("x").html), "{}", merged(&value).html);
        }
    }
}
