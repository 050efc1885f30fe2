//! The rooms, as a person goes through them.

use serde_json::json;

use crate::stage::{DESK, Stage, perhaps, recipient, reply, sent, text};
use crate::support::browser::{Browser, Page};
use crate::support::town::Campaign;

/// A campaign in which one answered and two perhaps did.
fn answered() -> Campaign {
    let (campaign, mail) = sent();
    mail.deliver(
        "",
        reply(&campaign, "EEN", "Ada <ada@een.example>", "Re: A letter", "Wij nemen punt 1 over.").as_bytes(),
    );
    mail.deliver(
        "",
        perhaps(1, "Bo <bo@twee.example>", "Re: A letter to Partij Twee", "Wij komen erop terug.").as_bytes(),
    );
    mail.deliver(
        "",
        perhaps(2, "Cas <cas@drie.example>", "Re: A letter to Partij Drie", "Tot maandag ben ik er niet.")
            .as_bytes(),
    );
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
    assert_eq!(text(&mut page, "main p.quiet"), "Nothing waits for your judgement.");
    assert_eq!(recipient(&stage.campaign, "TWEE")["standing"], "replied");
    let away = recipient(&stage.campaign, "DRIE");
    assert_eq!(
        (&away["standing"], &away["inbound"][0]["until"]),
        (&json!("auto-replied"), &json!("2025-09-08"))
    );
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
    let rooms = [
        "/",
        "/preview",
        "/approve",
        "/progress",
        "/recipients",
        "/review",
        "/follow-ups",
        "/tasks",
        "/answers",
        "/report",
    ];
    for path in rooms {
        let answer = stage.get(path, &cookie);
        assert_eq!(answer.code, 200, "{path}");
        assert!(answer.body.contains("nothing sent yet"), "{path}");
    }
    assert!(!stage.campaign.file("logs/ledger.db").exists(), "looking makes nothing");
}

/// Approves the plan under a name, in whatever language.
pub(crate) fn approve_as(page: &mut Page<'_>, name: &str) {
    page.click("form[action='/approve'] input[type=checkbox]");
    page.click("#person");
    page.write(name);
    page.leads(|page| page.click("form[action='/approve'] button"));
}

/// Approves the plan under a name and starts it.
pub(crate) fn start(stage: &Stage, page: &mut Page<'_>, name: &str) {
    page.goto(&stage.at("/approve"));
    approve(page, name);
    page.leads(|page| page.click("form[action='/start'] button"));
}

/// Approves the plan under a name.
pub(crate) fn approve(page: &mut Page<'_>, name: &str) {
    approve_as(page, name);
    assert_eq!(text(page, "[role=status]"), "Your approval was written down.");
}

#[test]
fn a_campaign_is_read_approved_started_and_watched_without_a_terminal() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(Campaign::new(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.leads(|page| page.click(".needs a"));
    assert!(text(&mut page, "h1").starts_with("Preview"));
    page.leads(|page| page.click(".letters tbody a"));
    assert_eq!(text(&mut page, ".subject"), "A letter to Partij Een");
    assert_eq!(page.eval("document.querySelector('iframe').sandbox.length"), 0, "the frame may do nothing");
    page.leads(|page| page.press("ArrowRight"));
    assert_eq!(text(&mut page, "h1"), "TWEE");
    page.leads(|page| page.click("nav a[href='/approve']"));
    assert!(text(&mut page, "main").contains("3 letters to 3 recipients"), "{}", text(&mut page, "main"));
    approve(&mut page, "Ada de Wit");
    assert!(text(&mut page, ".signed").contains("Ada de Wit"));
    page.leads(|page| page.click("form[action='/start'] button"));
    page.until("document.querySelector('.gone').innerText.startsWith('3 of 3 letters gone')");
    page.until("document.querySelector('.gone .chip').innerText == 'finished'");
    assert_eq!(recipient(&stage.campaign, "EEN")["standing"], "awaiting-reply");
}

#[test]
fn an_approval_is_void_when_a_word_changes_and_two_people_may_be_asked_for() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    campaign.configure("[ledger]", "[approval]\npeople = 2\n\n[ledger]");
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/approve"));
    approve(&mut page, "Ada");
    assert!(page.eval("document.querySelector(\"form[action='/start']\") === null").as_bool().unwrap());
    approve(&mut page, "ada");
    assert!(text(&mut page, "#approvals").contains("1/2"), "one person is one, however the name is written");
    approve(&mut page, "Bo");
    assert!(text(&mut page, "#approvals").contains("2/2"));
    // While the page with "start" is open, somebody changes the letter.
    let letter = stage.campaign.read("templates/letter.md").replace("This is for", "This goes to");
    stage.campaign.write("templates/letter.md", letter);
    page.leads(|page| page.click("form[action='/start'] button"));
    assert!(text(&mut page, ".lead").contains("The plan has changed since you read it"));
    page.goto(&stage.at("/approve"));
    assert!(text(&mut page, "main").contains("Earlier approvals are void"));
    assert!(!stage.campaign.run(["status"]).err.is_empty(), "nothing was sent");
}

