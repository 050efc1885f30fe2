//! The program against a real Postfix with a real Dovecot behind it, and what its recipients then find in their mail.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use mail_parser::MessageParser;
use postduif::account::{Security, Server};
use postduif::campaign::definition::Definition;
use postduif::campaign::problem::Problems;
use postduif::clock::Clock;
use postduif::delivery::pace::Pace;
use postduif::delivery::patience::Patience;
use postduif::delivery::retry::RetryPolicy;
use postduif::engine::deliver::{Ended, Run};
use postduif::engine::press::Press;
use postduif::engine::progress::Progress;
use postduif::engine::shutdown::Shutdown;
use postduif::ledger::Ledger;
use postduif::transport::{Settings, SmtpSettings, Timeouts, Transport};
use serde_json::Value;
use support::post_office::{PASSWORD, PostOffice, TOKEN};
use support::town::Campaign;

const SENDER: &str = "address = \"appeal@alliance.example\"";

/// A campaign of `sender@example.test`, whose transport has these lines.
fn campaign(transport: &str) -> Campaign {
    let campaign = Campaign::new().with_env("PASSWORD", PASSWORD);
    campaign
        .configure("kind = \"rehearsal\"", transport)
        .configure(SENDER, "address = \"sender@example.test\"\nreply-to = \"answers@example.test\"");
    campaign
}

fn to_mx(post: &PostOffice) -> String {
    format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"", post.ports.mx)
}

fn to_submission(post: &PostOffice, secret: &str) -> String {
    let (port, ca) = (post.ports.submission, post.ca_file());
    format!(
        "kind = \"smtp\"\nhost = \"localhost\"\nport = {port}\nsecurity = \"starttls\"\nca-file = \"{}\"\n\
         username = \"sender@example.test\"\n{secret}",
        ca.display()
    )
}

/// A roster of short names and addresses.
fn roster(campaign: &Campaign, rows: &[(&str, &str)]) {
    let rows: String =
        rows.iter().map(|(key, address)| format!("{key},Partij {key},Commissie,{address}\n")).collect();
    campaign.write("recipients.csv", format!("afkorting,partij,naam,e-mail\n{rows}"));
}

fn status(campaign: &Campaign) -> Value {
    serde_json::from_str(&campaign.run(["status", "--json"]).success().out).unwrap()
}

/// One recipient's step, as `status --json` tells it.
fn step(campaign: &Campaign, key: &str) -> Value {
    let status = status(campaign);
    let recipients = status["recipients"].as_array().unwrap();
    recipients.iter().find(|recipient| recipient["key"] == key).unwrap()["steps"][0].clone()
}

/// The messages in a mailbox that carry the Message-ID that the ledger knows.
fn of_ledger(post: &PostOffice, campaign: &Campaign, key: &str, mailbox: &str) -> Vec<Vec<u8>> {
    post.wait_until_idle();
    let id = step(campaign, key)["message_id"].as_str().unwrap().to_owned();
    let line = format!("\r\nMessage-ID: {id}\r\n");
    post.imap(mailbox).into_iter().filter(|mail| String::from_utf8_lossy(mail).contains(&line)).collect()
}

/// The message from its first own field on, without what differs between a preview and a delivery: the date, the
/// Message-ID, and the boundary that follows from it.
fn comparable(message: &[u8]) -> String {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let own = text.find("\r\nDate: ").map_or(text.as_str(), |at| &text[at + 2..]);
    let field = |name: &str| {
        let rest = own.split_once(name).unwrap().1;
        rest.split("\r\n").next().unwrap().to_owned()
    };
    let boundary = own.split_once("boundary=\"").unwrap().1.split('"').next().unwrap();
    own.replace(boundary, "BOUNDARY").replace(&field("Message-ID: "), "ID").replacen(
        &field("Date: "),
        "DATE",
        1,
    )
}

