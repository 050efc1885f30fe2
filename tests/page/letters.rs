//! Letters looked at before they go, tried on oneself, and addresses mended after they went.

use std::fs;

use serde_json::json;

use crate::rooms::start;
use crate::stage::{DESK, Stage, faults, recipient, sent, text};
use crate::support::browser::{Browser, Page};
use crate::support::maildir::MaildirFolders;
use crate::support::servers::wait_until;
use crate::support::town::{Campaign, RECIPIENTS};

/// The letters that the rehearsal relay took, oldest first.
fn taken(campaign: &Campaign) -> Vec<String> {
    let Ok(folder) = fs::read_dir(campaign.file("logs/rehearsal")) else { return Vec::new() };
    let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    // One that is still being written has another name, and soon none.
    files.retain(|file| file.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn what_was_merged_in_is_marked_and_can_be_seen_as_it_arrives() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(Campaign::new(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/preview/TWEE"));
    page.goto(&stage.at("/preview/TWEE/letter?step=1"));
    assert_eq!(text(&mut page, "mark[title=naam]"), "Programmacommissie");
    assert_eq!(text(&mut page, "strong mark[title=partij]"), "Partij Twee");
    page.goto(&stage.at("/preview/TWEE"));
    page.click("details summary");
    assert_eq!(text(&mut page, ".astext mark[title=partij]"), "Partij Twee");
    page.leads(|page| page.click(".switch a[href*=off]"));
    assert_eq!(page.eval("document.querySelectorAll('.astext mark').length"), 0);
    let frame = page.eval("document.querySelector('iframe').getAttribute('src')");
    let frame = stage.get(frame.as_str().unwrap(), &stage.cookie());
    assert!(
        frame.body.contains("<strong>Partij Twee</strong>") && !frame.body.contains("<mark"),
        "{frame:?}"
    );
    // That is what arrives.
    stage.campaign.run(["send", "--yes"]).success();
    assert!(taken(&stage.campaign).iter().all(|mail| !mail.contains("<mark")));
}

#[test]
fn what_goes_along_is_handed_out_as_what_it_is() {
    let campaign = Campaign::new();
    campaign
        .write("attachments/plan.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>");
    campaign.write("attachments/plan.pdf", "%PDF-1.7 small");
    campaign.write("attachments/no.pdf", "<script>window.pwned=1</script>");
    let letter = campaign.read("templates/letter.md");
    let front = "+++\nattachments = [\"plan.svg\", \"plan.pdf\", \"no.pdf\"]\n";
    campaign.write("templates/letter.md", letter.replacen("+++\n", front, 1));
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    let sheet = stage.get("/preview/EEN", &cookie);
    assert!(sheet.body.contains("href=\"/preview/EEN/file/2?step=1\""), "{}", sheet.body);
    for (nth, kind, how) in [
        (0, "application/octet-stream", "attachment; filename*=UTF-8''plan%2Esvg"),
        (1, "application/pdf", "inline; filename*=UTF-8''plan%2Epdf"),
        (2, "application/octet-stream", "attachment; filename*=UTF-8''no%2Epdf"),
    ] {
        let file = stage.get(&format!("/preview/EEN/file/{nth}?step=1"), &cookie);
        assert_eq!(file.code, 200);
        assert!(file.head.contains(&format!("content-type: {kind}")), "{}", file.head);
        assert!(file.head.contains(&format!("content-disposition: {how}")), "{}", file.head);
        assert!(file.head.contains("default-src 'none'"), "{}", file.head);
    }
    assert_eq!(stage.get("/preview/EEN/file/3?step=1", &cookie).code, 404);
    assert_eq!(stage.get("/preview/NIEMAND/file/0?step=1", &cookie).code, 404);
    assert_eq!(stage.get("/preview/EEN/file/0?step=9", &cookie).code, 404);
}

#[test]
fn a_letter_is_tried_on_oneself_before_and_while_the_others_go() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    // One letter an hour: it runs for as long as is needed here.
    campaign.configure("unlimited = true", "per-hour = 1");
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/preview/TWEE"));
    page.click("#address");
    page.write("desk@alliance.example");
    page.leads(|page| page.click("form[action*=test] button"));
    assert_eq!(text(&mut page, "[role=status]"), "The test letter goes within a few seconds.");
    page.until("document.querySelector('#trials .chip').innerText == 'sent'");
    assert!(text(&mut page, "#trials").contains("desk@alliance.example"), "{}", text(&mut page, "#trials"));
    assert_eq!(faults(&mut page), [] as [String; 0]);
    let mails = taken(&stage.campaign);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("Subject: [TEST: TWEE] A letter to Partij Twee"), "{}", mails[0]);
    // It was no delivery, and nothing began by it.
    stage.campaign.run(["status"]).said("nothing");
    start(&stage, &mut page, "Ada de Wit");
    page.until("document.querySelector('.gone').innerText.startsWith('1 of 3')");
    page.goto(&stage.at("/preview/DRIE"));
    page.click("#address");
    page.write("bo@alliance.example");
    page.leads(|page| page.click("form[action*=test] button"));
    page.until("document.querySelector('#trials .chip').innerText == 'sent'");
    assert_eq!(recipient(&stage.campaign, "DRIE")["standing"], "queued");
    assert_eq!(taken(&stage.campaign).len(), 3);
}

#[test]
fn a_test_that_cannot_go_says_why() {
    let campaign = Campaign::new();
    campaign.send_to(1);
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    let sheet = stage.get("/preview/EEN", &cookie).body;
    let csrf = sheet.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = format!("{cookie}Origin: http://{}\r\n", stage.host);
    let test = |address: &str| {
        stage.post("/preview/EEN/test?step=1", &fields, &format!("address={address}&csrf={csrf}"))
    };
    assert_eq!(test("nonsense").code, 422);
    assert_eq!(
        stage.post("/preview/NIEMAND/test", &fields, &format!("address=a@b.example&csrf={csrf}")).code,
        404
    );
    assert_eq!(stage.post("/preview/EEN/test?step=1", &fields, "address=a@b.example").code, 403);
    assert_eq!(test("desk@alliance.example").code, 303);
    let said = wait_until("the test has failed", || {
        let body = stage.get("/preview/EEN/test", &cookie).body;
        body.contains("not sent").then_some(body)
    });
    assert!(said.contains("127.0.0.1"), "{said}");
    let only = Stage::of(Campaign::new(), &["--read-only"]);
    assert!(!only.get("/preview/EEN", &only.cookie()).body.contains("Send me a test"));
}

#[test]
fn a_test_on_its_way_to_a_silent_relay_keeps_nobody_and_is_told_as_in_doubt() {
    // It takes the connection, and never says a word.
    let relay = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let campaign = Campaign::new();
    campaign.send_to(relay.local_addr().unwrap().port());
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    let token = crate::attacks::csrf(&stage.get("/preview/EEN", &cookie).body);
    let fields = format!("{cookie}Origin: http://{}\r\n", stage.host);
    let form = format!("address=desk@alliance.example&csrf={token}");
    assert_eq!(stage.post("/preview/EEN/test?step=1", &fields, &form).code, 303);
    let (_line, _) = relay.accept().unwrap();
    let Stage { campaign, serving, host, .. } = stage;
    serving.interrupt();
    wait_until("the page is closed", || std::net::TcpStream::connect(&host).is_err().then_some(()));
    serving.interrupt();
    serving.wait().success();
    let stage = Stage::of(campaign, &[]);
    let sheet = stage.get("/preview/EEN", &stage.cookie()).body;
    assert!(sheet.contains("it may have arrived") && sheet.contains(">in doubt<"), "{sheet}");
}

#[test]
fn an_address_is_mended_in_the_list_and_its_letter_goes_anew_when_that_is_approved() {
    let Some(mut browser) = Browser::start() else { return };
    let (campaign, _) = sent();
    campaign.run(["mark", "TWEE", "wrong-address"]).success();
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    let mend = |page: &mut Page<'_>, key: &str, address: &str| {
        page.goto(&stage.at(&format!("/recipients/{key}")));
        page.eval("document.querySelector('#new-address').value = ''");
        page.click("#new-address");
        page.write(address);
        page.leads(|page| page.click("form[action$=address] button"));
    };
    mend(&mut page, "TWEE", "nobody at all");
    assert!(text(&mut page, "main").contains("nobody at all"), "{}", text(&mut page, "main"));
    assert_eq!(stage.campaign.read("recipients.csv"), RECIPIENTS);
    mend(&mut page, "TWEE", "post@twee.example");
    assert!(text(&mut page, "[role=status]").starts_with("The address was changed in the list"));
    assert_eq!(
        stage.campaign.read("recipients.csv"),
        RECIPIENTS.replace("twee@twee.example", "post@twee.example")
    );
    let history = page.eval("document.querySelector('.history').textContent");
    let noted = "in the roster, twee@twee.example became post@twee.example";
    assert!(history.as_str().unwrap().contains(noted), "{history}");
    // One that arrived does not go again.
    mend(&mut page, "EEN", "other@een.example");
    start(&stage, &mut page, "Ada de Wit");
    wait_until("the letter goes anew", || (taken(&stage.campaign).len() == 4).then_some(()));
    let mails = taken(&stage.campaign);
    assert!(mails.iter().any(|mail| mail.contains("post@twee.example")));
    assert!(!mails.iter().any(|mail| mail.contains("other@een.example")));
}