#[test]
fn a_plan_that_something_stops_cannot_be_approved() {
    let campaign = Campaign::new();
    campaign.write("templates/letter.md", "+++\nsubject = \"x\"\n+++\nDear {{nobody}},\n");
    let stage = Stage::of(campaign, &[]);
    let page = stage.get("/approve", &stage.cookie());
    assert!(page.body.contains("Something that was found stops the plan"), "{}", page.body);
    assert!(!page.body.contains("name=\"person\""));
    let found = stage.get("/preview", &stage.cookie());
    assert!(found.body.contains("unknown-field") || found.body.contains("nobody"), "{}", found.body);
}

#[test]
fn a_running_campaign_is_paused_let_go_and_stopped_for_good() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    // One letter an hour: it runs for as long as is needed here.
    campaign.configure("unlimited = true", "per-hour = 1");
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    start(&stage, &mut page, "Ada");
    page.until("document.querySelector('.gone').innerText.startsWith('1 of 3')");
    page.goto(&stage.at("/progress"));
    page.click("#why");
    page.write("the phone rings");
    page.leads(|page| page.click("form[action='/pause'] button"));
    assert!(text(&mut page, "main").contains("Paused: the phone rings"));
    page.leads(|page| page.click("form[action='/resume'] button"));
    assert_eq!(text(&mut page, "[role=status]"), "The campaign goes on.");
    page.click("#sure");
    page.write("another");
    page.leads(|page| page.click("form[action='/cancel'] button"));
    assert!(text(&mut page, "main").contains("Nothing was changed."));
    page.goto(&stage.at("/progress"));
    page.click("#sure");
    page.write("appeal");
    page.leads(|page| page.click("form[action='/cancel'] button"));
    assert_eq!(text(&mut page, "[role=status]"), "The campaign was stopped for good.");
    assert_eq!(recipient(&stage.campaign, "DRIE")["standing"], "cancelled");
}

#[test]
fn the_next_letter_of_one_is_held_and_let_go() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    campaign.configure(
        "letter = \"letter\"",
        "letter = \"letter\"\n\n[[step]]\nletter = \"reminder\"\nafter = \"10 working days\"",
    );
    campaign.write(
        "templates/reminder.md",
        "+++\n+++\nDear {{naam}},\n\nWe wrote on {{date first_letter_on}}.\n",
    );
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"Maildir\"\n\n[ledger]");
    let _mail = crate::support::maildir::MaildirFolders::at(campaign.file("Maildir"), None);
    campaign.run(["send", "--yes"]).success();
    campaign.run(["mark", "TWEE", "replied"]).success();
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/follow-ups"));
    assert_eq!(
        page.eval("document.querySelectorAll('main tbody tr').length"),
        2,
        "{}",
        text(&mut page, "main")
    );
    assert!(text(&mut page, "main").contains("1 answered"));
    page.leads(|page| page.click("button[value=hold]"));
    assert_eq!(text(&mut page, "[role=status]"), "The next letter is held.");
    assert!(text(&mut page, "#held").contains("Held back"));
    page.leads(|page| page.click("button[value=release]"));
    assert_eq!(page.eval("document.querySelectorAll('button[value=hold]').length"), 2);
}

