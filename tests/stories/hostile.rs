//! Hostile rosters and templates: exit 2, a sentence with a place, no panic, nothing sent. What is harmless is carried
//! as it is and can break neither a header nor the letter.

use crate::support::town::{Campaign, Run};

/// The file is refused at this place with these words, by every command that reads it, and nothing is left behind.
#[track_caller]
fn refused(campaign: &Campaign, place: &str, words: &str) {
    let before = campaign.everything();
    for command in [vec!["check"], vec!["preview"], vec!["preview", "--out", "look"], vec!["send", "--yes"]] {
        let run: Run = campaign.run(&command).code(2);
        assert!(!run.err.contains("panicked"), "{}", run.err);
        let told = run.err.lines().any(|line| line.starts_with(place) && line.contains(words));
        assert!(told, "nothing at `{place}` about `{words}`:\n{}", run.err);
        assert!(run.err.lines().all(|line| line.chars().count() < 1000), "a line as long as the input");
    }
    assert_eq!(campaign.everything(), before);
}

#[test]
fn rosters_that_cannot_be_right_are_refused_with_their_place() {
    let heading = "afkorting,partij,naam,e-mail\n";
    let row = |cell: &str| format!("{heading}EEN,{cell},Een,een@een.example\n").into_bytes();
    let wide = {
        let cells: Vec<String> = (0..100_000).map(|n| format!("c{n}")).collect();
        format!("afkorting,partij,naam,e-mail,{0}\nEEN,Partij,Een,een@een.example,{0}\n", cells.join(","))
    };
    let cases: [(Vec<u8>, &str, &str); 11] = [
        (Vec::new(), "recipients.csv", "nothing in the file"),
        (b"\xEF\xBB\xBF".to_vec(), "recipients.csv", "nothing"),
        (b"\0\0\0\0\0\0\0\0".to_vec(), "recipients.csv", ""),
        (row("Par\0tij"), "recipients.csv:2", "control character"),
        (row("Par\u{202E}tij"), "recipients.csv:2", "direction of reading"),
        (row(&"x".repeat(1_000_000)), "recipients.csv:2", "too long"),
        (
            format!("{heading}EEN,\"never closed,Een,een@een.example\n").repeat(3).into_bytes(),
            "recipients.csv",
            "",
        ),
        (wide.into_bytes(), "recipients.csv:1", "100004 columns"),
        (format!("{heading}EEN,Partij\n").into_bytes(), "recipients.csv", ""),
        (
            format!("{heading}EEN,P,Een,\"een@een.example, twee at twee.example\"\n").into_bytes(),
            "recipients.csv:2",
            "`twee.example` is not a mail address",
        ),
        (
            format!("{heading}EEN,P,Een,\"een@een.example\r\nBcc: x@y.example\"\n").into_bytes(),
            "recipients.csv:2",
            "",
        ),
    ];
    for (table, place, words) in cases {
        let campaign = Campaign::new();
        campaign.write("recipients.csv", table);
        refused(&campaign, place, words);
    }
}

#[test]
fn a_broken_byte_is_told_with_its_place() {
    let campaign = Campaign::new();
    let mut table = "afkorting,partij,naam,e-mail\nEEN,Één,Een,een@een.example\nTWEE,Tw".as_bytes().to_vec();
    table.extend(b"\xFF\xC3,Twee,twee@twee.example\n");
    campaign.write("recipients.csv", table);
    let run = campaign.run(["check"]);
    assert!(run.err.contains("recipients.csv:3"), "{}", run.err);
}

#[test]
fn what_is_no_file_is_refused() {
    let campaign = Campaign::new();
    std::fs::remove_file(campaign.file("recipients.csv")).unwrap();
    refused(&campaign, "recipients.csv", "");
    std::fs::create_dir(campaign.file("recipients.csv")).unwrap();
    refused(&campaign, "recipients.csv", "cannot be read");

    let campaign = Campaign::new();
    std::fs::remove_file(campaign.file("templates/letter.md")).unwrap();
    refused(&campaign, "templates/letter.md", "");
    std::fs::create_dir(campaign.file("templates/letter.md")).unwrap();
    refused(&campaign, "templates/letter.md", "");

    let campaign = Campaign::new();
    std::fs::remove_file(campaign.file("config.toml")).unwrap();
    std::fs::create_dir(campaign.file("config.toml")).unwrap();
    refused(&campaign, "config.toml", "");
    // A file without end is not read at all.
    let campaign = Campaign::new();
    campaign.configure("file = \"recipients.csv\"", "file = \"/dev/zero\"");
    refused(&campaign, "/dev/zero", "no file");
}

