//! `postduif send`: the main job, and everything that keeps a person from sending by accident.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use crate::desk::{Post, letters_in};
use crate::support::town::Campaign;

#[test]
fn the_first_command_of_the_readme_sends_the_appeal_and_accounts_for_each_letter() {
    let campaign = Campaign::shipped();
    let run = campaign.run(["send", "--yes"]).success();
    assert_eq!(
        run.out, "Oproep verkiezingsprogramma 2025: running\n         27 recipients\n         27 accepted\n",
        "reminders are to come"
    );
    for place in ["logs/status.csv", "logs/delivery.jsonl", "logs/rehearsal"] {
        assert!(run.err.contains(place), "it does not say to look in {place}:\n{}", run.err);
    }

    let events = campaign.events();
    assert_eq!(events.iter().filter(|event| event["event"] == "accepted").count(), 27);
    for event in &events {
        for field in ["at", "campaign", "key", "step", "event", "attempt", "stage", "reply", "message_id"] {
            assert!(event.get(field).is_some(), "no `{field}` in {event}");
        }
    }
    let names: BTreeSet<String> =
        events.iter().filter_map(|event| Some(event["message_id"].as_str()?.to_owned())).collect();
    assert_eq!(names.len(), 27, "each letter has a Message-ID of its own");

    let letters = campaign.rehearsed();
    assert_eq!(letters.len(), 27);
    for name in &names {
        assert_eq!(
            letters.iter().filter(|letter| letter.contains(&format!("Message-ID: {name}"))).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn the_table_of_outcomes_is_the_users_own_table_with_columns_added() {
    let campaign = Campaign::shipped();
    campaign.run(["send", "--yes"]).success();
    let (own, told) = (campaign.read("recipients.csv"), campaign.read("logs/status.csv"));
    let rows = |text: &str| -> Vec<Vec<String>> {
        let text = text.trim_start_matches('\u{feff}').to_owned();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    };
    let (own, told) = (rows(&own), rows(&told));
    assert_eq!(told.len(), 28);
    let width = own[0].len();
    for (own, told) in own.iter().zip(&told) {
        assert_eq!(own[..], told[..width]);
    }
    assert_eq!(told[0][width..width + 2], ["postduif standing", "postduif state"]);
    assert!(told[1..].iter().all(|row| row[width..width + 2] == ["awaiting-reply", "accepted"]));
}

#[test]
fn what_holds_personal_data_can_be_read_by_its_owner_only() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes"]).success();
    let files = campaign.everything().into_keys().filter(|path| path.starts_with(campaign.file("logs")));
    let files: Vec<_> = files.filter(|path| path.is_file()).collect();
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{} has mode {mode:o}", file.display());
    }
}

#[test]
fn a_second_run_sends_nothing() {
    let campaign = Campaign::new();
    let post = Post::spelled();
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).success();
    let connections = post.connections();
    let again =
        campaign.run(["send", "--yes"]).success().said("3 already accepted by the relay: EEN, TWEE, DRIE");
    assert!(again.out.contains("3 accepted"), "{}", again.out);
    // Not even the relay is asked.
    assert_eq!((post.went_to().len(), post.connections()), (3, connections));
}

#[test]
fn without_a_terminal_it_needs_to_be_told_yes() {
    let campaign = Campaign::new();
    let before = campaign.everything();
    campaign.run(["send"]).code(2).said("--yes").said("nothing was sent");
    // Words on a pipe are no terminal.
    campaign.run_with_input(["send"], "3\n").code(2);
    assert_eq!(campaign.everything(), before);
}

#[test]
fn at_a_terminal_the_number_of_letters_sends_and_a_y_does_not() {
    let campaign = Campaign::new();
    for no in ["y\n", "yes\n", "\n", "4\n", ""] {
        let Some(run) = campaign.at_terminal("send", no, false) else { return };
        let run = run.success().said("type the number of letters (3)").said("nothing was sent");
        assert!(!run.out.contains("accepted"), "{}", run.out);
        assert!(!campaign.file("logs").exists(), "after typing {no:?}");
    }
    let run = campaign.at_terminal("send", "3\n", false).unwrap().success();
    assert!(run.out.contains("3 accepted"), "{}", run.out);
}

#[test]
fn a_limit_sends_so_many_and_the_next_run_goes_on() {
    let campaign = Campaign::new();
    campaign
        .run(["send", "--yes", "--limit", "2"])
        .success()
        .said("as many as you asked for; 1 letter still queued");
    assert_eq!(campaign.accepted(), ["EEN", "TWEE"]);
    campaign.run(["send", "--yes", "--limit", "0"]).success();
    assert_eq!(campaign.accepted(), ["EEN", "TWEE"]);
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN", "TWEE", "DRIE"]);
    assert_eq!(campaign.rehearsed().len(), 3);
}

#[test]
fn only_these_get_a_letter() {
    let campaign = Campaign::new();
    campaign
        .run(["send", "--yes", "--only", "DRIE", "--only", "EEN"])
        .success()
        .said("2 letters to 3 recipients");
    assert_eq!(campaign.accepted(), ["EEN", "DRIE"]);
    campaign.run(["send", "--yes", "--only", "VIER"]).code(2).said("no row has the key `VIER`");
    campaign.run(["send", "--yes", "--only", "TWE"]).code(2).said("did you mean `TWEE`?");
    assert_eq!(campaign.rehearsed().len(), 2);
}

