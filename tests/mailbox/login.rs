//! Getting in: every mechanism over every line, refusals, and who may be trusted.

use std::fmt::Write as _;

use postduif::account::{Secret, Security};
use postduif::inbox::mailbox::{Inbox, InboxError};

use crate::office::{Post, message, office};
use crate::server::{Answer, StubServer, say};
use crate::support::post_office::{PASSWORD, PostOffice};
use crate::wire::Wire;

async fn names(inbox: &mut Inbox) -> Result<String, InboxError> {
    Ok(inbox.folders().await?.describe())
}

fn token(post: &Post) -> String {
    post.user.split('@').next().unwrap().replace("reader", "token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_and_a_token_over_every_line() {
    let Some(mut post) = Post::dovecot() else { return };
    let office = office().unwrap();
    let token = Secret::TokenCommand(format!("echo {}", token(&post)));
    for secret in [Secret::Password(PASSWORD.to_owned()), token] {
        for (security, port) in [
            (Security::Tls, office.ports.imaps),
            (Security::StartTls, office.ports.imap),
            (Security::None, office.ports.imap),
        ] {
            let server = post.server();
            (server.security, server.port) = (security, port);
            server.login.as_mut().unwrap().secret = secret.clone();
            assert_eq!(names(&mut post.inbox()).await.unwrap(), "INBOX and Junk", "{secret:?} {security:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn xoauth2_where_nothing_better_is_offered() {
    let office = PostOffice::start_with(|wishes| {
        wishes.dovecot_conf = "auth_mechanisms = plain xoauth2\n".to_owned();
    });
    let (Some(office), Some(mut post)) = (office, Post::dovecot()) else { return };
    for (token, says) in [("token-of-sender", None), ("expired", Some("the server refused the login"))] {
        let wire = Wire::to(office.ports.imap).await;
        let server = post.server();
        server.port = wire.port;
        let login = server.login.as_mut().unwrap();
        login.username = "sender@example.test".to_owned();
        login.secret = Secret::TokenCommand(format!("echo {token}"));
        let found = names(&mut post.inbox()).await;
        assert!(wire.said().contains("AUTHENTICATE XOAUTH2"));
        match (found, says) {
            (Ok(found), None) => assert_eq!(found, "INBOX and Junk"),
            (Err(InboxError::Login(why)), Some(says)) => {
                assert!(why.contains(says) && why.contains("AUTHENTICATIONFAILED"), "{why}");
                // The challenge that tells why was answered by an empty line, and the refusal itself was read.
                assert!(wire.said().contains("\r\n\r\n"), "{:?}", wire.said());
            }
            (found, _) => panic!("{token}: {found:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_told_as_one_and_shows_no_secret() {
    let Some(mut post) = Post::dovecot() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2-hunter2\n").unwrap();
    for secret in [
        Secret::Password("hunter2-hunter2".to_owned()),
        Secret::TokenCommand(format!("cat {}", file.path().display())),
    ] {
        let wire = Wire::to(office().unwrap().ports.imap).await;
        let server = post.server();
        server.port = wire.port;
        server.login.as_mut().unwrap().secret = secret;
        let error = names(&mut post.inbox()).await.unwrap_err();
        assert!(matches!(error, InboxError::Login(_)) && !error.may_pass(), "{error:?}");
        assert!(
            error.to_string().starts_with("the server refused the login: [AUTHENTICATIONFAILED]"),
            "{error}"
        );
        assert!(!format!("{error} {error:?} {:?}", post.settings).contains("hunter2-hunter2"));
        // It was said once: a password that is tried again gets the account locked, and the command has no other token.
        assert_eq!(wire.connections(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn number_26_an_expired_token_is_replaced_by_a_fresh_one_once() {
    let Some(mut post) = Post::dovecot() else { return };
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("tokens");
    std::fs::write(&list, format!("expired\n{}\n", token(&post))).unwrap();
    let list = list.display();
    let command = format!("head -n1 {list}; [ $(wc -l <{list}) -gt 1 ] && sed -i 1d {list}; true");
    let wire = Wire::to(office().unwrap().ports.imap).await;
    let server = post.server();
    server.port = wire.port;
    server.login.as_mut().unwrap().secret = Secret::TokenCommand(command);
    assert_eq!(names(&mut post.inbox()).await.unwrap(), "INBOX and Junk");
    assert_eq!(wire.connections(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_do_not_trust_hears_no_password() {
    let Some(mut post) = Post::dovecot() else { return };
    let office = office().unwrap();
    let mut told = String::new();
    for (name, host, security, port, trusted) in [
        ("not signed by anybody", "127.0.0.1", Security::Tls, office.ports.imaps, false),
        ("not signed, after STARTTLS", "127.0.0.1", Security::StartTls, office.ports.imap, false),
        ("another name", "127.0.0.2", Security::Tls, office.ports.imaps, true),
        ("no TLS on the port", "127.0.0.1", Security::Tls, office.ports.imap, true),
    ] {
        let wire = Wire::listening(host.parse().unwrap(), port, usize::MAX).await;
        let server = post.server();
        (server.host, server.security, server.port) = (host.to_owned(), security, wire.port);
        server.ca_file = trusted.then(|| office.ca_file());
        let error = names(&mut post.inbox()).await.unwrap_err();
        assert!(!wire.said().contains("AUTHENTICATE"), "{name}");
        let _ = writeln!(told, "{name}\n    {error}");
    }
    insta::assert_snapshot!("whom_we_do_not_trust", told);
}

/// A server that is talked to over STARTTLS, up to where TLS would begin.
async fn starttls(answer: impl Fn(usize, &str) -> Option<Answer> + Send + Sync + 'static) -> StubServer {
    let mut stub = StubServer::start(answer).await;
    stub.server().security = Security::StartTls;
    stub
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_on_the_line_gets_round_starttls() {
    let offer = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready";
    for (greeting, answer, says) in [
        ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready", "TAG OK", "does not offer STARTTLS"),
        (offer, "TAG NO not now", "refused STARTTLS: not now"),
        (
            offer,
            "TAG OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN",
            "plain text behind the answer to STARTTLS",
        ),
        (
            "* PREAUTH [CAPABILITY IMAP4rev1] welcome back",
            "TAG OK",
            "takes us for known before the line is protected",
        ),
    ] {
        let stub = starttls(move |_, heard| match heard {
            "hello" => Some(say(greeting)),
            "STARTTLS" => Some(say(answer)),
            _ => None,
        })
        .await;
        let error = names(&mut stub.inbox()).await.unwrap_err();
        assert!(matches!(error, InboxError::Tls(_)) && error.to_string().contains(says), "{error}");
        assert!(!stub.heard().iter().any(|heard| heard.starts_with("AUTH") || heard.starts_with("LOGIN")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_log_in_is_what_the_server_understands() {
    let base = "* OK [CAPABILITY IMAP4rev1";
    for (offers, answer, username, heard) in [
        // The first answer goes along, or waits until it is asked for.
        ("SASL-IR AUTH=PLAIN]", None, "ada", &["AUTHENTICATE PLAIN AGFkYQBzZXNhbWU="][..]),
        ("AUTH=PLAIN]", Some("+"), "ada", &["AUTHENTICATE PLAIN", "AGFkYQBzZXNhbWU="]),
        // The command from before there was SASL, with a literal where letters are beyond ASCII.
        ("]", None, "ada", &["LOGIN \"ada\" \"sesame\""]),
        ("]", Some("+"), "\u{e4}da", &["LOGIN {4}", "\u{e4}da \"sesame\""]),
        ("AUTH=GSSAPI]", None, "ada", &["LOGIN \"ada\" \"sesame\""]),
        ("AUTH=LOGIN]", Some("+"), "ada", &["AUTHENTICATE LOGIN", "YWRh", "c2VzYW1l"]),
    ] {
        let first = heard[0];
        let last = heard[heard.len() - 1];
        let mut stub = StubServer::start(move |_, heard| match heard {
            "hello" => Some(say(&format!("{base} {offers} ready"))),
            said if said == last => None.or_else(|| Some(say("TAG OK in"))),
            said if said == first || said == "YWRh" => answer.map(say),
            _ => None,
        })
        .await;
        stub.server().login.as_mut().unwrap().username = username.to_owned();
        assert_eq!(names(&mut stub.inbox()).await.unwrap(), "INBOX");
        let said = stub.heard();
        let at = said.iter().position(|said| said == first).unwrap_or_else(|| panic!("{first}: {said:?}"));
        assert_eq!(said[at..at + heard.len()], *heard);
        // What a server can do is asked again once we are in.
        assert_eq!(said[at + heard.len()], "CAPABILITY");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_we_are_not_let_in_is_told_apart() {
    let mut told = String::new();
    for (name, greeting, answer) in [
        ("wrong", "SASL-IR AUTH=PLAIN", say("TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")),
        (
            "an app password is wanted",
            "AUTH=PLAIN SASL-IR",
            say("TAG NO [ALERT] Application-specific password required"),
        ),
        ("not now", "SASL-IR AUTH=PLAIN", say("TAG NO [UNAVAILABLE] Temporary authentication failure")),
        ("too many", "SASL-IR AUTH=PLAIN", say("* BYE [LIMIT] Maximum number of connections exceeded")),
        ("it asks and asks", "AUTH=PLAIN", say("+")),
        ("no login on this line", "LOGINDISABLED", say("TAG OK")),
    ] {
        let stub = StubServer::start(move |_, heard| match heard {
            "hello" => Some(say(&format!("* OK [CAPABILITY IMAP4rev1 {greeting}] ready"))),
            "*" => Some(say("TAG BAD cancelled")),
            heard if heard.starts_with("AUTHENTICATE") || heard.starts_with("AGFk") => Some(answer.clone()),
            _ => None,
        })
        .await;
        let error = names(&mut stub.inbox()).await.unwrap_err();
        let _ = writeln!(
            told,
            "{name}\n    {error} ({})",
            if error.may_pass() { "may pass" } else { "for a person" }
        );
    }
    let stub = StubServer::start(|_, _| None).await;
    let mut with_token = StubServer::start(|_, _| None).await;
    with_token.server().login.as_mut().unwrap().secret = Secret::TokenCommand("echo t".to_owned());
    let mut with_none = stub;
    with_none.server().login = None;
    for (name, stub) in
        [("a token and no mechanism for it", with_token), ("no login in the settings", with_none)]
    {
        let error = names(&mut stub.inbox()).await.unwrap_err();
        let _ = writeln!(
            told,
            "{name}\n    {error} ({})",
            if error.may_pass() { "may pass" } else { "for a person" }
        );
    }
    insta::assert_snapshot!("why_we_are_not_let_in", told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_knows_us_wants_no_login() {
    let mut stub = StubServer::start(|_, heard| {
        (heard == "hello").then(|| say("* PREAUTH [CAPABILITY IMAP4rev1] welcome back"))
    })
    .await;
    assert_eq!(names(&mut stub.inbox()).await.unwrap(), "INBOX");
    stub.server().login = None;
    assert_eq!(names(&mut stub.inbox()).await.unwrap(), "INBOX");
    assert!(!stub.heard().iter().any(|heard| heard.starts_with("AUTH") || heard.starts_with("LOGIN")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_said_on_the_wire_changes_the_mailbox() {
    let Some(mut post) = Post::dovecot() else { return };
    for folder in ["", "Junk", "Sent"] {
        post.mail.make(folder);
        post.mail.deliver(folder, &message(1));
    }
    let wire = Wire::to(office().unwrap().ports.imap).await;
    post.server().port = wire.port;
    let mut inbox = post.inbox();
    let folders = inbox.folders().await.unwrap();
    let id = postduif::mail::message_id::MessageId::stored("<1.x@town.example>".into());
    for folder in &folders.read {
        let page = inbox.page(folder, None, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        inbox.body(&page.arrivals[0].location).await.unwrap().unwrap();
        inbox.watch(folder, std::time::Duration::from_millis(20)).await.unwrap();
    }
    inbox.find_in_sent(&folders, &id).await.unwrap().unwrap();
    inbox.close().await;
    let said = wire.said();
    let mut verbs: Vec<&str> = said
        .lines()
        .map(|line| match line.split_once(' ') {
            Some((tag, command)) if tag.starts_with('p') => match command.strip_prefix("UID ") {
                Some(command) => command.split(' ').next().unwrap(),
                None => command.split(' ').next().unwrap(),
            },
            _ => line,
        })
        .collect();
    verbs.sort_unstable();
    verbs.dedup();
    let lawful = [
        "AUTHENTICATE",
        "CAPABILITY",
        "DONE",
        "EXAMINE",
        "FETCH",
        "IDLE",
        "LIST",
        "LOGOUT",
        "NOOP",
        "SEARCH",
    ];
    assert!(verbs.iter().all(|verb| lawful.contains(verb)), "{verbs:?}");
    for wanted in ["EXAMINE", "FETCH", "SEARCH", "IDLE", "LIST"] {
        assert!(verbs.contains(&wanted), "{wanted}: {verbs:?}");
    }
    for (at, _) in said.match_indices("BODY") {
        assert!(said[at..].starts_with("BODY.PEEK["), "{}", &said[at..]);
    }
}
