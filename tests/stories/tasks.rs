//! Recipients who take no mail, and deadlines: in the plan, on the desk of a person, done, overdue, too late.

use std::fs;

use crate::desk::{Post, word};
use crate::support::servers::wait_until;
use crate::support::town::Campaign;

const HEADINGS: &str = "afkorting,partij,naam,e-mail,kanaal,link,limiet,deadline\n";
const FORM: &str =
    "D66,Partij D,Programmacommissie,,webformulier,https://d66.example/contact,2.000,12-9-2099\n";
const MAIL: &str = "EEN,Partij Een,Programmacommissie,een@een.example,e-mail,,,\n";

/// A campaign with these rows below the headings that tasks need.
fn campaign(rows: impl IntoIterator<Item = &'static str>) -> Campaign {
    let campaign = Campaign::new();
    let rows: String = rows.into_iter().collect();
    campaign.write("recipients.csv", format!("{HEADINGS}{rows}"));
    campaign
}

/// Two letters, and a task of each kind: one with everything, one that is overdue, one with nothing.
fn mixed() -> Campaign {
    campaign([
        MAIL,
        FORM,
        "SGP,Partij S,Programmacommissie,,post,,,1-9-2020\n",
        "TWEE,Partij Twee,Programmacommissie,twee@twee.example,,,,\n",
        "VVD,Partij V,Programmacommissie,,telefoon,,,\n",
    ])
}

/// The plan without the lines that tell the time and the digest.
fn timeless(text: &str) -> String {
    let told = |line: &&str| !line.starts_with("  when ") && !line.starts_with("  plan ");
    text.lines().filter(told).map(|line| format!("{line}\n")).collect()
}