#[test]
fn answers_are_filed_point_by_point_and_the_table_is_handed_out() {
    let Some(mut browser) = Browser::start() else { return };
    let (campaign, mail) = sent();
    let answer = reply(&campaign, "EEN", "Ada <ada@een.example>", "Re: A letter", "Wij nemen punt 1 over.");
    let with_file = answer.replace(
        "Content-Type: text/plain; charset=utf-8\n\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; charset=utf-8\n\n",
    ) + "--x\nContent-Type: text/csv\nContent-Disposition: attachment; filename=concept.csv\n\npunt;tekst\n--x--\n";
    mail.deliver("", with_file.as_bytes());
    campaign.run(["inbox"]).success();
    let points = "[[point]]\nname = \"work\"\ntitle = \"Let people work\"\n\n[[point]]\nname = \"care\"\ntitle = \"Care for the sick\"\n\n[ledger]";
    campaign.configure("[ledger]", points);
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/answers"));
    page.leads(|page| page.click(".board tbody a"));
    assert_eq!(
        (text(&mut page, "h1"), text(&mut page, ".lead")),
        ("Partij Een".into(), "Let people work".into())
    );
    assert_eq!(text(&mut page, ".words"), "Wij nemen punt 1 over.");
    assert_eq!(text(&mut page, ".files a"), "concept.csv");
    let file = page.eval("document.querySelector('.files a').getAttribute('href')");
    let file = stage.get(file.as_str().unwrap(), &stage.cookie());
    assert_eq!((file.code, file.body.trim()), (200, "punt;tekst"));
    page.click("input[value=yes]");
    page.click("#quote");
    page.write("=Wij nemen punt 1 over");
    page.click("#source");
    page.write("their letter");
    page.click("#person");
    page.write("Bo");
    page.leads(|page| page.click("form button"));
    assert_eq!(text(&mut page, ".lead"), "Care for the sick", "on to the next point");
    page.goto(&stage.at("/answers"));
    assert_eq!(text(&mut page, ".cell-yes"), "yes");
    let cookie = stage.cookie();
    let csv = stage.get("/answers/answers.csv", &cookie);
    assert!(
        csv.body.contains("Partij Een;yes;'=Wij nemen punt 1 over;their letter;no answer;;"),
        "{}",
        csv.body
    );
    let xlsx = page.eval(
        "fetch('/answers/answers.xlsx').then(r => r.arrayBuffer()).then(b => btoa(String.fromCharCode(...new Uint8Array(b))))",
    );
    let bytes =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, xlsx.as_str().unwrap()).unwrap();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
    let sheet = calamine::Reader::worksheet_range(&mut book, "Answers").unwrap();
    let cell = |row, column| sheet.get((row, column)).unwrap().to_string();
    assert_eq!(
        (cell(1, 0), cell(1, 1), cell(1, 2)),
        ("Partij Een".into(), "yes".into(), "=Wij nemen punt 1 over".into())
    );
    let table = stage.get("/answers/answers.html", &cookie);
    assert!(table.body.contains("<b>yes</b>") && !table.body.contains("een@een.example"), "{}", table.body);
    let report = stage.get("/report/report.html", &cookie);
    assert!(
        report.body.contains("<b>3</b> Recipients") && report.body.contains("their letter"),
        "{}",
        report.body
    );
    for secret in ["een@een.example", "ada@een.example", "Programmacommissie", "src=", "href="] {
        assert!(!report.body.contains(secret), "{secret}");
    }
}

#[test]
fn a_task_has_its_text_to_copy_and_is_done_on_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail,kanaal,link,limit\nEEN,Partij Een,Commissie,een@een.example,,,\n\
         FORM,Partij Form,Commissie,,webformulier,https://form.example/contact,2000\n",
    );
    campaign.run(["send", "--yes"]).success();
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    assert_eq!(text(&mut page, ".needs a"), "1 task for a person");
    page.leads(|page| page.click(".needs a"));
    assert!(text(&mut page, ".task").contains("https://form.example/contact"), "{}", text(&mut page, "main"));
    page.click(".task summary");
    assert!(text(&mut page, ".task summary").starts_with("Text to copy: "));
    let copied = page.eval("document.querySelector('.task textarea').value");
    assert!(copied.as_str().unwrap().contains("This is for Partij Form."), "{copied}");
    page.leads(|page| page.click(".task a[href^='/preview']"));
    assert!(
        page.eval("document.querySelector('#copy').value")
            .as_str()
            .unwrap()
            .contains("This is for Partij Form.")
    );
    page.goto(&stage.at("/tasks"));
    page.click(".task input[name=note]");
    page.write("receipt 12");
    page.leads(|page| page.click(".task button"));
    assert_eq!(text(&mut page, "main p.quiet"), "There is nothing for a person to do.");
    assert_eq!(recipient(&stage.campaign, "FORM")["standing"], "done");
}

#[test]
fn two_browsers_at_once_see_what_the_other_did() {
    let (Some(mut one), Some(mut other)) = (Browser::start(), Browser::start()) else { return };
    let stage = Stage::of(answered(), &[]);
    let mut here = stage.enter(&mut one, DESK, "en");
    let mut there = stage.enter(&mut other, DESK, "nl");
    here.goto(&stage.at("/review"));
    there.goto(&stage.at("/review"));
    here.leads(|page| page.press("n"));
    // The same message was judged here meanwhile: the newest word counts, and nothing breaks.
    there.leads(|page| page.press("a"));
    assert_eq!(text(&mut there, "[role=status]"), "Je oordeel is opgeschreven.");
    assert_eq!(recipient(&stage.campaign, "TWEE")["standing"], "replied");
}
