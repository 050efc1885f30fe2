//! Wrong `config.toml` files and what people are told; right ones and what comes of them.

#![expect(clippy::panic, reason = "a test")]

use std::path::Path;
use std::time::Duration;

use jiff::civil::date;
use postduif::account::{Secret, Security};
use postduif::campaign::problem::Problems;
use postduif::config::load::read;
use postduif::config::{Config, load};
use postduif::delivery::pace::Pace;
use postduif::inbox::mailbox::Way;
use postduif::transport::Settings;
use proptest::prelude::*;

const RIGHT: &str = r#"
[campaign]
name = "appeal"

[sender]
name = "Ada"
address = "ada@council.example"
postal-address = "Straat 1"

[recipients]
key = "code"

[[step]]
letter = "letter"
"#;

fn settle(text: &str) -> (Option<Config>, String) {
    let mut problems = Problems::default();
    let environment = |name: &str| (name == "SET").then(|| "hush".to_owned());
    let config = read(Path::new("/campaign"), text.as_bytes(), &environment, &mut problems);
    assert_eq!(config.is_none(), problems.errors() > 0, "an error is told if and only if there is no config");
    let told: Vec<String> = problems.sorted().iter().map(ToString::to_string).collect();
    (config, told.join("\n"))
}

fn told(more: &str) -> String {
    settle(&format!("{RIGHT}{more}")).1
}

fn right(more: &str) -> Config {
    let (config, told) = settle(&format!("{RIGHT}{more}"));
    config.unwrap_or_else(|| panic!("{told}"))
}

fn campaign(more: &str) -> String {
    settle(&RIGHT.replace("name = \"appeal\"", &format!("name = \"appeal\"\n{more}"))).1
}

fn smtp(more: &str) -> String {
    told(&format!("[transport]\nkind = \"smtp\"\nhost = \"mail.council.example\"\n{more}"))
}

#[test]
fn the_shortest_config_settles_on_careful_values() {
    let config = right("");
    assert_eq!((config.name.as_str(), config.language.as_str()), ("appeal", "nl"));
    assert_eq!(
        config.transport,
        Settings::Rehearsal { connections: 1, keep: Some("/campaign/logs/rehearsal".into()) }
    );
    assert_eq!(config.ledger, Path::new("/campaign/logs/ledger.db"));
    assert_eq!(config.roster, Path::new("/campaign/recipients.csv"));
    assert_eq!(config.sender.fields["postal_address"], "Straat 1");
    assert!(config.pace.defaulted && config.pace.said.contains("unlimited"));
    assert!(config.window.is_none());
    assert_eq!(config.steps, ["letter"]);
}

#[test]
fn an_smtp_account_without_a_pace_gets_a_careful_one() {
    let config = right("[transport]\nkind = \"smtp\"\nhost = \"smtp.gmail.com\"\nport = 465\n");
    assert_eq!(
        config.pace.said,
        "no [pace] given: careful default for smtp.gmail.com (Gmail): 1 letter each 5 s, 400 a day"
    );
    assert_eq!(config.pace.pace.gap(), Duration::from_secs(5));
    let Settings::Smtp(smtp) = config.transport else { panic!() };
    assert_eq!((smtp.server.security, smtp.letters_per_connection), (Security::Tls, 50));
}

#[test]
fn what_the_user_says_is_what_is_done() {
    let config = right(
        "[transport]\nkind = \"smtp\"\nhost = \"localhost\"\nsecurity = \"none\"\nusername = \"ada\"\n\
         password-env = \"SET\"\nconnections = 4\n[transport.timeouts]\nend-of-data = \"2 min\"\n\
         [pace]\nper-minute = 60\nper-domain-per-minute = 2\njitter = \"500ms\"\n\
         [window]\ndays = \"ma-vr\"\nfrom = \"09:00\"\nuntil = \"17:00\"\n[ledger]\nurl = \"sqlite:/var/x.db\"\n",
    );
    let Settings::Smtp(smtp) = config.transport else { panic!() };
    assert_eq!(
        (smtp.server.port, smtp.connections, smtp.timeouts.end_of_data),
        (25, 4, Duration::from_secs(120))
    );
    assert!(smtp.server.login.unwrap().secret == Secret::Password("hush".into()));
    assert_eq!(config.pace.pace.limits[0].window, Pace::MINUTE);
    assert_eq!((config.pace.pace.jitter, config.pace.defaulted), (Duration::from_millis(500), false));
    assert_eq!(config.window.unwrap().days.len(), 5);
    assert_eq!(config.ledger, Path::new("/var/x.db"));
}