#[test]
fn what_is_in_the_mailbox_is_what_the_preview_showed_by_every_way() {
    let Some(post) = PostOffice::shared() else { return };
    let password = "password-env = \"PASSWORD\"";
    let implicit = to_submission(post, password)
        .replace("starttls", "tls")
        .replace(&post.ports.submission.to_string(), &post.ports.smtps.to_string());
    let ways = [("plain", to_mx(post)), ("starttls", to_submission(post, password)), ("tls", implicit)];
    for (way, transport) in ways {
        let campaign = campaign(&transport);
        roster(&campaign, &[("A", &format!("ada+{way}@example.test")), ("B", "ben@example.test")]);
        campaign.run(["send", "--yes"]).success();
        for (key, mailbox) in [("A", "ada@example.test"), ("B", "ben@example.test")] {
            let arrived = of_ledger(post, &campaign, key, mailbox);
            assert_eq!(arrived.len(), 1, "{way} {key}");
            let shown = campaign.run(["preview", key, "--raw"]).success().out;
            assert_eq!(comparable(&arrived[0]), comparable(shown.as_bytes()), "{way} {key}");
            let mail = MessageParser::default().parse(&arrived[0]).unwrap();
            assert_eq!(mail.subject(), Some(format!("A letter to Partij {key}").as_str()));
            assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("sender@example.test"));
            assert_eq!(mail.reply_to().unwrap().first().unwrap().address(), Some("answers@example.test"));
            assert!(mail.body_text(0).unwrap().contains("Dear Commissie"));
            assert!(mail.body_html(0).unwrap().contains(&format!("<strong>Partij {key}</strong>")));
            assert_eq!(step(&campaign, key)["state"], "accepted");
        }
    }
}

#[test]
fn a_wrong_password_costs_one_login_and_no_letter() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&to_submission(&post, "password-command = \"echo wrong\""));
    roster(&campaign, &[("A", "ada@example.test"), ("B", "ben@example.test"), ("C", "ada+c@example.test")]);
    campaign.run(["send", "--yes"]).code(3).said("535").said("nothing was sent");
    assert_eq!(post.log().matches("authentication failed").count(), 1, "{}", post.log());
    assert_eq!(status(&campaign)["counts"]["queued"], 3);
    post.wait_until_idle();
    assert!(post.mailbox("ada@example.test").is_empty() && post.mailbox("ben@example.test").is_empty());
    // Mended, everybody gets exactly one.
    campaign.configure("echo wrong", &format!("echo '{PASSWORD}'")).run(["send", "--yes"]).success();
    post.wait_until_idle();
    assert_eq!((post.mailbox("ada@example.test").len(), post.mailbox("ben@example.test").len()), (2, 1));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let Some(post) = PostOffice::shared() else { return };
    let transport = to_submission(post, "password-env = \"PASSWORD\"");
    let without = transport.replace(&format!("ca-file = \"{}\"\n", post.ca_file().display()), "");
    assert_ne!(transport, without);
    let campaign = campaign(&without);
    roster(&campaign, &[("A", "ada+untrusted@example.test")]);
    campaign.run(["send", "--yes"]).code(3).said("certificate").said("nothing was sent");
    assert_eq!(status(&campaign)["counts"]["queued"], 1);
}

#[test]
fn a_token_opens_the_account_and_an_expired_one_does_not() {
    for mechanism in ["xoauth2", "oauthbearer"] {
        let only = format!("auth_mechanisms = plain {mechanism}\n");
        let Some(post) = PostOffice::start_with(|wishes| wishes.dovecot_conf.push_str(&only)) else { return };
        let campaign = campaign(&to_submission(&post, "token-command = \"cat token\""));
        roster(&campaign, &[("A", "ada@example.test"), ("B", "ben@example.test")]);
        for stale in ["expired\n", "\n"] {
            campaign.write("token", stale);
            campaign.run(["send", "--yes"]).code(3).said("nothing was sent");
        }
        campaign.write("token", format!("{TOKEN}\n"));
        campaign.run(["send", "--yes"]).success();
        assert_eq!(of_ledger(&post, &campaign, "A", "ada@example.test").len(), 1, "{mechanism}");
        assert_eq!(of_ledger(&post, &campaign, "B", "ben@example.test").len(), 1, "{mechanism}");
    }
}

