//! Relays as they are: limits, moods and refusals, and what a run makes of them.

use postduif::transport::rehearsal::{RelayLogin, RelaySettings, Script};

use crate::desk::Post;
use crate::support::servers::free_port;
use crate::support::town::Campaign;

fn many(number: usize) -> Campaign {
    let addresses: Vec<String> = (1..=number).map(|n| format!("p{n}@partij{n}.example")).collect();
    Campaign::to(addresses.iter().map(String::as_str))
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let post = Post::spelled();
    let sent_to = |addresses: &[&str]| {
        let campaign = Campaign::to(addresses.iter().copied());
        campaign.send_to(post.port());
        campaign.run(["send", "--yes"])
    };
    sent_to(&["a@partij.example"]).code(0);
    sent_to(&["a@partij.example", "nobody@partij.example"]).code(1).said("1 refused");
    sent_to(&["no address"]).code(2);
    sent_to(&["a@partij.example", "nobody@partij.example", "vanish-after-dot@partij.example"]).code(5);
    // Put off is neither success nor failure yet: the next run goes on.
    sent_to(&["a@partij.example", "later@partij.example"])
        .code(0)
        .said("1 letter still queued: waits for the next try");

    let campaign = Campaign::new();
    campaign.send_to(free_port());
    campaign
        .run(["send", "--yes"])
        .code(3)
        .said("the relay cannot be reached")
        .said("nothing was sent; every letter is still queued");
    assert_eq!(campaign.status()["counts"]["queued"], 3);
    campaign.run(["send", "--yes", "--test", "me@desk.example"]).code(3);

    let campaign = Campaign::new();
    campaign.write(
        "logs/ledger.db",
        "this is no database, and it is long enough to be looked at as one ".repeat(20),
    );
    let before = campaign.everything();
    for command in [vec!["send", "--yes"], vec!["status"], vec!["preview"], vec!["suppress", "list"]] {
        campaign.run(command).code(4).said("logs/ledger.db");
    }
    assert_eq!(campaign.everything(), before);
}

#[test]
fn a_wrong_password_costs_no_letter_and_is_never_repeated() {
    let login = RelayLogin::of(&["PLAIN"], "me", "right");
    let post = Post::start(RelaySettings { login: Some(login), ..RelaySettings::default() });
    let campaign = Campaign::new().with_env("POSTDUIF_PASSWORD", "wrong-and-secret");
    campaign.send_to(post.port());
    campaign.configure(
        "security = \"none\"",
        "security = \"none\"\nusername = \"me\"\npassword-env = \"POSTDUIF_PASSWORD\"",
    );
    let run = campaign.run(["send", "--yes"]).code(3).said("does not take our login").said("535 5.7.8");
    assert!(!run.err.contains("wrong-and-secret") && !run.out.contains("wrong-and-secret"));
    assert_eq!(post.logins(), 1, "a wrong password was tried again");
    assert_eq!(campaign.status()["counts"]["queued"], 3);
    for (path, bytes) in campaign.everything() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("wrong-and-secret"), "the password is in {}", path.display());
    }
    // Without any, `send` says what to set; `check` and `preview` only warn.
    let without = Campaign::new();
    without.write("config.toml", campaign.read("config.toml"));
    without.run(["send", "--yes"]).code(2).said("POSTDUIF_PASSWORD").said("nothing was sent");
    without.run(["preview"]).success().said("POSTDUIF_PASSWORD");
}

/// Field bug 10: a login per message; "too many login attempts".
#[test]
fn bug_10_one_login_carries_all_letters() {
    let login = RelayLogin { at_most: Some(1), ..RelayLogin::of(&["PLAIN", "LOGIN"], "me", "right") };
    let post = Post::start(RelaySettings { login: Some(login), ..RelaySettings::default() });
    let campaign = many(8).with_env("POSTDUIF_PASSWORD", "right");
    campaign.send_to(post.port());
    campaign.configure(
        "security = \"none\"",
        "security = \"none\"\nusername = \"me\"\npassword-env = \"POSTDUIF_PASSWORD\"",
    );
    campaign.run(["send", "--yes"]).success();
    // The look at the door before the first letter must not cost a login of its own.
    assert_eq!((post.went_to().len(), post.logins()), (8, 1));
}

