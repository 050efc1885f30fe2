//! What every mailbox promises, on a real Dovecot and on a Maildir.

use std::time::Duration;

use jiff::Timestamp;
use postduif::clock::Clock;
use postduif::inbox::mailbox::{Afresh, Cursor, LONGEST_HEADER, Woken};
use postduif::mail::message_id::MessageId;

use crate::office::{Kept, Post, Records, message, number, system_time};

/// Runs each promise on both kinds of mailbox.
macro_rules! every_mailbox {
    ($($promise:ident),+ $(,)?) => {
        mod dovecot { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
            if let Some(post) = super::Post::new(super::Kept::Dovecot) { super::$promise(post).await }
        })+ }
        mod maildir { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
            super::$promise(super::Post::new(super::Kept::Maildir).unwrap()).await
        })+ }
    };
}

every_mailbox!(
    each_message_is_handed_out_once_whatever_comes_between,
    inbox_and_spam_are_read_and_sent_and_drafts_are_not,
    number_21_reading_marks_nothing_as_read_and_changes_nothing,
    flags_and_vanished_messages_hand_nothing_out_again,
    mail_from_before_the_first_day_is_left_alone,
    a_message_that_was_moved_is_known_by_its_fingerprint,
    a_large_message_is_cut_and_said_to_be,
    odd_messages_are_handed_out_as_they_are,
    a_message_that_vanished_has_no_body,
    a_copy_in_sent_is_found_by_its_message_id_alone,
    a_watch_wakes_when_something_comes,
    a_watch_wakes_for_what_came_before_it_began,
    a_folder_is_read_as_of_the_instant_before_it_was_asked,
    a_cursor_of_another_kind_of_mailbox_counts_as_none,
    folders_are_wanted_by_name,
);