/// Goes with the tabulator to what a selector means, which must show that it has the focus.
fn tab_to(page: &mut Page<'_>, selector: &str) {
    let here = format!("document.activeElement.matches({selector:?})");
    for _ in 0..80 {
        page.press("Tab");
        if page.eval(&here) == true {
            let seen = page.eval("getComputedStyle(document.activeElement).outlineStyle");
            assert_ne!(seen, "none", "{selector} shows no focus");
            return;
        }
    }
    unreachable!("the tabulator never comes to {selector}");
}

#[test]
fn the_whole_way_goes_with_the_keyboard_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = Stage::of(Campaign::new(), &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.press("Tab");
    assert_eq!(text(&mut page, ":focus"), "Skip to the content");
    tab_to(&mut page, ".needs a");
    page.leads(|page| page.press("Enter"));
    tab_to(&mut page, ".letters tbody a");
    page.leads(|page| page.press("Enter"));
    page.leads(|page| page.press("ArrowRight"));
    assert_eq!(text(&mut page, "h1"), "TWEE");
    tab_to(&mut page, "#address");
    page.write("desk@alliance.example");
    page.leads(|page| page.press("Enter"));
    page.until("document.querySelector('#trials .chip').innerText == 'sent'");
    tab_to(&mut page, "nav a[href='/approve']");
    page.leads(|page| page.press("Enter"));
    tab_to(&mut page, "form[action='/approve'] input[type=checkbox]");
    page.press(" ");
    tab_to(&mut page, "#person");
    page.write("Ada de Wit");
    page.leads(|page| page.press("Enter"));
    assert_eq!(text(&mut page, "[role=status]"), "Your approval was written down.");
    tab_to(&mut page, "form[action='/start'] button");
    page.leads(|page| page.press("Enter"));
    page.until("document.querySelector('.gone').innerText.startsWith('3 of 3 letters gone')");
    tab_to(&mut page, "nav a[href='/recipients']");
    page.leads(|page| page.press("Enter"));
    tab_to(&mut page, ".list tbody a");
    page.leads(|page| page.press("Enter"));
    tab_to(&mut page, "input[value=reply]");
    page.press(" ");
    tab_to(&mut page, "form[action$=mark] button");
    page.leads(|page| page.press("Enter"));
    assert_eq!(text(&mut page, "[role=status]"), "It was written down.");
    assert_eq!(recipient(&stage.campaign, "EEN")["standing"], "replied");
}

