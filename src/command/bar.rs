//! The progress of a run on a terminal: done, rate, time left, by state; elsewhere a line now and then.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::delivery::patience::Obstacle;
use crate::engine::progress::{Progress, Tally, Waits};
use crate::report::{Report, grouped};

/// A wait as long as this is told also where there is no terminal.
const LONG: SignedDuration = SignedDuration::from_mins(2);

/// Draws the progress until it is dropped or aborted.
pub async fn watch(progress: Arc<Progress>, letters: u64, report: Report, clock: Clock, zone: TimeZone) {
    let bar = if report.quiet || !report.interactive {
        ProgressBar::hidden()
    } else {
        ProgressBar::with_draw_target(Some(letters), ProgressDrawTarget::stderr())
    };
    let template = "{bar:30} {pos}/{len}  {per_sec:.1}  {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(&template.replace("{per_sec:.1}", "{per_sec}")) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    let (mut told, mut told_until) = (0, None);
    loop {
        let tally = progress.tally();
        bar.set_position(tally.ended().min(letters));
        bar.set_message(message(&tally, progress.waits(), clock.now(), &zone));
        // Without a terminal: a line for every tenth of the way, at most ten in all.
        let tenth = (tally.ended() * 10).checked_div(letters).unwrap_or(0);
        if !report.interactive && tenth > told && tenth < 10 {
            told = tenth;
            report.say(&format!("{} of {} letters", grouped(tally.ended()), grouped(letters)));
        }
        let waits = progress.waits().filter(|waits| waits.until.duration_since(clock.now()) > LONG);
        if let Some(waits) = waits.filter(|waits| !report.interactive && told_until != Some(waits.until)) {
            told_until = Some(waits.until);
            report.say(&waiting(waits, clock.now(), &zone));
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
}

/// Says what has happened so far besides the bar, and what the run waits for.
fn message(tally: &Tally, waits: Option<Waits>, now: Timestamp, zone: &TimeZone) -> String {
    let mut parts = Vec::new();
    for (number, word) in [
        (tally.accepted, "accepted"),
        (tally.deferred, "deferred"),
        (tally.refused, "refused"),
        (tally.expired, "expired"),
        (tally.in_doubt, "in doubt"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    if let Some(waits) = waits {
        parts.push(waiting(waits, now, zone));
    }
    parts.join(", ")
}

/// Says what a run waits for: `waits for the pace until 10:05`.
pub fn waiting(waits: Waits, now: Timestamp, zone: &TimeZone) -> String {
    let what = match waits.obstacle {
        Obstacle::Pace => "the pace",
        Obstacle::Retry => "the next try",
        Obstacle::Window => "office hours",
        Obstacle::Mailbox => "the mailbox, which cannot be read,",
    };
    format!("waits for {what} until {}", when(waits.until, now, zone))
}

/// Tells an instant in the campaign's zone: the time alone for today, else with weekday and date.
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned_datetime(zone.clone()), now.to_zoned_datetime(zone.clone()));
    let form = if at.date() == now.date() {
        "%H:%M:%S"
    } else if at.year() == now.year() {
        "%a %-d %b %H:%M"
    } else {
        "%a %-d %b %Y %H:%M"
    };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_happened_and_what_it_waits_for() {
        let now: Timestamp = "2025-09-05T10:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let tally = Tally { accepted: 1200, in_doubt: 1, ..Tally::default() };
        let waits = |until: &str| Some(Waits { until: until.parse().unwrap(), obstacle: Obstacle::Window });
        assert_eq!(
            message(&tally, waits("2025-09-08T07:00:00Z"), now, &zone),
            "1,200 accepted, 1 in doubt, waits for office hours until Mon 8 Sep 09:00"
        );
        assert_eq!(
            message(&Tally::default(), waits("2025-09-05T11:00:00Z"), now, &zone),
            "waits for office hours until 13:00:00"
        );
    }
}
