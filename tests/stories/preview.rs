//! `init`, `check` and `preview`: looking at everything before anything leaves, without leaving a trace.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::desk::{Post, letters_in};
use crate::support::town::Campaign;

#[test]
fn a_new_folder_can_be_looked_at_and_rehearsed_at_once() {
    let campaign = Campaign::new();
    campaign.run(["init", "mine"]).success().said("wrote  mine/config.toml").said("postduif -C mine check");
    for name in [
        "config.toml",
        "recipients.csv",
        "templates/letter.md",
        "templates/foot.md",
        "templates/brief.typ",
        "logs/.gitignore",
    ] {
        assert!(campaign.file("mine").join(name).is_file(), "{name}");
    }
    campaign.run(["-C", "mine", "check"]).success().said("3 letters would go out");
    campaign.run(["-C", "mine", "preview", "EVP"]).success().said("Eerste Voorbeeldpartij");
    // Everything that is still to be filled in is named, with its place.
    let run = campaign.run(["-C", "mine", "check"]).success();
    for place in ["config.toml:6: ", "templates/letter.md:10:50: ", "templates/foot.md:8:33: "] {
        assert!(run.err.contains(place), "nothing at {place}\n{}", run.err);
    }
    campaign.edit("mine/config.toml", "per-minute = 3 ", "unlimited = true\n#");
    campaign.edit("mine/config.toml", "\nper-hour", "\n# per-hour");
    campaign.edit("mine/config.toml", "\nper-day", "\n# per-day");
    campaign.run(["-C", "mine", "send", "--yes"]).success().said("3 accepted");
}

