//! The whole way with real servers: sent through Postfix, come back into Dovecot, read over IMAP into the ledger.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::{ToSpan as _, tz::TimeZone};
use postduif::clock::Clock;
use support::imap::Imap;
use support::post_office::{PASSWORD, PostOffice};
use support::town::Campaign;

/// A campaign of `sender@example.test`, whose mailbox it reads.
fn campaign(post: &PostOffice, addresses: &[&str]) -> Campaign {
    let relay =
        format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"", post.ports.mx);
    let campaign = Campaign::new();
    campaign.write("password", PASSWORD);
    fs::set_permissions(campaign.file("password"), fs::Permissions::from_mode(0o600)).unwrap();
    let inbox = format!(
        "[inbox]\nkind = \"imap\"\nhost = \"localhost\"\nport = {}\nsecurity = \"tls\"\nusername = \"sender@example.test\"\n\
         password-file = \"password\"\nca-file = \"{}\"\n\n[ledger]",
        post.ports.imaps,
        post.ca_file().display()
    );
    campaign
        .configure("kind = \"rehearsal\"", &relay)
        .configure("address = \"appeal@alliance.example\"", "address = \"sender@example.test\"")
        .configure("[ledger]", &inbox);
    let rows: String = addresses
        .iter()
        .enumerate()
        .map(|(nth, address)| format!("K{nth},Partij {nth},Commissie,{address}\n"))
        .collect();
    campaign.write("recipients.csv", format!("afkorting,partij,naam,e-mail\n{rows}"));
    campaign
}

fn recipients(campaign: &Campaign) -> Vec<serde_json::Value> {
    let status: serde_json::Value =
        serde_json::from_str(&campaign.run(["status", "--json"]).success().out).unwrap();
    status["recipients"].as_array().unwrap().clone()
}

fn standings(campaign: &Campaign) -> Vec<String> {
    recipients(campaign).iter().map(|one| one["standing"].as_str().unwrap().to_owned()).collect()
}

/// Puts a message into the sender's mailbox as any mail arrives: through Postfix.
fn answer(post: &PostOffice, from: &str, message: &str) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let stream = std::net::TcpStream::connect(("127.0.0.1", post.ports.mx)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut heard = |code: &str| {
        let mut line = String::new();
        loop {
            line.clear();
            lines.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "{line}");
            if line.as_bytes().get(3) == Some(&b' ') {
                break;
            }
        }
    };
    heard("220");
    for (said, code) in [
        ("EHLO localhost\r\n".to_owned(), "250"),
        (format!("MAIL FROM:<{from}>\r\n"), "250"),
        ("RCPT TO:<sender@example.test>\r\n".to_owned(), "250"),
        ("DATA\r\n".to_owned(), "354"),
        (format!("{}\r\n.\r\n", message.replace('\n', "\r\n")), "250"),
        ("QUIT\r\n".to_owned(), "221"),
    ] {
        stream.write_all(said.as_bytes()).unwrap();
        heard(code);
    }
}

