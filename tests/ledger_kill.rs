//! The sender is killed, again and again, at many points, and started again; and two start at once.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ledger_support::*;
use postduif::delivery::state::State;
use postduif::ledger::{Ledger, LedgerError};

/// Names the ledger to the process that will be killed.
const VICTIM: &str = "POSTDUIF_TEST_LEDGER";
/// At this step the process waits to be killed.
const WAITS: &str = "POSTDUIF_TEST_WAITS";
const LETTERS: usize = 40;

/// Not a test of its own: a sender in a process of its own. The relay is a file, one line for each final dot.
#[test]
#[ignore = "the process that the other tests kill"]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a process that is steered by a test")]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM).map(PathBuf::from) else { return };
    let owner = format!("process {}", std::process::id());
    let waits = std::env::var(WAITS).unwrap_or_default();
    let step = |what: &str, key: &str| {
        println!("@{what} {key}");
        std::io::stdout().flush().unwrap();
        while format!("{what} {key}").trim() == waits {
            std::thread::park();
        }
    };
    let ledger = match Ledger::open(&path, &owner, None) {
        Ok(ledger) => ledger,
        Err(LedgerError::Held { holder, .. }) => return step("held", &holder),
        Err(error) => panic!("{error}"),
    };
    step("opened", "");
    ledger.rescue(&owner, true, at(1)).wait().unwrap();
    let campaign = launch(&ledger, "appeal");
    step("launched", "");
    let pass = ledger.begin_roster(campaign.id).wait().unwrap();
    for some in people(LETTERS).chunks(15) {
        ledger.enroll(&pass, 1, some.to_vec(), &no_deadlines(), at(1)).wait().unwrap();
        step("enrolled", "");
    }
    ledger.end_roster(pass, at(1)).wait().unwrap();
    loop {
        let claims = claim(&ledger, &campaign, &owner, 4).claims;
        if claims.is_empty() {
            break;
        }
        step("claimed", "");
        for held in claims {
            let key = &held.recipient.key;
            ledger.note_end_of_data(&held.ticket, mark(), at(2)).wait().unwrap();
            step("noted", key);
            let mut relay = OpenOptions::new().create(true).append(true).open(relay(&path)).unwrap();
            // In one go: a kill between a key and its line end would spoil the next line.
            relay.write_all(format!("{key}\n").as_bytes()).unwrap();
            step("dot", key);
            end(&ledger, &held.ticket, accepted(), State::Accepted, at(3)).unwrap();
            step("accepted", key);
        }
    }
    ledger.finish_if_done(campaign.id, None, at(4)).wait().unwrap();
    drop(ledger);
    step("done", "");
}

fn relay(ledger: &Path) -> PathBuf {
    ledger.with_extension("relay")
}

/// Starts a sender, and kills it once `fatal` says so of one of its steps. Returns whether it came to its end.
fn run(ledger: &Path, fatal: impl FnMut(&str) -> bool) -> bool {
    run_until(ledger, "", fatal)
}

