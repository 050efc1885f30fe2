//! What a real Postfix reports about letters that it took and could not deliver (RFC 3461, RFC 3464).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot begin has failed")]

mod support;

use postduif::mail::message_id::MessageId;
use support::post_office::PostOffice;
use support::town::Campaign;

/// A campaign of `sender@example.test` to these addresses, with this in `[transport]` beside the relay.
fn campaign(post: &PostOffice, more: &str, addresses: &[&str]) -> Campaign {
    let relay = format!(
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n{more}",
        post.ports.mx
    );
    let campaign = Campaign::new();
    campaign
        .configure("kind = \"rehearsal\"", &relay)
        .configure("address = \"appeal@alliance.example\"", "address = \"sender@example.test\"");
    let rows: String = addresses
        .iter()
        .enumerate()
        .map(|(nth, address)| format!("K{nth},Partij {nth},Commissie,{address}\n"))
        .collect();
    campaign.write("recipients.csv", format!("afkorting,partij,naam,e-mail\n{rows}"));
    campaign
}

/// The same, sent.
fn sent(post: &PostOffice, more: &str, addresses: &[&str]) -> Campaign {
    let campaign = campaign(post, more, addresses);
    campaign.run(["send", "--yes"]).success();
    campaign
}

/// The Message-ID of a recipient's letter, as the ledger knows it.
fn message_id(campaign: &Campaign, key: &str) -> MessageId {
    let status: serde_json::Value =
        serde_json::from_str(&campaign.run(["status", "--json"]).success().out).unwrap();
    let recipients = status["recipients"].as_array().unwrap();
    let of_key = recipients.iter().find(|recipient| recipient["key"] == key).unwrap();
    MessageId::stored(of_key["steps"][0]["message_id"].as_str().unwrap().to_owned())
}

/// The report in the sender's mailbox that has this line, once it is there.
fn report_with(post: &PostOffice, reports: usize, line: &str) -> String {
    let reports: Vec<String> = post
        .wait_for("sender@example.test", reports)
        .iter()
        .map(|report| String::from_utf8_lossy(report).replace("\r\n", "\n"))
        .collect();
    let found = reports.iter().find(|report| report.contains(line));
    found.unwrap_or_else(|| panic!("no report has `{line}`:\n{}", reports.join("\n----\n"))).clone()
}

#[test]
fn a_bounce_gives_back_our_mark_the_address_we_wrote_to_and_the_letters_header() {
    let Some(post) = PostOffice::start_with(|wishes| {
        // As after a forwarding that leads nowhere: the report's final recipient is a stranger.
        wishes
            .main_cf
            .push_str("recipient_canonical_maps = inline:{party+list@example.test=ghost@example.test}\n");
        wishes.ghosts.push("party+list@example.test".to_owned());
    }) else {
        return;
    };
    let campaign = sent(&post, "", &["party+list@example.test", "ada@example.test"]);
    let id = message_id(&campaign, "K0");
    let report = report_with(&post, 1, "\nAction: failed\n");
    for line in [
        &format!("\nOriginal-Envelope-Id: {}\n", id.envelope_id()),
        "\nOriginal-Recipient: rfc822;party+list@example.test\n",
        "\nFinal-Recipient: rfc822; ghost@example.test\n",
        "\nStatus: 5.1.1\n",
        "\nContent-Type: text/rfc822-headers\n",
        &format!("\nMessage-ID: {id}\n"),
    ] {
        assert!(report.contains(line), "no {line:?} in {report}");
    }
    assert!(!report.contains("Dear Commissie"), "{report}");
    // A letter that arrives is not reported.
    post.wait_until_idle();
    assert_eq!(post.mailbox("ada@example.test").len(), 1);
    assert_eq!(post.mailbox("sender@example.test").len(), 1);
}

#[test]
fn a_letter_that_is_late_is_reported_as_such_and_then_as_failed_both_with_our_mark() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = sent(&post, "", &["ada@deadend.test"]);
    let mark = format!("\nOriginal-Envelope-Id: {}\n", message_id(&campaign, "K0").envelope_id());
    for action in ["\nAction: delayed\n", "\nAction: failed\n"] {
        assert!(report_with(&post, 2, action).contains(&mark), "{action}");
    }
}

#[test]
fn without_delivery_reports_a_bounce_has_no_mark() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = sent(&post, "delivery-reports = false", &["ghost@example.test"]);
    let id = message_id(&campaign, "K0");
    let report = report_with(&post, 1, "\nAction: failed\n");
    assert!(
        !report.contains("Original-Envelope-Id") && report.contains(&format!("Message-ID: {id}")),
        "{report}"
    );
}

#[test]
fn a_report_about_a_trial_is_not_taken_for_one_about_the_letter() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = campaign(&post, "", &["ada@example.test"]);
    campaign.run(["send", "--yes", "--test", "ghost@example.test"]).success();
    assert!(!report_with(&post, 1, "\nAction: failed\n").contains("Original-Envelope-Id"));
}