async fn each_message_is_handed_out_once_whatever_comes_between(post: Post) {
    for nth in 0..450 {
        post.mail.deliver("", &message(nth));
    }
    let mut records = Records::default();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    // A page, and the program ends; a new one goes on where the ledger stands.
    let page = inbox.page(&folder, None, Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((page.arrivals.len(), page.read_to_end, page.afresh), (200, None, Some(Afresh::First)));
    // The same page again, where it was not recorded.
    let again = inbox.page(&folder, None, Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((again.arrivals, again.cursor), (page.arrivals, page.cursor));
    drop(inbox);
    records.read_anew(&post).await;
    assert_eq!(records.numbers(), (0..450).collect::<Vec<_>>());
    records.read_anew(&post).await;
    post.mail.deliver("", &message(450));
    records.read_anew(&post).await;
    records.read_anew(&post).await;
    assert_eq!(records.numbers(), (0..451).collect::<Vec<_>>());
}

async fn inbox_and_spam_are_read_and_sent_and_drafts_are_not(post: Post) {
    let folders = post.inbox().folders().await.unwrap();
    let names = |folders: &[postduif::inbox::mailbox::Folder]| {
        folders.iter().map(|folder| folder.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&folders.read), names(&folders.sent)),
        (vec!["INBOX".into(), "Junk".into()], vec!["Sent".into()])
    );
}

async fn folders_are_wanted_by_name(mut post: Post) {
    // As a mail program makes it: `Postvak/Één`.
    post.mail.make("Postvak.&AMkA6Q-n");
    post.settings.folders = vec!["Postvak/\u{c9}\u{e9}n".to_owned()];
    post.mail.deliver("Postvak.&AMkA6Q-n", &message(1));
    let mut records = Records::default();
    records.read_anew(&post).await;
    assert_eq!(records.numbers(), [1]);
    for (wanted, said) in
        [("Jnuk", "there is no folder `Jnuk`; there are `"), ("Sent", "`Sent` holds what was sent")]
    {
        post.settings.folders = vec![wanted.to_owned()];
        let error = post.inbox().folders().await.unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

async fn number_21_reading_marks_nothing_as_read_and_changes_nothing(post: Post) {
    let mut names = Vec::new();
    for folder in ["", "Junk", "Sent"] {
        post.mail.make(folder);
        for nth in 0..5 {
            names.push((folder, post.mail.deliver(folder, &message(nth))));
        }
    }
    for (folder, name) in names.iter().step_by(2) {
        post.mail.flag(folder, name, "RS");
    }
    // A server settles down with the folders first: it may give what is new a place in `cur`, without any flag.
    let mut inbox = post.inbox();
    let folders = inbox.folders().await.unwrap();
    let mut records = Records::default();
    let id = MessageId::stored("<3.x@town.example>".into());
    for round in 0..2 {
        let before = post.mail.everything();
        for folder in &folders.read {
            records.read(&mut inbox, folder).await.unwrap();
        }
        for arrival in &records.arrivals {
            assert!(inbox.body(&arrival.location).await.unwrap().is_some(), "{round}");
        }
        assert!(inbox.find_in_sent(&folders, &id).await.unwrap().is_some());
        assert_eq!(inbox.watch(&folders.read[0], Duration::ZERO).await.unwrap(), Woken::Nothing);
        assert_eq!(post.mail.everything(), before);
    }
    assert_eq!(records.arrivals.len(), 10);
}

async fn flags_and_vanished_messages_hand_nothing_out_again(post: Post) {
    let names: Vec<String> = (0..10).map(|nth| post.mail.deliver("", &message(nth))).collect();
    let mut records = Records::default();
    records.read_anew(&post).await;
    for name in &names[..4] {
        post.mail.flag("", name, "S");
    }
    for name in [&names[4], &names[8], &names[9]] {
        post.mail.remove("", name);
    }
    records.read_anew(&post).await;
    post.mail.deliver("", &message(10));
    post.mail.flag("", &names[0], "RS");
    records.read_anew(&post).await;
    assert_eq!(records.numbers(), (0..11).collect::<Vec<_>>());
}

async fn mail_from_before_the_first_day_is_left_alone(post: Post) {
    let now = system_time(Clock::system().now());
    let ago = |hours: u64| Some(now - Duration::from_secs(hours * 3600));
    // Within the day that a server is asked for in addition, since its days are not ours.
    for (nth, hours) in [(0, 2000), (1, 26), (2, 3), (3, 1)] {
        post.mail.deliver_dated("", &message(nth), ago(hours));
    }
    let since = Timestamp::try_from(now - Duration::from_secs(2 * 3600)).unwrap();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let page = inbox.page(&folder, None, since).await.unwrap();
    assert_eq!(page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(), [3]);
    assert!(page.read_to_end.is_some());
    // And stays so, also for a reader that begins with the cursor.
    let cursor = Cursor::from_text(&page.cursor.to_text());
    post.mail.deliver_dated("", &message(4), ago(5));
    post.mail.deliver("", &message(5));
    let mut inbox = post.inbox();
    let page = inbox.page(&folder, cursor.as_ref(), since).await.unwrap();
    assert_eq!(page.arrivals.iter().map(|arrival| number(&arrival.header)).collect::<Vec<_>>(), [5]);
}

async fn a_message_that_was_moved_is_known_by_its_fingerprint(post: Post) {
    post.mail.make("Junk");
    let name = post.mail.deliver("", &message(0));
    let mut inbox = post.inbox();
    let folders = inbox.folders().await.unwrap();
    let mut records = Records::default();
    for folder in &folders.read {
        records.read(&mut inbox, folder).await.unwrap();
    }
    post.mail.relocate("", &name, "Junk");
    for folder in &folders.read {
        records.read(&mut inbox, folder).await.unwrap();
    }
    assert_eq!(records.numbers(), [0, 0]);
    let [first, second] = &records.arrivals[..] else { panic!() };
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.fingerprint().message_id.as_deref(), Some("<0.x@town.example>"));
    assert_eq!(
        (first.location.folder().name.as_str(), second.location.folder().name.as_str()),
        ("INBOX", "Junk")
    );
}

async fn a_large_message_is_cut_and_said_to_be(mut post: Post) {
    let mut large = message(0);
    large.extend("x\n".repeat(40_000).into_bytes());
    post.mail.deliver("", &large);
    post.mail.deliver("", &message(1));
    post.settings.largest = 100_000;
    let mut inbox = post.inbox();
    let mut records = Records::default();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    let whole = String::from_utf8(large).unwrap().replace('\n', "\r\n").into_bytes();
    let body = inbox.body(&records.arrivals[0].location).await.unwrap().unwrap();
    assert!(body.is_cut && body.bytes == whole[..100_000]);
    assert!(records.arrivals[0].size > 80_000);
    let body = inbox.body(&records.arrivals[1].location).await.unwrap().unwrap();
    assert!(!body.is_cut);
    assert_eq!(body.bytes, String::from_utf8(message(1)).unwrap().replace('\n', "\r\n").into_bytes());
}

async fn odd_messages_are_handed_out_as_they_are(post: Post) {
    let long = format!("Subject: Number 1\nX-Long: {}\n\ntext\n", "x".repeat(2 * LONGEST_HEADER));
    let bodies: [&[u8]; 5] = [
        b"Subject: Number 0\nX-Odd: caf\xe9 \xff\n\n\xe9\n",
        long.as_bytes(),
        b"Subject: Number 2",
        b"\nno header at all\n",
        b"Subject: Number 4\n\n",
    ];
    for body in bodies {
        post.mail.deliver("", body);
    }
    let mut inbox = post.inbox();
    let mut records = Records::default();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    let headers: Vec<&[u8]> = records.arrivals.iter().map(|arrival| arrival.header.as_slice()).collect();
    assert_eq!(headers[0], b"Subject: Number 0\r\nX-Odd: caf\xe9 \xff\r\n\r\n");
    assert_eq!(
        (headers[1].len(), &headers[1][..27]),
        (LONGEST_HEADER, &b"Subject: Number 1\r\nX-Long: "[..])
    );
    assert!(headers[2].starts_with(b"Subject: Number 2"));
    assert_eq!((headers[3], headers[4]), (&b"\r\n"[..], &b"Subject: Number 4\r\n\r\n"[..]));
    let body = inbox.body(&records.arrivals[0].location).await.unwrap().unwrap();
    assert_eq!(body.bytes, b"Subject: Number 0\r\nX-Odd: caf\xe9 \xff\r\n\r\n\xe9\r\n");
}

async fn a_message_that_vanished_has_no_body(post: Post) {
    let names: Vec<String> = (0..3).map(|nth| post.mail.deliver("", &message(nth))).collect();
    let mut inbox = post.inbox();
    let mut records = Records::default();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    records.read(&mut inbox, &folder).await.unwrap();
    post.mail.remove("", &names[1]);
    // Somebody has opened this one meanwhile: it is still there.
    post.mail.flag("", &names[2], "S");
    let mut inbox = post.inbox();
    for (arrival, is_there) in records.arrivals.iter().zip([true, false, true]) {
        assert_eq!(inbox.body(&arrival.location).await.unwrap().is_some(), is_there, "{}", arrival.location);
    }
}

async fn a_copy_in_sent_is_found_by_its_message_id_alone(post: Post) {
    post.mail.make("Sent");
    for nth in 0..3 {
        post.mail.deliver("Sent", &message(nth));
    }
    // It only speaks of the other, and a search for a part of the field would find it.
    post.mail.deliver("Sent", b"Message-ID: <a.7.x@town.example>\nReferences: <7.x@town.example>\n\n");
    let mut inbox = post.inbox();
    let folders = inbox.folders().await.unwrap();
    let mut find = async |id: &str| {
        let id = MessageId::stored(id.to_owned());
        inbox.find_in_sent(&folders, &id).await.unwrap()
    };
    let copy = find("<2.x@town.example>").await.unwrap();
    assert!(copy.folder == "Sent" && copy.at.is_some());
    for none in ["<7.x@town.example>", "<22.x@town.example>", "<x@town.example>"] {
        assert_eq!(find(none).await, None, "{none}");
    }
}

async fn a_watch_wakes_when_something_comes(post: Post) {
    post.mail.deliver("", &message(0));
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let mut records = Records::default();
    records.read(&mut inbox, &folder).await.unwrap();
    // Nobody writes: the time is up.
    assert_eq!(inbox.watch(&folder, Duration::from_millis(50)).await.unwrap(), Woken::Nothing);
    let mail = post.mail.clone();
    let writer = tokio::spawn(async move {
        // It may come before the watch begins or after; both must wake it.
        tokio::task::yield_now().await;
        mail.deliver("", &message(1));
    });
    let woken = inbox.watch(&folder, Duration::from_secs(40)).await.unwrap();
    writer.await.unwrap();
    assert_eq!(woken, Woken::Something);
    while records.arrivals.len() < 2 {
        records.read(&mut inbox, &folder).await.unwrap();
    }
    assert_eq!(records.numbers(), [0, 1]);
}

async fn a_watch_wakes_for_what_came_before_it_began(post: Post) {
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let mut records = Records::default();
    records.read(&mut inbox, &folder).await.unwrap();
    post.mail.deliver("", &message(0));
    assert_eq!(inbox.watch(&folder, Duration::from_secs(40)).await.unwrap(), Woken::Something);
}

async fn a_folder_is_read_as_of_the_instant_before_it_was_asked(post: Post) {
    post.mail.deliver("", &message(0));
    let before = Clock::system().now();
    let at = Records::default().read_anew(&post).await;
    assert!(before <= at && at <= Clock::system().now());
}

async fn a_cursor_of_another_kind_of_mailbox_counts_as_none(post: Post) {
    post.mail.deliver("", &message(0));
    let other = match post.settings.way {
        postduif::inbox::mailbox::Way::Imap { .. } => "{\"kind\":\"files\",\"seen\":\"\"}",
        postduif::inbox::mailbox::Way::Maildir { .. } => "{\"kind\":\"uids\",\"validity\":1,\"last\":9}",
    };
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let cursor = Cursor::from_text(other);
    assert!(cursor.is_some());
    let page = inbox.page(&folder, cursor.as_ref(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((page.arrivals.len(), page.afresh), (1, Some(Afresh::First)));
}
