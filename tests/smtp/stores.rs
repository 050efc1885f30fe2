//! Where letters end that go nowhere: the rehearsal, and the folder.

use std::path::Path;

use postduif::delivery::attempt::{Ending, Stage};
use postduif::transport::{Settings, Transport};

use crate::faults::brief;
use crate::relay::{LETTER, envelope, send};

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn letter(nth: u32) -> Vec<u8> {
    format!("Message-ID: <letter.{nth}@post.example>\r\nSubject: x\r\n\r\n.dot and grüße\r\n").into_bytes()
}

#[tokio::test]
async fn a_rehearsal_goes_over_a_real_line_and_can_be_read_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("logs/rehearsal");
    let settings = Settings::Rehearsal { connections: 2, keep: Some(keep.clone()) };
    let transport = Transport::open(settings).await.unwrap();
    assert_eq!((transport.account(), transport.connections()), ("rehearsal", 2));
    assert_eq!(transport.stored().as_deref(), Some(keep.as_path()));
    let mut lane = transport.lane();
    // The lane keeps the relay alive.
    drop(transport);
    for nth in 0..3 {
        let to = envelope("nobody@town.example");
        let ended = lane.attempt(&to, &letter(nth), async { Ok(()) }).await;
        assert_eq!(brief(&ended), "accepted 250", "{ended}");
    }
    lane.close().await;
    assert_eq!(files(&keep), [0, 1, 2].map(|nth| format!("letter.{nth}@post.example.eml")));
    let read = std::fs::read(keep.join("letter.1@post.example.eml")).unwrap();
    let envelope = "Return-Path: <desk@post.example>\r\nDelivered-To: nobody@town.example\r\n";
    assert_eq!(read, [envelope.as_bytes(), &letter(1)].concat());
}

#[tokio::test]
async fn a_rehearsal_that_keeps_nothing() {
    let transport = Transport::open(Settings::Rehearsal { connections: 1, keep: None }).await.unwrap();
    assert_eq!(transport.stored(), None);
    assert_eq!(brief(&send(&mut transport.lane(), "ada").await), "accepted 250");
}

#[tokio::test]
async fn a_folder_gets_one_file_for_each_letter_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/out");
    let transport = Transport::open(Settings::Folder { path: path.clone() }).await.unwrap();
    assert_eq!(transport.account(), format!("folder:{}", path.display()));
    let mut lane = transport.lane();
    for nth in 0..2 {
        let ended = lane.attempt(&envelope("ada@town.example"), &letter(nth), async { Ok(()) }).await;
        assert_eq!(ended.to_string(), format!("250 2.0.0 stored as letter.{nth}@post.example.eml"));
    }
    assert_eq!(files(&path), ["letter.0@post.example.eml", "letter.1@post.example.eml"]);
    assert_eq!(std::fs::read(path.join("letter.0@post.example.eml")).unwrap(), letter(0));
    assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
    assert_eq!(files(&path).len(), 3);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path.join("letter.0@post.example.eml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_or_a_note_that_fails_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let transport = Transport::open(Settings::Folder { path: path.clone() }).await.unwrap();
    let mut lane = transport.lane();
    let ended = lane.attempt(&envelope("ada@town.example"), LETTER, async { Err("no".to_owned()) }).await;
    assert_eq!(ended, Ending::Broken { stage: Stage::Body, why: "no".into() });
    assert!(files(&path).is_empty());
    std::fs::remove_dir(&path).unwrap();
    let ended = lane.attempt(&envelope("ada@town.example"), LETTER, async { Ok(()) }).await;
    assert_eq!(brief(&ended), "broken at body", "{ended}");
}
