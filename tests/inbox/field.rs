//! What goes wrong in this field, by the numbers of the list that we owe a test for: as far as reading alone decides it.

use super::{read, read_file, sent};
use postduif::delivery::inbound::{AutoReply, Class, Evidence, Kind};

#[test]
fn number_13_the_answer_comes_from_an_alias_a_colleague_or_a_forwarded_office_address() {
    // From a colleague elsewhere, who only has the thread.
    let colleague = read_file("reply/from-a-colleague.eml");
    assert_eq!((colleague.kind, colleague.matched.unwrap().by), (Kind::Reply, Evidence::MessageId));
    // From another address of the office, in a thread of its own: known by domain and subject, and that needs a person.
    let office = read_file("reply/organisation-and-subject.eml");
    assert_eq!((office.kind, office.needs_a_person), (Kind::Reply, true));
    assert_eq!(office.matched.unwrap().by, Evidence::Organisation);
}

#[test]
fn number_14_our_own_letter_in_the_mailbox_is_no_reply() {
    let own = read_file("unrelated/our-own-copy.eml");
    assert_eq!((own.kind, own.matched), (Kind::Unrelated, None));
    // Also the copy that a relay gave another name.
    let copy = b"From: oproep@alliantie.example\nTo: tulp@partij-tulp.example\nSubject: Re: Onze oproep voor uw programma\n\
        Message-ID: <0100018f-abcd@eu-west-1.amazonses.com>\nIn-Reply-To: <k3f7q2m9b.bcdefghijklmo.opqrstuvwxyzb.1@alliantie.example>\n\nNog eens.\n";
    assert_eq!(read(copy, &sent()).kind, Kind::Unrelated);
}

#[test]
fn number_15_an_out_of_office_as_a_new_thread_is_no_reply() {
    for name in [
        "auto-reply/dutch-new-thread.eml",
        "auto-reply/exchange-external-oof.eml",
        "auto-reply/lotus-auto.eml",
    ] {
        let reading = read_file(name);
        assert_eq!((reading.kind, reading.auto_reply), (Kind::AutoReply, Some(AutoReply::Away)), "{name}");
        assert!(reading.until.is_some(), "{name}");
    }
}

#[test]
fn number_16_an_out_of_office_from_a_postmaster_is_no_bounce() {
    let reading = read_file("auto-reply/exchange-from-postmaster.eml");
    assert_eq!((reading.kind, reading.address_bad), (Kind::AutoReply, false));
}

#[test]
fn number_17_an_auto_reply_with_an_empty_return_path_is_no_bounce() {
    for name in
        ["auto-reply/empty-return-path.eml", "auto-reply/1und1.eml", "auto-reply/dutch-away-until-monday.eml"]
    {
        assert_eq!(read_file(name).kind, Kind::AutoReply, "{name}");
    }
}

#[test]
fn number_18_a_bounce_without_a_report_and_one_that_names_only_the_person_are_bounces() {
    for name in [
        "bounce/anonymous-own-sender.eml",
        "bounce/names-only-the-person.eml",
        "bounce/verp-names-the-recipient.eml",
        "bounce/token-in-address.eml",
    ] {
        assert_eq!(read_file(name).kind, Kind::Bounce, "{name}");
    }
    assert_eq!(read_file("bounce/token-in-address.eml").matched.unwrap().key, "ROOS");
}

#[test]
fn number_19_a_full_mailbox_strikes_nobody_off_for_good() {
    for name in
        ["bounce/postfix-quota.eml", "bounce/imail-full.eml", "bounce/dutch-quota.eml", "bounce/biglobe.eml"]
    {
        let reading = read_file(name);
        assert_eq!((reading.kind, reading.address_bad), (Kind::Bounce, false), "{name}");
        assert_eq!(reading.status.map(|status| (status.subject, status.detail)), Some((2, 2)), "{name}");
    }
    let delayed = read_file("bounce/postfix-delayed.eml");
    assert_eq!((delayed.class, delayed.permanent), (Some(Class::Soft), false));
}

#[test]
fn number_27_an_auto_reply_that_demands_something_is_shown_to_a_person() {
    for (name, kind) in [
        ("auto-reply/dutch-use-our-form.eml", AutoReply::UseOurForm),
        ("auto-reply/english-postal-address.eml", AutoReply::UseOurForm),
        ("auto-reply/boxtrapper-challenge.eml", AutoReply::Challenge),
        ("auto-reply/dutch-left.eml", AutoReply::LeftOrganisation),
    ] {
        let reading = read_file(name);
        assert_eq!((reading.auto_reply, reading.needs_a_person), (Some(kind), true), "{name}");
    }
}

#[test]
fn a_limit_of_our_own_provider_strikes_nobody_off() {
    for name in ["bounce/own-limit.eml", "bounce/dmarc-policy.eml"] {
        let reading = read_file(name);
        assert_eq!((reading.ours_to_blame, reading.address_bad), (true, false), "{name}");
    }
}
