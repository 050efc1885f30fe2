//! A person's word on a recipient who is reached by hand: the task is done, or open after all.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::campaigns::{CANCELLED, refused};
use super::inbound::by_word;
use super::record::{CampaignId, Mark};
use super::writer::{Done, Writing};
use crate::delivery::state::{Event, State};

impl Writing<'_> {
    /// Takes the word down. Without a step, the first that it makes sense of is meant.
    pub(super) fn mark(
        &mut self,
        campaign: CampaignId,
        key: &str,
        step: Option<u32>,
        mark: Mark,
        note: Option<&str>,
        now: Timestamp,
    ) -> Done<()> {
        let (from, event, what) = match mark {
            Mark::Done => (State::Task, Event::DoneByHand, "done"),
            // An answer that is taken back, or a task that is not done after all.
            Mark::Open if self.take_back(campaign, key, note, now)? > 0 => return Ok(()),
            Mark::Open => (State::Done, Event::NotDone, "open"),
            Mark::Came(verdict) => return self.told(campaign, key, by_word(verdict, key), note, now),
            Mark::Note => return self.remark(campaign, key, note.unwrap_or_default(), now),
            Mark::Hold => return self.hold(campaign, key, Some(note.unwrap_or("held back by hand")), now),
            Mark::Release => return self.hold(campaign, key, None, now),
        };
        let id = match self.meant(campaign, key, step, from)? {
            Some(id) => id,
            None => return refused(no_such(key, step)),
        };
        let delivery = self.delivery(id)?;
        if delivery.state != from {
            return refused(match (delivery.state, mark) {
                (State::Done, Mark::Done) => format!("the task `{key}` is done already"),
                (State::Task, Mark::Open) => format!("the task `{key}` is open already"),
                (State::Cancelled, _) => {
                    format!("what was planned for `{key}` was cancelled, and that stays so")
                }
                (state, _) => {
                    let state = state.name().replace('-', " ");
                    format!("`{key}` is no task: its letter goes by mail ({state})")
                }
            });
        }
        if mark == Mark::Open && delivery.campaign_state == CANCELLED {
            return refused(format!(
                "campaign {} is cancelled: the task `{key}` cannot be opened again",
                delivery.campaign_name
            ));
        }
        let moved = self.lawful(&delivery, &event, now)?;
        let seq = self.happened(delivery.about(), delivery.event(now, what, note.map(str::to_owned)))?;
        self.conn
            .prepare_cached("UPDATE delivery SET state = ?2, last_event = ?3 WHERE id = ?1")?
            .execute(params![id, moved.to.code(), seq])?;
        match mark {
            Mark::Done => self.finish_if_done(campaign, None, now).map(|_| ()),
            Mark::Open | Mark::Came(_) | Mark::Note | Mark::Hold | Mark::Release => {
                self.reopen(campaign, "a task is open again", now)
            }
        }
    }

    /// Finds the delivery that a person means: of that step, or the first in `state`, or else the last.
    fn meant(&self, campaign: CampaignId, key: &str, step: Option<u32>, state: State) -> Done<Option<i64>> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT d.id FROM recipient r JOIN delivery d ON d.recipient = r.id
                 WHERE r.campaign = ?1 AND r.key = ?2 AND (?3 IS NULL OR d.step = ?3)
                 ORDER BY d.state <> ?4, CASE WHEN d.state = ?4 THEN d.step ELSE -d.step END, d.generation DESC
                 LIMIT 1",
            )?
            .query_row(params![campaign.0, key, step, state.code()], |row| row.get(0))
            .optional()?;
        Ok(found)
    }

    /// Withdraws the tasks of these keys that are open, each with its reason; returns how many.
    pub(super) fn withdraw_tasks(
        &mut self,
        campaign: CampaignId,
        tasks: &[(String, String)],
        now: Timestamp,
    ) -> Done<u64> {
        let mut withdrawn = 0;
        for (key, why) in tasks {
            let open: Vec<i64> = self
                .conn
                .prepare_cached(
                    "SELECT d.id FROM recipient r JOIN delivery d ON d.recipient = r.id AND d.state = ?3
                     WHERE r.campaign = ?1 AND r.key = ?2",
                )?
                .query_map(params![campaign.0, key, State::Task.code()], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for id in open {
                self.withdraw(id, why, now)?;
                withdrawn += 1;
            }
        }
        Ok(withdrawn)
    }
}

fn no_such(key: &str, step: Option<u32>) -> String {
    match step {
        Some(step) => format!("the campaign has no step {step} for `{key}`"),
        None => format!("the campaign has no recipient `{key}`"),
    }
}
