//! The roster between two runs: new rows, changed rows, rows that went, another letter, and who is not to be written to.

use crate::desk::Post;
use crate::support::town::Campaign;

#[test]
fn new_rows_are_new_recipients() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes"]).success();
    campaign.add_row("VIER,Partij Vier,Programmacommissie,vier@vier.example");
    campaign.run(["preview"]).success().said("1 letter to 4 recipients");
    campaign.run(["send", "--yes"]).success().said("4 accepted");
    assert_eq!(campaign.rehearsed().len(), 4);
    assert_eq!(campaign.accepted(), ["EEN", "TWEE", "DRIE", "VIER"]);
}

#[test]
fn a_changed_row_of_somebody_written_to_is_shown_and_not_sent_again() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes"]).success();
    campaign.edit("recipients.csv", "Partij Twee", "Partij Twee en Co");
    campaign.edit("recipients.csv", "drie@drie.example", "three@drie.example");
    campaign
        .run(["send", "--yes"])
        .success()
        .said("rows of people already written to, not sent again: TWEE, DRIE")
        .said("3 accepted");
    assert_eq!(campaign.rehearsed().len(), 3);
    // The table is the user's own, as it is now; the status keeps what was sent.
    assert!(campaign.read("logs/status.csv").contains("TWEE,Partij Twee en Co,"));
    let status = campaign.status();
    assert_eq!(status["recipients"][1]["organisation"], "Partij Twee");
    assert_eq!(status["recipients"][2]["address"], "drie@drie.example");
}

#[test]
fn a_changed_row_of_somebody_not_yet_written_to_is_taken() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.edit("recipients.csv", "twee@twee.example", "zwei@twee.example");
    campaign.edit("recipients.csv", "Partij Drie", "Partij III");
    campaign.run(["send", "--yes"]).success();
    let letters = campaign.rehearsed();
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().any(|letter| letter.contains("zwei@twee.example")));
    assert!(letters.iter().any(|letter| letter.contains("Partij III")));
    assert!(!letters.iter().any(|letter| letter.contains("twee@twee.example")));
}

#[test]
fn a_row_that_was_taken_out_is_not_sent_and_comes_back_with_the_row() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    let row = "TWEE,Partij Twee,Programmacommissie,twee@twee.example\n";
    campaign.edit("recipients.csv", row, "");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN", "DRIE"]);
    assert_eq!(campaign.standing("TWEE"), "off-roster");
    campaign.run(["why", "TWEE"]).success().said("its row is no longer in the roster");
    campaign.run(["status"]).success().said("off roster");
    campaign.add_row(row.trim_end());
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.rehearsed().len(), 3);
    assert!(campaign.states().values().all(|state| state == "accepted"));
}

#[test]
fn rows_in_another_order_are_the_same_people() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "2"]).success();
    let text = campaign.read("recipients.csv");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    campaign.write("recipients.csv", lines.join("\n"));
    campaign.run(["send", "--yes"]).success().said("1 letter to 3 recipients");
    assert_eq!(campaign.rehearsed().len(), 3);
    let table = campaign.read("logs/status.csv");
    let keys: Vec<_> = table.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(keys, ["DRIE", "TWEE", "EEN"], "the table follows the user's order");
}

/// Field bug 23: the template is edited between two attempts; two groups get two letters.
#[test]
fn bug_23_an_edited_letter_changes_nothing_for_the_rest_and_is_told() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.edit("templates/letter.md", "This is for", "This is now for");
    campaign.configure("name = \"The Alliance\"\naddress", "name = \"Somebody Else\"\naddress");
    for command in ["check", "preview"] {
        campaign.run([command]).success().said("differ from what was frozen");
    }
    // The preview shows what would go, not what the file says.
    campaign.run(["preview", "TWEE"]).success().said("This is for Partij Twee.");
    campaign.run(["send", "--yes"]).success().said("the frozen ones go out");
    let letters = campaign.rehearsed();
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| !letter.contains("now for") && !letter.contains("Somebody Else")));
    // Another name is another campaign, with the new text.
    campaign.configure("name = \"appeal\"", "name = \"second appeal\"");
    campaign.run(["send", "--yes"]).success().said("second appeal");
    assert_eq!(campaign.rehearsed().iter().filter(|letter| letter.contains("now for")).count(), 3);
}

#[test]
fn before_any_letter_went_the_new_text_is_taken() {
    let campaign = Campaign::new();
    // Launched, and nothing handed over: everybody was suppressed.
    campaign.run(["suppress", "add", "een.example", "--reason", "asked"]).success();
    campaign.run(["send", "--yes", "--only", "EEN"]).success();
    campaign.run(["suppress", "remove", "een.example"]).success();
    campaign.edit("templates/letter.md", "This is for", "This is now for");
    let run = campaign.run(["send", "--yes"]).success();
    assert!(!run.err.contains("frozen"), "{}", run.err);
    assert!(campaign.rehearsed().iter().all(|letter| letter.contains("now for")));
}

/// A letter that was broken after the launch must not stop the frozen one.
#[test]
fn a_frozen_letter_goes_out_whatever_happened_to_its_file() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.edit("templates/letter.md", "{{naam}}", "{{naam");
    // What is wrong with the file is told, and the frozen letter goes out all the same.
    campaign.run(["send", "--yes"]).success().said("templates/letter.md:").said("the frozen ones go out");
    let letters = campaign.rehearsed();
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| !letter.contains("{{")));
}