#[test]
fn a_campaign_that_goes_on_is_taken_up_again_on_a_page_that_was_closed() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"Maildir\"\n\n[ledger]");
    MaildirFolders::at(campaign.file("Maildir"), None);
    campaign.write("templates/reminder.md", "+++\n+++\nDear {{naam}},\n\nWe wrote to you.\n");
    campaign.configure("[transport]", "[[step]]\nletter = \"reminder\"\nafter = \"3 days\"\n\n[transport]");
    campaign.run(["send", "--yes"]).success();
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    start(&stage, &mut page, "Ada de Wit");
    page.goto(&stage.at("/approve"));
    wait_until("it is at work", || {
        page.goto(&stage.at("/approve"));
        text(&mut page, ".banner.good").starts_with("It is at work").then_some(())
    });
    page.goto(&stage.at("/"));
    assert!(!text(&mut page, "main").contains("stands still"), "{}", text(&mut page, "main"));
    let Stage { campaign, serving, .. } = stage;
    serving.interrupt();
    serving.wait().success();
    // All first letters have gone, and nobody answered: it goes on.
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    assert_eq!(text(&mut page, ".needs a"), "The campaign stands still until you start it again");
    page.leads(|page| page.click(".needs a"));
    assert!(text(&mut page, ".banner.asks").starts_with("This campaign is not over"));
    page.leads(|page| page.click("form[action='/start'] button"));
    wait_until("it is at work again", || {
        page.goto(&stage.at("/approve"));
        text(&mut page, ".banner.good").starts_with("It is at work").then_some(())
    });
}