#[test]
fn one_bad_address_is_refused_with_the_relays_words_and_the_others_get_their_letter() {
    let Some(post) = PostOffice::shared() else { return };
    let campaign = campaign(&to_mx(post));
    roster(
        &campaign,
        &[
            ("A", "ada+first@example.test"),
            ("NO", "nobody@example.test"),
            ("BUSY", "tmp450@example.test"),
            ("B", "ben+last@example.test"),
        ],
    );
    campaign.run(["send", "--yes"]).code(1);
    let refused = step(&campaign, "NO");
    assert_eq!((&refused["state"], &refused["reply"]["code"]), (&"refused".into(), &550.into()));
    assert_eq!(refused["reply"]["enhanced"], "5.1.1");
    campaign.run(["why", "NO"]).success().said("refused").said("550 5.1.1");
    let busy = step(&campaign, "BUSY");
    assert_eq!((&busy["state"], &busy["reply"]["code"]), (&"queued".into(), &450.into()));
    campaign.run(["why", "BUSY"]).success().said("put off after 1 attempt").said("Mailbox busy");
    assert_eq!(of_ledger(post, &campaign, "A", "ada@example.test").len(), 1);
    assert_eq!(of_ledger(post, &campaign, "B", "ben@example.test").len(), 1);
    // Again at once: who is put off is not due, and nobody gets a second letter.
    campaign.run(["send", "--yes"]).code(1);
    assert_eq!(step(&campaign, "BUSY")["attempts"], 1);
    assert_eq!(of_ledger(post, &campaign, "A", "ada@example.test").len(), 1);
}

/// A run of the campaign in this process, by a clock that shows a later time than the machine's.
async fn run_later(campaign: &Campaign, port: u16, later: Duration) -> Ended {
    let clock = Clock::manual(Clock::system().now());
    clock.advance(later);
    let ledger = Ledger::open(&campaign.file("logs/ledger.db"), "a later process", None).unwrap();
    let launched = ledger.campaign("appeal").await.unwrap().unwrap();
    let definition: Definition = serde_json::from_str(&launched.definition).unwrap();
    let columns = ["afkorting", "partij", "naam", "e_mail"].map(str::to_owned);
    let press = Press::set_up(definition, &columns, &mut Problems::default()).unwrap();
    let way = SmtpSettings {
        server: Server {
            host: "127.0.0.1".into(),
            port,
            security: Security::None,
            login: None,
            ca_file: None,
        },
        connections: 1,
        letters_per_connection: 100,
        hello_name: None,
        delivery_reports: true,
        timeouts: Timeouts::default(),
    };
    let run = Run {
        ledger,
        transport: Transport::open(Settings::Smtp(way)).await.unwrap(),
        clock,
        campaign: launched,
        press: Arc::new(press),
        pace: Pace::default(),
        window: None,
        retry: RetryPolicy::default(),
        only: Vec::new(),
        barrier: None,
        not_overdue_since: None,
        limit: None,
        patience: Patience::Sitting,
        owner: "later".to_owned(),
        shutdown: Shutdown::default(),
        progress: Arc::new(Progress::default()),
    };
    run.deliver().await.unwrap()
}

#[test]
fn a_greylisted_letter_is_put_off_and_taken_the_second_time() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&to_mx(&post));
    roster(&campaign, &[("GREY", "grey@example.test"), ("A", "ada@example.test")]);
    campaign.run(["send", "--yes"]).success().said("1 letter still queued");
    let put_off = step(&campaign, "GREY");
    assert_eq!((&put_off["state"], &put_off["reply"]["code"]), (&"queued".into(), &451.into()));
    campaign.run(["why", "GREY"]).success().said("Greylisted");
    assert_eq!(post.mailbox("grey@example.test").len(), 0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let early = runtime.block_on(run_later(&campaign, post.ports.mx, Duration::from_secs(200)));
    assert!(matches!(early, Ended::Later(_)), "{early:?}");
    assert_eq!(step(&campaign, "GREY")["attempts"], 1);
    let due = runtime.block_on(run_later(&campaign, post.ports.mx, Duration::from_secs(301)));
    assert_eq!(due, Ended::Done);
    let taken = step(&campaign, "GREY");
    assert_eq!((&taken["state"], &taken["attempts"]), (&"accepted".into(), &2.into()));
    // The same name on both attempts: the mailbox and the ledger agree.
    assert_eq!(put_off["message_id"], taken["message_id"]);
    assert_eq!(of_ledger(&post, &campaign, "GREY", "grey@example.test").len(), 1);
    assert_eq!(post.mailbox("ada@example.test").len(), 1);
}

