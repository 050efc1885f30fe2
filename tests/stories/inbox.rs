//! `postduif inbox FILE…`: what came back, from files, with and without a list of what was sent.

use std::fs;
use std::path::Path;

use crate::support::town::Campaign;

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mail").join(name).display().to_string()
}

#[test]
fn a_folder_of_messages_gives_a_line_for_each_in_their_order() {
    let (bounces, list) = (fixture("bounce"), fixture("sent.csv"));
    let run = Campaign::new().run(["inbox", "--explain", &bounces, "--sent", &list, "--json"]).success();
    let lines: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_message = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|kind| kind == "eml");
    let messages = fs::read_dir(&bounces).unwrap().flatten().filter(is_message).count();
    assert_eq!(lines.len(), messages);
    assert!(lines.iter().all(|line| line["kind"] == "bounce"));
    assert!(lines.iter().map(|line| line["file"].as_str().unwrap()).is_sorted());
    assert!(lines.iter().any(|line| line["matched"]["key"] == "ROOS"));
}

#[test]
fn no_campaign_is_needed_and_nothing_is_written() {
    let campaign = Campaign::new();
    fs::remove_file(campaign.file("config.toml")).unwrap();
    let away = fixture("auto-reply/dutch-away-t-m.eml");
    campaign
        .run(["inbox", "--no-campaign", &away])
        .success()
        .said("auto-reply: they are away")
        .said("2025-09-05");
    assert!(!campaign.file("logs").exists());
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_explained() {
    let reply = fixture("reply/german.eml");
    Campaign::new()
        .run(["inbox", "missing.eml", &reply, "--json"])
        .code(2)
        .said("missing.eml cannot be read")
        .said("\"kind\":\"reply\"")
        .said("1 message was explained all the same");
}

#[test]
fn a_mailbox_file_is_read_message_by_message() {
    let campaign = Campaign::new();
    let one = fs::read_to_string(fixture("reply/german.eml")).unwrap();
    let two = fs::read_to_string(fixture("bounce/qmail.eml")).unwrap();
    campaign.write(
        "saved.mbox",
        format!("From a Mon Sep  1 10:00:00 2025\n{one}\nFrom b Mon Sep  1 10:00:00 2025\n{two}"),
    );
    let run = campaign.run(["inbox", "saved.mbox", "--json"]).success();
    assert_eq!(run.out.lines().count(), 2);
    run.said("saved.mbox#1").said("saved.mbox#2").said("\"status\":\"5.1.1\"");
}

#[test]
fn a_list_without_keys_is_refused() {
    let campaign = Campaign::new();
    campaign.write("sent.csv", "message_id,address\n<1@x.example>,a@y.example\n");
    let reply = fixture("reply/german.eml");
    campaign.run(["inbox", "--sent", "sent.csv", &reply]).code(2).said("has no column `key`");
}
