//! Who is due for the next letter, and when; who is not, and why.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use crate::delivery::enrollment::{Next, Reason};
use crate::ledger::record::{Mark, Wish};

/// So many of each kind are shown by name.
const SHOWN: usize = 200;

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
    let (mut due, mut held) = (Vec::new(), Vec::new());
    let mut groups: BTreeMap<&'static str, (u64, Vec<String>)> = BTreeMap::new();
    if let Some((reader, campaign)) = &look.ledger {
        reader.each_onward(campaign.id, &settings.sequence, now, |onward| {
            match onward.next {
                Next::Letter { step, due: at, put_off_by } => {
                    due.push((at, onward.key, onward.address.unwrap_or_default(), step, put_off_by));
                }
                Next::Nothing(Reason::OnHold) => {
                    held.push(Held { key: onward.key, why: onward.hold.unwrap_or_default() });
                }
                Next::Nothing(reason) => {
                    let group = groups.entry(p.lang.reason(&reason)).or_default();
                    group.0 += 1;
                    if group.1.len() < SHOWN {
                        group.1.push(onward.key);
                    }
                }
            }
            true
        })?;
    }
    due.sort();
    let more = due.len().saturating_sub(SHOWN) as u64;
    let waiting = due.into_iter().take(SHOWN).map(|(at, key, address, step, put_off_by)| Waiting {
        key,
        address,
        step,
        at: p.moment(&at),
        put_off: put_off_by.map(|day| p.lang.day(day)),
        past: at <= now,
    });
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let groups =
        groups.into_iter().map(|(why, (count, keys))| Group { why, count: p.lang.number(count), keys });
    let groups = groups.collect();
    Ok(FollowUps { steps: settings.sequence.rules.len(), waiting: waiting.collect(), more, held, groups, p })
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