#[test]
fn an_umlaut_in_from_to_name_or_subject_against_a_server_without_smtputf8() {
    // Field bug 11.
    let Some(post) = PostOffice::start_with(|wishes| wishes.main_cf.push_str("smtputf8_enable = no\n"))
    else {
        return;
    };
    let campaign = campaign(&to_mx(&post));
    campaign
        .configure("name = \"The Alliance\"", "name = \"Bündnis „Ärzte & Ünal“, e. V.\"")
        .write("templates/letter.md", "+++\nsubject = \"Größe für {{partij}}: een oproep – ß\"\n+++\nDear {{naam}},\n\nschöne Grüße.\n")
        .write(
            "recipients.csv",
            "afkorting,partij,naam,e-mail\nÜ,\"Grüne, \"\"Liste\"\" Å\",Jürgen Ñandú-Œuvre,ada@example.test\n",
        );
    campaign.run(["send", "--yes"]).success();
    let arrived = of_ledger(&post, &campaign, "Ü", "ada@example.test");
    assert_eq!(arrived.len(), 1, "{}", post.log());
    assert!(arrived[0].is_ascii(), "everything is encoded");
    let mail = MessageParser::default().parse(&arrived[0]).unwrap();
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Bündnis „Ärzte & Ünal“, e. V."));
    assert_eq!(mail.to().unwrap().first().unwrap().name(), Some("Jürgen Ñandú-Œuvre"));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("ada@example.test"));
    assert_eq!(mail.subject(), Some("Größe für Grüne, \"Liste\" Å: een oproep – ß"));
    assert!(mail.body_text(0).unwrap().contains("schöne Grüße"));
}

#[test]
fn the_return_path_names_the_delivery_where_verp_is_on() {
    let Some(post) = PostOffice::shared() else { return };
    for verp in [true, false] {
        let campaign = campaign(&to_mx(post));
        campaign.configure("reply-to", &format!("verp = {verp}\nreply-to"));
        roster(&campaign, &[("V", &format!("ada+verp-{verp}@example.test"))]);
        campaign.run(["send", "--yes"]).success();
        let arrived = of_ledger(post, &campaign, "V", "ada@example.test");
        let text = String::from_utf8_lossy(&arrived[0]).into_owned();
        let path = text.lines().find_map(|line| line.strip_prefix("Return-Path: ")).unwrap();
        let id = step(&campaign, "V")["message_id"].as_str().unwrap().to_owned();
        let token: String = id.trim_start_matches('<').split('.').take(2).collect();
        let expected =
            if verp { format!("<sender+{token}@example.test>") } else { "<sender@example.test>".to_owned() };
        assert_eq!(path, expected);
    }
}

/// What somebody might put into a cell to end our message and begin their own.
const SMUGGLED: &str = "MAIL FROM:<sender@example.test>\r\nRCPT TO:<ben@example.test>\r\nDATA\r\n\
                        Subject: smuggled\r\n\r\nsmuggled\r\n.\r\n";

#[test]
fn nothing_that_stands_in_a_cell_or_a_letter_becomes_a_second_message() {
    let Some(post) = PostOffice::start() else { return };
    let endings = ["\n.\n", "\r.\r", "\r\n.\r\n", "\n.\r\n", "\r\n.\n", "\r.\n", "\n.\r", "\u{85}.\u{2028}"];
    let transport = to_mx(&post);
    let mut expected = 0;
    for (column, name) in ["partij", "naam", "wens"].into_iter().enumerate() {
        let campaign = campaign(&transport);
        campaign.write(
            "templates/letter.md",
            "+++\nsubject = \"To {{partij}} and {{naam}}: {{wens}}\"\n+++\n{{partij}}\n\n{{naam}} **{{wens}}** \
             [{{wens}}](https://example.test/?q={{wens}})\n\nthe end\n",
        );
        let mut rows = "afkorting,partij,naam,wens,e-mail\n".to_owned();
        for (nth, ending) in endings.iter().enumerate() {
            let mut cells = ["one", "two", "three"].map(str::to_owned);
            cells[column] = format!("before{ending}{SMUGGLED}after");
            let cells: Vec<String> = cells.iter().map(|cell| format!("\"{cell}\"")).collect();
            rows.push_str(&format!("K{nth},{},ada+{name}{nth}@example.test\n", cells.join(",")));
        }
        // A NUL is never meant: the row is named, and nothing goes before it is mended.
        let hostile = rows.replacen("before", "be\0fore", 1);
        campaign.write("recipients.csv", hostile).run(["send", "--yes"]).code(2).said("U+0000");
        campaign.write("recipients.csv", rows).run(["send", "--yes"]).success();
        expected += endings.len();
        for (nth, ending) in endings.iter().enumerate() {
            let arrived = of_ledger(&post, &campaign, &format!("K{nth}"), "ada@example.test");
            assert_eq!(arrived.len(), 1, "{name} {ending:?}");
            let mail = MessageParser::default().parse(&arrived[0]).unwrap();
            let text = mail.body_text(0).unwrap();
            for part in ["before", "RCPT TO:<ben@example.test>", "smuggled", "after", "the end"] {
                assert!(text.contains(part), "{name} {ending:?}: no {part} in {text}");
            }
            assert!(mail.subject().unwrap().starts_with("To "), "{:?}", mail.subject());
        }
    }
    // In the letter's own front matter it is refused, or it is one line of one letter.
    for subject in [
        "Hello\\r\\n.\\r\\nMAIL FROM:<sender@example.test>",
        "Hello\\u0000\\n.\\n",
        "Hello\\rBcc: ben@example.test",
    ] {
        let campaign = campaign(&transport);
        campaign.write("templates/letter.md", format!("+++\nsubject = \"{subject}\"\n+++\nthe end\n"));
        roster(&campaign, &[("S", "ada+subject@example.test")]);
        let sent = campaign.run(["send", "--yes"]);
        assert!(matches!(sent.code, Some(0 | 2)), "{}", sent.err);
        expected += usize::from(sent.code == Some(0));
    }
    post.wait_until_idle();
    assert_eq!(post.imap("ada@example.test").len(), expected);
    assert_eq!(post.mailbox("ben@example.test").len(), 0);
    assert_eq!(post.mailbox("sender@example.test").len(), 0);
}

