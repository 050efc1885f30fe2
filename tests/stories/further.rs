//! Letters that follow the first: who gets one, who not and why, and the service that sends them by itself.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use postduif::clock::Clock;
use rusqlite::Connection;

use crate::returns::{mailbox, message_id};
use crate::support::servers::{signal, wait_until as wait_for};
use crate::support::town::Campaign;

const REMINDER: &str = "+++\n+++\nDear {{naam}},\n\nWe wrote to you on {{date first_letter_on}}{{#if away_until}}, and you were away \
                        until {{date away_until}}{{/if}}.\n\n{{quote}}\n";

/// A campaign of two letters with a mailbox, the first of which went ten days ago.
fn sent() -> Campaign {
    let campaign = two_letters();
    mailbox(&campaign);
    campaign.run(["send", "--yes"]).success();
    days_pass(&campaign);
    campaign
}

fn two_letters() -> Campaign {
    let campaign = Campaign::new();
    campaign.write("templates/reminder.md", REMINDER).configure(
        "[transport]",
        "[[step]]\nletter = \"reminder\"\nafter = \"3 working days\"\n\n[transport]",
    );
    campaign
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}

/// Ten days pass since the relay took what it took.
fn days_pass(campaign: &Campaign) {
    let ledger = Connection::open(campaign.file("logs/ledger.db")).unwrap();
    ledger.execute("UPDATE delivery SET ended_at = ended_at - 10 * 86400000", []).unwrap();
}

/// An answer to the first letter lies in the mailbox.
fn answers(campaign: &Campaign, key: &str, from: &str) {
    let id = message_id(campaign, key);
    let message = format!(
        "From: Ada <{from}>\nTo: appeal@alliance.example\nSubject: Re: A letter\nMessage-ID: <r-{key}@council.example>\n\
         In-Reply-To: {id}\nDate: Mon, 1 Sep 2025 11:00:00 +0200\n\nWe adopt point 1.\n"
    );
    campaign.write(&format!("Maildir/new/{key}.answer"), message);
}

/// A machine wrote a week ago, and told a day so many days from now; that day is returned.
fn is_away(campaign: &Campaign, key: &str, from: &str, days: i64) -> Date {
    let now = Clock::system().now().to_zoned_datetime(TimeZone::get("Europe/Amsterdam").unwrap());
    let (wrote, until) = (now.checked_sub(7.days()).unwrap(), now.checked_add(days.days()).unwrap());
    let id = message_id(campaign, key);
    let message = format!(
        "From: <{from}>\nTo: appeal@alliance.example\nSubject: Automatisch antwoord: A letter\nMessage-ID: <a-{key}@council.example>\n\
         In-Reply-To: {id}\nAuto-Submitted: auto-replied\nDate: {}\n\nIk ben afwezig tot {}.\n",
        wrote.strftime("%a, %d %b %Y %H:%M:%S %z"),
        until.strftime("%-d-%-m-%Y"),
    );
    campaign.write(&format!("Maildir/new/{key}.away"), message);
    until.date()
}

