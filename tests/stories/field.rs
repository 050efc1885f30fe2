//! The way back where it goes wrong in this field, all through the program, and where something breaks on the way.

use std::collections::BTreeMap;
use std::fs;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use postduif::clock::Clock;
use serde_json::Value;

use crate::desk::{Post, word};
use crate::returns::{mailbox, message_id, recipient, report, sent};
use crate::support::maildir::MaildirFolders;
use crate::support::servers::wait_until;
use crate::support::town::Campaign;

/// How many things came back, by key.
fn came(campaign: &Campaign) -> BTreeMap<String, usize> {
    let status = campaign.status();
    let all = status["recipients"].as_array().unwrap().iter();
    all.map(|one| (word(&one["key"]), one["inbound"].as_array().unwrap().len())).collect()
}

fn nothing_came(campaign: &Campaign) -> bool {
    came(campaign).values().all(|number| *number == 0)
}

fn suppressed(campaign: &Campaign) -> String {
    campaign.run(["suppress", "list"]).success().out
}

fn reply(nth: usize, id: &str) -> String {
    format!(
        "From: Ada <ada@een.example>\nTo: appeal@alliance.example\nSubject: Re: A letter to Partij Een\n\
         Message-ID: <{nth}@een.example>\nIn-Reply-To: {id}\n\nWij nemen punt {nth} over.\n"
    )
}

#[test]
fn a_bounce_of_nobody_we_wrote_to_is_told_and_not_recorded() {
    let (campaign, mail) = sent();
    let strange = report("x@elsewhere.example", "<strange@other.example>", "5.1.1", "user unknown");
    mail.deliver("", strange.as_bytes());
    campaign.run(["inbox"]).success().said("of no letter that we know: bounce from");
    assert!(nothing_came(&campaign));
    assert!(!suppressed(&campaign).contains("elsewhere"));
}

#[test]
fn a_doubt_is_lifted_by_its_copy_in_sent_and_by_nothing_less() {
    let campaign = Campaign::to(["vanish-after-dot.a+once@partij.example", "b@partij.example"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    let mail = mailbox(&campaign);
    campaign.run(["send", "--yes"]);
    assert_eq!(campaign.states()["K1"], "in_doubt");
    mail.make("Sent");
    // The copy of another letter proves nothing of this one.
    mail.deliver("Sent", b"From: appeal@alliance.example\nMessage-ID: <another@alliance.example>\n\nx\n");
    campaign.run(["inbox"]).success();
    assert_eq!(campaign.states()["K1"], "in_doubt");

    let id = message_id(&campaign, "K1");
    mail.deliver("Sent", format!("From: appeal@alliance.example\nMessage-ID: {id}\n\nx\n").as_bytes());
    let before = mail.everything();
    campaign.run(["inbox"]).success().said("K1: in doubt no longer, since its copy lies in the Sent folder");
    assert_eq!(
        (campaign.states()["K1"].as_str(), campaign.standing("K1").as_str()),
        ("accepted", "awaiting-reply")
    );
    campaign.run(["why", "K1"]).success().said("its copy lies in the folder Sent");
    assert!(mail.everything() == before);
    // What lies in Sent is ours, and no answer of theirs.
    assert!(nothing_came(&campaign));
    let went = post.went_to().len();
    campaign.run(["send", "--yes"]).success();
    assert_eq!(post.went_to().iter().filter(|to| to.starts_with("vanish")).count(), 1, "sent again");
    assert!(post.went_to().len() - went <= 1);
}

#[test]
fn the_mailbox_is_read_while_another_process_holds_the_ledger() {
    let addresses: Vec<String> = (1..=10).map(|n| format!("p{n}@partij{n}.example")).collect();
    let campaign = Campaign::to(addresses.iter().map(String::as_str));
    let post = Post::spelled();
    campaign.send_to(post.port()).configure("unlimited = true", "per-minute = 60");
    let mail = mailbox(&campaign);
    let mut running = campaign.spawn(["send", "--yes"]);
    wait_until("the first letter to be accepted", || {
        (!post.went_to().is_empty() && campaign.states()["K1"] == "accepted").then_some(())
    });
    mail.deliver("", reply(1, &message_id(&campaign, "K1")).as_bytes());
    campaign.run(["inbox"]).success().said("K1 answered");
    assert!(running.is_running(), "it ended before the mailbox was read: {}", running.said_so_far());
    assert_eq!(campaign.standing("K1"), "replied");
    running.kill();
}

#[test]
fn where_the_record_fails_the_cursor_stays_and_the_next_reading_has_it_all() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "EEN");
    for nth in 0..3 {
        mail.deliver("", reply(nth, &id).as_bytes());
    }
    // The third of them cannot be written down.
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON inbound WHEN (SELECT count(*) FROM inbound) = 2 \
                BEGIN SELECT RAISE(ABORT, 'no room'); END";
    ledger.execute_batch(full).unwrap();
    campaign.run(["inbox"]).code(4);
    assert!(nothing_came(&campaign), "half a page is recorded");
    ledger.execute_batch("DROP TRIGGER full").unwrap();
    drop(ledger);
    campaign.run(["inbox"]).success().said("3 messages recorded");
    assert_eq!(came(&campaign)["EEN"], 3);
}