#[test]
fn the_template_or_the_csv_is_edited_between_two_attempts() {
    // Field bug 23: two groups get two letters.
    let Some(post) = PostOffice::shared() else { return };
    let campaign = campaign(&to_mx(post));
    let rows = [("E1", "ada+edit1@example.test"), ("E2", "ada+edit2@example.test")];
    roster(&campaign, &rows);
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.write(
        "templates/letter.md",
        "+++\nsubject = \"Another letter\"\n+++\nSomething else for {{naam}}.\n",
    );
    campaign.run(["send", "--yes"]).success();
    for (key, _) in rows {
        let arrived = of_ledger(post, &campaign, key, "ada@example.test");
        let mail = MessageParser::default().parse(&arrived[0]).unwrap();
        assert_eq!(mail.subject(), Some(format!("A letter to Partij {key}").as_str()));
        assert!(mail.body_text(0).unwrap().contains("Dear Commissie"), "{key}");
    }
}

/// The shipped letter, as it lies in the mailbox: a mail filter finds next to nothing in it.
#[test]
fn the_shipped_letter_is_no_spam() {
    use postduif::campaign::preflight::spam;
    let Some(post) = PostOffice::shared() else { return };
    let program = std::path::Path::new("/usr/bin/spamassassin");
    if !program.exists() {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"left out: no spamassassin is installed\n");
        return;
    }
    let campaign = campaign(&to_mx(post));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["templates/letter.md", "templates/foot.md"] {
        campaign.write(name, std::fs::read(root.join(name)).unwrap());
    }
    campaign.configure(
        "organisation = \"The Alliance\"",
        "organisation = \"Samen\"\npostal-address = \"Straat 1\"\nphone = \"000\"\ncontact = \"secretariaat\"",
    );
    let shipped = std::fs::read_to_string(root.join("recipients.csv")).unwrap();
    let rows: Vec<String> = shipped
        .lines()
        .take(3)
        .map(|row| {
            row.split(',')
                .map(|cell| if cell.contains('@') { "ada+spam@example.test" } else { cell })
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect();
    campaign.write("recipients.csv", rows[..2].join("\n") + "\n");
    campaign.run(["send", "--yes"]).success();
    let arrived = of_ledger(post, &campaign, "PVV", "ada@example.test");
    assert_eq!(arrived.len(), 1);
    let home = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--local", "--mbox", "--nocreate-prefs", "--prefspath=/dev/null"]).env("HOME", home.path());
    command.args(spam::settings("Test").iter().map(|line| format!("--cf={line}")));
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mailbox = spam::mailbox(arrived.iter().map(Vec::as_slice));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &mailbox).unwrap();
    let answer = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let scores = spam::scores(&answer, "Test");
    assert_eq!(scores.len(), 1, "{answer}");
    assert!(scores[0].points < 1.0, "{:?}", scores[0]);
}
