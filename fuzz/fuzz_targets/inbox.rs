//! Any bytes are a message that can be read: with and without knowing what was sent.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postduif::delivery::inbound::{Kind};
use postduif::inbox::{self, Sent, SentLetter, Settings};

static SENT: LazyLock<Sent> = LazyLock::new(|| {
    Sent::new([SentLetter {
        key: "ROOS".into(),
        message_id: "<k3f7q2m9a.bcdefghijklmn.opqrstuvwxyza.1@alliantie.example>".into(),
        address: "roos@partij-roos.example".into(),
        subject: "Onze oproep voor uw programma".into(),
        sent_at: Some(1_756_713_600),
        ..SentLetter::default()
    }])
});

fuzz_target!(|bytes: &[u8]| {
    let today = jiff::civil::date(2025, 9, 1);
    for sent in [None, Some(&*SENT)] {
        let reading = inbox::read(bytes, Settings { sent, today, own_lines: &[] });
        assert!(!reading.reasons.is_empty());
        assert_eq!(reading.class.is_some(), reading.kind == Kind::Bounce);
        assert!(!reading.address_bad || reading.permanent && !reading.ours_to_blame);
        assert!(reading.recipients.len() <= 500);
        let line = reading.to_json("x").to_string();
        assert!(!line.contains('\n'));
    }
});