#[test]
fn where_their_words_cannot_be_kept_nothing_is_recorded_and_the_next_reading_has_it_all() {
    let (campaign, mail) = sent();
    mail.deliver("", reply(1, &message_id(&campaign, "EEN")).as_bytes());
    // A file where the folder should be.
    campaign.write("logs/replies", "");
    campaign
        .run(["inbox"])
        .code(4)
        .said("what they wrote cannot be kept")
        .said("what was recorded before holds");
    assert!(nothing_came(&campaign));
    fs::remove_file(campaign.file("logs/replies")).unwrap();
    campaign.run(["inbox"]).success().said("1 message recorded");
    campaign.run(["show", "EEN", "--replies"]).success().said("Wij nemen punt 1 over.");
}

#[test]
fn what_was_recorded_before_a_reading_broke_off_is_told_and_in_the_table() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "EEN");
    // More than a page.
    for nth in 0..250 {
        mail.deliver("", reply(nth, &id).as_bytes());
    }
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON inbound WHEN (SELECT count(*) FROM inbound) = 240 \
                BEGIN SELECT RAISE(ABORT, 'no room'); END";
    ledger.execute_batch(full).unwrap();
    let run = campaign.run(["inbox"]).code(4);
    assert_eq!(came(&campaign)["EEN"], 200, "the first page holds");
    assert_eq!(run.out.matches("EEN answered").count(), 200, "nobody is told of what was recorded");
    assert!(campaign.read("logs/status.csv").contains("replied"));
    ledger.execute_batch("DROP TRIGGER full").unwrap();
    campaign.run(["inbox"]).success().said("50 messages recorded");
    assert_eq!(came(&campaign)["EEN"], 250);
}

#[test]
fn number_13_an_answer_from_elsewhere_in_our_thread_counts_for_who_was_written_to() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "TWEE");
    let colleague = reply(1, &id).replace("ada@een.example", "secretariaat@elsewhere.example");
    mail.deliver("", colleague.as_bytes());
    campaign.run(["inbox"]).success();
    let twee = recipient(&campaign, "TWEE");
    assert_eq!(twee["standing"], "replied");
    let inbound = &twee["inbound"][0];
    assert_eq!(
        (&inbound["kind"], &inbound["from"]),
        (&"reply".into(), &"secretariaat@elsewhere.example".into())
    );
    assert_eq!(inbound["evidence"]["by"], "message-id");
    assert_eq!(inbound["evidence"]["evidence"], id.as_str());
    assert!(inbound["subject"].as_str().unwrap().starts_with("Re: "));
}

#[test]
fn number_14_our_own_letter_as_a_blind_copy_is_no_answer() {
    let (campaign, mail) = sent();
    for letter in campaign.rehearsed() {
        mail.deliver("", letter.as_bytes());
    }
    campaign.run(["inbox"]).success().said("nothing new about our letters");
    assert!(nothing_came(&campaign));
    assert_eq!(campaign.standing("EEN"), "awaiting-reply");
}

#[test]
fn numbers_15_16_and_17_an_absence_in_any_disguise_strikes_nobody_off_and_is_no_answer() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "DRIE");
    let back = Clock::system().now().to_zoned_datetime(TimeZone::UTC).date().saturating_add(20.days());
    let back = back.strftime("%d-%m-%Y");
    let absences = [
        // 15: a new thread, known by the address alone.
        "From: een@een.example\nTo: appeal@alliance.example\nSubject: Afwezig\nMessage-ID: <15@een.example>\n\
         Auto-Submitted: auto-replied\n\nIk ben afwezig.\n"
            .to_owned(),
        // 16: from a postmaster.
        "Return-Path: <>\nFrom: postmaster@twee.outbound.protection.example\nTo: appeal@alliance.example\n\
         Subject: Automatic reply: A letter to Partij Twee\nMessage-ID: <16@protection.example>\n\
         Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n\nI am out of the office.\n"
            .to_owned(),
        // 17: with an empty return path.
        format!(
            "Return-Path: <>\nFrom: drie@drie.example\nTo: appeal@alliance.example\nSubject: Re: A letter to Partij Drie\n\
             Message-ID: <17@drie.example>\nIn-Reply-To: {id}\nAuto-Submitted: auto-replied\n\nIk ben afwezig en terug op {back}.\n"
        ),
    ];
    for absence in absences {
        mail.deliver("", absence.as_bytes());
    }
    // Nothing in that of the postmaster says whose it is, so it is told, and counts for nobody.
    campaign.run(["inbox"]).success().said("auto-reply from postmaster@twee.outbound.protection.example");
    for key in ["EEN", "TWEE", "DRIE"] {
        let one = recipient(&campaign, key);
        assert_eq!(one["steps"][0]["state"], "accepted", "{one}");
        assert!(!["replied", "bounced", "suppressed"].contains(&one["standing"].as_str().unwrap()), "{one}");
    }
    // Of a date one knows what follows; an absence without one, or known by the address alone, is for a person.
    assert_eq!(campaign.standing("EEN"), "review");
    assert_eq!(campaign.standing("DRIE"), "auto-replied");
    assert!(!suppressed(&campaign).contains(".example"));
}

