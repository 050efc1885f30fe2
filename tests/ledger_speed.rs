//! How fast the ledger is: run by hand, `cargo test --release --test ledger_speed -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_support::*;
use postduif::delivery::state::State;
use postduif::ledger::record::*;

/// CPU seconds of this process so far (Linux).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    ticks.iter().sum::<f64>() / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn whole_cycles() {
    for rows in [10_000_usize, 1_000_000] {
        for workers in [1_usize, 16] {
            measure(rows, workers).await;
        }
    }
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement")]
async fn measure(rows: usize, workers: usize) {
    let home = Home::new();
    let ledger = home.open();
    let campaign = ledger.launch(new_campaign("appeal"), at(0)).await.unwrap();
    let (began, spent) = (std::time::Instant::now(), cpu());
    let pass = ledger.begin_roster(campaign.id).await.unwrap();
    let mut next = 0;
    while next < rows {
        let some: Vec<_> = (next..rows.min(next + 2000))
            .map(|n| person(&format!("k{n:07}"), &format!("p{n:07}@party{}.example", n % 997)))
            .collect();
        next += some.len();
        ledger.enroll(&pass, 1, some, &no_deadlines(), at(0)).await.unwrap();
    }
    ledger.end_roster(pass, at(0)).await.unwrap();
    let enrolled = (began.elapsed().as_secs_f64(), cpu() - spent);

    let letters = rows.min(if workers == 1 { 5_000 } else { 60_000 });
    let done = Arc::new(AtomicU64::new(0));
    let (began, spent) = (std::time::Instant::now(), cpu());
    let (queue, held) = tokio::sync::mpsc::channel::<Claim>(workers * 2);
    let held = Arc::new(tokio::sync::Mutex::new(held));
    let mut tasks = Vec::new();
    for _ in 0..workers {
        let (ledger, held, done) = (ledger.clone(), Arc::clone(&held), Arc::clone(&done));
        tasks.push(tokio::spawn(async move {
            loop {
                let Some(claim) = held.lock().await.recv().await else { break };
                ledger.note_end_of_data(&claim.ticket, mark(), at(1)).await.unwrap();
                let end = AttemptEnd {
                    ending: accepted(),
                    because: "accepted".to_owned(),
                    began: at(1),
                    wire_id: None,
                };
                ledger.end_attempt(&claim.ticket, end, to(State::Accepted), at(1)).await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let mut claimed = 0;
    while claimed < letters {
        let claims = ledger.claim(request(&campaign, "w", 64)).await.unwrap().claims;
        claimed += claims.len();
        for claim in claims {
            queue.send(claim).await.unwrap();
        }
    }
    drop(queue);
    for task in tasks {
        task.await.unwrap();
    }
    let count = done.load(Ordering::Relaxed) as f64;
    let (time, work) = (began.elapsed().as_secs_f64(), cpu() - spent);
    println!(
        "{rows:>8} rows {workers:>2} workers: enroll {:.1} us ({:.1} us CPU) a row; {:.0} cycles/s, {:.1} us CPU a letter; {} MB file",
        enrolled.0 * 1e6 / rows as f64,
        enrolled.1 * 1e6 / rows as f64,
        count / time,
        work * 1e6 / count,
        std::fs::metadata(home.path()).map_or(0, |about| about.len() / 1_000_000)
    );
}
