//! Messages that were cut, broken or turned over: read as well as can be, and never with a panic.

use std::fs;

use super::{messages, read, sent};

#[test]
fn a_message_cut_at_any_kilobyte_is_read() {
    let sent = sent();
    for path in messages() {
        let bytes = fs::read(&path).unwrap();
        let ends = (0..bytes.len()).step_by(1024).chain([bytes.len().saturating_sub(1)]);
        for end in ends {
            let reading = read(&bytes[..end], &sent);
            assert!(!reading.reasons.is_empty(), "{} cut at {end}", path.display());
        }
    }
}

#[test]
fn a_message_with_bytes_turned_over_is_read() {
    let sent = sent();
    // A generator of its own, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (below.max(1) as u64)).unwrap()
    };
    for path in messages() {
        let whole = fs::read(&path).unwrap();
        for flips in [1, 8, 64] {
            let mut bytes = whole.clone();
            for _ in 0..flips {
                let at = next(bytes.len());
                bytes[at] ^= 1 << next(8);
            }
            assert!(!read(&bytes, &sent).reasons.is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn what_is_no_message_at_all_is_unrelated() {
    let sent = sent();
    let long_line = [b"Subject: ".to_vec(), vec![b'x'; 3 << 20]].concat();
    for bytes in [&b""[..], b"\n", b"\0\0\0", b"From ", b":::::", &[0xff; 300], &long_line] {
        let reading = read(bytes, &sent);
        assert_eq!(
            reading.kind,
            postduif::delivery::inbound::Kind::Unrelated,
            "{:?}",
            &bytes[..bytes.len().min(20)]
        );
    }
}

#[test]
fn a_report_of_a_megabyte_does_not_take_long_words_for_phrases() {
    let sent = sent();
    let mut bytes = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\nReturn-Path: <>\n\n".to_vec();
    for n in 0..20_000 {
        bytes.extend(format!("<roos{n}@partij-roos.example>: 550 5.1.1 user unknown\n").bytes());
    }
    let reading = read(&bytes, &sent);
    assert_eq!(reading.kind, postduif::delivery::inbound::Kind::Bounce);
    assert!(reading.recipients.len() <= 500);
}
