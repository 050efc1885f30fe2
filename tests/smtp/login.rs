//! Logging in, and the protection of the line.

use std::path::PathBuf;

use postduif::account::{Login, Secret};
use postduif::delivery::attempt::{Ending, Stage};
use postduif::delivery::judgement::{Verdict, judge};
use postduif::transport::rehearsal::{RelayLogin, RelaySettings};
use postduif::transport::{Settings, Transport};

use crate::faults::brief;
use crate::relay::{Certificate, Post, Protection, send, spelled};

const PASSWORD: &str = "correct horse";

fn with(secret: Secret) -> Login {
    Login { username: "ada@post.example".into(), secret }
}

fn password() -> Login {
    with(Secret::Password(PASSWORD.into()))
}

fn lets_in(mechanisms: &[&str], secret: &str) -> RelaySettings {
    RelaySettings { login: Some(RelayLogin::of(mechanisms, "ada@post.example", secret)), ..spelled() }
}

#[tokio::test]
async fn every_mechanism_over_every_line() {
    let token = || with(Secret::TokenCommand("echo ya29.token".into()));
    for protection in [Protection::Plain, Protection::StartTls, Protection::Implicit] {
        for (mechanisms, login, secret, said) in [
            (&["PLAIN", "LOGIN"][..], password(), PASSWORD, "AUTH PLAIN"),
            (&["LOGIN"], password(), PASSWORD, "AUTH LOGIN"),
            (&["XOAUTH2", "PLAIN"], token(), "ya29.token", "AUTH XOAUTH2"),
            (&["XOAUTH2", "OAUTHBEARER"], token(), "ya29.token", "AUTH OAUTHBEARER"),
        ] {
            let post = Post::start(protection, lets_in(mechanisms, secret)).await.login(login);
            let ended = send(&mut post.lane().await, "ada").await;
            assert_eq!(brief(&ended), "accepted 250", "{said} {protection:?}: {ended}");
            assert!(post.relay.commands().iter().any(|command| command == said), "{said}");
        }
    }
}

#[tokio::test]
async fn number_10_we_log_in_once_for_a_connection_and_not_for_a_letter() {
    let mut settings = lets_in(&["PLAIN"], PASSWORD);
    if let Some(login) = &mut settings.login {
        login.at_most = Some(2);
    }
    let post = Post::start(Protection::Plain, settings).await.login(password());
    let mut lane = post.lane().await;
    for nth in 0..30 {
        let local = if nth % 3 == 0 { "nobody" } else { "ada" };
        let ended = send(&mut lane, local).await;
        assert_eq!(ended.stage(), if nth % 3 == 0 { Stage::RcptTo } else { Stage::EndOfData }, "{ended}");
    }
    assert_eq!(post.relay.logins(), 1);
    // And where a relay has had enough logins all the same, the account rests; no recipient is blamed.
    drop(lane);
    assert_eq!(brief(&send(&mut post.lane().await, "ada").await), "accepted 250");
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("454 at auth", Verdict::PauseAccount));
}

