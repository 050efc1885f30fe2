//! Wishes: what a person asks of a ledger that another process may be sending from.
//!
//! A wish takes no lock. It is one small transaction of its own; the sender looks at the campaign's state and at
//! the suppression list in the same transaction as every claim and every "end-of-data follows", so a wish that was
//! granted holds from the next letter on.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Transaction, TransactionBehavior};

use super::LedgerError;
use super::record::{Granted, Wish};
use super::schema::{open_for_writing, sentence, unavailable};
use super::writer::{Done, Fault, Writing};

/// Grants a wish in a transaction of its own.
pub(super) fn grant(path: &Path, wish: &Wish, now: Timestamp) -> Result<Granted, LedgerError> {
    // Only the suppression list makes sense before the first letter.
    let may_make = matches!(wish, Wish::Suppress { .. });
    if !may_make && !path.exists() {
        return Err(LedgerError::Refused {
            why: format!("there is no ledger at {} yet: nothing was sent", path.display()),
        });
    }
    beside(path, |writing| writing.wish(wish, now))
}

/// Does work in a transaction of its own, whether or not another process is sending.
pub(super) fn beside<T>(
    path: &Path,
    work: impl FnOnce(&mut Writing<'_>) -> Done<T>,
) -> Result<T, LedgerError> {
    let failed = |error: rusqlite::Error| unavailable(path, sentence(&error));
    let conn = open_for_writing(path)?;
    let turn = Transaction::new_unchecked(&conn, TransactionBehavior::Immediate).map_err(failed)?;
    let mut writing = Writing::new(&turn);
    let done = match work(&mut writing) {
        Ok(done) => done,
        Err(Fault::No(error)) => return Err(error),
        Err(Fault::Sql(error)) => return Err(failed(error)),
    };
    drop(writing);
    turn.commit().map_err(failed)?;
    Ok(done)
}

impl Writing<'_> {
    pub(super) fn wish(&mut self, wish: &Wish, now: Timestamp) -> Done<Granted> {
        let id = match wish.campaign() {
            Some(name) => match self.campaign_named(name)? {
                Some(campaign) => Some(campaign.id),
                None => {
                    let why = format!("the ledger has no campaign `{name}`: nothing was sent of it");
                    return Err(LedgerError::Refused { why }.into());
                }
            },
            None => None,
        };
        let mut granted = Granted { changed: true, ..Granted::default() };
        match (wish, id) {
            (Wish::Pause { why, until, .. }, Some(id)) => self.pause(id, why, *until, now)?,
            (Wish::Resume { .. }, Some(id)) => self.resume(id, now, None)?,
            (Wish::Cancel { why, .. }, Some(id)) => granted.ended = self.cancel(id, why, now)?,
            (Wish::Settle { key, step, settlement, note, .. }, Some(id)) => {
                self.settle(id, key, *step, *settlement, note, now)?;
            }
            (Wish::Mark { key, step, mark, note, .. }, Some(id)) => {
                self.mark(id, key, *step, *mark, note.as_deref(), now)?;
            }
            (Wish::Judge { inbound, judgement, .. }, Some(_)) => self.judge(*inbound, judgement, now)?,
            (Wish::Suppress { what, reason }, _) => granted.changed = self.suppress(what, reason, now)?,
            (Wish::Unsuppress { what }, _) => granted.changed = self.unsuppress(what, now)?,
            (
                Wish::Pause { .. }
                | Wish::Resume { .. }
                | Wish::Cancel { .. }
                | Wish::Settle { .. }
                | Wish::Mark { .. }
                | Wish::Judge { .. },
                None,
            ) => {}
        }
        Ok(granted)
    }
}
