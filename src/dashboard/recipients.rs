//! All recipients as a table, and each with its story.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::came::{Came, came};
use super::desk::{Look, Page, Room, Settings, Trouble, Visit, html};
use super::guard::Sent;
use super::register::{Order, Wanted};
use super::view::{Cut, disposition, in_path, words};
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::ledger::Ledger;
use crate::ledger::record::{Campaign, CampaignState, EnrolledRecord, Mark, Settlement, Verdict, Wish};

/// Rows of a page.
const ROWS: usize = 50;

/// Standings that are asked for together.
const GROUPS: [(&str, &[Standing]); 2] = [
    ("lost", &[Standing::Refused, Standing::Bounced]),
    (
        "went",
        &[
            Standing::AwaitingReply,
            Standing::Replied,
            Standing::AutoReplied,
            Standing::OptedOut,
            Standing::Complained,
            Standing::Review,
            Standing::Bounced,
        ],
    ),
];

/// Every standing, in the order of the choice.
const STANDINGS: [Standing; 18] = [
    Standing::Queued,
    Standing::InFlight,
    Standing::AwaitingReply,
    Standing::Replied,
    Standing::AutoReplied,
    Standing::OptedOut,
    Standing::Complained,
    Standing::Review,
    Standing::Refused,
    Standing::Bounced,
    Standing::Expired,
    Standing::InDoubt,
    Standing::Suppressed,
    Standing::Cancelled,
    Standing::Lapsed,
    Standing::Task,
    Standing::Done,
    Standing::OffRoster,
];

/// What the address of the table says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    standing: String,
    sort: String,
    page: String,
}

struct Row {
    key: String,
    name: String,
    organisation: String,
    address: String,
    standing: &'static str,
    class: &'static str,
    latest: String,
}

#[derive(Template)]
#[template(path = "recipients.html")]
struct Table {
    p: Page,
    asked: Asked,
    standings: Vec<(&'static str, &'static str)>,
    orders: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    found: String,
    cut: Cut,
    launched: bool,
}

impl Table {
    fn to_page(&self, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            [("q", &self.asked.q), ("standing", &self.asked.standing), ("sort", &self.asked.sort)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/recipients?{}", query.append_pair("page", &page.to_string()).finish())
    }
}

pub(super) async fn table(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.read(move |look| Ok(html(&listed(look, asked)?))).await
}

/// A colour for a standing: what is well, what waits, what went wrong.
pub(super) fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Replied | Standing::Done => "good",
        Standing::Review | Standing::InDoubt | Standing::Task => "asks",
        Standing::Refused | Standing::Bounced | Standing::Expired | Standing::Complained => "bad",
        _ => "plain",
    }
}

fn listed(look: &Look, asked: Asked) -> Result<Table, Trouble> {
    let p = look.page(Room::Recipients);
    let lang = p.lang;
    let one: Option<Standing> = STANDINGS.into_iter().find(|standing| standing.name() == asked.standing);
    let group = GROUPS.iter().find(|(name, _)| *name == asked.standing).map(|(_, group)| *group);
    let standings: Vec<Standing> = group.map_or_else(|| one.into_iter().collect(), <[_]>::to_vec);
    let words = words(&asked.q);
    let order = Order::named(&asked.sort);
    let found = look.register(|register| {
        let found = register.find(&Wanted { words, standings: &standings, order });
        let cut = Cut::of(found.len(), ROWS, asked.page.parse().unwrap_or(1));
        let row = |entry: &&super::register::Entry| {
            let line = &entry.line;
            let by_hand = line.errand.map(|errand| lang.errand(errand).to_owned());
            Row {
                key: line.key.clone(),
                name: line.name.clone().unwrap_or_default(),
                organisation: line.organisation.clone().unwrap_or_default(),
                address: line.address.clone().or(by_hand).unwrap_or_default(),
                standing: lang.standing(entry.standing),
                class: class(entry.standing),
                latest: entry.latest().map(|at| p.moment(&at)).unwrap_or_default(),
            }
        };
        (found[cut.from..cut.to].iter().map(row).collect::<Vec<_>>(), found.len(), cut)
    })?;
    let launched = found.is_some();
    let (rows, count, cut) = found.unwrap_or_else(|| (Vec::new(), 0, Cut::of(0, ROWS, 1)));
    let orders = Order::ALL.map(|(order, name)| {
        let word = match order {
            Order::Roster => p.t.order_roster,
            Order::Key => p.t.order_key,
            Order::Organisation => p.t.order_organisation,
            Order::Standing => p.t.order_standing,
            Order::Latest => p.t.order_latest,
        };
        (name, word)
    });
    Ok(Table {
        standings: STANDINGS.map(|standing| (standing.name(), lang.standing(standing))).to_vec(),
        orders: orders.to_vec(),
        found: lang.count(count as u64, p.t.recipient_one, p.t.recipient_many),
        asked: Asked { sort: order.name().to_owned(), ..asked },
        rows,
        cut,
        launched,
        p,
    })
}

