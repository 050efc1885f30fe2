//! A letter that is HTML itself: in all its forms, what it may not hold, and that no value changes a tag.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use campaign::{COLUMNS, definition, merge, row, source, today};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use postduif::campaign::definition::LetterSource;
use postduif::campaign::letter::{Input, Letter, Merged};
use postduif::campaign::problem::{Problem, Problems};
use postduif::mail::address::Mailbox;
use postduif::mail::message_id::MessageId;
use postduif::mail::mime::{Parts, compose};
use proptest::prelude::*;

const PAGE: &str = r##"<!DOCTYPE html>
<html lang="nl">
<head>
<meta charset="utf-8">
<title>Een oproep aan {{partij}} &amp; anderen</title>
<style>
  /* Eén kolom. */
  body { margin: 0; padding: 16px; font-family: Arial, "Helvetica Neue", sans-serif }
  p, li { color: #1a1a1a; line-height: 24px }
  .let-op { font-weight: bold; color: #a00000 }
  a { color: #0b57d0 }
  .verborgen { display: none }
  a:hover { text-decoration: none }
  @media (max-width: 600px) { p { font-size: 18px !important } }
</style>
</head>
<body>
<!-- {{partij}} hoort hier niet -->
<div class="verborgen">Voor wie alleen de eerste regel ziet.</div>
<h1>Oproep</h1>
<p>Geachte {{default naam "leden van de commissie"}},</p>
<p class="let-op" title="voor {{partij}}">Op {{date datum}} kiest {{partij}}.<br>Dat is <em>veel</em>.</p>
{{#if plaatsen}}
<ul>
  {{#each plaatsen}}
  <li>{{this}}{{#if @last}}, tot slot{{/if}}</li>
  {{/each}}
</ul>
{{else}}
<p>Wij werken overal.</p>
{{/if}}
<table role="presentation"><tr><th>Zetels</th><th>Sinds</th></tr>
{{#each plaatsen}}<tr><td>{{@index}}</td><td>{{this}}</td></tr>{{/each}}
</table>
<p>Lees <a href="{{site}}">onze plannen</a>, <a href="https://stichting.example/?voor={{partij}}&amp;x=1">uw pagina</a>
of schrijf naar <a href="mailto:{{sender.reply_to}}">{{sender.reply_to}}</a>.</p>
{{> foot}}
</body>
</html>
"##;

const FOOT: &str = "<blockquote><p>{{sender.name}}<br>{{sender.postal_address}}</p></blockquote>\n";

const ROW: [(&str, &str); 5] = [
    ("partij", "Één & Ander"),
    ("naam", "mevrouw <De Vries>"),
    ("datum", "2025-10-29"),
    ("plaatsen", "Amsterdam; Eindhoven"),
    ("site", "https://partij.example/a?b=1&c='x'"),
];

/// Compiles a letter that is HTML; gives what is told of it as well. What it includes is HTML too.
fn compile_page(text: &str, partials: &[(&str, &str)]) -> Result<(Letter, Vec<String>), Vec<String>> {
    let mut problems = Problems::default();
    let columns: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
    let source = LetterSource { name: "letter.html".to_owned(), ..source(text, partials) };
    let letter = Letter::compile(&source, &definition("nl"), &columns, &mut problems);
    let said: Vec<String> = problems.sorted().into_iter().map(Problem::to_string).collect();
    assert_eq!(letter.is_none(), problems.errors() > 0, "{said:?}");
    match letter {
        Some(letter) => Ok((letter, said)),
        None => Err(said),
    }
}

fn page(body: &str) -> String {
    format!("<title>Oproep</title>\n{body}")
}

fn compiled(body: &str) -> Letter {
    compile_page(&page(body), &[]).unwrap().0
}

/// All problems of a page, or "fine".
fn said(body: &str) -> String {
    match compile_page(&page(body), &[]) {
        Ok((_, said)) if said.is_empty() => "fine".to_owned(),
        Ok((_, said)) | Err(said) => said.join("\n"),
    }
}

fn message(merged: &Merged) -> String {
    let dated: Timestamp = "2025-09-08T07:30:00Z".parse().unwrap();
    let to = Mailbox::parse("Één & Ander <programma@een.example>").unwrap();
    let message = compose(&Parts {
        from: &Mailbox::parse("Ada Jansen <ada@stichting.example>").unwrap(),
        to: &[to],
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
    });
    String::from_utf8(message).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_page_in_text_and_html() {
    let (letter, said) = compile_page(PAGE, &[("foot", FOOT)]).unwrap();
    assert_eq!(said, [] as [String; 0]);
    let merged = merge(&letter, &ROW).unwrap();
    assert_eq!(merged.subject, "Een oproep aan Één & Ander & anderen");
    insta::assert_snapshot!("page_html", merged.html);
    insta::assert_snapshot!("page_message", message(&merged));
    insta::assert_snapshot!("page_text", merged.text);
    let sparse = [("partij", "PP"), ("datum", "2025-10-29"), ("site", "https://pp.example/")];
    insta::assert_snapshot!("page_sparse_text", merge(&letter, &sparse).unwrap().text);
}

#[test]
fn a_value_in_an_attribute_is_not_marked() {
    let letter = compiled(&page("<p title=\"voor {{partij}}\">Aan {{partij}}</p>"));
    let fields = row(&ROW);
    let marked = letter.marked(&Input { fields: &fields, today: today(), follows: None }).unwrap();
    assert!(marked.contains("title=\"voor Één &amp; Ander\""), "{marked}");
    assert!(marked.contains("Aan <mark title=\"partij\""), "{marked}");
}

#[test]
fn what_a_page_may_not_hold_is_named_with_its_place() {
    let report: Vec<String> = [
        "<script>alert(1)</script>",
        "<p>x</p>\n  <p ONCLICK='x()'>{{naam}}</p>",
        "<iframe src=https://x.example></iframe>",
        "<form action=x><input name=y><button>z</button></form>",
        "<base href=https://x.example/>",
        "<link rel=stylesheet href=https://x.example/a.css>",
        "<img src=\"https://x.example/logo.png\">",
        "<p>é <img width=1 height=1 src=https://x.example/{{naam}}.gif>",
        "<td background=https://x.example/a.png>",
        "<table><tr><td><table background=x></table></table>",
        "<meta http-equiv=refresh content='0;url=https://x.example'>",
        "<svg><a xlink:href=\"javascript:x\"/></svg>",
        "<video src=x></video><canvas></canvas>",
        "<p style=\"background:URL(https://x.example/a.png)\">x</p>",
        "<style>\n@import 'https://x.example/a.css';\n</style>",
        "<style>p { background: u/**/rl(x) }</style>",
        "<style>p { color: {{naam}} }</style>",
        "<p style='color:{{naam}}'>x",
        "<p style='width:expression(x)'>y",
        "<p style='content:\"\\75rl(\"'>y",
        "<p class='a{{naam}}'>x",
        "<p {{naam}}>x",
        "<{{naam}}>x",
        "<p data-x=1 {{#if naam}}onload=x{{/if}}>x",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=' java\nscript:alert(1)'>x</a>",
        "<a href=pagina.html>x</a> <a href=\"//x.example\">y</a>",
        "<o:p>x</o:p><marquee>y</marquee>",
        "<style>p:nth-child(2) { color: red } </style><!--[if mso]>x<![endif]--><p>",
        "<p>{{nmae}}</p>\n{{#if naam}}<p>x",
        "{{> foot}}",
        "<noscript><p onclick=x></noscript><textarea><script></textarea>",
        "<p style='color:red;;:x;'>x<b",
    ]
    .iter()
    .map(|body| format!("{body}\n    {}", said(body).replace('\n', "\n    ")))
    .collect();
    insta::assert_snapshot!("page_refused", report.join("\n"));
}

#[test]
fn the_subject_is_from_the_front_matter_or_from_the_title() {
    let (letter, _) =
        compile_page("+++\nsubject = \"Aan {{partij}}\"\n+++\n<title>Iets anders</title><p>x", &[]).unwrap();
    let merged = merge(&letter, &[("partij", "PP")]).unwrap();
    assert_eq!(merged.subject, "Aan PP");
    assert!(merged.html.contains("<title>Aan PP</title>"), "{}", merged.html);
    let front = compile_page("+++\n+++\n<title>Uit de titel</title><p>x", &[]).unwrap().0;
    assert_eq!(merge(&front, &[]).unwrap().subject, "Uit de titel");
    let pdf = compile_page("+++\nsubject = \"x\"\npdf = \"brief.typ\"\n+++\n<p>x", &[]).unwrap_err();
    assert!(
        pdf.iter()
            .any(|said| said.starts_with("templates/letter.html:3:1: a letter that is HTML has no PDF")),
        "{pdf:?}"
    );
    let none = compile_page("<p>x</p>", &[]).unwrap_err();
    assert!(
        none[0]
            .starts_with("templates/letter.html:1:1: the letter has no subject; write it between `<title>`"),
        "{none:?}"
    );
    let wrong = compile_page("<html>\n<head><title>\n  Aan {{pratij}}</title><p>x", &[]).unwrap_err();
    assert!(wrong[0].starts_with("templates/letter.html:3:9: `pratij`"), "{wrong:?}");
}

#[test]
fn what_only_one_branch_makes_wrong_is_found_for_the_rows_that_take_it() {
    let letter = compiled("<p><a href=\"{{#if naam}}{{else}}https:{{/if}}javascript:alert(1)\">x</a></p>");
    assert!(merge(&letter, &[]).is_ok());
    let told = merge(&letter, &[("naam", "Ada")]).unwrap_err();
    assert!(told[0].starts_with("templates/letter.html: `javascript:alert(1)` is no link"), "{told:?}");
    let site = compiled("<a href={{site}}>x</a>");
    assert!(merge(&site, &[("site", "javascript:alert(1)")]).is_err());
    assert!(
        merge(&site, &[("site", "https://x.example/\"onclick=\"a")])
            .unwrap()
            .html
            .contains("href=\"https://x.example/%22onclick=%22a\"")
    );
}

#[test]
fn a_page_of_nothing_but_a_fragment_gets_a_frame() {
    let html = merge(&compiled("Hallo {{naam}}\n<pre>\n\n a</pre>"), &[("naam", "Ada")]).unwrap().html;
    assert!(
        html.starts_with("<!DOCTYPE html>\n<html lang=\"nl\">\n<head>\n<meta charset=\"utf-8\">\n"),
        "{html}"
    );
    assert!(
        html.contains(
            "<title>Oproep</title>\n</head>\n<body>\n<div lang=\"nl\">\nHallo Ada\n<pre>\n\n a</pre>"
        ),
        "{html}"
    );
}

/// What a program shows that reads no `<style>` is what the author meant: the hidden line is hidden, the rest looks as it should.
#[test]
fn the_text_leaves_out_what_the_page_hides() {
    let letter = compiled(
        "<style>.weg{display:none} .vet{font-weight:700}</style><p class=weg>voorproef {{naam}}<p>Hallo <span class=vet>u</span>",
    );
    let merged = merge(&letter, &[("naam", "Ada")]).unwrap();
    assert_eq!(merged.text, "Hallo u\n");
    assert!(merged.html.contains("<p style=\"display:none\">voorproef Ada"), "{}", merged.html);
}

#[test]
fn the_parts_of_a_page_are_pages_and_what_else_is_there_is_named() {
    let told = compile_page(&page("{{> voet}}"), &[("foot", "<p>x</p>")]).unwrap_err();
    assert!(told[0].contains("there is no `templates/voet.html`"), "{told:?}");
    let told = compile_page(&page("{{> foot}}"), &[("foot", "<p>\n<script>x</script>")]).unwrap_err();
    assert!(told[0].starts_with("templates/foot.html:2:1: `<script>`"), "{told:?}");
}

/// The tags of a page with their attributes' names, as a browser would read them; values are left out.
fn skeleton(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap();
        let mut tag = String::new();
        let mut quoted = false;
        for c in rest[..end].chars() {
            quoted ^= c == '"';
            if !quoted {
                tag.push(c);
            }
        }
        found.push(tag);
        rest = &rest[end..];
    }
    found
}

const HOSTILE: &str = "<style>.a{color:red} p{margin:0} @media print{p{color:blue}}</style>\
    <p class=a title=\"{{naam}}\" align='{{naam}}'>{{naam}}</p><a href=\"https://x.example/{{naam}}?q={{naam}}#{{naam}}\" rel={{naam}}>{{naam}}</a>\
    <a href='mailto:{{naam}}'>m</a><table><tr><td width=\"{{naam}}\">{{naam}}</td></tr></table><pre>{{naam}}</pre>\
    {{#each plaatsen}}<li>{{this}}</li>{{/each}}";

fn value() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"",
        "'",
        "'>",
        "\" onclick=\"x",
        "&lt;",
        "&amp;",
        "</pre>",
        "</title>",
        "</style>",
        "-->",
        "<!--",
        "javascript:x",
        "{{naam}}",
        "zq7hbvAAAAAAvbh7qz",
        "\n",
        "\r\n",
        "\t",
        "\u{0}",
        "\u{202e}",
        "`",
        "\\",
        "a b",
        "é",
        "*x*",
        "[a](b)",
        "# x",
        "1. x",
        "]]>",
        "<?x",
        "//",
    ])
    .prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![nasty, "\\PC{0,6}", "[a-z ]{1,8}"], 1..5)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in a field, the page has the tags and attributes that it has for a harmless one, and the text says it.
    #[test]
    fn no_value_changes_a_tag_and_the_text_holds_it(naam in value(), plaats in value()) {
        thread_local! { static LETTER: Letter = compiled(HOSTILE); }
        let clean = |text: &str| -> String {
            text.chars().filter(|c| !postduif::mail::headers::unprintable(*c) && !c.is_whitespace()).collect()
        };
        prop_assume!(!clean(&naam).is_empty() && !plaats.contains(';') && !clean(&plaats).is_empty());
        LETTER.with(|letter| {
            let harmless = merge(letter, &[("naam", "Ada"), ("plaatsen", "Ons Dorp")]).unwrap();
            let values = [("naam", naam.as_str()), ("plaatsen", plaats.as_str())];
            let merged = merge(letter, &values).map_err(|said| TestCaseError::fail(said.join("\n")))?;
            // A line break in a value is a `<br>`, and nothing else may come in.
            let own: Vec<String> = skeleton(&merged.html).into_iter().filter(|tag| tag != "br").collect();
            prop_assert_eq!(own, skeleton(&harmless.html));
            prop_assert!(clean(&merged.text).contains(&clean(&naam)), "{}", merged.text);
            prop_assert!(clean(&merged.text).contains(&clean(&plaats)), "{}", merged.text);
            let fields = row(&values);
            prop_assert_eq!(letter.merge_afresh(&Input { fields: &fields, today: today(), follows: None }).unwrap(), merged);
            Ok(())
        })?;
    }

    /// Whatever HTML an author writes, nothing that runs or loads gets out of it.
    #[test]
    fn any_page_ends_in_a_quiet_letter_or_in_sentences(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<p>", "</p>", "<b ", "<a href=", "javascript:x", "https://x.example", "\"", "'", ">", "<", "<script>", "</script>", "<style>", "</style>", "onload=x ",
            "style=", "url(x)", "{{naam}}", "{{#if naam}}", "{{else}}", "{{/if}}", "<!--", "-->", "<table>", "<td>", "</table>", "<svg>", "<math>", "<select>", "<title>",
            "</title>", "<textarea>", "<plaintext>", "<noscript>", "<template>", "<img src=x ", "<pre>", "\n", "x", "é", "&lt;", "&#x3C;script>", "<body onload=x>", "<html manifest=x>",
            "<form>", "<frameset>", "<xmp>", "<base href=x>", "{}", "/", "=", "<mi", "<annotation-xml encoding=text/html>", "<foreignObject>", "<desc>",
        ]), 0..16),
    ) {
        let Ok((letter, _)) = compile_page(&page(&pieces.concat()), &[]) else { return Ok(()) };
        for naam in ["", "Ada"] {
            let Ok(merged) = merge(&letter, &[("naam", naam)]) else { continue };
            for tag in skeleton(&merged.html) {
                let mut words = tag.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
                let name = words.next().unwrap_or_default();
                prop_assert!(!["script", "img", "svg", "form", "base", "iframe", "link", "textarea", "select", "template", "math"].contains(&name), "{}", merged.html);
                prop_assert!(words.all(|word| !word.starts_with("on") && !word.starts_with("src")), "{}", merged.html);
            }
            prop_assert!(!merged.html.contains("href=\"javascript"), "{}", merged.html);
        }
    }
}