#[test]
fn who_is_suppressed_gets_nothing_and_it_is_said_why() {
    let campaign = Campaign::new();
    campaign
        .run(["suppress", "add", "TWEE@twee.example", "--reason", "asked by phone"])
        .success()
        .said("no letter goes there");
    campaign.run(["suppress", "add", "drie.example", "--reason", "moved away"]).success();
    campaign
        .run(["preview"])
        .success()
        .said("1 letter to 3 recipients")
        .said("2 on the suppression list: TWEE: asked by phone, DRIE: moved away");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN"]);
    assert_eq!(
        (campaign.standing("TWEE"), campaign.standing("DRIE")),
        ("suppressed".into(), "suppressed".into())
    );
    campaign.run(["why", "TWEE"]).success().said("on the suppression list: asked by phone");
    campaign.run(["status"]).success().said("TWEE  suppressed").said("asked by phone");
    assert!(campaign.read("logs/status.csv").contains("twee@twee.example,suppressed,"));

    let list = campaign.run(["suppress", "list"]).success().out;
    assert!(
        list.contains("twee@twee.example")
            && list.contains("asked by phone")
            && list.contains("drie.example"),
        "{list}"
    );
    let json = campaign.run(["suppress", "list", "--json"]).success().out;
    for line in json.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            entry["what"].is_string() && entry["reason"].is_string() && entry["at"].is_string(),
            "{line}"
        );
    }
    assert_eq!(json.lines().count(), 2);

    campaign.run(["suppress", "remove", "twee@twee.example"]).success().said("is off the list");
    campaign.run(["suppress", "remove", "twee@twee.example"]).success().said("was not on the list");
    campaign
        .run(["suppress", "add", "two words", "--reason", "x"])
        .code(2)
        .said("neither an address nor a domain");
    campaign.run(["suppress", "add", "ada@partij.example"]).code(2).said("--reason");
    // What was withdrawn because of it stays withdrawn; another campaign writes again.
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN"]);
    campaign.run(["why", "TWEE"]).success().said("cancelled").said("suppressed: asked by phone");
    campaign.configure("name = \"appeal\"", "name = \"second appeal\"");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["EEN", "TWEE"]);
}

#[test]
fn the_suppression_list_outlives_its_campaign() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes"]).success();
    campaign.run(["suppress", "add", "een@een.example", "--reason", "objects"]).success();
    campaign.configure("name = \"appeal\"", "name = \"second appeal\"");
    campaign.run(["send", "--yes"]).success().said("EEN: objects");
    assert_eq!(campaign.accepted(), ["TWEE", "DRIE"]);
    assert_eq!(campaign.rehearsed().len(), 5);
}

/// Field bug 12: CSV in Windows-1252, UTF-16, with BOM, with `;`, with a quoted newline, trailing spaces in a heading.
#[test]
fn bug_12_the_files_that_spreadsheets_write_are_read() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let table = "afkorting;partij ;naam;e-mail\r\nEEN;\"Partij\r\nÉén\";René;een@een.example\r\n";
    let files = [
        table.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
        utf16(table),
        [b"\xEF\xBB\xBF", table.as_bytes()].concat(),
        table.replace(';', "\t").into_bytes(),
        format!("sep=;\r\n{table}").into_bytes(),
    ];
    for (number, file) in files.into_iter().enumerate() {
        let campaign = Campaign::new();
        campaign.write("recipients.csv", file);
        let run = campaign.run(["preview", "EEN"]).success();
        assert!(run.out.contains("René <een@een.example>"), "file {number}:\n{}", run.out);
        assert!(run.out.contains("Partij Één"), "file {number}:\n{}", run.out);
        campaign.run(["send", "--yes"]).success().said("1 accepted");
    }
    let campaign = Campaign::new();
    campaign.add_row("VIER,Partij Vier,Programmacommissie,");
    campaign.run(["send", "--yes"]).code(2).said("recipients.csv:5");
}

/// Field bug 11: an umlaut in From, To name and subject, against a server without SMTPUTF8.
#[test]
fn bug_11_umlauts_go_through_a_relay_without_smtputf8() {
    let campaign = Campaign::new();
    let post = Post::start(postduif::transport::rehearsal::RelaySettings {
        smtputf8: false,
        eight_bit_mime: false,
        ..Default::default()
    });
    campaign.send_to(post.port());
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail\nEEN,Über Één,Zoë Müller,een@een.example\nTWEE,Twee,Wé,wé@twee.example\n",
    );
    campaign.configure("name = \"The Alliance\"\naddress", "name = \"Ünïon\"\naddress");
    // An address that the relay cannot carry is refused, alone and with a reason; the names need nothing of the relay.
    campaign.run(["send", "--yes"]).code(1);
    assert_eq!(post.went_to(), ["een@een.example"]);
    let letter = post.letters().remove(0).message;
    assert!(letter.is_ascii());
    let read = mail_parser::MessageParser::default().parse(&letter).unwrap();
    assert_eq!(read.subject(), Some("A letter to Über Één"));
    assert_eq!(read.from().and_then(|from| from.first()).and_then(|from| from.name()), Some("Ünïon"));
    assert_eq!(read.to().and_then(|to| to.first()).and_then(|to| to.name()), Some("Zoë Müller"));
    campaign.run(["why", "TWEE"]).success().said("this relay cannot carry an address with such letters");
}
