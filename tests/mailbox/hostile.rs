//! Servers that nobody would choose: each ends in an error in words, or is borne. None is a panic, a hang, or a false end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use postduif::inbox::mailbox::{Afresh, Cursor, InboxError, Page, Woken};

use crate::office::{Records, number};
use crate::server::{Answer, StubServer, UIDS, fetched, say};
use crate::support::servers::lock;

/// Reads the first page of INBOX.
async fn first_page(stub: &StubServer) -> Result<Page, InboxError> {
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await?.read.remove(0);
    inbox.page(&folder, None, Timestamp::UNIX_EPOCH).await
}

/// A server that gives one answer to every command that begins with a word, and is otherwise as any.
async fn with(verb: &'static str, answer: Answer) -> StubServer {
    StubServer::start(move |_, heard| heard.starts_with(verb).then(|| answer.clone())).await
}

fn bytes(text: &str) -> Answer {
    Answer::Say(text.as_bytes().to_vec())
}

fn for_ever(first: &str, then: &[u8], rest: u64) -> Answer {
    Answer::SayForEver(first.as_bytes().to_vec(), then.to_vec(), Duration::from_millis(rest))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_bad_server_says_is_told_in_words() {
    let deep = format!("* 1 FETCH (X {}\r\nTAG OK\r\n", "(".repeat(60_000));
    let many = format!("* 1 FETCH ({}", "X {1}\r\nx ".repeat(100));
    let cases: Vec<(&'static str, &'static str, Answer)> = vec![
        ("another protocol", "hello", say("220 mail.example ESMTP")),
        ("a web server", "hello", say("HTTP/1.1 400 Bad Request")),
        ("no room for us", "hello", say("* BYE Too many connections from your address")),
        ("silence at once", "hello", Answer::Deaf),
        ("a line that never ends", "hello", for_ever("* OK ", &[b'x'; 4096], 0)),
        ("a byte now and then", "hello", for_ever("* OK ", b"x", 100)),
        ("chatter without an answer", "EXAMINE", for_ever("", &b"* OK still here\r\n".repeat(100), 1)),
        ("chatter now and then", "EXAMINE", for_ever("", b"* OK still here\r\n", 100)),
        ("silence later", "EXAMINE", Answer::Deaf),
        ("goodbye", "EXAMINE", say("* BYE Server shutting down\r\nTAG OK")),
        ("another tag", "EXAMINE", say("x1 OK opened")),
        ("a tag from before", "EXAMINE", say("p1 OK opened")),
        ("no tag", "EXAMINE", say("OK opened")),
        ("no such folder", "EXAMINE", say("TAG NO [NONEXISTENT] gone")),
        ("a command it does not know", "EXAMINE", say("TAG BAD what?")),
        ("numbers that do not last", "EXAMINE", say("* 3 EXISTS\r\nTAG OK [READ-ONLY] opened")),
        ("go on with what", "EXAMINE", say("+ more")),
        ("not even text", "EXAMINE", Answer::Say(b"\xff\xfe\x00\x01\r\n".to_vec())),
        ("four gigabytes of a name", "LIST", bytes("* LIST () \"/\" {4294967296}\r\n")),
        ("a number of no size", "LIST", bytes("* LIST () \"/\" {99999999999999999999}\r\n")),
        ("no folders", "LIST", say("TAG OK listed")),
        ("folders refused", "LIST", say("TAG NO not now")),
        ("a search refused", "UID SEARCH", say("TAG NO [SERVERBUG] internal error")),
        ("a search of words", "UID SEARCH", say("* SEARCH all of them\r\nTAG OK found")),
        ("a search without end", "UID SEARCH", for_ever("* SEARCH", &b" 123456".repeat(10_000), 0)),
        ("closed in a search", "UID SEARCH", Answer::SayAndClose(b"* SEARCH 3 4".to_vec())),
        (
            "closed before the end of a search",
            "UID SEARCH",
            Answer::SayAndClose(b"* SEARCH 3 4\r\n".to_vec()),
        ),
        (
            "a header of a gigabyte",
            "UID FETCH",
            bytes("* 1 FETCH (UID 3 BODY[HEADER]<0> {1000000000}\r\nA: b\r\n"),
        ),
        (
            "a header that does not come",
            "UID FETCH",
            Answer::SayAndClose(b"* 1 FETCH (UID 3 BODY[HEADER]<0> {999}\r\nA: b\r\n".to_vec()),
        ),
        ("a thousand literals", "UID FETCH", bytes(&many)),
        ("messages refused", "UID FETCH", say("TAG NO [SERVERBUG] disk on fire")),
        ("messages said and not given", "UID FETCH", say("TAG OK fetched")),
        ("brackets to the bottom of the earth", "UID FETCH", bytes(&deep)),
        ("numbers of others", "UID FETCH", say("* 1 FETCH (UID 99 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK")),
    ];
    // All at once, since some of them make us wait.
    let asked = cases.into_iter().map(|(name, verb, answer)| {
        tokio::spawn(async move {
            let waits = matches!(answer, Answer::Deaf | Answer::SayForEver(..));
            let stub = with(verb, answer).await;
            let stub = if waits { stub.impatient() } else { stub };
            match first_page(&stub).await {
                Err(error) => (name, error.to_string()),
                Ok(page) => panic!("{name}: {page:?}"),
            }
        })
    });
    let mut told = String::new();
    for answered in asked.collect::<Vec<_>>() {
        let (name, words) = answered.await.unwrap();
        assert!(!words.chars().any(char::is_control) && words.len() < 600, "{name}: {words:?}");
        let _ = writeln!(told, "{name}\n    {words}");
    }
    insta::assert_snapshot!("what_bad_servers_do_and_what_is_told", told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_but_lawful_words_in_between_are_borne() {
    let mut stub = StubServer::start(|_, heard| {
        let chatter = "* OK [ALERT]\u{e9} quota\r\n* 9 EXISTS\r\n* 2 EXPUNGE\r\n* 1 FETCH (FLAGS (\\Seen) UID 3)\r\n* VANISHED 3\r\n* X-NONSENSE ((\r\n* CAPABILITY IMAP4rev1\r\n";
        let last = heard.starts_with("UID SEARCH").then(|| say(&format!("{chatter}* SEARCH 3 4\r\n* SEARCH 12 8 7\r\nTAG OK")));
        last.or_else(|| heard.starts_with("LIST").then(|| Answer::Say([b"* NO caf\xe9 {5}\r\n".as_slice(), b"* LIST (\\Noselect) \"/\" \"\"\r\n* LIST () NIL {5}\r\ninbox\r\nTAG OK\r\n"].concat())))
    })
    .await;
    stub.settings.folders = vec!["INBOX".to_owned()];
    let page = first_page(&stub).await.unwrap();
    assert_eq!(
        page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert!(page.read_to_end.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_everything_twice_hands_nothing_out_twice() {
    let stub = StubServer::start(|_, heard| {
        let twice = heard.strip_prefix("UID FETCH 3:4,7:8,12 ")?;
        let mail: Vec<(u32, Vec<u8>)> =
            UIDS.iter().enumerate().map(|(nth, uid)| (*uid, crate::office::message(nth))).collect();
        let mail: Vec<(u32, Vec<u8>)> = mail
            .into_iter()
            .map(|(uid, bytes)| (uid, String::from_utf8(bytes).unwrap().replace('\n', "\r\n").into_bytes()))
            .collect();
        // From the last to the first, each of them twice.
        let said = UIDS.iter().rev().flat_map(|uid| fetched(twice, *uid, &mail).repeat(2));
        Some(Answer::Say(said.chain(b"TAG OK\r\n".iter().copied()).collect()))
    })
    .await;
    let page = first_page(&stub).await.unwrap();
    assert_eq!(
        page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_server_cannot_give_keeps_the_others_from_nobody() {
    // Two ways to say so: to leave it out, and to refuse the whole batch.
    for refusal in ["TAG OK fetched", "TAG NO some of the messages could not be read"] {
        let stub = StubServer::start(move |_, heard| {
            let broken = heard.starts_with("UID FETCH 3:4,7:8,12 ") || heard.starts_with("UID FETCH 7 ");
            broken.then(|| say(refusal))
        })
        .await;
        let page = first_page(&stub).await.unwrap();
        assert_eq!(
            page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(),
            [0, 1, 3, 4]
        );
        let unreadable: Vec<String> = page.unreadable.iter().map(ToString::to_string).collect();
        assert_eq!(unreadable, ["INBOX;UIDVALIDITY=7;UID=7"]);
        assert!(page.read_to_end.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn number_25_a_server_that_is_down_is_never_an_empty_mailbox() {
    // The folder was read before; then whatever can go wrong goes wrong, and the cursor stays where it was.
    for answer in [say("TAG NO down"), say("* BYE down"), Answer::SayAndClose(Vec::new()), Answer::Deaf] {
        for verb in ["EXAMINE", "UID SEARCH", "UID FETCH"] {
            let said = answer.clone();
            let stub = StubServer::start(move |connection, heard| {
                (connection > 0 && heard.starts_with(verb)).then(|| said.clone())
            })
            .await;
            let stub = if matches!(answer, Answer::Deaf) { stub.impatient() } else { stub };
            let mut records = Records::default();
            let mut inbox = stub.inbox();
            let folder = inbox.folders().await.unwrap().read.remove(0);
            records.read(&mut inbox, &folder).await.unwrap();
            inbox.close().await;
            stub.deliver(20, 5);
            let mut inbox = stub.inbox();
            let before = records.cursor(&folder);
            assert!(records.read(&mut inbox, &folder).await.is_err(), "{verb} {answer:?}");
            assert_eq!((records.cursor(&folder), records.arrivals.len()), (before, 5));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_was_put_back_from_a_copy_is_looked_at_again() {
    let stub = StubServer::start(|_, _| None).await;
    let mut records = Records::default();
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    // Its numbers go on where they stood: 9 is another message than the 12 that we know.
    lock(&stub.mail).retain(|(uid, _)| *uid < 8);
    stub.deliver(8, 9);
    let page = inbox.page(&folder, records.cursor(&folder).as_ref(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(page.afresh, Some(Afresh::PutBack));
    assert_eq!(page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(), [0, 1, 2, 9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_uidnext_is_read_all_the_same() {
    let stub = StubServer::start(|_, heard| {
        heard.starts_with("EXAMINE").then(|| say("* 5 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nTAG OK opened"))
    })
    .await;
    let mut records = Records::default();
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    records.read(&mut inbox, &folder).await.unwrap();
    stub.deliver(30, 5);
    records.read(&mut inbox, &folder).await.unwrap();
    assert_eq!(records.numbers(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(records.cursor(&folder), Cursor::from_text(r#"{"kind":"uids","validity":7,"last":30}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_idle_is_asked_now_and_then() {
    let mut stub = StubServer::start(|_, heard| {
        heard.starts_with("AUTHENTICATE").then(|| say("TAG OK [CAPABILITY IMAP4rev1] in"))
    })
    .await;
    stub.timeouts().poll = Duration::from_millis(10);
    let mut records = Records::default();
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    assert_eq!(inbox.watch(&folder, Duration::from_millis(20)).await.unwrap(), Woken::Nothing);
    let (watched, ()) = tokio::join!(inbox.watch(&folder, Duration::from_secs(40)), async {
        while stub.heard().iter().filter(|heard| heard.starts_with("EXAMINE")).count() < 4 {
            tokio::task::yield_now().await;
        }
        stub.deliver(20, 5);
    });
    assert_eq!(watched.unwrap(), Woken::Something);
    assert!(!stub.heard().iter().any(|heard| heard == "IDLE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_is_begun_anew_and_ended_before_it_is_too_long() {
    let mut stub = StubServer::start(|_, heard| match heard {
        "DONE" => Some(say("TAG OK idled")),
        _ => None,
    })
    .await;
    stub.timeouts().idle = Duration::from_millis(20);
    let mut records = Records::default();
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    let (watched, ()) = tokio::join!(inbox.watch(&folder, Duration::from_secs(40)), async {
        while stub.heard().iter().filter(|heard| *heard == "IDLE").count() < 3 {
            tokio::task::yield_now().await;
        }
        stub.deliver(20, 5);
    });
    assert_eq!(watched.unwrap(), Woken::Something);
    let heard = stub.heard();
    let of = |word: &str| heard.iter().filter(|heard| *heard == word).count();
    assert_eq!(of("IDLE"), of("DONE"));
    assert_eq!(inbox.watch(&folder, Duration::from_millis(50)).await.unwrap(), Woken::Nothing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_that_goes_wrong_is_an_error_and_no_news() {
    let cases = [
        (say("TAG NO not for you"), "refused to tell what comes in: not for you"),
        (say("+ idling\r\n* BYE going down"), "goodbye: going down"),
        (Answer::SayAndClose(b"+ idling\r\n".to_vec()), "closed the line"),
        (Answer::Deaf, "silent for 1s"),
        (for_ever("", b"* OK still here\r\n", 1), "not done after 10s"),
        (for_ever("+ idling\r\n", b"x", 10), "not done after 10s"),
    ];
    // All at once, since some of them make us wait.
    let watched = cases.map(|(answer, says)| {
        tokio::spawn(async move {
            let waits = matches!(answer, Answer::Deaf | Answer::SayForEver(..));
            let stub = with("IDLE", answer).await;
            let stub = if waits { stub.impatient() } else { stub };
            let mut records = Records::default();
            let mut inbox = stub.inbox();
            let folder = inbox.folders().await.unwrap().read.remove(0);
            records.read(&mut inbox, &folder).await.unwrap();
            let error = inbox.watch(&folder, Duration::from_secs(40)).await.unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
            // And the folder can be read again.
            stub.deliver(20, 5);
            records.read(&mut inbox, &folder).await.unwrap();
            assert_eq!(records.arrivals.len(), 6);
        })
    });
    for watched in watched {
        watched.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_that_is_dropped_half_way_spoils_nothing() {
    let stub = StubServer::start(|connection, heard| {
        (connection == 0 && heard.starts_with("UID FETCH")).then_some(Answer::Deaf)
    })
    .await;
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let mut records = Records::default();
    {
        let reading = records.read(&mut inbox, &folder);
        tokio::pin!(reading);
        while !stub.heard().iter().any(|heard| heard.starts_with("UID FETCH")) {
            tokio::select! { biased; _ = &mut reading => panic!("it was to wait"), () = tokio::task::yield_now() => {} }
        }
    }
    records.read(&mut inbox, &folder).await.unwrap();
    assert_eq!(records.numbers(), [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_session_that_the_server_has_closed_is_replaced_and_nobody_need_know() {
    let stub = StubServer::start(|_, heard| {
        // After every reading.
        heard.starts_with("UID FETCH").then_some(()).map(|()| {
            let mail: BTreeMap<u32, usize> = UIDS.iter().enumerate().map(|(nth, uid)| (*uid, nth)).collect();
            let mut said = Vec::new();
            for (uid, nth) in mail {
                let text = String::from_utf8(crate::office::message(nth)).unwrap().replace('\n', "\r\n");
                said.extend(fetched("[HEADER]", uid, &[(uid, text.into_bytes())]));
            }
            said.extend(b"TAG OK\r\n");
            Answer::SayAndClose(said)
        })
    })
    .await;
    let mut inbox = stub.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let mut records = Records::default();
    for _ in 0..3 {
        records.read(&mut inbox, &folder).await.unwrap();
    }
    assert_eq!(records.arrivals.len(), 5);
    assert_eq!(stub.heard().iter().filter(|heard| *heard == "hello").count(), 2);
}