#[test]
fn a_key_may_be_typed_in_any_case_as_long_as_it_means_one_recipient() {
    let campaign = Campaign::new();
    campaign.add_row("een,Partij Vier,Programmacommissie,vier@vier.example");
    campaign.run(["send", "--yes", "--only", "eEn"]).code(2).said("`eEn` may be any of EEN, een");
    campaign
        .run(["send", "--yes", "--test", "me@desk.example", "--only", "eEn"])
        .code(2)
        .said("may be any of");
    campaign
        .run(["send", "--yes", "--test", "me@desk.example", "--only", "EEN", "--only", "TWEE"])
        .code(2)
        .said("one letter");
    assert!(!campaign.file("logs/ledger.db").exists());
    campaign.run(["send", "--yes", "--test", "me@desk.example", "--only", "twee"]).success().said("TWEE");
    campaign.run(["send", "--yes", "--only", "een", "--only", "drie"]).success();
    assert_eq!(campaign.accepted(), ["DRIE", "een"]);
}

#[test]
fn a_test_letter_goes_to_the_tester_alone_and_outside_the_campaign() {
    let campaign = Campaign::new();
    let post = Post::spelled();
    campaign.send_to(post.port());
    let before = campaign.everything();
    campaign.run(["send", "--yes", "--test", "me@desk.example"]).success().said("me@desk.example");
    campaign.run(["send", "--yes", "--test", "me@desk.example", "--only", "TWEE"]).success();
    assert_eq!(campaign.everything(), before, "a test writes nothing");
    assert_eq!(post.went_to(), ["me@desk.example"; 2]);
    let letters: Vec<String> =
        post.letters().into_iter().map(|letter| String::from_utf8(letter.message).unwrap()).collect();
    for (letter, party) in letters.iter().zip(["Partij Een", "Partij Twee"]) {
        let head = letter.split("\r\n\r\n").next().unwrap();
        assert!(head.to_lowercase().contains("test"), "not marked as a test:\n{head}");
        assert!(letter.contains(party), "{letter}");
    }
    campaign.run(["send", "--yes"]).success();
    assert_eq!(post.went_to()[2..], ["een@een.example", "twee@twee.example", "drie@drie.example"]);
    campaign.run(["send", "--yes", "--test", "not an address"]).code(2);
    campaign.run(["send", "--yes", "--test", "me@desk.example", "--only", "VIER"]).code(2).said("VIER");
    // Without a terminal, a test too must be told to go.
    campaign.run(["send", "--test", "me@desk.example"]).code(2).said("--yes");
    assert_eq!(post.went_to().len(), 5);
}

/// A campaign that would send for real, to a host that must never be looked up.
fn for_real() -> Campaign {
    let campaign = Campaign::new().with_env("POSTDUIF_PASSWORD", "geheim");
    campaign.configure(
        "kind = \"rehearsal\"",
        "kind = \"smtp\"\nhost = \"mail.provider.example\"\nusername = \"me\"\npassword-env = \"POSTDUIF_PASSWORD\"",
    );
    campaign
}

#[test]
fn example_addresses_are_refused_before_anything_is_looked_up() {
    let campaign = for_real();
    for domain in ["partij.example", "partij.test", "partij.invalid", "partij.localhost", "example.org"] {
        campaign
            .write("recipients.csv", format!("afkorting,partij,naam,e-mail\nEEN,Partij,Een,een@{domain}\n"));
        let before = campaign.everything();
        let run = campaign.run(["send", "--yes"]).code(2).said("recipients.csv:2");
        assert!(run.err.contains(&format!("een@{domain} is only an example")), "{}", run.err);
        assert!(!run.err.contains("geheim"), "a password in the report:\n{}", run.err);
        assert_eq!(campaign.everything(), before);
    }
    campaign.run(["send", "--yes", "--test", "me@desk.example"]).code(2).said("only an example");
}

#[test]
fn left_over_placeholders_are_refused_on_the_way_to_real_people() {
    let campaign = for_real();
    campaign.edit("templates/letter.md", "Dear {{naam}},", "Dear [your name here],");
    campaign.configure("organisation = \"The Alliance\"", "organisation = \"[name]\"");
    campaign
        .run(["send", "--yes"])
        .code(2)
        .said("templates/letter.md:4:6")
        .said("`[your name here]` is still to be filled in")
        .said("config.toml");
    assert!(!campaign.file("logs").exists());
}

/// Field bug 28, in part: the sample text sent to real people.
#[test]
fn the_shipped_letter_is_not_sent_to_real_people() {
    let campaign = for_real();
    campaign.write("templates/foot.md", include_str!("../../templates/foot.md"));
    campaign.write("templates/letter.md", include_str!("../../templates/letter.md"));
    campaign.run(["send", "--yes"]).code(2).said("this is the letter that came with the program");
    // On the way to a relay on this machine all of that is fine.
    let shipped = Campaign::shipped();
    let post = Post::spelled();
    shipped.send_to(post.port());
    shipped.run(["send", "--yes"]).success();
    assert_eq!(post.went_to().len(), 27);
}

#[test]
fn letters_can_go_into_a_folder_instead() {
    let campaign = Campaign::new();
    campaign.configure("kind = \"rehearsal\"", "kind = \"folder\"\npath = \"outbox\"");
    campaign
        .run(["send", "--yes"])
        .success()
        .said("the folder")
        .said("nothing is sent")
        .said("3 accepted")
        .said("the letters themselves in outbox");
    let letters = letters_in(&campaign.file("outbox"));
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().any(|letter| letter.contains("To: ") && letter.contains("een@een.example")));
}