fn recipient(campaign: &Campaign, key: &str) -> serde_json::Value {
    let status = campaign.status();
    status["recipients"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
}

#[test]
fn the_plan_has_the_tasks_and_a_run_says_what_there_is_to_do_for_each() {
    let campaign = mixed();
    campaign.configure("name = \"appeal\"", "name = \"appeal\"\ndeadline = 2099-10-28");
    insta::assert_snapshot!("plan_with_tasks", timeless(&campaign.run(["preview"]).success().out));
    campaign.run(["check"]).success().said("2 letters would go out, and 3 tasks for a person to do");
    let before = campaign.run(["preview", "--digest"]).success().out;

    let run = campaign.run(["send", "--yes"]).success();
    insta::assert_snapshot!(run.out, @r"
    appeal: running
              5 recipients
              2 accepted
              3 tasks for a person, open
    ");
    let told = run.err.split("\n\n").last().unwrap();
    insta::assert_snapshot!(told, @r"
    3 tasks for a person are open:
      D66  web form, by 12 September 2099: https://d66.example/contact
           `postduif preview D66 --text`, then `postduif mark D66 done`
      SGP  post, overdue since 1 September 2020
           `postduif preview SGP --text`, then `postduif mark SGP done`
      VVD  telephone, by 28 October 2099
           `postduif preview VVD --text`, then `postduif mark VVD done`
    look in logs/status.csv, logs/delivery.jsonl, the letters themselves in logs/rehearsal; or `postduif why KEY`
    ");
    assert_eq!(campaign.rehearsed().len(), 2, "nothing goes out for a task");
    // The last day is a part of what is approved.
    campaign.configure("2099-10-28", "2099-10-29");
    assert_ne!(campaign.run(["preview", "--digest"]).success().out, before);
    campaign.run(["send", "--yes", "--plan", before.trim()]).code(2).said("not the plan that was approved");
}

#[test]
fn status_why_and_the_table_tell_what_a_person_has_to_do() {
    let campaign = mixed();
    campaign.run(["send", "--yes"]).success();
    let form = recipient(&campaign, "D66");
    let known = [
        "key",
        "address",
        "organisation",
        "channel",
        "deadline",
        "link",
        "limit",
        "standing",
        "steps",
        "inbound",
    ];
    assert_eq!(form.as_object().unwrap().keys().collect::<Vec<_>>(), known);
    assert_eq!((&form["channel"], &form["address"]), (&"web-form".into(), &serde_json::Value::Null));
    assert_eq!((&form["deadline"], &form["limit"]), (&"2099-09-12".into(), &2000.into()));
    assert_eq!(
        (word(&form["link"]), word(&form["standing"])),
        ("https://d66.example/contact".into(), "task".into())
    );
    assert_eq!((&form["steps"][0]["state"], &form["steps"][0]["message_id"]), (&"task".into(), &().into()));
    let paper = recipient(&campaign, "SGP");
    assert_eq!((word(&paper["channel"]), &paper["overdue"]), ("post".into(), &true.into()));
    assert!(paper.get("link").is_none() && paper.get("limit").is_none());
    let mail = recipient(&campaign, "EEN");
    assert_eq!(
        (word(&mail["channel"]), mail.get("deadline"), mail.get("overdue")),
        ("mail".into(), None, None)
    );

    campaign
        .run(["status"])
        .success()
        .said("D66   task            web form, by 12 September 2099: https://d66.example/contact")
        .said("SGP   task            post, overdue since 1 September 2020")
        .said("VVD   task            telephone\n");
    insta::assert_snapshot!(campaign.run(["why", "D66"]).success().out, @"D66 (web form): a task for a person, still open, by 12 September 2099: https://d66.example/contact; `postduif preview D66 --text` prints the text, `postduif mark D66 done` when it is done");
    insta::assert_snapshot!(campaign.run(["why", "SGP"]).success().out, @"SGP (post): a task for a person, still open, overdue since 1 September 2020; `postduif preview SGP --text` prints the text, `postduif mark SGP done` when it is done");
    let table = campaign.read("logs/status.csv");
    assert!(table.contains(",12-9-2099,task,task,1,0,,,\"web form, by 12 September 2099\",\n"), "{table}");
    assert!(table.contains("\"post, overdue since 1 September 2020\",\n"), "{table}");
}

#[test]
fn the_text_to_copy_is_all_there_is_on_standard_output() {
    let campaign = mixed();
    campaign.edit("recipients.csv", "2.000", "40");
    let run = campaign.run(["preview", "D66", "--text"]).success();
    assert_eq!(run.out, "Dear Programmacommissie,\n\nThis is for Partij D.\n");
    insta::assert_snapshot!(run.err, @r"
    Task:     web form, by 12 September 2099
    Link:     https://d66.example/contact
    Length:   47 of at most 40 characters: 7 too many
    Subject:  A letter to Partij D
    warning: the text is longer than the 40 characters that the form takes
    ");
    // For any recipient, and also where nobody wants to hear the rest.
    let run = campaign.run(["preview", "EEN", "--text"]).success();
    assert_eq!(run.out, "Dear Programmacommissie,\n\nThis is for Partij Een.\n");
    assert!(run.err.contains("To:       Programmacommissie <een@een.example>"), "{}", run.err);
    let run = campaign.run(["-q", "preview", "vvd", "--text"]).success();
    assert_eq!((run.out.lines().count(), run.err.as_str()), (3, ""));
    // What makes no sense for a task.
    campaign
        .run(["preview", "D66", "--raw"])
        .code(2)
        .said("D66 takes no mail, so there is no message")
        .said("postduif preview D66 --text");
    campaign.run(["preview", "--text"]).code(2).said("<KEY>");
    campaign.run(["preview", "D66", "--text", "--raw"]).code(2);
    let shown = campaign.run(["preview", "D66"]).success().out;
    assert!(shown.starts_with("Task:     web form") && shown.ends_with("This is for Partij D.\n"), "{shown}");
    assert!(!campaign.file("logs").exists(), "a preview writes nothing");
}

#[test]
fn the_written_preview_has_a_file_for_each_task_and_lists_it() {
    let campaign = mixed();
    campaign.add_row("BIJ1,<b>Partij</b> & 'Bij',Programmacommissie,,webformulier,javascript:alert(1),,");
    campaign.run(["preview", "--out", "out"]).success().said("wrote 2 letters and 4 tasks into out");
    let mut names: Vec<String> = fs::read_dir(campaign.file("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "0001-EEN.eml",
            "0002-D66.txt",
            "0003-SGP.txt",
            "0004-TWEE.eml",
            "0005-VVD.txt",
            "0006-BIJ1.txt",
            "index.html"
        ]
    );
    insta::assert_snapshot!(campaign.read("out/0002-D66.txt"), @r"
    For:      D66
    Task:     web form, by 12 September 2099
    Link:     https://d66.example/contact
    Length:   47 of at most 2,000 characters
    Subject:  A letter to Partij D

    ------------------------------------------------------------------------

    Dear Programmacommissie,

    This is for Partij D.
    ");
    let page = campaign.read("out/index.html");
    for told in [
        "<b>D66</b> web form, by 12 September 2099",
        "<a href=\"https://d66.example/contact\" rel=\"noreferrer\">",
        "href=\"0002-D66.txt\"",
        "<b>SGP</b> post, overdue since 1 September 2020",
        "This is for &lt;b&gt;Partij&lt;/b&gt; &amp; &#39;Bij&#39;.",
    ] {
        assert!(page.contains(told), "the page does not say {told}:\n{page}");
    }
    assert!(page.contains("javascript:alert(1)") && !page.contains("href=\"javascript"), "{page}");
}

#[test]
fn check_tells_what_a_form_would_not_take() {
    let campaign = campaign([
        MAIL,
        FORM,
        "A,Partij A,Programmacommissie,,webformulier,,,\n",
        "B,Partij B,Programmacommissie,,webformulier,http://b.example/contact,,\n",
        "C,Partij C,Programmacommissie,,webformulier,https://c.example/contact,40,\n",
        "D,Partij D,Programmacommissie,,webformulier,https://d.example/contact,veel,\n",
        "E,Partij E,Programmacommissie,,post,,10,\n",
    ]);
    let told = campaign.run(["check"]).success().err;
    let warnings: String = told
        .lines()
        .filter(|line| line.contains(".csv:") && line.contains("warning:"))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!(warnings, @r"
    recipients.csv:4: warning: A: the web form has no link; put the form's address into the column `link`
    recipients.csv:5: warning: B: the web form's link is no https address: `http://b.example/contact`; write the whole address, with `https://`
    recipients.csv:6: warning: C: the text has 47 characters, and the form takes 40; leave something out for forms, with `{{#if}}` in the letter
    recipients.csv:7: warning: D: `limiet` is no number of characters: `veel`; write digits, such as `2000`, or leave the cell empty
    ");
    campaign.configure("key = \"afkorting\"", "key = \"afkorting\"\nlink = \"linkk\"\nlimit = \"tekens\"");
    campaign
        .run(["check"])
        .code(2)
        .said("recipients.csv: no column is headed `linkk`, where `link` should come from; did you mean `link`?")
        .said("no column is headed `tekens`, where `limit` should come from");
}

/// The letter says less in a form, and the warning is gone.
#[test]
fn a_letter_may_say_less_in_a_form() {
    let campaign = campaign([MAIL, FORM]);
    campaign.edit("recipients.csv", "2.000", "30");
    campaign.edit(
        "templates/letter.md",
        "This is for",
        "{{#unless (eq kanaal \"webformulier\")}}At length.{{/unless}}\n\nFor",
    );
    campaign.edit("templates/letter.md", "Dear {{naam}},\n\n", "");
    assert!(!campaign.run(["check"]).success().err.contains("the form takes"));
    assert_eq!(campaign.run(["preview", "D66", "--text"]).success().out, "For Partij D.\n");
}

#[test]
fn a_task_is_marked_done_and_open_again_and_the_history_has_both() {
    let campaign = mixed();
    campaign.run(["mark", "D66", "done"]).code(2).said("nothing has been sent yet");
    campaign.run(["send", "--yes"]).success();
    campaign.run(["mark", "d66", "done", "--note", " receipt 12 "]).success().said("the task D66 is done\n");
    assert_eq!(campaign.standing("D66"), "done");
    campaign.run(["why", "D66"]).success().said("D66 (web form): done by hand ").said("; receipt 12\n");
    assert!(campaign.read("logs/status.csv").contains(",done,done,1,0,,,done by hand 20"));
    campaign.run(["preview"]).success().said("1 done by hand: D66").said("2 tasks for a person: SGP");
    campaign.run(["mark", "D66", "open", "--note", "the form had an error"]).success().said("is open again");
    assert_eq!(campaign.standing("D66"), "task");
    campaign.run(["mark", "SGP", "done"]).success();
    campaign.run(["mark", "VVD", "done", "--step", "1"]).success();
    campaign.run(["mark", "D66", "done"]).success().said("the task D66 is done, and with it the campaign");
    assert_eq!(campaign.status()["state"], "finished");
    let words: Vec<(String, serde_json::Value)> = campaign
        .events()
        .iter()
        .filter(|event| event["key"] == "D66")
        .map(|event| (word(&event["event"]), event["note"].clone()))
        .collect();
    let told = |event: &str, note: &str| (event.to_owned(), note.into());
    assert_eq!(
        words,
        [
            told("done", "receipt 12"),
            told("open", "the form had an error"),
            ("done".into(), serde_json::Value::Null)
        ]
    );
    campaign.run(["send", "--yes"]).success().said("3 done by hand");
    assert_eq!(campaign.rehearsed().len(), 2);
}

#[test]
fn a_word_that_makes_no_sense_says_which_command_was_meant() {
    let campaign = campaign([
        FORM,
        MAIL,
        "WEG,Partij Weg,Programmacommissie,vanish-after-dot@weg.example,,,,\n",
        "DRIE,Partij Drie,Programmacommissie,drie@drie.example,,,,\n",
    ]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    campaign.run(["send", "--yes", "--only", "WEG"]).code(5);
    campaign.run(["send", "--yes", "--only", "EEN"]).code(5);
    for (arguments, why, hint) in [
        (["mark", "EEN", "done"], "`EEN` is no task: its letter goes by mail (accepted)", "postduif why EEN"),
        (["mark", "DRIE", "done"], "its letter goes by mail (queued)", "postduif send --only DRIE"),
        (["mark", "WEG", "done"], "its letter goes by mail (in doubt)", "postduif settle WEG accepted"),
        (["mark", "D66", "open"], "the task `D66` is open already", "postduif mark D66 done"),
        (["mark", "D67", "done"], "no recipient has the key `D67`", "postduif status"),
        (
            ["settle", "D66", "again"],
            "D66 is a task for a person, not a letter in doubt",
            "postduif mark D66 done",
        ),
    ] {
        campaign.run(arguments).code(2).said(why).said(hint);
    }
    campaign.run(["mark", "D66", "done"]).success();
    campaign.run(["mark", "D66", "done"]).code(2).said("is done already").said("postduif mark D66 open");
    campaign.run(["mark", "D66", "open", "--step", "2"]).code(2).said("no step 2 for `D66`");
    campaign.run(["mark", "D66", "answered"]).code(2).said("done").said("open").said("replied");
    campaign.run(["mark", "D66"]).code(2).said("<WORD>");
}

#[test]
fn a_task_is_marked_while_another_process_sends() {
    let campaign =
        campaign([FORM, "STIL,Partij Stil,Programmacommissie,silent-after-dot@stil.example,,,,\n"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    let running = campaign.spawn(["send", "--yes"]);
    let in_flight = || campaign.states().get("STIL").is_some_and(|state| state == "in_flight");
    wait_until("the letter in flight", || in_flight().then_some(()));
    campaign.run(["mark", "D66", "done", "--note", "receipt 12"]).success();
    assert_eq!(campaign.standing("D66"), "done");
    assert!(campaign.read("logs/status.csv").contains("receipt 12"));
    running.kill();
    // The one that was killed wrote no line of it; the next one does.
    campaign.run(["send", "--yes"]).code(5);
    assert_eq!(campaign.events().iter().filter(|event| event["event"] == "done").count(), 1);
    assert_eq!(campaign.standing("D66"), "done");
}

#[test]
fn a_campaign_of_tasks_alone_needs_nobodys_approval_and_no_relay() {
    let campaign = campaign([FORM, "SGP,Partij S,Programmacommissie,,post,,,\n"]);
    // Nothing listens there.
    campaign.send_to(9);
    let run = campaign
        .run(["send"])
        .success()
        .said("0 letters to 2 recipients")
        .said("2 tasks for a person are open");
    assert!(!run.err.contains("terminal"), "{}", run.err);
    assert_eq!(campaign.status()["state"], "running");
    campaign.run(["send", "--wait"]).success();
    campaign.run(["mark", "D66", "done"]).success();
    // The text may change until somebody has it.
    campaign.edit("templates/letter.md", "This is for", "This is now for");
    campaign.run(["preview", "SGP", "--text"]).success().said("This is for Partij S");
    campaign.run(["mark", "SGP", "done"]).success().said("and with it the campaign");
    campaign.run(["send"]).success().said("appeal: finished");
}

#[test]
fn a_text_that_nobody_has_yet_may_still_change() {
    let campaign = campaign([FORM]);
    campaign.run(["send"]).success();
    campaign.edit("templates/letter.md", "This is for", "This is now for");
    let run = campaign.run(["preview", "D66", "--text"]).success().said("This is now for");
    assert!(!run.err.contains("frozen"), "{}", run.err);
    campaign.run(["send"]).success();
    campaign.run(["mark", "D66", "done"]).success();
    campaign.edit("templates/letter.md", "This is now for", "This is no more for");
    campaign.run(["preview"]).success().said("differ from what was frozen");
}

#[test]
fn only_and_limit_count_letters_and_say_what_is_done_by_hand() {
    let campaign = mixed();
    let run = campaign.run(["send", "--only", "D66"]).success();
    assert!(
        run.err.contains("by hand, and not by `send`: D66")
            && run.err.contains("1 task for a person is open")
    );
    assert!(!run.err.contains("SGP"), "only what was asked for: {}", run.err);
    assert!(campaign.rehearsed().is_empty());
    let run = campaign.run(["send", "--yes", "--limit", "1"]).success();
    assert!(run.err.contains("3 tasks for a person are open"), "{}", run.err);
    assert_eq!(campaign.accepted(), ["EEN"]);
    let run = campaign.run(["send", "--yes", "--only", "TWEE"]).success();
    assert!(!run.err.contains("for a person"), "{}", run.err);
    campaign.run(["mark", "D66", "done"]).success();
    campaign.run(["send", "--only", "D66"]).success().said("1 done by hand: D66");
}

/// A row that is a task by now, though its letter went: told, and nothing happens.
#[test]
fn a_row_that_turned_into_a_task_after_its_letter_went_is_told_and_nothing_happens() {
    let campaign = campaign([MAIL, FORM]);
    campaign.run(["send", "--yes"]).success();
    campaign.run(["mark", "D66", "done"]).success();
    campaign.edit("recipients.csv", ",een@een.example,e-mail,", ",,telefoon,");
    campaign.edit("recipients.csv", ",,webformulier,", ",d@d66.example,e-mail,");
    let changed = "rows of people already written to, not sent again: EEN, D66";
    campaign.run(["preview"]).success().said("0 letters to 2 recipients").said(changed);
    let run = campaign.run(["send", "--yes"]).success().said(changed);
    assert!(!run.err.contains("for a person are open"), "{}", run.err);
    assert_eq!(
        (campaign.standing("EEN"), campaign.standing("D66")),
        ("awaiting-reply".into(), "done".into())
    );
    assert_eq!(campaign.rehearsed().len(), 1);
    let table = campaign.read("logs/status.csv");
    assert!(
        table.contains("telefoon,,,,awaiting-reply,accepted") && table.contains("done,done,1"),
        "{table}"
    );
}

/// A letter that was put off after it had been handed over goes as it was, though its row is a task by now.
#[test]
fn a_letter_that_waits_for_another_try_is_no_task() {
    let campaign = campaign([FORM, "LATER,Partij L,Programmacommissie,later@later.example,,,,\n"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).success();
    campaign.edit("recipients.csv", ",later@later.example,,", ",,post,");
    campaign
        .run(["preview"])
        .success()
        .said("1 letter to 2 recipients")
        .said("1 task for a person: D66")
        .said("rows of people already written to, not sent again: LATER");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.standing("LATER"), "queued");
    campaign.run(["mark", "LATER", "done"]).code(2).said("its letter goes by mail (queued)");
}

#[test]
fn a_form_of_who_must_not_be_written_to_is_not_filled_in() {
    let campaign =
        campaign([FORM, "SGP,Partij S,Programmacommissie,,webformulier,https://www.sgp.example/c,,\n"]);
    campaign.run(["send"]).success();
    campaign.run(["suppress", "add", "sgp.example", "--reason", "they objected"]).success();
    assert_eq!((campaign.standing("SGP"), campaign.standing("D66")), ("suppressed".into(), "task".into()));
    campaign.run(["why", "SGP"]).success().said("on the suppression list: they objected");
    let run = campaign.run(["send"]).success().said("1 on the suppression list: SGP: they objected");
    assert!(run.err.contains("1 task for a person is open"), "{}", run.err);
    assert!(!run.err.contains("mark SGP done"), "{}", run.err);
    assert_eq!(campaign.states()["SGP"], "cancelled");
    assert!(campaign.read("logs/status.csv").contains(",suppressed,cancelled,"));
    // What was withdrawn because of it stays withdrawn.
    campaign.run(["suppress", "remove", "sgp.example"]).success();
    campaign.run(["send"]).success().said("1 cancelled before: SGP");
    campaign.run(["mark", "SGP", "done"]).code(2).said("was cancelled, and that stays so");
    campaign.run(["mark", "D66", "done"]).success().said("and with it the campaign");
}

#[test]
fn a_task_off_the_roster_and_a_cancelled_campaign() {
    let campaign = mixed();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.edit("recipients.csv", FORM, "");
    campaign
        .run(["send", "--yes", "--limit", "0"])
        .success()
        .said("of the tasks, 1 are no longer on the roster");
    assert_eq!(campaign.standing("D66"), "off-roster");
    campaign.run(["why", "D66"]).success().said("its row is no longer in the roster");
    campaign
        .run(["cancel", "--yes"])
        .success()
        .said("cancelled; 1 letter will not be sent, 3 tasks will not be done");
    assert_eq!(
        (campaign.standing("SGP"), campaign.standing("VVD")),
        ("cancelled".into(), "cancelled".into())
    );
    campaign.run(["mark", "SGP", "done"]).code(2).said("was cancelled, and that stays so");
    campaign.run(["send", "--yes"]).code(2).said("the campaign was cancelled");
}

#[test]
fn after_the_deadline_nothing_goes_out_and_a_later_one_lets_it_go() {
    let campaign =
        campaign([MAIL, FORM, "TWEE,Partij Twee,Programmacommissie,twee@twee.example,,,,31-12-2020\n"]);
    campaign.configure("name = \"appeal\"", "name = \"appeal\"\ndeadline = \"1 maart 2021\"");
    campaign
        .run(["check"])
        .success()
        .said("config.toml:3: warning: the campaign's deadline, 1 March 2021, has passed; nothing more goes out")
        .said("0 letters would go out, and 1 task for a person to do");
    // At the launch: there is a task, so the campaign begins, and the letters lapse.
    campaign
        .run(["send"])
        .success()
        .said("2 too late: the deadline has passed: EEN, TWEE")
        .said("D66  web form, overdue since 1 March 2021");
    assert!(campaign.rehearsed().is_empty());
    assert_eq!((campaign.standing("EEN"), campaign.standing("TWEE")), ("lapsed".into(), "lapsed".into()));
    assert_eq!(campaign.events().iter().filter(|event| event["event"] == "lapsed").count(), 2);
    campaign
        .run(["why", "EEN"])
        .success()
        .said("the deadline passed before it could go")
        .said("deadline is moved");
    campaign.run(["send"]).success();

    // The campaign's deadline is moved; the row's own still holds.
    campaign.configure("1 maart 2021", "2099-03-01");
    let run = campaign.run(["preview"]).success().said("1 letter to 3 recipients").said("1 too late");
    assert!(run.out.contains("deadline  1 March 2099; nothing goes out after that day"), "{}", run.out);
    assert!(!run.err.contains("has passed"), "{}", run.err);
    campaign.run(["send"]).code(2).said("no terminal to ask at");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(
        (campaign.standing("EEN"), campaign.standing("TWEE")),
        ("awaiting-reply".into(), "lapsed".into())
    );
    campaign.edit("recipients.csv", "31-12-2020", "2099-01-01");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN", "TWEE"]);
    // Who has the letter is not too late, whatever the deadline becomes.
    campaign.configure("2099-03-01", "2021-03-01");
    let run = campaign.run(["preview"]).success().said("2 already accepted by the relay");
    assert!(!run.out.contains("too late") && !run.err.contains("has passed"), "{run:?}");
}

#[test]
fn letters_alone_that_are_too_late_at_the_launch_begin_nothing() {
    let campaign = campaign([MAIL]);
    campaign.configure("name = \"appeal\"", "name = \"appeal\"\ndeadline = 2021-03-01");
    campaign.run(["send"]).success().said("1 too late").said("there is nothing to send");
    assert!(!campaign.file("logs/ledger.db").exists());
}

/// One letter an hour leaves at most a day's worth before midnight, whatever the time is now.
#[test]
fn letters_that_would_come_too_late_at_this_pace_are_told_before_the_first_goes() {
    let campaign = Campaign::new();
    campaign.configure("unlimited = true", "per-hour = 1");
    let today = postduif::clock::Clock::system()
        .now()
        .to_zoned_datetime(jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap());
    // Midnight may pass between two looks: the deadline is tomorrow.
    let tomorrow = today.date().tomorrow().unwrap();
    let rows: String =
        (0..60).map(|n| format!("K{n},Partij,Programmacommissie,k{n}@k.example,,,,{tomorrow}\n")).collect();
    let others: String =
        (0..9).map(|n| format!("Z{n},Partij,Programmacommissie,z{n}@z.example,,,,\n")).collect();
    campaign.write("recipients.csv", format!("{HEADINGS}{others}{rows}"));
    let told = campaign.run(["check"]).success().err;
    let line = told.lines().find(|line| line.contains("would be too late")).unwrap();
    let number: u64 = line.split("pace ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // Between 24 and 49 letters go, the nine first among them.
    assert!((20..=45).contains(&number), "{line}");
    assert!(
        line.starts_with("config.toml: warning: at this pace ") && line.contains(", …; begin earlier"),
        "{line}"
    );
    campaign.configure("per-hour = 1", "per-hour = 1000");
    assert!(!campaign.run(["check"]).success().err.contains("too late"));
}
