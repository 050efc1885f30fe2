//! Who keeps numbers in step with a ledger.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "shared by test files; a test may fail")]

use std::collections::BTreeMap;

use postduif::ledger::{Follow, Ledger, Line, News, Sums};

/// Keeps numbers in step by the history alone, as the page does; and looks whether they are right.
#[derive(Default)]
pub struct Follower {
    lines: BTreeMap<i64, Line>,
    sums: Sums,
    follow: Follow,
}

impl Follower {
    /// Reads those again to whom something happened since, and compares with what is counted over all.
    pub fn follow(&mut self, ledger: &Ledger, name: &str) {
        let reader = Ledger::read(ledger.path()).unwrap().unwrap();
        let campaign = reader.campaign(name).unwrap().unwrap();
        let (lines, sums) = (&mut self.lines, &mut self.sums);
        let told = reader.follow(&campaign, &mut self.follow, |news| match news {
            News::Anew => (*lines, *sums) = Default::default(),
            News::Lines(told) => {
                for line in told {
                    sums.change(&line, true);
                    if let Some(before) = lines.insert(line.number, line) {
                        sums.change(&before, false);
                    }
                }
            }
        });
        told.unwrap();
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
