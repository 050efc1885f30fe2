//! The sending, as it goes: the same numbers again and again, sent to the page whenever they change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};

use super::desk::{Desk, Look, Page, Room, Trouble, Visit, html};
use super::texts::Lang;
use super::view::extent;
use crate::delivery::state::State as Stands;
use crate::ledger::Ledger;
use crate::ledger::record::{CampaignState, Counts};

/// How often the ledger is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A line of the numbers.
struct Line {
    word: &'static str,
    count: String,
}

/// The last things that happened.
struct Recent {
    at: String,
    key: String,
    event: String,
    note: String,
}

#[derive(Template)]
#[template(path = "numbers.html")]
struct Numbers {
    t: &'static super::texts::Texts,
    state: String,
    why: Option<String>,
    gone: String,
    whole: String,
    wide: u64,
    lines: Vec<Line>,
    recent: Vec<Recent>,
}

#[derive(Template)]
#[template(path = "progress.html")]
struct Progress {
    p: Page,
    numbers: Numbers,
    running: bool,
    paused: bool,
}

pub(super) async fn show(visit: Visit) -> Response {
    visit.read(|look| Ok(html(&progress(look)?))).await
}

fn progress(look: &Look) -> Result<Progress, Trouble> {
    let p = look.page(Room::Progress);
    let numbers = numbers(&look.desk, p.lang)?;
    Ok(Progress {
        running: matches!(p.state, Some(CampaignState::Running)),
        paused: matches!(p.state, Some(CampaignState::Paused { .. })),
        numbers,
        p,
    })
}

fn numbers(desk: &Desk, lang: Lang) -> Result<Numbers, Trouble> {
    let settings = &desk.settings;
    let t = lang.texts();
    let (mut state, mut why) = (t.not_launched.to_owned(), None);
    let (mut counts, mut recent) = (Counts::default(), Vec::new());
    if let Some(reader) = Ledger::read(&settings.ledger)?
        && let Some(campaign) = reader.campaign(&settings.campaign)?
    {
        state = lang.campaign(&campaign.state).to_owned();
        if let CampaignState::Paused { why: said, .. } = &campaign.state {
            why = Some(said.clone());
        }
        counts = desk.register(&reader, &campaign, |register| register.sums().counts)?;
        // That a letter was taken in hand is no event, so the register does not hear of it.
        let open = counts.queued + counts.in_flight;
        counts.in_flight = reader.in_flight(campaign.id)?.min(open);
        counts.queued = open - counts.in_flight;
        let newest = reader.newest_event()?;
        let last = reader.events_after(newest - 12, 12)?;
        let of_ours = last.into_iter().rev().filter(|event| event.campaign == settings.campaign);
        recent = of_ours
            .map(|event| Recent {
                at: lang.moment(event.at, &settings.zone),
                key: event.key.clone().unwrap_or_default(),
                event: lang.event(&event.event).to_owned(),
                note: event.said().unwrap_or_default(),
            })
            .collect();
    }
    let open = counts.queued.saturating_sub(counts.off_roster) + counts.in_flight;
    let gone = counts.accepted + counts.bounced + counts.refused + counts.expired + counts.in_doubt;
    let whole = open + gone;
    let lines = Stands::ALL.iter().filter(|state| counts.of(**state) > 0);
    let lines = lines.map(|state| Line { word: lang.state(*state), count: lang.number(counts.of(*state)) });
    Ok(Numbers {
        t,
        state,
        why,
        gone: lang.number(gone),
        whole: lang.number(whole),
        wide: extent(gone, whole, 640),
        lines: lines.collect(),
        recent,
    })
}

/// What the stream remembers between two looks.
struct Watching {
    desk: Arc<Desk>,
    lang: Lang,
    told: String,
}

/// Sends the numbers whenever they have changed, until the page is left or closed.
pub(super) async fn live(
    State(desk): State<Arc<Desk>>,
    visit: Visit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let watching = Watching { desk, lang: visit.lang, told: String::new() };
    let stream = stream::unfold(watching, |mut watching| async move {
        loop {
            let (desk, lang) = (Arc::clone(&watching.desk), watching.lang);
            let mut ending = desk.ending.clone();
            if *ending.borrow() {
                return None;
            }
            let looked = tokio::task::spawn_blocking(move || {
                numbers(&desk, lang).ok().and_then(|numbers| numbers.render().ok())
            });
            if let Ok(Some(text)) = looked.await
                && text != watching.told
            {
                watching.told.clone_from(&text);
                return Some((Ok(Event::default().event("numbers").data(text.replace('\n', " "))), watching));
            }
            let clock = watching.desk.settings.clock.clone();
            tokio::select! {
                () = clock.sleep(LOOK) => {}
                _ = ending.changed() => return None,
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
