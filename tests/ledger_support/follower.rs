//! Who keeps numbers in step with a ledger.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "shared by test files; a test may fail")]

use std::collections::BTreeMap;

use postduif::ledger::{Ledger, Line, Sums};

/// Keeps numbers in step by the history alone, as the page does; and looks whether they are right.
#[derive(Default)]
pub struct Follower {
    lines: BTreeMap<i64, Line>,
    sums: Sums,
    seq: i64,
    pass: i64,
}

impl Follower {
    /// Reads those again to whom something happened since, and compares with what is counted over all.
    pub fn follow(&mut self, ledger: &Ledger, name: &str) {
        let reader = Ledger::read(ledger.path()).unwrap().unwrap();
        let campaign = reader.campaign(name).unwrap().unwrap();
        let touched = reader.touched_after(campaign.id, self.seq).unwrap();
        if self.pass != campaign.roster_pass || touched.campaign && touched.events.contains("cancelled") {
            *self = Self { pass: campaign.roster_pass, ..Self::default() };
        }
        let last = self.lines.keys().next_back().copied().unwrap_or(0);
        let again = touched.recipients.iter().copied().filter(|number| self.lines.contains_key(number));
        let again = reader.lines_of(again).unwrap();
        for line in again.into_iter().chain(reader.lines_after(campaign.id, last, 1000).unwrap()) {
            self.sums.change(&line, true);
            if let Some(before) = self.lines.insert(line.number, line) {
                self.sums.change(&before, false);
            }
        }
        self.seq = touched.seq;
        // That a letter was taken in hand is no event.
        let mut counted = reader.counts(campaign.id).unwrap();
        let mut known = self.sums.counts;
        assert_eq!(reader.in_flight(campaign.id).unwrap(), counted.in_flight);
        counted.queued += std::mem::take(&mut counted.in_flight);
        known.queued += std::mem::take(&mut known.in_flight);
        assert_eq!(known, counted);
        let ended: u64 = self.sums.hours().map(|(_, count)| count).sum();
        let all =
            self.lines.values().flat_map(|line| &line.letters).filter(|letter| letter.ended_at.is_some());
        assert_eq!(ended, all.count() as u64);
    }
}
