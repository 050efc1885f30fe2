//! `rehearse`: a whole campaign against the built-in town.

use std::fs;
use std::path::Path;

use crate::support::town::Campaign;

/// The shipped campaign, in a folder of its own.
fn shipped() -> Campaign {
    let (root, campaign) = (Path::new(env!("CARGO_MANIFEST_DIR")), Campaign::new());
    for name in ["config.toml", "recipients.csv", "rehearsal.toml"] {
        campaign.write(name, fs::read(root.join(name)).unwrap());
    }
    for entry in fs::read_dir(root.join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("templates/{}", path.file_name().unwrap().to_str().unwrap());
        campaign.write(&name, fs::read(&path).unwrap());
    }
    campaign
}

const SCRIPT: &str = r#"
begin = 2025-09-08
[[person]]
key = "ada"
does = "answers"
after = "2 h"
[others]
nothing = 1
"#;

/// The shipped campaign with its own script: everything that can happen to a letter happens, and every rule is kept.
#[test]
fn the_shipped_campaign_is_rehearsed_and_the_verdict_is_good() {
    let campaign = shipped();
    let told = campaign.run(["rehearse"]).success();
    assert!(told.out.contains("Mon 25 Aug 2025  letter 1 to "), "{}", told.out);
    assert!(told.out.contains("verdict: good."), "{}", told.out);
    for name in ["status.csv", "delivery.jsonl", "ledger.db", "Maildir/new", "letters"] {
        assert!(campaign.file("logs/rehearsed").join(name).exists(), "{name}");
    }
    assert!(!campaign.file("logs/ledger.db").exists(), "a rehearsal is none of the real ledger's");
    campaign.run(["why", "D66", "--rehearsal"]).success().said("answered");
    campaign.run(["status", "--rehearsal"]).success().said("opted out");
    campaign.run(["status"]).success().said("nothing has been sent yet");
}

#[test]
fn the_next_rehearsal_replaces_the_last_and_nothing_else() {
    let campaign = shipped();
    campaign.write("kept/mine.txt", "mine");
    let refused = campaign.run(["rehearse", "--out", "kept"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert_eq!(campaign.read("kept/mine.txt"), "mine");
    campaign.run(["rehearse", "--seed", "2"]).success();
    let first = campaign.read("logs/rehearsed/delivery.jsonl").lines().count();
    campaign.run(["rehearse", "--seed", "2"]).success();
    assert_eq!(
        campaign.read("logs/rehearsed/delivery.jsonl").lines().count(),
        first,
        "the same seed, the same story"
    );
}

#[test]
fn what_is_wrong_with_the_script_is_told_with_its_line_and_nothing_is_rehearsed() {
    let campaign = shipped();
    campaign.write("script.toml", SCRIPT);
    let told = campaign.run(["rehearse", "--script", "script.toml"]);
    assert_eq!(told.code, Some(2), "{}", told.err);
    assert!(told.err.contains(":3:1: nobody in the roster has the key `ada`"), "{}", told.err);
    assert!(!campaign.file("logs/rehearsed").exists());
}

/// Whatever the people of a town do: nobody twice, nobody after an answer, no limit passed, and `why` explains everybody.
#[test]
fn any_town_by_chance_is_kept_to_the_rules() {
    let campaign = shipped();
    campaign.write("chance.toml", "begin = 2025-09-01\n");
    let window = "[window]\ndays = \"mon-fri\"\nfrom = \"09:30\"\nuntil = \"16:00\"\n\n[ledger]";
    campaign.configure("[ledger]", window).configure("per-minute = 60", "per-minute = 2\nper-day = 12");
    for seed in ["11", "12", "13"] {
        let told = campaign.run(["rehearse", "--script", "chance.toml", "--seed", seed]);
        assert!(told.out.contains("verdict: good."), "seed {seed}\n{}{}", told.out, told.err);
        for key in ["PVV", "D66", "FNP", "PvdR"] {
            campaign.run(["why", key, "--rehearsal"]).success().said(key);
        }
    }
}