#[test]
fn a_deadline_is_a_date_of_toml_or_a_text_and_another_one_is_another_plan() {
    let with = |deadline: &str| {
        let text = RIGHT.replace("name = \"appeal\"", &format!("name = \"appeal\"\n{deadline}"));
        settle(&text).0.unwrap()
    };
    let day = date(2025, 10, 28);
    for deadline in [
        "deadline = 2025-10-28",
        "deadline = 2025-10-28T00:00:00",
        "deadline = \"2025-10-28\"",
        "deadline = \"28-10-2025\"",
        "deadline = \"dinsdag 28 oktober 2025\"",
    ] {
        assert_eq!(with(deadline).deadlines.last, Some(day), "{deadline}");
        assert_eq!(with(deadline).way(), with("deadline = 2025-10-28").way());
    }
    assert_eq!(right("").deadlines.last, None);
    assert_ne!(right("").way(), with("deadline = 2025-10-28").way());
    assert_ne!(with("deadline = 2025-10-29").way(), with("deadline = 2025-10-28").way());
    let zone = with("timezone = \"America/Paramaribo\"\ndeadline = 2025-10-28");
    assert_eq!(zone.deadlines.end(None).unwrap().to_string(), "2025-10-29T03:00:00Z");
}

#[test]
fn a_password_that_is_not_set_holds_send_back_and_nothing_else() {
    let config = right(
        "[transport]\nkind = \"smtp\"\nhost = \"mail.council.example\"\nusername = \"ada\"\npassword-env = \"UNSET\"\n",
    );
    assert_eq!(config.unready.len(), 1);
    insta::assert_snapshot!(config.unready[0].to_string(), @"config.toml:19:16: the environment variable `UNSET` is not set; sending needs it; set it before `postduif send`");
}

#[test]
fn both_ways_name_their_server_and_their_secret_with_the_same_keys() {
    let keys = "host = \"mail.council.example\"\nport = 4711\nsecurity = \"starttls\"\nusername = \"ada\"\nca-file = \"ca.pem\"\n";
    for secret in [
        "password-env = \"SET\"",
        "password-command = \"pass mail\"",
        "password-file = \"secret.txt\"",
        "token-command = \"token\"",
    ] {
        let config = right(&format!(
            "[transport]\nkind = \"smtp\"\n{keys}{secret}\n[inbox]\nkind = \"imap\"\n{keys}{secret}\n"
        ));
        let (Settings::Smtp(smtp), Some(inbox)) = (config.transport, config.inbox) else { panic!() };
        let Way::Imap { server, .. } = inbox.way else { panic!() };
        assert_eq!(server, smtp.server, "{secret}");
        assert_eq!(server.ca_file.as_deref(), Some(Path::new("/campaign/ca.pem")));
    }
    // And what the reference says of them is said once: every key of a server stands in both tables, word for word.
    let schema = postduif::config::reference::schema();
    let of = |table: &str| {
        schema.pointer(&format!("/$defs/{table}/properties")).unwrap().as_object().unwrap().clone()
    };
    let (transport, inbox) = (of("RawTransport"), of("RawInbox"));
    let shared: Vec<&String> =
        transport.keys().filter(|key| inbox.get(*key) == transport.get(*key)).collect();
    assert_eq!(
        shared,
        [
            "host",
            "port",
            "security",
            "allow-plaintext",
            "username",
            "password-env",
            "password-command",
            "password-file",
            "token-command",
            "ca-file",
        ]
    );
}

#[test]
fn a_mailbox_settles_on_usual_values_and_a_rehearsal_needs_none() {
    assert_eq!(right("").inbox, None);
    let inbox = |lines: &str| right(&format!("[inbox]\n{lines}")).inbox.unwrap();
    let imap =
        "kind = \"imap\"\nhost = \"imap.council.example\"\nusername = \"ada\"\npassword-env = \"SET\"\n";
    let settled = inbox(imap);
    let Way::Imap { server, timeouts } = &settled.way else { panic!() };
    assert_eq!((server.port, server.security, *timeouts), (993, Security::Tls, Default::default()));
    assert_eq!((settled.folders.len(), settled.since, settled.largest), (0, None, 10_000_000));
    assert_eq!(settled.account(), "imap://ada@imap.council.example:993");
    let Way::Imap { server, .. } = inbox(&format!("{imap}port = 143\n")).way else { panic!() };
    assert_eq!(server.security, Security::StartTls);
    let settled = inbox(
        "kind = \"maildir\"\npath = \"/home/ada/Maildir\"\nfolders = [\"INBOX\", \"Archief/2025\"]\nsince = 2025-11-01\nlargest = \"500 KB\"\n",
    );
    assert_eq!(settled.way, Way::Maildir { path: "/home/ada/Maildir".into() });
    assert_eq!(settled.folders, ["INBOX", "Archief/2025"]);
    assert_eq!((settled.since, settled.largest), (Some(date(2025, 11, 1)), 500_000));
    assert_eq!(settled.account(), "maildir:/home/ada/Maildir");
}

