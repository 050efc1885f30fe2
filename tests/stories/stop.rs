//! Stopping and going on: Ctrl-C, `pause`, `resume`, `cancel`, two processes at once.

use postduif::ledger::Ledger;

use crate::desk::Post;
use crate::support::servers::wait_until;
use crate::support::town::Campaign;

/// Ten recipients behind a relay in this process, a letter a second: so slow that a person can step in.
fn slowly() -> (Campaign, Post) {
    let addresses: Vec<String> = (1..=10).map(|n| format!("p{n}@partij{n}.example")).collect();
    let campaign = Campaign::to(addresses.iter().map(String::as_str));
    let post = Post::spelled();
    campaign.send_to(post.port()).configure("unlimited = true", "per-minute = 60");
    (campaign, post)
}

fn quickly(campaign: &Campaign) {
    campaign.configure("per-minute = 60", "unlimited = true");
}

fn wait_for_letters(post: &Post, number: usize) {
    wait_until("a letter", || (post.went_to().len() >= number).then_some(()));
}

/// Each of the ten has exactly one letter.
fn each_has_one(campaign: &Campaign, post: &Post) {
    assert!(campaign.states().values().all(|state| state == "accepted"));
    let mut went = post.went_to();
    went.sort();
    went.dedup();
    assert_eq!((went.len(), post.went_to().len()), (10, 10));
}

#[test]
fn one_ctrl_c_ends_after_the_letters_in_flight_and_a_second_run_goes_on() {
    let (campaign, post) = slowly();
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    running.interrupt();
    let run = running
        .wait()
        .success()
        .said("ending after the letters in flight")
        .said("still queued, `postduif send` goes on with them");
    assert!(run.out.contains("accepted"), "no summary:\n{}", run.out);
    let states = campaign.states();
    assert!(states.values().all(|state| state == "accepted" || state == "queued"), "{states:?}");
    assert!(post.went_to().len() < 10);
    assert!(campaign.read("logs/status.csv").contains(",queued,"));
    quickly(&campaign);
    campaign.run(["send", "--yes"]).success().said("10 accepted");
    each_has_one(&campaign, &post);
}

