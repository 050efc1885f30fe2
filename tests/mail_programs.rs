//! A letter in mail programs: by the table of what they show, and in a real browser on a desk and on a phone.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;
#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use campaign::{compile_whole, merge};
use postduif::campaign::preflight::mail_programs;
use postduif::campaign::preflight::markup::Markup;
use serde_json::Value;
use support::browser::Browser;
use support::town::Campaign;

/// Everything that Markdown has, nested as far as anybody would.
const EVERYTHING: &str = r#"+++
subject = "Alles, & <meer>"
+++
# Kop een

Tekst met *nadruk*, **kracht**, ***beide***, `code`, een [koppeling](https://partij.example/pagina "titel"), <post@partij.example>,
[bel ons](tel:+31200000000) en een regel  
erna, {{partij}} en {{site}}.

## Kop twee

### Kop drie

#### Kop vier

##### Kop vijf

###### Kop zes

- een
- twee
  1. twee een
  2. twee twee

     met een alinea

     > en een aanhaling

7. zeven
8. acht

> Aanhaling
>
> - met een lijst
>
> > en een erin

***

    een blok code met een regel die zo lang is dat hij op geen telefoon past, tenzij hij wordt afgebroken

```
nog een
```

https://partij.example/een/adres/dat/zo/lang/is/dat/het/op/geen/telefoon/past/tenzij/het/wordt/afgebroken/ergens/in/het/midden
"#;

fn everything() -> String {
    let site = format!("https://partij.example/{}", "lang".repeat(40));
    let letter = compile_whole(EVERYTHING, &[]).unwrap();
    merge(&letter, &[("partij", "Een & Ander"), ("site", &site)]).unwrap().html
}

/// The HTML of a campaign's letter, as `preview` writes it into the message: the first of the files that end so.
fn html_of(folder: &Path, ending: &str) -> String {
    let mut letters: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    letters.retain(|path| path.to_string_lossy().ends_with(ending));
    letters.sort();
    let message =
        mail_parser::MessageParser::default().parse(&fs::read(&letters[0]).unwrap()).unwrap().into_owned();
    message.body_html(0).unwrap().into_owned()
}

fn shipped(ending: &str) -> String {
    let campaign = Campaign::new();
    let templates = ["letter", "herinnering", "laatste", "foot"].map(|name| format!("templates/{name}.md"));
    for name in ["config.toml", "recipients.csv"].map(str::to_owned).iter().chain(&templates) {
        campaign.write(name, fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap());
    }
    campaign.configure("[pace]", "[preflight]\nspamassassin = \"off\"\n\n[pace]");
    campaign.run(["preview", "--out", "letters"]).success();
    html_of(&campaign.file("letters"), ending)
}

fn starter() -> String {
    let campaign = Campaign::new();
    campaign.run(["init", "mine"]).success();
    campaign.run(["-C", "mine", "preview", "--out", "mine/letters"]).success();
    html_of(&campaign.file("mine/letters"), ".eml")
}

#[test]
fn what_letters_are_made_of_is_shown_by_every_mail_program_of_the_table() {
    for (name, html) in [
        ("everything", everything()),
        ("the shipped letter", shipped("PVV.eml")),
        ("the shipped reminder", shipped("letter-2.eml")),
        ("the starter", starter()),
    ] {
        let page = Markup::read(&html);
        assert!(page.tags.len() > 10, "{name}");
        let told: Vec<String> = mail_programs::look(&page).into_iter().map(|(_, found)| found.said).collect();
        assert_eq!(told, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_letter_says_its_language_and_its_subject_and_needs_no_table() {
    for html in [everything(), shipped("PVV.eml")] {
        let page = Markup::read(&html);
        let of = |name: &str| page.tags.iter().filter(|tag| tag.name == name).collect::<Vec<_>>();
        assert_eq!(of("html")[0].attribute("lang"), Some("nl"));
        assert_eq!(of("div")[0].attribute("lang"), Some("nl"), "Gmail drops the attributes of html and body");
        assert!(
            of("table").is_empty()
                && of("img").is_empty()
                && of("style").is_empty()
                && of("script").is_empty()
        );
        assert!(of("h1").len() <= 1);
        // Lengths are pixels, colours are #rrggbb.
        let styles: String =
            page.tags.iter().filter_map(|tag| tag.attribute("style")).collect::<Vec<_>>().join(";");
        assert!(!["rem", "rgb", "var(", "auto"].iter().any(|word| styles.contains(word)), "{styles}");
    }
    assert!(everything().contains("<title>Alles, &amp; &lt;meer&gt;</title>"));
}

/// How wide the page is beyond the window, the smallest type, and how far the narrowest text is from the edge.
const MEASURE: &str = r#"(() => {
    const root = document.documentElement;
    const texts = [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
    const sizes = texts.map(e => parseFloat(getComputedStyle(e).fontSize));
    const boxes = texts.map(e => e.getBoundingClientRect());
    return {
        over: root.scrollWidth - root.clientWidth,
        smallest: Math.min(...sizes),
        left: Math.min(...boxes.map(b => b.left)),
        right: root.clientWidth - Math.max(...boxes.map(b => b.right)),
        widest: Math.max(...boxes.map(b => b.width)),
        texts: texts.length,
    };
})()"#;

#[test]
fn a_letter_fits_a_phone_and_a_desk_and_can_be_read_on_both() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, html) in
        [("everything", everything()), ("shipped", shipped("PVV.eml")), ("starter", starter())]
    {
        let file = folder.path().join(format!("{name}.html"));
        fs::write(&file, &html).unwrap();
        for width in [360, 1280] {
            let mut page = browser.open(&format!("file://{}", file.display()), width, 800);
            let measured = page.eval(MEASURE);
            let number = |key: &str| measured[key].as_f64().unwrap();
            assert!(number("texts") > 5.0, "{name} at {width}: {measured}");
            assert!(number("over") <= 0.0, "{name} at {width} has to be scrolled sideways: {measured}");
            assert!(number("smallest") >= 14.0, "{name} at {width} is small: {measured}");
            assert!(
                number("left") >= 8.0 && number("right") >= 8.0,
                "{name} at {width} sticks to the edge: {measured}"
            );
            assert!(number("widest") <= 640.0, "{name} at {width} has lines that are too long: {measured}");
            // Where to look at it is set by whoever wants to.
            if let Some(pictures) = pictures() {
                page.screenshot(&pictures.join(format!("{name}-{width}.png")));
            }
        }
    }
}

/// `POSTDUIF_PICTURES=DIR` keeps the photographs.
fn pictures() -> Option<std::path::PathBuf> {
    std::env::vars().find(|(name, _)| name == "POSTDUIF_PICTURES").map(|(_, folder)| folder.into())
}

#[test]
fn a_browser_lays_a_page_out_as_a_phone_does() {
    let Some(mut browser) = Browser::start() else { return };
    let mut page = browser.open("data:text/html,<title>Duif</title><p>een", 360, 800);
    assert_eq!(page.eval("document.title"), Value::from("Duif"));
    // A phone shows a page that says nothing of its width as if it were a desk's, and small.
    assert_eq!(page.eval("Promise.resolve(innerWidth)"), Value::from(980));
    let mut page =
        browser.open("data:text/html,<meta name=viewport content='width=device-width'><p>een", 360, 800);
    assert_eq!(page.eval("innerWidth"), Value::from(360));
}