#[test]
fn init_never_writes_over_a_file_and_says_which_it_kept() {
    let campaign = Campaign::new();
    campaign.write("config.toml", "my own\n");
    let before = campaign.everything();
    let run = campaign.run(["init"]).success().said("config.toml (it was there already)");
    assert_eq!(
        run.err.matches("wrote").count(),
        3,
        "the foot, the template and the ignore file were missing:\n{}",
        run.err
    );
    let after = campaign.everything();
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
    // Not even where the file is one that cannot be looked through.
    std::os::unix::fs::symlink("nowhere", campaign.file("other.csv")).unwrap();
    fs::create_dir(campaign.file("third")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", campaign.file("third/config.toml")).unwrap();
    campaign.run(["init", "third"]).success();
    assert!(!campaign.file("elsewhere").exists(), "written through a link that leads out of the folder");
    campaign.run(["init", "config.toml"]).code(2).said("cannot be written");
}

#[test]
fn a_letter_that_exists_becomes_the_first_template_of_a_new_folder() {
    let campaign = Campaign::new();
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents");
    for name in ["brief.docx", "brief.odt", "brief.html", "brief.txt"] {
        let from = documents.join(name);
        let folder = name.replace('.', "-");
        let run = campaign.run(["init", &folder, "--from", from.to_str().unwrap()]).success();
        for told in [
            "was made from",
            "the subject is from the line",
            "look     templates/letter.md:12: \"Geachte mevrouw De Vries,\"",
        ] {
            assert!(run.err.contains(told), "{name}: `{told}` is not told:\n{}", run.err);
        }
        let letter = campaign.read(&format!("{folder}/templates/letter.md"));
        assert!(letter.ends_with("\n\n{{> foot}}\n"), "{letter}");
        campaign
            .run(["-C", &folder, "check"])
            .success()
            .said("`[uw naam]` is still to be filled in")
            .said("3 letters would go out");
    }
    // The roster has the columns of the mail merge, to be filled in.
    assert!(campaign.read("brief-docx/recipients.csv").starts_with("partij,"));
    let roster = campaign.read("brief-docx/recipients.csv");
    assert!(roster.lines().next().unwrap().ends_with(",\"Naam partij\""), "{roster}");
    assert_eq!(roster.matches(",\"[naam_partij]\"").count(), 3, "{roster}");
    campaign.run(["-C", "brief-docx", "preview", "EVP"]).success().said("[naam_partij]");
}

#[test]
fn a_document_that_cannot_be_read_or_a_letter_that_is_there_leaves_everything_as_it_was() {
    let campaign = Campaign::new();
    campaign.write("brief.pdf", "%PDF-1.7");
    campaign.write("brief.txt", "Beste lezer,\n\nHallo.\n");
    let before = campaign.everything();
    campaign
        .run(["init", "new", "--from", "brief.pdf"])
        .code(2)
        .said("brief.pdf: this is a PDF")
        .said("nothing was written");
    campaign.run(["init", "new", "--from", "nowhere.docx"]).code(2).said("nowhere.docx cannot be read");
    campaign.run(["init", "new", "--from", "/dev/zero"]).code(2).said("it is no file");
    campaign.run(["init", "--from", "brief.txt"]).code(2).said("templates/letter.md is there already");
    assert_eq!(campaign.everything(), before);
    // With a roster of one's own, the foot of the starter would ask for columns that it lacks.
    fs::remove_file(campaign.file("templates/letter.md")).unwrap();
    campaign.run(["init", "--from", "brief.txt"]).success().said("recipients.csv (it was there already)");
    assert_eq!(
        campaign.read("templates/letter.md"),
        "+++\nsubject = \"[onderwerp]\"\n+++\n\nBeste lezer,\n\nHallo.\n"
    );
    campaign.run(["check"]).success();
}

#[test]
fn a_letter_may_be_html_and_two_letters_of_one_name_are_one_too_many() {
    let campaign = Campaign::new();
    let page = "<html><head><title>A letter to {{partij}}</title><style>p { margin: 0 } a[href] { color: red }</style></head>\
        <body><p>Dear {{naam}},</p><p>[tekst] <a href=\"https://alliance.example/{{partij}}\">Read on</a>.</p>{{> foot}}</body></html>";
    campaign.write("templates/letter.html", page);
    campaign.write("templates/foot.html", "<p>The Alliance</p>");
    campaign
        .run(["check"])
        .code(2)
        .said("there are two letters of that name, `letter.md` and `letter.html`")
        .said("write `letter = \"letter.html\"`");
    campaign.configure("letter = \"letter\"", "letter = \"letter.html\"");
    let run = campaign
        .run(["check"])
        .success()
        .said("templates/letter.html:1:")
        .said("`[tekst]` is still to be filled in");
    assert_eq!(run.err.matches("still to be filled in").count(), 1, "{}", run.err);
    campaign.configure("letter = \"letter.html\"", "letter = \"letter\"");
    fs::remove_file(campaign.file("templates/letter.md")).unwrap();
    let run = campaign
        .run(["preview", "EEN"])
        .success()
        .said("A letter to Partij Een")
        .said("Dear Programmacommissie,");
    assert!(run.out.contains("Read on (https://alliance.example/Partij%20Een)"), "{}", run.out);
    let raw = campaign.run(["preview", "EEN", "--raw"]).success().out;
    assert!(raw.contains("<p style=3D\"margin:0\">The Alliance</p>"), "{raw}");
    campaign.run(["send", "--yes"]).success().said("3 accepted");
    campaign.configure("letter = \"letter\"", "letter = \"lettre.html\"");
    campaign.run(["check"]).code(2).said("templates/lettre.html: there is no such file");
}

#[test]
fn check_names_every_problem_at_once_with_its_place_and_writes_nothing() {
    let campaign = Campaign::new();
    campaign.configure("[pace]\nunlimited = true", "[pace]\nper-minut = 3");
    campaign.configure("language = \"nl\"", "language = \"not a language\"");
    campaign.edit("templates/letter.md", "{{naam}}", "{{naamm}}");
    campaign.add_row("VIER,Partij Vier,Programmacommissie,no address");
    campaign.add_row("EEN,Partij Vijf,Programmacommissie,vijf@vijf.example");
    let before = campaign.everything();
    let run = campaign.run(["check"]).code(2);
    for told in [
        "config.toml:25:1",
        "did you mean `per-minute`",
        "config.toml:3",
        "templates/letter.md:4:8",
        "did you mean `naam`",
        "recipients.csv:5",
        "recipients.csv:6",
        "nothing would be sent",
    ] {
        assert!(run.err.contains(told), "`{told}` is not told:\n{}", run.err);
    }
    assert_eq!(campaign.everything(), before);
    // The same for programs: one problem a line.
    let json = campaign.run(["check", "--json"]).code(2);
    for line in json.out.lines() {
        let problem: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(problem["said"].is_string() && problem["severity"].is_string(), "{line}");
    }
    assert!(json.out.lines().count() >= 5, "{}", json.out);
    for unreadable in ["[campaign\n", "name = \"x\n"] {
        let other = Campaign::new();
        other.write("config.toml", unreadable);
        let json = other.run(["check", "--json"]).code(2).out;
        let problem: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
        assert_eq!(problem["place"]["file"], "config.toml", "{json}");
    }
    // `send` says the same and sends nothing.
    campaign.run(["send", "--yes"]).code(2).said("nothing was sent");
    campaign.run(["preview"]).code(2);
    assert_eq!(campaign.everything(), before);
}

#[test]
fn settings_that_are_all_wrong_hide_nothing_in_the_letter_and_the_roster() {
    let campaign = Campaign::new();
    campaign.write(
        "config.toml",
        "[campaign]\nnaam = 'x'\n[sender]\naddress = 'foo bar'\n[recipients]\nkey = 'afkorting'\n[[step]]\nletter = 'letter'\n\
         [transport]\nkind = 'smpt'\n[window]\ndays = 'mon-fry'\nfrom = '25:00'\nuntil = 'x'\n[ledger]\nurl = 'mysql:x'\n",
    );
    campaign.edit("templates/letter.md", "{{naam}}", "{{naamm}}");
    campaign.add_row("VIER,Partij Vier,Programmacommissie,no address");
    let run = campaign.run(["check"]).code(2);
    for told in [
        "config.toml:1:1: `campaign.name` is missing",
        "`sender.name` is missing",
        "`sender.address` is not a mail address",
        "did you mean `smtp`?",
        "`fry` is no day",
        "`25:00` is no time",
        "`x` is no time",
        "`ledger.url` names no SQLite file",
        "templates/letter.md:4:8",
        "recipients.csv:5",
    ] {
        assert!(run.err.contains(told), "`{told}` is not told:\n{}", run.err);
    }
    for command in [
        &["send", "--yes"][..],
        &["send", "--yes", "--test", "a@b.example"],
        &["preview"],
        &["preview", "EEN"],
        &["status"],
    ] {
        campaign.run(command.iter().copied()).code(2).said("nothing was planned and nothing was sent");
    }
    assert!(!campaign.file("logs").exists());
}

#[test]
fn files_that_the_account_needs_are_looked_at_before_the_day_of_sending() {
    let campaign = Campaign::new();
    campaign.send_to(9).configure(
        "security = \"none\"",
        "security = \"none\"\nusername = \"u\"\npassword-file = \"pass\"\nca-file = \"ca.pem\"",
    );
    campaign.run(["check"]).success().said("`password-file`").said("`ca-file`").said("cannot be read");
    campaign.write("pass", "hush\n").write("ca.pem", "");
    fs::set_permissions(campaign.file("pass"), fs::Permissions::from_mode(0o644)).unwrap();
    campaign.run(["check"]).success().said("may be read by others");
    fs::set_permissions(campaign.file("pass"), fs::Permissions::from_mode(0o600)).unwrap();
    let run = campaign.run(["check"]).success();
    assert!(!run.err.contains("-file`"), "{}", run.err);
}

#[test]
fn what_is_only_worth_a_look_is_a_warning_and_stops_nothing() {
    Campaign::to([]).run(["check"]).success().said("there is no row below the headings");
    let campaign = Campaign::to(["ada@partij.example", "Ada@Partij.example", "bo@gmial.com"]);
    let run = campaign.run(["check"]).success();
    for told in ["warning", "did you mean gmail.com?", "recipients.csv:4", "1 row", "recipients.csv:3"] {
        assert!(run.err.contains(told) || told == "1 row", "`{told}` is not told:\n{}", run.err);
    }
    campaign.configure("unlimited = true", "per-day = 1");
    let many: Vec<String> = (0..40).map(|n| format!("p{n}@partij.example")).collect();
    let slow = Campaign::to(many.iter().map(String::as_str));
    slow.configure("unlimited = true", "per-day = 1");
    slow.run(["check"]).success().said("at this pace the 40 letters would take 39 days");
}

/// Field bug 28: the same address in two spellings is one person; it gets one letter.
#[test]
fn bug_28_the_same_address_in_two_spellings_gets_one_letter() {
    let campaign = Campaign::to(["ada@partij.example", "ADA@PARTIJ.EXAMPLE", "bo@partij.example"]);
    campaign.run(["preview"]).success().said("1 the same person as another row: K2");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(campaign.accepted(), ["K1", "K3"]);
    assert_eq!(campaign.rehearsed().len(), 2);
}

/// Field bug 28: "Dear ,".
#[test]
fn bug_28_an_empty_field_where_it_would_show_stops_the_run_with_its_row() {
    let campaign = Campaign::new();
    campaign.add_row("VIER,Partij Vier,,vier@vier.example");
    campaign.run(["send", "--yes"]).code(2).said("recipients.csv:5").said("VIER").said("naam");
    assert!(!campaign.file("logs").exists());
}

#[test]
fn preview_shows_the_plan_and_leaves_no_trace_and_calls_nobody() {
    let campaign = Campaign::new();
    let post = Post::spelled();
    campaign.send_to(post.port());
    let before = campaign.everything();
    let run = campaign.run(["preview"]).success();
    for told in [
        "appeal: 3 letters to 3 recipients",
        "The Alliance <appeal@alliance.example>",
        "127.0.0.1",
        "pace",
        "plan",
    ] {
        assert!(run.out.contains(told), "`{told}` is not in the plan:\n{}", run.out);
    }
    campaign.run(["preview", "TWEE"]).success();
    campaign.run(["preview", "--digest"]).success();
    campaign.run(["check"]).success();
    assert_eq!(campaign.everything(), before);
    assert_eq!(post.connections(), 0);
    // Nor does it change a ledger that is there.
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    let (before, connections) = (campaign.everything(), post.connections());
    campaign.run(["preview"]).success().said("2 letters to 3 recipients");
    campaign.run(["preview", "--out", "/dev/null/x"]).code(2);
    let after = campaign.everything();
    let changed: Vec<_> = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).collect();
    assert!(changed.is_empty(), "{:?}", changed.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert_eq!(post.connections(), connections);
}

#[test]
fn preview_with_a_key_shows_that_letter() {
    let campaign = Campaign::new();
    let run = campaign.run(["preview", "TWEE"]).success();
    for told in [
        "From:     The Alliance <appeal@alliance.example>",
        "To:       Programmacommissie <twee@twee.example>",
        "Subject:  A letter to Partij Twee",
        "Dear Programmacommissie,",
        "This is for Partij Twee.",
    ] {
        assert!(run.out.contains(told), "`{told}` is not shown:\n{}", run.out);
    }
    // In another case if that names one alone; a word that is nearly a key is asked back.
    campaign.run(["preview", "twee"]).success().said("Partij Twee");
    campaign.run(["preview", "TWE"]).code(2).said("no row has the key `TWE`").said("did you mean `TWEE`?");
}

#[test]
fn raw_is_the_message_as_it_goes_over_the_line() {
    let campaign = Campaign::new();
    let raw = campaign.run(["preview", "TWEE", "--raw"]).success().out;
    campaign.run(["send", "--yes", "--only", "TWEE"]).success();
    let sent = campaign.rehearsed().remove(0);
    // The same but for the date, the Message-ID and the boundary that is made of it.
    let steady = |text: &str| -> Vec<String> {
        let head = ["Date:", "Message-ID:", "Return-Path:", "Delivered-To:", "Received:"];
        let lines = text.split("\r\n").filter(|line| !head.iter().any(|name| line.starts_with(name)));
        lines.filter(|line| !line.contains("=_")).map(str::to_owned).collect()
    };
    assert!(raw.contains("\r\n\r\n") && !raw.replace("\r\n", "").contains('\n'), "lines end in CR LF");
    assert_eq!(steady(&raw), steady(&sent));
    campaign.run(["preview", "--raw"]).code(2);
}

#[test]
fn out_writes_every_letter_and_a_page_to_look_through_them() {
    let campaign = Campaign::shipped();
    campaign
        .run(["preview", "--out", "look"])
        .success()
        .said("wrote 27 letters, 54 that follow them if nobody answers into look")
        .said("look/index.html");
    let folder = campaign.file("look");
    assert_eq!(letters_in(&folder).len(), 3 * 27);
    let page = campaign.read("look/index.html");
    for key in ["PVV", "D66", "PvdR"] {
        assert!(page.contains(&format!("<b>{key}</b>")), "{key} is not on the page");
    }
    assert!(!page.contains("<script") && !page.contains("http://"), "the page loads nothing");
    let links: BTreeSet<&str> =
        page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let letters = links.iter().filter(|link| link.ends_with(".eml"));
    assert_eq!(letters.clone().filter(|link| folder.join(link).is_file()).count(), 3 * 27);
    assert_eq!(page.matches("as it goes if nobody answers").count(), 2 * 27);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert!(!campaign.file("logs").exists());
}

#[test]
fn a_key_cannot_lead_out_of_the_folder_of_a_preview() {
    let campaign = Campaign::new();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail\n../../x,Partij <b>,\"<script>alert(1)</script>\",een@een.example\n",
    );
    campaign.run(["preview", "--out", "look/deep"]).success();
    assert_eq!(fs::read_dir(campaign.file("look")).unwrap().count(), 1);
    let page = campaign.read("look/deep/index.html");
    assert!(!page.contains("<script>alert"), "a name became markup");
}

