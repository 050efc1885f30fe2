//! `status`, `why` and `settle`: what became of each letter, for people and for programs.

use std::collections::BTreeSet;

use crate::desk::Post;
use crate::support::servers::wait_until;
use crate::support::town::Campaign;

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_json_has_exactly_the_keys_of_the_contract() {
    let campaign = Campaign::to(["een@partij.example", "nobody@partij.example", "later@partij.example"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    for launched in [false, true] {
        let status = campaign.status();
        assert_eq!(keys(&status), ["campaign", "state", "plan", "counts", "recipients"]);
        assert_eq!(
            keys(&status["counts"]),
            [
                "recipients",
                "queued",
                "in_flight",
                "accepted",
                "refused",
                "bounced",
                "expired",
                "in_doubt",
                "cancelled",
                "lapsed",
                "tasks",
                "done"
            ]
        );
        assert_eq!(status["campaign"], "appeal");
        if launched {
            let recipients = status["recipients"].as_array().unwrap();
            assert_eq!(recipients.len(), 3);
            for one in recipients {
                assert_eq!(
                    keys(one),
                    ["key", "address", "organisation", "channel", "standing", "steps", "inbound"]
                );
                for step in one["steps"].as_array().unwrap() {
                    assert_eq!(
                        keys(step),
                        ["step", "state", "attempts", "message_id", "accepted_at", "reply"]
                    );
                    assert_eq!(keys(&step["reply"]), ["code", "enhanced", "text"]);
                }
            }
            let (accepted, refused) = (&recipients[0]["steps"][0], &recipients[1]["steps"][0]);
            assert_eq!(
                (accepted["state"].as_str(), accepted["attempts"].as_u64()),
                (Some("accepted"), Some(1))
            );
            assert!(accepted["accepted_at"].as_str().unwrap().ends_with('Z'));
            assert_eq!((refused["state"].as_str(), refused["accepted_at"].as_str()), (Some("refused"), None));
            assert_eq!(
                (refused["reply"]["code"].as_u64(), refused["reply"]["enhanced"].as_str()),
                (Some(550), Some("5.1.1"))
            );
            let counts = &status["counts"];
            for (state, number) in
                [("recipients", 3), ("accepted", 1), ("refused", 1), ("queued", 1), ("in_doubt", 0)]
            {
                assert_eq!(counts[state], number, "{state}");
            }
            assert_eq!(
                (status["state"].as_str(), status["plan"].as_str().map(str::len)),
                (Some("running"), Some(64))
            );
        } else {
            assert_eq!((status["state"].as_str(), status["plan"].as_str()), (Some("not-launched"), None));
            campaign.run(["send", "--yes"]).code(1);
        }
    }
    // One alone, in whatever case it was typed.
    let one = campaign.run(["status", "k2", "--json"]).success();
    let one: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(
        (one["recipients"].as_array().unwrap().len(), &one["recipients"][0]["key"]),
        (1, &"K2".into())
    );
    campaign.run(["status", "K9"]).code(2).said("no recipient has the key `K9`");
}

#[test]
fn status_for_people_says_how_many_and_what_became_of_each() {
    let campaign = Campaign::to([
        "een@partij.example",
        "nobody@partij.example",
        "later@partij.example",
        "vanish-after-dot@partij.example",
    ]);
    let post = Post::spelled();
    campaign.run(["status"]).success().said("nothing has been sent yet");
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).code(5).said("1 in doubt").said("postduif settle KEY accepted");
    let text = campaign.run(["status"]).success().out;
    for told in [
        "appeal: running",
        "4 recipients",
        "1 accepted",
        "1 refused",
        "1 queued",
        "1 in doubt",
        "550 5.1.1 User unknown",
        "451 4.7.1 Greylisted, please try again; again ",
    ] {
        assert!(text.contains(told), "`{told}` is not told:\n{text}");
    }
    let one = campaign.run(["status", "K2"]).success().out;
    assert!(one.contains("K2") && !one.contains("K1"), "{one}");
}

/// Every standing that can be reached with a relay alone; `bounced` and `expired` take a mailbox and four days.
#[test]
fn why_tells_each_standing_in_one_line() {
    let campaign = Campaign::to([
        "een@partij.example",
        "nobody@partij.example",
        "later@partij.example",
        "vanish-after-dot@partij.example",
        "zes@suppressed.example",
        "zeven@partij.example",
        "acht@partij.example",
        "silent-after-dot@partij.example",
    ]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    campaign.run(["why", "K1"]).code(2).said("nothing has been sent yet");
    campaign.run(["suppress", "add", "suppressed.example", "--reason", "they objected"]).success();
    campaign.run(["send", "--yes", "--limit", "4"]).code(5);
    campaign.edit("recipients.csv", "K6,Partij 6,Programmacommissie,zeven@partij.example\n", "");
    campaign.run(["send", "--yes", "--only", "K1"]).code(5);
    let why = |key: &str| {
        let out = campaign.run(["why", key]).success().out;
        assert_eq!(out.lines().count(), 1, "not one line:\n{out}");
        out
    };
    let told = [
        ("K1", "<een@partij.example>: accepted "),
        ("K1", "after 1 attempt; the relay said \"250 2.0.0"),
        ("K2", "refused "),
        ("K2", "550 5.1.1 User unknown"),
        ("K3", "put off after 1 attempt, again "),
        ("K3", "451 4.7.1 Greylisted"),
        ("K4", "in doubt since "),
        ("K4", "Sent folder"),
        ("K4", "`postduif settle K4 accepted` or `again`"),
        ("K5", "on the suppression list: they objected"),
        ("K6", "its row is no longer in the roster"),
        ("K7", "queued; nothing was tried yet"),
    ];
    for (key, words) in told {
        assert!(why(key).contains(words), "`{words}` is not said of {key}: {}", why(key));
    }
    // On its way: another process is in the middle of it.
    let running = campaign.spawn(["send", "--yes", "--only", "K8"]);
    wait_until("the letter in flight", || (campaign.standing("K8") == "in-flight").then_some(()));
    assert!(why("K8").contains("on its way to the relay at this moment"));
    running.kill();
    campaign.run(["cancel", "--yes"]).success();
    assert!(why("K7").contains("cancelled"), "{}", why("K7"));
    assert!(why("K7").contains("the campaign was cancelled"), "{}", why("K7"));
    campaign.run(["status"]).success().said("K7  cancelled").said("the campaign was cancelled");
    let standings: BTreeSet<String> = (1..=8).map(|n| campaign.standing(&format!("K{n}"))).collect();
    let all = ["awaiting-reply", "cancelled", "in-doubt", "refused", "suppressed"];
    assert!(all.iter().all(|one| standings.contains(*one)), "{standings:?}");
    assert!(!standings.contains("queued"), "{standings:?}");
}

#[test]
fn a_doubt_waits_for_a_persons_word_and_nothing_else_ends_it() {
    let campaign = Campaign::to([
        "vanish-after-dot.a+once@partij.example",
        "vanish-after-dot-lost.b+once@partij.example",
        "c@partij.example",
    ]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    // Two lines in a row that broke like this: the relay is left alone, whatever the number.
    while campaign.run(["send", "--yes"]).code(5).err.contains("still queued")
        && campaign.status()["counts"]["queued"] != 0
    {}
    let doubtful = |key: &str| campaign.states()[key] == "in_doubt";
    assert!(doubtful("K1") && doubtful("K2"));
    let went = post.went_to().len();
    campaign.run(["send", "--yes"]).code(5).said("2 in doubt: say what became of them");
    assert_eq!(post.went_to().len(), went, "a doubt was sent again by itself");

    campaign.run(["settle", "K3", "again"]).code(2).said("the letter to K3 is accepted, not in doubt");
    campaign.run(["settle", "K9", "again"]).code(2).said("K9");
    campaign.run(["settle", "K1", "perhaps"]).code(2).said("accepted").said("again");
    campaign
        .run(["settle", "K1", "accepted", "--note", "it is in the Sent folder"])
        .success()
        .said("counts as accepted");
    campaign.run(["settle", "K1", "again"]).code(2);
    assert_eq!(campaign.standing("K1"), "awaiting-reply");
    campaign.run(["why", "K1"]).success().said("it is in the Sent folder");
    assert!(
        campaign
            .read("logs/status.csv")
            .contains("vanish-after-dot.a+once@partij.example,awaiting-reply,accepted")
    );

    campaign.run(["settle", "K2", "again"]).success().said("queued again");
    assert_eq!(post.went_to().len(), went, "settling sends nothing");
    campaign.run(["send", "--yes"]).success();
    assert!(campaign.states().values().all(|state| state == "accepted"));
    let to_b = post.went_to().into_iter().filter(|to| to.starts_with("vanish-after-dot-lost.b")).count();
    assert_eq!((post.went_to().len(), to_b), (went + 1, 1));
    // The word of a person is in the history, under the same Message-ID.
    let words: Vec<_> = campaign.events().into_iter().filter(|event| event["key"] == "K1").collect();
    assert!(
        words.iter().any(|event| event["note"].as_str().is_some_and(|note| note.contains("Sent folder"))),
        "{words:?}"
    );
    let names: BTreeSet<_> = words.iter().filter_map(|event| event["message_id"].as_str()).collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn the_log_has_every_event_also_those_of_commands_that_send_nothing() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    campaign.run(["pause", "lunch"]).success();
    campaign.run(["resume"]).success();
    campaign.run(["suppress", "add", "twee.example", "--reason", "asked"]).success();
    campaign.run(["cancel", "--yes"]).success();
    let events: Vec<String> =
        campaign.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    for event in ["launched", "accepted", "paused", "resumed", "suppressed", "cancelled"] {
        assert!(events.iter().any(|one| one == event), "no `{event}` in {events:?}");
    }
    let numbers: Vec<u64> = campaign.events().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
}
