//! Proves the test ground itself: a conversation by hand with the Postfix and the Dovecot that other tests rely on.
#![expect(clippy::unwrap_used, reason = "a broken line fails the test")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::imap::{TlsLine, tls};
use support::post_office::{PASSWORD, PostOffice, TOKEN};

/// An SMTP conversation, said line by line.
struct Talk<S: Read + Write>(BufReader<S>);

impl<S: Read + Write> Talk<S> {
    /// Reads a reply to its last line.
    fn hear(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the line closed after {all:?}");
            all.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return all;
            }
        }
    }

    fn say(&mut self, text: &str) -> String {
        self.0.get_mut().write_all(format!("{text}\r\n").as_bytes()).unwrap();
        self.0.get_mut().flush().unwrap();
        self.hear()
    }

    #[track_caller]
    fn expect(&mut self, text: &str, code: &str) -> String {
        let reply = self.say(text);
        assert!(reply.starts_with(code), "{text}: {reply}");
        reply
    }

    #[track_caller]
    fn deliver(&mut self, to: &str, subject: &str) {
        self.expect("MAIL FROM:<sender@example.test>", "250");
        self.expect(&format!("RCPT TO:<{to}>"), "250");
        self.expect("DATA", "354");
        self.expect(
            &format!("From: sender@example.test\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello.\r\n."),
            "250",
        );
    }
}

fn connect(port: u16) -> TcpStream {
    let line = TcpStream::connect(("127.0.0.1", port)).unwrap();
    line.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    line
}

fn plain(port: u16) -> Talk<TcpStream> {
    let mut talk = Talk(BufReader::new(connect(port)));
    assert!(talk.hear().starts_with("220"));
    talk.expect("EHLO client.example", "250");
    talk
}

fn starttls(post: &PostOffice, port: u16) -> Talk<TlsLine> {
    let mut talk = plain(port);
    talk.expect("STARTTLS", "220");
    let mut talk = Talk(BufReader::new(tls(talk.0.into_inner(), &post.ca_pem)));
    talk.expect("EHLO client.example", "250");
    talk
}

fn login() -> String {
    format!("AUTH PLAIN {}", STANDARD.encode(format!("\0sender@example.test\0{PASSWORD}")))
}

fn is_about(mail: &[u8], subject: &str) -> bool {
    String::from_utf8_lossy(mail).lines().any(|line| line == format!("Subject: {subject}"))
}

#[test]
fn mail_through_every_port_is_read_back_from_the_maildir_and_over_imap() {
    let Some(post) = PostOffice::start() else { return };
    plain(post.ports.mx).deliver("ada@example.test", "plain");
    starttls(&post, post.ports.mx).deliver("ada@example.test", "upgraded");
    let mut talk = starttls(&post, post.ports.submission);
    talk.expect(&login(), "235");
    talk.deliver("ada@example.test", "submission");
    let mut talk = Talk(BufReader::new(tls(connect(post.ports.smtps), &post.ca_pem)));
    assert!(talk.hear().starts_with("220"));
    talk.expect("EHLO client.example", "250");
    talk.expect("AUTH LOGIN", "334");
    talk.expect(&STANDARD.encode("sender@example.test"), "334");
    talk.expect(&STANDARD.encode(PASSWORD), "235");
    talk.deliver("ada+detail@example.test", "smtps");

    let stored = post.wait_for("ada@example.test", 4);
    post.wait_until_idle();
    let read = post.imap("ada@example.test");
    assert_eq!((stored.len(), read.len()), (4, 4), "{}", post.log());
    for subject in ["plain", "upgraded", "submission", "smtps"] {
        assert!(stored.iter().any(|mail| is_about(mail, subject)), "{subject} in the Maildir");
        assert!(read.iter().any(|mail| is_about(mail, subject)), "{subject} over IMAP");
    }
    assert!(read.iter().all(|mail| mail.ends_with(b"\r\n\r\nHello.\r\n")));
}

#[test]
fn each_address_answers_as_the_table_says() {
    let Some(post) = PostOffice::shared() else { return };
    let mut talk = plain(post.ports.mx);
    talk.expect("MAIL FROM:<sender@example.test>", "250");
    talk.expect("RCPT TO:<nobody@example.test>", "550 5.1.1");
    talk.expect("RCPT TO:<tmp450@example.test>", "450 4.2.1");
    talk.expect("RCPT TO:<no554@example.test>", "554 5.7.1");
    talk.expect("RCPT TO:<ada@elsewhere.test>", "554 5.7.1");
    talk.expect("RCPT TO:<grey@example.test>", "451 4.7.1");
    talk.expect("RCPT TO:<grey@example.test>", "250");
    talk.expect("RCPT TO:<later421@example.test>", "421 4.3.2");
}

#[test]
fn submission_wants_tls_and_a_login_first() {
    let Some(post) = PostOffice::shared() else { return };
    plain(post.ports.submission).expect("MAIL FROM:<sender@example.test>", "530");
    let mut talk = starttls(post, post.ports.submission);
    talk.expect("MAIL FROM:<sender@example.test>", "250");
    talk.expect("RCPT TO:<ada@example.test>", "554");
    let mut talk = starttls(post, post.ports.submission);
    talk.expect(&format!("AUTH PLAIN {}", STANDARD.encode("\0sender@example.test\0wrong")), "535");
}

#[test]
fn a_good_token_opens_submission_and_a_bad_one_is_explained() {
    let Some(post) = PostOffice::shared() else { return };
    let bearer = |token: &str| {
        let said = format!(
            "n,a=sender@example.test,\u{1}host=localhost\u{1}port=587\u{1}auth=Bearer {token}\u{1}\u{1}"
        );
        format!("AUTH OAUTHBEARER {}", STANDARD.encode(said))
    };
    let xoauth2 = |token: &str| {
        let said = format!("user=sender@example.test\u{1}auth=Bearer {token}\u{1}\u{1}");
        format!("AUTH XOAUTH2 {}", STANDARD.encode(said))
    };
    for (good, bad) in [(bearer(TOKEN), bearer("stolen")), (xoauth2(TOKEN), xoauth2("stolen"))] {
        starttls(post, post.ports.submission).expect(&good, "235");
        let mut talk = starttls(post, post.ports.submission);
        // RFC 7628 §3.2.3: the error comes as a challenge, and the client must answer before it is told no.
        let challenge = talk.expect(&bad, "334");
        let told = STANDARD.decode(challenge.trim_end().trim_start_matches("334 ")).unwrap();
        assert!(String::from_utf8_lossy(&told).contains("status"), "{told:?}");
        talk.expect("AQ==", "535");
    }
}

#[test]
fn mail_that_is_accepted_in_vain_comes_back_as_a_report() {
    let Some(post) = PostOffice::start_with(|wishes| wishes.collect("party.example", "ben@example.test"))
    else {
        return;
    };
    let mut talk = plain(post.ports.mx);
    talk.deliver("ghost@example.test", "to a ghost");
    talk.deliver("full@example.test", "to a full mailbox");
    talk.deliver("whoever@party.example", "collected");
    let reports = post.wait_for("sender@example.test", 2);
    for status in ["5.1.1", "5.2.2"] {
        let line = format!("Status: {status}");
        assert!(
            reports.iter().any(|mail| String::from_utf8_lossy(mail).contains(&line)),
            "{line}\n{}",
            post.log()
        );
    }
    assert!(is_about(&post.wait_for("ben@example.test", 1)[0], "collected"));
}