#[test]
fn a_run_that_stays_through_closed_hours_says_so_without_a_terminal_too() {
    let campaign = Campaign::new();
    let later = postduif::clock::Clock::system().now() + jiff::SignedDuration::from_hours(72);
    let day = later.strftime("%a").to_string().to_lowercase();
    campaign.write("config.toml", campaign.read("config.toml") + &format!("\n[window]\ndays = \"{day}\"\n"));
    let running = campaign.spawn(["send", "--yes", "--wait"]);
    wait_until("a word on the wait", || {
        running.said_so_far().contains("waits for office hours until").then_some(())
    });
    running.interrupt();
    running.wait().success().said("3 letters still queued");
    assert!(campaign.rehearsed().is_empty());
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_the_letter_in_flight_is_in_doubt() {
    let campaign = Campaign::to(["silent-after-dot@partij.example", "b@partij.example"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    running.interrupt();
    wait_until("the first answer", || running.said_so_far().contains("once more ends at once").then_some(()));
    running.interrupt();
    running.wait().code(5).said("1 in doubt");
    assert_eq!(campaign.states()["K1"], "in_doubt");
    campaign.run(["send", "--yes"]).code(5);
    assert_eq!(post.went_to(), ["silent-after-dot@partij.example", "b@partij.example"]);
}

#[test]
fn the_page_too_ends_after_the_letters_in_flight_and_when_asked_twice_writes_the_doubt_down() {
    let campaign = Campaign::to(["silent-after-dot@partij.example", "b@partij.example"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    let page = campaign.spawn(["serve", "--listen", "127.0.0.1:0"]);
    wait_until("the page", || page.said_so_far().contains("?token=").then_some(()));
    let plan = campaign.run(["preview", "--digest"]).success().out.trim().to_owned();
    let (ledger, now) = (campaign.file("logs/ledger.db"), postduif::clock::Clock::system().now());
    Ledger::approve(&ledger, "appeal", &plan, "Ada", now).unwrap();
    Ledger::wish_start(&ledger, "appeal", &plan, 1, now).unwrap();
    wait_for_letters(&post, 1);
    page.terminate();
    wait_until("the first answer", || page.said_so_far().contains("once more ends at once").then_some(()));
    page.interrupt();
    page.wait().success().said("1 in doubt");
    assert_eq!(campaign.states()["K1"], "in_doubt");
    assert_eq!(campaign.states()["K2"], "queued");
}

#[test]
fn a_pause_in_another_window_stops_a_run_and_resume_lets_it_go_on() {
    let (campaign, post) = slowly();
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    campaign.run(["pause", "the minister resigned"]).success().said("postduif resume");
    let at_the_pause = post.went_to().len();
    // Nobody's relay is unreachable: a person wanted it so.
    running.wait().success().said("the minister resigned").said("`postduif resume`");
    assert!(post.went_to().len() <= at_the_pause + 1, "more than the letter in flight went after the pause");
    campaign.run(["status"]).success().said("paused, because the minister resigned");
    assert_eq!(campaign.status()["state"], "paused");
    let went = post.went_to().len();
    quickly(&campaign);
    campaign.run(["send", "--yes"]).code(2).said("the campaign is paused").said("the minister resigned");
    assert_eq!(post.went_to().len(), went);
    campaign.run(["resume"]).success();
    campaign.run(["send", "--yes"]).success();
    each_has_one(&campaign, &post);
}

#[test]
fn a_cancel_in_another_window_stops_a_run_for_good() {
    let (campaign, post) = slowly();
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    campaign.run(["cancel"]).code(2).said("--yes");
    campaign.run(["cancel", "--yes"]).success().said("will not be sent");
    let at_the_end = post.went_to().len();
    running.wait().success().said("cancelled");
    assert!(post.went_to().len() <= at_the_end + 1);
    let went = post.went_to().len();
    assert_eq!(campaign.status()["state"], "cancelled");
    assert_eq!(campaign.status()["counts"]["queued"], 0);
    quickly(&campaign);
    campaign.run(["send", "--yes"]).code(2).said("the campaign was cancelled");
    campaign.run(["resume"]).code(2);
    campaign.run(["cancel", "--yes"]).success().said("was cancelled already");
    assert_eq!(post.went_to().len(), went);
}

#[test]
fn a_suppression_in_another_window_counts_from_the_next_letter_on() {
    let (campaign, post) = slowly();
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    campaign.run(["suppress", "add", "partij10.example", "--reason", "called just now"]).success();
    campaign.run(["suppress", "add", "p9@partij9.example", "--reason", "called just now"]).success();
    running.interrupt();
    running.wait().success();
    quickly(&campaign);
    campaign.run(["send", "--yes"]).success();
    assert!(post.went_to().iter().all(|to| !to.starts_with("p9@") && !to.starts_with("p10@")));
    assert_eq!(post.went_to().len(), 8);
}

#[test]
fn a_suppression_between_plan_and_sending_counts() {
    let campaign = Campaign::new();
    let approved = campaign.run(["preview", "--digest"]).success().out;
    campaign.run(["suppress", "add", "twee.example", "--reason", "called just now"]).success();
    // It can only keep letters back, so the plan that was approved still stands.
    campaign.run(["send", "--yes", "--plan", approved.trim()]).success();
    assert_eq!(campaign.accepted(), ["EEN", "DRIE"]);
}

#[test]
fn the_second_process_is_told_who_holds_the_ledger() {
    let (campaign, post) = slowly();
    let running = campaign.spawn(["send", "--yes"]);
    wait_for_letters(&post, 1);
    campaign
        .run(["send", "--yes"])
        .code(4)
        .said(&format!("process {}", running.pid()))
        .said("postduif send")
        .said("nothing was changed");
    // Looking is allowed.
    campaign.run(["status"]).success();
    campaign.run(["why", "K1"]).success();
    campaign.run(["preview"]).success();
    campaign.run(["check"]).success();
    running.interrupt();
    running.wait().success();
    quickly(&campaign);
    campaign.run(["send", "--yes"]).success();
    each_has_one(&campaign, &post);
}

/// Field bug 4: two processes start in the same second; two copies each.
#[test]
fn bug_4_two_processes_in_the_same_second_send_one_copy_each() {
    let (campaign, post) = slowly();
    quickly(&campaign);
    let both = [campaign.spawn(["send", "--yes"]), campaign.spawn(["send", "--yes"])];
    let codes: Vec<_> = both.map(|running| running.wait().code).into();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 4))), "{codes:?}");
    each_has_one(&campaign, &post);
}

/// Field bug 3: an old copy of the database is restored and started; everybody is mailed a second time.
#[test]
fn bug_3_an_old_copy_of_the_ledger_is_not_sent_from() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    let old = std::fs::read(campaign.file("logs/ledger.db")).unwrap();
    campaign.run(["send", "--yes"]).success();
    for beside in ["logs/ledger.db-wal", "logs/ledger.db-shm"] {
        let _ = std::fs::remove_file(campaign.file(beside));
    }
    campaign.write("logs/ledger.db", old);
    campaign.run(["send", "--yes"]).code(4).said("older than logs/delivery.jsonl").said("nothing was sent");
    // The same where it was deleted.
    std::fs::remove_file(campaign.file("logs/ledger.db")).unwrap();
    campaign.run(["send", "--yes"]).code(4).said("older than logs/delivery.jsonl");
    assert_eq!(campaign.rehearsed().len(), 3);
    // Who knows better takes the log away.
    std::fs::remove_dir_all(campaign.file("logs")).unwrap();
    campaign.run(["send", "--yes"]).success();
}