#[test]
fn a_mailbox_password_that_is_not_set_holds_no_letter_back() {
    let config = right(
        "[inbox]\nkind = \"imap\"\nhost = \"imap.council.example\"\nusername = \"ada\"\npassword-env = \"UNSET\"\n",
    );
    assert_eq!((config.unready.len(), config.inbox_unready.len()), (0, 1));
    insta::assert_snapshot!(config.inbox_unready[0].to_string(), @"config.toml:19:16: the environment variable `UNSET` is not set; reading the mailbox needs it");
}

#[test]
fn the_secret_is_never_shown() {
    let config = right(
        "[transport]\nkind = \"smtp\"\nhost = \"mail.council.example\"\nusername = \"ada\"\npassword-env = \"SET\"\n",
    );
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn wrong_files_and_what_is_told() {
    let all = [
        ("empty", settle("").1),
        ("syntax", settle("[campaign\nname = \"x\"\n").1),
        ("double key", settle("[campaign]\nname = \"x\"\nname = \"y\"\n").1),
        ("everything at once", settle("[campaign]\nnmae = \"x\"\ntimezone = \"Europe/Amsterdan\"\n[sender]\nname = 3\naddress = \"ada\"\n[stap]\n[pace]\nper-minute = 0\nper-hour = \"many\"\n").1),
        ("unknown transport", told("[transport]\nkind = \"smpt\"\n")),
        ("unknown key", smtp("prot = 25\n")),
        ("port", smtp("port = 70000\n")),
        ("no host", told("[transport]\nkind = \"smtp\"\n")),
        ("host with a scheme", told("[transport]\nkind = \"smtp\"\nhost = \"smtp://mail.example\"\n")),
        ("plaintext", smtp("security = \"none\"\n")),
        ("two secrets", smtp("username = \"a\"\npassword-env = \"SET\"\npassword-file = \"p\"\n")),
        ("no secret", smtp("username = \"a\"\n")),
        ("no user name", smtp("password-env = \"SET\"\n")),
        ("literal password", smtp("username = \"a\"\npassword = \"hunter2\"\n")),
        ("timeout", smtp("[transport.timeouts]\ndata = \"soon\"\n")),
        ("no kind of mailbox", told("[inbox]\nhost = \"imap.council.example\"\n")),
        ("a mailbox of another kind", told("[inbox]\nkind = \"pop3\"\n")),
        ("a mailbox without a server", told("[inbox]\nkind = \"imap\"\n")),
        ("whose mailbox", told("[inbox]\nkind = \"imap\"\nhost = \"imap.council.example\"\n")),
        ("a password for the mailbox", told("[inbox]\nkind = \"imap\"\nhost = \"imap.council.example\"\nusername = \"a\"\npassword = \"hunter2\"\n")),
        ("a mailbox read in the clear", told("[inbox]\nkind = \"imap\"\nhost = \"imap.council.example\"\nsecurity = \"none\"\nusername = \"a\"\npassword-env = \"SET\"\n")),
        ("a Maildir without a path", told("[inbox]\nkind = \"maildir\"\n")),
        ("everything else of a mailbox", told("[inbox]\nkind = \"maildir\"\npath = \"m\"\nfolders = [\"\", \"Spam\"]\nsince = \"soon\"\nlargest = \"1 TB\"\n[inbox.timeouts]\ncommand = \"long\"\n")),
        ("folders in one text", told("[inbox]\nkind = \"maildir\"\npath = \"m\"\nfolders = \"INBOX\"\n")),
        ("two paces", told("[pace]\nunlimited = true\nper-day = 3\n")),
        ("empty pace", told("[pace]\n")),
        ("zero limit", told("[pace]\nper-day = 0\n")),
        ("window", told("[window]\ndays = \"mon-fri\"\nfrom = \"17:00\"\nuntil = \"09:00\"\n")),
        ("days", told("[window]\ndays = \"mon-fryday\"\nfrom = \"9\"\n")),
        ("a step without a wait", told("[[step]]\nletter = \"again\"\n")),
        ("the same letter again", told("[[step]]\nletter = \"letter\"\nafter = \"2 weeks\"\n")),
        ("a wait that is none", told("[[step]]\nletter = \"again\"\nafter = \"soon\"\nunless = \"replied or = 3\"\nnot-after = \"later\"\n")),
        ("a step with numbers for texts", told("[[step]]\nletter = 2\nafter = 10\n")),
        ("a step without a letter", told("[[step]]\nafter = \"2 weeks\"\n")),
        ("a first letter that waits", settle(&RIGHT.replace("[[step]]", "[[step]]\nafter = \"2 weeks\"\nunless = \"fractie = nee\"")).1),
        ("a summary", told("[notify]\ndaily = \"soon\"\n")),
        ("a calendar", told("[calendar]\ncountry = \"xx\"\nclosed = [\"2025-12-24\", \"Christmas\"]\n")),
        ("postgres", told("[ledger]\nurl = \"postgres://ada:hunter2@db.example/x\"\n")),
        ("ledger", told("[ledger]\nurl = \"logs/ledger.db\"\n")),
        ("table for a text", told("[campaign.name]\n")),
        ("no day", campaign("deadline = \"z.s.m.\"")),
        ("a day that is none", campaign("deadline = \"31-04-2026\"")),
        ("a time of the day", campaign("deadline = 2025-10-28T17:00:00")),
        ("a time alone", campaign("deadline = 17:00:00")),
        ("a number for a day", campaign("deadline = 28")),
        ("no heading", settle(&RIGHT.replace("key = \"code\"", "link = \"--\"\nlimit = \" \"")).1),
        ("free key of another kind", settle(&RIGHT.replace("\"Straat 1\"", "12")).1),
    ];
    let text: String = all.iter().map(|(name, told)| format!("# {name}\n{told}\n\n")).collect();
    assert!(!text.contains("hunter2"), "a secret was shown");
    insta::assert_snapshot!(text);
}

#[test]
fn the_ledger_may_be_named_as_other_programs_do() {
    for (url, file) in [
        ("sqlite:///var/x.db", "/var/x.db"),
        ("sqlite://x.db", "/campaign/x.db"),
        ("sqlite:x.db", "/campaign/x.db"),
    ] {
        assert_eq!(right(&format!("[ledger]\nurl = \"{url}\"\n")).ledger, Path::new(file));
    }
}

#[test]
fn a_folder_without_a_config_is_told_how_to_get_one() {
    let empty = tempfile::tempdir().unwrap();
    let mut problems = Problems::default();
    assert!(load(empty.path(), &|_| None, &mut problems).is_none());
    assert!(problems.sorted()[0].to_string().contains("postduif init"));
}

#[test]
fn a_return_address_of_its_own_for_each_letter_needs_room_before_the_at() {
    let sender = |local: &str| {
        RIGHT
            .replace("[sender]\n", "[sender]\nverp = true\n")
            .replace("address = \"", &format!("address = \"{local}"))
    };
    let (config, told) = settle(&sender(""));
    assert!(config.is_some_and(|config| config.sender.verp), "{told}");
    let (config, told) = settle(&sender(&"long".repeat(10)));
    assert!(config.is_none() && told.contains("at most 41 characters fit before the @"), "{told}");
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_line() {
    let mut problems = Problems::default();
    assert!(read(Path::new("."), b"[campaign]\nname = \"\xFF\"", &|_| None, &mut problems).is_none());
    assert_eq!(
        problems.sorted()[0].to_string(),
        "config.toml:2: the file is not written in UTF-8; save it as UTF-8"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text, and any text made of this file's own pieces, is settled or refused, never a panic.
    #[test]
    fn no_text_makes_it_panic(
        any in ".{0,60}",
        pieces in prop::collection::vec(prop_oneof![
            Just("[campaign]\n"), Just("[sender]\n"), Just("[[step]]\n"), Just("[transport]\n"), Just("[pace]\n"),
            Just("[window]\n"), Just("[transport.timeouts]\n"), Just("name"), Just("kind"), Just("per-day"), Just("days"),
            Just("from"), Just("jitter"), Just("address"), Just(" = "), Just("\"smtp\"\n"), Just("-1\n"), Just("0x7f\n"),
            Just("1e400\n"), Just("99999999999999999999\n"), Just("\"é\u{202e}\"\n"), Just("[1, {a = 2}]\n"),
            Just("\"mon-\"\n"), Just("step"), Just("1979-05-27\n"), Just("."), Just("\n"),
        ], 0..24),
    ) {
        settle(&any);
        settle(&pieces.concat());
    }
}