fn run_until(ledger: &Path, waits: &str, mut fatal: impl FnMut(&str) -> bool) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(VICTIM, ledger)
        .env(WAITS, waits)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let steps = BufReader::new(child.stdout.take().unwrap());
    let mut done = false;
    for line in steps.lines().map_while(Result::ok) {
        let Some((_, step)) = line.split_once('@') else { continue };
        done |= step.trim() == "done";
        if fatal(step.trim()) {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    done
}

/// How often the relay had each letter, and where each stands.
fn outcome(path: &Path) -> BTreeMap<String, (usize, State)> {
    let had = std::fs::read_to_string(relay(path)).unwrap_or_default();
    let reader = Ledger::read(path).unwrap().unwrap();
    let campaign = reader.campaign("appeal").unwrap().unwrap();
    let mut all = BTreeMap::new();
    reader
        .each_recipient(campaign.id, |row| {
            let key = row.recipient.key;
            let times = had.lines().filter(|line| *line == key).count();
            all.insert(key, (times, row.deliveries[0].state));
            true
        })
        .unwrap();
    all
}

fn kill_at_first(what: &'static str) -> (Home, BTreeMap<String, (usize, State)>) {
    let home = Home::new();
    assert!(!run_until(&home.path(), what, |step| step == what));
    assert!(run(&home.path(), |_| false));
    let outcome = outcome(&home.path());
    (home, outcome)
}

#[test]
fn killed_between_the_relays_250_and_the_write_of_sent_is_in_doubt_and_not_sent_again() {
    // Field bug 1.
    let (home, outcome) = kill_at_first("dot p3");
    assert_eq!(outcome["p3"], (1, State::InDoubt));
    assert!(outcome.iter().all(|(key, of)| key == "p3" || *of == (1, State::Accepted)), "{outcome:?}");
    drop(home);
}

#[test]
fn killed_after_a_batch_was_fetched_and_before_it_was_sent_everybody_of_it_still_gets_the_letter() {
    // Field bug 2.
    let (home, outcome) = kill_at_first("claimed");
    assert_eq!(outcome.len(), LETTERS);
    assert!(outcome.values().all(|of| *of == (1, State::Accepted)), "{outcome:?}");
    drop(home);
}

#[test]
fn killed_after_the_outcome_was_written_it_stays_written() {
    let (home, outcome) = kill_at_first("accepted p2");
    assert!(outcome.values().all(|of| *of == (1, State::Accepted)), "{outcome:?}");
    drop(home);
}

#[test]
fn killed_before_the_final_dot_and_after_it_was_noted_is_in_doubt() {
    let (home, outcome) = kill_at_first("noted p2");
    assert_eq!(outcome["p2"], (0, State::InDoubt), "for all the ledger knows, it may have gone");
    drop(home);
}

#[test]
fn killed_in_the_middle_of_the_roster_the_next_start_reads_all_of_it() {
    let (home, outcome) = kill_at_first("enrolled");
    assert_eq!(outcome.len(), LETTERS);
    assert!(outcome.values().all(|of| *of == (1, State::Accepted)), "{outcome:?}");
    drop(home);
}

#[test]
fn killed_at_many_points_nobody_gets_two_and_nobody_is_lost() {
    for stride in [3_usize, 7, 11, 29, 41] {
        let home = Home::new();
        let path = home.path();
        let mut kills = 0;
        loop {
            let mut left = stride + kills;
            let ended = run(&path, |_| {
                left -= 1;
                left == 0
            });
            if ended {
                break;
            }
            kills += 1;
        }
        let outcome = outcome(&path);
        assert_eq!(outcome.len(), LETTERS);
        assert!(kills > 0);
        for (key, (times, state)) in &outcome {
            match state {
                State::Accepted => assert_eq!(*times, 1, "{key}"),
                State::InDoubt => assert!(*times <= 1, "{key}"),
                other => panic!("{key} is {other} at the end"),
            }
        }
        let doubts = outcome.values().filter(|of| of.1 == State::InDoubt).count();
        assert!(doubts <= kills, "{doubts} in doubt after {kills} kills");
        let reader = Ledger::read(&path).unwrap().unwrap();
        let campaign = reader.campaign("appeal").unwrap().unwrap();
        for key in outcome.iter().filter(|(_, of)| of.1 == State::InDoubt).map(|(key, _)| key) {
            let story = reader.story(campaign.id, key).unwrap().unwrap();
            assert!(story.recipient.deliveries[0].mark.is_some(), "a doubt without end-of-data: {key}");
        }
    }
}

#[test]
fn two_processes_start_in_the_same_second_and_one_is_told_who_holds_the_ledger() {
    // Field bug 4.
    let home = Home::new();
    let path = home.path();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run(&path, |_| false));
        }
    });
    while !run(&path, |_| false) {}
    let outcome = outcome(&path);
    assert_eq!(outcome.len(), LETTERS);
    assert!(outcome.values().all(|of| *of == (1, State::Accepted)), "{outcome:?}");

    let ledger = Ledger::open(&path, "process 7, `postduif send`, since 09:00", None).unwrap();
    let mut told = String::new();
    run(&path, |step| {
        told = step.to_owned();
        false
    });
    assert_eq!(told, "held process 7, `postduif send`, since 09:00");
    drop(ledger);
}

#[test]
fn a_run_of_any_length_keeps_a_second_runner_out_and_a_killed_one_does_not() {
    // Field bug 5: the lock has no time-out, and no file that a kill leaves behind counts for anything.
    let home = Home::new();
    let ledger = home.open();
    let no = Ledger::open(&home.path(), "second", None).unwrap_err();
    assert!(no.to_string().contains("is in use by process 1, `postduif send`"), "{no}");
    drop(ledger);
    run(&home.path(), |step| step.starts_with("claimed"));
    home.open();
}
