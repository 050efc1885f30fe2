//! Who is due for the next letter, and when; who is not, and why.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::PoisonError;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use super::texts::Lang;
use crate::delivery::enrollment::{Next, Reason};
use crate::ledger::record::{Mark, Wish};

/// So many of each kind are shown by name.
const SHOWN: usize = 200;

/// Who is due and who is not, reckoned over everybody once for all who look while nothing changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reckoned {
    of: Option<(i64, i64, i64, Lang)>,
    /// The next to come: when, key, address, step, and the day to which an absence puts it off.
    due: Vec<(Timestamp, String, String, u32, Option<Date>)>,
    all_due: u64,
    held: Vec<(String, String)>,
    groups: Vec<(&'static str, u64, Vec<String>)>,
}

impl Reckoned {
    fn anew(&mut self, look: &Look, lang: Lang, now: Timestamp) -> Result<(), Trouble> {
        let Some((reader, campaign)) = &look.ledger else { return Ok(()) };
        let minute = now.as_second() / 60;
        let of = Some((reader.newest_event()?, campaign.roster_pass, minute, lang));
        if self.of == of {
            return Ok(());
        }
        *self = Self::default();
        let mut groups: BTreeMap<&'static str, (u64, Vec<String>)> = BTreeMap::new();
        reader.each_onward(campaign.id, &look.desk.settings.sequence, now, |onward| {
            match onward.next {
                Next::Letter { step, due: at, put_off_by } => {
                    self.due.push((at, onward.key, onward.address.unwrap_or_default(), step, put_off_by));
                }
                Next::Nothing(Reason::OnHold) => {
                    self.held.push((onward.key, onward.hold.unwrap_or_default()))
                }
                Next::Nothing(reason) => {
                    let group = groups.entry(lang.reason(&reason)).or_default();
                    group.0 += 1;
                    if group.1.len() < SHOWN {
                        group.1.push(onward.key);
                    }
                }
            }
            true
        })?;
        self.due.sort();
        self.all_due = self.due.len() as u64;
        self.due.truncate(SHOWN);
        self.due.shrink_to_fit();
        self.groups = groups.into_iter().map(|(why, (count, keys))| (why, count, keys)).collect();
        // Only what was reckoned to its end is kept.
        self.of = of;
        self.groups.sort_by_key(|(_, count, _)| Reverse(*count));
        Ok(())
    }
}

struct Waiting {
    key: String,
    address: String,
    step: u32,
    at: String,
    put_off: Option<String>,
    past: bool,
}

struct Held {
    key: String,
    why: String,
}

/// Those who get nothing, for one reason.
struct Group {
    why: &'static str,
    count: String,
    keys: Vec<String>,
}

#[derive(Template)]
#[template(path = "follow_ups.html")]
struct FollowUps {
    p: Page,
    reads_mail: bool,
    steps: usize,
    waiting: Vec<Waiting>,
    more: u64,
    held: Vec<Held>,
    groups: Vec<Group>,
}

pub(super) async fn show(visit: Visit) -> Response {
    visit.read(|look| Ok(html(&follow_ups(look)?))).await
}

fn follow_ups(look: &Look) -> Result<FollowUps, Trouble> {
    let p = look.page(Room::FollowUps);
    let settings = &look.desk.settings;
    let now = settings.clock.now();
    let mut reckoned = look.desk.reckoned.lock().unwrap_or_else(PoisonError::into_inner);
    reckoned.anew(look, p.lang, now)?;
    let waiting = reckoned.due.iter().map(|(at, key, address, step, put_off_by)| Waiting {
        key: key.clone(),
        address: address.clone(),
        step: *step,
        at: p.moment(at),
        put_off: put_off_by.map(|day| p.lang.day(day)),
        past: *at <= now,
    });
    let groups = reckoned.groups.iter().map(|(why, count, keys)| Group {
        why,
        count: p.lang.number(*count),
        keys: keys.clone(),
    });
    let held = reckoned.held.iter().map(|(key, why)| Held { key: key.clone(), why: why.clone() });
    Ok(FollowUps {
        reads_mail: settings.reads_mail,
        steps: settings.sequence.rules.len(),
        waiting: waiting.collect(),
        more: reckoned.all_due - reckoned.due.len() as u64,
        held: held.collect(),
        groups: groups.collect(),
        p,
    })
}

/// Holds somebody's next letter, or lets it go again.
pub(super) async fn hold(visit: Visit, Path(key): Path<String>, sent: Sent) -> Response {
    let (mark, done) = match sent.get("word") {
        Some("hold") => (Mark::Hold, "held"),
        Some("release") => (Mark::Release, "released"),
        _ => return visit.trouble(Trouble::NotFound),
    };
    let campaign = visit.desk.settings.campaign.clone();
    let note = sent.get("note").map(str::to_owned);
    visit.wish(Wish::Mark { campaign, key, step: None, mark, note }, "/follow-ups".to_owned(), done).await
}
