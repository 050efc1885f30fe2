//! What came back, read from a Maildir, and what the next `send` makes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::returns::{mailbox, message_id, report, sent};
use crate::support::servers::wait_until;
use crate::support::town::Campaign;

fn came(campaign: &Campaign, name: &str, message: &str) {
    campaign.write(&format!("Maildir/new/{name}"), message);
}

fn bounce(campaign: &Campaign, key: &str, address: &str, status: &str, words: &str) -> String {
    report(address, &message_id(campaign, key), status, words)
}

fn reply(campaign: &Campaign, key: &str, from: &str, text: &str) -> String {
    let id = message_id(campaign, key);
    format!(
        "From: Ada <{from}>\nTo: appeal@alliance.example\nSubject: Re: A letter\nMessage-ID: <r-{key}@council.example>\n\
         In-Reply-To: {id}\nReferences: {id}\nDate: Mon, 1 Sep 2025 11:00:00 +0200\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\n> Dear all,\n\n--x\n\
         Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"../../antwoord.pdf\"\n\n%PDF\n--x--\n"
    )
}

#[test]
fn an_answer_and_a_bounce_are_recorded_once_and_nothing_in_the_mailbox_changes() {
    let (campaign, _) = sent();
    came(&campaign, "1.a", &reply(&campaign, "EEN", "ada@een.example", "Wij nemen punt 1 over."));
    came(&campaign, "2.a", &bounce(&campaign, "TWEE", "twee@twee.example", "5.1.1", "user unknown"));
    came(
        &campaign,
        "3.a",
        "From: x@elsewhere.example\nSubject: lunch?\nMessage-ID: <l@elsewhere.example>\nDate: Mon, 1 Sep 2025 11:00:00 +0200\n\nLunch?\n",
    );
    let before: Vec<_> =
        fs::read_dir(campaign.file("Maildir/new")).unwrap().map(|e| e.unwrap().path()).collect();
    let run = campaign.run(["inbox"]).success().said("2 messages recorded; 1 message of other mail");
    assert!(run.out.contains("EEN answered, from ada@een.example; known by the Message-ID"), "{}", run.out);
    assert!(run.out.contains("TWEE bounced: the address is bad (5.1.1)"), "{}", run.out);
    campaign.run(["inbox"]).success().said("nothing new about our letters");
    let after: Vec<_> =
        fs::read_dir(campaign.file("Maildir/new")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(before, after);
    assert_eq!(fs::read_dir(campaign.file("Maildir/cur")).unwrap().count(), 0);

    let status = campaign.status();
    let standings: Vec<_> =
        status["recipients"].as_array().unwrap().iter().map(|r| r["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["replied", "bounced", "awaiting-reply"]);
    assert_eq!(status["recipients"][0]["inbound"][0]["kind"], "reply");
    assert!(campaign.read("logs/status.csv").contains("replied"));
    assert!(campaign.read("logs/delivery.jsonl").contains("\"event\":\"replied\""));

    // Their words and files are kept for us alone, under names that lead nowhere.
    let shown = campaign.run(["show", "een", "--replies"]).success().said("antwoord.pdf");
    assert_eq!(shown.out.trim(), "Wij nemen punt 1 over.");
    let kept: Vec<_> = fs::read_dir(campaign.file("logs/replies"))
        .unwrap()
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    assert!(kept.iter().any(|path| path.ends_with("01-antwoord.pdf")), "{kept:?}");
    for path in &kept {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn a_corrected_address_gets_the_letter_again_and_the_plan_says_so() {
    let (campaign, _) = sent();
    came(&campaign, "1.a", &bounce(&campaign, "TWEE", "twee@twee.example", "5.1.1", "user unknown"));
    campaign.run(["inbox"]).success();
    campaign.run(["preview"]).success().said("0 letters");
    let rows = campaign.read("recipients.csv").replace("twee@twee.example", "post@twee.example");
    campaign.write("recipients.csv", rows);
    campaign.run(["preview"]).success().said("1 letter to 3 recipients");
    campaign.run(["send", "--yes"]).success();
    let went: Vec<String> = campaign.rehearsed();
    assert_eq!(went.len(), 4);
    assert_eq!(went.iter().filter(|letter| letter.contains("<post@twee.example>")).count(), 1);
    campaign.run(["why", "TWEE"]).success().said("post@twee.example");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.rehearsed().len(), 4);
    // The first letter can still be shown, as it went.
    assert!(campaign.run(["show", "TWEE"]).success().out.contains("<post@twee.example>"));
}

#[test]
fn somebody_new_of_an_organisation_that_answered_is_left_out_of_the_plan() {
    let (campaign, _) = sent();
    came(&campaign, "1.a", &reply(&campaign, "EEN", "ada@een.example", "Ja."));
    campaign.run(["inbox"]).success();
    let row = "VIER,Partij Een,Bestuur,vier@een.example\n";
    campaign.write("recipients.csv", campaign.read("recipients.csv") + row);
    campaign.run(["preview"]).success().said("their organisation has answered");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.rehearsed().len(), 3);
}

#[test]
fn what_came_by_telephone_counts_as_much() {
    let (campaign, _) = sent();
    campaign.run(["mark", "EEN", "replied", "the secretary called"]).success();
    campaign.run(["mark", "DRIE", "wrong-address"]).success();
    campaign.run(["why", "EEN"]).success().said("the secretary called");
    let status = campaign.status();
    let standings: Vec<_> =
        status["recipients"].as_array().unwrap().iter().map(|r| r["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["replied", "awaiting-reply", "bounced"]);
}

#[test]
fn what_is_not_certain_waits_and_a_persons_word_settles_it() {
    let (campaign, _) = sent();
    let colleague = "From: Bo <bo@een.example>\nTo: appeal@alliance.example\nSubject: Re: A letter to Partij Een\n\
                     Message-ID: <c@een.example>\n\nWij komen erop terug.\n";
    came(&campaign, "1.a", colleague);
    campaign.run(["inbox"]).success().said("1 waits for your judgement");
    let waiting = campaign.run(["review", "--json"]).success().out;
    let line: serde_json::Value = serde_json::from_str(waiting.lines().next().unwrap()).unwrap();
    assert_eq!((line["key"].as_str(), line["kind"].as_str()), (Some("EEN"), Some("reply")));
    let number = line["number"].to_string();
    campaign.run(["review", &number, "reply"]).success();
    campaign.run(["review"]).success().said("nothing waits for your judgement");
    campaign.run(["why", "EEN"]).success().said("answered");
}

#[test]
fn without_a_mailbox_or_with_one_that_is_away_the_reader_says_what_to_do() {
    let campaign = Campaign::new();
    campaign.run(["inbox"]).code(2).said("put it into `[inbox]`");
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"nowhere\"\n\n[ledger]");
    campaign.run(["inbox"]).code(2).said("nothing has been sent yet");
    campaign.run(["send", "--yes"]).success();
    let away = campaign.run(["inbox"]);
    assert!(matches!(away.code, Some(2 | 3)), "{}", away.err);
    away.said("nowhere").said("what was recorded before holds");
}

#[test]
fn an_answer_from_anywhere_is_known_by_the_reference_that_the_letter_shows() {
    let campaign = Campaign::new();
    mailbox(&campaign);
    let letter = campaign.read("templates/letter.md");
    campaign.write(
        "templates/letter.md",
        letter.replace("Dear {{", "Ons kenmerk: VP2025/{{afkorting}}\n\nDear {{"),
    );
    campaign.run(["send", "--yes"]).success();
    let answer = "From: Bo <bo.privately@mailbox.example>\nTo: appeal@alliance.example\nSubject: uw brief\nMessage-ID: <p@mailbox.example>\n\n\
                  Uw kenmerk: VP2025/TWEE\n\nWij nemen uw punten over.\n";
    came(&campaign, "1.a", answer);
    let run = campaign.run(["inbox"]).success();
    assert!(
        run.out.contains("TWEE answered") && run.out.contains("known by the reference"),
        "{}{}",
        run.out,
        run.err
    );
    assert!(!run.out.contains("not certain"), "{}", run.out);
}

#[test]
fn number_20_an_answer_that_comes_while_a_colleagues_letter_is_queued_withdraws_it() {
    let campaign = Campaign::new();
    mailbox(&campaign);
    campaign.write(
        "recipients.csv",
        campaign.read("recipients.csv") + "VIER,Partij Een,Bestuur,vier@een.example\n",
    );
    campaign.run(["send", "--yes", "--only", "EEN"]).success();
    came(&campaign, "1.a", &reply(&campaign, "EEN", "ada@een.example", "Ja."));
    campaign.run(["inbox"]).success();
    campaign.run(["why", "VIER"]).success().said("EEN of the same organisation answered");
    campaign.run(["send", "--yes"]).success();
    let went = campaign.rehearsed();
    assert_eq!(went.len(), 3);
    assert!(!went.iter().any(|letter| letter.contains("<vier@een.example>")));
}

#[test]
fn what_belongs_to_no_letter_is_told_in_part_and_counted() {
    let (campaign, _) = sent();
    for nth in 0..25 {
        let stranger = format!(
            "From: a{nth}@elsewhere.example\nSubject: Automatisch antwoord: iets\nMessage-ID: <{nth}@elsewhere.example>\n\
             Auto-Submitted: auto-replied\n\nIk ben afwezig.\n"
        );
        came(&campaign, &format!("{nth}.a"), &stranger);
    }
    let run = campaign.run(["inbox"]).success().said("… and 5 more of no letter that we know");
    assert_eq!(run.err.matches("of no letter that we know: auto-reply from").count(), 20);
    campaign.run(["inbox"]).success().said("nothing new about our letters");
}

#[test]
fn whoever_stays_is_told_when_something_comes_and_ends_well_on_ctrl_c() {
    let (campaign, _) = sent();
    let running = campaign.spawn(["inbox", "--watch"]);
    wait_until("the first reading", || running.said_so_far().contains("nothing new").then_some(()));
    came(&campaign, "1.a", &reply(&campaign, "EEN", "ada@een.example", "Ja."));
    wait_until("the answer", || running.said_so_far().contains("EEN answered").then_some(()));
    running.interrupt();
    running.wait().success().said("stopped; the next reading goes on there");
    campaign.run(["inbox"]).success().said("nothing new about our letters");
}

#[test]
fn killed_while_reading_nothing_is_lost_and_nothing_is_recorded_twice() {
    let (campaign, _) = sent();
    let answer = reply(&campaign, "EEN", "ada@een.example", "Ja.");
    for nth in 0..300 {
        let one = answer.replace("<r-EEN@council.example>", &format!("<r{nth}@council.example>"));
        came(&campaign, &format!("{nth:04}.a"), &one);
    }
    // Their words are kept before the ledger hears of them, two hundred at a time; so each is killed in the midst of it.
    let kept = || fs::read_dir(campaign.file("logs/replies")).map_or(0, Iterator::count);
    let mut killed = 0;
    for at_least in [1, 40, 120, 199, 205, 250] {
        let running = campaign.spawn(["inbox"]);
        wait_until("some answers to be kept", || (kept() >= at_least).then_some(()));
        killed += usize::from(running.kill().code.is_none());
    }
    assert!(killed > 0, "it was always done before it was killed");
    campaign.run(["inbox"]).success();
    let status = campaign.status();
    assert_eq!(status["recipients"][0]["inbound"].as_array().unwrap().len(), 300);
    let history = campaign.read("logs/delivery.jsonl");
    assert_eq!(history.matches("\"event\":\"replied\"").count(), 300);
}

#[test]
fn the_mailbox_in_the_starter_works_once_its_signs_are_taken_away() {
    let campaign = Campaign::new().with_env("POSTDUIF_PASSWORD", "x");
    campaign.run(["init", "start"]).success();
    let settings = campaign.read("start/config.toml");
    let (before, block) = settings.split_once("# [inbox]\n").unwrap();
    let (block, behind) = block.split_once("\n\n").unwrap();
    let settings =
        format!("{before}[inbox]\n{}\n\n{behind}", block.replace("# kind", "kind").replace("\n# ", "\n"));
    campaign.write("start/config.toml", settings);
    campaign.run(["-C", "start", "check"]).success().said("3 letters would go out");
    campaign.run(["-C", "start", "inbox"]).code(2).said("nothing has been sent yet");
}