/// The letters that the rehearsal relay took, oldest first.
fn taken(campaign: &Campaign) -> Vec<String> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(campaign.file("logs/rehearsal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// The copies of the second letter to an address.
fn reminders(campaign: &Campaign, address: &str) -> Vec<String> {
    let to = format!("Delivered-To: <{address}>");
    let to_other = format!("Delivered-To: {address}");
    let all = taken(campaign).into_iter();
    all.filter(|mail| (mail.contains(&to) || mail.contains(&to_other)) && mail.contains("Subject: Re: "))
        .collect()
}

#[test]
fn who_gets_a_reminder_and_who_not_is_told_with_the_reason_of_each() {
    let campaign = sent();
    answers(&campaign, "EEN", "ada@een.example");
    let until = is_away(&campaign, "TWEE", "twee@twee.example", 40);
    let told = campaign.run(["follow-up", "--dry-run"]).success();
    let (now, later) = told.out.split_once("\nlater (1)\n").unwrap();
    assert!(
        now.contains("1 letter to go now") && now.contains("DRIE  letter 2 (reminder), due since"),
        "{now}"
    );
    assert!(later.contains("TWEE  letter 2 (reminder), "), "{later}");
    assert!(later.contains(&format!("because they are away until {until}")), "{later}");
    assert!(later.contains("none (1)\n  EEN   answered"), "{later}");
    assert_eq!(taken(&campaign).len(), 3, "a dry run sends nothing");
    campaign.run(["why", "EEN"]).success().said("no letter follows");
    campaign.run(["why", "TWEE"]).success().said("next: letter 2 (reminder), ");
    campaign.run(["status"]).success().said("1 further letter due");
}

#[test]
fn a_reminder_goes_into_the_same_thread_and_can_be_shown_again() {
    let campaign = sent();
    answers(&campaign, "EEN", "ada@een.example");
    let first = message_id(&campaign, "DRIE");
    campaign.run(["follow-up", "--yes"]).success();
    assert_eq!(taken(&campaign).len(), 5);
    assert!(reminders(&campaign, "een@een.example").is_empty());
    let reminder = reminders(&campaign, "drie@drie.example").remove(0);
    assert!(reminder.contains(&format!("In-Reply-To: {first}")), "{reminder}");
    assert!(reminder.contains("Subject: Re: A letter to Partij Drie"), "{reminder}");
    assert!(reminder.contains("> Dear Programmacommissie,"), "the first letter is quoted: {reminder}");
    let shown = campaign.run(["show", "DRIE"]).success();
    assert!(reminder.replace("\r\n", "\n").ends_with(&shown.out.replace("\r\n", "\n")), "byte for byte");
    let shown = campaign.run(["show", "DRIE", "--step", "1"]).success();
    assert!(shown.out.contains(&format!("Message-ID: {first}")), "{}", shown.out);
    // Once is enough.
    campaign.run(["follow-up", "--yes"]).success().said("0 letters to go now");
    assert_eq!(taken(&campaign).len(), 5);
    campaign.run(["status"]).success().said("finished");
    campaign.run(["why", "DRIE"]).success().said("letter 2 (reminder) accepted").said("has had every letter");
}

#[test]
fn who_was_away_and_is_back_gets_the_right_word() {
    let campaign = sent();
    is_away(&campaign, "TWEE", "twee@twee.example", -3);
    campaign.run(["follow-up", "--yes", "--only", "twee"]).success();
    let reminder = reminders(&campaign, "twee@twee.example").remove(0);
    assert!(reminder.contains("you were away"), "{reminder}");
    assert_eq!(taken(&campaign).len(), 4, "only the one who was asked for");
}

#[test]
fn without_a_mailbox_nobody_is_reminded() {
    let campaign = two_letters();
    campaign.run(["send", "--yes"]).success();
    days_pass(&campaign);
    campaign.run(["follow-up", "--yes"]).code(2).said("no mailbox is configured").said("nothing was sent");
    campaign.run(["follow-up", "--dry-run"]).success().said("3 letters to go now");
    mailbox(&campaign);
    fs::remove_dir_all(campaign.file("Maildir")).unwrap();
    campaign.run(["follow-up", "--yes"]).said("nothing was");
    assert_eq!(taken(&campaign).len(), 3);
}

#[test]
fn one_exception_is_made_and_is_only_that_one() {
    let campaign = sent();
    answers(&campaign, "EEN", "ada@een.example");
    answers(&campaign, "TWEE", "bo@twee.example");
    campaign.run(["follow-up", "--yes", "--despite-reply", "een"]).success();
    assert_eq!(reminders(&campaign, "een@een.example").len(), 1);
    assert!(reminders(&campaign, "twee@twee.example").is_empty());
}

#[test]
fn a_held_letter_waits_until_it_is_released() {
    let campaign = sent();
    campaign.run(["mark", "DRIE", "hold", "they call back on Friday"]).success();
    campaign.run(["follow-up", "--yes"]).success().said("you hold it back: they call back on Friday");
    assert!(reminders(&campaign, "drie@drie.example").is_empty());
    campaign.run(["why", "DRIE"]).success().said("the next letter waits: you hold it back");
    campaign.run(["mark", "DRIE", "release"]).success();
    campaign.run(["follow-up", "--yes"]).success();
    assert_eq!(reminders(&campaign, "drie@drie.example").len(), 1);
}

#[test]
fn a_letter_that_none_has_had_may_be_edited_and_one_that_went_may_not() {
    let campaign = sent();
    campaign.write("templates/reminder.md", REMINDER.replace("We wrote", "As you may remember, we wrote"));
    campaign.write("templates/letter.md", "+++\nsubject = \"Other\"\n+++\nOther words.\n");
    campaign.run(["follow-up", "--yes", "--only", "EEN"]).success().said("the frozen ones go out");
    let reminder = reminders(&campaign, "een@een.example").remove(0);
    assert!(
        reminder.contains("As you may remember") && reminder.contains("> This is for Partij Een"),
        "{reminder}"
    );
    campaign.write("templates/reminder.md", "+++\n+++\nToo late.\n");
    campaign.run(["follow-up", "--yes"]).success();
    assert!(reminders(&campaign, "drie@drie.example").remove(0).contains("As you may remember"));
}

#[test]
fn the_service_reminds_who_did_not_answer_and_ends_when_nobody_is_left() {
    let campaign = sent();
    answers(&campaign, "EEN", "ada@een.example");
    let run = campaign.run(["run", "--yes"]).success();
    assert!(run.err.contains("2 further letters due: "), "{}", run.err);
    assert!(run.out.contains("EEN answered"), "{}", run.out);
    assert!(reminders(&campaign, "een@een.example").is_empty());
    for address in ["twee@twee.example", "drie@drie.example"] {
        assert_eq!(reminders(&campaign, address).len(), 1, "{address}");
    }
    campaign.run(["status"]).success().said("finished");
}

/// A reminder with a file of each party, which need not be there: one is, one is not, and one is no file.
fn with_files() -> Campaign {
    let campaign = sent();
    let front = "+++\nattachments = [{ path = \"per-partij/{{afkorting}}.txt\", optional = true }]\n+++\n";
    campaign.write("templates/reminder.md", REMINDER.replacen("+++\n+++\n", front, 1));
    campaign.write("attachments/per-partij/EEN.txt", "Beste partij Een");
    fs::create_dir(campaign.file("attachments/per-partij/TWEE.txt")).unwrap();
    campaign
}

fn has_its_file(campaign: &Campaign) {
    let (een, drie) = (reminders(campaign, "een@een.example"), reminders(campaign, "drie@drie.example"));
    assert_eq!((een.len(), drie.len()), (1, 1));
    assert!(een[0].contains("filename=\"EEN.txt\""), "{}", een[0]);
    assert!(!drie[0].contains("filename="), "{}", drie[0]);
    assert!(
        reminders(campaign, "twee@twee.example").is_empty(),
        "nothing goes without what is wanted and there"
    );
}

#[test]
fn a_reminder_takes_its_file_along_and_waits_where_that_cannot_be_read() {
    let campaign = with_files();
    let waits = "TWEE: its letter waits, because attachments/per-partij/TWEE.txt: it is no file";
    campaign.run(["follow-up", "--yes"]).said(waits);
    has_its_file(&campaign);
    fs::remove_dir(campaign.file("attachments/per-partij/TWEE.txt")).unwrap();
    campaign.run(["follow-up", "--yes"]).success();
    assert_eq!(reminders(&campaign, "twee@twee.example").len(), 1);
}

#[test]
fn a_reminder_that_is_written_after_the_first_letter_changes_nothing_of_that() {
    let campaign = sent();
    campaign.write("templates/reminder.md", REMINDER.replace("We wrote", "As you may remember, we wrote"));
    let answer = campaign.run(["follow-up", "--yes"]).success();
    assert!(!answer.out.contains("differ from what was frozen"), "{answer:?}");
    assert!(!answer.err.contains("differ from what was frozen"), "{answer:?}");
    // The first letter itself is another matter.
    campaign.write(
        "templates/letter.md",
        fs::read_to_string(campaign.file("templates/letter.md")).unwrap() + "\nMore.\n",
    );
    campaign.run(["follow-up"]).said("differ from what was frozen");
}

#[test]
fn the_service_takes_the_file_of_a_reminder_along_and_waits_where_that_cannot_be_read() {
    let campaign = with_files();
    let running = campaign.spawn(["run", "--yes"]);
    let waits = "TWEE: its letter waits, because attachments/per-partij/TWEE.txt: it is no file";
    wait_until("one waits", || running.said_so_far().contains(waits));
    wait_until("the others have gone", || taken(&campaign).len() == 5);
    running.interrupt();
    running.wait().success();
    has_its_file(&campaign);
}

#[test]
fn the_service_sends_the_first_letters_too_and_stops_at_a_sign() {
    let campaign = two_letters();
    mailbox(&campaign);
    // Without a terminal nobody can be asked.
    campaign.run(["run"]).code(2).said("there is no terminal to ask at");
    let mut running = campaign.spawn(["run", "--yes"]);
    wait_until("the next letter is known", || running.said_so_far().contains("the next letter is due"));
    assert_eq!(taken(&campaign).len(), 3);
    assert!(running.is_running());
    signal(running.pid(), "TERM");
    running.wait().success().said("`postduif run` goes on there");
    // The plan was approved: it goes on without being asked.
    let running = campaign.spawn(["run"]);
    wait_until("it waits again", || running.said_so_far().contains("the next letter is due"));
    running.interrupt();
    running.wait().success();
    assert_eq!(taken(&campaign).len(), 3);
}

#[test]
fn a_pause_and_a_cancellation_reach_the_service_while_it_runs() {
    let campaign = sent();
    campaign.run(["mark", "EEN", "hold"]).success();
    campaign.run(["pause", "a question came up"]).success();
    let mut running = campaign.spawn(["run", "--yes"]);
    wait_until("it is told of the pause", || running.said_so_far().contains("paused: a question came up"));
    assert_eq!(taken(&campaign).len(), 3, "nothing follows while it is paused");
    campaign.run(["resume"]).success();
    wait_until("the reminders have gone", || taken(&campaign).len() == 5);
    assert!(running.is_running(), "one is held back, so the campaign goes on");
    campaign.run(["cancel", "--yes"]).success();
    wait_until("it has ended", || !running.is_running());
    running.wait().said("cancelled");
    assert_eq!(taken(&campaign).len(), 5);
}

#[test]
fn an_overdue_schedule_asks_before_it_fires() {
    let campaign = sent();
    let running = campaign.spawn(["run"]);
    wait_until("it says what is overdue", || {
        running.said_so_far().contains("3 letters should have gone more than 2 days ago, and wait for you")
    });
    running.interrupt();
    running.wait().success();
    assert_eq!(taken(&campaign).len(), 3);
    campaign.run(["follow-up", "--yes"]).success();
    assert_eq!(taken(&campaign).len(), 6);
}

#[test]
fn a_reply_that_arrives_while_the_service_waits_is_heard_before_the_reminder() {
    let campaign = sent();
    campaign.run(["pause", "wait"]).success();
    let running = campaign.spawn(["run", "--yes"]);
    wait_until("it is paused", || running.said_so_far().contains("paused: wait"));
    answers(&campaign, "TWEE", "bo@twee.example");
    campaign.run(["resume"]).success();
    running.wait().success();
    assert!(reminders(&campaign, "twee@twee.example").is_empty());
    assert_eq!(taken(&campaign).len(), 5);
}

#[test]
fn the_answer_comes_from_an_alias_or_a_colleague_and_no_reminder_goes_out() {
    // Field bug 13.
    let campaign = sent();
    // A colleague, in the thread: sure.
    answers(&campaign, "EEN", "fractie@elders.example");
    // Another address of the office, by hand and without any thread: a person decides, and until then the reminder waits.
    let now = Clock::system().now().to_zoned_datetime(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S %z");
    let by_hand = format!(
        "From: Secretariaat <secretariaat@twee.example>\nTo: appeal@alliance.example\nSubject: RE: A letter to Partij Twee\n\
         Message-ID: <new@twee.example>\nDate: {now}\n\nWij nemen punt 2 over.\n"
    );
    campaign.write("Maildir/new/alias", by_hand);
    let told = campaign.run(["follow-up", "--yes"]).success();
    assert!(told.out.contains("EEN   answered"), "{}", told.out);
    assert!(told.out.contains("TWEE  something waits for your judgement"), "{}", told.out);
    assert!(reminders(&campaign, "een@een.example").is_empty());
    assert!(reminders(&campaign, "twee@twee.example").is_empty());
    assert_eq!(reminders(&campaign, "drie@drie.example").len(), 1);
    let listed = campaign.run(["review", "--json"]).success().out;
    let number = serde_json::from_str::<serde_json::Value>(&listed).unwrap()["number"].to_string();
    campaign.run(["review", &number, "reply"]).success();
    campaign.run(["follow-up", "--yes"]).success().said("0 letters to go now");
    campaign.run(["status"]).success().said("finished");
}

#[test]
fn our_own_follow_up_seen_in_the_inbox_is_no_reply() {
    // Field bug 14: a copy to ourselves, or one that a server sorted into the inbox, also under another Message-ID.
    let campaign = Campaign::new();
    campaign
        .write("templates/reminder.md", REMINDER)
        .write("templates/last.md", REMINDER)
        .configure(
            "[transport]",
            "[[step]]\nletter = \"reminder\"\nafter = \"3 working days\"\n\n[[step]]\nletter = \"last\"\nafter = \"3 working days\"\n\n[transport]",
        );
    mailbox(&campaign);
    campaign.run(["send", "--yes"]).success();
    days_pass(&campaign);
    campaign.run(["follow-up", "--yes"]).success();
    days_pass(&campaign);
    let copy = reminders(&campaign, "drie@drie.example").remove(0).replace("\r\n", "\n");
    campaign.write("Maildir/new/copy", &copy);
    let id = copy.lines().find(|line| line.starts_with("Message-ID:")).unwrap();
    campaign.write("Maildir/new/another", copy.replace(id, "Message-ID: <given.by@relay.example>"));
    let told = campaign.run(["follow-up", "--dry-run"]).success();
    assert!(told.out.contains("3 letters to go now"), "{}\n{}", told.out, told.err);
    assert!(told.out.contains("DRIE  letter 3 (last), due since"), "{}", told.out);
}

#[test]
fn the_service_tells_its_health_and_its_numbers_on_this_machine_alone() {
    let campaign = sent();
    campaign
        .run(["run", "--yes", "--status-listen", "0.0.0.0:0"])
        .code(2)
        .said("can be reached from other machines");
    campaign.run(["mark", "EEN", "hold"]).success();
    let running = campaign.spawn(["run", "--yes", "--status-listen", "127.0.0.1:0"]);
    wait_until("the others have been reminded", || {
        running.said_so_far().contains("waits for answers, or for you")
    });
    let said = running.said_so_far();
    let address = said.split("metrics at http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let get = |path: &str| {
        let mut line = TcpStream::connect(&address).unwrap();
        write!(line, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        answer
    };
    let health = get("/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"state\":\"running\""), "{health}");
    assert!(!health.contains("\"mailbox_read_at\":null"), "{health}");
    let metrics = get("/metrics");
    let reminded = metrics.lines().find(|line| {
        line.contains("postduif_deliveries{") && line.contains("step=\"2\"") && line.contains("accepted")
    });
    assert!(reminded.is_some_and(|line| line.ends_with(" 2")), "{metrics}");
    running.interrupt();
    running.wait().success();
}

#[test]
fn a_column_that_came_later_is_heard_by_the_reminder_and_the_first_letter_stays_what_it_was() {
    let campaign = sent();
    campaign
        .write("templates/reminder.md", format!("{REMINDER}\n{{{{optional groet}}}}\n"))
        .write(
            "recipients.csv",
            "afkorting,partij,naam,e-mail,groet,gebeld\nEEN,Partij Een,Programmacommissie,een@een.example,Dag!,\n\
             TWEE,Partij Twee,Programmacommissie,twee@twee.example,Hoi!,ja\nDRIE,Partij Drie,Programmacommissie,drie@drie.example,,\n",
        )
        .configure("after = \"3 working days\"", "after = \"3 working days\"\nunless = \"gebeld = ja\"");
    let told = campaign.run(["follow-up", "--yes"]).success();
    assert!(told.out.contains("2 letters to go now"), "{}", told.out);
    campaign.run(["why", "TWEE"]).success().said("left out by `unless = \"gebeld = ja\"`");
    assert!(reminders(&campaign, "een@een.example").remove(0).contains("Dag!"));
    assert!(reminders(&campaign, "twee@twee.example").is_empty());
    for (key, step) in [("EEN", "1"), ("EEN", "2"), ("TWEE", "1"), ("DRIE", "2")] {
        campaign.run(["show", key, "--step", step]).success();
    }
    let shown = campaign.run(["show", "EEN"]).success().out;
    let sent = reminders(&campaign, "een@een.example").remove(0);
    assert!(sent.replace("\r\n", "\n").ends_with(&shown.replace("\r\n", "\n")), "byte for byte");
}
