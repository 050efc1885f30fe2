//! Who is due: the sequence looked at for everybody at once.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::enrollment::{Next, Sequence};
use crate::ledger::record::{CampaignId, Onward};
use crate::ledger::{LedgerError, Reader};

/// A letter that should have gone so long ago asks a person first: the machine was off, or an old ledger was put back.
pub const OVERDUE: Duration = Duration::from_secs(2 * 86_400);

/// A letter of a later step, and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// For whom.
    pub key: String,
    /// Which letter.
    pub step: u32,
    /// Since when.
    pub at: Timestamp,
}

/// How late a letter may go without a person being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// What was due on or after this may go: somebody has been at work since.
    pub since: Timestamp,
    /// So may what was due until then: a person said so.
    pub approved_until: Option<Timestamp>,
}

impl Leave {
    /// For who begins to work at `now`, unasked.
    pub fn from(now: Timestamp) -> Self {
        Self { since: now.saturating_sub(OVERDUE).unwrap_or(Timestamp::MIN), approved_until: None }
    }

    /// Whatever is due at `now` may go.
    pub fn approved(now: Timestamp) -> Self {
        Self { approved_until: Some(now), ..Self::from(now) }
    }

    /// Returns the instant before which letters that are queued already wait for a person.
    pub fn queued_since(self) -> Option<Timestamp> {
        // What was approved before the last long sleep waits again: it is a second long pause.
        self.approved_until.is_none_or(|until| until < self.since).then_some(self.since)
    }

    fn lets(self, at: Timestamp) -> bool {
        self.since <= at || self.approved_until.is_some_and(|until| at <= until)
    }
}

/// What is due, and when the next letter is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// What may go now, those due first in front.
    pub due: Vec<Due>,
    /// What should have gone long ago: a person is asked.
    pub overdue: Vec<Due>,
    /// When something is due next.
    pub next: Option<Timestamp>,
}

impl Schedule {
    /// Looks at everybody.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be read.
    pub fn of(
        reader: &Reader,
        campaign: CampaignId,
        sequence: &Sequence,
        leave: Leave,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let mut schedule = Self::default();
        reader.each_onward(campaign, sequence, |onward| {
            schedule.add(onward, leave, now);
            true
        })?;
        schedule.due.sort_by_key(|due| due.at);
        Ok(schedule)
    }

    fn add(&mut self, onward: Onward, leave: Leave, now: Timestamp) {
        let Next::Letter { step, due: at, .. } = onward.next else { return };
        if at > now {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
            return;
        }
        let due = Due { key: onward.key, step, at };
        if leave.lets(at) { self.due.push(due) } else { self.overdue.push(due) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn onward(key: &str, due: i64) -> Onward {
        let due = Timestamp::from_second(due).unwrap();
        let next = Next::Letter { step: 2, due, put_off_by: None };
        Onward { key: key.to_owned(), address: None, next, hold: None }
    }

    #[test]
    fn what_should_have_gone_days_ago_asks_first_unless_a_person_has_approved_it() {
        let now = Timestamp::from_second(10_000_000).unwrap();
        let two_days = 2 * 86_400;
        let look = |leave| {
            let mut schedule = Schedule::default();
            for (key, at) in
                [("fresh", 10_000_000 - two_days), ("old", 10_000_000 - two_days - 1), ("next", 10_000_001)]
            {
                schedule.add(onward(key, at), leave, now);
            }
            let keys = |due: &[Due]| due.iter().map(|due| due.key.clone()).collect::<Vec<_>>();
            (keys(&schedule.due), keys(&schedule.overdue), schedule.next.map(|at| at.as_second()))
        };
        let (due, overdue, next) = look(Leave::from(now));
        assert_eq!(
            (due, overdue, next),
            (vec!["fresh".to_owned()], vec!["old".to_owned()], Some(10_000_001))
        );
        let (due, overdue, _) = look(Leave::approved(now));
        assert_eq!((due.len(), overdue.len()), (2, 0));
    }
}