#[tokio::test]
async fn a_wrong_password_is_said_once_and_shown_nowhere() {
    for mechanism in ["PLAIN", "LOGIN"] {
        let wrong = "hunter2-hunter2";
        let post = Post::start(Protection::Plain, lets_in(&[mechanism], PASSWORD)).await;
        let post = post.login(with(Secret::Password(wrong.into())));
        let ended = send(&mut post.lane().await, "ada").await;
        assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("535 at auth", Verdict::Login));
        assert_eq!(post.relay.logins(), 1);
        for shown in [
            format!("{ended}"),
            format!("{ended:?}"),
            format!("{:?}", post.way),
            format!("{:?}", judge(&ended)),
        ] {
            assert!(!shown.contains(wrong) && !shown.contains("aHVudGVyM"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_answered_as_each_mechanism_wants_and_its_535_is_read() {
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let post = Post::start(Protection::Plain, lets_in(&[mechanism], "the good one")).await;
        let post = post.login(with(Secret::TokenCommand("echo expired".into())));
        let ended = send(&mut post.lane().await, "ada").await;
        assert_eq!(
            (brief(&ended).as_str(), judge(&ended).verdict),
            ("535 at auth", Verdict::Login),
            "{ended}"
        );
        // The command had no other token, so it was not tried again.
        assert_eq!(post.relay.logins(), 1);
    }
}

/// A command that prints the first of these lines when it is run first, and so on; the last one for ever.
fn one_after_the_other(folder: &tempfile::TempDir, tokens: &[&str]) -> Secret {
    let list: PathBuf = folder.path().join("tokens");
    assert!(std::fs::write(&list, tokens.join("\n") + "\n").is_ok());
    let list = list.display();
    Secret::TokenCommand(format!("head -n1 {list}; [ $(wc -l <{list}) -gt 1 ] && sed -i 1d {list}; true"))
}

#[tokio::test]
async fn number_26_an_expired_token_in_the_middle_of_a_run_is_replaced_by_a_fresh_one_once() {
    for refusal in ["535 5.7.8 Error: authentication failed", "535 5.7.3 Authentication unsuccessful"] {
        for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
            let folder = tempfile::tempdir().unwrap();
            let mut settings = lets_in(&[mechanism], "fresh");
            settings.letters_per_connection = Some(2);
            if let Some(login) = &mut settings.login {
                login.refusal = refusal.into();
            }
            let post = Post::start(Protection::Plain, settings).await;
            let post = post.login(with(one_after_the_other(&folder, &["fresh", "expired", "fresh"])));
            let mut lane = post.lane().await;
            for nth in 0..4 {
                let ended = send(&mut lane, &format!("r{nth}")).await;
                assert_eq!(brief(&ended), "accepted 250", "{nth} {ended}");
            }
            assert_eq!(post.relay.logins(), 3);
        }
    }
}

#[tokio::test]
async fn number_26_an_empty_token_in_the_middle_of_a_run_stops_it_and_blames_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = lets_in(&["XOAUTH2"], "fresh");
    settings.letters_per_connection = Some(1);
    let post = Post::start(Protection::Plain, settings).await;
    let post = post.login(with(one_after_the_other(&folder, &["fresh", ""])));
    let mut lane = post.lane().await;
    assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
    let ended = send(&mut lane, "grace").await;
    assert_eq!(
        (brief(&ended).as_str(), judge(&ended).verdict),
        ("broken at auth", Verdict::Login),
        "{ended}"
    );
    assert_eq!(post.relay.logins(), 1);
}

#[tokio::test]
async fn a_relay_that_goes_away_while_we_log_in_is_tried_later() {
    let mut settings = lets_in(&["PLAIN"], "another");
    if let Some(login) = &mut settings.login {
        login.refusal = "421 4.3.2 Going down".into();
    }
    let post = Post::start(Protection::Plain, settings).await.login(password());
    let ended = send(&mut post.lane().await, "ada").await;
    assert_ne!(judge(&ended).verdict, Verdict::Login, "{ended}");
}

#[tokio::test]
async fn a_relay_that_does_not_offer_what_we_need_says_so_in_plain_words() {
    let post = Post::start(Protection::Plain, lets_in(&["PLAIN"], "t")).await;
    let post = post.login(with(Secret::TokenCommand("echo t".into())));
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!(
        ended.to_string(),
        "cannot log in: we need OAUTHBEARER or XOAUTH2, and the server offers PLAIN (at auth)"
    );
    assert_eq!((post.relay.logins(), judge(&ended).verdict), (0, Verdict::Login));
}

#[tokio::test]
async fn a_relay_that_wants_a_login_and_gets_none() {
    let post = Post::start(Protection::Plain, lets_in(&["PLAIN"], PASSWORD)).await;
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("530 at mail-from", Verdict::Login));
}

#[tokio::test]
async fn plain_text_behind_the_answer_to_starttls_is_not_read() {
    for injection in ["250 ok, as if in TLS", "250-evil\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 taken"] {
        let settings = RelaySettings { injection: Some(injection.into()), ..lets_in(&["PLAIN"], PASSWORD) };
        let post = Post::start(Protection::StartTls, settings).await.login(password());
        let ended = send(&mut post.lane().await, "ada").await;
        assert_eq!(
            (brief(&ended).as_str(), judge(&ended).verdict),
            ("broken at tls", Verdict::Stop),
            "{ended}"
        );
        assert!(ended.to_string().contains("plain text behind the answer to STARTTLS"), "{ended}");
        assert_eq!((post.relay.logins(), post.relay.taken()), (0, 0));
    }
}