fn digest(campaign: &Campaign) -> String {
    let run = campaign.run(["preview", "--digest"]).success();
    let digest = run.out.trim().to_owned();
    assert!(digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{digest}");
    digest
}

#[test]
fn the_digest_is_steady_and_changes_with_everything_that_matters() {
    let campaign = Campaign::new();
    let mut seen = vec![digest(&campaign)];
    assert_eq!(digest(&campaign), seen[0]);
    let edits: [(&str, &str, &str); 8] = [
        ("templates/letter.md", "Dear", "Dearest"),
        ("templates/letter.md", "A letter to", "An appeal to"),
        ("recipients.csv", "Partij Twee", "Partij 2"),
        ("recipients.csv", "twee@twee", "zwei@twee"),
        ("config.toml", "name = \"The Alliance\"\naddress", "name = \"Alliance\"\naddress"),
        ("config.toml", "appeal@alliance", "desk@alliance"),
        ("config.toml", "unlimited = true", "per-minute = 10"),
        (
            "config.toml",
            "[ledger]",
            "[window]\ndays = \"mon-fri\"\nfrom = \"09:00\"\nuntil = \"17:00\"\n\n[ledger]",
        ),
    ];
    for (file, old, new) in edits {
        campaign.edit(file, old, new);
        let now = digest(&campaign);
        assert!(!seen.contains(&now), "the digest did not change with `{new}` in {file}");
        seen.push(now);
    }
    campaign.add_row("VIER,Partij Vier,Programmacommissie,vier@vier.example");
    assert!(!seen.contains(&digest(&campaign)), "the digest did not change with a new row");
}

#[test]
fn a_plan_is_sent_only_as_it_was_approved() {
    let campaign = Campaign::new();
    let approved = digest(&campaign);
    campaign.add_row("VIER,Partij Vier,Programmacommissie,vier@vier.example");
    campaign
        .run(["send", "--yes", "--plan", &approved])
        .code(2)
        .said("not the plan that was approved")
        .said("nothing was sent");
    assert!(!campaign.file("logs").exists());
    let approved = digest(&campaign);
    // Too short to name anything, and said so: it may well be the right one.
    campaign.run(["send", "--yes", "--plan", &approved[..5]]).code(2).said("first 6 digits or more");
    campaign.run(["send", "--yes", "--plan", ""]).code(2);
    campaign.run(["send", "--yes", "--plan", "not a digest"]).code(2);
    assert!(!campaign.file("logs").exists());
    // What `preview` shows is enough, in either case.
    let shown = approved[..12].to_uppercase();
    campaign.run(["send", "--yes", "--plan", &shown, "--limit", "1"]).success().said("1 accepted");
    // It is the same plan after some of it was sent.
    assert_eq!(digest(&campaign), approved);
    campaign.run(["send", "--yes", "--plan", &approved]).success().said("4 accepted");
    assert_eq!(campaign.status()["plan"], approved.as_str());
}

#[test]
fn the_forecast_knows_what_went_out_before() {
    let campaign = Campaign::new();
    campaign.configure("unlimited = true", "per-day = 2");
    let begins_today = |told: &str| {
        let when = told.lines().find(|line| line.trim_start().starts_with("when")).unwrap().to_owned();
        // An hour alone is today; a day's name stands before another day's.
        assert!(when.contains("from ") || when.contains("first "), "{when}");
        let first = when.split_whitespace().nth(2).unwrap().to_owned();
        first.starts_with(|c: char| c.is_ascii_digit())
    };
    assert!(begins_today(&campaign.run(["preview"]).success().out));
    campaign.run(["send", "--yes"]).success().said("1 letter still queued");
    assert!(!begins_today(&campaign.run(["preview"]).success().out));
}

/// A campaign of two letters; the second has a word for machines that needs a column.
fn with_a_reminder() -> Campaign {
    let campaign = Campaign::new();
    let reminder = "+++\n+++\nDear {{naam}},\n\nWe wrote to you on {{first_letter_on}} and have not heard from you since, which \
                    in these weeks is no wonder at all.{{#if (eq standing \"auto-replied\")}} Your machine wrote to us, \
                    {{aanhef}}.{{/if}}{{#if away_until}} You were away until {{date away_until}}.{{/if}}\n\n{{quote}}\n";
    campaign.write("templates/reminder.md", reminder).configure(
        "[transport]",
        "[[step]]\nletter = \"reminder\"\nafter = \"3 working days\"\n\n[transport]",
    );
    campaign
}

#[test]
fn every_way_in_which_a_later_letter_may_go_is_looked_at_before_the_first_goes() {
    let campaign = with_a_reminder();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail,aanhef\nEEN,Partij Een,Ada,een@een.example,madam\nTWEE,Partij Twee,Bo,twee@twee.example,\n",
    );
    let run = campaign.run(["check"]).code(2);
    assert!(
        run.err.contains("recipients.csv:3: TWEE: `aanhef` is empty for this row (templates/reminder.md:5:"),
        "{}",
        run.err
    );
    assert_eq!(run.err.matches("is empty for this row").count(), 1, "each once:\n{}", run.err);
    assert!(!run.err.contains("EEN"), "{}", run.err);
    // What the reminder quotes is told with the first letter, and not again.
    campaign.write(
        "templates/letter.md",
        "+++\nsubject = \"A letter\"\n+++\nDear {{aanhef}},\n\nThis is for you!!!\n",
    );
    let run = campaign.run(["check"]).code(2);
    assert_eq!(run.err.matches("templates/letter.md:4:8").count(), 1, "{}", run.err);
    // A file of its own that is not there yet can still come.
    let campaign = with_a_reminder();
    campaign.write(
        "templates/reminder.md",
        "+++\nattachments = [\"{{afkorting}}.pdf\"]\n+++\nDear {{naam}},\n\n{{quote}}\n",
    );
    campaign
        .run(["check"])
        .success()
        .said("recipients.csv:4: warning: DRIE: ")
        .said("templates/reminder.md:2:16");
}

