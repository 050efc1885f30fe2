//! The line breaks, at every place where it can: no message is lost, none is recorded twice, and no end is claimed that was not
//! reached.

use postduif::clock::Clock;
use postduif::inbox::mailbox::{Inbox, InboxError, Settings, Way};

use crate::office::{Post, Records, message};
use crate::server::StubServer;
use crate::wire::Wire;

/// Reads INBOX over a line that is cut after so many bytes of the server's, until it is read to its end.
async fn read_over(settings: &Settings, server: u16, bytes: usize, all: usize) -> Wire {
    let wire = Wire::cut_after(server, bytes).await;
    // Several pages, so that it breaks between them, too.
    let mut settings = Settings { batch: 3, ..settings.clone() };
    if let Way::Imap { server, .. } = &mut settings.way {
        server.port = wire.port;
    }
    let mut inbox = Inbox::open(settings, Clock::system()).unwrap();
    let mut records = Records::default();
    let mut errors = Vec::new();
    loop {
        let read = match inbox.folders().await {
            Ok(folders) => records.read(&mut inbox, &folders.read[0]).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(_) => break,
            Err(error) => {
                assert!(
                    matches!(error, InboxError::Away(_)) && error.may_pass(),
                    "cut after {bytes}: {error:?}"
                );
                errors.push(error.to_string());
            }
        }
        assert!(errors.len() <= 1, "cut once, after {bytes}: {errors:?}");
    }
    // Whoever is told that the folder was read to its end has every message of it.
    assert_eq!(records.numbers(), (0..all).collect::<Vec<_>>(), "cut after {bytes}");
    // What was never recorded is handed out again; what was is not.
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    assert_eq!(records.arrivals.len(), all, "cut after {bytes}");
    let connections = wire.connections();
    assert!(connections <= 2, "cut after {bytes}: {connections} connections");
    inbox.close().await;
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_after_every_byte_of_a_session() {
    let mut stub = StubServer::start(|_, _| None).await;
    let port = stub.port();
    let whole = read_over(&stub.settings, port, usize::MAX, 5).await.heard().len();
    assert!(whole > 1500, "a session of {whole} bytes");
    for bytes in 1..whole {
        read_over(&stub.settings, port, bytes, 5).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_at_every_response_of_dovecot() {
    let Some(mut post) = Post::dovecot() else { return };
    for nth in 0..20 {
        post.mail.deliver("", &message(nth));
    }
    let port = post.server().port;
    let whole = read_over(&post.settings, port, usize::MAX, 20).await.heard();
    let ends: Vec<usize> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    assert!(ends.len() > 100, "a session of {} lines", ends.len());
    for end in ends {
        // Before the line end, and behind it.
        for bytes in [end - 1, end] {
            read_over(&post.settings, port, bytes, 20).await;
        }
    }
}
