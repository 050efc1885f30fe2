//! What the stories of what came back share: a mailbox, and the mail that lies in it.

use serde_json::Value;

use crate::desk::word;
use crate::support::maildir::MaildirFolders;
use crate::support::town::Campaign;

/// Gives a campaign a Maildir for what comes back.
pub(crate) fn mailbox(campaign: &Campaign) -> MaildirFolders {
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"Maildir\"\n\n[ledger]");
    MaildirFolders::at(campaign.file("Maildir"), None)
}

/// A campaign whose three letters went to the rehearsal relay, and its mailbox.
pub(crate) fn sent() -> (Campaign, MaildirFolders) {
    let campaign = Campaign::new();
    let mail = mailbox(&campaign);
    campaign.run(["send", "--yes"]).success();
    (campaign, mail)
}

/// What `status --json` says of a recipient.
pub(crate) fn recipient(campaign: &Campaign, key: &str) -> Value {
    let status = campaign.status();
    let mut all = status["recipients"].as_array().unwrap().iter();
    all.find(|one| one["key"] == key).expect("a recipient of that key").clone()
}

/// The Message-ID of their letter.
pub(crate) fn message_id(campaign: &Campaign, key: &str) -> String {
    word(&recipient(campaign, key)["steps"][0]["message_id"])
}

/// A report that a letter did not arrive, in the shape of RFC 3464, with the letter's header.
pub(crate) fn report(address: &str, id: &str, status: &str, words: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nTo: appeal@alliance.example\nSubject: Undelivered Mail\n\
         Message-ID: <report.{address}>\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: text/plain\n\n{words}\n\n\
         --x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\nFinal-Recipient: rfc822; {address}\n\
         Action: failed\nStatus: {status}\nDiagnostic-Code: smtp; 550 {status} {words}\n\n--x\nContent-Type: text/rfc822-headers\n\n\
         Message-ID: {id}\n\n--x--\n"
    )
}