#[test]
fn a_second_plan_that_changed_again_is_refused_and_the_first_goes_on() {
    let campaign = Campaign::new();
    campaign.configure("unlimited = true", "per-hour = 1");
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    let fields = format!("{cookie}Origin: http://{}\r\n", stage.host);
    let approve_and_start = || {
        let body = stage.get("/approve", &cookie).body;
        let plan = body.split("name=\"plan\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let form = format!("csrf={}&plan={plan}&person=Ada", crate::attacks::csrf(&body));
        assert_eq!(stage.post("/approve", &fields, &form).code, 303);
        assert_eq!(stage.post("/start", &fields, &form).code, 303);
    };
    approve_and_start();
    wait_until("the first has gone", || (taken(&stage.campaign).len() == 1).then_some(()));
    // Who waits for a letter cannot be given another address beneath it.
    let story = stage.get("/recipients/DRIE", &cookie).body;
    let form = format!("csrf={}&address=new@drie.example", crate::attacks::csrf(&story));
    let refused = stage.post("/recipients/DRIE/address", &fields, &form);
    assert!(refused.code == 422 && refused.body.contains("pause first"), "{}", refused.body);
    assert_eq!(stage.campaign.read("recipients.csv"), RECIPIENTS);
    stage.campaign.write("recipients.csv", format!("{RECIPIENTS}VIER,Partij Vier,C,vier@vier.example\n"));
    approve_and_start();
    stage.campaign.write("recipients.csv", format!("{RECIPIENTS}VIJF,Partij Vijf,C,vijf@vijf.example\n"));
    wait_until("it is refused, or taken", || {
        let ledger = postduif::ledger::Ledger::read(&stage.campaign.file("logs/ledger.db")).unwrap().unwrap();
        ledger.newest_start("appeal").unwrap().unwrap().taken_at
    });
    let ledger = postduif::ledger::Ledger::read(&stage.campaign.file("logs/ledger.db")).unwrap().unwrap();
    let start = ledger.newest_start("appeal").unwrap().unwrap();
    // It depends on who was first; either way somebody is at work, or the page says why not.
    let page = stage.get("/approve", &cookie).body;
    match start.failed {
        Some(why) => assert!(why.contains("plan"), "{why}"),
        None => assert!(!page.contains("stands still"), "{page}"),
    }
}

#[test]
fn who_could_do_nothing_is_not_asked_to_begin_again() {
    let campaign = Campaign::new();
    campaign.write("templates/reminder.md", "+++\n+++\nDear {{naam}},\n\nWe wrote to you.\n");
    campaign.configure("[transport]", "[[step]]\nletter = \"reminder\"\nafter = \"3 days\"\n\n[transport]");
    campaign.run(["send", "--yes"]).success();
    let stage = Stage::of(campaign, &[]);
    let cookie = stage.cookie();
    // It goes on, and without a mailbox nobody knows who answered: nothing is left for the service.
    assert!(stage.get("/", &cookie).body.contains("running"));
    assert!(!stage.get("/", &cookie).body.contains("stands still"));
    assert!(stage.get("/approve", &cookie).body.contains("There is nothing to send"));
}

#[test]
fn a_plan_that_is_started_while_another_runs_takes_its_place() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    campaign.configure("unlimited = true", "per-hour = 1");
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    start(&stage, &mut page, "Ada de Wit");
    page.until("document.querySelector('.gone').innerText.startsWith('1 of 3')");
    let more = format!("{RECIPIENTS}VIER,Partij Vier,Programmacommissie,vier@vier.example\n");
    stage.campaign.write("recipients.csv", more);
    start(&stage, &mut page, "Ada de Wit");
    page.until("document.querySelector('.gone').innerText.startsWith('1 of 4')");
    assert_eq!(recipient(&stage.campaign, "VIER")["standing"], json!("queued"));
    assert_eq!(taken(&stage.campaign).len(), 1);
}