/// A letter that was, or will be, sent.
struct Sending {
    step: u32,
    state: &'static str,
    in_doubt: bool,
    attempts: u32,
    at: String,
    reply: String,
    message_id: String,
}

struct Happened {
    at: String,
    event: String,
    note: String,
}

#[derive(Template)]
#[template(path = "recipient.html")]
struct Story {
    p: Page,
    key: String,
    name: String,
    organisation: String,
    address: String,
    takes_mail: bool,
    is_task: bool,
    deadline: String,
    on_roster: bool,
    standing: &'static str,
    class: &'static str,
    suppressed: Option<String>,
    sendings: Vec<Sending>,
    came: Vec<Came>,
    history: Vec<Happened>,
}

pub(super) async fn story(visit: Visit, Path(key): Path<String>) -> Response {
    visit.read(move |look| Ok(html(&told(look, &key)?))).await
}

fn told(look: &Look, key: &str) -> Result<Story, Trouble> {
    let p = look.page(Room::Recipients);
    let Some((reader, campaign)) = &look.ledger else { return Err(Trouble::Nobody) };
    let story = reader.story(campaign.id, key)?.ok_or(Trouble::Nobody)?;
    let record = story.recipient;
    let recipient = &record.recipient;
    let suppressed = match recipient.address() {
        Some(address) => reader.suppressed(address)?,
        None => None,
    };
    let state = record.deliveries.last().map_or(State::Queued, |delivery| delivery.state);
    // The register has it already, and with it all that came back from colleagues.
    let standing = look.register(|register| register.standing(key))?.flatten().unwrap_or(Standing::Queued);
    let sendings = record.deliveries.iter().rev().map(|delivery| Sending {
        step: delivery.step,
        state: p.lang.state(delivery.state),
        in_doubt: delivery.state == State::InDoubt,
        attempts: delivery.attempts,
        at: delivery.ended_at.map(|at| p.moment(&at)).unwrap_or_default(),
        reply: delivery
            .last
            .as_ref()
            .and_then(|event| event.reply.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default(),
        message_id: delivery.wire_id.clone().unwrap_or_else(|| delivery.message_id.clone()),
    });
    let sendings = if recipient.errand().is_some() { Vec::new() } else { sendings.collect() };
    let mut inbound = reader.came_from(campaign.id, key)?;
    inbound.reverse();
    let came = inbound.iter().map(|record| came(&look.desk, &p, record)).collect();
    let history = story.events.iter().rev().map(|event| Happened {
        at: p.moment(&event.at),
        event: p.lang.event(&event.event).to_owned(),
        note: event.said().unwrap_or_default(),
    });
    Ok(Story {
        key: recipient.key.clone(),
        name: recipient.name.clone().unwrap_or_default(),
        organisation: recipient.organisation.clone().unwrap_or_default(),
        address: recipient.address().map(ToString::to_string).unwrap_or_else(|| {
            recipient.errand().map(|errand| p.lang.errand(errand).to_owned()).unwrap_or_default()
        }),
        takes_mail: recipient.errand().is_none(),
        is_task: state == State::Task,
        deadline: recipient.deadline.map(|day| p.lang.day(day)).unwrap_or_default(),
        on_roster: record.on_roster,
        standing: p.lang.standing(standing),
        class: class(standing),
        suppressed,
        sendings,
        came,
        history: history.collect(),
        p,
    })
}

/// The address of somebody's story.
pub(super) fn place(key: &str) -> String {
    format!("/recipients/{}", in_path(key))
}

/// Takes a word on somebody.
pub(super) async fn mark(visit: Visit, Path(key): Path<String>, sent: Sent) -> Response {
    let mark = match sent.get("word") {
        Some("reply") => Mark::Came(Verdict::Reply),
        Some("opted-out") => Mark::Came(Verdict::OptedOut),
        Some("bounced") => Mark::Came(Verdict::Bounced),
        Some("wrong-address") => Mark::Came(Verdict::WrongAddress),
        Some("open") => Mark::Open,
        Some("done") => Mark::Done,
        Some("note") if sent.get("note").is_some() => Mark::Note,
        _ => return visit.trouble(Trouble::NotFound),
    };
    let campaign = visit.desk.settings.campaign.clone();
    let note = sent.get("note").map(str::to_owned);
    let place = if sent.get("back") == Some("tasks") { "/tasks".to_owned() } else { place(&key) };
    visit.wish(Wish::Mark { campaign, key, step: None, mark, note }, place, "marked").await
}

/// Says what became of a letter in doubt.
pub(super) async fn settle(visit: Visit, Path(key): Path<String>, sent: Sent) -> Response {
    let settlement = match sent.get("word") {
        Some("accepted") => Settlement::Accepted,
        Some("again") => Settlement::Again,
        _ => return visit.trouble(Trouble::NotFound),
    };
    let Some(step) = sent.get("step").and_then(|step| step.parse().ok()) else {
        return visit.trouble(Trouble::NotFound);
    };
    let campaign = visit.desk.settings.campaign.clone();
    let note = sent.get("note").unwrap_or("on the page").to_owned();
    let place = place(&key);
    visit.wish(Wish::Settle { campaign, key, step, settlement, note }, place, "marked").await
}

/// Returns the campaign and what it has of somebody.
fn enrolled(settings: &Settings, key: &str) -> Result<(Campaign, EnrolledRecord), Trouble> {
    let reader = Ledger::read(&settings.ledger)?.ok_or(Trouble::Nobody)?;
    let campaign = reader.campaign(&settings.campaign)?.ok_or(Trouble::Nobody)?;
    let found = reader.enrolled(campaign.id, key)?.ok_or(Trouble::Nobody)?;
    Ok((campaign, found))
}

/// Changes somebody's address in the roster, and says so in the history. The letter goes anew with the next start, if at all.
pub(super) async fn correct(visit: Visit, Path(key): Path<String>, sent: Sent) -> Response {
    let texts = visit.lang.texts();
    let Some(address) = sent.get("address").map(str::to_owned) else {
        return visit.trouble(Trouble::NotFound);
    };
    let place = place(&key);
    visit
        .change(place, "corrected", move |desk| {
            let settings = &desk.settings;
            let (campaign, enrolled) = enrolled(settings, &key)?;
            // Whoever sends has the old plan, and would write to the old address in the meantime.
            let may_go = matches!(enrolled.state, State::Queued | State::InFlight);
            if may_go && matches!(campaign.state, CampaignState::Running) {
                return Err(Trouble::Refused(texts.correct_pause_first.to_owned()));
            }
            let before = (settings.sources.correct)(&key, &address).map_err(Trouble::Refused)?;
            let note = Some(format!("in the roster, {before} became {address}"));
            let campaign = settings.campaign.clone();
            let wish = Wish::Mark { campaign, key, step: None, mark: Mark::Note, note };
            Ledger::wish(&settings.ledger, &wish, settings.clock.now())
                .map_err(|error| Trouble::Half(format!("{} ({error})", texts.correct_without_note)))?;
            Ok(())
        })
        .await
}

/// Puts somebody's address onto the suppression list.
pub(super) async fn suppress(visit: Visit, Path(key): Path<String>, sent: Sent) -> Response {
    let reason = sent.get("reason").unwrap_or("on the page").to_owned();
    let place = place(&key);
    visit
        .change(place, "suppressed", move |desk| {
            let settings = &desk.settings;
            let (_, found) = enrolled(settings, &key)?;
            let address = found.recipient.address().ok_or(Trouble::Nobody)?.to_string();
            let wish = Wish::Suppress { what: address, reason };
            Ledger::wish(&settings.ledger, &wish, settings.clock.now())?;
            Ok(())
        })
        .await
}

/// Hands an attachment of a stranger out as a file to save, never as something to show.
pub(super) async fn attachment(
    visit: Visit,
    Path((key, number, nth)): Path<(String, i64, usize)>,
) -> Response {
    visit
        .read(move |look| {
            let Some((reader, campaign)) = &look.ledger else { return Err(Trouble::NotFound) };
            let came = reader.came_from(campaign.id, &key)?;
            let record = came.iter().find(|record| record.id.0 == number).ok_or(Trouble::NotFound)?;
            let kept = record.kept.as_deref().ok_or(Trouble::NotFound)?;
            let files = (look.desk.settings.sources.kept_files)(kept);
            let path = files.get(nth).ok_or(Trouble::NotFound)?;
            let bytes = std::fs::read(path).map_err(|_| Trouble::NotFound)?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let disposition = disposition("attachment", &name);
            let head = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CONTENT_DISPOSITION, disposition.as_str()),
                (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
            ];
            Ok((head, bytes).into_response())
        })
        .await
}
