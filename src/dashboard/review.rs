//! What came back and is not certain: one by one, with the evidence, one key for each verdict.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::came::{Came, came};
use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use crate::ledger::record::{InboundId, Judgement, Verdict, Wish};

/// The verdicts with their keys and their names in the form.
const VERDICTS: [(char, &str, Verdict); 8] = [
    ('a', "reply", Verdict::Reply),
    ('m', "auto-reply", Verdict::AutoReply),
    ('b', "bounced", Verdict::Bounced),
    ('w', "wrong-address", Verdict::WrongAddress),
    ('g', "send-again", Verdict::SendAgain),
    ('o', "opted-out", Verdict::OptedOut),
    ('c', "complaint", Verdict::Complaint),
    ('n', "nothing", Verdict::Nothing),
];

/// Others that wait.
struct Waiting {
    number: i64,
    key: String,
    words: String,
}

/// A choice: key, name in the form, word.
struct Choice {
    key: char,
    name: &'static str,
    word: &'static str,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Desk {
    p: Page,
    shown: Option<Came>,
    nth: usize,
    count: usize,
    after: Option<i64>,
    choices: Vec<Choice>,
    waiting: Vec<Waiting>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    number: Option<i64>,
}

pub(super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.read(move |look| Ok(html(&open(look, asked.number)?))).await
}

fn open(look: &Look, number: Option<i64>) -> Result<Desk, Trouble> {
    let p = look.page(Room::Review);
    let open = match &look.ledger {
        Some((reader, campaign)) => reader.open_reviews(campaign.id)?,
        None => Vec::new(),
    };
    let at = open.iter().position(|record| Some(record.id.0) == number).unwrap_or(0);
    let shown = open.get(at).map(|record| came(&look.desk, &p, record));
    let after = open.get((at + 1) % open.len().max(1)).map(|record| record.id.0);
    let waiting = open.iter().enumerate().filter(|(nth, _)| *nth != at).take(30).map(|(_, record)| Waiting {
        number: record.id.0,
        key: record.key.clone(),
        words: format!("{}, {}", p.lang.kind(record.kind), p.moment(&record.at)),
    });
    let choices = VERDICTS.map(|(key, name, verdict)| Choice { key, name, word: p.lang.verdict(verdict) });
    Ok(Desk {
        shown,
        nth: at + 1,
        count: open.len(),
        after: after.filter(|_| open.len() > 1),
        choices: choices.into_iter().collect(),
        waiting: waiting.collect(),
        p,
    })
}

pub(super) async fn judge(visit: Visit, Path(number): Path<i64>, sent: Sent) -> Response {
    let word = sent.get("verdict");
    let verdict = match word {
        Some("away") => sent.get("until").and_then(|day| day.parse().ok()).map(Verdict::Away),
        _ => VERDICTS.iter().find(|(_, name, _)| Some(*name) == word).map(|(_, _, verdict)| *verdict),
    };
    let Some(verdict) = verdict else {
        return visit.trouble(Trouble::Refused(visit.lang.texts().away_day.to_owned()));
    };
    let judgement = Judgement {
        verdict,
        key: sent.get("key").map(str::to_owned),
        note: sent.get("note").map(str::to_owned),
    };
    let campaign = visit.desk.settings.campaign.clone();
    let place = match sent.get("after").and_then(|after| after.parse::<i64>().ok()) {
        Some(after) => format!("/review?number={after}"),
        None => "/review".to_owned(),
    };
    visit.wish(Wish::Judge { campaign, inbound: InboundId(number), judgement }, place, "judged").await
}
