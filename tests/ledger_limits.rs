//! Whatever two workers do, in whatever order: never two claims at once, N means N, and only lawful moves.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::collections::BTreeMap;

use ledger_support::*;
use postduif::delivery::pace::Pace;
use postduif::delivery::state::{State, TABLE};
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};
use proptest::prelude::*;

#[test]
fn a_window_of_n_lets_no_more_than_n_through() {
    // Field bug 6: the letter that leaves the window makes room at the very end of it, and not before.
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(10));
    let mut wanted = request(&campaign, "w", 10);
    wanted.pace = Pace { limits: vec![limit(3, 60)], ..Pace::default() };
    let mut sent = Vec::new();
    for second in 0..200 {
        wanted.now = at(second);
        for held in ledger.claim(wanted.clone()).wait().unwrap().claims {
            send(&ledger, &held, at(second));
            sent.push(second);
        }
    }
    assert_eq!(sent, [0, 0, 0, 60, 60, 60, 120, 120, 120, 180]);
}

#[test]
fn five_workers_share_one_limit() {
    // Field bug 7.
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(40));
    let claimed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..5)
            .map(|n| {
                let (ledger, campaign) = (ledger.clone(), campaign.clone());
                scope.spawn(move || {
                    let mut wanted = request(&campaign, &format!("w{n}"), 3);
                    wanted.pace = Pace { limits: vec![limit(11, 60)], ..Pace::default() };
                    let mut sent = 0;
                    for _ in 0..10 {
                        for held in ledger.claim(wanted.clone()).wait().unwrap().claims {
                            send(&ledger, &held, at(0));
                            sent += 1;
                        }
                    }
                    sent
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(claimed, 11);
}

#[derive(Clone, Debug)]
enum Deed {
    Claim { worker: usize, most: u32 },
    Note { worker: usize, nth: usize },
    End { worker: usize, nth: usize, how: usize },
    GiveBack { worker: usize, nth: usize },
    Rescue { worker: usize },
    Settle { nth: usize, again: bool },
    Suppress { nth: usize },
    Restart,
    Wait { seconds: i64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    let worker = 0..2_usize;
    prop_oneof![
        4 => (worker.clone(), 1..4_u32).prop_map(|(worker, most)| Deed::Claim { worker, most }),
        4 => (worker.clone(), 0..4_usize).prop_map(|(worker, nth)| Deed::Note { worker, nth }),
        6 => (worker.clone(), 0..4_usize, 0..5_usize).prop_map(|(worker, nth, how)| Deed::End { worker, nth, how }),
        1 => (worker.clone(), 0..4_usize).prop_map(|(worker, nth)| Deed::GiveBack { worker, nth }),
        1 => worker.prop_map(|worker| Deed::Rescue { worker }),
        1 => (0..12_usize, any::<bool>()).prop_map(|(nth, again)| Deed::Settle { nth, again }),
        1 => (0..12_usize).prop_map(|nth| Deed::Suppress { nth }),
        1 => Just(Deed::Restart),
        4 => (1..30_i64).prop_map(|seconds| Deed::Wait { seconds }),
    ]
}

const WINDOW: i64 = 60;
const LETTERS: u32 = 3;

fn states(ledger: &Ledger, campaign: &Campaign) -> BTreeMap<i64, (State, Option<jiff::Timestamp>)> {
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let mut all = BTreeMap::new();
    reader
        .each_recipient(campaign.id, |row| {
            let delivery = &row.deliveries[0];
            all.insert(delivery.id, (delivery.state, delivery.ended_at));
            true
        })
        .unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_two_workers_do_the_promises_hold(deeds in prop::collection::vec(deed(), 1..60)) {
        let home = Home::new();
        let mut ledger = home.open();
        let campaign = launch(&ledger, "appeal");
        roster(&ledger, &campaign, &people(12));
        let pace = Pace { limits: vec![limit(LETTERS, WINDOW as u64)], ..Pace::default() };
        let mut clock = 0;
        let mut held: [Vec<Claim>; 2] = Default::default();
        // What is truly held, by the delivery's number: the fence of its last claim.
        let mut true_holder: BTreeMap<i64, i64> = BTreeMap::new();
        let mut noted: BTreeMap<i64, i64> = BTreeMap::new();
        let mut before = states(&ledger, &campaign);
        for deed in deeds {
            let pick = |held: &[Vec<Claim>; 2], worker: usize, nth: usize| {
                held[worker].get(nth % held[worker].len().max(1)).cloned()
            };
            match deed {
                Deed::Claim { worker, most } => {
                    let mut wanted = request(&campaign, &format!("w{worker}"), most);
                    (wanted.pace, wanted.now) = (pace.clone(), at(clock));
                    for claim in ledger.claim(wanted).wait().unwrap().claims {
                        let twice = true_holder.insert(claim.ticket.delivery, claim.ticket.fence);
                        prop_assert_eq!(twice, None, "claimed while it was held");
                        held[worker].push(claim);
                    }
                }
                Deed::Note { worker, nth } => if let Some(claim) = pick(&held, worker, nth) {
                    let (id, fence) = (claim.ticket.delivery, claim.ticket.fence);
                    match ledger.note_end_of_data(&claim.ticket, mark(), at(clock)).wait() {
                        Ok(()) => {
                            prop_assert_eq!(true_holder.get(&id), Some(&fence));
                            noted.insert(id, fence);
                        }
                        Err(LedgerError::NotOurs { .. }) => {
                            prop_assert_ne!(true_holder.get(&id), Some(&fence));
                        }
                        Err(LedgerError::Stopped { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                },
                Deed::End { worker, nth, how } => if let Some(claim) = pick(&held, worker, nth) {
                    let (ending, state) = [
                        (accepted(), State::Accepted),
                        (deferred(), State::Queued),
                        (refused(), State::Refused),
                        (silence(), State::InDoubt),
                        (deferred(), State::Expired),
                    ][how].clone();
                    let (id, fence) = (claim.ticket.delivery, claim.ticket.fence);
                    let ours = true_holder.get(&id) == Some(&fence);
                    let ended = end(&ledger, &claim.ticket, ending, state, at(clock));
                    prop_assert_eq!(ended.is_ok(), ours);
                    if ours {
                        true_holder.remove(&id);
                        // Every second late worker keeps its old ticket and tries again.
                        if clock % 2 == 0 {
                            held[worker].retain(|other| other.ticket != claim.ticket);
                        }
                    }
                },
                Deed::GiveBack { worker, nth } => if let Some(claim) = pick(&held, worker, nth) {
                    let (id, fence) = (claim.ticket.delivery, claim.ticket.fence);
                    ledger.give_back(vec![claim.ticket], at(clock)).wait().unwrap();
                    if true_holder.get(&id) == Some(&fence) && noted.get(&id) != Some(&fence) {
                        true_holder.remove(&id);
                    }
                },
                Deed::Rescue { worker } => {
                    let owner = format!("w{worker}");
                    let rescued = ledger.rescue(&owner, true, at(clock)).wait().unwrap();
                    let lost: Vec<(i64, i64)> = held[1 - worker]
                        .iter()
                        .map(|claim| (claim.ticket.delivery, claim.ticket.fence))
                        .filter(|(id, fence)| true_holder.get(id) == Some(fence))
                        .collect();
                    let doubts = lost.iter().filter(|(id, fence)| noted.get(id) == Some(fence)).count();
                    prop_assert_eq!(rescued.in_doubt, doubts as u64);
                    prop_assert_eq!(rescued.requeued, (lost.len() - doubts) as u64);
                    lost.iter().for_each(|(id, _)| { true_holder.remove(id); });
                }
                Deed::Settle { nth, again } => {
                    let settlement = if again { Settlement::Again } else { Settlement::Accepted };
                    let key = format!("p{}", nth + 1);
                    let _ = ledger.settle(campaign.id, &key, 1, settlement, "so I say", at(clock)).wait();
                }
                Deed::Suppress { nth } => {
                    let what = format!("p{}@party{}.example", nth + 1, nth + 1);
                    let wish = Wish::Suppress { what, reason: "asked".to_owned() };
                    Ledger::wish(&home.path(), &wish, at(clock)).unwrap();
                }
                Deed::Restart => {
                    drop(ledger);
                    ledger = home.open();
                }
                Deed::Wait { seconds } => clock += seconds,
            }
            let after = states(&ledger, &campaign);
            for (id, (state, _)) in &after {
                let was = before[id].0;
                let lawful = was == *state || TABLE.iter().any(|(from, _, to)| (*from, *to) == (was, *state));
                prop_assert!(lawful, "{} to {}", was, state);
                prop_assert_eq!(*state == State::InFlight, true_holder.contains_key(id));
            }
            let ends: Vec<i64> =
                after.values().filter_map(|(_, ended)| *ended).map(|at| at.as_second()).collect();
            for begin in &ends {
                let within = ends.iter().filter(|end| (*begin..begin + WINDOW).contains(end)).count();
                prop_assert!(within <= LETTERS as usize, "{} within a window of {}", within, LETTERS);
            }
            before = after;
        }
    }
}