/// Every file of the sender's mailbox: its name holds the flags.
fn files(post: &PostOffice) -> Vec<String> {
    let mut names: Vec<String> = ["new", "cur"]
        .iter()
        .filter_map(|part| fs::read_dir(post.maildir("sender@example.test").join(part)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path().file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn bounces_of_a_real_relay_are_recorded_for_what_they_are() {
    let Some(post) = PostOffice::start() else { return };
    let campaign =
        campaign(&post, &["ghost@example.test", "full@example.test", "ada@deadend.test", "ada@example.test"]);
    campaign.run(["send", "--yes"]).success();
    // Of the ghost and of the full mailbox one report each; of the dead end "delayed", then "failed".
    post.wait_for("sender@example.test", 4);
    let run = campaign.run(["inbox"]).success();
    for told in
        ["K0 bounced: the address is bad (5.1.1)", "K2 delayed; the relay is still trying", "known by the "]
    {
        assert!(run.out.contains(told), "no `{told}` in\n{}", run.out);
    }
    assert_eq!(run.out.matches("K1 ").count(), 1, "{}", run.out);
    let all = recipients(&campaign);
    assert_eq!(all[0]["standing"], "bounced");
    assert_eq!(all[3]["standing"], "awaiting-reply");
    // No room: the letter goes again after two days, and nothing is held against the address.
    let generations = all[1]["steps"].as_array().unwrap();
    assert_eq!(generations.last().unwrap()["state"], "queued", "{}", all[1]);
    let suppressed = campaign.run(["suppress", "list"]).success().out;
    assert!(suppressed.contains("ghost@example.test"), "{suppressed}");
    assert!(!suppressed.contains("full@") && !suppressed.contains("deadend"), "{suppressed}");
    campaign.run(["why", "K0"]).success().said("5.1.1");
}

#[test]
fn what_people_write_back_is_known_kept_and_judged_and_the_mailbox_stays_as_it_was() {
    let Some(post) = PostOffice::start_with(|wishes| wishes.mailbox("cas@example.test")) else { return };
    let campaign = campaign(&post, &["ada@example.test", "ben@example.test", "cas@example.test"]);
    campaign.run(["send", "--yes"]).success();
    let back = Clock::system().now().to_zoned_datetime(TimeZone::UTC).date().saturating_add(20.days());
    let of = |key: usize| recipients(&campaign)[key]["steps"][0]["message_id"].as_str().unwrap().to_owned();
    answer(
        &post,
        "secretary@elsewhere.test",
        &format!(
            "From: Secretary <secretary@elsewhere.test>\nTo: sender@example.test\nSubject: Re: A letter to Partij 0\n\
             Message-ID: <1@elsewhere.test>\nIn-Reply-To: {}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nWij nemen punt één over.\n\n> Dear Commissie,\n--x\n\
             Content-Type: application/pdf\nContent-Disposition: attachment; filename=antwoord.pdf\n\n%PDF-1.7\n--x--",
            of(0)
        ),
    );
    answer(
        &post,
        "ben@example.test",
        &format!(
            "From: Ben <ben@example.test>\nTo: sender@example.test\nSubject: Automatisch antwoord: A letter to Partij 1\n\
             Message-ID: <2@example.test>\nIn-Reply-To: {}\nAuto-Submitted: auto-replied\n\nIk ben afwezig en terug op {}.",
            of(1),
            back.strftime("%d-%m-%Y")
        ),
    );
    answer(
        &post,
        "stranger@elsewhere.test",
        "From: Stranger <stranger@elsewhere.test>\nTo: sender@example.test\nSubject: Vacature\nMessage-ID: <3@elsewhere.test>\n\nHebt u werk?",
    );
    post.wait_for("sender@example.test", 3);
    // A mail program has looked at the mailbox before us.
    Imap::login(post.ports.imaps, &post.ca_pem, "sender@example.test", PASSWORD).messages("INBOX");
    let before = files(&post);
    let run = campaign.run(["inbox"]).success().said("2 messages recorded; 1 message of other mail");
    assert!(
        run.out.contains("K0 answered, from secretary@elsewhere.test; known by the Message-ID"),
        "{}",
        run.out
    );
    assert!(run.out.contains("K1 away until "), "{}", run.out);
    campaign.run(["inbox"]).success().said("nothing new about our letters");
    assert_eq!(files(&post), before, "a flag was set, or a message moved");
    assert_eq!(standings(&campaign), ["replied", "auto-replied", "awaiting-reply"]);

    campaign.run(["why", "K1"]).success().said(&back.to_string());

    let shown = campaign.run(["show", "K0", "--replies"]).success().said("antwoord.pdf");
    assert_eq!(shown.out.trim(), "Wij nemen punt één over.");
    campaign.run(["why", "K0"]).success().said("answered").said("secretary@elsewhere.test").said(&of(0));
    assert!(campaign.read("logs/status.csv").contains("auto-replied"));
}

#[test]
fn a_mailbox_that_cannot_be_reached_leaves_everything_as_it_was() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&post, &["ada@example.test"]);
    campaign.run(["send", "--yes"]).success();
    campaign.write("password", "wrong");
    campaign.run(["inbox"]).code(3).said("what was recorded before holds");
    campaign.write("password", PASSWORD);
    campaign.configure(
        &format!("port = {}\nsecurity = \"tls\"", post.ports.imaps),
        "port = 9\nsecurity = \"tls\"",
    );
    campaign.run(["inbox"]).code(3).said("what was recorded before holds");
    assert_eq!(standings(&campaign), ["awaiting-reply"]);
}