#[test]
fn templates_that_never_end_are_refused_with_their_place() {
    let letter = |body: &str| format!("+++\nsubject = \"A letter\"\n+++\n{body}\n");
    let campaign = Campaign::new();
    campaign
        .write("templates/letter.md", letter("{{> a}}"))
        .write("templates/a.md", "{{> b}}")
        .write("templates/b.md", "{{> a}}");
    refused(&campaign, "templates/", "include each other");
    let campaign = Campaign::new();
    campaign.write("templates/letter.md", letter("{{> letter}}"));
    refused(&campaign, "templates/letter.md:4", "includes itself");

    // Twelve partials that each include the next four times: sixteen million copies of one word.
    let campaign = Campaign::new();
    campaign.write("templates/letter.md", letter("{{> p0}}"));
    for number in 0..12 {
        campaign.write(&format!("templates/p{number}.md"), format!("{{{{> p{}}}}}", number + 1).repeat(4));
    }
    campaign.write("templates/p12.md", "word ");
    refused(&campaign, "templates/", "parts");

    // A loop over a value within a loop over it, and so on.
    let campaign = Campaign::new();
    let many = "1;".repeat(2000);
    campaign
        .write("recipients.csv", format!("afkorting,partij,naam,e-mail\nEEN,{many},Een,een@een.example\n"));
    campaign.write(
        "templates/letter.md",
        letter(&format!("{}x{}", "{{#each partij}}".repeat(4), "{{/each}}".repeat(4))),
    );
    refused(&campaign, "templates/letter.md", "");

    let campaign = Campaign::new();
    campaign.write("templates/letter.md", letter(&"x".repeat(3 * 1024 * 1024)));
    refused(&campaign, "templates/letter.md", "");
    campaign.write("templates/letter.md", letter(&"{{#if naam}}".repeat(5000)));
    refused(&campaign, "templates/letter.md", "");
    campaign.write(
        "templates/letter.md",
        letter(&format!("{}x{}", "{{#if naam}}".repeat(3000), "{{/if}}".repeat(3000))),
    );
    refused(&campaign, "templates/letter.md", "");
    campaign.write("templates/letter.md", "+++\nsubject = \"never closed\n+++\nx");
    refused(&campaign, "templates/letter.md", "");
    campaign.write("templates/letter.md", [b"+++\nsubject = \"A\"\n+++\nDe\xFFar".to_vec()].concat());
    refused(&campaign, "templates/letter.md", "");
}

#[test]
fn values_cannot_break_the_letter_its_headers_or_the_conversation() {
    let campaign = Campaign::new();
    let hostile = [
        "\"x\r\nBcc: victim@victim.example\"",
        "\"\r\n.\r\nMAIL FROM:<x@y.example>\"",
        "=HYPERLINK(1)",
        "<script>alert(1)</script>",
        "[click](https://evil.example)",
        "{{sender.name}} {{> foot}}",
        "**bold** _under_ `code` # head",
        "\"a, \"\"b\"\" <c@d.example>\"",
    ];
    let mut table = "afkorting,partij,naam,e-mail\n".to_owned();
    for (number, value) in hostile.iter().enumerate() {
        table.push_str(&format!("K{number},{value},{value},p{number}@partij.example\n"));
    }
    campaign.write("recipients.csv", table);
    let run = campaign.run(["send", "--yes"]).success();
    assert!(run.out.contains("8 accepted"), "{}", run.out);
    let letters = campaign.rehearsed();
    assert_eq!(letters.len(), hostile.len());
    for letter in letters {
        let read = mail_parser::MessageParser::default().parse(letter.as_bytes()).unwrap();
        assert!(read.bcc().is_none(), "a header was smuggled in:\n{letter}");
        let to: Vec<_> = read.to().unwrap().iter().filter_map(|one| one.address()).collect();
        assert!(matches!(to[..], [address] if address.ends_with("@partij.example")), "{to:?}");
        let html = read.body_html(0).unwrap();
        assert!(
            !html.contains("<script") && !html.contains("href=\"https://evil") && !html.contains("<em>"),
            "{html}"
        );
        assert_eq!(html.matches("<strong>").count(), 1, "only the letter's own bold:\n{html}");
        assert!(!html.contains("The Alliance"), "a value was run as a template:\n{html}");
    }
    // The user's own cells stay the user's own; the columns that are added hold no formula.
    let table = campaign.read("logs/status.csv");
    assert_eq!(
        csv::Reader::from_reader(table.trim_start_matches('\u{feff}').as_bytes()).records().count(),
        8
    );
}

#[test]
fn settings_that_make_no_sense_are_refused_with_their_place() {
    // What stands there, what is put in its place, and what the line begins with that is named.
    let smtp = "kind = \"smtp\"\nhost = \"mail.provider.example\"\n";
    let cases = [
        ("kind = \"rehearsal\"", "kind = \"pigeon\"".to_owned(), "kind"),
        ("kind = \"rehearsal\"", "kind = \"smtp\"".to_owned(), "[transport]"),
        ("kind = \"rehearsal\"", format!("{smtp}security = \"none\""), "security"),
        ("kind = \"rehearsal\"", format!("{smtp}password = \"x\""), "password"),
        ("unlimited = true", "per-minute = 0".to_owned(), "per-minute"),
        ("unlimited = true", "per-minute = \"many\"".to_owned(), "per-minute"),
        ("timezone = \"Europe/Amsterdam\"", "timezone = \"Europe/Amsterdan\"".to_owned(), "timezone"),
        ("timezone = \"Europe/Amsterdam\"", "timezone = \"../../etc/passwd\"".to_owned(), "timezone"),
        ("address = \"appeal@alliance.example\"", "address = \"appeal\"".to_owned(), "address"),
        ("letter = \"letter\"", "letter = \"../letter\"".to_owned(), "letter"),
        ("url = \"sqlite:logs/ledger.db\"", "url = \"postgres://x\"".to_owned(), "url"),
        ("[campaign]", "[campaign".to_owned(), "[campaign"),
    ];
    for (old, new, named) in cases {
        let campaign = Campaign::new();
        campaign.configure(old, &new);
        let text = campaign.read("config.toml");
        let line = text.lines().position(|line| line.starts_with(named)).expect("a line to be named") + 1;
        refused(&campaign, &format!("config.toml:{line}:"), "");
    }
    let campaign = Campaign::new();
    campaign.configure("key = \"afkorting\"", "key = \"nergens\"");
    refused(&campaign, "recipients.csv:1", "nergens");
}