/// Field bug 8: the server drops the connection after some mails; the rest is counted as failed.
#[test]
fn bug_8_a_relay_that_hangs_up_after_some_letters_gets_the_rest_over_another_line() {
    let post = Post::start(RelaySettings { letters_per_connection: Some(3), ..RelaySettings::default() });
    let campaign = many(10);
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).success().said("10 accepted");
    let attempts = campaign.status()["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["steps"][0]["attempts"].as_u64().unwrap())
        .max();
    assert_eq!((post.went_to().len(), attempts), (10, Some(1)));
    assert!(post.connections() >= 4);
}

/// Field bug 9: `421` for the rate, then end of file; taken for a permanent failure.
#[test]
fn bug_9_a_421_and_the_end_of_the_line_is_for_later() {
    let post = Post::spelled();
    let campaign = Campaign::to(["shutdown.a@partij.example", "b@partij.example"]);
    campaign.send_to(post.port());
    let run = campaign.run(["send", "--yes"]);
    assert!(matches!(run.code, Some(0 | 3)), "{run:?}");
    assert_eq!(campaign.states()["K1"], "queued");
    campaign.run(["why", "K1"]).success().said("421 4.3.2");
}

/// Field bug 6: a window of N lets N + 1 through. Field bug 7, in part: the limit outlives the process.
#[test]
fn bug_6_n_a_day_means_n_and_a_restart_resets_nothing() {
    let post = Post::spelled();
    let campaign = many(5);
    campaign.send_to(post.port()).configure("unlimited = true", "per-day = 2");
    for _ in 0..3 {
        campaign.run(["send", "--yes"]).success().said("3 letters still queued: waits for the pace until");
        assert_eq!(post.went_to().len(), 2);
    }
    // Another campaign of the same account and ledger shares the limit.
    campaign.configure("name = \"appeal\"", "name = \"second appeal\"");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(post.went_to().len(), 2);
}

/// Field bug 7: a limit kept per process or per connection; five workers send five times too fast.
#[test]
fn bug_7_five_connections_share_one_limit() {
    let post = Post::spelled();
    let campaign = many(12);
    campaign.send_to(post.port()).configure("unlimited = true", "per-day = 4");
    campaign.configure("security = \"none\"", "security = \"none\"\nconnections = 5");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(post.went_to().len(), 4);
}

#[test]
fn a_relay_that_refuses_the_letter_itself_stops_the_run_before_everybody_is_lost() {
    let post = Post::spelled();
    let addresses: Vec<String> = (1..=9).map(|n| format!("refuse-body.{n}@partij{n}.example")).collect();
    let campaign = Campaign::to(addresses.iter().map(String::as_str));
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).code(3).said("the campaign stopped").said("postduif resume");
    let status = campaign.status();
    assert_eq!(status["state"], "paused");
    assert!(status["counts"]["queued"].as_u64() >= Some(6), "{}", status["counts"]);
    campaign.run(["send", "--yes"]).code(2).said("the campaign is paused");
}

#[test]
fn the_daily_limit_of_an_account_pauses_and_says_until_when() {
    let post = Post::spelled();
    let campaign = Campaign::to(["a@partij.example", "quota@partij.example", "c@partij.example"]);
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).code(3).said("as much as it may in one day");
    assert!(campaign.accepted().contains(&"K1".to_owned()));
    assert_eq!(campaign.states()["K2"], "queued", "a limit of ours is no fault of the recipient");
    campaign.run(["status"]).success().said("paused, because").said("goes on ");
}

#[test]
fn unusual_yeses_are_yeses() {
    let post = Post::spelled();
    let words = ["empty250", "latin1", "multi", "close-after", "overlong"];
    let addresses: Vec<String> = words.iter().map(|word| format!("{word}@partij.example")).collect();
    let campaign = Campaign::to(addresses.iter().map(String::as_str));
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).success().said("5 accepted");
    // What a relay says lands in tables and terminals: no control character may come through.
    let table = campaign.read("logs/status.csv");
    assert!(!table.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r')), "{table:?}");
}

#[test]
fn without_pipelining_it_works_as_well() {
    let post = Post::start(RelaySettings {
        pipelining: false,
        eight_bit_mime: false,
        script: Script::Spelled,
        ..RelaySettings::default()
    });
    let campaign = Campaign::to(["a@partij.example", "nobody@partij.example", "c@partij.example"]);
    campaign.send_to(post.port());
    campaign.run(["send", "--yes"]).code(1);
    assert_eq!(post.went_to(), ["a@partij.example", "c@partij.example"]);
}
