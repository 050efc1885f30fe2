//! How the page looks: nothing that axe finds fault with, nothing wider than the window, in both languages, light and dark.

use std::path::Path;

use crate::stage::{DESK, PHONE, Stage, faults, perhaps, reply, scheme, sent};
use crate::support::browser::Browser;

/// What is looked at.
const PATHS: [&str; 16] = [
    "/",
    "/preview",
    "/preview/EEN",
    "/approve",
    "/progress",
    "/recipients",
    "/recipients?q=nobody+at+all",
    "/recipients/EEN",
    "/recipients/DRIE",
    "/review",
    "/follow-ups",
    "/tasks",
    "/answers",
    "/answers/one?party=Partij+Een&point=work",
    "/report",
    "/nowhere",
];

#[test]
fn every_room_is_without_fault_and_fits_in_both_languages_light_and_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let (campaign, mail) = sent();
    mail.deliver(
        "",
        reply(&campaign, "EEN", "Ada <ada@een.example>", "Re: A letter", "Wij nemen punt 1 over.").as_bytes(),
    );
    mail.deliver("", perhaps(1, "Bo <bo@twee.example>", "Re: A letter to Partij Twee", "Ja.").as_bytes());
    campaign.run(["inbox"]).success();
    let points = "[[point]]\nname = \"work\"\ntitle = \"Let people work\"\n\n[[point]]\nname = \"care\"\ntitle = \"Care for the sick\"\n\n[ledger]";
    campaign.configure("[ledger]", points);
    let stage = Stage::of(campaign, &[]);
    // For who wants to look at them.
    let pictures = std::env::vars().find_map(|(name, value)| (name == "POSTDUIF_PICTURES").then_some(value));
    let mut found = Vec::new();
    for (language, colours, size, name) in [
        ("en", "light", DESK, "desk"),
        ("nl", "dark", DESK, "desk"),
        ("nl", "light", PHONE, "phone"),
        ("en", "dark", PHONE, "phone"),
    ] {
        let mut page = stage.enter(&mut browser, size, language);
        scheme(&mut page, colours);
        for path in PATHS {
            page.goto(&stage.at(path));
            let at = format!("{path} {language} {colours} {name}");
            found.extend(faults(&mut page).into_iter().map(|fault| format!("{at}: {fault}")));
            let over = page.eval("document.documentElement.scrollWidth - window.innerWidth");
            if over.as_i64().unwrap() > 0 {
                found.push(format!("{at}: {over} pixels wider than the window"));
            }
            if page.eval("document.documentElement.lang") != language {
                found.push(format!("{at}: another language"));
            }
            if let Some(pictures) = &pictures {
                let file = format!("{}-{language}-{colours}-{name}.png", path.replace(['/', '?'], "_"));
                page.screenshot(&Path::new(pictures).join(file));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