#[tokio::test]
async fn without_starttls_we_do_not_go_on_in_the_clear() {
    let mut post = Post::start(Protection::StartTls, spelled()).await;
    let plain = Post::start(Protection::Plain, lets_in(&["PLAIN"], PASSWORD)).await;
    post.way.server.port = plain.way.server.port;
    let post = post.login(password());
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("broken at tls", Verdict::Stop), "{ended}");
    assert_eq!(plain.relay.commands(), ["EHLO [127.0.0.1]"]);
}

#[tokio::test]
async fn a_relay_that_speaks_no_tls_on_a_tls_port() {
    let mut post = Post::start(Protection::Implicit, spelled()).await;
    let plain = Post::start(Protection::Plain, spelled()).await;
    post.way.server.port = plain.way.server.port;
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("broken at tls", Verdict::Stop), "{ended}");
}

#[tokio::test]
async fn a_certificate_that_is_not_the_hosts_or_not_trusted_stops_everything() {
    for protection in [Protection::StartTls, Protection::Implicit] {
        let post = Post::start(protection, lets_in(&["PLAIN"], PASSWORD)).await.login(password());
        let elsewhere = Certificate::of(&["localhost", "127.0.0.1"]);
        let mut untrusted = post.way.clone();
        untrusted.server.ca_file = Some(elsewhere.ca_file.clone());
        let mut by_name = post.way.clone();
        by_name.server.host = "localhost".into();
        for (way, ending) in [(untrusted, "broken at tls"), (by_name, "accepted 250")] {
            let mut lane = Transport::open(Settings::Smtp(way)).await.unwrap().lane();
            let ended = send(&mut lane, "ada").await;
            assert_eq!(brief(&ended), ending, "{ended}");
            if ending.starts_with("broken") {
                assert_eq!(judge(&ended).verdict, Verdict::Stop, "{ended}");
                assert!(ended.to_string().contains("nobody we trust has signed it"), "{ended}");
            }
        }
        assert_eq!(post.relay.logins(), 1);
    }
    let named = Certificate::of(&["mail.example"]);
    let mut post = Post::start(Protection::Implicit, RelaySettings::default()).await;
    let relay = postduif::transport::rehearsal::Relay::start(RelaySettings {
        tls: postduif::transport::rehearsal::RelayTls::Implicit(named.config.clone()),
        ..spelled()
    });
    let relay = relay.await.unwrap();
    post.way.server.port = relay.addr().port();
    post.way.server.ca_file = Some(named.ca_file.clone());
    let ended = send(&mut post.lane().await, "ada").await;
    let why = "the certificate of 127.0.0.1 is not to be trusted: it is for another name";
    assert_eq!(ended, Ending::Broken { stage: Stage::Tls, why: why.into() });
    assert_eq!(judge(&ended).verdict, Verdict::Stop);
}

#[tokio::test]
async fn settings_that_cannot_work_are_told_at_once() {
    let post = Post::start(Protection::Implicit, spelled()).await;
    let folder = tempfile::tempdir().unwrap();
    let no_pem = folder.path().join("no.pem");
    std::fs::write(&no_pem, "nothing here").unwrap();
    let mut ways = Vec::new();
    let mut with = |change: &dyn Fn(&mut postduif::transport::SmtpSettings), says| {
        let mut way = post.way.clone();
        change(&mut way);
        ways.push((way, says));
    };
    for ca_file in [folder.path().join("missing.pem"), no_pem] {
        with(&|way| way.server.ca_file = Some(ca_file.clone()), "certificate");
    }
    with(&|way| way.server.host = "not a host".to_owned(), "not a host");
    let login = Some(crate::login::with(Secret::PasswordFile(folder.path().join("none"))));
    with(&|way| way.server.login = login.clone(), "password file");
    with(&|way| way.hello_name = Some("two words".to_owned()), "EHLO");
    for (way, says) in ways {
        let error = Transport::open(Settings::Smtp(way)).await.err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn the_account_is_named_without_its_secret() {
    let post = Post::start(Protection::StartTls, spelled()).await.login(password());
    let port = post.way.server.port;
    let transport = Transport::open(Settings::Smtp(post.way.clone())).await.unwrap();
    assert_eq!(transport.account(), format!("smtp://ada@post.example@127.0.0.1:{port}"));
    assert_eq!(transport.describe(), format!("127.0.0.1:{port} (STARTTLS) as ada@post.example"));
}
