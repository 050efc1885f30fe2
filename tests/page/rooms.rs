//! The rooms, as a person goes through them.

use serde_json::json;

use crate::stage::{DESK, Stage, perhaps, recipient, reply, sent, text};
use crate::support::browser::Browser;
use crate::support::town::Campaign;

/// A campaign in which one answered and two perhaps did.
fn answered() -> Campaign {
    let (campaign, mail) = sent();
    mail.deliver("", reply(&campaign, "EEN", "Ada <ada@een.example>", "Re: A letter", "Wij nemen punt 1 over.").as_bytes());
    mail.deliver("", perhaps(1, "Bo <bo@twee.example>", "Re: A letter to Partij Twee", "Wij komen erop terug.").as_bytes());
    mail.deliver("", perhaps(2, "Cas <cas@drie.example>", "Re: A letter to Partij Drie", "Tot maandag ben ik er niet.").as_bytes());
    campaign.run(["inbox"]).success();
    campaign
}

#[test]
fn what_waits_is_found_on_the_first_page_and_judged_with_one_key() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(answered(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    assert_eq!(page.eval("location.search"), "", "the token does not stay in the address");
    assert_eq!(text(&mut page, "h1"), "Overview");
    assert_eq!(text(&mut page, ".needs a"), "2 messages wait for your judgement");
    page.leads(|page| page.click(".needs a"));
    assert!(text(&mut page, "h1").starts_with("Review"));
    assert_eq!(text(&mut page, ".came h2"), "TWEE");
    assert!(text(&mut page, ".words").contains("Wij komen erop terug."));
    page.leads(|page| page.press("a"));
    assert_eq!(text(&mut page, "[role=status]"), "Your judgement was written down.");
    assert_eq!(text(&mut page, ".came h2"), "DRIE");
    // Typing a note is no verdict.
    page.click("#note");
    page.write("n");
    page.press("n");
    page.click("#until");
    page.eval("document.querySelector('#until').value = '2025-09-08'");
    page.leads(|page| page.click("button[value=away]"));
    assert_eq!(text(&mut page, "main p"), "Nothing waits for your judgement.");
    assert_eq!(recipient(&stage.campaign, "TWEE")["standing"], "replied");
    let away = recipient(&stage.campaign, "DRIE");
    assert_eq!((&away["standing"], &away["inbound"][0]["until"]), (&json!("auto-replied"), &json!("2025-09-08")));
    assert!(stage.campaign.read("logs/status.csv").contains("auto-replied"), "the logs are in step");
}

#[test]
fn recipients_are_searched_filtered_and_have_their_story() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(answered(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "nl-NL,nl;q=0.9");
    page.leads(|page| page.click("nav a[href='/recipients']"));
    assert_eq!(text(&mut page, ".found"), "3 ontvangers");
    page.click("#q");
    page.write("twee");
    page.until("document.querySelector('.found').innerText == '1 ontvanger'");
    assert_eq!(page.eval("new URLSearchParams(location.search).get('q')"), "twee", "the address can be kept");
    page.goto(&stage.at("/recipients?standing=replied&sort=latest"));
    assert_eq!(text(&mut page, ".list tbody th a"), "EEN");
    page.leads(|page| page.click(".list tbody th a"));
    assert_eq!(text(&mut page, "h1"), "EEN geantwoord");
    assert_eq!(text(&mut page, ".words"), "Wij nemen punt 1 over.");
    page.goto(&stage.at("/recipients/NIEMAND"));
    assert_eq!(text(&mut page, ".lead"), "Niemand heet zo in deze campagne.");
}

#[test]
fn a_word_on_somebody_and_a_suppression_are_written_down() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(answered(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/recipients/DRIE"));
    page.click("input[value=opted-out]");
    page.click("#note");
    page.write("said so on the telephone");
    page.leads(|page| page.click("form[action$=mark] button"));
    assert_eq!(text(&mut page, "[role=status]"), "It was written down.");
    assert_eq!(text(&mut page, "h1"), "DRIE wants no letters");
    stage.campaign.run(["why", "DRIE"]).success().said("said so on the telephone");
    page.goto(&stage.at("/recipients/TWEE"));
    page.click("#reason");
    page.write("asked by letter");
    page.leads(|page| page.click("form[action$=suppress] button"));
    assert!(text(&mut page, "main").contains("On the suppression list: asked by letter"));
    stage.campaign.run(["suppress", "list"]).success().said("asked by letter");
}

#[test]
fn everything_goes_without_javascript() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(answered(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    page.goto(&stage.at("/recipients"));
    page.click("#q");
    page.write("partij een");
    page.leads(|page| page.click(".filter button"));
    assert_eq!(text(&mut page, ".found"), "1 recipient");
    page.goto(&stage.at("/review"));
    page.leads(|page| page.click("button[value=nothing]"));
    assert_eq!(text(&mut page, "[role=status]"), "Your judgement was written down.");
    page.goto(&stage.at("/recipients/TWEE"));
    page.click("input[value=reply]");
    page.leads(|page| page.click("form[action$=mark] button"));
    assert_eq!(recipient(&stage.campaign, "TWEE")["standing"], "replied");
}

#[test]
fn who_only_looks_changes_nothing() {
    let stage = Stage::of(answered(), &["--read-only"]);
    let cookie = stage.cookie();
    let page = stage.get("/review", &cookie);
    assert!(page.body.contains("You are only looking") && !page.body.contains("<form"), "{}", page.body);
    let story = stage.get("/recipients/EEN", &cookie);
    assert!(!story.body.contains("method=\"post\""), "{}", story.body);
}

#[test]
fn before_anything_was_sent_the_page_says_so() {
    let stage = Stage::of(Campaign::new(), &[]);
    let cookie = stage.cookie();
    for path in ["/", "/recipients", "/review"] {
        let answer = stage.get(path, &cookie);
        assert_eq!(answer.code, 200, "{path}");
        assert!(answer.body.contains("nothing sent yet"), "{path}");
    }
    assert!(!stage.campaign.file("logs/ledger.db").exists(), "looking makes nothing");
}
