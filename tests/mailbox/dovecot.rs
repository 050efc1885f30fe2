//! What only a server does: numbers that change, messages that go while they are read, and 50,000 of them.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use postduif::clock::Clock;
use postduif::inbox::mailbox::{Afresh, Fingerprint, Folder, Inbox, Woken};

use crate::office::{Kept, Post, Records, message, number, office, system_time};
use crate::support::post_office::PASSWORD;
use crate::wire::Wire;

fn fingerprints(records: &Records) -> BTreeSet<String> {
    records.arrivals.iter().map(|arrival| arrival.fingerprint().to_string()).collect()
}

/// Makes Dovecot forget what it knows of INBOX and count anew, under the next UIDVALIDITY; the messages stay. Where only the
/// files are removed, Dovecot makes UIDVALIDITY of the time in seconds, which may be the same again.
fn count_anew(post: &Post) {
    let list = post.mail.path().join("dovecot-uidlist");
    let header = fs::read_to_string(&list).unwrap();
    let validity: u32 = header.split(" V").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    for entry in fs::read_dir(post.mail.path()).unwrap().map(Result::unwrap) {
        let is_dovecots = entry.file_name().to_string_lossy().starts_with("dovecot");
        if is_dovecots && entry.path().is_file() && entry.path() != list {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    // In place, so that the file stays its owner's.
    fs::write(&list, format!("3 V{} N1\n", validity + 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn number_22_uidvalidity_changes_and_every_message_is_known_again() {
    let Some(post) = Post::dovecot() else { return };
    for nth in 0..250 {
        post.mail.deliver("", &message(nth));
    }
    let mut records = Records::default();
    records.read_anew(&post).await;
    let known = fingerprints(&records);
    count_anew(&post);
    post.mail.deliver("", &message(250));
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let page = inbox.page(&folder, records.cursor(&folder).as_ref(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((page.afresh, page.arrivals.len()), (Some(Afresh::Renumbered), 200));
    let mut again = Records::default();
    again.read_anew(&post).await;
    let new: Vec<String> = fingerprints(&again).difference(&known).cloned().collect();
    assert_eq!(new, [Fingerprint::of(&message(250)).to_string()]);
    assert_eq!(again.arrivals.len(), 251);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_while_we_read_is_passed_over() {
    let Some(post) = Post::dovecot() else { return };
    let names: Vec<String> = (0..600).map(|nth| post.mail.deliver("", &message(nth))).collect();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let first = inbox.page(&folder, None, Timestamp::UNIX_EPOCH).await.unwrap();
    for name in names[150..390].iter().chain(&names[590..]) {
        post.mail.remove("", name);
    }
    let second = inbox.page(&folder, Some(&first.cursor), Timestamp::UNIX_EPOCH).await.unwrap();
    let third = inbox.page(&folder, Some(&second.cursor), Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(second.unreadable.is_empty() && third.unreadable.is_empty());
    assert!(third.read_to_end.is_some());
    let numbers: Vec<usize> = [first.arrivals, second.arrivals, third.arrivals]
        .concat()
        .iter()
        .map(|arrival| number(&arrival.header))
        .collect();
    // Dovecot may still have had some of them at hand; those that stay are all there, in order.
    let stay = (0..200).chain(390..590);
    assert!(stay.clone().all(|nth| numbers.contains(&nth)) && numbers.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_a_mail_server_delivers_wakes_the_watch() {
    let Some(post) = Post::dovecot() else { return };
    let office = office().unwrap();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    let mut records = Records::default();
    records.read(&mut inbox, &folder).await.unwrap();
    let (user, port) = (post.user.clone(), office.ports.mx);
    let sending = tokio::task::spawn_blocking(move || send(port, &user));
    assert_eq!(inbox.watch(&folder, Duration::from_secs(40)).await.unwrap(), Woken::Something);
    sending.await.unwrap();
    while records.arrivals.is_empty() {
        records.read(&mut inbox, &folder).await.unwrap();
    }
    assert_eq!(records.numbers(), [7]);
    let header = String::from_utf8_lossy(&records.arrivals[0].header).into_owned();
    assert!(header.contains(&format!("Delivered-To: {}", post.user)), "{header}");
}

/// Sends message number 7 over SMTP.
fn send(port: u16, to: &str) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let mut stream = stream;
    let text = String::from_utf8(message(7)).unwrap().replace('\n', "\r\n");
    for said in
        ["", "HELO town.example", "MAIL FROM:<>", &format!("RCPT TO:<{to}>"), "DATA", &format!("{text}.")]
    {
        if !said.is_empty() {
            stream.write_all(format!("{said}\r\n").as_bytes()).unwrap();
        }
        let reply = lines.next().unwrap();
        assert!(reply.starts_with(['2', '3']), "{said}: {reply}");
    }
}

/// Flags as the mailbox's owner sees them, over IMAP: of every message, in every folder.
fn flags(post: &Post) -> Vec<String> {
    let office = office().unwrap();
    let mut session =
        crate::support::imap::Imap::login(office.ports.imaps, &office.ca_pem, &post.user, PASSWORD);
    ["INBOX", "Junk", "Sent"].iter().flat_map(|folder| session.flags(folder)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn number_21_the_owner_sees_the_same_flags_before_and_after() {
    let Some(post) = Post::dovecot() else { return };
    for folder in ["", "Junk", "Sent"] {
        post.mail.make(folder);
        for nth in 0..4 {
            let name = post.mail.deliver(folder, &message(nth));
            if nth % 2 == 0 {
                post.mail.flag(folder, &name, "FS");
            }
        }
    }
    let before = flags(&post);
    assert_eq!(before.len(), 12);
    let mut inbox = post.inbox();
    let folders = inbox.folders().await.unwrap();
    let mut records = Records::default();
    for folder in folders.read.iter().chain(&folders.sent) {
        records.read(&mut inbox, folder).await.unwrap();
    }
    for arrival in &records.arrivals {
        inbox.body(&arrival.location).await.unwrap().unwrap();
    }
    assert_eq!(records.arrivals.len(), 12);
    assert_eq!(flags(&post), before);
}

/// Fifty thousand messages from last year, and a reader that begins this hour.
async fn fifty_thousand(kept: Kept) -> Option<(Post, Timestamp)> {
    let post = Post::new(kept)?;
    let now = Clock::system().now();
    post.mail.fill("", 50_000, &message(0), system_time(now - 8760.hours()));
    Some((post, now - 1.hour()))
}

/// Reads INBOX to its end; returns the numbers of what was found, and the cursor behind it.
async fn read_since(
    inbox: &mut Inbox,
    records: &mut Records,
    folder: &Folder,
    since: Timestamp,
) -> Vec<usize> {
    let before = records.arrivals.len();
    records.read_since(inbox, folder, since).await.unwrap();
    records.arrivals[before..].iter().map(|arrival| number(&arrival.header)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_thousand_messages_only_the_new_ones_are_fetched() {
    let Some((mut post, since)) = fifty_thousand(Kept::Dovecot).await else { return };
    let mut records = Records::default();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    assert!(read_since(&mut inbox, &mut records, &folder, since).await.is_empty());
    inbox.close().await;
    for nth in 0..200 {
        post.mail.deliver("", &message(nth));
    }
    let wire = Wire::to(post.server().port).await;
    post.server().port = wire.port;
    let mut inbox = post.inbox();
    assert_eq!(read_since(&mut inbox, &mut records, &folder, since).await, (0..200).collect::<Vec<_>>());
    let heard = wire.heard().len();
    // The two hundred headers, and little else: nothing that grows with what lies there.
    assert!(heard < 200 * 400, "{heard} bytes");
    assert_eq!(wire.said().matches("FETCH").count(), 1);
    // Where nothing came, three commands are all.
    assert!(read_since(&mut inbox, &mut records, &folder, since).await.is_empty());
    assert!(wire.heard().len() - heard < 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_thousand_files_only_the_new_ones_are_read() {
    let Some((post, since)) = fifty_thousand(Kept::Maildir).await else { return };
    let mut records = Records::default();
    let mut inbox = post.inbox();
    let folder = inbox.folders().await.unwrap().read.remove(0);
    assert!(read_since(&mut inbox, &mut records, &folder, since).await.is_empty());
    for nth in 0..200 {
        post.mail.deliver("", &message(nth));
    }
    // A new reader, too, which knows only the cursor.
    let mut inbox = post.inbox();
    assert_eq!(read_since(&mut inbox, &mut records, &folder, since).await, (0..200).collect::<Vec<_>>());
    assert!(read_since(&mut inbox, &mut records, &folder, since).await.is_empty());
    // What is kept of them is small: old messages take no room in it.
    let kept = records.cursor(&folder).unwrap().to_text().len();
    assert!(kept < 3000, "{kept} bytes");
}