#[test]
fn number_18_a_bounce_without_a_report_is_recorded_as_one() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "TWEE");
    let plain = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nTo: appeal@alliance.example\nSubject: failure notice\n\
         Message-ID: <18@relay.example>\n\nHi. This is the qmail-send program at relay.example.\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\n\
         This is a permanent error; I've given up. Sorry it didn't work out.\n\n<twee@twee.example>:\n\
         Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n\
         From: appeal@alliance.example\nTo: twee@twee.example\nMessage-ID: {id}\n\nDear Programmacommissie,\n"
    );
    mail.deliver("", plain.as_bytes());
    campaign.run(["inbox"]).success().said("TWEE bounced: the address is bad (5.1.1)");
    assert_eq!(campaign.standing("TWEE"), "bounced");
    assert!(suppressed(&campaign).contains("twee@twee.example"));
}

#[test]
fn number_19_a_full_mailbox_gets_the_letter_again_later_and_stays_on_the_roster() {
    let (campaign, mail) = sent();
    let full = report("een@een.example", &message_id(&campaign, "EEN"), "5.2.2", "mailbox full");
    mail.deliver("", full.as_bytes());
    campaign.run(["inbox"]).success();
    let states: Vec<String> = recipient(&campaign, "EEN")["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| word(&step["state"]))
        .collect();
    assert_eq!(states.last().map(String::as_str), Some("queued"), "{states:?}");
    assert!(!suppressed(&campaign).contains("een@een.example"));
}

#[test]
fn number_21_no_flag_no_name_and_no_time_in_the_mailbox_is_changed() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "EEN");
    for (nth, flags) in ["", "S", "FS", "RS"].into_iter().enumerate() {
        let name = mail.deliver("", reply(nth, &id).as_bytes());
        if !flags.is_empty() {
            mail.flag("", &name, flags);
        }
    }
    let before = mail.everything();
    campaign.run(["inbox"]).success().said("4 messages recorded");
    campaign.run(["inbox"]).success();
    assert!(mail.everything() == before, "something in the mailbox changed");
}

#[test]
fn number_22_a_mailbox_that_was_moved_to_another_place_gives_nothing_twice_and_loses_nothing() {
    let (campaign, mail) = sent();
    let id = message_id(&campaign, "EEN");
    mail.deliver("", reply(1, &id).as_bytes());
    campaign.run(["inbox"]).success().said("1 message recorded");
    // Every file has another name, and the folder another path: no cursor helps.
    let moved = MaildirFolders::at(campaign.file("Moved"), None);
    moved.deliver("", reply(1, &id).as_bytes());
    moved.deliver("", reply(2, &id).as_bytes());
    campaign.configure("path = \"Maildir\"", "path = \"Moved\"");
    campaign.run(["inbox"]).success().said("1 message recorded");
    assert_eq!(came(&campaign)["EEN"], 2);
}

#[test]
fn number_27_a_machine_that_demands_something_waits_for_a_person() {
    let (campaign, mail) = sent();
    let demand = format!(
        "From: een@een.example\nTo: appeal@alliance.example\nSubject: Automatische reactie\nMessage-ID: <27@een.example>\n\
         In-Reply-To: {}\nAuto-Submitted: auto-replied\n\nVragen over ons programma beantwoorden wij alleen via het \
         contactformulier op onze\nwebsite. Dit postvak wordt niet gelezen.\n",
        message_id(&campaign, "EEN")
    );
    mail.deliver("", demand.as_bytes());
    campaign.run(["inbox"]).success().said("1 waits for your judgement");
    assert_eq!(campaign.standing("EEN"), "review");
    let list = campaign.run(["review", "--json"]).success().out;
    let item: Value = serde_json::from_str(list.lines().next().unwrap()).unwrap();
    campaign.run(["review", &item["number"].to_string(), "auto-reply"]).success();
    assert_eq!(campaign.standing("EEN"), "auto-replied");
}

#[test]
fn who_asks_for_no_more_letters_is_written_to_no_more() {
    let (campaign, mail) = sent();
    let stop = format!(
        "From: twee@twee.example\nTo: appeal@alliance.example\nSubject: Re: A letter to Partij Twee\n\
         Message-ID: <stop@twee.example>\nIn-Reply-To: {}\n\nGraag geen mails meer sturen, schrijf ons uit.\n",
        message_id(&campaign, "TWEE")
    );
    mail.deliver("", stop.as_bytes());
    campaign.run(["inbox"]).success().said("TWEE wants no more letters");
    assert_eq!(campaign.standing("TWEE"), "opted-out");
    assert!(suppressed(&campaign).contains("twee@twee.example"));
}