#[test]
fn a_letter_that_follows_can_be_looked_at_before_anybody_gets_it() {
    let campaign = with_a_reminder();
    campaign.edit("templates/reminder.md", "{{aanhef}}", "{{naam}}");
    let run = campaign.run(["preview", "EEN", "--step", "2"]).success();
    assert!(run.out.contains("Subject:  Re: A letter to Partij Een"), "{}", run.out);
    assert!(run.out.contains("> Dear Programmacommissie,") && !run.out.contains("away"), "{}", run.out);
    let run = campaign.run(["preview", "EEN", "--step", "2", "--raw"]).success();
    assert!(run.out.contains("\r\nIn-Reply-To: <") || run.out.contains("\nIn-Reply-To: <"), "{}", run.out);
    campaign
        .run(["preview", "EEN", "--step", "3"])
        .code(2)
        .said("there is no letter 3; the campaign has 2 letters");
    campaign
        .run(["preview", "--out", "all"])
        .success()
        .said("3 letters, 3 that follow them if nobody answers");
    assert!(campaign.file("all/0002-TWEE.letter-2.eml").is_file());
    let page = fs::read_to_string(campaign.file("all/index.html")).unwrap();
    assert_eq!(page.matches("letter 2, as it goes if nobody answers").count(), 3);
}

#[test]
fn a_letter_that_follows_can_be_tried_at_ones_own_address() {
    let campaign = with_a_reminder();
    campaign.edit("templates/reminder.md", "{{aanhef}}", "{{naam}}");
    campaign.run(["send", "--yes", "--test", "me@desk.example", "--step", "2"]).success();
    let folder = fs::read_dir(campaign.file("logs/rehearsal")).unwrap();
    let letters: Vec<String> = folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let [letter] = letters.as_slice() else { panic!("one letter: {letters:?}") };
    assert!(letter.contains("Subject: [TEST: EEN] Re: A letter to Partij Een"), "{letter}");
    assert!(letter.contains("> Dear Programmacommissie,"), "{letter}");
    assert!(!letter.contains("In-Reply-To:"), "the tester has nothing that it would stand below: {letter}");
    campaign
        .run(["send", "--yes", "--test", "me@desk.example", "--step", "3"])
        .code(2)
        .said("there is no letter 3");
    campaign.run(["send", "--yes", "--step", "2"]).code(2);
}
