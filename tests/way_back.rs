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

/// Two letters, the second three working days after the first; ten days have passed since that went.
fn reminders_are_due(campaign: &Campaign) {
    campaign
        .write(
            "templates/reminder.md",
            "+++\n+++\nDear {{naam}}, we wrote on {{date first_letter_on}}.\n\n{{quote}}\n",
        )
        .configure(
            "[transport]",
            "[[step]]\nletter = \"reminder\"\nafter = \"3 working days\"\n\n[transport]",
        );
    campaign.run(["send", "--yes"]).success();
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    ledger.execute("UPDATE delivery SET ended_at = ended_at - 10 * 86400000", []).unwrap();
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

#[test]
fn reminders_stand_in_one_thread_and_whoever_answered_an_hour_ago_gets_none() {
    let Some(post) = PostOffice::start_with(|wishes| wishes.mailbox("cas@example.test")) else { return };
    let campaign =
        campaign(&post, &["ada@example.test", "ben@example.test", "cas@example.test", "ghost@example.test"]);
    reminders_are_due(&campaign);
    post.wait_for("cas@example.test", 1);
    let id = recipients(&campaign)[0]["steps"][0]["message_id"].as_str().unwrap().to_owned();
    answer(
        &post,
        "ada@example.test",
        &format!(
            "From: Ada <ada@example.test>\nTo: sender@example.test\nSubject: Re: A letter\nMessage-ID: <1@x.test>\n\
                  In-Reply-To: {id}\n\nJa."
        ),
    );
    post.wait_for("sender@example.test", 2);
    // Nobody has looked into the mailbox since: `follow-up` does so itself.
    let run = campaign.run(["follow-up", "--yes"]).code(1);
    assert!(run.out.contains("K0 answered") && run.out.contains("K3 bounced"), "{}", run.out);
    assert!(run.out.contains("2 letters to go now"), "{}", run.out);
    for (address, letters) in [("ben@example.test", 2), ("cas@example.test", 2)] {
        post.wait_for(address, letters);
        let mut reader = Imap::login(post.ports.imaps, &post.ca_pem, address, PASSWORD);
        assert_eq!(reader.threads("INBOX"), "(1 2)", "{address}: the second hangs on the first");
    }
    assert_eq!(
        Imap::login(post.ports.imaps, &post.ca_pem, "ada@example.test", PASSWORD).messages("INBOX").len(),
        1
    );
    // Without In-Reply-To and References the rules would part them: the test can fail.
    answer(
        &post,
        "x@elsewhere.test",
        "From: x@elsewhere.test\nTo: sender@example.test\nSubject: one\nMessage-ID: <2@x.test>\n\n.",
    );
    post.wait_for("sender@example.test", 3);
    let mut own = Imap::login(post.ports.imaps, &post.ca_pem, "sender@example.test", PASSWORD);
    assert_eq!(
        own.threads("INBOX").matches('(').count(),
        3,
        "an answer, a report and a stranger are three threads"
    );
}

#[test]
fn the_service_hears_an_answer_over_imap_and_ends_when_everybody_is_done() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&post, &["ada@example.test", "ben@example.test"]);
    reminders_are_due(&campaign);
    // Both are held back, so that the service waits and listens.
    campaign.run(["mark", "K0", "hold"]).success();
    campaign.run(["mark", "K1", "hold"]).success();
    let mut running = campaign.spawn(["run", "--yes"]);
    support::servers::wait_until("the service listens", || {
        running.said_so_far().contains("waits for answers, or for you").then_some(())
    });
    for (key, address) in ["ada@example.test", "ben@example.test"].into_iter().enumerate() {
        let id = recipients(&campaign)[key]["steps"][0]["message_id"].as_str().unwrap().to_owned();
        let reply = format!(
            "From: <{address}>\nTo: sender@example.test\nSubject: Re: A letter\nMessage-ID: <{key}@x.test>\nIn-Reply-To: {id}\n\nJa."
        );
        answer(&post, address, &reply);
    }
    support::servers::wait_until("both are heard and the service has ended", || {
        (!running.is_running()).then_some(())
    });
    let run = running.wait().success();
    assert!(run.out.contains("K0 answered") && run.out.contains("K1 answered"), "{}", run.out);
    assert_eq!(standings(&campaign), ["replied", "replied"]);
    campaign.run(["status"]).success().said("finished");
    assert_eq!(post.wait_for("ben@example.test", 1).len(), 1, "nobody was reminded");
}

#[test]
fn while_the_mailbox_is_unreachable_reminders_wait_and_say_so() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&post, &["ada@example.test"]);
    reminders_are_due(&campaign);
    campaign.write("password", "wrong");
    campaign.run(["follow-up", "--yes"]).code(3);
    let running = campaign.spawn(["run", "--yes"]);
    support::servers::wait_until("it says why nothing goes", || {
        running.said_so_far().contains("because the mailbox cannot be read").then_some(())
    });
    assert_eq!(post.wait_for("ada@example.test", 1).len(), 1, "only the first letter");
    running.interrupt();
    running.wait();
    campaign.write("password", PASSWORD);
    campaign.run(["run", "--yes"]).success();
    assert_eq!(post.wait_for("ada@example.test", 2).len(), 2);
}
