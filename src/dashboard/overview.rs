//! The first room: where the campaign stands, and what needs a person now.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::register::Register;
use super::view::{DayCount, extent, percent, without_holes};
use crate::delivery::inbound::Kind;
use crate::delivery::standing::Standing;

/// How many days the time line shows.
const DAYS: usize = 42;
/// The width of the drawings, in their own units.
const WIDE: u64 = 640;
/// The height of the time line.
const HIGH: u64 = 120;

/// Something that waits for a person: in words, and where it is done.
struct Need {
    words: String,
    place: &'static str,
}

/// A bar of the funnel.
struct Bar {
    word: &'static str,
    count: String,
    percent: u64,
    wide: u64,
    place: &'static str,
}

/// How many stand in one way.
struct Stand {
    word: &'static str,
    name: &'static str,
    count: String,
    percent: u64,
}

/// A day of the time line, with the heights of its three parts, and where each begins.
struct Day {
    word: String,
    count: DayCount,
    x: u64,
    wide: u64,
    parts: [(u64, u64); 3],
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    p: Page,
    needs: Vec<Need>,
    funnel: Vec<Bar>,
    standings: Vec<Stand>,
    days: Vec<Day>,
}

pub(super) async fn show(visit: Visit) -> Response {
    visit.read(|look| Ok(html(&overview(look)?))).await
}

fn overview(look: &Look) -> Result<Overview, Trouble> {
    let p = look.page(Room::Overview);
    let (t, lang) = (p.t, p.lang);
    let numbers = look.register(Register::numbers)?.unwrap_or_default();
    let (total, of) = (numbers.all, |standing| numbers.of(standing));
    let mut needs = Vec::new();
    let mut need = |count: u64, one, many, place| {
        if count > 0 {
            needs.push(Need { words: lang.count(count, one, many), place });
        }
    };
    need(p.reviews, t.need_review_one, t.need_review_many, "/review");
    need(of(Standing::InDoubt), t.need_doubt_one, t.need_doubt_many, "/recipients?standing=in-doubt");
    let lost = of(Standing::Bounced) + of(Standing::Refused);
    need(lost, t.need_address_one, t.need_address_many, "/recipients?standing=lost");
    need(of(Standing::Task), t.need_task_one, t.need_task_many, "/tasks");
    if p.paused().is_some() {
        needs.push(Need { words: t.need_paused.to_owned(), place: "/progress" });
    }
    if look.stands_still()? {
        needs.push(Need { words: t.need_start.to_owned(), place: "/approve" });
    }
    if p.state.is_none() {
        needs.push(Need { words: t.need_approval.to_owned(), place: "/preview" });
    }
    let bar = |word, count, place| Bar {
        word,
        count: lang.number(count),
        percent: percent(count, total),
        wide: extent(count, total, WIDE),
        place,
    };
    let funnel = if total == 0 {
        Vec::new()
    } else {
        vec![
            bar(t.funnel_all, total, "/recipients"),
            bar(t.funnel_accepted, numbers.accepted, "/recipients?standing=went"),
            bar(t.funnel_answered, of(Standing::Replied), "/recipients?standing=replied"),
        ]
    };
    let standings = numbers
        .standings
        .iter()
        .map(|(standing, count)| Stand {
            word: lang.standing(*standing),
            name: standing.name(),
            count: lang.number(*count),
            percent: percent(*count, total),
        })
        .collect();
    let days = days(look, &p)?;
    Ok(Overview { p, needs, funnel, standings, days })
}

fn days(look: &Look, p: &Page) -> Result<Vec<Day>, Trouble> {
    let Some((reader, campaign)) = &look.ledger else { return Ok(Vec::new()) };
    let mut days: BTreeMap<_, DayCount> = BTreeMap::new();
    let day_of = |at: jiff::Timestamp| at.to_zoned_datetime(p.zone.clone()).date();
    let went: Vec<_> = look.register(|register| register.sums().hours().collect())?.unwrap_or_default();
    for (at, count) in went {
        days.entry(day_of(at)).or_default().accepted += count;
    }
    for hour in reader.hours(campaign.id)? {
        let day = days.entry(day_of(hour.at)).or_default();
        match hour.kind {
            Kind::Reply => day.replies += hour.count,
            Kind::Bounce => day.bounces += hour.count,
            _ => {}
        }
    }
    let days = without_holes(&days, DAYS);
    let highest = days.iter().map(|(_, day)| day.accepted + day.replies + day.bounces).max().unwrap_or(0);
    let wide = WIDE / (days.len().max(7) as u64);
    let drawn = days.into_iter().enumerate().map(|(nth, (day, count))| {
        let mut below = HIGH;
        let parts = [count.accepted, count.replies, count.bounces].map(|part| {
            let high = extent(part, highest, HIGH - 6);
            below -= high.min(below);
            (below, high)
        });
        Day {
            word: p.lang.day(day),
            count,
            x: nth as u64 * wide,
            wide: wide.saturating_sub(2).min(48),
            parts,
        }
    });
    Ok(drawn.collect())
}
