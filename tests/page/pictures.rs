//! The guide's pictures: a campaign of twelve made-up parties, rehearsed, as its rooms look in both languages. `make pictures` takes them
//! anew; without it, the same way is gone and every room is looked at.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::attacks::csrf;
use crate::rooms::approve_as;
use crate::stage::{Stage, faults, scheme, text};
use crate::support::browser::Browser;
use crate::support::town::Campaign;

/// The size of a picture.
const WINDOW: (u32, u32) = (1120, 760);

/// What parties said: party, point, word, quote.
const ANSWERS: [(&str, &str, &str, &str); 12] = [
    ("EVP", "beleid", "yes", "Punt 1 en punt 2 staan al in ons concept"),
    ("EVP", "kinderen", "yes", "Punt 1 en punt 2 staan al in ons concept"),
    ("EVP", "werk", "unclear", "over punt 3 spreken wij u graag"),
    ("TVP", "beleid", "yes", "Wij nemen uw eerste drie punten over"),
    ("TVP", "kinderen", "yes", "Wij nemen uw eerste drie punten over"),
    ("TVP", "werk", "yes", "Wij nemen uw eerste drie punten over"),
    ("TVP", "maatwerk", "no", "Punt 5 past niet bij ons"),
    ("VFP", "kinderen", "yes", "Punt 2 steunen wij van harte"),
    ("VFP", "zorg", "partly", "punt 4 gedeeltelijk"),
    ("AVP", "beleid", "yes", "de punten 1, 4 en 5 nemen wij over"),
    ("AVP", "zorg", "yes", "de punten 1, 4 en 5 nemen wij over"),
    ("AVP", "maatwerk", "yes", "de punten 1, 4 en 5 nemen wij over"),
];

/// The shipped campaign for twelve made-up parties.
fn campaign() -> Campaign {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let campaign = Campaign::new();
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    for name in fs::read_dir(root.join("templates")).unwrap() {
        let name = format!("templates/{}", name.unwrap().file_name().into_string().unwrap());
        // Two take no mail, and have no address that the foot could tell.
        campaign.write(&name, read(&name).replace("{{e_mail}}", "{{optional e_mail}}"));
    }
    for name in ["recipients.csv", "rehearsal.toml"] {
        campaign.write(name, read(&format!("tests/fixtures/guide/{name}")));
    }
    campaign.write("config.toml", read("config.toml"));
    campaign.configure("[ledger]", "[preflight]\nspamassassin = \"off\"\n\n[ledger]");
    campaign
}

#[test]
fn every_room_of_a_whole_campaign_as_the_guide_shows_it() {
    let Some(mut browser) = Browser::start() else { return };
    let taken = std::env::vars().any(|(name, _)| name == "POSTDUIF_GUIDE_PICTURES");
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/pictures");
    let before = Stage::of(campaign(), &[]);
    let rehearsed = campaign();
    rehearsed.run(["rehearse"]).success().said("verdict: good");
    rehearsed.configure("sqlite:logs/ledger.db", "sqlite:logs/rehearsed/ledger.db");
    let after = Stage::of(rehearsed, &[]);
    let cookie = after.cookie();
    let fields = format!("{cookie}Origin: http://{}\r\n", after.host);
    let token = csrf(&after.get("/recipients/EVP", &cookie).body);
    let party = |key: &str| {
        let roster = after.campaign.read("recipients.csv");
        let row = roster.lines().find(|row| row.contains(&format!("({key})"))).unwrap().to_owned();
        row.split(',').nth(1).unwrap().to_owned()
    };
    for (key, point, word, quote) in ANSWERS {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let pairs = [
            ("csrf", token.as_str()),
            ("party", &party(key)),
            ("point", point),
            ("word", word),
            ("quote", quote),
        ];
        pairs.into_iter().for_each(|(name, value)| {
            form.append_pair(name, value);
        });
        form.append_pair("source", "hun antwoord per mail").append_pair("person", "Ada de Wit");
        assert_eq!(after.post("/answers/one", &fields, &form.finish()).code, 303, "{key} {point}");
    }
    for (nth, language) in ["nl", "en"].into_iter().enumerate() {
        for (stage, rooms) in [
            (&before, &[("preview", "/preview"), ("letter", "/preview/TVP"), ("approve", "/approve")][..]),
            (
                &after,
                &[
                    ("overview", "/"),
                    ("progress", "/progress"),
                    ("recipients", "/recipients"),
                    ("recipient", "/recipients/EVP"),
                    ("review", "/review"),
                    ("follow-ups", "/follow-ups"),
                    ("tasks", "/tasks"),
                    ("answers", "/answers"),
                    ("report", "/report"),
                ],
            ),
        ] {
            let mut page = stage.enter(&mut browser, WINDOW, language);
            scheme(&mut page, "light");
            for (name, path) in rooms {
                page.goto(&stage.at(path));
                if *name == "approve" && nth == 0 {
                    approve_as(&mut page, "Ada de Wit");
                    page.goto(&stage.at(path));
                }
                if *name == "letter" {
                    page.until("document.querySelector('iframe') !== null");
                }
                assert!(!text(&mut page, "h1").is_empty(), "{path}");
                assert_eq!(page.eval("document.documentElement.lang"), language);
                if language == "nl" {
                    // What the program says by itself is Dutch, and what it cannot say in Dutch is said to be English.
                    let english = page.eval(
                        "[...document.querySelectorAll('main dd, main h2, main p')].filter(e => !e.closest('[lang=en]') && !e.querySelector('[lang=en]'))\
                         .map(e => e.innerText).filter(said => /\\b(the|it|a minute|nothing|they|person|letters)\\b/.test(said))",
                    );
                    assert_eq!(english, json!([]), "{path}");
                }
                assert_eq!(faults(&mut page), [] as [String; 0], "{path} {language}");
                if taken {
                    page.call("Runtime.evaluate", &json!({ "expression": "scrollTo(0, 0)" }));
                    page.picture(&pictures.join(language).join(format!("{name}.png")));
                }
            }
        }
    }
}
